//! EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL.
//!
//! Upstream: `micro/kernels/comparisons.cc`. An int8 is multiplied by its own scale to a common fine one before it is compared;
//! values may collide there.

use crate::error::Result;
use crate::math::walk::Pairing;
use crate::model::OpKey;
use crate::model::tensor::{Tensor, TensorType};
use crate::ops::signature::{BOOL, FLOAT32, INT8, INT32, INT64, SAME, Signature, Types};
use crate::ops::weights::float::floats;
use crate::ops::{Action, Flow, Kernel, Node, Registration};
use crate::run::io::Io;

use super::{Pair, below_one, integers_by};

const ORDERED: Types = FLOAT32.or(INT8).or(INT32).or(INT64);

/// Declares a comparison: builtin code, types, and the comparison of floats and of integers.
macro_rules! comparisons {
    ($($(#[$about:meta])* $name:ident = $code:literal, $types:expr, $symbol:tt;)*) => {
        $($(#[$about])* pub static $name: Registration = Registration {
            key: OpKey::Builtin($code),
            name: stringify!($name),
            inputs: 2..=2,
            outputs: 1..=1,
            types: &[Signature { inputs: &[$types, SAME], outputs: &[BOOL] }],
            prepare: |node, _| prepare(node, |one, other| one $symbol other, |one, other| one $symbol other),
        };)*
    };
}

comparisons! {
    /// Whether the two are equal.
    EQUAL = 71, ORDERED.or(BOOL), ==;
    /// Whether they are not.
    NOT_EQUAL = 72, ORDERED.or(BOOL), !=;
    /// Whether the first is greater.
    GREATER = 61, ORDERED, >;
    /// Whether the first is not less.
    GREATER_EQUAL = 62, ORDERED, >=;
    /// Whether the first is less.
    LESS = 58, ORDERED, <;
    /// Whether the first is not greater.
    LESS_EQUAL = 63, ORDERED, <=;
}

struct CompareFloats {
    pairing: Pairing,
    compare: fn(f32, f32) -> bool,
}

fn prepare(node: &Node<'_>, floats: fn(f32, f32) -> bool, integers: fn(i64, i64) -> bool) -> Result<Action> {
    let Pair { one, other, pairing, .. } = Pair::new(node)?;
    match one.element_type {
        TensorType::Float32 => Ok(Action::run(CompareFloats { pairing, compare: floats })),
        TensorType::Int8 => {
            let (one, other) = (fine(one)?, fine(other)?);
            let types = [TensorType::Int8, TensorType::Int8, TensorType::Bool];
            Ok(integers_by(pairing, types, move |a, b| Ok(i64::from(integers(one(a), other(b))))))
        }
        element_type => {
            let types = [element_type, element_type, TensorType::Bool];
            Ok(integers_by(pairing, types, move |one, other| Ok(i64::from(integers(one, other)))))
        }
    }
}

/// An int8 in steps of 2^-8.
fn fine(input: &Tensor) -> Result<impl Fn(i64) -> i64 + Send + Sync + use<>> {
    let (scale, zero_point) = input.affine()?;
    let factor = below_one(f64::from(scale))?;
    Ok(move |value: i64| i64::from(factor.apply((value as i32 - zero_point) << 8)))
}

impl Kernel for CompareFloats {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (one, other, output) = io.two()?;
        self.pairing.map((floats(one), floats(other)), output, |one, other| {
            u8::from((self.compare)(f32::from_le_bytes(one), f32::from_le_bytes(other)))
        })?;
        Ok(Flow::Next)
    }
}
