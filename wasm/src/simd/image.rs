//! Images with their borders, a band of rows at a time.
//!
//! As 16-bit numbers they lack the zero point, so that the border is 0 and whatever lies there adds nothing. As bytes the border is
//! the zero point: its share in a sum is the same for all windows.

use core::hint::black_box;
use core::ops::Range;

use crate::ops::window::Window;
use crate::simd::Format;
use crate::simd::vector::{Bytes, I16x8};

/// What a band takes at most, unless one row of outputs needs more: it is to stay in the cache of a core.
const BAND_BYTES: usize = 1 << 15;

/// What a workspace may take; what needs more is left to the plain kernels.
pub const WORKSPACE_BYTES: usize = 1 << 22;

/// A vector may read behind the last number.
const SLACK_BYTES: usize = 16;

/// How images are widened for a window that slides over them.
#[derive(Clone, Copy, Debug)]
pub struct Bands {
    window: Window,
    /// Rows of outputs in a band.
    rows: usize,
    /// Pixels of a row with its border.
    width: usize,
    /// What is taken from every number.
    zero_point: i16,
    format: Format,
}

impl Bands {
    /// For this window. Without a value where a band would be too large.
    pub fn new(window: Window, zero_point: i16, format: Format) -> Option<Self> {
        let Window { height, width, input_channels, .. } = &window;
        let columns = (width.output - 1).checked_mul(width.stride)?.checked_add((width.filter - 1) * width.dilation + 1)?;
        let mut bands = Self { window, rows: 1, width: columns, zero_point, format };
        columns.checked_mul(*input_channels)?.checked_mul(bands.input_rows(height.output))?.checked_mul(2)?;
        bands.rows = rows_of_a_band(height.output, |rows| bands.with_rows(rows).bytes());
        (bands.bytes() <= WORKSPACE_BYTES).then_some(bands)
    }

    /// With a multiple of so many rows of outputs in each band.
    pub fn by(self, rows: usize) -> Self {
        self.with_rows(self.rows.next_multiple_of(rows))
    }

    fn with_rows(self, rows: usize) -> Self {
        Self { rows, ..self }
    }

    /// Rows of inputs, border included, under so many rows of outputs.
    fn input_rows(&self, rows: usize) -> usize {
        let height = &self.window.height;
        (rows - 1) * height.stride + (height.filter - 1) * height.dilation + 1
    }

    /// Bytes of workspace.
    pub fn bytes(&self) -> usize {
        self.input_rows(self.rows) * self.row_bytes() + SLACK_BYTES
    }

    /// Bytes of a row of inputs.
    pub fn row_bytes(&self) -> usize {
        self.width * self.pixel_bytes()
    }

    /// Bytes of a pixel.
    pub fn pixel_bytes(&self) -> usize {
        self.window.input_channels * self.format.bytes()
    }

    /// The rows of outputs of each band.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        ranges(self.window.height.output, self.rows)
    }

    /// Writes what lies under these rows of outputs.
    pub fn widen(&self, image: &[u8], rows: &Range<usize>, workspace: &mut [u8]) {
        let Window { height, width, input_channels, .. } = &self.window;
        let first = rows.start * height.stride;
        let image_row = width.input * input_channels * self.format.input_bytes();
        let left = width.padding.min(self.width) * self.pixel_bytes();
        let inside = (self.row_bytes() - left).min(width.input * self.pixel_bytes());
        // The zero point, as it lies there.
        let blank = self.format.flip().map_or(0, |flip| self.zero_point as u8 ^ flip);
        let all = self.input_rows(rows.len());
        if left == 0 && self.width == width.input {
            // Rows follow each other without a border: one copy.
            let above = height.padding.saturating_sub(first).min(all);
            let start = first.saturating_sub(height.padding).min(height.input);
            let inside = (height.input - start).min(all - above);
            let (border, rest) = workspace.split_at_mut(above * self.row_bytes());
            let (pixels, end) = rest.split_at_mut(inside * self.row_bytes());
            fill(border, blank);
            write(image.get(start * image_row..).unwrap_or_default(), self.zero_point, self.format, pixels);
            fill(end.get_mut(..(all - above - inside) * self.row_bytes()).unwrap_or_default(), blank);
            return;
        }
        for (row, wide) in workspace.chunks_exact_mut(self.row_bytes()).take(all).enumerate() {
            let Some(input) = image_row_at(image, first + row, height.padding, image_row) else {
                fill(wide, blank);
                continue;
            };
            let (border, rest) = wide.split_at_mut(left);
            let (pixels, end) = rest.split_at_mut(inside);
            fill(border, blank);
            fill(end, blank);
            write(input, self.zero_point, self.format, pixels);
        }
    }

    /// First bytes, in the workspace, of the windows of a band, row by row.
    #[inline(always)]
    pub fn windows(&self) -> Walk {
        let Window { height, width, .. } = &self.window;
        Walk::new(0, width.output, width.stride * self.pixel_bytes(), height.stride * self.row_bytes())
    }

    /// First bytes, relative to a window's, of the runs of neighbours under it; and how many numbers are in each.
    /// `channels` of a pixel are looked at, from `first_channel` on.
    pub fn runs(&self, channels: usize) -> (impl Iterator<Item = usize> + use<>, usize) {
        let Window { height, width, input_channels, .. } = self.window;
        let together = channels == input_channels && width.dilation == 1;
        let (columns, length) = if together { (1, width.filter * channels) } else { (width.filter, channels) };
        let (row, column) = (height.dilation * self.row_bytes(), width.dilation * self.pixel_bytes());
        let runs = (0..height.filter).flat_map(move |y| (0..columns).map(move |x| y * row + x * column));
        (runs, length)
    }
}

