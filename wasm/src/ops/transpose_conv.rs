//! TRANSPOSE_CONV: float32, int8, int16 with int8 weights. Every input adds its products to the outputs that it reaches.
//!
//! Upstream: `micro/kernels/transpose_conv.cc` and `lite/kernels/internal/reference/{transpose_conv.h,integer_ops/transpose_conv.h}`.
//! The first input, the shape of the output, is not read: the output's own counts.

use crate::error::{ErrorKind, Result, ensure};
use crate::file::flatbuffer::Table;
use crate::math::quantization::{Activation, Multiplier, OutputStage};
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT8, INT16, INT32, INT64, Signature};
use crate::ops::weights::float::{self, Bounds, Float, LANES, floats, floats_mut};
use crate::ops::weights::int8;
use crate::ops::weights::int16::{Bias, is_narrow};
use crate::ops::weights::pack::pack_groups;
use crate::ops::window::{Axis, Padding, Sliding, positive};
use crate::ops::{Action, Flow, Kernel, Node, Options, Registration, Request, activation, allocate};
use crate::run::io::{Io, Port};
use crate::simd::float as simd;

/// The way back of a convolution.
pub static TRANSPOSE_CONV: Registration = Registration {
    key: OpKey::Builtin(67),
    name: "TRANSPOSE_CONV",
    inputs: 3..=4,
    outputs: 1..=1,
    types: &[
        Signature { inputs: &[INT32, FLOAT32], outputs: &[FLOAT32] },
        Signature { inputs: &[INT32, INT8, INT8, INT32], outputs: &[INT8] },
        Signature { inputs: &[INT32, INT8, INT16, INT64.or(INT32).or(INT16)], outputs: &[INT16] },
    ],
    prepare,
};

/// MediaPipe's way back of a convolution, always with a bias. Its attributes are three words of C: padding (1 same, 2 valid) and strides
/// (width, height). As MediaPipe's `util/tflite/operations/transpose_conv_bias.cc`.
pub static CONVOLUTION_2D_TRANSPOSE_BIAS: Registration = Registration {
    key: OpKey::Custom(b"Convolution2DTransposeBias"),
    name: "Convolution2DTransposeBias",
    inputs: 3..=3,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32], outputs: &[FLOAT32] }],
    prepare: prepare_biased,
};

struct TransposeConvOptions {
    sliding: Sliding,
    activation: Activation,
    narrow: bool,
}

impl Options for TransposeConvOptions {
    const MEMBER: u8 = 49;

    fn read(table: &Table<'_>) -> Result<Self> {
        Ok(Self {
            sliding: Sliding::read(table, None)?,
            activation: activation(table, 3)?,
            narrow: is_narrow(table, 4)?,
        })
    }
}

/// A window that slides over the output, one step for each pixel of the input.
struct Geometry {
    batches: usize,
    /// (height, width) of the input.
    input: (usize, usize),
    input_channels: usize,
    /// Of the output, which the window slides over.
    height: Axis,
    width: Axis,
    output_channels: usize,
}

/// Where the filter is.
const FILTER: usize = 1;
/// Where the input is, and the bias.
const INPUT: usize = 2;
const BIAS: usize = 3;

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let TransposeConvOptions { sliding, activation, narrow } = node.options()?;
    let geometry = geometry(node, request, INPUT, &sliding)?;
    match node.input(INPUT)?.element_type {
        TensorType::Float32 => prepare_float(node, request, geometry, activation, (INPUT, BIAS)),
        _ => prepare_integer(node, request, geometry, (activation, narrow)),
    }
}

fn prepare_biased(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let words = node.model.bytes.get(node.operator.custom_options.clone()).unwrap_or(&[]).as_chunks::<4>().0;
    let &[padding, width, height, ..] = words else { return Err(ErrorKind::OperatorInvalid.into()) };
    let padding = match i32::from_le_bytes(padding) {
        1 => Padding::Same,
        2 => Padding::Valid,
        _ => return Err(ErrorKind::OperatorInvalid.into()),
    };
    let stride = (positive(i32::from_le_bytes(height))?, positive(i32::from_le_bytes(width))?);
    let geometry = geometry(node, request, 0, &Sliding { padding, stride, dilation: (1, 1) })?;
    prepare_float(node, request, geometry, Activation::None, (0, 2))
}

