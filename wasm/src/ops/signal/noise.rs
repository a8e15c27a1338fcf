//! What noise takes from channels: SignalFilterBankSpectralSubtraction, SignalPCAN.
//!
//! Upstream: `filter_bank_spectral_subtraction.cc`, `pcan_argc_fixed.cc`.

use super::{ANY, COUNT, SHIFT_32, SHIFT_64, are_lines, attributes, length};
use crate::error::{ErrorKind, Result, ensure};
use crate::math::integer::Element;
use crate::model::OpKey;
use crate::ops::signature::{INT16, Signature, UINT32};
use crate::ops::{Action, Flow, Init, Kernel, Node, Registration, Request};
use crate::run::io::{Io, Port};

/// Channels without what is always there.
pub static FILTER_BANK_SPECTRAL_SUBTRACTION: Registration = Registration {
    key: OpKey::Custom(b"SignalFilterBankSpectralSubtraction"),
    name: "SignalFilterBankSpectralSubtraction",
    inputs: 1..=1,
    outputs: 2..=2,
    types: &[Signature { inputs: &[UINT32], outputs: &[UINT32] }],
    prepare: prepare_subtraction,
};

/// Channels relative to their noise.
pub static PCAN: Registration = Registration {
    key: OpKey::Custom(b"SignalPCAN"),
    name: "SignalPCAN",
    inputs: 3..=3,
    outputs: 1..=1,
    types: &[Signature { inputs: &[UINT32, UINT32, INT16], outputs: &[UINT32] }],
    prepare: prepare_pcan,
};

struct Subtraction {
    /// Of even channels and of odd ones: how much the newest value counts, and how much all before.
    smoothing: [[u32; 2]; 2],
    /// Whether an estimate above the newest value becomes that.
    clamping: bool,
    least_remaining: u32,
    smoothing_bits: i32,
    bits: i32,
    noise: Port,
}

fn prepare_subtraction(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let [odd_before, odd_newest, clamping, least_remaining, channels, before, newest, smoothing_bits, bits] =
        attributes(node, &[ANY, ANY, ANY, ANY, COUNT, ANY, ANY, SHIFT_32, SHIFT_64])?;
    let channels = channels as usize;
    let sound = are_lines(node, &[Port::Input(0), Port::Output(0), Port::Output(1)], channels);
    ensure(sound, ErrorKind::OperatorInvalid)?;
    request.macs(3 * channels as u64);
    Ok(Action::run(Subtraction {
        smoothing: [[newest, before], [odd_newest, odd_before]].map(|both| both.map(|factor| factor as u32)),
        clamping: clamping != 0,
        least_remaining: least_remaining as u32,
        smoothing_bits,
        bits,
        noise: request.state(channels * 4, Init::Byte(0)),
    }))
}

impl Kernel for Subtraction {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input], [noise, output, copy]) =
            io.cut([Port::Input(0)], [self.noise, Port::Output(0), Port::Output(1)])?;
        let channels = input.as_chunks().0.iter().zip(noise.as_chunks_mut().0).zip(output.as_chunks_mut().0);
        for (((input, noise), output), [newest, before]) in channels.zip(self.smoothing.iter().cycle()) {
            let input = u32::from_le_bytes(*input);
            let signal = input << self.smoothing_bits;
            let product = |value, factor: &u32| u64::from(value) * u64::from(*factor);
            let sum = product(signal, newest).wrapping_add(product(u32::from_le_bytes(*noise), before));
            let estimate = (sum >> self.bits) as u32;
            let subtracted = estimate.min(signal);
            *noise = (if self.clamping { subtracted } else { estimate }).to_le_bytes();
            let least = (product(input, &self.least_remaining) >> self.bits) as u32;
            *output = ((signal - subtracted) >> self.smoothing_bits).max(least).to_le_bytes();
        }
        copy.copy_from_slice(noise);
        Ok(Flow::Next)
    }
}

/// Three numbers for each power of two above 2, and one for each value up to there.
const CURVE: usize = 125;

struct Pcan {
    shift: i32,
}

fn prepare_pcan(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let channels = length(node, Port::Input(0));
    let sound = are_lines(node, &[Port::Input(1), Port::Output(0)], channels) && length(node, Port::Input(2)) >= CURVE;
    ensure(sound, ErrorKind::OperatorInvalid)?;
    request.macs(4 * channels as u64);
    let [shift] = attributes(node, &[SHIFT_64])?;
    Ok(Action::run(Pcan { shift }))
}

impl Kernel for Pcan {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input, noise, curve], [output]) =
            io.cut([Port::Input(0), Port::Input(1), Port::Input(2)], [Port::Output(0)])?;
        let curve = curve.as_chunks().0;
        let channels = input.as_chunks().0.iter().zip(noise.as_chunks().0).zip(output.as_chunks_mut().0);
        for ((input, noise), output) in channels {
            // A negative gain is as large as its bits.
            let gain = gain(u32::from_le_bytes(*noise), curve) as u32;
            let ratio = (u64::from(u32::from_le_bytes(*input)) * u64::from(gain)) >> self.shift;
            *output = shrink(ratio as u32).to_le_bytes();
        }
        Ok(Flow::Next)
    }
}

