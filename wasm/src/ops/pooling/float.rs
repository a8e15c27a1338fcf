//! AVERAGE_POOL_2D, MAX_POOL_2D and L2_POOL_2D, float32.
//!
//! Upstream: `micro/kernels/pooling.cc`, `pooling_common.cc`, `l2_pool_2d.cc` and
//! `lite/kernels/internal/reference/pooling.h`.

use crate::error::{ErrorKind, Result};
use crate::math::quantization::Activation;
use crate::ops::pooling::Take;
use crate::ops::weights::float::{Bounds, Float, floats, floats_mut};
use crate::ops::window::Window;
use crate::ops::{Action, Flow, Kernel};
use crate::run::io::Io;
use crate::simd::elementwise;
use crate::simd::vector::F32x4;

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
        self.window.slide(input, output, |image, at, pixel| {
            let count = self.fold(image, at, pixel)? as f32;
            for output in pixel {
                let value = f32::from_le_bytes(*output);
                let value = match self.take {
                    Take::Average => value / count,
                    Take::Norm => (value / count).sqrt(),
                    Take::Maximum => value,
                };
                *output = self.bounds.clamp(value).to_le_bytes();
            }
            Ok(())
        })
    }

    /// Folds the window at a place into the output pixel, all channels at once, and tells how many
    /// inputs of each channel it holds: only those inside the image count.
    #[inline(always)]
    fn fold(&self, image: &[Float], at: (usize, usize), pixel: &mut [Float]) -> Result<usize> {
        let channels = self.window.input_channels;
        let mut total = 0;
        let start = if let Take::Maximum = self.take { f32::MIN } else { 0.0 };
        pixel.fill(start.to_le_bytes());
        self.window.runs(at, |_, first, count| {
            let inputs = image.get(first * channels..).ok_or(ErrorKind::EngineInternal)?;
            for inputs in inputs.chunks_exact(channels).take(count) {
                match self.take {
                    Take::Average => elementwise::fold(pixel, inputs, F32x4::plus),
                    Take::Norm => elementwise::fold(pixel, inputs, |sum, input| sum.plus(input.times(input))),
                    Take::Maximum => elementwise::fold(pixel, inputs, F32x4::at_least),
                }
            }
            total += count;
            Ok(())
        })?;
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use crate::math::quantization::Activation;
    use crate::model::tensor::TensorType::Float32;
    use crate::ops::pooling::{AVERAGE_POOL_2D, L2_POOL_2D, MAX_POOL_2D};
    use crate::ops::weights::float::Bounds;
    use crate::ops::window::{Sliding, Window};
    use crate::testing::{
        Field, Given, Shapes, assert_same, bytes_of, run, single, sliding_fields, try_windows, walk,
    };

    fn fields(sliding: &Sliding, window: &Window, activation: i8) -> Vec<(usize, Field)> {
        let mut fields = sliding_fields(sliding, None);
        fields.push((3, Field::I32(window.width.filter as i32)));
        fields.push((4, Field::I32(window.height.filter as i32)));
        fields.push((5, Field::I8(activation)));
        fields
    }

    #[test]
    fn results_equal_those_of_upstreams_loops() {
        try_windows(14, 300, &Shapes { image: 7, dilation: 1 }, |random, sliding, window| {
            let channels = 1 + random.below(5);
            let window = Window { batches: 2, input_channels: channels, output_channels: channels, ..window };
            let (number, activation) = [(0, Activation::None), (1, Activation::Relu)][random.below(2)];
            let op = [&AVERAGE_POOL_2D, &MAX_POOL_2D, &L2_POOL_2D][random.below(3)];
            let tensors = [
                Given::input(Float32, &window.input_shape()),
                Given::output(Float32, &window.output_shape()),
            ];
            let input = random.floats(window.input_elements());
            // Every channel by itself, over the part of the window inside the image.
            let expected = walk(&window, |channel, taps| {
                let (mut sum, mut squares, mut greatest) = (0.0, 0.0, f32::MIN);
                for at in taps {
                    let value = input[at.pixel * channels + channel];
                    sum += value;
                    squares += value * value;
                    greatest = value.max(greatest);
                }
                let count = taps.len() as f32;
                let value = match op.name {
                    "AVERAGE_POOL_2D" => sum / count,
                    "MAX_POOL_2D" => greatest,
                    _ => (squares / count).sqrt(),
                };
                Bounds::new(activation).clamp(value)
            });
            let model = single(op, &tensors, Some((5, &fields(sliding, &window, number))));
            let output = run(model, &[&bytes_of(&input)]).unwrap();
            assert_same(&output[0], &expected, &format!("{} {window:?}", op.name));
        });
    }
}
