//! AVERAGE_POOL_2D and MAX_POOL_2D, int8 and int16.
//!
//! Upstream: `micro/kernels/pooling.cc`, `pooling_common.cc` and
//! `lite/kernels/internal/reference/integer_ops/pooling.h`.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::integer::Element;
use crate::math::quantization::Activation;
use crate::model::tensor::TensorType;
use crate::ops::pooling::Take;
use crate::ops::window::Window;
use crate::ops::{Action, Flow, Kernel, Node, Request};
use crate::run::io::Io;
use crate::simd::requantise::LANES;
use crate::simd::vector::{I16x8, I32x4};

/// A pooling: each channel by itself, no rescaling.
struct Pooling {
    take: Take,
    window: Window,
    low: i32,
    high: i32,
    element_type: TensorType,
    /// What is added before halves are rounded: bytes of uint8 are never negative.
    shift: i32,
    /// Whether sums are by eight channels.
    by_eight: bool,
}

/// Checks that nothing has to be rescaled.
pub fn prepare(
    node: &Node<'_>,
    request: &Request,
    take: Take,
    window: Window,
    activation: Activation,
) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let (input_scale, input_zero_point) = input.affine()?;
    let (output_scale, output_zero_point) = output.affine()?;
    let same = f64::from((input_scale - output_scale).abs()) <= 1.0e-6
        && input_zero_point == output_zero_point;
    ensure(same, ErrorKind::QuantisationInvalid)?;
    let (low, high) = activation.range(output)?;
    let shift = if output.unsigned { 128 } else { 0 };
    let element_type = output.element_type;
    let by_eight = request.is_fast() && take == Take::Average && element_type == TensorType::Int8 && window.output_channels >= LANES;
    Ok(Action::run(Pooling { take, window, low, high, element_type, shift, by_eight }))
}

impl Kernel for Pooling {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        match self.element_type {
            _ if self.by_eight => self.run_by_eight(input, output)?,
            TensorType::Int16 => self.run(input.as_chunks::<2>().0, output.as_chunks_mut::<2>().0)?,
            _ => self.run(input, output)?,
        }
        Ok(Flow::Next)
    }
}

impl Pooling {
    fn run<T: Element>(&self, input: &[T], output: &mut [T]) -> Result<()> {
        self.window.slide(input, output, |image, (y, x), pixel| {
            for (channel, output) in pixel.iter_mut().enumerate() {
                let value = match self.take {
                    Take::Average => self.average(image, y, x, channel),
                    // Norms are of floats only.
                    Take::Maximum | Take::Norm => self.maximum(image, y, x, channel),
                };
                *output = T::of(value.clamp(self.low, self.high));
            }
            Ok(())
        })
    }

    /// Averages of bytes. The last eight channels are counted from the end.
    fn run_by_eight(&self, input: &[u8], output: &mut [u8]) -> Result<()> {
        let channels = self.window.input_channels;
        self.window.slide(input, output, |image, (y, x), pixel| {
            let count = (self.window.height.taps(y).0.len() * self.window.width.taps(x).0.len()) as i32;
            for block in (0..channels).step_by(LANES) {
                let first = block.min(channels - LANES);
                let sums = self.sums_of_eight(image, (y, x), first).ok_or(ErrorKind::EngineInternal)?;
                for (output, sum) in pixel.iter_mut().skip(first).zip(sums) {
                    let value = self.rounded(sum.wrapping_add(self.shift.wrapping_mul(count)), count);
                    *output = value.clamp(self.low, self.high) as u8;
                }
            }
            Ok(())
        })
    }

    fn sums_of_eight(&self, image: &[u8], (y, x): (usize, usize), channel: usize) -> Option<[i32; LANES]> {
        let Window { height, width, input_channels, .. } = self.window;
        let ((rows, row), (columns, column)) = (height.taps(y), width.taps(x));
        let mut sums = [I32x4::splat(0); 2];
        let (zero, one) = (I16x8::splat(0), I16x8::splat(1));
        for row in row..row + rows.len() {
            let mut at = (row * width.input + column) * input_channels + channel;
            for _ in columns.clone() {
                let (low, high) = I16x8::widen(*image.get(at..)?.first_chunk()?).interleave(zero);
                sums = [sums[0].plus(low.dot(one)), sums[1].plus(high.dot(one))];
                at += input_channels;
            }
        }
        let ([a, b, c, d], [e, f, g, h]) = (sums[0].lanes(), sums[1].lanes());
        Some([a, b, c, d, e, f, g, h])
    }

