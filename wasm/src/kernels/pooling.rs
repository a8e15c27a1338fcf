//! AVERAGE_POOL_2D and MAX_POOL_2D: what their types have in common, and int8.
//!
//! Upstream: `micro/kernels/pooling.cc`, `pooling_common.cc` and
//! `lite/kernels/internal/reference/integer_ops/pooling.h`.

use crate::arena::{Inputs, Outputs};
use crate::error::{ErrorKind, Result, ensure};
use crate::kernels::int8::int8;
use crate::kernels::window::{Sliding, Window, positive};
use crate::kernels::{Kernel, Node, Options, Prepared, activation, expect_type, float};
use crate::file::flatbuffer::Table;
use crate::math::quantization::Activation;
use crate::model::tensor::TensorType;

/// What is taken from a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// The mean of the inputs inside the image.
    Average,
    /// The greatest.
    Maximum,
}

/// A pooling: each channel by itself, no rescaling.
struct Pooling {
    take: Take,
    window: Window,
    low: i32,
    high: i32,
}

struct Pool2dOptions {
    sliding: Sliding,
    filter: (usize, usize),
    activation: Activation,
}

impl Options for Pool2dOptions {
    const MEMBER: u8 = 5;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self {
            sliding: Sliding::read(table, None)?,
            filter: (positive(table.scalar(4, 0)?)?, positive(table.scalar(3, 0)?)?),
            activation: activation(table, 5)?,
        })
    }
}

/// Checks an AVERAGE_POOL_2D.
pub fn prepare_average(node: &Node<'_>) -> Result<Prepared> {
    prepare(node, Take::Average)
}

/// Checks a MAX_POOL_2D.
pub fn prepare_max(node: &Node<'_>) -> Result<Prepared> {
    prepare(node, Take::Maximum)
}

fn prepare(node: &Node<'_>, take: Take) -> Result<Prepared> {
    node.expect(1..=1, 1)?;
    let (input, output) = (node.input(0)?, node.output(0)?);
    let Pool2dOptions { sliding, filter, activation } = node.options()?;
    let [.., channels] = input.shape.image()?;
    let window = Window::new(&sliding, &input.shape, filter, output, channels)?;
    match input.element_type {
        TensorType::Float32 => float::pooling::prepare(node, take, window, activation),
        _ => prepare_int8(node, take, window, activation),
    }
}

fn prepare_int8(
    node: &Node<'_>,
    take: Take,
    window: Window,
    activation: Activation,
) -> Result<Prepared> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    expect_type(input, TensorType::Int8)?;
    expect_type(output, TensorType::Int8)?;
    let (input_scale, input_zero_point) = input.affine()?;
    let (output_scale, output_zero_point) = output.affine()?;
    let same = f64::from((input_scale - output_scale).abs()) <= 1.0e-6
        && input_zero_point == output_zero_point;
    ensure(same, ErrorKind::QuantisationInvalid)?;
    let (low, high) = activation.range(output)?;
    Ok(Prepared {
        comparisons: window.inputs(),
        ..Prepared::simple(Pooling { take, window, low, high })
    })
}

impl Kernel for Pooling {
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()> {
        self.run(inputs.get(0)?, outputs.get(0)?)
    }
}

impl Pooling {
    fn run(&self, input: &[u8], output: &mut [u8]) -> Result<()> {
        self.window.slide(input, output, |image, (y, x), pixel| {
            for (channel, output) in pixel.iter_mut().enumerate() {
                let value = match self.take {
                    Take::Average => self.average(image, y, x, channel),
                    Take::Maximum => self.maximum(image, y, x, channel),
                };
                *output = value.clamp(self.low, self.high) as u8;
            }
            Ok(())
        })
    }

    /// Rounds halves away from zero. Only inputs inside the image count.
    #[inline(always)]
    fn average(&self, image: &[u8], y: usize, x: usize, channel: usize) -> i32 {
        let (sum, count) = self
            .inputs(image, y, x, channel)
            .fold((0i32, 0i32), |(sum, count), input| (sum + input, count + 1));
        let half = count / 2;
        let nudged = if sum > 0 { sum + half } else { sum - half };
        nudged.checked_div(count).unwrap_or(0)
    }

    #[inline(always)]
    fn maximum(&self, image: &[u8], y: usize, x: usize, channel: usize) -> i32 {
        self.inputs(image, y, x, channel).fold(-128, i32::max)
    }

    /// The inputs of one window and channel.
    #[inline(always)]
    fn inputs<'a>(
        &'a self,
        image: &'a [u8],
        y: usize,
        x: usize,
        channel: usize,
    ) -> impl Iterator<Item = i32> + 'a {
        let Window { height, width, input_channels, .. } = self.window;
        let (rows, row) = height.taps(y);
        let (columns, column) = width.taps(x);
        let row_bytes = width.input * input_channels;
        let rows = image.chunks_exact(row_bytes).skip(row).take(rows.len());
        let first = column * input_channels + channel;
        rows.flat_map(move |row| {
            let inputs = row.get(first..).unwrap_or(&[]).iter();
            inputs.step_by(input_channels).take(columns.len()).map(|input| int8(*input))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Shapes, try_windows, walk};

    /// Every channel by itself, over the part of the window inside the image; means in real numbers.
    fn twin(kernel: &Pooling, input: &[u8]) -> Vec<u8> {
        walk(&kernel.window, |channel, taps| {
            let inputs = taps.iter().map(|at| input[at.pixel * kernel.window.input_channels + channel] as i8);
            let value = match kernel.take {
                Take::Maximum => i32::from(inputs.max().unwrap()),
                Take::Average => (inputs.map(f64::from).sum::<f64>() / taps.len() as f64).round() as i32,
            };
            value.clamp(kernel.low, kernel.high) as u8
        })
    }

    #[test]
    fn results_equal_those_of_upstreams_loops() {
        try_windows(6, 300, &Shapes { image: 7, dilation: 1 }, |random, window| {
            let channels = 1 + random.below(5);
            let kernel = Pooling {
                take: if random.below(2) == 0 { Take::Average } else { Take::Maximum },
                window: Window { batches: 2, input_channels: channels, output_channels: channels, ..window },
                low: -90,
                high: 100,
            };
            let input = random.bytes(kernel.window.input_elements());
            let expected = twin(&kernel, &input);
            let mut output = vec![0; expected.len()];
            kernel.run(&input, &mut output).unwrap();
            assert_eq!(output, expected, "{:?}", kernel.window);
        });
    }
}
