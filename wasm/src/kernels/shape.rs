//! Operators that keep the bytes and change the shape, and the walk over strided elements that
//! others use.
//!
//! Upstream: `micro/kernels/reshape.cc`, `reshape_common.cc`, `expand_dims.cc`, `squeeze.cc`.

use crate::arena::{Inputs, Outputs};
use crate::error::{ErrorKind, Result, ensure};
use crate::kernels::{Kernel, Node, Options, Prepared};
use crate::limits;
use crate::file::flatbuffer::Table;
use crate::model::tensor::TensorType;

/// Copies its first input.
struct Copy;

impl Kernel for Copy {
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()> {
        let (input, output) = (inputs.get(0)?, outputs.get(0)?);
        ensure(input.len() == output.len(), ErrorKind::EngineInternal)?;
        output.copy_from_slice(input);
        Ok(())
    }
}

/// RESHAPE. As upstream, the output's shape in the file counts; a second input is not read.
pub fn prepare_reshape(node: &Node<'_>) -> Result<Prepared> {
    node.expect(1..=2, 1)?;
    same_content(node)?;
    Ok(Prepared::simple(Copy))
}

/// EXPAND_DIMS: a dimension of one is put in at a constant axis.
pub fn prepare_expand_dims(node: &Node<'_>) -> Result<Prepared> {
    node.expect(2..=2, 1)?;
    same_content(node)?;
    let (input, axis, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let supported =
        matches!(input.element_type, TensorType::Float32 | TensorType::Int8 | TensorType::Int16);
    ensure(supported, ErrorKind::TypeUnsupported)?;
    let &[axis] = node.int32s(axis, 1)?.as_slice() else {
        return Err(ErrorKind::OperatorInvalid.into());
    };
    let rank = input.shape.rank();
    let position = resolve(axis, rank + 1)?;
    let mut expected = input.shape.dimensions().to_vec();
    expected.insert(position, 1);
    ensure(output.shape.dimensions() == expected, ErrorKind::OperatorInvalid)?;
    Ok(Prepared::simple(Copy))
}

struct SqueezeOptions {
    dimensions: Vec<i32>,
}

impl Options for SqueezeOptions {
    const MEMBER: u8 = 30;

    fn read(table: &Table<'_>) -> Result<Self> {
        let found = table.scalars::<i32>(0, limits::RANK)?;
        let dimensions = found.map(|found| found.iter().collect()).transpose()?;
        Ok(Self { dimensions: dimensions.unwrap_or_default() })
    }
}

/// SQUEEZE: named dimensions of one are dropped, or all of them.
pub fn prepare_squeeze(node: &Node<'_>) -> Result<Prepared> {
    node.expect(1..=1, 1)?;
    same_content(node)?;
    let (input, output) = (node.input(0)?, node.output(0)?);
    let SqueezeOptions { dimensions } = node.options()?;
    let mut dropped = [false; limits::RANK];
    for (slot, &extent) in dropped.iter_mut().zip(input.shape.dimensions()) {
        *slot = dimensions.is_empty() && extent == 1;
    }
    for &dimension in &dimensions {
        let position = resolve(dimension, input.shape.rank())?;
        let extent = input.shape.dimensions().get(position).copied();
        ensure(extent == Some(1), ErrorKind::OperatorInvalid)?;
        if let Some(slot) = dropped.get_mut(position) {
            *slot = true;
        }
    }
    let kept = input.shape.dimensions().iter().zip(dropped).filter(|(_, dropped)| !dropped);
    let sound = kept.map(|(extent, _)| extent).eq(output.shape.dimensions());
    ensure(sound, ErrorKind::OperatorInvalid)?;
    Ok(Prepared::simple(Copy))
}

fn same_content(node: &Node<'_>) -> Result<()> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    ensure(input.element_type == output.element_type, ErrorKind::TypeUnsupported)?;
    ensure(input.shape.elements() == output.shape.elements(), ErrorKind::OperatorInvalid)
}

/// An axis that may count from the end, as a position below `rank`.
pub fn resolve(axis: i32, rank: usize) -> Result<usize> {
    let position = if axis < 0 { i64::from(axis) + rank as i64 } else { i64::from(axis) };
    match usize::try_from(position) {
        Ok(position) if position < rank => Ok(position),
        _ => Err(ErrorKind::OperatorInvalid.into()),
    }
}

/// Walks over all elements of a shape in order and tells their places in `N` strided tensors.
#[derive(Clone)]
pub struct Odometer<const N: usize> {
    dimensions: [usize; limits::RANK],
    strides: [[usize; limits::RANK]; N],
    indices: [usize; limits::RANK],
    places: [usize; N],
    left: usize,
}

impl<const N: usize> Odometer<N> {
    /// Starts at the first element.
    pub fn new(dimensions: [usize; limits::RANK], strides: [[usize; limits::RANK]; N]) -> Self {
        let left = dimensions.iter().product();
        Self { dimensions, strides, indices: [0; limits::RANK], places: [0; N], left }
    }
}

impl<const N: usize> Iterator for Odometer<N> {
    type Item = [usize; N];

    #[inline(always)]
    fn next(&mut self) -> Option<[usize; N]> {
        self.left = self.left.checked_sub(1)?;
        let current = self.places;
        for dimension in (0..limits::RANK).rev() {
            self.indices[dimension] += 1;
            let wraps = self.indices[dimension] == self.dimensions[dimension];
            for (place, strides) in self.places.iter_mut().zip(&self.strides) {
                if wraps {
                    *place -= strides[dimension] * (self.dimensions[dimension] - 1);
                } else {
                    *place += strides[dimension];
                }
            }
            if !wraps {
                break;
            }
            self.indices[dimension] = 0;
        }
        Some(current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_odometer_counts_in_order() {
        let walk = Odometer::new([1, 1, 1, 2, 1, 3], [[0, 0, 0, 3, 3, 1], [0, 0, 0, 0, 0, 2]]);
        let places: Vec<_> = walk.collect();
        assert_eq!(places, [[0, 0], [1, 2], [2, 4], [3, 0], [4, 2], [5, 4]]);
    }

    #[test]
    fn axes_count_from_both_ends() {
        assert_eq!(resolve(-1, 3).unwrap(), 2);
        assert_eq!(resolve(2, 3).unwrap(), 2);
        for axis in [3, -4, i32::MIN, i32::MAX] {
            assert!(resolve(axis, 3).is_err());
        }
    }
}
