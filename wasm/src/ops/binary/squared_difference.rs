//! SQUARED_DIFFERENCE: float32, int8, int16, int32.
//!
//! Upstream: `micro/kernels/squared_difference.cc`.

use crate::error::Result;
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, INT16, INT32, SAME, Signature};
use crate::ops::{Action, Node, Registration, Request};

use super::{Pair, below_one, integers_by, vectors_by};

/// The square of the difference.
pub static SQUARED_DIFFERENCE: Registration = Registration {
    key: OpKey::Builtin(99),
    name: "SQUARED_DIFFERENCE",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8).or(INT16).or(INT32), SAME], outputs: &[SAME] }],
    prepare,
};

fn prepare(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let Pair { one, other, output, pairing } = Pair::new(node)?;
    match output.element_type {
        TensorType::Float32 => Ok(vectors_by(&pairing, output, |one, other| {
            let difference = one.minus(other);
            difference.times(difference)
        })),
        TensorType::Int32 => Ok(integers_by(pairing, [TensorType::Int32; 3], |one, other| {
            let difference = (one as i32).wrapping_sub(other as i32);
            Ok(i64::from(difference.wrapping_mul(difference)))
        })),
        element_type => {
            let left = if element_type == TensorType::Int8 { 7 } else { 0 };
            let ((one_scale, from), (other_scale, other_from)) = (one.affine()?, other.affine()?);
            let twice = 2.0 * f64::from(one_scale.max(other_scale));
            let factors = (below_one(f64::from(one_scale) / twice)?, below_one(f64::from(other_scale) / twice)?);
            // The divisor in float32, as upstream.
            let divisor = (1i32 << (2 * left)) as f32 * output.affine()?.0;
            let multiplier = Multiplier::new(twice * twice / f64::from(divisor))?;
            let stage = OutputStage::new(output, Activation::None)?;
            Ok(integers_by(pairing, [element_type; 3], move |one, other| {
                let one = factors.0.apply((one as i32 - from) << left);
                let other = factors.1.apply((other as i32 - other_from) << left);
                let difference = one.wrapping_sub(other);
                Ok(i64::from(stage.finish(multiplier.apply(difference.wrapping_mul(difference)))))
            }))
        }
    }
}
