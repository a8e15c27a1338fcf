//! Codes of different lengths, looked up in tables that lead from one to the next.
//!
//! An entry is 16 or 32 bits wide. Its highest bit says whether a symbol is found; the next four are either how many bits
//! of the last lookup the symbol has used, or one less than how many bits the next lookup takes; the rest is the symbol,
//! or how far from here the next table begins.

use super::{Decoder, HEADER, bits};
use crate::error::{ErrorKind, Result, ensure};
use crate::model::tensor::{Tensor, TensorType};

pub struct Huffman {
    /// Bytes of an element.
    size: usize,
    /// Bytes of an entry.
    entry: usize,
    /// Bits of the first lookup of a symbol.
    first: usize,
}

impl Huffman {
    pub fn new(header: &[u8; HEADER], output: &Tensor) -> Result<Self> {
        let (entry, sound) = match (header[5] & 1, output.element_type) {
            (0, TensorType::Int8) => (2, true),
            (1, TensorType::Int8 | TensorType::Int16) => (4, true),
            _ => (2, false),
        };
        ensure(sound, ErrorKind::TypeUnsupported)?;
        Ok(Self { size: output.element_type.bits() / 8, entry, first: usize::from(header[5] >> 4) + 1 })
    }

    /// An entry of the table: whether it is a symbol, its count and the rest.
    fn entry(&self, table: &[u8], at: usize) -> Result<(bool, usize, u32)> {
        let bytes = table.chunks_exact(self.entry).nth(at).ok_or(ErrorKind::OperatorInvalid)?;
        let entry = bytes.iter().rev().fold(0u32, |entry, byte| entry << 8 | u32::from(*byte));
        let width = 8 * self.entry as u32 - 5;
        Ok((entry >> (width + 4) != 0, (entry >> width & 15) as usize, entry & ((1 << width) - 1)))
    }
}

impl Decoder for Huffman {
    fn decode(&self, codes: &[u8], table: &[u8], output: &mut [u8]) -> Result<()> {
        let (end, mut position) = (codes.len() * 8, 0);
        for element in output.chunks_exact_mut(self.size) {
            let (mut at, mut width) = (0, self.first);
            let (used, symbol) = loop {
                // Lookups take more bits than short symbols have: the last of them may look behind the end.
                ensure(position <= end, ErrorKind::OperatorInvalid)?;
                at += bits(codes, position, width);
                position += width;
                let (found, count, rest) = self.entry(table, at)?;
                if found {
                    break (count, rest);
                }
                // Each round takes a bit at least.
                width = count + 1;
                at += rest as usize;
            };
            position -= width.saturating_sub(used);
            ensure(position <= end, ErrorKind::OperatorInvalid)?;
            for (slot, byte) in element.iter_mut().zip(symbol.to_le_bytes()) {
                *slot = byte;
            }
        }
        Ok(())
    }
}
