//! Layers whose weights or biases are computed too, as an input of the model or by another operator: nothing can be packed before
//! the first run, so that weights are read where they lie. So are constant ones where memory is dearer than time.
//!
//! Upstream's reference loops, for all layers at once: what differs is where the weight of an output, a tap and an input lies.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::model::tensor::{Location, Tensor, TensorType};
use crate::ops::weights::float::{Bounds, Float, floats, floats_mut};
use crate::ops::weights::int8::{multipliers, whole_multipliers};
use crate::ops::window::Window;
use crate::ops::{Action, Flow, Kernel, Kernels, Node, Request};
use crate::run::io::{Io, Port};

/// Where the filter is among the inputs, and the bias.
const FILTER: usize = 1;
const BIAS: usize = 2;

/// Which weights and inputs an output sees.
pub struct Layer {
    /// How the layer slides over its input.
    pub window: Window,
    /// Input channels that an output channel sees.
    pub group_inputs: usize,
    /// Neighbouring output channels that see the same ones.
    pub group_outputs: usize,
    /// Steps in the filter from one output channel and one tap to the next; input channels are neighbours.
    pub steps: [usize; 2],
}

/// Whether weights are read where they lie: they or the bias are computed, or nothing is to be packed.
pub fn is_in_place(node: &Node<'_>, request: &Request) -> Result<bool> {
    // Weights of other types are unpacked or have other arithmetic.
    let served = node.input(0)?.element_type == node.input(FILTER)?.element_type;
    Ok(request.kernels == Kernels::Compact && served || is_computed(node)?)
}

/// Whether the weights or the bias are computed.
pub fn is_computed(node: &Node<'_>) -> Result<bool> {
    let computed = |tensor: Option<&Tensor>| tensor.is_some_and(|found| !matches!(found.location, Location::Constant(_)));
    Ok(computed(node.optional_input(FILTER)?) || computed(node.optional_input(BIAS)?))
}

/// The multipliers of a convolution of int8 and the negated zero point of its weights, which is 0 unless they were uint8. Those TensorFlow
/// Lite rescales as a fully connected layer.
pub fn factors(node: &Node<'_>, channels: usize) -> Result<(Vec<Multiplier>, i32)> {
    let (input, filter, output) = (node.input(0)?, node.input(FILTER)?, node.output(0)?);
    if filter.unsigned {
        return whole_multipliers(input, filter, node.optional_input(BIAS)?, output, channels);
    }
    Ok((multipliers(input, filter, output, channels)?, 0))
}

/// Makes such a layer. `factors` are the multipliers of an int8 layer and the zero point of its weights.
pub fn prepare(
    node: &Node<'_>,
    request: &mut Request,
    layer: Layer,
    activation: Activation,
    factors: impl FnOnce() -> Result<(Vec<Multiplier>, i32)>,
) -> Result<Action> {
    let input = node.input(0)?;
    match input.element_type {
        TensorType::Float32 => prepare_with(node, request, layer, Bounds::new(activation)),
        TensorType::Int8 => {
            let (multipliers, filter_offset) = factors()?;
            let stage = OutputStage::new(node.output(0)?, activation)?;
            prepare_with(node, request, layer, Bytes { input_offset: -input.affine()?.1, filter_offset, multipliers, stage })
        }
        _ => Err(ErrorKind::OperatorInvalid.into()),
    }
}

fn prepare_with<T: Arithmetic + 'static>(node: &Node<'_>, request: &mut Request, layer: Layer, arithmetic: T) -> Result<Action> {
    let filter = node.input(FILTER)?;
    ensure(filter.element_type == T::TYPE, ErrorKind::TypeUnsupported)?;
    let bias = node.optional_input(BIAS)?;
    if let Some(bias) = bias {
        ensure(bias.shape.elements() == layer.window.output_channels, ErrorKind::OperatorInvalid)?;
    }
    request.macs(layer.window.inputs().saturating_mul(layer.group_inputs as u64));
    Ok(Action::run(Computed { layer, has_bias: bias.is_some(), arithmetic }))
}

