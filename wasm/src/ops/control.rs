//! IF, WHILE and CALL_ONCE: which subgraphs they call. The interpreter does the rest.
//!
//! Upstream: `micro/kernels/if.cc`, `while.cc`, `call_once.cc`. Tensors are copied across the borders of subgraphs.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::limits;
use crate::model::tensor::{Tensor, TensorType};
use crate::model::{OpKey, Subgraph};
use crate::ops::signature::{ANY, BOOL, HANDLE, Signature};
use crate::ops::{Action, Init, Node, Options, Registration, Request};

/// One of two subgraphs, by a condition.
pub static IF: Registration = Registration {
    key: OpKey::Builtin(118),
    name: "IF",
    inputs: 1..=limits::OPERATOR_TENSORS,
    outputs: 0..=limits::OPERATOR_TENSORS,
    types: &[Signature { inputs: &[BOOL, ANY.or(HANDLE)], outputs: &[ANY] }],
    prepare: prepare_if,
};

/// A subgraph as long as another says so.
pub static WHILE: Registration = Registration {
    key: OpKey::Builtin(119),
    name: "WHILE",
    inputs: 1..=limits::OPERATOR_TENSORS,
    outputs: 1..=limits::OPERATOR_TENSORS,
    types: &[Signature { inputs: &[ANY.or(HANDLE)], outputs: &[ANY.or(HANDLE)] }],
    prepare: prepare_while,
};

/// A subgraph, the first time after a reset.
pub static CALL_ONCE: Registration = Registration {
    key: OpKey::Builtin(129),
    name: "CALL_ONCE",
    inputs: 0..=0,
    outputs: 0..=0,
    types: &[Signature { inputs: &[], outputs: &[] }],
    prepare: prepare_call_once,
};

/// Options that name two subgraphs, in a member of the union.
struct Pair<const MEMBER: u8>([usize; 2]);

impl<const MEMBER: u8> Options for Pair<MEMBER> {
    const MEMBER: u8 = MEMBER;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self([index(table, 0)?, index(table, 1)?]))
    }
}

struct CallOnceOptions([usize; 1]);

impl Options for CallOnceOptions {
    const MEMBER: u8 = 103;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self([index(table, 0)?]))
    }
}

/// An index of a subgraph among the attributes.
fn index(table: &Table<'_>, slot: usize) -> Result<usize> {
    usize::try_from(table.scalar::<i32>(slot, 0)?).map_err(|_| ErrorKind::IndexInvalid.into())
}

fn prepare_if(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let Pair::<92>(calls) = node.options()?;
    ensure(node.input(0)?.shape.elements() == 1, ErrorKind::OperatorInvalid)?;
    let inputs = tensors(node.subgraph, node.operator.inputs.iter().copied().skip(1))?;
    let outputs = tensors(node.subgraph, node.operator.outputs.iter().copied().map(Some))?;
    for number in calls {
        let (given, returned) = border(node, number)?;
        fit(&inputs, &given)?;
        fit(&returned, &outputs)?;
    }
    Ok(Action::If { calls })
}

fn prepare_while(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let Pair::<93>(calls) = node.options()?;
    let [condition, body] = calls;
    let inputs = tensors(node.subgraph, node.operator.inputs.iter().copied())?;
    let outputs = tensors(node.subgraph, node.operator.outputs.iter().copied().map(Some))?;
    fit(&inputs, &outputs)?;
    let (given, returned) = border(node, condition)?;
    fit(&outputs, &given)?;
    let answer = returned.first().filter(|_| returned.len() == 1);
    let sound = answer.is_some_and(|answer| {
        answer.element_type == TensorType::Bool && answer.shape.elements() == 1
    });
    ensure(sound, ErrorKind::OperatorInvalid)?;
    let (given, returned) = border(node, body)?;
    fit(&outputs, &given)?;
    fit(&returned, &outputs)?;
    Ok(Action::While { calls })
}

fn prepare_call_once(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let CallOnceOptions(calls) = node.options()?;
    for number in calls {
        let (given, returned) = border(node, number)?;
        ensure(given.is_empty() && returned.is_empty(), ErrorKind::OperatorInvalid)?;
    }
    Ok(Action::Once { calls, done: request.state(1, Init::Byte(0)) })
}

/// What a subgraph is given and what it returns. The model's own is called by nobody.
fn border<'a>(node: &Node<'a>, number: usize) -> Result<(Vec<&'a Tensor>, Vec<&'a Tensor>)> {
    let called = node.model.subgraphs.get(number).filter(|_| number != 0);
    let called = called.ok_or(ErrorKind::IndexInvalid)?;
    let all = |indices: &[usize]| tensors(called, indices.iter().copied().map(Some));
    Ok((all(&called.inputs)?, all(&called.outputs)?))
}

