//! MUL, SUB, FLOOR_DIV, FLOOR_MOD, LOGICAL_AND, LOGICAL_OR.
//!
//! Upstream: `micro/kernels/mul_common.cc`, `sub_common.cc`, `floor_div.cc`, `floor_mod.cc`, `logical_common.cc`, and
//! `lite/kernels/internal/reference/{mul,sub}.h`, `integer_ops/mul.h`.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::quantization::{Multiplier, OutputStage};
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::add::int8::table;
use crate::ops::add::simd::Exact;
use crate::ops::signature::{BOOL, FLOAT32, INT8, INT16, INT32, SAME, Signature};
use crate::ops::weights::float::Bounds;
use crate::ops::{Action, Node, Registration, Request};

use super::{Fused, Pair, below_one, floats_by, int32_range, integers_by, quotients_by, vectors_by};

const NUMBERS: &[Signature] =
    &[Signature { inputs: &[FLOAT32.or(INT8).or(INT16).or(INT32), SAME], outputs: &[SAME] }];
const FLOATS: &[Signature] = &[Signature { inputs: &[FLOAT32], outputs: &[FLOAT32] }];
const TRUTHS: &[Signature] = &[Signature { inputs: &[BOOL], outputs: &[BOOL] }];

/// The product.
pub static MUL: Registration = Registration {
    key: OpKey::Builtin(18),
    name: "MUL",
    inputs: 2..=2,
    outputs: 1..=1,
    types: NUMBERS,
    prepare: prepare_mul,
};

/// The difference.
pub static SUB: Registration = Registration {
    key: OpKey::Builtin(41),
    name: "SUB",
    inputs: 2..=2,
    outputs: 1..=1,
    types: NUMBERS,
    prepare: prepare_sub,
};

/// The greatest integer that is not greater than the quotient. A divisor of zero ends the inference.
pub static FLOOR_DIV: Registration = Registration {
    key: OpKey::Builtin(90),
    name: "FLOOR_DIV",
    inputs: 2..=2,
    outputs: 1..=1,
    types: FLOATS,
    prepare: |node, _| Ok(quotients_by(Pair::new(node)?.pairing, floor_of_quotient)),
};

/// In double precision, as upstream: 24.9 / 0.1 is just below 249.
fn floor_of_quotient(one: f32, other: f32) -> f32 {
    (f64::from(one) / f64::from(other)).floor() as f32
}

/// What is left by it: of the sign of the divisor.
pub static FLOOR_MOD: Registration = Registration {
    key: OpKey::Builtin(95),
    name: "FLOOR_MOD",
    inputs: 2..=2,
    outputs: 1..=1,
    types: FLOATS,
    prepare: |node, _| {
        Ok(floats_by(Pair::new(node)?.pairing, |one, other| {
            let rest = one % other;
            if rest != 0.0 && (rest < 0.0) != (other < 0.0) { rest + other } else { rest }
        }))
    },
};

/// The power. Upstream has none; as TensorFlow Lite's `kernels/pow.cc`, which refuses negative exponents of integers.
pub static POW: Registration = Registration {
    key: OpKey::Builtin(78),
    name: "POW",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT32), SAME], outputs: &[SAME] }],
    prepare: |node, _| {
        let Pair { output, pairing, .. } = Pair::new(node)?;
        if output.element_type == TensorType::Float32 {
            return Ok(floats_by(pairing, f32::powf));
        }
        Ok(integers_by(pairing, [TensorType::Int32; 3], |one, other| {
            let exponent = u32::try_from(other).map_err(|_| ErrorKind::OperatorInvalid)?;
            Ok(i64::from((one as i32).wrapping_pow(exponent)))
        }))
    },
};

/// Whether both are true.
pub static LOGICAL_AND: Registration = Registration {
    key: OpKey::Builtin(86),
    name: "LOGICAL_AND",
    inputs: 2..=2,
    outputs: 1..=1,
    types: TRUTHS,
    prepare: |node, _| logical(node, |one, other| one && other),
};

