//! TILE, by constant multiples. TensorFlow Lite Micro does not have it; TensorFlow Lite does.

use crate::error::{ErrorKind, Result, ensure};
use crate::limits::RANK;
use crate::model::OpKey;
use crate::ops::signature::{BOOL, FLOAT32, INT8, INT16, INT32, INT64, SAME, Signature, UINT8};
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request};
use crate::run::io::{Io, Port};

/// The input so many times along each dimension.
pub static TILE: Registration = Registration {
    key: OpKey::Builtin(69),
    name: "TILE",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature {
        inputs: &[FLOAT32.or(INT8).or(INT16).or(INT32).or(INT64).or(UINT8).or(BOOL), INT32.or(INT64)],
        outputs: &[SAME],
    }],
    prepare,
};

struct Tile {
    input: [usize; RANK],
    output: [usize; RANK],
    width: usize,
}

fn prepare(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let multiples = node.indices(node.input(1)?, RANK)?;
    let expected = input.shape.dimensions().iter().zip(&multiples).map(|(extent, times)| *extent as i64 * i64::from(*times));
    let sound = multiples.len() == input.shape.rank()
        && expected.eq(output.shape.dimensions().iter().map(|extent| *extent as i64));
    ensure(sound, ErrorKind::OperatorInvalid)?;
    Ok(Action::run(Tile {
        input: input.shape.extended(),
        output: output.shape.extended(),
        width: input.element_type.bits() / 8,
    }))
}

impl Kernel for Tile {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input], [output]) = io.cut([Port::Input(0)], [Port::Output(0)])?;
        let (run, row) = (self.input[RANK - 1] * self.width, self.output[RANK - 1] * self.width);
        for (number, output) in output.chunks_exact_mut(row).enumerate() {
            // The row of the input that this one repeats.
            let (mut rest, mut place, mut step) = (number, 0, run);
            for (from, to) in self.input.iter().zip(&self.output).rev().skip(1) {
                place += rest % to % from * step;
                rest /= to;
                step *= from;
            }
            let input = input.get(place..place + run).ok_or(ErrorKind::EngineInternal)?;
            output.chunks_exact_mut(run).for_each(|output| output.copy_from_slice(input));
        }
        Ok(Flow::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::Int16;
    use crate::testing::{Given, Random, run, single};

    #[test]
    fn every_element_is_that_of_its_place_within_the_input() {
        let mut random = Random::new(61);
        for _ in 0..200 {
            let rank = 1 + random.below(4);
            let mut extents = |most| (0..rank).map(|_| 1 + random.below(most)).collect::<Vec<usize>>();
            let (from, times) = (extents(4), extents(3));
            let to: Vec<usize> = from.iter().zip(&times).map(|(extent, times)| extent * times).collect();
            let multiples: Vec<i32> = times.iter().map(|times| *times as i32).collect();
            let input = random.bytes(2 * from.iter().product::<usize>());
            let tensors = [Given::input(Int16, &from), Given::int32s(&[rank], &multiples), Given::output(Int16, &to)];
            let found = run(single(&TILE, &tensors, None), &[&input]).unwrap().remove(0);
            for (number, element) in found.chunks(2).enumerate() {
                let (mut rest, mut place, mut step) = (number, 0, 1);
                for at in (0..rank).rev() {
                    place += rest % to[at] % from[at] * step;
                    rest /= to[at];
                    step *= from[at];
                }
                assert_eq!(element, &input[2 * place..2 * place + 2], "{from:?} {times:?}");
            }
        }
    }

    #[test]
    fn multiples_that_do_not_make_the_output_are_refused() {
        for multiples in [&[2, 2][..], &[2], &[-2, -3], &[1, 2, 3]] {
            let tensors = [
                Given::input(Int16, &[2, 2]),
                Given::int32s(&[multiples.len()], multiples),
                Given::output(Int16, &[4, 6]),
            ];
            let end = run(single(&TILE, &tensors, None), &[]);
            assert_eq!(end.unwrap_err().kind(), ErrorKind::OperatorInvalid, "{multiples:?}");
        }
    }
}
