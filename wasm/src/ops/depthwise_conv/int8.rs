//! DEPTHWISE_CONV_2D, int8.
//!
//! Upstream: `micro/kernels/depthwise_conv.cc`, `depthwise_conv_common.cc` and
//! `lite/kernels/internal/reference/integer_ops/depthwise_conv.h` (`DepthwiseConvPerChannel`).

use crate::error::{ErrorKind, Result};
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::ops::depthwise_conv::Geometry;
use crate::ops::depthwise_conv::simd;
use crate::ops::channels::Channels;
use crate::ops::weights::int8::{self, Layer, int8};
use crate::ops::window::Window;
use crate::ops::{Action, Flow, Kernel, Node, Request};
use crate::run::io::Io;
use crate::simd::ALONE;

/// Output channels computed together.
const LANES: usize = 8;

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

/// Takes the weights. Without a value where they are to be read where they lie.
pub fn prepare(node: &Node<'_>, request: &mut Request, mut geometry: Geometry, activation: Activation) -> Result<Option<Action>> {
    let output = node.output(0)?;
    let mut layer = Layer::read(node, geometry.window.output_channels, activation)?;
    let macs = output.shape.elements() as u64 * geometry.window.taps() as u64;
    if let Some(Channels { kept, .. }) = node.output_channels() {
        // Those of the input too.
        let window = &mut geometry.window;
        layer.keep_outputs(kept, int8::columns(&layer.weights, window.output_channels, kept)?)?;
        (window.input_channels, window.output_channels) = (kept.len(), kept.len());
    }
    if request.is_fast() && let Some(kernel) = simd::DepthwiseConv::new(&layer.lowered(geometry, &layer.weights), request)? {
        request.macs(macs);
        return Ok(Some(Action::run(kernel)));
    }
    if ALONE {
        return Ok(None);
    }
    request.macs(macs);
    let Layer { zero_point, weights, bias, multipliers, stage } = layer;
    request.packed(weights.len() + bias.len() * 12);
    Ok(Some(Action::run(DepthwiseConv { geometry, input_offset: -zero_point, weights, bias, multipliers, stage })))
}

impl Kernel for DepthwiseConv {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        self.run(input, output)?;
        Ok(Flow::Next)
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
    use crate::model::tensor::TensorType::Int8;
    use crate::ops::depthwise_conv::DEPTHWISE_CONV_2D;
    use crate::ops::window::Window;
    use crate::testing::{Field, Given, Shapes, rescale, run, single, sliding_fields, try_windows, walk};

    #[test]
    fn results_equal_those_of_upstreams_loops() {
        compare(4, 400, &Shapes { image: 9, dilation: 6 });
    }

    #[test]
    fn results_of_images_in_several_bands_equal_those_of_upstreams_loops() {
        compare(5, 12, &Shapes { image: 90, dilation: 2 });
    }

    fn compare(seed: u32, tries: usize, shapes: &Shapes) {
        try_windows(seed, tries, shapes, |random, sliding, window| {
            let multiplier = [1, 1, 2, 3, 8][random.below(5)];
            let input_channels = 1 + random.below(20);
            let output_channels = input_channels * multiplier;
            let window = Window { batches: 1 + random.below(2), input_channels, output_channels, ..window };
            let filter = random.weights(window.taps() * output_channels);
            let (bias, scales) = (random.biases(output_channels), random.scales(output_channels));
            let (from, to) = (random.zero_point(), random.zero_point());
            let filter_shape = [1, window.height.filter, window.width.filter, output_channels];
            let bytes = filter.iter().map(|weight| *weight as u8).collect();
            let tensors = [
                Given::input(Int8, &window.input_shape()).affine(1.0, from),
                Given::constant(Int8, &filter_shape, bytes).per_channel(&scales, 3),
                Given::int32s(&[output_channels], &bias),
                Given::output(Int8, &window.output_shape()).affine(1.0, to),
            ];
            let mut fields = sliding_fields(sliding, Some((5, 6)));
            fields.extend([(3, Field::I32(multiplier as i32)), (4, Field::I8(0))]);
            let input = random.bytes(window.input_elements());
            // An output channel sees one input channel, which it shares with its neighbours.
            let expected = walk(&window, |channel, taps| {
                let mut sum = bias[channel];
                for at in taps {
                    let input = input[at.pixel * input_channels + channel / multiplier];
                    let weight = filter[at.tap * output_channels + channel];
                    sum += i32::from(weight) * (i32::from(input as i8) - from);
                }
                rescale(sum, f64::from(scales[channel]), to)
            });
            let model = single(&DEPTHWISE_CONV_2D, &tensors, Some((2, &fields)));
            assert_eq!(run(model, &[&input]).unwrap(), [expected], "{window:?} {multiplier}");
        });
    }
}
