//! PRELU: float32, int8, int16 (whose slopes are int8).
//!
//! Upstream: `micro/kernels/prelu.cc`, `prelu_common.cc` and `lite/kernels/internal/reference/prelu.h`.

use crate::error::Result;
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, INT16, SAME, Signature};
use crate::ops::{Action, Node, Registration, Request};

use super::{Pair, integers_by, vectors_by};

/// The value, and below zero a part of it that is learnt.
pub static PRELU: Registration = Registration {
    key: OpKey::Builtin(54),
    name: "PRELU",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[
        Signature { inputs: &[FLOAT32.or(INT8), SAME], outputs: &[SAME] },
        Signature { inputs: &[INT16, INT8], outputs: &[INT16] },
    ],
    prepare,
};

fn prepare(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let Pair { one: input, other: slope, output, pairing } = Pair::new(node)?;
    if input.element_type == TensorType::Float32 {
        return Ok(vectors_by(&pairing, output, |value, slope| value.or_below_zero(value.times(slope))));
    }
    let ((scale, from), (slope_scale, slope_from)) = (input.affine()?, slope.affine()?);
    let output_scale = f64::from(output.affine()?.0);
    let identity = Multiplier::new(f64::from(scale) / output_scale)?;
    let leak = Multiplier::new(f64::from(scale) * f64::from(slope_scale) / output_scale)?;
    let stage = OutputStage::new(output, Activation::None)?;
    let types = [input.element_type, slope.element_type, output.element_type];
    Ok(integers_by(pairing, types, move |value, slope| {
        let value = value as i32 - from;
        let scaled = if value >= 0 {
            identity.apply(value)
        } else {
            leak.apply(value.wrapping_mul(slope as i32 - slope_from))
        };
        Ok(i64::from(stage.finish(scaled)))
    }))
}
