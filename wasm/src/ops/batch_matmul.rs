//! BATCH_MATMUL: float32, int8, int16. Either operand may be constant, transposed, and broadcast over batches.
//!
//! Upstream: `micro/kernels/batch_matmul.cc` and `lite/kernels/internal/reference/batch_matmul.h`.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::limits;
use crate::math::integer;
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::model::OpKey;
use crate::model::tensor::{Shape, TensorType};
use crate::ops::signature::{FLOAT32, INT8, INT16, SAME, Signature};
use crate::ops::weights::float::{floats, floats_mut};
use crate::ops::{Action, Flow, Kernel, Node, Options, Registration, Request};
use crate::run::io::Io;

/// The product of matrices.
pub static BATCH_MATMUL: Registration = Registration {
    key: OpKey::Builtin(126),
    name: "BATCH_MATMUL",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8).or(INT16), SAME], outputs: &[SAME] }],
    prepare,
};

struct BatchMatMulOptions {
    transposed: [bool; 2],
}

impl Options for BatchMatMulOptions {
    const MEMBER: u8 = 101;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self { transposed: [table.scalar::<i8>(0, 0)? != 0, table.scalar::<i8>(1, 0)? != 0] })
    }
}

/// Places of two matrices for each batch, and steps within them.
struct Geometry {
    /// Dimensions of the batches of the output.
    batches: [usize; limits::RANK],
    /// How far the operands step in each.
    steps: [[usize; limits::RANK]; 2],
    rows: usize,
    columns: usize,
    depth: usize,
    /// Of the first operand: from row to row, and along a row.
    one: (usize, usize),
    /// Of the second: from column to column, and along a column.
    other: (usize, usize),
}

/// Rows and columns of the last two dimensions, exchanged where the operand is transposed, and the steps between them.
fn matrix(shape: &Shape, transposed: bool) -> Result<((usize, usize), (usize, usize))> {
    let [.., rows, columns] = shape.extended();
    ensure(shape.rank() >= 2, ErrorKind::OperatorInvalid)?;
    Ok(if transposed { ((columns, rows), (1, columns)) } else { ((rows, columns), (columns, 1)) })
}

impl Geometry {
    fn new(one: &Shape, other: &Shape, output: &Shape, transposed: [bool; 2]) -> Result<Self> {
        let invalid = ErrorKind::OperatorInvalid;
        let ((rows, depth), (one_row, one_along)) = matrix(one, transposed[0])?;
        let ((other_depth, columns), (other_along, other_column)) = matrix(other, transposed[1])?;
        let [.., output_rows, output_columns] = output.extended();
        ensure(depth == other_depth && (output_rows, output_columns) == (rows, columns), invalid)?;
        let mut batches = output.extended();
        let mut steps = [[0; limits::RANK]; 2];
        for (shape, steps) in [one, other].into_iter().zip(&mut steps) {
            let extents = shape.extended();
            let mut step: usize = extents.iter().rev().take(2).product();
            for dimension in (0..limits::RANK - 2).rev() {
                let extent = extents[dimension];
                ensure(extent == batches[dimension] || extent == 1, invalid)?;
                steps[dimension] = if extent == 1 { 0 } else { step };
                step *= extent;
            }
        }
        for extent in batches.iter_mut().rev().take(2) {
            *extent = 1;
        }
        let (one, other) = ((one_row, one_along), (other_column, other_along));
        Ok(Self { batches, steps, rows, columns, depth, one, other })
    }

    /// Visits every output in order with the first places of its row and column.
    fn each(&self, mut visit: impl FnMut(usize, usize) -> Result<()>) -> Result<()> {
        for [one, other] in crate::math::walk::Odometer::new(self.batches, self.steps) {
            for row in 0..self.rows {
                for column in 0..self.columns {
                    visit(one + row * self.one.0, other + column * self.other.0)?;
                }
            }
        }
        Ok(())
    }
}

struct FloatProduct(Geometry);

