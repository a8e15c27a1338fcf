//! ADD with broadcasting: what its types have in common.
//!
//! Upstream: `micro/kernels/add.cc`.

mod float;
pub(crate) mod int8;
mod integer;
pub(crate) mod simd;

use crate::error::Result;
use crate::file::flatbuffer::Table;
use crate::math::quantization::Activation;
use crate::math::walk::Pairing;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, INT16, INT32, Signature};
use crate::ops::{Action, Node, Options, Registration, Request, activation};

/// Element-wise sum.
pub static ADD: Registration = Registration {
    key: OpKey::Builtin(0),
    name: "ADD",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[
        Signature { inputs: &[INT8], outputs: &[INT8] },
        Signature { inputs: &[INT16], outputs: &[INT16] },
        Signature { inputs: &[INT32], outputs: &[INT32] },
        Signature { inputs: &[FLOAT32], outputs: &[FLOAT32] },
    ],
    prepare,
};

struct AddOptions {
    activation: Activation,
}

impl Options for AddOptions {
    const MEMBER: u8 = 11;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self { activation: activation(table, 0)? })
    }
}

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (one, other, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let AddOptions { activation } = node.options()?;
    let pairing = Pairing::new(&one.shape, &other.shape, &output.shape)?;
    match output.element_type {
        TensorType::Float32 => Ok(float::prepare(output, &pairing, activation)),
        TensorType::Int16 => integer::prepare_int16(node, pairing, activation),
        TensorType::Int32 => integer::prepare_int32(node, pairing),
        _ => int8::prepare(node, request, pairing, activation),
    }
}
