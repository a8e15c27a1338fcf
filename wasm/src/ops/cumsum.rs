//! CUMSUM: float32, int8.
//!
//! Upstream: `micro/kernels/cumsum.cc` and `lite/kernels/internal/reference/cumsum.h`, whose int8 form counts one zero point of the
//! input too many; so does this.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::math::integer::Element;
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::math::walk::resolve;
use crate::model::OpKey;
use crate::model::tensor::{Shape, TensorType};
use crate::ops::binary::below_one;
use crate::ops::signature::{FLOAT32, INT8, INT32, SAME, Signature};
use crate::ops::weights::float::{floats, floats_mut};
use crate::ops::{Action, Flow, Kernel, Node, Options, Registration, Request};
use crate::run::io::Io;

/// The sums of all elements so far along an axis.
pub static CUMSUM: Registration = Registration {
    key: OpKey::Builtin(128),
    name: "CUMSUM",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8), INT32], outputs: &[SAME] }],
    prepare,
};

struct CumsumOptions {
    /// Whether an element does not count for its own sum.
    exclusive: bool,
    /// Whether sums start at the end.
    reverse: bool,
}

impl Options for CumsumOptions {
    const MEMBER: u8 = 102;

    fn read(table: &Table<'_>) -> Result<Self> {
        let is_set = |slot| Ok::<_, crate::error::Error>(table.scalar::<u8>(slot, 0)? != 0);
        Ok(Self { exclusive: is_set(0)?, reverse: is_set(1)? })
    }
}

struct Cumsum {
    shape: Shape,
    options: CumsumOptions,
    /// How int8 is rescaled.
    rescale: Option<Rescale>,
}

#[derive(Clone, Copy)]
struct Rescale {
    zero_point: i32,
    input: Multiplier,
    output: Multiplier,
    stage: OutputStage,
}

/// Bits that are kept behind the point while adding.
const LEFT_SHIFT: u32 = 20;

fn prepare(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, axis, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let sound = input.shape == output.shape && input.shape.rank() > 0 && axis.shape.elements() == 1;
    ensure(sound, ErrorKind::OperatorInvalid)?;
    let rescale = match input.element_type {
        TensorType::Float32 => None,
        _ => {
            let (scale, zero_point) = input.affine()?;
            let twice = 2.0 * f64::from(scale);
            let real = twice / (f64::from(1 << LEFT_SHIFT) * f64::from(output.affine()?.0));
            Some(Rescale {
                zero_point,
                input: below_one(f64::from(scale) / twice)?,
                output: below_one(real)?,
                stage: OutputStage::new(output, Activation::None)?,
            })
        }
    };
    Ok(Action::run(Cumsum { shape: input.shape, options: node.options()?, rescale }))
}

impl Kernel for Cumsum {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, axis, output) = io.two()?;
        let axis = axis.first_chunk().map_or(0, |bytes| i32::from_le_bytes(*bytes));
        let axis = resolve(axis, self.shape.rank())?;
        match self.rescale {
            None => {
                let add = |sum: f32, value| sum + f32::from_le_bytes(value);
                self.run(axis, floats(input), floats_mut(output), (0.0, add), f32::to_le_bytes);
            }
            Some(Rescale { zero_point, input: factor, output: multiplier, stage }) => {
                let scaled = |value: i32| factor.apply((value - zero_point).wrapping_shl(LEFT_SHIFT));
                let add = |sum: i32, byte: u8| sum.wrapping_add(scaled(byte.value()));
                self.run(axis, input, output, (scaled(0), add), |sum| u8::of(stage.finish(multiplier.apply(sum))));
            }
        }
        Ok(Flow::Next)
    }
}

impl Cumsum {
    fn run<T: Copy, S: Copy>(
        &self,
        axis: usize,
        input: &[T],
        output: &mut [T],
        (start, add): (S, impl Fn(S, T) -> S),
        finish: impl Fn(S) -> T,
    ) {
        let dimensions = self.shape.dimensions();
        let extent = dimensions.get(axis).copied().unwrap_or(1);
        let inner: usize = dimensions.iter().skip(axis + 1).product();
        let blocks = input.chunks_exact(extent * inner).zip(output.chunks_exact_mut(extent * inner));
        for (input, output) in blocks {
            for first in 0..inner {
                let mut sum = start;
                for step in 0..extent {
                    let step = if self.options.reverse { extent - 1 - step } else { step };
                    let place = first + step * inner;
                    let (Some(element), Some(output)) = (input.get(place), output.get_mut(place)) else { continue };
                    let before = sum;
                    sum = add(sum, *element);
                    *output = finish(if self.options.exclusive { before } else { sum });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::{Float32, Int8};
    use crate::testing::{Field, Given, bytes_of, floats_of, run, single};

    fn cumsum(from: Given, to: Given, axis: i32, options: [i8; 2], input: &[u8]) -> Result<Vec<u8>> {
        let fields = [(0, Field::I8(options[0])), (1, Field::I8(options[1]))];
        Ok(run(single(&CUMSUM, &[from, Given::int32s(&[], &[axis]), to], Some((102, &fields))), &[input])?.remove(0))
    }

    #[test]
    fn sums_grow_along_the_axis_from_either_end() {
        let input = bytes_of(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let rows: [(i32, [i8; 2], [f32; 6]); 5] = [
            (1, [0, 0], [1.0, 3.0, 6.0, 4.0, 9.0, 15.0]),
            (-1, [1, 0], [0.0, 1.0, 3.0, 0.0, 4.0, 9.0]),
            (1, [0, 1], [6.0, 5.0, 3.0, 15.0, 11.0, 6.0]),
            (1, [1, 1], [5.0, 3.0, 0.0, 11.0, 6.0, 0.0]),
            (0, [0, 0], [1.0, 2.0, 3.0, 5.0, 7.0, 9.0]),
        ];
        for (axis, options, expected) in rows {
            let found = cumsum(Given::input(Float32, &[2, 3]), Given::output(Float32, &[2, 3]), axis, options, &input);
            assert_eq!(floats_of(&found.unwrap()), expected, "{axis} {options:?}");
        }
    }

    #[test]
    fn sums_of_bytes_count_one_zero_point_too_many() {
        let (from, to) = (Given::input(Int8, &[4]).affine(0.5, 2), Given::output(Int8, &[4]).affine(0.5, -1));
        let found = cumsum(from, to, 0, [0, 0], &[3, 4, 2, 7]).unwrap();
        // -2 at first, then 1, 2, 0 and 5 more, and the zero point of the output.
        assert_eq!(found.iter().map(|byte| *byte as i8).collect::<Vec<_>>(), [-2, 0, 0, 5]);
    }

    #[test]
    fn an_axis_that_is_not_there_is_refused() {
        for axis in [2, -3] {
            let end = cumsum(Given::input(Float32, &[1, 1]), Given::output(Float32, &[1, 1]), axis, [0, 0], &[0; 4]);
            assert_eq!(end.unwrap_err().kind(), ErrorKind::OperatorInvalid);
        }
    }
}
