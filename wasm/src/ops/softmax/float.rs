//! SOFTMAX, float32.
//!
//! Upstream: `micro/kernels/softmax.cc` and `lite/kernels/internal/reference/softmax.h`.

use crate::error::Result;
use crate::ops::weights::float::{Float, floats, floats_mut, greater};
use crate::ops::{Action, Flow, Kernel};
use crate::run::io::Io;

/// Softmax over the last dimension.
struct Softmax {
    depth: usize,
    beta: f32,
}

/// Has nothing to check.
pub fn prepare(depth: usize, beta: f32) -> Result<Action> {
    Ok(Action::run(Softmax { depth, beta }))
}

impl Kernel for Softmax {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let (input, output) = (floats(input), floats_mut(output));
        for (input, output) in
            input.chunks_exact(self.depth).zip(output.chunks_exact_mut(self.depth))
        {
            self.row(input, output);
        }
        Ok(Flow::Next)
    }
}

impl Softmax {
    /// Exponentials of the differences to the greatest, so that none overflows, over their sum.
    fn row(&self, input: &[Float], output: &mut [Float]) {
        let inputs = input.iter().map(|input| f32::from_le_bytes(*input));
        let greatest = inputs.clone().fold(f32::MIN, greater);
        let mut sum = 0.0;
        for (output, input) in output.iter_mut().zip(inputs) {
            let exponential = exponential((input - greatest) * self.beta);
            *output = exponential.to_le_bytes();
            sum += exponential;
        }
        for output in output {
            *output = (f32::from_le_bytes(*output) / sum).to_le_bytes();
        }
    }
}

/// e to the power of `value`, rounded once. `core` has no exponential; that of `std` is Rust's own on
/// wasm, so that every host computes the same. The detour over float64 ends on the nearest float32
/// for all but one in millions: C libraries, whose `expf` upstream calls, come as near.
#[inline(always)]
pub fn exponential(value: f32) -> f32 {
    f64::from(value).exp() as f32
}

#[cfg(test)]
mod tests {
    use crate::model::tensor::TensorType::Float32;
    use crate::ops::softmax::SOFTMAX;
    use crate::testing::{Field, Given, Random, bytes_of, floats_of, run, single};

    fn softmax(beta: f32, input: &[f32]) -> Vec<f32> {
        let tensors =
            [Given::input(Float32, &[input.len()]), Given::output(Float32, &[input.len()])];
        let model = single(&SOFTMAX, &tensors, Some((9, &[(0, Field::F32(beta))])));
        floats_of(&run(model, &[&bytes_of(input)]).unwrap()[0])
    }

    #[test]
    fn outputs_are_those_of_the_real_function() {
        let mut random = Random::new(15);
        for _ in 0..200 {
            let depth = 1 + random.below(30);
            let beta = 0.25 + random.below(8) as f32 * 0.25;
            let input: Vec<f32> = random.floats(depth).iter().map(|value| value * 30.0).collect();
            let real: Vec<f64> =
                input.iter().map(|&value| (f64::from(value) * f64::from(beta)).exp()).collect();
            let sum: f64 = real.iter().sum();
            for (output, real) in softmax(beta, &input).iter().zip(real) {
                assert!((f64::from(*output) - real / sum).abs() < 4e-6);
            }
        }
    }

    #[test]
    fn great_inputs_do_not_overflow_and_nan_takes_all() {
        assert_eq!(softmax(1.0, &[1e30, -1e30, 1e30]), [0.5, 0.0, 0.5]);
        assert!(softmax(1.0, &[0.0, f32::NAN]).iter().all(|output| output.is_nan()));
    }
}
