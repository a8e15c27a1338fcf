//! LOGISTIC: float32, int8, int16; and what TANH has in common with it.
//!
//! Upstream: `micro/kernels/logistic_common.cc`, `lite/kernels/internal/reference/logistic.h` and
//! `lite/kernels/internal/reference/integer_ops/logistic.h`.

use crate::error::{ErrorKind, Result, ensure};
use crate::math::fixed::logistic;
use crate::math::quantization::{Multiplier, divide_by_power_of_two};
use crate::model::OpKey;
use crate::model::tensor::{Tensor, TensorType};
use crate::ops::signature::{FLOAT32, INT8, INT16, SAME, Signature};
use crate::ops::{Action, Node, Registration, Request};

use super::{bytes_by, bytes_by_real, floats_by, shorts_by, tensors};

/// 1 / (1 + e^-x).
pub static LOGISTIC: Registration = Registration {
    key: OpKey::Builtin(14),
    name: "LOGISTIC",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[FLOAT32.or(INT8).or(INT16)], outputs: &[SAME] }],
    prepare,
};

fn prepare(node: &Node<'_>, request: &mut Request) -> Result<Action> {
    let (input, output) = tensors(node)?;
    match input.element_type {
        TensorType::Float32 => Ok(floats_by(sigmoid)),
        TensorType::Int16 => {
            let rescale = Rescale::new(input, output, 0)?;
            let table = sigmoid_table();
            request.packed(512);
            Ok(shorts_by(move |value| rescale.sigmoid(&table, value)))
        }
        // As TensorFlow Lite; upstream has no uint8.
        _ if input.unsigned => bytes_by_real(node, request, |x| 1.0 / (1.0 + (-x).exp())),
        _ => {
            // As upstream, the scale is taken for 1/256, whatever it is.
            ensure(output.affine()?.1 == -128, ErrorKind::QuantisationInvalid)?;
            let curve = Curve::new(input)?;
            Ok(bytes_by(request, |value| match curve.place(value) {
                Place::Below => -128,
                Place::Above => 127,
                Place::Within(x) => {
                    (divide_by_power_of_two(logistic(x), 23) - 128).clamp(-128, 127)
                }
            }))
        }
    }
}

/// In float32.
#[inline(never)]
pub fn sigmoid(value: f32) -> f32 {
    // Beyond these the formula says nothing more in float32 (upstream's cutoffs).
    if value > 16.619_047 {
        1.0
    } else if value < -9.0 {
        value.exp()
    } else {
        1.0 / (1.0 + (-value).exp())
    }
}

/// Where an int8 lies on a curve that is flat outside of Q4.27.
pub enum Place {
    /// On the flat part below.
    Below,
    /// On the flat part above.
    Above,
    /// At this place in Q4.27.
    Within(i32),
}

/// From int8 to Q4.27.
pub struct Curve {
    zero_point: i32,
    radius: i32,
    factor: Multiplier,
}

impl Curve {
    /// Of this input. The mantissa is not corrected where it rounds up to one, as upstream.
    pub fn new(input: &Tensor) -> Result<Self> {
        let (scale, zero_point) = input.affine()?;
        let factor = Multiplier::new(f64::from(scale) * f64::from(1 << 27))?;
        ensure((0..=30).contains(&factor.shift), ErrorKind::QuantisationInvalid)?;
        let radius = 15.0 * f64::from(1 << 27) / f64::from(1 << factor.shift);
        Ok(Self { zero_point, radius: radius.floor() as i32, factor })
    }

    /// Of this int8.
    pub fn place(&self, value: i32) -> Place {
        let value = value - self.zero_point;
        if value <= -self.radius {
            Place::Below
        } else if value >= self.radius {
            Place::Above
        } else {
            Place::Within(self.factor.apply(value))
        }
    }
}

/// From int16 to steps of a table of 256, with a fraction of so many bits as the table's user says.
pub struct Rescale {
    /// To be multiplied by.
    pub multiplier: i32,
    /// To be shifted by afterwards, with rounding.
    pub right_shift: u32,
}

impl Rescale {
    /// Of this input and output. A power of two as scale is used exactly where its shift is at most `most_left`.
    pub fn new(input: &Tensor, output: &Tensor, most_left: i32) -> Result<Self> {
        let (scale, zero_point) = input.affine()?;
        let sound = zero_point == 0 && scale > 0.0 && output.affine()? == (1.0 / 32768.0, 0);
        ensure(sound, ErrorKind::QuantisationInvalid)?;
        let exponent = f64::from(scale).log2();
        let left = 12 + exponent.round() as i32;
        let is_power = (exponent - exponent.round()).abs() < 1e-3;
        if is_power && (0..=most_left).contains(&left) {
            return Ok(Self { multiplier: 3 << left, right_shift: 0 });
        }
        let mut factor = f64::from(scale) * 4096.0 * 3.0;
        let mut right_shift = 0;
        while factor <= 32767.0 / 2.0 && right_shift <= 30 {
            right_shift += 1;
            factor *= 2.0;
        }
        ensure(factor < f64::from(1 << 16), ErrorKind::QuantisationInvalid)?;
        Ok(Self { multiplier: factor as i32, right_shift })
    }

    /// The place of a value, with its sign.
    #[inline(always)]
    pub fn place(&self, value: i32) -> i32 {
        let round = if self.right_shift > 0 { 1i64 << (self.right_shift - 1) } else { 0 };
        ((i64::from(value) * i64::from(self.multiplier) + round) >> self.right_shift) as i32
    }

    /// The sigmoid of a value, in Q0.15.
    #[inline(always)]
    pub fn sigmoid(&self, table: &[u16; 256], value: i32) -> i32 {
        let place = self.place(value);
        let result = interpolate(table, place.unsigned_abs(), 9).unwrap_or(0x7fff << 10);
        let result = if place >= 0 { result + (1 << 9) } else { (1 << 25) - result + (1 << 9) - 1 };
        (result >> 10) as i32
    }
}

/// Between two entries, scaled by 2^bits; none beyond the table.
#[inline(always)]
pub fn interpolate(table: &[u16; 256], place: u32, bits: u32) -> Option<u32> {
    let at = (place >> bits) as usize;
    if at >= 255 {
        return None;
    }
    let (low, high) = (u32::from(*table.get(at)?), u32::from(*table.get(at + 1)?));
    Some((low << bits) + (place & ((1 << bits) - 1)) * (high - low))
}

/// The sigmoid at multiples of 1/24, by 65,536 (upstream's `sigmoid_table_uint16`). Each sample is raised by half of what is lost by
/// interpolating to the next at the middle.
pub fn sigmoid_table() -> Box<[u16; 256]> {
    let sigmoid = |step: f64| 65536.0 / (1.0 + (-step / 24.0).exp());
    let mut table = Box::new([0; 256]);
    for (step, slot) in (0u16..).zip(table.iter_mut()) {
        let step = f64::from(step);
        let lost = sigmoid(step + 0.5) - (sigmoid(step) + sigmoid(step + 1.0)) / 2.0;
        *slot = (sigmoid(step) + lost / 2.0).round().min(65535.0) as u16;
    }
    // The last is met by interpolation only, and upstream rounds it up.
    table[255] = u16::MAX;
    table
}
