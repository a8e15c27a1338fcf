//! HARD_SWISH: float32, int8.
//!
//! Upstream: `micro/kernels/hard_swish_common.cc` and `lite/kernels/internal/reference/hard_swish.h`, in 16 bits
//! throughout. All products round, but for the last, which truncates.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::quantization::{Multiplier, divide_by_power_of_two};
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, SAME, Signature};
use crate::ops::{Action, Node, Registration, Request};
use crate::simd::vector::F32x4;

use super::{bytes_by, tensors, vectors_by};

/// x * min(max(x + 3, 0), 6) / 6.
pub static HARD_SWISH: Registration = Registration {
    key: OpKey::Builtin(117),
    name: "HARD_SWISH",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8)], outputs: &[SAME] }],
    prepare,
};

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, output) = tensors(node)?;
    if input.element_type == TensorType::Float32 {
        let [zero, three, six] = [0.0, 3.0, 6.0].map(F32x4::splat);
        return Ok(vectors_by(move |value| value.times(value.plus(three).at_least(zero).at_most(six)).over(six)));
    }
    let ((scale, from), (output_scale, to)) = (input.affine()?, output.affine()?);
    // Upstream divides in float32.
    let hires = 1.0 / 128.0 * scale;
    let (output_factor, output_shift) = narrow(hires / output_scale)?;
    ensure((-31..=0).contains(&output_shift), ErrorKind::QuantisationInvalid)?;
    let (gate_factor, gate_shift) = narrow(hires / (3.0 / 32768.0))?;
    ensure((-31..=15).contains(&gate_shift), ErrorKind::QuantisationInvalid)?;
    Ok(bytes_by(request, |value| {
        let value = (value - from) << 7;
        let straight = rounding_product(value, output_factor);
        let mut gate = value;
        if gate_shift > 0 {
            gate = saturate(gate << (gate_shift - 1));
        }
        gate = rounding_product(gate, gate_factor);
        if gate_shift > 0 {
            gate = saturate(gate << 1);
        }
        if gate_shift < 0 {
            gate = divide_by_power_of_two(gate, gate_shift.unsigned_abs());
        }
        let gate = (gate + (1 << 15)) >> 1;
        let product = saturate(gate * straight / (1 << 15));
        let scaled = divide_by_power_of_two(product, output_shift.unsigned_abs());
        saturate(scaled + to).clamp(-128, 127)
    }))
}

/// A factor with a mantissa of 16 bits (upstream's `DownScaleInt32ToInt16Multiplier`).
fn narrow(real: f32) -> Result<(i32, i32)> {
    let Multiplier { multiplier, shift } = Multiplier::new(f64::from(real))?;
    Ok((multiplier.saturating_add(1 << 15) >> 16, shift))
}

/// gemmlowp's `SaturatingRoundingDoublingHighMul` of 16 bits: halves away from zero.
fn rounding_product(a: i32, b: i32) -> i32 {
    let product = a * b;
    let nudge = if product >= 0 { 1 << 14 } else { 1 - (1 << 14) };
    saturate((product + nudge) / (1 << 15))
}

fn saturate(value: i32) -> i32 {
    value.clamp(-32768, 32767)
}
