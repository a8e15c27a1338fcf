//! CONV_2D, int8, with a filter of 3x3 that steps by one: a quarter of the products, see `simd/winograd.rs`.

use crate::error::{ErrorKind, Result};
use crate::memory::allocate;
use crate::ops::conv::Geometry;
use crate::ops::weights::int8::Lowered;
use crate::ops::window::{Axis, Window};
use crate::ops::{Flow, Kernel, Request};
use crate::run::io::{Io, Port};
use crate::simd::Format;
use crate::simd::image::Bands;
use crate::simd::requantise::{Channel, Finish, LANES, Requantise, Sums};
use crate::simd::tile::{self, Target, Unit};
use crate::simd::vector::{I16x8, I32x4};
use crate::simd::winograd::{PRODUCTS, SUMS_BELOW, TILE, inputs, outputs, sum, weights};

/// Tiles computed together.
const TOGETHER: usize = 4;

/// What the weights may take: eight times as much as in the file.
const WEIGHTS_BYTES: usize = 1 << 21;

/// A convolution by tiles of 4x4 outputs.
pub struct Winograd {
    window: Window,
    /// For outputs that fill whole tiles.
    bands: Bands,
    /// Per eight channels: `[product][input / 2]`.
    weights: Vec<Unit>,
    bias: Vec<[i32; LANES]>,
    requantise: Requantise,
}

impl Winograd {
    /// Transforms weights `[channel][row][column][input]`. Without a value where another kernel has to serve.
    pub fn new(lowered: &Lowered<'_, Geometry, i16>, request: &mut Request) -> Result<Option<Self>> {
        let Lowered { geometry, zero_point, .. } = *lowered;
        let window = geometry.window;
        let depth = geometry.group_inputs;
        let blocks = window.output_channels.div_ceil(LANES);
        let by_ones = |axis: &Axis| axis.filter == 3 && axis.stride == 1 && axis.dilation == 1 && axis.output >= TILE;
        let suits = by_ones(&window.height) && by_ones(&window.width) && depth == window.input_channels && depth % LANES == 0;
        if !suits || depth.saturating_mul(blocks * LANES) > WEIGHTS_BYTES / (2 * PRODUCTS) {
            return Ok(None);
        }
        let tiled = |axis: Axis| Axis { output: axis.output.next_multiple_of(TILE), ..axis };
        let whole = Window { height: tiled(window.height), width: tiled(window.width), ..window };
        let Some(bands) = Bands::new(whole, zero_point as i16, Format::Words).map(|bands| bands.by(TILE)) else { return Ok(None) };
        let mut bias = allocate(blocks, [0i32; LANES])?;
        let mut channels = allocate(blocks * LANES, Channel::NONE)?;
        let mut packed = tile::room(blocks, PRODUCTS * depth / 2)?;
        let mut transformed = allocate(PRODUCTS * depth, 0i16)?;
        let known = lowered.weights.chunks_exact(9 * depth).zip(lowered.bias.iter().zip(lowered.multipliers));
        let slots = channels.iter_mut().zip(bias.as_flattened_mut());
        for (number, ((filter, (bias, multiplier)), (channel, slot))) in known.zip(slots).enumerate() {
            *slot = *bias;
            *channel = Channel::new(filter, zero_point, *bias, *multiplier);
            if channel.reach.0 <= -SUMS_BELOW || channel.reach.1 >= SUMS_BELOW {
                return Ok(None);
            }
            for (input, products) in (0..depth).step_by(LANES).zip(0..) {
                let taps: [Option<&[i16; LANES]>; 9] = core::array::from_fn(|tap| filter.get(tap * depth + input..)?.first_chunk());
                let factors = weights(taps.map(|weights| I16x8::new(weights.unwrap_or(&[0; LANES]))));
                let slots = transformed.as_chunks_mut::<LANES>().0.iter_mut().skip(products).step_by(depth / LANES);
                slots.zip(factors.as_flattened()).for_each(|(slot, factors)| *slot = factors.lanes());
            }
            let block = packed.chunks_exact_mut(PRODUCTS * depth / 2).nth(number / LANES);
            tile::pack_channel(&transformed, depth, number % LANES, Format::Words, block.ok_or(ErrorKind::EngineInternal)?)?;
        }
        let requantise = Requantise::new(&channels, bias.as_flattened_mut(), lowered.stage)?;
        request.packed(size_of_val(packed.as_slice()) + blocks * LANES * 32);
        request.workspace(bands.bytes() + (tile_vectors(depth) + SUM_VECTORS) * 16);
        Ok(Some(Self { window, bands, weights: packed, bias, requantise }))
    }
}

/// Vectors of the transformed inputs of the tiles that are computed together: `[product][tile][input / 8]`.
fn tile_vectors(depth: usize) -> usize {
    PRODUCTS * TOGETHER * depth / LANES
}

/// Vectors of their products with eight channels: `[product][tile][channel / 4]`.
const SUM_VECTORS: usize = PRODUCTS * TOGETHER * 2;

