//! FULLY_CONNECTED: what its types have in common.
//!
//! Upstream: `micro/kernels/fully_connected.cc`, `fully_connected_common.cc`.

mod float;
mod int16;
mod int8;
pub(crate) mod simd;

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::math::quantization::Activation;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT4, INT8, INT16, INT32, INT64, Signature};
use crate::ops::weights;
use crate::ops::weights::computed::{self, Layer};
use crate::ops::weights::int16::is_narrow;
use crate::ops::window::{Axis, Window};
use crate::ops::{Action, Node, Options, Registration, Request, activation};

/// Matrix product with constant weights.
pub static FULLY_CONNECTED: Registration = Registration {
    key: OpKey::Builtin(9),
    name: "FULLY_CONNECTED",
    inputs: 2..=3,
    outputs: 1..=1,
    types: &[
        Signature { inputs: &[INT8, INT8.or(INT4), INT32], outputs: &[INT8] },
        Signature { inputs: &[INT16, INT8, INT32.or(INT64)], outputs: &[INT16] },
        Signature { inputs: &[FLOAT32, FLOAT32.or(INT8).or(INT4), FLOAT32], outputs: &[FLOAT32] },
    ],
    prepare,
};

struct FullyConnectedOptions {
    activation: Activation,
    narrow: bool,
}

impl Options for FullyConnectedOptions {
    const MEMBER: u8 = 8;

    fn read(table: &Table<'_>) -> Result<Self> {
        // Shuffled weights are a format of uint8 kernels on phones.
        ensure(table.scalar::<i8>(1, 0)? == 0, ErrorKind::OperatorInvalid)?;
        Ok(Self { activation: activation(table, 0)?, narrow: is_narrow(table, 4)? })
    }
}

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, filter, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let FullyConnectedOptions { activation, narrow } = node.options()?;
    let invalid = ErrorKind::OperatorInvalid;
    let &[channels, depth] = filter.shape.dimensions() else {
        return Err(invalid.into());
    };
    // The input is as many rows as it holds, whatever its shape.
    ensure(output.shape.last() == channels, invalid)?;
    let rows = output.shape.elements() / channels;
    ensure(rows.checked_mul(depth) == Some(input.shape.elements()), invalid)?;
    if !computed::is_in_place(node, request)? {
        let packed = match input.element_type {
            TensorType::Float32 => Some(float::prepare(node, request, (channels, depth), activation)?),
            TensorType::Int16 => Some(int16::prepare(node, request, (channels, depth), activation, narrow)?),
            _ => int8::prepare(node, request, (channels, depth), activation)?,
        };
        if let Some(action) = packed {
            return Ok(action);
        }
    }
    let alone = Axis { input: 1, output: 1, filter: 1, stride: 1, dilation: 1, padding: 0 };
    let (height, width) = (alone, alone);
    let window = Window { batches: rows, height, width, input_channels: depth, output_channels: channels };
    let layer = Layer { window, group_inputs: depth, group_outputs: channels, steps: [depth, depth] };
    let factors = || weights::int8::whole_multipliers(input, filter, node.optional_input(2)?, output, channels);
    computed::prepare(node, request, layer, activation, factors)
}
