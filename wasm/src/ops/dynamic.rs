//! Operators whose places or shapes are known at run time only: DYNAMIC_UPDATE_SLICE, BROADCAST_ARGS.
//!
//! Upstream: `micro/kernels/dynamic_update_slice.cc`, `broadcast_args.cc`.

use crate::error::{ErrorKind, Result, ensure};
use crate::limits::RANK;
use crate::math::integer::{read, write};
use crate::math::walk::Odometer;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::rearrange::dense;
use crate::ops::signature::{FLOAT32, INT8, INT16, INT32, INT64, SAME, Signature};
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request};
use crate::run::io::{Io, Port};

/// The first input with the second put in at a place, as far inside as it fits.
pub static DYNAMIC_UPDATE_SLICE: Registration = Registration {
    key: OpKey::Builtin(151),
    name: "DYNAMIC_UPDATE_SLICE",
    inputs: 3..=3,
    outputs: 1..=1,
    types: &[Signature {
        inputs: &[FLOAT32.or(INT8).or(INT16).or(INT32), SAME, INT32.or(INT64)],
        outputs: &[SAME],
    }],
    prepare: prepare_update,
};

/// The shape to which two shapes are broadcast.
pub static BROADCAST_ARGS: Registration = Registration {
    key: OpKey::Builtin(145),
    name: "BROADCAST_ARGS",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[INT32.or(INT64), SAME], outputs: &[SAME] }],
    prepare: prepare_broadcast_args,
};

struct Update {
    whole: [usize; RANK],
    part: [usize; RANK],
    /// Dimensions that are not there.
    absent: usize,
    index_type: TensorType,
    width: usize,
}

fn prepare_update(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (whole, part, starts, output) = (node.input(0)?, node.input(1)?, node.input(2)?, node.output(0)?);
    let rank = whole.shape.rank();
    let fits = whole.shape.dimensions().iter().zip(part.shape.dimensions()).all(|(whole, part)| part <= whole);
    let sound = fits && part.shape.rank() == rank && starts.shape.dimensions() == [rank] && whole.shape == output.shape;
    ensure(sound, ErrorKind::OperatorInvalid)?;
    Ok(Action::run(Update {
        whole: whole.shape.extended(),
        part: part.shape.extended(),
        absent: RANK - rank,
        index_type: starts.element_type,
        width: whole.element_type.bits() / 8,
    }))
}

impl Kernel for Update {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let inputs = [Port::Input(0), Port::Input(1), Port::Input(2)];
        let ([whole, part, starts], [output]) = io.cut(inputs, [Port::Output(0)])?;
        ensure(whole.len() == output.len(), ErrorKind::EngineInternal)?;
        output.copy_from_slice(whole);
        let steps = dense(&self.whole);
        let mut origin = 0;
        let starts = starts.chunks_exact(self.index_type.bits() / 8);
        let extents = self.whole.iter().zip(&self.part).zip(steps).skip(self.absent);
        for (start, ((whole, part), step)) in starts.zip(extents) {
            let most = (whole - part) as i64;
            origin += read(self.index_type, start).clamp(0, most) as usize * step;
        }
        let mut outer = self.part;
        let run = core::mem::replace(&mut outer[RANK - 1], 1) * self.width;
        for ([place], row) in Odometer::new(outer, [steps]).zip(part.chunks_exact(run)) {
            let first = (origin + place) * self.width;
            let output = output.get_mut(first..first + run).ok_or(ErrorKind::EngineInternal)?;
            output.copy_from_slice(row);
        }
        Ok(Flow::Next)
    }
}

struct BroadcastArgs {
    element_type: TensorType,
}

