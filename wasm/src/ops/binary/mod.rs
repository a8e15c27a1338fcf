//! Operators that make each output from two inputs, one of which may be broadcast.

mod add_n;
mod arithmetic;
mod compare;
mod div;
mod extremum;
mod prelu;
mod select;
mod squared_difference;

pub use add_n::ADD_N;
pub use arithmetic::{FLOOR_DIV, FLOOR_MOD, LOGICAL_AND, LOGICAL_OR, MUL, POW, SUB};
pub use compare::{EQUAL, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL, NOT_EQUAL};
pub use div::DIV;
pub use extremum::{MAXIMUM, MINIMUM};
pub use prelu::PRELU;
pub use select::{SELECT, SELECT_V2};
pub use squared_difference::SQUARED_DIFFERENCE;

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::math::integer;
use crate::math::quantization::{Activation, Multiplier};
use crate::math::walk::Pairing;
use crate::model::tensor::{Tensor, TensorType};
use crate::ops::weights::float::{floats, floats_mut};
use crate::ops::{Action, Flow, Kernel, Node, Options, activation};
use crate::run::io::Io;
use crate::simd::elementwise::{RunOf, Runs, run_of};
use crate::simd::vector::F32x4;

/// The two inputs, the output, and which elements meet in it.
struct Pair<'a> {
    one: &'a Tensor,
    other: &'a Tensor,
    output: &'a Tensor,
    pairing: Pairing,
}

impl<'a> Pair<'a> {
    fn new(node: &Node<'a>) -> Result<Self> {
        let (one, other, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
        let pairing = Pairing::new(&one.shape, &other.shape, &output.shape)?;
        Ok(Self { one, other, output, pairing })
    }
}

/// Attributes whose first is a fused activation.
struct Fused<const MEMBER: u8>(Activation);

impl<const MEMBER: u8> Options for Fused<MEMBER> {
    const MEMBER: u8 = MEMBER;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self(activation(table, 0)?))
    }
}

/// Computes float32 from float32. What one of them makes is found at run time: few of these operators take long.
struct Floats {
    pairing: Pairing,
    /// Whether a second input of zero ends the inference.
    divides: bool,
    compute: fn(f32, f32) -> f32,
}

fn floats_by(pairing: Pairing, compute: fn(f32, f32) -> f32) -> Action {
    Action::run(Floats { pairing, divides: false, compute })
}

fn quotients_by(pairing: Pairing, compute: fn(f32, f32) -> f32) -> Action {
    Action::run(Floats { pairing, divides: true, compute })
}

/// Computes float32 from float32, four at a time.
struct Vectors {
    runs: Runs,
    compute: Box<RunOf>,
}

/// A function of four floats and four others.
pub fn vectors_by(
    pairing: &Pairing,
    output: &Tensor,
    compute: impl Fn(F32x4, F32x4) -> F32x4 + Send + Sync + 'static,
) -> Action {
    Action::run(Vectors { runs: Runs::new(pairing, output.shape.elements()), compute: run_of(compute) })
}

impl Kernel for Vectors {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (one, other, output) = io.two()?;
        self.runs.map([floats(one), floats(other)], floats_mut(output), &*self.compute)?;
        Ok(Flow::Next)
    }
}

impl Kernel for Floats {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (one, other, output) = io.two()?;
        if self.divides {
            let sound = floats(other).iter().all(|divisor| f32::from_le_bytes(*divisor) != 0.0);
            ensure(sound, ErrorKind::OperatorInvalid)?;
        }
        self.pairing.map((floats(one), floats(other)), floats_mut(output), |one, other| {
            (self.compute)(f32::from_le_bytes(one), f32::from_le_bytes(other)).to_le_bytes()
        })?;
        Ok(Flow::Next)
    }
}

/// Computes integers or truth values from integers or truth values, of any width. What one of them makes is found at
/// run time: there are many types, and few of these operators take long.
struct Integers {
    pairing: Pairing,
    types: [TensorType; 3],
    compute: Compute,
}

/// From two values to one, whose low bytes are kept; or a refusal.
type Compute = Box<dyn Fn(i64, i64) -> Result<i64> + Send + Sync>;

/// A function of integers.
pub fn integers_by(
    pairing: Pairing,
    types: [TensorType; 3],
    compute: impl Fn(i64, i64) -> Result<i64> + Send + Sync + 'static,
) -> Action {
    Action::run(Integers { pairing, types, compute: Box::new(compute) })
}

impl Kernel for Integers {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (one, other, output) = io.two()?;
        let [first, second, _] = self.types;
        let widths = self.types.map(|element_type| element_type.bits() / 8);
        let [one_bytes, other_bytes, output_bytes] = widths;
        let at = |bytes: &[u8], element_type, width: usize, index: usize| {
            let element = bytes.get(index * width..(index + 1) * width);
            element.map(|element| integer::read(element_type, element)).ok_or(ErrorKind::EngineInternal)
        };
        let mut places = self.pairing.places();
        for (index, output) in output.chunks_exact_mut(output_bytes).enumerate() {
            let [one_at, other_at] = places.as_mut().map_or(Some([index, index]), Iterator::next).unwrap_or([0, 0]);
            let value = (self.compute)(
                at(one, first, one_bytes, one_at)?,
                at(other, second, other_bytes, other_at)?,
            )?;
            integer::write(value, output);
        }
        Ok(Flow::Next)
    }
}

/// What a fused activation leaves of an int32 (upstream: `CalculateActivationRange`).
fn int32_range(activation: Activation) -> (i64, i64) {
    match activation {
        Activation::None => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Activation::Relu => (0, i64::from(i32::MAX)),
        Activation::ReluN1To1 => (-1, 1),
        Activation::Relu6 => (0, 6),
    }
}

