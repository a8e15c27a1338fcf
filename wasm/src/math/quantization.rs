//! Fixed-point arithmetic as TensorFlow Lite Micro's reference kernels round it.
//!
//! Upstream: `lite/kernels/internal/common.{h,cc}`, `quantization_util.cc` and gemmlowp's
//! `fixedpoint.h`, in their default build, which rounds twice (`TFLITE_SINGLE_ROUNDING` is 0).

use crate::error::{ErrorKind, Result, ensure};
use crate::model::tensor::{Tensor, TensorType};

/// A real factor as multiplier * 2^(shift - 31), with the multiplier in [2^30, 2^31) or 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier {
    /// Mantissa.
    pub multiplier: i32,
    /// Exponent: positive shifts left.
    pub shift: i32,
}

impl Multiplier {
    /// Upstream's `QuantizeMultiplier`. Refuses factors that upstream could not shift by.
    pub fn new(real: f64) -> Result<Self> {
        let multiplier = Self::new_unbounded(real)?;
        ensure(multiplier.shift <= 30, ErrorKind::QuantisationInvalid)?;
        Ok(multiplier)
    }

    /// The same for callers that bound the shift themselves: it may be 31 and more.
    pub fn new_unbounded(real: f64) -> Result<Self> {
        ensure(real.is_finite() && real >= 0.0, ErrorKind::QuantisationInvalid)?;
        if real == 0.0 {
            return Ok(Self { multiplier: 0, shift: 0 });
        }
        let (mantissa, mut shift) = frexp(real);
        let mut fixed = (mantissa * (1u64 << 31) as f64).round() as i64;
        if fixed == 1 << 31 {
            fixed /= 2;
            shift += 1;
        }
        if shift < -31 {
            return Ok(Self { multiplier: 0, shift: 0 });
        }
        let multiplier = i32::try_from(fixed).map_err(|_| ErrorKind::EngineInternal)?;
        Ok(Self { multiplier, shift })
    }

    /// Upstream's `MultiplyByQuantizedMultiplier` for 32-bit accumulators: x times the factor,
    /// rounded twice. A left shift that overflows wraps, as it does there.
    #[inline(always)]
    pub fn apply(self, x: i32) -> i32 {
        let left = self.shift.max(0) as u32;
        let right = (-self.shift).max(0) as u32;
        divide_by_power_of_two(high_mul(x.wrapping_shl(left), self.multiplier), right)
    }

    /// The same for what is computed once: not inlined.
    #[inline(never)]
    pub fn apply_once(self, x: i32) -> i32 {
        self.apply(x)
    }
}

impl Multiplier {
    /// Upstream's `MultiplyByQuantizedMultiplier` for 64-bit accumulators: the mantissa is shortened to 16 bits, and there is one
    /// rounding, halves up. The shift is from -31 to 7.
    #[inline(always)]
    pub fn apply_wide(self, x: i64) -> i32 {
        let (short, right) = self.short();
        (x.wrapping_mul(i64::from(short)).wrapping_add(1 << (right - 1)) >> right) as i32
    }

    /// The mantissa of 16 bits, and the shift to the right behind it.
    #[inline(always)]
    pub fn short(self) -> (i32, u32) {
        let short = if self.multiplier < 0x7fff_0000 { (self.multiplier + (1 << 15)) >> 16 } else { 0x7fff };
        (short, (15 - self.shift).clamp(1, 62) as u32)
    }
}

/// Upstream's `SaturatingRoundingDoublingHighMul`: round(a * b / 2^31), halves away from zero.
///
/// Adding 2^30 and shifting is the same as upstream's sign-dependent nudge and truncating division
/// (a test compares them).
#[inline(always)]
pub fn high_mul(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    ((i64::from(a) * i64::from(b) + (1 << 30)) >> 31) as i32
}

/// Upstream's `RoundingDivideByPOT`: x / 2^exponent, halves away from zero; `exponent` in 0..=31.
#[inline(always)]
pub fn divide_by_power_of_two(x: i32, exponent: u32) -> i32 {
    let mask = ((1i64 << exponent) - 1) as i32;
    let remainder = x & mask;
    let threshold = (mask >> 1) + i32::from(x < 0);
    (x >> exponent) + i32::from(remainder > threshold)
}

/// Upstream's `SaturatingRoundingMultiplyByPOT` for positive exponents: x * 2^exponent, saturated.
#[inline(always)]
pub fn multiply_by_power_of_two(x: i32, exponent: u32) -> i32 {
    let product = i64::from(x) << exponent;
    product.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// 2 to the power of this, where that is a normal double.
pub fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// Splits into a mantissa in [0.5, 1) and an exponent, as C's `frexp`; `value` is positive.
fn frexp(value: f64) -> (f64, i32) {
    // Denormals are scaled into the normal range first.
    let (value, bias) = if value < f64::MIN_POSITIVE {
        (value * (1u64 << 54) as f64, -54)
    } else {
        (value, 0)
    };
    let bits = value.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32 - 1022;
    (f64::from_bits((bits & !(0x7ff << 52)) | (1022 << 52)), exponent + bias)
}

/// Fused activation functions (the schema's `ActivationFunctionType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Activation {
    None,
    Relu,
    ReluN1To1,
    Relu6,
}

