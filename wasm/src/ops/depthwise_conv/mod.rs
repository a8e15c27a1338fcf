//! DEPTHWISE_CONV_2D: what its types have in common.
//!
//! Upstream: `micro/kernels/depthwise_conv.cc`, `depthwise_conv_common.cc`.

mod float;
mod float_simd;
mod int16;
mod int8;
mod simd;

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::math::quantization::Activation;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT4, INT8, INT16, INT32, INT64, Signature};
use crate::ops::weights::computed;
use crate::ops::weights::int8::Layer;
use crate::simd::rows::Rows;
use crate::ops::window::{Sliding, Window};
use crate::ops::{Action, Node, Options, Registration, Request, activation};

/// Convolution of each channel by itself.
pub static DEPTHWISE_CONV_2D: Registration = Registration {
    key: OpKey::Builtin(4),
    name: "DEPTHWISE_CONV_2D",
    inputs: 2..=3,
    outputs: 1..=1,
    types: &[
        Signature { inputs: &[INT8, INT8.or(INT4), INT32], outputs: &[INT8] },
        Signature { inputs: &[INT16, INT8, INT64], outputs: &[INT16] },
        Signature { inputs: &[FLOAT32, FLOAT32.or(INT8).or(INT4), FLOAT32], outputs: &[FLOAT32] },
    ],
    prepare,
};

/// A window over each channel by itself: output channel c reads input channel c / multiplier.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// How the window slides.
    pub window: Window,
    /// Output channels of one input channel.
    pub multiplier: usize,
}

struct DepthwiseOptions {
    sliding: Sliding,
    activation: Activation,
    /// Output channels of one input channel; 0 leaves it to the shapes.
    multiplier: usize,
}

impl Options for DepthwiseOptions {
    const MEMBER: u8 = 2;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self {
            sliding: Sliding::read(table, Some((5, 6)))?,
            activation: activation(table, 4)?,
            multiplier: usize::try_from(table.scalar::<i32>(3, 0)?).map_err(|_| ErrorKind::OperatorInvalid)?,
        })
    }
}

/// The int8 layer that a node is, where its weights are known and there is one filter for each channel, and a fast kernel has room for
/// it.
pub fn layer(node: &Node<'_>) -> Result<Option<(Geometry, Layer)>> {
    let (geometry, activation) = read(node)?;
    let (input, filter) = (node.input(0)?, node.input(1)?);
    let is_one = geometry.multiplier == 1;
    if input.element_type != TensorType::Int8 || filter.unsigned || computed::is_computed(node)? || !is_one {
        return Ok(None);
    }
    if !simd::DepthwiseConv::fits(&geometry, Rows::new(geometry.window, 1, 0)?.as_ref()) {
        return Ok(None);
    }
    Ok(Some((geometry, Layer::read(node, geometry.window.output_channels, activation)?)))
}

#[inline(never)]
fn read(node: &Node<'_>) -> Result<(Geometry, Activation)> {
    let (input, filter, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let DepthwiseOptions { sliding, activation, multiplier } = node.options()?;
    let invalid = ErrorKind::OperatorInvalid;
    let [.., input_channels] = input.shape.image()?;
    let [one, filter_height, filter_width, output_channels] = filter.shape.image()?;
    ensure(one == 1, invalid)?;
    let multiplier = if multiplier == 0 { output_channels / input_channels } else { multiplier };
    ensure(input_channels.checked_mul(multiplier) == Some(output_channels), invalid)?;
    let taps = (filter_height, filter_width);
    let window = Window::new(&sliding, &input.shape, taps, output, output_channels)?;
    Ok((Geometry { window, multiplier }, activation))
}

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (geometry, activation) = read(node)?;
    let Geometry { window, multiplier } = geometry;
    let (input, filter) = (node.input(0)?, node.input(1)?);
    // Weights of uint8 have a zero point.
    if !filter.unsigned && !computed::is_in_place(node, request)? {
        let packed = match input.element_type {
            TensorType::Float32 => Some(float::prepare(node, request, geometry, activation)?),
            TensorType::Int16 => Some(int16::prepare(node, request, geometry, activation)?),
            _ => int8::prepare(node, request, geometry, activation)?,
        };
        if let Some(action) = packed {
            return Ok(action);
        }
    }
    let layer = computed::Layer { window, group_inputs: 1, group_outputs: multiplier, steps: [1, window.output_channels] };
    computed::prepare(node, request, layer, activation, || computed::factors(node, window.output_channels))
}
