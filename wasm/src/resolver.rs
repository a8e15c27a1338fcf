//! Which kernel executes which operator.

use crate::error::{ErrorKind, Result};
use crate::kernels::{
    Node, Prepared, add, conv, depthwise_conv, float, fully_connected, pad, pooling, quantize,
    reduce, shape, softmax,
};
use crate::opcode;

/// An operator's kernel: `prepare` checks the operator and computes once whatever does not change,
/// and the kernel that it returns does the arithmetic.
#[derive(Clone, Copy)]
pub struct Registration {
    /// Builtin code.
    pub code: i32,
    /// Makes the kernel for one operator of a model.
    pub prepare: fn(&Node<'_>) -> Result<Prepared>,
}

/// A set of registrations.
#[derive(Clone, Copy)]
pub struct OpResolver {
    registrations: &'static [Registration],
}

macro_rules! registrations {
    ($($code:ident => $prepare:path,)*) => {
        &[$(Registration { code: opcode::$code, prepare: $prepare },)*]
    };
}

/// Every kernel of this crate. An operator whose types are not supported is refused by its
/// `prepare`.
pub const ALL: OpResolver = OpResolver {
    registrations: registrations! {
        ADD => add::prepare,
        AVERAGE_POOL_2D => pooling::prepare_average,
        CONV_2D => conv::prepare,
        DEPTHWISE_CONV_2D => depthwise_conv::prepare,
        DEQUANTIZE => quantize::prepare_dequantize,
        EXPAND_DIMS => shape::prepare_expand_dims,
        FULLY_CONNECTED => fully_connected::prepare,
        MAX_POOL_2D => pooling::prepare_max,
        MEAN => reduce::prepare_mean,
        PAD => pad::prepare,
        PADV2 => pad::prepare,
        QUANTIZE => quantize::prepare_quantize,
        RELU => float::relu::prepare_relu,
        RELU6 => float::relu::prepare_relu6,
        RESHAPE => shape::prepare_reshape,
        SOFTMAX => softmax::prepare,
        SQUEEZE => shape::prepare_squeeze,
    },
};

impl OpResolver {
    /// The registration for a builtin code.
    pub fn find(&self, code: i32) -> Result<&'static Registration> {
        self.registrations
            .iter()
            .find(|registration| registration.code == code)
            .ok_or(ErrorKind::OperatorUnsupported.into())
    }
}
