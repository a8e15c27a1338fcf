//! Products of pixels with the weights of eight channels.

use crate::error::{ErrorKind, Result};
use crate::memory::allocate;
use crate::simd::requantise::{LANES, Sums};
use crate::simd::Format;
use crate::simd::vector::{Bytes, I16x8, I32x4};

/// The weights of eight channels for neighbouring inputs, two words or four bytes of each channel, four channels in each half.
pub type Unit = [[u8; 16]; 2];

/// Neighbouring inputs of each of four pixels: two words or four bytes.
pub type Entry = [u8; 16];

/// Pixels of a tile.
pub const TILE: usize = 4;

/// How many pixels are computed together, of so many: four, but never one alone behind others.
#[inline(always)]
pub fn together(pixels: usize) -> usize {
    match pixels {
        0..=3 => pixels,
        5 | 6 | 9 => 3,
        _ => TILE,
    }
}

/// Lays four runs of numbers side by side. The last entries may hold what lies behind the runs: what they read and write is a
/// multiple of four units.
#[inline(always)]
pub fn gather(runs: [&[u8]; TILE], entries: &mut [Entry]) {
    let [a, b, c, d] = runs.map(|run| run.as_chunks::<16>().0);
    for ((((entries, a), b), c), d) in entries.as_chunks_mut::<4>().0.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        let rows = I32x4::transposed([a, b, c, d].map(I32x4::from_bytes));
        *entries = rows.map(I32x4::bytes);
    }
}

/// Adds the products of the first pixels of a tile with the weights.
#[inline(always)]
pub fn multiply<const PIXELS: usize>(sums: &mut [Sums; PIXELS], tile: &[Entry], weights: &[Unit], format: Format) {
    if format.flip().is_some() {
        for (entry, [low, high]) in tile.iter().zip(weights) {
            let (low, high) = (Bytes::new(low), Bytes::new(high));
            for (sums, inputs) in sums.iter_mut().zip(entry.as_chunks::<4>().0) {
                let inputs = Bytes::splat(*inputs);
                *sums = [inputs.dot(low, sums[0]), inputs.dot(high, sums[1])];
            }
        }
    } else {
        for (entry, [low, high]) in tile.iter().zip(weights) {
            let (low, high) = (I16x8::from_bytes(low), I16x8::from_bytes(high));
            for (sums, inputs) in sums.iter_mut().zip(entry.as_chunks::<4>().0) {
                let inputs = I16x8::splat_pair(*inputs);
                *sums = [sums[0].plus(inputs.dot(low)), sums[1].plus(inputs.dot(high))];
            }
        }
    }
}

/// Adds the products of each row of words with the weights.
#[inline(always)]
pub fn accumulate<const PIXELS: usize>(sums: &mut [Sums; PIXELS], rows: [&[u8]; PIXELS], weights: &[Unit]) {
    let rows = rows.map(|row| row.as_chunks::<4>().0);
    for (at, [low, high]) in weights.iter().enumerate() {
        let (low, high) = (I16x8::from_bytes(low), I16x8::from_bytes(high));
        for (sums, row) in sums.iter_mut().zip(&rows) {
            // Rows are as long as weights; a pair that is not there would be a fault of the caller.
            let Some(pair) = row.get(at) else { return };
            let inputs = I16x8::splat_pair(*pair);
            *sums = [sums[0].plus(inputs.dot(low)), sums[1].plus(inputs.dot(high))];
        }
    }
}

/// Sums as they begin.
#[inline(always)]
pub fn sums(bias: &[i32; LANES]) -> Sums {
    let [low, high] = bias.as_chunks::<4>().0 else { return [I32x4::new(&[0; 4]); 2] };
    [I32x4::new(low), I32x4::new(high)]
}

/// Where the outputs of eight channels go.
#[derive(Clone, Copy)]
pub struct Target {
    /// How many there are indeed.
    pub channels: usize,
    /// Channels of a pixel.
    pub stride: usize,
}

impl Target {
    /// Writes those of a pixel that begins here and of the next, as far as there is room for them.
    #[inline(always)]
    pub fn store(self, [one, other]: [[u8; LANES]; 2], output: &mut [u8]) {
        if self.channels < LANES {
            return self.store_some([one, other], output);
        }
        if let Some(pixel) = output.first_chunk_mut() {
            *pixel = one;
        }
        if let Some(pixel) = output.get_mut(self.stride..).and_then(|rest| rest.first_chunk_mut()) {
            *pixel = other;
        }
    }

    #[cold]
    #[inline(never)]
    fn store_some(self, pixels: [[u8; LANES]; 2], output: &mut [u8]) {
        for (output, bytes) in output.chunks_mut(self.stride).zip(pixels) {
            output.iter_mut().zip(bytes).take(self.channels).for_each(|(slot, byte)| *slot = byte);
        }
    }
}

/// How many units hold so many numbers.
pub fn units(numbers: usize, format: Format) -> usize {
    numbers.div_ceil(4 / format.bytes())
}

/// Adds the products of a vector of inputs with one of weights.
#[inline(always)]
pub fn dot<const BYTES: bool>(sum: I32x4, inputs: &[u8; 16], weights: &[u8; 16]) -> I32x4 {
    if BYTES {
        Bytes::new(inputs).dot(Bytes::new(weights), sum)
    } else {
        sum.plus(I16x8::from_bytes(inputs).dot(I16x8::from_bytes(weights)))
    }
}

/// Packs the weights of one of eight channels, `[run][number]`, by units: `[run][unit]`. What is missing in the last unit of a run weighs
/// nothing.
pub fn pack_channel(weights: &[i16], length: usize, lane: usize, format: Format, packed: &mut [Unit]) -> Result<()> {
    let bytes = format.bytes();
    for (run, packed) in weights.chunks_exact(length).zip(packed.chunks_exact_mut(units(length, format))) {
        for (numbers, unit) in run.chunks(4 / bytes).zip(packed) {
            let slots = unit.as_flattened_mut().as_chunks_mut().0.get_mut(lane).ok_or(ErrorKind::EngineInternal)?;
            *slots = match numbers {
                [one, other] if bytes == 2 => (*one as u16 as u32 | (*other as u16 as u32) << 16).to_le_bytes(),
                [one] if bytes == 2 => (*one as u16 as u32).to_le_bytes(),
                _ => core::array::from_fn(|at| numbers.get(at).map_or(0, |weight| *weight as u8)),
            };
        }
    }
    Ok(())
}

/// Room for the units of so many groups of eight channels.
pub fn room(groups: usize, units: usize) -> Result<Vec<Unit>> {
    allocate(groups.checked_mul(units).ok_or(ErrorKind::MemoryExhausted)?, [[0; 16]; 2])
}
