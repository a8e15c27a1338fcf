//! CONV_2D, int8, by eight channels and tiles of up to four pixels: the twin of `int8.rs`.

use crate::error::{ErrorKind, Result};
use crate::math::quantization::{Multiplier, OutputStage};
use crate::memory::allocate;
use crate::ops::conv::Geometry;
use crate::ops::weights::int8::{Lowered, widened};
use crate::ops::weights::int16::Bias;
use crate::ops::{Flow, Kernel, Request};
use crate::run::io::{Io, Port};
use crate::simd::Format;
use crate::simd::image::{Bands, Walk};
use crate::simd::requantise::{Channel, Finish, LANES, Requantise, Sums};
use crate::simd::shorts::Shorts;
use crate::simd::tile::{self, Entry, TILE, Target, Unit};

/// A convolution whose weights are packed.
pub struct Conv {
    geometry: Geometry,
    bands: Bands,
    /// Where the runs under a window begin, relative to it.
    runs: Vec<usize>,
    /// Units of a run.
    run_units: usize,
    /// Per group, and in it per eight channels: `[run][unit]`.
    weights: Vec<Unit>,
    bias: Vec<[i32; LANES]>,
    rescale: Rescale,
    format: Format,
    /// How many tiles are computed together.
    tiles: usize,
}

/// How sums become outputs.
enum Rescale {
    /// Of int8.
    Bytes(Requantise),
    /// Of int16.
    Shorts(Shorts),
}

/// What tiles take that are computed together, unless one takes more.
const TILES_BYTES: usize = 1 << 14;

impl Conv {
    /// Packs weights `[channel][row][column][input]`. Without a value where the plain kernel has to serve.
    pub fn new(lowered: &Lowered<'_, Geometry, i16>, request: &mut Request) -> Result<Option<Self>> {
        Self::with(lowered, None, request)
    }

    /// The same for inputs and outputs of int16. Without a value for the plain kernels too.
    pub fn of_shorts(
        geometry: Geometry,
        (weights, bias): (&[i8], &Bias),
        multipliers: &[Multiplier],
        stage: OutputStage,
        request: &mut Request,
    ) -> Result<Option<Self>> {
        if !request.is_fast() || geometry.group_outputs < geometry.window.output_channels {
            return Ok(None);
        }
        let weights = widened(weights, 0)?;
        let Some(shorts) = Shorts::new(&weights, (geometry.depth(), 1 << 15), bias, multipliers, stage)? else { return Ok(None) };
        // The bias is added later.
        let lowered = Lowered { geometry, zero_point: 0, weights: &weights, bias: &[], multipliers, stage };
        Self::with(&lowered, Some(shorts), request)
    }

    #[inline(never)]
    fn with(lowered: &Lowered<'_, Geometry, i16>, shorts: Option<Shorts>, request: &mut Request) -> Result<Option<Self>> {
        let Lowered { geometry, zero_point, .. } = *lowered;
        let Geometry { window, group_inputs, group_outputs } = geometry;
        let format = if shorts.is_some() { Format::Shorts } else { request.format().fitting(lowered.weights) };
        let Some(bands) = Bands::new(window, zero_point as i16, format) else { return Ok(None) };
        let (runs, length) = bands.runs(group_inputs);
        let runs: Vec<usize> = runs.collect();
        let run_units = tile::units(length, format);
        let blocks = group_outputs.div_ceil(LANES);
        let groups = window.output_channels / group_outputs;
        let mut bias = allocate(groups * blocks, [0i32; LANES])?;
        let mut channels = allocate(groups * blocks * LANES, Channel::NONE)?;
        let mut weights = tile::room(groups * blocks, runs.len() * run_units)?;
        let depth = geometry.depth();
        for (block, packed) in weights.chunks_exact_mut(runs.len() * run_units).enumerate() {
            let first = block / blocks * group_outputs + block % blocks * LANES;
            let count = LANES.min(group_outputs - block % blocks * LANES);
            let weights = lowered.weights.get(first * depth..(first + count) * depth).ok_or(ErrorKind::EngineInternal)?;
            for (lane, weights) in weights.chunks_exact(depth).enumerate() {
                tile::pack_channel(weights, length, lane, format, packed)?;
            }
            let known = lowered.bias.iter().zip(lowered.multipliers).skip(first).take(count).zip(weights.chunks_exact(depth));
            let slots = channels.iter_mut().skip(block * LANES).zip(bias.iter_mut().skip(block).flatten());
            for ((channel, slot), ((bias, multiplier), weights)) in slots.zip(known) {
                *slot = format.corrected(*bias, weights, zero_point);
                *channel = Channel::new(weights, zero_point, *bias, *multiplier);
            }
        }
        let rescale = match shorts {
            Some(shorts) => Rescale::Shorts(shorts),
            None => Rescale::Bytes(Requantise::new(&channels, bias.as_flattened_mut(), lowered.stage)?),
        };
        request.packed(size_of_val(weights.as_slice()) + groups * blocks * LANES * 32);
        let tile_bytes = runs.len() * run_units * size_of::<Entry>();
        let tiles = (TILES_BYTES / tile_bytes).max(1);
        // The last run of the last tile may write three entries more.
        request.workspace(bands.bytes() + tiles * tile_bytes + 3 * size_of::<Entry>());
        Ok(Some(Self { geometry, bands, runs, run_units, weights, bias, rescale, format, tiles }))
    }
}

