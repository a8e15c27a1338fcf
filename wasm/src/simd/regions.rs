//! The output of a window, cut into regions in which all windows have the same taps inside the image.
//!
//! So taps outside are left out, as upstream does, and no output looks for the border by itself. Regions are also as low as
//! lets what they see stay in the cache of a core.

use core::ops::Range;

use crate::error::{ErrorKind, Result};
use crate::ops::window::{Axis, Window};
use crate::simd::image::{Walk, rows_of_a_band};

/// All regions of an image.
pub struct Regions {
    window: Window,
    rows: Vec<Stretch>,
    columns: Vec<Stretch>,
}

/// Neighbouring positions whose windows have the same taps inside the image.
struct Stretch {
    positions: Range<usize>,
    taps: Range<usize>,
    /// The input under the first tap of the first window.
    origin: usize,
}

/// Outputs whose windows see the same taps. Places are counted in numbers, from the beginning of an image.
#[derive(Clone)]
pub struct Region {
    /// Taps inside the image: rows and columns of the filter.
    pub taps: [Range<usize>; 2],
    /// Output pixels.
    pub pixels: usize,
    /// First inputs under each of them.
    pub windows: Walk,
    /// Their first channels.
    pub outputs: Walk,
}

impl Region {
    /// First input and first channel of the next pixels. Where there are fewer, the last again.
    #[inline(always)]
    pub fn take<const PIXELS: usize>(&mut self) -> [(usize, usize); PIXELS] {
        let mut pixels = [(0, 0); PIXELS];
        let mut last = (0, 0);
        for pixel in &mut pixels {
            if self.pixels > 0 {
                last = (self.windows.step(), self.outputs.step());
                self.pixels -= 1;
            }
            *pixel = last;
        }
        pixels
    }
}

impl Regions {
    /// Those of this window over float32.
    pub fn new(window: Window) -> Result<Self> {
        let Window { height, width, input_channels, .. } = &window;
        let bytes = width.input * input_channels * 4;
        let most = rows_of_a_band(height.output, |rows| (rows * height.stride).saturating_mul(bytes));
        Ok(Self { rows: stretches(height, most)?, columns: stretches(width, width.output)?, window })
    }

    /// Each of them.
    #[inline(always)]
    pub fn each(&self, mut visit: impl FnMut(&Region) -> Option<()>) -> Option<()> {
        let Window { height, width, input_channels, output_channels, .. } = &self.window;
        for rows in &self.rows {
            for columns in &self.columns {
                let first = (rows.origin * width.input + columns.origin) * input_channels;
                let output = (rows.positions.start * width.output + columns.positions.start) * output_channels;
                let (count, row) = (columns.positions.len(), width.input * input_channels);
                visit(&Region {
                    taps: [rows.taps.clone(), columns.taps.clone()],
                    pixels: rows.positions.len() * count,
                    windows: Walk::new(first, count, width.stride * input_channels, height.stride * row),
                    outputs: Walk::new(output, count, *output_channels, width.output * output_channels),
                })?;
            }
        }
        Some(())
    }
}

fn stretches(axis: &Axis, most: usize) -> Result<Vec<Stretch>> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for position in 0..axis.output {
        let (taps, origin) = axis.taps(position);
        let origin = if taps.is_empty() { 0 } else { origin };
        match stretches.last_mut() {
            Some(last) if last.taps == taps && last.positions.len() < most => last.positions.end += 1,
            _ => {
                stretches.try_reserve(1).map_err(|_| ErrorKind::MemoryExhausted)?;
                stretches.push(Stretch { positions: position..position + 1, taps, origin });
            }
        }
    }
    Ok(stretches)
}
