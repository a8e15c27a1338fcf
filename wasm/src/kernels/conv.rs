//! CONV_2D: what its types have in common, and int8.
//!
//! Upstream: `micro/kernels/conv.cc`, `conv_common.cc` and
//! `lite/kernels/internal/reference/integer_ops/conv.h` (`ConvPerChannel`).

use crate::arena::{Inputs, Outputs};
use crate::error::{ErrorKind, Result, ensure};
use crate::kernels::int8::{self, LANES};
use crate::kernels::pack::pack_groups;
use crate::kernels::window::{Sliding, Window};
use crate::kernels::{Kernel, Node, Options, Prepared, activation, expect_weighted_types, float};
use crate::file::flatbuffer::Table;
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::model::tensor::TensorType;

/// A window and the channels that it multiplies.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// How the window slides.
    pub window: Window,
    /// Input channels of one group; all of them where the convolution is not grouped.
    pub group_inputs: usize,
    /// Output channels of one group.
    pub group_outputs: usize,
}

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

struct Conv2dOptions {
    sliding: Sliding,
    activation: Activation,
}

impl Options for Conv2dOptions {
    const MEMBER: u8 = 1;

    fn read(table: &Table<'_>) -> Result<Self> {
        let sliding = Sliding::read(table, Some((4, 5)))?;
        Ok(Self { sliding, activation: activation(table, 3)? })
    }
}

/// Checks the operator and packs its weights.
pub fn prepare(node: &Node<'_>) -> Result<Prepared> {
    node.expect(2..=3, 1)?;
    let (input, filter, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let Conv2dOptions { sliding, activation } = node.options()?;
    expect_weighted_types(input, filter, output)?;
    let invalid = ErrorKind::OperatorInvalid;
    let [.., input_channels] = input.shape.image()?;
    let [output_channels, filter_height, filter_width, group_inputs] = filter.shape.image()?;
    ensure(input_channels % group_inputs == 0, invalid)?;
    let groups = input_channels / group_inputs;
    ensure(output_channels % groups == 0, invalid)?;
    let taps = (filter_height, filter_width);
    let geometry = Geometry {
        window: Window::new(&sliding, &input.shape, taps, output, output_channels)?,
        group_inputs,
        group_outputs: output_channels / groups,
    };
    match input.element_type {
        TensorType::Float32 => float::conv::prepare(node, geometry, activation),
        _ => prepare_int8(node, geometry, activation),
    }
}

fn prepare_int8(node: &Node<'_>, geometry: Geometry, activation: Activation) -> Result<Prepared> {
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
    Ok(Prepared {
        macs: output.shape.elements() as u64 * geometry.depth() as u64,
        comparisons: 0,
        scratch_bytes: 0,
        packed_bytes: conv.weights.len() * LANES + channels * 12,
        kernel: Box::new(conv),
    })
}

impl Geometry {
    /// Products of one output.
    pub fn depth(&self) -> usize {
        self.window.taps() * self.group_inputs
    }

    /// Weights of one group.
    pub fn group_weights(&self) -> usize {
        self.depth() * self.group_outputs
    }

    /// Visits the inputs of one group under the window at (y, x), in runs of neighbours in the
    /// image and in the weights: (first input, first product, how many).
    #[inline(always)]
    pub fn runs(
        &self,
        at: (usize, usize),
        group: usize,
        mut visit: impl FnMut(usize, usize, usize) -> Result<()>,
    ) -> Result<()> {
        let (depth, channels) = (self.group_inputs, self.window.input_channels);
        let first_channel = group * depth;
        self.window.runs(at, |tap, pixel, count| {
            if depth == channels {
                return visit(pixel * channels, tap * depth, count * depth);
            }
            for step in 0..count {
                visit((pixel + step) * channels + first_channel, (tap + step) * depth, depth)?;
            }
            Ok(())
        })
    }
}

impl Kernel for Conv {
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()> {
        self.run(inputs.get(0)?, outputs.get(0)?)
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
