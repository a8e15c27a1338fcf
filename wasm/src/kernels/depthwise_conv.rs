//! DEPTHWISE_CONV_2D: what its types have in common, and int8.
//!
//! Upstream: `micro/kernels/depthwise_conv.cc`, `depthwise_conv_common.cc` and
//! `lite/kernels/internal/reference/integer_ops/depthwise_conv.h` (`DepthwiseConvPerChannel`).

use crate::arena::{Inputs, Outputs};
use crate::error::{ErrorKind, Result, ensure};
use crate::kernels::int8::{self, int8};
use crate::kernels::window::{Sliding, Window, positive};
use crate::kernels::{Kernel, Node, Options, Prepared, activation, expect_weighted_types, float};
use crate::file::flatbuffer::Table;
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::model::tensor::TensorType;

/// Output channels computed together.
const LANES: usize = 8;

/// A window over each channel by itself: output channel c reads input channel c / multiplier.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// How the window slides.
    pub window: Window,
    /// Output channels of one input channel.
    pub multiplier: usize,
}

/// A depthwise convolution.
pub struct DepthwiseConv {
    geometry: Geometry,
    input_offset: i32,
    /// `[row][column][output channel]`, as in the file: channels already lie side by side.
    weights: Vec<i8>,
    bias: Vec<i32>,
    multipliers: Vec<Multiplier>,
    stage: OutputStage,
}

struct DepthwiseOptions {
    sliding: Sliding,
    activation: Activation,
    multiplier: usize,
}

impl Options for DepthwiseOptions {
    const MEMBER: u8 = 2;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self {
            sliding: Sliding::read(table, Some((5, 6)))?,
            multiplier: positive(table.scalar(3, 0)?)?,
            activation: activation(table, 4)?,
        })
    }
}

