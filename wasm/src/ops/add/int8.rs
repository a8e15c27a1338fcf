//! ADD, int8.
//!
//! Upstream: `micro/kernels/add.cc`, `add_common.cc` and
//! `lite/kernels/internal/reference/integer_ops/add.h` (`AddFunc`).

use crate::error::{ErrorKind, Result, ensure};
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::math::walk::Pairing;
use crate::model::tensor::Tensor;
use crate::ops::{Action, Flow, Kernel, Node, Request};
use crate::run::io::Io;

/// Both inputs are scaled to a common fine scale, added, and scaled to that of the output. What
/// becomes of an input depends on its byte alone: a table per input holds it.
struct Add {
    tables: [Box<[i32; 256]>; 2],
    output_multiplier: Multiplier,
    stage: OutputStage,
    pairing: Pairing,
}

/// Bits that are kept behind the point while adding.
const LEFT_SHIFT: u32 = 20;

/// Fills the tables.
pub fn prepare(
    node: &Node<'_>,
    request: &mut Request,
    pairing: Pairing,
    activation: Activation,
) -> Result<Action> {
    let (one, other, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let scales = (one.affine()?.0, other.affine()?.0, output.affine()?.0);
    let twice_the_greater = 2.0 * f64::from(scales.0.max(scales.1));
    let output_real = twice_the_greater / (f64::from(1 << LEFT_SHIFT) * f64::from(scales.2));
    // Upstream's QuantizeMultiplierSmallerThanOneExp.
    ensure(output_real < 1.0, ErrorKind::QuantisationInvalid)?;
    request.packed(2 * 256 * 4);
    Ok(Action::run(Add {
        tables: [table(one, twice_the_greater)?, table(other, twice_the_greater)?],
        output_multiplier: Multiplier::new(output_real)?,
        stage: OutputStage::new(output, activation)?,
        pairing,
    }))
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

impl Kernel for Add {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (one, other, output) = io.two()?;
        self.pairing.map((one, other), output, |one, other| self.sum(one, other))?;
        Ok(Flow::Next)
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
