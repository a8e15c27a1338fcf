//! MEAN: what its types have in common, and int8.
//!
//! Upstream: `micro/kernels/reduce.cc`, `reduce_common.cc` and
//! `lite/kernels/internal/reference/reduce.h` (`QuantizedMeanOrSum`).

use crate::arena::{Inputs, Outputs};
use crate::error::{ErrorKind, Result, ensure};
use crate::kernels::int8::int8;
use crate::kernels::shape::{Odometer, resolve};
use crate::kernels::{Kernel, Node, Options, Prepared, expect_type, float};
use crate::limits;
use crate::file::flatbuffer::Table;
use crate::math::quantization::{Multiplier, OutputStage};
use crate::model::tensor::{Shape, TensorType};

/// A reduction of some dimensions: one walk over those that stay, one over those that go.
#[derive(Clone, Copy)]
pub struct Reduction {
    kept: Walk,
    reduced: Walk,
}

/// A mean over some dimensions.
struct Mean {
    reduction: Reduction,
    /// Zero point of the input, as often as elements are summed.
    correction: i32,
    multiplier: Multiplier,
    stage: OutputStage,
}

/// Dimensions, ones where they are not walked, and their strides in the input.
#[derive(Clone, Copy)]
struct Walk {
    dimensions: [usize; limits::RANK],
    strides: [usize; limits::RANK],
}

impl Walk {
    fn places(&self) -> impl Iterator<Item = usize> {
        Odometer::new(self.dimensions, [self.strides]).map(|[place]| place)
    }
}

struct ReducerOptions {
    keep_dimensions: bool,
}

impl Options for ReducerOptions {
    const MEMBER: u8 = 27;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self { keep_dimensions: table.scalar::<u8>(0, 0)? != 0 })
    }
}

/// Checks the operator and splits its dimensions.
pub fn prepare_mean(node: &Node<'_>) -> Result<Prepared> {
    node.expect(2..=2, 1)?;
    let (input, axes, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let ReducerOptions { keep_dimensions } = node.options()?;
    let mut reduced = [false; limits::RANK];
    for axis in node.int32s(axes, limits::ARGUMENTS)? {
        let position = resolve(axis, input.shape.rank())?;
        if let Some(slot) = reduced.get_mut(position) {
            *slot = true;
        }
    }
    check_shape(&input.shape, &reduced, keep_dimensions, &output.shape)?;
    let reduction = Reduction::new(&input.shape, &reduced);
    match input.element_type {
        TensorType::Float32 => float::reduce::prepare_mean(node, reduction),
        _ => prepare_int8_mean(node, reduction),
    }
}

fn prepare_int8_mean(node: &Node<'_>, reduction: Reduction) -> Result<Prepared> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    expect_type(input, TensorType::Int8)?;
    expect_type(output, TensorType::Int8)?;
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
    Ok(Prepared::simple(kernel))
}

/// Upstream folds the division into the multiplier, with what precision is left.
fn divide(multiplier: Multiplier, count: i64) -> Multiplier {
    let shift = (63 - count.leading_zeros() as i32).min(32).min(31 + multiplier.shift);
    let scaled = (i64::from(multiplier.multiplier) << shift) / count;
    Multiplier { multiplier: scaled as i32, shift: multiplier.shift - shift }
}

fn check_shape(input: &Shape, reduced: &[bool], keep: bool, output: &Shape) -> Result<()> {
    let mut expected = Vec::new();
    for (&extent, &reduced) in input.dimensions().iter().zip(reduced) {
        match (reduced, keep) {
            (false, _) => expected.push(extent),
            (true, true) => expected.push(1),
            (true, false) => {}
        }
    }
    ensure(output.dimensions() == expected, ErrorKind::OperatorInvalid)
}

impl Reduction {
    /// Of a tensor of this shape, over the dimensions that are marked.
    pub fn new(shape: &Shape, reduced: &[bool]) -> Self {
        let none = Walk { dimensions: [1; limits::RANK], strides: [0; limits::RANK] };
        let (mut kept, mut gone) = (none, none);
        let mut stride = 1;
        for (position, &extent) in shape.dimensions().iter().enumerate().rev() {
            let walk = if reduced.get(position) == Some(&true) { &mut gone } else { &mut kept };
            walk.dimensions[position] = extent;
            walk.strides[position] = stride;
            stride *= extent;
        }
        Self { kept, reduced: gone }
    }

    /// Inputs of one output.
    pub fn count(&self) -> usize {
        self.reduced.dimensions.iter().product()
    }

    /// Folds the inputs of every output, in the order in which they lie, and finishes the outcome.
    #[inline(always)]
    pub fn fold<I: Copy, A: Copy, O>(
        &self,
        input: &[I],
        output: &mut [O],
        (start, step): (A, impl Fn(A, I) -> A),
        finish: impl Fn(A) -> O,
    ) {
        for (output, first) in output.iter_mut().zip(self.kept.places()) {
            let input = input.get(first..).unwrap_or(&[]);
            let inputs = self.reduced.places().filter_map(|place| input.get(place).copied());
            *output = finish(inputs.fold(start, &step));
        }
    }
}

impl Kernel for Mean {
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()> {
        self.run(inputs.get(0)?, outputs.get(0)?);
        Ok(())
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