struct Computed<T> {
    layer: Layer,
    has_bias: bool,
    arithmetic: T,
}

/// How products become outputs.
trait Arithmetic: Send + Sync {
    const TYPE: TensorType;
    type Element: Copy + 'static;
    type Sum: Copy + Default;

    fn elements(bytes: &[u8]) -> &[Self::Element];
    fn elements_mut(bytes: &mut [u8]) -> &mut [Self::Element];
    fn add(&self, sum: Self::Sum, input: Self::Element, weight: Self::Element) -> Self::Sum;
    fn finish(&self, channel: usize, sum: Self::Sum, bias: Option<[u8; 4]>) -> Self::Element;
}

impl Arithmetic for Bounds {
    const TYPE: TensorType = TensorType::Float32;
    type Element = Float;
    type Sum = f32;

    fn elements(bytes: &[u8]) -> &[Float] {
        floats(bytes)
    }

    fn elements_mut(bytes: &mut [u8]) -> &mut [Float] {
        floats_mut(bytes)
    }

    #[inline(always)]
    fn add(&self, sum: f32, input: Float, weight: Float) -> f32 {
        sum + f32::from_le_bytes(input) * f32::from_le_bytes(weight)
    }

    fn finish(&self, _: usize, sum: f32, bias: Option<[u8; 4]>) -> Float {
        self.clamp(sum + bias.map_or(0.0, f32::from_le_bytes)).to_le_bytes()
    }
}

struct Bytes {
    input_offset: i32,
    filter_offset: i32,
    multipliers: Vec<Multiplier>,
    stage: OutputStage,
}

impl Arithmetic for Bytes {
    const TYPE: TensorType = TensorType::Int8;
    type Element = u8;
    type Sum = i32;

    fn elements(bytes: &[u8]) -> &[u8] {
        bytes
    }

    fn elements_mut(bytes: &mut [u8]) -> &mut [u8] {
        bytes
    }

    #[inline(always)]
    fn add(&self, sum: i32, input: u8, weight: u8) -> i32 {
        let (input, weight) = (i32::from(input as i8) + self.input_offset, i32::from(weight as i8) + self.filter_offset);
        sum.wrapping_add(input * weight)
    }

    fn finish(&self, channel: usize, sum: i32, bias: Option<[u8; 4]>) -> u8 {
        let sum = sum.wrapping_add(bias.map_or(0, i32::from_le_bytes));
        self.multipliers.get(channel).map_or(0, |multiplier| self.stage.finish(multiplier.apply(sum)) as u8)
    }
}

impl<T: Arithmetic> Kernel for Computed<T> {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let bias = Port::Input(if self.has_bias { BIAS } else { FILTER });
        let ([input, filter, bias], [output]) = io.cut([Port::Input(0), Port::Input(FILTER), bias], [Port::Output(0)])?;
        let (input, filter, output) = (T::elements(input), T::elements(filter), T::elements_mut(output));
        let bias = if self.has_bias { bias.as_chunks().0 } else { &[] };
        let Layer { window, group_inputs, group_outputs, steps: [output_step, tap_step] } = &self.layer;
        let internal = ErrorKind::EngineInternal;
        window.slide(input, output, |image, at, pixel| {
            for (channel, output) in pixel.iter_mut().enumerate() {
                let first = channel / group_outputs * group_inputs;
                let mut sum = T::Sum::default();
                window.runs(at, |tap, from, count| {
                    for step in 0..count {
                        let inputs = image.get((from + step) * window.input_channels + first..).ok_or(internal)?;
                        let weights = filter.get(channel * output_step + (tap + step) * tap_step..).ok_or(internal)?;
                        for (input, weight) in inputs.iter().zip(weights).take(*group_inputs) {
                            sum = self.arithmetic.add(sum, *input, *weight);
                        }
                    }
                    Ok(())
                })?;
                *output = self.arithmetic.finish(channel, sum, bias.get(channel).copied());
            }
            Ok(())
        })?;
        Ok(Flow::Next)
    }
}
