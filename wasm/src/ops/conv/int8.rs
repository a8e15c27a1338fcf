//! CONV_2D, int8.
//!
//! Upstream: `micro/kernels/conv.cc`, `conv_common.cc` and
//! `lite/kernels/internal/reference/integer_ops/conv.h` (`ConvPerChannel`).

use crate::error::{ErrorKind, Result};
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::ops::conv::Geometry;
use crate::ops::weights::int8::{self, LANES};
use crate::ops::weights::pack::pack_groups;
use crate::ops::{Action, Flow, Kernel, Node, Request};
use crate::run::io::Io;

/// A convolution whose weights are packed.
pub struct Conv {
    geometry: Geometry,
    input_offset: i32,
    /// Per group, blocks of four channels: `[group][channel / 4][row][column][input][4]`.
    weights: Vec<[i8; LANES]>,
    bias: Vec<i32>,
    multipliers: Vec<Multiplier>,
    stage: OutputStage,
}

/// Packs the weights.
pub fn prepare(
    node: &Node<'_>,
    request: &mut Request,
    geometry: Geometry,
    activation: Activation,
) -> Result<Action> {
    let (input, filter, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let channels = geometry.window.output_channels;
    let weights = int8::weights(node, filter)?;
    let conv = Conv {
        geometry,
        input_offset: -input.affine()?.1,
        bias: int8::bias(node, 2, channels)?,
        multipliers: int8::multipliers(input, filter, output, 0, channels)?,
        stage: OutputStage::new(output, activation)?,
        weights: pack_groups(&weights, geometry.depth(), geometry.group_weights())?,
    };
    request.macs(output.shape.elements() as u64 * geometry.depth() as u64);
    request.packed(conv.weights.len() * LANES + channels * 12);
    Ok(Action::run(conv))
}

impl Kernel for Conv {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        self.run(input, output)?;
        Ok(Flow::Next)
    }
}

impl Conv {
    fn run(&self, input: &[u8], output: &mut [u8]) -> Result<()> {
        let window = &self.geometry.window;
        window.slide(input, output, |image, at, pixel| self.pixel(image, at, pixel))
    }

    /// All channels of one output pixel.
    #[inline(always)]
    fn pixel(&self, image: &[u8], at: (usize, usize), pixel: &mut [u8]) -> Result<()> {
        let internal = ErrorKind::EngineInternal;
        let group_outputs = self.geometry.group_outputs;
        let blocks = group_outputs.div_ceil(LANES);
        let mut weights = self.weights.chunks_exact(self.geometry.depth());
        let groups = pixel
            .chunks_exact_mut(group_outputs)
            .zip(self.bias.chunks_exact(group_outputs))
            .zip(self.multipliers.chunks_exact(group_outputs));
        for (group, ((pixel, bias), multipliers)) in groups.enumerate() {
            let channels = pixel
                .chunks_mut(LANES)
                .zip(bias.chunks(LANES))
                .zip(multipliers.chunks(LANES))
                .zip(weights.by_ref().take(blocks));
            for (((pixel, bias), multipliers), weights) in channels {
                let mut sums = [0; LANES];
                for (sum, bias) in sums.iter_mut().zip(bias) {
                    *sum = *bias;
                }
                self.geometry.runs(at, group, |first, product, count| {
                    let image = image.get(first..first + count).ok_or(internal)?;
                    let weights = weights.get(product..).ok_or(internal)?;
                    int8::accumulate(&mut sums, image, weights, self.input_offset);
                    Ok(())
                })?;
                int8::store(pixel, &sums, multipliers, self.stage);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::window::Window;
    use crate::testing::{Shapes, rescale, try_windows, walk};

    /// An output channel sees the inputs of its group, tap by tap.
    fn twin(conv: &Conv, filter: &[i8], input: &[u8]) -> Vec<u8> {
        let Geometry { window, group_inputs, group_outputs } = conv.geometry;
        walk(&window, |channel, taps| {
            let mut sum = conv.bias[channel];
            for at in taps {
                for c in 0..group_inputs {
                    let input = input[at.pixel * window.input_channels + channel / group_outputs * group_inputs + c];
                    let weight = filter[(channel * window.taps() + at.tap) * group_inputs + c];
                    sum += i32::from(weight) * (i32::from(input as i8) + conv.input_offset);
                }
            }
            rescale(sum, &conv.multipliers[channel], &conv.stage)
        })
    }

    #[test]
    fn results_equal_those_of_upstreams_loops() {
        try_windows(3, 400, &Shapes { image: 9, dilation: 6 }, |random, window| {
            let groups = 1 + random.below(2);
            let (group_inputs, group_outputs) = (1 + random.below(6), 1 + random.below(9));
            let window = Window {
                batches: 1 + random.below(2),
                input_channels: groups * group_inputs,
                output_channels: groups * group_outputs,
                ..window
            };
            let taps = window.taps() * group_inputs;
            let weights = random.weights(window.output_channels * taps);
            let conv = Conv {
                geometry: Geometry { window, group_inputs, group_outputs },
                input_offset: random.below(256) as i32 - 127,
                weights: pack_groups(&weights, taps, taps * group_outputs).unwrap(),
                bias: random.biases(window.output_channels),
                multipliers: random.multipliers(window.output_channels),
                stage: random.stage(),
            };
            let input = random.bytes(window.input_elements());
            let expected = twin(&conv, &weights, &input);
            let mut output = vec![0; expected.len()];
            conv.run(&input, &mut output).unwrap();
            assert_eq!(output, expected, "{window:?}");
        });
    }
}
