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
    use crate::model::tensor::TensorType::Int8;
    use crate::ops::reduce::MEAN;
    use crate::testing::{Field, Given, Random, run, single};

    #[test]
    fn means_are_within_one_of_the_real_means() {
        let mut random = Random::new(9);
        for _ in 0..200 {
            let shape: Vec<usize> = (0..1 + random.below(4)).map(|_| 1 + random.below(5)).collect();
            let reduced: Vec<bool> = shape.iter().map(|_| random.below(2) == 0).collect();
            let axes: Vec<i32> = (0i32..).zip(&reduced).filter(|(_, reduced)| **reduced).map(|(axis, _)| axis).collect();
            if axes.is_empty() {
                continue;
            }
            let dimensions = || shape.iter().zip(&reduced);
            let kept: Vec<usize> = dimensions().map(|(&extent, &reduced)| if reduced { 1 } else { extent }).collect();
            let count = shape.iter().product::<usize>() / kept.iter().product::<usize>();
            let tensors = [
                Given::input(Int8, &shape).affine(0.5, 3),
                Given::int32s(&[axes.len()], &axes),
                Given::output(Int8, &kept).affine(1.0, -7),
            ];
            let input = random.bytes(shape.iter().product());
            let model = single(&MEAN, &tensors, Some((27, &[(0, Field::I8(1))])));
            let output = run(model, &[&input]).unwrap();
            let mut sums = vec![0.0; output[0].len()];
            for (index, &byte) in input.iter().enumerate() {
                let (mut place, mut rest, mut step) = (0, index, 1);
                for (&extent, &reduced) in dimensions().rev() {
                    if !reduced {
                        place += rest % extent * step;
                        step *= extent;
                    }
                    rest /= extent;
                }
                sums[place] += f64::from(byte as i8) - 3.0;
            }
            for (output, sum) in output[0].iter().zip(sums) {
                let real = sum / count as f64 * 0.5 - 7.0;
                // Double rounding: half a step of the result, and half of the step before the shift.
                assert!((f64::from(*output as i8) - real).abs() <= 0.76, "{shape:?} {axes:?}");
            }
        }
    }
}
