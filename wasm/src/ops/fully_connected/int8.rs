//! FULLY_CONNECTED, int8.
//!
//! Upstream: `micro/kernels/fully_connected.cc`, `fully_connected_common.cc` and
//! `lite/kernels/internal/reference/integer_ops/fully_connected.h`.

use crate::error::Result;
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::ops::conv::Geometry;
use crate::ops::conv::simd::Conv;
use crate::ops::fully_connected::simd;
use crate::ops::weights::int8::{self, LANES, Lowered, int8};
use crate::ops::weights::pack::pack;
use crate::ops::{Action, Flow, Kernel, Node, Request};
use crate::run::io::Io;
use crate::simd::ALONE;

/// A matrix product with packed weights.
pub struct FullyConnected {
    /// Inputs per row, and weights per output channel.
    depth: usize,
    channels: usize,
    input_offset: i32,
    /// Negated zero point of the weights: upstream honours one for the whole tensor.
    weights_offset: i32,
    /// `[channel / 4][input][4]`.
    weights: Vec<[i8; LANES]>,
    bias: Vec<i32>,
    multipliers: Vec<Multiplier>,
    stage: OutputStage,
}

/// Packs the weights. Without a value where they are to be read where they lie.
pub fn prepare(
    node: &Node<'_>,
    request: &mut Request,
    (channels, depth): (usize, usize),
    activation: Activation,
) -> Result<Option<Action>> {
    let (input, filter, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let (multipliers, weights_offset) =
        int8::whole_multipliers(input, filter, node.optional_input(2)?, output, channels)?;
    let weights = int8::weights(node, filter)?;
    let bias = int8::bias(node, 2, channels)?;
    let (zero_point, stage) = (input.affine()?.1, OutputStage::new(output, activation)?);
    let macs = output.shape.elements() as u64 * depth as u64;
    if request.is_fast() {
        let wide = int8::widened(&weights, weights_offset)?;
        let rows = output.shape.elements() / channels;
        if rows == 1 {
            let factors = (bias.as_slice(), multipliers.as_slice());
            if let Some(kernel) = simd::FullyConnected::new(&wide, (depth, zero_point), factors, stage, request)? {
                request.macs(macs);
                return Ok(Some(Action::run(kernel)));
            }
        } else {
            let geometry = Geometry::rows(rows, depth, channels);
            let lowered = Lowered { geometry, zero_point, weights: &wide, bias: &bias, multipliers: &multipliers, stage };
            if let Some(kernel) = Conv::new(&lowered, request)? {
                request.macs(macs);
                return Ok(Some(Action::run(kernel)));
            }
        }
    }
    if ALONE {
        return Ok(None);
    }
    request.macs(macs);
    let weights = pack(&weights, depth)?;
    request.packed(weights.len() * LANES + channels * 12);
    let input_offset = -zero_point;
    Ok(Some(Action::run(FullyConnected { depth, channels, input_offset, weights_offset, weights, bias, multipliers, stage })))
}

impl Kernel for FullyConnected {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        self.run(input, output);
        Ok(Flow::Next)
    }
}

impl FullyConnected {
    fn run(&self, input: &[u8], output: &mut [u8]) {
        let rows = input.chunks_exact(self.depth).zip(output.chunks_exact_mut(self.channels));
        for (input, output) in rows {
            let correction = self.correction(input);
            let channels = output
                .chunks_mut(LANES)
                .zip(self.bias.chunks(LANES))
                .zip(self.multipliers.chunks(LANES))
                .zip(self.weights.chunks_exact(self.depth));
            for (((output, bias), multipliers), weights) in channels {
                let mut sums = [correction; LANES];
                for (sum, bias) in sums.iter_mut().zip(bias) {
                    *sum = sum.wrapping_add(*bias);
                }
                int8::accumulate(&mut sums, input, weights, self.input_offset);
                int8::store(output, &sums, multipliers, self.stage);
            }
        }
    }

    /// What the zero point of the weights adds to every channel of a row.
    fn correction(&self, input: &[u8]) -> i32 {
        if self.weights_offset == 0 {
            return 0;
        }
        let sum = input.iter().fold(0i32, |sum, input| {
            sum.wrapping_add(int8(*input) + self.input_offset)
        });
        sum.wrapping_mul(self.weights_offset)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::tensor::TensorType::Int8;
    use crate::ops::fully_connected::FULLY_CONNECTED;
    use crate::testing::{Field, Given, Random, rescale, run, single};

    #[test]
    fn results_equal_those_of_upstreams_loops() {
        let mut random = Random::new(5);
        for _ in 0..300 {
            let (rows, channels, depth) =
                (1 + random.below(3), 1 + random.below(13), 1 + random.below(40));
            let filter = random.weights(channels * depth);
            let (bias, mut scales) = (random.biases(channels), random.scales(channels));
            let (from, to) = (random.zero_point(), random.zero_point());
            let bytes = filter.iter().map(|weight| *weight as u8).collect();
            let weights = Given::constant(Int8, &[channels, depth], bytes);
            // Only weights with one scale have a zero point.
            let zero_point = [0, 0, -5, 7][random.below(4)];
            let weights = if zero_point == 0 && channels > 1 {
                weights.per_channel(&scales, 0)
            } else {
                scales = vec![scales[0]; channels];
                weights.affine(scales[0], zero_point)
            };
            let tensors = [
                Given::input(Int8, &[rows, depth]).affine(1.0, from),
                weights,
                Given::int32s(&[channels], &bias),
                Given::output(Int8, &[rows, channels]).affine(1.0, to),
            ];
            let input = random.bytes(rows * depth);
            let mut expected = Vec::new();
            for row in 0..rows {
                for channel in 0..channels {
                    let mut sum = bias[channel];
                    for d in 0..depth {
                        sum += (i32::from(filter[channel * depth + d]) - zero_point)
                            * (i32::from(input[row * depth + d] as i8) - from);
                    }
                    expected.push(rescale(sum, f64::from(scales[channel]), to));
                }
            }
            let model = single(&FULLY_CONNECTED, &tensors, Some((8, &[(0, Field::I8(0))])));
            assert_eq!(run(model, &[&input]).unwrap(), [expected], "{rows} {channels} {depth}");
        }
    }
}
