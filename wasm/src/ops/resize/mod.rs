//! RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR: what they have in common.
//!
//! Upstream: `micro/kernels/resize_nearest_neighbor.cc`, `resize_bilinear.cc`.

mod bilinear;
mod nearest;

pub use bilinear::RESIZE_BILINEAR;
pub use nearest::RESIZE_NEAREST_NEIGHBOR;

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::ops::{Node, Options};

/// How pixels of the output lie over those of the input.
#[derive(Clone, Copy, Debug)]
struct Alignment<const MEMBER: u8, const SLOT: usize> {
    /// The outermost pixels lie on one another.
    corners: bool,
    /// Pixels are taken for squares, not for points.
    half_pixels: bool,
}

impl<const MEMBER: u8, const SLOT: usize> Options for Alignment<MEMBER, SLOT> {
    const MEMBER: u8 = MEMBER;

    fn read(table: &Table<'_>) -> Result<Self> {
        let (corners, half_pixels) = (table.scalar::<u8>(SLOT, 0)?, table.scalar::<u8>(SLOT + 1, 0)?);
        Ok(Self { corners: corners != 0, half_pixels: half_pixels != 0 })
    }
}

/// One dimension: extents of input and output.
#[derive(Clone, Copy, Debug)]
struct Extents {
    input: usize,
    output: usize,
}

/// Images and what becomes of their size.
struct Images {
    height: Extents,
    width: Extents,
    /// Bytes of a pixel.
    pixel: usize,
}

impl Images {
    /// The size is a constant that says what the shape of the output says.
    fn new(node: &Node<'_>) -> Result<Self> {
        let (input, output) = (node.input(0)?, node.output(0)?);
        let (from, to) = (input.shape.image()?, output.shape.image()?);
        let size = node.int32s(node.input(1)?, 2)?;
        let same = size.iter().map(|extent| i64::from(*extent)).eq([to[1] as i64, to[2] as i64]);
        ensure(same && from[0] == to[0] && from[3] == to[3], ErrorKind::OperatorInvalid)?;
        Ok(Self {
            height: Extents { input: from[1], output: to[1] },
            width: Extents { input: from[2], output: to[2] },
            pixel: from[3] * input.element_type.bits() / 8,
        })
    }

    /// Makes every pixel of the output from its image and its place.
    #[inline(always)]
    fn paint(
        &self,
        (input, output): (&[u8], &mut [u8]),
        mut paint: impl FnMut(&[u8], usize, usize, &mut [u8]) -> Result<()>,
    ) -> Result<()> {
        let mut pixels = output.chunks_exact_mut(self.pixel);
        for image in input.chunks_exact(self.height.input * self.width.input * self.pixel) {
            for y in 0..self.height.output {
                for x in 0..self.width.output {
                    paint(image, y, x, pixels.next().ok_or(ErrorKind::EngineInternal)?)?;
                }
            }
        }
        Ok(())
    }

    /// A pixel of an image.
    #[inline(always)]
    fn pixel<'a>(&self, image: &'a [u8], y: usize, x: usize) -> Result<&'a [u8]> {
        let first = (y * self.width.input + x) * self.pixel;
        image.get(first..first + self.pixel).ok_or(ErrorKind::EngineInternal.into())
    }

    /// The pixels where two rows meet two columns: down the first column, then down the second.
    #[inline(always)]
    fn corners<'a>(&self, image: &'a [u8], y: [usize; 2], x: [usize; 2]) -> Result<[&'a [u8]; 4]> {
        let pixel = |y, x| self.pixel(image, y, x);
        Ok([pixel(y[0], x[0])?, pixel(y[1], x[0])?, pixel(y[0], x[1])?, pixel(y[1], x[1])?])
    }
}