/// Upstream's `QuantizeMultiplierSmallerThanOneExp`, which aborts where the factor is not below one.
pub fn below_one(real: f64) -> Result<Multiplier> {
    ensure(real > 0.0 && real < 1.0, ErrorKind::QuantisationInvalid)?;
    Multiplier::new(real)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Registration;
    use crate::testing::{Given, bytes_of, floats_of, run, single};

    /// All pairs of int8 on one side and a few on the other, through `prepare`.
    fn pairs(operator: &Registration, member: Option<u8>, scales: [(f32, i32); 3]) -> Vec<(i32, i32, i32)> {
        let [one, other, output] = scales;
        let tensors = [
            Given::input(TensorType::Int8, &[256, 1]).affine(one.0, one.1),
            Given::input(TensorType::Int8, &[5]).affine(other.0, other.1),
            Given::output(TensorType::Int8, &[256, 5]).affine(output.0, output.1),
        ];
        let model = single(operator, &tensors, member.map(|member| (member, &[][..])));
        let (ones, others): (Vec<u8>, [u8; 5]) = ((0..=255).collect(), [3, 90, 127, 128, 201]);
        let found = run(model, &[&ones, &others]).unwrap().remove(0);
        let pairs = ones.iter().flat_map(|one| others.iter().map(move |other| (*one, *other)));
        let signed = |byte: u8| i32::from(byte as i8);
        pairs.zip(found).map(|((one, other), found)| (signed(one), signed(other), signed(found))).collect()
    }

    #[test]
    fn a_quotient_just_below_an_integer_is_floored_to_the_one_below() {
        let tensors = [
            Given::input(TensorType::Float32, &[3]),
            Given::floats(&[3], &[0.1, 0.3, 2.0]),
            Given::output(TensorType::Float32, &[3]),
        ];
        let found = run(single(&FLOOR_DIV, &tensors, None), &[&bytes_of(&[24.9, 52.5, -1e-45])]).unwrap().remove(0);
        assert_eq!(floats_of(&found), [248.0, 174.0, -1.0]);
    }

    #[test]
    fn integers_are_within_one_of_the_real_function() {
        type Row = (&'static Registration, Option<u8>, [(f32, i32); 3], fn(f64, f64) -> f64);
        let rows: [Row; 5] = [
            (&MUL, Some(21), [(0.05, 3), (0.04, -7), (0.2, 11)], |a, b| a * b),
            (&SUB, Some(28), [(0.05, 3), (0.04, -7), (0.08, 11)], |a, b| a - b),
            (&DIV, Some(29), [(0.05, 3), (0.04, -7), (0.06, 11)], |a, b| a / b),
            (&SQUARED_DIFFERENCE, None, [(0.05, 3), (0.04, -7), (0.3, -128)], |a, b| (a - b) * (a - b)),
            (&PRELU, None, [(0.05, 3), (0.01, -7), (0.06, 11)], |a, b| if a < 0.0 { a * b } else { a }),
        ];
        for (operator, member, scales, function) in rows {
            let [one, other, output] = scales;
            for (a, b, found) in pairs(operator, member, scales) {
                let real = |value: i32, (scale, from): (f32, i32)| f64::from(scale) * f64::from(value - from);
                let exact = function(real(a, one), real(b, other)) / f64::from(output.0) + f64::from(output.1);
                let about = format!("{} of {a} and {b}: {found} {exact}", operator.name);
                assert!((f64::from(found) - exact.clamp(-128.0, 127.0)).abs() <= 1.01, "{about}");
            }
        }
    }

    #[test]
    fn what_has_no_quotient_ends_the_inference() {
        let tensors = |element_type| {
            [
                Given::input(element_type, &[1]),
                Given::input(element_type, &[1]),
                Given::output(element_type, &[1]),
            ]
        };
        let divide = |one: i32, other: i32| {
            let model = single(&DIV, &tensors(TensorType::Int32), Some((29, &[])));
            run(model, &[&one.to_le_bytes(), &other.to_le_bytes()])
        };
        assert!(divide(1, 0).is_err() && divide(i32::MIN, -1).is_err());
        assert_eq!(divide(-7, 2).unwrap(), [(-3i32).to_le_bytes()]);
        let floor = |one: f32, other: f32| {
            let model = single(&FLOOR_DIV, &tensors(TensorType::Float32), None);
            run(model, &[&one.to_le_bytes(), &other.to_le_bytes()])
        };
        assert!(floor(1.0, 0.0).is_err());
        assert_eq!(floor(-7.0, 2.0).unwrap(), [(-4f32).to_le_bytes()]);
    }

    #[test]
    fn int32_wraps_and_a_remainder_has_the_sign_of_its_divisor() {
        let tensors = [
            Given::input(TensorType::Int32, &[1]),
            Given::input(TensorType::Int32, &[1]),
            Given::output(TensorType::Int32, &[1]),
        ];
        let model = single(&MUL, &tensors, Some((21, &[])));
        let product = run(model, &[&65536i32.to_le_bytes(), &65537i32.to_le_bytes()]).unwrap();
        assert_eq!(product, [65536i32.to_le_bytes()]);
        for (one, other, rest) in [(7.0f32, 3.0f32, 1.0f32), (-7.0, 3.0, 2.0), (7.0, -3.0, -2.0), (6.0, -3.0, 0.0)] {
            let tensors = [
                Given::input(TensorType::Float32, &[1]),
                Given::input(TensorType::Float32, &[1]),
                Given::output(TensorType::Float32, &[1]),
            ];
            let model = single(&FLOOR_MOD, &tensors, None);
            assert_eq!(run(model, &[&one.to_le_bytes(), &other.to_le_bytes()]).unwrap(), [rest.to_le_bytes()]);
        }
    }
}
