//! RELU and RELU6, float32.
//!
//! Upstream: `micro/kernels/activations.cc` and `activations_common.cc` (`ReluFloat`, `Relu6Float`).

use crate::arena::{Inputs, Outputs};
use crate::error::{ErrorKind, Result, ensure};
use crate::kernels::float::{floats, floats_mut};
use crate::kernels::{Kernel, Node, Prepared, expect_type};
use crate::model::tensor::TensorType;

/// Bounds from zero to `high`.
struct Relu {
    high: f32,
}

/// Checks a RELU. Unlike a fused one it leaves infinity.
pub fn prepare_relu(node: &Node<'_>) -> Result<Prepared> {
    prepare(node, f32::INFINITY)
}

/// Checks a RELU6.
pub fn prepare_relu6(node: &Node<'_>) -> Result<Prepared> {
    prepare(node, 6.0)
}

fn prepare(node: &Node<'_>, high: f32) -> Result<Prepared> {
    node.expect(1..=1, 1)?;
    let (input, output) = (node.input(0)?, node.output(0)?);
    expect_type(input, TensorType::Float32)?;
    expect_type(output, TensorType::Float32)?;
    ensure(input.shape == output.shape, ErrorKind::OperatorInvalid)?;
    Ok(Prepared::simple(Relu { high }))
}

impl Kernel for Relu {
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()> {
        let (input, output) = (floats(inputs.get(0)?), floats_mut(outputs.get(0)?));
        for (output, input) in output.iter_mut().zip(input) {
            *output = self.bound(f32::from_le_bytes(*input)).to_le_bytes();
        }
        Ok(())
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
