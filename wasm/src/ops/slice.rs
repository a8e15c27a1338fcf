//! Parts of a tensor: SLICE, STRIDED_SLICE.
//!
//! Upstream: `micro/kernels/slice.cc`, `strided_slice.cc`, `strided_slice_common.cc` and
//! `lite/kernels/internal/strided_slice_logic.h`.

use crate::error::{Error, ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::limits::RANK;
use crate::math::integer;
use crate::math::walk::Odometer;
use crate::model::OpKey;
use crate::model::tensor::{Location, TensorType};
use crate::ops::rearrange::{Region, dense, rearrange};
use crate::ops::signature::{BOOL, FLOAT32, INT8, INT16, INT32, INT64, SAME, Signature};
use crate::ops::{Action, Flow, Kernel, Node, Options, Registration, Request};
use crate::run::io::{Io, Port};

/// A part that begins somewhere; its size is that of the output.
pub static SLICE: Registration = Registration {
    key: OpKey::Builtin(65),
    name: "SLICE",
    inputs: 3..=3,
    outputs: 1..=1,
    types: &[Signature {
        inputs: &[FLOAT32.or(INT8).or(INT16).or(INT32).or(BOOL), INT32.or(INT64)],
        outputs: &[SAME],
    }],
    prepare: prepare_slice,
};

/// A part from begin to end, by steps.
pub static STRIDED_SLICE: Registration = Registration {
    key: OpKey::Builtin(45),
    name: "STRIDED_SLICE",
    inputs: 4..=4,
    outputs: 1..=1,
    types: &[Signature {
        inputs: &[FLOAT32.or(INT8).or(INT16).or(INT32).or(BOOL), INT32],
        outputs: &[SAME],
    }],
    prepare: prepare_strided,
};

/// Of each entry a bit: whether its begin or end is not given, whether it stands for all dimensions that no other entry names,
/// whether it puts in a dimension of one, and whether its dimension is dropped. Upstream drops the third and the fourth without
/// a word; TensorFlow Lite obeys them, and so does this.
struct StridedSliceOptions {
    begin: i32,
    end: i32,
    ellipsis: i32,
    new_axis: i32,
    shrink: i32,
}

impl Options for StridedSliceOptions {
    const MEMBER: u8 = 32;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self {
            begin: table.scalar(0, 0)?,
            end: table.scalar(1, 0)?,
            ellipsis: table.scalar(2, 0)?,
            new_axis: table.scalar(3, 0)?,
            shrink: table.scalar(4, 0)?,
        })
    }
}

/// First index, step and count of a dimension.
type Cut = (i64, i64, i64);

fn prepare_slice(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let is_fixed = |position: usize| Ok::<_, Error>(matches!(node.input(position)?.location, Location::Constant(_)));
    if !is_fixed(1)? || !is_fixed(2)? {
        return moving(node);
    }
    let (begins, sizes) = (node.indices(node.input(1)?, RANK)?, node.indices(node.input(2)?, RANK)?);
    let rank = input.shape.rank();
    ensure(begins.len() == rank && sizes.len() == rank, ErrorKind::OperatorInvalid)?;
    let cuts = input.shape.dimensions().iter().zip(begins).zip(sizes);
    let cuts: Vec<Cut> = cuts
        .map(|((&extent, begin), size)| {
            let begin = i64::from(begin);
            (begin, 1, if size == -1 { extent as i64 - begin } else { i64::from(size) })
        })
        .collect();
    ensure(output.shape.rank() == rank, ErrorKind::OperatorInvalid)?;
    cut(node, &cuts, output.shape.dimensions())
}

