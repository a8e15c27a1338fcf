//! GELU: float32, int8.
//!
//! Upstream has none; as TensorFlow Lite's `kernels/internal/reference/gelu.h`, which fills a table for int8.

use crate::error::Result;
use crate::file::flatbuffer::Table;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, SAME, Signature};
use crate::ops::{Action, Node, Options, Registration, Request};

use super::{bytes_by_real, floats_by, tensors};

/// The value times the chance that a normal variable is less.
pub static GELU: Registration = Registration {
    key: OpKey::Builtin(150),
    name: "GELU",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8)], outputs: &[SAME] }],
    prepare,
};

/// Whether a tangent stands for the integral.
struct Approximate(bool);

impl Options for Approximate {
    const MEMBER: u8 = 116;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self(table.scalar::<u8>(0, 0)? != 0))
    }
}

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, _) = tensors(node)?;
    let Approximate(approximate) = node.options()?;
    let function = if approximate { tangent } else { exact };
    // A series of some tens of terms.
    request.comparisons(input.shape.elements() as u64 * 64);
    if input.element_type == TensorType::Float32 {
        return Ok(floats_by(function));
    }
    bytes_by_real(node, request, function)
}

fn exact(x: f32) -> f32 {
    (0.5 * f64::from(x) * complement(-f64::from(x) * core::f64::consts::FRAC_1_SQRT_2)) as f32
}

fn tangent(x: f32) -> f32 {
    let slope = core::f32::consts::FRAC_2_SQRT_PI * core::f32::consts::FRAC_1_SQRT_2;
    0.5 * x * (1.0 + (slope * (x + 0.044_715 * x * x * x)).tanh())
}

/// The complementary error function: its power series near 0, its continued fraction farther away.
fn complement(x: f64) -> f64 {
    let square = x * x;
    if square < 9.0 {
        let (mut power, mut sum) = (x, 0.0);
        for n in 0..60 {
            sum += power / f64::from(2 * n + 1);
            power *= -square / f64::from(n + 1);
        }
        return 1.0 - core::f64::consts::FRAC_2_SQRT_PI * sum;
    }
    // From the far end of the fraction.
    let distance = x.abs();
    let fraction = (1..50).rev().fold(distance, |below, n| distance + 0.5 * f64::from(n) / below);
    let tail = (-square).exp() / (fraction * core::f64::consts::PI.sqrt());
    let value = if x < 0.0 { 2.0 - tail } else { tail };
    if x.is_nan() { x } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_is_that_of_the_tables() {
        let rows = [(0.0, 1.0), (0.5, 0.479_500_122_186_953_5), (1.0, 0.157_299_207_050_285_13), (2.9, 4.109_787_809_946_0e-5),
            (3.1, 1.164_865_736_710e-5), (-1.0, 1.842_700_792_949_715), (-5.0, 1.999_999_999_998_462_6)];
        for (x, expected) in rows {
            assert!((complement(x) - expected).abs() < 1e-12, "{x}: {} {expected}", complement(x));
        }
        assert!(complement(f64::NAN).is_nan());
        assert_eq!((exact(f32::INFINITY), exact(-40.0)), (f32::INFINITY, 0.0));
    }
}
