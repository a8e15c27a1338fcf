//! Rows of a table by indices that are known at run time: GATHER, GATHER_ND, EMBEDDING_LOOKUP.
//!
//! Upstream: `micro/kernels/gather.cc`, `gather_nd.cc`, `embedding_lookup.cc`. An index outside of its table ends the
//! inference; upstream's GATHER does not look.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::math::integer;
use crate::math::walk::resolve;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{ANY, FLOAT32, INT4, INT8, INT32, INT64, SAME, Signature};
use crate::ops::weights::float::floats_mut;
use crate::ops::{Action, Flow, Kernel, Node, Options, Registration, Request};
use crate::run::io::{Io, Port};

/// Slices along an axis.
pub static GATHER: Registration = Registration {
    key: OpKey::Builtin(36),
    name: "GATHER",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[ANY.without(INT4), INT32.or(INT64)], outputs: &[SAME] }],
    prepare: prepare_gather,
};

/// Slices at places of many dimensions.
pub static GATHER_ND: Registration = Registration {
    key: OpKey::Builtin(107),
    name: "GATHER_ND",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8), INT32], outputs: &[SAME] }],
    prepare: prepare_gather_nd,
};

/// Rows, as they are or as real values.
pub static EMBEDDING_LOOKUP: Registration = Registration {
    key: OpKey::Builtin(7),
    name: "EMBEDDING_LOOKUP",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[
        Signature { inputs: &[INT32, FLOAT32], outputs: &[FLOAT32] },
        Signature { inputs: &[INT32, INT8], outputs: &[INT8.or(FLOAT32)] },
    ],
    prepare: prepare_embedding,
};

struct GatherOptions {
    axis: i32,
    batch_dimensions: i32,
}

impl Options for GatherOptions {
    const MEMBER: u8 = 23;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self { axis: table.scalar(0, 0)?, batch_dimensions: table.scalar(1, 0)? })
    }
}

/// Where the table and its indices are, and how they are walked.
struct Gather {
    table: Port,
    indices: Port,
    /// Blocks of the table that have the same indices, one after the other.
    outer: usize,
    /// Indices of each block.
    count: usize,
    /// Rows of each block.
    rows: usize,
    /// Bytes of a row.
    row: usize,
    /// Step of an int8 that becomes a real value.
    scale: Option<f32>,
    index_type: TensorType,
}

