//! Eight channels of an image with its border as 16-bit numbers, two rows together, a band of rows at a time.
//!
//! Row 2j lies in turns with row 2j + 1, so that one multiplication of pairs serves two taps above each other. As in
//! `image`, the zero point is taken from every number, and the border is 0.

use core::array::from_fn;
use core::ops::Range;

use crate::error::Result;
use crate::memory::allocate;
use crate::ops::window::{Axis, Window};
use crate::simd::image::{WORKSPACE_BYTES, fill, image_row_at, ranges, rows_of_a_band};
use crate::simd::requantise::LANES;
use crate::simd::vector::I16x8;

/// A pixel of two rows: four channels in each half, of each channel the upper and the lower number.
pub type Column = [[u8; 16]; 2];

/// How images are widened for a window over each channel by itself.
pub struct Rows {
    window: Window,
    /// Output channels of one input channel.
    multiplier: usize,
    zero_point: i8,
    /// A row outside the image: nothing but the zero point.
    blank: Vec<u8>,
    /// Rows of outputs in a band.
    rows: usize,
    /// Columns of a row with its border. They serve an even number of outputs.
    columns: usize,
}

impl Rows {
    /// For this window. Without a value where a band would be too large.
    pub fn new(window: Window, multiplier: usize, zero_point: i8) -> Result<Option<Self>> {
        let Window { height, width, input_channels, .. } = &window;
        let Some(columns) = columns(width) else { return Ok(None) };
        let bytes = |rows| most_pairs(height, rows).saturating_mul(columns).saturating_mul(size_of::<Column>());
        let rows = rows_of_a_band(height.output, bytes);
        if bytes(rows) > WORKSPACE_BYTES {
            return Ok(None);
        }
        let blank = allocate(width.input * input_channels, zero_point as u8)?;
        Ok(Some(Self { window, multiplier, zero_point, blank, rows, columns }))
    }

    /// Bytes of workspace.
    pub fn bytes(&self) -> usize {
        most_pairs(&self.window.height, self.rows) * self.columns * size_of::<Column>()
    }

    /// Columns of a row with its border.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The rows of outputs of each band.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        ranges(self.window.height.output, self.rows)
    }

    /// Writes what output channels from `first_channel` on see under these rows of outputs.
    pub fn widen(&self, image: &[u8], rows: &Range<usize>, first_channel: usize, workspace: &mut [Column]) {
        let Window { height, width, input_channels, .. } = &self.window;
        let first_input = first_channel / self.multiplier;
        let lanes: [usize; LANES] = from_fn(|lane| (first_channel + lane) / self.multiplier);
        let is_one = lanes == [first_input; LANES];
        // What eight output channels see of a pixel. Those behind the last weigh nothing, whatever is read for them.
        let load = |pixel: &[u8]| match pixel.get(first_input..).and_then(|inputs| inputs.first_chunk()) {
            Some(bytes) if self.multiplier == 1 => *bytes,
            _ if is_one => [pixel.get(first_input).copied().unwrap_or_default(); LANES],
            _ => lanes.map(|lane| pixel.get(lane).copied().unwrap_or_default()),
        };
        let first = rows.start * height.stride / 2;
        let last = ((rows.end - 1) * height.stride + (height.filter - 1) * height.dilation) / 2;
        let left = width.padding.min(self.columns);
        let row_at = |row| {
            image_row_at(image, row, height.padding, self.blank.len()).unwrap_or(&self.blank).chunks_exact(*input_channels)
        };
        let zero_point = I16x8::splat(self.zero_point.into());
        for (pair, columns) in (first..last + 1).zip(workspace.chunks_exact_mut(self.columns)) {
            let (border, rest) = columns.split_at_mut(left);
            let (inside, end) = rest.split_at_mut(rest.len().min(width.input));
            fill(border, [[0; 16]; 2]);
            fill(end, [[0; 16]; 2]);
            for (column, (upper, lower)) in inside.iter_mut().zip(row_at(2 * pair).zip(row_at(2 * pair + 1))) {
                let [upper, lower] = [upper, lower].map(|pixel| I16x8::widen(load(pixel)).minus(zero_point));
                let (low, high) = upper.interleave(lower);
                *column = [low.bytes(), high.bytes()];
            }
        }
    }
}

/// Columns of a row with its border.
fn columns(width: &Axis) -> Option<usize> {
    let last = width.output.checked_next_multiple_of(2)? - 1;
    last.checked_mul(width.stride)?.checked_add((width.filter - 1) * width.dilation + 1)
}

/// Pairs of rows under so many rows of outputs, wherever they begin.
fn most_pairs(height: &Axis, rows: usize) -> usize {
    ((rows - 1) * height.stride + (height.filter - 1) * height.dilation) / 2 + 2
}