fn prepare_strided(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let invalid = ErrorKind::OperatorInvalid;
    let masks: StridedSliceOptions = node.options()?;
    let values = |position| node.int32s(node.input(position)?, RANK);
    let (begins, ends, steps) = (values(1)?, values(2)?, values(3)?);
    ensure(begins.len() == ends.len() && ends.len() == steps.len(), invalid)?;
    let has = |mask: i32, entry: usize| mask & (1 << entry) != 0;
    let names = |entry: &usize| !has(masks.new_axis | masks.ellipsis, *entry);
    let named = (0..begins.len()).filter(names).count();
    // So many dimensions are taken whole: where the ellipsis is, or at the end.
    let whole = input.shape.rank().checked_sub(named).ok_or(invalid)?;
    let mut extents = input.shape.dimensions().iter().copied();
    let (mut cuts, mut kept): (Vec<Cut>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut is_open = true;
    let mut take_whole = |cuts: &mut Vec<Cut>, kept: &mut Vec<usize>, extents: &mut dyn Iterator<Item = usize>| {
        for extent in extents.take(if core::mem::take(&mut is_open) { whole } else { 0 }) {
            cuts.push((0, 1, extent as i64));
            kept.push(extent);
        }
    };
    for (entry, ((begin, end), step)) in begins.into_iter().zip(ends).zip(steps).enumerate() {
        if has(masks.ellipsis, entry) {
            take_whole(&mut cuts, &mut kept, &mut extents);
            continue;
        }
        if has(masks.new_axis, entry) {
            kept.push(1);
            continue;
        }
        let (extent, step) = (extents.next().ok_or(invalid)? as i64, i64::from(step));
        ensure(step != 0, invalid)?;
        let (least, most) = if step > 0 { (0, extent) } else { (-1, extent - 1) };
        let within = |index: i32| {
            let index = i64::from(index);
            (if index < 0 { index + extent } else { index }).clamp(least, most)
        };
        let (first, last) = if step > 0 { (least, most) } else { (most, least) };
        let start = if has(masks.begin, entry) { first } else { within(begin) };
        let stop = if has(masks.end, entry) { last } else { within(end) };
        if has(masks.shrink, entry) {
            cuts.push((start, 1, 1));
            continue;
        }
        let way = if step > 0 { stop - start } else { start - stop };
        let count = (way.max(0) as u64).div_ceil(step.unsigned_abs()) as i64;
        cuts.push((start, step, count));
        kept.push(count as usize);
    }
    take_whole(&mut cuts, &mut kept, &mut extents);
    ensure(output.shape.dimensions() == kept, invalid)?;
    let counts: Vec<usize> = cuts.iter().map(|(_, _, count)| *count as usize).collect();
    cut(node, &cuts, &counts)
}

/// A part whose begin is known when it runs.
struct Moving {
    /// Of the input, behind ones.
    extents: [usize; RANK],
    /// Of the output, behind ones.
    counts: [usize; RANK],
    /// Steps over the input, in bytes.
    steps: [usize; RANK],
    rank: usize,
    row_bytes: usize,
    index_type: TensorType,
}

fn moving(node: &Node<'_>) -> Result<Action> {
    let (input, begins, sizes, output) = (node.input(0)?, node.input(1)?, node.input(2)?, node.output(0)?);
    let rank = input.shape.rank();
    let sound = rank > 0
        && output.shape.rank() == rank
        && begins.shape.elements() == rank
        && sizes.shape.elements() == rank
        && begins.element_type == sizes.element_type;
    ensure(sound, ErrorKind::OperatorInvalid)?;
    let element = input.element_type.bits() / 8;
    let (extents, counts) = (input.shape.extended(), output.shape.extended());
    Ok(Action::run(Moving {
        steps: dense(&extents).map(|step| step * element),
        row_bytes: output.shape.last() * element,
        extents,
        counts,
        rank,
        index_type: begins.element_type,
    }))
}

impl Kernel for Moving {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input, begins, sizes], [output]) =
            io.cut([Port::Input(0), Port::Input(1), Port::Input(2)], [Port::Output(0)])?;
        let width = self.index_type.bits() / 8;
        let mut origin = 0;
        let places = begins.chunks_exact(width).zip(sizes.chunks_exact(width)).zip(RANK - self.rank..);
        for ((begin, size), dimension) in places {
            let (extent, count) = (self.extents[dimension] as i64, self.counts[dimension] as i64);
            let (begin, size) = (integer::read(self.index_type, begin), integer::read(self.index_type, size));
            let inside = begin >= 0 && begin <= extent - count;
            // The output's shape is fixed: a part of another size cannot be given.
            let sound = inside && (size == count || size == -1 && extent - begin == count);
            ensure(sound, ErrorKind::OperatorInvalid)?;
            origin += begin as usize * self.steps[dimension];
        }
        let mut outer = self.counts;
        outer[RANK - 1] = 1;
        let rows = Odometer::new(outer, [self.steps]);
        for (row, [place]) in output.chunks_exact_mut(self.row_bytes).zip(rows) {
            let start = origin + place;
            let found = input.get(start..start + self.row_bytes).ok_or(ErrorKind::EngineInternal)?;
            row.copy_from_slice(found);
        }
        Ok(Flow::Next)
    }
}

