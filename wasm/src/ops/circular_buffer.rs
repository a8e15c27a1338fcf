//! CIRCULAR_BUFFER: the last inputs of a streaming model, of which only each so many-th goes on to the rest.
//!
//! Upstream: `micro/kernels/circular_buffer.cc`, `circular_buffer_common.cc`. The buffer is the output itself, a variable.

use crate::error::{ErrorKind, Result, ensure};
use crate::model::OpKey;
use crate::model::tensor::Location;
use crate::ops::signature::{INT8, Signature};
use crate::ops::{Action, Flow, Init, Kernel, Node, Registration, Request};
use crate::run::io::{Io, Port};

/// The newest inputs in the order of time.
pub static CIRCULAR_BUFFER: Registration = Registration {
    key: OpKey::Custom(b"CIRCULAR_BUFFER"),
    name: "CIRCULAR_BUFFER",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[INT8], outputs: &[INT8] }],
    prepare,
};

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let [batches, slots, width, depth] = output.shape.image()?;
    let invalid = ErrorKind::OperatorInvalid;
    ensure(batches == 1 && input.shape.image()? == [1, 1, width, depth], invalid)?;
    // What it holds has to live until the next inference.
    ensure(output.location == Location::Variable, invalid)?;
    let cycles = match cycles_max(node)? {
        cycles @ 1.. => cycles,
        // Upstream tells models without the attribute apart by their shapes. For one of them it counts the buffers of
        // all models of the process too, which means nothing here.
        _ if matches!(slots, 5 | 13 | 25) => 1,
        _ => {
            ensure((width, depth) != (2, 96), ErrorKind::FeatureUnsupported)?;
            2
        }
    };
    let left = request.state(4, Init::Bytes(Box::new(cycles.to_le_bytes())));
    Ok(Action::run(CircularBuffer { cycles, left }))
}

/// The first value of the attributes, whatever it is called; 0 without attributes.
fn cycles_max(node: &Node<'_>) -> Result<i32> {
    if node.operator.custom_options.is_empty() {
        return Ok(0);
    }
    // Upstream takes the low 32 bits.
    Ok(node.custom_options()?.values().get(0)?.int()? as i32)
}

struct CircularBuffer {
    cycles: i32,
    /// Inferences until the next output, this one included.
    left: Port,
}

