//! DEPTHWISE_CONV_2D, float32.
//!
//! Upstream: `micro/kernels/depthwise_conv.cc` and
//! `lite/kernels/internal/reference/depthwiseconv_float.h`.

use crate::error::{ErrorKind, Result};
use crate::math::quantization::Activation;
use crate::ops::conv;
use crate::ops::depthwise_conv::Geometry;
use crate::ops::depthwise_conv::float_simd::Vectors;
use crate::ops::weights::float::{self, Bounds, Float, LANES, floats, floats_mut};
use crate::ops::{Action, Flow, Kernel, Node, Request, allocate};
use crate::run::io::Io;

/// A depthwise convolution whose weights are packed.
struct DepthwiseConv {
    geometry: Geometry,
    /// `[channel / 8][row][column][8]`.
    weights: Vec<[f32; LANES]>,
    bias: Vec<f32>,
    bounds: Bounds,
}

/// Packs the weights.
pub fn prepare(
    node: &Node<'_>,
    request: &mut Request,
    geometry: Geometry,
    activation: Activation,
) -> Result<Action> {
    let Geometry { window, multiplier } = geometry;
    let (taps, channels) = (window.taps(), window.output_channels);
    let weights = float::weights(node, node.input(1)?)?;
    if request.has_vectors() && !(multiplier == 1 && channels >= LANES) {
        // A group for each input channel.
        let geometry = conv::Geometry { window, group_inputs: 1, group_outputs: multiplier };
        let mut turned = allocate(weights.len(), 0.0)?;
        for (channel, turned) in turned.chunks_exact_mut(taps).enumerate() {
            for (to, from) in turned.iter_mut().zip(weights.iter().skip(channel).step_by(channels)) {
                *to = *from;
            }
        }
        return conv::float::prepare_weights(node, request, geometry, (&turned, activation));
    }
    let bias = float::bias(node, 2, channels)?;
    let bounds = Bounds::new(activation);
    request.macs(node.output(0)?.shape.elements() as u64 * taps as u64);
    request.packed((channels.next_multiple_of(LANES) * (taps + 1)) * 4);
    if request.has_vectors() {
        return Ok(Action::run(Vectors::new(window, &weights, &bias, bounds)?));
    }
    let weights = pack(&weights, taps, channels)?;
    Ok(Action::run(DepthwiseConv { geometry, weights, bias, bounds }))
}

/// Packs weights `[tap][channel]`; missing channels weigh nothing.
fn pack(weights: &[f32], taps: usize, channels: usize) -> Result<Vec<[f32; LANES]>> {
    let length = channels.div_ceil(LANES).checked_mul(taps).ok_or(ErrorKind::MemoryExhausted)?;
    let mut packed = allocate(length, [0.0; LANES])?;
    for (tap, row) in weights.chunks_exact(channels).enumerate() {
        let slots = packed.iter_mut().skip(tap).step_by(taps);
        for (slot, weights) in slots.zip(row.chunks(LANES)) {
            for (lane, weight) in slot.iter_mut().zip(weights) {
                *lane = *weight;
            }
        }
    }
    Ok(packed)
}

impl Kernel for DepthwiseConv {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        self.run(floats(input), floats_mut(output))?;
        Ok(Flow::Next)
    }
}

impl DepthwiseConv {
    fn run(&self, input: &[Float], output: &mut [Float]) -> Result<()> {
        let window = &self.geometry.window;
        window.slide(input, output, |image, at, pixel| self.pixel(image, at, pixel))
    }