impl Activation {
    /// From the schema's number. TANH and SIGN_BIT are not executed upstream either.
    pub fn from_schema(number: i8) -> Result<Self> {
        Ok(match number {
            0 => Self::None,
            1 => Self::Relu,
            2 => Self::ReluN1To1,
            3 => Self::Relu6,
            _ => return Err(ErrorKind::OperatorInvalid.into()),
        })
    }

    /// Upstream's `CalculateActivationRangeQuantized`: the output range that the activation leaves.
    pub fn range(self, output: &Tensor) -> Result<(i32, i32)> {
        let allowed = matches!(
            output.element_type,
            TensorType::Int8 | TensorType::Uint8 | TensorType::Int16
        );
        ensure(allowed, ErrorKind::TypeUnsupported)?;
        let (least, greatest) =
            output.element_type.range().ok_or(ErrorKind::TypeUnsupported)?;
        let (scale, zero_point) = output.affine()?;
        let quantise = |real: f32| -> Result<i32> {
            let scaled = (real / scale).round();
            // f32 rounds i32::MAX up to 2^31: the comparison is upstream's.
            let fits = scaled >= i32::MIN as f32 && scaled <= i32::MAX as f32;
            ensure(fits, ErrorKind::QuantisationInvalid)?;
            Ok(zero_point.saturating_add(scaled as i32))
        };
        let (low, high) = match self {
            Self::None => (least, greatest),
            Self::Relu => (quantise(0.0)?.max(least), greatest),
            Self::Relu6 => (quantise(0.0)?.max(least), quantise(6.0)?.min(greatest)),
            Self::ReluN1To1 => (quantise(-1.0)?.max(least), quantise(1.0)?.min(greatest)),
        };
        ensure(low <= high, ErrorKind::QuantisationInvalid)?;
        Ok((low, high))
    }
}

/// Adds the zero point and clamps: the end of every requantisation.
#[derive(Clone, Copy, Debug)]
pub struct OutputStage {
    /// Zero point of the output.
    pub zero_point: i32,
    /// Least output value.
    pub low: i32,
    /// Greatest output value.
    pub high: i32,
}

impl OutputStage {
    /// For this output behind this activation.
    pub fn new(output: &Tensor, activation: Activation) -> Result<Self> {
        let (_, zero_point) = output.affine()?;
        let (low, high) = activation.range(output)?;
        Ok(Self { zero_point, low, high })
    }

    /// The quantised output of a scaled accumulator.
    #[inline(always)]
    pub fn finish(self, scaled: i32) -> i32 {
        scaled.wrapping_add(self.zero_point).clamp(self.low, self.high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    /// gemmlowp's definition, in wide integers: nudge by sign, divide truncating.
    fn naive_high_mul(a: i32, b: i32) -> i32 {
        if a == b && a == i32::MIN {
            return i32::MAX;
        }
        let product = i128::from(a) * i128::from(b);
        let nudge = if product >= 0 { 1i128 << 30 } else { 1 - (1i128 << 30) };
        ((product + nudge) / (1i128 << 31)) as i32
    }

    /// Halves away from zero, in wide integers.
    fn naive_divide(x: i32, exponent: u32) -> i32 {
        let divisor = 1i128 << exponent;
        let magnitude = (i128::from(x).abs() * 2 + divisor) / (2 * divisor);
        (magnitude * i128::from(x.signum())) as i32
    }

    fn samples() -> impl Iterator<Item = i32> {
        let mut random = Random::new(7);
        let edges = [i32::MIN, i32::MIN + 1, -1 << 30, -3, -2, -1, 0, 1, 2, 3, 1 << 30, i32::MAX];
        edges.into_iter().chain((0..200).map(move |_| {
            let shift = random.below(32) as u32;
            (random.any() as i32) >> shift
        }))
    }

    #[test]
    fn high_mul_equals_the_wide_definition() {
        for a in samples() {
            for b in samples() {
                assert_eq!(high_mul(a, b), naive_high_mul(a, b), "{a} {b}");
            }
        }
    }

    #[test]
    fn division_rounds_halves_away_from_zero() {
        for x in samples() {
            for exponent in 0..=31 {
                assert_eq!(divide_by_power_of_two(x, exponent), naive_divide(x, exponent), "{x} {exponent}");
            }
        }
    }

    #[test]
    fn a_multiplier_is_the_real_factor_to_thirty_one_bits() {
        for real in [1.0, 0.5, 0.1, 0.999_999_999_9, 1.0 / 3.0, 7.25, 1e-6, 3e-9, 1e8] {
            let Multiplier { multiplier, shift } = Multiplier::new(real).unwrap();
            let back = f64::from(multiplier) * 2f64.powi(shift - 31);
            assert!((back / real - 1.0).abs() < 1e-9, "{real} {back}");
            assert!(multiplier >= 1 << 30, "{real}");
        }
    }

    #[test]
    fn factors_that_cannot_be_shifted_by_are_flushed_or_refused() {
        assert_eq!(Multiplier::new(1e-12).unwrap(), Multiplier { multiplier: 0, shift: 0 });
        assert_eq!(Multiplier::new(f64::MIN_POSITIVE / 8.0).unwrap().multiplier, 0);
        for real in [f64::NAN, f64::INFINITY, -1.0, 1e12] {
            assert_eq!(Multiplier::new(real).err().unwrap().kind(), ErrorKind::QuantisationInvalid);
        }
    }
}