fn geometry(node: &Node<'_>, request: &mut Request, input: usize, sliding: &Sliding) -> Result<Geometry> {
    let (filter, input, output) = (node.input(FILTER)?, node.input(input)?, node.output(0)?);
    let invalid = ErrorKind::OperatorInvalid;
    let [batches, input_height, input_width, input_channels] = input.shape.image()?;
    let [output_channels, filter_height, filter_width, filter_channels] = filter.shape.image()?;
    let [output_batches, output_height, output_width, channels] = output.shape.image()?;
    ensure(filter_channels == input_channels && channels == output_channels, invalid)?;
    ensure(output_batches == batches, invalid)?;
    let taps = (filter_height, filter_width);
    let (height, width) = Axis::pair(sliding, (output_height, output_width), taps)?;
    let input_size = (input_height, input_width);
    request.macs(input.shape.elements() as u64 * (filter_height * filter_width * channels) as u64);
    Ok(Geometry { batches, input: input_size, input_channels, height, width, output_channels })
}

impl Geometry {
    /// Visits every product: (input, weight, output), inputs in order.
    #[inline(always)]
    fn each(&self, mut visit: impl FnMut(usize, usize, usize) -> Result<()>) -> Result<()> {
        let (height, width) = (&self.height, &self.width);
        let taps = height.filter * width.filter;
        let mut input = 0;
        for batch in 0..self.batches {
            for y in 0..self.input.0 {
                for x in 0..self.input.1 {
                    for channel in 0..self.input_channels {
                        for tap in 0..taps {
                            let (row, column) = (tap / width.filter, tap % width.filter);
                            let (Some(to_y), Some(to_x)) = (
                                (y * height.stride + row).checked_sub(height.padding).filter(|y| *y < height.input),
                                (x * width.stride + column).checked_sub(width.padding).filter(|x| *x < width.input),
                            ) else {
                                continue;
                            };
                            let pixel = (batch * height.input + to_y) * width.input + to_x;
                            for to in 0..self.output_channels {
                                let weight = (to * taps + tap) * self.input_channels + channel;
                                visit(input, weight, pixel * self.output_channels + to)?;
                            }
                        }
                        input += 1;
                    }
                }
            }
        }
        Ok(())
    }
}

struct FloatTranspose {
    geometry: Geometry,
    /// Which input is the image.
    input: usize,
    /// Per row of the filter, blocks of eight neighbours in the output: `[row][(column, channel) / 8][input channel][8]`.
    weights: Vec<[f32; LANES]>,
    bias: Vec<f32>,
    bounds: Bounds,
}

fn prepare_float(
    node: &Node<'_>,
    request: &mut Request,
    geometry: Geometry,
    activation: Activation,
    (input, bias): (usize, usize),
) -> Result<Action> {
    let weights = float::weights(node, node.input(FILTER)?)?;
    let (depth, channels) = (geometry.input_channels, geometry.output_channels);
    let taps = geometry.height.filter * geometry.width.filter;
    // From [channel][tap][input channel] to [tap][channel][input channel].
    let mut turned = allocate(weights.len(), 0.0)?;
    for (at, turned) in turned.chunks_exact_mut(depth).enumerate() {
        let from = (at % channels * taps + at / channels) * depth;
        turned.copy_from_slice(weights.get(from..from + depth).ok_or(ErrorKind::EngineInternal)?);
    }
    let kernel = FloatTranspose {
        input,
        weights: pack_groups(&turned, depth, geometry.width.filter * channels * depth)?,
        bias: float::bias(node, bias, geometry.output_channels)?,
        bounds: Bounds::new(activation),
        geometry,
    };
    request.packed((kernel.weights.len() * LANES + kernel.bias.len()) * 4);
    Ok(Action::run(kernel))
}

