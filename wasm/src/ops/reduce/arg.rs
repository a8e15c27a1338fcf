//! ARG_MAX and ARG_MIN of float32 and int8, along a constant axis.
//!
//! Upstream: `micro/kernels/arg_min_max.cc` and `lite/kernels/internal/reference/arg_min_max.h`. The first of equals wins.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::math::integer::{self, Element};
use crate::math::walk::resolve;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, INT32, INT64, Signature};
use crate::ops::weights::float::{Float, floats};
use crate::ops::{Action, Flow, Kernel, Node, Options, Registration, Request};
use crate::run::io::{Io, Port};

/// Where along an axis the greatest is.
pub static ARG_MAX: Registration = Registration {
    key: OpKey::Builtin(56),
    name: "ARG_MAX",
    inputs: 2..=2,
    outputs: 1..=1,
    types: TYPES,
    prepare: |node, request| {
        let _: OutputType<40> = node.options()?;
        prepare(node, request, true)
    },
};

/// Where along an axis the least is.
pub static ARG_MIN: Registration = Registration {
    key: OpKey::Builtin(79),
    name: "ARG_MIN",
    inputs: 2..=2,
    outputs: 1..=1,
    types: TYPES,
    prepare: |node, request| {
        let _: OutputType<57> = node.options()?;
        prepare(node, request, false)
    },
};

const TYPES: &[Signature] = &[Signature { inputs: &[FLOAT32.or(INT8), INT32], outputs: &[INT32.or(INT64)] }];

/// The attribute says again what type the output has. Upstream goes by the output itself.
struct OutputType<const MEMBER: u8>;

impl<const MEMBER: u8> Options for OutputType<MEMBER> {
    const MEMBER: u8 = MEMBER;

    fn read(_: &Table<'_>) -> Result<Self> {
        Ok(Self)
    }
}

struct Arg {
    element_type: TensorType,
    /// Bytes of an index.
    index_bytes: usize,
    greatest: bool,
    /// Elements along the axis.
    extent: usize,
    /// Elements from one to the next of them.
    inner: usize,
}

fn prepare(node: &Node<'_>, request: &mut Request, greatest: bool) -> Result<Action> {
    let (input, axis, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let &[axis] = node.int32s(axis, 1)?.as_slice() else {
        return Err(ErrorKind::OperatorInvalid.into());
    };
    let dimensions = input.shape.dimensions();
    let axis = resolve(axis, dimensions.len())?;
    let extent = dimensions.get(axis).copied().unwrap_or(1);
    let inner = dimensions.iter().skip(axis + 1).product();
    let sound = output.shape.elements() * extent == input.shape.elements();
    ensure(sound, ErrorKind::OperatorInvalid)?;
    request.comparisons(input.shape.elements() as u64);
    let index_bytes = output.element_type.bits() / 8;
    Ok(Action::run(Arg { element_type: input.element_type, index_bytes, greatest, extent, inner }))
}

impl Kernel for Arg {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input], [output]) = io.cut([Port::Input(0)], [Port::Output(0)])?;
        let float = |bytes: Float| f32::from_le_bytes(bytes);
        let greatest = self.greatest;
        match self.element_type {
            // A NaN that comes first stays, and one that comes later never wins: so does upstream's micro kernel.
            TensorType::Float32 => self.run(floats(input), output, |one, best| {
                let (one, best) = (float(one), float(best));
                if greatest { one > best } else { one < best }
            }),
            _ => self.run(input, output, |one, best| {
                if greatest { one.value() > best.value() } else { one.value() < best.value() }
            }),
        }
        Ok(Flow::Next)
    }
}

impl Arg {
    fn run<T: Copy>(&self, input: &[T], output: &mut [u8], wins: impl Fn(T, T) -> bool) {
        let blocks = input.chunks_exact(self.extent * self.inner);
        for (block, outputs) in blocks.zip(output.chunks_exact_mut(self.inner * self.index_bytes)) {
            for (first, output) in outputs.chunks_exact_mut(self.index_bytes).enumerate() {
                let mut candidates = (0i32..).zip(block.iter().skip(first).step_by(self.inner));
                let best = candidates.next().map(|start| {
                    candidates.fold(start, |best, next| if wins(*next.1, *best.1) { next } else { best })
                });
                integer::write(best.map_or(0, |(index, _)| i64::from(index)), output);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::{Float32, Int8, Int32};
    use crate::testing::{Given, bytes_of, run, single};

    fn indices(operator: &Registration, from: Given, axis: i32, to: &[usize], input: &[u8]) -> Result<Vec<i32>> {
        let tensors = [from, Given::int32s(&[], &[axis]), Given::output(Int32, to)];
        let member = if operator.name == "ARG_MAX" { 40 } else { 57 };
        let output = run(single(operator, &tensors, Some((member, &[]))), &[input])?.remove(0);
        Ok(output.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect())
    }

    #[test]
    fn the_first_of_the_greatest_or_least_wins() {
        let input = [1, 5, 255, 5, 1, 254, 254, 1, 5, 5, 0, 5];
        let from = || Given::input(Int8, &[2, 3, 2]);
        assert_eq!(indices(&ARG_MAX, from(), 1, &[2, 2], &input).unwrap(), [0, 0, 1, 1]);
        assert_eq!(indices(&ARG_MIN, from(), -2, &[2, 2], &input).unwrap(), [1, 2, 0, 0]);
        assert_eq!(indices(&ARG_MAX, from(), 0, &[3, 2], &input).unwrap(), [0, 0, 1, 0, 0, 1]);
        assert_eq!(indices(&ARG_MIN, from(), 2, &[2, 3], &input).unwrap(), [0, 0, 1, 0, 0, 0]);
    }

    #[test]
    fn nan_never_wins_and_never_loses() {
        let from = || Given::input(Float32, &[4]);
        let input = bytes_of(&[2.0, f32::NAN, 2.5, 1.0]);
        assert_eq!(indices(&ARG_MAX, from(), 0, &[], &input).unwrap(), [2]);
        assert_eq!(indices(&ARG_MIN, from(), 0, &[], &input).unwrap(), [3]);
        let input = bytes_of(&[f32::NAN, 2.0, 2.5, 1.0]);
        assert_eq!(indices(&ARG_MAX, from(), 0, &[], &input).unwrap(), [0]);
        assert_eq!(indices(&ARG_MIN, from(), 0, &[], &input).unwrap(), [0]);
    }

    #[test]
    fn an_axis_or_output_that_does_not_fit_is_refused() {
        for (axis, to) in [(2, [2, 3]), (0, [2, 3]), (-3, [1, 1])] {
            let end = indices(&ARG_MAX, Given::input(Int8, &[2, 3]), axis, &to, &[0; 6]);
            assert_eq!(end.unwrap_err().kind(), ErrorKind::OperatorInvalid, "{axis}");
        }
    }
}