/// A parabola for each power of two.
fn gain(noise: u32, curve: &[[u8; 2]]) -> i16 {
    let at = |index: u32| curve.get(index as usize).map_or(0, |value| value.value());
    if noise <= 2 {
        return at(noise) as i16;
    }
    let bits = noise.ilog2() + 1;
    let first = 4 * bits - 6;
    // The ten bits below the highest.
    let fraction = ((noise << (32 - bits)) >> 21) as i32 & 0x3ff;
    let slope = ((at(first + 2) * fraction) >> 5).wrapping_add(at(first + 1) << 5);
    let rounded = slope.wrapping_mul(fraction).wrapping_add(1 << 14) >> 15;
    rounded.wrapping_add(at(first)) as i16
}

/// x²/4 below 2, x - 1 above: from Q12 to Q6.
fn shrink(ratio: u32) -> u32 {
    if ratio < 2 << 12 { (ratio * ratio) >> 20 } else { (ratio >> 6) - (1 << 6) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{custom, run_all, run_once, shorts, words, words_of};
    use super::*;
    use crate::model::tensor::TensorType::{Int16, Uint32};
    use crate::testing::Given;

    fn subtract(clamping: i32, bits: i32, inputs: &[&[u8]]) -> Result<Vec<[Vec<u32>; 2]>> {
        let tensors = [Given::input(Uint32, &[2]), Given::output(Uint32, &[2]), Given::output(Uint32, &[2])];
        let attributes = [
            ("num_channels", 2),
            ("clamping", clamping),
            ("smoothing", 4),
            ("one_minus_smoothing", 12),
            ("alternate_smoothing", 8),
            ("alternate_one_minus_smoothing", 8),
            ("min_signal_remaining", 1),
            ("smoothing_bits", 3),
            ("spectral_subtraction_bits", bits),
        ];
        let inferences: Vec<[&[u8]; 1]> = inputs.iter().map(|input| [*input]).collect();
        let inferences: Vec<&[&[u8]]> = inferences.iter().map(|inputs| &inputs[..]).collect();
        let outputs = run_all(custom(&FILTER_BANK_SPECTRAL_SUBTRACTION, &tensors, &attributes), &inferences)?;
        Ok(outputs.iter().map(|outputs| [words_of(&outputs[0]), words_of(&outputs[1])]).collect())
    }

    #[test]
    fn noise_is_what_was_there_before_and_is_taken_away() {
        let (loud, quiet) = (words(&[160, 160]), words(&[16, 16]));
        let found = subtract(0, 4, &[&loud, &quiet]).unwrap();
        assert_eq!(found[0], [vec![120, 80], vec![320, 640]]);
        // At least a sixteenth stays.
        assert_eq!(found[1], [vec![1, 1], vec![272, 384]]);
        assert_eq!(subtract(1, 4, &[&loud, &quiet]).unwrap()[1], [vec![1, 1], vec![128, 128]]);
    }

    #[test]
    fn shifts_that_are_as_long_as_a_number_are_refused() {
        for bits in [64, -1] {
            let end = subtract(0, bits, &[&words(&[1, 1])]);
            assert_eq!(end.unwrap_err().kind(), ErrorKind::OperatorInvalid);
        }
    }

    #[test]
    fn channels_are_divided_by_a_curve_of_their_noise() {
        let pcan = |length: usize, shift| {
            let mut curve = vec![0; length];
            // One for each value up to 2; and for those of 4 bits, 8 to 15: start, slope and bend.
            curve[..3].copy_from_slice(&[64, 32, -1]);
            curve[10..13].copy_from_slice(&[100, 200, 300]);
            let tensors = [
                Given::input(Uint32, &[4]),
                Given::input(Uint32, &[4]),
                Given::input(Int16, &[length]),
                Given::output(Uint32, &[4]),
            ];
            let inputs = [words(&[100, 1000, 1, 1000]), words(&[0, 1, 2, 12]), shorts(&curve)];
            let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
            run_once(custom(&PCAN, &tensors, &[("snr_shift", shift)]), &inputs).map(|output| words_of(&output[0]))
        };
        // 6400 of 4096 squared; 32000 of them less one; all ones; half way: 100 + 200/2 + 300/4.
        let expected = [(6400 * 6400) >> 20, 32000 / 64 - 64, u32::MAX / 64 - 64, 275_000 / 64 - 64];
        assert_eq!(pcan(125, 0).unwrap(), expected);
        for (length, shift) in [(124, 0), (125, 64)] {
            assert_eq!(pcan(length, shift).unwrap_err().kind(), ErrorKind::OperatorInvalid);
        }
    }
}
