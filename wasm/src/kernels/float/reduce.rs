//! MEAN, float32.
//!
//! Upstream: `micro/kernels/reduce_common.cc` and `lite/kernels/internal/reference/reduce.h` (`Mean`).

use crate::arena::{Inputs, Outputs};
use crate::error::Result;
use crate::kernels::float::{Float, floats, floats_mut};
use crate::kernels::reduce::Reduction;
use crate::kernels::{Kernel, Node, Prepared, expect_type};
use crate::model::tensor::TensorType;

struct Mean {
    reduction: Reduction,
}

/// Checks the types of a MEAN.
pub fn prepare_mean(node: &Node<'_>, reduction: Reduction) -> Result<Prepared> {
    expect_type(node.output(0)?, TensorType::Float32)?;
    Ok(Prepared::simple(Mean { reduction }))
}

impl Kernel for Mean {
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()> {
        self.run(floats(inputs.get(0)?), floats_mut(outputs.get(0)?));
        Ok(())
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
    use crate::kernels::float::testing::{assert_same, bytes};
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
