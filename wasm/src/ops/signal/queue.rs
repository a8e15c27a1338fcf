//! What keeps samples until there are enough: SignalDelay, SignalFramer, SignalStacker.
//!
//! Upstream: `delay.cc`, `framer.cc`, `stacker.cc`, `circular_buffer.cc`. Upstream's rings are queues here: what leaves one
//! is the same.

use super::{ANY, COUNT, FROM_0, are_lines, attributes, rows, size};
use crate::error::{ErrorKind, Result, ensure};
use crate::model::OpKey;
use crate::ops::signature::{BOOL, INT16, Signature};
use crate::ops::{Action, Flow, Init, Kernel, Node, Registration, Request};
use crate::run::io::{Io, Port};

/// A signal that comes later.
pub static DELAY: Registration = Registration {
    key: OpKey::Custom(b"SignalDelay"),
    name: "SignalDelay",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[INT16], outputs: &[INT16] }],
    prepare: prepare_delay,
};

/// Overlapping frames of a signal, and whether they are there.
pub static FRAMER: Registration = Registration {
    key: OpKey::Custom(b"SignalFramer"),
    name: "SignalFramer",
    inputs: 1..=1,
    outputs: 2..=2,
    types: &[Signature { inputs: &[INT16], outputs: &[INT16, BOOL] }],
    prepare: prepare_framer,
};

/// Features with those before and behind them, and whether they are there.
pub static STACKER: Registration = Registration {
    key: OpKey::Custom(b"SignalStacker"),
    name: "SignalStacker",
    inputs: 1..=1,
    outputs: 2..=2,
    types: &[Signature { inputs: &[INT16], outputs: &[INT16, BOOL] }],
    prepare: prepare_stacker,
};

/// Bytes of a sample.
const SAMPLE: usize = 2;
/// Bytes of a number before a queue.
const NUMBER: usize = 4;

/// Samples that wait, from the start of some memory.
struct Queue<'a> {
    memory: &'a mut [u8],
    /// How many bytes wait.
    held: usize,
}

impl Queue<'_> {
    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let end = self.held + bytes.len();
        let room = self.memory.get_mut(self.held..end).ok_or(ErrorKind::EngineInternal)?;
        room.copy_from_slice(bytes);
        self.held = end;
        Ok(())
    }

    /// Writes the first bytes, and lets go of some of them or of more.
    fn pop(&mut self, output: &mut [u8], step: usize) -> Result<()> {
        let waiting = self.memory.get_mut(..self.held).ok_or(ErrorKind::EngineInternal)?;
        output.copy_from_slice(waiting.get(..output.len()).ok_or(ErrorKind::EngineInternal)?);
        self.held = self.held.checked_sub(step).ok_or(ErrorKind::EngineInternal)?;
        waiting.copy_within(step.., 0);
        Ok(())
    }
}

/// In bytes.
struct Delay {
    frame: usize,
    delay: usize,
    queues: Port,
}

fn prepare_delay(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    ensure(input.shape.elements() == output.shape.elements(), ErrorKind::OperatorInvalid)?;
    let (frame, rows) = rows(input);
    let delay = attributes(node, &[FROM_0])?[0] as usize;
    let bytes = size(&[rows, frame + delay, SAMPLE]);
    request.comparisons(bytes as u64);
    let queues = request.state(bytes, Init::Byte(0));
    Ok(Action::run(Delay { frame: frame * SAMPLE, delay: delay * SAMPLE, queues }))
}

impl Kernel for Delay {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input], [queues, output]) = io.cut([Port::Input(0)], [self.queues, Port::Output(0)])?;
        let frames = input.chunks_exact(self.frame).zip(output.chunks_exact_mut(self.frame));
        for (memory, (input, output)) in queues.chunks_exact_mut(self.frame + self.delay).zip(frames) {
            let mut queue = Queue { memory, held: self.delay };
            queue.push(input)?;
            queue.pop(output, self.frame)?;
        }
        Ok(Flow::Next)
    }
}

/// In bytes, but for the frames.
struct Framer {
    frame: usize,
    step: usize,
    /// Frames of a signal.
    frames: usize,
    /// Zeros before the first sample.
    before: usize,
    capacity: usize,
    /// How much more waits than at first, the same for all signals, and their queues.
    queues: Port,
}

