//! The proof that a rescaling in floats gives upstream's output for every sum that can occur.
//!
//! Upstream's function of a sum steps from one output to the next at 255 sums at most, and so does that of floats. Both grow with the
//! sum: they are equal if they step at the same sums. Where upstream steps is a quotient, and what its division leaves over says how far the
//! sum is from where it would not step. Where that is more than floats can be wrong by, nothing is left to show. For the few other steps
//! both functions are computed on either side.

use core::array::from_fn;

use crate::math::quantization::{Multiplier, OutputStage, power_of_two};
use crate::simd::requantise::Channel;
use crate::simd::vector::{I32x4, MAGIC, MAGIC_BITS};

/// A channel's rescaling in floats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Form {
    /// Taken from each sum beforehand (through the bias), so that floats near the middle of the outputs are small.
    pub centre: i32,
    /// The output there, without the zero point.
    pub middle: i32,
    /// The factor of what is left of a sum.
    pub scale: f32,
    /// Added then: to what sums from the centre on give, and to what others give.
    pub nudge: f32,
    /// The latter.
    pub nudge_below: f32,
}

/// A step of upstream's function: the least sum that gives this output, without the zero point.
#[derive(Clone, Copy, Default)]
struct Threshold {
    sum: i32,
    output: i32,
}

/// Values of an int8.
const OUTPUTS: usize = 256;

/// Some steps, in order.
pub struct Thresholds {
    all: [Threshold; OUTPUTS],
    count: usize,
}

impl Thresholds {
    /// None yet.
    pub fn new() -> Self {
        Self { all: [Threshold::default(); OUTPUTS], count: 0 }
    }

    fn as_slice(&self) -> &[Threshold] {
        self.all.get(..self.count).unwrap_or(&self.all)
    }

    fn push(&mut self, threshold: Threshold) {
        if let Some(slot) = self.all.get_mut(self.count) {
            *slot = threshold;
        }
        self.count += 1;
    }
}

/// All steps of upstream's function within reach: the least sum whose product with the mantissa of the multiplier is the numerator of
/// an output, or more.
#[derive(Clone, Copy)]
struct Steps {
    multiplier: Multiplier,
    first: i32,
    last: i32,
}

/// The least shift: numerators are of 62 bits then.
const LEAST_SHIFT: i32 = -22;

impl Steps {
    /// Without a value where the function is not sure to grow with the sum, or is too flat.
    fn new(channel: &Channel, stage: OutputStage) -> Option<Self> {
        let Channel { reach, multiplier } = *channel;
        let left = multiplier.shift.max(0);
        let within = |sum: i64| i32::try_from(sum).is_ok() && i32::try_from(sum << left).is_ok();
        if multiplier.multiplier <= 0 || !(LEAST_SHIFT..=30).contains(&multiplier.shift) || !within(reach.0) || !within(reach.1) {
            return None;
        }
        let first = multiplier.apply_once(reach.0 as i32).max(stage.low - stage.zero_point) + 1;
        let last = multiplier.apply_once(reach.1 as i32).min(stage.high - stage.zero_point);
        Some(Self { multiplier, first, last })
    }

    #[cfg(test)]
    fn all(&self) -> Thresholds {
        let mut found = Thresholds::new();
        (self.first..=self.last).for_each(|output| found.push(self.threshold(output)));
        found
    }

    /// Upstream rounds a product at its bit 31, and what is left at the bit of the output, halves away from zero: in one step that is a
    /// little more than a half for sums from 0 on, and a little less below. With a shift to the left it rounds once.
    fn numerator(&self, output: i32) -> i64 {
        let half = (2 * i64::from(output) - 1) << (30 - self.multiplier.shift);
        let more = if self.multiplier.shift < 0 { 1 << 30 } else { 0 };
        if output > 0 { half - more } else { half + more }
    }

    /// The mantissa: it is above 0.
    fn divisor(&self) -> i64 {
        self.multiplier.multiplier.max(1).into()
    }

    /// By how much the product at a step is more than the numerator.
    fn residue(&self, output: i32) -> i32 {
        (-self.numerator(output)).rem_euclid(self.divisor()) as i32
    }

