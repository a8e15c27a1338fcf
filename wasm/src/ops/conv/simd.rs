//! CONV_2D, int8, by eight channels and up to four pixels: the twin of `int8.rs`.

use crate::error::{ErrorKind, Result};
use crate::memory::allocate;
use crate::ops::conv::Geometry;
use crate::ops::weights::int8::Lowered;
use crate::ops::{Flow, Kernel, Request};
use crate::run::io::{Io, Port};
use crate::simd::image::{Bands, Walk};
use crate::simd::requantise::{Channel, Finish, LANES, Requantise};
use crate::simd::tile::{self, Pair};

/// A convolution whose weights are packed as pairs of 16 bits.
pub struct Conv {
    geometry: Geometry,
    bands: Bands,
    /// Where the runs under a window begin, relative to it.
    runs: Vec<usize>,
    /// Pairs of numbers in a run.
    run_pairs: usize,
    /// Per group, and in it per eight channels: `[run][pair]`.
    weights: Vec<Pair>,
    bias: Vec<[i32; LANES]>,
    requantise: Requantise,
}

impl Conv {
    /// Packs weights `[channel][row][column][input]`. Without a value where the plain kernel has to serve.
    pub fn new(lowered: &Lowered<'_, Geometry, i16>, request: &mut Request) -> Result<Option<Self>> {
        let Lowered { geometry, zero_point, .. } = *lowered;
        let Geometry { window, group_inputs, group_outputs } = geometry;
        let Some(bands) = Bands::new(window, zero_point as i16) else { return Ok(None) };
        let (runs, length) = bands.runs(group_inputs);
        let runs: Vec<usize> = runs.collect();
        let run_pairs = length.div_ceil(2);
        let blocks = group_outputs.div_ceil(LANES);
        let groups = window.output_channels / group_outputs;
        let mut bias = allocate(groups * blocks, [0i32; LANES])?;
        let mut channels = allocate(groups * blocks * LANES, Channel::NONE)?;
        let mut weights = tile::room(groups * blocks, runs.len() * run_pairs)?;
        let depth = geometry.depth();
        for (block, packed) in weights.chunks_exact_mut(runs.len() * run_pairs).enumerate() {
            let first = block / blocks * group_outputs + block % blocks * LANES;
            let count = LANES.min(group_outputs - block % blocks * LANES);
            let weights = lowered.weights.get(first * depth..(first + count) * depth).ok_or(ErrorKind::EngineInternal)?;
            for (lane, weights) in weights.chunks_exact(depth).enumerate() {
                tile::pack_channel(weights, length, lane, packed)?;
            }
            let known = lowered.bias.iter().zip(lowered.multipliers).skip(first).take(count).zip(weights.chunks_exact(depth));
            let slots = channels.iter_mut().skip(block * LANES).zip(bias.iter_mut().skip(block).flatten());
            for ((channel, slot), ((bias, multiplier), weights)) in slots.zip(known) {
                *slot = *bias;
                *channel = Channel::new(weights.iter().copied(), zero_point, *bias, *multiplier);
            }
        }
        let requantise = Requantise::new(&channels, bias.as_flattened_mut(), lowered.stage)?;
        request.packed(size_of_val(weights.as_slice()) + groups * blocks * LANES * 32);
        request.workspace(bands.bytes());
        Ok(Some(Self { geometry, bands, runs, run_pairs, weights, bias, requantise }))
    }
}

impl Kernel for Conv {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (([input], [output]), workspace) = io.cut_with_workspace([Port::Input(0)], [Port::Output(0)])?;
        let window = &self.geometry.window;
        let image = window.height.input * window.width.input * window.input_channels;
        let row = window.width.output * window.output_channels;
        let outputs = output.chunks_exact_mut(row * window.height.output);
        for (image, output) in input.chunks_exact(image).zip(outputs) {
            for rows in self.bands.ranges() {
                self.bands.widen(image, &rows, workspace);
                let output = output.get_mut(rows.start * row..rows.end * row).ok_or(ErrorKind::EngineInternal)?;
                self.band(workspace, output)?;
            }
        }
        Ok(Flow::Next)
    }
}

impl Conv {
    /// The outputs of one band, eight channels after the other: their weights are read once for it.
    fn band(&self, workspace: &[u8], output: &mut [u8]) -> Result<()> {
        let internal = ErrorKind::EngineInternal;
        let Geometry { window, group_inputs, group_outputs } = self.geometry;
        let blocks = group_outputs.div_ceil(LANES);
        let pixels = output.len() / window.output_channels;
        let weights = self.weights.chunks_exact(self.runs.len() * self.run_pairs).zip(&self.bias);
        for (number, (weights, bias)) in weights.enumerate() {
            let (group, block) = (number / blocks, number % blocks);
            let channels = LANES.min(group_outputs - block * LANES);
            let image = workspace.get(group * group_inputs * 2..).ok_or(internal)?;
            let finish = self.requantise.group(number).ok_or(internal)?;
            let eight = Eight { conv: self, weights, bias, finish, channels };
            let mut walk = self.bands.windows();
            let mut at = group * group_outputs + block * LANES;
            let mut left = pixels;
            while left > 0 {
                let count = tile::together(left);
                let place = (image, &mut walk, &mut *output, at);
                match count {
                    1 => eight.pixels::<1>(place),
                    2 => eight.pixels::<2>(place),
                    3 => eight.pixels::<3>(place),
                    _ => eight.pixels::<4>(place),
                }
                .ok_or(internal)?;
                at += count * window.output_channels;
                left -= count;
            }
        }
        Ok(())
    }
}

/// Eight channels of a convolution.
struct Eight<'a> {
    conv: &'a Conv,
    weights: &'a [Pair],
    bias: &'a [i32; LANES],
    finish: Finish<'a>,
    /// How many there are indeed.
    channels: usize,
}

impl Eight<'_> {
    /// So many pixels that follow each other.
    #[inline(always)]
    fn pixels<const PIXELS: usize>(&self, (image, walk, output, at): (&[u8], &mut Walk, &mut [u8], usize)) -> Option<()> {
        let conv = self.conv;
        let mut sums = [tile::sums(self.bias); PIXELS];
        let mut windows = [0; PIXELS];
        for window in &mut windows {
            *window = walk.step();
        }
        for (run, weights) in conv.runs.iter().zip(self.weights.chunks_exact(conv.run_pairs)) {
            let mut rows: [&[u8]; PIXELS] = [&[]; PIXELS];
            for (row, window) in rows.iter_mut().zip(windows) {
                *row = image.get(window + run..)?.get(..conv.run_pairs * 4)?;
            }
            tile::accumulate(&mut sums, rows, weights);
        }
        let stride = conv.geometry.window.output_channels;
        let mut pixels = output.get_mut(at..)?.chunks_mut(stride);
        for pair in sums.chunks(2) {
            let [first, .., last] = [*pair.first()?, *pair.last()?];
            for bytes in self.finish.bytes([first, last]).iter().take(pair.len()) {
                let pixel = pixels.next()?;
                tile::store(pixel, bytes, self.channels);
            }
        }
        Some(())
    }
}
