//! RESIZE_BILINEAR: float32, int8.
//!
//! Upstream: `lite/kernels/internal/reference/resize_bilinear.h`. Places are in float32, and for int8 in steps of 1/1024. With half
//! pixels a place may lie before the first pixel, which then weighs more than one: so upstream.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::integer::Element;
use crate::model::OpKey;
use crate::model::tensor::{SHIFT, TensorType};
use crate::ops::signature::{FLOAT32, INT8, INT32, SAME, Signature};
use crate::ops::weights::float::{floats, floats_mut};
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request};
use crate::run::io::{Io, Port};

use super::{Alignment, Extents, Images};

/// Images of another size, of means of neighbouring pixels.
pub static RESIZE_BILINEAR: Registration = Registration {
    key: OpKey::Builtin(23),
    name: "RESIZE_BILINEAR",
    inputs: 2..=2,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8), INT32], outputs: &[SAME] }],
    prepare,
};

struct Bilinear {
    images: Images,
    alignment: Alignment<15, 2>,
    is_float: bool,
    unsigned: bool,
}

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let alignment: Alignment<15, 2> = node.options()?;
    ensure(!(alignment.corners && alignment.half_pixels), ErrorKind::OperatorInvalid)?;
    let output = node.output(0)?;
    request.macs(4 * output.shape.elements() as u64);
    let is_float = output.element_type == TensorType::Float32;
    Ok(Action::run(Bilinear { images: Images::new(node)?, alignment, is_float, unsigned: output.unsigned }))
}

/// Two neighbours and their weights.
#[derive(Clone, Copy)]
struct Between<W> {
    at: [usize; 2],
    weights: [W; 2],
}

/// What is between four corners, the products in upstream's order.
#[inline(always)]
fn blend(y: Between<f32>, x: Between<f32>, [a, b, c, d]: [f32; 4]) -> f32 {
    a * y.weights[0] * x.weights[0]
        + b * y.weights[1] * x.weights[0]
        + c * y.weights[0] * x.weights[1]
        + d * y.weights[1] * x.weights[1]
}

/// One pixel in steps of a place.
const ONE: i64 = 1 << 10;

impl Bilinear {
    fn float(&self, at: usize, Extents { input, output }: Extents) -> Between<f32> {
        let scale = if self.alignment.corners && output > 1 {
            (input - 1) as f32 / (output - 1) as f32
        } else {
            input as f32 / output as f32
        };
        let place = if self.alignment.half_pixels { (at as f32 + 0.5) * scale - 0.5 } else { at as f32 * scale };
        // Casts saturate at 0.
        let (low, high) = ((place.floor() as usize).min(input - 1), (place.ceil() as usize).min(input - 1));
        let rest = place - low as f32;
        Between { at: [low, high], weights: [1.0 - rest, rest] }
    }

    fn fixed(&self, at: usize, Extents { input, output }: Extents) -> Between<i64> {
        let (at, input, output) = (at as i64, input as i64, output as i64);
        let scale = if self.alignment.corners && output > 1 {
            (ONE * (input - 1) + (output - 1) / 2) / (output - 1)
        } else {
            (ONE * input + output / 2) / output
        };
        let place = if self.alignment.half_pixels { at * scale + scale / 2 - ONE / 2 } else { at * scale };
        // Where the scale is rounded up, places may lie behind the last pixel: upstream reads on.
        let low = (place / ONE).clamp(0, input - 1);
        let high = ((place + ONE - 1) / ONE).min(input - 1);
        let rest = place - ONE * low;
        Between { at: [low as usize, high as usize], weights: [ONE - rest, rest] }
    }
}

