//! Sums of two weighted int8, by sixteen: the twin of `int8.rs`, and of the difference.
//!
//! Upstream scales both inputs to a common fine scale, adds, and scales to that of the output; each time it rounds twice. Here an
//! output is (one * factor + other * factor + offset) >> FRACTION in 32 bits. Both sums differ little: for most of the 65,536 pairs
//! by less than is missing to another output. [`Weighted::prove`] looks for the others, and finds the offsets for which they are right too,
//! or says that there are none; then the plain kernel serves.

use core::array::from_fn;

use crate::error::{ErrorKind, Result};
use crate::math::quantization::{Multiplier, OutputStage, power_of_two};
use crate::math::walk::Pairing;
use crate::ops::{Action, Flow, Kernel, Request};
use crate::run::io::Io;
use crate::simd::vector::{Bounds, I16x8, I32x4};

/// Bits behind the point of a sum.
const FRACTION: u32 = 20;

/// Bits of the lower half of a factor, and how many of them lie below a sum's last bit.
const HALF: u32 = 15;
const BELOW: u32 = 7;

/// How far an offset may be at least from the one that is right on the average.
const SLACK: f64 = 16.0;

/// Elements computed together. Fewer are left to the plain kernel.
const LANES: usize = 16;

/// Upstream's function of a pair: an entry of each table added, rescaled.
pub struct Exact<'a> {
    /// For each value of an input, from the least on; they grow.
    pub tables: [&'a [i32; 256]; 2],
    /// Whether the entry of the second is taken away.
    pub is_difference: bool,
    /// The factor of sums.
    pub multiplier: Multiplier,
    /// The end of each output.
    pub stage: OutputStage,
}

/// What a pair of inputs becomes.
struct Weighted {
    /// Upper halves of the two factors, and lower ones.
    factors: [[i16; 2]; 2],
    offset: i32,
    /// From a shifted sum to an output.
    middle: i16,
    stage: OutputStage,
}

impl Exact<'_> {
    /// A fast kernel for inputs with so many elements that meet in this way. `scales` are those of both inputs and of the
    /// output. Without a value where the plain kernel has to serve.
    #[inline(never)]
    pub fn fast(&self, request: &Request, pairing: &Pairing, elements: usize, scales: [f32; 3]) -> Option<Action> {
        if !request.is_fast() || !matches!(pairing, Pairing::Same) || elements < LANES {
            return None;
        }
        let [one, other, output] = scales.map(f64::from);
        Weighted::prove(self, [one / output, other / output]).map(Action::run)
    }
}

impl Weighted {
    /// A sum that gives upstream's output for every pair. `scales` are those of the inputs by that of the output.
    fn prove(exact: &Exact<'_>, scales: [f64; 2]) -> Option<Self> {
        // Halves go away from zero, which takes a little more than the scale where there are any.
        let more = [0.0, power_of_two(-18), power_of_two(-14)];
        more.into_iter().find_map(|more| Self::with(exact, scales.map(|scale| scale * (1.0 + more))))
    }

