//! Operators that keep the bytes and change the shape.
//!
//! Upstream: `micro/kernels/reshape.cc`, `reshape_common.cc`, `expand_dims.cc`, `squeeze.cc`.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::limits;
use crate::math::walk::resolve;
use crate::model::OpKey;
use crate::ops::signature::{ANY, FLOAT32, INT8, INT16, INT32, SAME, Signature};
use crate::ops::{Action, Flow, Kernel, Node, Options, Registration, Request};
use crate::run::io::Io;

/// Same bytes, other shape. As upstream, the output's shape in the file counts; a second input is not read.
pub static RESHAPE: Registration = Registration {
    key: OpKey::Builtin(22),
    name: "RESHAPE",
    inputs: 1..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[ANY], outputs: &[SAME] }],
    prepare: prepare_reshape,
};

/// Same bytes: named dimensions of one are dropped, or all of them.
pub static SQUEEZE: Registration = Registration {
    key: OpKey::Builtin(43),
    name: "SQUEEZE",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[ANY], outputs: &[SAME] }],
    prepare: prepare_squeeze,
};

/// Same bytes: a dimension of one is put in at a constant axis.
pub static EXPAND_DIMS: Registration = Registration {
    key: OpKey::Builtin(70),
    name: "EXPAND_DIMS",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8).or(INT16), INT32], outputs: &[SAME] }],
    prepare: prepare_expand_dims,
};

/// Copies its first input.
struct Copy;

impl Kernel for Copy {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        ensure(input.len() == output.len(), ErrorKind::EngineInternal)?;
        output.copy_from_slice(input);
        Ok(Flow::Next)
    }
}

fn prepare_reshape(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    same_content(node)?;
    Ok(Action::run(Copy))
}

fn prepare_expand_dims(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    same_content(node)?;
    let (input, axis, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let &[axis] = node.int32s(axis, 1)?.as_slice() else {
        return Err(ErrorKind::OperatorInvalid.into());
    };
    let rank = input.shape.rank();
    let position = resolve(axis, rank + 1)?;
    let mut expected = input.shape.dimensions().to_vec();
    expected.insert(position, 1);
    ensure(output.shape.dimensions() == expected, ErrorKind::OperatorInvalid)?;
    Ok(Action::run(Copy))
}

struct SqueezeOptions {
    dimensions: Vec<i32>,
}

impl Options for SqueezeOptions {
    const MEMBER: u8 = 30;

    fn read(table: &Table<'_>) -> Result<Self> {
        let found = table.scalars::<i32>(0, limits::RANK)?;
        let dimensions = found.map(|found| found.iter().collect()).transpose()?;
        Ok(Self { dimensions: dimensions.unwrap_or_default() })
    }
}

fn prepare_squeeze(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    same_content(node)?;
    let (input, output) = (node.input(0)?, node.output(0)?);
    let SqueezeOptions { dimensions } = node.options()?;
    let mut dropped = [false; limits::RANK];
    for (slot, &extent) in dropped.iter_mut().zip(input.shape.dimensions()) {
        *slot = dimensions.is_empty() && extent == 1;
    }
    for &dimension in &dimensions {
        let position = resolve(dimension, input.shape.rank())?;
        let extent = input.shape.dimensions().get(position).copied();
        ensure(extent == Some(1), ErrorKind::OperatorInvalid)?;
        if let Some(slot) = dropped.get_mut(position) {
            *slot = true;
        }
    }
    let kept = input.shape.dimensions().iter().zip(dropped).filter(|(_, dropped)| !dropped);
    let sound = kept.map(|(extent, _)| extent).eq(output.shape.dimensions());
    ensure(sound, ErrorKind::OperatorInvalid)?;
    Ok(Action::run(Copy))
}

fn same_content(node: &Node<'_>) -> Result<()> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    ensure(input.shape.elements() == output.shape.elements(), ErrorKind::OperatorInvalid)
}
