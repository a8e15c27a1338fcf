//! One frame: SignalWindow, SignalFftAutoScale, SignalEnergy.
//!
//! Upstream: `window.cc`, `fft_auto_scale.cc`, `max_abs.cc`, `energy.cc`.

use core::ops::Range;

use super::{FROM_0, SHIFT_32, are_lines, attributes, length};
use crate::error::{ErrorKind, Result, ensure};
use crate::math::integer::Element;
use crate::model::OpKey;
use crate::ops::signature::{INT16, INT32, Signature, UINT32};
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request};
use crate::run::io::{Io, Port};

/// Samples, each times its weight.
pub static WINDOW: Registration = Registration {
    key: OpKey::Custom(b"SignalWindow"),
    name: "SignalWindow",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[INT16], outputs: &[INT16] }],
    prepare: prepare_window,
};

/// A frame made as loud as its type allows, and by how many bits.
pub static FFT_AUTO_SCALE: Registration = Registration {
    key: OpKey::Custom(b"SignalFftAutoScale"),
    name: "SignalFftAutoScale",
    inputs: 1..=1,
    outputs: 2..=2,
    types: &[Signature { inputs: &[INT16], outputs: &[INT16, INT32] }],
    prepare: prepare_auto_scale,
};

/// The squares of complex numbers.
pub static ENERGY: Registration = Registration {
    key: OpKey::Custom(b"SignalEnergy"),
    name: "SignalEnergy",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[INT16], outputs: &[UINT32] }],
    prepare: prepare_energy,
};

struct Window {
    shift: i32,
}

fn prepare_window(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let elements = input.shape.elements();
    let sound = input.shape.rank() > 0
        && input.shape.rank() == output.shape.rank()
        && elements == output.shape.elements()
        && elements.checked_rem(length(node, Port::Input(1))) == Some(0);
    ensure(sound, ErrorKind::OperatorInvalid)?;
    let [shift] = attributes(node, &[SHIFT_32])?;
    Ok(Action::run(Window { shift }))
}

impl Kernel for Window {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, weights, output) = io.two()?;
        let pairs = input.as_chunks::<2>().0.iter().zip(weights.as_chunks::<2>().0.iter().cycle());
        for (output, (sample, weight)) in output.as_chunks_mut::<2>().0.iter_mut().zip(pairs) {
            let product = (sample.value() * weight.value()) >> self.shift;
            *output = Element::of(product.clamp(i16::MIN.into(), i16::MAX.into()));
        }
        Ok(Flow::Next)
    }
}

struct AutoScale;

fn prepare_auto_scale(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let sound = are_lines(node, &[Port::Output(0)], length(node, Port::Input(0))) && node.output(1)?.shape.rank() == 0;
    ensure(sound, ErrorKind::OperatorInvalid)?;
    Ok(Action::run(AutoScale))
}

impl Kernel for AutoScale {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input], [output, bits]) = io.cut([Port::Input(0)], [Port::Output(0), Port::Output(1)])?;
        let samples = input.as_chunks::<2>().0;
        let mut greatest = 0i16;
        for sample in samples {
            let sample = i16::from_le_bytes(*sample);
            if sample > greatest {
                greatest = sample;
            } else if -i32::from(sample) > i32::from(greatest) {
                // The least sample is negative still, and then anything is greater: as upstream.
                greatest = sample.wrapping_neg();
            }
        }
        let shift = if greatest > 0 { greatest.leading_zeros() - 1 } else { 0 };
        for (output, sample) in output.as_chunks_mut::<2>().0.iter_mut().zip(samples) {
            *output = Element::of(sample.value() << shift);
        }
        if let Some(bits) = bits.first_chunk_mut() {
            *bits = shift.to_le_bytes();
        }
        Ok(Flow::Next)
    }
}

struct Energy {
    /// Which numbers; the others of the output keep what they hold, as upstream.
    numbers: Range<usize>,
}

fn prepare_energy(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let [end, start] = attributes(node, &[FROM_0; 2])?.map(|index| index as usize);
    let most = (length(node, Port::Input(0)) / 2).min(length(node, Port::Output(0)));
    ensure(end <= most && most > 0, ErrorKind::OperatorInvalid)?;
    Ok(Action::run(Energy { numbers: start..end }))
}

impl Kernel for Energy {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let pairs = input.as_chunks::<4>().0.iter().zip(output.as_chunks_mut::<4>().0);
        for (&[a, b, c, d], output) in pairs.take(self.numbers.end).skip(self.numbers.start) {
            let square = |part: [u8; 2]| (part.value() * part.value()) as u32;
            *output = square([a, b]).wrapping_add(square([c, d])).to_le_bytes();
        }
        Ok(Flow::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{custom, run_once, shorts, shorts_of, words_of};
    use super::*;
    use crate::model::tensor::TensorType::{Int16, Int32, Uint32};
    use crate::testing::Given;

    #[test]
    fn windows_repeat_along_rows_and_saturate() {
        let window = |length, shift| {
            let tensors =
                [Given::input(Int16, &[2, 2]), Given::input(Int16, &[length]), Given::output(Int16, &[2, 2])];
            let weights = shorts(&[3, -32768, 1][..length]);
            let inputs = [&shorts(&[-3, -32768, 5, 2])[..], &weights];
            run_once(custom(&WINDOW, &tensors, &[("shift", shift)]), &inputs).map(|output| shorts_of(&output[0]))
        };
        assert_eq!(window(2, 1).unwrap(), [-5, 32767, 7, -32768]);
        for (length, shift) in [(3, 1), (2, 32), (2, -1)] {
            assert_eq!(window(length, shift).unwrap_err().kind(), ErrorKind::OperatorInvalid);
        }
    }

    #[test]
    fn frames_become_as_loud_as_they_can_be() {
        let scale = |samples: &[i16], extent: &[usize]| {
            let tensors = [
                Given::input(Int16, &[samples.len()]),
                Given::output(Int16, &[samples.len()]),
                Given::output(Int32, extent),
            ];
            let outputs = run_once(custom(&FFT_AUTO_SCALE, &tensors, &[]), &[&shorts(samples)])?;
            Ok::<_, crate::error::Error>((shorts_of(&outputs[0]), words_of(&outputs[1])[0]))
        };
        assert_eq!(scale(&[1, -100, 7], &[]).unwrap(), (vec![256, -25600, 1792], 8));
        assert_eq!(scale(&[0, 0], &[]).unwrap(), (vec![0, 0], 0));
        assert_eq!(scale(&[1, -32768], &[]).unwrap(), (vec![1, -32768], 0));
        // What comes behind the least sample decides.
        assert_eq!(scale(&[-32768, 100], &[]).unwrap(), (vec![0, 25600], 8));
        assert_eq!(scale(&[1], &[1]).unwrap_err().kind(), ErrorKind::OperatorInvalid);
    }

    #[test]
    fn energies_are_of_the_numbers_from_the_start_to_before_the_end() {
        let energy = |start, end| {
            let tensors = [Given::input(Int16, &[6]), Given::output(Uint32, &[3])];
            let input = shorts(&[1, 2, 3, -4, -32768, -32768]);
            let attributes = [("start_index", start), ("end_index", end)];
            run_once(custom(&ENERGY, &tensors, &attributes), &[&input]).map(|output| words_of(&output[0]))
        };
        assert_eq!(energy(1, 3).unwrap()[1..], [25, 1 << 31]);
        assert!(energy(3, 1).is_ok());
        for (start, end) in [(0, 4), (-1, 2), (0, -1)] {
            assert_eq!(energy(start, end).unwrap_err().kind(), ErrorKind::OperatorInvalid);
        }
    }
}