impl Kernel for CircularBuffer {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input], [output, left]) = io.cut([Port::Input(0)], [Port::Output(0), self.left])?;
        output.copy_within(input.len().., 0);
        let newest = output.len() - input.len();
        output.get_mut(newest..).ok_or(ErrorKind::EngineInternal)?.copy_from_slice(input);
        let [left] = left.as_chunks_mut().0 else { return Err(ErrorKind::EngineInternal.into()) };
        let waits = i32::from_le_bytes(*left) - 1;
        *left = if waits == 0 { self.cycles } else { waits }.to_le_bytes();
        Ok(if waits == 0 { Flow::Next } else { Flow::NoOutput })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::limits::Limits;
    use crate::model::Model;
    use crate::model::tensor::TensorType::Int8;
    use crate::ops::ALL;
    use crate::program::Program;
    use crate::run::interpreter::{Interpreter, Workspace};
    use crate::testing::{Given, Random, custom, run, single};

    fn model(input: &[usize], output: Given, options: &[(&str, &str)]) -> Model {
        custom(&CIRCULAR_BUFFER, &[Given::input(Int8, input), output.into_output()], options)
    }

    fn buffer(slots: usize, options: &[(&str, &str)]) -> Model {
        model(&[1, 1, 1, 2], Given::variable(Int8, &[1, slots, 1, 2]).affine(1.0, -1), options)
    }

    /// How each inference ended and what the buffer held, as inputs [1, 1], [2, 2] and so on come in.
    fn ends(model: Model, inferences: u8) -> Vec<(Flow, Vec<u8>)> {
        let program = Program::prepare(model, &ALL).unwrap();
        let mut workspace = Workspace::new(&program).unwrap();
        let mut interpreter = Interpreter::new(Arc::new(program), Limits { arena_bytes: 1 << 16 }).unwrap();
        let mut ends = Vec::new();
        for value in 1..=inferences {
            interpreter.tensor(0).unwrap().fill(value);
            let flow = interpreter.invoke(&mut workspace).unwrap();
            ends.push((flow, interpreter.tensor(1).unwrap().to_vec()));
        }
        interpreter.reset();
        interpreter.tensor(0).unwrap().fill(1);
        let flow = interpreter.invoke(&mut workspace).unwrap();
        assert_eq!((flow, interpreter.tensor(1).unwrap()), (ends[0].0, &mut ends[0].1[..]), "after a reset");
        ends
    }

    #[test]
    fn every_input_is_kept_and_each_third_is_followed_by_the_rest_of_the_model() {
        let found = ends(buffer(2, &[("cycles_max", "3")]), 6);
        let expected = [[255, 255, 1, 1], [1, 1, 2, 2], [2, 2, 3, 3], [3, 3, 4, 4], [4, 4, 5, 5], [5, 5, 6, 6]];
        for (at, ((flow, held), expected)) in found.into_iter().zip(expected).enumerate() {
            assert_eq!(held, expected);
            assert_eq!(flow, if at % 3 == 2 { Flow::Next } else { Flow::NoOutput }, "{at}");
        }
    }

    #[test]
    fn without_the_attribute_the_shape_says_how_many_inputs_it_waits_for() {
        for (slots, first) in [(5, Flow::Next), (13, Flow::Next), (25, Flow::Next), (4, Flow::NoOutput)] {
            assert_eq!(ends(buffer(slots, &[("cycles_max", "0")]), 1)[0].0, first);
            let mut bare = buffer(slots, &[]);
            bare.subgraphs[0].operators[0].custom_options = 0..0;
            assert_eq!(ends(bare, 1)[0].0, first);
        }
    }

    #[test]
    fn shapes_that_do_not_fit_and_a_buffer_that_is_no_variable_are_refused() {
        let variable = |shape: &[usize]| Given::variable(Int8, shape);
        let refused = [
            (vec![1, 2, 1, 2], variable(&[1, 3, 1, 2]), ErrorKind::OperatorInvalid),
            (vec![1, 1, 2, 2], variable(&[1, 3, 1, 2]), ErrorKind::OperatorInvalid),
            (vec![1, 1, 1, 3], variable(&[1, 3, 1, 2]), ErrorKind::OperatorInvalid),
            (vec![2, 1, 1, 2], variable(&[2, 3, 1, 2]), ErrorKind::OperatorInvalid),
            (vec![1, 1, 2], variable(&[1, 3, 2]), ErrorKind::OperatorInvalid),
            (vec![1, 1, 1, 2], Given::output(Int8, &[1, 3, 1, 2]), ErrorKind::OperatorInvalid),
            (vec![1, 1, 2, 96], variable(&[1, 3, 2, 96]), ErrorKind::FeatureUnsupported),
        ];
        for (input, output, kind) in refused {
            let bytes: usize = input.iter().product();
            let end = run(model(&input, output, &[("cycles_max", "0")]), &[&vec![0; bytes]]);
            assert_eq!(end.unwrap_err().kind(), kind, "{input:?}");
        }
    }

    #[test]
    fn random_attributes_are_refused_or_obeyed() {
        let mut random = Random::new(3);
        for _ in 0..2000 {
            let mut model = buffer(3, &[("cycles_max", "3")]);
            let options = model.subgraphs[0].operators[0].custom_options.clone();
            let at = options.start + random.below(options.len());
            model.bytes[at] = random.any() as u8;
            let _ = run(model, &[&[0; 2]]);
        }
    }

    #[test]
    fn another_type_is_refused() {
        let tensors = [
            Given::input(crate::model::tensor::TensorType::Int16, &[1, 1, 1, 2]),
            Given::variable(crate::model::tensor::TensorType::Int16, &[1, 2, 1, 2]).into_output(),
        ];
        assert_eq!(run(single(&CIRCULAR_BUFFER, &tensors, None), &[&[0; 4]]).unwrap_err().kind(), ErrorKind::TypeUnsupported);
    }
}
