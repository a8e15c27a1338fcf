//! ADD_N: float32, int8, of any number of inputs with one shape.
//!
//! Upstream: `micro/kernels/add_n.cc` and `lite/kernels/internal/reference/add_n.h`, whose int8 form counts one zero point of the
//! input too many; so does this.

use crate::error::{ErrorKind, Result, ensure};
use crate::limits;
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, SAME, Signature};
use crate::ops::weights::float::{floats, floats_mut};
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request};
use crate::run::io::{Io, Port};

use super::below_one;

/// The sum of all inputs.
pub static ADD_N: Registration = Registration {
    key: OpKey::Builtin(106),
    name: "ADD_N",
    inputs: 2..=limits::OPERATOR_TENSORS,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8), SAME], outputs: &[SAME] }],
    prepare,
};

struct AddFloats {
    inputs: usize,
}

struct AddBytes {
    inputs: usize,
    zero_point: i32,
    input: Multiplier,
    output: Multiplier,
    stage: OutputStage,
}

/// Bits that are kept behind the point while adding.
const LEFT_SHIFT: u32 = 20;

fn prepare(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (first, output) = (node.input(0)?, node.output(0)?);
    let inputs = node.operator.inputs.len();
    for position in 0..inputs {
        let input = node.input(position)?;
        ensure(input.shape == output.shape, ErrorKind::OperatorInvalid)?;
        if first.element_type == TensorType::Int8 {
            ensure(input.affine()? == first.affine()?, ErrorKind::QuantisationInvalid)?;
        }
    }
    if first.element_type == TensorType::Float32 {
        return Ok(Action::run(AddFloats { inputs }));
    }
    let (scale, zero_point) = first.affine()?;
    let twice = 2.0 * f64::from(scale);
    let real = twice / (f64::from(1 << LEFT_SHIFT) * f64::from(output.affine()?.0));
    Ok(Action::run(AddBytes {
        inputs,
        zero_point,
        input: below_one(f64::from(scale) / twice)?,
        output: below_one(real)?,
        stage: OutputStage::new(output, Activation::None)?,
    }))
}

impl Kernel for AddFloats {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        for position in 0..self.inputs {
            let ([input], [output]) = io.cut([Port::Input(position)], [Port::Output(0)])?;
            for (sum, value) in floats_mut(output).iter_mut().zip(floats(input)) {
                let before = if position == 0 { 0.0 } else { f32::from_le_bytes(*sum) };
                *sum = (before + f32::from_le_bytes(*value)).to_le_bytes();
            }
        }
        Ok(Flow::Next)
    }
}

impl Kernel for AddBytes {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let scaled = |value: i32| self.input.apply((value - self.zero_point).wrapping_shl(LEFT_SHIFT));
        let ([], [output]) = io.cut([], [Port::Output(0)])?;
        for at in 0..output.len() {
            let mut sum = scaled(0);
            for position in 0..self.inputs {
                let ([input], []) = io.cut([Port::Input(position)], [])?;
                let byte = input.get(at).ok_or(ErrorKind::EngineInternal)?;
                sum = sum.wrapping_add(scaled(i32::from(*byte as i8)));
            }
            let ([], [output]) = io.cut([], [Port::Output(0)])?;
            *output.get_mut(at).ok_or(ErrorKind::EngineInternal)? = self.stage.finish(self.output.apply(sum)) as u8;
        }
        Ok(Flow::Next)
    }
}
