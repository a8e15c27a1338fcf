//! Overlapping triangles over a spectrum: SignalFilterBank, SignalFilterBankSquareRoot.
//!
//! Upstream: `filter_bank.cc`, `square_root_32.cc`, `square_root_64.cc`. Each energy counts for two channels, with its
//! weight for one and with the rest, its unweight, for the next; so there is one channel before the first, of which only
//! the unweights count.

use super::{COUNT, are_lines, attributes, length};
use crate::error::{ErrorKind, Result, ensure};
use crate::math::integer::Element;
use crate::model::OpKey;
use crate::ops::signature::{INT16, INT32, Signature, UINT32, UINT64};
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request};
use crate::run::io::{Io, Port};

/// Weighted sums of energies.
pub static FILTER_BANK: Registration = Registration {
    key: OpKey::Custom(b"SignalFilterBank"),
    name: "SignalFilterBank",
    inputs: 6..=6,
    outputs: 1..=1,
    types: &[Signature { inputs: &[UINT32, INT16], outputs: &[UINT64] }],
    prepare: prepare_filter_bank,
};

/// Square roots, and a shift back by what the frame was made louder.
pub static FILTER_BANK_SQUARE_ROOT: Registration = Registration {
    key: OpKey::Custom(b"SignalFilterBankSquareRoot"),
    name: "SignalFilterBankSquareRoot",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[UINT64, INT32], outputs: &[UINT32] }],
    prepare: prepare_square_root,
};

struct FilterBank;

fn prepare_filter_bank(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let channels = attributes(node, &[COUNT])?[0] as usize;
    let weights = length(node, Port::Input(1));
    let sound = are_lines(node, &[Port::Output(0)], channels)
        && are_lines(node, &[3, 4, 5].map(Port::Input), channels + 1)
        && are_lines(node, &[Port::Input(2)], weights)
        && length(node, Port::Input(0)) > 0;
    ensure(sound, ErrorKind::OperatorInvalid)?;
    // Each channel has its own weights, but for a file that means no good.
    request.macs(2 * weights as u64);
    request.comparisons((channels + 1) as u64 * weights as u64);
    Ok(Action::run(FilterBank))
}

impl Kernel for FilterBank {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([energies, weights, unweights, firsts, places, widths], [output]) =
            io.cut(core::array::from_fn(Port::Input), [Port::Output(0)])?;
        let ([weights, unweights], energies) = ([weights, unweights].map(halves), energies.as_chunks::<4>().0);
        let rounds = halves(firsts).iter().zip(halves(places)).zip(halves(widths));
        let outputs = output.as_chunks_mut::<8>().0.iter_mut().map(Some);
        let (mut sum, mut next) = (0u64, 0u64);
        for (((first, place), width), output) in rounds.zip([None].into_iter().chain(outputs)) {
            if width.value() > 0 {
                let energies = part(energies, *first, *width)?.iter();
                let pairs = part(weights, *place, *width)?.iter().zip(part(unweights, *place, *width)?);
                for (energy, (weight, unweight)) in energies.zip(pairs) {
                    let energy = u64::from(u32::from_le_bytes(*energy));
                    let times = |weight: &[u8; 2]| energy.wrapping_mul(weight.value() as u64);
                    sum = sum.wrapping_add(times(weight));
                    next = next.wrapping_add(times(unweight));
                }
            }
            if let Some(output) = output {
                *output = sum.to_le_bytes();
            }
            (sum, next) = (next, 0);
        }
        Ok(Flow::Next)
    }
}

fn halves(bytes: &[u8]) -> &[[u8; 2]] {
    bytes.as_chunks().0
}

/// So many elements from the first; upstream does not ask whether they are there.
fn part<T>(elements: &[T], first: [u8; 2], count: [u8; 2]) -> Result<&[T]> {
    let invalid = ErrorKind::OperatorInvalid;
    let first = usize::try_from(first.value()).map_err(|_| invalid)?;
    let count = usize::try_from(count.value()).map_err(|_| invalid)?;
    elements.get(first..first + count).ok_or(invalid.into())
}

struct SquareRoot;

fn prepare_square_root(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let channels = length(node, Port::Input(0));
    let sound = are_lines(node, &[Port::Output(0)], channels) && node.input(1)?.shape.rank() == 0;
    ensure(sound, ErrorKind::OperatorInvalid)?;
    request.comparisons(32 * channels as u64);
    Ok(Action::run(SquareRoot))
}

