//! PAD and PADV2, for elements of any width.
//!
//! Upstream: `micro/kernels/pad.cc`, `pad_common.cc` and `lite/kernels/internal/reference/pad.h`.

use crate::error::{ErrorKind, Result, ensure};
use crate::limits;
use crate::model::OpKey;
use crate::model::tensor::{Tensor, TensorType};
use crate::ops::rearrange::{Ground, Region, dense, rearrange_on};
use crate::ops::signature::{ANY, INT4, INT32, INT64, SAME, Signature};
use crate::ops::{Action, Node, Registration, Request};
use crate::run::io::Port;

/// Border of zeros.
pub static PAD: Registration = Registration {
    key: OpKey::Builtin(34),
    name: "PAD",
    inputs: 2..=3,
    outputs: 1..=1,
    types: TYPES,
    prepare,
};

/// Border of a constant.
pub static PADV2: Registration = Registration {
    key: OpKey::Builtin(60),
    name: "PADV2",
    inputs: 2..=3,
    outputs: 1..=1,
    types: TYPES,
    prepare,
};

/// Without a value, only types whose zero is known.
const TYPES: &[Signature] =
    &[Signature { inputs: &[ANY.without(INT4), INT32.or(INT64), SAME], outputs: &[SAME] }];

fn prepare(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, paddings, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let invalid = ErrorKind::OperatorInvalid;
    let paddings = node.indices(paddings, limits::ARGUMENTS)?;
    let rank = input.shape.rank();
    ensure(rank > 0 && rank < limits::RANK, invalid)?;
    ensure(output.shape.rank() == rank && paddings.len() == 2 * rank, invalid)?;
    let (pairs, _) = paddings.as_chunks::<2>();
    let ground = ground(node, output)?;
    let (from, to) = (input.shape.extended(), output.shape.extended());
    let mut region = Region::new(from, dense(&from), dense(&to));
    let extents = from.iter().zip(&to).zip(&region.strides[1]).skip(limits::RANK - rank);
    for (((extent, padded), step), &[before, after]) in extents.zip(pairs) {
        let before = usize::try_from(before).map_err(|_| invalid)?;
        let after = usize::try_from(after).map_err(|_| invalid)?;
        ensure(before.checked_add(*extent).and_then(|sum| sum.checked_add(after)) == Some(*padded), invalid)?;
        region.origins[1] += before * step;
    }
    rearrange_on(node, vec![region], ground)
}

/// The padding element: one that is given, or the one that means zero.
fn ground(node: &Node<'_>, output: &Tensor) -> Result<Ground> {
    if let Some(given) = node.optional_input(2)? {
        ensure(given.shape.elements() == 1, ErrorKind::OperatorInvalid)?;
        if output.element_type == TensorType::Int8 {
            ensure(given.affine()? == output.affine()?, ErrorKind::QuantisationInvalid)?;
        }
        return Ok(Ground::Given(Port::Input(2)));
    }
    let zero = match output.element_type {
        TensorType::Int8 | TensorType::Uint8 => output.affine()?.1 as u8,
        TensorType::Int16 | TensorType::Int32 | TensorType::Float32 => 0,
        _ => return Err(ErrorKind::TypeUnsupported.into()),
    };
    Ok(Ground::Bytes(Box::new([zero])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Given, run, single};

    #[test]
    fn a_value_that_comes_with_the_inputs_is_the_border() {
        let tensors = [
            Given::input(TensorType::Int16, &[2]),
            Given::int32s(&[1, 2], &[1, 2]),
            Given::input(TensorType::Int16, &[1]),
            Given::output(TensorType::Int16, &[5]),
        ];
        let found = run(single(&PADV2, &tensors, None), &[&[1, 0, 2, 0], &[7, 1]]).unwrap().remove(0);
        assert_eq!(found, [7, 1, 1, 0, 2, 0, 7, 1, 7, 1]);
    }
}
