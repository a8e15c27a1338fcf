//! From sums to outputs in integers, four at a time, for any multipliers: where `requantise` has no proof in floats.
//!
//! Upstream's two roundings (`MultiplyByQuantizedMultiplier`) are one: with a right shift by e and P = sum * multiplier,
//! the output is (P + 2^30 + 2^(30+e) - 2^31 for sums below 0) >> (31 + e), and for e = 0 it is (P + 2^30) >> 31. Vectors
//! shift all lanes alike, so each sum is first multiplied by 2^(k-e); k is the same for all channels, and so large that
//! the lower halves of the constants are 0.

use crate::math::quantization::{Multiplier, OutputStage};
use crate::simd::requantise::{Channel, LANES};
use crate::simd::vector::I32x4;

/// How eight channels are rescaled.
#[derive(Clone, Copy)]
pub struct Exact {
    factor: [[i32; 4]; 2],
    multiplier: [[i32; 4]; 2],
    /// Added to the upper halves of the products, and taken from those of sums below 0.
    half: [[i32; 4]; 2],
    below: [[i32; 4]; 2],
    shift: u32,
}

impl Exact {
    /// Without a value where a product could overflow.
    pub fn new(channels: &[Channel]) -> Option<Self> {
        let right = |multiplier: Multiplier| (-multiplier.shift).max(0) as u32;
        let k = channels.iter().map(|channel| right(channel.multiplier)).max()? + 2;
        if k > 31 {
            return None;
        }
        let mut found =
            Self { factor: [[0; 4]; 2], multiplier: [[0; 4]; 2], half: [[0; 4]; 2], below: [[0; 4]; 2], shift: k - 1 };
        for (lane, Channel { reach, multiplier }) in channels.iter().enumerate().take(LANES) {
            let (e, left) = (right(*multiplier), multiplier.shift.max(0) as u32);
            let factor = 1i64.checked_shl(k - e + left).filter(|factor| *factor < 1 << 31)?;
            for end in [reach.0, reach.1] {
                end.checked_mul(factor).and_then(|product| i32::try_from(product).ok())?;
            }
            let (group, lane) = (lane / 4, lane % 4);
            found.factor[group][lane] = factor as i32;
            found.multiplier[group][lane] = multiplier.multiplier;
            found.half[group][lane] = (1 << (k - e - 2)) + if e > 0 { 1 << (k - 2) } else { 0 };
            found.below[group][lane] = if e > 0 { 1 << (k - e - 1) } else { 0 };
        }
        Some(found)
    }

    /// The outputs of the lower or the upper four channels.
    #[inline(always)]
    pub fn outputs(&self, sums: I32x4, group: usize, stage: OutputStage) -> I32x4 {
        let (factor, multiplier) = (I32x4::new(&self.factor[group]), I32x4::new(&self.multiplier[group]));
        let upper = sums.times(factor).upper_products(multiplier).plus(I32x4::new(&self.half[group]));
        let rounded = upper.minus(sums.shifted_down(31).and(I32x4::new(&self.below[group]))).shifted_down(self.shift);
        rounded.plus(I32x4::splat(stage.zero_point)).clamped(stage.low, stage.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    #[test]
    fn eight_channels_give_upstreams_outputs_for_sums_within_reach() {
        let mut random = Random::new(5);
        let mut known = 0;
        for _ in 0..2000 {
            let shift = random.below(12) as i32 - 9;
            let channels: [Channel; LANES] = core::array::from_fn(|_| {
                let least = 1 << random.below(20);
                let multiplier = ((1 << 30) + random.below(1 << 30)) as i32 * i32::from(random.below(20) > 0);
                Channel { reach: (-least, least), multiplier: Multiplier { multiplier, shift: shift - random.below(4) as i32 } }
            });
            let Some(exact) = Exact::new(&channels) else { continue };
            known += 1;
            let stage = OutputStage { zero_point: random.zero_point(), low: -128, high: 127 };
            for _ in 0..50 {
                let sums = channels.map(|channel| random.below(2 * channel.reach.1 as usize + 1) as i32 - channel.reach.1 as i32);
                for (group, (sums, channels)) in sums.as_chunks::<4>().0.iter().zip(channels.chunks(4)).enumerate() {
                    let found = exact.outputs(I32x4::new(sums), group, stage).lanes();
                    for ((found, sum), channel) in found.iter().zip(sums).zip(channels) {
                        assert_eq!(*found, stage.finish(channel.multiplier.apply(*sum)), "{sum} of {channel:?}");
                    }
                }
            }
        }
        assert!(known > 1000, "{known}");
    }
}
