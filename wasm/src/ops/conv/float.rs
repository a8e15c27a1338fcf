//! CONV_2D, float32.
//!
//! Upstream: `micro/kernels/conv.cc` and `lite/kernels/internal/reference/conv.h`.

use crate::error::{ErrorKind, Result};
use crate::math::quantization::Activation;
use crate::ops::conv::Geometry;
use crate::ops::conv::float_simd::Vectors;
use crate::ops::weights::float::{self, Bounds, Float, LANES, floats, floats_mut};
use crate::ops::weights::pack::pack_groups;
use crate::ops::{Action, Flow, Kernel, Node, Request};
use crate::run::io::Io;

/// A convolution whose weights are packed.
pub struct Conv {
    pub(super) geometry: Geometry,
    /// Per group, blocks of eight channels: `[group][channel / 8][row][column][input][8]`.
    pub(super) weights: Vec<[f32; LANES]>,
    pub(super) bias: Vec<f32>,
    pub(super) bounds: Bounds,
}

/// Packs the weights.
pub fn prepare(
    node: &Node<'_>,
    request: &mut Request,
    geometry: Geometry,
    activation: Activation,
) -> Result<Action> {
    prepare_weights(node, request, geometry, (&float::weights(node, node.input(1)?)?, activation))
}

/// The same with weights `[channel][row][column][input]` that are not those of the file.
pub fn prepare_weights(
    node: &Node<'_>,
    request: &mut Request,
    geometry: Geometry,
    (weights, activation): (&[f32], Activation),
) -> Result<Action> {
    let bias = float::bias(node, 2, geometry.window.output_channels)?;
    request.macs(node.output(0)?.shape.elements() as u64 * geometry.depth() as u64);
    Ok(Action::run(layer(request, geometry, (weights, bias), Bounds::new(activation))?))
}

/// A convolution as a part of an operator, of weights `[channel][row][column][input]` and a bias for each channel.
pub fn layer(
    request: &mut Request,
    geometry: Geometry,
    (weights, bias): (&[f32], Vec<f32>),
    bounds: Bounds,
) -> Result<Box<dyn Layer>> {
    let weights = pack_groups(weights, geometry.depth(), geometry.group_weights())?;
    request.packed((weights.len() * LANES + bias.len()) * 4);
    let conv = Conv { geometry, weights, bias, bounds };
    if request.has_vectors() {
        return Ok(Box::new(Vectors::new(conv)?));
    }
    Ok(Box::new(conv))
}

/// From inputs to outputs.
pub trait Layer: Send + Sync {
    /// Computes the outputs.
    fn run(&self, input: &[Float], output: &mut [Float]) -> Result<()>;
}

impl Kernel for Box<dyn Layer> {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        self.run(floats(input), floats_mut(output))?;
        Ok(Flow::Next)
    }
}

impl Layer for Conv {
    fn run(&self, input: &[Float], output: &mut [Float]) -> Result<()> {
        let window = &self.geometry.window;
        window.slide(input, output, |image, at, pixel| self.pixel(image, at, pixel))
    }
}

impl Conv {
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
    use crate::math::quantization::Activation;
    use crate::model::tensor::TensorType::Float32;
    use crate::ops::conv::CONV_2D;
    use crate::ops::weights::float::Bounds;
    use crate::ops::window::Window;
    use crate::testing::{
        Field, Given, Shapes, assert_same, bytes_of, run, single, sliding_fields, try_windows, walk,
    };

    #[test]
    fn results_equal_those_of_upstreams_loops() {
        try_windows(11, 400, &Shapes { image: 9, dilation: 6 }, |random, sliding, window| {
            let groups = 1 + random.below(2);
            let (group_inputs, group_outputs) = (1 + random.below(6), 1 + random.below(19));
            let (input_channels, output_channels) = (groups * group_inputs, groups * group_outputs);
            let window = Window { batches: 1 + random.below(2), input_channels, output_channels, ..window };
            let mut filter = random.floats(output_channels * window.taps() * group_inputs);
            // A tap outside the image is left out, also where it would not add 0.
            let at = random.below(4 * filter.len());
            if let Some(weight) = filter.get_mut(at) {
                *weight = f32::INFINITY;
            }
            let bias = random.floats(output_channels);
            let filter_shape = [output_channels, window.height.filter, window.width.filter, group_inputs];
            let tensors = [
                Given::input(Float32, &window.input_shape()),
                Given::floats(&filter_shape, &filter),
                Given::floats(&[output_channels], &bias),
                Given::output(Float32, &window.output_shape()),
            ];
            let (number, activation) = [(0, Activation::None), (2, Activation::ReluN1To1)][random.below(2)];
            let mut fields = sliding_fields(sliding, Some((4, 5)));
            fields.push((3, Field::I8(number)));
            let input = random.floats(window.input_elements());
            // An output channel sees the inputs of its group, tap by tap.
            let expected = walk(&window, |channel, taps| {
                let mut sum = 0.0;
                for at in taps {
                    for c in 0..group_inputs {
                        let input = input[at.pixel * input_channels + channel / group_outputs * group_inputs + c];
                        sum += input * filter[(channel * window.taps() + at.tap) * group_inputs + c];
                    }
                }
                Bounds::new(activation).clamp(sum + bias[channel])
            });
            let model = single(&CONV_2D, &tensors, Some((1, &fields)));
            let output = run(model, &[&bytes_of(&input)]).unwrap();
            assert_same(&output[0], &expected, &format!("{window:?}"));
        });
    }
}