/// Whether one is true.
pub static LOGICAL_OR: Registration = Registration {
    key: OpKey::Builtin(84),
    name: "LOGICAL_OR",
    inputs: 2..=2,
    outputs: 1..=1,
    types: TRUTHS,
    prepare: |node, _| logical(node, |one, other| one || other),
};

fn logical(node: &Node<'_>, compute: fn(bool, bool) -> bool) -> Result<Action> {
    let pairing = Pair::new(node)?.pairing;
    Ok(integers_by(pairing, [TensorType::Bool; 3], move |one, other| {
        Ok(i64::from(compute(one != 0, other != 0)))
    }))
}

fn prepare_mul(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let Pair { one, other, output, pairing } = Pair::new(node)?;
    let Fused::<21>(activation) = node.options()?;
    match output.element_type {
        TensorType::Float32 => {
            let bounds = Bounds::new(activation);
            Ok(vectors_by(&pairing, output, move |one, other| bounds.clamp_all(one.times(other))))
        }
        TensorType::Int32 => {
            let (low, high) = int32_range(activation);
            Ok(integers_by(pairing, [TensorType::Int32; 3], move |one, other| {
                Ok(i64::from((one as i32).wrapping_mul(other as i32)).clamp(low, high))
            }))
        }
        element_type => {
            let ((one_scale, from), (other_scale, other_from)) = (one.affine()?, other.affine()?);
            let real = f64::from(one_scale) * f64::from(other_scale) / f64::from(output.affine()?.0);
            let (multiplier, stage) = (Multiplier::new(real)?, OutputStage::new(output, activation)?);
            Ok(integers_by(pairing, [element_type; 3], move |one, other| {
                let product = (one as i32 - from).wrapping_mul(other as i32 - other_from);
                Ok(i64::from(stage.finish(multiplier.apply(product))))
            }))
        }
    }
}

fn prepare_sub(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let Pair { one, other, output, pairing } = Pair::new(node)?;
    let Fused::<28>(activation) = node.options()?;
    match output.element_type {
        TensorType::Float32 => {
            let bounds = Bounds::new(activation);
            Ok(vectors_by(&pairing, output, move |one, other| bounds.clamp_all(one.minus(other))))
        }
        TensorType::Int32 => {
            let plain = [one, other, output].iter().all(|tensor| tensor.quantization.is_none());
            ensure(plain, ErrorKind::QuantisationInvalid)?;
            let (low, high) = int32_range(activation);
            Ok(integers_by(pairing, [TensorType::Int32; 3], move |one, other| {
                Ok(i64::from((one as i32).wrapping_sub(other as i32)).clamp(low, high))
            }))
        }
        element_type => {
            let left = if element_type == TensorType::Int8 { 20 } else { 15 };
            let ((one_scale, from), (other_scale, other_from)) = (one.affine()?, other.affine()?);
            // All three factors in float32, as upstream.
            let twice = 2.0 * one_scale.max(other_scale);
            let factors = (below_one(f64::from(one_scale / twice))?, below_one(f64::from(other_scale / twice))?);
            let real = twice / ((1i32 << left) as f32 * output.affine()?.0);
            let (multiplier, stage) = (below_one(f64::from(real))?, OutputStage::new(output, activation)?);
            if element_type == TensorType::Int8 {
                let tables = [table(factors.0, from), table(factors.1, other_from)];
                let exact = Exact { tables: [&tables[0], &tables[1]], is_difference: true, multiplier, stage };
                let scales = [one_scale, other_scale, output.affine()?.0];
                if let Some(fast) = exact.fast(request, &pairing, output.shape.elements(), scales) {
                    return Ok(fast);
                }
            }
            Ok(integers_by(pairing, [element_type; 3], move |one, other| {
                let one = factors.0.apply((one as i32 - from).wrapping_shl(left));
                let other = factors.1.apply((other as i32 - other_from).wrapping_shl(left));
                Ok(i64::from(stage.finish(multiplier.apply(one.wrapping_sub(other)))))
            }))
        }
    }
}
