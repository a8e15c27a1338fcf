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
    use crate::ops::Registration;
    use crate::ops::signature::{SAME, Types};
    use crate::testing::{Given, Random};

    const ALL: [&Registration; 14] = [
        &DELAY,
        &ENERGY,
        &FFT_AUTO_SCALE,
        &FILTER_BANK,
        &FILTER_BANK_LOG,
        &FILTER_BANK_SPECTRAL_SUBTRACTION,
        &FILTER_BANK_SQUARE_ROOT,
        &FRAMER,
        &IRFFT,
        &OVERLAP_ADD,
        &PCAN,
        &RFFT,
        &STACKER,
        &WINDOW,
    ];

    /// A type of the set, or the first type where the set is that.
    fn pick(random: &mut Random, types: Types, first: Option<TensorType>) -> TensorType {
        if types == SAME {
            return first.unwrap();
        }
        loop {
            if let Ok(found) = TensorType::from_schema(random.below(20) as i8)
                && types.contains(found)
            {
                return found;
            }
        }
    }

    fn shape(random: &mut Random, like: &[usize]) -> Vec<usize> {
        match random.below(4) {
            0 => (0..random.below(4)).map(|_| [1, 2, 3, 4, 6, 8, 125][random.below(7)]).collect(),
            1 => Vec::new(),
            _ => like.to_vec(),
        }
    }

    #[test]
    fn any_attributes_and_shapes_end_in_outputs_or_codes() {
        let mut random = Random::new(7);
        let mut runs = 0;
        for op in ALL.iter().cycle().take(14 * 1500) {
            let like = [[4].as_slice(), &[1, 4], &[2, 2, 3], &[6]][random.below(4)];
            let types = &op.types[0];
            let mut first = None;
            let (mut tensors, mut inputs) = (Vec::new(), Vec::new());
            for position in 0..*op.inputs.end() {
                let types = types.inputs.get(position).or(types.inputs.last()).unwrap();
                let element_type = pick(&mut random, *types, first);
                first = first.or(Some(element_type));
                let shape = shape(&mut random, like);
                let bytes = shape.iter().product::<usize>() * element_type.bits() / 8;
                inputs.push(random.bytes(bytes));
                tensors.push(Given::input(element_type, &shape));
            }
            for position in 0..*op.outputs.end() {
                let types = types.outputs.get(position).or(types.outputs.last()).unwrap();
                let element_type = pick(&mut random, *types, first);
                tensors.push(Given::output(element_type, &shape(&mut random, like)));
            }
            let mut attributes = Vec::new();
            for key in ["T", "b", "c", "d", "e", "f", "g", "h", "i"] {
                let any = random.any() as i32;
                attributes.push((key, [0, 1, 2, 2, 3, 4, 4, 6, 7, 31, 64, -1, i32::MAX, i32::MIN, any][random.below(15)]));
            }
            let mut model = custom(op, &tensors, &attributes);
            let options = model.subgraphs[0].operators[0].custom_options.clone();
            if random.below(4) == 0 {
                model.bytes[options.start + random.below(options.len())] = random.any() as u8;
            }
            let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
            let outputs = run_all(model, &[&inputs, &inputs, &inputs]);
            runs += usize::from(outputs.is_ok());
        }
        assert!(runs > 300, "{runs}");
    }
}
