//! What operators with int16 activations and int8 weights share.
//!
//! The type of the bias decides how sums are rescaled: int32 sums round twice, int64 sums once, with a shorter factor. Where there is
//! no bias an attribute says which.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::math::quantization::{Multiplier, OutputStage};
use crate::model::tensor::TensorType;
use crate::ops::{Node, allocate, gather};

/// An int16 as it lies in the arena.
pub type Short = [u8; 2];

/// The biases of the output channels, and with them the width of the sums.
pub enum Bias {
    /// Sums wrap in 32 bits.
    Narrow(Vec<i32>),
    /// Sums of 64 bits.
    Wide(Vec<i64>),
}

/// The attribute `quantized_bias_type` of layers: whether sums are narrow where there is no bias.
pub fn is_narrow(table: &Table<'_>, slot: usize) -> Result<bool> {
    Ok(table.scalar::<i8>(slot, 0)? == TensorType::Int32 as i8)
}

impl Bias {
    /// The bias at this position; zeros where the operator has none.
    pub fn read(node: &Node<'_>, position: usize, channels: usize, narrow: bool) -> Result<Self> {
        let Some(tensor) = node.optional_input(position)? else {
            return Ok(if narrow { Self::Narrow(allocate(channels, 0)?) } else { Self::Wide(allocate(channels, 0)?) });
        };
        ensure(tensor.shape.elements() == channels, ErrorKind::OperatorInvalid)?;
        let bytes = node.constant(tensor)?;
        Ok(match tensor.element_type {
            TensorType::Int32 => Self::Narrow(node.int32s(tensor, channels)?),
            TensorType::Int64 => {
                Self::Wide(gather(channels, bytes.as_chunks().0.iter().map(|bias| Ok(i64::from_le_bytes(*bias))))?)
            }
            TensorType::Int16 => Self::Wide(gather(
                channels,
                bytes.as_chunks().0.iter().map(|bias| Ok(i64::from(i16::from_le_bytes(*bias)))),
            )?),
            _ => return Err(ErrorKind::TypeUnsupported.into()),
        })
    }

    /// Refuses factors that sums of this width cannot be rescaled by.
    pub fn check(&self, multipliers: &[Multiplier]) -> Result<()> {
        let sound = match self {
            Self::Narrow(_) => true,
            Self::Wide(_) => multipliers.iter().all(|multiplier| (-31..8).contains(&multiplier.shift)),
        };
        ensure(sound, ErrorKind::QuantisationInvalid)
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Narrow(bias) => bias.len() * 4,
            Self::Wide(bias) => bias.len() * 8,
        }
    }

    /// Whether sums have 32 bits.
    pub fn is_narrow(&self) -> bool {
        matches!(self, Self::Narrow(_))
    }

    /// The bias of a channel.
    pub fn value(&self, channel: usize) -> i64 {
        let value = match self {
            Self::Narrow(bias) => bias.get(channel).copied().map(i64::from),
            Self::Wide(bias) => bias.get(channel).copied(),
        };
        value.unwrap_or_default()
    }

    /// The output of a channel's sum.
    #[inline]
    pub fn finish(&self, channel: usize, sum: i64, multiplier: Multiplier, stage: OutputStage) -> i16 {
        let scaled = match self {
            Self::Narrow(bias) => multiplier.apply((sum as i32).wrapping_add(bias.get(channel).copied().unwrap_or(0))),
            Self::Wide(bias) => multiplier.apply_wide(sum.wrapping_add(bias.get(channel).copied().unwrap_or(0))),
        };
        stage.finish(scaled) as i16
    }
}

/// The sum of the products of neighbours.
#[inline]
pub fn dot(inputs: &[Short], weights: &[i8]) -> i64 {
    // |product| <= 2^22: so many of them fit 32 bits.
    const RUN: usize = 256;
    let runs = inputs.chunks(RUN).zip(weights.chunks(RUN));
    runs.map(|(inputs, weights)| {
        let products = inputs.iter().zip(weights);
        let sum: i32 = products.map(|(input, weight)| i32::from(i16::from_le_bytes(*input)) * i32::from(*weight)).sum();
        i64::from(sum)
    })
    .sum()
}
