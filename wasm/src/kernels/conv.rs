//! CONV_2D, int8.
//!
//! Upstream: `micro/kernels/conv.cc`, `conv_common.cc` and
//! `lite/kernels/internal/reference/integer_ops/conv.h` (`ConvPerChannel`).

use crate::arena::{Inputs, Outputs};
use crate::error::{ErrorKind, Result, ensure};
use crate::kernels::int8::{self, LANES};
use crate::kernels::window::Axis;
use crate::kernels::{Kernel, Node, Prepared};
use crate::options::Options;
use crate::quantization::{Multiplier, OutputStage};

/// A convolution whose weights are packed.
pub struct Conv {
    batches: usize,
    height: Axis,
    width: Axis,
    input_channels: usize,
    output_channels: usize,
    /// Input channels of one group; all of them where the convolution is not grouped.
    group_inputs: usize,
    /// Output channels of one group.
    group_outputs: usize,
    input_offset: i32,
    /// Per group, blocks of four channels: `[group][channel / 4][row][column][input][4]`.
    weights: Vec<[i8; LANES]>,
    bias: Vec<i32>,
    multipliers: Vec<Multiplier>,
    stage: OutputStage,
}

/// Checks the operator and packs its weights.
pub fn prepare(node: &Node<'_>) -> Result<Prepared> {
    node.expect(2..=3, 1)?;
    let (input, filter, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let Options::Conv { sliding, activation } = &node.operator.options else {
        return Err(ErrorKind::OperatorInvalid.into());
    };
    int8::expect_types(input, filter, output)?;
    let invalid = ErrorKind::OperatorInvalid;
    let [batches, input_height, input_width, input_channels] = input.shape.image()?;
    let [output_channels, filter_height, filter_width, group_inputs] = filter.shape.image()?;
    ensure(input_channels % group_inputs == 0, invalid)?;
    let groups = input_channels / group_inputs;
    ensure(output_channels % groups == 0, invalid)?;
    let (height, width) =
        Axis::pair(sliding, (input_height, input_width), (filter_height, filter_width))?;
    let expected = [batches, height.output, width.output, output_channels];
    ensure(output.shape.image()? == expected, invalid)?;

    let taps = filter_height * filter_width * group_inputs;
    let group_outputs = output_channels / groups;
    let weights = int8::weights(node, filter)?;
    let conv = Conv {
        batches,
        height,
        width,
        input_channels,
        output_channels,
        group_inputs,
        group_outputs,
        input_offset: -input.affine()?.1,
        bias: int8::bias(node, 2, output_channels)?,
        multipliers: int8::multipliers(input, filter, output, 0, output_channels)?,
        stage: OutputStage::new(output, *activation)?,
        weights: int8::pack_groups(&weights, taps, taps * group_outputs)?,
    };
    Ok(Prepared {
        macs: output.shape.elements() as u64 * taps as u64,
        comparisons: 0,
        scratch_bytes: 0,
        packed_bytes: conv.weights.len() * LANES + output_channels * 12,
        kernel: Box::new(conv),
    })
}

impl Kernel for Conv {
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()> {
        self.run(inputs.get(0)?, outputs.get(0)?)
    }
}

impl Conv {
    fn run(&self, input: &[u8], output: &mut [u8]) -> Result<()> {
        let image_bytes = self.height.input * self.width.input * self.input_channels;
        let mut pixels = output.chunks_exact_mut(self.output_channels);
        for image in input.chunks_exact(image_bytes).take(self.batches) {
            for y in 0..self.height.output {
                for x in 0..self.width.output {
                    let pixel = pixels.next().ok_or(ErrorKind::EngineInternal)?;
                    self.pixel(image, y, x, pixel)?;
                }
            }
        }
        Ok(())
    }

    /// All channels of one output pixel.
    #[inline(always)]
    fn pixel(&self, image: &[u8], y: usize, x: usize, pixel: &mut [u8]) -> Result<()> {
        let taps = self.height.filter * self.width.filter * self.group_inputs;
        let blocks = self.group_outputs.div_ceil(LANES);
        let mut weights = self.weights.chunks_exact(taps);
        let groups = pixel
            .chunks_exact_mut(self.group_outputs)
            .zip(self.bias.chunks_exact(self.group_outputs))
            .zip(self.multipliers.chunks_exact(self.group_outputs));
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
                self.window(&mut sums, image, (y, x), group * self.group_inputs, weights)?;
                int8::store(pixel, &sums, multipliers, self.stage);
            }
        }
        Ok(())
    }

    /// One window over the image for four channels.
    #[inline(always)]
    fn window(
        &self,
        sums: &mut [i32; LANES],
        image: &[u8],
        (y, x): (usize, usize),
        first_channel: usize,
        weights: &[[i8; LANES]],
    ) -> Result<()> {
        let internal = ErrorKind::EngineInternal;
        let (rows, mut row) = self.height.taps(y);
        let (columns, column) = self.width.taps(x);
        // A dilated window can step over the whole image: then it sees nothing but padding.
        if columns.is_empty() {
            return Ok(());
        }
        let depth = self.group_inputs;
        for tap in rows {
            let start = (row * self.width.input + column) * self.input_channels + first_channel;
            let weights = weights
                .get((tap * self.width.filter + columns.start) * depth..)
                .ok_or(internal)?;
            let image = image.get(start..).ok_or(internal)?;
            if self.width.dilation == 1 && depth == self.input_channels {
                // The taps of a row are neighbours, in the image and in the weights.
                let image = image.get(..columns.len() * depth).ok_or(internal)?;
                int8::accumulate(sums, image, weights, self.input_offset);
            } else {
                let step = self.width.dilation * self.input_channels;
                let taps = image.chunks(step).zip(weights.chunks_exact(depth)).take(columns.len());
                for (image, weights) in taps {
                    int8::accumulate(sums, image, weights, self.input_offset);
                }
            }
            row += self.height.dilation;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::Random;
    use crate::options::{Padding, Sliding};

    /// Upstream's loops: every tap of every output, with a border test for each.
    fn twin(conv: &Conv, filter: &[i8], input: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        let (h, w) = (&conv.height, &conv.width);
        for batch in 0..conv.batches {
            for y in 0..h.output {
                for x in 0..w.output {
                    for channel in 0..conv.output_channels {
                        let group = channel / conv.group_outputs;
                        let mut sum = 0i32;
                        for fy in 0..h.filter {
                            for fx in 0..w.filter {
                                let iy = (y * h.stride + fy * h.dilation) as i64 - h.padding as i64;
                                let ix = (x * w.stride + fx * w.dilation) as i64 - w.padding as i64;
                                if iy < 0 || iy >= h.input as i64 || ix < 0 || ix >= w.input as i64 {
                                    continue;
                                }
                                for c in 0..conv.group_inputs {
                                    let at = ((batch * h.input + iy as usize) * w.input + ix as usize)
                                        * conv.input_channels
                                        + group * conv.group_inputs
                                        + c;
                                    let tap = ((channel * h.filter + fy) * w.filter + fx)
                                        * conv.group_inputs
                                        + c;
                                    sum += i32::from(filter[tap])
                                        * (i32::from(input[at] as i8) + conv.input_offset);
                                }
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
        let mut random = Random::new(3);
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
            let (group_inputs, group_outputs) = (1 + random.below(6), 1 + random.below(9));
            let output_channels = groups * group_outputs;
            let taps = filter.0 * filter.1 * group_inputs;
            let weights = random.weights(output_channels * taps);
            let packed = weights
                .chunks_exact(taps * group_outputs)
                .flat_map(|group| int8::pack(group, taps).unwrap())
                .collect();
            let conv = Conv {
                batches: 1 + random.below(2),
                height,
                width,
                input_channels: groups * group_inputs,
                output_channels,
                group_inputs,
                group_outputs,
                input_offset: random.below(256) as i32 - 127,
                weights: packed,
                bias: random.biases(output_channels),
                multipliers: (0..output_channels)
                    .map(|_| Multiplier::new(1e-4 + random.below(1000) as f64 * 1e-5).unwrap())
                    .collect(),
                stage: OutputStage { zero_point: random.below(256) as i32 - 128, low: -100, high: 120 },
            };
            let input = random.bytes(conv.batches * image.0 * image.1 * conv.input_channels);
            let expected = twin(&conv, &weights, &input);
            let mut output = vec![0; expected.len()];
            conv.run(&input, &mut output).unwrap();
            assert_eq!(output, expected, "{height:?} {width:?}");
        }
    }
}
