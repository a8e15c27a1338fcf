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
    use super::*;
    use crate::ops::weights::float::testing::{assert_same, bytes};
    use crate::model::tensor::Shape;

    #[test]
    fn the_marked_dimensions_are_averaged() {
        let input: Vec<f32> = (0..24).map(|value| value as f32).collect();
        let rows: [(&[bool], &[f32]); 4] = [
            (&[false, false, true], &[1.5, 5.5, 9.5, 13.5, 17.5, 21.5]),
            (&[true, true, false], &[10.0, 11.0, 12.0, 13.0]),
            (&[true, true, true], &[11.5]),
            (&[false, true, false], &[4.0, 5.0, 6.0, 7.0, 16.0, 17.0, 18.0, 19.0]),
        ];
        for (reduced, expected) in rows {
            let shape = Shape::new(&[2, 3, 4]).unwrap();
            let kernel = Mean { reduction: Reduction::new(&shape, reduced) };
            let mut output = vec![[0; 4]; expected.len()];
            kernel.run(&bytes(&input), &mut output);
            assert_same(&output, expected, &format!("{reduced:?}"));
        }
    }
}