    fn threshold(&self, output: i32) -> Threshold {
        let numerator = self.numerator(output);
        let sum = (numerator + i64::from(self.residue(output))) / self.divisor();
        Threshold { sum: sum as i32, output }
    }

    /// The factor of the sums.
    fn factor(&self) -> f64 {
        f64::from(self.multiplier.multiplier) * power_of_two(self.multiplier.shift - 31)
    }

    /// How much more than an output and a half the numerators of outputs above 0 are, and those of others less.
    fn bias(&self) -> f64 {
        if self.multiplier.shift < 0 { power_of_two(self.multiplier.shift - 1) } else { 0.0 }
    }
}

/// What the nearest float to a number is wrong by at most, as a part of it.
const ROUNDING: f64 = 1.0 / (1 << 24) as f64;

/// Outputs that are looked at together, with one bound for all.
const TOGETHER: i32 = 32;

/// The search for a form of a channel.
struct Search<'a> {
    channel: Channel,
    stage: OutputStage,
    steps: Steps,
    /// What all forms that are tried have in common.
    centre: i32,
    middle: i32,
    signed: bool,
    /// The nudges in the middle of those that are right, from the centre on and below.
    nominal: [f64; 2],
    /// How far a scale may be from upstream's factor, as a part of it, and a nudge from the nominal one.
    off: f64,
    slack: f64,
    /// The steps that such forms could miss.
    close: &'a mut Thresholds,
}

/// A form that gives the same output as upstream for every sum within reach. `room` is overwritten.
pub fn prove(channel: &Channel, stage: OutputStage, room: &mut Thresholds) -> Option<Form> {
    let ends = channel.ends()?;
    if let Some(output) = constant(channel, ends, stage) {
        return Some(Form { centre: 0, middle: output - stage.zero_point, scale: 0.0, nudge: 0.0, nudge_below: 0.0 });
    }
    let mut search = Search::new(channel, stage, room)?;
    // The nearest scale mostly does. Others are farther from upstream's, but round otherwise, and so do other centres.
    search.find(&[0], 0.5).or_else(|| {
        let asides = if search.signed { &[0][..] } else { &[0, 5, -9, 14] };
        asides.iter().find_map(|aside| {
            search.centre_at((search.steps.first + search.steps.last) / 2 + aside);
            search.find(&[0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6], 1.0)
        })
    })
}

/// The output, where all inputs give the same.
fn constant(channel: &Channel, ends: [i32; 2], stage: OutputStage) -> Option<i32> {
    // A shift to the left may wrap: upstream's function does not grow then.
    let [least, greatest] = ends.map(|sum| stage.finish(channel.multiplier.apply_once(sum)));
    (channel.multiplier.shift <= 0 && least == greatest).then_some(least)
}

impl<'a> Search<'a> {
    /// With the outputs' middle as centre, one nudge serves all sums where upstream rounds none below 0, or no others.
    fn new(channel: &Channel, stage: OutputStage, close: &'a mut Thresholds) -> Option<Self> {
        // Sums that could overflow wrap as upstream's do: they do not grow.
        if channel.reach.0 < -(1 << 30) || channel.reach.1 >= 1 << 30 {
            return None;
        }
        let steps = Steps::new(channel, stage)?;
        let signed = steps.bias() > 0.0 && steps.first <= 0 && steps.last > 0;
        let mut search =
            Self { channel: *channel, stage, steps, centre: 0, middle: 0, signed, nominal: [0.0; 2], off: 0.0, slack: 0.0, close };
        search.centre_at((steps.first + steps.last) / 2);
        Some(search)
    }

    /// Takes the sum for about this output as the centre, unless there are two nudges: these need 0.
    fn centre_at(&mut self, middle: i32) {
        let Self { steps, signed, .. } = *self;
        let (factor, bias) = (steps.factor(), steps.bias());
        let middle = if signed { 0 } else { middle };
        let centre = (f64::from(middle) / factor + 0.5).floor();
        let nominal = centre * factor - f64::from(middle);
        let (above, below) = (nominal + bias, nominal - bias);
        self.nominal = if signed { [above, below] } else { [if steps.last > 0 { above } else { below }; 2] };
        (self.centre, self.middle) = (centre as i32, middle);
    }

