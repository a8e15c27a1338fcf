//! AVERAGE_POOL_2D and MAX_POOL_2D, float32.
//!
//! Upstream: `micro/kernels/pooling.cc`, `pooling_common.cc` and
//! `lite/kernels/internal/reference/pooling.h`.

use crate::error::{ErrorKind, Result};
use crate::math::quantization::Activation;
use crate::ops::pooling::Take;
use crate::ops::weights::float::{Bounds, Float, floats, floats_mut, greater};
use crate::ops::window::Window;
use crate::ops::{Action, Flow, Kernel};
use crate::run::io::Io;

/// A pooling: each channel by itself.
struct Pooling {
    take: Take,
    window: Window,
    bounds: Bounds,
}

/// Has nothing to check.
pub fn prepare(take: Take, window: Window, activation: Activation) -> Result<Action> {
    Ok(Action::run(Pooling { take, window, bounds: Bounds::new(activation) }))
}

impl Kernel for Pooling {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        self.run(floats(input), floats_mut(output))?;
        Ok(Flow::Next)
    }
}

impl Pooling {
    fn run(&self, input: &[Float], output: &mut [Float]) -> Result<()> {
        self.window.slide(input, output, |image, at, pixel| match self.take {
            Take::Average => {
                let count = self.fold(image, at, pixel, 0.0, |sum, input| sum + input)?;
                self.finish(pixel, |sum| sum / count as f32);
                Ok(())
            }
            Take::Maximum => {
                self.fold(image, at, pixel, f32::MIN, greater)?;
                self.finish(pixel, |greatest| greatest);
                Ok(())
            }
        })
    }

    /// Folds the window at a place into the output pixel, all channels at once, and tells how many
    /// inputs of each channel it holds: only those inside the image count.
    #[inline(always)]
    fn fold(
        &self,
        image: &[Float],
        at: (usize, usize),
        pixel: &mut [Float],
        start: f32,
        step: impl Fn(f32, f32) -> f32,
    ) -> Result<usize> {
        let channels = self.window.input_channels;
        let mut total = 0;
        pixel.fill(start.to_le_bytes());
        self.window.runs(at, |_, first, count| {
            let inputs = image.get(first * channels..).ok_or(ErrorKind::EngineInternal)?;
            for inputs in inputs.chunks_exact(channels).take(count) {
                for (output, input) in pixel.iter_mut().zip(inputs) {
                    *output = step(f32::from_le_bytes(*output), f32::from_le_bytes(*input)).to_le_bytes();
                }
            }
            total += count;
            Ok(())
        })?;
        Ok(total)
    }

    #[inline(always)]
    fn finish(&self, pixel: &mut [Float], finish: impl Fn(f32) -> f32) {
        for output in pixel {
            *output = self.bounds.clamp(finish(f32::from_le_bytes(*output))).to_le_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::weights::float::testing::{assert_same, bytes};
    use crate::testing::{Shapes, try_windows, walk};

    /// Every channel by itself, over the part of the window inside the image.
    fn twin(kernel: &Pooling, input: &[f32]) -> Vec<f32> {
        walk(&kernel.window, |channel, taps| {
            let (mut sum, mut greatest) = (0.0, f32::MIN);
            for at in taps {
                let value = input[at.pixel * kernel.window.input_channels + channel];
                sum += value;
                greatest = value.max(greatest);
            }
            kernel.bounds.clamp(match kernel.take {
                Take::Average => sum / taps.len() as f32,
                Take::Maximum => greatest,
            })
        })
    }

    #[test]
    fn results_equal_those_of_upstreams_loops() {
        try_windows(14, 300, &Shapes { image: 7, dilation: 1 }, |random, window| {
            let channels = 1 + random.below(5);
            let kernel = Pooling {
                take: [Take::Average, Take::Maximum][random.below(2)],
                window: Window { batches: 2, input_channels: channels, output_channels: channels, ..window },
                bounds: Bounds::new([Activation::None, Activation::Relu][random.below(2)]),
            };
            let input = random.floats(kernel.window.input_elements());
            let expected = twin(&kernel, &input);
            let mut output = vec![[0; 4]; expected.len()];
            kernel.run(&bytes(&input), &mut output).unwrap();
            assert_same(&output, &expected, &format!("{:?} {:?}", kernel.take, kernel.window));
        });
    }
}
