//! ZEROS_LIKE.
//!
//! Upstream: `micro/kernels/zeros_like.cc`.

use crate::error::Result;
use crate::model::OpKey;
use crate::ops::signature::{FLOAT32, INT8, INT32, INT64, SAME, Signature};
use crate::ops::{Action, Flow, Kernel, Registration};
use crate::run::io::{Io, Port};

use super::tensors;

/// Zeros: bytes of 0, also where the zero point is another.
pub static ZEROS_LIKE: Registration = Registration {
    key: OpKey::Builtin(93),
    name: "ZEROS_LIKE",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8).or(INT32).or(INT64)], outputs: &[SAME] }],
    prepare: |node, _| {
        tensors(node)?;
        Ok(Action::run(Zeros))
    },
};

struct Zeros;

impl Kernel for Zeros {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([], [output]) = io.cut([], [Port::Output(0)])?;
        output.fill(0);
        Ok(Flow::Next)
    }
}
