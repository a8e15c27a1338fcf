//! MEAN and SUM of int8 and int16, REDUCE_MAX and REDUCE_MIN of int8, REDUCE_ALL.
//!
//! Upstream: `micro/kernels/reduce.cc`, `reduce_common.cc` and
//! `lite/kernels/internal/reference/reduce.h` (`QuantizedMeanOrSum`, `ReduceGeneric`).

use crate::error::{ErrorKind, Result, ensure};
use crate::math::integer::Element;
use crate::math::quantization::{Multiplier, OutputStage};
use crate::model::tensor::TensorType;
use crate::ops::reduce::{Reduce, Reduction};
use crate::ops::{Action, Flow, Kernel, Node};
use crate::run::io::Io;

/// A sum over some dimensions, rescaled. The sum of int16 is 32 bits wide too.
struct Sum {
    reduction: Reduction,
    /// Zero point of the input, as often as elements are summed.
    correction: i32,
    multiplier: Multiplier,
    stage: OutputStage,
    element_type: TensorType,
}

/// The greatest or the least, as it is.
struct Extreme {
    reduction: Reduction,
    greatest: bool,
}

/// Whether all are true.
struct All {
    reduction: Reduction,
}

/// Folds the division of a mean into the rescaling.
pub fn prepare(node: &Node<'_>, reduce: Reduce, reduction: Reduction) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let count = reduction.count();
    let (input_scale, input_zero_point) = input.affine()?;
    let (output_scale, output_zero_point) = output.affine()?;
    if let Reduce::Maximum | Reduce::Minimum = reduce {
        let same = input.affine()? == output.affine()?;
        ensure(same, ErrorKind::QuantisationInvalid)?;
        return Ok(Action::run(Extreme { reduction, greatest: reduce == Reduce::Maximum }));
    }
    let multiplier = Multiplier::new(f64::from(input_scale) / f64::from(output_scale))?;
    let (low, high) = output.element_type.range().ok_or(ErrorKind::TypeUnsupported)?;
    Ok(Action::run(Sum {
        reduction,
        correction: input_zero_point.wrapping_mul(count as i32),
        multiplier: if reduce == Reduce::Mean { divide(multiplier, count as i64) } else { multiplier },
        stage: OutputStage { zero_point: output_zero_point, low, high },
        element_type: input.element_type,
    }))
}

/// Has nothing to check.
pub fn prepare_all(reduction: Reduction) -> Action {
    Action::run(All { reduction })
}

/// Upstream folds the division into the multiplier, with what precision is left.
fn divide(multiplier: Multiplier, count: i64) -> Multiplier {
    let shift = (63 - count.leading_zeros() as i32).min(32).min(31 + multiplier.shift);
    let scaled = (i64::from(multiplier.multiplier) << shift) / count;
    Multiplier { multiplier: scaled as i32, shift: multiplier.shift - shift }
}

impl Kernel for Sum {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        match self.element_type {
            TensorType::Int16 => self.run(input.as_chunks::<2>().0, output.as_chunks_mut::<2>().0),
            _ => self.run(input, output),
        }
        Ok(Flow::Next)
    }
}

impl Sum {
    fn run<T: Element>(&self, input: &[T], output: &mut [T]) {
        let add = |sum: i32, element: T| sum.wrapping_add(element.value());
        self.reduction.fold(input, output, (0, add), |sum| {
            T::of(self.stage.finish(self.multiplier.apply(sum.wrapping_sub(self.correction))))
        });
    }
}

impl Kernel for Extreme {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        if self.greatest {
            self.reduction.fold(input, output, (i8::MIN, |most: i8, byte| most.max(byte as i8)), |most| most as u8);
        } else {
            self.reduction.fold(input, output, (i8::MAX, |least: i8, byte| least.min(byte as i8)), |least| least as u8);
        }
        Ok(Flow::Next)
    }
}