impl Kernel for FloatTranspose {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input], [output]) = io.cut([Port::Input(self.input)], [Port::Output(0)])?;
        let output = floats_mut(output);
        output.fill([0; 4]);
        self.sum(floats(input), output).ok_or(ErrorKind::EngineInternal)?;
        for pixel in output.chunks_exact_mut(self.geometry.output_channels) {
            for (output, bias) in pixel.iter_mut().zip(&self.bias) {
                *output = self.bounds.clamp(f32::from_le_bytes(*output) + bias).to_le_bytes();
            }
        }
        Ok(Flow::Next)
    }
}

impl FloatTranspose {
    /// Adds the products of every input: pixel by pixel, and of one pixel channel by channel, as upstream does for each output.
    fn sum(&self, input: &[Float], output: &mut [Float]) -> Option<()> {
        let Geometry { input: (rows, columns), input_channels, height, width, output_channels, .. } = &self.geometry;
        let images = output.chunks_exact_mut(height.input * width.input * output_channels);
        let row_weights = (width.filter * output_channels).div_ceil(LANES) * input_channels;
        let mut pixels = input.chunks_exact(*input_channels);
        for output in images {
            for (y, x) in (0..*rows).flat_map(|y| (0..*columns).map(move |x| (y, x))) {
                let pixel = pixels.next()?;
                let ((taps, to_y), (across, to_x)) = (height.taps(y), width.taps(x));
                // Inputs may lie so far to the right that they reach no output.
                if across.is_empty() {
                    continue;
                }
                let (start, end) = (across.start * output_channels, across.end * output_channels);
                let weights = self.weights.chunks_exact(row_weights).skip(taps.start);
                for ((number, _), weights) in taps.enumerate().zip(weights) {
                    let first = ((to_y + number) * width.input + to_x) * output_channels;
                    let outputs = output.get_mut(first..)?.get_mut(..end - start)?;
                    for (block, weights) in weights.chunks_exact(*input_channels).enumerate() {
                        add(pixel, weights, block * LANES, (start, outputs))?;
                    }
                }
            }
        }
        Some(())
    }
}

/// Adds a pixel's products to a block of eight of its row, of which some may not be inside the image: there `start` is the first.
#[inline(always)]
fn add(pixel: &[Float], weights: &[[f32; LANES]], block: usize, (start, outputs): (usize, &mut [Float])) -> Option<()> {
    let skipped = start.saturating_sub(block).min(LANES);
    let outputs = outputs.get_mut((block + skipped).saturating_sub(start)..).unwrap_or_default();
    let mut sums = [Float::default(); LANES];
    for (sum, output) in sums.iter_mut().skip(skipped).zip(&*outputs) {
        *sum = *output;
    }
    let mut vectors = [[simd::eight_of(&sums)]];
    simd::accumulate(&mut vectors, [pixel], [weights], pixel.len())?;
    let [[[low, high]]] = vectors;
    let sums = [low.bytes(), high.bytes()];
    for (output, sum) in outputs.iter_mut().zip(sums.as_flattened().iter().skip(skipped)) {
        *output = *sum;
    }
    Some(())
}

struct IntegerTranspose {
    geometry: Geometry,
    element_type: TensorType,
    input_offset: i64,
    /// Negated zero point of the weights: 0 unless they were uint8.
    weights_offset: i64,
    weights: Vec<i8>,
    bias: Bias,
    multipliers: Vec<Multiplier>,
    stage: OutputStage,
    /// The sums of all outputs.
    sums: Port,
}

fn prepare_integer(
    node: &Node<'_>,
    request: &mut Request,
    geometry: Geometry,
    (activation, narrow): (Activation, bool),
) -> Result<Action> {
    let (filter, input, output) = (node.input(FILTER)?, node.input(INPUT)?, node.output(0)?);
    let channels = geometry.output_channels;
    let is_wide = input.element_type == TensorType::Int16;
    if is_wide {
        ensure(input.affine()?.1 == 0 && output.affine()?.1 == 0, ErrorKind::QuantisationInvalid)?;
    }
    let (multipliers, weights_offset) = if filter.unsigned {
        int8::whole_multipliers(input, filter, None, output, channels)?
    } else {
        (int8::multipliers(input, filter, output, channels)?, 0)
    };
    let kernel = IntegerTranspose {
        element_type: input.element_type,
        input_offset: -i64::from(input.affine()?.1),
        weights: int8::weights(node, filter)?,
        bias: Bias::read(node, BIAS, channels, narrow || !is_wide)?,
        multipliers,
        weights_offset: i64::from(weights_offset),
        stage: OutputStage::new(output, activation)?,
        sums: request.scratch(output.shape.elements() * if is_wide { 8 } else { 4 }),
        geometry,
    };
    kernel.bias.check(&kernel.multipliers)?;
    request.packed(kernel.weights.len() + channels * 8 + kernel.bias.bytes());
    Ok(Action::run(kernel))
}

