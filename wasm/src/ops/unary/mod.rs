//! Operators that make each output from the input at its place, whatever the shape.
//!
//! What becomes of an int8 depends on its byte alone: a table of 256 holds it. Floats and int16 are computed one by one.

mod abs;
mod cast;
mod elu;
mod functions;
mod gelu;
mod hard_swish;
mod leaky_relu;
mod logistic;
mod relu;
mod rsqrt;
mod tanh;
mod zeros_like;

pub use abs::ABS;
pub use cast::CAST;
pub use elu::ELU;
pub use functions::{CEIL, COS, EXP, FLOOR, LOG, LOGICAL_NOT, NEG, ROUND, SIN, SQRT, SQUARE};
pub use gelu::GELU;
pub use hard_swish::HARD_SWISH;
pub use leaky_relu::LEAKY_RELU;
pub use logistic::{LOGISTIC, Rescale, sigmoid, sigmoid_table};
pub use relu::{RELU, RELU6};
pub use rsqrt::RSQRT;
pub use tanh::{TANH, bend};
pub use zeros_like::ZEROS_LIKE;

use crate::error::{ErrorKind, Result, ensure};
use crate::model::tensor::Tensor;
use crate::ops::weights::float::{floats, floats_mut};
use crate::ops::{Action, Flow, Kernel, Node, Request};
use crate::run::io::Io;
use crate::simd::elementwise;
use crate::simd::vector::F32x4;

/// The input and the output, which have as many elements.
fn tensors<'a>(node: &Node<'a>) -> Result<(&'a Tensor, &'a Tensor)> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    ensure(input.shape.elements() == output.shape.elements(), ErrorKind::OperatorInvalid)?;
    Ok((input, output))
}

/// Computes float32 from float32.
struct Floats<F>(F);

/// A function of floats. It is called for each of them, so that there is one kernel for all.
fn floats_by(function: fn(f32) -> f32) -> Action {
    Action::run(Floats(function))
}

/// Computes float32 from float32, four at a time.
struct Vectors<F>(F);

/// A function of four floats.
fn vectors_by(function: impl Fn(F32x4) -> F32x4 + Send + Sync + 'static) -> Action {
    Action::run(Vectors(function))
}

impl<F: Fn(F32x4) -> F32x4 + Send + Sync> Kernel for Vectors<F> {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        elementwise::map(floats(input), floats_mut(output), &self.0);
        Ok(Flow::Next)
    }
}

impl<F: Fn(f32) -> f32 + Send + Sync> Kernel for Floats<F> {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        for (output, input) in floats_mut(output).iter_mut().zip(floats(input)) {
            *output = (self.0)(f32::from_le_bytes(*input)).to_le_bytes();
        }
        Ok(Flow::Next)
    }
}

/// Looks bytes up.
struct Bytes(Box<[u8; 256]>);

/// A function of int8, which is asked once for each value.
fn bytes_by(request: &mut Request, function: impl Fn(i32) -> i32) -> Action {
    let mut table = Box::new([0; 256]);
    for (byte, slot) in (0u8..=255).zip(table.iter_mut()) {
        *slot = function(i32::from(byte as i8)) as u8;
    }
    request.packed(256);
    Action::run(Bytes(table))
}

/// A function of reals as a table of int8: all in float32, and by the reciprocal of the output's scale, as upstream
/// (`PopulateLookupTable`).
fn bytes_by_real(node: &Node<'_>, request: &mut Request, function: impl Fn(f32) -> f32) -> Result<Action> {
    let ((scale, from), (output_scale, to)) = (node.input(0)?.affine()?, node.output(0)?.affine()?);
    let inverse = 1.0 / output_scale;
    Ok(bytes_by(request, |value| {
        let bent = function(scale * (value - from) as f32);
        ((bent * inverse).round() + to as f32).clamp(-128.0, 127.0) as i32
    }))
}

impl Kernel for Bytes {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        for (output, input) in output.iter_mut().zip(input) {
            *output = self.0[usize::from(*input)];
        }
        Ok(Flow::Next)
    }
}

/// Computes int16 from int16.
struct Shorts<F>(F);

/// A function of int16; its low bytes are kept.
fn shorts_by(function: impl Fn(i32) -> i32 + Send + Sync + 'static) -> Action {
    Action::run(Shorts(function))
}

