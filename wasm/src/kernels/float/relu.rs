//! RELU and RELU6, float32.
//!
//! Upstream: `micro/kernels/activations.cc` and `activations_common.cc` (`ReluFloat`, `Relu6Float`).

use crate::arena::{Inputs, Outputs};
use crate::error::{ErrorKind, Result, ensure};
use crate::kernels::float::{floats, floats_mut};
use crate::kernels::{Kernel, Node, Prepared, expect_type};
use crate::tensor::TensorType;

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
            // Comparisons keep NaN and the sign of zero.
            let value = f32::from_le_bytes(*input);
            let value = if value < 0.0 { 0.0 } else { value };
            *output = (if value > self.high { self.high } else { value }).to_le_bytes();
        }
        Ok(())
    }
}
