//! Several tensors to one, and one to several, along an axis: CONCATENATION, PACK, SPLIT, SPLIT_V, UNPACK.
//!
//! Upstream: `micro/kernels/concatenation.cc`, `pack.cc`, `split.cc`, `split_v.cc`, `unpack.cc`.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::limits::{OPERATOR_TENSORS, RANK};
use crate::math::walk::resolve;
use crate::model::OpKey;
use crate::model::tensor::{Shape, TensorType};
use crate::ops::rearrange::{Region, dense, rearrange};
use crate::ops::signature::{BOOL, FLOAT32, INT8, INT16, INT32, INT64, SAME, Signature};
use crate::ops::{Action, Node, Options, Registration, Request};
use crate::run::io::Port;

/// Tensors one behind the other along an axis.
pub static CONCATENATION: Registration = Registration {
    key: OpKey::Builtin(2),
    name: "CONCATENATION",
    inputs: 1..=OPERATOR_TENSORS,
    outputs: 1..=1,
    types: &[Signature {
        inputs: &[FLOAT32.or(INT8).or(INT16).or(INT32).or(INT64).or(BOOL), SAME],
        outputs: &[SAME],
    }],
    prepare: prepare_concatenation,
};

/// Tensors side by side along a new axis.
pub static PACK: Registration = Registration {
    key: OpKey::Builtin(83),
    name: "PACK",
    inputs: 1..=OPERATOR_TENSORS,
    outputs: 1..=1,
    types: &[Signature {
        inputs: &[FLOAT32.or(INT8).or(INT16).or(INT32).or(INT64), SAME],
        outputs: &[SAME],
    }],
    prepare: prepare_pack,
};

/// Equal parts along an axis.
pub static SPLIT: Registration = Registration {
    key: OpKey::Builtin(49),
    name: "SPLIT",
    inputs: 2..=2,
    outputs: 1..=OPERATOR_TENSORS,
    types: &[
        Signature { inputs: &[INT32, FLOAT32], outputs: &[FLOAT32] },
        Signature { inputs: &[INT32, INT8], outputs: &[INT8] },
        Signature { inputs: &[INT32, INT16], outputs: &[INT16] },
        Signature { inputs: &[INT32, INT32], outputs: &[INT32] },
    ],
    prepare: |node, _| split(node, 1, 0),
};

/// Parts of any size along an axis.
pub static SPLIT_V: Registration = Registration {
    key: OpKey::Builtin(102),
    name: "SPLIT_V",
    inputs: 3..=3,
    outputs: 1..=OPERATOR_TENSORS,
    types: &[Signature {
        inputs: &[FLOAT32.or(INT8).or(INT16).or(INT32), INT32],
        outputs: &[SAME],
    }],
    prepare: |node, _| split(node, 0, 2),
};

/// The tensors along an axis, without it.
pub static UNPACK: Registration = Registration {
    key: OpKey::Builtin(88),
    name: "UNPACK",
    inputs: 1..=1,
    outputs: 1..=OPERATOR_TENSORS,
    types: &[Signature { inputs: &[FLOAT32.or(INT8).or(INT16).or(INT32)], outputs: &[SAME] }],
    prepare: prepare_unpack,
};

/// An axis in a slot of a member of the union.
struct Axis<const MEMBER: u8, const SLOT: usize>(i32);

impl<const MEMBER: u8, const SLOT: usize> Options for Axis<MEMBER, SLOT> {
    const MEMBER: u8 = MEMBER;

    fn read(table: &Table<'_>) -> Result<Self> {
        // A fused activation of CONCATENATION, the only one here with one, is not executed upstream either.
        ensure(MEMBER != 10 || table.scalar::<i8>(1, 0)? == 0, ErrorKind::OperatorInvalid)?;
        Ok(Self(table.scalar(SLOT, 0)?))
    }
}

/// Parts of a whole along an axis.
struct Parts<'a> {
    whole: &'a Shape,
    /// Position among the dimensions of the whole.
    axis: usize,
    /// Where the next part begins.
    next: usize,
    regions: Vec<Region>,
}

