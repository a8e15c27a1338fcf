//! CONV_2D, float32.
//!
//! Upstream: `micro/kernels/conv.cc` and `lite/kernels/internal/reference/conv.h`.

use crate::arena::{Inputs, Outputs};
use crate::error::{ErrorKind, Result};
use crate::kernels::conv::Geometry;
use crate::kernels::float::{self, Bounds, Float, LANES, floats, floats_mut};
use crate::kernels::pack::pack_groups;
use crate::kernels::{Kernel, Node, Prepared};
use crate::quantization::Activation;

/// A convolution whose weights are packed.
struct Conv {
    geometry: Geometry,
    /// Per group, blocks of eight channels: `[group][channel / 8][row][column][input][8]`.
    weights: Vec<[f32; LANES]>,
    bias: Vec<f32>,
    bounds: Bounds,
}

/// Packs the weights.
pub fn prepare(node: &Node<'_>, geometry: Geometry, activation: Activation) -> Result<Prepared> {
    let (filter, output) = (node.input(1)?, node.output(0)?);
    let weights = float::weights(node, filter)?;
    let conv = Conv {
        geometry,
        weights: pack_groups(&weights, geometry.depth(), geometry.group_weights())?,
        bias: float::bias(node, 2, geometry.window.output_channels)?,
        bounds: Bounds::new(activation),
    };
    Ok(Prepared {
        macs: output.shape.elements() as u64 * geometry.depth() as u64,
        comparisons: 0,
        scratch_bytes: 0,
        packed_bytes: (conv.weights.len() * LANES + conv.bias.len()) * 4,
        kernel: Box::new(conv),
    })
}

impl Kernel for Conv {
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()> {
        self.run(floats(inputs.get(0)?), floats_mut(outputs.get(0)?))
    }
}

impl Conv {
    fn run(&self, input: &[Float], output: &mut [Float]) -> Result<()> {
        let window = &self.geometry.window;
        window.slide(input, output, |image, at, pixel| self.pixel(image, at, pixel))
    }

    /// All channels of one output pixel.
    #[inline(always)]
    fn pixel(&self, image: &[Float], at: (usize, usize), pixel: &mut [Float]) -> Result<()> {
        let internal = ErrorKind::EngineInternal;
        let group_outputs = self.geometry.group_outputs;
        let blocks = group_outputs.div_ceil(LANES);
        let mut weights = self.weights.chunks_exact(self.geometry.depth());
        let groups =
            pixel.chunks_exact_mut(group_outputs).zip(self.bias.chunks_exact(group_outputs));
        for (group, (pixel, bias)) in groups.enumerate() {
            let channels = pixel
                .chunks_mut(LANES)
                .zip(bias.chunks(LANES))
                .zip(weights.by_ref().take(blocks));
            for ((pixel, bias), weights) in channels {
                let mut sums = [0.0; LANES];
                self.geometry.runs(at, group, |first, product, count| {
                    let image = image.get(first..first + count).ok_or(internal)?;
                    let weights = weights.get(product..).ok_or(internal)?;
                    float::accumulate(&mut sums, image, weights);
                    Ok(())
                })?;
                float::store(pixel, &sums, bias, self.bounds);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::float::testing::{assert_same, bytes};
    use crate::kernels::testing::Random;
    use crate::kernels::window::{Axis, Window};
    use crate::options::{Padding, Sliding};

    /// Upstream's loops: every tap of every output, with a border test for each.
    fn twin(conv: &Conv, filter: &[f32], input: &[f32]) -> Vec<f32> {
        let mut output = Vec::new();
        let Geometry { window, group_inputs, group_outputs } = conv.geometry;
        let (h, w) = (&window.height, &window.width);
        for batch in 0..window.batches {
            for y in 0..h.output {
                for x in 0..w.output {
                    for channel in 0..window.output_channels {
                        let group = channel / group_outputs;
                        let mut sum = 0.0;
                        for fy in 0..h.filter {
                            for fx in 0..w.filter {
                                let iy = (y * h.stride + fy * h.dilation) as i64 - h.padding as i64;
                                let ix = (x * w.stride + fx * w.dilation) as i64 - w.padding as i64;
                                if iy < 0 || iy >= h.input as i64 || ix < 0 || ix >= w.input as i64 {
                                    continue;
                                }
                                for c in 0..group_inputs {
                                    let at = ((batch * h.input + iy as usize) * w.input + ix as usize)
                                        * window.input_channels
                                        + group * group_inputs
                                        + c;
                                    let tap =
                                        ((channel * h.filter + fy) * w.filter + fx) * group_inputs + c;
                                    sum += input[at] * filter[tap];
                                }
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
        let mut random = Random::new(11);
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
            let groups = 1 + random.below(2);
            let (group_inputs, group_outputs) = (1 + random.below(6), 1 + random.below(19));
            let output_channels = groups * group_outputs;
            let window = Window {
                batches: 1 + random.below(2),
                height,
                width,
                input_channels: groups * group_inputs,
                output_channels,
            };
            let geometry = Geometry { window, group_inputs, group_outputs };
            let weights = random.floats(output_channels * geometry.depth());
            let conv = Conv {
                geometry,
                weights: pack_groups(&weights, geometry.depth(), geometry.group_weights())
                    .unwrap(),
                bias: random.floats(output_channels),
                bounds: Bounds::new([Activation::None, Activation::ReluN1To1][random.below(2)]),
            };
            let input =
                random.floats(window.batches * image.0 * image.1 * window.input_channels);
            let expected = twin(&conv, &weights, &input);
            let mut output = vec![[0; 4]; expected.len()];
            conv.run(&bytes(&input), &mut output).unwrap();
            assert_same(&output, &expected, &format!("{geometry:?}"));
        }
    }
}
