//! Geometry of sliding windows: what convolutions and poolings of every type have in common.
//!
//! Upstream: `lite/kernels/padding.h` (`ComputeOutSizeChecked`, `ComputePaddingWithOffset`).

use core::ops::Range;

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::model::tensor::{Shape, Tensor};

/// How a window treats the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Output as large as input / stride, rounded up.
    Same,
    /// Only windows that lie inside.
    Valid,
}

/// Padding, stride and dilation of a sliding window; (height, width).
#[derive(Clone, Copy, Debug)]
pub struct Sliding {
    /// Border.
    pub padding: Padding,
    /// Steps, positive.
    pub stride: (usize, usize),
    /// Spread of the filter's taps, positive.
    pub dilation: (usize, usize),
}

/// Greatest stride, dilation and filter size: far beyond use, and products of them fit.
const GREATEST: i32 = 1 << 15;

impl Sliding {
    /// Padding and strides are the first three fields of every table with a window; dilation, (width, height), is
    /// where the caller says.
    pub fn read(table: &Table<'_>, dilation: Option<(usize, usize)>) -> Result<Self> {
        let padding = match table.scalar::<i8>(0, 0)? {
            0 => Padding::Same,
            1 => Padding::Valid,
            _ => return Err(ErrorKind::OperatorInvalid.into()),
        };
        let stride = (positive(table.scalar(2, 0)?)?, positive(table.scalar(1, 0)?)?);
        let dilation = match dilation {
            Some((width, height)) => {
                (positive(table.scalar(height, 1)?)?, positive(table.scalar(width, 1)?)?)
            }
            None => (1, 1),
        };
        Ok(Self { padding, stride, dilation })
    }
}

/// A size among the attributes.
pub fn positive(value: i32) -> Result<usize> {
    ensure((1..=GREATEST).contains(&value), ErrorKind::OperatorInvalid)?;
    Ok(value as usize)
}

/// A window that slides over images whose channels lie side by side.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Images.
    pub batches: usize,
    /// Its way down.
    pub height: Axis,
    /// Its way to the right.
    pub width: Axis,
    /// Channels of an image.
    pub input_channels: usize,
    /// Channels of an output pixel.
    pub output_channels: usize,
}

impl Window {
    /// Refuses an output of another shape than the window gives.
    pub fn new(
        sliding: &Sliding,
        input: &Shape,
        filter: (usize, usize),
        output: &Tensor,
        output_channels: usize,
    ) -> Result<Self> {
        let [batches, input_height, input_width, input_channels] = input.image()?;
        let (height, width) = Axis::pair(sliding, (input_height, input_width), filter)?;
        let expected = [batches, height.output, width.output, output_channels];
        ensure(output.shape.image()? == expected, ErrorKind::OperatorInvalid)?;
        Ok(Self { batches, height, width, input_channels, output_channels })
    }

    /// Taps of the filter.
    pub fn taps(&self) -> usize {
        self.height.filter * self.width.filter
    }

    /// Whether no window sees the border.
    pub fn is_inside(&self) -> bool {
        [&self.height, &self.width].into_iter().all(|axis| {
            let spread = (axis.filter - 1) * axis.dilation + 1;
            axis.padding == 0 && (axis.output - 1) * axis.stride + spread <= axis.input
        })
    }

    /// Inputs under all windows of all channels, at most.
    pub fn inputs(&self) -> u64 {
        let Self { batches, height, width, output_channels, .. } = *self;
        let seen = height.filter.min(height.input) as u64 * width.filter.min(width.input) as u64;
        let outputs = (batches * height.output * width.output * output_channels) as u64;
        seen.saturating_mul(outputs)
    }

    /// Computes every output pixel from its image and its place there: (image, (y, x), pixel).
    #[inline(always)]
    pub fn slide<I, O>(
        &self,
        input: &[I],
        output: &mut [O],
        compute: impl Fn(&[I], (usize, usize), &mut [O]) -> Result<()>,
    ) -> Result<()> {
        let image = self.height.input * self.width.input * self.input_channels;
        let mut pixels = output.chunks_exact_mut(self.output_channels);
        for image in input.chunks_exact(image).take(self.batches) {
            for y in 0..self.height.output {
                for x in 0..self.width.output {
                    let pixel = pixels.next().ok_or(ErrorKind::EngineInternal)?;
                    compute(image, (y, x), pixel)?;
                }
            }
        }
        Ok(())
    }

