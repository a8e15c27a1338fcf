//! Walks over the elements of strided tensors.

use crate::error::{ErrorKind, Result, ensure};
use crate::limits;
use crate::model::tensor::Shape;

/// Walks over all elements of a shape in order and tells their places in `N` strided tensors. Places wrap: a step back is
/// its negative.
#[derive(Clone)]
pub struct Odometer<const N: usize> {
    dimensions: [usize; limits::RANK],
    strides: [[usize; limits::RANK]; N],
    indices: [usize; limits::RANK],
    places: [usize; N],
    /// Index and extent of the last dimension, where most steps are.
    column: usize,
    columns: usize,
    left: usize,
}

impl<const N: usize> Odometer<N> {
    /// Starts at the first element.
    pub fn new(dimensions: [usize; limits::RANK], strides: [[usize; limits::RANK]; N]) -> Self {
        let left = dimensions.iter().product();
        let columns = dimensions[limits::RANK - 1];
        Self { dimensions, strides, indices: [0; limits::RANK], places: [0; N], column: 0, columns, left }
    }

    /// From the end of the last dimension to the next step of those before it.
    #[inline(never)]
    fn carry(&mut self) {
        let Self { dimensions, strides, indices, places, columns, .. } = self;
        if let Some(last) = indices.last_mut() {
            *last = *columns - 1;
        }
        let counters = indices.iter_mut().zip(dimensions.iter()).enumerate();
        for (dimension, (index, &extent)) in counters.rev() {
            *index += 1;
            let wraps = *index == extent;
            for (place, strides) in places.iter_mut().zip(strides.iter()) {
                let stride = strides.get(dimension).copied().unwrap_or(0);
                *place = if wraps {
                    place.wrapping_sub(stride.wrapping_mul(extent - 1))
                } else {
                    place.wrapping_add(stride)
                };
            }
            if !wraps {
                break;
            }
            *index = 0;
        }
    }
}

impl<const N: usize> Iterator for Odometer<N> {
    type Item = [usize; N];

    #[inline(always)]
    fn next(&mut self) -> Option<[usize; N]> {
        self.left = self.left.checked_sub(1)?;
        let current = self.places;
        self.column += 1;
        if self.column < self.columns {
            for (place, strides) in self.places.iter_mut().zip(&self.strides) {
                *place = place.wrapping_add(strides[limits::RANK - 1]);
            }
        } else {
            self.column = 0;
            self.carry();
        }
        Some(current)
    }
}

/// Which elements of two inputs meet in an output.
pub enum Pairing {
    /// Those at the same place: all three shapes are equal.
    Same,
    /// Those at the places that these dimensions of the output and these strides over it tell;
    /// strides are 0 where an input is broadcast.
    Broadcast([usize; limits::RANK], [[usize; limits::RANK]; 2]),
}

impl Pairing {
    /// For an output of this shape.
    pub fn new(one: &Shape, other: &Shape, output: &Shape) -> Result<Self> {
        if one == output && other == output {
            return Ok(Self::Same);
        }
        Ok(Self::Broadcast(output.extended(), [strides(one, output)?, strides(other, output)?]))
    }

    /// The places of the two inputs for every output in order; none where they are the output's own.
    pub fn places(&self) -> Option<Odometer<2>> {
        match self {
            Self::Same => None,
            Self::Broadcast(dimensions, strides) => Some(Odometer::new(*dimensions, *strides)),
        }
    }

    /// Computes every output from its two inputs.
    #[inline(always)]
    pub fn map<I: Copy, O>(
        &self,
        (one, other): (&[I], &[I]),
        output: &mut [O],
        compute: impl Fn(I, I) -> O,
    ) -> Result<()> {
        match self {
            Self::Same => {
                for ((output, one), other) in output.iter_mut().zip(one).zip(other) {
                    *output = compute(*one, *other);
                }
            }
            Self::Broadcast(dimensions, strides) => {
                let places = Odometer::new(*dimensions, *strides);
                for (output, [one_at, other_at]) in output.iter_mut().zip(places) {
                    let one = one.get(one_at).ok_or(ErrorKind::EngineInternal)?;
                    let other = other.get(other_at).ok_or(ErrorKind::EngineInternal)?;
                    *output = compute(*one, *other);
                }
            }
        }
        Ok(())
    }
}

/// Elements to step over in `input` for each dimension of `output`.
pub fn strides(input: &Shape, output: &Shape) -> Result<[usize; limits::RANK]> {
    let mut strides = [0; limits::RANK];
    let mut step = 1;
    let dimensions = input.extended().into_iter().zip(output.extended()).zip(&mut strides);
    for ((input, output), stride) in dimensions.rev() {
        ensure(input == output || input == 1, ErrorKind::OperatorInvalid)?;
        *stride = if input == 1 { 0 } else { step };
        step *= input;
    }
    ensure(input.rank() <= output.rank(), ErrorKind::OperatorInvalid)?;
    Ok(strides)
}

/// An axis that may count from the end, as a position below `rank`.
pub fn resolve(axis: i32, rank: usize) -> Result<usize> {
    let position = if axis < 0 { i64::from(axis) + rank as i64 } else { i64::from(axis) };
    match usize::try_from(position) {
        Ok(position) if position < rank => Ok(position),
        _ => Err(ErrorKind::OperatorInvalid.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_odometer_counts_in_order() {
        let walk = Odometer::new(
            [1, 1, 1, 1, 1, 2, 1, 3],
            [[0, 0, 0, 0, 0, 3, 3, 1], [0, 0, 0, 0, 0, 0, 0, 2]],
        );
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

    #[test]
    fn a_dimension_of_one_is_broadcast() {
        let shape = |dimensions: &[i32]| Shape::new(dimensions).unwrap();
        let output = shape(&[2, 3, 4]);
        assert_eq!(strides(&shape(&[3, 1]), &output).unwrap(), [0, 0, 0, 0, 0, 0, 1, 0]);
        assert_eq!(strides(&shape(&[2, 3, 4]), &output).unwrap(), [0, 0, 0, 0, 0, 12, 4, 1]);
        assert!(strides(&shape(&[2]), &output).is_err());
        assert!(strides(&shape(&[1, 1, 1, 1]), &output).is_err());
    }
}
