//! ELU: float32, int8.
//!
//! Upstream: `micro/kernels/elu.cc`, which fills a table for int8 (`PopulateLookupTable`).

use crate::error::Result;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, SAME, Signature};
use crate::ops::{Action, Node, Registration, Request};

use super::{bytes_by_real, floats_by, tensors};

/// The value, and below zero e^x - 1.
pub static ELU: Registration = Registration {
    key: OpKey::Builtin(111),
    name: "ELU",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8)], outputs: &[SAME] }],
    prepare,
};

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, _) = tensors(node)?;
    if input.element_type == TensorType::Float32 {
        return Ok(floats_by(|value| if value < 0.0 { value.exp_m1() } else { value }));
    }
    bytes_by_real(node, request, |real| if real < 0.0 { real.exp() - 1.0 } else { real })
}
