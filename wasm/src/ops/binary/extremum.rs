//! MAXIMUM and MINIMUM. As upstream, of integers as they are stored, also where their scales differ.
//!
//! Upstream: `micro/kernels/maximum_minimum.cc` and `lite/kernels/internal/reference/maximum_minimum.h`.

use crate::error::Result;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, INT16, INT32, INT64, SAME, Signature};
use crate::ops::{Action, Node, Registration};

use super::{Pair, floats_by, integers_by};

const TYPES: &[Signature] =
    &[Signature { inputs: &[FLOAT32.or(INT8).or(INT16).or(INT32).or(INT64), SAME], outputs: &[SAME] }];

/// The greater.
pub static MAXIMUM: Registration = Registration {
    key: OpKey::Builtin(55),
    name: "MAXIMUM",
    inputs: 2..=2,
    outputs: 1..=1,
    types: TYPES,
    // NaN is never greater.
    prepare: |node, _| prepare(node, |one, other| if one > other { one } else { other }, i64::max),
};

/// The lesser.
pub static MINIMUM: Registration = Registration {
    key: OpKey::Builtin(57),
    name: "MINIMUM",
    inputs: 2..=2,
    outputs: 1..=1,
    types: TYPES,
    prepare: |node, _| prepare(node, |one, other| if one < other { one } else { other }, i64::min),
};

fn prepare(node: &Node<'_>, floats: fn(f32, f32) -> f32, integers: fn(i64, i64) -> i64) -> Result<Action> {
    let Pair { output, pairing, .. } = Pair::new(node)?;
    if output.element_type == TensorType::Float32 {
        return Ok(floats_by(pairing, floats));
    }
    Ok(integers_by(pairing, [output.element_type; 3], move |one, other| Ok(integers(one, other))))
}
