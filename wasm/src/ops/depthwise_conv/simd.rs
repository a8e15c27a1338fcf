//! DEPTHWISE_CONV_2D, int8, by eight channels and two pixels: the twin of `int8.rs`.

use core::ops::Range;

use crate::error::{ErrorKind, Result};
use crate::memory::allocate;
use crate::ops::depthwise_conv::Geometry;
use crate::ops::weights::int8::{Lowered, by_channel};
use crate::ops::window::{Axis, Window};
use crate::ops::{Flow, Kernel, Request};
use crate::run::io::{Io, Port};
use crate::simd::image::WORKSPACE_BYTES;
use crate::simd::requantise::{Channel, Finish, LANES, Requantise, Sums};
use crate::simd::rows::{Column, Rows};
use crate::simd::tile::{self, Target, Unit};
use crate::simd::vector::I16x8;

/// A depthwise convolution whose weights are packed for pairs of rows.
pub struct DepthwiseConv {
    geometry: Geometry,
    rows: Rows,
    /// For windows that begin in the upper row of a pair, and for those that begin in the lower.
    tables: [Table; 2],
    bias: Vec<[i32; LANES]>,
    requantise: Requantise,
}

/// The weights for windows that begin in the same row of a pair.
#[derive(Default)]
struct Table {
    /// Where columns under a window lie, relative to the first: `[pair of rows][column]`.
    places: Vec<usize>,
    /// Whether these are two pairs of rows by three columns that lie side by side.
    is_three: bool,
    /// Per eight channels one for each place.
    weights: Vec<Unit>,
}

impl Table {
    /// Packs weights, `[channel][row][column]`, for windows that begin in this half of a pair. Half of a pair without a
    /// tap weighs nothing, and so do missing channels.
    #[inline(never)]
    fn new(window: &Window, rows: &Rows, weights: &[i16], half: usize) -> Result<Self> {
        let Window { height, width, output_channels, .. } = window;
        let row_at = |tap: usize| half + tap * height.dilation;
        let mut pairs: Vec<usize> = (0..height.filter).map(|tap| row_at(tap) / 2).collect();
        pairs.dedup();
        let mut places = allocate(pairs.len() * width.filter, 0)?;
        for (at, place) in places.iter_mut().enumerate() {
            let pair = pairs.get(at / width.filter).copied().unwrap_or_default();
            *place = pair * rows.columns() + at % width.filter * width.dilation;
        }
        let mut packed = tile::room(output_channels.div_ceil(LANES), places.len())?;
        for (channel, weights) in weights.chunks_exact(window.taps()).enumerate() {
            let first = channel / LANES * places.len();
            for (tap, weight) in weights.iter().enumerate() {
                let row = row_at(tap / width.filter);
                let pair = pairs.partition_point(|pair| *pair < row / 2);
                let slot = packed.get_mut(first + pair * width.filter + tap % width.filter).ok_or(ErrorKind::EngineInternal)?;
                let bytes = slot.as_flattened_mut().as_chunks_mut().0.get_mut(channel % LANES * 2 + row % 2);
                *bytes.ok_or(ErrorKind::EngineInternal)? = weight.to_le_bytes();
            }
        }
        let is_three = pairs == [0, 1] && width.filter == 3 && width.dilation == 1;
        Ok(Self { places, is_three, weights: packed })
    }
}

impl DepthwiseConv {
    /// Whether there is room for inputs and weights: these as 16 bits, at worst for each half of a pair and with the other half empty.
    pub fn fits(geometry: &Geometry, rows: Option<&Rows>) -> bool {
        let blocks = geometry.window.output_channels.div_ceil(LANES);
        let packed = blocks.saturating_mul(geometry.window.taps()).saturating_mul(2 * size_of::<Unit>());
        rows.is_some() && packed <= WORKSPACE_BYTES
    }

    /// Packs weights `[row][column][channel]`. Without a value where another kernel has to serve.
    pub fn new(lowered: &Lowered<'_, Geometry, i8>, request: &mut Request) -> Result<Option<Self>> {
        let Lowered { geometry, zero_point, .. } = *lowered;
        let window = &geometry.window;
        let rows = Rows::new(*window, geometry.multiplier, zero_point as i8)?;
        let Some(rows) = rows.filter(|rows| Self::fits(&geometry, Some(rows))) else { return Ok(None) };
        let blocks = window.output_channels.div_ceil(LANES);
        let mut bias = allocate(blocks, [0i32; LANES])?;
        let mut channels = allocate(blocks * LANES, Channel::NONE)?;
        let weights = by_channel(lowered.weights, window.output_channels)?;
        let slots = channels.iter_mut().zip(bias.as_flattened_mut()).zip(weights.chunks_exact(window.taps()));
        let known = lowered.bias.iter().zip(lowered.multipliers);
        for (((channel, slot), weights), (bias, multiplier)) in slots.zip(known) {
            *slot = *bias;
            *channel = Channel::new(weights, zero_point, *bias, *multiplier);
        }
        let requantise = Requantise::new(&channels, bias.as_flattened_mut(), lowered.stage)?;
        let mut tables = [Table::default(), Table::default()];
        let mut packed = blocks * LANES * 32 + window.width.input * window.input_channels;
        // With an even stride no window begins in the lower half.
        for (half, table) in tables.iter_mut().enumerate().take(1 + window.height.stride % 2) {
            *table = Table::new(window, &rows, &weights, half)?;
            packed += size_of_val(table.weights.as_slice());
        }
        request.packed(packed);
        request.workspace(rows.bytes());
        Ok(Some(Self { geometry, rows, tables, bias, requantise }))
    }
}

