//! A vector of int8 numbers times a matrix, as int16: gates and filters of recurrent layers.

use crate::error::Result;
use crate::math::quantization::{Multiplier, OutputStage};
use crate::memory::allocate;
use crate::ops::fully_connected::simd::{Block, eight, pack_channel};
use crate::ops::weights::int8::widened;
use crate::ops::weights::int16::Bias;
use crate::simd::Format;
use crate::simd::requantise::LANES;
use crate::simd::shorts::Shorts;
use crate::simd::vector::I16x8;

/// The greatest int8 without its zero point.
pub const GREATEST: i64 = 255;

/// A matrix and how its sums become outputs.
pub struct Product {
    /// `[channel / 8][number / 8]`; what is missing weighs nothing.
    weights: Vec<Block>,
    steps: usize,
    shorts: Shorts,
}

impl Product {
    /// Of weights `[channel][number]`. Without a value where sums may not fit.
    pub fn new(weights: &[i8], depth: usize, bias: &Bias, multiplier: Multiplier, stage: OutputStage) -> Result<Option<Self>> {
        let channels = weights.len() / depth;
        let weights = widened(weights, 0)?;
        let multipliers = allocate(channels, multiplier)?;
        let Some(shorts) = Shorts::new(&weights, (depth, GREATEST), bias, &multipliers, stage)? else { return Ok(None) };
        let steps = depth.div_ceil(LANES);
        let mut packed = allocate(channels.div_ceil(LANES) * steps, [[0; 16]; LANES])?;
        for (channel, weights) in weights.chunks_exact(depth).enumerate() {
            pack_channel(weights, channel, Format::Words, packed.get_mut(channel / LANES * steps..).unwrap_or_default())?;
        }
        Ok(Some(Self { weights: packed, steps, shorts }))
    }

    /// Bytes of its packed weights.
    pub fn packed(&self) -> usize {
        size_of_val(self.weights.as_slice())
    }

    /// Bytes of a vector that it takes.
    pub fn row_bytes(&self) -> usize {
        self.steps * 16
    }

    /// The outputs of eight channels, the group with this number.
    #[inline(never)]
    pub fn eight(&self, number: usize, row: &[u8]) -> I16x8 {
        let weights = self.weights.get(number * self.steps..(number + 1) * self.steps).unwrap_or_default();
        self.shorts.eight(number, eight::<false>(row.as_chunks().0, weights))
    }
}