    /// Visits what of the window at (y, x) lies inside the image, in runs of neighbouring taps:
    /// (first tap, input pixel under it, how many). Taps of a dilated window have no neighbours.
    #[inline(always)]
    pub fn runs(
        &self,
        (y, x): (usize, usize),
        mut visit: impl FnMut(usize, usize, usize) -> Result<()>,
    ) -> Result<()> {
        let (rows, mut row) = self.height.taps(y);
        let (columns, column) = self.width.taps(x);
        // A dilated window can step over the whole image: then it sees nothing but padding.
        if columns.is_empty() {
            return Ok(());
        }
        // One place calls, so that what is called is inlined once.
        let (steps, length) = if self.width.dilation == 1 { (1, columns.len()) } else { (columns.len(), 1) };
        for tap in rows {
            let tap = tap * self.width.filter + columns.start;
            let pixel = row * self.width.input + column;
            for step in 0..steps {
                visit(tap + step, pixel + step * self.width.dilation, length)?;
            }
            row += self.height.dilation;
        }
        Ok(())
    }
}

/// One dimension of a window that slides over an image.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Extent of the input.
    pub input: usize,
    /// Extent of the output.
    pub output: usize,
    /// Taps of the filter.
    pub filter: usize,
    /// Step between windows.
    pub stride: usize,
    /// Distance between taps.
    pub dilation: usize,
    /// Border before the first input.
    pub padding: usize,
}

impl Axis {
    /// Height and width of a window; refuses windows larger than what they slide over.
    pub fn pair(sliding: &Sliding, input: (usize, usize), filter: (usize, usize)) -> Result<(Self, Self)> {
        let Sliding { padding, stride, dilation } = *sliding;
        Ok((
            Self::new(padding, input.0, filter.0, stride.0, dilation.0)?,
            Self::new(padding, input.1, filter.1, stride.1, dilation.1)?,
        ))
    }

    fn new(padding: Padding, input: usize, filter: usize, stride: usize, dilation: usize) -> Result<Self> {
        let invalid = ErrorKind::OperatorInvalid;
        ensure(input > 0 && filter > 0 && stride > 0 && dilation > 0, invalid)?;
        let spread = (filter - 1).checked_mul(dilation).and_then(|span| span.checked_add(1));
        let spread = spread.ok_or(invalid)?;
        let output = match padding {
            Padding::Same => input.div_ceil(stride),
            Padding::Valid => {
                (input.checked_add(stride).and_then(|sum| sum.checked_sub(spread)).ok_or(invalid)?) / stride
            }
        };
        ensure(output > 0, invalid)?;
        let covered = (output - 1).checked_mul(stride).and_then(|span| span.checked_add(spread));
        let padding = covered.ok_or(invalid)?.saturating_sub(input) / 2;
        Ok(Self { input, output, filter, stride, dilation, padding })
    }

    /// The taps of the window at `position` that lie inside the image, and the input of the first.
    #[inline(always)]
    pub fn taps(&self, position: usize) -> (Range<usize>, usize) {
        let start = position * self.stride;
        let first = if start >= self.padding {
            0
        } else {
            (self.padding - start).div_ceil(self.dilation)
        };
        // Tap t lies at start + t * dilation - padding.
        let room = (self.input + self.padding).saturating_sub(start);
        let end = room.div_ceil(self.dilation).min(self.filter);
        let origin = (start + first * self.dilation).saturating_sub(self.padding);
        (first..end.max(first), origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_are_those_inside_the_image() {
        for padding in [Padding::Same, Padding::Valid] {
            for input in 1..9 {
                for filter in 1..5 {
                    for stride in 1..4 {
                        for dilation in 1..4 {
                            let Ok(axis) = Axis::new(padding, input, filter, stride, dilation) else {
                                continue;
                            };
                            for position in 0..axis.output {
                                let at = |tap: usize| {
                                    (position * stride + tap * dilation).checked_sub(axis.padding)
                                };
                                let inside: Vec<_> = (0..filter)
                                    .filter(|&tap| at(tap).is_some_and(|place| place < input))
                                    .collect();
                                let (taps, origin) = axis.taps(position);
                                assert_eq!(taps.clone().collect::<Vec<_>>(), inside, "{axis:?}");
                                if let Some(&tap) = inside.first() {
                                    assert_eq!(Some(origin), at(tap), "{axis:?}");
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_window_larger_than_its_image_is_refused_unless_padded() {
        assert!(Axis::new(Padding::Valid, 3, 4, 1, 1).is_err());
        assert_eq!(Axis::new(Padding::Same, 3, 4, 1, 1).unwrap().output, 3);
    }
}
