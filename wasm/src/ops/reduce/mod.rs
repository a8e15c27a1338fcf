//! MEAN, SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_ALL: what their types have in common. ARG_MAX and ARG_MIN are beside.
//!
//! Upstream: `micro/kernels/reduce.cc`, `reduce_common.cc`. Scratch buffers that upstream asks for are not needed.

mod arg;
mod float;
mod integer;

pub use arg::{ARG_MAX, ARG_MIN};

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::limits;
use crate::math::walk::{Odometer, resolve};
use crate::model::OpKey;
use crate::model::tensor::{Shape, TensorType};
use crate::ops::signature::{BOOL, FLOAT32, INT8, INT16, INT32, Signature};
use crate::ops::{Action, Node, Options, Registration};

/// Mean over axes.
pub static MEAN: Registration = Registration {
    key: OpKey::Builtin(40),
    name: "MEAN",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[FLOATS, BYTES, SHORTS],
    prepare: |node, _| prepare(node, Reduce::Mean),
};

/// Sum over axes.
pub static SUM: Registration = Registration {
    key: OpKey::Builtin(74),
    name: "SUM",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[FLOATS, BYTES, SHORTS],
    prepare: |node, _| prepare(node, Reduce::Sum),
};

/// The greatest over axes.
pub static REDUCE_MAX: Registration = Registration {
    key: OpKey::Builtin(82),
    name: "REDUCE_MAX",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[FLOATS, BYTES],
    prepare: |node, _| prepare(node, Reduce::Maximum),
};

/// The least over axes.
pub static REDUCE_MIN: Registration = Registration {
    key: OpKey::Builtin(89),
    name: "REDUCE_MIN",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[FLOATS, BYTES],
    prepare: |node, _| prepare(node, Reduce::Minimum),
};

/// Whether all over axes are true.
pub static REDUCE_ALL: Registration = Registration {
    key: OpKey::Builtin(140),
    name: "REDUCE_ALL",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[BOOL, INT32], outputs: &[BOOL] }],
    prepare: |node, _| Ok(integer::prepare_all(reduction(node)?)),
};

const FLOATS: Signature = Signature { inputs: &[FLOAT32, INT32], outputs: &[FLOAT32] };
const BYTES: Signature = Signature { inputs: &[INT8, INT32], outputs: &[INT8] };
const SHORTS: Signature = Signature { inputs: &[INT16, INT32], outputs: &[INT16] };

/// What is made of all that goes to one output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    /// The mean.
    Mean,
    /// The sum.
    Sum,
    /// The greatest.
    Maximum,
    /// The least.
    Minimum,
}

struct ReducerOptions {
    keep_dimensions: bool,
}

impl Options for ReducerOptions {
    const MEMBER: u8 = 27;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self { keep_dimensions: table.scalar::<u8>(0, 0)? != 0 })
    }
}

/// A reduction of some dimensions: one walk over those that stay, one over those that go.
#[derive(Clone, Copy)]
pub struct Reduction {
    kept: Walk,
    reduced: Walk,
}

/// Dimensions, ones where they are not walked, and their strides in the input.
#[derive(Clone, Copy)]
struct Walk {
    dimensions: [usize; limits::RANK],
    strides: [usize; limits::RANK],
}

impl Walk {
    fn places(&self) -> impl Iterator<Item = usize> {
        Odometer::new(self.dimensions, [self.strides]).map(|[place]| place)
    }
}

fn prepare(node: &Node<'_>, reduce: Reduce) -> Result<Action> {
    let reduction = reduction(node)?;
    match node.input(0)?.element_type {
        TensorType::Float32 => Ok(float::prepare(reduce, reduction)),
        _ => integer::prepare(node, reduce, reduction),
    }
}

/// Axes may repeat and count from the end.
fn reduction(node: &Node<'_>) -> Result<Reduction> {
    let (input, axes, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let ReducerOptions { keep_dimensions } = node.options()?;
    let mut reduced = [false; limits::RANK];
    for axis in node.int32s(axes, limits::ARGUMENTS)? {
        let position = resolve(axis, input.shape.rank())?;
        if let Some(slot) = reduced.get_mut(position) {
            *slot = true;
        }
    }
    check_shape(&input.shape, &reduced, keep_dimensions, &output.shape)?;
    Ok(Reduction::new(&input.shape, &reduced))
}

fn check_shape(input: &Shape, reduced: &[bool], keep: bool, output: &Shape) -> Result<()> {
    let mut expected = Vec::new();
    for (&extent, &reduced) in input.dimensions().iter().zip(reduced) {
        match (reduced, keep) {
            (false, _) => expected.push(extent),
            (true, true) => expected.push(1),
            (true, false) => {}
        }
    }
    ensure(output.dimensions() == expected, ErrorKind::OperatorInvalid)
}

impl Reduction {
    /// Of a tensor of this shape, over the dimensions that are marked.
    pub fn new(shape: &Shape, reduced: &[bool]) -> Self {
        let none = Walk { dimensions: [1; limits::RANK], strides: [0; limits::RANK] };
        let (mut kept, mut gone) = (none, none);
        let mut stride = 1;
        for (position, &extent) in shape.dimensions().iter().enumerate().rev() {
            let walk = if reduced.get(position) == Some(&true) { &mut gone } else { &mut kept };
            walk.dimensions[position] = extent;
            walk.strides[position] = stride;
            stride *= extent;
        }
        Self { kept, reduced: gone }
    }

    /// Inputs of one output.
    pub fn count(&self) -> usize {
        self.reduced.dimensions.iter().product()
    }

    /// Folds the inputs of every output, in the order in which they lie, and finishes the outcome.
    #[inline(always)]
    pub fn fold<I: Copy, A: Copy, O>(
        &self,
        input: &[I],
        output: &mut [O],
        (start, step): (A, impl Fn(A, I) -> A),
        finish: impl Fn(A) -> O,
    ) {
        for (output, first) in output.iter_mut().zip(self.kept.places()) {
            let input = input.get(first..).unwrap_or(&[]);
            let inputs = self.reduced.places().filter_map(|place| input.get(place).copied());
            *output = finish(inputs.fold(start, &step));
        }
    }
}
