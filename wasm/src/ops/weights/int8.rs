//! What the int8 operators with weights share: four output channels at a time.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::model::tensor::{Tensor, TensorType};
use crate::ops::{Node, allocate, gather};
use crate::simd::vector::I16x8;

/// Output channels computed together.
pub const LANES: usize = 4;

/// Reads a byte of an int8 tensor.
#[inline(always)]
pub fn int8(byte: u8) -> i32 {
    i32::from(byte as i8)
}

/// Adds the products of consecutive inputs with four channels' weights. The offset is the negated
/// zero point: inputs outside the image are left out by the caller and so count as zero.
#[inline(always)]
pub fn accumulate(sums: &mut [i32; LANES], inputs: &[u8], weights: &[[i8; LANES]], offset: i32) {
    for (input, weights) in inputs.iter().zip(weights) {
        let input = int8(*input) + offset;
        for (sum, weight) in sums.iter_mut().zip(weights) {
            // |product| <= 255 * 128. Upstream's accumulator wraps too, past 65,000 taps.
            *sum = sum.wrapping_add(input * i32::from(*weight));
        }
    }
}

/// Rescales the sums of one block and writes as many channels as `outputs` has.
#[inline(always)]
pub fn store(
    outputs: &mut [u8],
    sums: &[i32; LANES],
    multipliers: &[Multiplier],
    stage: OutputStage,
) {
    for ((output, sum), multiplier) in outputs.iter_mut().zip(sums).zip(multipliers) {
        *output = stage.finish(multiplier.apply(*sum)) as u8;
    }
}

/// The weights of an operator as int8, unpacked from int4 where they are that
/// (upstream: `UnpackDenseInt4IntoInt8`).
pub fn weights(node: &Node<'_>, tensor: &Tensor) -> Result<Vec<i8>> {
    let bytes = node.constant(tensor)?;
    let mut weights = allocate(tensor.shape.elements(), 0i8)?;
    match tensor.element_type {
        TensorType::Int8 => {
            take(&mut weights, bytes);
        }
        TensorType::Int4 => {
            for (pair, byte) in weights.chunks_mut(2).zip(bytes) {
                let halves = [(*byte << 4) as i8 >> 4, *byte as i8 >> 4];
                for (weight, half) in pair.iter_mut().zip(halves) {
                    *weight = half;
                }
            }
        }
        _ => return Err(ErrorKind::TypeUnsupported.into()),
    }
    Ok(weights)
}

/// By itself the compiler sees that this is a copy.
#[inline(never)]
fn take(weights: &mut [i8], bytes: &[u8]) {
    weights.iter_mut().zip(bytes).for_each(|(weight, byte)| *weight = *byte as i8);
}

/// What a fast kernel of an operator with weights has to know. In which order the weights lie is the operator's to say.
pub struct Lowered<'a, Geometry, Weight> {
    /// How inputs and outputs lie to each other.
    pub geometry: Geometry,
    /// Of the input.
    pub zero_point: i32,
    /// All of them.
    pub weights: &'a [Weight],
    /// One for each output channel.
    pub bias: &'a [i32],
    /// One for each output channel.
    pub multipliers: &'a [Multiplier],
    /// The end of each output.
    pub stage: OutputStage,
}

/// What a convolution with weights of int8 has beside its geometry, as the file has it.
pub struct Layer {
    /// Of the input.
    pub zero_point: i32,
    /// All of them.
    pub weights: Vec<i8>,
    /// One for each output channel.
    pub bias: Vec<i32>,
    /// One for each output channel.
    pub multipliers: Vec<Multiplier>,
    /// The end of each output.
    pub stage: OutputStage,
}

impl Layer {
    /// Reads a layer with so many output channels.
    #[inline(never)]
    pub fn read(node: &Node<'_>, channels: usize, activation: Activation) -> Result<Self> {
        let (input, filter, output) = (node.input(0)?, node.input(1)?, node.output(0)?);
        Ok(Self {
            zero_point: input.affine()?.1,
            weights: weights(node, filter)?,
            bias: bias(node, 2, channels)?,
            multipliers: multipliers(input, filter, output, channels)?,
            stage: OutputStage::new(output, activation)?,
        })
    }

    /// What fast kernels know of it, with its weights as they want them.
    pub fn lowered<'a, Geometry, Weight>(&'a self, geometry: Geometry, weights: &'a [Weight]) -> Lowered<'a, Geometry, Weight> {
        let Self { zero_point, bias, multipliers, stage, .. } = self;
        Lowered { geometry, zero_point: *zero_point, weights, bias, multipliers, stage: *stage }
    }

    /// Leaves nothing but these output channels, whose weights are taken already.
    #[inline(never)]
    pub fn keep_outputs(&mut self, kept: &[usize], weights: Vec<i8>) -> Result<()> {
        self.weights = weights;
        self.bias = picked(&self.bias, kept)?;
        self.multipliers = picked(&self.multipliers, kept)?;
        Ok(())
    }
}