fn prepare_broadcast_args(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (one, other, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let flat = [one, other, output].iter().all(|tensor| tensor.shape.rank() == 1);
    let longest = one.shape.elements().max(other.shape.elements());
    ensure(flat && output.shape.elements() == longest, ErrorKind::OperatorInvalid)?;
    Ok(Action::run(BroadcastArgs { element_type: output.element_type }))
}

impl Kernel for BroadcastArgs {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (one, other, output) = io.two()?;
        let width = self.element_type.bits() / 8;
        // From the end; what is not there is one. Upstream compares the low 32 bits.
        let extents = |shape| {
            let extents = <[u8]>::rchunks_exact(shape, width);
            extents.map(|extent| i64::from(read(self.element_type, extent) as i32)).chain(core::iter::repeat(1))
        };
        for (output, (one, other)) in output.rchunks_exact_mut(width).zip(extents(one).zip(extents(other))) {
            ensure(one == other || one == 1 || other == 1, ErrorKind::OperatorInvalid)?;
            write(if one == 1 { other } else { one }, output);
        }
        Ok(Flow::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::{Int16, Int32, Int64};
    use crate::testing::{Given, Random, run, single};

    #[test]
    fn a_part_is_put_in_as_far_inside_as_it_fits() {
        let mut random = Random::new(42);
        for _ in 0..300 {
            let rank = 1 + random.below(4);
            let whole: Vec<usize> = (0..rank).map(|_| 1 + random.below(4)).collect();
            let part: Vec<usize> = whole.iter().map(|&extent| 1 + random.below(extent)).collect();
            let starts: Vec<i64> = (0..rank).map(|_| random.below(9) as i64 - 3).collect();
            let (before, put) = (random.bytes(2 * whole.iter().product::<usize>()), random.bytes(2 * part.iter().product::<usize>()));
            let index: Vec<u8> = starts.iter().flat_map(|start| start.to_le_bytes()).collect();
            let tensors = [
                Given::input(Int16, &whole),
                Given::input(Int16, &part),
                Given::input(Int64, &[rank]),
                Given::output(Int16, &whole),
            ];
            let found = run(single(&DYNAMIC_UPDATE_SLICE, &tensors, None), &[&before, &put, &index]).unwrap();
            // Element by element: the index in the part, moved by the start, is one in the whole.
            let mut expected = before.clone();
            for (number, element) in put.chunks(2).enumerate() {
                let (mut rest, mut place, mut step) = (number, 0, 1);
                for at in (0..rank).rev() {
                    let start = starts[at].clamp(0, (whole[at] - part[at]) as i64) as usize;
                    place += (rest % part[at] + start) * step;
                    rest /= part[at];
                    step *= whole[at];
                }
                expected[2 * place..2 * place + 2].copy_from_slice(element);
            }
            assert_eq!(found, [expected], "{whole:?} {part:?} {starts:?}");
        }
    }

    #[test]
    fn a_part_larger_than_the_whole_is_refused() {
        for (part, starts) in [(&[3, 1][..], 2), (&[2], 1), (&[1, 1], 1)] {
            let tensors = [
                Given::input(Int16, &[2, 2]),
                Given::input(Int16, part),
                Given::input(Int32, &[starts]),
                Given::output(Int16, &[2, 2]),
            ];
            let end = run(single(&DYNAMIC_UPDATE_SLICE, &tensors, None), &[]);
            assert_eq!(end.unwrap_err().kind(), ErrorKind::OperatorInvalid, "{part:?}");
        }
    }

    #[test]
    fn shapes_are_broadcast_from_the_end() {
        let broadcast = |one: &[i32], other: &[i32]| {
            let bytes = |shape: &[i32]| shape.iter().flat_map(|extent| extent.to_le_bytes()).collect::<Vec<u8>>();
            let tensors = [
                Given::input(Int32, &[one.len()]),
                Given::input(Int32, &[other.len()]),
                Given::output(Int32, &[one.len().max(other.len())]),
            ];
            let output = run(single(&BROADCAST_ARGS, &tensors, None), &[&bytes(one), &bytes(other)])?.remove(0);
            Ok::<Vec<i32>, crate::error::Error>(output.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect())
        };
        assert_eq!(broadcast(&[2, 1, 4], &[3, 1]).unwrap(), [2, 3, 4]);
        assert_eq!(broadcast(&[1], &[5, 0, 7]).unwrap(), [5, 0, 7]);
        assert_eq!(broadcast(&[2, 3], &[2, 4]).unwrap_err().kind(), ErrorKind::OperatorInvalid);
    }
}
