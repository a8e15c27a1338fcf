//! RELU and RELU6: float32, int8, int16.
//!
//! Upstream: `micro/kernels/activations.cc` and `activations_common.cc` (`ReluFloat`, `ReluQuantized`, `Relu6Quantized`).

use crate::error::{ErrorKind, Result};
use crate::math::quantization::Multiplier;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, INT16, SAME, Signature};
use crate::ops::{Action, Node, Registration, Request};
use crate::simd::vector::F32x4;

use super::{integers_by, tensors, vectors_by};

const TYPES: &[Signature] = &[Signature { inputs: &[FLOAT32.or(INT8).or(INT16)], outputs: &[SAME] }];

/// Nothing below zero. Unlike a fused one it leaves infinity.
pub static RELU: Registration = Registration {
    key: OpKey::Builtin(19),
    name: "RELU",
    inputs: 1..=1,
    outputs: 1..=1,
    types: TYPES,
    prepare: prepare_relu,
};

/// Nothing below zero or above six.
pub static RELU6: Registration = Registration {
    key: OpKey::Builtin(21),
    name: "RELU6",
    inputs: 1..=1,
    outputs: 1..=1,
    types: TYPES,
    prepare: prepare_relu6,
};

fn prepare_relu(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, output) = tensors(node)?;
    if input.element_type == TensorType::Float32 {
        return Ok(vectors_by(|value| bound(value, f32::INFINITY)));
    }
    let ((scale, from), (output_scale, to)) = (input.affine()?, output.affine()?);
    let (_, high) = input.element_type.range().ok_or(ErrorKind::TypeUnsupported)?;
    // Upstream divides in float32.
    let multiplier = Multiplier::new(f64::from(scale / output_scale))?;
    Ok(integers_by(input, request, move |value| {
        multiplier.apply(value - from).saturating_add(to).min(high).max(to)
    }))
}

/// As upstream, integers are not rescaled: the bounds are those of the input, whatever the output's scale is.
fn prepare_relu6(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, _) = tensors(node)?;
    if input.element_type == TensorType::Float32 {
        return Ok(vectors_by(|value| bound(value, 6.0)));
    }
    let (scale, zero) = input.affine()?;
    let (low, high) = input.element_type.range().ok_or(ErrorKind::TypeUnsupported)?;
    let six = ((6.0 / scale).round() as i32).saturating_add(zero).clamp(low, high);
    Ok(integers_by(input, request, move |value| if value > six { six } else { value.max(zero) }))
}

/// Keeps NaN and the sign of zero.
#[inline(always)]
fn bound(value: F32x4, high: f32) -> F32x4 {
    value.at_least(F32x4::splat(0.0)).at_most(F32x4::splat(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound_one(value: f32, high: f32) -> f32 {
        f32::from_le_bytes(bound(F32x4::splat(value), high).bytes()[0])
    }

    #[test]
    fn values_are_bound_and_nan_stays() {
        let rows = [
            (f32::INFINITY, f32::INFINITY, 6.0),
            (6.5, 6.5, 6.0),
            (0.5, 0.5, 0.5),
            (-0.5, 0.0, 0.0),
            (f32::NEG_INFINITY, 0.0, 0.0),
        ];
        for (value, bounded, bounded_by_six) in rows {
            let found = (bound_one(value, f32::INFINITY), bound_one(value, 6.0));
            assert_eq!(found, (bounded, bounded_by_six), "{value}");
        }
        assert!(bound_one(f32::NAN, 6.0).is_nan());
        assert!(bound_one(-0.0, 6.0).is_sign_negative());
    }
}
