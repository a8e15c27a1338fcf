//! From sums to int16, in doubles and exactly: what upstream does in 64 bits fits the 53 of a double's mantissa.
//!
//! Upstream rescales 64-bit sums with a mantissa of 16 bits and rounds once, and 32-bit sums with one of 31 bits and rounds twice.
//! A sum that fits 32 bits times 16 bits is exact in a double, and so is what the lower half of the longer mantissa adds, once it is
//! rounded down to the last bit of the upper half's product: nothing below it can carry. Both roundings are constants then
//! (`nudge`), and the last bit below them keeps halves from being met.

use crate::error::Result;
use crate::math::quantization::{Multiplier, OutputStage};
use crate::memory::allocate;
use crate::ops::weights::int16::Bias;
use crate::simd::requantise::{LANES, Sums};
use crate::simd::vector::{F64x2, I16x8, I32x4, WIDE_MAGIC};

/// A number for each of eight channels.
type Doubles = [[f64; 2]; LANES / 2];

/// How the sums of eight channels become outputs.
#[derive(Clone, Copy)]
struct Group {
    bias: [[i32; 4]; 2],
    /// The upper half of a factor.
    upper: Doubles,
    /// The lower half of a factor, relative to the upper one's last bit; and that.
    lower: Doubles,
    unit: Doubles,
    nudge: Doubles,
    /// What is added to `nudge` below 0.
    below: Doubles,
}

/// How the sums of a layer become outputs, by eight channels. A last group may have fewer.
pub struct Shorts {
    groups: Vec<Group>,
    stage: OutputStage,
    /// Whether there is a lower half.
    rounds_twice: bool,
}

impl Shorts {
    /// For weights `[channel][number]` with so many numbers each, times numbers that are at most so great. Without a value where sums
    /// may not fit, and the plain kernel has to serve.
    pub fn new(
        weights: &[i16],
        (depth, greatest): (usize, i64),
        bias: &Bias,
        multipliers: &[Multiplier],
        stage: OutputStage,
    ) -> Result<Option<Self>> {
        let zeros = [[0.0; 2]; LANES / 2];
        let none = Group { bias: [[0; 4]; 2], upper: zeros, lower: zeros, unit: zeros, nudge: zeros, below: zeros };
        let mut groups = allocate(multipliers.len().div_ceil(LANES), none)?;
        for (channel, (weights, multiplier)) in weights.chunks_exact(depth).zip(multipliers).enumerate() {
            let Some(group) = groups.get_mut(channel / LANES) else { break };
            let magnitude: i64 = weights.iter().map(|weight| i64::from(weight.unsigned_abs()) * greatest).sum();
            if group.set(channel % LANES, magnitude, bias.value(channel), *multiplier, bias.is_narrow()).is_none() {
                return Ok(None);
            }
        }
        Ok(Some(Self { groups, stage, rounds_twice: bias.is_narrow() }))
    }

    /// Writes the outputs of a group with this number: so many channels of pixels that are so many bytes apart.
    #[inline(never)]
    pub fn store(&self, number: usize, sums: &[Sums], (output, stride, channels): (&mut [u8], usize, usize)) {
        for (sums, output) in sums.iter().zip(output.chunks_mut(stride)) {
            write(self.eight(number, *sums), output.get_mut(..2 * channels).unwrap_or_default());
        }
    }

    /// The outputs of the group with this number. Not inlined: there are several uses, and it is long.
    #[inline(never)]
    pub fn eight(&self, number: usize, sums: Sums) -> I16x8 {
        let Some(group) = self.groups.get(number) else { return I16x8::splat(0) };
        self.half(group, 0, sums[0]).low_halves(self.half(group, 1, sums[1]))
    }

    #[inline(always)]
    fn half(&self, group: &Group, half: usize, sums: I32x4) -> I32x4 {
        let [one, other] = sums.plus(I32x4::new(&group.bias[half])).to_f64();
        let one = group.scaled(one, 2 * half, self.rounds_twice);
        let scaled = one.low_bits(group.scaled(other, 2 * half + 1, self.rounds_twice));
        scaled.plus(I32x4::splat(self.stage.zero_point)).clamped(self.stage.low, self.stage.high)
    }
}

/// Writes eight numbers, or as many of them as there is room for.
#[inline(always)]
pub fn write(numbers: I16x8, output: &mut [u8]) {
    let bytes = numbers.bytes();
    match output.first_chunk_mut() {
        Some(output) => *output = bytes,
        None => output.iter_mut().zip(bytes).for_each(|(output, byte)| *output = byte),
    }
}

