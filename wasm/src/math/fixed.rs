//! Functions of fixed-point numbers as gemmlowp's `fixedpoint.h` and `lite/kernels/internal/common.h` compute them. Numbers written
//! Qa.b have a integer and b fractional bits beside the sign.

use crate::math::quantization::{divide_by_power_of_two, high_mul, multiply_by_power_of_two};

/// gemmlowp's `logistic`: Q4.27 to Q0.31.
pub fn logistic(a: i32) -> i32 {
    if a == 0 {
        return 1 << 30;
    }
    let above = one_over_one_plus(exp_of_negative::<4>(a.saturating_abs().wrapping_neg()));
    if a > 0 { above } else { i32::MAX.wrapping_sub(above) }
}

/// gemmlowp's `tanh`: Q4.27 to Q0.31.
pub fn tanh(a: i32) -> i32 {
    if a == 0 {
        return 0;
    }
    // e^(-2|x|): the same bits with one more before the point.
    let above = one_minus_over_one_plus(exp_of_negative::<5>(a.saturating_abs().wrapping_neg()));
    if a > 0 { above } else { above.wrapping_neg() }
}

/// Upstream's `GetInvSqrtQuantizedMultiplierExp`: 1 / sqrt(x) as a mantissa in Q0.31 and a shift to the left; `input` is not
/// negative. For 0 and 1 it is nearly one.
pub fn inverse_sqrt(input: i32) -> (i32, i32) {
    if input <= 1 {
        return (i32::MAX, 0);
    }
    let mut right_shift = 11;
    let mut input = input;
    while input >= 1 << 29 {
        input /= 4;
        right_shift += 1;
    }
    let pairs = (input.leading_zeros() as i32 - 1) / 2 - 1;
    right_shift -= pairs;
    input <<= 2 * pairs;
    const ONE_IN_Q3: i32 = 1 << 28;
    const THREE_HALVES_IN_Q3: i32 = (1 << 28) + (1 << 27);
    const HALF_SQRT_2: i32 = 1_518_500_250;
    let half_input = divide_by_power_of_two(input >> 1, 1);
    let mut x = ONE_IN_Q3;
    for _ in 0..5 {
        let cube = multiply_by_power_of_two(high_mul(high_mul(x, x), x), 6);
        let next = high_mul(THREE_HALVES_IN_Q3, x).wrapping_sub(high_mul(half_input, cube));
        x = multiply_by_power_of_two(next, 3);
    }
    x = high_mul(x, HALF_SQRT_2);
    if right_shift < 0 {
        x <<= -right_shift;
        right_shift = 0;
    }
    (x, -right_shift)
}

