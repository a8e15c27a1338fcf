//! TOPK_V2 and ONE_HOT: indices of the greatest, and rows that mark an index.
//!
//! Upstream has neither; as TensorFlow Lite's `kernels/topk_v2.cc`, `one_hot.cc`.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::math::integer;
use crate::math::walk::resolve;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{BOOL, FLOAT32, INT8, INT16, INT32, INT64, SAME, Signature, UINT8};
use crate::ops::{Action, Flow, Kernel, Node, Options, Registration, Request};
use crate::run::io::{Io, Port};

/// The k greatest of each row, in order, and where they are.
pub static TOPK_V2: Registration = Registration {
    key: OpKey::Builtin(48),
    name: "TOPK_V2",
    inputs: 2..=2,
    outputs: 2..=2,
    types: &[Signature {
        inputs: &[FLOAT32.or(INT8).or(UINT8).or(INT16).or(INT32).or(INT64), INT32.or(INT16)],
        outputs: &[SAME, INT32.or(INT16)],
    }],
    prepare: prepare_top_k,
};

/// A row for each index: one value at the index, another elsewhere.
pub static ONE_HOT: Registration = Registration {
    key: OpKey::Builtin(85),
    name: "ONE_HOT",
    inputs: 4..=4,
    outputs: 1..=1,
    types: &[
        Signature { inputs: &[INT32.or(INT64), INT32, FLOAT32, FLOAT32], outputs: &[FLOAT32] },
        Signature { inputs: &[INT32.or(INT64), INT32, INT32, INT32], outputs: &[INT32] },
        Signature { inputs: &[INT32.or(INT64), INT32, INT64, INT64], outputs: &[INT64] },
        Signature { inputs: &[INT32.or(INT64), INT32, INT8.or(UINT8).or(BOOL)], outputs: &[INT8.or(UINT8).or(BOOL)] },
    ],
    prepare: prepare_one_hot,
};

struct TopK {
    element_type: TensorType,
    index_bytes: usize,
    row: usize,
    count: usize,
}

fn prepare_top_k(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let invalid = ErrorKind::OperatorInvalid;
    let (input, values, indices) = (node.input(0)?, node.output(0)?, node.output(1)?);
    let &[count] = node.indices(node.input(1)?, 1)?.as_slice() else { return Err(invalid.into()) };
    let (row, count) = (input.shape.last(), usize::try_from(count).map_err(|_| invalid)?);
    let rows = input.shape.elements() / row;
    let sound = (1..=row).contains(&count) && values.shape.elements() == rows * count && values.shape == indices.shape;
    ensure(sound, invalid)?;
    let index_bytes = indices.element_type.bits() / 8;
    ensure(index_bytes == 4 || row <= 1 << 15, ErrorKind::TypeUnsupported)?;
    request.comparisons((input.shape.elements() as u64).saturating_mul(count as u64));
    Ok(Action::run(TopK { element_type: input.element_type, index_bytes, row, count }))
}

impl TopK {
    /// A number that is greater where the element is; NaN is the least.
    fn rank(&self, element: &[u8]) -> i64 {
        match (self.element_type, element) {
            (TensorType::Float32, &[a, b, c, d]) => {
                let value = f32::from_le_bytes([a, b, c, d]);
                let bits = (if value == 0.0 { 0.0 } else { value }).to_bits() as i32;
                i64::from(if value.is_nan() { i32::MIN } else { bits ^ (bits >> 31 & i32::MAX) })
            }
            _ => integer::read(self.element_type, element),
        }
    }
}

impl Kernel for TopK {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input], [values, indices]) = io.cut([Port::Input(0)], [Port::Output(0), Port::Output(1)])?;
        let size = self.element_type.bits() / 8;
        let rows = input.chunks_exact(self.row * size).zip(values.chunks_exact_mut(self.count * size));
        for ((row, values), indices) in rows.zip(indices.chunks_exact_mut(self.count * self.index_bytes)) {
            // The next is the greatest of those that come after the last one: less, or equal and farther on.
            let mut last: Option<(i64, usize)> = None;
            for (value, index) in values.chunks_exact_mut(size).zip(indices.chunks_exact_mut(self.index_bytes)) {
                let mut best: Option<(i64, usize, &[u8])> = None;
                for (at, element) in row.chunks_exact(size).enumerate() {
                    let rank = self.rank(element);
                    let is_left = last.is_none_or(|(least, from)| rank < least || rank == least && at > from);
                    if is_left && best.is_none_or(|(greatest, ..)| rank > greatest) {
                        best = Some((rank, at, element));
                    }
                }
                let (rank, at, element) = best.ok_or(ErrorKind::EngineInternal)?;
                value.copy_from_slice(element);
                integer::write(at as i64, index);
                last = Some((rank, at));
            }
        }
        Ok(Flow::Next)
    }
}

/// The axis of the new dimension; -1 is the last.
struct Axis(i32);

