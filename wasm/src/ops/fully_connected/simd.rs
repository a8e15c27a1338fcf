//! FULLY_CONNECTED, int8, one row by eight channels: the twin of `int8.rs`.

use crate::error::{ErrorKind, Result};
use crate::math::quantization::{Multiplier, OutputStage};
use crate::memory::allocate;
use crate::ops::{Flow, Kernel, Request};
use crate::run::io::{Io, Port};
use crate::simd::image::{WORKSPACE_BYTES, widen};
use crate::simd::requantise::{Channel, LANES, Requantise};
use crate::simd::tile::Target;
use crate::simd::vector::{I16x8, I32x4};

/// Eight weights of each of eight channels.
pub type Block = [[i16; 8]; LANES];

/// A vector times a matrix.
pub struct FullyConnected {
    depth: usize,
    channels: usize,
    zero_point: i16,
    /// `[channel / 8][input / 8]`; what is missing weighs nothing.
    weights: Vec<Block>,
    bias: Vec<i32>,
    requantise: Requantise,
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
        let (blocks, steps) = (channels.div_ceil(LANES), depth.div_ceil(LANES));
        if steps * 16 > WORKSPACE_BYTES {
            return Ok(None);
        }
        let mut known = allocate(blocks * LANES, Channel::NONE)?;
        let mut centred = allocate(blocks * LANES, 0)?;
        let mut packed = allocate(blocks * steps, [[0; 8]; LANES])?;
        let rows = weights.chunks_exact(depth).zip(bias.iter().zip(multipliers));
        for (channel, ((weights, (bias, multiplier)), (known, centred))) in rows.zip(known.iter_mut().zip(&mut centred)).enumerate() {
            *centred = *bias;
            *known = Channel::new(weights.iter().copied(), zero_point, *bias, *multiplier);
            let block = packed.iter_mut().skip(channel / LANES * steps);
            for (block, weights) in block.zip(weights.chunks(8)) {
                let row = block.get_mut(channel % LANES).ok_or(ErrorKind::EngineInternal)?;
                row.iter_mut().zip(weights).for_each(|(slot, weight)| *slot = *weight);
            }
        }
        let requantise = Requantise::new(&known, &mut centred, stage)?;
        request.packed(size_of_val(packed.as_slice()) + blocks * LANES * 32);
        request.workspace(steps * 16);
        Ok(Some(Self { depth, channels, zero_point: zero_point as i16, weights: packed, bias: centred, requantise }))
    }
}

impl Kernel for FullyConnected {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let internal = ErrorKind::EngineInternal;
        let (([input], [output]), workspace) = io.cut_with_workspace([Port::Input(0)], [Port::Output(0)])?;
        let steps = self.depth.div_ceil(LANES);
        let wide = workspace.get_mut(..steps * 16).ok_or(internal)?;
        let (row, rest) = wide.split_at_mut_checked(self.depth * 2).ok_or(internal)?;
        widen(input, self.zero_point, row);
        rest.fill(0);
        let wide = wide.as_chunks::<16>().0;
        let mut output = output.get_mut(..self.channels).ok_or(internal)?;
        let blocks = self.weights.chunks_exact(steps).zip(self.bias.as_chunks::<4>().0.chunks_exact(2));
        for (number, (weights, bias)) in blocks.enumerate() {
            let [low, high] = eight(wide, weights);
            let [low_bias, high_bias] = bias else { return Err(internal.into()) };
            let sums = [low.plus(I32x4::new(low_bias)), high.plus(I32x4::new(high_bias))];
            let [bytes, _] = self.requantise.group(number).ok_or(internal)?.bytes([sums, sums]);
            let target = Target { channels: LANES.min(output.len()), stride: output.len() };
            target.store([bytes; 2], output);
            output = output.get_mut(LANES..).unwrap_or_default();
        }
        Ok(Flow::Next)
    }
}

/// The sums of eight channels.
#[inline(always)]
pub fn eight(inputs: &[[u8; 16]], weights: &[Block]) -> [I32x4; 2] {
    let mut sums = [I32x4::new(&[0; 4]); LANES];
    for (inputs, weights) in inputs.iter().zip(weights) {
        let inputs = I16x8::from_bytes(inputs);
        for (sum, weights) in sums.iter_mut().zip(weights) {
            *sum = sum.plus(inputs.dot(I16x8::new(weights)));
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    [[a, b, c, d], [e, f, g, h]].map(|sums| {
        let [a, b, c, d] = I32x4::transposed(sums);
        a.plus(b).plus(c.plus(d))
    })
}