fn prepare_framer(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let [frame, step, prefilled] = attributes(node, &[COUNT, COUNT, ANY])?;
    let (frame, step, prefilled) = (frame as usize, step as usize, prefilled != 0);
    let (samples, rows) = rows(input);
    let frames = samples / step;
    let sound = samples.is_multiple_of(step)
        && !(prefilled && frame < step)
        && node.output(1)?.shape.rank() == 0
        && input.shape.rank() + 1 == output.shape.rank()
        && output.shape.elements() == size(&[rows, frames, frame]);
    ensure(sound, ErrorKind::OperatorInvalid)?;
    let capacity = frame.next_multiple_of(step) * SAMPLE;
    let queues = request.state(size(&[rows, capacity]).saturating_add(NUMBER), Init::Byte(0));
    request.comparisons((rows * frames) as u64 * capacity as u64);
    Ok(Action::run(Framer {
        frame: frame * SAMPLE,
        step: step * SAMPLE,
        frames,
        before: if prefilled { (frame - step) * SAMPLE } else { 0 },
        capacity,
        queues,
    }))
}

impl Kernel for Framer {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input], [state, output, valid]) =
            io.cut([Port::Input(0)], [self.queues, Port::Output(0), Port::Output(1)])?;
        let (count, queues) = state.split_first_chunk_mut::<NUMBER>().ok_or(ErrorKind::EngineInternal)?;
        let held = self.before.wrapping_add_signed(i32::from_le_bytes(*count) as isize);
        let mut all = true;
        let mut frames = input.chunks_exact(self.step).zip(output.chunks_exact_mut(self.frame));
        for memory in queues.chunks_exact_mut(self.capacity) {
            let mut queue = Queue { memory, held };
            for (input, output) in frames.by_ref().take(self.frames) {
                queue.push(input)?;
                // A frame that is not there keeps what it holds, as upstream.
                if queue.held >= self.frame {
                    queue.pop(output, self.step)?;
                } else {
                    all = false;
                }
            }
            *count = (queue.held.wrapping_sub(self.before) as i32).to_le_bytes();
        }
        valid.fill(all.into());
        Ok(Flow::Next)
    }
}

/// In bytes, but for the frames.
struct Stacker {
    step: usize,
    /// Frames before each.
    left: usize,
    /// One more than how much waits, or 0 before the first frame; and the queue.
    queue: Port,
}

fn prepare_stacker(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let counts = attributes(node, &[COUNT, FROM_0, FROM_0, COUNT])?;
    let [channels, left, right, step] = counts.map(|count| count as usize);
    let frames = left + 1 + right;
    let stacked = size(&[channels, frames]);
    let sound = step <= frames
        && node.output(1)?.shape.rank() == 0
        && are_lines(node, &[Port::Input(0)], channels)
        && are_lines(node, &[Port::Output(0)], stacked);
    ensure(sound, ErrorKind::OperatorInvalid)?;
    let queue = request.state(NUMBER + stacked * SAMPLE, Init::Byte(0));
    Ok(Action::run(Stacker { step: step * channels * SAMPLE, left, queue }))
}

