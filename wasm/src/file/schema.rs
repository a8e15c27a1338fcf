//! Typed views of the tables of the TensorFlow Lite schema (version 3): field numbers and defaults
//! live here and nowhere else. Only what the core obeys or refuses is read.

use core::ops::Range;

use crate::error::Result;
use crate::file::flatbuffer::{Reader, Scalars, Table, Tables};
use crate::limits;

/// `Model`, the root.
pub struct ModelTable<'a>(Table<'a>);

impl<'a> ModelTable<'a> {
    /// Reads the root of a file.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        Reader::new(bytes).root(b"TFL3").map(Self)
    }

    /// Schema version.
    pub fn version(&self) -> Result<u32> {
        self.0.scalar(0, 0)
    }

    /// Operator codes that operators name by index.
    pub fn operator_codes(&self) -> Result<impl Iterator<Item = Result<OperatorCodeTable<'a>>>> {
        let tables = self.0.tables(1, limits::TABLE_ENTRIES)?;
        Ok(tables.iter().map(|table| table.map(OperatorCodeTable)))
    }

    /// Subgraphs; the first is the model's, others are called by its operators.
    pub fn subgraphs(&self) -> Result<Tables<'a>> {
        self.0.tables(2, limits::SUBGRAPHS)
    }

    /// Buffers that tensors name by index.
    pub fn buffers(&self) -> Result<impl Iterator<Item = Result<BufferTable<'a>>>> {
        let tables = self.0.tables(4, limits::TENSORS)?;
        Ok(tables.iter().map(|table| table.map(BufferTable)))
    }

    /// Metadata entries: place of the name, and index of the buffer.
    pub fn metadata(&self) -> Result<impl Iterator<Item = Result<(Option<Range<usize>>, u32)>>> {
        let tables = self.0.tables(6, limits::TABLE_ENTRIES)?;
        Ok(tables.iter().map(|table| {
            let table = table?;
            Ok((table.bytes(0)?, table.scalar(1, 0)?))
        }))
    }
}

/// `OperatorCode`.
pub struct OperatorCodeTable<'a>(Table<'a>);

impl OperatorCodeTable<'_> {
    /// The builtin code: the larger of the old byte and the new field, as upstream reads it.
    pub fn builtin_code(&self) -> Result<i32> {
        let deprecated: i8 = self.0.scalar(0, 0)?;
        let code: i32 = self.0.scalar(3, 0)?;
        Ok(code.max(i32::from(deprecated)))
    }

    /// Place of the name of a custom operator.
    pub fn custom_name(&self) -> Result<Option<Range<usize>>> {
        self.0.bytes(1)
    }
}

/// `Buffer`.
pub struct BufferTable<'a>(Table<'a>);

impl BufferTable<'_> {
    /// Where its bytes lie; none or empty for tensors that are computed.
    pub fn data(&self) -> Result<Option<Range<usize>>> {
        self.0.bytes(0)
    }

    /// Bytes behind the FlatBuffer, as large files have them: first byte and count.
    pub fn behind(&self) -> Result<Option<(u64, u64)>> {
        let offset: u64 = self.0.scalar(1, 0)?;
        // 1 stands for an offset that its writer has not filled in.
        Ok(if offset > 1 { Some((offset, self.0.scalar(2, 0)?)) } else { None })
    }
}

/// `SubGraph`.
pub struct SubgraphTable<'a>(pub Table<'a>);

impl<'a> SubgraphTable<'a> {
    /// Its tensors.
    pub fn tensors(&self) -> Result<Tables<'a>> {
        self.0.tables(0, limits::TENSORS)
    }

    /// Indices of its inputs.
    pub fn inputs(&self) -> Result<Option<Scalars<'a, i32>>> {
        self.0.scalars(1, limits::OPERATOR_TENSORS)
    }

    /// Indices of its outputs.
    pub fn outputs(&self) -> Result<Option<Scalars<'a, i32>>> {
        self.0.scalars(2, limits::OPERATOR_TENSORS)
    }

    /// Its operators in order of execution.
    pub fn operators(&self) -> Result<Tables<'a>> {
        self.0.tables(3, limits::OPERATORS)
    }
}

