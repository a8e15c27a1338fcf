//! Models of uint8, as older converters wrote them. A shift by 128 makes them models of int8 with the same real values: upstream has kernels
//! for these alone. Who runs the model sees uint8 all the same.

use core::ops::Range;

use crate::error::{ErrorKind, Result, ensure};
use crate::limits;
use crate::model::Model;
use crate::model::tensor::{Location, Tensor, TensorType};
use crate::ops::{Registry, signature};

/// What turns a byte of uint8 into that of int8, and back.
pub(crate) const SHIFT: u8 = 0x80;

/// Shifts all quantised tensors of uint8, where an operator of the model takes none.
pub(crate) fn shift(model: &mut Model, registry: &Registry) -> Result<()> {
    let is_unsigned = |tensor: &Tensor| tensor.element_type == TensorType::Uint8 && tensor.quantization.is_some();
    let refuses = |subgraph: usize, index: usize| {
        let Some(operator) = model.operator(subgraph, index) else { return false };
        let tensors = operator.inputs.iter().flatten().chain(&operator.outputs);
        let mut tensors = tensors.filter_map(|&tensor| model.tensor(subgraph, tensor));
        let found = registry.find(model.key(operator));
        tensors.any(is_unsigned)
            && found.is_ok_and(|found| !signature::fits(found.types, |tensor| model.tensor(subgraph, tensor), operator))
    };
    let mut all = model.subgraphs.iter().enumerate().flat_map(|(number, subgraph)| (0..subgraph.operators.len()).map(move |index| (number, index)));
    if !all.any(|(subgraph, index)| refuses(subgraph, index)) {
        return Ok(());
    }
    let Model { bytes, subgraphs, .. } = model;
    let most = bytes.len() + limits::FILE_BYTES;
    for tensor in subgraphs.iter_mut().flat_map(|subgraph| &mut subgraph.tensors) {
        if !is_unsigned(tensor) {
            continue;
        }
        if let Location::Constant(range) = &tensor.location {
            tensor.location = Location::Constant(append_shifted(bytes, range.clone(), most)?);
        }
        tensor.element_type = TensorType::Int8;
        tensor.unsigned = true;
        if let Some(quantization) = &mut tensor.quantization {
            quantization.zero_point -= i32::from(SHIFT);
            quantization.zero_points.iter_mut().for_each(|zero_point| *zero_point -= i32::from(SHIFT));
        }
    }
    Ok(())
}

/// Constants may share their bytes with others: shifted ones are put behind the file.
fn append_shifted(bytes: &mut Vec<u8>, range: Range<usize>, most: usize) -> Result<Range<usize>> {
    let start = bytes.len();
    ensure(start + range.len() <= most, ErrorKind::ModelTooLarge)?;
    bytes.try_reserve(range.len()).map_err(|_| ErrorKind::MemoryExhausted)?;
    bytes.extend_from_within(range);
    for byte in bytes.iter_mut().skip(start) {
        *byte ^= SHIFT;
    }
    Ok(start..bytes.len())
}