/// gemmlowp's `exp_on_negative_values`: from `BITS` integer bits, 4 or 5, and not above 0, to Q0.31.
pub fn exp_of_negative<const BITS: u32>(a: i32) -> i32 {
    if a == 0 {
        return i32::MAX;
    }
    let quarter = 1 << (31 - BITS - 2);
    let fraction = (a & (quarter - 1)) - quarter;
    let mut result = exp_between_minus_quarter_and_zero(multiply_by_power_of_two(fraction, BITS));
    let remainder = fraction.wrapping_sub(a);
    // exp(-2^k) in Q0.31 for k from -2 to 4.
    const FACTORS: [i32; 7] =
        [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242];
    for (step, factor) in (0..BITS + 2).zip(FACTORS) {
        if remainder & (1 << (31 - BITS - 2 + step)) != 0 {
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

/// Upstream's `GetReciprocal` of a positive number with so many bits before the point: its inverse in Q0.31, and the bits by which
/// it is to be shifted to the right.
pub fn reciprocal(value: i32, integer_bits: i32) -> (i32, i32) {
    let headroom = (value as u32).leading_zeros();
    let shifted = (value as u32).checked_shl(headroom).unwrap_or(0).wrapping_sub(1 << 31);
    (one_over_one_plus(shifted as i32), integer_bits - headroom as i32)
}

/// gemmlowp's `one_over_one_plus_x_for_x_in_0_1`, from and to Q0.31.
fn one_over_one_plus(a: i32) -> i32 {
    multiply_by_power_of_two(twice_one_over_one_plus(a), 1)
}

/// gemmlowp's `one_minus_x_over_one_plus_x_for_x_in_0_1`, from and to Q0.31.
fn one_minus_over_one_plus(a: i32) -> i32 {
    multiply_by_power_of_two(twice_one_over_one_plus(a).wrapping_sub(ONE_IN_Q2), 2)
}

const ONE_IN_Q2: i32 = 1 << 29;

/// 2 / (1 + x) in Q2.29: three Newton steps.
fn twice_one_over_one_plus(a: i32) -> i32 {
    const FORTY_EIGHT_SEVENTEENTHS: i32 = 1_515_870_810;
    const MINUS_THIRTY_TWO_SEVENTEENTHS: i32 = -1_010_580_540;
    let half_denominator = half_sum(a, i32::MAX);
    let product = high_mul(half_denominator, MINUS_THIRTY_TWO_SEVENTEENTHS);
    let mut x = FORTY_EIGHT_SEVENTEENTHS.wrapping_add(product);
    for _ in 0..3 {
        let error = ONE_IN_Q2.wrapping_sub(high_mul(half_denominator, x));
        x = x.wrapping_add(multiply_by_power_of_two(high_mul(x, error), 2));
    }
    x
}

/// Upstream's `log_x_for_x_greater_than_or_equal_to_1`: the natural logarithm, from `FROM` to `TO` integer bits, which are more than
/// the logarithm has.
pub fn log_of_one_or_more<const FROM: u32, const TO: u32>(x: i32) -> i32 {
    const LOG_2: i32 = 1_488_522_236;
    const HALF_POW_QUARTER: i32 = 1_805_811_301;
    const HALF_SQRT_2: i32 = 1_518_500_250;
    const ALPHA_N: i32 = 117_049_297;
    const ALPHA_D: i32 = 127_690_142;
    const ALPHA_I: i32 = 1_057_819_769;
    const ALPHA_F: i32 = 638_450_708;
    // x = 2^power * r with r near 2^-1/4, in one of two ways; powers have one more bit before the point than the result.
    let bits = TO + 1;
    let quarter = divide_by_power_of_two(1 << 29, bits);
    let power = |zeros: u32| multiply_by_power_of_two(FROM as i32 - zeros as i32, 31 - bits);
    let zeros = x.leading_zeros().clamp(1, 31);
    let scaled = multiply_by_power_of_two(x, zeros - 1);
    let one = multiply_by_power_of_two(high_mul(scaled, HALF_SQRT_2), 1);
    let other_zeros = high_mul(x, HALF_SQRT_2).leading_zeros().clamp(1, 31) - 1;
    let other = multiply_by_power_of_two(x, other_zeros);
    let r = one.min(other);
    let power = power(zeros).saturating_add(quarter).max(power(other_zeros).saturating_sub(quarter));
    // log(r) as a fraction of polynomials.
    let p = half_sum(r, HALF_POW_QUARTER);
    let q = r.wrapping_sub(HALF_POW_QUARTER).wrapping_mul(2);
    let square = high_mul(q, q);
    let numerator = high_mul(q, r).wrapping_add(high_mul(high_mul(q, square), ALPHA_N));
    let sum = ALPHA_I.wrapping_add(q).wrapping_add(high_mul(ALPHA_D, square));
    let denominator = high_mul(p, sum).wrapping_add(high_mul(ALPHA_F, q));
    let log = high_mul(divide_by_power_of_two(numerator, bits), one_over_one_plus(denominator));
    multiply_by_power_of_two(high_mul(power, LOG_2).wrapping_add(log), 1)
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

    #[test]
    fn exponentials_follow_the_real_function() {
        for step in 0..4096 {
            let a = -(step << 14);
            let real = (f64::from(a) / f64::from(1 << 26)).exp();
            let fixed = f64::from(exp_of_negative::<5>(a)) / (1u64 << 31) as f64;
            assert!((real - fixed).abs() < 1e-6, "{a}: {real} {fixed}");
        }
    }

    #[test]
    fn logistic_and_tanh_follow_the_real_functions() {
        for step in -4096i32..4096 {
            let a = step << 19;
            let x = f64::from(a) / f64::from(1 << 27);
            let found = (f64::from(logistic(a)), f64::from(tanh(a)));
            let unit = (1u64 << 31) as f64;
            assert!((found.0 / unit - 1.0 / (1.0 + (-x).exp())).abs() < 1e-6, "{x}");
            assert!((found.1 / unit - x.tanh()).abs() < 1e-6, "{x}");
        }
    }

    #[test]
    fn logarithms_follow_the_real_function() {
        for step in 0..30_000 {
            let x = (1 << 19) + step * 71_000;
            let real = (f64::from(x) / f64::from(1 << 19)).ln();
            let found = f64::from(log_of_one_or_more::<12, 5>(x)) / f64::from(1 << 26);
            assert!((found - real).abs() < 1e-6, "{x}: {found} {real}");
        }
    }

    #[test]
    fn inverse_square_roots_follow_the_real_function() {
        for input in (2..100_000).chain([i32::MAX, 1 << 30, (1 << 29) - 1]) {
            let (mantissa, shift) = inverse_sqrt(input);
            let found = f64::from(mantissa) / (1u64 << 31) as f64 * 2f64.powi(shift);
            assert!((found * f64::from(input).sqrt() - 1.0).abs() < 2e-4, "{input}: {found}");
        }
    }
}