/// Copies what the cuts leave, which has to be as many elements as said and lie in the input.
fn cut(node: &Node<'_>, cuts: &[Cut], counts: &[usize]) -> Result<Action> {
    let input = node.input(0)?;
    let first = RANK - input.shape.rank();
    let steps = dense(&input.shape.extended());
    let (mut dimensions, mut from, mut origin) = ([1; RANK], [0; RANK], 0);
    let each = cuts.iter().zip(counts).zip(input.shape.dimensions()).enumerate();
    for (position, ((&(start, step, count), &expected), &extent)) in each {
        let last = start + step * (count - 1);
        let inside = |index: i64| (0..extent as i64).contains(&index);
        let sound = count > 0 && count as usize == expected && inside(start) && inside(last);
        ensure(sound, ErrorKind::OperatorInvalid)?;
        dimensions[first + position] = expected;
        from[first + position] = (step as usize).wrapping_mul(steps[first + position]);
        origin += start as usize * steps[first + position];
    }
    let region = Region::new(dimensions, from, dense(&dimensions));
    rearrange(node, vec![Region { origins: [origin, 0], ..region }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::Int8;
    use crate::testing::{Field, Given, run, single};

    /// Begin, end, step; masks of begin, end and shrink; what is left of 0, 1, 2, 3, 4.
    type Row = ([i32; 3], [i32; 3], Option<&'static [u8]>);

    #[test]
    fn begin_end_and_step_are_taken_as_upstream_takes_them() {
        let rows: [Row; 9] = [
            ([1, 4, 1], [0, 0, 0], Some(&[1, 2, 3])),
            ([-4, -1, 2], [0, 0, 0], Some(&[1, 3])),
            ([4, 0, -3], [0, 0, 0], Some(&[4, 1])),
            ([0, 0, -1], [1, 1, 0], Some(&[4, 3, 2, 1, 0])),
            ([-9, 9, 2], [0, 0, 0], Some(&[0, 2, 4])),
            ([3, 0, 1], [0, 0, 1], Some(&[3])),
            ([9, 0, 1], [0, 0, 1], None),
            ([0, 5, 0], [0, 0, 0], None),
            ([3, 3, 1], [0, 0, 0], None),
        ];
        for (cut, masks, expected) in rows {
            let count = expected.map_or(1, <[u8]>::len);
            let shape: &[usize] = if masks[2] == 0 { &[count] } else { &[] };
            let [begin, end, step] = cut.map(|value| Given::int32s(&[1], &[value]));
            let tensors = [Given::input(Int8, &[5]), begin, end, step, Given::output(Int8, shape)];
            let fields = [0, 1, 4].map(|slot| (slot, Field::I32(masks[slot.min(2)])));
            let end = run(single(&STRIDED_SLICE, &tensors, Some((32, &fields))), &[&[0, 1, 2, 3, 4]]);
            assert_eq!(end.ok().map(|mut outputs| outputs.remove(0)).as_deref(), expected, "{cut:?} {masks:?}");
        }
    }

    /// Begins; masks of ellipsis, new axis and shrink; the shape that is left of 2 x 3, and its first two bytes.
    type Masked = (&'static [i32], [i32; 3], &'static [usize], [u8; 2]);

    #[test]
    fn dimensions_of_one_are_put_in_and_an_ellipsis_stands_for_all_that_are_not_named() {
        let rows: [Masked; 5] = [
            (&[0, 0, 1], [0b001, 0b010, 0], &[2, 1, 2], [1, 2]),
            (&[1, 0], [0b10, 0, 0b01], &[3], [3, 4]),
            (&[0, 1], [0, 0b01, 0], &[1, 1, 3], [3, 4]),
            (&[1], [0, 0, 0], &[1, 3], [3, 4]),
            (&[0, 0, 0, 1], [0b0001, 0b0110, 0], &[2, 1, 1, 2], [1, 2]),
        ];
        for (begins, masks, shape, expected) in rows {
            let entries = begins.len();
            let constant = |values: &[i32]| Given::int32s(&[entries], values);
            let tensors = [
                Given::input(Int8, &[2, 3]),
                constant(begins),
                constant(&vec![3; entries]),
                constant(&vec![1; entries]),
                Given::output(Int8, shape),
            ];
            let fields = [2, 3, 4].map(|slot| (slot, Field::I32(masks[slot - 2])));
            let model = single(&STRIDED_SLICE, &tensors, Some((32, &fields)));
            let found = run(model, &[&[0, 1, 2, 3, 4, 5]]).unwrap().remove(0);
            assert_eq!(found[..2], expected, "{begins:?} {masks:?}");
        }
    }

    #[test]
    fn a_slice_may_begin_where_an_input_says_within_its_tensor() {
        let tensors = [
            Given::input(Int8, &[2, 3]),
            Given::input(TensorType::Int32, &[2]),
            Given::int32s(&[2], &[1, 2]),
            Given::output(Int8, &[1, 2]),
        ];
        let slice = |begin: [i32; 2]| {
            let bytes: Vec<u8> = begin.iter().flat_map(|value| value.to_le_bytes()).collect();
            run(single(&SLICE, &tensors, None), &[&[0, 1, 2, 3, 4, 5], &bytes]).map(|mut outputs| outputs.remove(0))
        };
        assert_eq!(slice([1, 1]).unwrap(), [4, 5]);
        assert_eq!(slice([0, 0]).unwrap(), [0, 1]);
        for begin in [[2, 0], [0, 2], [-1, 0], [0, i32::MIN]] {
            assert_eq!(slice(begin).unwrap_err().kind(), ErrorKind::OperatorInvalid);
        }
    }

    #[test]
    fn a_slice_outside_its_tensor_is_refused() {
        for (begin, size, sound) in [(1, 2, true), (1, -1, true), (2, 2, false), (-1, 2, false), (4, -1, false)] {
            let [begin, size] = [begin, size].map(|value| Given::int32s(&[1], &[value]));
            let tensors = [Given::input(Int8, &[3]), begin, size, Given::output(Int8, &[2])];
            assert_eq!(run(single(&SLICE, &tensors, None), &[&[0, 1, 2]]).is_ok(), sound);
        }
    }
}
