//! QUANTIZE (from float32 or between integer quantisations) and DEQUANTIZE.
//!
//! Upstream: `micro/kernels/quantize_common.cc`, `dequantize_common.cc` and
//! `lite/kernels/internal/reference/{quantize,requantize,dequantize}.h`.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::integer;
use crate::math::quantization::{Multiplier, OutputStage};
use crate::model::OpKey;
use crate::model::tensor::{Location, Tensor, TensorType};
use crate::ops::signature::{FLOAT16, FLOAT32, INT4, INT8, INT16, INT32, Signature, UINT8};
use crate::ops::weights::float::weights;
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request, allocate};
use crate::run::io::Io;

/// To integers, or from one quantisation to another.
pub static QUANTIZE: Registration = Registration {
    key: OpKey::Builtin(114),
    name: "QUANTIZE",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[
        Signature { inputs: &[FLOAT32], outputs: &[INT8.or(INT16)] },
        Signature { inputs: &[INT8], outputs: &[INT8.or(UINT8).or(INT16).or(INT32)] },
        Signature { inputs: &[UINT8], outputs: &[INT8] },
        Signature { inputs: &[INT16], outputs: &[INT8.or(INT16).or(INT32)] },
        Signature { inputs: &[INT32], outputs: &[INT8.or(INT16)] },
    ],
    prepare: prepare_quantize,
};

/// Integers to float32.
pub static DEQUANTIZE: Registration = Registration {
    key: OpKey::Builtin(6),
    name: "DEQUANTIZE",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[INT8.or(UINT8).or(INT16).or(FLOAT16).or(INT4), FLOAT32], outputs: &[FLOAT32] }],
    prepare: prepare_dequantize,
};

/// Scales integers of one quantisation to another.
struct Requantize {
    from: TensorType,
    to: TensorType,
    input_zero_point: i32,
    multiplier: Multiplier,
    stage: OutputStage,
}

/// Rounds floats to integers.
struct Quantize {
    to: TensorType,
    scale: f32,
    stage: OutputStage,
}

/// Multiplies integers out to floats.
struct Dequantize {
    from: TensorType,
    scale: f64,
    zero_point: i32,
}

fn prepare_quantize(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    ensure(input.shape.elements() == output.shape.elements(), ErrorKind::OperatorInvalid)?;
    let (from, to) = (input.element_type, output.element_type);
    let (low, high) = to.range().ok_or(ErrorKind::TypeUnsupported)?;
    let (output_scale, zero_point) = output.affine()?;
    let stage = OutputStage { zero_point, low, high };
    if from == TensorType::Float32 {
        return Ok(Action::run(Quantize { to, scale: output_scale, stage }));
    }
    let (input_scale, input_zero_point) = input.affine()?;
    let multiplier = Multiplier::new(f64::from(input_scale) / f64::from(output_scale))?;
    Ok(Action::run(Requantize { from, to, input_zero_point, multiplier, stage }))
}

/// Constants are multiplied out once, also those of float16, and those with a scale for each channel: upstream takes the first scale
/// for all of these, TensorFlow Lite does as here.
fn prepare_dequantize(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    ensure(input.shape.elements() == output.shape.elements(), ErrorKind::OperatorInvalid)?;
    if matches!(input.location, Location::Constant(_)) {
        return Ok(Action::Constant(vec![constant(node, input)?]));
    }
    if input.element_type == TensorType::Float16 {
        return Ok(Action::run(Widen));
    }
    ensure(input.element_type != TensorType::Int4, ErrorKind::TypeUnsupported)?;
    let (scale, zero_point) = input.affine()?;
    Ok(Action::run(Dequantize { from: input.element_type, scale: f64::from(scale), zero_point }))
}

/// A constant as float32.
fn constant(node: &Node<'_>, input: &Tensor) -> Result<Vec<u8>> {
    let bytes = node.constant(input)?;
    let elements = input.shape.elements();
    let mut floats = allocate(elements.checked_mul(4).ok_or(ErrorKind::MemoryExhausted)?, 0u8)?;
    match input.element_type {
        TensorType::Float16 => widen(bytes, &mut floats),
        TensorType::Int8 | TensorType::Int4 => {
            for (slot, weight) in floats.as_chunks_mut().0.iter_mut().zip(weights(node, input)?) {
                *slot = weight.to_le_bytes();
            }
        }
        from => {
            let (scale, zero_point) = input.affine()?;
            Dequantize { from, scale: f64::from(scale), zero_point }.run(bytes, &mut floats);
        }
    }
    Ok(floats)
}

/// Exact: every float16 is a float32.
fn widen(halves: &[u8], floats: &mut [u8]) {
    for (half, float) in halves.as_chunks().0.iter().zip(floats.as_chunks_mut().0) {
        let half = u32::from(u16::from_le_bytes(*half));
        let (sign, exponent, fraction) = ((half & 0x8000) << 16, half >> 10 & 31, half & 0x3ff);
        let magnitude = match exponent {
            // Without a leading one: so many units of 2^-24.
            0 => (fraction as f32 / 16_777_216.0).to_bits(),
            31 => 0xff << 23 | fraction << 13,
            _ => (exponent + 112) << 23 | fraction << 13,
        };
        *float = (sign | magnitude).to_le_bytes();
    }
}

/// float16 to float32.
struct Widen;

impl Kernel for Widen {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        widen(input, output);
        Ok(Flow::Next)
    }
}

impl Kernel for Requantize {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let (size, width) = (self.from.bits() / 8, self.to.bits() / 8);
        for (input, output) in input.chunks_exact(size).zip(output.chunks_exact_mut(width)) {
            let value = (integer::read(self.from, input) as i32).wrapping_sub(self.input_zero_point);
            let value = self.stage.finish(self.multiplier.apply(value));
            integer::write(i64::from(value), output);
        }
        Ok(Flow::Next)
    }
}

impl Kernel for Quantize {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        let (floats, _) = input.as_chunks();
        for (input, output) in floats.iter().zip(output.chunks_exact_mut(self.to.bits() / 8)) {
            let scaled = (f32::from_le_bytes(*input) / self.scale).round();
            // The cast saturates, and NaN becomes 0; upstream leaves both undefined.
            let value = (scaled as i32).saturating_add(self.stage.zero_point);
            integer::write(i64::from(value.clamp(self.stage.low, self.stage.high)), output);
        }
        Ok(Flow::Next)
    }
}

impl Kernel for Dequantize {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        self.run(input, output);
        Ok(Flow::Next)
    }
}

impl Dequantize {
    fn run(&self, input: &[u8], output: &mut [u8]) {
        let (floats, _) = output.as_chunks_mut();
        for (input, output) in input.chunks_exact(self.from.bits() / 8).zip(floats) {
            let value = (integer::read(self.from, input) as i32).wrapping_sub(self.zero_point);
            *output = ((self.scale * f64::from(value)) as f32).to_le_bytes();
        }
    }
}
