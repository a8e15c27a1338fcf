//! A bounds-checked reader of FlatBuffers.
//!
//! Every read names its place in the file and is refused where it would leave it, so hostile bytes
//! yield an error and nothing else: no panic, no unbounded work. Tables are read lazily along the
//! paths of the schema, which has a fixed depth, so cycles in the file do no harm. Reads are
//! composed of bytes: the file may lie at any alignment.
//!
//! Encoding: <https://flatbuffers.dev/internals/>

use crate::error::{Error, ErrorKind, Place, Result, ensure};

/// The whole file.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from these bytes; offsets count from their start.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The root table of a file with this identifier.
    pub fn root(self, identifier: &[u8; 4]) -> Result<Table<'a>> {
        let root = self.array::<4>(0).map(u32::from_le_bytes)?;
        ensure(self.array::<4>(4)? == *identifier, ErrorKind::ModelNotTflite)?;
        Table::at(self, offset(0, root)?)
    }

    /// The table at a position that a table of the same file has told ([`Table::position`]).
    pub fn table(self, position: usize) -> Result<Table<'a>> {
        Table::at(self, position)
    }

    /// `length` bytes at `start`, or a refusal.
    pub fn slice(self, start: usize, length: usize) -> Result<&'a [u8]> {
        start
            .checked_add(length)
            .and_then(|end| self.bytes.get(start..end))
            .ok_or_else(|| Error::new(ErrorKind::ModelTruncated).at(Place::Byte(start)))
    }

    fn array<const N: usize>(self, start: usize) -> Result<[u8; N]> {
        let bytes = self.slice(start, N)?;
        bytes.try_into().map_err(|_| Error::new(ErrorKind::EngineInternal))
    }
}

/// A scalar of the wire: little-endian, of fixed size.
pub trait Scalar: Copy {
    /// Its size in bytes.
    const BYTES: usize;
    /// Reads it at `position`.
    fn read(reader: Reader<'_>, position: usize) -> Result<Self>;
}

macro_rules! scalar {
    ($($type:ty),*) => {$(
        impl Scalar for $type {
            const BYTES: usize = core::mem::size_of::<$type>();
            fn read(reader: Reader<'_>, position: usize) -> Result<Self> {
                reader.array(position).map(<$type>::from_le_bytes)
            }
        }
    )*};
}
scalar!(u8, i8, u16, i32, u32, i64, u64, f32);

/// A table: fields found through its vtable.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    reader: Reader<'a>,
    position: usize,
    vtable: usize,
    vtable_bytes: usize,
    table_bytes: usize,
}

impl<'a> Table<'a> {
    fn at(reader: Reader<'a>, position: usize) -> Result<Self> {
        let malformed = || Error::new(ErrorKind::ModelMalformed).at(Place::Byte(position));
        // The vtable may lie before or after its table: the distance is signed.
        let distance = i32::read(reader, position)?;
        let vtable = i64::try_from(position)
            .ok()
            .and_then(|table| table.checked_sub(i64::from(distance)))
            .and_then(|vtable| usize::try_from(vtable).ok())
            .ok_or_else(malformed)?;
        let vtable_bytes = usize::from(u16::read(reader, vtable)?);
        let table_bytes = usize::from(u16::read(reader, vtable.checked_add(2).ok_or_else(malformed)?)?);
        let sound = vtable % 2 == 0 && vtable_bytes >= 4 && vtable_bytes % 2 == 0 && table_bytes >= 4;
        if !sound {
            return Err(malformed());
        }
        reader.slice(vtable, vtable_bytes)?;
        reader.slice(position, table_bytes)?;
        Ok(Self { reader, position, vtable, vtable_bytes, table_bytes })
    }

    /// Where the field of this slot lies, if the table has it with room for `bytes`.
    fn field(&self, slot: usize, bytes: usize) -> Result<Option<usize>> {
        let entry = 4 + 2 * slot;
        if entry + 2 > self.vtable_bytes {
            return Ok(None);
        }
        let distance = usize::from(u16::read(self.reader, self.vtable + entry)?);
        if distance == 0 {
            return Ok(None);
        }
        if distance < 4 || distance + bytes > self.table_bytes {
            return Err(Error::new(ErrorKind::ModelMalformed).at(Place::Byte(self.position)));
        }
        Ok(Some(self.position + distance))
    }

    /// A scalar field, or its default.
    pub fn scalar<T: Scalar>(&self, slot: usize, default: T) -> Result<T> {
        match self.field(slot, T::BYTES)? {
            Some(position) => T::read(self.reader, position),
            None => Ok(default),
        }
    }