impl Kernel for SquareRoot {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, bits, output) = io.two()?;
        let bits = bits.first_chunk().map_or(0, |bits| u32::from_le_bytes(*bits));
        for (input, output) in input.as_chunks().0.iter().zip(output.as_chunks_mut().0) {
            // Shifts by 32 and more are undefined upstream.
            *output = square_root(u64::from_le_bytes(*input)).wrapping_shr(bits).to_le_bytes();
        }
        Ok(Flow::Next)
    }
}

/// The nearest root, but never more than half of a number's bits can hold: of its lower half where the upper is empty.
fn square_root(value: u64) -> u32 {
    let (mut rest, mut root, mut bit) = (value, 0u64, 1u64 << (value.max(1).ilog2() & !1));
    while bit > 0 {
        let tried = root + bit;
        root >>= 1;
        if rest >= tried {
            rest -= tried;
            root += bit;
        }
        bit >>= 2;
    }
    let most = if value >> 32 == 0 { u64::from(u16::MAX) } else { u64::from(u32::MAX) };
    (root + u64::from(rest > root && root != most)) as u32
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, custom, run_once};
    use super::*;
    use crate::model::Model;
    use crate::model::tensor::TensorType::{Int16, Int32, Uint32, Uint64};
    use crate::testing::Given;

    fn shorts(values: &[i16]) -> Given {
        Given::constant(Int16, &[values.len()], testing::shorts(values))
    }

    fn bank(firsts: &[i16], widths: &[i16]) -> Model {
        let tensors = [
            Given::input(Uint32, &[4]),
            shorts(&[1, 2, 3, 4]),
            shorts(&[10, 20, 30, 40]),
            shorts(firsts),
            shorts(&[0, 1, 3]),
            shorts(widths),
            Given::output(Uint64, &[2]),
        ];
        custom(&FILTER_BANK, &tensors, &[("num_channels", 2)])
    }

    #[test]
    fn a_channel_counts_the_unweights_of_the_one_before_and_its_own_weights() {
        let energies: Vec<u8> = [1u32, 10, 100, 1000].iter().flat_map(|energy| energy.to_le_bytes()).collect();
        let output = run_once(bank(&[0, 1, 3], &[1, 2, 1]), &[&energies]).unwrap();
        let sums: Vec<_> = output[0].as_chunks().0.iter().map(|sum| u64::from_le_bytes(*sum)).collect();
        assert_eq!(sums, [10 + 20 + 300, 200 + 3000 + 4000]);
    }

    #[test]
    fn a_channel_that_reaches_past_the_spectrum_is_refused() {
        for (firsts, widths) in [([0, 1, 4], [1, 2, 1]), ([0, 1, 3], [1, 4, 1]), ([-1, 1, 3], [1, 2, 1])] {
            let end = run_once(bank(&firsts, &widths), &[&[0; 16]]);
            assert_eq!(end.unwrap_err().kind(), ErrorKind::OperatorInvalid);
        }
        assert!(run_once(bank(&[-1, 1, 3], &[0, -2, 1]), &[&[0; 16]]).is_ok());
    }

    #[test]
    fn roots_are_rounded_but_not_past_half_of_their_bits() {
        let rows: [(u64, u32); 9] = [
            (0, 0),
            (1, 1),
            (2, 1),
            (3, 2),
            (6, 2),
            (7, 3),
            (u64::from(u32::MAX), 0xffff),
            (1 << 32, 0x1_0000),
            (u64::MAX, u32::MAX),
        ];
        for (value, root) in rows {
            assert_eq!(square_root(value), root, "{value}");
        }
    }

    #[test]
    fn roots_are_shifted_by_a_tensor_without_dimensions() {
        let tensors =
            |bits| [Given::input(Uint64, &[1]), Given::input(Int32, bits), Given::output(Uint32, &[1])];
        let (nine, one) = (100u64.to_le_bytes(), 1u32.to_le_bytes());
        let run = |bits| run_once(custom(&FILTER_BANK_SQUARE_ROOT, &tensors(bits), &[]), &[&nine, &one]);
        assert_eq!(run(&[]).unwrap()[0], 5u32.to_le_bytes());
        assert_eq!(run(&[1]).unwrap_err().kind(), ErrorKind::OperatorInvalid);
    }
}
