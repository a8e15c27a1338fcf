//! DEPTHWISE_CONV_2D, float32, one output channel for each of eight or more input channels, by four pixels: the twin of `float.rs`.

use crate::error::{ErrorKind, Result};
use crate::memory::allocate;
use crate::ops::weights::float::{Bounds, Float, LANES, floats, floats_mut};
use crate::ops::window::Window;
use crate::ops::{Flow, Kernel};
use crate::run::io::Io;
use crate::simd::float;
use crate::simd::regions::{Region, Regions};

/// A depthwise convolution whose weights are packed.
pub struct Vectors {
    window: Window,
    regions: Regions,
    /// What lies under each tap of the filter, relative to the first.
    offsets: Vec<usize>,
    blocks: Vec<Block>,
    /// Per block `[row][column]`.
    weights: Vec<[f32; LANES]>,
    bounds: Bounds,
}

/// Eight channels.
struct Block {
    /// The first. The last block takes eight too: what it shares with the one before is computed twice.
    first: usize,
    bias: [f32; LANES],
}

impl Vectors {
    /// Packs weights `[row][column][channel]` of eight channels at least.
    pub fn new(window: Window, weights: &[f32], bias: &[f32], bounds: Bounds) -> Result<Self> {
        let channels = window.output_channels;
        let internal = ErrorKind::EngineInternal;
        let count = channels.div_ceil(LANES);
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(count).map_err(|_| ErrorKind::MemoryExhausted)?;
        let mut packed = allocate(count * window.taps(), [0.0; LANES])?;
        for (number, packed) in packed.chunks_exact_mut(window.taps()).enumerate() {
            let first = (number * LANES).min(channels - LANES);
            let eight = |row: &[f32]| row.get(first..).and_then(|row| row.first_chunk().copied()).ok_or(internal);
            blocks.push(Block { first, bias: eight(bias)? });
            for (packed, row) in packed.iter_mut().zip(weights.chunks_exact(channels)) {
                *packed = eight(row)?;
            }
        }
        let Window { height, width, .. } = &window;
        let mut offsets = allocate(window.taps(), 0)?;
        for (tap, offset) in offsets.iter_mut().enumerate() {
            let (row, column) = (tap / width.filter * height.dilation, tap % width.filter * width.dilation);
            *offset = (row * width.input + column) * channels;
        }
        Ok(Self { regions: Regions::new(window)?, window, offsets, blocks, weights: packed, bounds })
    }

    fn run(&self, input: &[Float], output: &mut [Float]) -> Option<()> {
        let Window { height, width, output_channels: channels, .. } = &self.window;
        let images = input.chunks_exact(height.input * width.input * channels);
        let outputs = output.chunks_exact_mut(height.output * width.output * channels);
        for (image, output) in images.zip(outputs) {
            self.regions.each(|region| {
                let mut region = region.clone();
                while region.pixels > 0 {
                    self.tile::<4>(image, output, &mut region)?;
                }
                Some(())
            })?;
        }
        Some(())
    }

    /// All channels of the next pixels of a region. Where there are fewer, the last is computed again.
    #[inline(always)]
    fn tile<const PIXELS: usize>(&self, image: &[Float], output: &mut [Float], region: &mut Region) -> Option<()> {
        let Window { width, output_channels, .. } = &self.window;
        let filter = width.filter;
        let [rows, columns] = &region.taps;
        // All columns of all rows are neighbours.
        let (runs, length) =
            if columns.len() == filter { (1, rows.len() * filter) } else { (rows.len(), columns.len()) };
        let first_tap = rows.start * filter + columns.start;
        let last_tap = first_tap + (rows.len() * filter + columns.len()).saturating_sub(filter + 1);
        let first = self.offsets.get(first_tap).copied()?;
        // What lies under a window; the compiler then knows that all are as long.
        let span = self.offsets.get(last_tap)?.saturating_sub(first) + output_channels;
        let mut images: [&[Float]; PIXELS] = [&[]; PIXELS];
        let pixels = region.take::<PIXELS>();
        for (image_at, (window, _)) in images.iter_mut().zip(pixels) {
            *image_at = image.get(window..)?.get(..span)?;
        }
        for (block, weights) in self.blocks.iter().zip(self.weights.chunks_exact(self.offsets.len())) {
            let mut sums = [float::none(); PIXELS];
            let to_block = block.first.wrapping_sub(first);
            for run in 0..runs {
                let taps = first_tap + run * filter..first_tap + run * filter + length;
                for (offset, weights) in self.offsets.get(taps.clone())?.iter().zip(weights.get(taps)?) {
                    let at = offset.wrapping_add(to_block);
                    let [low, high] = float::eight(weights);
                    for (sums, image) in sums.iter_mut().zip(images) {
                        let [a, b] = float::eight_of(image.get(at..)?.first_chunk()?);
                        *sums = [sums[0].plus_product(a, low), sums[1].plus_product(b, high)];
                    }
                }
            }
            for (sums, (_, place)) in sums.into_iter().zip(pixels) {
                let outputs = output.get_mut(place + block.first..)?.get_mut(..LANES)?;
                float::store(outputs, sums, &block.bias, self.bounds);
            }
        }
        Some(())
    }
}

impl Kernel for Vectors {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        self.run(floats(input), floats_mut(output)).ok_or(ErrorKind::EngineInternal)?;
        Ok(Flow::Next)
    }
}