/// Refuses tensors that are left out.
fn tensors(
    subgraph: &Subgraph,
    indices: impl Iterator<Item = Option<usize>>,
) -> Result<Vec<&Tensor>> {
    let tensor = |index: Option<usize>| {
        index.and_then(|index| subgraph.tensors.get(index)).ok_or(ErrorKind::OperatorInvalid.into())
    };
    indices.map(tensor).collect()
}

/// Refuses tensors that cannot be copied to others as they are.
fn fit(from: &[&Tensor], to: &[&Tensor]) -> Result<()> {
    let pairs = from.iter().zip(to);
    let mut same = pairs.map(|(from, to)| {
        from.element_type == to.element_type && from.bytes == to.bytes
    });
    ensure(from.len() == to.len() && same.all(|same| same), ErrorKind::OperatorInvalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;
    use crate::model::tensor::Location;
    use crate::model::tensor::TensorType::{Bool, Float32};
    use crate::ops::unary::{RELU, RELU6};
    use crate::testing::{Field, Given, bytes_of, floats_of, run, single};

    fn model(op: &Registration, member: u8, outputs: &[Given]) -> Model {
        let inputs = [Given::input(Bool, &[1]), Given::input(Float32, &[2])];
        let fields = [(0, Field::I32(1)), (1, Field::I32(2))];
        single(op, &[&inputs, outputs].concat(), Some((member, &fields)))
    }

    /// A subgraph of one operator on floats.
    fn branch(op: &Registration) -> Subgraph {
        let tensors = [Given::input(Float32, &[2]), Given::output(Float32, &[2])];
        single(op, &tensors, None).subgraphs.remove(0)
    }

    #[test]
    fn the_condition_chooses_the_subgraph() {
        for (condition, expected) in [(1, [7.0, 0.0]), (0, [6.0, 0.0])] {
            let mut model = model(&IF, 92, &[Given::output(Float32, &[2])]);
            model.subgraphs.extend([branch(&RELU), branch(&RELU6)]);
            let outputs = run(model, &[&[condition], &bytes_of(&[7.0, -7.0])]).unwrap();
            assert_eq!(floats_of(&outputs[0]), expected);
        }
    }

    #[test]
    fn a_subgraph_may_give_back_what_it_got() {
        let mut model = model(&IF, 92, &[Given::output(Float32, &[2])]);
        let mut same = branch(&RELU);
        same.operators.clear();
        same.outputs = same.inputs.clone();
        model.subgraphs.extend([same, branch(&RELU6)]);
        let outputs = run(model, &[&[1], &bytes_of(&[7.0, -7.0])]).unwrap();
        assert_eq!(floats_of(&outputs[0]), [7.0, -7.0]);
    }

    #[test]
    fn subgraphs_with_other_borders_are_refused() {
        let mut wide = branch(&RELU);
        wide.inputs.push(1);
        for (subgraph, kind) in [(Some(wide), ErrorKind::OperatorInvalid), (None, ErrorKind::IndexInvalid)] {
            let mut model = model(&IF, 92, &[Given::output(Float32, &[2])]);
            model.subgraphs.push(branch(&RELU));
            model.subgraphs.extend(subgraph);
            assert_eq!(run(model, &[&[1], &[0; 8]]).unwrap_err().kind(), kind);
        }
    }

    /// Runs RELU6 as long as the flag is set, which the body clears or not.
    fn looping(clears: bool) -> Model {
        let outputs = [Given::output(Bool, &[1]), Given::output(Float32, &[2])];
        let mut model = model(&WHILE, 93, &outputs);
        let mut condition = model.subgraphs[0].tensors.clone();
        condition.truncate(2);
        let mut body = branch(&RELU6);
        body.tensors.push(condition[0].clone());
        let mut cleared = condition[0].clone();
        let start = model.bytes.len();
        model.bytes.push(0);
        cleared.location = Location::Constant(start..start + 1);
        body.tensors.push(cleared);
        body.inputs = vec![2, 0];
        body.outputs = vec![if clears { 3 } else { 2 }, 1];
        let (inputs, outputs) = (vec![0, 1], vec![0]);
        model.subgraphs.push(Subgraph { tensors: condition, operators: vec![], inputs, outputs });
        model.subgraphs.push(body);
        model
    }

    #[test]
    fn a_loop_runs_until_its_condition_says_no() {
        let outputs = |flag: u8| run(looping(true), &[&[flag], &bytes_of(&[7.0, -7.0])]).unwrap();
        assert_eq!((outputs(1)[0][0], floats_of(&outputs(1)[1])), (0, vec![6.0, 0.0]));
        assert_eq!((outputs(0)[0][0], floats_of(&outputs(0)[1])), (0, vec![7.0, -7.0]));
    }

    #[test]
    fn a_loop_without_an_end_is_ended() {
        let error = run(looping(false), &[&[1], &[0; 8]]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WorkExceeded);
        assert_eq!(error.place(), crate::Place::Operator { subgraph: 0, operator: 0, code: 119 });
    }
}
