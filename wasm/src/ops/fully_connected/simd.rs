//! FULLY_CONNECTED, int8, one row by eight channels: the twin of `int8.rs`.

mod batch;

use crate::error::{ErrorKind, Result};
use crate::math::quantization::{Multiplier, OutputStage};
use crate::memory::allocate;
use crate::ops::{Flow, Kernel, Request};
use crate::run::batch::{Batched, TOGETHER};
use crate::run::io::{Io, Port};
use crate::simd::Format;
use crate::simd::image::{self, WORKSPACE_BYTES};
use crate::simd::requantise::{Channel, LANES, Requantise};
use crate::simd::tile::{self, Target};
use crate::simd::vector::I32x4;

/// Eight weights of each of eight channels as words, or sixteen as bytes.
pub type Block = [[u8; 16]; LANES];

/// A vector times a matrix.
pub struct FullyConnected {
    channels: usize,
    zero_point: i16,
    /// `[channel / 8][step]`; what is missing weighs nothing.
    weights: Vec<Block>,
    bias: Vec<i32>,
    requantise: Requantise,
    format: Format,
    /// Vectors of a row.
    steps: usize,
}

impl FullyConnected {
    /// Packs weights `[channel][input]`, whose zero point is taken. Without a value where the plain kernel has to serve.
    pub fn new(
        weights: &[i16],
        (depth, zero_point): (usize, i32),
        (bias, multipliers): (&[i32], &[Multiplier]),
        stage: OutputStage,
        request: &mut Request,
    ) -> Result<Option<Self>> {
        let channels = bias.len();
        let format = request.format().fitting(weights);
        let numbers = 16 / format.bytes();
        let (blocks, steps) = (channels.div_ceil(LANES), depth.div_ceil(numbers));
        if steps * 16 > WORKSPACE_BYTES {
            return Ok(None);
        }
        let mut known = allocate(blocks * LANES, Channel::NONE)?;
        let mut centred = allocate(blocks * LANES, 0)?;
        let mut packed = allocate(blocks * steps, [[0; 16]; LANES])?;
        let rows = weights.chunks_exact(depth).zip(bias.iter().zip(multipliers));
        for (channel, ((weights, (bias, multiplier)), (known, centred))) in rows.zip(known.iter_mut().zip(&mut centred)).enumerate() {
            *centred = format.corrected(*bias, weights, zero_point);
            *known = Channel::new(weights, zero_point, *bias, *multiplier);
            pack_channel(weights, channel, format, packed.get_mut(channel / LANES * steps..).unwrap_or_default())?;
        }
        let requantise = Requantise::new(&known, &mut centred, stage)?;
        request.packed(size_of_val(packed.as_slice()) + blocks * LANES * 32);
        request.workspace(steps * 16);
        Ok(Some(Self { channels, zero_point: zero_point as i16, weights: packed, bias: centred, requantise, format, steps }))
    }
}

impl Kernel for FullyConnected {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let internal = ErrorKind::EngineInternal;
        let (([input], [output]), workspace) = io.cut_with_workspace([Port::Input(0)], [Port::Output(0)])?;
        let wide = workspace.get_mut(..self.steps * 16).ok_or(internal)?;
        image::row(input, self.zero_point, self.format, wide);
        let wide = wide.as_chunks::<16>().0;
        let mut output = output.get_mut(..self.channels).ok_or(internal)?;
        let blocks = self.weights.chunks_exact(self.steps).zip(self.bias.as_chunks::<4>().0.chunks_exact(2));
        for (number, (weights, bias)) in blocks.enumerate() {
            let [low, high] = match self.format.flip() {
                Some(_) => eight::<true>(wide, weights),
                None => eight::<false>(wide, weights),
            };
            let [low_bias, high_bias] = bias else { return Err(internal.into()) };
            let sums = [low.plus(I32x4::new(low_bias)), high.plus(I32x4::new(high_bias))];
            let bytes = self.requantise.group(number).ok_or(internal)?.one(sums);
            let target = Target { channels: LANES.min(output.len()), stride: output.len() };
            target.store([bytes; 2], output);
            output = output.get_mut(LANES..).unwrap_or_default();
        }
        Ok(Flow::Next)
    }

    fn batched(&self) -> Option<&dyn Batched> {
        (Batched::workspace_bytes(self, TOGETHER) <= WORKSPACE_BYTES).then_some(self as &dyn Batched)
    }
}

/// Packs the weights of a channel, `[step]`.
#[inline(never)]
pub fn pack_channel(weights: &[i16], channel: usize, format: Format, packed: &mut [Block]) -> Result<()> {
    for (block, weights) in packed.iter_mut().zip(weights.chunks(16 / format.bytes())) {
        let row = block.get_mut(channel % LANES).ok_or(ErrorKind::EngineInternal)?;
        for (slots, weight) in row.chunks_exact_mut(format.bytes()).zip(weights) {
            slots.iter_mut().zip(weight.to_le_bytes()).for_each(|(slot, byte)| *slot = byte);
        }
    }
    Ok(())
}

/// The sums of eight channels.
#[inline(always)]
pub fn eight<const BYTES: bool>(inputs: &[[u8; 16]], weights: &[Block]) -> [I32x4; 2] {
    let mut sums = [I32x4::new(&[0; 4]); LANES];
    for (inputs, weights) in inputs.iter().zip(weights) {
        for (sum, weights) in sums.iter_mut().zip(weights) {
            *sum = tile::dot::<BYTES>(*sum, inputs, weights);
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    [across([a, b, c, d]), across([e, f, g, h])]
}

/// The sum of the lanes of each, a lane each.
#[inline(always)]
fn across(sums: [I32x4; 4]) -> I32x4 {
    let [a, b, c, d] = I32x4::transposed(sums);
    a.plus(b).plus(c.plus(d))
}
