//! RELU and RELU6, float32.
//!
//! Upstream: `micro/kernels/activations.cc` and `activations_common.cc` (`ReluFloat`, `Relu6Float`).

use crate::error::{ErrorKind, Result, ensure};
use crate::model::OpKey;
use crate::ops::signature::{FLOAT32, Signature};
use crate::ops::weights::float::{floats, floats_mut};
use crate::ops::{Action, Flow, Kernel, Node, Registration};
use crate::run::io::Io;

const TYPES: &[Signature] = &[Signature { inputs: &[FLOAT32], outputs: &[FLOAT32] }];

/// Nothing below zero. Unlike a fused one it leaves infinity.
pub static RELU: Registration = Registration {
    key: OpKey::Builtin(19),
    name: "RELU",
    inputs: 1..=1,
    outputs: 1..=1,
    types: TYPES,
    prepare: |node, _| prepare(node, f32::INFINITY),
};

/// Nothing below zero or above six.
pub static RELU6: Registration = Registration {
    key: OpKey::Builtin(21),
    name: "RELU6",
    inputs: 1..=1,
    outputs: 1..=1,
    types: TYPES,
    prepare: |node, _| prepare(node, 6.0),
};

/// Bounds from zero to `high`.
struct Relu {
    high: f32,
}

fn prepare(node: &Node<'_>, high: f32) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    ensure(input.shape == output.shape, ErrorKind::OperatorInvalid)?;
    Ok(Action::run(Relu { high }))
}

impl Kernel for Relu {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        for (output, input) in floats_mut(output).iter_mut().zip(floats(input)) {
            *output = self.bound(f32::from_le_bytes(*input)).to_le_bytes();
        }
        Ok(Flow::Next)
    }
}

impl Relu {
    /// Keeps NaN and the sign of zero.
    #[inline(always)]
    fn bound(&self, value: f32) -> f32 {
        let value = if value < 0.0 { 0.0 } else { value };
        if value > self.high { self.high } else { value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bound_and_nan_stays() {
        let rows = [
            (f32::INFINITY, f32::INFINITY, 6.0),
            (6.5, 6.5, 6.0),
            (0.5, 0.5, 0.5),
            (-0.5, 0.0, 0.0),
            (f32::NEG_INFINITY, 0.0, 0.0),
        ];
        let (relu, relu6) = (Relu { high: f32::INFINITY }, Relu { high: 6.0 });
        for (value, bound, bound_by_six) in rows {
            assert_eq!((relu.bound(value), relu6.bound(value)), (bound, bound_by_six), "{value}");
        }
        assert!(relu.bound(f32::NAN).is_nan() && relu6.bound(f32::NAN).is_nan());
        assert!(relu.bound(-0.0).is_sign_negative());
    }
}
