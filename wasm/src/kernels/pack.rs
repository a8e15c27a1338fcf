//! Weights in blocks of output channels, `[channel / LANES][tap][LANES]`, so that an input is read once
//! for as many products and the inner loop needs no bounds checks. Kernels for SIMD will pack their
//! own layout at the same place.

use crate::error::{ErrorKind, Result, ensure};
use crate::kernels::allocate;

/// Packs weights `[channel][tap]`; missing channels weigh nothing.
pub fn pack<T: Copy + Default, const LANES: usize>(
    weights: &[T],
    taps: usize,
) -> Result<Vec<[T; LANES]>> {
    ensure(taps > 0, ErrorKind::OperatorInvalid)?;
    let blocks = (weights.len() / taps).div_ceil(LANES);
    let length = blocks.checked_mul(taps).ok_or(ErrorKind::MemoryExhausted)?;
    let mut packed = allocate(length, [T::default(); LANES])?;
    for (channel, row) in weights.chunks_exact(taps).enumerate() {
        let block = packed.iter_mut().skip(channel / LANES * taps);
        for (slot, weight) in block.zip(row) {
            if let Some(lane) = slot.get_mut(channel % LANES) {
                *lane = *weight;
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
