//! Shapes, element types and quantisation of tensors.

use core::ops::Range;

use crate::error::{Error, ErrorKind, Result, ensure};
use crate::limits;

/// Element types. The numbers are those of the schema's `TensorType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum TensorType {
    Float32 = 0,
    Float16 = 1,
    Int32 = 2,
    Uint8 = 3,
    Int64 = 4,
    String = 5,
    Bool = 6,
    Int16 = 7,
    Complex64 = 8,
    Int8 = 9,
    Float64 = 10,
    Complex128 = 11,
    Uint64 = 12,
    /// The name of a variable that operators share; has no bytes here.
    Resource = 13,
    Variant = 14,
    Uint32 = 15,
    Uint16 = 16,
    /// Two to a byte, the first in the low half; weights only.
    Int4 = 17,
    Bfloat16 = 18,
}

impl TensorType {
    /// From the schema's number.
    pub const fn from_schema(number: i8) -> Result<Self> {
        Ok(match number {
            0 => Self::Float32,
            1 => Self::Float16,
            2 => Self::Int32,
            3 => Self::Uint8,
            4 => Self::Int64,
            5 => Self::String,
            6 => Self::Bool,
            7 => Self::Int16,
            8 => Self::Complex64,
            9 => Self::Int8,
            10 => Self::Float64,
            11 => Self::Complex128,
            12 => Self::Uint64,
            13 => Self::Resource,
            14 => Self::Variant,
            15 => Self::Uint32,
            16 => Self::Uint16,
            17 => Self::Int4,
            18 => Self::Bfloat16,
            _ => return Err(Error::new(ErrorKind::TypeUnsupported)),
        })
    }

    /// Whether the core can hold such elements. Others are known by name, so that refusals can say all that a model needs.
    pub const fn is_held(self) -> bool {
        self.bits() > 0
    }

    /// Bits of an element; 0 where the core holds none.
    pub const fn bits(self) -> usize {
        match self {
            Self::Float64 | Self::Complex128 | Self::String | Self::Complex64 | Self::Variant | Self::Bfloat16 => 0,
            Self::Int4 => 4,
            Self::Uint8 | Self::Bool | Self::Int8 => 8,
            Self::Int16 | Self::Uint16 | Self::Float16 => 16,
            Self::Float32 | Self::Int32 | Self::Uint32 | Self::Resource => 32,
            Self::Int64 | Self::Uint64 => 64,
        }
    }

    /// Least and greatest value of a quantised type.
    pub const fn range(self) -> Option<(i32, i32)> {
        match self {
            Self::Int4 => Some((-8, 7)),
            Self::Uint8 => Some((0, 255)),
            Self::Int8 => Some((-128, 127)),
            Self::Int16 => Some((-32768, 32767)),
            Self::Int32 => Some((i32::MIN, i32::MAX)),
            _ => None,
        }
    }
}

/// Dimensions; their product is at most [`limits::ELEMENTS`]. A dimension of 0 is for the planner, which gives such a
/// tensor no room, and for those operators that take one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    rank: usize,
    dimensions: [usize; limits::RANK],
    elements: usize,
}

impl Shape {
    /// From dimensions of a file or a test: none is negative.
    pub fn new(dimensions: &[i32]) -> Result<Self> {
        ensure(dimensions.len() <= limits::RANK, ErrorKind::ModelTooLarge)?;
        let mut shape = Self { rank: dimensions.len(), dimensions: [1; limits::RANK], elements: 1 };
        let mut empty = false;
        for (slot, &dimension) in shape.dimensions.iter_mut().zip(dimensions) {
            *slot = usize::try_from(dimension).map_err(|_| ErrorKind::ShapeInvalid)?;
            empty |= dimension == 0;
            // As if there were no zero: products of some of the dimensions are bounded too.
            let elements = shape.elements.saturating_mul((*slot).max(1));
            ensure(elements <= limits::ELEMENTS, ErrorKind::ShapeInvalid)?;
            shape.elements = elements;
        }
        if empty {
            shape.elements = 0;
        }
        Ok(shape)
    }

    /// The dimensions, outermost first.
    pub fn dimensions(&self) -> &[usize] {
        self.dimensions.get(..self.rank).unwrap_or(&[])
    }

    /// How many dimensions.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// How many elements.
    pub fn elements(&self) -> usize {
        self.elements
    }

    /// The last dimension; 1 for a scalar.
    pub fn last(&self) -> usize {
        self.dimensions().last().copied().unwrap_or(1)
    }

    /// Batches, height, width, channels of a tensor of rank 4.
    #[inline(never)]
    pub fn image(&self) -> Result<[usize; 4]> {
        self.dimensions().try_into().map_err(|_| ErrorKind::OperatorInvalid.into())
    }

    /// The dimensions with ones in front, up to the greatest rank: for broadcasting.
    pub fn extended(&self) -> [usize; limits::RANK] {
        let mut extended = [1; limits::RANK];
        for (slot, &dimension) in extended.iter_mut().rev().zip(self.dimensions().iter().rev()) {
            *slot = dimension;
        }
        extended
    }
}

/// real = scale * (quantised - zero point), for the whole tensor or per index of one dimension.
#[derive(Clone, Debug, Default)]
pub struct Quantization {
    /// One scale, or one per index of `dimension`; all finite, and none negative.
    pub scales: Vec<f32>,
    /// The zero point; where there are many scales, the first of many.
    pub zero_point: i32,
    /// All zero points, where they are not equal; else none.
    pub zero_points: Vec<i32>,
    /// The dimension that many scales belong to.
    pub dimension: usize,
}

/// Where a tensor's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the file.
    Constant(Range<usize>),
    /// Computed: in the arena, as long as it is needed.
    Arena,
    /// Kept between invokes: behind the arena, for good.
    Variable,
    /// Nowhere: it names a variable, and which one is known before the first run.
    Resource,
}

impl Location {
    /// Whether an operator has to write it before others can read it.
    pub fn is_computed(&self) -> bool {
        matches!(self, Self::Arena | Self::Resource)
    }
}

/// What turns a byte of uint8 into that of int8 with the same real value, and back ([`Tensor::unsigned`]).
pub const SHIFT: u8 = 0x80;

/// A tensor of the verified model.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// Its name in the file: any bytes, for people only.
    pub name: Range<usize>,
    /// Element type.
    pub element_type: TensorType,
    /// Dimensions.
    pub shape: Shape,
    /// Bytes of its elements, tightly packed.
    pub bytes: usize,
    /// Quantisation; absent for floats and indices.
    pub quantization: Option<Quantization>,
    /// Where its bytes are.
    pub location: Location,
    /// Whether it is of uint8 to the outside, and shifted by 128 here.
    pub unsigned: bool,
}

impl Tensor {
    /// The scale and zero point of a tensor quantised as a whole; the scale is positive.
    #[inline(never)]
    pub fn affine(&self) -> Result<(f32, i32)> {
        match &self.quantization {
            Some(quantization) => match quantization.scales.as_slice() {
                [scale] if *scale > 0.0 => Ok((*scale, quantization.zero_point)),
                _ => Err(ErrorKind::QuantisationInvalid.into()),
            },
            None => Err(ErrorKind::QuantisationInvalid.into()),
        }
    }
}
