//! DEPTHWISE_CONV_2D: what its types have in common, and int8.
//!
//! Upstream: `micro/kernels/depthwise_conv.cc`, `depthwise_conv_common.cc` and
//! `lite/kernels/internal/reference/integer_ops/depthwise_conv.h` (`DepthwiseConvPerChannel`).

use crate::arena::{Inputs, Outputs};
use crate::error::{ErrorKind, Result, ensure};
use crate::kernels::int8::{self, int8};
use crate::kernels::window::Window;
use crate::kernels::{Kernel, Node, Prepared, expect_weighted_types, float};
use crate::options::Options;
use crate::quantization::{Activation, Multiplier, OutputStage};
use crate::tensor::TensorType;

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

/// Checks the operator and takes its weights.
pub fn prepare(node: &Node<'_>) -> Result<Prepared> {
    node.expect(2..=3, 1)?;
    let (input, filter, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let Options::DepthwiseConv { sliding, activation, multiplier } = &node.operator.options else {
        return Err(ErrorKind::OperatorInvalid.into());
    };
    expect_weighted_types(input, filter, output)?;
    let invalid = ErrorKind::OperatorInvalid;
    let [.., input_channels] = input.shape.image()?;
    let [one, filter_height, filter_width, output_channels] = filter.shape.image()?;
    ensure(one == 1, invalid)?;
    ensure(input_channels.checked_mul(*multiplier) == Some(output_channels), invalid)?;
    let taps = (filter_height, filter_width);
    let window = Window::new(sliding, &input.shape, taps, output, output_channels)?;
    let geometry = Geometry { window, multiplier: *multiplier };
    match input.element_type {
        TensorType::Float32 => float::depthwise_conv::prepare(node, geometry, *activation),
        _ => prepare_int8(node, geometry, *activation),
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
    use crate::kernels::testing::Random;
    use crate::kernels::window::Axis;
    use crate::options::{Padding, Sliding};

    /// Upstream's loops: input channel by input channel, multiplier by multiplier.
    fn twin(conv: &DepthwiseConv, input: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        let Geometry { window, multiplier } = conv.geometry;
        let (h, w) = (&window.height, &window.width);
        for batch in 0..window.batches {
            for y in 0..h.output {
                for x in 0..w.output {
                    for channel in 0..window.output_channels {
                        let mut sum = 0i32;
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
                                sum += i32::from(conv.weights[tap])
                                    * (i32::from(input[at] as i8) + conv.input_offset);
                            }
                        }
                        let scaled = conv.multipliers[channel].apply(sum + conv.bias[channel]);
                        let clamped = (scaled + conv.stage.zero_point)
                            .max(conv.stage.low)
                            .min(conv.stage.high);
                        output.push(clamped as i8 as u8);
                    }
                }
            }
        }
        output
    }

    #[test]
    fn results_equal_those_of_upstreams_loops() {
        let mut random = Random::new(4);
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
            let conv = DepthwiseConv {
                geometry: Geometry { window, multiplier },
                input_offset: random.below(256) as i32 - 127,
                weights: random.weights(filter.0 * filter.1 * output_channels),
                bias: random.biases(output_channels),
                multipliers: (0..output_channels)
                    .map(|_| Multiplier::new(1e-4 + random.below(1000) as f64 * 1e-5).unwrap())
                    .collect(),
                stage: OutputStage { zero_point: random.below(256) as i32 - 128, low: -100, high: 120 },
            };
            let input = random.bytes(batches * image.0 * image.1 * input_channels);
            let expected = twin(&conv, &input);
            let mut output = vec![0; expected.len()];
            conv.run(&input, &mut output).unwrap();
            assert_eq!(output, expected, "{height:?} {width:?} {multiplier}");
        }
    }
}
