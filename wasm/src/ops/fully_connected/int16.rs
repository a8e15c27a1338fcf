//! FULLY_CONNECTED, int16 with int8 weights.
//!
//! Upstream: `micro/kernels/fully_connected.cc` and `lite/kernels/internal/reference/integer_ops/fully_connected.h`.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::ops::conv::Geometry;
use crate::ops::conv::simd::Conv;
use crate::ops::weights::int8::whole_multipliers;
use crate::ops::weights::int8;
use crate::ops::weights::int16::{Bias, dot};
use crate::ops::{Action, Flow, Kernel, Node, Request};
use crate::run::io::Io;

struct FullyConnected {
    depth: usize,
    channels: usize,
    /// As in the file: `[channel][input]`.
    weights: Vec<i8>,
    bias: Bias,
    multipliers: Vec<Multiplier>,
    stage: OutputStage,
}

/// Takes the weights. Inputs and weights are symmetric.
pub fn prepare(
    node: &Node<'_>,
    request: &mut Request,
    (channels, depth): (usize, usize),
    activation: Activation,
    narrow: bool,
) -> Result<Action> {
    let (input, filter, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let (multipliers, weights_offset) = whole_multipliers(input, filter, node.optional_input(2)?, output, channels)?;
    ensure(input.affine()?.1 == 0 && weights_offset == 0, ErrorKind::QuantisationInvalid)?;
    let (weights, bias) = (int8::weights(node, filter)?, Bias::read(node, 2, channels, narrow)?);
    let stage = OutputStage::new(output, activation)?;
    bias.check(&multipliers)?;
    request.macs(output.shape.elements() as u64 * depth as u64);
    let geometry = Geometry::rows(output.shape.elements() / channels, depth, channels);
    if let Some(fast) = Conv::of_shorts(geometry, (&weights, &bias), &multipliers, stage, request)? {
        return Ok(Action::run(fast));
    }
    let kernel = FullyConnected { depth, channels, weights, bias, multipliers, stage };
    request.packed(kernel.weights.len() + channels * 8 + kernel.bias.bytes());
    Ok(Action::run(kernel))
}

impl Kernel for FullyConnected {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let rows = input.as_chunks().0.chunks_exact(self.depth);
        for (input, output) in rows.zip(output.as_chunks_mut().0.chunks_exact_mut(self.channels)) {
            let channels = output.iter_mut().zip(self.weights.chunks_exact(self.depth)).zip(&self.multipliers);
            for (channel, ((output, weights), multiplier)) in channels.enumerate() {
                let sum = dot(input, weights);
                *output = self.bias.finish(channel, sum, *multiplier, self.stage).to_le_bytes();
            }
        }
        Ok(Flow::Next)
    }
}
