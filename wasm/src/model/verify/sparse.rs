//! Sparse constants, as pruned models have them: multiplied out before anything reads them.
//!
//! Upstream: `compiler/mlir/lite/kernels/internal/utils/sparsity_format_converter.cc` (`FormatConverter`). A tree has one
//! level for each dimension and each dimension of blocks; its leaves are the values, in order.

use core::ops::Range;

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::{Reader, Scalar, Scalars, Table};
use crate::limits;
use crate::model::tensor::Shape;
use crate::memory::{allocate, gather};

/// The children of the nodes of one level.
enum Level<'a> {
    /// All indices below this.
    Dense(usize),
    /// Those in a segment of the indices: node n has `segments[n]..segments[n + 1]`.
    Sparse { segments: Numbers<'a>, indices: Numbers<'a> },
}

/// Numbers of one of three widths. They stay in the file: thousands of tensors could share a vector of millions.
enum Numbers<'a> {
    Nothing,
    Int32(Scalars<'a, i32>),
    Uint16(Scalars<'a, u16>),
    Uint8(Scalars<'a, u8>),
}

/// Where the indices of a level go.
#[derive(Clone, Copy)]
struct Axis {
    dimension: usize,
    /// An index counts so many of this level's; 1 where blocks have no part of the dimension.
    block: usize,
}

struct Tree<'a> {
    levels: Vec<(Level<'a>, Axis)>,
}

/// The elements of a dense tensor from the table of its sparsity, at this position, and its values.
pub fn densify(file: &[u8], position: usize, values: &[u8], shape: &Shape, width: usize) -> Result<Vec<u8>> {
    let tree = Tree::read(&Reader::new(file).table(position)?, shape)?;
    let bytes = shape.elements().checked_mul(width).ok_or(ErrorKind::MemoryExhausted)?;
    let visits = shape.elements().saturating_mul(tree.levels.len() + 1);
    ensure(visits as u64 <= limits::WORK, ErrorKind::ModelTooHeavy)?;
    let mut filler = Filler {
        tree: &tree,
        shape,
        values,
        width,
        dense: allocate(bytes, 0u8)?,
        visits,
    };
    let mut place = [0; limits::RANK];
    filler.fill(0, 0, &mut place)?;
    Ok(filler.dense)
}

impl<'a> Tree<'a> {
    fn read(table: &Table<'a>, shape: &Shape) -> Result<Self> {
        let malformed = ErrorKind::ModelMalformed;
        let most = 2 * limits::RANK;
        let order = numbers::<i32>(table, 0, most)?;
        let block_map = numbers::<i32>(table, 1, limits::RANK)?;
        let metadata = table.tables(2, most)?;
        ensure(order.len() == shape.rank() + block_map.len() && order.len() == metadata.len(), malformed)?;
        let mut seen = [false; 2 * limits::RANK];
        let mut levels = Vec::new();
        for (&traversed, metadata) in order.iter().zip(metadata.iter()) {
            let slot = seen.get_mut(traversed).filter(|seen| !**seen).ok_or(malformed)?;
            *slot = true;
            let dimension = match traversed.checked_sub(shape.rank()) {
                None => traversed,
                Some(block) => *block_map.get(block).ok_or(malformed)?,
            };
            ensure(dimension < shape.rank(), malformed)?;
            levels.push((Level::read(&metadata?)?, Axis { dimension, block: 1 }));
        }
        // Levels of blocks are dense, and each dimension's own counts in blocks.
        for at in 0..levels.len() {
            let (Some(&traversed), Some((level, axis))) = (order.get(at), levels.get(at)) else { continue };
            let dimension = axis.dimension;
            if traversed < shape.rank() {
                continue;
            }
            let Level::Dense(size) = *level else { return Err(ErrorKind::FeatureUnsupported.into()) };
            for (&other, (_, axis)) in order.iter().zip(levels.iter_mut()) {
                if other == dimension {
                    axis.block = axis.block.checked_mul(size).ok_or(malformed)?;
                }
            }
        }
        Ok(Self { levels })
    }
}

impl<'a> Level<'a> {
    /// A table `DimensionMetadata`.
    fn read(table: &Table<'a>) -> Result<Self> {
        Ok(match table.scalar::<i8>(0, 0)? {
            0 => Self::Dense(usize::try_from(table.scalar::<i32>(1, 0)?).map_err(|_| ErrorKind::ModelMalformed)?),
            1 => Self::Sparse { segments: Numbers::read(table, 2)?, indices: Numbers::read(table, 4)? },
            _ => return Err(ErrorKind::FeatureUnsupported.into()),
        })
    }
}

impl<'a> Numbers<'a> {
    /// A member of the union `SparseIndexVector`, whose type lies in the slot and whose table in the next.
    fn read(table: &Table<'a>, slot: usize) -> Result<Self> {
        let malformed = ErrorKind::ModelMalformed;
        let member = table.scalar::<u8>(slot, 0)?;
        let table = table.table(slot + 1)?.ok_or(malformed)?;
        let found = match member {
            1 => table.scalars(0, limits::ELEMENTS)?.map(Self::Int32),
            2 => table.scalars(0, limits::ELEMENTS)?.map(Self::Uint16),
            3 => table.scalars(0, limits::ELEMENTS)?.map(Self::Uint8),
            _ => return Err(malformed.into()),
        };
        Ok(found.unwrap_or(Self::Nothing))
    }

    fn get(&self, index: usize) -> Result<usize> {
        let found = match self {
            Self::Nothing => None,
            Self::Int32(numbers) => numbers.get(index).and_then(|number| usize::try_from(number).ok()),
            Self::Uint16(numbers) => numbers.get(index).map(usize::from),
            Self::Uint8(numbers) => numbers.get(index).map(usize::from),
        };
        found.ok_or(ErrorKind::ModelMalformed.into())
    }
}

fn numbers<T: Scalar + TryInto<usize>>(table: &Table<'_>, slot: usize, most: usize) -> Result<Vec<usize>> {
    let Some(found) = table.scalars::<T>(slot, most)? else { return Ok(Vec::new()) };
    let number = |value: Result<T>| value?.try_into().map_err(|_| ErrorKind::ModelMalformed.into());
    gather(found.len(), found.iter().map(number))
}

struct Filler<'a> {
    tree: &'a Tree<'a>,
    shape: &'a Shape,
    values: &'a [u8],
    width: usize,
    dense: Vec<u8>,
    /// Nodes that may still be visited: a file could make the tree larger than what it stands for.
    visits: usize,
}

impl Filler<'_> {
    /// Goes through the children of a node; `place` counts the way from the root. As deep as there are levels.
    fn fill(&mut self, depth: usize, node: usize, place: &mut [usize; limits::RANK]) -> Result<()> {
        let malformed = ErrorKind::ModelMalformed;
        self.visits = self.visits.checked_sub(1).ok_or(malformed)?;
        let tree = self.tree;
        let Some((level, axis)) = tree.levels.get(depth) else { return self.write(node, place) };
        let (children, indices) = match level {
            Level::Dense(size) => {
                let first = node.checked_mul(*size).ok_or(malformed)?;
                (first..first.checked_add(*size).ok_or(malformed)?, None)
            }
            Level::Sparse { segments, indices } => {
                (segments.get(node)?..segments.get(node.saturating_add(1))?, Some(indices))
            }
        };
        let Range { start, end } = children;
        for child in start..end {
            let index = match indices {
                None => child - start,
                Some(indices) => indices.get(child)?,
            };
            let slot = place.get_mut(axis.dimension).ok_or(malformed)?;
            let before = *slot;
            let step = index.checked_mul(axis.block).and_then(|step| step.checked_add(before));
            *slot = step.ok_or(malformed)?;
            self.fill(depth + 1, child, place)?;
            if let Some(slot) = place.get_mut(axis.dimension) {
                *slot = before;
            }
        }
        Ok(())
    }

    fn write(&mut self, value: usize, place: &[usize; limits::RANK]) -> Result<()> {
        let malformed = ErrorKind::ModelMalformed;
        let mut at = 0;
        for (&index, &extent) in place.iter().zip(self.shape.dimensions()) {
            ensure(index < extent, malformed)?;
            at = at * extent + index;
        }
        let bytes = |at: usize| Some(at.checked_mul(self.width)?..at.checked_add(1)?.checked_mul(self.width)?);
        let value = bytes(value).and_then(|range| self.values.get(range)).ok_or(malformed)?;
        let range = bytes(at).ok_or(malformed)?;
        self.dense.get_mut(range).ok_or(malformed)?.copy_from_slice(value);
        Ok(())
    }
}
