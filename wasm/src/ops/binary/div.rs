//! DIV: float32, int8, int32.
//!
//! Upstream: `micro/kernels/div.cc` and `lite/kernels/internal/reference/div.h`. A divisor of zero ends the inference; the quotient
//! of zero, which upstream shifts too far, is zero.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::fixed::reciprocal;
use crate::math::quantization::{Multiplier, OutputStage};
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, INT32, SAME, Signature};
use crate::ops::weights::float::Bounds;
use crate::ops::{Action, Node, Registration, Request};

use super::{Fused, Pair, int32_range, integers_by, vectors_by};

/// The quotient.
pub static DIV: Registration = Registration {
    key: OpKey::Builtin(42),
    name: "DIV",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8).or(INT32), SAME], outputs: &[SAME] }],
    prepare,
};

fn prepare(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let Pair { one, other, output, pairing } = Pair::new(node)?;
    let Fused::<29>(activation) = node.options()?;
    match output.element_type {
        TensorType::Float32 => {
            let bounds = Bounds::new(activation);
            Ok(vectors_by(&pairing, output, move |one, other| bounds.clamp_all(one.over(other))))
        }
        TensorType::Int32 => {
            let plain = [one, other].iter().all(|tensor| tensor.quantization.is_none());
            ensure(plain, ErrorKind::QuantisationInvalid)?;
            let (low, high) = int32_range(activation);
            Ok(integers_by(pairing, [TensorType::Int32; 3], move |one, other| {
                let quotient = (one as i32).checked_div(other as i32).ok_or(ErrorKind::OperatorInvalid)?;
                Ok(i64::from(quotient).clamp(low, high))
            }))
        }
        element_type => {
            let ((one_scale, from), (other_scale, other_from)) = (one.affine()?, other.affine()?);
            // In float32, as upstream.
            let real = one_scale / (other_scale * output.affine()?.0);
            let quotient = Quotient {
                multiplier: Multiplier::new(f64::from(real))?,
                stage: OutputStage::new(output, activation)?,
            };
            Ok(integers_by(pairing, [element_type; 3], move |one, other| {
                quotient.of(one as i32 - from, other as i32 - other_from).map(i64::from)
            }))
        }
    }
}

/// Of int8 without their zero points.
struct Quotient {
    multiplier: Multiplier,
    stage: OutputStage,
}

impl Quotient {
    fn of(&self, dividend: i32, divisor: i32) -> Result<i32> {
        ensure(divisor != 0, ErrorKind::OperatorInvalid)?;
        if dividend == 0 {
            return Ok(self.stage.finish(0));
        }
        let (dividend, divisor) = if divisor < 0 { (-dividend, -divisor) } else { (dividend, divisor) };
        let (inverse, inverse_shift) = reciprocal(divisor, 31);
        let sign_bits = if dividend < 0 { !dividend } else { dividend };
        let headroom = sign_bits.leading_zeros() as i32 - 1;
        let quotient = Multiplier { multiplier: inverse, shift: headroom }.apply(dividend);
        let shift = self.multiplier.shift - inverse_shift - headroom;
        let scaled = if shift < -31 { 0 } else { Multiplier { shift: shift.min(30), ..self.multiplier }.apply(quotient) };
        Ok(self.stage.finish(scaled))
    }
}