impl Kernel for DepthwiseConv {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (([input], [output]), workspace) = io.cut_with_workspace([Port::Input(0)], [Port::Output(0)])?;
        let window = &self.geometry.window;
        let workspace = workspace.as_chunks_mut().0.as_chunks_mut().0;
        let inputs = input.chunks_exact(window.height.input * window.width.input * window.input_channels);
        let outputs = output.chunks_exact_mut(window.height.output * window.width.output * window.output_channels);
        for (image, output) in inputs.zip(outputs).take(window.batches) {
            for (block, bias) in self.bias.iter().enumerate() {
                let finish = self.requantise.group(block).ok_or(ErrorKind::EngineInternal)?;
                let eight = Eight { conv: self, block, bias, finish };
                for rows in self.rows.ranges() {
                    self.rows.widen(image, &rows, block * LANES, workspace);
                    eight.band(&rows, workspace, output).ok_or(ErrorKind::EngineInternal)?;
                }
            }
        }
        Ok(Flow::Next)
    }
}

/// Eight channels of a depthwise convolution.
struct Eight<'a> {
    conv: &'a DepthwiseConv,
    block: usize,
    bias: &'a [i32; LANES],
    finish: Finish<'a>,
}

impl Eight<'_> {
    /// Some rows of outputs.
    fn band(&self, rows: &Range<usize>, workspace: &[Column], output: &mut [u8]) -> Option<()> {
        let DepthwiseConv { geometry, rows: band, tables, .. } = self.conv;
        let window = &geometry.window;
        let (stride, row) = (window.height.stride, window.width.output * window.output_channels);
        let outputs = output.chunks_exact_mut(row).skip(rows.start);
        for (y, output) in rows.clone().zip(outputs) {
            let table = tables.get(y * stride % 2)?;
            let weights = table.weights.get(self.block * table.places.len()..)?.get(..table.places.len())?;
            let inputs = workspace.get((y * stride / 2 - rows.start * stride / 2) * band.columns()..)?;
            self.row(table, weights, inputs, output)?;
        }
        Some(())
    }

    /// One row of outputs, by two pixels.
    #[inline(always)]
    fn row(&self, table: &Table, weights: &[Unit], inputs: &[Column], output: &mut [u8]) -> Option<()> {
        let window = &self.conv.geometry.window;
        let Axis { output: pixels, stride, .. } = window.width;
        let bias = tile::sums(self.bias);
        let first = self.block * LANES;
        let target = Target { channels: LANES.min(window.output_channels - first), stride: window.output_channels };
        let mut output = output.get_mut(first..)?;
        let three = if table.is_three { weights.first_chunk() } else { None };
        let next = inputs.get(self.conv.rows.columns()..).unwrap_or_default();
        for x in (0..pixels).step_by(2) {
            let inputs = inputs.get(x * stride..)?;
            let sums = match (three, stride) {
                (Some(weights), 1) => three_by_three::<4>(bias, inputs, next.get(x..)?, weights)?,
                (Some(weights), 2) => three_by_three::<5>(bias, inputs, next.get(x * 2..)?, weights)?,
                _ => {
                    let mut sums = [bias; 2];
                    for (place, weights) in table.places.iter().zip(weights) {
                        accumulate(&mut sums, [inputs.get(*place)?, inputs.get(place + stride)?], weights);
                    }
                    sums
                }
            };
            target.store(self.finish.bytes(sums), output);
            output = output.get_mut(2 * target.stride..).unwrap_or_default();
        }
        Some(())
    }
}

/// The sums of two pixels under three by three taps, or two by three; `SPAN` columns lie under both.
#[inline(always)]
fn three_by_three<const SPAN: usize>(bias: Sums, upper: &[Column], lower: &[Column], weights: &[Unit; 6]) -> Option<[Sums; 2]> {
    let mut sums = [bias; 2];
    let [upper, lower]: [&[Column; SPAN]; 2] = [upper.first_chunk()?, lower.first_chunk()?];
    for (columns, weights) in [upper, lower].into_iter().zip(weights.as_chunks::<3>().0) {
        let (one, other): (&[Column; 3], &[Column; 3]) = (columns.first_chunk()?, columns.last_chunk()?);
        for ((one, other), weights) in one.iter().zip(other).zip(weights) {
            accumulate(&mut sums, [one, other], weights);
        }
    }
    Some(sums)
}

/// Adds the products of two pixels' columns with the weights.
#[inline(always)]
fn accumulate(sums: &mut [Sums; 2], columns: [&Column; 2], [low, high]: &Unit) {
    let (low, high) = (I16x8::from_bytes(low), I16x8::from_bytes(high));
    for (sums, [a, b]) in sums.iter_mut().zip(columns) {
        *sums = [sums[0].plus(I16x8::from_bytes(a).dot(low)), sums[1].plus(I16x8::from_bytes(b).dot(high))];
    }
}