/// `Tensor`.
pub struct TensorTable<'a>(pub Table<'a>);

impl<'a> TensorTable<'a> {
    /// Dimensions; none for a scalar.
    pub fn shape(&self) -> Result<Option<Scalars<'a, i32>>> {
        self.0.scalars(0, limits::RANK)
    }

    /// `TensorType`.
    pub fn element_type(&self) -> Result<i8> {
        self.0.scalar(1, 0)
    }

    /// Index of its buffer.
    pub fn buffer(&self) -> Result<u32> {
        self.0.scalar(2, 0)
    }

    /// Place of its name.
    pub fn name(&self) -> Result<Option<Range<usize>>> {
        self.0.bytes(3)
    }

    /// Its quantisation.
    pub fn quantization(&self) -> Result<Option<QuantizationTable<'a>>> {
        Ok(self.0.table(4)?.map(QuantizationTable))
    }

    /// Whether it keeps its value between invokes.
    pub fn is_variable(&self) -> Result<bool> {
        Ok(self.0.scalar::<u8>(5, 0)? != 0)
    }

    /// Where the table of its sparsity lies, if it is sparse.
    pub fn sparsity(&self) -> Result<Option<usize>> {
        Ok(self.0.table(6)?.map(|table| table.position()))
    }
}

/// `QuantizationParameters`.
pub struct QuantizationTable<'a>(Table<'a>);

impl<'a> QuantizationTable<'a> {
    /// One scale, or one per channel.
    pub fn scales(&self) -> Result<Option<Scalars<'a, f32>>> {
        self.0.scalars(2, limits::ELEMENTS)
    }

    /// One zero point, or one per channel.
    pub fn zero_points(&self) -> Result<Option<Scalars<'a, i64>>> {
        self.0.scalars(3, limits::ELEMENTS)
    }

    /// Whether a custom quantisation is given beside the affine one.
    pub fn has_details(&self) -> Result<bool> {
        Ok(self.0.scalar::<u8>(4, 0)? != 0)
    }

    /// The dimension that has one scale per index.
    pub fn dimension(&self) -> Result<i32> {
        self.0.scalar(6, 0)
    }
}

/// `Operator`.
pub struct OperatorTable<'a>(pub Table<'a>);

impl<'a> OperatorTable<'a> {
    /// Index of its operator code.
    pub fn opcode_index(&self) -> Result<u32> {
        self.0.scalar(0, 0)
    }

    /// Indices of its inputs; -1 for one left out.
    pub fn inputs(&self) -> Result<Option<Scalars<'a, i32>>> {
        self.0.scalars(1, limits::OPERATOR_TENSORS)
    }

    /// Indices of its outputs.
    pub fn outputs(&self) -> Result<Option<Scalars<'a, i32>>> {
        self.0.scalars(2, limits::OPERATOR_TENSORS)
    }

    /// Its options: the number of the union member, and the member.
    pub fn options(&self) -> Result<Option<(u8, Table<'a>)>> {
        let member = self.0.scalar(3, 0)?;
        Ok(self.0.table(4)?.map(|table| (member, table)))
    }

    /// Place of the options of a custom operator: bytes that it alone can read.
    pub fn custom_options(&self) -> Result<Option<Range<usize>>> {
        self.0.bytes(5)
    }

    /// Indices of tensors that stay within the operator.
    pub fn intermediates(&self) -> Result<Option<Scalars<'a, i32>>> {
        self.0.scalars(8, limits::OPERATOR_TENSORS)
    }

    /// Whether options lie outside the FlatBuffer: refused by the model.
    pub fn has_external_options(&self) -> Result<bool> {
        Ok(self.0.scalar::<u64>(9, 0)? != 0)
    }
}