/// Checks the operator and takes its weights.
pub fn prepare(node: &Node<'_>) -> Result<Prepared> {
    node.expect(2..=3, 1)?;
    let (input, filter, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let DepthwiseOptions { sliding, activation, multiplier } = node.options()?;
    expect_weighted_types(input, filter, output)?;
    let invalid = ErrorKind::OperatorInvalid;
    let [.., input_channels] = input.shape.image()?;
    let [one, filter_height, filter_width, output_channels] = filter.shape.image()?;
    ensure(one == 1, invalid)?;
    ensure(input_channels.checked_mul(multiplier) == Some(output_channels), invalid)?;
    let taps = (filter_height, filter_width);
    let window = Window::new(&sliding, &input.shape, taps, output, output_channels)?;
    let geometry = Geometry { window, multiplier };
    match input.element_type {
        TensorType::Float32 => float::depthwise_conv::prepare(node, geometry, activation),
        _ => prepare_int8(node, geometry, activation),
    }
}

fn prepare_int8(node: &Node<'_>, geometry: Geometry, activation: Activation) -> Result<Prepared> {
    let (input, filter, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let channels = geometry.window.output_channels;
    let kernel = DepthwiseConv {
        geometry,
        input_offset: -input.affine()?.1,
        weights: int8::weights(node, filter)?,
        bias: int8::bias(node, 2, channels)?,
        multipliers: int8::multipliers(input, filter, output, 3, channels)?,
        stage: OutputStage::new(output, activation)?,
    };
    Ok(Prepared {
        macs: output.shape.elements() as u64 * geometry.window.taps() as u64,
        comparisons: 0,
        scratch_bytes: 0,
        packed_bytes: kernel.weights.len() + channels * 12,
        kernel: Box::new(kernel),
    })
}

impl Kernel for DepthwiseConv {
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()> {
        self.run(inputs.get(0)?, outputs.get(0)?)
    }
}

impl DepthwiseConv {
    fn run(&self, input: &[u8], output: &mut [u8]) -> Result<()> {
        let window = &self.geometry.window;
        window.slide(input, output, |image, at, pixel| self.pixel(image, at, pixel))
    }

    #[inline(always)]
    fn pixel(&self, image: &[u8], at: (usize, usize), pixel: &mut [u8]) -> Result<()> {
        let channels = pixel
            .chunks_mut(LANES)
            .zip(self.bias.chunks(LANES))
            .zip(self.multipliers.chunks(LANES));
        for (block, ((pixel, bias), multipliers)) in channels.enumerate() {
            let first = block * LANES;
            let mut sums = [0i32; LANES];
            for (sum, bias) in sums.iter_mut().zip(bias) {
                *sum = *bias;
            }
            if self.geometry.multiplier == 1 && pixel.len() == LANES {
                self.window(&mut sums, image, at, first, |image| {
                    let inputs: &[u8; LANES] = image.get(first..)?.first_chunk()?;
                    Some(inputs.map(int8))
                })?;
            } else {
                self.window(&mut sums, image, at, first, |image| {
                    let mut inputs = [0; LANES];
                    for (lane, input) in inputs.iter_mut().enumerate().take(pixel.len()) {
                        *input = int8(*image.get((first + lane) / self.geometry.multiplier)?);
                    }
                    Some(inputs)
                })?;
            }
            for ((output, sum), multiplier) in pixel.iter_mut().zip(&sums).zip(multipliers) {
                *output = self.stage.finish(multiplier.apply(*sum)) as u8;
            }
        }
        Ok(())
    }

    /// One window over the image for eight channels; `load` reads their inputs at one place.
    #[inline(always)]
    fn window(
        &self,
        sums: &mut [i32; LANES],
        image: &[u8],
        at: (usize, usize),
        first: usize,
        load: impl Fn(&[u8]) -> Option<[i32; LANES]>,
    ) -> Result<()> {
        let internal = ErrorKind::EngineInternal;
        let Window { input_channels, output_channels, .. } = self.geometry.window;
        self.geometry.window.runs(at, |tap, pixel, count| {
            let image = image.get(pixel * input_channels..).ok_or(internal)?;
            let weights = self.weights.get(tap * output_channels + first..).ok_or(internal)?;
            let taps = image.chunks(input_channels).zip(weights.chunks(output_channels));
            for (image, weights) in taps.take(count) {
                let inputs = load(image).ok_or(internal)?;
                match weights.first_chunk::<LANES>() {
                    Some(weights) => self.add(sums, &inputs, weights),
                    None => self.add(sums, &inputs, weights),
                }
            }
            Ok(())
        })
    }

    #[inline(always)]
    fn add(&self, sums: &mut [i32; LANES], inputs: &[i32; LANES], weights: &[i8]) {
        for ((sum, input), weight) in sums.iter_mut().zip(inputs).zip(weights) {
            *sum = sum.wrapping_add((input + self.input_offset) * i32::from(*weight));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Shapes, rescale, try_windows, walk};

    /// An output channel sees one input channel, which it shares with its neighbours.
    fn twin(conv: &DepthwiseConv, input: &[u8]) -> Vec<u8> {
        let Geometry { window, multiplier } = conv.geometry;
        walk(&window, |channel, taps| {
            let mut sum = conv.bias[channel];
            for at in taps {
                let input = input[at.pixel * window.input_channels + channel / multiplier];
                let weight = conv.weights[at.tap * window.output_channels + channel];
                sum += i32::from(weight) * (i32::from(input as i8) + conv.input_offset);
            }
            rescale(sum, &conv.multipliers[channel], &conv.stage)
        })
    }

    #[test]
    fn results_equal_those_of_upstreams_loops() {
        try_windows(4, 400, &Shapes { image: 9, dilation: 6 }, |random, window| {
            let multiplier = [1, 1, 2, 3, 8][random.below(5)];
            let input_channels = 1 + random.below(19);
            let output_channels = input_channels * multiplier;
            let window = Window { batches: 1 + random.below(2), input_channels, output_channels, ..window };
            let conv = DepthwiseConv {
                geometry: Geometry { window, multiplier },
                input_offset: random.below(256) as i32 - 127,
                weights: random.weights(window.taps() * output_channels),
                bias: random.biases(output_channels),
                multipliers: random.multipliers(output_channels),
                stage: random.stage(),
            };
            let input = random.bytes(window.input_elements());
            let expected = twin(&conv, &input);
            let mut output = vec![0; expected.len()];
            conv.run(&input, &mut output).unwrap();
            assert_eq!(output, expected, "{window:?} {multiplier}");
        });
    }
}
