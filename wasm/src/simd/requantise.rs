//! From sums to int8 in floats, proved equal to upstream's integers for every sum that can occur.
//!
//! Upstream rescales an int32 sum by a fixed-point multiplier and rounds twice. In floats the same is one
//! multiplication, two additions and no shift: nearest(sum * scale + nudge). [`prove`] finds a scale and a nudge for which both are equal,
//! or says that it knows none; then integers serve the group.

use crate::error::Result;
use crate::math::quantization::{Multiplier, OutputStage};
use crate::memory::gather;
use crate::simd::exact::Exact;
use crate::simd::proof::{Form, Thresholds, prove};
use crate::simd::vector::{Bounds, F32x4, I16x8, I32x4, MAGIC, MAGIC_BITS};

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

impl Channel {
    /// Fills up a group.
    pub const NONE: Self = Self { reach: (0, 0), multiplier: Multiplier { multiplier: 0, shift: 0 } };

    /// With these weights over int8 inputs with this zero point; inputs outside an image are the zero point too.
    pub fn new(weights: &[i16], zero_point: i32, bias: i32, multiplier: Multiplier) -> Self {
        let [least, greatest] = [-128, 127].map(|value| [(value - zero_point) as i16; LANES]);
        Self { reach: reach(weights, bias, &least, &greatest), multiplier }
    }

    /// The ends of its reach, where sums are of 32 bits.
    pub fn ends(&self) -> Option<[i32; 2]> {
        Some([i32::try_from(self.reach.0).ok()?, i32::try_from(self.reach.1).ok()?])
    }
}

/// The least and the greatest sum of a bias and the products of weights with numbers of which each is known at least and at most. Of these
/// there are as many as weights; or eight, which stand for all.
#[inline(never)]
pub fn reach(weights: &[i16], bias: i32, least: &[i16], greatest: &[i16]) -> (i64, i64) {
    let mut found = (i64::from(bias), i64::from(bias));
    let mut spans = least.chunks(LANES).zip(greatest.chunks(LANES)).cycle();
    // Sums of so few do not overflow.
    for weights in weights.chunks(1 << 14) {
        let (mut low, mut high) = (I32x4::splat(0), I32x4::splat(0));
        for (weights, (least, greatest)) in weights.chunks(LANES).zip(&mut spans) {
            let [weights, least, greatest] = [weights, least, greatest].map(eight);
            let below = weights.below_zero();
            let above = weights.minus(below);
            low = low.plus(above.dot(least)).plus(below.dot(greatest));
            high = high.plus(above.dot(greatest)).plus(below.dot(least));
        }
        let sum = |lanes: I32x4| lanes.lanes().into_iter().map(i64::from).sum::<i64>();
        found = (found.0 + sum(low), found.1 + sum(high));
    }
    found
}

/// Up to eight numbers, and 0 for others.
#[inline(always)]
fn eight(numbers: &[i16]) -> I16x8 {
    numbers.first_chunk().map_or_else(|| short(numbers), I16x8::new)
}

/// Fewer than eight.
#[cold]
#[inline(never)]
fn short(numbers: &[i16]) -> I16x8 {
    I16x8::new(&core::array::from_fn(|at| numbers.get(at).copied().unwrap_or_default()))
}

impl Requantise {
    /// Finds the form of each channel, and takes the centres from the biases.
    pub fn new(channels: &[Channel], bias: &mut [i32], stage: OutputStage) -> Result<Self> {
        let groups = channels.chunks(LANES).zip(bias.chunks_mut(LANES));
        let mut forms = Forms::new(channels, stage);
        let groups = groups.map(|(channels, bias)| Ok(Group::new(channels, bias, &mut forms)));
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
    fn new(channels: &[Channel], bias: &mut [i32], forms: &mut Forms) -> Self {
        if let Some(floats) = Floats::new(channels, bias, forms) {
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

/// Finds the forms of a layer.
struct Forms {
    stage: OutputStage,
    /// The one of the channels that have the multiplier of the first, where there are several, and whether there is one.
    shared: Option<(Multiplier, Option<Form>)>,
    room: Thresholds,
}

impl Forms {
    /// Channels with one multiplier share a form that is proved for the sums of all of them.
    fn new(channels: &[Channel], stage: OutputStage) -> Self {
        let mut forms = Self { stage, shared: None, room: Thresholds::new() };
        let Some((first, others)) = channels.split_first() else { return forms };
        let mut all = *first;
        for other in others.iter().filter(|other| other.multiplier == first.multiplier) {
            all.reach = (all.reach.0.min(other.reach.0), all.reach.1.max(other.reach.1));
        }
        if all.reach != first.reach {
            forms.shared = Some((all.multiplier, prove(&all, stage, &mut forms.room)));
        }
        forms
    }

    fn find(&mut self, channel: &Channel) -> Option<Form> {
        match self.shared {
            Some((multiplier, form)) if multiplier == channel.multiplier => form,
            _ => prove(channel, self.stage, &mut self.room),
        }
    }
}

impl Floats {
    fn new(channels: &[Channel], bias: &mut [i32], forms: &mut Forms) -> Option<Self> {
        let (scale, nudge, offset) = ([[0.0; 4]; 2], [[0.0; 4]; 2], [[-MAGIC_BITS; 4]; 2]);
        let mut floats = Self { scale, nudge, nudge_below: nudge, offset, signed: false };
        let mut centres = [0; LANES];
        for ((lane, channel), centre) in channels.iter().enumerate().zip(&mut centres) {
            let form = forms.find(channel)?;
            let (half, lane) = (lane / 4, lane % 4);
            floats.scale[half][lane] = form.scale;
            floats.nudge[half][lane] = form.nudge;
            floats.nudge_below[half][lane] = form.nudge_below;
            floats.offset[half][lane] = form.middle + forms.stage.zero_point - MAGIC_BITS;
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
                        *lane = stage.finish(multiplier.apply_once(*lane));
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
