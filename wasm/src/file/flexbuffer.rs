//! A bounds-checked reader of FlexBuffers, the format of the options of custom operators.
//!
//! As with FlatBuffers, hostile bytes yield an error and nothing else. Values are read on request and never
//! followed on their own, so that cycles do no harm.
//!
//! Encoding: <https://flatbuffers.dev/internals/#flexbuffers>

use crate::error::{ErrorKind, Result, ensure};
use crate::limits;

/// A value: where it lies, how wide it is and what it is.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    bytes: &'a [u8],
    /// Where the value, or the offset to it, lies.
    position: usize,
    /// Bytes of what lies at `position`.
    width: usize,
    kind: u8,
    /// Bytes of what an offset leads to.
    inner_width: usize,
}

/// A vector or the values of a map.
#[derive(Clone, Copy)]
pub struct Vector<'a> {
    bytes: &'a [u8],
    /// The first element.
    start: usize,
    width: usize,
    length: usize,
    /// What all elements are; `None` where each has a type of its own, behind the last.
    kind: Option<u8>,
}

/// A map: its keys are sorted, and its values lie in their order.
#[derive(Clone, Copy)]
pub struct Map<'a> {
    keys: Vector<'a>,
    values: Vector<'a>,
}

// Kinds of values.
const INT: u8 = 1;
const UINT: u8 = 2;
const FLOAT: u8 = 3;
const KEY: u8 = 4;
const INDIRECT_INT: u8 = 6;
const INDIRECT_UINT: u8 = 7;
const INDIRECT_FLOAT: u8 = 8;
const MAP: u8 = 9;
const VECTOR: u8 = 10;
const VECTOR_INT: u8 = 11;
const VECTOR_FLOAT: u8 = 13;
const BOOL: u8 = 26;
const VECTOR_BOOL: u8 = 36;

/// What a number is composed of.
enum Number {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
}

impl<'a> Value<'a> {
    /// The root of a buffer: its last byte is the root's width, the byte before is its type.
    pub fn root(bytes: &'a [u8]) -> Result<Self> {
        let [.., packed, width] = bytes else {
            return Err(ErrorKind::ModelTruncated.into());
        };
        let width = usize::from(*width);
        ensure(matches!(width, 1 | 2 | 4 | 8), ErrorKind::ModelMalformed)?;
        let position = bytes.len().checked_sub(2 + width).ok_or(ErrorKind::ModelTruncated)?;
        Ok(Self::new(bytes, position, width, *packed))
    }

    fn new(bytes: &'a [u8], position: usize, width: usize, packed: u8) -> Self {
        Self { bytes, position, width, kind: packed >> 2, inner_width: 1 << (packed & 3) }
    }

    /// The value as an integer; floats lose what is behind the point.
    pub fn int(&self) -> Result<i64> {
        Ok(match self.number()? {
            Number::Signed(value) => value,
            Number::Unsigned(value) => {
                i64::try_from(value).map_err(|_| ErrorKind::OperatorInvalid)?
            }
            // The cast saturates.
            Number::Float(value) => value as i64,
        })
    }

    /// The value as a float.
    pub fn float(&self) -> Result<f64> {
        Ok(match self.number()? {
            Number::Signed(value) => value as f64,
            Number::Unsigned(value) => value as f64,
            Number::Float(value) => value,
        })
    }

