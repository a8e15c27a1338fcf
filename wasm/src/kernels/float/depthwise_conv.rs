//! DEPTHWISE_CONV_2D, float32.
//!
//! Upstream: `micro/kernels/depthwise_conv.cc` and
//! `lite/kernels/internal/reference/depthwiseconv_float.h`.

use crate::arena::{Inputs, Outputs};
use crate::error::{ErrorKind, Result};
use crate::kernels::depthwise_conv::Geometry;
use crate::kernels::float::{self, Bounds, Float, LANES, floats, floats_mut};
use crate::kernels::{Kernel, Node, Prepared, allocate};
use crate::quantization::Activation;

/// A depthwise convolution whose weights are packed.
struct DepthwiseConv {
    geometry: Geometry,
    /// `[channel / 8][row][column][8]`.
    weights: Vec<[f32; LANES]>,
    bias: Vec<f32>,
    bounds: Bounds,
}

/// Packs the weights.
pub fn prepare(node: &Node<'_>, geometry: Geometry, activation: Activation) -> Result<Prepared> {
    let (filter, output) = (node.input(1)?, node.output(0)?);
    let taps = geometry.window.taps();
    let channels = geometry.window.output_channels;
    let kernel = DepthwiseConv {
        geometry,
        weights: pack(&float::weights(node, filter)?, taps, channels)?,
        bias: float::bias(node, 2, channels)?,
        bounds: Bounds::new(activation),
    };
    Ok(Prepared {
        macs: output.shape.elements() as u64 * taps as u64,
        comparisons: 0,
        scratch_bytes: 0,
        packed_bytes: (kernel.weights.len() * LANES + channels) * 4,
        kernel: Box::new(kernel),
    })
}

/// Packs weights `[tap][channel]`; missing channels weigh nothing.
fn pack(weights: &[f32], taps: usize, channels: usize) -> Result<Vec<[f32; LANES]>> {
    let length = channels.div_ceil(LANES).checked_mul(taps).ok_or(ErrorKind::MemoryExhausted)?;
    let mut packed = allocate(length, [0.0; LANES])?;
    for (tap, row) in weights.chunks_exact(channels).enumerate() {
        let slots = packed.iter_mut().skip(tap).step_by(taps);
        for (slot, weights) in slots.zip(row.chunks(LANES)) {
            for (lane, weight) in slot.iter_mut().zip(weights) {
                *lane = *weight;
            }
        }
    }
    Ok(packed)
}

impl Kernel for DepthwiseConv {
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()> {
        self.run(floats(inputs.get(0)?), floats_mut(outputs.get(0)?))
    }
}

impl DepthwiseConv {
    fn run(&self, input: &[Float], output: &mut [Float]) -> Result<()> {
        let window = &self.geometry.window;
        window.slide(input, output, |image, at, pixel| self.pixel(image, at, pixel))
    }

    /// All channels of one output pixel.
    #[inline(always)]
    fn pixel(&self, image: &[Float], at: (usize, usize), pixel: &mut [Float]) -> Result<()> {
        let Geometry { window, multiplier } = self.geometry;
        let channels = pixel
            .chunks_mut(LANES)
            .zip(self.bias.chunks(LANES))
            .zip(self.weights.chunks_exact(window.taps()));
        for (block, ((pixel, bias), weights)) in channels.enumerate() {
            let first = block * LANES;
            let mut sums = [0.0; LANES];
            if multiplier == 1 && pixel.len() == LANES {
                self.window(&mut sums, image, at, weights, |image| {
                    image.get(first..)?.first_chunk::<LANES>().copied()
                })?;
            } else {
                self.window(&mut sums, image, at, weights, |image| {
                    let mut inputs = [Float::default(); LANES];
                    for (lane, input) in inputs.iter_mut().enumerate().take(pixel.len()) {
                        *input = *image.get((first + lane) / multiplier)?;
                    }
                    Some(inputs)
                })?;
            }
            float::store(pixel, &sums, bias, self.bounds);
        }
        Ok(())
    }

