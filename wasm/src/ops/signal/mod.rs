//! The front end of sounds: custom operators from samples to features of frames.
//!
//! Upstream: `signal/micro/kernels/` and `signal/src/`. Attributes are a map of integers, read by their places: keys are
//! sorted. What upstream leaves to its callers is checked here: sizes that fit one another, shifts that are shorter than
//! what they shift.

mod fft;
mod filter_bank;
mod log;
mod noise;
mod overlap_add;
mod queue;
mod spectrum;

pub use fft::{IRFFT, RFFT};
pub use filter_bank::{FILTER_BANK, FILTER_BANK_SQUARE_ROOT};
pub use log::FILTER_BANK_LOG;
pub use noise::{FILTER_BANK_SPECTRAL_SUBTRACTION, PCAN};
pub use overlap_add::OVERLAP_ADD;
pub use queue::{DELAY, FRAMER, STACKER};
pub use spectrum::{ENERGY, FFT_AUTO_SCALE, WINDOW};

use crate::error::{ErrorKind, Result, ensure};
use crate::model::tensor::{Tensor, TensorType};
use crate::ops::Node;
use crate::run::io::Port;

/// The least and the greatest value of an attribute.
type Bounds = [i32; 2];
/// Of numbers.
const ANY: Bounds = [i32::MIN, i32::MAX];
/// Of numbers of samples or channels; an hour of sound is enough.
const COUNT: Bounds = [1, 1 << 26];
/// Of counts that may be 0.
const FROM_0: Bounds = [0, 1 << 26];
/// Of shifts of 32 and of 64 bits.
const SHIFT_32: Bounds = [0, 31];
const SHIFT_64: Bounds = [0, 63];

/// The attributes of an operator, in the order of their keys.
fn attributes<const N: usize>(node: &Node<'_>, bounds: &[Bounds; N]) -> Result<[i32; N]> {
    let mut values = [0; N];
    read(node, bounds, &mut values)?;
    Ok(values)
}

#[inline(never)]
fn read(node: &Node<'_>, bounds: &[Bounds], values: &mut [i32]) -> Result<()> {
    let found = node.custom_options()?.values();
    for (place, (value, [least, most])) in values.iter_mut().zip(bounds).enumerate() {
        let found = found.get(place)?.int()?;
        ensure((i64::from(*least)..=i64::from(*most)).contains(&found), ErrorKind::OperatorInvalid)?;
        *value = found as i32;
    }
    Ok(())
}

/// The attribute `T`: refuses tensors of another type than it says.
fn check_type(number: i32, tensor: &Tensor) -> Result<()> {
    let same = i8::try_from(number).is_ok_and(|number| TensorType::from_schema(number) == Ok(tensor.element_type));
    ensure(same, ErrorKind::TypeUnsupported)
}

/// The length of a tensor of one dimension; 0 for all others.
#[inline(never)]
fn length(node: &Node<'_>, port: Port) -> usize {
    let tensor = match port {
        Port::Output(position) => node.output(position),
        Port::Input(position) | Port::Extra(position) => node.input(position),
    };
    match tensor.map(|tensor| tensor.shape.dimensions()) {
        Ok(&[length]) => length,
        _ => 0,
    }
}

/// Whether tensors have one dimension, of this length.
fn are_lines(node: &Node<'_>, ports: &[Port], expected: usize) -> bool {
    expected > 0 && ports.iter().all(|port| length(node, *port) == expected)
}

/// The last dimension, and how many rows of it there are.
#[inline(never)]
fn rows(tensor: &Tensor) -> (usize, usize) {
    let last = tensor.shape.dimensions().last().copied().unwrap_or(1);
    (last, tensor.shape.elements() / last.max(1))
}

