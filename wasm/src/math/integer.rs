//! Integers of any width, as tensors hold them: little-endian.

use crate::model::tensor::TensorType;

/// The value of an element; a bool's byte as it is.
#[inline]
pub fn read(element_type: TensorType, bytes: &[u8]) -> i64 {
    match (element_type, bytes) {
        (TensorType::Uint8 | TensorType::Bool, [byte]) => i64::from(*byte),
        (_, [byte]) => i64::from(*byte as i8),
        (TensorType::Uint16, [low, high]) => i64::from(u16::from_le_bytes([*low, *high])),
        (_, [low, high]) => i64::from(i16::from_le_bytes([*low, *high])),
        (TensorType::Uint32, &[a, b, c, d]) => i64::from(u32::from_le_bytes([a, b, c, d])),
        (_, &[a, b, c, d]) => i64::from(i32::from_le_bytes([a, b, c, d])),
        (_, bytes) => bytes.try_into().map_or(0, i64::from_le_bytes),
    }
}

/// Writes as many low bytes as the element has.
#[inline]
pub fn write(value: i64, element: &mut [u8]) {
    for (slot, byte) in element.iter_mut().zip(value.to_le_bytes()) {
        *slot = byte;
    }
}

/// A quantised value as a tensor holds it: one or two bytes.
pub trait Element: Copy {
    /// The least value.
    const LEAST: i32;
    /// Its value.
    fn value(self) -> i32;
    /// The low bytes of a value.
    fn of(value: i32) -> Self;
}

impl Element for u8 {
    const LEAST: i32 = i8::MIN as i32;

    #[inline(always)]
    fn value(self) -> i32 {
        i32::from(self as i8)
    }

    #[inline(always)]
    fn of(value: i32) -> Self {
        value as u8
    }
}

impl Element for [u8; 2] {
    const LEAST: i32 = i16::MIN as i32;

    #[inline(always)]
    fn value(self) -> i32 {
        i32::from(i16::from_le_bytes(self))
    }

    #[inline(always)]
    fn of(value: i32) -> Self {
        (value as i16).to_le_bytes()
    }
}