    /// Tries the scales that are so many floats from the nearest, and nudges as near to the nominal ones as a share of the error.
    fn find(&mut self, scales: &[i32], share: f64) -> Option<Form> {
        let nearest = self.steps.factor() as f32;
        self.look(scales.iter().copied().max().unwrap_or_default(), share);
        scales.iter().find_map(|more| {
            let scale = f32::from_bits(nearest.to_bits().wrapping_add_signed(*more));
            let form = Form { centre: self.centre, middle: self.middle, scale, nudge: 0.0, nudge_below: 0.0 };
            let form = form.nudged(self.close.as_slice(), self.signed, self.nominal, self.slack);
            self.is_proved(&form).then_some(form)
        })
    }

    /// Finds the steps that scales could miss that are at most so many floats from the nearest.
    fn look(&mut self, farthest: i32, share: f64) {
        let Self { steps, middle, .. } = *self;
        let factor = steps.factor();
        self.off = (f64::from(factor as f32) / factor - 1.0).abs() + 2.0 * ROUNDING * f64::from(farthest);
        self.slack = share * self.error((steps.first - middle).abs().max((steps.last - middle).abs()));
        self.close.count = 0;
        self.add_close(steps.first, steps.last.min(-1));
        // Its sums may be on both sides of 0.
        if steps.first <= 0 && steps.last >= 0 {
            self.close.push(steps.threshold(0));
        }
        self.add_close(steps.first.max(1), steps.last);
    }

    /// Whether a form gives upstream's output for every sum within reach.
    fn is_proved(&self, form: &Form) -> bool {
        let is_near = |(nudge, nominal): (f32, f64)| (f64::from(nudge) - nominal).abs() <= self.slack;
        let thresholds = self.close.as_slice();
        let steps = |threshold: &Threshold| {
            form.output(threshold.sum) >= threshold.output && form.output(threshold.sum - 1) < threshold.output
        };
        let Self { centre, middle, .. } = *self;
        let grows = form.scale > 0.0 && form.output(centre - 1) <= form.output(centre);
        let agrees = |sum: i32| form.agrees(sum, self.channel.multiplier, self.stage);
        (form.centre, form.middle) == (centre, middle)
            && (f64::from(form.scale) / self.steps.factor() - 1.0).abs() <= self.off
            && [form.nudge, form.nudge_below].into_iter().zip(self.nominal).all(is_near)
            && form.nudge.abs() < 2.0
            && form.nudge_below.abs() < 2.0
            && grows
            && thresholds.iter().all(steps)
            && self.channel.ends().is_some_and(|ends| ends.into_iter().all(agrees))
    }

    /// The most that a form is wrong by at outputs so far from the middle: the difference of a sum from the centre may be rounded, its
    /// product with the scale and the sum with the nudge are.
    fn error(&self, far: i32) -> f64 {
        let factor = self.steps.factor();
        // Beside the output a half and the bias, the sum before and the centre's rounding, and the nudge.
        let scaled = f64::from(far) + 3.0 + 2.0 * factor;
        let roundings = if scaled * ROUNDING > factor { 3.01 } else { 2.01 };
        scaled * (self.off + roundings * ROUNDING)
    }

    /// Adds the steps to these outputs that could be missed. They are all above 0, or none.
    #[inline(never)]
    fn add_close(&mut self, first: i32, last: i32) {
        if first > last {
            return;
        }
        let Self { steps, middle, .. } = *self;
        let (divisor, shift) = (steps.divisor() as i32, steps.multiplier.shift);
        // From one vector of residues to the next; less the divisor, so that nothing overflows.
        let step = (-(4i64 << (31 - shift))).rem_euclid(steps.divisor()) as i32 - divisor;
        let (step, divisors) = (I32x4::splat(step), I32x4::splat(divisor));
        let mut residues = I32x4::new(&from_fn(|lane| steps.residue(first + lane as i32)));
        let mut output = first;
        while output <= last {
            let to = last.min(output + TOGETHER - 1);
            let error = self.error((output - middle).abs().max((to - middle).abs())) + self.slack;
            // A residue is a part of an output.
            let least = ((error * power_of_two(31 - shift)) as i64 + 1).min(divisor.into()) as i32;
            let (below, above) = (I32x4::splat(least - 1), I32x4::splat(divisor - least + 1));
            while output <= to {
                let far = below.minus(residues).and(residues.minus(above)).signs();
                if far != 0b1111 {
                    let outputs = (0..4).filter(|lane| far >> lane & 1 == 0).map(|lane| output + lane);
                    outputs.filter(|output| *output <= to).for_each(|output| self.close.push(steps.threshold(output)));
                }
                let next = residues.plus(step);
                residues = next.plus(divisors.and(next.shifted_down(31)));
                output += 4;
            }
        }
    }
}

