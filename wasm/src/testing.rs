//! What the tests of kernels share: chance, windows of random shapes, and upstream's loops over them.

use crate::ops::window::{Axis, Padding, Sliding, Window};
use crate::math::quantization::{Multiplier, OutputStage};

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

    /// Factors of a rescaling, as large as those of real layers.
    pub fn multipliers(&mut self, length: usize) -> Vec<Multiplier> {
        (0..length)
            .map(|_| Multiplier::new(1e-4 + self.below(1000) as f64 * 1e-5).unwrap())
            .collect()
    }

    /// An output of any zero point, bound on both sides.
    pub fn stage(&mut self) -> OutputStage {
        OutputStage { zero_point: self.below(256) as i32 - 128, low: -100, high: 120 }
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
pub fn try_windows(seed: u32, tries: usize, shapes: &Shapes, mut test: impl FnMut(&mut Random, Window)) {
    let mut random = Random::new(seed);
    let mut tried = 0;
    while tried < tries {
        let mut pair = |most: usize| (1 + random.below(most), 1 + random.below(most));
        let (image, filter, stride, dilation) = (pair(shapes.image), pair(4), pair(3), pair(shapes.dilation));
        let padding = if random.below(2) == 0 { Padding::Same } else { Padding::Valid };
        let sliding = Sliding { padding, stride, dilation };
        let Ok((height, width)) = Axis::pair(&sliding, image, filter) else { continue };
        tried += 1;
        test(&mut random, Window { batches: 1, height, width, input_channels: 1, output_channels: 1 });
    }
}

impl Window {
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

/// Upstream's last step from a sum to an output.
pub fn rescale(sum: i32, multiplier: &Multiplier, stage: &OutputStage) -> u8 {
    let scaled = multiplier.apply(sum) + stage.zero_point;
    scaled.max(stage.low).min(stage.high) as i8 as u8
}
