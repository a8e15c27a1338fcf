//! MEAN, SUM, REDUCE_MAX and REDUCE_MIN, float32.
//!
//! Upstream: `micro/kernels/reduce_common.cc` and `lite/kernels/internal/reference/reduce.h` (`Mean`, `ReduceGeneric`).

use crate::error::Result;
use crate::ops::reduce::{Reduce, Reduction};
use crate::ops::weights::float::{floats, floats_mut, greater};
use crate::ops::{Action, Flow, Kernel};
use crate::run::io::Io;

/// One kernel for all of them: what it does at each step is found at run time.
struct Folds {
    reduction: Reduction,
    start: f32,
    step: fn(f32, f32) -> f32,
    /// Results are divided by it.
    count: f32,
}

/// Has nothing to check.
pub fn prepare(reduce: Reduce, reduction: Reduction) -> Action {
    let add = |sum: f32, value: f32| sum + value;
    let (start, step, count): (f32, fn(f32, f32) -> f32, f32) = match reduce {
        Reduce::Mean => (0.0, add, reduction.count() as f32),
        Reduce::Sum => (0.0, add, 1.0),
        Reduce::Maximum => (f32::MIN, greater, 1.0),
        // NaN is never less.
        Reduce::Minimum => (f32::MAX, |least, value| if value < least { value } else { least }, 1.0),
    };
    Action::run(Folds { reduction, start, step, count })
}

impl Kernel for Folds {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let step = |value, input| (self.step)(value, f32::from_le_bytes(input));
        let finish = |value: f32| (value / self.count).to_le_bytes();
        self.reduction.fold(floats(input), floats_mut(output), (self.start, step), finish);
        Ok(Flow::Next)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::tensor::TensorType::Float32;
    use crate::ops::Registration;
    use crate::ops::reduce::{MEAN, REDUCE_MAX, REDUCE_MIN, SUM};
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

    #[test]
    fn sums_and_extremes_are_those_of_every_row() {
        let input = [1.0, -2.0, 4.0, f32::NAN, f32::INFINITY, 3.0, f32::NAN, f32::NAN, f32::NAN];
        let rows: [(&Registration, [f32; 3]); 2] = [
            (&REDUCE_MAX, [4.0, f32::INFINITY, f32::MIN]),
            (&REDUCE_MIN, [-2.0, 3.0, f32::MAX]),
        ];
        let tensors = [Given::input(Float32, &[3, 3]), Given::int32s(&[1], &[1]), Given::output(Float32, &[3])];
        for (operator, expected) in rows {
            let model = single(operator, &tensors, Some((27, &[])));
            assert_same(&run(model, &[&bytes_of(&input)]).unwrap()[0], &expected, operator.name);
        }
        let model = single(&SUM, &tensors, Some((27, &[])));
        let input: Vec<f32> = (0..9).map(|value| value as f32).collect();
        assert_same(&run(model, &[&bytes_of(&input)]).unwrap()[0], &[3.0, 12.0, 21.0], "SUM");
    }
}
