//! CONV_2D, int8.
//!
//! Upstream: `micro/kernels/conv.cc`, `conv_common.cc` and
//! `lite/kernels/internal/reference/integer_ops/conv.h` (`ConvPerChannel`).

use crate::error::{ErrorKind, Result};
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::ops::conv::Geometry;
use crate::ops::conv::simd;
use crate::ops::conv::winograd::Winograd;
use crate::ops::channels::Channels;
use crate::ops::weights::int8::{self, LANES, Layer};
use crate::ops::weights::pack::pack_groups;
use crate::ops::{Action, Flow, Kernel, Node, Request, allocate};
use crate::run::io::Io;
use crate::simd::ALONE;
use crate::simd::requantise::reach;

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

/// Packs the weights. Without a value where they are to be read where they lie.
pub fn prepare(node: &Node<'_>, request: &mut Request, mut geometry: Geometry, activation: Activation) -> Result<Option<Action>> {
    let output = node.output(0)?;
    let mut layer = Layer::read(node, geometry.window.output_channels, activation)?;
    let macs = output.shape.elements() as u64 * geometry.depth() as u64;
    if let Some(inputs) = node.input_channels() {
        leave_inputs_out(&mut layer, &mut geometry, inputs)?;
    }
    let outputs = node.output_channels();
    if let Some(outputs) = outputs {
        keep_outputs(&mut layer, &mut geometry, &outputs.kept)?;
    }
    let Some(kernel) = kernel(layer, geometry, request)? else { return Ok(None) };
    request.macs(macs);
    Ok(Some(Action::Run(match outputs {
        Some(outputs) if !outputs.compact => outputs.spread(kernel)?,
        _ => kernel,
    })))
}

/// Leaves constant input channels out. They have the same share in all sums of a channel: none of those of a window with a border
/// that are not zero are left out.
#[inline(never)]
fn leave_inputs_out(layer: &mut Layer, geometry: &mut Geometry, inputs: &Channels) -> Result<()> {
    let depth = geometry.window.input_channels;
    let mut constants = allocate(geometry.depth(), 0)?;
    for (channel, value) in inputs.constants() {
        let taps = constants.iter_mut().skip(channel).step_by(depth);
        taps.for_each(|slot| *slot = (i32::from(value) - layer.zero_point) as i16);
    }
    let weights = int8::widened(&layer.weights, 0)?;
    for (bias, weights) in layer.bias.iter_mut().zip(weights.chunks_exact(geometry.depth())) {
        // Sums wrap.
        *bias = reach(weights, *bias, &constants, &constants).0 as i32;
    }
    layer.weights = int8::columns(&layer.weights, depth, &inputs.kept)?;
    (geometry.window.input_channels, geometry.group_inputs) = (inputs.kept.len(), inputs.kept.len());
    Ok(())
}

/// Leaves all but some output channels out.
#[inline(never)]
fn keep_outputs(layer: &mut Layer, geometry: &mut Geometry, kept: &[usize]) -> Result<()> {
    let depth = geometry.depth();
    let mut weights = allocate(kept.len() * depth, 0)?;
    for (weights, channel) in weights.chunks_exact_mut(depth).zip(kept) {
        weights.copy_from_slice(layer.weights.get(channel * depth..).and_then(|rest| rest.get(..depth)).ok_or(ErrorKind::EngineInternal)?);
    }
    (geometry.window.output_channels, geometry.group_outputs) = (kept.len(), kept.len());
    layer.keep_outputs(kept, weights)
}