    #[inline(never)]
    fn with(exact: &Exact<'_>, scales: [f64; 2]) -> Option<Self> {
        let Exact { tables: [first, second], is_difference, multiplier, stage } = *exact;
        // In the order in which sums grow.
        let sign = if is_difference { -1 } else { 1 };
        let second: [i32; 256] = from_fn(|at| if is_difference { -second[255 - at] } else { second[at] });
        let factors = scales.map(|scale| (scale * f64::from(1 << (FRACTION + BELOW))).round() as i64);
        let factors = [factors[0], sign * factors[1]];
        // What an input adds, rounded down: of both together it is that or one more.
        let part = |value: i64, factor: i64| (value * factor) >> BELOW;
        let first_parts: [i64; 256] = from_fn(|at| part(at as i64 - 128, factors[0]));
        let second_parts: [i64; 256] = from_fn(|at| part(if is_difference { 127 - at as i64 } else { at as i64 - 128 }, factors[1]));
        let (least, greatest) = (first[0].checked_add(second[0])?, first[255].checked_add(second[255])?);
        if multiplier.shift > 0 {
            return None;
        }
        let (low, high) = (stage.low - stage.zero_point, stage.high - stage.zero_point);
        let output = |sum: i32| multiplier.apply_once(sum).clamp(low, high);
        let middle = (output(least) + output(greatest)) / 2;
        // How much more upstream's sums are than these, before upstream rounds: in the middle, and to either side.
        let factor = f64::from(multiplier.multiplier) * power_of_two(multiplier.shift - 31 + FRACTION as i32);
        let (mid, apart) = [difference(first, &first_parts, factor), difference(&second, &second_parts, factor)]
            .into_iter()
            .fold((0.0, 0.0), |(mid, apart), (least, most)| (mid + (least + most) / 2.0, apart + (most - least) / 2.0));
        // An offset may be so far from the nominal one: with a scale that is off, it is right for the sums near 0.
        let slack = apart.ceil() + SLACK;
        // Beside all this, upstream's second rounding, and the sum that may be one more.
        let near = (apart + slack + power_of_two(FRACTION as i32 - 1 + multiplier.shift) + 3.0).ceil();
        if near >= f64::from(1 << (FRACTION - 1)) {
            return None;
        }
        let (near, mid) = (near as i32, mid.round() as i64 + (1 << (FRACTION - 1)));
        let nominal = mid - (i64::from(middle) << FRACTION);
        let (mut from, mut to) = (nominal - slack as i64, nominal + slack as i64);
        let sum_of = |output: i32| i64::from(output - middle) << FRACTION;
        let fractions: [[i32; 4]; 64] = from_fn(|four| from_fn(|lane| second_parts[4 * four + lane] as i32));
        let (mask, twice) = (I32x4::splat((1 << FRACTION) - 1), I32x4::splat(2 * near + 1));
        for (entry, part) in first.iter().zip(first_parts) {
            let start = I32x4::splat((part + mid) as i32).plus(I32x4::splat(near));
            for (four, fractions) in fractions.iter().enumerate() {
                // Where a sum is as near to an output's end.
                let nears = I32x4::new(fractions).plus(start).and(mask).minus(twice).signs();
                if nears == 0 {
                    continue;
                }
                for at in (4 * four..4 * four + 4).filter(|at| nears >> (at % 4) & 1 != 0) {
                    let (output, sum) = (output(entry + second[at]), part + second_parts[at]);
                    if output > low {
                        from = from.max(sum_of(output) - sum);
                    }
                    if output < high {
                        to = to.min(sum_of(output + 1) - 2 - sum);
                    }
                }
            }
        }
        let offset = (from + to) >> 1;
        let (below, above) = (first_parts[0] + second_parts[0], first_parts[255] + second_parts[255] + 1);
        let fits = i32::try_from(below + offset).is_ok() && i32::try_from(above + offset).is_ok();
        let upper = factors.map(|factor| (factor + (1 << (HALF - 1))) >> HALF);
        let lower: [i64; 2] = from_fn(|at| factors[at] - (upper[at] << HALF));
        let halves = |halves: [i64; 2]| Some([i16::try_from(halves[0]).ok()?, i16::try_from(halves[1]).ok()?]);
        (from <= to && fits).then_some(())?;
        let middle = i16::try_from(middle + stage.zero_point).ok()?;
        Some(Self { factors: [halves(upper)?, halves(lower)?], offset: offset as i32, middle, stage })
    }
}

/// How much more entries are at least and at most than parts, in the unit of parts.
fn difference(entries: &[i32; 256], parts: &[i64; 256], factor: f64) -> (f64, f64) {
    entries.iter().zip(parts).fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), (entry, part)| {
        let more = f64::from(*entry) * factor - *part as f64;
        (least.min(more), most.max(more))
    })
}

impl Kernel for Weighted {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (one, other, output) = io.two()?;
        let sums = Sums::new(self);
        // The last sixteen overlap with those before them.
        let last = output.len().saturating_sub(LANES);
        let mut at = 0;
        loop {
            let inputs = [one, other].map(|input| input.get(at..).and_then(<[u8]>::first_chunk));
            let output = output.get_mut(at..).and_then(<[u8]>::first_chunk_mut);
            let ([Some(one), Some(other)], Some(output)) = (inputs, output) else { return Err(ErrorKind::EngineInternal.into()) };
            *output = sums.bytes(one, other);
            if at == last {
                break;
            }
            at = last.min(at + LANES);
        }
        Ok(Flow::Next)
    }
}

/// The same as vectors.
struct Sums {
    upper: I16x8,
    lower: I16x8,
    offset: I32x4,
    middle: I16x8,
    bounds: Bounds,
}

impl Sums {
    fn new(weighted: &Weighted) -> Self {
        let [upper, lower] = weighted.factors.map(|factors| I16x8::new(&from_fn(|lane| factors[lane % 2])));
        let Weighted { offset, middle, stage, .. } = *weighted;
        let bounds = Bounds::new(stage.low as i8, stage.high as i8);
        Self { upper, lower, offset: I32x4::new(&[offset; 4]), middle: I16x8::splat(middle), bounds }
    }

    #[inline(always)]
    fn bytes(&self, one: &[u8; LANES], other: &[u8; LANES]) -> [u8; LANES] {
        let ([one, one_end], [other, other_end]) = (halves(one), halves(other));
        let bytes = self.eight(one, other).clamp_to_bytes(self.eight(one_end, other_end), &self.bounds);
        from_fn(|at| bytes[at / 8][at % 8])
    }