    /// Rounds halves away from zero.
    #[inline(always)]
    fn rounded(&self, sum: i32, count: i32) -> i32 {
        let half = count / 2;
        let nudged = if sum > 0 { sum.wrapping_add(half) } else { sum.wrapping_sub(half) };
        nudged.checked_div(count).unwrap_or(0) - self.shift
    }

    /// Only inputs inside the image count.
    #[inline(always)]
    fn average<T: Element>(&self, image: &[T], y: usize, x: usize, channel: usize) -> i32 {
        let (mut sum, mut count) = (0i32, 0i32);
        self.inputs(image, (y, x), channel, |input| {
            sum = sum.wrapping_add(input + self.shift);
            count += 1;
        });
        self.rounded(sum, count)
    }

    #[inline(always)]
    fn maximum<T: Element>(&self, image: &[T], y: usize, x: usize, channel: usize) -> i32 {
        let mut greatest = T::LEAST;
        self.inputs(image, (y, x), channel, |input| greatest = greatest.max(input));
        greatest
    }

    /// Visits the inputs of one window and channel.
    #[inline(always)]
    fn inputs<T: Element>(&self, image: &[T], (y, x): (usize, usize), channel: usize, mut visit: impl FnMut(i32)) {
        let Window { height, width, input_channels, .. } = self.window;
        let (rows, row) = height.taps(y);
        let (columns, column) = width.taps(x);
        let rows = image.chunks_exact(width.input * input_channels).skip(row).take(rows.len());
        let first = column * input_channels + channel;
        for row in rows {
            for input in row.get(first..).unwrap_or(&[]).iter().step_by(input_channels).take(columns.len()) {
                visit(input.value());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::tensor::TensorType::{Int8, Int16};
    use crate::ops::pooling::{AVERAGE_POOL_2D, MAX_POOL_2D};
    use crate::ops::window::{Sliding, Window};
    use crate::testing::{Field, Given, Shapes, run, single, sliding_fields, try_windows, walk};

    fn fields(sliding: &Sliding, window: &Window, activation: i8) -> Vec<(usize, Field)> {
        let mut fields = sliding_fields(sliding, None);
        fields.push((3, Field::I32(window.width.filter as i32)));
        fields.push((4, Field::I32(window.height.filter as i32)));
        fields.push((5, Field::I8(activation)));
        fields
    }

    #[test]
    fn results_equal_those_of_upstreams_loops() {
        try_windows(6, 300, &Shapes { image: 7, dilation: 1 }, |random, sliding, window| {
            let channels = 1 + random.below(20);
            let window = Window { batches: 2, input_channels: channels, output_channels: channels, ..window };
            let zero_point = random.zero_point();
            let (element_type, width, range) =
                [(Int8, 1, (-128, 127)), (Int16, 2, (-32768, 32767))][random.below(2)];
            // Without an activation, or with one that leaves what is not negative.
            let (number, low) = [(0, range.0), (1, zero_point)][random.below(2)];
            let average = random.below(2) == 0;
            let tensors = [
                Given::input(element_type, &window.input_shape()).affine(0.5, zero_point),
                Given::output(element_type, &window.output_shape()).affine(0.5, zero_point),
            ];
            let input = random.bytes(width * window.input_elements());
            let value = |index: usize| match input[width * index..width * (index + 1)] {
                [low, high] => i32::from(i16::from_le_bytes([low, high])),
                ref bytes => i32::from(bytes[0] as i8),
            };
            // Every channel by itself, over the part of the window inside the image; means in real numbers.
            let expected = walk(&window, |channel, taps| {
                let inputs = taps.iter().map(|at| value(at.pixel * channels + channel));
                let value = if average {
                    (inputs.map(f64::from).sum::<f64>() / taps.len() as f64).round() as i32
                } else {
                    inputs.max().unwrap()
                };
                value.clamp(low, range.1).to_le_bytes()[..width].to_vec()
            });
            let expected = expected.concat();
            let op = if average { &AVERAGE_POOL_2D } else { &MAX_POOL_2D };
            let model = single(op, &tensors, Some((5, &fields(sliding, &window, number))));
            assert_eq!(run(model, &[&input]).unwrap(), [expected], "{average} {window:?}");
        });
    }
}