impl Kernel for Winograd {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let internal = ErrorKind::EngineInternal;
        let (([input], [output]), workspace) = io.cut_with_workspace([Port::Input(0)], [Port::Output(0)])?;
        let Window { batches, height, width, input_channels, output_channels } = self.window;
        let (band, rest) = workspace.split_at_mut_checked(self.bands.bytes()).ok_or(internal)?;
        let (tiles, sums) = rest.as_chunks_mut::<16>().0.split_at_mut_checked(tile_vectors(input_channels)).ok_or(internal)?;
        let outputs = output.chunks_exact_mut(height.output * width.output * output_channels);
        for (image, output) in input.chunks_exact(height.input * width.input * input_channels).zip(outputs).take(batches) {
            for rows in self.bands.ranges() {
                self.bands.widen(image, &rows, band);
                let columns = width.output.div_ceil(TILE);
                let count = rows.len() / TILE * columns;
                for first in (0..count).step_by(TOGETHER) {
                    // The last tile again where there are fewer.
                    let places: [_; TOGETHER] = core::array::from_fn(|tile| {
                        let tile = (first + tile).min(count - 1);
                        (tile / columns * TILE, tile % columns * TILE)
                    });
                    self.transform(band, places, tiles).ok_or(internal)?;
                    self.multiply(tiles, sums, places.map(|(y, x)| (rows.start + y, x)), output).ok_or(internal)?;
                }
            }
        }
        Ok(Flow::Next)
    }
}

impl Winograd {
    /// Transforms the inputs under some tiles, which begin at these rows and columns of the band.
    #[inline(never)]
    fn transform(&self, band: &[u8], places: [(usize, usize); TOGETHER], tiles: &mut [[u8; 16]]) -> Option<()> {
        let (row, pixel) = (self.bands.row_bytes(), self.bands.pixel_bytes());
        let steps = self.window.input_channels / LANES;
        for (tile, (y, x)) in places.into_iter().enumerate() {
            for step in 0..steps {
                let band = band.get(y * row + x * pixel + step * 16..)?;
                let mut columns = [[I16x8::splat(0); 6]; 6];
                for (x, column) in columns.iter_mut().enumerate() {
                    let at = |y: usize| Some(I16x8::from_bytes(band.get(y * row + x * pixel..)?.first_chunk()?));
                    *column = inputs([at(0)?, at(1)?, at(2)?, at(3)?, at(4)?, at(5)?]);
                }
                let [a, b, c, d, e, f] = &columns;
                let tiles = tiles.get_mut(tile * steps + step..)?;
                for y in 0..6 {
                    let products = inputs([a[y], b[y], c[y], d[y], e[y], f[y]]);
                    for (x, product) in products.into_iter().enumerate() {
                        *tiles.get_mut((y * 6 + x) * TOGETHER * steps)? = product.bytes();
                    }
                }
            }
        }
        Some(())
    }

    /// All channels of some tiles.
    fn multiply(&self, tiles: &[[u8; 16]], sums: &mut [[u8; 16]], places: [(usize, usize); TOGETHER], output: &mut [u8]) -> Option<()> {
        let depth = self.window.input_channels;
        let tiles = tiles.as_flattened().chunks_exact(TOGETHER * depth * 2);
        let blocks = self.weights.chunks_exact(PRODUCTS * depth / 2).zip(&self.bias);
        for (number, (weights, bias)) in blocks.enumerate() {
            let products = tiles.clone().zip(weights.chunks_exact(depth / 2)).zip(sums.as_chunks_mut::<{ TOGETHER * 2 }>().0);
            for ((tile, weights), slots) in products {
                let mut rows: [&[u8]; TOGETHER] = [&[]; TOGETHER];
                rows.iter_mut().zip(tile.chunks_exact(depth * 2)).for_each(|(row, tile)| *row = tile);
                let mut found = [[I32x4::new(&[0; 4]); 2]; TOGETHER];
                tile::accumulate(&mut found, rows, weights);
                slots.iter_mut().zip(found.as_flattened()).for_each(|(slot, sum)| *slot = sum.bytes());
            }
            let bias = tile::sums(bias);
            let finish = self.requantise.group(number)?;
            for (tile, place) in places.into_iter().enumerate() {
                self.finish(sums.get(tile * 2..)?, bias, finish, place, number * LANES, output)?;
            }
        }
        Some(())
    }

    /// Writes the outputs of eight channels of a tile that lie in the image, from their products.
    #[inline(never)]
    fn finish(&self, products: &[[u8; 16]], bias: Sums, finish: Finish<'_>, (y, x): (usize, usize), channel: usize, output: &mut [u8]) -> Option<()> {
        let Window { width, output_channels, .. } = self.window;
        let target = Target { channels: LANES.min(output_channels - channel), stride: output_channels };
        let mut columns = [[bias; TILE]; 6];
        for (x, column) in columns.iter_mut().enumerate() {
            for half in 0..2 {
                let at = |y: usize| Some(I32x4::from_bytes(products.get((y * 6 + x) * TOGETHER * 2 + half)?));
                let sums = outputs([at(0)?, at(1)?, at(2)?, at(3)?, at(4)?, at(5)?]);
                column.iter_mut().zip(sums).for_each(|(slot, sum)| slot[half] = sum);
            }
        }
        let [a, b, c, d, e, f] = &columns;
        let rows = output.chunks_exact_mut(width.output * output_channels).skip(y);
        for (y, row) in (0..TILE).zip(rows) {
            let half = |half: usize| {
                let sums = outputs([a[y][half], b[y][half], c[y][half], d[y][half], e[y][half], f[y][half]]);
                sums.map(|value| sum(value).plus(bias[half]))
            };
            let (low, high) = (half(0), half(1));
            let row = row.get_mut(x * output_channels + channel..)?;
            target.store(finish.bytes([[low[0], high[0]], [low[1], high[1]]]), row);
            if let Some(rest) = row.get_mut(2 * output_channels..) {
                target.store(finish.bytes([[low[2], high[2]], [low[3], high[3]]]), rest);
            }
        }
        Some(())
    }
}
