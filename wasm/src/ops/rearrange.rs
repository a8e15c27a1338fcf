//! What operators that only move elements share: regions of the inputs go to regions of the outputs, whatever the
//! elements mean. Where they go is known before the first run, so one kernel serves all of them, by the width of an element.

use crate::error::{ErrorKind, Result};
use crate::limits::RANK;
use crate::math::walk::Odometer;
use crate::ops::{Action, Flow, Kernel, Node};
use crate::run::io::{Io, Port};

/// Elements of an input that go to an output.
#[derive(Clone, Debug)]
pub struct Region {
    /// Whence.
    pub from: Port,
    /// Whither.
    pub to: Port,
    /// How many in each dimension.
    pub dimensions: [usize; RANK],
    /// The first element there and here.
    pub origins: [usize; 2],
    /// Steps there and here, in elements. A step back is a step of that many less than 2^n: places wrap.
    pub strides: [[usize; RANK]; 2],
}

impl Region {
    /// From the first input to the first output, starting at the first elements.
    pub fn new(dimensions: [usize; RANK], from: [usize; RANK], to: [usize; RANK]) -> Self {
        let (first, output) = (Port::Input(0), Port::Output(0));
        Self { from: first, to: output, dimensions, origins: [0, 0], strides: [from, to] }
    }

    /// Takes neighbouring dimensions that are one in both tensors for one, so that runs get long.
    fn merged(mut self) -> Self {
        let mut last = RANK - 1;
        for position in (0..RANK - 1).rev() {
            let extent = self.dimensions[last];
            let is_one = |strides: &[usize; RANK]| {
                strides[position] == strides[last].wrapping_mul(extent)
            };
            if self.dimensions[position] == 1 {
                continue;
            }
            if extent == 1 || self.strides.iter().all(is_one) {
                self.dimensions[last] *= self.dimensions[position];
                if extent == 1 {
                    self.strides.iter_mut().for_each(|strides| strides[last] = strides[position]);
                }
                self.dimensions[position] = 1;
            } else {
                last -= 1;
                self.dimensions.swap(position, last);
                self.strides.iter_mut().for_each(|strides| strides.swap(position, last));
            }
        }
        self
    }

    fn copy<const WIDTH: usize>(&self, input: &[u8], output: &mut [u8]) -> Result<()> {
        let internal = ErrorKind::EngineInternal;
        let (input, output) = (input.as_chunks::<WIDTH>().0, output.as_chunks_mut::<WIDTH>().0);
        let mut outer = self.dimensions;
        let run = core::mem::replace(&mut outer[RANK - 1], 1);
        let [from_step, to_step] = self.strides.map(|strides| strides[RANK - 1]);
        for [from, to] in Odometer::new(outer, self.strides) {
            let (mut from, mut to) =
                (self.origins[0].wrapping_add(from), self.origins[1].wrapping_add(to));
            if from_step == 1 && to_step == 1 {
                let from = input.get(from..).and_then(|input| input.get(..run)).ok_or(internal)?;
                let to = output.get_mut(to..).and_then(|output| output.get_mut(..run));
                to.ok_or(internal)?.copy_from_slice(from);
                continue;
            }
            for _ in 0..run {
                *output.get_mut(to).ok_or(internal)? = *input.get(from).ok_or(internal)?;
                from = from.wrapping_add(from_step);
                to = to.wrapping_add(to_step);
            }
        }
        Ok(())
    }
}

/// As many values as the greatest rank has, these at the end: dimensions behind ones, steps behind zeros.
pub fn behind(before: usize, values: &[usize]) -> [usize; RANK] {
    let mut all = [before; RANK];
    for (slot, value) in all.iter_mut().rev().zip(values.iter().rev()) {
        *slot = *value;
    }
    all
}

/// Steps over a dense tensor of these dimensions.
pub fn dense(dimensions: &[usize; RANK]) -> [usize; RANK] {
    let mut strides = [0; RANK];
    let mut step = 1;
    for (stride, extent) in strides.iter_mut().zip(dimensions).rev() {
        *stride = step;
        step *= extent;
    }
    strides
}

/// What the first output holds where nothing goes.
pub enum Ground {
    /// Nothing: something goes everywhere.
    None,
    /// These bytes, over and over.
    Bytes(Box<[u8]>),
    /// What is behind this port, over and over.
    Given(Port),
}

struct Rearrange {
    regions: Box<[Region]>,
    ground: Ground,
    width: usize,
}

/// Copies the regions, between tensors whose elements are as wide as those of the first output.
pub fn rearrange(node: &Node<'_>, regions: Vec<Region>) -> Result<Action> {
    rearrange_on(node, regions, Ground::None)
}

/// The same on a ground.
pub fn rearrange_on(node: &Node<'_>, regions: Vec<Region>, ground: Ground) -> Result<Action> {
    let width = node.tensor(node.output_index(0)?)?.element_type.bits() / 8;
    let regions = regions.into_iter().map(Region::merged).collect();
    Ok(Action::run(Rearrange { regions, ground, width }))
}

impl Kernel for Rearrange {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        match &self.ground {
            Ground::None => {}
            Ground::Bytes(bytes) => {
                let ([], [output]) = io.cut([], [Port::Output(0)])?;
                fill(output, bytes);
            }
            Ground::Given(port) => {
                let ([bytes], [output]) = io.cut([*port], [Port::Output(0)])?;
                fill(output, bytes);
            }
        }
        for region in &self.regions {
            let ([input], [output]) = io.cut([region.from], [region.to])?;
            match self.width {
                1 => region.copy::<1>(input, output)?,
                2 => region.copy::<2>(input, output)?,
                4 => region.copy::<4>(input, output)?,
                _ => region.copy::<8>(input, output)?,
            }
        }
        Ok(Flow::Next)
    }
}

#[inline(never)]
fn fill(output: &mut [u8], bytes: &[u8]) {
    if let [byte] = bytes {
        return output.fill(*byte);
    }
    for element in output.chunks_exact_mut(bytes.len().max(1)) {
        element.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    #[test]
    fn merged_regions_move_what_they_moved_before() {
        let mut random = Random::new(31);
        for _ in 0..500 {
            let dimensions: [usize; RANK] = core::array::from_fn(|_| 1 + random.below(3));
            let dense_strides = dense(&dimensions);
            // A permutation of some dimensions, some of them backwards.
            let mut order: Vec<usize> = (0..RANK).collect();
            for _ in 0..random.below(3) {
                order.swap(random.below(RANK), random.below(RANK));
            }
            let mut from: [usize; RANK] = core::array::from_fn(|at| dense_strides[order[at]]);
            let extents: [usize; RANK] = core::array::from_fn(|at| dimensions[order[at]]);
            let mut origin = 0;
            for (stride, extent) in from.iter_mut().zip(extents) {
                if random.below(4) == 0 {
                    origin += *stride * (extent - 1);
                    *stride = stride.wrapping_neg();
                }
            }
            let region = Region { origins: [origin, 0], ..Region::new(extents, from, dense(&extents)) };
            let input = random.bytes(2 * dimensions.iter().product::<usize>());
            let (mut plain, mut merged) = (vec![0; input.len()], vec![0; input.len()]);
            region.copy::<2>(&input, &mut plain).unwrap();
            region.clone().merged().copy::<2>(&input, &mut merged).unwrap();
            assert_eq!(plain, merged, "{region:?}");
        }
    }
}