    /// The value as a map.
    pub fn map(&self) -> Result<Map<'a>> {
        ensure(self.kind == MAP, ErrorKind::OperatorInvalid)?;
        let values = self.vector()?;
        // Before the length: where the keys are, and how wide they are.
        let width = self.inner_width;
        let at = |back: usize| values.start.checked_sub(back * width).ok_or(ErrorKind::ModelTruncated);
        let keys = target(self.bytes, at(3)?, width)?;
        let key_width = unsigned(self.bytes, at(2)?, width)?;
        ensure(matches!(key_width, 1 | 2 | 4 | 8), ErrorKind::ModelMalformed)?;
        let keys = vector(self.bytes, keys, key_width as usize, Some(KEY))?;
        ensure(keys.length == values.length, ErrorKind::ModelMalformed)?;
        // Each key is looked for among all of them, for each operator that shares the map.
        ensure(keys.length <= limits::TABLE_ENTRIES, ErrorKind::ModelTooLarge)?;
        Ok(Map { keys, values })
    }

    /// The value as a vector of any kind, or the values of a map.
    pub fn vector(&self) -> Result<Vector<'a>> {
        let kind = match self.kind {
            MAP | VECTOR => None,
            VECTOR_INT..=VECTOR_FLOAT => Some(self.kind - VECTOR_INT + INT),
            VECTOR_BOOL => Some(BOOL),
            _ => return Err(ErrorKind::OperatorInvalid.into()),
        };
        vector(self.bytes, target(self.bytes, self.position, self.width)?, self.inner_width, kind)
    }

    #[inline(never)]
    fn number(&self) -> Result<Number> {
        let (position, width) = match self.kind {
            INT | UINT | FLOAT | BOOL => (self.position, self.width),
            INDIRECT_INT | INDIRECT_UINT | INDIRECT_FLOAT => {
                (target(self.bytes, self.position, self.width)?, self.inner_width)
            }
            _ => return Err(ErrorKind::OperatorInvalid.into()),
        };
        let bits = unsigned(self.bytes, position, width)?;
        // Whatever lies above the value's own width is its sign.
        let unused = 64 - 8 * width as u32;
        Ok(match (self.kind, width) {
            (INT | INDIRECT_INT, _) => Number::Signed((bits << unused) as i64 >> unused),
            (FLOAT | INDIRECT_FLOAT, 4) => Number::Float(f64::from(f32::from_bits(bits as u32))),
            (FLOAT | INDIRECT_FLOAT, 8) => Number::Float(f64::from_bits(bits)),
            (FLOAT | INDIRECT_FLOAT, _) => return Err(ErrorKind::OperatorInvalid.into()),
            _ => Number::Unsigned(bits),
        })
    }
}

impl<'a> Vector<'a> {
    /// How many elements.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The element at an index.
    pub fn get(&self, index: usize) -> Result<Value<'a>> {
        ensure(index < self.length, ErrorKind::OperatorInvalid)?;
        // Within the vector, whose end has been checked.
        let position = self.start + index * self.width;
        let packed = match self.kind {
            Some(kind) => kind << 2 | self.width.trailing_zeros() as u8,
            None => {
                let types = self.start + self.length * self.width;
                *self.bytes.get(types + index).ok_or(ErrorKind::ModelTruncated)?
            }
        };
        Ok(Value::new(self.bytes, position, self.width, packed))
    }
}

impl<'a> Map<'a> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Result<Option<Value<'a>>> {
        for index in 0..self.keys.len() {
            if self.is_key(index, key.as_bytes())? {
                return self.values.get(index).map(Some);
            }
        }
        Ok(None)
    }

    /// The values in the order of their sorted keys.
    pub fn values(&self) -> Vector<'a> {
        self.values
    }

    /// Whether the key at an index is this one. Looks no further than it has to: a key could go on to the end of the file.
    fn is_key(&self, index: usize, wanted: &[u8]) -> Result<bool> {
        let key = self.keys.get(index)?;
        let start = target(key.bytes, key.position, key.width)?;
        let rest = key.bytes.get(start..).and_then(|text| text.strip_prefix(wanted));
        Ok(rest.is_some_and(|rest| rest.first() == Some(&0)))
    }
}

/// A vector whose first element is at `start`: its length lies before it.
#[inline(never)]
fn vector(bytes: &[u8], start: usize, width: usize, kind: Option<u8>) -> Result<Vector<'_>> {
    let truncated = ErrorKind::ModelTruncated;
    let length = unsigned(bytes, start.checked_sub(width).ok_or(truncated)?, width)?;
    let length = usize::try_from(length).map_err(|_| truncated)?;
    let end = length.checked_mul(width).and_then(|size| size.checked_add(start)).ok_or(truncated)?;
    ensure(end <= bytes.len(), truncated)?;
    Ok(Vector { bytes, start, width, length, kind })
}

/// Offsets are unsigned, and count backwards from their own place.
#[inline(never)]
fn target(bytes: &[u8], position: usize, width: usize) -> Result<usize> {
    let distance = unsigned(bytes, position, width)?;
    let distance = usize::try_from(distance).map_err(|_| ErrorKind::ModelTruncated)?;
    position.checked_sub(distance).ok_or(ErrorKind::ModelTruncated.into())
}

