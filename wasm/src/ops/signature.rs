//! The element types that an operator takes, as data: what is refused, what the README lists and what tests try
//! comes from the same table.

use crate::error::{ErrorKind, Result, ensure};
use crate::model::Operator;
use crate::model::tensor::{Tensor, TensorType};
use crate::ops::Node;

/// A set of element types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types(u32);

impl Types {
    const fn of(element_type: TensorType) -> Self {
        Self(1 << element_type as u32)
    }

    /// Types of either set.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Types of this set that are not in the other.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// As bits, by the schema's numbers.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Whether a type is in the set.
    pub fn contains(self, element_type: TensorType) -> bool {
        self.0 & Self::of(element_type).0 != 0
    }
}

/// float32.
pub const FLOAT32: Types = Types::of(TensorType::Float32);
/// float16.
pub const FLOAT16: Types = Types::of(TensorType::Float16);
/// int4.
pub const INT4: Types = Types::of(TensorType::Int4);
/// int8.
pub const INT8: Types = Types::of(TensorType::Int8);
/// int16.
pub const INT16: Types = Types::of(TensorType::Int16);
/// int32.
pub const INT32: Types = Types::of(TensorType::Int32);
/// int64.
pub const INT64: Types = Types::of(TensorType::Int64);
/// uint8.
pub const UINT8: Types = Types::of(TensorType::Uint8);
/// uint32.
pub const UINT32: Types = Types::of(TensorType::Uint32);
/// uint64.
pub const UINT64: Types = Types::of(TensorType::Uint64);
/// bool.
pub const BOOL: Types = Types::of(TensorType::Bool);
/// The name of a variable.
pub const HANDLE: Types = Types::of(TensorType::Resource).or(INT32);
/// Every type that has bytes.
pub const ANY: Types = {
    let mut bits = 0;
    let mut number = 0;
    while number < 32 {
        if let Ok(element_type) = TensorType::from_schema(number)
            && element_type.is_held()
        {
            bits |= 1 << number;
        }
        number += 1;
    }
    Types(bits).without(Types::of(TensorType::Resource))
};
/// The type of the first input.
pub const SAME: Types = Types(0);

/// Types that go together. The last of a list counts for all that follow.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Of the inputs; those left out do not matter.
    pub inputs: &'static [Types],
    /// Of the outputs.
    pub outputs: &'static [Types],
}

/// Refuses an operator whose tensors fit none of the signatures.
pub fn check(signatures: &[Signature], node: &Node<'_>) -> Result<()> {
    let found = fits(signatures, |tensor| node.subgraph.tensors.get(tensor), node.operator);
    ensure(found, ErrorKind::TypeUnsupported)
}

/// Whether the tensors of an operator fit one of the signatures.
pub fn fits<'a>(
    signatures: &[Signature],
    tensor: impl Fn(usize) -> Option<&'a Tensor>,
    operator: &Operator,
) -> bool {
    let type_of = |index: Option<usize>| index.and_then(&tensor).map(|tensor| tensor.element_type);
    let first = type_of(operator.inputs.first().copied().flatten());
    let fits = |types: &[Types], position: usize, found: Option<TensorType>| {
        let (Some(found), Some(types)) = (found, types.get(position).or(types.last())) else {
            return true;
        };
        if *types == SAME { first.is_none_or(|first| first == found) } else { types.contains(found) }
    };
    let matches = |signature: &Signature| {
        let mut inputs = operator.inputs.iter().enumerate();
        let mut outputs = operator.outputs.iter().enumerate();
        inputs.all(|(at, input)| fits(signature.inputs, at, type_of(*input)))
            && outputs.all(|(at, output)| fits(signature.outputs, at, type_of(Some(*output))))
    };
    signatures.iter().any(matches)
}
