//! Floats made of floats at the same places, four at a time, in all builds.

use crate::error::{ErrorKind, Result};
use crate::limits::RANK;
use crate::math::walk::{Odometer, Pairing};
use crate::ops::weights::float::Float;
use crate::simd::vector::F32x4;

/// Four floats of a tensor.
type Four = [Float; 4];

/// A last vector of fewer than four floats.
fn last(floats: &[Float]) -> Four {
    let mut four = Four::default();
    for (to, from) in four.iter_mut().zip(floats) {
        *to = *from;
    }
    four
}

/// Computes every output from the input at its place.
#[inline(always)]
pub fn map(input: &[Float], output: &mut [Float], compute: impl Fn(F32x4) -> F32x4) {
    let compute = |four: &Four| compute(F32x4::from_bytes(four)).bytes();
    let ((inputs, rest), (outputs, last_output)) = (input.as_chunks(), output.as_chunks_mut());
    for (output, input) in outputs.iter_mut().zip(inputs) {
        *output = compute(input);
    }
    if !rest.is_empty() {
        last_output.copy_from_slice(compute(&last(rest)).get(..rest.len()).unwrap_or_default());
    }
}

/// Changes every output by the input at its place.
#[inline(always)]
pub fn fold(outputs: &mut [Float], inputs: &[Float], step: impl Fn(F32x4, F32x4) -> F32x4) {
    let step = |one: &Four, other: &Four| step(F32x4::from_bytes(one), F32x4::from_bytes(other)).bytes();
    let ((outputs, last_output), (inputs, rest)) = (outputs.as_chunks_mut(), inputs.as_chunks());
    for (output, input) in outputs.iter_mut().zip(inputs) {
        *output = step(output, input);
    }
    if !rest.is_empty() {
        let four = step(&last(last_output), &last(rest));
        last_output.copy_from_slice(four.get(..last_output.len()).unwrap_or_default());
    }
}

/// How two inputs meet in an output: in runs in which each of them either goes on or stays the same.
pub struct Runs {
    /// Elements of a run.
    length: usize,
    /// Whether an input stays the same in a run.
    stays: [bool; 2],
    /// Extents of the output and strides of the inputs, for the first elements of runs.
    places: Odometer<2>,
}

impl Runs {
    /// As long as possible. `elements` are those of the output.
    pub fn new(pairing: &Pairing, elements: usize) -> Self {
        let (mut extents, mut strides) = ([1; RANK], [[0; RANK]; 2]);
        let (mut length, mut steps) = (1, [1, 1]);
        let Pairing::Broadcast(dimensions, [one, other]) = pairing else {
            return Self { length: elements.max(1), stays: [false; 2], places: Odometer::new(extents, strides) };
        };
        let mut before = RANK;
        for ((&extent, &one), &other) in dimensions.iter().zip(one).zip(other).rev().filter(|((extent, _), _)| **extent != 1) {
            let goes_on = |step: [usize; 2], extent: usize| [one, other] == step.map(|step| step * extent);
            if length == 1 {
                (length, steps) = (extent, [one, other]);
            } else if before == RANK && goes_on(steps, length) {
                length *= extent;
            } else if before < RANK && goes_on([strides[0][before], strides[1][before]], extents[before]) {
                extents[before] *= extent;
            } else {
                before -= 1;
                extents[before] = extent;
                (strides[0][before], strides[1][before]) = (one, other);
            }
        }
        Self { length: length.max(1), stays: steps.map(|step| step == 0), places: Odometer::new(extents, strides) }
    }

    /// Computes every output from its two inputs, run by run.
    #[inline(never)]
    pub fn map(&self, [one, other]: [&[Float]; 2], output: &mut [Float], run: &RunOf) -> Result<()> {
        for (output, [one_at, other_at]) in output.chunks_exact_mut(self.length).zip(self.places.clone()) {
            let mut splats = [Four::default(); 2];
            let [one_splat, other_splat] = &mut splats;
            let one = self.operand(one, one_at, self.stays[0], one_splat)?;
            let other = self.operand(other, other_at, self.stays[1], other_splat)?;
            run(&one, &other, output).ok_or(ErrorKind::EngineInternal)?;
        }
        Ok(())
    }

    #[inline(never)]
    fn operand<'a>(&self, input: &'a [Float], at: usize, stays: bool, splat: &'a mut Four) -> Result<Operand<'a>> {
        let run = if stays { at..at + 1 } else { at..at + self.length };
        let run = input.get(run).ok_or(ErrorKind::EngineInternal)?;
        if let ([value], true) = (run, stays) {
            *splat = [*value; 4];
            return Ok(Operand { fours: core::slice::from_ref(splat), mask: 0, last: *splat });
        }
        let (fours, rest) = run.as_chunks();
        Ok(Operand { fours, mask: usize::MAX, last: last(rest) })
    }
}

/// Computes the outputs of a run.
pub type RunOf = dyn Fn(&Operand<'_>, &Operand<'_>, &mut [Float]) -> Option<()> + Send + Sync;

/// Makes it of a function of four floats and four others.
pub fn run_of(compute: impl Fn(F32x4, F32x4) -> F32x4 + Send + Sync + 'static) -> Box<RunOf> {
    let compute = move |one: &Four, other: &Four| compute(F32x4::from_bytes(one), F32x4::from_bytes(other)).bytes();
    Box::new(move |one, other, output| {
        let (outputs, rest) = output.as_chunks_mut();
        for (at, output) in outputs.iter_mut().enumerate() {
            *output = compute(one.four(at)?, other.four(at)?);
        }
        if !rest.is_empty() {
            rest.copy_from_slice(compute(&one.last, &other.last).get(..rest.len())?);
        }
        Some(())
    })
}

/// One of the inputs of a run.
pub struct Operand<'a> {
    fours: &'a [Four],
    /// All ones, or 0 where it stays the same.
    mask: usize,
    last: Four,
}

impl Operand<'_> {
    #[inline(always)]
    fn four(&self, at: usize) -> Option<&Four> {
        self.fours.get(at & self.mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::Shape;
    use crate::testing::{Random, assert_same};

    #[test]
    fn runs_pair_the_same_elements_as_a_walk_over_all() {
        let mut random = Random::new(23);
        for _ in 0..500 {
            let mut shapes = [(); 3].map(|()| Vec::new());
            for _ in 0..1 + random.below(5) {
                let extent = 1 + random.below(6) as i32;
                let [one, other] = [(extent, extent), (extent, extent), (1, extent), (extent, 1)][random.below(4)].into();
                shapes.iter_mut().zip([one, other, extent]).for_each(|(shape, extent)| shape.push(extent));
            }
            let [one, other, output] = shapes.map(|shape| Shape::new(&shape).unwrap());
            let pairing = Pairing::new(&one, &other, &output).unwrap();
            let inputs = [one, other].map(|shape| random.floats(shape.elements()));
            let tensors = inputs.clone().map(|floats| floats.iter().map(|float| float.to_le_bytes()).collect::<Vec<_>>());
            let mut found = vec![[0; 4]; output.elements()];
            let runs = Runs::new(&pairing, output.elements());
            runs.map([&tensors[0], &tensors[1]], &mut found, &*run_of(F32x4::minus)).unwrap();
            let mut expected = vec![0.0; output.elements()];
            pairing.map((&inputs[0], &inputs[1]), &mut expected, |one, other| one - other).unwrap();
            assert_same(found.as_flattened(), &expected, &format!("{one:?} {other:?}"));
        }
    }
}