impl Kernel for Conv {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (([input], [output]), workspace) = io.cut_with_workspace([Port::Input(0)], [Port::Output(0)])?;
        let window = &self.geometry.window;
        let image = window.height.input * window.width.input * window.input_channels * self.format.input_bytes();
        let row = window.width.output * window.output_channels * self.format.input_bytes();
        let outputs = output.chunks_exact_mut(row * window.height.output);
        let (band, tiles) = workspace.split_at_mut_checked(self.bands.bytes()).ok_or(ErrorKind::EngineInternal)?;
        let tiles = tiles.as_chunks_mut().0;
        for (image, output) in input.chunks_exact(image).zip(outputs).take(window.batches) {
            for rows in self.bands.ranges() {
                self.bands.widen(image, &rows, band);
                let output = output.get_mut(rows.start * row..rows.end * row);
                output.and_then(|output| self.band(band, tiles, output)).ok_or(ErrorKind::EngineInternal)?;
            }
        }
        Ok(Flow::Next)
    }
}

impl Conv {
    /// The outputs of one band: some tiles, for which the weights of eight channels after the other are read once.
    fn band(&self, image: &[u8], tiles: &mut [Entry], output: &mut [u8]) -> Option<()> {
        let Geometry { window, group_inputs, group_outputs } = self.geometry;
        let stride = window.output_channels * self.format.input_bytes();
        let units = self.runs.len() * self.run_units;
        let blocks = group_outputs.div_ceil(LANES);
        for group in 0..window.output_channels / group_outputs {
            let image = image.get(group * group_inputs * self.format.bytes()..)?;
            let mut walk = self.bands.windows();
            let mut output = &mut *output;
            while !output.is_empty() {
                let left = output.len() / stride;
                let count = self.gather(image, &mut walk, left, tiles)?;
                let (done, rest) = output.split_at_mut_checked(count * stride)?;
                for block in 0..blocks {
                    let number = group * blocks + block;
                    let eight = Eight {
                        weights: self.weights.get(number * units..)?.get(..units)?,
                        bias: tile::sums(self.bias.get(number)?),
                        finish: self.rescale.group(number)?,
                        format: self.format,
                        target: Target { channels: LANES.min(group_outputs - block * LANES), stride },
                    };
                    eight.tiles(tiles, left, done.get_mut((group * group_outputs + block * LANES) * self.format.input_bytes()..)?);
                }
                output = rest;
            }
        }
        Some(())
    }

    /// Lays what lies under the next windows side by side, of so many that are left. Gives their number.
    #[inline(never)]
    fn gather(&self, image: &[u8], walk: &mut Walk, left: usize, tiles: &mut [Entry]) -> Option<usize> {
        let mut done = 0;
        let mut at = 0;
        for _ in 0..self.tiles {
            let count = tile::together(left - done);
            let mut windows = [0; TILE];
            for window in windows.iter_mut().take(count) {
                *window = walk.step();
            }
            for run in &self.runs {
                let mut runs: [&[u8]; TILE] = [&[]; TILE];
                for (slot, window) in runs.iter_mut().zip(windows) {
                    *slot = image.get(window + run..)?;
                }
                tile::gather(runs, tiles.get_mut(at..)?.get_mut(..self.run_units.next_multiple_of(4))?);
                at += self.run_units;
            }
            done += count;
            if done == left {
                break;
            }
        }
        Some(done)
    }
}

impl Rescale {
    fn group(&self, number: usize) -> Option<Last<'_>> {
        Some(match self {
            Self::Bytes(requantise) => Last::Bytes(requantise.group(number)?),
            Self::Shorts(shorts) => Last::Shorts(shorts, number),
        })
    }
}

/// How the sums of eight channels become outputs.
#[derive(Clone, Copy)]
enum Last<'a> {
    Bytes(Finish<'a>),
    Shorts(&'a Shorts, usize),
}

/// Eight channels of a convolution.
struct Eight<'a> {
    weights: &'a [Unit],
    bias: Sums,
    finish: Last<'a>,
    target: Target,
    format: Format,
}

impl Eight<'_> {
    /// Tiles whose outputs are these, of so many pixels that are left.
    #[inline(never)]
    fn tiles(&self, tiles: &[Entry], mut left: usize, mut output: &mut [u8]) {
        for tile in tiles.chunks_exact(self.weights.len()) {
            let count = tile::together(left);
            match count {
                1 => self.pixels::<1>(tile, output),
                2 | 3 => self.pixels::<3>(tile, output),
                _ => self.pixels::<4>(tile, output),
            }
            left -= count;
            match output.split_at_mut_checked(count * self.target.stride) {
                Some((_, rest)) if left > 0 => output = rest,
                _ => break,
            }
        }
    }

    /// The first pixels of a tile, as far as there are outputs.
    #[inline(always)]
    fn pixels<const PIXELS: usize>(&self, tile: &[Entry], output: &mut [u8]) {
        let mut sums = [self.bias; PIXELS];
        tile::multiply(&mut sums, tile, self.weights, self.format);
        let finish = match self.finish {
            Last::Bytes(finish) => finish,
            Last::Shorts(shorts, number) => {
                let Target { channels, stride } = self.target;
                // A copy, so that the sums themselves need no place in memory.
                return shorts.store(number, &{ sums }, (output, stride, channels));
            }
        };
        let two = |first: usize| finish.bytes([sums[first.min(PIXELS - 1)], sums[(first + 1).min(PIXELS - 1)]]);
        self.target.store(two(0), output);
        if let Some(rest) = output.get_mut(2 * self.target.stride..) {
            self.target.store(two(2), rest);
        }
    }
}