impl<'a> Parts<'a> {
    fn new(whole: &'a Shape, axis: usize) -> Self {
        Self { whole, axis, next: 0, regions: Vec::new() }
    }

    /// Adds a part of this shape, which may lack the axis; `joins` says whether it goes to the whole.
    fn add(&mut self, shape: &Shape, lacks_axis: bool, (part, whole): (Port, Port), joins: bool) -> Result<()> {
        let mut dimensions = shape.dimensions().to_vec();
        if lacks_axis {
            ensure(self.axis <= dimensions.len(), ErrorKind::OperatorInvalid)?;
            dimensions.insert(self.axis, 1);
        }
        ensure(dimensions.len() == self.whole.rank(), ErrorKind::OperatorInvalid)?;
        let pairs = dimensions.iter().zip(self.whole.dimensions()).enumerate();
        let mut others = pairs.filter(|(position, _)| *position != self.axis);
        ensure(others.all(|(_, (part, whole))| part == whole), ErrorKind::OperatorInvalid)?;
        let first = RANK - dimensions.len();
        let mut extents = [1; RANK];
        for (slot, extent) in extents.iter_mut().skip(first).zip(&dimensions) {
            *slot = *extent;
        }
        let (steps, part_steps) = (dense(&self.whole.extended()), dense(&extents));
        let origin = self.next * steps[first + self.axis];
        self.next += extents[first + self.axis];
        self.regions.push(if joins {
            Region { from: part, to: whole, origins: [0, origin], ..Region::new(extents, part_steps, steps) }
        } else {
            Region { from: whole, to: part, origins: [origin, 0], ..Region::new(extents, steps, part_steps) }
        });
        Ok(())
    }

    /// Refuses parts that leave something out or do not fit in.
    fn finish(self, node: &Node<'_>) -> Result<Action> {
        let extent = self.whole.dimensions().get(self.axis).copied();
        ensure(extent == Some(self.next), ErrorKind::OperatorInvalid)?;
        rearrange(node, self.regions)
    }
}

fn prepare_concatenation(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let output = node.output(0)?;
    let Axis::<10, 0>(axis) = node.options()?;
    let mut parts = Parts::new(&output.shape, resolve(axis, output.shape.rank())?);
    for position in 0..node.operator.inputs.len() {
        let input = node.input(position)?;
        if output.element_type == TensorType::Int8 {
            ensure(input.affine()? == output.affine()?, ErrorKind::QuantisationInvalid)?;
        }
        parts.add(&input.shape, false, (Port::Input(position), Port::Output(0)), true)?;
    }
    parts.finish(node)
}

fn prepare_pack(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let output = node.output(0)?;
    let Axis::<59, 1>(axis) = node.options()?;
    let mut parts = Parts::new(&output.shape, resolve(axis, output.shape.rank())?);
    for position in 0..node.operator.inputs.len() {
        let input = node.input(position)?;
        parts.add(&input.shape, true, (Port::Input(position), Port::Output(0)), true)?;
    }
    parts.finish(node)
}

fn prepare_unpack(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let input = node.input(0)?;
    let Axis::<64, 1>(axis) = node.options()?;
    let mut parts = Parts::new(&input.shape, resolve(axis, input.shape.rank())?);
    for position in 0..node.operator.outputs.len() {
        let output = node.output(position)?;
        parts.add(&output.shape, true, (Port::Output(position), Port::Input(0)), false)?;
    }
    parts.finish(node)
}

/// The shapes of the outputs in the file say how large the parts are.
fn split(node: &Node<'_>, value: usize, axis: usize) -> Result<Action> {
    let input = node.input(value)?;
    let &[axis] = node.int32s(node.input(axis)?, 1)?.as_slice() else {
        return Err(ErrorKind::OperatorInvalid.into());
    };
    let mut parts = Parts::new(&input.shape, resolve(axis, input.shape.rank())?);
    for position in 0..node.operator.outputs.len() {
        let output = node.output(position)?;
        parts.add(&output.shape, false, (Port::Output(position), Port::Input(value)), false)?;
    }
    parts.finish(node)
}
