//! ADD, int8.
//!
//! Upstream: `micro/kernels/add.cc`, `add_common.cc` and
//! `lite/kernels/internal/reference/integer_ops/add.h` (`AddFunc`).

use crate::error::{ErrorKind, Result, ensure};
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::math::walk::Pairing;
use crate::ops::add::simd::Exact;
use crate::ops::{Action, Flow, Kernel, Node, Request};
use crate::run::io::Io;

/// Both inputs are scaled to a common fine scale, added, and scaled to that of the output. What
/// becomes of an input depends on its value alone: a table per input holds it, from the least value on.
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
    let ((one_scale, from), (other_scale, other_from)) = (one.affine()?, other.affine()?);
    let output_scale = output.affine()?.0;
    let twice_the_greater = 2.0 * f64::from(one_scale.max(other_scale));
    let output_real = twice_the_greater / (f64::from(1 << LEFT_SHIFT) * f64::from(output_scale));
    // Upstream's QuantizeMultiplierSmallerThanOneExp.
    ensure(output_real < 1.0, ErrorKind::QuantisationInvalid)?;
    let factor = |scale: f32| Multiplier::new(f64::from(scale) / twice_the_greater);
    let tables = [table(factor(one_scale)?, from), table(factor(other_scale)?, other_from)];
    let (multiplier, stage) = (Multiplier::new(output_real)?, OutputStage::new(output, activation)?);
    let exact = Exact { tables: [&tables[0], &tables[1]], is_difference: false, multiplier, stage };
    let scales = [one_scale, other_scale, output_scale];
    if let Some(fast) = exact.fast(request, &pairing, output.shape.elements(), scales) {
        return Ok(fast);
    }
    request.packed(2 * 256 * 4);
    Ok(Action::run(Add { tables, output_multiplier: multiplier, stage, pairing }))
}

/// What each value of an input adds, from the least on.
pub fn table(multiplier: Multiplier, zero_point: i32) -> Box<[i32; 256]> {
    let mut table = Box::new([0; 256]);
    for (value, slot) in (-128..).zip(table.iter_mut()) {
        let value: i32 = value - zero_point;
        *slot = multiplier.apply_once(value << LEFT_SHIFT);
    }
    table
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
        let sum = ones[usize::from(one ^ 0x80)].wrapping_add(others[usize::from(other ^ 0x80)]);
        self.stage.finish(self.output_multiplier.apply(sum)) as u8
    }
}