impl Form {
    /// The output for a sum, without the zero point and not clamped; `sum` is as it was before the centre was taken.
    fn output(&self, sum: i32) -> i32 {
        let sum = sum.wrapping_sub(self.centre);
        let nudge = if sum < 0 { self.nudge_below } else { self.nudge };
        let bits = (sum as f32 * self.scale + nudge + MAGIC).to_bits() as i32;
        bits.wrapping_sub(MAGIC_BITS).wrapping_add(self.middle)
    }

    /// With nudges in the middle of what the steps leave of the neighbourhood of the nominal ones.
    fn nudged(mut self, thresholds: &[Threshold], signed: bool, nominal: [f64; 2], slack: f64) -> Self {
        let [mut above, mut below] = nominal.map(|nudge| (nudge - slack, nudge + slack));
        for threshold in thresholds {
            // What a nudge is at least, by the sum that gives the output, and below, by the sum before it.
            let room = |sum: i32| {
                let scaled = f64::from(sum.wrapping_sub(self.centre) as f32 * self.scale);
                f64::from(threshold.output - self.middle) - 0.5 - scaled
            };
            let least = if signed && threshold.sum < 0 { &mut below.0 } else { &mut above.0 };
            *least = least.max(room(threshold.sum));
            let most = if signed && threshold.sum <= 0 { &mut below.1 } else { &mut above.1 };
            *most = most.min(room(threshold.sum - 1));
        }
        let middle = |(least, most): (f64, f64)| ((least + most) / 2.0) as f32;
        self.nudge = middle(above);
        self.nudge_below = if signed { middle(below) } else { self.nudge };
        self
    }

