//! Weights in blocks of output channels, `[channel / LANES][tap][LANES]`, so that an input is read once
//! for as many products and the inner loop needs no bounds checks. Kernels for SIMD will pack their
//! own layout at the same place.

use crate::error::{ErrorKind, Result, ensure};
use crate::ops::allocate;

/// Packs weights `[channel][tap]`; missing channels weigh nothing.
pub fn pack<T: Copy + Default, const LANES: usize>(
    weights: &[T],
    taps: usize,
) -> Result<Vec<[T; LANES]>> {
    pack_groups(weights, taps, weights.len())
}

/// The same for several groups of weights, `[group][channel][tap]`, each packed by itself.
pub fn pack_groups<T: Copy + Default, const LANES: usize>(
    weights: &[T],
    taps: usize,
    group: usize,
) -> Result<Vec<[T; LANES]>> {
    ensure(taps > 0 && group > 0, ErrorKind::OperatorInvalid)?;
    let block_slots = (group / taps).div_ceil(LANES).checked_mul(taps);
    let group_slots = block_slots.ok_or(ErrorKind::MemoryExhausted)?;
    let slots = (weights.len() / group).checked_mul(group_slots);
    let mut packed = allocate(slots.ok_or(ErrorKind::MemoryExhausted)?, [T::default(); LANES])?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_channels_weigh_nothing() {
        let packed = pack::<i8, 4>(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 2).unwrap();
        assert_eq!(packed, [[1, 3, 5, 7], [2, 4, 6, 8], [9, 0, 0, 0], [10, 0, 0, 0]]);
    }
}
