//! CAST between element types.
//!
//! Upstream: `micro/kernels/cast.cc`, which is C's `static_cast`. A float beyond the target is undefined there: here it goes by
//! way of int64, which saturates, and NaN becomes 0.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::integer;
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
    // What is shifted is no longer the number that it was.
    ensure(!input.unsigned && !output.unsigned, ErrorKind::FeatureUnsupported)?;
    Ok(Action::run(Cast { from: input.element_type, to: output.element_type }))
}

impl Kernel for Cast {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let outputs = output.chunks_exact_mut(self.to.bits() / 8);
        for (input, output) in input.chunks_exact(self.from.bits() / 8).zip(outputs) {
            match (self.from, self.to) {
                (TensorType::Float32, TensorType::Float32) => output.copy_from_slice(input),
                (TensorType::Float32, _) => {
                    let value: [u8; 4] = input.try_into().map_err(|_| ErrorKind::EngineInternal)?;
                    integer::write(f32::from_le_bytes(value) as i64, output);
                }
                (from, TensorType::Float32) => output.copy_from_slice(&(integer::read(from, input) as f32).to_le_bytes()),
                (from, _) => integer::write(integer::read(from, input), output),
            }
        }
        Ok(Flow::Next)
    }
}
