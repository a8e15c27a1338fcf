//! Parts of a tensor: SLICE, STRIDED_SLICE.
//!
//! Upstream: `micro/kernels/slice.cc`, `strided_slice.cc`, `strided_slice_common.cc` and
//! `lite/kernels/internal/strided_slice_logic.h`.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::limits::RANK;
use crate::model::OpKey;
use crate::ops::rearrange::{Region, dense, rearrange};
use crate::ops::signature::{BOOL, FLOAT32, INT8, INT16, INT32, INT64, SAME, Signature};
use crate::ops::{Action, Node, Options, Registration, Request};

/// A part that begins somewhere and has a size, both constant.
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

/// Of each dimension a bit: whether its begin or end is not given, and whether it is dropped. Upstream does not obey
/// the other masks.
struct StridedSliceOptions {
    begin: i32,
    end: i32,
    shrink: i32,
}

impl Options for StridedSliceOptions {
    const MEMBER: u8 = 32;

    fn read(table: &Table<'_>) -> Result<Self> {
        let (begin, end, shrink) = (table.scalar(0, 0)?, table.scalar(1, 0)?, table.scalar(4, 0)?);
        Ok(Self { begin, end, shrink })
    }
}

/// First index, step and count of a dimension.
type Cut = (i64, i64, i64);

fn prepare_slice(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
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
    let rank = input.shape.rank();
    let values = |position| node.int32s(node.input(position)?, RANK);
    let (begins, ends, steps) = (values(1)?, values(2)?, values(3)?);
    ensure([&begins, &ends, &steps].iter().all(|values| values.len() == rank), invalid)?;
    let mut cuts = Vec::new();
    let mut kept = Vec::new();
    let given = begins.into_iter().zip(ends).zip(steps).zip(input.shape.dimensions());
    for (position, (((begin, end), step), &extent)) in given.enumerate() {
        let has = |mask: i32| mask & (1 << position) != 0;
        let (extent, step) = (extent as i64, i64::from(step));
        ensure(step != 0, invalid)?;
        let (least, most) = if step > 0 { (0, extent) } else { (-1, extent - 1) };
        let within = |index: i32| {
            let index = i64::from(index);
            (if index < 0 { index + extent } else { index }).clamp(least, most)
        };
        let (first, last) = if step > 0 { (least, most) } else { (most, least) };
        let start = if has(masks.begin) { first } else { within(begin) };
        let stop = if has(masks.end) { last } else { within(end) };
        if has(masks.shrink) {
            cuts.push((start, 1, 1));
            continue;
        }
        let way = if step > 0 { stop - start } else { start - stop };
        let count = (way.max(0) as u64).div_ceil(step.unsigned_abs()) as i64;
        cuts.push((start, step, count));
        kept.push(count as usize);
    }
    ensure(output.shape.dimensions() == kept, invalid)?;
    let counts: Vec<usize> = cuts.iter().map(|(_, _, count)| *count as usize).collect();
    cut(node, &cuts, &counts)
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

    #[test]
    fn a_slice_outside_its_tensor_is_refused() {
        for (begin, size, sound) in [(1, 2, true), (1, -1, true), (2, 2, false), (-1, 2, false), (4, -1, false)] {
            let [begin, size] = [begin, size].map(|value| Given::int32s(&[1], &[value]));
            let tensors = [Given::input(Int8, &[3]), begin, size, Given::output(Int8, &[2])];
            assert_eq!(run(single(&SLICE, &tensors, None), &[&[0, 1, 2]]).is_ok(), sound);
        }
    }
}
