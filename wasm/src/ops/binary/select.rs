//! SELECT_V2: bytes as they are, with broadcasting; and SELECT, which TensorFlow Lite Micro does not have, without.
//!
//! Upstream: `micro/kernels/select.cc`.

use crate::error::{ErrorKind, Result, ensure};
use crate::limits;
use crate::math::walk::{Odometer, strides};
use crate::model::OpKey;
use crate::ops::signature::{BOOL, FLOAT32, INT8, INT16, INT32, INT64, Signature};
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request};
use crate::run::io::{Io, Port};

/// The second input where the first is true, else the third.
pub static SELECT_V2: Registration = Registration {
    key: OpKey::Builtin(123),
    name: "SELECT_V2",
    inputs: 3..=3,
    outputs: 1..=1,
    types: TYPES,
    prepare,
};

/// The same where all shapes are equal, or the condition is one.
pub static SELECT: Registration = Registration {
    key: OpKey::Builtin(64),
    name: "SELECT",
    inputs: 3..=3,
    outputs: 1..=1,
    types: TYPES,
    prepare: |node, request| {
        let output = node.output(0)?.shape;
        let condition = node.input(0)?.shape;
        // A vector would choose rows: not executed.
        let sound = (condition == output || condition.rank() == 0)
            && node.input(1)?.shape == output
            && node.input(2)?.shape == output;
        ensure(sound, ErrorKind::OperatorInvalid)?;
        prepare(node, request)
    },
};

const TYPES: &[Signature] = &[
    Signature { inputs: &[BOOL, FLOAT32], outputs: &[FLOAT32] },
    Signature { inputs: &[BOOL, INT8], outputs: &[INT8] },
    Signature { inputs: &[BOOL, INT16], outputs: &[INT16] },
    Signature { inputs: &[BOOL, INT32], outputs: &[INT32] },
    Signature { inputs: &[BOOL, INT64], outputs: &[INT64] },
];

struct Select {
    dimensions: [usize; limits::RANK],
    strides: [[usize; limits::RANK]; 3],
    width: usize,
}

fn prepare(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let output = node.output(0)?;
    let over = |position| strides(&node.input(position)?.shape, &output.shape);
    Ok(Action::run(Select {
        dimensions: output.shape.extended(),
        strides: [over(0)?, over(1)?, over(2)?],
        width: output.element_type.bits() / 8,
    }))
}

impl Kernel for Select {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let inputs = [Port::Input(0), Port::Input(1), Port::Input(2)];
        let ([condition, yes, no], [output]) = io.cut(inputs, [Port::Output(0)])?;
        let places = Odometer::new(self.dimensions, self.strides);
        for (output, [condition_at, yes_at, no_at]) in output.chunks_exact_mut(self.width).zip(places) {
            let is_true = *condition.get(condition_at).ok_or(ErrorKind::EngineInternal)? != 0;
            let (from, at) = if is_true { (yes, yes_at) } else { (no, no_at) };
            let element = from.get(at * self.width..(at + 1) * self.width);
            output.copy_from_slice(element.ok_or(ErrorKind::EngineInternal)?);
        }
        Ok(Flow::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::{Bool, Int8};
    use crate::testing::{Given, run, single};

    #[test]
    fn elements_are_chosen_where_the_shapes_are_equal_or_the_condition_is_one() {
        let select = |op: &Registration, shape: &[usize], condition: &[u8]| {
            let bytes = |given: fn(_, &[usize]) -> Given| given(Int8, &[2, 2]);
            let tensors = [Given::input(Bool, shape), bytes(Given::input), bytes(Given::input), bytes(Given::output)];
            run(single(op, &tensors, None), &[condition, &[1, 2, 3, 4], &[5, 6, 7, 8]])
        };
        assert_eq!(select(&SELECT, &[2, 2], &[1, 0, 0, 1]).unwrap(), [[1, 6, 7, 4]]);
        assert_eq!(select(&SELECT, &[], &[0]).unwrap(), [[5, 6, 7, 8]]);
        assert_eq!(select(&SELECT_V2, &[2], &[1, 0]).unwrap(), [[1, 6, 3, 8]]);
        assert_eq!(select(&SELECT, &[2], &[1, 0]).unwrap_err().kind(), ErrorKind::OperatorInvalid);
    }
}
