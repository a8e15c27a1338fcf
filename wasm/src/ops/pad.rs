//! PAD and PADV2, for elements of one, two or four bytes.
//!
//! Upstream: `micro/kernels/pad.cc`, `pad_common.cc` and `lite/kernels/internal/reference/pad.h`.

use crate::error::{ErrorKind, Result, ensure};
use crate::limits;
use crate::math::walk::Odometer;
use crate::model::OpKey;
use crate::model::tensor::{Tensor, TensorType};
use crate::ops::signature::{ANY, INT4, INT32, INT64, SAME, Signature};
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request};
use crate::run::io::{Io, Port};

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

/// Fills the output, then copies the input row by row into it.
struct Pad {
    /// Dimensions of the input without the last, ones where there are none.
    rows: [usize; limits::RANK],
    /// Their strides in the output, in bytes.
    strides: [usize; limits::RANK],
    /// Where the first row goes, in bytes.
    origin: usize,
    row_bytes: usize,
    /// Empty where the third input says it at each inference.
    fill: Vec<u8>,
    element: usize,
}

fn prepare(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, paddings, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let invalid = ErrorKind::OperatorInvalid;
    let paddings = node.indices(paddings, limits::ARGUMENTS)?;
    let rank = input.shape.rank();
    ensure(rank > 0 && rank < limits::RANK, invalid)?;
    ensure(output.shape.rank() == rank && paddings.len() == 2 * rank, invalid)?;
    let (pairs, _) = paddings.as_chunks::<2>();
    let fill = fill(node, output)?;
    let element = output.element_type.bits() / 8;
    let (mut origin, mut step) = (0, element);
    let mut strides = [0; limits::RANK];
    let mut rows = [1; limits::RANK];
    let dimensions = input.shape.dimensions().iter().zip(output.shape.dimensions()).zip(pairs);
    for (position, ((&extent, &padded), &[before, after])) in dimensions.enumerate().rev() {
        let before = usize::try_from(before).map_err(|_| invalid)?;
        let after = usize::try_from(after).map_err(|_| invalid)?;
        ensure(before.checked_add(extent).and_then(|sum| sum.checked_add(after)) == Some(padded), invalid)?;
        origin += before * step;
        if position + 1 < rank {
            rows[position] = extent;
            strides[position] = step;
        }
        step *= padded;
    }
    let row_bytes = input.shape.last() * element;
    Ok(Action::run(Pad { rows, strides, origin, row_bytes, fill, element }))
}

/// The bytes of a padding element: none where they are given, or the one that means zero.
fn fill(node: &Node<'_>, output: &Tensor) -> Result<Vec<u8>> {
    if let Some(given) = node.optional_input(2)? {
        ensure(given.shape.elements() == 1, ErrorKind::OperatorInvalid)?;
        if output.element_type == TensorType::Int8 {
            ensure(given.affine()? == output.affine()?, ErrorKind::QuantisationInvalid)?;
        }
        return Ok(Vec::new());
    }
    Ok(match output.element_type {
        TensorType::Int8 | TensorType::Uint8 => vec![output.affine()?.1 as u8],
        TensorType::Int16 => vec![0; 2],
        TensorType::Int32 | TensorType::Float32 => vec![0; 4],
        _ => return Err(ErrorKind::TypeUnsupported.into()),
    })
}

impl Kernel for Pad {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let given = Port::Input(if self.fill.is_empty() { 2 } else { 0 });
        let ([input, given], [output]) = io.cut([Port::Input(0), given], [Port::Output(0)])?;
        let fill = if self.fill.is_empty() { given } else { &self.fill };
        ensure(fill.len() == self.element, ErrorKind::EngineInternal)?;
        for element in output.chunks_exact_mut(self.element) {
            element.copy_from_slice(fill);
        }
        let places = Odometer::new(self.rows, [self.strides]);
        for (row, [place]) in input.chunks_exact(self.row_bytes).zip(places) {
            let start = self.origin + place;
            let slot = output.get_mut(start..start + self.row_bytes);
            slot.ok_or(ErrorKind::EngineInternal)?.copy_from_slice(row);
        }
        Ok(Flow::Next)
    }
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
