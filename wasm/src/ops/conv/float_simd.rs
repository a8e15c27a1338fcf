//! CONV_2D, float32, by eight channels and up to four pixels: the twin of `float.rs`. A pixel alone goes by 32 channels.

use core::ops::Range;

use crate::error::{ErrorKind, Result};
use crate::ops::conv::Geometry;
use crate::ops::conv::float::{Conv, Layer};
use crate::ops::weights::float::{Float, LANES};
use crate::ops::weights::pack::pack_groups;
use crate::ops::window::Window;
use crate::simd::float;
use crate::simd::regions::{Region, Regions};

/// The same convolution, and how its output is cut.
pub struct Vectors {
    conv: Conv,
    regions: Regions,
    /// As the weights: per group, blocks of eight channels.
    bias: Vec<[f32; LANES]>,
}

/// Output channels of a group.
struct Group<'a> {
    weights: &'a [[f32; LANES]],
    bias: &'a [[f32; LANES]],
    /// First input channel.
    input: usize,
    /// First output channel.
    output: usize,
}

impl Vectors {
    /// Cuts the output.
    pub fn new(conv: Conv) -> Result<Self> {
        let bias = pack_groups(&conv.bias, 1, conv.geometry.group_outputs)?;
        Ok(Self { regions: Regions::new(conv.geometry.window)?, bias, conv })
    }

    fn compute(&self, input: &[Float], output: &mut [Float]) -> Option<()> {
        let geometry = &self.conv.geometry;
        let window = &geometry.window;
        let blocks = geometry.group_outputs.div_ceil(LANES);
        let images = input.chunks_exact(window.height.input * window.width.input * window.input_channels);
        let outputs = output.chunks_exact_mut(window.height.output * window.width.output * window.output_channels);
        for (image, output) in images.zip(outputs) {
            self.regions.each(|region| {
                let groups = self.conv.weights.chunks_exact(blocks * geometry.depth()).zip(self.bias.chunks_exact(blocks));
                for (group, (weights, bias)) in groups.enumerate() {
                    let (input, output_channel) = (group * geometry.group_inputs, group * geometry.group_outputs);
                    let group = Group { weights, bias, input, output: output_channel };
                    if region.pixels == 1 {
                        for block in (0..blocks).step_by(4) {
                            self.tile::<1, 4>((image, &mut *output), &group, block, &mut region.clone())?;
                        }
                        continue;
                    }
                    for block in 0..blocks {
                        let mut region = region.clone();
                        while region.pixels > 0 {
                            self.tile::<4, 1>((image, &mut *output), &group, block, &mut region)?;
                        }
                    }
                }
                Some(())
            })?;
        }
        Some(())
    }

    /// The next pixels of a region, of some blocks of channels. Where there are fewer, the last is computed again.
    #[inline(always)]
    fn tile<const PIXELS: usize, const BLOCKS: usize>(
        &self,
        (image, output): (&[Float], &mut [Float]),
        group: &Group<'_>,
        first_block: usize,
        region: &mut Region,
    ) -> Option<()> {
        let geometry = &self.conv.geometry;
        let depth = geometry.depth();
        let mut blocks = [0; BLOCKS];
        for (number, block) in blocks.iter_mut().enumerate() {
            *block = (first_block + number).min(group.bias.len() - 1);
        }
        let mut weights: [&[[f32; LANES]]; BLOCKS] = [&[]; BLOCKS];
        for (weights, block) in weights.iter_mut().zip(blocks) {
            *weights = group.weights.get(block * depth..)?.get(..depth)?;
        }
        let mut images: [&[Float]; PIXELS] = [&[]; PIXELS];
        let pixels = region.take::<PIXELS>();
        for (image_at, (window, _)) in images.iter_mut().zip(pixels) {
            *image_at = image.get(window + group.input..)?;
        }
        let mut sums = [[float::none(); BLOCKS]; PIXELS];
        runs(geometry, &region.taps, |first, product, length| {
            let (mut rows, mut columns) = (images, weights);
            for row in &mut rows {
                *row = row.get(first..)?;
            }
            for column in &mut columns {
                *column = column.get(product..)?;
            }
            float::accumulate(&mut sums, rows, columns, length)
        })?;
        for (sums, (_, place)) in sums.into_iter().zip(pixels) {
            for (sums, block) in sums.into_iter().zip(blocks) {
                let channels = LANES.min(geometry.group_outputs - block * LANES);
                let outputs = output.get_mut(place + group.output + block * LANES..)?.get_mut(..channels)?;
                float::store(outputs, sums, group.bias.get(block)?, self.conv.bounds);
            }
        }
        Some(())
    }
}

/// Visits the inputs of one group under a window, in runs of neighbours in the image and in the weights: (first input, relative
/// to the window's, first product, how many).
#[inline(always)]
fn runs(
    geometry: &Geometry,
    [rows, columns]: &[Range<usize>; 2],
    mut visit: impl FnMut(usize, usize, usize) -> Option<()>,
) -> Option<()> {
    let Window { height, width, input_channels, .. } = &geometry.window;
    let depth = geometry.group_inputs;
    let together = depth == *input_channels && width.dilation == 1;
    let (steps, length) = if together { (columns.len().min(1), columns.len() * depth) } else { (columns.len(), depth) };
    for (number, row) in rows.clone().enumerate() {
        let first = number * height.dilation * width.input * input_channels;
        let product = (row * width.filter + columns.start) * depth;
        for step in 0..steps {
            visit(first + step * width.dilation * input_channels, product + step * depth, length)?;
        }
    }
    Some(())
}

impl Layer for Vectors {
    fn run(&self, input: &[Float], output: &mut [Float]) -> Result<()> {
        Ok(self.compute(input, output).ok_or(ErrorKind::EngineInternal)?)
    }
}
