//! From sums to int8 in floats, proved equal to upstream's integers for every sum that can occur.
//!
//! Upstream rescales an int32 sum by a fixed-point multiplier and rounds twice. In floats the same is one
//! multiplication, two additions and no shift: nearest(sum * scale + nudge). Both functions grow with the sum, so they
//! are equal everywhere if they step from one output to the next at the same sums, of which there are 255 at most.
//! [`prove`] finds a scale and a nudge for which they do, or says that it knows none; then integers serve its group.

use crate::error::Result;
use crate::math::quantization::{Multiplier, OutputStage};
use crate::memory::gather;
use crate::simd::exact::Exact;
use crate::simd::vector::{Bounds, F32x4, I32x4, MAGIC, MAGIC_BITS};

/// Sums of eight channels of a pixel.
pub type Sums = [I32x4; 2];

/// Output channels rescaled together.
pub const LANES: usize = 8;

/// How the sums of a layer become outputs, by eight channels. A last group may have fewer.
pub struct Requantise {
    groups: Vec<Group>,
    stage: OutputStage,
    bounds: Bounds,
}

/// What a layer knows of a channel.
#[derive(Clone, Copy, Debug)]
pub struct Channel {
    /// The least and the greatest sum that any input can give, bias included.
    pub reach: (i64, i64),
    /// The factor of its outputs.
    pub multiplier: Multiplier,
}

enum Group {
    Floats(Floats),
    Exact(Exact),
    /// As upstream does it.
    Plain([Multiplier; LANES]),
}

/// What was proved for all eight channels.
#[derive(Clone, Copy)]
struct Floats {
    scale: [[f32; 4]; 2],
    /// Added to what sums from 0 on give, and to what others give.
    nudge: [[f32; 4]; 2],
    nudge_below: [[f32; 4]; 2],
    /// From the bits of a float to an output.
    offset: [[i32; 4]; 2],
    /// Whether the two nudges differ anywhere.
    signed: bool,
}

/// A channel's rescaling in floats.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Form {
    /// Taken from each sum beforehand (through the bias), so that floats near the middle of the outputs are small.
    centre: i32,
    /// The output there, without the zero point.
    middle: i32,
    scale: f32,
    nudge: f32,
    nudge_below: f32,
}

impl Channel {
    /// Fills up a group.
    pub const NONE: Self = Self { reach: (0, 0), multiplier: Multiplier { multiplier: 0, shift: 0 } };

    /// With these weights over int8 inputs with this zero point; inputs outside an image are the zero point too.
    pub fn new(weights: impl Iterator<Item = i16>, zero_point: i32, bias: i32, multiplier: Multiplier) -> Self {
        let (least, greatest) = (-128 - i64::from(zero_point), 127 - i64::from(zero_point));
        let mut reach = (i64::from(bias), i64::from(bias));
        for weight in weights {
            let weight = i64::from(weight);
            let products = (weight * least, weight * greatest);
            reach.0 += products.0.min(products.1);
            reach.1 += products.0.max(products.1);
        }
        Self { reach, multiplier }
    }
}

impl Requantise {
    /// Finds the form of each channel, and takes the centres from the biases.
    pub fn new(channels: &[Channel], bias: &mut [i32], stage: OutputStage) -> Result<Self> {
        let groups = channels.chunks(LANES).zip(bias.chunks_mut(LANES));
        let groups = groups.map(|(channels, bias)| Ok(Group::new(channels, bias, stage)));
        let bounds = Bounds::new(stage.low as i8, stage.high as i8);
        Ok(Self { groups: gather(channels.len().div_ceil(LANES), groups)?, stage, bounds })
    }

    /// The group with this number.
    #[inline(always)]
    pub fn group(&self, number: usize) -> Option<Finish<'_>> {
        Some(Finish { group: self.groups.get(number)?, layer: self })
    }
}

