//! What float32 operators share.
//!
//! Every output is summed as upstream's loops sum it, one product after the other, with the bias last
//! and without fused multiply-add: results equal those of upstream built the same way, however many
//! channels are computed side by side.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::quantization::Activation;
use crate::model::tensor::{Quantization, Shape, Tensor, TensorType};
use crate::ops::weights::int8;
use crate::ops::{Node, allocate, expect_type};
use crate::simd::vector::F32x4;

/// Output channels computed together: as many sums as hide the latency of an addition, and two
/// vectors of a SIMD kernel.
pub const LANES: usize = 8;

/// A float as it lies in the arena. Reading and writing one is a plain load or store.
pub type Float = [u8; 4];

/// The floats of a tensor.
#[inline(always)]
pub fn floats(bytes: &[u8]) -> &[Float] {
    bytes.as_chunks().0
}

/// The floats of a tensor, to be written.
#[inline(always)]
pub fn floats_mut(bytes: &mut [u8]) -> &mut [Float] {
    bytes.as_chunks_mut().0
}

/// The sum of the products of neighbours, one after the other.
#[inline]
pub fn dot(inputs: &[Float], weights: &[f32]) -> f32 {
    inputs.iter().zip(weights).fold(0.0, |sum, (input, weight)| sum + f32::from_le_bytes(*input) * weight)
}

/// Adds the products of consecutive inputs with eight channels' weights.
#[inline(always)]
pub fn accumulate(sums: &mut [f32; LANES], inputs: &[Float], weights: &[[f32; LANES]]) {
    for (input, weights) in inputs.iter().zip(weights) {
        let input = f32::from_le_bytes(*input);
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum += input * weight;
        }
    }
}

/// Adds the bias and writes as many channels as `outputs` has.
#[inline(always)]
pub fn store(outputs: &mut [Float], sums: &[f32; LANES], bias: &[f32], bounds: Bounds) {
    for ((output, sum), bias) in outputs.iter_mut().zip(sums).zip(bias) {
        *output = bounds.clamp(sum + bias).to_le_bytes();
    }
}

/// What a fused activation leaves of a float (upstream: `CalculateActivationRange`).
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    low: f32,
    high: f32,
}

impl Bounds {
    /// For this activation. Without one infinities become the greatest finite floats, as upstream.
    pub fn new(activation: Activation) -> Self {
        let (low, high) = match activation {
            Activation::None => (f32::MIN, f32::MAX),
            Activation::Relu => (0.0, f32::MAX),
            Activation::ReluN1To1 => (-1.0, 1.0),
            Activation::Relu6 => (0.0, 6.0),
        };
        Self { low, high }
    }

    /// Everything is left, infinities too.
    pub const NONE: Self = Self { low: f32::NEG_INFINITY, high: f32::INFINITY };

    /// Upstream's `ActivationFunctionWithMinMax`: NaN stays NaN.
    #[inline(always)]
    pub fn clamp(self, value: f32) -> f32 {
        let value = if value < self.low { self.low } else { value };
        if self.high < value { self.high } else { value }
    }

    /// The same of four.
    #[inline(always)]
    pub fn clamp_all(self, values: F32x4) -> F32x4 {
        values.at_least(F32x4::splat(self.low)).at_most(F32x4::splat(self.high))
    }
}

/// The greater of the two, where NaN is never greater: C++'s `std::max(greatest, value)`.
#[inline(always)]
pub fn greater(greatest: f32, value: f32) -> f32 {
    if greatest < value { value } else { greatest }
}

/// The weights of an operator.
///
/// Integer weights of hybrid models are multiplied out. Upstream refuses such models, and TensorFlow
/// Lite rounds their activations to int8 for each run; floats all the way are nearer to what was
/// trained.
pub fn weights(node: &Node<'_>, tensor: &Tensor) -> Result<Vec<f32>> {
    if tensor.element_type == TensorType::Float32 {
        return constant(node, tensor);
    }
    let quantization = tensor.quantization.as_ref().ok_or(ErrorKind::QuantisationInvalid)?;
    multiply_out(&int8::weights(node, tensor)?, &tensor.shape, quantization)
}

fn multiply_out(integers: &[i8], shape: &Shape, quantization: &Quantization) -> Result<Vec<f32>> {
    ensure(quantization.zero_points.is_empty(), ErrorKind::QuantisationInvalid)?;
    let inner = shape.dimensions().iter().skip(quantization.dimension + 1);
    // So many neighbours have one scale.
    let run = if quantization.scales.len() > 1 { inner.product() } else { shape.elements() };
    let mut weights = allocate(integers.len(), 0.0)?;
    let runs = weights.chunks_mut(run).zip(integers.chunks(run));
    for ((weights, integers), scale) in runs.zip(quantization.scales.iter().cycle()) {
        for (weight, integer) in weights.iter_mut().zip(integers) {
            *weight = scale * (i32::from(*integer) - quantization.zero_point) as f32;
        }
    }
    Ok(weights)
}

/// The bias of an operator, one per output channel; zeros where it has none.
pub fn bias(node: &Node<'_>, position: usize, channels: usize) -> Result<Vec<f32>> {
    match node.optional_input(position)? {
        Some(tensor) => {
            ensure(tensor.shape.elements() == channels, ErrorKind::OperatorInvalid)?;
            constant(node, tensor)
        }
        None => allocate(channels, 0.0),
    }
}

fn constant(node: &Node<'_>, tensor: &Tensor) -> Result<Vec<f32>> {
    expect_type(tensor, TensorType::Float32)?;
    let bytes = floats(node.constant(tensor)?);
    let mut values = allocate(bytes.len(), 0.0)?;
    for (value, bytes) in values.iter_mut().zip(bytes) {
        *value = f32::from_le_bytes(*bytes);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_weights_are_multiplied_out_along_the_quantised_dimension() {
        let rows: [(&[f32], usize, [f32; 8]); 4] = [
            (&[0.5], 0, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]),
            (&[1.0, 2.0], 0, [0.0, 1.0, 2.0, 3.0, 8.0, 10.0, 12.0, 14.0]),
            (&[1.0, 2.0], 1, [0.0, 1.0, 4.0, 6.0, 4.0, 5.0, 12.0, 14.0]),
            (&[1.0, 2.0], 2, [0.0, 2.0, 2.0, 6.0, 4.0, 10.0, 6.0, 14.0]),
        ];
        for (scales, dimension, expected) in rows {
            let quantization = Quantization {
                scales: scales.to_vec(),
                zero_point: 0,
                zero_points: Vec::new(),
                dimension,
            };
            let shape = Shape::new(&[2, 2, 2]).unwrap();
            let weights = multiply_out(&[0, 1, 2, 3, 4, 5, 6, 7], &shape, &quantization).unwrap();
            assert_eq!(weights, expected, "{scales:?} along {dimension}");
        }
    }

    #[test]
    fn activations_leave_nan_and_bound_everything_else() {
        let rows = [
            (Activation::None, f32::MIN, f32::MAX),
            (Activation::Relu, 0.0, f32::MAX),
            (Activation::ReluN1To1, -1.0, 1.0),
            (Activation::Relu6, 0.0, 6.0),
        ];
        for (activation, low, high) in rows {
            let bounds = Bounds::new(activation);
            assert_eq!(bounds.clamp(f32::NEG_INFINITY), low);
            assert_eq!(bounds.clamp(f32::INFINITY), high);
            assert_eq!(bounds.clamp(0.5), 0.5);
            assert!(bounds.clamp(-0.0).is_sign_negative(), "{activation:?}");
            assert!(bounds.clamp(f32::NAN).is_nan());
        }
    }
}
