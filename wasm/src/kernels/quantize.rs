//! QUANTIZE (from float32 or between integer quantisations) and DEQUANTIZE.
//!
//! Upstream: `micro/kernels/quantize_common.cc`, `dequantize_common.cc` and
//! `lite/kernels/internal/reference/{quantize,requantize,dequantize}.h`.

use crate::arena::{Inputs, Outputs};
use crate::error::{ErrorKind, Result, ensure};
use crate::kernels::{Kernel, Node, Prepared};
use crate::math::quantization::{Multiplier, OutputStage};
use crate::model::tensor::TensorType;

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

/// Checks a QUANTIZE.
pub fn prepare_quantize(node: &Node<'_>) -> Result<Prepared> {
    use TensorType::{Float32, Int8, Int16, Int32, Uint8};
    node.expect(1..=1, 1)?;
    let (input, output) = (node.input(0)?, node.output(0)?);
    ensure(input.shape.elements() == output.shape.elements(), ErrorKind::OperatorInvalid)?;
    let (from, to) = (input.element_type, output.element_type);
    let unsupported = ErrorKind::TypeUnsupported;
    let (low, high) = to.range().ok_or(unsupported)?;
    let (output_scale, zero_point) = output.affine()?;
    let stage = OutputStage { zero_point, low, high };
    match (from, to) {
        (Float32, Int8 | Int16) => {
            Ok(Prepared::simple(Quantize { to, scale: output_scale, stage }))
        }
        (Int8, Int8 | Uint8 | Int16 | Int32)
        | (Uint8, Int8)
        | (Int16, Int8 | Int16 | Int32)
        | (Int32, Int8 | Int16) => {
            let (input_scale, input_zero_point) = input.affine()?;
            let multiplier = Multiplier::new(f64::from(input_scale) / f64::from(output_scale))?;
            Ok(Prepared::simple(Requantize { from, to, input_zero_point, multiplier, stage }))
        }
        _ => Err(unsupported.into()),
    }
}

/// Checks a DEQUANTIZE.
pub fn prepare_dequantize(node: &Node<'_>) -> Result<Prepared> {
    use TensorType::{Float32, Int8, Int16, Uint8};
    node.expect(1..=1, 1)?;
    let (input, output) = (node.input(0)?, node.output(0)?);
    ensure(input.shape.elements() == output.shape.elements(), ErrorKind::OperatorInvalid)?;
    match (input.element_type, output.element_type) {
        (from @ (Int8 | Int16 | Uint8), Float32) => {
            let (scale, zero_point) = input.affine()?;
            Ok(Prepared::simple(Dequantize { from, scale: f64::from(scale), zero_point }))
        }
        _ => Err(ErrorKind::TypeUnsupported.into()),
    }
}

impl Kernel for Requantize {
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()> {
        let (input, output) = (inputs.get(0)?, outputs.get(0)?);
        let (size, width) = (self.from.bits() / 8, self.to.bits() / 8);
        for (input, output) in input.chunks_exact(size).zip(output.chunks_exact_mut(width)) {
            let value = integer(self.from, input).wrapping_sub(self.input_zero_point);
            let value = self.stage.finish(self.multiplier.apply(value));
            store(output, value);
        }
        Ok(())
    }
}

impl Kernel for Quantize {
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()> {
        let (input, output) = (inputs.get(0)?, outputs.get(0)?);
        let (floats, _) = input.as_chunks();
        for (input, output) in floats.iter().zip(output.chunks_exact_mut(self.to.bits() / 8)) {
            let scaled = (f32::from_le_bytes(*input) / self.scale).round();
            // The cast saturates, and NaN becomes 0; upstream leaves both undefined.
            let value = (scaled as i32).saturating_add(self.stage.zero_point);
            store(output, value.clamp(self.stage.low, self.stage.high));
        }
        Ok(())
    }
}

impl Kernel for Dequantize {
    fn eval(&self, inputs: &Inputs<'_>, outputs: &mut Outputs<'_>) -> Result<()> {
        let (input, output) = (inputs.get(0)?, outputs.get(0)?);
        let (floats, _) = output.as_chunks_mut();
        for (input, output) in input.chunks_exact(self.from.bits() / 8).zip(floats) {
            let value = integer(self.from, input) - self.zero_point;
            *output = ((self.scale * f64::from(value)) as f32).to_le_bytes();
        }
        Ok(())
    }
}

/// A little-endian integer of this type, from as many bytes as it has.
#[inline(always)]
fn integer(element_type: TensorType, bytes: &[u8]) -> i32 {
    match (element_type, bytes) {
        (TensorType::Uint8, [byte]) => i32::from(*byte),
        (_, [byte]) => i32::from(*byte as i8),
        (_, [low, high]) => i32::from(i16::from_le_bytes([*low, *high])),
        (_, [a, b, c, d]) => i32::from_le_bytes([*a, *b, *c, *d]),
        _ => 0,
    }
}

/// The low bytes of a clamped value.
#[inline(always)]
fn store(output: &mut [u8], value: i32) {
    for (slot, byte) in output.iter_mut().zip(value.to_le_bytes()) {
        *slot = byte;
    }
}
