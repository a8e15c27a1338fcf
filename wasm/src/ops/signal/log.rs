//! SignalFilterBankLog.
//!
//! Upstream: `filter_bank_log.cc`, `log.cc`.

use super::{ANY, SHIFT_32, are_lines, attributes, length};
use crate::error::{ErrorKind, Result, ensure};
use crate::model::OpKey;
use crate::ops::signature::{INT16, Signature, UINT32};
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request};
use crate::run::io::{Io, Port};

/// Logarithms of channels, scaled.
pub static FILTER_BANK_LOG: Registration = Registration {
    key: OpKey::Custom(b"SignalFilterBankLog"),
    name: "SignalFilterBankLog",
    inputs: 1..=1,
    outputs: 1..=1,
    types: &[Signature { inputs: &[UINT32], outputs: &[INT16] }],
    prepare,
};

struct FilterBankLog {
    /// Bits by which inputs are too small.
    correction: i32,
    /// Wraps, as all that it is multiplied with.
    scale: u32,
}

fn prepare(node: &Node<'_>, _: &mut Request) -> Result<Action> {
    let sound = are_lines(node, &[Port::Output(0)], length(node, Port::Input(0)));
    ensure(sound, ErrorKind::OperatorInvalid)?;
    let [correction, scale] = attributes(node, &[SHIFT_32, ANY])?;
    Ok(Action::run(FilterBankLog { correction, scale: scale as u32 }))
}

impl Kernel for FilterBankLog {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (input, output) = io.one()?;
        for (input, output) in input.as_chunks().0.iter().zip(output.as_chunks_mut().0) {
            let value = u32::from_le_bytes(*input) << self.correction;
            let log = if value > 1 { log(value, self.scale) } else { 0 };
            *output = (log.min(i16::MAX as u32) as u16).to_le_bytes();
        }
        Ok(Flow::Next)
    }
}

const HALF: u32 = 1 << 15;
/// ln 2 in Q16.
const LN_2: u64 = 45_426;

/// The natural logarithm of a value above 0, times the scale.
fn log(value: u32, scale: u32) -> u32 {
    let whole = value.ilog2();
    // What is behind the point of the mantissa, in Q16.
    let fraction = (value.wrapping_shl(31 - whole) & 0x7fff_ffff) >> 15;
    let segment = (fraction >> 9) as usize;
    let at = |index| i32::from(CURVE.get(index).copied().unwrap_or(0));
    let (here, next) = (at(segment), at(segment + 1));
    let within = (fraction & 0x1ff) as i32;
    let curve = here + (((next - here) * within) >> 16);
    let log2 = (whole << 16).wrapping_add(fraction).wrapping_add(curve as u32);
    let natural = ((LN_2 * u64::from(log2) + u64::from(HALF)) >> 16) as u32;
    scale.wrapping_mul(natural).wrapping_add(HALF) >> 16
}

/// By how much log2(1 + x) is above x, in Q16, for each 128th of x.
const CURVE: [u16; 129] = [
    0, 224, 442, 654, 861, 1063, 1259, 1450, 1636, 1817, 1992, 2163, 2329, 2490, 2646, 2797, 2944, 3087, 3224, 3358,
    3487, 3611, 3732, 3848, 3960, 4068, 4172, 4272, 4368, 4460, 4549, 4633, 4714, 4791, 4864, 4934, 5001, 5063, 5123,
    5178, 5231, 5280, 5326, 5368, 5408, 5444, 5477, 5507, 5533, 5557, 5578, 5595, 5610, 5622, 5631, 5637, 5640, 5641,
    5638, 5633, 5626, 5615, 5602, 5586, 5568, 5547, 5524, 5498, 5470, 5439, 5406, 5370, 5332, 5291, 5249, 5203, 5156,
    5106, 5054, 5000, 4944, 4885, 4825, 4762, 4697, 4630, 4561, 4490, 4416, 4341, 4264, 4184, 4103, 4020, 3935, 3848,
    3759, 3668, 3575, 3481, 3384, 3286, 3186, 3084, 2981, 2875, 2768, 2659, 2549, 2437, 2323, 2207, 2090, 1971, 1851,
    1729, 1605, 1480, 1353, 1224, 1094, 963, 830, 695, 559, 421, 282, 142, 0,
];

#[cfg(test)]
mod tests {
    use super::super::testing::{custom, run_once, shorts_of};
    use super::*;
    use crate::error::Error;
    use crate::model::tensor::TensorType::{Int16, Uint32};
    use crate::testing::Given;

    #[test]
    fn the_curve_is_that_of_the_logarithm() {
        for (index, found) in CURVE.iter().enumerate() {
            let x = index as f64 / 128.0;
            assert_eq!(f64::from(*found), (65536.0 * ((1.0 + x).log2() - x)).round(), "{index}");
        }
    }

    #[test]
    fn logarithms_are_scaled_and_bounded() {
        let tensors = [Given::input(Uint32, &[5]), Given::output(Int16, &[5])];
        let input: Vec<u8> = [0u32, 1, 2, 1000, u32::MAX].iter().flat_map(|value| value.to_le_bytes()).collect();
        let logs = |correction, scale| {
            let attributes = [("input_correction_bits", correction), ("output_scale", scale)];
            let output = run_once(custom(&FILTER_BANK_LOG, &tensors, &attributes), &[&input])?;
            Ok::<_, Error>(shorts_of(&output[0]))
        };
        // 64 ln x, and of twice as much, where the last loses its highest bit.
        assert_eq!(logs(0, 64).unwrap(), [0, 0, 44, 442, 1420]);
        assert_eq!(logs(1, 64).unwrap(), [0, 44, 89, 486, 1420]);
        assert_eq!(logs(0, 1600).unwrap()[4], i16::MAX);
        assert_eq!(logs(32, 64).unwrap_err().kind(), ErrorKind::OperatorInvalid);
    }
}