impl Group {
    fn new(channels: &[Channel], bias: &mut [i32], stage: OutputStage) -> Self {
        if let Some(floats) = Floats::new(channels, bias, stage) {
            return Self::Floats(floats);
        }
        Exact::new(channels).map_or_else(
            || {
                let mut multipliers = [Channel::NONE.multiplier; LANES];
                multipliers.iter_mut().zip(channels).for_each(|(slot, channel)| *slot = channel.multiplier);
                Self::Plain(multipliers)
            },
            Self::Exact,
        )
    }
}

impl Floats {
    fn new(channels: &[Channel], bias: &mut [i32], stage: OutputStage) -> Option<Self> {
        let (scale, nudge, offset) = ([[0.0; 4]; 2], [[0.0; 4]; 2], [[-MAGIC_BITS; 4]; 2]);
        let mut floats = Self { scale, nudge, nudge_below: nudge, offset, signed: false };
        let mut centres = [0; LANES];
        for ((lane, channel), centre) in channels.iter().enumerate().zip(&mut centres) {
            let form = prove(channel, stage)?;
            let (half, lane) = (lane / 4, lane % 4);
            floats.scale[half][lane] = form.scale;
            floats.nudge[half][lane] = form.nudge;
            floats.nudge_below[half][lane] = form.nudge_below;
            floats.offset[half][lane] = form.middle + stage.zero_point - MAGIC_BITS;
            floats.signed |= form.nudge != form.nudge_below;
            *centre = form.centre;
        }
        bias.iter_mut().zip(centres).for_each(|(bias, centre)| *bias = bias.wrapping_sub(centre));
        Some(floats)
    }

    #[inline(always)]
    fn outputs(&self, sums: I32x4, half: usize) -> I32x4 {
        let above = F32x4::new(&self.nudge[half]);
        let nudge = if self.signed { sums.by_sign(F32x4::new(&self.nudge_below[half]), above) } else { above };
        let scaled = sums.to_f32().times(F32x4::new(&self.scale[half]));
        scaled.plus(nudge).plus(F32x4::splat(MAGIC)).bits().plus(I32x4::new(&self.offset[half]))
    }
}

/// The last step of a group of channels.
#[derive(Clone, Copy)]
pub struct Finish<'a> {
    group: &'a Group,
    layer: &'a Requantise,
}

impl Finish<'_> {
    /// The outputs of two pixels, or of one twice.
    #[inline(always)]
    pub fn bytes(self, sums: [Sums; 2]) -> [[u8; LANES]; 2] {
        let Group::Floats(floats) = self.group else { return [self.exact(sums[0]), self.exact(sums[1])] };
        let [one, other] = sums.map(|[low, high]| floats.outputs(low, 0).low_halves(floats.outputs(high, 1)));
        one.clamp_to_bytes(other, &self.layer.bounds)
    }

    /// The outputs of one pixel.
    #[inline(always)]
    pub fn one(self, sums: Sums) -> [u8; LANES] {
        let Group::Floats(floats) = self.group else { return self.exact(sums) };
        let outputs = floats.outputs(sums[0], 0).low_halves(floats.outputs(sums[1], 1));
        outputs.clamp_to_bytes(outputs, &self.layer.bounds)[0]
    }

    #[inline(never)]
    fn exact(self, sums: Sums) -> [u8; LANES] {
        let stage = self.layer.stage;
        let (low, high) = match self.group {
            Group::Exact(exact) => (exact.outputs(sums[0], 0, stage), exact.outputs(sums[1], 1, stage)),
            Group::Plain(multipliers) => {
                let finish = |half: usize| {
                    let mut lanes = sums[half].lanes();
                    for (lane, multiplier) in lanes.iter_mut().zip(&multipliers[half * 4..]) {
                        *lane = stage.finish(multiplier.apply(*lane));
                    }
                    I32x4::new(&lanes)
                };
                (finish(0), finish(1))
            }
            Group::Floats(floats) => (floats.outputs(sums[0], 0), floats.outputs(sums[1], 1)),
        };
        let outputs = low.low_halves(high);
        outputs.clamp_to_bytes(outputs, &self.layer.bounds)[0]
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
}