#[inline(never)]
fn unsigned(bytes: &[u8], position: usize, width: usize) -> Result<u64> {
    let end = position.checked_add(width).ok_or(ErrorKind::ModelTruncated)?;
    let found = bytes.get(position..end).ok_or(ErrorKind::ModelTruncated)?;
    Ok(found.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    /// `{a: -3, b: 2.5, c: [1, 300]}`, by hand.
    fn sample() -> Vec<u8> {
        let mut bytes = b"a\0b\0c\0".to_vec();
        bytes.extend(2.5f32.to_le_bytes());
        // [1, 300] of 16-bit integers behind their length: its first element is at 12.
        bytes.extend([2, 0, 1, 0, 44, 1]);
        // Keys behind their length: the first is at 17.
        bytes.extend([3, 17, 16, 15]);
        // Where the keys are, their width, and the length: the values start at 23.
        bytes.extend([3, 1, 3]);
        bytes.extend([(-3i8) as u8, 24 - 6, 25 - 12]);
        bytes.extend([INT << 2, INDIRECT_FLOAT << 2 | 2, VECTOR_INT << 2 | 1]);
        bytes.extend([6, MAP << 2, 1]);
        bytes
    }

    #[test]
    fn the_values_of_a_map_are_found_by_key_and_by_place() {
        let bytes = sample();
        let map = Value::root(&bytes).unwrap().map().unwrap();
        assert_eq!(map.get("a").unwrap().unwrap().int().unwrap(), -3);
        assert_eq!(map.get("b").unwrap().unwrap().float().unwrap(), 2.5);
        assert!(map.get("d").unwrap().is_none());
        let vector = map.values().get(2).unwrap().vector().unwrap();
        let values: Vec<_> = (0..vector.len()).map(|at| vector.get(at).unwrap().int().unwrap()).collect();
        assert_eq!(values, [1, 300]);
        assert!(map.values().get(3).is_err());
    }

    #[test]
    fn a_key_is_looked_at_no_further_than_it_is_asked_for() {
        let mut bytes = sample();
        // All keys end where the last does.
        for at in [1, 3, 5] {
            bytes[at] = b'x';
        }
        let map = Value::root(&bytes).unwrap().map().unwrap();
        assert!(map.get("a").unwrap().is_none() && map.get("c").unwrap().is_none());
        assert!(map.get("axbxcx").unwrap().is_some());
    }

    #[test]
    fn a_map_of_more_keys_than_an_operator_has_is_refused() {
        let map = |keys: u16| {
            let length = keys.to_le_bytes();
            // An empty key, a vector of offsets to it behind its length, where that is and how wide, and values of nothing.
            let mut bytes = vec![0, 0, length[0], length[1]];
            for key in 0..keys {
                bytes.extend((4 + 2 * key).to_le_bytes());
            }
            bytes.extend([(2 * keys).to_le_bytes(), [2, 0], length].concat());
            let start = bytes.len();
            bytes.resize(start + 3 * usize::from(keys), 0);
            bytes.extend(((bytes.len() - start) as u16).to_le_bytes());
            bytes.extend([MAP << 2 | 1, 2]);
            Value::root(&bytes).and_then(|root| root.map()).map(|map| map.values().len())
        };
        assert_eq!(map(1024), Ok(1024));
        assert_eq!(map(1025), Err(ErrorKind::ModelTooLarge.into()));
    }

    /// Everything that can be asked of a buffer.
    fn ask(bytes: &[u8]) -> Result<()> {
        let root = Value::root(bytes)?;
        let _ = (root.int(), root.float(), root.vector().and_then(|vector| vector.get(0)?.int()));
        let map = root.map()?;
        for key in ["a", "b", "c", "d"] {
            if let Some(value) = map.get(key)? {
                let _ = (value.int(), value.float(), value.map().map(|_| ()));
                if let Ok(vector) = value.vector() {
                    for at in 0..vector.len().min(9) {
                        let _ = vector.get(at);
                    }
                }
            }
        }
        Ok(())
    }

    #[test]
    fn damaged_buffers_are_refused_or_read_and_never_panic() {
        let sample = sample();
        for length in 0..sample.len() {
            let _ = ask(&sample[..length]);
            let _ = ask(&sample[length..]);
        }
        let mut random = Random::new(21);
        for _ in 0..20_000 {
            let mut bytes = sample.clone();
            for _ in 0..1 + random.below(3) {
                let at = random.below(bytes.len());
                bytes[at] = random.any() as u8;
            }
            let _ = ask(&bytes);
        }
    }
}
