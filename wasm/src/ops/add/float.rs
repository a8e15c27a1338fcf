//! ADD, float32.
//!
//! Upstream: `micro/kernels/add.cc` and `lite/kernels/internal/reference/add.h`.

use crate::math::quantization::Activation;
use crate::math::walk::Pairing;
use crate::model::tensor::Tensor;
use crate::ops::Action;
use crate::ops::binary::vectors_by;
use crate::ops::weights::float::Bounds;

/// Has nothing to check.
pub fn prepare(output: &Tensor, pairing: &Pairing, activation: Activation) -> Action {
    let bounds = Bounds::new(activation);
    vectors_by(pairing, output, move |one, other| bounds.clamp_all(one.plus(other)))
}
