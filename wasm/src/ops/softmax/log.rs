//! LOG_SOFTMAX: float32, int8.
//!
//! Upstream: `micro/kernels/log_softmax.cc` and `lite/kernels/internal/reference/log_softmax.h`.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::fixed::{exp_of_negative, log_of_one_or_more};
use crate::math::quantization::{Multiplier, divide_by_power_of_two};
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::binary::below_one;
use crate::ops::signature::{FLOAT32, INT8, SAME, Signature};
use crate::ops::softmax::float::exponential;
use crate::ops::softmax::int8::{DIFFERENCE_BITS, SUM_BITS, scaling};
use crate::ops::weights::float::{Float, floats, floats_mut, greater};
use crate::ops::weights::int8::int8;
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request};
use crate::run::io::Io;

/// Logarithms of normalised exponentials over the last dimension.
pub static LOG_SOFTMAX: Registration = Registration {
    key: OpKey::Builtin(50),
    name: "LOG_SOFTMAX",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8)], outputs: &[SAME] }],
    prepare,
};

fn prepare(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    ensure(input.shape == output.shape && input.shape.rank() > 0, ErrorKind::OperatorInvalid)?;
    let depth = input.shape.last();
    if input.element_type == TensorType::Float32 {
        return Ok(Action::run(Floats { depth }));
    }
    ensure(output.affine()? == (16.0 / 256.0, 127), ErrorKind::QuantisationInvalid)?;
    let (scaling, radius) = scaling(input.affine()?.0, 1.0)?;
    let unit = (1i64 << (31 - scaling.shift)) as f64;
    let reverse = below_one(unit / f64::from(scaling.multiplier))?;
    Ok(Action::run(Bytes { depth, scaling, least: -(radius as i32), reverse }))
}

struct Floats {
    depth: usize,
}

impl Kernel for Floats {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let rows = floats(input).chunks_exact(self.depth);
        for (input, output) in rows.zip(floats_mut(output).chunks_exact_mut(self.depth)) {
            log_row(input, output);
        }
        Ok(Flow::Next)
    }
}

fn log_row(input: &[Float], output: &mut [Float]) {
    let inputs = input.iter().map(|input| f32::from_le_bytes(*input));
    let greatest = inputs.clone().fold(f32::MIN, greater);
    let sum = inputs.clone().fold(0.0, |sum: f32, input| sum + exponential(input - greatest));
    let log = f64::from(sum).ln() as f32;
    for (output, input) in output.iter_mut().zip(inputs) {
        *output = (input - greatest - log).to_le_bytes();
    }
}

struct Bytes {
    depth: usize,
    /// From differences to the row's maximum to Q5.26.
    scaling: Multiplier,
    /// The least difference that counts.
    least: i32,
    /// From Q5.26 to differences.
    reverse: Multiplier,
}

impl Kernel for Bytes {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let rows = input.chunks_exact(self.depth);
        for (input, output) in rows.zip(output.chunks_exact_mut(self.depth)) {
            self.row(input, output);
        }
        Ok(Flow::Next)
    }
}

impl Bytes {
    fn row(&self, input: &[u8], output: &mut [u8]) {
        let greatest = input.iter().map(|input| int8(*input)).max().unwrap_or(-128);
        let differences = || input.iter().map(|input| int8(*input) - greatest);
        let sum = differences().filter(|difference| *difference >= self.least).fold(0i32, |sum, difference| {
            let exponential = exp_of_negative::<DIFFERENCE_BITS>(self.scaling.apply(difference));
            // Upstream's sum overflows past 4095 equal maxima; here it stays at the greatest.
            sum.saturating_add(divide_by_power_of_two(exponential, SUM_BITS))
        });
        let log = log_of_one_or_more::<SUM_BITS, DIFFERENCE_BITS>(sum);
        let least = (self.least - 1).max(self.reverse.apply(log.wrapping_add(i32::MIN)));
        for (output, difference) in output.iter_mut().zip(differences()) {
            *output = if difference > least {
                let scaled = self.scaling.apply(difference).wrapping_sub(log);
                // To steps of 1/16.
                (divide_by_power_of_two(scaled, 22) + 127).clamp(-128, 127) as u8
            } else {
                i8::MIN as u8
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::{Float32, Int8};
    use crate::testing::{Given, Random, bytes_of, floats_of, run, single};

    fn log_softmax(scale: f32, output: (f32, i32), input: &[u8]) -> Result<Vec<u8>> {
        let tensors = [
            Given::input(Int8, &[input.len()]).affine(scale, 5),
            Given::output(Int8, &[input.len()]).affine(output.0, output.1),
        ];
        Ok(run(single(&LOG_SOFTMAX, &tensors, None), &[input])?.remove(0))
    }

    #[test]
    fn outputs_are_those_of_the_real_function() {
        let mut random = Random::new(52);
        for _ in 0..200 {
            let depth = 1 + random.below(30);
            let scale = 0.01 + random.below(100) as f32 * 0.003;
            let bytes = random.bytes(depth);
            let input: Vec<f32> = bytes.iter().map(|byte| f32::from(*byte as i8) * scale).collect();
            let sum: f64 = input.iter().map(|value| f64::from(*value).exp()).sum();
            let tensors = [Given::input(Float32, &[depth]), Given::output(Float32, &[depth])];
            let found = run(single(&LOG_SOFTMAX, &tensors, None), &[&bytes_of(&input)]).unwrap();
            let fixed = log_softmax(scale, (0.0625, 127), &bytes).unwrap();
            for ((value, float), byte) in input.iter().zip(floats_of(&found[0])).zip(fixed) {
                let real = f64::from(*value) - sum.ln();
                assert!((f64::from(float) - real).abs() < 2e-5, "{float} {real}");
                let steps = (real * 16.0 + 127.0).max(-128.0);
                assert!((f64::from(byte as i8) - steps).abs() <= 1.0, "{} {steps}", byte as i8);
            }
        }
    }

    #[test]
    fn many_equal_maxima_do_not_overflow() {
        // The logarithm of their sum stays at that of 4096.
        assert_eq!(log_softmax(0.1, (0.0625, 127), &[3; 9000]).unwrap(), [(127 - 133i32) as u8; 9000]);
    }

    #[test]
    fn an_output_in_another_scale_is_refused() {
        for output in [(0.0625, 126), (0.125, 127)] {
            assert_eq!(log_softmax(0.1, output, &[0]).unwrap_err().kind(), ErrorKind::QuantisationInvalid);
        }
    }
}
