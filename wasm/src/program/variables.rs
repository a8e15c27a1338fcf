//! Variables that operators share by name: which tensor names which, and how large they are.

use core::ops::Range;

use crate::error::{Error, ErrorKind, Result, ensure};
use crate::model::{Model, Subgraph};
use crate::ops::{Action, Extra, Init, VariableName};
use crate::program::draft::Drafts;

/// What is known of handles while operators are prepared, callers before those that they call.
pub(crate) struct Handles {
    /// The variable that a tensor names, by subgraph and tensor.
    of: Vec<Vec<Option<usize>>>,
    names: Vec<VariableName>,
    /// What a loop has to give back: subgraph, tensor, variable.
    promised: Vec<(usize, usize, usize)>,
}

impl Handles {
    pub(crate) fn new(model: &Model) -> Self {
        let of = model.subgraphs.iter().map(|subgraph| vec![None; subgraph.tensors.len()]).collect();
        Self { of, names: Vec::new(), promised: Vec::new() }
    }

    /// Those of a subgraph.
    pub(crate) fn within(&self, subgraph: usize) -> &[Option<usize>] {
        self.of.get(subgraph).map_or(&[], Vec::as_slice)
    }

    /// Learns what a prepared operator says: a name, or handles that it gives to those that it calls.
    pub(crate) fn learn(&mut self, model: &Model, (subgraph, operator): (usize, usize), action: &Action) -> Result<()> {
        let operator = model.operator(subgraph, operator).ok_or(ErrorKind::EngineInternal)?;
        match action {
            Action::Handle(name) => {
                let variable = self.variable(model, name);
                for &output in &operator.outputs {
                    self.set((subgraph, output), variable)?;
                }
            }
            Action::If { calls } => {
                let given = operator.inputs.iter().skip(1).copied();
                self.give(model, (subgraph, &given.collect::<Vec<_>>()), calls)?;
            }
            Action::While { calls } => {
                self.give(model, (subgraph, &operator.inputs), calls)?;
                let body = calls.last().and_then(|&body| Some((body, model.subgraphs.get(body)?)));
                for (position, (input, &output)) in operator.inputs.iter().zip(&operator.outputs).enumerate() {
                    let Some(variable) = input.and_then(|input| self.find(subgraph, input)) else { continue };
                    self.set((subgraph, output), variable)?;
                    let (number, body): (usize, &Subgraph) = body.ok_or(ErrorKind::EngineInternal)?;
                    let returned = body.outputs.get(position).ok_or(ErrorKind::EngineInternal)?;
                    self.promised.push((number, *returned, variable));
                }
            }
            Action::Run(_) | Action::Nothing | Action::Constant(_) | Action::Once { .. } => {}
        }
        Ok(())
    }

    /// Loops that would go on with another variable than they began with are refused.
    pub(crate) fn check(&self) -> Result<()> {
        let kept = |&(subgraph, tensor, variable): &(usize, usize, usize)| {
            self.find(subgraph, tensor) == Some(variable)
        };
        ensure(self.promised.iter().all(kept), ErrorKind::GraphInvalid)
    }

    fn find(&self, subgraph: usize, tensor: usize) -> Option<usize> {
        self.within(subgraph).get(tensor).copied().flatten()
    }

    /// The number of a variable. A handle without a container names one of any.
    fn variable(&mut self, model: &Model, name: &VariableName) -> usize {
        let bytes = |range: &Option<Range<usize>>| range.as_ref().and_then(|range| model.bytes.get(range.clone()));
        let same = |known: &VariableName| {
            let (one, other) = (bytes(&known.container), bytes(&name.container));
            bytes(&known.shared_name) == bytes(&name.shared_name)
                && (one.is_none() || other.is_none() || one == other)
        };
        self.names.iter().position(same).unwrap_or_else(|| {
            self.names.push(name.clone());
            self.names.len() - 1
        })
    }

    /// Called from two places, a subgraph has to be given the same variables.
    fn give(&mut self, model: &Model, (subgraph, given): (usize, &[Option<usize>]), calls: &[usize]) -> Result<()> {
        for &callee in calls {
            let inputs = model.subgraphs.get(callee).map_or(&[][..], |found| &found.inputs);
            for (given, &input) in given.iter().zip(inputs) {
                if let Some(variable) = given.and_then(|given| self.find(subgraph, given)) {
                    self.set((callee, input), variable)?;
                }
            }
        }
        Ok(())
    }

    fn set(&mut self, (subgraph, tensor): (usize, usize), variable: usize) -> Result<()> {
        let slot = self.of.get_mut(subgraph).and_then(|handles| handles.get_mut(tensor));
        let slot = slot.ok_or(ErrorKind::EngineInternal)?;
        ensure(slot.is_none_or(|known| known == variable), ErrorKind::GraphInvalid)?;
        *slot = Some(variable);
        Ok(())
    }
}

/// How large each variable is and what it holds at first. All that use it have to agree on its size, and at least one has
/// to give it a value: upstream reads undefined bytes otherwise.
pub(crate) fn variables(model: &Model, drafts: &Drafts) -> Result<Vec<(usize, Init)>> {
    let mut found: Vec<(Option<usize>, Option<Init>, Error)> = Vec::new();
    for (subgraph, drafts) in drafts.0.iter().enumerate() {
        for (operator, draft) in drafts.iter().flatten().enumerate() {
            for extra in &draft.request.extras {
                let Extra::Variable(number, bytes, init) = extra else { continue };
                let refusal = Error::new(ErrorKind::OperatorInvalid).at(model.place(subgraph, operator));
                if found.len() <= *number {
                    found.resize(*number + 1, (None, None, refusal));
                }
                let slot = found.get_mut(*number).ok_or(ErrorKind::EngineInternal)?;
                if slot.0.is_some_and(|known| known != *bytes) {
                    return Err(refusal);
                }
                slot.0 = Some(*bytes);
                slot.1 = slot.1.take().or(init.clone());
            }
        }
    }
    let complete = |(bytes, init, refusal): (Option<usize>, Option<Init>, Error)| match bytes {
        // Named, and used by nobody.
        None => Ok((0, Init::Byte(0))),
        Some(bytes) => init.map(|init| (bytes, init)).ok_or(refusal),
    };
    found.into_iter().map(complete).collect()
}
