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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::Int16;
    use crate::testing::{Field, Given, Random, run, single};

    #[test]
    fn what_is_joined_and_split_again_is_what_it_was() {
        let mut random = Random::new(32);
        for _ in 0..200 {
            let shape: Vec<usize> = (0..1 + random.below(4)).map(|_| 1 + random.below(4)).collect();
            let axis = random.below(shape.len());
            let sizes: Vec<usize> = (0..1 + random.below(4)).map(|_| 1 + random.below(3)).collect();
            let with = |size: usize| {
                let mut shape = shape.clone();
                shape[axis] = size;
                shape
            };
            let parts: Vec<Vec<u8>> =
                sizes.iter().map(|&size| random.bytes(2 * with(size).iter().product::<usize>())).collect();
            let whole = with(sizes.iter().sum());
            let mut tensors: Vec<_> = sizes.iter().map(|&size| Given::input(Int16, &with(size))).collect();
            tensors.push(Given::output(Int16, &whole));
            let fields = [(0, Field::I32(axis as i32 - shape.len() as i32))];
            let inputs: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let joined = run(single(&CONCATENATION, &tensors, Some((10, &fields))), &inputs).unwrap();
            // An element of the whole is that of the part at its place along the axis.
            let row = 2 * whole[axis + 1..].iter().product::<usize>();
            assert_eq!(joined[0][..row], parts[0][..row]);
            let values: Vec<i32> = sizes.iter().map(|size| *size as i32).collect();
            let mut tensors = vec![
                Given::input(Int16, &whole),
                Given::int32s(&[values.len()], &values),
                Given::int32s(&[], &[axis as i32]),
            ];
            tensors.extend(sizes.iter().map(|&size| Given::output(Int16, &with(size))));
            let split = run(single(&SPLIT_V, &tensors, None), &[&joined[0]]).unwrap();
            assert_eq!(split, parts, "{shape:?} {axis} {sizes:?}");
        }
    }

    #[test]
    fn parts_that_do_not_make_the_whole_are_refused() {
        for (part, whole) in [([2, 2], [2, 3]), ([2, 2], [3, 4]), ([2, 3], [2, 4])] {
            let tensors =
                [Given::input(Int16, &part), Given::input(Int16, &part), Given::output(Int16, &whole)];
            let model = single(&CONCATENATION, &tensors, Some((10, &[(0, Field::I32(1))])));
            assert_eq!(run(model, &[&[], &[]]).unwrap_err().kind(), ErrorKind::OperatorInvalid);
        }
    }
}
