//! RSQRT: float32, int8.
//!
//! Upstream: `micro/kernels/elementwise.cc` (`RsqrtEval`, `RsqrtEvalQuantized`).

use crate::error::{ErrorKind, Result, ensure};
use crate::math::fixed::inverse_sqrt;
use crate::math::quantization::Multiplier;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, SAME, Signature};
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request};
use crate::run::io::Io;

use super::{floats_by, tensors};

/// One by the square root.
pub static RSQRT: Registration = Registration {
    key: OpKey::Builtin(76),
    name: "RSQRT",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8)], outputs: &[SAME] }],
    prepare,
};

/// Bits that are kept behind the point between the two factors.
const LEFT_SHIFT: i32 = 20;

/// The outputs by byte, and the least input that has one.
struct Rsqrt {
    table: Box<[u8; 256]>,
    least: i32,
}

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, output) = tensors(node)?;
    if input.element_type == TensorType::Float32 {
        return Ok(floats_by(|value| 1.0 / value.sqrt()));
    }
    let ((scale, from), (output_scale, to)) = (input.affine()?, output.affine()?);
    let factor = Multiplier::new(1.0 / f64::from(scale.sqrt() * output_scale))?;
    let factor = Multiplier { shift: factor.shift - LEFT_SHIFT, ..factor };
    ensure((-31..=30).contains(&factor.shift), ErrorKind::QuantisationInvalid)?;
    let mut table = Box::new([0; 256]);
    for (byte, slot) in (0u8..=255).zip(table.iter_mut()) {
        let value = i32::from(byte as i8) - from;
        let root = match value {
            ..=0 => 127,
            _ => {
                let (multiplier, shift) = inverse_sqrt(value);
                let root = Multiplier { multiplier, shift: shift + LEFT_SHIFT }.apply(1);
                factor.apply(root).saturating_add(to).clamp(-128, 127)
            }
        };
        *slot = root as u8;
    }
    request.packed(256);
    Ok(Action::run(Rsqrt { table, least: from }))
}

impl Kernel for Rsqrt {
    /// Refuses a negative number, as upstream.
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        for (output, input) in output.iter_mut().zip(input) {
            ensure(i32::from(*input as i8) >= self.least, ErrorKind::OperatorInvalid)?;
            *output = self.table[usize::from(*input)];
        }
        Ok(Flow::Next)
    }
}
