//! SOFTMAX, int8 to int8 or int16.
//!
//! Upstream: `micro/kernels/softmax.cc`, `softmax_common.cc`,
//! `lite/kernels/internal/reference/softmax.h`, and gemmlowp's `fixedpoint.h`. Numbers written
//! Qa.b have a integer and b fractional bits beside the sign.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::quantization::{
    Multiplier, divide_by_power_of_two, high_mul, multiply_by_power_of_two,
};
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
const DIFFERENCE_BITS: u32 = 5;
/// Integer bits of the sum of exponentials: Q12.19.
const SUM_BITS: u32 = 12;

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

/// Upstream's `PreprocessSoftmaxScaling` and `CalculateInputRadius`, and the exponential of every
/// difference within the radius.
fn exponentials(scale: f32, beta: f32) -> Result<Vec<i32>> {
    let real = f64::from(beta) * f64::from(scale) * f64::from(1 << (31 - DIFFERENCE_BITS));
    let real = real.min((1u64 << 31) as f64 - 1.0);
    ensure(real > 1.0, ErrorKind::QuantisationInvalid)?;
    let multiplier = Multiplier::new_unbounded(real)?;
    let left = multiplier.shift as u32;
    let greatest = ((1 << DIFFERENCE_BITS) - 1) as f64;
    let radius = greatest * f64::from(1 << (31 - DIFFERENCE_BITS)) / (1u64 << left) as f64;
    let differences = (radius.floor() as usize).min(255) + 1;
    let mut table = allocate(differences, 0)?;
    for (difference, slot) in (0i32..).zip(table.iter_mut()) {
        let scaled = (-difference).wrapping_shl(left);
        *slot = exp_of_negative(high_mul(scaled, multiplier.multiplier));
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
        let (reciprocal, bits_over_unit) = reciprocal(sum);
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

/// gemmlowp's `exp_on_negative_values`: Q5.26 in (-32, 0] to Q0.31.
fn exp_of_negative(a: i32) -> i32 {
    if a == 0 {
        return i32::MAX;
    }
    const QUARTER: i32 = 1 << (31 - DIFFERENCE_BITS - 2);
    let fraction = (a & (QUARTER - 1)) - QUARTER;
    let mut result = exp_between_minus_quarter_and_zero(multiply_by_power_of_two(fraction, DIFFERENCE_BITS));
    let remainder = fraction.wrapping_sub(a);
    // exp(-2^k) in Q0.31 for k from -2 to 4.
    const FACTORS: [i32; 7] =
        [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242];
    for (step, factor) in (0u32..).zip(FACTORS) {
        if remainder & (1 << (31 - DIFFERENCE_BITS - 2 + step)) != 0 {
            result = high_mul(result, factor);
        }
    }
    result
}

/// A Taylor polynomial around -1/8; Q0.31 to Q0.31.
fn exp_between_minus_quarter_and_zero(a: i32) -> i32 {
    const EXP_OF_MINUS_EIGHTH: i32 = 1_895_147_668;
    const THIRD: i32 = 715_827_883;
    let x = a.wrapping_add(1 << 28);
    let x2 = high_mul(x, x);
    let x3 = high_mul(x2, x);
    let x4 = high_mul(x2, x2);
    let x4_over_4 = divide_by_power_of_two(x4, 2);
    let tail = high_mul(x4_over_4.wrapping_add(x3), THIRD).wrapping_add(x2);
    let tail = divide_by_power_of_two(tail, 1);
    EXP_OF_MINUS_EIGHTH.wrapping_add(high_mul(EXP_OF_MINUS_EIGHTH, x.wrapping_add(tail)))
}

/// Upstream's `GetReciprocal` of a Q12.19: 1 / (sum / 2^bits over unit) in Q0.31.
fn reciprocal(sum: i32) -> (i32, i32) {
    let headroom = (sum as u32).leading_zeros();
    let shifted = (sum as u32).checked_shl(headroom).unwrap_or(0).wrapping_sub(1 << 31);
    (one_over_one_plus(shifted as i32), SUM_BITS as i32 - headroom as i32)
}

/// gemmlowp's `one_over_one_plus_x_for_x_in_0_1`: three Newton steps in Q2.29.
fn one_over_one_plus(a: i32) -> i32 {
    const ONE_IN_Q2: i32 = 1 << 29;
    const FORTY_EIGHT_SEVENTEENTHS: i32 = 1_515_870_810;
    const MINUS_THIRTY_TWO_SEVENTEENTHS: i32 = -1_010_580_540;
    let half_denominator = half_sum(a, i32::MAX);
    let product = high_mul(half_denominator, MINUS_THIRTY_TWO_SEVENTEENTHS);
    let mut x = FORTY_EIGHT_SEVENTEENTHS.wrapping_add(product);
    for _ in 0..3 {
        let error = ONE_IN_Q2.wrapping_sub(high_mul(half_denominator, x));
        x = x.wrapping_add(multiply_by_power_of_two(high_mul(x, error), 2));
    }
    multiply_by_power_of_two(x, 1)
}

/// gemmlowp's `RoundingHalfSum`: halves away from zero.
fn half_sum(a: i32, b: i32) -> i32 {
    let sum = i64::from(a) + i64::from(b);
    let sign = if sum >= 0 { 1 } else { -1 };
    ((sum + sign) / 2) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::softmax::SOFTMAX;
    use crate::testing::{Field, Given, Random, run, single};

    #[test]
    fn exponentials_follow_the_real_function() {
        for step in 0..4096 {
            let a = -(step << 14);
            let real = (f64::from(a) / f64::from(1 << 26)).exp();
            let fixed = f64::from(exp_of_negative(a)) / (1u64 << 31) as f64;
            assert!((real - fixed).abs() < 1e-6, "{a}: {real} {fixed}");
        }
    }

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
