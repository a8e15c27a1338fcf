//! CONV_2D, int16 with int8 weights.
//!
//! Upstream: `micro/kernels/conv.cc` and `lite/kernels/internal/reference/integer_ops/conv.h` (the int16 form of `ConvPerChannel`).

use crate::error::{ErrorKind, Result, ensure};
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::ops::conv::{Geometry, simd};
use crate::ops::weights::int16::{Bias, Short, dot};
use crate::ops::weights::int8;
use crate::ops::{Action, Flow, Kernel, Node, Request};
use crate::run::io::Io;

struct Conv {
    geometry: Geometry,
    /// As in the file: `[channel][row][column][input]`.
    weights: Vec<i8>,
    bias: Bias,
    multipliers: Vec<Multiplier>,
    stage: OutputStage,
}

/// Takes the weights. Activations are symmetric.
pub fn prepare(
    node: &Node<'_>,
    request: &mut Request,
    geometry: Geometry,
    activation: Activation,
    narrow: bool,
) -> Result<Action> {
    let (input, filter, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let channels = geometry.window.output_channels;
    ensure(input.affine()?.1 == 0 && output.affine()?.1 == 0, ErrorKind::QuantisationInvalid)?;
    let (weights, bias) = (int8::weights(node, filter)?, Bias::read(node, 2, channels, narrow)?);
    let multipliers = int8::multipliers(input, filter, output, channels)?;
    let stage = OutputStage::new(output, activation)?;
    bias.check(&multipliers)?;
    request.macs(output.shape.elements() as u64 * geometry.depth() as u64);
    if let Some(fast) = simd::Conv::of_shorts(geometry, (&weights, &bias), &multipliers, stage, request)? {
        return Ok(Action::run(fast));
    }
    let conv = Conv { geometry, weights, bias, multipliers, stage };
    request.packed(conv.weights.len() + channels * 8 + conv.bias.bytes());
    Ok(Action::run(conv))
}

impl Kernel for Conv {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let (input, output) = (input.as_chunks().0, output.as_chunks_mut().0);
        self.geometry.window.slide(input, output, |image, at, pixel| self.pixel(image, at, pixel))?;
        Ok(Flow::Next)
    }
}

impl Conv {
    /// All channels of one output pixel.
    fn pixel(&self, image: &[Short], at: (usize, usize), pixel: &mut [Short]) -> Result<()> {
        let internal = ErrorKind::EngineInternal;
        let filters = self.weights.chunks_exact(self.geometry.depth());
        let channels = pixel.iter_mut().zip(filters).zip(&self.multipliers);
        for (channel, ((output, filter), multiplier)) in channels.enumerate() {
            let mut sum = 0;
            self.geometry.runs(at, channel / self.geometry.group_outputs, |first, product, count| {
                let image = image.get(first..first + count).ok_or(internal)?;
                sum += dot(image, filter.get(product..).ok_or(internal)?);
                Ok(())
            })?;
            *output = self.bias.finish(channel, sum, *multiplier, self.stage).to_le_bytes();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::math::quantization::Multiplier;
    use crate::model::tensor::TensorType::{Int8, Int16, Int64};
    use crate::ops::conv::CONV_2D;
    use crate::ops::window::Window;
    use crate::testing::{Field, Given, Shapes, run, single, sliding_fields, try_windows, walk};

    #[test]
    fn results_equal_those_of_upstreams_loops_with_either_bias() {
        try_windows(23, 200, &Shapes { image: 8, dilation: 4 }, |random, sliding, window| {
            let (input_channels, output_channels) = (1 + random.below(5), 1 + random.below(6));
            let window = Window { input_channels, output_channels, ..window };
            let filter = random.weights(output_channels * window.taps() * input_channels);
            let (bias, scales) = (random.biases(output_channels), random.scales(output_channels));
            let is_wide = random.below(2) == 0;
            let wide: Vec<u8> = bias.iter().flat_map(|bias| i64::from(*bias).to_le_bytes()).collect();
            let filter_shape = [output_channels, window.height.filter, window.width.filter, input_channels];
            let bytes = filter.iter().map(|weight| *weight as u8).collect();
            let tensors = [
                Given::input(Int16, &window.input_shape()).affine(1.0, 0),
                Given::constant(Int8, &filter_shape, bytes).per_channel(&scales, 0),
                if is_wide { Given::constant(Int64, &[output_channels], wide) } else { Given::int32s(&[output_channels], &bias) },
                Given::output(Int16, &window.output_shape()).affine(1.0, 0),
            ];
            let mut fields = sliding_fields(sliding, Some((4, 5)));
            fields.push((3, Field::I8(0)));
            let input = random.bytes(2 * window.input_elements());
            let value = |at: usize| i64::from(i16::from_le_bytes([input[2 * at], input[2 * at + 1]]));
            let expected = walk(&window, |channel, taps| {
                let mut sum = i64::from(bias[channel]);
                for at in taps {
                    for c in 0..input_channels {
                        let weight = filter[(channel * window.taps() + at.tap) * input_channels + c];
                        sum += value(at.pixel * input_channels + c) * i64::from(weight);
                    }
                }
                let multiplier = Multiplier::new(f64::from(scales[channel])).unwrap();
                let scaled = if is_wide { multiplier.apply_wide(sum) } else { multiplier.apply(sum as i32) };
                scaled.clamp(-32768, 32767) as i16
            });
            let expected: Vec<u8> = expected.into_iter().flat_map(i16::to_le_bytes).collect();
            let model = single(&CONV_2D, &tensors, Some((1, &fields)));
            assert_eq!(run(model, &[&input]).unwrap(), [expected], "{window:?}");
        });
    }
}
