//! MEAN, float32.
//!
//! Upstream: `micro/kernels/reduce_common.cc` and `lite/kernels/internal/reference/reduce.h` (`Mean`).

use crate::error::Result;
use crate::ops::reduce::Reduction;
use crate::ops::weights::float::{Float, floats, floats_mut};
use crate::ops::{Action, Flow, Kernel};
use crate::run::io::Io;

struct Mean {
    reduction: Reduction,
}

/// Has nothing to check.
pub fn prepare_mean(reduction: Reduction) -> Result<Action> {
    Ok(Action::run(Mean { reduction }))
}

impl Kernel for Mean {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        self.run(floats(input), floats_mut(output));
        Ok(Flow::Next)
    }
}

impl Mean {
    fn run(&self, input: &[Float], output: &mut [Float]) {
        let count = self.reduction.count() as f32;
        let add = |sum: f32, input| sum + f32::from_le_bytes(input);
        self.reduction.fold(input, output, (0.0, add), |sum| (sum / count).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use crate::model::tensor::TensorType::Float32;
    use crate::ops::reduce::MEAN;
    use crate::testing::{Field, Given, assert_same, bytes_of, run, single};

    #[test]
    fn the_named_dimensions_are_averaged() {
        let input: Vec<f32> = (0..24).map(|value| value as f32).collect();
        let rows: [(&[i32], &[usize], &[f32]); 4] = [
            (&[-1], &[2, 3, 1], &[1.5, 5.5, 9.5, 13.5, 17.5, 21.5]),
            (&[0, 1, 0], &[1, 1, 4], &[10.0, 11.0, 12.0, 13.0]),
            (&[2, 1, 0], &[1, 1, 1], &[11.5]),
            (&[1], &[2, 1, 4], &[4.0, 5.0, 6.0, 7.0, 16.0, 17.0, 18.0, 19.0]),
        ];
        for (axes, shape, expected) in rows {
            let tensors = [
                Given::input(Float32, &[2, 3, 4]),
                Given::int32s(&[axes.len()], axes),
                Given::output(Float32, shape),
            ];
            let model = single(&MEAN, &tensors, Some((27, &[(0, Field::I8(1))])));
            let output = run(model, &[&bytes_of(&input)]).unwrap();
            assert_same(&output[0], expected, &format!("{axes:?}"));
        }
    }
}
