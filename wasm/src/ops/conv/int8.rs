//! CONV_2D, int8.
//!
//! Upstream: `micro/kernels/conv.cc`, `conv_common.cc` and
//! `lite/kernels/internal/reference/integer_ops/conv.h` (`ConvPerChannel`).

use crate::error::{ErrorKind, Result};
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::ops::conv::Geometry;
use crate::ops::conv::simd;
use crate::ops::conv::winograd::Winograd;
use crate::ops::weights::int8::{self, LANES, Lowered};
use crate::ops::weights::pack::pack_groups;
use crate::ops::{Action, Flow, Kernel, Node, Request};
use crate::run::io::Io;

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

/// Packs the weights.
pub fn prepare(
    node: &Node<'_>,
    request: &mut Request,
    geometry: Geometry,
    activation: Activation,
) -> Result<Action> {
    let (input, filter, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let channels = geometry.window.output_channels;
    let weights = int8::weights(node, filter)?;
    let bias = int8::bias(node, 2, channels)?;
    let multipliers = int8::multipliers(input, filter, output, channels)?;
    let (zero_point, stage) = (input.affine()?.1, OutputStage::new(output, activation)?);
    request.macs(output.shape.elements() as u64 * geometry.depth() as u64);
    if request.is_fast() {
        let wide = int8::widened(&weights, 0)?;
        let lowered = Lowered { geometry, zero_point, weights: &wide, bias: &bias, multipliers: &multipliers, stage };
        if let Some(conv) = Winograd::new(&lowered, request)? {
            return Ok(Action::run(conv));
        }
        if let Some(conv) = simd::Conv::new(&lowered, request)? {
            return Ok(Action::run(conv));
        }
    }
    let weights = pack_groups(&weights, geometry.depth(), geometry.group_weights())?;
    let conv = Conv { geometry, input_offset: -zero_point, bias, multipliers, stage, weights };
    request.packed(conv.weights.len() * LANES + channels * 12);
    Ok(Action::run(conv))
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
