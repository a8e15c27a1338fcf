//! The operators, one file per family.
//!
//! `prepare` checks an operator and computes once whatever does not change: geometry, multipliers,
//! tables, packed weights. The kernel that it returns does arithmetic only. Each file names the
//! upstream kernel whose results it reproduces, and its tests compare it with a plain twin written
//! after upstream's loops.

pub mod add;
pub mod conv;
pub mod depthwise_conv;
pub mod float;
pub mod fully_connected;
pub mod int8;
pub mod pack;
pub mod pad;
pub mod pooling;
pub mod quantize;
pub mod reduce;
pub mod shape;
pub mod softmax;
pub mod window;

use crate::arena::{Inputs, Outputs};
use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::{Reader, Table};
use crate::math::quantization::Activation;
use crate::model::{Model, Operator, Subgraph};
use crate::model::tensor::{Tensor, TensorType};

/// The arithmetic of one operator, ready to run.
pub trait Kernel: Send + Sync {
    /// Computes the outputs; allocates nothing.
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()>;
}

/// What `prepare` makes of an operator.
pub struct Prepared {
    /// Its arithmetic.
    pub kernel: Box<dyn Kernel>,
    /// Multiply-accumulates of one `eval`; 0 for operators that only move or compare.
    pub macs: u64,
    /// Comparisons and additions of one `eval`, where they are more than the bytes that it moves.
    pub comparisons: u64,
    /// Arena bytes that `eval` needs beside its outputs.
    pub scratch_bytes: usize,
    /// Bytes of packed weights and tables that the kernel owns.
    pub packed_bytes: usize,
}

impl Prepared {
    /// A kernel without multiplications, scratch buffer or tables.
    pub fn simple(kernel: impl Kernel + 'static) -> Self {
        Self { kernel: Box::new(kernel), macs: 0, comparisons: 0, scratch_bytes: 0, packed_bytes: 0 }
    }
}

/// An operator and its tensors, as `prepare` sees them.
pub struct Node<'a> {
    /// The model.
    pub model: &'a Model,
    /// The subgraph that the operator is in.
    pub subgraph: &'a Subgraph,
    /// The operator.
    pub operator: &'a Operator,
}

impl<'a> Node<'a> {
    /// Refuses other numbers of inputs and outputs.
    pub fn expect(&self, inputs: core::ops::RangeInclusive<usize>, outputs: usize) -> Result<()> {
        let sound = inputs.contains(&self.operator.inputs.len())
            && self.operator.outputs.len() == outputs;
        ensure(sound, ErrorKind::OperatorInvalid)
    }

    /// The operator's attributes.
    pub fn options<T: Options>(&self) -> Result<T> {
        match self.operator.options {
            Some(found) if found.member == T::MEMBER => {
                T::read(&Reader::new(&self.model.bytes).table(found.position)?)
            }
            _ => Err(ErrorKind::OperatorInvalid.into()),
        }
    }

    /// A required input.
    pub fn input(&self, position: usize) -> Result<&'a Tensor> {
        self.optional_input(position)?.ok_or(ErrorKind::OperatorInvalid.into())
    }

    /// An input that may be left out.
    pub fn optional_input(&self, position: usize) -> Result<Option<&'a Tensor>> {
        match self.operator.inputs.get(position) {
            Some(Some(index)) => self.tensor(*index).map(Some),
            _ => Ok(None),
        }
    }

    /// An output.
    pub fn output(&self, position: usize) -> Result<&'a Tensor> {
        let index = self.operator.outputs.get(position).ok_or(ErrorKind::OperatorInvalid)?;
        self.tensor(*index)
    }

    /// A tensor with elements: few operators know what to do without.
    fn tensor(&self, index: usize) -> Result<&'a Tensor> {
        let tensor = self.subgraph.tensors.get(index).ok_or(ErrorKind::IndexInvalid)?;
        ensure(tensor.shape.elements() > 0, ErrorKind::ShapeInvalid)?;
        Ok(tensor)
    }

    /// The bytes of a tensor that must be constant.
    pub fn constant(&self, tensor: &Tensor) -> Result<&'a [u8]> {
        self.model.constant(tensor).ok_or(ErrorKind::OperatorInvalid.into())
    }

    /// The values of a constant int32 tensor; refuses more than `most`.
    pub fn int32s(&self, tensor: &Tensor, most: usize) -> Result<Vec<i32>> {
        expect_type(tensor, TensorType::Int32)?;
        let (values, _) = self.constant(tensor)?.as_chunks();
        ensure(values.len() <= most, ErrorKind::OperatorInvalid)?;
        gather(values.len(), values.iter().map(|bytes| Ok(i32::from_le_bytes(*bytes))))
    }
}

/// The attributes of an operator: a member of the schema's union `BuiltinOptions`, each value checked for its range.
pub trait Options: Sized {
    /// Its number in the union.
    const MEMBER: u8;
    /// Reads its table.
    fn read(table: &Table<'_>) -> Result<Self>;
}

/// A fused activation among the attributes.
pub fn activation(table: &Table<'_>, slot: usize) -> Result<Activation> {
    Activation::from_schema(table.scalar(slot, 0)?)
}

/// Refuses other element types.
pub fn expect_type(tensor: &Tensor, element_type: TensorType) -> Result<()> {
    ensure(tensor.element_type == element_type, ErrorKind::TypeUnsupported)
}

/// Refuses types that no kernel with weights takes.
pub fn expect_weighted_types(input: &Tensor, filter: &Tensor, output: &Tensor) -> Result<()> {
    match input.element_type {
        TensorType::Float32 => float::expect_types(filter, output),
        _ => int8::expect_types(input, filter, output),
    }
}

/// Memory for weights and tables, or a refusal where it cannot be had.
pub fn allocate<T: Clone>(length: usize, value: T) -> Result<Vec<T>> {
    let mut memory = Vec::new();
    memory.try_reserve_exact(length).map_err(|_| ErrorKind::MemoryExhausted)?;
    memory.resize(length, value);
    Ok(memory)
}

/// As many values as the iterator has, at most `length`: what `collect` does, without its abort where
/// memory cannot be had.
pub fn gather<T>(length: usize, values: impl Iterator<Item = Result<T>>) -> Result<Vec<T>> {
    let mut memory = Vec::new();
    memory.try_reserve_exact(length).map_err(|_| ErrorKind::MemoryExhausted)?;
    for value in values.take(length) {
        memory.push(value?);
    }
    Ok(memory)
}
