//! SOFTMAX: what its types have in common; LOG_SOFTMAX is beside.
//!
//! Upstream: `micro/kernels/softmax.cc`, `softmax_common.cc`.

mod float;
mod int16;
mod int8;
mod log;

pub use log::LOG_SOFTMAX;

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, INT16, Signature};
use crate::ops::{Action, Node, Options, Registration, Request};

/// Normalised exponentials over the last dimension.
pub static SOFTMAX: Registration = Registration {
    key: OpKey::Builtin(25),
    name: "SOFTMAX",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[
        Signature { inputs: &[INT8], outputs: &[INT8.or(INT16)] },
        Signature { inputs: &[INT16], outputs: &[INT16] },
        Signature { inputs: &[FLOAT32], outputs: &[FLOAT32] },
    ],
    prepare,
};

struct SoftmaxOptions {
    beta: f32,
}

impl Options for SoftmaxOptions {
    const MEMBER: u8 = 9;

    fn read(table: &Table<'_>) -> Result<Self> {
        let beta: f32 = table.scalar(0, 0.0)?;
        ensure(beta.is_finite() && beta > 0.0, ErrorKind::OperatorInvalid)?;
        Ok(Self { beta })
    }
}

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let SoftmaxOptions { beta } = node.options()?;
    let same_shape = input.shape == output.shape && input.shape.rank() > 0;
    ensure(same_shape, ErrorKind::OperatorInvalid)?;
    match input.element_type {
        TensorType::Float32 => float::prepare(input.shape.last(), beta),
        TensorType::Int16 => int16::prepare(node, request, beta),
        _ => int8::prepare(node, request, beta),
    }
}
