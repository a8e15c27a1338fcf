//! Blocks of pixels to channels or batches and back: DEPTH_TO_SPACE, SPACE_TO_DEPTH, BATCH_TO_SPACE_ND,
//! SPACE_TO_BATCH_ND.
//!
//! Upstream: `micro/kernels/depth_to_space.cc`, `space_to_depth.cc`, `batch_to_space_nd.cc`, `space_to_batch_nd.cc`.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::model::OpKey;
use crate::model::tensor::{Shape, TensorType};
use crate::ops::rearrange::{Ground, behind, Region, dense, rearrange, rearrange_on};
use crate::ops::signature::{FLOAT32, INT8, INT32, SAME, Signature};
use crate::ops::window::positive;
use crate::ops::{Action, Node, Options, Registration, Request};

const TYPES: &[Signature] = &[Signature { inputs: &[FLOAT32.or(INT8)], outputs: &[SAME] }];
const ND_TYPES: &[Signature] = &[Signature { inputs: &[FLOAT32.or(INT8), INT32], outputs: &[SAME] }];

/// Channels to blocks of pixels.
pub static DEPTH_TO_SPACE: Registration = Registration {
    key: OpKey::Builtin(5),
    name: "DEPTH_TO_SPACE",
    inputs: 1..=1,
    outputs: 1..=1,
    types: TYPES,
    prepare: |node, _| {
        let Block::<94>(block) = node.options()?;
        depth(node, block, false)
    },
};

/// Blocks of pixels to channels.
pub static SPACE_TO_DEPTH: Registration = Registration {
    key: OpKey::Builtin(26),
    name: "SPACE_TO_DEPTH",
    inputs: 1..=1,
    outputs: 1..=1,
    types: TYPES,
    prepare: |node, _| {
        let Block::<19>(block) = node.options()?;
        depth(node, block, true)
    },
};

/// Batches to blocks of pixels, less a border.
pub static BATCH_TO_SPACE_ND: Registration = Registration {
    key: OpKey::Builtin(37),
    name: "BATCH_TO_SPACE_ND",
    inputs: 3..=3,
    outputs: 1..=1,
    types: ND_TYPES,
    prepare: prepare_batch_to_space,
};

/// Blocks of pixels to batches, with a border. Upstream leaves open what the border holds: here it is zero.
pub static SPACE_TO_BATCH_ND: Registration = Registration {
    key: OpKey::Builtin(38),
    name: "SPACE_TO_BATCH_ND",
    inputs: 3..=3,
    outputs: 1..=1,
    types: ND_TYPES,
    prepare: prepare_space_to_batch,
};

struct Block<const MEMBER: u8>(usize);

impl<const MEMBER: u8> Options for Block<MEMBER> {
    const MEMBER: u8 = MEMBER;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self(positive(table.scalar(0, 0)?)?))
    }
}

fn depth(node: &Node<'_>, block: usize, to_depth: bool) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let (deep, wide) = if to_depth { (output, input) } else { (input, output) };
    let [batches, height, width, channels] = deep.shape.image()?;
    let [wide_batches, wide_height, wide_width, wide_channels] = wide.shape.image()?;
    // Blocks are at most 2^15 wide: their square fits.
    let sound = batches == wide_batches
        && height.checked_mul(block) == Some(wide_height)
        && width.checked_mul(block) == Some(wide_width)
        && wide_channels.checked_mul(block * block) == Some(channels);
    ensure(sound, ErrorKind::OperatorInvalid)?;
    let dimensions = behind(1, &[batches, height, block, width, block, wide_channels]);
    let row = block * wide_channels;
    let image = width * channels;
    let deep = behind(0, &[height * image, image, row, channels, wide_channels, 1]);
    let wide = dense(&dimensions);
    let (from, to) = if to_depth { (wide, deep) } else { (deep, wide) };
    rearrange(node, vec![Region::new(dimensions, from, to)])
}

/// Most pixels of a block: regions are counted by them.
const BLOCK: usize = 1 << 12;

/// Blocks of (height, width), and the border before them.
struct Blocks {
    block: [usize; 2],
    before: [usize; 2],
    after: [usize; 2],
}

