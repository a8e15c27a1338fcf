//! ABS: float32, int8, int16.
//!
//! Upstream: `micro/kernels/elementwise.cc` (`AbsEval`, `AbsEvalQuantized`).

use crate::error::{ErrorKind, Result, ensure};
use crate::math::quantization::Multiplier;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, INT16, SAME, Signature};
use crate::ops::{Action, Node, Registration, Request};

use super::{floats_by, integers_by, shorts_by, tensors};

/// The magnitude.
pub static ABS: Registration = Registration {
    key: OpKey::Builtin(101),
    name: "ABS",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8).or(INT16)], outputs: &[SAME] }],
    prepare,
};

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, output) = tensors(node)?;
    if input.element_type == TensorType::Float32 {
        return Ok(floats_by(f32::abs));
    }
    if input.element_type == TensorType::Int16 && input.quantization.is_none() {
        return Ok(shorts_by(i32::abs));
    }
    let ((scale, from), (output_scale, to)) = (input.affine()?, output.affine()?);
    let (low, high) = input.element_type.range().ok_or(ErrorKind::TypeUnsupported)?;
    if input.element_type == TensorType::Int16 {
        ensure(from == 0 && to == 0, ErrorKind::QuantisationInvalid)?;
    }
    // Upstream divides in float32.
    let multiplier = Multiplier::new(f64::from(scale / output_scale))?;
    let rescales = scale != output_scale;
    Ok(integers_by(input, request, move |value| {
        let magnitude = (value - from).abs();
        let scaled = if rescales { multiplier.apply(magnitude) } else { magnitude };
        scaled.saturating_add(to).clamp(low, high)
    }))
}