    /// One window over the image for eight channels; `load` reads their inputs from one pixel.
    #[inline(always)]
    fn window(
        &self,
        sums: &mut [f32; LANES],
        image: &[Float],
        at: (usize, usize),
        weights: &[[f32; LANES]],
        load: impl Fn(&[Float]) -> Option<[Float; LANES]>,
    ) -> Result<()> {
        let internal = ErrorKind::EngineInternal;
        let channels = self.geometry.window.input_channels;
        self.geometry.window.runs(at, |tap, pixel, count| {
            let image = image.get(pixel * channels..).ok_or(internal)?;
            let weights = weights.get(tap..).ok_or(internal)?;
            for (image, weights) in image.chunks(channels).zip(weights).take(count) {
                let inputs = load(image).ok_or(internal)?;
                for ((sum, input), weight) in sums.iter_mut().zip(inputs).zip(weights) {
                    *sum += f32::from_le_bytes(input) * weight;
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::float::testing::{assert_same, bytes};
    use crate::kernels::testing::Random;
    use crate::kernels::window::{Axis, Window};
    use crate::options::{Padding, Sliding};

    /// Upstream's loops: input channel by input channel, multiplier by multiplier.
    fn twin(conv: &DepthwiseConv, filter: &[f32], input: &[f32]) -> Vec<f32> {
        let mut output = Vec::new();
        let Geometry { window, multiplier } = conv.geometry;
        let (h, w) = (&window.height, &window.width);
        for batch in 0..window.batches {
            for y in 0..h.output {
                for x in 0..w.output {
                    for channel in 0..window.output_channels {
                        let mut sum = 0.0;
                        for fy in 0..h.filter {
                            for fx in 0..w.filter {
                                let iy = (y * h.stride + fy * h.dilation) as i64 - h.padding as i64;
                                let ix = (x * w.stride + fx * w.dilation) as i64 - w.padding as i64;
                                if iy < 0 || iy >= h.input as i64 || ix < 0 || ix >= w.input as i64 {
                                    continue;
                                }
                                let at = ((batch * h.input + iy as usize) * w.input + ix as usize)
                                    * window.input_channels
                                    + channel / multiplier;
                                let tap = (fy * w.filter + fx) * window.output_channels + channel;
                                sum += input[at] * filter[tap];
                            }
                        }
                        output.push(conv.bounds.clamp(sum + conv.bias[channel]));
                    }
                }
            }
        }
        output
    }

    #[test]
    fn results_equal_those_of_upstreams_loops() {
        let mut random = Random::new(12);
        let mut tried = 0;
        while tried < 400 {
            let sliding = Sliding {
                padding: if random.below(2) == 0 { Padding::Same } else { Padding::Valid },
                stride: (1 + random.below(3), 1 + random.below(3)),
                dilation: (1 + random.below(6), 1 + random.below(6)),
            };
            let filter = (1 + random.below(4), 1 + random.below(4));
            let image = (1 + random.below(9), 1 + random.below(9));
            let Ok((height, width)) = Axis::pair(&sliding, image, filter) else { continue };
            tried += 1;
            let multiplier = [1, 1, 2, 3, 8][random.below(5)];
            let input_channels = 1 + random.below(19);
            let output_channels = input_channels * multiplier;
            let batches = 1 + random.below(2);
            let window = Window { batches, height, width, input_channels, output_channels };
            let weights = random.floats(window.taps() * output_channels);
            let conv = DepthwiseConv {
                geometry: Geometry { window, multiplier },
                weights: pack(&weights, window.taps(), output_channels).unwrap(),
                bias: random.floats(output_channels),
                bounds: Bounds::new([Activation::None, Activation::Relu][random.below(2)]),
            };
            let input = random.floats(batches * image.0 * image.1 * input_channels);
            let expected = twin(&conv, &weights, &input);
            let mut output = vec![[0; 4]; expected.len()];
            conv.run(&bytes(&input), &mut output).unwrap();
            assert_same(&output, &expected, &format!("{:?}", conv.geometry));
        }
    }
}
