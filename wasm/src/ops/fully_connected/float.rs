//! FULLY_CONNECTED, float32.
//!
//! Upstream: `micro/kernels/fully_connected.cc` and
//! `lite/kernels/internal/reference/fully_connected.h`.

use crate::error::Result;
use crate::math::quantization::Activation;
use crate::ops::weights::float::{self, Bounds, Float, LANES, floats, floats_mut};
use crate::ops::weights::pack::pack;
use crate::ops::{Action, Flow, Kernel, Node, Request};
use crate::run::io::Io;

/// A matrix product with packed weights.
struct FullyConnected {
    /// Inputs per row, and weights per output channel.
    depth: usize,
    channels: usize,
    /// `[channel / 8][input][8]`.
    weights: Vec<[f32; LANES]>,
    bias: Vec<f32>,
    bounds: Bounds,
}

/// Packs the weights.
pub fn prepare(
    node: &Node<'_>,
    request: &mut Request,
    (channels, depth): (usize, usize),
    activation: Activation,
) -> Result<Action> {
    let (filter, output) = (node.input(1)?, node.output(0)?);
    let kernel = FullyConnected {
        depth,
        channels,
        weights: pack(&float::weights(node, filter)?, depth)?,
        bias: float::bias(node, 2, channels)?,
        bounds: Bounds::new(activation),
    };
    request.macs(output.shape.elements() as u64 * depth as u64);
    request.packed((kernel.weights.len() * LANES + channels) * 4);
    Ok(Action::run(kernel))
}

impl Kernel for FullyConnected {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        self.run(floats(input), floats_mut(output));
        Ok(Flow::Next)
    }
}

impl FullyConnected {
    fn run(&self, input: &[Float], output: &mut [Float]) {
        let rows = input.chunks_exact(self.depth).zip(output.chunks_exact_mut(self.channels));
        for (input, output) in rows {
            let channels = output
                .chunks_mut(LANES)
                .zip(self.bias.chunks(LANES))
                .zip(self.weights.chunks_exact(self.depth));
            for ((output, bias), weights) in channels {
                let mut sums = [0.0; LANES];
                float::accumulate(&mut sums, input, weights);
                float::store(output, &sums, bias, self.bounds);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::math::quantization::Activation;
    use crate::model::tensor::TensorType::Float32;
    use crate::ops::fully_connected::FULLY_CONNECTED;
    use crate::ops::weights::float::Bounds;
    use crate::testing::{Field, Given, Random, assert_same, bytes_of, run, single};

    #[test]
    fn results_equal_those_of_upstreams_loops() {
        let mut random = Random::new(13);
        for _ in 0..300 {
            let (rows, channels, depth) =
                (1 + random.below(3), 1 + random.below(21), 1 + random.below(40));
            let (filter, bias) = (random.floats(channels * depth), random.floats(channels));
            let (number, activation) = [(0, Activation::None), (1, Activation::Relu)][random.below(2)];
            let tensors = [
                Given::input(Float32, &[rows, depth]),
                Given::floats(&[channels, depth], &filter),
                Given::floats(&[channels], &bias),
                Given::output(Float32, &[rows, channels]),
            ];
            let input = random.floats(rows * depth);
            let mut expected = Vec::new();
            for row in 0..rows {
                for channel in 0..channels {
                    let mut sum = 0.0;
                    for d in 0..depth {
                        sum += input[row * depth + d] * filter[channel * depth + d];
                    }
                    expected.push(Bounds::new(activation).clamp(sum + bias[channel]));
                }
            }
            let model = single(&FULLY_CONNECTED, &tensors, Some((8, &[(0, Field::I8(number))])));
            let output = run(model, &[&bytes_of(&input)]).unwrap();
            assert_same(&output[0], &expected, &format!("{rows} {channels} {depth}"));
        }
    }
}
