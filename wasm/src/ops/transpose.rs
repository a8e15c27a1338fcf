//! Dimensions in another order or backwards: TRANSPOSE, REVERSE_V2.
//!
//! Upstream: `micro/kernels/transpose.cc`, `reverse.cc`.

use crate::error::{ErrorKind, Result, ensure};
use crate::limits::RANK;
use crate::math::walk::resolve;
use crate::model::OpKey;
use crate::ops::rearrange::{Region, dense, rearrange};
use crate::ops::signature::{BOOL, FLOAT32, INT8, INT16, INT32, INT64, SAME, Signature, UINT8};
use crate::ops::{Action, Node, Registration, Request};

/// Dimensions in another order.
pub static TRANSPOSE: Registration = Registration {
    key: OpKey::Builtin(39),
    name: "TRANSPOSE",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8).or(INT16), INT32], outputs: &[SAME] }],
    prepare: prepare_transpose,
};

/// Dimensions backwards.
pub static REVERSE_V2: Registration = Registration {
    key: OpKey::Builtin(105),
    name: "REVERSE_V2",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature {
        inputs: &[FLOAT32.or(INT8).or(INT16).or(INT32).or(INT64).or(UINT8).or(BOOL), INT32],
        outputs: &[SAME],
    }],
    prepare: prepare_reverse,
};

fn prepare_transpose(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let rank = input.shape.rank();
    let order = node.int32s(node.input(1)?, RANK)?;
    ensure(order.len() == rank, ErrorKind::OperatorInvalid)?;
    let (extents, steps) = (input.shape.extended(), dense(&input.shape.extended()));
    let (mut dimensions, mut from) = ([1; RANK], [0; RANK]);
    let mut taken = [false; RANK];
    for (position, axis) in order.into_iter().enumerate() {
        let axis = RANK - rank + resolve(axis, rank)?;
        ensure(!core::mem::replace(&mut taken[axis], true), ErrorKind::OperatorInvalid)?;
        dimensions[RANK - rank + position] = extents[axis];
        from[RANK - rank + position] = steps[axis];
    }
    let fits = output.shape.rank() == rank && output.shape.extended() == dimensions;
    ensure(fits, ErrorKind::OperatorInvalid)?;
    rearrange(node, vec![Region::new(dimensions, from, dense(&dimensions))])
}

fn prepare_reverse(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    ensure(input.shape == output.shape, ErrorKind::OperatorInvalid)?;
    let rank = input.shape.rank();
    let dimensions = input.shape.extended();
    let to = dense(&dimensions);
    let (mut from, mut origin) = (to, 0);
    let mut taken = [false; RANK];
    for axis in node.int32s(node.input(1)?, RANK)? {
        let axis = RANK - rank + resolve(axis, rank)?;
        ensure(!core::mem::replace(&mut taken[axis], true), ErrorKind::OperatorInvalid)?;
        origin += to[axis] * (dimensions[axis] - 1);
        from[axis] = to[axis].wrapping_neg();
    }
    let region = Region { origins: [origin, 0], ..Region::new(dimensions, from, to) };
    rearrange(node, vec![region])
}