/// How many of all rows of outputs make a band, whose bytes follow from their number: bands of about the same height.
pub fn rows_of_a_band(all: usize, bytes: impl Fn(usize) -> usize) -> usize {
    let mut rows = 1;
    while rows < all && bytes(rows + 1) <= BAND_BYTES {
        rows += 1;
    }
    all.div_ceil(all.div_ceil(rows))
}

/// The rows of outputs of each band.
pub fn ranges(all: usize, rows: usize) -> impl Iterator<Item = Range<usize>> + use<> {
    (0..all).step_by(rows).map(move |first| first..all.min(first + rows))
}

/// Fills with one value. A border is a few numbers: the instruction for it, which the compiler would take, is a call out of the
/// WebAssembly in today's engines, and takes longer.
#[inline(always)]
pub fn fill<T: Copy>(border: &mut [T], value: T) {
    let value = black_box(value);
    for slot in border {
        *slot = value;
    }
}

/// Writes numbers in a format, as many as there is room for.
#[inline(never)]
fn write(input: &[u8], zero_point: i16, format: Format, output: &mut [u8]) {
    match format.flip() {
        Some(flip) => flipped(input, flip, output),
        None if format == Format::Shorts => output.iter_mut().zip(input).for_each(|(wide, byte)| *wide = *byte),
        None => widen(input, zero_point, output),
    }
}

/// Writes int8 numbers as a row of vectors. What is behind them is 0, and weighs nothing.
pub fn row(numbers: &[u8], zero_point: i16, format: Format, row: &mut [u8]) {
    let (inside, rest) = row.split_at_mut(row.len().min(numbers.len() * format.bytes()));
    write(numbers, zero_point, format, inside);
    fill(rest, 0);
}

/// Copies bytes with some bits flipped.
fn flipped(input: &[u8], flip: u8, output: &mut [u8]) {
    let (vectors, rest) = output.as_chunks_mut::<16>();
    for (output, input) in vectors.iter_mut().zip(input.as_chunks::<16>().0) {
        *output = Bytes::new(input).flipped(flip).bytes();
    }
    for (output, input) in rest.iter_mut().zip(input.get(vectors.len() * 16..).unwrap_or_default()) {
        *output = input ^ flip;
    }
}

/// Takes the zero point from int8 numbers and writes them as 16 bits.
fn widen(input: &[u8], zero_point: i16, wide: &mut [u8]) {
    let vector = I16x8::splat(zero_point);
    let (vectors, rest) = wide.as_chunks_mut::<16>();
    for (wide, bytes) in vectors.iter_mut().zip(input.as_chunks::<8>().0) {
        *wide = I16x8::widen(*bytes).minus(vector).bytes();
    }
    let done = vectors.len() * 8;
    for (pair, byte) in rest.as_chunks_mut::<2>().0.iter_mut().zip(input.get(done..).unwrap_or_default()) {
        *pair = (i16::from(*byte as i8) - zero_point).to_le_bytes();
    }
}

pub fn image_row_at(image: &[u8], padded: usize, padding: usize, bytes: usize) -> Option<&[u8]> {
    let start = padded.checked_sub(padding)?.checked_mul(bytes)?;
    image.get(start..start.checked_add(bytes)?)
}

/// Places of windows, row by row.
#[derive(Clone, Copy)]
pub struct Walk {
    next: usize,
    left: usize,
    width: usize,
    step: usize,
    gap: usize,
}

impl Walk {
    /// From the first place on, so many in a row; what lies between two in a row, and between two rows.
    pub fn new(first: usize, width: usize, step: usize, row: usize) -> Self {
        Self { next: first, left: width, width, step, gap: row.wrapping_sub(step * width) }
    }

    /// The next.
    #[inline(always)]
    pub fn step(&mut self) -> usize {
        let found = self.next;
        self.next = self.next.wrapping_add(self.step);
        self.left -= 1;
        if self.left == 0 {
            self.left = self.width;
            self.next = self.next.wrapping_add(self.gap);
        }
        found
    }
}
