//! One bit for each element: the next of the values that are left, or the zero point.

use super::{Channels, Decoder, bits};
use crate::error::{ErrorKind, Result, ensure};
use crate::math::integer;
use crate::model::tensor::{Tensor, TensorType};

pub struct Prune {
    channels: Channels,
    /// Bytes of an element.
    size: usize,
    zero_point: i32,
    /// By channel; none where all are equal.
    zero_points: Vec<i32>,
}

impl Prune {
    pub fn new(output: &Tensor) -> Result<Self> {
        let (zero_point, zero_points) = match &output.quantization {
            Some(quantization) => (quantization.zero_point, quantization.zero_points.clone()),
            None => (0, Vec::new()),
        };
        let symmetric = zero_point == 0 && zero_points.is_empty();
        ensure(symmetric || output.element_type == TensorType::Int8, ErrorKind::QuantisationInvalid)?;
        let size = output.element_type.bits() / 8;
        Ok(Self { channels: Channels::new(output)?, size, zero_point, zero_points })
    }
}

impl Decoder for Prune {
    fn decode(&self, codes: &[u8], table: &[u8], output: &mut [u8]) -> Result<()> {
        let Self { channels, size, zero_point, zero_points } = self;
        let elements = output.chunks_exact_mut(*size);
        ensure(elements.len() as u64 <= codes.len() as u64 * 8, ErrorKind::OperatorInvalid)?;
        let mut values = table.chunks_exact(*size);
        for (at, element) in elements.enumerate() {
            if bits(codes, at, 1) != 0 {
                element.copy_from_slice(values.next().ok_or(ErrorKind::OperatorInvalid)?);
            } else {
                let pruned = zero_points.get(channels.of(at)).unwrap_or(zero_point);
                integer::write(i64::from(*pruned), element);
            }
        }
        Ok(())
    }
}
