//! FULLY_CONNECTED, float32: a convolution of as many pixels as there are rows.
//!
//! Upstream: `micro/kernels/fully_connected.cc` and
//! `lite/kernels/internal/reference/fully_connected.h`.

use crate::error::Result;
use crate::math::quantization::Activation;
use crate::ops::conv::{self, Geometry};
use crate::ops::{Action, Node, Request};

/// Packs the weights.
pub fn prepare(
    node: &Node<'_>,
    request: &mut Request,
    (channels, depth): (usize, usize),
    activation: Activation,
) -> Result<Action> {
    let rows = node.output(0)?.shape.elements() / channels;
    conv::float::prepare(node, request, Geometry::rows(rows, depth, channels), activation)
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
