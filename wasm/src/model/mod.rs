//! The verified model: typed, immutable, all of its subgraphs.

pub mod tensor;
mod verify;

use core::ops::Range;

use crate::error::Place;
use crate::model::tensor::{Location, Tensor};

/// The builtin code of operators that a name tells apart.
pub const CUSTOM: i32 = 32;

/// What tells an operator from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpKey<'a> {
    /// A number of the schema's `BuiltinOperator`.
    Builtin(i32),
    /// A name of the application's own.
    Custom(&'a [u8]),
}

/// Options of a builtin operator, which only the operator's own `prepare` reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionsAt {
    /// Member of the schema's union `BuiltinOptions`.
    pub member: u8,
    /// Where its table lies in the file.
    pub position: usize,
}

/// An operator of the verified model.
#[derive(Clone, Debug, Default)]
pub struct Operator {
    /// Builtin code; [`CUSTOM`] where a name tells the operator.
    pub code: i32,
    /// Where the name of a custom operator lies in the file.
    pub custom_name: Range<usize>,
    /// Indices of tensors; none where an optional input is left out.
    pub inputs: Vec<Option<usize>>,
    /// Indices of tensors.
    pub outputs: Vec<usize>,
    /// Indices of tensors that stay within the operator.
    pub intermediates: Vec<usize>,
    /// Attributes of a builtin operator.
    pub options: Option<OptionsAt>,
    /// Where the attributes of a custom operator lie in the file.
    pub custom_options: Range<usize>,
}

/// A subgraph: what the model runs, or what one of its operators calls.
#[derive(Clone, Debug, Default)]
pub struct Subgraph {
    /// Tensors.
    pub tensors: Vec<Tensor>,
    /// Operators in order of execution.
    pub operators: Vec<Operator>,
    /// Indices of the inputs.
    pub inputs: Vec<usize>,
    /// Indices of the outputs.
    pub outputs: Vec<usize>,
}

/// A verified model with its file.
#[derive(Clone, Debug)]
pub struct Model {
    /// The file.
    pub bytes: Vec<u8>,
    /// At least one; the first is the model's own.
    pub subgraphs: Vec<Subgraph>,
    /// Whether the file says where tensors lie in the arena, which the core does not obey.
    pub is_planned: bool,
}

impl Model {
    /// The model's own subgraph.
    pub fn main(&self) -> &Subgraph {
        static EMPTY: Subgraph = Subgraph {
            tensors: Vec::new(),
            operators: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        self.subgraphs.first().unwrap_or(&EMPTY)
    }

    /// A tensor of any subgraph.
    pub fn tensor(&self, subgraph: usize, tensor: usize) -> Option<&Tensor> {
        self.subgraphs.get(subgraph)?.tensors.get(tensor)
    }

    /// An operator of any subgraph.
    pub fn operator(&self, subgraph: usize, operator: usize) -> Option<&Operator> {
        self.subgraphs.get(subgraph)?.operators.get(operator)
    }

    /// An operator as the place of a refusal.
    pub fn place(&self, subgraph: usize, operator: usize) -> Place {
        let code = self.operator(subgraph, operator).map_or(-1, |operator| operator.code);
        Place::Operator { subgraph, operator, code }
    }

    /// What tells an operator from others.
    pub fn key(&self, operator: &Operator) -> OpKey<'_> {
        match operator.code {
            CUSTOM => OpKey::Custom(self.bytes.get(operator.custom_name.clone()).unwrap_or(&[])),
            code => OpKey::Builtin(code),
        }
    }

    /// The bytes of a constant tensor.
    pub fn constant(&self, tensor: &Tensor) -> Option<&[u8]> {
        match &tensor.location {
            Location::Constant(range) => self.bytes.get(range.clone()),
            _ => None,
        }
    }
}
