//! Who writes and who reads a tensor, in the order of execution.

use crate::error::{Error, ErrorKind, Result, ensure};
use crate::model::Subgraph;
use crate::model::tensor::Location;
use crate::model::verify::{operator_place, tensor_place};

/// Every computed tensor is written once, before it is read, and no operator writes what it reads. Variables
/// may be written by any operator, and tensors without elements need not be written at all. Inputs are computed
/// tensors; a subgraph may give back what it got, and constants.
pub fn check_topology(subgraph: &Subgraph, main: bool) -> Result<()> {
    let tensors = &subgraph.tensors;
    let location = |index: usize| tensors.get(index).map(|tensor| &tensor.location);
    let empty = |index: usize| tensors.get(index).is_some_and(|tensor| tensor.bytes == 0);
    let mut readable: Vec<bool> =
        tensors.iter().map(|tensor| !tensor.location.is_computed() || tensor.bytes == 0).collect();
    let is = |flags: &[bool], index: usize| flags.get(index).copied().unwrap_or(false);
    let invalid = Error::new(ErrorKind::GraphInvalid);
    for &index in subgraph.inputs.iter().chain(&subgraph.outputs) {
        let held = tensors.get(index).is_none_or(|tensor| tensor.element_type.is_held());
        ensure(held, ErrorKind::TypeUnsupported).map_err(|error| error.at(tensor_place(index)))?;
    }
    for &index in &subgraph.inputs {
        if empty(index) {
            ensure(!main, ErrorKind::ShapeInvalid).map_err(|error| error.at(tensor_place(index)))?;
            continue;
        }
        let handle = main && location(index) == Some(&Location::Resource);
        if is(&readable, index) || handle {
            return Err(invalid.at(tensor_place(index)));
        }
        set(&mut readable, index);
    }
    for (position, operator) in subgraph.operators.iter().enumerate() {
        let refuse = || Err(invalid.at(operator_place(position, operator.code)));
        if !operator.inputs.iter().flatten().all(|&index| is(&readable, index)) {
            return refuse();
        }
        for (earlier, &index) in operator.outputs.iter().enumerate() {
            if empty(index) {
                continue;
            }
            let sound = match location(index) {
                Some(Location::Variable) => {
                    let others = operator.outputs.iter().take(earlier);
                    !operator.inputs.contains(&Some(index)) && !others.into_iter().any(|&other| other == index)
                }
                _ => !is(&readable, index),
            };
            if !sound {
                return refuse();
            }
            set(&mut readable, index);
        }
    }
    for &index in &subgraph.outputs {
        let handle = location(index) == Some(&Location::Resource);
        if !is(&readable, index) || main && handle {
            return Err(invalid.at(tensor_place(index)));
        }
    }
    Ok(())
}

fn set(flags: &mut [bool], index: usize) {
    if let Some(flag) = flags.get_mut(index) {
        *flag = true;
    }
}
