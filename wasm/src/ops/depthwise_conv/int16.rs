//! DEPTHWISE_CONV_2D, int16 with int8 weights.
//!
//! Upstream: `micro/kernels/depthwise_conv.cc` and `lite/kernels/internal/reference/integer_ops/depthwise_conv.h`. Sums have 64 bits.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::ops::depthwise_conv::Geometry;
use crate::ops::weights::int8;
use crate::ops::weights::int16::{Bias, Short};
use crate::ops::{Action, Flow, Kernel, Node, Request};
use crate::run::io::Io;

struct DepthwiseConv {
    geometry: Geometry,
    /// As in the file: `[row][column][channel]`.
    weights: Vec<i8>,
    bias: Bias,
    multipliers: Vec<Multiplier>,
    stage: OutputStage,
}

/// Takes the weights. Activations are symmetric.
pub fn prepare(node: &Node<'_>, request: &mut Request, geometry: Geometry, activation: Activation) -> Result<Action> {
    let (input, filter, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let channels = geometry.window.output_channels;
    ensure(input.affine()?.1 == 0 && output.affine()?.1 == 0, ErrorKind::QuantisationInvalid)?;
    let kernel = DepthwiseConv {
        geometry,
        weights: int8::weights(node, filter)?,
        bias: Bias::read(node, 2, channels, false)?,
        multipliers: int8::multipliers(input, filter, output, channels)?,
        stage: OutputStage::new(output, activation)?,
    };
    ensure(matches!(kernel.bias, Bias::Wide(_)), ErrorKind::TypeUnsupported)?;
    kernel.bias.check(&kernel.multipliers)?;
    request.macs(output.shape.elements() as u64 * geometry.window.taps() as u64);
    request.packed(kernel.weights.len() + channels * 8 + kernel.bias.bytes());
    Ok(Action::run(kernel))
}

impl Kernel for DepthwiseConv {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let (input, output) = (input.as_chunks().0, output.as_chunks_mut().0);
        self.geometry.window.slide(input, output, |image, at, pixel| self.pixel(image, at, pixel))?;
        Ok(Flow::Next)
    }
}

impl DepthwiseConv {
    fn pixel(&self, image: &[Short], at: (usize, usize), pixel: &mut [Short]) -> Result<()> {
        let internal = ErrorKind::EngineInternal;
        let window = &self.geometry.window;
        for (channel, (output, multiplier)) in pixel.iter_mut().zip(&self.multipliers).enumerate() {
            let from = channel / self.geometry.multiplier;
            let mut sum = 0i64;
            window.runs(at, |tap, pixel, count| {
                for step in 0..count {
                    let input = image.get((pixel + step) * window.input_channels + from).ok_or(internal)?;
                    let weight = self.weights.get((tap + step) * window.output_channels + channel).ok_or(internal)?;
                    sum += i64::from(i16::from_le_bytes(*input)) * i64::from(*weight);
                }
                Ok(())
            })?;
            *output = self.bias.finish(channel, sum, *multiplier, self.stage).to_le_bytes();
        }
        Ok(())
    }
}