struct IntegerProduct {
    geometry: Geometry,
    element_type: TensorType,
    offsets: (i64, i64),
    multiplier: Multiplier,
    stage: OutputStage,
}

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (one, other, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let BatchMatMulOptions { transposed } = node.options()?;
    let geometry = Geometry::new(&one.shape, &other.shape, &output.shape, transposed)?;
    request.macs(output.shape.elements() as u64 * geometry.depth as u64);
    if one.element_type == TensorType::Float32 {
        return Ok(Action::run(FloatProduct(geometry)));
    }
    let ((one_scale, from), (other_scale, other_from)) = (one.affine()?, other.affine()?);
    // The product of the scales in float32, as upstream.
    let real = f64::from(one_scale * other_scale) / f64::from(output.affine()?.0);
    let multiplier = Multiplier::new(real)?;
    if one.element_type == TensorType::Int16 {
        let symmetric = from == 0 && other_from == 0 && output.affine()?.1 == 0;
        ensure(symmetric && (-31..8).contains(&multiplier.shift), ErrorKind::QuantisationInvalid)?;
    }
    Ok(Action::run(IntegerProduct {
        geometry,
        element_type: one.element_type,
        offsets: (-i64::from(from), -i64::from(other_from)),
        multiplier,
        stage: OutputStage::new(output, Activation::None)?,
    }))
}

impl Kernel for FloatProduct {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (one, other, output) = io.two()?;
        let (one, other) = (floats(one), floats(other));
        let mut outputs = floats_mut(output).iter_mut();
        let Self(geometry) = self;
        geometry.each(|first, second| {
            let mut sum = 0.0f32;
            for k in 0..geometry.depth {
                let (a, b) = (one.get(first + k * geometry.one.1), other.get(second + k * geometry.other.1));
                let (Some(a), Some(b)) = (a, b) else { return Err(ErrorKind::EngineInternal.into()) };
                sum += f32::from_le_bytes(*a) * f32::from_le_bytes(*b);
            }
            *outputs.next().ok_or(ErrorKind::EngineInternal)? = sum.to_le_bytes();
            Ok(())
        })?;
        Ok(Flow::Next)
    }
}

impl Kernel for IntegerProduct {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (one, other, output) = io.two()?;
        let width = self.element_type.bits() / 8;
        let mut outputs = output.chunks_exact_mut(width);
        let at = |bytes: &[u8], index: usize| {
            let element = bytes.get(index * width..(index + 1) * width);
            element.map(|element| integer::read(self.element_type, element)).ok_or(ErrorKind::EngineInternal)
        };
        let geometry = &self.geometry;
        geometry.each(|first, second| {
            let mut sum = 0i64;
            for k in 0..geometry.depth {
                let a = at(one, first + k * geometry.one.1)? + self.offsets.0;
                sum = sum.wrapping_add(a * (at(other, second + k * geometry.other.1)? + self.offsets.1));
            }
            let scaled = if width == 1 { self.multiplier.apply(sum as i32) } else { self.multiplier.apply_wide(sum) };
            let output = outputs.next().ok_or(ErrorKind::EngineInternal)?;
            integer::write(i64::from(self.stage.finish(scaled)), output);
            Ok(())
        })?;
        Ok(Flow::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Field, Given, Random, run, single};

    #[test]
    fn products_equal_their_definition_however_operands_lie() {
        let mut random = Random::new(41);
        for round in 0..200 {
            let (rows, depth, columns) = (1 + random.below(4), 1 + random.below(5), 1 + random.below(4));
            let transposed = [round & 1 == 1, round & 2 == 2];
            let batches = 1 + random.below(3);
            let broadcast = round & 4 == 4;
            let pair = |flip: bool, a: usize, b: usize| if flip { [b, a] } else { [a, b] };
            let ([a, b], [c, d]) = (pair(transposed[0], rows, depth), pair(transposed[1], depth, columns));
            let one_batches = if broadcast { 1 } else { batches };
            let (one, other) = (random.floats(one_batches * a * b), random.floats(batches * c * d));
            let tensors = [
                Given::input(TensorType::Float32, &[one_batches, a, b]),
                Given::input(TensorType::Float32, &[batches, c, d]),
                Given::output(TensorType::Float32, &[batches, rows, columns]),
            ];
            let flags = [(0, Field::I8(transposed[0].into())), (1, Field::I8(transposed[1].into()))];
            let mut expected = Vec::new();
            for batch in 0..batches {
                for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                    let mut sum = 0.0f32;
                    for k in 0..depth {
                        let at = if transposed[0] { k * rows + row } else { row * depth + k };
                        let with = if transposed[1] { column * depth + k } else { k * columns + column };
                        let first = if broadcast { 0 } else { batch * rows * depth };
                        sum += one[first + at] * other[batch * depth * columns + with];
                    }
                    expected.extend(sum.to_le_bytes());
                }
            }
            let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
            let model = single(&BATCH_MATMUL, &tensors, Some((101, &flags)));
            assert_eq!(run(model, &[&bytes(&one), &bytes(&other)]).unwrap(), [expected]);
        }
    }
}