/// Some columns of a matrix of so many.
#[inline(never)]
pub fn columns(weights: &[i8], all: usize, kept: &[usize]) -> Result<Vec<i8>> {
    let mut found = allocate(weights.len() / all * kept.len(), 0)?;
    for (found, weights) in found.chunks_exact_mut(kept.len()).zip(weights.chunks_exact(all)) {
        for (slot, column) in found.iter_mut().zip(kept) {
            *slot = weights.get(*column).copied().ok_or(ErrorKind::EngineInternal)?;
        }
    }
    Ok(found)
}

fn picked<T: Copy>(values: &[T], places: &[usize]) -> Result<Vec<T>> {
    let picked = places.iter().map(|place| values.get(*place).copied().ok_or(ErrorKind::EngineInternal.into()));
    gather(places.len(), picked)
}

/// Weights with their negated zero point added.
pub fn widened(weights: &[i8], offset: i32) -> Result<Vec<i16>> {
    let mut wide = allocate(weights.len(), 0)?;
    let ((eights, rest), (slots, rest_slots)) = (weights.as_chunks::<8>(), wide.as_chunks_mut());
    for (slots, eight) in slots.iter_mut().zip(eights) {
        *slots = I16x8::widen(eight.map(|weight| weight as u8)).plus(I16x8::splat(offset as i16)).lanes();
    }
    rest_slots.iter_mut().zip(rest).for_each(|(slot, weight)| *slot = i16::from(*weight) + offset as i16);
    Ok(wide)
}

/// Weights `[tap][channel]` as `[channel][tap]`.
#[inline(never)]
pub fn by_channel(weights: &[i8], channels: usize) -> Result<Vec<i16>> {
    let taps = weights.len() / channels;
    let mut wide = allocate(weights.len(), 0)?;
    for (tap, weights) in weights.chunks_exact(channels).enumerate() {
        wide.iter_mut().skip(tap).step_by(taps).zip(weights).for_each(|(slot, weight)| *slot = i16::from(*weight));
    }
    Ok(wide)
}

/// The bias of an operator, one int32 per output channel; zeros where it has none.
pub fn bias(node: &Node<'_>, position: usize, channels: usize) -> Result<Vec<i32>> {
    match node.optional_input(position)? {
        Some(tensor) => {
            let bias = node.int32s(tensor, channels)?;
            ensure(bias.len() == channels, ErrorKind::OperatorInvalid)?;
            Ok(bias)
        }
        None => allocate(channels, 0),
    }
}

/// One multiplier per output channel of a convolution
/// (upstream: `PopulateConvolutionQuantizationParams`): input scale * filter scale / output scale,
/// in float64. Filters are symmetric: their zero points are 0. As upstream, scales belong to output channels, whatever
/// dimension the file names; a scale of 0 is that of a pruned channel, whose outputs are the zero point.
pub fn multipliers(
    input: &Tensor,
    filter: &Tensor,
    output: &Tensor,
    channels: usize,
) -> Result<Vec<Multiplier>> {
    let (input_scale, _) = input.affine()?;
    let (output_scale, _) = output.affine()?;
    let invalid = ErrorKind::QuantisationInvalid;
    let quantization = filter.quantization.as_ref().ok_or(invalid)?;
    let scales = quantization.scales.as_slice();
    let per_channel = scales.len() > 1;
    ensure(!per_channel || scales.len() == channels, invalid)?;
    ensure(quantization.zero_points.is_empty() && quantization.zero_point == 0, invalid)?;
    let first = scales.first().copied().ok_or(invalid)?;
    let multiplier = |channel| {
        let scale = scales.get(channel).copied().unwrap_or(first);
        let scale = if per_channel { scale } else { first };
        Multiplier::new(f64::from(input_scale) * f64::from(scale) / f64::from(output_scale))
    };
    gather(channels, (0..channels).map(multiplier))
}

/// The same for a fully connected layer, and the negated zero point of its weights. Per channel as convolutions do; for the whole tensor upstream multiplies the scales of input and
/// filter in float32 and bounds the bias's scale (`GetQuantizedConvolutionMultipler`).
pub fn whole_multipliers(
    input: &Tensor,
    filter: &Tensor,
    bias: Option<&Tensor>,
    output: &Tensor,
    channels: usize,
) -> Result<(Vec<Multiplier>, i32)> {
    let invalid = ErrorKind::QuantisationInvalid;
    let quantization = filter.quantization.as_ref().ok_or(invalid)?;
    if quantization.scales.len() > 1 {
        return Ok((multipliers(input, filter, output, channels)?, 0));
    }
    ensure(quantization.zero_points.is_empty(), invalid)?;
    let (input_scale, _) = input.affine()?;
    let (filter_scale, filter_zero_point) = filter.affine()?;
    let (output_scale, _) = output.affine()?;
    if let Some(bias) = bias.filter(|bias| bias.quantization.is_some()) {
        let product = f64::from(input_scale) * f64::from(filter_scale);
        let difference = (product - f64::from(bias.affine()?.0)).abs();
        ensure(difference / f64::from(output_scale) <= 0.02, invalid)?;
    }
    let product = f64::from(input_scale * filter_scale);
    let multiplier = Multiplier::new(product / f64::from(output_scale))?;
    Ok((allocate(channels, multiplier)?, -filter_zero_point))
}
