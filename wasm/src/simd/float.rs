//! Sums of products of float32, by eight output channels.
//!
//! A sum is one chain, product after product in upstream's order: lanes are output channels, never products of one output.

use crate::ops::weights::float::{Bounds, Float, LANES};
use crate::simd::vector::F32x4;

/// Sums of eight channels.
pub type Sums = [F32x4; 2];

/// Before the first product.
pub fn none() -> Sums {
    [F32x4::splat(0.0); 2]
}

/// Eight floats.
#[inline(always)]
pub fn eight(floats: &[f32; LANES]) -> Sums {
    let [low, high] = floats.as_chunks().0 else { return none() };
    [F32x4::new(low), F32x4::new(high)]
}

/// Eight floats of a tensor.
#[inline(always)]
pub fn eight_of(floats: &[Float; LANES]) -> Sums {
    let [low, high] = floats.as_chunks().0 else { return none() };
    [F32x4::from_bytes(low), F32x4::from_bytes(high)]
}

/// Adds the products of each row of inputs with the weights of each block of eight channels.
#[inline(always)]
pub fn accumulate<const ROWS: usize, const BLOCKS: usize>(
    sums: &mut [[Sums; BLOCKS]; ROWS],
    rows: [&[Float]; ROWS],
    weights: [&[[f32; LANES]]; BLOCKS],
    length: usize,
) -> Option<()> {
    let (mut cut_rows, mut cut_weights) = (rows, weights);
    // Lengths that the compiler knows to be equal.
    for row in &mut cut_rows {
        *row = row.get(..length)?;
    }
    for weights in &mut cut_weights {
        *weights = weights.get(..length)?;
    }
    for at in 0..length {
        let mut blocks = [none(); BLOCKS];
        for (block, weights) in blocks.iter_mut().zip(cut_weights) {
            *block = eight(weights.get(at)?);
        }
        for (sums, row) in sums.iter_mut().zip(cut_rows) {
            let input = F32x4::splat(f32::from_le_bytes(*row.get(at)?));
            for (sums, [low, high]) in sums.iter_mut().zip(blocks) {
                *sums = [sums[0].plus_product(input, low), sums[1].plus_product(input, high)];
            }
        }
    }
    Some(())
}

/// The end of outputs: their bias is added, and what the activation leaves is written, of at most eight channels.
#[inline(always)]
pub fn store(outputs: &mut [Float], sums: Sums, bias: &[f32; LANES], bounds: Bounds) {
    let [low, high] = sums;
    let [low_bias, high_bias] = eight(bias);
    let [low, high] = [low.plus(low_bias), high.plus(high_bias)].map(|sums| bounds.clamp_all(sums).bytes());
    match outputs.as_chunks_mut::<4>() {
        ([outputs, others], []) => (*outputs, *others) = (low, high),
        _ => store_some(outputs, [low, high].as_flattened()),
    }
}

#[cold]
#[inline(never)]
fn store_some(outputs: &mut [Float], floats: &[Float]) {
    for (output, float) in outputs.iter_mut().zip(floats) {
        *output = *float;
    }
}
