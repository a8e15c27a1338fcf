//! SOFTMAX, int16.
//!
//! Upstream: `micro/kernels/softmax_common.cc`, `lite/kernels/internal/reference/softmax.h` (`SoftmaxInt16`) and the tables of
//! `lite/kernels/internal/common.h` (`LUTPopulate`), which are made in float32.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::integer::Element;
use crate::math::quantization::Multiplier;
use crate::ops::softmax::float::exponential;
use crate::ops::{Action, Flow, Kernel, Node, Request};
use crate::run::io::Io;

/// Softmax over the last dimension.
struct Softmax {
    depth: usize,
    /// From differences to the row's maximum to the places of a table.
    scaling: Multiplier,
    exponentials: Curve,
    inverses: Curve,
}

/// Fills the tables.
pub fn prepare(node: &Node<'_>, request: &mut Request, beta: f32) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let ((scale, zero_point), (output_scale, output_zero_point)) = (input.affine()?, output.affine()?);
    let expected = 1.0f32 / 32768.0;
    let sound = zero_point == 0 && output_zero_point == 0 && (output_scale - expected).abs() <= 0.001 * expected;
    ensure(sound, ErrorKind::QuantisationInvalid)?;
    // A difference of 65535 is ten: what lies further below is nothing.
    let scaling = Multiplier::new(f64::from(scale) * f64::from(beta) / (10.0 / 65535.0))?;
    let exponentials = Curve::new(10.0 / 65535.0, 32767, exponential);
    let inverses = Curve::new(1.0 / 65535.0, -32768, |value| 1.0 / (1.0 + value));
    request.packed(size_of::<[Curve; 2]>());
    Ok(Action::run(Softmax { depth: input.shape.last(), scaling, exponentials, inverses }))
}

/// A function of int16 in Q0.15: a table of 512 steps, and lines between them.
struct Curve(Box<[i16; STEPS + 1]>);

const STEPS: usize = 512;

impl Curve {
    /// Each value is moved by half the error that the line to the next makes in the middle.
    fn new(scale: f32, zero_point: i32, function: impl Fn(f32) -> f32) -> Self {
        let real = |value: i32| scale * (value - zero_point) as f32;
        let (first, last) = (real(-32768), real(32767));
        let step = (last - first) / STEPS as f32;
        let output = 2.0f32 / 65535.0;
        let unit = 65536.0 / (output * 32767.0 - output * -32768.0);
        let mut table = Box::new([0; STEPS + 1]);
        for (index, slot) in table.iter_mut().enumerate() {
            let start = first + index as f32 * step;
            let here = (function(start) * unit).round();
            // Casts saturate.
            *slot = if index == STEPS {
                (function(last) * unit).round() as i16
            } else {
                let next = function(first + (index + 1) as f32 * step) * unit;
                let middle = (function(start + step / 2.0) * unit).round();
                let error = ((next + here) / 2.0).round() - middle;
                (here - (error / 2.0).round()) as i16
            };
        }
        Self(table)
    }

    /// The value at a place, which saturates.
    fn at(&self, place: i32) -> i32 {
        let place = place.clamp(-32768, 32767);
        let index = (256 + (place >> 7)) as usize;
        let (base, next) = (self.0[index], self.0[index + 1]);
        let slope = i32::from(next.wrapping_sub(base));
        i32::from(base) + ((slope * (place & 0x7f) + 64) >> 7)
    }
}

impl Kernel for Softmax {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let (input, output) = (input.as_chunks().0, output.as_chunks_mut().0);
        for (input, output) in input.chunks_exact(self.depth).zip(output.chunks_exact_mut(self.depth)) {
            self.row(input, output);
        }
        Ok(Flow::Next)
    }
}

impl Softmax {
    fn row(&self, input: &[[u8; 2]], output: &mut [[u8; 2]]) {
        let greatest = input.iter().map(|input| input.value()).max().unwrap_or(i32::from(i16::MIN));
        let mut sum = 0i32;
        for (output, input) in output.iter_mut().zip(input) {
            let place = self.scaling.apply(input.value() - greatest).wrapping_add(32767);
            let exponential = self.exponentials.at(place);
            *output = Element::of(exponential);
            // Upstream's sum overflows past 65538 equal maxima; here it stays at the greatest.
            sum = sum.saturating_add(exponential);
        }
        // The greatest has an exponential of nearly one: the sum is far from 0.
        let headroom = sum.leading_zeros().clamp(1, 30);
        let shifted = ((i64::from(sum) << (headroom - 1)) + (1 << 13)) >> 14;
        let inverse = self.inverses.at((shifted - (1 << 15) - (1 << 16)) as i32);
        let right = 31 - headroom;
        for output in output {
            let product = i64::from(output.value()) * i64::from(inverse);
            let share = (product + (1 << (right - 1))) >> right;
            *output = Element::of((share as i32).clamp(0, 32767));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::Int16;
    use crate::ops::softmax::SOFTMAX;
    use crate::testing::{Field, Given, Random, run, single};

    fn softmax(scale: f32, zero_point: i32, input: &[i16]) -> Result<Vec<i16>> {
        let tensors = [
            Given::input(Int16, &[input.len()]).affine(scale, 0),
            Given::output(Int16, &[input.len()]).affine(1.0 / 32768.0, zero_point),
        ];
        let bytes: Vec<u8> = input.iter().flat_map(|value| value.to_le_bytes()).collect();
        let model = single(&SOFTMAX, &tensors, Some((9, &[(0, Field::F32(1.0))])));
        let output = run(model, &[&bytes])?.remove(0);
        Ok(output.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect())
    }

    #[test]
    fn outputs_are_near_the_real_function() {
        let mut random = Random::new(51);
        for _ in 0..200 {
            let depth = 1 + random.below(20);
            let scale = 1e-5 + random.below(100) as f32 * 2e-6;
            let input: Vec<i16> = (0..depth).map(|_| random.any() as i16).collect();
            let real: Vec<f64> = input.iter().map(|&value| (f64::from(value) * f64::from(scale)).exp()).collect();
            let sum: f64 = real.iter().sum();
            for (output, real) in softmax(scale, 0, &input).unwrap().into_iter().zip(real) {
                let error = (f64::from(output) - 32768.0 * real / sum).abs();
                assert!(error <= 8.0, "{output} {}", 32768.0 * real / sum);
            }
        }
    }

    #[test]
    fn many_equal_maxima_do_not_overflow() {
        assert!(softmax(1e-4, 0, &[5; 70_000]).unwrap().into_iter().all(|share| share <= 1));
    }

    #[test]
    fn an_output_with_a_zero_point_is_refused() {
        assert_eq!(softmax(1e-4, 1, &[5]).unwrap_err().kind(), ErrorKind::QuantisationInvalid);
    }
}
