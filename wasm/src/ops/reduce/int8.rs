//! MEAN, int8.
//!
//! Upstream: `micro/kernels/reduce.cc`, `reduce_common.cc` and
//! `lite/kernels/internal/reference/reduce.h` (`QuantizedMeanOrSum`).

use crate::error::Result;
use crate::math::quantization::{Multiplier, OutputStage};
use crate::ops::reduce::Reduction;
use crate::ops::weights::int8::int8;
use crate::ops::{Action, Flow, Kernel, Node};
use crate::run::io::Io;

/// A mean over some dimensions.
struct Mean {
    reduction: Reduction,
    /// Zero point of the input, as often as elements are summed.
    correction: i32,
    multiplier: Multiplier,
    stage: OutputStage,
}

/// Folds the division into the rescaling.
pub fn prepare_mean(node: &Node<'_>, reduction: Reduction) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let count = reduction.count();
    let (input_scale, input_zero_point) = input.affine()?;
    let (output_scale, output_zero_point) = output.affine()?;
    let real = f64::from(input_scale) / f64::from(output_scale);
    let kernel = Mean {
        reduction,
        correction: input_zero_point.wrapping_mul(count as i32),
        multiplier: divide(Multiplier::new(real)?, count as i64),
        stage: OutputStage { zero_point: output_zero_point, low: -128, high: 127 },
    };
    Ok(Action::run(kernel))
}

/// Upstream folds the division into the multiplier, with what precision is left.
fn divide(multiplier: Multiplier, count: i64) -> Multiplier {
    let shift = (63 - count.leading_zeros() as i32).min(32).min(31 + multiplier.shift);
    let scaled = (i64::from(multiplier.multiplier) << shift) / count;
    Multiplier { multiplier: scaled as i32, shift: multiplier.shift - shift }
}

impl Kernel for Mean {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        self.run(input, output);
        Ok(Flow::Next)
    }
}

impl Mean {
    fn run(&self, input: &[u8], output: &mut [u8]) {
        let add = |sum: i32, byte| sum.wrapping_add(int8(byte));
        self.reduction.fold(input, output, (0, add), |sum| {
            self.stage.finish(self.multiplier.apply(sum.wrapping_sub(self.correction))) as u8
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::Shape;
    use crate::testing::Random;

    #[test]
    fn means_are_within_one_of_the_real_means() {
        let mut random = Random::new(9);
        for _ in 0..200 {
            let dimensions: Vec<i32> = (0..1 + random.below(4)).map(|_| 1 + random.below(5) as i32).collect();
            let shape = Shape::new(&dimensions).unwrap();
            let reduced: Vec<bool> = dimensions.iter().map(|_| random.below(2) == 0).collect();
            let reduction = Reduction::new(&shape, &reduced);
            let count = reduction.count();
            let kernel = Mean {
                reduction,
                correction: 3 * count as i32,
                multiplier: divide(Multiplier::new(0.5).unwrap(), count as i64),
                stage: OutputStage { zero_point: -7, low: -128, high: 127 },
            };
            let input = random.bytes(shape.elements());
            let mut output = vec![0; shape.elements() / count];
            kernel.run(&input, &mut output);
            let mut sums = vec![0.0; output.len()];
            for (index, &byte) in input.iter().enumerate() {
                let (mut place, mut rest, mut step) = (0, index, 1);
                for (&extent, &reduced) in dimensions.iter().zip(&reduced).rev() {
                    if !reduced {
                        place += rest % extent as usize * step;
                        step *= extent as usize;
                    }
                    rest /= extent as usize;
                }
                sums[place] += f64::from(byte as i8) - 3.0;
            }
            for (output, sum) in output.iter().zip(sums) {
                let real = sum / count as f64 * 0.5 - 7.0;
                // Double rounding: half a step of the result, and half of the step before the shift.
                assert!((f64::from(*output as i8) - real).abs() <= 0.76, "{dimensions:?} {reduced:?}");
            }
        }
    }
}