impl Blocks {
    /// A tensor without width has blocks without.
    fn read(node: &Node<'_>, rank: usize) -> Result<Self> {
        let invalid = ErrorKind::OperatorInvalid;
        ensure(rank == 3 || rank == 4, invalid)?;
        let sizes = node.int32s(node.input(1)?, 2)?;
        let borders = node.int32s(node.input(2)?, 4)?;
        ensure(sizes.len() == rank - 2 && borders.len() == 2 * sizes.len(), invalid)?;
        let mut found = Self { block: [1; 2], before: [0; 2], after: [0; 2] };
        let border = |at: usize| {
            usize::try_from(borders.get(at).copied().unwrap_or(0)).map_err(|_| invalid)
        };
        for (position, &size) in sizes.iter().enumerate() {
            found.block[position] = positive(size)?;
            found.before[position] = border(2 * position)?;
            found.after[position] = border(2 * position + 1)?;
        }
        ensure(found.block[0] * found.block[1] <= BLOCK, invalid)?;
        Ok(found)
    }

    /// One region for each place in a block. `apart` are the batches, `together` the image that the blocks make.
    fn regions(&self, apart: [usize; 4], together: [usize; 4], to_batch: bool) -> Result<Vec<Region>> {
        let [batches, height, width, channels] = together;
        let [all, apart_height, apart_width, apart_channels] = apart;
        let [block_height, block_width] = self.block;
        let fits = |apart: usize, block: usize, extent: usize, axis: usize| {
            let bordered = extent.checked_add(self.before[axis]);
            let bordered = bordered.and_then(|sum| sum.checked_add(self.after[axis]));
            bordered.is_some() && apart.checked_mul(block) == bordered
        };
        let sound = channels == apart_channels
            && batches.checked_mul(block_height * block_width) == Some(all)
            && fits(apart_height, block_height, height, 0)
            && fits(apart_width, block_width, width, 1);
        ensure(sound, ErrorKind::OperatorInvalid)?;
        let apart_steps = dense(&behind(1, &[all, apart_height, apart_width, channels]));
        let steps = dense(&behind(1, &[batches, height, width, channels]));
        let ([.., image, line, pixel, _], [.., apart_image, apart_line, apart_pixel, _]) = (steps, apart_steps);
        let mut regions = Vec::new();
        for place in 0..block_height * block_width {
            let (y, x) = (place / block_width, place % block_width);
            let (row, first_row, rows) = overlap(y, self.before[0], block_height, height);
            let (column, first_column, columns) = overlap(x, self.before[1], block_width, width);
            if rows == 0 || columns == 0 {
                continue;
            }
            let dimensions = behind(1, &[batches, rows, columns, channels]);
            let spread = behind(0, &[image, line * block_height, pixel * block_width, 1]);
            let here = place * batches * apart_image + row * apart_line + column * apart_pixel;
            let there = first_row * line + first_column * pixel;
            regions.push(if to_batch {
                Region { origins: [there, here], ..Region::new(dimensions, spread, apart_steps) }
            } else {
                Region { origins: [here, there], ..Region::new(dimensions, apart_steps, spread) }
            });
        }
        Ok(regions)
    }
}

/// Of the places p * block + offset - before: the first p inside the extent, its place, and how many are inside.
fn overlap(offset: usize, before: usize, block: usize, extent: usize) -> (usize, usize, usize) {
    let first = before.saturating_sub(offset).div_ceil(block);
    let place = first * block + offset - before.min(first * block + offset);
    let count = extent.saturating_sub(place).div_ceil(block);
    (first, place, count)
}

/// Batches, height, width, channels; without a width it is 1.
fn image(shape: &Shape) -> Result<[usize; 4]> {
    match shape.dimensions() {
        &[batches, height, channels] => Ok([batches, height, 1, channels]),
        _ => shape.image(),
    }
}

fn prepare_batch_to_space(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let blocks = Blocks::read(node, input.shape.rank())?;
    let regions = blocks.regions(image(&input.shape)?, image(&output.shape)?, false)?;
    rearrange(node, regions)
}

fn prepare_space_to_batch(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let blocks = Blocks::read(node, input.shape.rank())?;
    let regions = blocks.regions(image(&output.shape)?, image(&input.shape)?, true)?;
    let zero = match output.element_type {
        TensorType::Int8 => output.affine()?.1 as u8,
        _ => 0,
    };
    rearrange_on(node, regions, Ground::Bytes(Box::new([zero])))
}