impl Group {
    /// Without a value where sums, or what they become, do not fit 32 bits.
    fn set(&mut self, lane: usize, magnitude: i64, bias: i64, factor: Multiplier, rounds_twice: bool) -> Option<()> {
        let Multiplier { multiplier, shift } = factor;
        let left = shift.max(0) as u32;
        let greatest = magnitude.checked_add(bias.checked_abs()?)?.checked_mul(1 << left)?;
        // The zero point is added later.
        i32::try_from(greatest.checked_add(1 << 16)?).ok()?;
        self.bias[lane / 4][lane % 4] = bias as i32;
        if rounds_twice {
            let right = (-shift).max(0);
            let unit = 2f64.powi(-15 - right);
            self.unit[lane / 2][lane % 2] = unit;
            self.upper[lane / 2][lane % 2] = f64::from(multiplier >> 16) * 2f64.powi(left as i32) * unit;
            self.lower[lane / 2][lane % 2] = f64::from(multiplier & 0xffff) * 2f64.powi(left as i32 - 16);
            // Half a step of each rounding, that of the second with the sign of the sum.
            let half = if right > 0 { 0.5 } else { 0.0 };
            self.nudge[lane / 2][lane % 2] = 2f64.powi(-1 - right) + half - 0.5 + unit / 2.0;
            self.below[lane / 2][lane % 2] = if right > 0 { -2f64.powi(-right) } else { 0.0 };
        } else {
            let (short, right) = factor.short();
            let unit = 2f64.powi(-(right as i32));
            self.upper[lane / 2][lane % 2] = f64::from(short) * unit;
            self.nudge[lane / 2][lane % 2] = unit / 2.0;
        }
        Some(())
    }

    /// Of two channels, the pair with this number.
    #[inline(always)]
    fn scaled(&self, sums: F64x2, pair: usize, rounds_twice: bool) -> F64x2 {
        let at = |values: &Doubles| F64x2::new(&values[pair]);
        let mut scaled = sums.times(at(&self.upper)).plus(at(&self.nudge));
        if rounds_twice {
            scaled = scaled.plus(sums.times(at(&self.lower)).floor().times(at(&self.unit)));
            scaled = scaled.plus(sums.by_sign(at(&self.below)));
        }
        scaled.plus(F64x2::new(&[WIDE_MAGIC; 2]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    /// A number of any size up to so many bits.
    fn number(random: &mut Random, bits: usize) -> i64 {
        i64::from(random.any() as i32 >> (32 - 1 - random.below(bits)))
    }

    #[test]
    fn sums_of_either_width_become_upstreams_outputs_halves_included() {
        let mut random = Random::new(51);
        let (mut accepted, tried) = (0, 4000);
        for _ in 0..tried {
            let channels = 1 + random.below(8);
            let weights: Vec<i16> = (0..channels).map(|_| number(&mut random, 15) as i16).collect();
            let bias: Vec<i64> = (0..channels).map(|_| number(&mut random, 29)).collect();
            let (rounds_twice, shift) = (random.below(2) == 0, random.below(34) as i32 - 31);
            // Powers of two meet halves.
            let factor = |random: &mut Random| match random.below(3) {
                0 => Multiplier { multiplier: 1 << 30, shift },
                1 => Multiplier { multiplier: i32::MAX - random.below(1 << 17) as i32, shift },
                _ => Multiplier { multiplier: (1 << 30) + random.below(1 << 28) as i32 * 4, shift },
            };
            let multipliers: Vec<Multiplier> = (0..channels).map(|_| factor(&mut random)).collect();
            let stage = OutputStage { zero_point: number(&mut random, 15) as i32, low: -32768, high: 32767 };
            let given = if rounds_twice { Bias::Narrow(bias.iter().map(|bias| *bias as i32).collect()) } else { Bias::Wide(bias) };
            let Some(shorts) = Shorts::new(&weights, (1, 1 << 15), &given, &multipliers, stage).unwrap() else { continue };
            accepted += 1;
            for _ in 0..20 {
                let input = [-32768, 32767, number(&mut random, 15) as i32][random.below(3)];
                let products: [i32; LANES] = core::array::from_fn(|lane| weights.get(lane).map_or(0, |weight| input * i32::from(*weight)));
                let (sums, mut output) = (crate::simd::tile::sums(&products), [0; 2 * LANES]);
                shorts.store(0, &[sums], (&mut output, 2 * channels, channels));
                let expected = multipliers.iter().enumerate().flat_map(|(channel, multiplier)| {
                    given.finish(channel, products[channel].into(), *multiplier, stage).to_le_bytes()
                });
                assert_eq!(output[..2 * channels], expected.collect::<Vec<u8>>(), "{products:?} {multipliers:?}");
            }
        }
        assert!(accepted * 2 > tried, "{accepted} of {tried}");
    }

    #[test]
    fn sums_that_may_not_fit_are_left_to_the_plain_kernel() {
        let stage = OutputStage { zero_point: 0, low: -32768, high: 32767 };
        let accepts = |weights: &[i16], bias: i64, shift: i32| {
            let multiplier = Multiplier { multiplier: 1 << 30, shift };
            Shorts::new(weights, (weights.len(), 1 << 15), &Bias::Wide(vec![bias]), &[multiplier], stage).unwrap().is_some()
        };
        assert!(accepts(&[32767, -32765], 0, -5));
        assert!(!accepts(&[32767, -32765, 2], 0, -5));
        assert!(!accepts(&[32767, -32765], 1 << 16, -5));
        assert!(!accepts(&[32767, -32765], 0, 1));
        assert!(!accepts(&[1], i64::MIN, -5));
    }
}
