//! Few values over many places: BROADCAST_TO, FILL, SHAPE, MIRROR_PAD.
//!
//! Upstream: `micro/kernels/broadcast_to.cc`, `fill.cc`, `shape.cc`, `mirror_pad.cc`.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::limits::RANK;
use crate::math::walk::strides;
use crate::model::OpKey;
use crate::model::tensor::Tensor;
use crate::ops::rearrange::{Ground, Region, dense, rearrange, rearrange_on};
use crate::ops::signature::{ANY, FLOAT32, INT4, INT8, INT16, INT32, INT64, SAME, Signature};
use crate::ops::{Action, Node, Options, Registration, Request};
use crate::run::io::Port;

/// Dimensions of one repeated.
pub static BROADCAST_TO: Registration = Registration {
    key: OpKey::Builtin(130),
    name: "BROADCAST_TO",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[ANY.without(INT4), INT32.or(INT64)], outputs: &[SAME] }],
    prepare: prepare_broadcast_to,
};

/// One value everywhere.
pub static FILL: Registration = Registration {
    key: OpKey::Builtin(94),
    name: "FILL",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[
        Signature { inputs: &[DIMENSIONS, FLOAT32], outputs: &[FLOAT32] },
        Signature { inputs: &[DIMENSIONS, INT8], outputs: &[INT8] },
        Signature { inputs: &[DIMENSIONS, INT32], outputs: &[INT32] },
    ],
    prepare: prepare_fill,
};

const DIMENSIONS: crate::ops::signature::Types = INT8.or(INT16).or(INT32).or(INT64);

/// The dimensions of the input.
pub static SHAPE: Registration = Registration {
    key: OpKey::Builtin(77),
    name: "SHAPE",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[ANY], outputs: &[INT32] }],
    prepare: prepare_shape,
};

/// A border that mirrors what is inside.
pub static MIRROR_PAD: Registration = Registration {
    key: OpKey::Builtin(100),
    name: "MIRROR_PAD",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8), INT32.or(INT64)], outputs: &[SAME] }],
    prepare: prepare_mirror_pad,
};

fn prepare_broadcast_to(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let dimensions = output.shape.extended();
    check_shape(&node.indices(node.input(1)?, RANK)?, output)?;
    let from = strides(&input.shape, &output.shape)?;
    rearrange(node, vec![Region::new(dimensions, from, dense(&dimensions))])
}

fn prepare_fill(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (value, output) = (node.input(1)?, node.output(0)?);
    ensure(value.shape.elements() == 1, ErrorKind::OperatorInvalid)?;
    check_shape(&node.indices(node.input(0)?, RANK)?, output)?;
    let dimensions = output.shape.extended();
    let region = Region::new(dimensions, [0; RANK], dense(&dimensions));
    rearrange(node, vec![Region { from: Port::Input(1), ..region }])
}

/// Refuses a constant that names other dimensions than the file gives the output.
fn check_shape(dimensions: &[i32], output: &Tensor) -> Result<()> {
    let same = output.shape.dimensions().iter().map(|extent| *extent as i32).eq(dimensions.iter().copied());
    ensure(same, ErrorKind::OperatorInvalid)
}

fn prepare_shape(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let dimensions = node.input(0)?.shape.dimensions();
    // A scalar has no dimensions: the output then has no elements.
    let elements = node.tensor(node.output_index(0)?)?.shape.elements();
    ensure(elements == dimensions.len(), ErrorKind::OperatorInvalid)?;
    let bytes = dimensions.iter().flat_map(|extent| (*extent as i32).to_le_bytes());
    rearrange_on(node, Vec::new(), Ground::Bytes(bytes.collect()))
}

struct MirrorPadOptions {
    /// Whether the outermost element is not repeated.
    reflects: bool,
}

impl Options for MirrorPadOptions {
    const MEMBER: u8 = 77;

    fn read(table: &Table<'_>) -> Result<Self> {
        match table.scalar::<i8>(0, 0)? {
            0 => Ok(Self { reflects: true }),
            1 => Ok(Self { reflects: false }),
            _ => Err(ErrorKind::OperatorInvalid.into()),
        }
    }
}

/// What lies before, inside and behind each dimension makes a region of its own with those of all others.
fn prepare_mirror_pad(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let invalid = ErrorKind::OperatorInvalid;
    let MirrorPadOptions { reflects } = node.options()?;
    let rank = input.shape.rank();
    let paddings = node.indices(node.input(1)?, 2 * RANK)?;
    ensure(output.shape.rank() == rank && paddings.len() == 2 * rank, invalid)?;
    // Upstream keeps sizes there.
    request.scratch(4 * rank);
    request.scratch(4 * rank);
    let (from, to) = (dense(&input.shape.extended()), dense(&output.shape.extended()));
    let all = [1; RANK];
    let mut regions = vec![Region::new(all, [0; RANK], [0; RANK])];
    let (pairs, _) = paddings.as_chunks::<2>();
    let dimensions = input.shape.dimensions().iter().zip(output.shape.dimensions()).zip(pairs);
    for (position, ((&extent, &padded), &[before, after])) in (RANK - rank..).zip(dimensions) {
        let before = usize::try_from(before).map_err(|_| invalid)?;
        let after = usize::try_from(after).map_err(|_| invalid)?;
        let skipped = usize::from(reflects);
        let mirrored = extent.checked_sub(skipped).is_some_and(|most| before.max(after) <= most);
        ensure(mirrored && before + extent + after == padded, invalid)?;
        let (step, back) = (from[position], from[position].wrapping_neg());
        // (how many, first in the input, step in the input, first in the output)
        let parts = [
            (before, (before + skipped).saturating_sub(1), back, 0),
            (extent, 0, step, before),
            (after, (extent - 1).saturating_sub(skipped), back, before + extent),
        ];
        let mut next = Vec::new();
        for region in &regions {
            for &(count, first, step, place) in parts.iter().filter(|(count, ..)| *count > 0) {
                let mut region = region.clone();
                region.dimensions[position] = count;
                region.strides[0][position] = step;
                region.strides[1][position] = to[position];
                region.origins[0] += first * from[position];
                region.origins[1] += place * to[position];
                next.push(region);
            }
        }
        regions = next;
    }
    rearrange(node, regions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::{Float32, Int32};
    use crate::testing::{Given, run, single};

    #[test]
    fn the_shape_of_a_scalar_has_no_elements() {
        let tensors = [Given::input(Float32, &[]), Given::output(Int32, &[0])];
        assert_eq!(run(single(&SHAPE, &tensors, None), &[&[0; 4]]).unwrap(), [Vec::<u8>::new()]);
    }
}
