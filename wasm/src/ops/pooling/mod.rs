//! AVERAGE_POOL_2D, MAX_POOL_2D and L2_POOL_2D: what their types have in common.
//!
//! Upstream: `micro/kernels/pooling.cc`, `pooling_common.cc`, `l2_pool_2d.cc`.

mod float;
mod integer;

use crate::error::Result;
use crate::file::flatbuffer::Table;
use crate::math::quantization::Activation;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, INT16, Signature};
use crate::ops::window::{Sliding, Window, positive};
use crate::ops::{Action, Node, Options, Registration, Request, activation};

/// Mean over windows.
pub static AVERAGE_POOL_2D: Registration = Registration {
    key: OpKey::Builtin(1),
    name: "AVERAGE_POOL_2D",
    inputs: 1..=1,
    outputs: 1..=1,
    types: TYPES,
    prepare: |node, request| prepare(node, request, Take::Average),
};

/// Maximum over windows.
pub static MAX_POOL_2D: Registration = Registration {
    key: OpKey::Builtin(17),
    name: "MAX_POOL_2D",
    prepare: |node, request| prepare(node, request, Take::Maximum),
    inputs: 1..=1,
    outputs: 1..=1,
    types: TYPES,
};

/// Root of the mean square over windows.
pub static L2_POOL_2D: Registration = Registration {
    key: OpKey::Builtin(12),
    name: "L2_POOL_2D",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32], outputs: &[FLOAT32] }],
    prepare: |node, request| prepare(node, request, Take::Norm),
};

const TYPES: &[Signature] = &[
    Signature { inputs: &[INT8], outputs: &[INT8] },
    Signature { inputs: &[INT16], outputs: &[INT16] },
    Signature { inputs: &[FLOAT32], outputs: &[FLOAT32] },
];

/// What is taken from a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// The mean of the inputs inside the image.
    Average,
    /// The greatest.
    Maximum,
    /// The root of the mean square of the inputs inside the image, which are floats.
    Norm,
}

struct Pool2dOptions {
    sliding: Sliding,
    filter: (usize, usize),
    activation: Activation,
}

impl Options for Pool2dOptions {
    const MEMBER: u8 = 5;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self {
            sliding: Sliding::read(table, None)?,
            filter: (positive(table.scalar(4, 0)?)?, positive(table.scalar(3, 0)?)?),
            activation: activation(table, 5)?,
        })
    }
}

fn prepare(node: &Node<'_>, request: &mut Request, take: Take) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let Pool2dOptions { sliding, filter, activation } = node.options()?;
    let [.., channels] = input.shape.image()?;
    let window = Window::new(&sliding, &input.shape, filter, output, channels)?;
    request.comparisons(window.inputs());
    match input.element_type {
        TensorType::Float32 => float::prepare(take, window, activation),
        _ => integer::prepare(node, request, take, window, activation),
    }
}