    /// All channels of one output pixel.
    #[inline(always)]
    fn pixel(&self, image: &[Float], at: (usize, usize), pixel: &mut [Float]) -> Result<()> {
        let Geometry { window, multiplier } = self.geometry;
        let channels = pixel
            .chunks_mut(LANES)
            .zip(self.bias.chunks(LANES))
            .zip(self.weights.chunks_exact(window.taps()));
        for (block, ((pixel, bias), weights)) in channels.enumerate() {
            let first = block * LANES;
            let mut sums = [0.0; LANES];
            if multiplier == 1 && pixel.len() == LANES {
                self.window(&mut sums, image, at, weights, |image| {
                    image.get(first..)?.first_chunk::<LANES>().copied()
                })?;
            } else {
                self.window(&mut sums, image, at, weights, |image| {
                    let mut inputs = [Float::default(); LANES];
                    for (lane, input) in inputs.iter_mut().enumerate().take(pixel.len()) {
                        *input = *image.get((first + lane) / multiplier)?;
                    }
                    Some(inputs)
                })?;
            }
            float::store(pixel, &sums, bias, self.bounds);
        }
        Ok(())
    }

    /// One window over the image for eight channels; `load` reads their inputs from one pixel.
    #[inline(always)]
    fn window(
        &self,
        sums: &mut [f32; LANES],
        image: &[Float],
        at: (usize, usize),
        weights: &[[f32; LANES]],
        load: impl Fn(&[Float]) -> Option<[Float; LANES]>,
    ) -> Result<()> {
        let internal = ErrorKind::EngineInternal;
        let channels = self.geometry.window.input_channels;
        self.geometry.window.runs(at, |tap, pixel, count| {
            let image = image.get(pixel * channels..).ok_or(internal)?;
            let weights = weights.get(tap..).ok_or(internal)?;
            for (image, weights) in image.chunks(channels).zip(weights).take(count) {
                let inputs = load(image).ok_or(internal)?;
                for ((sum, input), weight) in sums.iter_mut().zip(inputs).zip(weights) {
                    *sum += f32::from_le_bytes(input) * weight;
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::math::quantization::Activation;
    use crate::model::tensor::TensorType::Float32;
    use crate::ops::depthwise_conv::DEPTHWISE_CONV_2D;
    use crate::ops::weights::float::Bounds;
    use crate::ops::window::Window;
    use crate::testing::{
        Field, Given, Shapes, assert_same, bytes_of, run, single, sliding_fields, try_windows, walk,
    };

    #[test]
    fn results_equal_those_of_upstreams_loops() {
        try_windows(12, 400, &Shapes { image: 9, dilation: 6 }, |random, sliding, window| {
            let multiplier = [1, 1, 2, 3, 8][random.below(5)];
            let input_channels = 1 + random.below(19);
            let output_channels = input_channels * multiplier;
            let window = Window { batches: 1 + random.below(2), input_channels, output_channels, ..window };
            let filter = random.floats(window.taps() * output_channels);
            let bias = random.floats(output_channels);
            let tensors = [
                Given::input(Float32, &window.input_shape()),
                Given::floats(&[1, window.height.filter, window.width.filter, output_channels], &filter),
                Given::floats(&[output_channels], &bias),
                Given::output(Float32, &window.output_shape()),
            ];
            let (number, activation) = [(0, Activation::None), (1, Activation::Relu)][random.below(2)];
            let mut fields = sliding_fields(sliding, Some((5, 6)));
            fields.extend([(3, Field::I32(multiplier as i32)), (4, Field::I8(number))]);
            let input = random.floats(window.input_elements());
            // An output channel sees one input channel, which it shares with its neighbours.
            let expected = walk(&window, |channel, taps| {
                let mut sum = 0.0;
                for at in taps {
                    let input = input[at.pixel * input_channels + channel / multiplier];
                    sum += input * filter[at.tap * output_channels + channel];
                }
                Bounds::new(activation).clamp(sum + bias[channel])
            });
            let model = single(&DEPTHWISE_CONV_2D, &tensors, Some((2, &fields)));
            let output = run(model, &[&bytes_of(&input)]).unwrap();
            assert_same(&output[0], &expected, &format!("{window:?} {multiplier}"));
        });
    }
}