/// A step of upstream's function: the least sum that gives this output, without the zero point.
#[derive(Clone, Copy, Default)]
pub struct Threshold {
    /// It.
    pub sum: i32,
    /// The output.
    pub output: i32,
}

/// Values of an int8.
const OUTPUTS: usize = 256;

/// All steps, in order: on the stack, because each channel asks for them.
pub struct Thresholds {
    all: [Threshold; OUTPUTS],
    count: usize,
}

impl Thresholds {
    /// They.
    pub fn as_slice(&self) -> &[Threshold] {
        self.all.get(..self.count).unwrap_or(&self.all)
    }
}

/// A form that gives the same output as upstream for every sum within reach.
fn prove(channel: &Channel, stage: OutputStage) -> Option<Form> {
    let ends = [i32::try_from(channel.reach.0).ok()?, i32::try_from(channel.reach.1).ok()?];
    if let Some(output) = constant(channel, ends, stage) {
        return Some(Form { centre: 0, middle: output - stage.zero_point, scale: 0.0, nudge: 0.0, nudge_below: 0.0 });
    }
    // Sums that could overflow wrap as upstream's do: they do not grow.
    if channel.reach.0 < -(1 << 30) || channel.reach.1 >= 1 << 30 {
        return None;
    }
    let thresholds = thresholds(channel, stage)?;
    let thresholds = thresholds.as_slice();
    let factor = f64::from(channel.multiplier.multiplier) * 2f64.powi(channel.multiplier.shift - 31);
    // With the outputs' middle as centre first: one nudge serves all sums where upstream rounds none below 0.
    let outputs = thresholds.first().zip(thresholds.last());
    let (first, last) = outputs.map_or((0, 0), |(first, last)| (first.output, last.output));
    let middle = (first + last) / 2;
    for (middle, signed) in [(middle, false), (0, false), (0, true)] {
        let centre = if middle == 0 { 0 } else { (f64::from(middle) / factor).round() as i32 };
        for step in [0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6] {
            let scale = f32::from_bits(((factor as f32).to_bits() as i32 + step) as u32);
            let form = Form { centre, middle, scale, nudge: 0.0, nudge_below: 0.0 };
            // Another scale nearby moves nothing as far.
            let Some(form) = form.nudged(thresholds, signed) else { break };
            if form.is_proved(thresholds) && ends.iter().all(|&sum| form.agrees(sum, channel.multiplier, stage)) {
                return Some(form);
            }
        }
    }
    None
}

/// The output, where all inputs give the same.
fn constant(channel: &Channel, ends: [i32; 2], stage: OutputStage) -> Option<i32> {
    // A shift to the left may wrap: upstream's function does not grow then.
    let [least, greatest] = ends.map(|sum| stage.finish(channel.multiplier.apply(sum)));
    (channel.multiplier.shift <= 0 && least == greatest).then_some(least)
}

/// Outputs reach 256 from the middle at most, and scales are tried that differ by six parts in 2^23: products move by 2e-4, at both
/// ends of what is left for a nudge.
const FAR: f64 = 1e-3;

