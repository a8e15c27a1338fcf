//! ADD, int16 and int32.
//!
//! Upstream: `micro/kernels/add.cc`, `add_common.cc`. An int16 goes the general way, also where scales are powers of two
//! (`pot_scale_int16` is not read). Of int32 the activation is ignored, and whatever is quantised is refused.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::quantization::{Activation, OutputStage};
use crate::math::walk::Pairing;
use crate::model::tensor::TensorType;
use crate::ops::binary::{below_one, integers_by};
use crate::ops::{Action, Node};

/// Bits that are kept behind the point while adding.
const LEFT_SHIFT: u32 = 15;

/// Rescales, adds, and rescales.
pub fn prepare_int16(node: &Node<'_>, pairing: Pairing, activation: Activation) -> Result<Action> {
    let (one, other, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let ((one_scale, from), (other_scale, other_from)) = (one.affine()?, other.affine()?);
    let twice = 2.0 * f64::from(one_scale.max(other_scale));
    let factors = (below_one(f64::from(one_scale) / twice)?, below_one(f64::from(other_scale) / twice)?);
    let real = twice / (f64::from(1 << LEFT_SHIFT) * f64::from(output.affine()?.0));
    let (multiplier, stage) = (below_one(real)?, OutputStage::new(output, activation)?);
    Ok(integers_by(pairing, [TensorType::Int16; 3], move |one, other| {
        let one = factors.0.apply((one as i32 - from).wrapping_shl(LEFT_SHIFT));
        let other = factors.1.apply((other as i32 - other_from).wrapping_shl(LEFT_SHIFT));
        Ok(i64::from(stage.finish(multiplier.apply(one.wrapping_add(other)))))
    }))
}

/// Wraps where it overflows.
pub fn prepare_int32(node: &Node<'_>, pairing: Pairing) -> Result<Action> {
    let plain = [node.input(0)?, node.input(1)?].iter().all(|tensor| tensor.quantization.is_none());
    ensure(plain, ErrorKind::QuantisationInvalid)?;
    Ok(integers_by(pairing, [TensorType::Int32; 3], |one, other| {
        Ok(i64::from((one as i32).wrapping_add(other as i32)))
    }))
}