impl Kernel for Stacker {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input], [state, output, valid]) =
            io.cut([Port::Input(0)], [self.queue, Port::Output(0), Port::Output(1)])?;
        let (count, memory) = state.split_first_chunk_mut::<NUMBER>().ok_or(ErrorKind::EngineInternal)?;
        let before = u32::from_le_bytes(*count).checked_sub(1);
        let mut queue = Queue { memory, held: before.unwrap_or(0) as usize };
        // The first frame stands for those before it.
        for _ in 0..if before.is_none() { self.left + 1 } else { 1 } {
            queue.push(input)?;
        }
        let full = queue.held >= output.len();
        if full {
            queue.pop(output, self.step)?;
        }
        valid.fill(full.into());
        *count = (queue.held as u32 + 1).to_le_bytes();
        Ok(Flow::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{custom, run_all, run_once, shorts, shorts_of};
    use super::*;
    use crate::model::tensor::TensorType::{Bool, Int16};
    use crate::testing::Given;

    #[test]
    fn a_signal_comes_later_by_more_or_less_than_a_frame() {
        for (delay, expected) in
            [(0, [1, 2, 3, 4]), (1, [0, 1, 2, 3]), (3, [0, 0, 0, 1]), (i16::MAX, [0; 4])]
        {
            let tensors = [Given::input(Int16, &[2, 2]), Given::output(Int16, &[2, 2])];
            let model = custom(&DELAY, &tensors, &[("delay_length", delay.into())]);
            let inputs = [shorts(&[1, 2, -1, -2]), shorts(&[3, 4, -3, -4])];
            let outputs = run_all(model, &[&[&inputs[0]], &[&inputs[1]]]).unwrap();
            let found: Vec<_> = outputs.iter().map(|outputs| shorts_of(&outputs[0])).collect();
            assert_eq!([&found[0][..2], &found[1][..2]].concat(), expected, "{delay}");
            let other = [&found[0][2..], &found[1][2..]].concat();
            assert_eq!(other, expected.map(|sample: i16| -sample), "{delay}");
        }
    }

    #[test]
    fn a_delay_that_memory_cannot_hold_is_refused() {
        let tensors = [Given::input(Int16, &[2, 2]), Given::output(Int16, &[2, 2])];
        for (delay, kind) in [
            (-1, ErrorKind::OperatorInvalid),
            (i32::MAX, ErrorKind::OperatorInvalid),
            (1 << 26, ErrorKind::ArenaTooSmall),
        ] {
            let end = run_once(custom(&DELAY, &tensors, &[("delay_length", delay)]), &[&[0; 8]]);
            assert_eq!(end.unwrap_err().kind(), kind, "{delay}");
        }
    }

    fn framer(frame: usize, step: i32, prefill: i32, rank: usize) -> crate::model::Model {
        let tensors = [
            Given::input(Int16, &[2, 4]),
            Given::output(Int16, &[2, 2, frame]),
            Given::output(Bool, &[1][..rank]),
        ];
        let attributes = [("frame_size", frame as i32), ("frame_step", step), ("prefill", prefill)];
        custom(&FRAMER, &tensors, &attributes)
    }

    #[test]
    fn frames_overlap_and_are_there_once_they_are_full() {
        let inputs = [shorts(&[1, 2, 3, 4, 5, 6, 7, 8]), shorts(&[11, 12, 13, 14, 15, 16, 17, 18])];
        let run = |prefill| run_all(framer(3, 2, prefill, 0), &[&[&inputs[0]], &[&inputs[1]]]).unwrap();
        let (empty, filled) = (run(0), run(1));
        assert_eq!((&empty[0][1], &empty[1][1]), (&vec![0], &vec![1]));
        assert_eq!(shorts_of(&empty[0][0])[3..6], [1, 2, 3]);
        assert_eq!(shorts_of(&empty[1][0]), [3, 4, 11, 11, 12, 13, 7, 8, 15, 15, 16, 17]);
        assert_eq!((&filled[0][1], &filled[1][1]), (&vec![1], &vec![1]));
        assert_eq!(shorts_of(&filled[0][0]), [0, 1, 2, 2, 3, 4, 0, 5, 6, 6, 7, 8]);
        assert_eq!(shorts_of(&filled[1][0]), [4, 11, 12, 12, 13, 14, 8, 15, 16, 16, 17, 18]);
    }

    #[test]
    fn steps_longer_than_frames_leave_samples_out() {
        let output = run_once(framer(1, 2, 0, 0), &[&shorts(&[1, 2, 3, 4, 5, 6, 7, 8])]).unwrap();
        assert_eq!(shorts_of(&output[0]), [1, 3, 5, 7]);
    }

    #[test]
    fn frames_that_do_not_fit_are_refused() {
        for (frame, step, prefill, rank) in [(3, 3, 0, 0), (3, 0, 0, 0), (1, 2, 1, 0), (3, 2, 0, 1), (3, 4, 0, 0)] {
            let end = run_once(framer(frame, step, prefill, rank), &[&[0; 16]]);
            assert_eq!(end.unwrap_err().kind(), ErrorKind::OperatorInvalid, "{frame} {step}");
        }
    }

    fn stacker(left: i32, right: i32, step: i32) -> crate::model::Model {
        let tensors = [Given::input(Int16, &[2]), Given::output(Int16, &[6]), Given::output(Bool, &[])];
        let attributes = [
            ("num_channels", 2),
            ("stacker_left_context", left),
            ("stacker_right_context", right),
            ("stacker_step", step),
        ];
        custom(&STACKER, &tensors, &attributes)
    }

    #[test]
    fn the_first_features_stand_for_those_before_them() {
        let inputs: Vec<_> = (1..6).map(|value| shorts(&[value, -value])).collect();
        let inputs: Vec<[&[u8]; 1]> = inputs.iter().map(|input| [&input[..]]).collect();
        let inputs: Vec<&[&[u8]]> = inputs.iter().map(|input| &input[..]).collect();
        let rows = [
            (stacker(1, 1, 1), [0, 1, 1, 1, 1], [4, -4, 5, -5]),
            (stacker(2, 0, 3), [1, 0, 0, 1, 0], [3, -3, 4, -4]),
        ];
        for (model, valid, last) in rows {
            let outputs = run_all(model, &inputs).unwrap();
            assert_eq!(outputs.iter().map(|outputs| outputs[1][0]).collect::<Vec<_>>(), valid);
            assert_eq!(shorts_of(&outputs[4][0])[2..], last);
        }
    }

    #[test]
    fn stacks_that_do_not_fit_are_refused() {
        for (left, right, step) in [(1, 2, 1), (1, 1, 4), (1, 1, 0), (-1, 3, 1), (i32::MAX, 1, 1)] {
            let end = run_once(stacker(left, right, step), &[&[0; 4]]);
            assert_eq!(end.unwrap_err().kind(), ErrorKind::OperatorInvalid, "{left} {right} {step}");
        }
    }
}
