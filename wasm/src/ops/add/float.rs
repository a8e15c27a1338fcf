//! ADD, float32.
//!
//! Upstream: `micro/kernels/add.cc` and `lite/kernels/internal/reference/add.h`.

use crate::error::Result;
use crate::math::quantization::Activation;
use crate::math::walk::Pairing;
use crate::ops::weights::float::{Bounds, floats, floats_mut};
use crate::ops::{Action, Flow, Kernel};
use crate::run::io::Io;

struct Add {
    pairing: Pairing,
    bounds: Bounds,
}

/// Has nothing to check.
pub fn prepare(pairing: Pairing, activation: Activation) -> Result<Action> {
    Ok(Action::run(Add { pairing, bounds: Bounds::new(activation) }))
}

impl Kernel for Add {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (one, other, output) = io.two()?;
        self.pairing.map((floats(one), floats(other)), floats_mut(output), |one, other| {
            let sum = f32::from_le_bytes(one) + f32::from_le_bytes(other);
            self.bounds.clamp(sum).to_le_bytes()
        })?;
        Ok(Flow::Next)
    }
}
