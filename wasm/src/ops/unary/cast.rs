//! CAST between element types.
//!
//! Upstream: `micro/kernels/cast.cc`, which is C's `static_cast`. A float beyond the target is undefined there: here it goes by
//! way of int64, which saturates, and NaN becomes 0.

use crate::error::{ErrorKind, Result};
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{BOOL, FLOAT32, INT8, INT16, INT32, INT64, Signature, UINT8, UINT32};
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request};
use crate::run::io::Io;

use super::tensors;

/// The same value in another type, or its low bytes.
pub static CAST: Registration = Registration {
    key: OpKey::Builtin(53),
    name: "CAST",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature {
        inputs: &[FLOAT32.or(INT8).or(INT16).or(INT32).or(INT64).or(UINT8).or(UINT32).or(BOOL)],
        outputs: &[FLOAT32.or(INT8).or(INT16).or(INT32).or(INT64).or(UINT8).or(UINT32)],
    }],
    prepare,
};

struct Cast {
    from: TensorType,
    to: TensorType,
}

fn prepare(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, output) = tensors(node)?;
    Ok(Action::run(Cast { from: input.element_type, to: output.element_type }))
}

impl Kernel for Cast {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let inputs = input.chunks_exact(self.from.bits() / 8);
        for (input, output) in inputs.zip(output.chunks_exact_mut(self.to.bits() / 8)) {
            let value = read(self.from, input).ok_or(ErrorKind::EngineInternal)?;
            write(self.to, value, output);
        }
        Ok(Flow::Next)
    }
}

/// A value of any type.
#[derive(Clone, Copy)]
enum Value {
    Integer(i64),
    Float(f32),
}

fn read(from: TensorType, bytes: &[u8]) -> Option<Value> {
    Some(match (from, bytes) {
        (TensorType::Float32, &[a, b, c, d]) => Value::Float(f32::from_le_bytes([a, b, c, d])),
        (TensorType::Int8, &[byte]) => Value::Integer(i64::from(byte as i8)),
        (_, &[byte]) => Value::Integer(i64::from(byte)),
        (_, &[low, high]) => Value::Integer(i64::from(i16::from_le_bytes([low, high]))),
        (TensorType::Uint32, &[a, b, c, d]) => Value::Integer(i64::from(u32::from_le_bytes([a, b, c, d]))),
        (_, &[a, b, c, d]) => Value::Integer(i64::from(i32::from_le_bytes([a, b, c, d]))),
        (_, bytes) => Value::Integer(i64::from_le_bytes(bytes.try_into().ok()?)),
    })
}

fn write(to: TensorType, value: Value, output: &mut [u8]) {
    let bytes = match (to, value) {
        (TensorType::Float32, Value::Float(value)) => u64::from(value.to_bits()).to_le_bytes(),
        (TensorType::Float32, Value::Integer(value)) => u64::from((value as f32).to_bits()).to_le_bytes(),
        (_, Value::Integer(value)) => value.to_le_bytes(),
        (_, Value::Float(value)) => (value as i64).to_le_bytes(),
    };
    for (slot, byte) in output.iter_mut().zip(bytes) {
        *slot = byte;
    }
}
