//! What the tests of kernels share: chance, windows of random shapes, and upstream's loops over them.

mod single;

pub use single::{Field, Given, assert_same, bytes_of, custom, floats_of, run, run_often, single, then};

use crate::ops::window::{Axis, Padding, Sliding, Window};
use crate::math::quantization::Multiplier;

/// xorshift32.
pub struct Random(u32);

impl Random {
    /// A stream of its own for each seed.
    pub fn new(seed: u32) -> Self {
        Self(seed.wrapping_mul(2_654_435_761).wrapping_add(0x9e37_79b9).max(1))
    }

    /// Any number.
    pub fn any(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// A number below the bound.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.any() >> 4) as usize % bound
    }

    /// Any bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| (self.any() >> 24) as u8).collect()
    }

    /// Any weights.
    pub fn weights(&mut self, length: usize) -> Vec<i8> {
        self.bytes(length).into_iter().map(|byte| byte as i8).collect()
    }

    /// From -1 to 1.
    pub fn floats(&mut self, length: usize) -> Vec<f32> {
        (0..length).map(|_| (self.any() >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
    }

    /// Biases as small as those of real layers.
    pub fn biases(&mut self, length: usize) -> Vec<i32> {
        (0..length).map(|_| self.any() as i32 >> 18).collect()
    }

    /// Any zero point of int8.
    pub fn zero_point(&mut self) -> i32 {
        self.below(256) as i32 - 128
    }

    /// Scales of channels, such that outputs with a scale of 1 are as large as those of real layers.
    pub fn scales(&mut self, length: usize) -> Vec<f32> {
        (0..length).map(|_| 1e-4 + self.below(1000) as f32 * 1e-5).collect()
    }
}

/// Bounds of random windows.
pub struct Shapes {
    /// The largest image.
    pub image: usize,
    /// The largest distance between taps.
    pub dilation: usize,
}

/// Tries so many windows of random shapes, paddings, strides and dilations: of one image with one channel, which is
/// for the test to change.
pub fn try_windows(seed: u32, tries: usize, shapes: &Shapes, mut test: impl FnMut(&mut Random, &Sliding, Window)) {
    let mut random = Random::new(seed);
    let mut tried = 0;
    while tried < tries {
        let mut pair = |most: usize| (1 + random.below(most), 1 + random.below(most));
        let (image, filter, stride, dilation) = (pair(shapes.image), pair(4), pair(3), pair(shapes.dilation));
        let padding = if random.below(2) == 0 { Padding::Same } else { Padding::Valid };
        let sliding = Sliding { padding, stride, dilation };
        let Ok((height, width)) = Axis::pair(&sliding, image, filter) else { continue };
        tried += 1;
        test(&mut random, &sliding, Window { batches: 1, height, width, input_channels: 1, output_channels: 1 });
    }
}

/// The first three fields of every table with a window, and its dilation where the table has it.
pub fn sliding_fields(sliding: &Sliding, dilation: Option<(usize, usize)>) -> Vec<(usize, Field)> {
    let value = |value: usize| Field::I32(value as i32);
    let Sliding { padding, stride, dilation: (height, width) } = *sliding;
    let padding = if padding == Padding::Same { 0 } else { 1 };
    let mut fields = vec![(0, Field::I8(padding)), (1, value(stride.1)), (2, value(stride.0))];
    if let Some((width_at, height_at)) = dilation {
        fields.extend([(width_at, value(width)), (height_at, value(height))]);
    }
    fields
}

impl Window {
    /// Shape of the input.
    pub fn input_shape(&self) -> [usize; 4] {
        [self.batches, self.height.input, self.width.input, self.input_channels]
    }

    /// Shape of the output.
    pub fn output_shape(&self) -> [usize; 4] {
        [self.batches, self.height.output, self.width.output, self.output_channels]
    }

    /// Values of all its images.
    pub fn input_elements(&self) -> usize {
        self.batches * self.height.input * self.width.input * self.input_channels
    }
}

/// A tap of a window that lies inside its image.
pub struct Tap {
    /// Its number in the filter, row by row.
    pub tap: usize,
    /// The number of the pixel under it, over all images.
    pub pixel: usize,
}

/// Upstream's loops: every tap of every channel of every output, with a border test for each. What to make of the taps
/// inside the image is for the test to say: (channel, taps).
pub fn walk<T>(window: &Window, mut compute: impl FnMut(usize, &[Tap]) -> T) -> Vec<T> {
    let mut output = Vec::new();
    let (h, w) = (&window.height, &window.width);
    for batch in 0..window.batches {
        for y in 0..h.output {
            for x in 0..w.output {
                let mut taps = Vec::new();
                for fy in 0..h.filter {
                    for fx in 0..w.filter {
                        let iy = (y * h.stride + fy * h.dilation) as i64 - h.padding as i64;
                        let ix = (x * w.stride + fx * w.dilation) as i64 - w.padding as i64;
                        if iy < 0 || iy >= h.input as i64 || ix < 0 || ix >= w.input as i64 {
                            continue;
                        }
                        let pixel = (batch * h.input + iy as usize) * w.input + ix as usize;
                        taps.push(Tap { tap: fy * w.filter + fx, pixel });
                    }
                }
                for channel in 0..window.output_channels {
                    output.push(compute(channel, &taps));
                }
            }
        }
    }
    output
}

/// Upstream's last step from a sum to an int8: rescale, add the zero point, clamp.
pub fn rescale(sum: i32, factor: f64, zero_point: i32) -> u8 {
    let scaled = Multiplier::new(factor).unwrap().apply(sum) + zero_point;
    scaled.clamp(-128, 127) as i8 as u8
}
