//! TANH: float32, int8, int16.
//!
//! Upstream: `micro/kernels/tanh.cc`, `lite/kernels/internal/reference/integer_ops/tanh.h`.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::fixed::tanh;
use crate::math::quantization::divide_by_power_of_two;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, INT16, SAME, Signature};
use crate::ops::{Action, Node, Registration, Request};

use super::logistic::{Curve, Place, Rescale, interpolate, sigmoid_table};
use super::{bytes_by, bytes_by_real, floats_by, shorts_by, tensors};

/// The hyperbolic tangent.
pub static TANH: Registration = Registration {
    key: OpKey::Builtin(28),
    name: "TANH",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8).or(INT16)], outputs: &[SAME] }],
    prepare,
};

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, output) = tensors(node)?;
    match input.element_type {
        TensorType::Float32 => Ok(floats_by(f32::tanh)),
        TensorType::Int16 => {
            let rescale = Rescale::new(input, output, 1)?;
            let table = sigmoid_table();
            request.packed(512);
            Ok(shorts_by(move |value| bend(&table, rescale.place(value))))
        }
        // As TensorFlow Lite; upstream has no uint8.
        _ if input.unsigned => bytes_by_real(node, request, f32::tanh),
        _ => {
            // As upstream, the scale is taken for 1/128, whatever it is.
            ensure(output.affine()?.1 == 0, ErrorKind::QuantisationInvalid)?;
            let curve = Curve::new(input)?;
            Ok(bytes_by(request, |value| match curve.place(value) {
                Place::Below => -128,
                Place::Above => 127,
                Place::Within(x) => divide_by_power_of_two(tanh(x), 24).clamp(-128, 127),
            }))
        }
    }
}

/// 2 sigmoid(2x) - 1, rounded.
#[inline(always)]
pub fn bend(table: &[u16; 256], place: i32) -> i32 {
    const ONE: i32 = 1 << 23;
    const HALF_STEP: i32 = 1 << 7;
    let sigmoid = interpolate(table, place.unsigned_abs(), 8).unwrap_or(0xffff << 8) as i32;
    let result = if place >= 0 { sigmoid - ONE + HALF_STEP } else { ONE - sigmoid + HALF_STEP - 1 };
    result >> 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn int16_before_its_saturation_goes_towards_the_last_sample() {
        let table = sigmoid_table();
        assert_eq!(table[253..], [65534, 65534, 65535]);
        assert_eq!([-65159, 65159].map(|place| bend(&table, place)), [-32767, 32767]);
    }
}
