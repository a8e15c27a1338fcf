//! SOFTMAX, int8 to int8 or int16.
//!
//! Upstream: `micro/kernels/softmax.cc`, `softmax_common.cc`,
//! `lite/kernels/internal/reference/softmax.h`, and gemmlowp's `fixedpoint.h`. Numbers written
//! Qa.b have a integer and b fractional bits beside the sign.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::fixed::{exp_of_negative, reciprocal};
use crate::math::quantization::{Multiplier, divide_by_power_of_two, high_mul};
use crate::model::tensor::{Tensor, TensorType};
use crate::ops::weights::int8::int8;
use crate::ops::{Action, Flow, Kernel, Node, Request, allocate};
use crate::run::io::Io;

/// Softmax over the last dimension.
struct Softmax {
    depth: usize,
    /// exp(-difference) in Q0.31 for the differences to the row's maximum that count; what lies
    /// further below is nothing.
    exponentials: Vec<i32>,
    output_type: TensorType,
}

/// Integer bits of a scaled difference: Q5.26.
pub const DIFFERENCE_BITS: u32 = 5;
/// Integer bits of the sum of exponentials: Q12.19.
pub const SUM_BITS: u32 = 12;

/// Fills the table.
pub fn prepare(node: &Node<'_>, request: &mut Request, beta: f32) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    check_output(output)?;
    let exponentials = exponentials(input.affine()?.0, beta)?;
    request.packed(exponentials.len() * 4);
    Ok(Action::run(Softmax {
        depth: input.shape.last(),
        exponentials,
        output_type: output.element_type,
    }))
}

/// The output's quantisation is fixed: its whole range is [0, 1).
fn check_output(output: &Tensor) -> Result<()> {
    let (scale, zero_point) = output.affine()?;
    let sound = match output.element_type {
        TensorType::Int8 => zero_point == -128 && scale == 1.0 / 256.0,
        TensorType::Int16 => {
            let expected = 1.0f32 / 65536.0;
            zero_point == -32768 && (scale - expected).abs() <= 0.001 * expected
        }
        _ => return Err(ErrorKind::TypeUnsupported.into()),
    };
    ensure(sound, ErrorKind::QuantisationInvalid)
}

/// Upstream's `PreprocessSoftmaxScaling` and `CalculateInputRadius`: how differences become Q5.26, and the
/// greatest that does.
pub fn scaling(scale: f32, beta: f32) -> Result<(Multiplier, usize)> {
    let real = f64::from(beta) * f64::from(scale) * f64::from(1 << (31 - DIFFERENCE_BITS));
    let real = real.min((1u64 << 31) as f64 - 1.0);
    ensure(real > 1.0, ErrorKind::QuantisationInvalid)?;
    let multiplier = Multiplier::new_unbounded(real)?;
    let left = multiplier.shift;
    let greatest = ((1 << DIFFERENCE_BITS) - 1) as f64;
    let radius = greatest * f64::from(1 << (31 - DIFFERENCE_BITS)) / (1u64 << left) as f64;
    Ok((multiplier, radius.floor() as usize))
}

/// The exponential of every difference within the radius.
fn exponentials(scale: f32, beta: f32) -> Result<Vec<i32>> {
    let (multiplier, radius) = scaling(scale, beta)?;
    let left = multiplier.shift as u32;
    let differences = radius.min(255) + 1;
    let mut table = allocate(differences, 0)?;
    for (difference, slot) in (0i32..).zip(table.iter_mut()) {
        let scaled = (-difference).wrapping_shl(left);
        *slot = exp_of_negative::<DIFFERENCE_BITS>(high_mul(scaled, multiplier.multiplier));
    }
    Ok(table)
}

impl Kernel for Softmax {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        match self.output_type {
            TensorType::Int16 => self.rows::<2>(input, output, 16),
            _ => self.rows::<1>(input, output, 8),
        }
        Ok(Flow::Next)
    }
}

impl Softmax {
    fn rows<const BYTES: usize>(&self, input: &[u8], output: &mut [u8], bits: u32) {
        let rows = input.chunks_exact(self.depth);
        for (input, output) in rows.zip(output.chunks_exact_mut(self.depth * BYTES)) {
            self.row::<BYTES>(input, output, bits);
        }
    }

    fn row<const BYTES: usize>(&self, input: &[u8], output: &mut [u8], bits: u32) {
        let greatest = input.iter().map(|input| int8(*input)).max().unwrap_or(-128);
        let exponential = |input: u8| {
            let difference = (greatest - int8(input)) as usize;
            self.exponentials.get(difference).copied()
        };
        // Upstream's sum overflows past 4095 equal maxima; here it stays at the greatest.
        let sum = input.iter().filter_map(|input| exponential(*input)).fold(0i32, |sum, exp| {
            sum.saturating_add(divide_by_power_of_two(exp, SUM_BITS))
        });
        let (reciprocal, bits_over_unit) = reciprocal(sum, SUM_BITS as i32);
        // Upstream aborts where this leaves 0..=31, past 511 equal maxima: every share is 0 then.
        let exponent = (bits_over_unit + 31 - bits as i32).clamp(0, 31) as u32;
        let (least, most) = (-(1i32 << (bits - 1)), (1i32 << (bits - 1)) - 1);
        let (chunks, _) = output.as_chunks_mut::<BYTES>();
        for (input, output) in input.iter().zip(chunks) {
            let value = match exponential(*input) {
                Some(exp) => {
                    let share = divide_by_power_of_two(high_mul(reciprocal, exp), exponent);
                    share.saturating_add(least).clamp(least, most)
                }
                None => least,
            };
            for (slot, byte) in output.iter_mut().zip(value.to_le_bytes()) {
                *slot = byte;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::softmax::SOFTMAX;
    use crate::testing::{Field, Given, Random, run, single};

    fn softmax(scale: f32, input: &[u8]) -> Vec<u8> {
        let tensors = [
            Given::input(TensorType::Int8, &[input.len()]).affine(scale, 0),
            Given::output(TensorType::Int8, &[input.len()]).affine(1.0 / 256.0, -128),
        ];
        let model = single(&SOFTMAX, &tensors, Some((9, &[(0, Field::F32(1.0))])));
        run(model, &[input]).unwrap().remove(0)
    }

    #[test]
    fn outputs_are_within_one_of_the_real_function() {
        let mut random = Random::new(8);
        for _ in 0..200 {
            let depth = 1 + random.below(20);
            let scale = 0.01 + random.below(100) as f32 * 0.005;
            let input = random.bytes(depth);
            let real: Vec<f64> =
                input.iter().map(|&byte| (f64::from(byte as i8) * f64::from(scale)).exp()).collect();
            let sum: f64 = real.iter().sum();
            for (output, real) in softmax(scale, &input).into_iter().zip(real) {
                let expected = (256.0 * real / sum).round().min(255.0) - 128.0;
                assert!((f64::from(output as i8) - expected).abs() <= 1.0);
            }
        }
    }

    #[test]
    fn many_equal_maxima_share_nothing_and_do_not_overflow() {
        assert!(softmax(0.1, &[5; 9000]).into_iter().all(|byte| byte as i8 == -128));
    }
}