impl Kernel for All {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        self.reduction.fold(input, output, (true, |all, byte| all && byte != 0), u8::from);
        Ok(Flow::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::{Bool, Int8, Int16};
    use crate::ops::Registration;
    use crate::ops::reduce::{MEAN, REDUCE_ALL, REDUCE_MAX, REDUCE_MIN, SUM};
    use crate::testing::{Field, Given, Random, run, single};

    /// A shape, which of its dimensions go, and to which output every input belongs.
    fn places(random: &mut Random) -> (Vec<usize>, Vec<i32>, Vec<usize>, Vec<usize>) {
        let shape: Vec<usize> = (0..1 + random.below(4)).map(|_| 1 + random.below(5)).collect();
        let mut axes: Vec<i32> = (0..shape.len() as i32).filter(|_| random.below(2) == 0).collect();
        if axes.is_empty() {
            axes.push(-1);
        }
        let goes = |at: usize| axes.contains(&(at as i32)) || (axes[0] == -1 && at + 1 == shape.len());
        let kept: Vec<usize> = (0..shape.len()).map(|at| if goes(at) { 1 } else { shape[at] }).collect();
        let place = |index: usize| {
            let (mut place, mut rest, mut step) = (0, index, 1);
            for at in (0..shape.len()).rev() {
                if !goes(at) {
                    place += rest % shape[at] * step;
                    step *= shape[at];
                }
                rest /= shape[at];
            }
            place
        };
        let places = (0..shape.iter().product()).map(place).collect();
        (shape, axes, kept, places)
    }

    fn reduce(operator: &Registration, tensors: [Given; 2], axes: &[i32], input: &[u8]) -> Result<Vec<u8>> {
        let [from, to] = tensors;
        let tensors = [from, Given::int32s(&[axes.len()], axes), to];
        let model = single(operator, &tensors, Some((27, &[(0, Field::I8(1))])));
        Ok(run(model, &[input])?.remove(0))
    }

    #[test]
    fn means_and_sums_are_within_one_of_the_real_ones() {
        let mut random = Random::new(9);
        for _ in 0..400 {
            let (shape, axes, kept, places) = places(&mut random);
            let (wide, is_mean) = (random.below(2) == 0, random.below(2) == 0);
            let (element_type, width) = if wide { (Int16, 2) } else { (Int8, 1) };
            let count = places.len() / kept.iter().product::<usize>();
            let output_scale = if is_mean { 1.0 } else { count as f32 };
            let tensors = [
                Given::input(element_type, &shape).affine(0.5, 3),
                Given::output(element_type, &kept).affine(output_scale, -7),
            ];
            let input = random.bytes(width * places.len());
            let value = |bytes: &[u8]| match *bytes {
                [low, high] => f64::from(i16::from_le_bytes([low, high])),
                _ => f64::from(bytes[0] as i8),
            };
            let mut sums = vec![0.0; kept.iter().product()];
            for (bytes, &place) in input.chunks(width).zip(&places) {
                sums[place] += value(bytes) - 3.0;
            }
            let output = reduce(if is_mean { &MEAN } else { &SUM }, tensors, &axes, &input).unwrap();
            for (output, sum) in output.chunks(width).zip(sums) {
                let real = sum / count as f64 * 0.5 - 7.0;
                // Double rounding: half a step of the result, and half of the step before the shift.
                assert!((value(output) - real).abs() <= 0.76, "{shape:?} {axes:?} {real}");
            }
        }
    }

    #[test]
    fn extremes_and_truth_are_those_of_the_inputs() {
        let mut random = Random::new(10);
        for _ in 0..200 {
            let (shape, axes, kept, places) = places(&mut random);
            let input = random.bytes(places.len());
            let truths: Vec<u8> = input.iter().map(|byte| u8::from(*byte > 60)).collect();
            let ends = |start: u8, input: &[u8], step: fn(u8, u8) -> u8| {
                let mut ends = vec![start; kept.iter().product()];
                for (byte, &place) in input.iter().zip(&places) {
                    ends[place] = step(ends[place], *byte);
                }
                ends
            };
            let bytes = || [Given::input(Int8, &shape).affine(0.5, 3), Given::output(Int8, &kept).affine(0.5, 3)];
            let most = ends(128, &input, |most, byte| (most as i8).max(byte as i8) as u8);
            assert_eq!(reduce(&REDUCE_MAX, bytes(), &axes, &input).unwrap(), most);
            let least = ends(127, &input, |least, byte| (least as i8).min(byte as i8) as u8);
            assert_eq!(reduce(&REDUCE_MIN, bytes(), &axes, &input).unwrap(), least);
            let bools = [Given::input(Bool, &shape), Given::output(Bool, &kept)];
            assert_eq!(reduce(&REDUCE_ALL, bools, &axes, &truths).unwrap(), ends(1, &truths, |all, byte| all & byte));
        }
    }

    #[test]
    fn an_extreme_in_another_scale_or_along_no_axis_is_refused() {
        let tensors = |zero_point| [Given::input(Int8, &[2]).affine(0.5, 3), Given::output(Int8, &[1]).affine(0.5, zero_point)];
        let kind = |zero_point, axis| reduce(&REDUCE_MAX, tensors(zero_point), &[axis], &[1, 2]).unwrap_err().kind();
        assert_eq!(kind(4, 0), ErrorKind::QuantisationInvalid);
        assert_eq!(kind(3, 1), ErrorKind::OperatorInvalid);
    }
}
