//! IF, WHILE and CALL_ONCE: which subgraphs they call. The interpreter does the rest.
//!
//! Upstream: `micro/kernels/if.cc`, `while.cc`, `call_once.cc`. Tensors are copied across the borders of subgraphs.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::limits;
use crate::model::tensor::{Tensor, TensorType};
use crate::model::{OpKey, Subgraph};
use crate::ops::signature::{ANY, BOOL, Signature};
use crate::ops::{Action, Init, Node, Options, Registration, Request};

/// One of two subgraphs, by a condition.
pub static IF: Registration = Registration {
    key: OpKey::Builtin(118),
    name: "IF",
    inputs: 1..=limits::OPERATOR_TENSORS,
    outputs: 0..=limits::OPERATOR_TENSORS,
    types: &[Signature { inputs: &[BOOL, ANY], outputs: &[ANY] }],
    prepare: prepare_if,
};

/// A subgraph as long as another says so.
pub static WHILE: Registration = Registration {
    key: OpKey::Builtin(119),
    name: "WHILE",
    inputs: 1..=limits::OPERATOR_TENSORS,
    outputs: 1..=limits::OPERATOR_TENSORS,
    types: &[Signature { inputs: &[ANY], outputs: &[ANY] }],
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
    let has_bytes = from.iter().all(|from| from.element_type != TensorType::Resource);
    ensure(has_bytes, ErrorKind::TypeUnsupported)?;
    ensure(from.len() == to.len() && same.all(|same| same), ErrorKind::OperatorInvalid)
}