impl Kernel for IntegerTranspose {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input], [output, sums]) = io.cut([Port::Input(INPUT)], [Port::Output(0), self.sums])?;
        sums.fill(0);
        if self.element_type == TensorType::Int16 {
            let input = input.as_chunks().0;
            self.sum(sums.as_chunks_mut::<8>().0, |at| input.get(at).map(|value| i64::from(i16::from_le_bytes(*value))))?;
            self.finish(output.as_chunks_mut().0, sums.as_chunks::<8>().0, |bytes| i64::from_le_bytes(*bytes), i16::to_le_bytes);
        } else {
            self.sum(sums.as_chunks_mut::<4>().0, |at| input.get(at).map(|value| i64::from(*value as i8)))?;
            let narrow = |bytes: &[u8; 4]| i64::from(i32::from_le_bytes(*bytes));
            self.finish(output.as_chunks_mut().0, sums.as_chunks::<4>().0, narrow, |value| [value as u8]);
        }
        Ok(Flow::Next)
    }
}

impl IntegerTranspose {
    /// Adds all products to sums of so many bytes, which wrap.
    fn sum<const N: usize>(&self, sums: &mut [[u8; N]], input: impl Fn(usize) -> Option<i64>) -> Result<()> {
        self.geometry.each(|input_at, weight_at, output_at| {
            let (Some(input), Some(weight), Some(sum)) =
                (input(input_at), self.weights.get(weight_at), sums.get_mut(output_at))
            else {
                return Err(ErrorKind::EngineInternal.into());
            };
            let mut bytes = [0; 8];
            for (slot, byte) in bytes.iter_mut().zip(sum.iter()) {
                *slot = *byte;
            }
            let added = i64::from_le_bytes(bytes).wrapping_add((input + self.input_offset) * (i64::from(*weight) + self.weights_offset));
            for (slot, byte) in sum.iter_mut().zip(added.to_le_bytes()) {
                *slot = byte;
            }
            Ok(())
        })
    }

