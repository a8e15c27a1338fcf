//! LEAKY_RELU: float32, int8, int16.
//!
//! Upstream: `micro/kernels/leaky_relu_common.cc` and `lite/kernels/internal/reference/leaky_relu.h`.

use crate::error::{ErrorKind, Result};
use crate::file::flatbuffer::Table;
use crate::math::quantization::Multiplier;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, INT16, SAME, Signature};
use crate::ops::{Action, Node, Options, Registration, Request};

use super::{Floats, integers_by, tensors};

/// The value, and below zero a part of it.
pub static LEAKY_RELU: Registration = Registration {
    key: OpKey::Builtin(98),
    name: "LEAKY_RELU",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8).or(INT16)], outputs: &[SAME] }],
    prepare,
};

struct LeakyReluOptions {
    alpha: f32,
}

impl Options for LeakyReluOptions {
    const MEMBER: u8 = 75;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self { alpha: table.scalar(0, 0.0)? })
    }
}

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, output) = tensors(node)?;
    let LeakyReluOptions { alpha } = node.options()?;
    if input.element_type == TensorType::Float32 {
        return Ok(Action::run(Floats(move |value: f32| if value > 0.0 { value } else { value * alpha })));
    }
    let ((scale, from), (output_scale, to)) = (input.affine()?, output.affine()?);
    let (low, high) = input.element_type.range().ok_or(ErrorKind::TypeUnsupported)?;
    // Upstream computes both factors in float32.
    let identity = Multiplier::new(f64::from(scale / output_scale))?;
    let leak = signed(f64::from(scale * alpha / output_scale))?;
    Ok(integers_by(input, request, move |value| {
        let value = value - from;
        let factor = if value >= 0 { identity } else { leak };
        factor.apply(value).saturating_add(to).clamp(low, high)
    }))
}

/// A factor that may be negative.
fn signed(real: f64) -> Result<Multiplier> {
    let Multiplier { multiplier, shift } = Multiplier::new(real.abs())?;
    Ok(Multiplier { multiplier: if real < 0.0 { -multiplier } else { multiplier }, shift })
}
