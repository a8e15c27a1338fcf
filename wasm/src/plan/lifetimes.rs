//! When tensors are in use: one timeline over all subgraphs that the model runs.
//!
//! Upstream: `micro/micro_allocation_info.cc` (`MarkAllocationLifetimes`). Every operator is a moment of its own, and so
//! is the entry of every subgraph that one calls: between the making of its outputs and the last use of its inputs.

use crate::error::{ErrorKind, Result, ensure};
use crate::limits;
use crate::model::{Model, Subgraph};

/// First and last moment of use, both included.
pub type Lifetime = (usize, usize);

/// Moments of use, by subgraph.
pub struct Lifetimes {
    /// Of each tensor; none where it is never used.
    pub tensors: Vec<Vec<Option<Lifetime>>>,
    /// Of each operator, with whatever it calls.
    pub operators: Vec<Vec<Option<Lifetime>>>,
}

/// Marks all lifetimes. Who calls whom, (subgraph, operator), has been checked: not too deep, never in a circle.
pub fn lifetimes<'a>(
    model: &Model,
    calls: &impl Fn(usize, usize) -> &'a [usize],
) -> Result<Lifetimes> {
    let none = |length: usize| vec![None; length];
    let mut marker = Marker {
        model,
        found: Lifetimes {
            tensors: model.subgraphs.iter().map(|subgraph| none(subgraph.tensors.len())).collect(),
            operators: model.subgraphs.iter().map(|subgraph| none(subgraph.operators.len())).collect(),
        },
        now: 0,
    };
    marker.mark_subgraph(0, calls)?;
    Ok(marker.found)
}

struct Marker<'m> {
    model: &'m Model,
    found: Lifetimes,
    now: usize,
}

impl<'m> Marker<'m> {
    fn mark_subgraph<'a>(
        &mut self,
        number: usize,
        calls: &impl Fn(usize, usize) -> &'a [usize],
    ) -> Result<()> {
        let model: &'m Model = self.model;
        let subgraph: &Subgraph = model.subgraphs.get(number).ok_or(ErrorKind::IndexInvalid)?;
        for &tensor in &subgraph.inputs {
            self.mark_tensor(number, tensor);
        }
        for (index, operator) in subgraph.operators.iter().enumerate() {
            self.tick()?;
            for &tensor in &operator.outputs {
                self.mark_tensor(number, tensor);
            }
            self.mark_operator(number, index);
            for &callee in calls(number, index) {
                self.tick()?;
                self.mark_subgraph(callee, calls)?;
            }
            for &tensor in operator.outputs.iter().chain(operator.inputs.iter().flatten()) {
                self.mark_tensor(number, tensor);
            }
            self.mark_operator(number, index);
        }
        for &tensor in &subgraph.outputs {
            self.mark_tensor(number, tensor);
        }
        Ok(())
    }

    /// A subgraph that is called often is walked often.
    fn tick(&mut self) -> Result<()> {
        self.now += 1;
        ensure(self.now <= limits::MOMENTS, ErrorKind::ModelTooLarge)
    }

    fn mark_tensor(&mut self, subgraph: usize, tensor: usize) {
        mark(self.found.tensors.get_mut(subgraph), tensor, self.now);
    }

    fn mark_operator(&mut self, subgraph: usize, operator: usize) {
        mark(self.found.operators.get_mut(subgraph), operator, self.now);
    }
}

fn mark(lifetimes: Option<&mut Vec<Option<Lifetime>>>, index: usize, now: usize) {
    if let Some(slot) = lifetimes.and_then(|lifetimes| lifetimes.get_mut(index)) {
        let (first, last) = slot.unwrap_or((now, now));
        *slot = Some((first.min(now), last.max(now)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Operator;
    use crate::model::tensor::{Location, Shape, Tensor, TensorType};

    fn subgraph(tensors: usize, inputs: &[usize], outputs: &[usize], operators: &[(&[usize], &[usize])]) -> Subgraph {
        let tensor = Tensor {
            name: 0..0,
            element_type: TensorType::Int8,
            shape: Shape::new(&[1]).unwrap(),
            bytes: 1,
            quantization: None,
            location: Location::Arena,
            unsigned: false,
        };
        let operator = |(inputs, outputs): &(&[usize], &[usize])| Operator {
            inputs: inputs.iter().copied().map(Some).collect(),
            outputs: outputs.to_vec(),
            ..Operator::default()
        };
        Subgraph {
            tensors: vec![tensor; tensors],
            operators: operators.iter().map(operator).collect(),
            inputs: inputs.to_vec(),
            outputs: outputs.to_vec(),
        }
    }

    #[test]
    fn what_an_operator_calls_lies_between_its_outputs_and_the_end_of_its_inputs() {
        // 0 -> [calls 1 and 2] -> 1 -> 2; each of the others is one operator.
        let main = subgraph(3, &[0], &[2], &[(&[0], &[1]), (&[1], &[2])]);
        let branch = || subgraph(2, &[0], &[1], &[(&[0], &[1])]);
        let model = Model { bytes: vec![], subgraphs: vec![main, branch(), branch()], is_planned: false };
        let calls = |subgraph, operator| -> &[usize] {
            if (subgraph, operator) == (0, 0) { &[1, 2] } else { &[] }
        };
        let found = lifetimes(&model, &calls).unwrap();
        assert_eq!(found.tensors[0], [Some((0, 5)), Some((1, 6)), Some((6, 6))]);
        assert_eq!(found.tensors[1], [Some((2, 3)), Some((3, 3))]);
        assert_eq!(found.tensors[2], [Some((4, 5)), Some((5, 5))]);
        assert_eq!(found.operators[0], [Some((1, 5)), Some((6, 6))]);
    }

    #[test]
    fn what_is_never_used_or_never_called_has_no_lifetime() {
        let model = Model {
            bytes: vec![],
            subgraphs: vec![subgraph(2, &[0], &[0], &[]), subgraph(1, &[0], &[0], &[])],
            is_planned: false,
        };
        let found = lifetimes(&model, &|_, _| &[]).unwrap();
        assert_eq!(found.tensors, [vec![Some((0, 0)), None], vec![None]]);
    }
}