impl Options for Axis {
    const MEMBER: u8 = 61;

    fn read(table: &Table<'_>) -> Result<Self> {
        table.scalar(0, 0).map(Self)
    }
}

struct OneHot {
    index_type: TensorType,
    depth: usize,
    /// Indices behind the new dimension.
    inner: usize,
    size: usize,
}

fn prepare_one_hot(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let invalid = ErrorKind::OperatorInvalid;
    let (indices, on, off, output) = (node.input(0)?, node.input(2)?, node.input(3)?, node.output(0)?);
    let Axis(axis) = node.options()?;
    let &[depth] = node.int32s(node.input(1)?, 1)?.as_slice() else { return Err(invalid.into()) };
    let depth = usize::try_from(depth).map_err(|_| invalid)?;
    let dimensions = indices.shape.dimensions();
    let axis = resolve(axis, dimensions.len() + 1)?;
    let mut expected = dimensions.to_vec();
    expected.insert(axis, depth);
    let inner = dimensions.iter().skip(axis).product();
    let types = on.element_type == output.element_type && off.element_type == output.element_type;
    ensure(types, ErrorKind::TypeUnsupported)?;
    let sound = output.shape.dimensions() == expected && on.shape.elements() == 1 && off.shape.elements() == 1;
    ensure(sound, invalid)?;
    Ok(Action::run(OneHot { index_type: indices.element_type, depth, inner, size: output.element_type.bits() / 8 }))
}

impl Kernel for OneHot {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let inputs = [Port::Input(0), Port::Input(2), Port::Input(3)];
        let ([indices, on, off], [output]) = io.cut(inputs, [Port::Output(0)])?;
        let width = self.index_type.bits() / 8;
        let blocks = indices.chunks_exact(self.inner * width);
        for (indices, block) in blocks.zip(output.chunks_exact_mut(self.depth * self.inner * self.size)) {
            for (at, element) in block.chunks_exact_mut(self.size).enumerate() {
                let (hot, inner) = (at / self.inner, at % self.inner);
                let index = indices.chunks_exact(width).nth(inner).ok_or(ErrorKind::EngineInternal)?;
                let value = if integer::read(self.index_type, index) == hot as i64 { on } else { off };
                element.copy_from_slice(value);
            }
        }
        Ok(Flow::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Field, Given, bytes_of, floats_of, run, single};

    fn int32s(bytes: &[u8]) -> Vec<i32> {
        bytes.as_chunks().0.iter().map(|value| i32::from_le_bytes(*value)).collect()
    }

    #[test]
    fn the_greatest_come_in_order_and_of_equals_the_first() {
        let top = |values: &[f32], count: i32| {
            let tensors = [
                Given::input(TensorType::Float32, &[1, values.len()]),
                Given::int32s(&[1], &[count]),
                Given::output(TensorType::Float32, &[1, count as usize]),
                Given::output(TensorType::Int32, &[1, count as usize]),
            ];
            let outputs = run(single(&TOPK_V2, &tensors, None), &[&bytes_of(values)])?;
            Ok::<_, crate::Error>((floats_of(&outputs[0]), int32s(&outputs[1])))
        };
        let found = top(&[1.0, -3.0, 2.0, 2.0, f32::NEG_INFINITY, -0.0], 5).unwrap();
        assert_eq!(found, (vec![2.0, 2.0, 1.0, -0.0, -3.0], vec![2, 3, 0, 5, 1]));
        assert_eq!(top(&[f32::NAN, 1.0], 2).unwrap().1, [1, 0]);
        assert_eq!(top(&[1.0], 2).unwrap_err().kind(), ErrorKind::OperatorInvalid);
    }

    #[test]
    fn an_index_is_marked_along_the_new_dimension_and_one_outside_of_it_is_not() {
        let hot = |axis: i32, shape: &[usize]| {
            let tensors = [
                Given::input(TensorType::Int32, &[2]),
                Given::int32s(&[], &[3]),
                Given::floats(&[], &[1.0]),
                Given::floats(&[], &[-1.0]),
                Given::output(TensorType::Float32, shape),
            ];
            let indices: Vec<u8> = [2i32, -1].iter().flat_map(|index| index.to_le_bytes()).collect();
            let model = single(&ONE_HOT, &tensors, Some((61, &[(0, Field::I32(axis))])));
            run(model, &[&indices]).map(|outputs| floats_of(&outputs[0]))
        };
        assert_eq!(hot(-1, &[2, 3]).unwrap(), [-1.0, -1.0, 1.0, -1.0, -1.0, -1.0]);
        assert_eq!(hot(0, &[3, 2]).unwrap(), [-1.0, -1.0, -1.0, -1.0, 1.0, -1.0]);
        assert_eq!(hot(0, &[2, 3]).unwrap_err().kind(), ErrorKind::OperatorInvalid);
    }
}