/// Every step of upstream's function within reach. Without a value where it is not sure to grow with the sum.
pub fn thresholds(channel: &Channel, stage: OutputStage) -> Option<Thresholds> {
    let Channel { reach, multiplier } = *channel;
    let left = multiplier.shift.max(0) as u32;
    let within = |sum: i64| sum.checked_mul(1 << left).is_some_and(|sum| i32::try_from(sum).is_ok());
    if left > 30 || !within(reach.0) || !within(reach.1) {
        return None;
    }
    let (least, greatest) = (reach.0 as i32, reach.1 as i32);
    let inverse = 2f64.powi(31 - multiplier.shift) / f64::from(multiplier.multiplier);
    let (from, to) = (multiplier.apply(least), multiplier.apply(greatest));
    let first = from.max(stage.low - stage.zero_point) + 1;
    let last = to.min(stage.high - stage.zero_point);
    let mut found = Thresholds { all: [Threshold::default(); OUTPUTS], count: 0 };
    for output in first..=last {
        // Upstream's rounding moves a step by no more than one sum.
        let near = ((f64::from(output) - 0.5) * inverse).ceil() as i64;
        let sum = [0, 1, -1, 2, -2].into_iter().find_map(|step| {
            let sum = near.saturating_add(step).clamp(reach.0 + 1, reach.1) as i32;
            (multiplier.apply(sum) >= output && multiplier.apply(sum - 1) < output).then_some(sum)
        })?;
        *found.all.get_mut(found.count)? = Threshold { sum, output };
        found.count += 1;
    }
    Some(found)
}

impl Form {
    /// With nudges in the middle of what the thresholds leave. Without a value where they leave nothing by far.
    fn nudged(mut self, thresholds: &[Threshold], signed: bool) -> Option<Self> {
        let mut above = (f64::NEG_INFINITY, f64::INFINITY);
        let mut below = above;
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
        if [above, below].iter().any(|(least, most)| least - most > FAR) {
            return None;
        }
        let middle = |(least, most): (f64, f64)| match (least.is_finite(), most.is_finite()) {
            (true, true) => (least + most) / 2.0,
            (true, false) => least + f64::from(self.scale) / 2.0,
            (false, true) => most - f64::from(self.scale) / 2.0,
            (false, false) => 0.0,
        };
        self.nudge = middle(above) as f32;
        self.nudge_below = if signed { middle(below) as f32 } else { self.nudge };
        Some(self)
    }

    /// Whether it steps where upstream does, and grows with the sum.
    fn is_proved(&self, thresholds: &[Threshold]) -> bool {
        let steps = |threshold: &Threshold| {
            self.output(threshold.sum) >= threshold.output && self.output(threshold.sum - 1) < threshold.output
        };
        let grows = self.output(self.centre - 1) <= self.output(self.centre);
        grows && self.nudge.abs() < 2.0 && self.nudge_below.abs() < 2.0 && thresholds.iter().all(steps)
    }

    /// Whether it gives upstream's output for this sum, clamped, and small enough for 16 bits.
    fn agrees(&self, sum: i32, multiplier: Multiplier, stage: OutputStage) -> bool {
        let small = (sum.wrapping_sub(self.centre) as f32 * self.scale).abs() < (1 << 14) as f32;
        small && stage.finish(self.output(sum)) == stage.finish(multiplier.apply(sum))
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
            let Some(form) = prove(&channel, stage) else { continue };
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
        let mut refused = 0;
        for _ in 0..200 {
            let (channel, stage) = (channel(&mut random), stage(&mut random));
            let Some(form) = prove(&channel, stage) else { continue };
            let thresholds = thresholds(&channel, stage).unwrap();
            let thresholds = thresholds.as_slice();
            let ends = [channel.reach.0 as i32, channel.reach.1 as i32];
            let wrong = [
                Form { scale: form.scale * 1.01, ..form },
                Form { nudge: form.nudge + 0.3, nudge_below: form.nudge_below + 0.3, ..form },
                Form { middle: form.middle + 1, ..form },
            ];
            for wrong in wrong {
                let accepted = wrong.is_proved(thresholds) && ends.iter().all(|&sum| wrong.agrees(sum, channel.multiplier, stage));
                let equal = (ends[0]..=ends[1]).all(|sum| stage.finish(wrong.output(sum)) == stage.finish(channel.multiplier.apply(sum)));
                assert!(equal || !accepted, "{channel:?} {stage:?} {wrong:?}");
                refused += usize::from(!accepted);
            }
        }
        assert!(refused > 100, "{refused}");
    }
}