fn prepare_gather(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (table, indices, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let GatherOptions { axis, batch_dimensions } = node.options()?;
    let (extents, counts) = (table.shape.dimensions(), indices.shape.dimensions());
    let axis = resolve(axis, extents.len())?;
    // Counted on the indices: all of their dimensions may be batches.
    let batches = resolve(batch_dimensions, counts.len() + 1 - usize::from(batch_dimensions < 0))?;
    ensure(batches <= axis, ErrorKind::OperatorInvalid)?;
    let (batch, outer) = extents.split_at_checked(batches).ok_or(ErrorKind::OperatorInvalid)?;
    let (shared, counted) = counts.split_at_checked(batches).ok_or(ErrorKind::OperatorInvalid)?;
    let (outer, rest) = outer.split_at_checked(axis - batches).ok_or(ErrorKind::OperatorInvalid)?;
    let (&rows, inner) = rest.split_first().ok_or(ErrorKind::OperatorInvalid)?;
    let expected = [batch, outer, counted, inner].concat();
    ensure(batch == shared && output.shape.dimensions() == expected, ErrorKind::OperatorInvalid)?;
    Ok(Action::run(Gather {
        table: Port::Input(0),
        indices: Port::Input(1),
        outer: outer.iter().product(),
        count: counted.iter().product(),
        rows,
        row: inner.iter().product::<usize>() * table.element_type.bits() / 8,
        scale: None,
        index_type: indices.element_type,
    }))
}

fn prepare_embedding(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (indices, table, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let (&[count], [rows, inner @ ..]) = (indices.shape.dimensions(), table.shape.dimensions()) else {
        return Err(ErrorKind::OperatorInvalid.into());
    };
    let expected = [&[count], inner].concat();
    ensure(!inner.is_empty() && output.shape.dimensions() == expected, ErrorKind::OperatorInvalid)?;
    let scale = if table.element_type == output.element_type {
        None
    } else {
        let (scale, zero_point) = table.affine()?;
        ensure(zero_point == 0, ErrorKind::QuantisationInvalid)?;
        Some(scale)
    };
    Ok(Action::run(Gather {
        table: Port::Input(1),
        indices: Port::Input(0),
        outer: 1,
        count,
        rows: *rows,
        row: inner.iter().product::<usize>() * table.element_type.bits() / 8,
        scale,
        index_type: TensorType::Int32,
    }))
}

impl Kernel for Gather {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([table, indices], [output]) = io.cut([self.table, self.indices], [Port::Output(0)])?;
        let width = if self.scale.is_some() { size_of::<f32>() } else { 1 };
        let mut outputs = output.chunks_exact_mut(self.row * width);
        let blocks = table.chunks_exact(self.rows * self.row);
        for (at, block) in blocks.enumerate() {
            let first = at / self.outer * self.count;
            for index in indices.chunks_exact(self.index_type.bits() / 8).skip(first).take(self.count) {
                let row = usize::try_from(integer::read(self.index_type, index)).ok();
                let row = row.and_then(|row| block.chunks_exact(self.row).nth(row)).ok_or(ErrorKind::OperatorInvalid)?;
                let output = outputs.next().ok_or(ErrorKind::EngineInternal)?;
                match self.scale {
                    None => output.copy_from_slice(row),
                    Some(scale) => {
                        for (output, byte) in floats_mut(output).iter_mut().zip(row) {
                            *output = (f32::from(*byte as i8) * scale).to_le_bytes();
                        }
                    }
                }
            }
        }
        Ok(Flow::Next)
    }
}

struct GatherNd {
    /// Elements between neighbours of each dimension that an index names.
    steps: Vec<i64>,
    /// Elements of a slice.
    slice: usize,
    element_type: TensorType,
}

/// As many dimensions as upstream counts on its stack.
const MOST_NAMED: usize = 5;

fn prepare_gather_nd(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (table, indices, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let extents = table.shape.dimensions();
    let Some((&named, outer)) = indices.shape.dimensions().split_last() else {
        return Err(ErrorKind::OperatorInvalid.into());
    };
    ensure(named <= MOST_NAMED, ErrorKind::OperatorInvalid)?;
    let (counted, inner) = extents.split_at_checked(named).ok_or(ErrorKind::OperatorInvalid)?;
    ensure(output.shape.dimensions() == [outer, inner].concat(), ErrorKind::OperatorInvalid)?;
    let mut steps = Vec::new();
    let mut left = table.shape.elements();
    for extent in counted {
        left /= extent;
        steps.push(left as i64);
    }
    Ok(Action::run(GatherNd { steps, slice: inner.iter().product(), element_type: table.element_type }))
}

impl Kernel for GatherNd {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (table, indices, output) = io.two()?;
        let width = self.element_type.bits() / 8;
        let (indices, _) = indices.as_chunks();
        let places = indices.chunks_exact(self.steps.len());
        for (output, place) in output.chunks_exact_mut(self.slice * width).zip(places) {
            // As upstream, one dimension may be left through another: the place in the whole table counts.
            let terms = place.iter().zip(&self.steps);
            let first: i64 = terms.map(|(index, step)| i64::from(i32::from_le_bytes(*index)) * step).sum();
            let slice = usize::try_from(first).ok().and_then(|first| {
                let start = first.checked_mul(width)?;
                table.get(start..start.checked_add(self.slice * width)?)
            });
            output.copy_from_slice(slice.ok_or(ErrorKind::OperatorInvalid)?);
        }
        Ok(Flow::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::{Float32, Int8, Int32};
    use crate::testing::{Field, Given, Random, assert_same, run, single};

    fn int32s(values: &[i32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    /// GATHER of a table of bytes.
    fn gather(table: (&[usize], &[u8]), indices: (&[usize], &[i32]), (axis, batches): (i32, i32), to: &[usize]) -> Result<Vec<u8>> {
        let tensors = [Given::input(Int8, table.0), Given::input(Int32, indices.0), Given::output(Int8, to)];
        let fields = [(0, Field::I32(axis)), (1, Field::I32(batches))];
        Ok(run(single(&GATHER, &tensors, Some((23, &fields))), &[table.1, &int32s(indices.1)])?.remove(0))
    }

    #[test]
    fn slices_are_those_that_the_indices_name() {
        let mut random = Random::new(41);
        for _ in 0..300 {
            let table: Vec<usize> = (0..1 + random.below(4)).map(|_| 1 + random.below(4)).collect();
            let axis = random.below(table.len());
            let batches = random.below(axis + 1);
            let mut counts = table[..batches].to_vec();
            counts.extend((0..random.below(6 - table.len())).map(|_| 1 + random.below(3)));
            let bytes = random.bytes(table.iter().product());
            let indices: Vec<i32> = (0..counts.iter().product()).map(|_| random.below(table[axis]) as i32).collect();
            let to = [&table[..axis], &counts[batches..], &table[axis + 1..]].concat();
            let (batch, outer): (usize, usize) = (table[..batches].iter().product(), table[batches..axis].iter().product());
            let inner: usize = table[axis + 1..].iter().product();
            let count = indices.len() / batch;
            let mut expected = Vec::new();
            for block in 0..batch * outer {
                for &index in &indices[block / outer * count..][..count] {
                    let first = (block * table[axis] + index as usize) * inner;
                    expected.extend(&bytes[first..first + inner]);
                }
            }
            let found = gather((&table, &bytes), (&counts, &indices), (axis as i32, batches as i32), &to);
            assert_eq!(found.unwrap(), expected, "{table:?} {axis} {counts:?} {batches}");
        }
    }

    #[test]
    fn an_index_outside_of_its_axis_or_a_batch_behind_it_is_refused() {
        let at = |index, axis, batches| gather((&[2, 2], &[1, 2, 3, 4]), (&[2], &[0, index]), (axis, batches), &[2, 2]);
        assert_eq!(at(1, 0, 0).unwrap(), [1, 2, 3, 4]);
        assert_eq!(at(1, -1, 0).unwrap(), [1, 2, 3, 4]);
        for (index, axis, batches) in [(2, 0, 0), (-1, 0, 0), (1, 2, 0), (1, 0, 1), (1, 1, 2), (1, 1, -2)] {
            let end = at(index, axis, batches);
            assert_eq!(end.unwrap_err().kind(), ErrorKind::OperatorInvalid, "{index} {axis} {batches}");
        }
    }

    #[test]
    fn a_place_of_many_dimensions_counts_within_the_whole_table() {
        let table: Vec<u8> = (0..12).collect();
        let at = |place: [i32; 2]| {
            let tensors = [Given::input(Int8, &[3, 2, 2]), Given::input(Int32, &[1, 2]), Given::output(Int8, &[1, 2])];
            Ok::<_, crate::error::Error>(run(single(&GATHER_ND, &tensors, None), &[&table, &int32s(&place)])?.remove(0))
        };
        for (place, expected) in [([0, 0], [0, 1]), ([2, 1], [10, 11]), ([1, -1], [2, 3]), ([0, 5], [10, 11])] {
            assert_eq!(at(place).unwrap(), expected, "{place:?}");
        }
        for place in [[3, 0], [0, -1], [i32::MAX, i32::MAX], [i32::MIN, 0]] {
            assert_eq!(at(place).unwrap_err().kind(), ErrorKind::OperatorInvalid, "{place:?}");
        }
    }

    #[test]
    fn rows_are_looked_up_as_they_are_or_as_real_values() {
        let table = [1u8, 2, 253, 4, 5, 6];
        let look = |to, index, zero_point| {
            let tensors = [
                Given::input(Int32, &[2]),
                Given::input(Int8, &[3, 2]).affine(0.5, zero_point),
                Given::output(to, &[2, 2]),
            ];
            run(single(&EMBEDDING_LOOKUP, &tensors, None), &[&int32s(&[1, index]), &table])
        };
        assert_eq!(look(Int8, 2, 3).unwrap(), [[253, 4, 5, 6]]);
        assert_same(&look(Float32, 0, 0).unwrap()[0], &[-1.5, 2.0, 0.5, 1.0], "real values");
        assert_eq!(look(Float32, 0, 3).unwrap_err().kind(), ErrorKind::QuantisationInvalid);
        for index in [3, -1] {
            assert_eq!(look(Int8, index, 0).unwrap_err().kind(), ErrorKind::OperatorInvalid);
        }
    }
}
