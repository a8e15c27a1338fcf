//! L2_NORMALIZATION: float32, int8, over the last dimension.
//!
//! Upstream: `micro/kernels/l2norm.cc`, `lite/kernels/internal/reference/l2normalization.h` and
//! `lite/kernels/internal/reference/integer_ops/l2normalization.h`.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::math::fixed::inverse_sqrt;
use crate::math::quantization::{Activation, Multiplier};
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, SAME, Signature};
use crate::ops::weights::float::{floats, floats_mut};
use crate::ops::weights::int8::int8;
use crate::ops::{Action, Flow, Kernel, Node, Options, Registration, Request, activation};
use crate::run::io::Io;

/// Vectors of length one.
pub static L2_NORMALIZATION: Registration = Registration {
    key: OpKey::Builtin(11),
    name: "L2_NORMALIZATION",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8)], outputs: &[SAME] }],
    prepare,
};

struct L2NormOptions {
    activation: Activation,
}

impl Options for L2NormOptions {
    const MEMBER: u8 = 12;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self { activation: activation(table, 0)? })
    }
}

struct Floats {
    depth: usize,
}

struct Bytes {
    depth: usize,
    zero_point: i32,
}

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let L2NormOptions { activation } = node.options()?;
    let sound = input.shape == output.shape && (1..=4).contains(&input.shape.rank()) && activation == Activation::None;
    ensure(sound, ErrorKind::OperatorInvalid)?;
    request.macs(input.shape.elements() as u64);
    let depth = input.shape.last();
    match input.element_type {
        TensorType::Float32 => Ok(Action::run(Floats { depth })),
        // As upstream, the output's scale is taken for 1/128, whatever it is.
        _ => Ok(Action::run(Bytes { depth, zero_point: input.affine()?.1 })),
    }
}

impl Kernel for Floats {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let rows = floats(input).chunks_exact(self.depth);
        for (input, output) in rows.zip(floats_mut(output).chunks_exact_mut(self.depth)) {
            let inputs = input.iter().map(|input| f32::from_le_bytes(*input));
            let length = inputs.clone().fold(0.0, |sum: f32, input| sum + input * input).sqrt();
            let length = if length < 1e-6 { 1e-6 } else { length };
            for (output, input) in output.iter_mut().zip(inputs) {
                *output = (input / length).to_le_bytes();
            }
        }
        Ok(Flow::Next)
    }
}

impl Kernel for Bytes {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let rows = input.chunks_exact(self.depth);
        for (input, output) in rows.zip(output.chunks_exact_mut(self.depth)) {
            let inputs = input.iter().map(|input| int8(*input) - self.zero_point);
            let squares = inputs.clone().fold(0i32, |sum, input| sum.wrapping_add(input * input));
            let (multiplier, shift) = inverse_sqrt(squares);
            // In steps of 1/128.
            let scaling = Multiplier { multiplier, shift: shift + 7 };
            for (output, input) in output.iter_mut().zip(inputs) {
                *output = scaling.apply(input).clamp(-128, 127) as u8;
            }
        }
        Ok(Flow::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::{Float32, Int8};
    use crate::testing::{Field, Given, Random, bytes_of, floats_of, run, single};

    fn normalise(from: Given, to: Given, activation: i8, input: &[u8]) -> Result<Vec<u8>> {
        let model = single(&L2_NORMALIZATION, &[from, to], Some((12, &[(0, Field::I8(activation))])));
        Ok(run(model, &[input])?.remove(0))
    }

    #[test]
    fn rows_have_the_length_one() {
        let mut random = Random::new(53);
        for _ in 0..200 {
            let shape = [1 + random.below(3), 1 + random.below(9)];
            let bytes = random.bytes(shape[0] * shape[1]);
            let reals: Vec<f32> = bytes.iter().map(|byte| f32::from(*byte as i8) - 3.0).collect();
            let (from, to) = (Given::input(Float32, &shape), Given::output(Float32, &shape));
            let floats = floats_of(&normalise(from, to, 0, &bytes_of(&reals)).unwrap());
            let (from, to) = (Given::input(Int8, &shape).affine(0.3, 3), Given::output(Int8, &shape).affine(1.0 / 128.0, 0));
            let fixed = normalise(from, to, 0, &bytes).unwrap();
            for (row, values) in reals.chunks(shape[1]).enumerate() {
                let length = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
                for (at, value) in values.iter().enumerate().filter(|_| length > 1.0) {
                    let (real, at) = (f64::from(*value) / length, row * shape[1] + at);
                    assert!((f64::from(floats[at]) - real).abs() < 1e-6, "{} {real}", floats[at]);
                    let steps = (real * 128.0).min(127.0);
                    assert!((f64::from(fixed[at] as i8) - steps).abs() < 1.0, "{} {steps}", fixed[at] as i8);
                }
            }
        }
    }

    #[test]
    fn a_row_of_zeros_stays_zero_and_a_small_one_saturates() {
        let byte = |value: u8| {
            let (from, to) = (Given::input(Int8, &[2]).affine(0.3, 3), Given::output(Int8, &[2]).affine(1.0 / 128.0, 0));
            normalise(from, to, 0, &[3, value]).unwrap()
        };
        assert_eq!(byte(3), [0, 0]);
        assert_eq!(byte(4), [0, 127]);
        assert_eq!(byte(2), [0, 128]);
        let (from, to) = (Given::input(Float32, &[2]), Given::output(Float32, &[2]));
        let small = normalise(from, to, 0, &bytes_of(&[0.0, 1e-8])).unwrap();
        assert_eq!(floats_of(&small), [0.0, 1e-8 / 1e-6]);
    }

    #[test]
    fn an_activation_is_refused() {
        let end = normalise(Given::input(Float32, &[2]), Given::output(Float32, &[2]), 1, &[]);
        assert_eq!(end.unwrap_err().kind(), ErrorKind::OperatorInvalid);
    }
}