fn kernel(layer: Layer, geometry: Geometry, request: &mut Request) -> Result<Option<Box<dyn Kernel>>> {
    if request.is_fast() {
        let wide = int8::widened(&layer.weights, 0)?;
        let lowered = layer.lowered(geometry, &wide);
        if let Some(conv) = Winograd::new(&lowered, request)? {
            return Ok(Some(Box::new(conv)));
        }
        if let Some(conv) = simd::Conv::new(&lowered, request)? {
            return Ok(Some(Box::new(conv)));
        }
    }
    if ALONE {
        return Ok(None);
    }
    let Layer { zero_point, weights, bias, multipliers, stage } = layer;
    let weights = pack_groups(&weights, geometry.depth(), geometry.group_weights())?;
    request.packed(weights.len() * LANES + bias.len() * 12);
    Ok(Some(Box::new(Conv { geometry, input_offset: -zero_point, bias, multipliers, stage, weights })))
}

impl Kernel for Conv {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        self.run(input, output)?;
        Ok(Flow::Next)
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
    use crate::model::tensor::TensorType::Int8;
    use crate::ops::conv::CONV_2D;
    use crate::ops::window::{Axis, Padding, Sliding, Window};
    use crate::testing::{Field, Given, Random, Shapes, rescale, run, single, sliding_fields, try_windows, walk};

    /// One convolution with everything random but its window.
    fn try_one(random: &mut Random, sliding: &Sliding, window: Window, groups: usize) {
        let Window { input_channels, output_channels, .. } = window;
        let (group_inputs, group_outputs) = (input_channels / groups, output_channels / groups);
        let filter = random.weights(output_channels * window.taps() * group_inputs);
        let (bias, scales) = (random.biases(output_channels), random.scales(output_channels));
        let (from, to) = (random.zero_point(), random.zero_point());
        let filter_shape = [output_channels, window.height.filter, window.width.filter, group_inputs];
        let bytes = filter.iter().map(|weight| *weight as u8).collect();
        let tensors = [
            Given::input(Int8, &window.input_shape()).affine(1.0, from),
            Given::constant(Int8, &filter_shape, bytes).per_channel(&scales, 0),
            Given::int32s(&[output_channels], &bias),
            Given::output(Int8, &window.output_shape()).affine(1.0, to),
        ];
        let mut fields = sliding_fields(sliding, Some((4, 5)));
        fields.push((3, Field::I8(0)));
        let input = random.bytes(window.input_elements());
        // An output channel sees the inputs of its group, tap by tap.
        let expected = walk(&window, |channel, taps| {
            let mut sum = bias[channel];
            for at in taps {
                for c in 0..group_inputs {
                    let input = input[at.pixel * input_channels + channel / group_outputs * group_inputs + c];
                    let weight = filter[(channel * window.taps() + at.tap) * group_inputs + c];
                    sum += i32::from(weight) * (i32::from(input as i8) - from);
                }
            }
            rescale(sum, f64::from(scales[channel]), to)
        });
        let model = single(&CONV_2D, &tensors, Some((1, &fields)));
        assert_eq!(run(model, &[&input]).unwrap(), [expected], "{window:?}");
    }

    #[test]
    fn results_equal_those_of_upstreams_loops() {
        try_windows(3, 400, &Shapes { image: 9, dilation: 6 }, |random, sliding, window| {
            let groups = 1 + random.below(2);
            let (input_channels, output_channels) = (groups * (1 + random.below(6)), groups * (1 + random.below(9)));
            let window = Window { batches: 1 + random.below(2), input_channels, output_channels, ..window };
            try_one(random, sliding, window, groups);
        });
    }

    #[test]
    fn results_of_filters_of_3x3_equal_those_of_upstreams_loops() {
        let mut random = Random::new(4);
        for _ in 0..60 {
            let padding = if random.below(2) == 0 { Padding::Same } else { Padding::Valid };
            let sliding = Sliding { padding, stride: (1, 1), dilation: (1, 1) };
            let image = (6 + random.below(12), 6 + random.below(12));
            let (height, width) = Axis::pair(&sliding, image, (3, 3)).unwrap();
            let (input_channels, output_channels) = (8 * (1 + random.below(3)), 1 + random.below(20));
            let batches = 1 + random.below(2);
            try_one(&mut random, &sliding, Window { batches, height, width, input_channels, output_channels }, 1);
        }
    }
}
