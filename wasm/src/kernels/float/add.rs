//! ADD, float32.
//!
//! Upstream: `micro/kernels/add.cc` and `lite/kernels/internal/reference/add.h`.

use crate::arena::{Inputs, Outputs};
use crate::error::Result;
use crate::kernels::add::Pairing;
use crate::kernels::float::{Bounds, floats, floats_mut};
use crate::kernels::{Kernel, Node, Prepared, expect_type};
use crate::math::quantization::Activation;
use crate::model::tensor::TensorType;

struct Add {
    pairing: Pairing,
    bounds: Bounds,
}

/// Checks the types.
pub fn prepare(node: &Node<'_>, pairing: Pairing, activation: Activation) -> Result<Prepared> {
    expect_type(node.input(0)?, TensorType::Float32)?;
    expect_type(node.input(1)?, TensorType::Float32)?;
    Ok(Prepared::simple(Add { pairing, bounds: Bounds::new(activation) }))
}

impl Kernel for Add {
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()> {
        let pair = (floats(inputs.get(0)?), floats(inputs.get(1)?));
        self.pairing.map(pair, floats_mut(outputs.get(0)?), |one, other| {
            let sum = f32::from_le_bytes(one) + f32::from_le_bytes(other);
            self.bounds.clamp(sum).to_le_bytes()
        })
    }
}
