//! Rows of several samples, two at a time, by eight channels.

use super::{Block, FullyConnected, across};
use crate::error::{ErrorKind, Result};
use crate::run::batch::{Batched, Samples};
use crate::run::io::Port;
use crate::simd::image;
use crate::simd::requantise::LANES;
use crate::simd::tile;
use crate::simd::vector::I32x4;

impl Batched for FullyConnected {
    fn workspace_bytes(&self, samples: usize) -> usize {
        samples * (self.steps * 16 + self.bias.len())
    }

    /// Eight channels after the other, whose weights are read once for all samples: all rows are widened first, and the outputs
    /// lie in the workspace until they are all there.
    fn eval_many(&self, samples: &mut Samples<'_>) -> Result<()> {
        let internal = ErrorKind::EngineInternal;
        let (rows, width) = (samples.count(), self.bias.len());
        for row in 0..rows {
            let mut io = samples.io(row)?;
            let (([input], _), workspace) = io.cut_with_workspace([Port::Input(0)], [Port::Output(0)])?;
            let wide = workspace.chunks_exact_mut(self.steps * 16).nth(row).unwrap_or_default();
            image::row(input, self.zero_point, self.format, wide);
        }
        let (wide, outputs) = samples.workspace().split_at_mut_checked(rows * self.steps * 16).ok_or(internal)?;
        let (inputs, outputs) = (wide.as_chunks::<16>().0, outputs.as_chunks_mut::<LANES>().0);
        let blocks = self.weights.chunks_exact(self.steps).zip(self.bias.as_chunks::<LANES>().0);
        for (number, (weights, bias)) in blocks.enumerate() {
            let (bias, finish) = (tile::sums(bias), self.requantise.group(number).ok_or(internal)?);
            // The last of an odd number is computed twice.
            for first in (0..rows).step_by(2) {
                let pair = [first, (first + 1).min(rows - 1)];
                let inputs = pair.map(|row| inputs.get(row * self.steps..(row + 1) * self.steps).unwrap_or_default());
                let [low, high] = [0, 1].map(|half| match self.format.flip() {
                    Some(_) => four_of_two::<true>(inputs, weights, half),
                    None => four_of_two::<false>(inputs, weights, half),
                });
                let sums = [0, 1].map(|row| [bias[0].plus(low[row]), bias[1].plus(high[row])]);
                for (row, bytes) in pair.into_iter().zip(finish.bytes(sums)) {
                    *outputs.get_mut(row * width / LANES + number).ok_or(internal)? = bytes;
                }
            }
        }
        for row in 0..rows {
            let mut io = samples.io(row)?;
            let ((_, [output]), workspace) = io.cut_with_workspace([Port::Input(0)], [Port::Output(0)])?;
            let start = rows * self.steps * 16 + row * width;
            let found = workspace.get(start..start + self.channels).ok_or(internal)?;
            output.get_mut(..self.channels).ok_or(internal)?.copy_from_slice(found);
        }
        Ok(())
    }
}

/// The sums of the lower or upper four of eight channels, of two rows: as many as registers hold.
#[inline(never)]
fn four_of_two<const BYTES: bool>(inputs: [&[[u8; 16]]; 2], weights: &[Block], half: usize) -> [I32x4; 2] {
    let mut sums = [[I32x4::new(&[0; 4]); 4]; 2];
    for ((one, other), weights) in inputs[0].iter().zip(inputs[1]).zip(weights) {
        let [low, high] = weights.as_chunks::<4>().0 else { continue };
        for (lane, weights) in if half == 0 { low } else { high }.iter().enumerate() {
            for (sums, row) in sums.iter_mut().zip([one, other]) {
                sums[lane] = tile::dot::<BYTES>(sums[lane], row, weights);
            }
        }
    }
    sums.map(across)
}
