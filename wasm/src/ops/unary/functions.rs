//! Functions of float32 by name, and LOGICAL_NOT.
//!
//! Upstream: `micro/kernels/elementwise.cc`, `ceil.cc`, `exp.cc`, `floor.cc`, `neg.cc`, `round.cc`, `logical_common.cc`.

use crate::model::OpKey;
use crate::ops::Registration;
use crate::ops::signature::{BOOL, FLOAT32, Signature};

use super::{bytes_by, floats_by, tensors};

const FLOAT: &[Signature] = &[Signature { inputs: &[FLOAT32], outputs: &[FLOAT32] }];

/// Declares operators of one float input: builtin code, and the function.
macro_rules! functions {
    ($($(#[$about:meta])* $name:ident = $code:literal, $function:expr;)*) => {
        $($(#[$about])* pub static $name: Registration = Registration {
            key: OpKey::Builtin($code),
            name: stringify!($name),
            inputs: 1..=1,
            outputs: 1..=1,
            types: FLOAT,
            prepare: |node, _| {
                tensors(node)?;
                Ok(floats_by($function))
            },
        };)*
    };
}

functions! {
    /// The least integer that is not less.
    CEIL = 104, f32::ceil;
    /// The cosine of an angle in radians.
    COS = 108, f32::cos;
    /// e to the power.
    EXP = 47, f32::exp;
    /// The greatest integer that is not greater.
    FLOOR = 8, f32::floor;
    /// The natural logarithm.
    LOG = 73, f32::ln;
    /// The opposite.
    NEG = 59, |value: f32| -value;
    /// The nearest integer, halves to the even one.
    ROUND = 116, f32::round_ties_even;
    /// The sine of an angle in radians.
    SIN = 66, f32::sin;
    /// The square root.
    SQRT = 75, f32::sqrt;
    /// The square.
    SQUARE = 92, |value: f32| value * value;
}

/// The other truth value.
pub static LOGICAL_NOT: Registration = Registration {
    key: OpKey::Builtin(87),
    name: "LOGICAL_NOT",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[BOOL], outputs: &[BOOL] }],
    prepare: |node, request| {
        tensors(node)?;
        Ok(bytes_by(request, |value| i32::from(value == 0)))
    },
};