    #[inline(always)]
    fn eight(&self, one: [u8; 8], other: [u8; 8]) -> I16x8 {
        let (low, high) = I16x8::widen(one).interleave(I16x8::widen(other));
        let [low, high] = [low, high].map(|pairs| {
            let sums = pairs.dot(self.upper).shifted::<{ HALF - BELOW }>().plus(pairs.dot(self.lower).shifted_down(BELOW));
            sums.plus(self.offset).shifted_down(FRACTION)
        });
        low.low_halves(high).plus(self.middle)
    }
}

#[inline(always)]
fn halves(bytes: &[u8; LANES]) -> [[u8; 8]; 2] {
    from_fn(|half| from_fn(|at| bytes[half * 8 + at]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tensor::TensorType;
    use crate::ops::add::ADD;
    use crate::ops::binary::SUB;
    use crate::testing::{Field, Given, Random, run, single};

    /// Tables as ADD makes them for scales and zero points of inputs, and the factor.
    struct Case {
        tables: [[i32; 256]; 2],
        scales: [f64; 2],
        multiplier: Multiplier,
        stage: OutputStage,
        is_difference: bool,
    }

    impl Case {
        fn new(random: &mut Random) -> Self {
            let scales: [f64; 2] = from_fn(|_| if random.below(8) == 0 { 0.5 } else { 0.1 + random.below(1 << 20) as f64 / f64::from(1 << 20) });
            let twice = 2.0 * scales[0].max(scales[1]);
            let tables = scales.map(|scale| {
                let (multiplier, zero_point) = (Multiplier::new(scale / twice).unwrap(), random.zero_point());
                from_fn(|at| multiplier.apply((at as i32 - 128 - zero_point) << 20))
            });
            let zero_point = random.zero_point();
            let low = if random.below(2) == 0 { -128 } else { zero_point };
            let stage = OutputStage { zero_point, low, high: 127 };
            let multiplier = Multiplier::new(twice / f64::from(1 << 20)).unwrap();
            Self { tables, scales, multiplier, stage, is_difference: random.below(2) == 0 }
        }

        fn exact(&self) -> Exact<'_> {
            let Self { tables: [one, other], multiplier, stage, is_difference, .. } = self;
            Exact { tables: [one, other], is_difference: *is_difference, multiplier: *multiplier, stage: *stage }
        }

        /// Whether all pairs give what upstream gives.
        fn is_met(&self, weighted: &Weighted) -> bool {
            let sums = Sums::new(weighted);
            (0..=255u8).all(|one| {
                (0..16).all(|part| {
                    let others: [u8; 16] = from_fn(|at| part * 16 + at as u8);
                    let entry = |table: usize, byte: u8| self.tables[table][usize::from(byte ^ 0x80)];
                    let expected = others.map(|other| {
                        let other = entry(1, other);
                        let sum = entry(0, one) + if self.is_difference { -other } else { other };
                        self.stage.finish(self.multiplier.apply(sum)) as u8
                    });
                    sums.bytes(&[one; 16], &others) == expected
                })
            })
        }
    }

    #[test]
    fn a_proved_sum_gives_upstreams_output_for_every_pair() {
        let mut random = Random::new(41);
        let (mut proved, tried) = (0, 300);
        for _ in 0..tried {
            let case = Case::new(&mut random);
            let Some(weighted) = Weighted::prove(&case.exact(), case.scales) else { continue };
            proved += 1;
            assert!(case.is_met(&weighted), "{:?} {:?}", case.scales, case.stage);
        }
        assert!(proved * 10 > tried * 9, "{proved} of {tried}");
    }

    #[test]
    fn a_sum_with_another_scale_or_offset_is_refused_where_it_differs() {
        let mut random = Random::new(42);
        let mut refused = 0;
        for _ in 0..100 {
            let case = Case::new(&mut random);
            for off in [1.002, 1.000_1, 1.000_01] {
                let found = Weighted::with(&case.exact(), [case.scales[0] * off, case.scales[1]]);
                refused += usize::from(found.is_none());
                assert!(found.is_none_or(|weighted| case.is_met(&weighted)), "{:?} {:?}", case.scales, case.stage);
            }
        }
        assert!(refused > 150, "{refused}");
    }

    #[test]
    fn all_elements_are_those_of_the_plain_kernel_whatever_their_number() {
        let mut random = Random::new(43);
        for elements in 1..70 {
            let given = |role: Given, scale: f32, random: &mut Random| role.affine(scale, random.zero_point());
            let tensors = [
                given(Given::input(TensorType::Int8, &[elements]), 0.05, &mut random),
                given(Given::input(TensorType::Int8, &[elements]), 0.08, &mut random),
                given(Given::output(TensorType::Int8, &[elements]), 0.09, &mut random),
            ];
            let inputs = [random.bytes(elements), random.bytes(elements)];
            let activation = [(0, Field::I8(random.below(2) as i8))];
            for (operator, member) in [(&ADD, 11), (&SUB, 28)] {
                run(single(operator, &tensors, Some((member, &activation))), &[&inputs[0], &inputs[1]]).unwrap();
            }
        }
    }
}