    /// A table field.
    pub fn table(&self, slot: usize) -> Result<Option<Table<'a>>> {
        match self.target(slot)? {
            Some(position) => Table::at(self.reader, position).map(Some),
            None => Ok(None),
        }
    }

    /// A vector of scalars with at most `limit` elements.
    pub fn scalars<T: Scalar>(&self, slot: usize, limit: usize) -> Result<Option<Scalars<'a, T>>> {
        let found = self.vector(slot, T::BYTES, limit)?;
        Ok(found.map(|(start, length)| Scalars {
            reader: self.reader,
            start,
            length,
            element: core::marker::PhantomData,
        }))
    }

    /// A vector of tables with at most `limit` elements.
    pub fn tables(&self, slot: usize, limit: usize) -> Result<Tables<'a>> {
        let (start, length) = self.vector(slot, 4, limit)?.unwrap_or((0, 0));
        Ok(Tables { reader: self.reader, start, length })
    }

    /// A vector of bytes, or a string, as its place in the file.
    pub fn bytes(&self, slot: usize) -> Result<Option<core::ops::Range<usize>>> {
        let found = self.vector(slot, 1, usize::MAX)?;
        Ok(found.map(|(start, length)| start..start + length))
    }

    /// Where the table lies, to come back to it.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Whether the table has this field at all.
    pub fn has(&self, slot: usize) -> Result<bool> {
        Ok(self.field(slot, 1)?.is_some())
    }

    fn target(&self, slot: usize) -> Result<Option<usize>> {
        let Some(position) = self.field(slot, 4)? else {
            return Ok(None);
        };
        offset(position, u32::read(self.reader, position)?).map(Some)
    }

    fn vector(&self, slot: usize, size: usize, limit: usize) -> Result<Option<(usize, usize)>> {
        let Some(position) = self.target(slot)? else {
            return Ok(None);
        };
        let too_large = || Error::new(ErrorKind::ModelTooLarge).at(Place::Byte(position));
        let truncated = || Error::new(ErrorKind::ModelTruncated).at(Place::Byte(position));
        let length = u32::read(self.reader, position)? as usize;
        if length > limit {
            return Err(too_large());
        }
        let start = position.checked_add(4).ok_or_else(truncated)?;
        let bytes = length.checked_mul(size).ok_or_else(truncated)?;
        self.reader.slice(start, bytes)?;
        Ok(Some((start, length)))
    }
}

/// A vector of scalars.
#[derive(Clone, Copy)]
pub struct Scalars<'a, T> {
    reader: Reader<'a>,
    start: usize,
    length: usize,
    element: core::marker::PhantomData<T>,
}

impl<'a, T: Scalar + 'a> Scalars<'a, T> {
    /// How many elements.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The element at an index, if there is one.
    pub fn get(&self, index: usize) -> Option<T> {
        let within = index < self.length;
        within.then(|| T::read(self.reader, self.start + index * T::BYTES).ok()).flatten()
    }

    /// The elements in order.
    pub fn iter(self) -> impl Iterator<Item = Result<T>> + 'a {
        (0..self.length).map(move |index| T::read(self.reader, self.start + index * T::BYTES))
    }
}

/// A vector of tables.
#[derive(Clone, Copy)]
pub struct Tables<'a> {
    reader: Reader<'a>,
    start: usize,
    length: usize,
}

impl<'a> Tables<'a> {
    /// How many tables.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The tables in order.
    pub fn iter(self) -> impl Iterator<Item = Result<Table<'a>>> + 'a {
        (0..self.length).map(move |index| {
            let position = self.start + index * 4;
            Table::at(self.reader, offset(position, u32::read(self.reader, position)?)?)
        })
    }
}

/// Offsets are unsigned and relative to their own place.
fn offset(position: usize, distance: u32) -> Result<usize> {
    position
        .checked_add(distance as usize)
        .ok_or_else(|| Error::new(ErrorKind::ModelTruncated).at(Place::Byte(position)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_offset_past_the_end_is_refused() {
        let bytes = [0x18, 0, 0, 0, b'T', b'F', b'L', b'3'];
        let error = Reader::new(&bytes).root(b"TFL3").err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ModelTruncated);
    }

    #[test]
    fn files_shorter_than_their_head_are_refused() {
        for length in 0..8 {
            let error = Reader::new(&[0; 8][..length]).root(b"TFL3").err().unwrap();
            assert_eq!(error.kind(), ErrorKind::ModelTruncated, "{length}");
        }
    }

    #[test]
    fn a_vtable_before_the_file_is_refused() {
        let mut bytes = [0; 32];
        bytes[0] = 12;
        bytes[4..8].copy_from_slice(b"TFL3");
        bytes[12..16].copy_from_slice(&1000i32.to_le_bytes());
        let error = Reader::new(&bytes).root(b"TFL3").err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ModelMalformed);
    }
}