    /// Whether it gives upstream's output for this sum, clamped, and small enough for 16 bits.
    fn agrees(&self, sum: i32, multiplier: Multiplier, stage: OutputStage) -> bool {
        let small = (sum.wrapping_sub(self.centre) as f32 * self.scale).abs() < (1 << 14) as f32;
        small && stage.finish(self.output(sum)) == stage.finish(multiplier.apply_once(sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    fn channel(random: &mut Random) -> Channel {
        let factor = 2f64.powi(-(random.below(14) as i32)) * (0.5 + random.below(1 << 20) as f64 / (1 << 21) as f64);
        let bits = 2 + random.below(18);
        let span = 1 + random.below(1 << bits) as i64;
        let middle = random.below(2 * span as usize) as i64 - span;
        Channel { reach: (middle - span, middle + span), multiplier: Multiplier::new(factor).unwrap() }
    }

    fn stage(random: &mut Random) -> OutputStage {
        let (one, other) = (random.zero_point(), random.zero_point());
        let zero_point = random.zero_point();
        match random.below(3) {
            0 => OutputStage { zero_point, low: zero_point, high: 127 },
            1 => OutputStage { zero_point, low: one.min(other), high: one.max(other) },
            _ => OutputStage { zero_point, low: -128, high: 127 },
        }
    }

    #[test]
    fn a_proved_form_gives_upstreams_output_for_every_sum_within_reach() {
        let mut random = Random::new(11);
        let (mut proved, tried) = (0, 300);
        for _ in 0..tried {
            let (channel, stage) = (channel(&mut random), stage(&mut random));
            let Some(form) = prove(&channel, stage, &mut Thresholds::new()) else { continue };
            proved += 1;
            for sum in channel.reach.0 as i32..=channel.reach.1 as i32 {
                let expected = stage.finish(channel.multiplier.apply(sum));
                assert_eq!(stage.finish(form.output(sum)), expected, "{sum} of {channel:?} {stage:?} {form:?}");
            }
        }
        assert!(proved * 10 > tried * 9, "{proved} of {tried}");
    }

    #[test]
    fn a_form_with_another_scale_or_nudge_is_refused_where_it_differs() {
        let mut random = Random::new(12);
        let (mut refused, mut accepted) = (0, 0);
        for _ in 0..300 {
            let (channel, stage) = (channel(&mut random), stage(&mut random));
            let mut room = Thresholds::new();
            let Some(mut search) = Search::new(&channel, stage, &mut room) else { continue };
            let (scales, share) = [(&[0][..], 0.5), (&[0, 6, -6], 1.0), (&[0, 40], 3.0)][random.below(3)];
            let Some(form) = search.find(scales, share) else { continue };
            let any = |random: &mut Random, most: f64| most * (random.below(2001) as f64 - 1000.0) / 1000.0;
            let mut wrong = vec![
                Form { scale: form.scale * 1.01, ..form },
                Form { nudge: form.nudge + 0.3, nudge_below: form.nudge_below + 0.3, ..form },
                Form { middle: form.middle + 1, ..form },
                Form { centre: form.centre + 1, ..form },
            ];
            for _ in 0..30 {
                // As far as a form can be that is accepted, and a little farther.
                let mut nudge = |nudge: f32| nudge + any(&mut random, 1.2 * search.slack) as f32;
                let (nudge, nudge_below) = (nudge(form.nudge), nudge(form.nudge_below));
                let scale = form.scale * (1.0 + any(&mut random, 1.2 * search.off) as f32);
                let nudge_below = if search.signed { nudge_below } else { nudge };
                wrong.push(Form { scale, nudge, nudge_below, ..form });
            }
            let [least, greatest] = channel.ends().unwrap();
            for wrong in wrong {
                let equal = |sum: i32| stage.finish(wrong.output(sum)) == stage.finish(channel.multiplier.apply(sum));
                if search.is_proved(&wrong) {
                    accepted += 1;
                    assert!((least..=greatest).all(equal), "{channel:?} {stage:?} {wrong:?}");
                } else {
                    refused += 1;
                }
            }
        }
        assert!(refused > 1000 && accepted > 1000, "{refused} {accepted}");
    }

    #[test]
    fn steps_are_where_upstreams_function_steps() {
        let mut random = Random::new(13);
        let mut found = 0;
        for _ in 0..2000 {
            let (mut channel, stage) = (channel(&mut random), stage(&mut random));
            // Shifts to the left too.
            channel.multiplier.shift += [0, 0, 3][random.below(3)];
            let Some(steps) = Steps::new(&channel, stage) else { continue };
            for Threshold { sum, output } in steps.all().as_slice().iter().copied() {
                found += 1;
                assert!(channel.multiplier.apply(sum) >= output, "{sum} {output} {channel:?}");
                assert!(channel.multiplier.apply(sum - 1) < output, "{sum} {output} {channel:?}");
            }
        }
        assert!(found > 10_000, "{found}");
    }

    #[test]
    fn steps_that_are_not_close_are_as_far_as_they_are_said_to_be() {
        let mut random = Random::new(14);
        let mut left_out = 0;
        for _ in 0..300 {
            let (channel, stage) = (channel(&mut random), stage(&mut random));
            let mut room = Thresholds::new();
            let Some(mut search) = Search::new(&channel, stage, &mut room) else { continue };
            search.look(random.below(7) as i32, 0.5);
            let factor = search.steps.factor();
            for threshold in search.steps.all().as_slice() {
                if search.close.as_slice().iter().any(|close| close.output == threshold.output) {
                    continue;
                }
                left_out += 1;
                let scaled = |sum: i32| f64::from(sum - search.centre) * factor - f64::from(threshold.output - search.middle) + 0.5;
                let nudge = search.nominal[usize::from(threshold.output <= 0)];
                let error = search.error((threshold.output - search.middle).abs()) + search.slack;
                assert!(scaled(threshold.sum) + nudge > error, "{channel:?} {}", threshold.output);
                assert!(scaled(threshold.sum - 1) + nudge < -error, "{channel:?} {}", threshold.output);
            }
        }
        assert!(left_out > 10_000, "{left_out}");
    }
}