impl<F: Fn(i32) -> i32 + Send + Sync> Kernel for Shorts<F> {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let (inputs, outputs) = (input.as_chunks().0, output.as_chunks_mut().0);
        for (output, input) in outputs.iter_mut().zip(inputs) {
            let value = (self.0)(i32::from(i16::from_le_bytes(*input)));
            *output = (value as i16).to_le_bytes();
        }
        Ok(Flow::Next)
    }
}

/// A function of integers, as a table or one by one, by the width of the input.
fn integers_by(
    input: &Tensor,
    request: &mut Request,
    function: impl Fn(i32) -> i32 + Send + Sync + 'static,
) -> Action {
    if input.element_type.bits() == 8 { bytes_by(request, function) } else { shorts_by(function) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType;
    use crate::ops::Registration;
    use crate::testing::{Field, Given, run, single};

    /// Every int8, through `prepare`.
    fn map(operator: &Registration, input: (f32, i32), output: (f32, i32), options: Option<f32>) -> Vec<i8> {
        let tensors = [
            Given::input(TensorType::Int8, &[256]).affine(input.0, input.1),
            Given::output(TensorType::Int8, &[256]).affine(output.0, output.1),
        ];
        let alpha = options.map(|alpha| [(0, Field::F32(alpha))]);
        let model = single(operator, &tensors, alpha.as_ref().map(|alpha| (75, alpha.as_slice())));
        let bytes: Vec<u8> = (0..=255).collect();
        run(model, &[&bytes]).unwrap().remove(0).into_iter().map(|byte| byte as i8).collect()
    }

    #[test]
    fn integers_are_within_one_of_the_real_function() {
        type Row = (&'static Registration, (f32, i32), (f32, i32), Option<f32>, fn(f64) -> f64);
        let rows: [Row; 8] = [
            (&ABS, (0.05, 7), (0.06, -100), None, f64::abs),
            (&ELU, (0.04, -13), (0.04, -54), None, |x| if x < 0.0 { x.exp_m1() } else { x }),
            (&HARD_SWISH, (0.06, 10), (0.07, -43), None, |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0),
            (&LEAKY_RELU, (0.08, -64), (0.07, 11), Some(0.1), |x| if x < 0.0 { x / 10.0 } else { x }),
            (&LEAKY_RELU, (0.08, -64), (0.07, 11), Some(-0.1), |x| if x < 0.0 { -x / 10.0 } else { x }),
            (&LOGISTIC, (0.06, -23), (1.0 / 256.0, -128), None, |x| 1.0 / (1.0 + (-x).exp())),
            (&RELU, (0.05, -29), (0.04, -100), None, |x| x.max(0.0)),
            (&TANH, (0.03, -70), (1.0 / 128.0, 0), None, f64::tanh),
        ];
        for (operator, input, output, options, function) in rows {
            for (byte, found) in (0..=255u8).zip(map(operator, input, output, options)) {
                let real = function(f64::from(input.0) * f64::from(i32::from(byte as i8) - input.1));
                let exact = real / f64::from(output.0) + f64::from(output.1);
                let about = format!("{} of {}", operator.name, byte as i8);
                assert!((f64::from(found) - exact.clamp(-128.0, 127.0)).abs() <= 1.01, "{about}: {found} {exact}");
            }
        }
    }

    #[test]
    fn a_root_of_a_negative_number_is_refused_and_one_of_zero_is_the_greatest() {
        let tensors = [
            Given::input(TensorType::Int8, &[1]).affine(0.05, -3),
            Given::output(TensorType::Int8, &[1]).affine(0.02, -128),
        ];
        let root = |byte: i8| run(single(&RSQRT, &tensors, None), &[&[byte as u8]]);
        assert!(root(-4).is_err());
        assert_eq!(root(-3).unwrap(), [[127]]);
        // 1 / sqrt(0.05 * 100) is 22.4 steps of 0.02.
        assert_eq!(root(97).unwrap(), [[(22 - 128i32) as u8]]);
    }

    #[test]
    fn a_float_beyond_an_integer_saturates_on_the_way_and_keeps_its_low_bytes() {
        let tensors = [Given::input(TensorType::Float32, &[6]), Given::output(TensorType::Int32, &[6])];
        let floats = [1.9f32, -1.9, f32::NAN, 2147483648.0, f32::INFINITY, -5.0];
        let bytes: Vec<u8> = floats.iter().flat_map(|float| float.to_le_bytes()).collect();
        let output = run(single(&CAST, &tensors, None), &[&bytes]).unwrap().remove(0);
        let found: Vec<i32> = output.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect();
        assert_eq!(found, [1, -1, 0, i32::MIN, -1, -5]);
    }
}