impl Kernel for Bilinear {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let ([input], [output]) = io.cut([Port::Input(0)], [Port::Output(0)])?;
        let images = &self.images;
        if self.is_float {
            images.paint((input, output), |image, y, x, output| {
                let (y, x) = (self.float(y, images.height), self.float(x, images.width));
                let [a, b, c, d] = images.corners(image, y.at, x.at)?.map(floats);
                let corners = a.iter().zip(b).zip(c.iter().zip(d));
                for (output, ((a, b), (c, d))) in floats_mut(output).iter_mut().zip(corners) {
                    let value = blend(y, x, [a, b, c, d].map(|corner| f32::from_le_bytes(*corner)));
                    // Upstream adds a zero: -0 becomes 0.
                    *output = (value + 0.0).to_le_bytes();
                }
                Ok(())
            })?;
        } else if self.unsigned {
            // Upstream has no uint8; as TensorFlow Lite, which computes it in float32.
            images.paint((input, output), |image, y, x, output| {
                let (y, x) = (self.float(y, images.height), self.float(x, images.width));
                let [a, b, c, d] = images.corners(image, y.at, x.at)?;
                let corners = a.iter().zip(b).zip(c.iter().zip(d));
                for (output, ((a, b), (c, d))) in output.iter_mut().zip(corners) {
                    let value = blend(y, x, [a, b, c, d].map(|corner| f32::from(corner ^ SHIFT)));
                    *output = (value + 0.5) as u8 ^ SHIFT;
                }
                Ok(())
            })?;
        } else {
            images.paint((input, output), |image, y, x, output| {
                let (y, x) = (self.fixed(y, images.height), self.fixed(x, images.width));
                let [a, b, c, d] = images.corners(image, y.at, x.at)?;
                let corners = a.iter().zip(b).zip(c.iter().zip(d));
                for (output, ((a, b), (c, d))) in output.iter_mut().zip(corners) {
                    let value = i64::from(a.value()) * y.weights[0] * x.weights[0]
                        + i64::from(b.value()) * y.weights[1] * x.weights[0]
                        + i64::from(c.value()) * y.weights[0] * x.weights[1]
                        + i64::from(d.value()) * y.weights[1] * x.weights[1];
                    let half = if value > 0 { ONE * ONE / 2 } else { -(ONE * ONE / 2) };
                    *output = u8::of(((value + half) / (ONE * ONE)) as i32);
                }
                Ok(())
            })?;
        }
        Ok(Flow::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType::{Float32, Int8};
    use crate::testing::{Field, Given, Random, bytes_of, floats_of, run, single};

    fn resize(element_type: TensorType, from: [usize; 4], to: [usize; 4], alignment: [i8; 2], input: &[u8]) -> Result<Vec<u8>> {
        let tensors = [
            Given::input(element_type, &from),
            Given::int32s(&[2], &[to[1] as i32, to[2] as i32]),
            Given::output(element_type, &to),
        ];
        let fields = [(2, Field::I8(alignment[0])), (3, Field::I8(alignment[1]))];
        Ok(run(single(&RESIZE_BILINEAR, &tensors, Some((15, &fields))), &[input])?.remove(0))
    }

    /// In real numbers: the value at a place between pixels, none beyond the outermost.
    fn real(input: &[f64], [height, width]: [usize; 2], y: f64, x: f64) -> f64 {
        let within = |place: f64, extent: usize| place.clamp(0.0, (extent - 1) as f64);
        let (y, x) = (within(y, height), within(x, width));
        let value = |y: f64, x: f64| input[y as usize * width + x as usize];
        let (rest_y, rest_x) = (y.fract(), x.fract());
        let row = |y: f64| value(y, x.floor()) * (1.0 - rest_x) + value(y, x.ceil()) * rest_x;
        row(y.floor()) * (1.0 - rest_y) + row(y.ceil()) * rest_y
    }

    #[test]
    fn pixels_are_those_of_the_real_function() {
        let mut random = Random::new(43);
        for _ in 0..300 {
            let mut pair = || [1 + random.below(6), 1 + random.below(6)];
            let ([height, width], to) = (pair(), pair());
            let alignment = [[0, 0], [1, 0], [0, 1]][random.below(3)];
            let floats: Vec<f32> = random.floats(height * width).iter().map(|value| (value * 100.0).round()).collect();
            let bytes: Vec<u8> = floats.iter().map(|value| *value as i8 as u8).collect();
            let (from, shape) = ([1, height, width, 1], [1, to[0], to[1], 1]);
            let found = floats_of(&resize(Float32, from, shape, alignment, &bytes_of(&floats)).unwrap());
            let fixed = resize(Int8, from, shape, alignment, &bytes).unwrap();
            let place = |at: usize, input: usize, output: usize| match alignment {
                [1, 0] if output > 1 => at as f64 * (input - 1) as f64 / (output - 1) as f64,
                [_, 1] => (at as f64 + 0.5) * input as f64 / output as f64 - 0.5,
                _ => at as f64 * input as f64 / output as f64,
            };
            let input: Vec<f64> = floats.iter().map(|value| f64::from(*value)).collect();
            for (at, (float, byte)) in found.iter().zip(fixed).enumerate() {
                let (y, x) = (place(at / to[1], height, to[0]), place(at % to[1], width, to[1]));
                let real = real(&input, [height, width], y, x);
                assert!((f64::from(*float) - real).abs() < 1e-3, "{from:?} {shape:?} {alignment:?} {float} {real}");
                // Places are rounded to 1/1024, and so is the step between them.
                let error = (f64::from(byte as i8) - real).abs();
                assert!(error < 2.5, "{from:?} {shape:?} {alignment:?} {byte} {real}");
            }
        }
    }

    #[test]
    fn both_alignments_at_once_are_refused() {
        let end = resize(Int8, [1, 2, 2, 1], [1, 3, 3, 1], [1, 1], &[0; 4]);
        assert_eq!(end.unwrap_err().kind(), ErrorKind::OperatorInvalid);
    }

    #[test]
    fn places_behind_the_last_pixel_take_the_last() {
        let found = resize(Int8, [1, 1, 1, 1], [1, 1, 2000, 1], [0, 0], &[100]).unwrap();
        assert_eq!(found, vec![100; 2000]);
    }
}