    fn finish<const N: usize, const O: usize>(
        &self,
        output: &mut [[u8; O]],
        sums: &[[u8; N]],
        read: impl Fn(&[u8; N]) -> i64,
        write: impl Fn(i16) -> [u8; O],
    ) {
        let channels = self.geometry.output_channels;
        for (output, sums) in output.chunks_exact_mut(channels).zip(sums.chunks_exact(channels)) {
            for (channel, ((output, sum), multiplier)) in output.iter_mut().zip(sums).zip(&self.multipliers).enumerate() {
                *output = write(self.bias.finish(channel, read(sum), *multiplier, self.stage));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::{Float32, Int8};
    use crate::testing::{Field, Given, Random, Shapes, assert_same, bytes_of, rescale, run, single, sliding_fields, try_windows};

    /// Of an input of two by two with one channel: outputs of three by three and of four by four.
    fn fields(stride: i32) -> [(usize, Field); 4] {
        [(0, Field::I8(1)), (1, Field::I32(stride)), (2, Field::I32(stride)), (3, Field::I8(0))]
    }

    #[test]
    fn every_input_is_spread_by_the_filter() {
        let floats = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let tensors = [
            Given::int32s(&[4], &[1, 3, 3, 1]),
            Given::constant(Float32, &[1, 2, 2, 1], floats(&[1.0, 10.0, 100.0, 1000.0])),
            Given::input(Float32, &[1, 2, 2, 1]),
            Given::output(Float32, &[1, 3, 3, 1]),
        ];
        let model = single(&TRANSPOSE_CONV, &tensors, Some((49, &fields(1))));
        let expected = [1.0, 12.0, 20.0, 103.0, 1234.0, 2040.0, 300.0, 3400.0, 4000.0];
        assert_eq!(run(model, &[&floats(&[1.0, 2.0, 3.0, 4.0])]).unwrap(), [floats(&expected)]);
    }

    #[test]
    fn sums_of_floats_are_in_the_order_of_upstreams_loops() {
        try_windows(29, 300, &Shapes { image: 9, dilation: 1 }, |random, sliding, window| {
            let (depth, channels, batches) = (1 + random.below(6), 1 + random.below(11), 1 + random.below(2));
            let (h, w) = (&window.height, &window.width);
            // Some inputs may reach no output.
            let (rows, columns) = (h.output + random.below(4), w.output + random.below(4));
            let (from, to) = ([batches, rows, columns, depth], [batches, h.input, w.input, channels]);
            let filter = random.floats(channels * window.taps() * depth);
            let bias = random.floats(channels);
            let input = random.floats(from.iter().product());
            let mut sums = vec![0.0; to.iter().product()];
            for (at, value) in input.iter().enumerate() {
                let (channel, pixel) = (at % depth, at / depth);
                let (batch, y, x) = (pixel / columns / rows, pixel / columns % rows, pixel % columns);
                for tap in 0..window.taps() {
                    let to_y = (y * h.stride + tap / w.filter).checked_sub(h.padding).filter(|y| *y < h.input);
                    let to_x = (x * w.stride + tap % w.filter).checked_sub(w.padding).filter(|x| *x < w.input);
                    let (Some(to_y), Some(to_x)) = (to_y, to_x) else { continue };
                    for to in 0..channels {
                        let place = ((batch * h.input + to_y) * w.input + to_x) * channels + to;
                        sums[place] += value * filter[(to * window.taps() + tap) * depth + channel];
                    }
                }
            }
            let tensors = [
                Given::int32s(&[4], &to.map(|extent| extent as i32)),
                Given::floats(&[channels, h.filter, w.filter, depth], &filter),
                Given::input(Float32, &from),
                Given::floats(&[channels], &bias),
                Given::output(Float32, &to),
            ];
            let expected: Vec<f32> = sums.iter().enumerate().map(|(at, sum)| sum + bias[at % channels]).collect();
            let model = single(&TRANSPOSE_CONV, &tensors, Some((49, &sliding_fields(sliding, None))));
            let output = run(model, &[&bytes_of(&input)]).unwrap();
            assert_same(&output[0], &expected, &format!("{window:?} {depth} {channels}"));
        });
    }

    #[test]
    fn integers_are_summed_before_they_are_rescaled() {
        let mut random = Random::new(31);
        for _ in 0..100 {
            let (filter, bias, scales) = (random.weights(8), random.biases(2), random.scales(2));
            let (from, to) = (random.zero_point(), random.zero_point());
            let bytes = filter.iter().map(|weight| *weight as u8).collect();
            let tensors = [
                Given::int32s(&[4], &[1, 4, 4, 2]),
                Given::constant(Int8, &[2, 2, 2, 1], bytes).per_channel(&scales, 0),
                Given::input(Int8, &[1, 2, 2, 1]).affine(1.0, from),
                Given::int32s(&[2], &bias),
                Given::output(Int8, &[1, 4, 4, 2]).affine(1.0, to),
            ];
            let input = random.bytes(4);
            let mut expected = Vec::new();
            for (y, x, channel) in (0..4).flat_map(|y| (0..4).flat_map(move |x| [(y, x, 0), (y, x, 1)])) {
                // With a stride as wide as the filter every output has one input.
                let value = i32::from(input[y / 2 * 2 + x / 2] as i8) - from;
                let sum = bias[channel] + value * i32::from(filter[channel * 4 + y % 2 * 2 + x % 2]);
                expected.push(rescale(sum, f64::from(scales[channel]), to));
            }
            let model = single(&TRANSPOSE_CONV, &tensors, Some((49, &fields(2))));
            assert_eq!(run(model, &[&input]).unwrap(), [expected]);
        }
    }
}
