//! Indices of equal width into a table of values for each channel.

use super::{Channels, Decoder, HEADER, bits};
use crate::error::{ErrorKind, Result, ensure};
use crate::model::tensor::Tensor;

pub struct Lut {
    channels: Channels,
    /// Bytes of an element.
    size: usize,
    /// Bits of an index.
    width: usize,
    /// Elements from one channel's table to the next.
    stride: usize,
}

impl Lut {
    pub fn new(header: &[u8; HEADER], output: &Tensor) -> Result<Self> {
        let width = usize::from(header[5] & 7);
        ensure(width > 0, ErrorKind::OperatorInvalid)?;
        let size = output.element_type.bits() / 8;
        Ok(Self { channels: Channels::new(output)?, size, width, stride: usize::from(header[6]) })
    }
}

impl Decoder for Lut {
    fn decode(&self, codes: &[u8], table: &[u8], output: &mut [u8]) -> Result<()> {
        let Self { channels, size, width, stride } = self;
        let elements = output.chunks_exact_mut(*size);
        let needed = elements.len() as u64 * *width as u64;
        ensure(needed <= codes.len() as u64 * 8, ErrorKind::OperatorInvalid)?;
        for (at, element) in elements.enumerate() {
            let index = channels.of(at) * stride + bits(codes, at * width, *width);
            let value = table.chunks_exact(*size).nth(index).ok_or(ErrorKind::OperatorInvalid)?;
            element.copy_from_slice(value);
        }
        Ok(())
    }
}
