//! Memory that may not be had: refused, where `collect` and `extend` would abort.

use core::ops::Range;

use crate::error::{ErrorKind, Result};

/// Memory for weights and tables, or a refusal where it cannot be had.
pub fn allocate<T: Clone>(length: usize, value: T) -> Result<Vec<T>> {
    let mut memory = Vec::new();
    memory.try_reserve_exact(length).map_err(|_| ErrorKind::MemoryExhausted)?;
    memory.resize(length, value);
    Ok(memory)
}

/// As many values as the iterator has, at most `length`: what `collect` does, without its abort where
/// memory cannot be had.
pub fn gather<T>(length: usize, values: impl Iterator<Item = Result<T>>) -> Result<Vec<T>> {
    let mut memory = Vec::new();
    memory.try_reserve_exact(length).map_err(|_| ErrorKind::MemoryExhausted)?;
    for value in values.take(length) {
        memory.push(value?);
    }
    Ok(memory)
}

/// The same bytes once more.
pub fn copied(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    append(&mut copy, bytes)?;
    Ok(copy)
}

/// Puts bytes behind others, and tells where they are.
pub fn append(file: &mut Vec<u8>, bytes: &[u8]) -> Result<Range<usize>> {
    let start = file.len();
    file.try_reserve_exact(bytes.len()).map_err(|_| ErrorKind::MemoryExhausted)?;
    file.extend_from_slice(bytes);
    Ok(start..file.len())
}
