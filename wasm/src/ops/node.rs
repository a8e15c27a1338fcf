//! An operator and its tensors, as `prepare` sees them.
//!
//! What every operator asks is not inlined: `prepare` runs once, and the core is to be small.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::{Reader, Table};
use crate::file::flexbuffer;
use crate::math::quantization::Activation;
use crate::model::tensor::{Tensor, TensorType};
use crate::model::{Model, Operator, Subgraph};
use crate::ops::channels::Channels;
use crate::ops::gather;

/// An operator of a model.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    /// The model.
    pub model: &'a Model,
    /// The subgraph that the operator is in.
    pub subgraph: &'a Subgraph,
    /// The operator.
    pub operator: &'a Operator,
    /// The variables that tensors of the subgraph name.
    pub handles: &'a [Option<usize>],
    /// Tensors with constant channels; none where that is not known.
    pub channels: &'a [Option<Channels>],
}

/// The attributes of an operator: a member of the schema's union `BuiltinOptions`, each value checked for its range.
pub trait Options: Sized {
    /// Its number in the union.
    const MEMBER: u8;
    /// Reads its table.
    fn read(table: &Table<'_>) -> Result<Self>;
}

impl<'a> Node<'a> {
    /// The operator's attributes.
    pub fn options<T: Options>(&self) -> Result<T> {
        match self.operator.options {
            Some(found) if found.member == T::MEMBER => {
                T::read(&Reader::new(&self.model.bytes).table(found.position)?)
            }
            _ => Err(ErrorKind::OperatorInvalid.into()),
        }
    }

    /// The attributes of a custom operator.
    #[inline(never)]
    pub fn custom_options(&self) -> Result<flexbuffer::Map<'a>> {
        let bytes = self.model.bytes.get(self.operator.custom_options.clone()).unwrap_or(&[]);
        flexbuffer::Value::root(bytes)?.map()
    }

    /// A required input.
    #[inline(never)]
    pub fn input(&self, position: usize) -> Result<&'a Tensor> {
        self.optional_input(position)?.ok_or(ErrorKind::OperatorInvalid.into())
    }

    /// An input that may be left out.
    #[inline(never)]
    pub fn optional_input(&self, position: usize) -> Result<Option<&'a Tensor>> {
        match self.operator.inputs.get(position) {
            Some(Some(index)) => self.with_elements(*index).map(Some),
            _ => Ok(None),
        }
    }

    /// The variable that an input names.
    pub fn handle(&self, position: usize) -> Result<usize> {
        let tensor = self.operator.inputs.get(position).copied().flatten();
        let handle = tensor.and_then(|tensor| self.handles.get(tensor).copied().flatten());
        handle.ok_or(ErrorKind::OperatorInvalid.into())
    }

    /// An output.
    #[inline(never)]
    pub fn output(&self, position: usize) -> Result<&'a Tensor> {
        self.with_elements(self.output_index(position)?)
    }

    /// The index of an output in its subgraph.
    pub fn output_index(&self, position: usize) -> Result<usize> {
        self.operator.outputs.get(position).copied().ok_or(ErrorKind::OperatorInvalid.into())
    }

    /// Few operators know what to do with a tensor without elements.
    fn with_elements(&self, index: usize) -> Result<&'a Tensor> {
        let tensor = self.tensor(index)?;
        ensure(tensor.shape.elements() > 0, ErrorKind::ShapeInvalid)?;
        Ok(tensor)
    }

    /// The channels of the first input, where some were left out.
    pub fn input_channels(&self) -> Option<&'a Channels> {
        let input = self.operator.inputs.first().copied().flatten()?;
        self.channels.get(input)?.as_ref().filter(|channels| channels.compact)
    }

    /// The channels of the first output, where some need not be computed.
    pub fn output_channels(&self) -> Option<&'a Channels> {
        self.channels.get(*self.operator.outputs.first()?)?.as_ref()
    }

    /// A tensor of the subgraph, with elements or without.
    pub fn tensor(&self, index: usize) -> Result<&'a Tensor> {
        self.subgraph.tensors.get(index).ok_or(ErrorKind::IndexInvalid.into())
    }

    /// The bytes of a tensor that must be constant.
    #[inline(never)]
    pub fn constant(&self, tensor: &Tensor) -> Result<&'a [u8]> {
        self.model.constant(tensor).ok_or(ErrorKind::OperatorInvalid.into())
    }

    /// The values of a constant tensor of integers, of which upstream takes the low 32 bits; refuses more than `most`.
    pub fn indices(&self, tensor: &Tensor, most: usize) -> Result<Vec<i32>> {
        let bytes = self.constant(tensor)?;
        let width = match tensor.element_type {
            TensorType::Int8 => 1,
            TensorType::Int16 => 2,
            TensorType::Int32 => 4,
            TensorType::Int64 => 8,
            _ => return Err(ErrorKind::TypeUnsupported.into()),
        };
        ensure(bytes.len() / width <= most, ErrorKind::OperatorInvalid)?;
        let value = |bytes: &[u8]| {
            let value = bytes.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
            let unused = 64 - 8 * width as u32;
            Ok(((value << unused) as i64 >> unused) as i32)
        };
        gather(bytes.len() / width, bytes.chunks_exact(width).map(value))
    }

    /// The values of a constant int32 tensor; refuses more than `most`.
    pub fn int32s(&self, tensor: &Tensor, most: usize) -> Result<Vec<i32>> {
        expect_type(tensor, TensorType::Int32)?;
        let (values, _) = self.constant(tensor)?.as_chunks();
        ensure(values.len() <= most, ErrorKind::OperatorInvalid)?;
        gather(values.len(), values.iter().map(|bytes| Ok(i32::from_le_bytes(*bytes))))
    }
}

/// A fused activation among the attributes.
pub fn activation(table: &Table<'_>, slot: usize) -> Result<Activation> {
    Activation::from_schema(table.scalar(slot, 0)?)
}

/// Refuses other element types, where what is allowed depends on more than the operator.
pub fn expect_type(tensor: &Tensor, element_type: TensorType) -> Result<()> {
    ensure(tensor.element_type == element_type, ErrorKind::TypeUnsupported)
}
