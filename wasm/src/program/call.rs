//! Steps that run other subgraphs: which, when, and what is copied across their borders.

use core::ops::Range;

use crate::error::{ErrorKind, Result};
use crate::model::Operator;
use crate::model::tensor::Location;
use crate::ops::Action;
use crate::program::Program;
use crate::run::io::{Port, Ports, Slot};

/// Bytes that cross the border of a subgraph.
pub(crate) struct Copy {
    pub(crate) from: Slot,
    pub(crate) to: Range<usize>,
}

/// A subgraph that is called, what it is given and what it gives back.
pub(crate) struct Branch {
    pub(crate) subgraph: usize,
    pub(crate) enter: Vec<Copy>,
    pub(crate) leave: Vec<Copy>,
}

/// A call, laid out.
pub(crate) enum Call {
    /// One of two, by the first byte of what is behind the slot.
    If { condition: Slot, then: Branch, otherwise: Branch },
    /// What the operator is given is copied to its outputs, which go round until the condition's output says no.
    While { start: Vec<Copy>, condition: Branch, go_on: Slot, body: Branch },
    /// The first time after a reset.
    Once { setup: Branch, done: Range<usize> },
}

impl Program {
    /// Lays out the call of an operator whose action is one.
    pub(crate) fn call(
        &self,
        subgraph: usize,
        operator: &Operator,
        action: Action,
        ports: &Ports,
    ) -> Result<Call> {
        let internal = ErrorKind::EngineInternal;
        let inputs = Border(subgraph, operator.inputs.iter().copied().collect::<Option<Vec<_>>>());
        let outputs = Border(subgraph, Some(operator.outputs.clone()));
        Ok(match action {
            Action::If { calls: [then, otherwise] } => {
                let branch = |number| -> Result<Branch> {
                    let enter = self.copies(&inputs.skip_one(), &self.entry(number))?;
                    let leave = self.copies(&self.exit(number), &outputs)?;
                    Ok(Branch { subgraph: number, enter, leave })
                };
                let condition = ports.slot(Port::Input(0)).ok_or(internal)?.clone();
                Call::If { condition, then: branch(then)?, otherwise: branch(otherwise)? }
            }
            Action::While { calls: [condition, body] } => {
                let go_on = self.exit(condition).first().ok_or(internal)?;
                Call::While {
                    start: self.copies(&inputs, &outputs)?,
                    condition: Branch {
                        subgraph: condition,
                        enter: self.copies(&outputs, &self.entry(condition))?,
                        leave: Vec::new(),
                    },
                    go_on: self.slot(condition, go_on)?,
                    body: Branch {
                        subgraph: body,
                        enter: self.copies(&outputs, &self.entry(body))?,
                        leave: self.copies(&self.exit(body), &outputs)?,
                    },
                }
            }
            Action::Once { calls: [setup], done } => {
                let Some(Slot::Writable(done)) = ports.slot(done) else {
                    return Err(internal.into());
                };
                let setup = Branch { subgraph: setup, enter: Vec::new(), leave: Vec::new() };
                Call::Once { setup, done: done.clone() }
            }
            Action::Run(_) | Action::Nothing | Action::Constant(_) | Action::Handle(_) => return Err(internal.into()),
        })
    }

    fn entry(&self, subgraph: usize) -> Border {
        Border(subgraph, self.model.subgraphs.get(subgraph).map(|found| found.inputs.clone()))
    }

    fn exit(&self, subgraph: usize) -> Border {
        Border(subgraph, self.model.subgraphs.get(subgraph).map(|found| found.outputs.clone()))
    }

    fn copies(&self, from: &Border, to: &Border) -> Result<Vec<Copy>> {
        let internal = ErrorKind::EngineInternal;
        let (Border(from_subgraph, Some(from)), Border(to_subgraph, Some(to))) = (from, to) else {
            return Err(internal.into());
        };
        let mut copies = Vec::new();
        for (&from, &to) in from.iter().zip(to) {
            // Which variable a handle names is known on both sides.
            if self.model.tensor(*to_subgraph, to).is_some_and(|found| found.location == Location::Resource) {
                continue;
            }
            let to = self.place(*to_subgraph, to).ok_or(internal)?;
            copies.push(Copy { from: self.slot(*from_subgraph, from)?, to });
        }
        Ok(copies)
    }
}

/// Tensors of a subgraph.
struct Border(usize, Option<Vec<usize>>);

impl Border {
    fn skip_one(&self) -> Self {
        Self(self.0, self.1.as_ref().map(|tensors| tensors.iter().skip(1).copied().collect()))
    }

    fn first(&self) -> Option<usize> {
        self.1.as_ref()?.first().copied()
    }
}