/// A size of several factors, which may be more than there is memory.
#[inline(never)]
fn size(factors: &[usize]) -> usize {
    factors.iter().fold(1, |product, factor| product.saturating_mul(*factor))
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use super::testing::{custom, run_all};
    use super::*;
    use crate::model::tensor::TensorType::{Bool, Float32, Int16, Int32, Uint32, Uint64};
    use crate::ops::Registration;
    use crate::testing::{Given, Random};

    /// An operator, its inputs, its outputs, and its attributes, sorted.
    type Sound = (
        &'static Registration,
        &'static [(TensorType, &'static [usize])],
        &'static [(TensorType, &'static [usize])],
        &'static [i32],
    );

    const SOUND: [Sound; 16] = [
        (&DELAY, &[(Int16, &[2, 4])], &[(Int16, &[2, 4])], &[3]),
        (&ENERGY, &[(Int16, &[8])], &[(Uint32, &[4])], &[4, 1]),
        (&FFT_AUTO_SCALE, &[(Int16, &[4])], &[(Int16, &[4]), (Int32, &[])], &[]),
        (
            &FILTER_BANK,
            &[(Uint32, &[125]), (Int16, &[4]), (Int16, &[4]), (Int16, &[3]), (Int16, &[3]), (Int16, &[3])],
            &[(Uint64, &[2])],
            &[2],
        ),
        (&FILTER_BANK_LOG, &[(Uint32, &[4])], &[(Int16, &[4])], &[3, 1600]),
        (
            &FILTER_BANK_SPECTRAL_SUBTRACTION,
            &[(Uint32, &[4])],
            &[(Uint32, &[4]), (Uint32, &[4])],
            &[9, 7, 1, 2, 4, 9, 7, 3, 14],
        ),
        (&FILTER_BANK_SQUARE_ROOT, &[(Uint64, &[4]), (Int32, &[])], &[(Uint32, &[4])], &[]),
        (&FRAMER, &[(Int16, &[2, 4])], &[(Int16, &[2, 2, 3]), (Bool, &[])], &[3, 2, 1]),
        (&IRFFT, &[(Int16, &[2, 8])], &[(Int16, &[2, 6])], &[7, 6]),
        (&IRFFT, &[(Float32, &[2, 8])], &[(Float32, &[2, 6])], &[0, 6]),
        (&OVERLAP_ADD, &[(Int16, &[2, 2, 3])], &[(Int16, &[2, 4])], &[7, 2]),
        (&PCAN, &[(Uint32, &[4]), (Uint32, &[4]), (Int16, &[125])], &[(Uint32, &[4])], &[6]),
        (&RFFT, &[(Int32, &[3, 4])], &[(Int32, &[3, 12])], &[2, 10]),
        (&RFFT, &[(Int16, &[3, 4])], &[(Int16, &[3, 6])], &[7, 4]),
        (&STACKER, &[(Int16, &[3])], &[(Int16, &[9]), (Bool, &[])], &[3, 1, 1, 2]),
        (&WINDOW, &[(Int16, &[2, 4]), (Int16, &[4])], &[(Int16, &[2, 4])], &[12]),
    ];

    #[test]
    fn any_attributes_and_shapes_end_in_outputs_or_codes() {
        let mut random = Random::new(7);
        for (op, inputs, outputs, attributes) in SOUND {
            let mut ends = [0, 0];
            for round in 0..800 {
                let shape = |random: &mut Random, shape: &[usize]| match random.below(12) {
                    0 => (0..random.below(4)).map(|_| [1, 2, 3, 4, 6, 8, 125][random.below(7)]).collect(),
                    _ => shape.to_vec(),
                };
                let (mut tensors, mut bytes) = (Vec::new(), Vec::new());
                for (element_type, dimensions) in inputs {
                    let shape = shape(&mut random, dimensions);
                    // Small numbers are places that exist, in every second round.
                    let mut input = random.bytes(shape.iter().product::<usize>() * element_type.bits() / 8);
                    input.iter_mut().filter(|_| round % 2 == 0).for_each(|byte| *byte %= 2);
                    input.iter_mut().skip(1).step_by(2).filter(|_| round % 2 == 0).for_each(|byte| *byte = 0);
                    bytes.push(input);
                    tensors.push(Given::input(*element_type, &shape));
                }
                for (element_type, dimensions) in outputs {
                    tensors.push(Given::output(*element_type, &shape(&mut random, dimensions)));
                }
                let keys = ["T", "b", "c", "d", "e", "f", "g", "h", "i"];
                let mut attributes: Vec<_> = keys.into_iter().zip(attributes.iter().copied()).collect();
                if let Some(last) = attributes.len().checked_sub(1)
                    && random.below(2) == 0
                {
                    let any = random.any() as i32;
                    let values = [0, 1, 2, 3, 4, 6, 7, 31, 32, 63, 64, -1, i32::MAX, i32::MIN, any];
                    attributes[random.below(last + 1)].1 = values[random.below(values.len())];
                }
                let mut model = custom(op, &tensors, &attributes);
                let options = model.subgraphs[0].operators[0].custom_options.clone();
                if random.below(4) == 0 {
                    model.bytes[options.start + random.below(options.len())] = random.any() as u8;
                }
                let bytes: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
                let end = run_all(model, &[&bytes, &bytes, &bytes]);
                ends[usize::from(end.is_ok())] += 1;
            }
            assert!(ends.iter().all(|count| *count > 50), "{} {ends:?}", op.name);
        }
    }
}
