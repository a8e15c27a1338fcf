//! SignalOverlapAdd: float32, int16.
//!
//! Upstream: `overlap_add.cc`. Frames are added where they overlap, and as much as a step is done with each.

use super::{ANY, COUNT, attributes, check_type, rows, size};
use crate::error::{ErrorKind, Result, ensure};
use crate::math::integer::Element;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT16, SAME, Signature};
use crate::ops::weights::float::{floats, floats_mut};
use crate::ops::{Action, Flow, Init, Kernel, Node, Registration, Request};
use crate::run::io::{Io, Port};

/// A signal from overlapping frames.
pub static OVERLAP_ADD: Registration = Registration {
    key: OpKey::Custom(b"SignalOverlapAdd"),
    name: "SignalOverlapAdd",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT16)], outputs: &[SAME] }],
    prepare,
};

/// In bytes, but for the frames.
struct OverlapAdd {
    frame: usize,
    step: usize,
    /// Frames of a signal.
    frames: usize,
    add: fn(&mut [u8], &[u8]),
    /// A frame of each signal.
    sums: Port,
}

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let [element_type, step] = attributes(node, &[ANY, COUNT])?;
    check_type(element_type, input)?;
    let ((frame, rows), step) = (rows(input), step as usize);
    let &[.., frames, _] = input.shape.dimensions() else {
        return Err(ErrorKind::OperatorInvalid.into());
    };
    let sound = step <= frame
        && input.shape.rank() == output.shape.rank() + 1
        && output.shape.elements() == size(&[rows, step]);
    ensure(sound, ErrorKind::OperatorInvalid)?;
    let width = input.element_type.bits() / 8;
    let add = if input.element_type == TensorType::Float32 { add_floats } else { add_integers };
    // Each is added and moved.
    request.comparisons(2 * input.shape.elements() as u64);
    Ok(Action::run(OverlapAdd {
        frame: frame * width,
        step: step * width,
        frames,
        add,
        sums: request.state(size(&[rows / frames, frame, width]), Init::Byte(0)),
    }))
}

impl Kernel for OverlapAdd {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input], [sums, output]) = io.cut([Port::Input(0)], [self.sums, Port::Output(0)])?;
        let mut frames = input.chunks_exact(self.frame).zip(output.chunks_exact_mut(self.step));
        for sums in sums.chunks_exact_mut(self.frame) {
            for (frame, output) in frames.by_ref().take(self.frames) {
                (self.add)(sums, frame);
                if let Some(done) = sums.get(..output.len()) {
                    output.copy_from_slice(done);
                }
                sums.copy_within(self.step.min(self.frame).., 0);
                sums.iter_mut().rev().take(self.step).for_each(|byte| *byte = 0);
            }
        }
        Ok(Flow::Next)
    }
}

fn add_floats(sums: &mut [u8], frame: &[u8]) {
    for (sum, value) in floats_mut(sums).iter_mut().zip(floats(frame)) {
        *sum = (f32::from_le_bytes(*sum) + f32::from_le_bytes(*value)).to_le_bytes();
    }
}

fn add_integers(sums: &mut [u8], frame: &[u8]) {
    for (sum, value) in sums.as_chunks_mut::<2>().0.iter_mut().zip(frame.as_chunks().0) {
        *sum = Element::of((sum.value() + value.value()).clamp(i16::MIN.into(), i16::MAX.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{custom, run_all, shorts, shorts_of};
    use super::*;
    use crate::model::tensor::TensorType::{Float32, Int16};
    use crate::testing::{Given, bytes_of, floats_of};

    fn overlap(element_type: TensorType, number: i32, step: i32, inputs: &[&[&[u8]]]) -> Result<Vec<Vec<u8>>> {
        let tensors = [Given::input(element_type, &[2, 2, 3]), Given::output(element_type, &[2, 4])];
        let attributes = [("T", number), ("frame_step", step)];
        let outputs = run_all(custom(&OVERLAP_ADD, &tensors, &attributes), inputs)?;
        Ok(outputs.into_iter().map(|mut outputs| outputs.remove(0)).collect())
    }

    #[test]
    fn frames_are_added_where_they_overlap_those_before_them() {
        let input = shorts(&[1, 2, 3, 10, 20, 30, 100, 200, 32000, 1000, 2000, 3000]);
        let found = overlap(Int16, 7, 2, &[&[&input], &[&input]]).unwrap();
        assert_eq!(shorts_of(&found[0]), [1, 2, 13, 20, 100, 200, 32767, 2000]);
        assert_eq!(shorts_of(&found[1]), [31, 2, 13, 20, 3100, 200, 32767, 2000]);
        let input = bytes_of(&[1.0, 2.0, 0.5, 4.0, 5.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let found = overlap(Float32, 0, 2, &[&[&input]]).unwrap();
        assert_eq!(floats_of(&found[0]), [1.0, 2.0, 4.5, 5.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn steps_and_types_that_do_not_fit_are_refused() {
        for (number, step, kind) in [
            (7, 3, ErrorKind::OperatorInvalid),
            (7, 0, ErrorKind::OperatorInvalid),
            (0, 2, ErrorKind::TypeUnsupported),
            (300, 2, ErrorKind::TypeUnsupported),
        ] {
            assert_eq!(overlap(Int16, number, step, &[&[&[0; 24]]]).unwrap_err().kind(), kind);
        }
    }
}
