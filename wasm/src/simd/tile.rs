//! Products of rows of 16-bit numbers with the weights of eight channels.

use crate::error::{ErrorKind, Result};
use crate::memory::allocate;
use crate::simd::requantise::{LANES, Sums};
use crate::simd::vector::{I16x8, I32x4};

/// The weights of eight channels for two neighbouring inputs: channel by channel a pair, four channels in each half.
pub type Pair = [[i16; 8]; 2];

/// How many pixels are computed together, of so many: four, but never one alone behind others.
#[inline(always)]
pub fn together(pixels: usize) -> usize {
    match pixels {
        0..=3 => pixels,
        5 | 6 | 9 => 3,
        _ => 4,
    }
}

/// Adds the products of each row with the weights.
#[inline(always)]
pub fn accumulate<const PIXELS: usize>(sums: &mut [Sums; PIXELS], rows: [&[u8]; PIXELS], weights: &[Pair]) {
    let rows = rows.map(|row| row.as_chunks::<4>().0);
    for (at, [low, high]) in weights.iter().enumerate() {
        let (low, high) = (I16x8::new(low), I16x8::new(high));
        for (sums, row) in sums.iter_mut().zip(&rows) {
            // Rows are as long as weights; a pair that is not there would be a fault of the caller.
            let Some(pair) = row.get(at) else { return };
            let inputs = I16x8::splat_pair(*pair);
            *sums = [sums[0].plus(inputs.dot(low)), sums[1].plus(inputs.dot(high))];
        }
    }
}

/// Sums as they begin.
#[inline(always)]
pub fn sums(bias: &[i32; LANES]) -> Sums {
    let [low, high] = bias.as_chunks::<4>().0 else { return [I32x4::new(&[0; 4]); 2] };
    [I32x4::new(low), I32x4::new(high)]
}

/// Writes the outputs of so many channels of a pixel.
#[inline(always)]
pub fn store(pixel: &mut [u8], bytes: &[u8; LANES], channels: usize) {
    match pixel.first_chunk_mut() {
        Some(pixel) if channels == LANES => *pixel = *bytes,
        _ => store_some(pixel, bytes, channels),
    }
}

#[cold]
#[inline(never)]
fn store_some(pixel: &mut [u8], bytes: &[u8; LANES], channels: usize) {
    for (output, byte) in pixel.iter_mut().zip(bytes).take(channels) {
        *output = *byte;
    }
}

/// Packs the weights of one of eight channels, `[run][number]`, as pairs: `[run][number / 2]`. A run of odd length gets one
/// more number that weighs nothing.
pub fn pack_channel(weights: &[i16], length: usize, lane: usize, packed: &mut [Pair]) -> Result<()> {
    let pairs = length.div_ceil(2);
    for (run, packed) in weights.chunks_exact(length).zip(packed.chunks_exact_mut(pairs)) {
        for (at, weight) in run.iter().enumerate() {
            let slot = packed.get_mut(at / 2).and_then(|pair| pair.get_mut(lane / 4)?.get_mut(lane % 4 * 2 + at % 2));
            *slot.ok_or(ErrorKind::EngineInternal)? = *weight;
        }
    }
    Ok(())
}

/// Room for the pairs of so many groups of eight channels.
pub fn room(groups: usize, pairs: usize) -> Result<Vec<Pair>> {
    allocate(groups.checked_mul(pairs).ok_or(ErrorKind::MemoryExhausted)?, [[0; 8]; 2])
}
