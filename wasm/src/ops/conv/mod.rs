//! CONV_2D: what its types have in common.
//!
//! Upstream: `micro/kernels/conv.cc`, `conv_common.cc`.

pub(crate) mod float;
mod float_simd;
mod int16;
mod int8;
pub(crate) mod simd;
mod winograd;

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::math::quantization::Activation;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT4, INT8, INT16, INT32, INT64, Signature};
use crate::ops::weights::computed;
use crate::ops::weights::int8::Layer;
use crate::ops::weights::int16::is_narrow;
use crate::simd::Format;
use crate::simd::image::Bands;
use crate::ops::window::{Axis, Sliding, Window};
use crate::ops::{Action, Node, Options, Registration, Request, activation};

/// Convolution, with groups.
pub static CONV_2D: Registration = Registration {
    key: OpKey::Builtin(3),
    name: "CONV_2D",
    inputs: 2..=3,
    outputs: 1..=1,
    types: &[
        Signature { inputs: &[INT8, INT8.or(INT4), INT32], outputs: &[INT8] },
        Signature { inputs: &[INT16, INT8, INT32.or(INT64)], outputs: &[INT16] },
        Signature { inputs: &[FLOAT32, FLOAT32.or(INT8).or(INT4), FLOAT32], outputs: &[FLOAT32] },
    ],
    prepare,
};

/// A window and the channels that it multiplies.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// How the window slides.
    pub window: Window,
    /// Input channels of one group; all of them where the convolution is not grouped.
    pub group_inputs: usize,
    /// Output channels of one group.
    pub group_outputs: usize,
}

struct Conv2dOptions {
    sliding: Sliding,
    activation: Activation,
    narrow: bool,
}

impl Options for Conv2dOptions {
    const MEMBER: u8 = 1;

    fn read(table: &Table<'_>) -> Result<Self> {
        let sliding = Sliding::read(table, Some((4, 5)))?;
        Ok(Self { sliding, activation: activation(table, 3)?, narrow: is_narrow(table, 6)? })
    }
}

/// The int8 layer that a node is, where its weights are known and in one group, and a fast kernel has room for it.
pub fn layer(node: &Node<'_>) -> Result<Option<(Geometry, Layer)>> {
    let (geometry, Conv2dOptions { activation, .. }) = read(node)?;
    let is_one = geometry.group_inputs == geometry.window.input_channels;
    let (input, filter) = (node.input(0)?, node.input(1)?);
    if input.element_type != TensorType::Int8 || filter.unsigned || computed::is_computed(node)? || !is_one {
        return Ok(None);
    }
    if Bands::new(geometry.window, 0, Format::Words).is_none() {
        return Ok(None);
    }
    Ok(Some((geometry, Layer::read(node, geometry.window.output_channels, activation)?)))
}

#[inline(never)]
fn read(node: &Node<'_>) -> Result<(Geometry, Conv2dOptions)> {
    let (input, filter, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
    let options: Conv2dOptions = node.options()?;
    let invalid = ErrorKind::OperatorInvalid;
    let [.., input_channels] = input.shape.image()?;
    let [output_channels, filter_height, filter_width, group_inputs] = filter.shape.image()?;
    ensure(input_channels % group_inputs == 0, invalid)?;
    let groups = input_channels / group_inputs;
    ensure(output_channels % groups == 0, invalid)?;
    let taps = (filter_height, filter_width);
    let geometry = Geometry {
        window: Window::new(&options.sliding, &input.shape, taps, output, output_channels)?,
        group_inputs,
        group_outputs: output_channels / groups,
    };
    Ok((geometry, options))
}

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (geometry, Conv2dOptions { activation, narrow, .. }) = read(node)?;
    let (input, filter) = (node.input(0)?, node.input(1)?);
    // Weights of uint8 have a zero point.
    if !filter.unsigned && !computed::is_in_place(node, request)? {
        let packed = match input.element_type {
            TensorType::Float32 => Some(float::prepare(node, request, geometry, activation)?),
            TensorType::Int16 => Some(int16::prepare(node, request, geometry, activation, narrow)?),
            _ => int8::prepare(node, request, geometry, activation)?,
        };
        if let Some(action) = packed {
            return Ok(action);
        }
    }
    let Geometry { window, group_inputs, group_outputs } = geometry;
    let layer = computed::Layer { window, group_inputs, group_outputs, steps: [geometry.depth(), group_inputs] };
    computed::prepare(node, request, layer, activation, || computed::factors(node, window.output_channels))
}

impl Geometry {
    /// That of a matrix product: a row of pixels, and a filter of one tap.
    pub fn rows(rows: usize, group_inputs: usize, group_outputs: usize) -> Self {
        let axis = |extent| Axis { input: extent, output: extent, filter: 1, stride: 1, dilation: 1, padding: 0 };
        let (height, width) = (axis(1), axis(rows));
        let window = Window { batches: 1, height, width, input_channels: group_inputs, output_channels: group_outputs };
        Self { window, group_inputs, group_outputs }
    }

    /// Products of one output.
    pub fn depth(&self) -> usize {
        self.window.taps() * self.group_inputs
    }

    /// Weights of one group.
    pub fn group_weights(&self) -> usize {
        self.depth() * self.group_outputs
    }

    /// Visits the inputs of one group under the window at (y, x), in runs of neighbours in the
    /// image and in the weights: (first input, first product, how many).
    #[inline(always)]
    pub fn runs(
        &self,
        at: (usize, usize),
        group: usize,
        mut visit: impl FnMut(usize, usize, usize) -> Result<()>,
    ) -> Result<()> {
        let (depth, channels) = (self.group_inputs, self.window.input_channels);
        let first_channel = group * depth;
        self.window.runs(at, |tap, pixel, count| {
            if depth == channels {
                return visit(pixel * channels, tap * depth, count * depth);
            }
            for step in 0..count {
                visit((pixel + step) * channels + first_channel, (tap + step) * depth, depth)?;
            }
            Ok(())
        })
    }
}
