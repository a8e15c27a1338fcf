//! ADD with broadcasting: what its types have in common, and int8.
//!
//! Upstream: `micro/kernels/add.cc`, `add_common.cc` and
//! `lite/kernels/internal/reference/integer_ops/add.h` (`AddFunc`).

use crate::arena::{Inputs, Outputs};
use crate::error::{ErrorKind, Result, ensure};
use crate::kernels::shape::Odometer;
use crate::kernels::{Kernel, Node, Options, Prepared, activation, expect_type, float};
use crate::limits;
use crate::file::flatbuffer::Table;
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::model::tensor::{Shape, Tensor, TensorType};

/// Both inputs are scaled to a common fine scale, added, and scaled to that of the output. What
/// becomes of an input depends on its byte alone: a table per input holds it.
struct Add {
    tables: [Box<[i32; 256]>; 2],
    output_multiplier: Multiplier,
    stage: OutputStage,
    pairing: Pairing,
}

/// Which elements of two inputs meet in an output.
pub enum Pairing {
    /// Those at the same place: all three shapes are equal.
    Same,
    /// Those at the places that these dimensions of the output and these strides over it tell;
    /// strides are 0 where an input is broadcast.
    Broadcast([usize; limits::RANK], [[usize; limits::RANK]; 2]),
}

/// Bits that are kept behind the point while adding.
const LEFT_SHIFT: u32 = 20;

struct AddOptions {
    activation: Activation,
}

impl Options for AddOptions {
    const MEMBER: u8 = 11;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self { activation: activation(table, 0)? })
    }
}

/// Checks the operator and fills its tables.
pub fn prepare(node: &Node<'_>) -> Result<Prepared> {
    node.expect(2..=2, 1)?;
    let (one, other, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let AddOptions { activation } = node.options()?;
    let pairing = Pairing::new(&one.shape, &other.shape, &output.shape)?;
    match output.element_type {
        TensorType::Float32 => float::add::prepare(node, pairing, activation),
        _ => prepare_int8(node, pairing, activation),
    }
}

fn prepare_int8(node: &Node<'_>, pairing: Pairing, activation: Activation) -> Result<Prepared> {
    let (one, other, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    for tensor in [one, other, output] {
        expect_type(tensor, TensorType::Int8)?;
    }
    let scales = (one.affine()?.0, other.affine()?.0, output.affine()?.0);
    let twice_the_greater = 2.0 * f64::from(scales.0.max(scales.1));
    let output_real = twice_the_greater / (f64::from(1 << LEFT_SHIFT) * f64::from(scales.2));
    // Upstream's QuantizeMultiplierSmallerThanOneExp.
    ensure(output_real < 1.0, ErrorKind::QuantisationInvalid)?;
    Ok(Prepared {
        packed_bytes: 2 * 256 * 4,
        ..Prepared::simple(Add {
            tables: [table(one, twice_the_greater)?, table(other, twice_the_greater)?],
            output_multiplier: Multiplier::new(output_real)?,
            stage: OutputStage::new(output, activation)?,
            pairing,
        })
    })
}

fn table(input: &Tensor, twice_the_greater: f64) -> Result<Box<[i32; 256]>> {
    let (scale, zero_point) = input.affine()?;
    let multiplier = Multiplier::new(f64::from(scale) / twice_the_greater)?;
    let mut table = Box::new([0; 256]);
    for (byte, slot) in (0u8..=255).zip(table.iter_mut()) {
        let value = i32::from(byte as i8) - zero_point;
        *slot = multiplier.apply(value << LEFT_SHIFT);
    }
    Ok(table)
}

impl Pairing {
    /// For an output of this shape.
    pub fn new(one: &Shape, other: &Shape, output: &Shape) -> Result<Self> {
        if one == output && other == output {
            return Ok(Self::Same);
        }
        Ok(Self::Broadcast(output.extended(), [strides(one, output)?, strides(other, output)?]))
    }

    /// Computes every output from its two inputs.
    #[inline(always)]
    pub fn map<T: Copy>(
        &self,
        (one, other): (&[T], &[T]),
        output: &mut [T],
        compute: impl Fn(T, T) -> T,
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
fn strides(input: &Shape, output: &Shape) -> Result<[usize; limits::RANK]> {
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

impl Kernel for Add {
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()> {
        let pair = (inputs.get(0)?, inputs.get(1)?);
        self.pairing.map(pair, outputs.get(0)?, |one, other| self.sum(one, other))
    }
}

impl Add {
    #[inline(always)]
    fn sum(&self, one: u8, other: u8) -> u8 {
        let [ones, others] = &self.tables;
        let sum = ones[usize::from(one)].wrapping_add(others[usize::from(other)]);
        self.stage.finish(self.output_multiplier.apply(sum)) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dimension_of_one_is_broadcast() {
        let shape = |dimensions: &[i32]| Shape::new(dimensions).unwrap();
        let output = shape(&[2, 3, 4]);
        assert_eq!(strides(&shape(&[3, 1]), &output).unwrap(), [0, 0, 0, 0, 1, 0]);
        assert_eq!(strides(&shape(&[2, 3, 4]), &output).unwrap(), [0, 0, 0, 12, 4, 1]);
        assert!(strides(&shape(&[2]), &output).is_err());
        assert!(strides(&shape(&[1, 1, 1, 1]), &output).is_err());
    }
}
