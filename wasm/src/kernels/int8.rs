//! What the int8 operators with weights share: four output channels at a time.
//!
//! Weights lie in blocks of four output channels, `[channel / 4][tap][4]`, so that an input is read
//! once for four products and the inner loop needs no bounds checks. Kernels for SIMD will pack
//! their own layout at the same place.

use crate::error::{ErrorKind, Result, ensure};
use crate::kernels::{Node, allocate, expect_type, gather};
use crate::quantization::Multiplier;
use crate::tensor::{Tensor, TensorType};

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

/// Packs weights `[channel][tap]` into blocks of four channels; missing channels weigh nothing.
pub fn pack(weights: &[i8], taps: usize) -> Result<Vec<[i8; LANES]>> {
    pack_groups(weights, taps, weights.len())
}

/// The same for several groups of weights, `[group][channel][tap]`, each packed by itself.
pub fn pack_groups(weights: &[i8], taps: usize, group: usize) -> Result<Vec<[i8; LANES]>> {
    ensure(taps > 0 && group > 0, ErrorKind::OperatorInvalid)?;
    let block_slots = (group / taps).div_ceil(LANES).checked_mul(taps);
    let group_slots = block_slots.ok_or(ErrorKind::MemoryExhausted)?;
    let slots = (weights.len() / group).checked_mul(group_slots);
    let mut packed = allocate(slots.ok_or(ErrorKind::MemoryExhausted)?, [0; LANES])?;
    let groups = weights.chunks_exact(group).zip(packed.chunks_exact_mut(group_slots));
    for (weights, packed) in groups {
        for (channel, row) in weights.chunks_exact(taps).enumerate() {
            let block = packed.iter_mut().skip(channel / LANES * taps);
            for (slot, weight) in block.zip(row) {
                if let Some(lane) = slot.get_mut(channel % LANES) {
                    *lane = *weight;
                }
            }
        }
    }
    Ok(packed)
}

/// Rescales the sums of one block and writes as many channels as `outputs` has.
#[inline(always)]
pub fn store(
    outputs: &mut [u8],
    sums: &[i32; LANES],
    multipliers: &[Multiplier],
    stage: crate::quantization::OutputStage,
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
            for (weight, byte) in weights.iter_mut().zip(bytes) {
                *weight = *byte as i8;
            }
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
/// in float64. Filters are symmetric: their zero points are 0.
pub fn multipliers(
    input: &Tensor,
    filter: &Tensor,
    output: &Tensor,
    dimension: usize,
    channels: usize,
) -> Result<Vec<Multiplier>> {
    let (input_scale, _) = input.affine()?;
    let (output_scale, _) = output.affine()?;
    let invalid = ErrorKind::QuantisationInvalid;
    let quantization = filter.quantization.as_ref().ok_or(invalid)?;
    let scales = quantization.scales.as_slice();
    let per_channel = scales.len() > 1;
    ensure(!per_channel || quantization.dimension == dimension, invalid)?;
    ensure(!per_channel || scales.len() == channels, invalid)?;
    ensure(quantization.uniform_zero_point && quantization.zero_point == 0, invalid)?;
    let first = scales.first().copied().ok_or(invalid)?;
    let multiplier = |channel| {
        let scale = scales.get(channel).copied().unwrap_or(first);
        let scale = if per_channel { scale } else { first };
        Multiplier::new(f64::from(input_scale) * f64::from(scale) / f64::from(output_scale))
    };
    gather(channels, (0..channels).map(multiplier))
}

/// Refuses what is not int8 activations with int8 or int4 weights.
pub fn expect_types(input: &Tensor, filter: &Tensor, output: &Tensor) -> Result<()> {
    expect_type(input, TensorType::Int8)?;
    expect_type(output, TensorType::Int8)?;
    let weights = matches!(filter.element_type, TensorType::Int8 | TensorType::Int4);
    ensure(weights, ErrorKind::TypeUnsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_packed_in_blocks_of_four_channels() {
        let packed = pack(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 2).unwrap();
        assert_eq!(packed, [[1, 3, 5, 7], [2, 4, 6, 8], [9, 0, 0, 0], [10, 0, 0, 0]]);
    }
}
