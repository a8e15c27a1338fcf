//! Operators that keep the bytes and change the shape.
//!
//! Upstream: `micro/kernels/reshape.cc`, `reshape_common.cc`, `expand_dims.cc`, `squeeze.cc`.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::limits;
use crate::math::walk::resolve;
use crate::memory::copied;
use crate::model::OpKey;
use crate::ops::signature::{ANY, FLOAT32, INT8, INT16, INT32, SAME, Signature};
use crate::ops::{Action, Flow, Kernel, Node, Options, Registration, Request};
use crate::run::io::{Io, Port};

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

/// A sparse constant as a dense one. Sparse constants are multiplied out before anything reads them.
pub static DENSIFY: Registration = Registration {
    key: OpKey::Builtin(124),
    name: "DENSIFY",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[ANY], outputs: &[SAME] }],
    prepare: prepare_densify,
};

/// Copies bytes as they are.
pub struct Copy {
    /// From here.
    pub from: Port,
    /// To there: as many.
    pub to: Port,
}

/// The first input to the first output.
const CONTENT: Copy = Copy { from: Port::Input(0), to: Port::Output(0) };

impl Kernel for Copy {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([from], [to]) = io.cut([self.from], [self.to])?;
        ensure(from.len() == to.len(), ErrorKind::EngineInternal)?;
        to.copy_from_slice(from);
        Ok(Flow::Next)
    }
}

fn prepare_reshape(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    same_content(node)?;
    Ok(Action::run(CONTENT))
}

fn prepare_densify(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    same_content(node)?;
    let bytes = node.constant(node.input(0)?)?;
    Ok(Action::Constant(vec![copied(bytes)?]))
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
    Ok(Action::run(CONTENT))
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
    Ok(Action::run(CONTENT))
}

fn same_content(node: &Node<'_>) -> Result<()> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    ensure(input.shape.elements() == output.shape.elements(), ErrorKind::OperatorInvalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::Int16;
    use crate::testing::{Field, Given, run, single};

    fn end_of(op: &Registration, tensors: &[Given], dimensions: &[i32]) -> Result<Vec<Vec<u8>>> {
        let fields = [(0, Field::I32s(dimensions.to_vec()))];
        run(single(op, tensors, Some((30, &fields))), &[&[1, 2, 3, 4]])
    }

    #[test]
    fn a_dimension_of_one_is_dropped_and_put_in() {
        let tensors = |from: &[usize], to: &[usize]| [Given::input(Int16, from), Given::output(Int16, to)];
        let rows: [(&[i32], &[usize], bool); 5] = [
            (&[], &[2], true),
            (&[0], &[2, 1], true),
            (&[-1], &[1, 2], true),
            (&[1], &[1, 1], false),
            (&[0], &[1, 2], false),
        ];
        for (dropped, shape, sound) in rows {
            let end = end_of(&SQUEEZE, &tensors(&[1, 2, 1], shape), dropped);
            assert_eq!(end.is_ok_and(|outputs| outputs == [[1, 2, 3, 4]]), sound, "{dropped:?}");
        }
        for (axis, shape, sound) in [(0, [1, 2], true), (-1, [2, 1], true), (2, [2, 1], false)] {
            let [from, to] = tensors(&[2], &shape);
            let end = end_of(&EXPAND_DIMS, &[from, Given::int32s(&[], &[axis]), to], &[]);
            assert_eq!(end.is_ok_and(|outputs| outputs == [[1, 2, 3, 4]]), sound, "{axis}");
        }
    }

    #[test]
    fn what_a_registration_does_not_say_is_refused() {
        let pair = || [Given::input(Int16, &[2]), Given::output(Int16, &[2])];
        let [from, to] = pair();
        let other = Given::output(crate::model::tensor::TensorType::Uint16, &[2]);
        let rows = [
            (vec![from.clone(), other], ErrorKind::TypeUnsupported),
            (vec![from.clone(), from.clone(), from.clone(), to.clone()], ErrorKind::OperatorInvalid),
            (vec![from.clone(), to.clone(), to.clone()], ErrorKind::OperatorInvalid),
            (vec![Given::absent(), to.clone()], ErrorKind::OperatorInvalid),
        ];
        for (tensors, kind) in rows {
            assert_eq!(end_of(&RESHAPE, &tensors, &[]).unwrap_err().kind(), kind);
        }
    }
}
