//! SignalRfft and SignalIrfft: float32, int16, int32.
//!
//! Upstream: `rfft.cc`, `irfft.cc`, and kissfft 130 as it is patched there. A real transform is a complex one of half its
//! length, of pairs of samples, and a step that takes the two apart. Integers are divided before each addition, so that
//! nothing overflows.

use core::f64::consts::{FRAC_PI_2, PI};

use super::{ANY, attributes, check_type, rows};
use crate::error::{ErrorKind, Result, ensure};
use crate::math::integer;
use crate::model::OpKey;
use crate::model::tensor::TensorType;
use crate::ops::signature::{FLOAT32, INT16, INT32, SAME, Signature};
use crate::ops::{Action, Flow, Kernel, Node, Registration, Request, allocate};
use crate::run::io::{Io, Port};

/// From samples to complex numbers, of which there are half as many and one more.
pub static RFFT: Registration = Registration {
    key: OpKey::Custom(b"SignalRfft"),
    name: "SignalRfft",
    inputs: 1..=1,
    outputs: 1..=1,
    types: TYPES,
    prepare: |node, request| prepare(node, request, false),
};

/// And back.
pub static IRFFT: Registration = Registration {
    key: OpKey::Custom(b"SignalIrfft"),
    name: "SignalIrfft",
    inputs: 1..=1,
    outputs: 1..=1,
    types: TYPES,
    prepare: |node, request| prepare(node, request, true),
};

const TYPES: &[Signature] = &[Signature { inputs: &[FLOAT32.or(INT16).or(INT32)], outputs: &[SAME] }];

/// The longest transform: seconds of sound.
const LONGEST: i32 = 1 << 16;

fn prepare(node: &Node<'_>, request: &mut Request, inverse: bool) -> Result<Action> {
    let (input, output) = (node.input(0)?, node.output(0)?);
    let [element_type, length] = attributes(node, &[ANY, [2, LONGEST]])?;
    check_type(element_type, input)?;
    let (length, half) = (length as usize, length as usize / 2);
    let ((from, count), (to, outputs)) = (rows(input), rows(output));
    let complex = length + 2;
    let sound = if inverse { from >= complex && from % 2 == 0 && to == length } else { from <= length && to == complex };
    let same = input.shape.rank() == output.shape.rank() && count == outputs && length == 2 * half;
    ensure(sound && same, ErrorKind::OperatorInvalid)?;
    let width = input.element_type.bits() / 8;
    if !inverse {
        // Upstream fills short rows up there.
        request.scratch(length * width);
    }
    let (radices, stages) = radices(half)?;
    let products = count as u64 * 4 * (half * (stages + 1)) as u64;
    request.macs(products);
    // Divisions, additions and calls: a product takes some nanoseconds in all.
    request.comparisons(4 * products);
    request.packed((half + half / 2) * PAIR);
    request.workspace((2 * half + 1) * PAIR);
    let numbers = match input.element_type {
        TensorType::Float32 => Numbers::FLOATS,
        TensorType::Int16 => Numbers { bits: 15 },
        _ => Numbers { bits: 31 },
    };
    let mut roots = allocate(half + half / 2, 0)?;
    for (index, root) in roots.iter_mut().enumerate() {
        let [real, imaginary] = turned(angle(index, half));
        let imaginary = if inverse { imaginary } else { -imaginary };
        *root = pair([real, imaginary].map(|part| numbers.constant(part)));
    }
    Ok(Action::run(Fft { numbers, inverse, half, radices, stages, roots, width, from: from * width, to: to * width }))
}

/// Angles of the roots of one, and then of those between. Rounded as upstream's are.
fn angle(index: usize, half: usize) -> f64 {
    match index.checked_sub(half) {
        None => 2.0 * PI * index as f64 / half as f64,
        Some(index) => PI * ((index + 1) as f64 / half as f64 + 0.5),
    }
}

/// The most stages: the longest transform has fewer.
const STAGES: usize = 16;

/// The radix of each stage, and how many there are. As upstream takes out factors: all fours, then what is left of twos, threes
/// and fives; other factors upstream cannot do without memory that it does not have.
fn radices(mut length: usize) -> Result<([u8; STAGES], usize)> {
    let (mut radices, mut stages) = ([0; STAGES], 0);
    for radix in [4, 2, 3, 5] {
        while length.is_multiple_of(radix) && stages < STAGES {
            length /= radix;
            radices[stages] = radix as u8;
            stages += 1;
        }
    }
    ensure(length == 1 && stages > 0, ErrorKind::OperatorInvalid)?;
    Ok((radices, stages))
}

/// A complex number: two numbers of four bytes, the real one below.
type Pair = u64;
/// Its bytes.
const PAIR: usize = 8;

fn pair([real, imaginary]: [u32; 2]) -> Pair {
    u64::from(real) | u64::from(imaginary) << 32
}

fn parts(pair: Pair) -> [u32; 2] {
    [pair as u32, (pair >> 32) as u32]
}

/// Arithmetic of one type of numbers: fractions of so many bits. No function is inlined, and none is there twice: sounds are
/// slow, and a small core is worth more here.
#[derive(Clone, Copy)]
struct Numbers {
    /// 15 or 31, or 0 for floats.
    bits: u32,
}

fn floats(value: Pair) -> [f32; 2] {
    parts(value).map(f32::from_bits)
}

fn of_floats(values: [f32; 2]) -> Pair {
    pair(values.map(f32::to_bits))
}

fn integers(value: Pair) -> [i64; 2] {
    parts(value).map(|part| i64::from(part as i32))
}

impl Numbers {
    const FLOATS: Self = Self { bits: 0 };

    fn are_floats(self) -> bool {
        self.bits == 0
    }

    /// The low bits of sums.
    fn narrow(self, values: [i64; 2]) -> Pair {
        let unused = 31 - self.bits;
        pair(values.map(|value| (((value as i32) << unused) >> unused) as u32))
    }

    /// The high bits of products.
    fn round(self, products: [i64; 2]) -> Pair {
        self.narrow(products.map(|product| product.wrapping_add(1 << (self.bits - 1)) >> self.bits))
    }

    fn most(self) -> i64 {
        (1 << self.bits) - 1
    }

    /// A number from -1 to 1.
    #[inline(never)]
    fn constant(self, value: f64) -> u32 {
        if self.are_floats() { (value as f32).to_bits() } else { (0.5 + self.most() as f64 * value).floor() as i32 as u32 }
    }

    /// Divides before additions; floats need no such thing.
    #[inline(never)]
    fn divide(self, value: Pair, by: usize) -> Pair {
        if self.are_floats() { value } else { self.round(integers(value).map(|part| part * (self.most() / by as i64))) }
    }

    /// The sum, or half of it: of 32 bits at first, as upstream's shorter type is promoted.
    #[inline(never)]
    fn sum(self, a: Pair, b: Pair, halved: bool) -> Pair {
        if self.are_floats() {
            let ([a, b], [c, d]) = (floats(a), floats(b));
            return of_floats([a + c, b + d].map(|sum| if halved { sum * 0.5 } else { sum }));
        }
        let ([a, b], [c, d]) = (integers(a), integers(b));
        self.narrow([a + c, b + d].map(|sum| i64::from((sum as i32) >> u32::from(halved))))
    }

    /// Not narrow: what it is added to is.
    #[inline(never)]
    fn negate(self, value: Pair) -> Pair {
        if self.are_floats() { of_floats(floats(value).map(|part| -part)) } else { pair(parts(value).map(u32::wrapping_neg)) }
    }

    #[inline(never)]
    fn add(self, a: Pair, b: Pair) -> Pair {
        self.sum(a, b, false)
    }

    #[inline(never)]
    fn sub(self, a: Pair, b: Pair) -> Pair {
        self.sum(a, self.negate(b), false)
    }

    #[inline(never)]
    fn product(self, a: Pair, b: Pair) -> Pair {
        if self.are_floats() {
            let ([a, b], [c, d]) = (floats(a), floats(b));
            return of_floats([a * c - b * d, a * d + b * c]);
        }
        let ([a, b], [c, d]) = (integers(a), integers(b));
        self.round([(a * c).wrapping_sub(b * d), (a * d).wrapping_add(b * c)])
    }

    /// Both parts times a real number.
    #[inline(never)]
    fn scale(self, value: Pair, by: u32) -> Pair {
        if self.are_floats() {
            return of_floats(floats(value).map(|part| part * f32::from_bits(by)));
        }
        self.round(integers(value).map(|part| part * i64::from(by as i32)))
    }

    #[inline(never)]
    fn conjugate(self, value: Pair) -> Pair {
        let ([real, _], [_, imaginary]) = (parts(value), parts(self.negate(value)));
        let value = pair([real, imaginary]);
        if self.are_floats() { value } else { self.narrow(integers(value)) }
    }

    /// A quarter turn back.
    #[inline(never)]
    fn turn(self, value: Pair) -> Pair {
        self.conjugate(value.rotate_left(32))
    }
}

struct Fft {
    numbers: Numbers,
    inverse: bool,
    /// The length of the complex transform.
    half: usize,
    radices: [u8; STAGES],
    stages: usize,
    /// Roots of one, and behind them those between, for the step from a complex transform to a real one.
    roots: Vec<Pair>,
    /// Bytes of a number, and of rows.
    width: usize,
    from: usize,
    to: usize,
}

/// The pair at an index.
fn at(pairs: &[Pair], index: usize) -> Pair {
    pairs.get(index).copied().unwrap_or(0)
}

fn get(memory: &[[u8; PAIR]], index: usize) -> Pair {
    memory.get(index).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn put(memory: &mut [[u8; PAIR]], index: usize, value: Pair) {
    if let Some(bytes) = memory.get_mut(index) {
        *bytes = value.to_le_bytes();
    }
}

impl Fft {
    /// The sum of the real parts, and their difference.
    fn ends(&self, a: Pair, b: Pair) -> Pair {
        let ([a, _], [b, _]) = (parts(a), parts(b));
        let [_, apart] = parts(self.numbers.negate(pair([b; 2])));
        self.numbers.add(pair([a; 2]), pair([b, apart]))
    }

    /// The sum of a number and its partner from the other end, and their turned difference.
    fn partners(&self, row: &[[u8; PAIR]], index: usize) -> (Pair, Pair) {
        let numbers = self.numbers;
        let one = numbers.divide(get(row, index), 2);
        let other = numbers.divide(numbers.conjugate(get(row, self.half - index)), 2);
        let difference = numbers.product(numbers.sub(one, other), at(&self.roots, self.half + index - 1));
        (numbers.add(one, other), difference)
    }

    /// What goes into the complex transform.
    #[inline(never)]
    fn source(&self, row: &[[u8; PAIR]], index: usize) -> Pair {
        if !self.inverse {
            return get(row, index);
        }
        if index == 0 {
            return self.numbers.divide(self.ends(get(row, 0), get(row, self.half)), 2);
        }
        let (sum, difference) = self.partners(row, index.min(self.half - index));
        // The one in the middle is its own partner, and what is written last stays.
        if 2 * index < self.half {
            self.numbers.add(sum, difference)
        } else {
            self.numbers.conjugate(self.numbers.sub(sum, difference))
        }
    }

    /// What comes out of the complex transform, as that of real samples.
    fn split(&self, done: &[[u8; PAIR]], row: &mut [[u8; PAIR]]) {
        let first = self.numbers.divide(get(done, 0), 2);
        let [first, last] = parts(self.ends(first, first.rotate_left(32)));
        put(row, 0, pair([first, 0]));
        put(row, self.half, pair([last, 0]));
        for index in 1..=self.half / 2 {
            let (sum, difference) = self.partners(done, index);
            let ([a, b], [c, d]) = (parts(sum), parts(difference));
            let apart = self.numbers.negate(pair([c, b]));
            put(row, index, self.numbers.sum(sum, difference, true));
            put(row, self.half - index, self.numbers.sum(pair([a, d]), apart, true));
        }
    }

    /// What comes out of the complex transform back. Integers are divided already.
    fn finish(&self, done: &[[u8; PAIR]], row: &mut [[u8; PAIR]]) {
        for index in 0..self.half {
            let value = get(done, index);
            let divided = floats(value).map(|part| part / (2 * self.half) as f32);
            put(row, index, if self.numbers.are_floats() { of_floats(divided) } else { value });
        }
    }

    fn radices(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.radices.iter().take(self.stages).map(|radix| usize::from(*radix))
    }

    /// The complex transform of a row.
    fn transform(&self, row: &[[u8; PAIR]], done: &mut [[u8; PAIR]]) {
        for index in 0..self.half {
            // Where a number comes from is its place with the digits in the other order.
            let (mut rest, mut from, mut stride, mut length) = (index, 0, 1, self.half);
            for radix in self.radices() {
                length /= radix;
                from += rest / length * stride;
                rest %= length;
                stride *= radix;
            }
            put(done, index, self.source(row, from));
        }
        let mut length = 1;
        for radix in self.radices().rev() {
            let stride = self.half / (radix * length);
            for block in done.chunks_exact_mut(radix * length) {
                for first in 0..length {
                    let mut values = [0; 5];
                    for (number, value) in values.iter_mut().enumerate().take(radix) {
                        *value = self.numbers.divide(get(block, first + number * length), radix);
                        if number > 0 {
                            *value = self.numbers.product(*value, at(&self.roots, number * first * stride));
                        }
                    }
                    let values = self.butterfly(radix, values, stride * length);
                    for (number, value) in values.into_iter().enumerate().take(radix) {
                        put(block, first + number * length, value);
                    }
                }
            }
            length *= radix;
        }
    }

    /// The transform of so many numbers. The order of additions is upstream's.
    fn butterfly(&self, radix: usize, [a, b, c, d, e]: [Pair; 5], root: usize) -> [Pair; 5] {
        let (near, far) = (parts(at(&self.roots, root)), parts(at(&self.roots, 2 * root)));
        let n = self.numbers;
        let turned = |value, [_, by]: [u32; 2]| n.turn(n.scale(value, by));
        match radix {
            2 => [n.add(a, b), n.sub(a, b), 0, 0, 0],
            3 => {
                let (sum, turned) = (n.add(b, c), turned(n.sub(b, c), near));
                let middle = n.sub(a, n.sum(sum, n.negate(0), true));
                [n.add(a, sum), n.sub(middle, turned), n.add(middle, turned), 0, 0]
            }
            4 => {
                let (even, odd, difference) = (n.add(a, c), n.add(b, d), n.sub(a, c));
                let turned = n.turn(n.sub(b, d));
                let (back, forth) = (n.add(difference, turned), n.sub(difference, turned));
                let (second, fourth) = if self.inverse { (forth, back) } else { (back, forth) };
                [n.add(even, odd), second, n.sub(even, odd), fourth, 0]
            }
            _ => {
                let (outer, inner) = (n.add(b, e), n.add(c, d));
                let (outer_rest, inner_rest) = (n.sub(b, e), n.sub(c, d));
                let sums = |one: [u32; 2], two: [u32; 2]| {
                    n.add(n.add(a, n.scale(outer, one[0])), n.scale(inner, two[0]))
                };
                let (one, two) = (sums(near, far), sums(far, near));
                let aside = n.add(turned(outer_rest, near), turned(inner_rest, far));
                let across = n.sub(turned(inner_rest, near), turned(outer_rest, far));
                let first = n.add(a, n.add(outer, inner));
                [first, n.sub(one, aside), n.add(two, across), n.sub(two, across), n.add(one, aside)]
            }
        }
    }
}

impl Kernel for Fft {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        let (([input], [output]), memory) = io.cut_with_workspace([Port::Input(0)], [Port::Output(0)])?;
        let memory = memory.as_chunks_mut().0.split_at_mut_checked(self.half + 1);
        let (row, done) = memory.ok_or(ErrorKind::EngineInternal)?;
        let done = done.get_mut(..self.half).ok_or(ErrorKind::EngineInternal)?;
        for (input, output) in input.chunks_exact(self.from).zip(output.chunks_exact_mut(self.to)) {
            widen(input, row, self.width);
            self.transform(row, done);
            if self.inverse {
                self.finish(done, row);
            } else {
                self.split(done, row);
            }
            narrow(row, output, self.width);
        }
        Ok(Flow::Next)
    }
}

/// Four bytes for each number of a tensor, and zeros behind the last.
fn widen(numbers: &[u8], pairs: &mut [[u8; PAIR]], width: usize) {
    let slots = pairs.as_flattened_mut();
    slots.fill(0);
    for (slot, number) in slots.as_chunks_mut().0.iter_mut().zip(numbers.chunks_exact(width)) {
        *slot = widened(number);
    }
}

#[inline(never)]
fn widened(number: &[u8]) -> [u8; 4] {
    (integer::read(TensorType::Int32, number) as i32).to_le_bytes()
}

/// As many low bytes as a number has.
fn narrow(pairs: &[[u8; PAIR]], numbers: &mut [u8], width: usize) {
    for (number, slot) in numbers.chunks_exact_mut(width).zip(pairs.as_flattened().as_chunks().0) {
        narrowed(*slot, number);
    }
}

#[inline(never)]
fn narrowed(slot: [u8; 4], number: &mut [u8]) {
    integer::write(i32::from_le_bytes(slot).into(), number);
}

/// Cosine and sine of an angle within one turn, nearer than half of the last bit and a little: from the nearest quarter by their
/// series, and with what the reduction loses.
fn turned(angle: f64) -> [f64; 2] {
    /// What `FRAC_PI_2` lacks.
    const REST: f64 = 6.123_233_995_736_766e-17;
    let quarters = (angle / FRAC_PI_2).round();
    // Exact: a quarter ends with three bits of 0, and the two are near each other.
    let exact = angle - quarters * FRAC_PI_2;
    let near = exact - quarters * REST;
    let lost = (exact - near) - quarters * REST;
    let square = near * near;
    let series = |first: i32| {
        let terms = (0..8).rev().map(|term| f64::from((first + 2 * term) * (first + 2 * term + 1)));
        terms.fold(0.0, |sum, divisor| (1.0 + sum) * -square / divisor)
    };
    let (cosine, sine) = (series(1), series(2));
    let (cosine, sine) = (1.0 + (cosine - near * lost), near + (near * sine + lost * (1.0 + cosine)));
    match quarters as i32 & 3 {
        0 => [cosine, sine],
        1 => [-sine, cosine],
        2 => [-cosine, -sine],
        _ => [sine, -cosine],
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{custom, run_once};
    use super::*;
    use crate::model::tensor::TensorType::{Float32, Int16, Int32};
    use crate::testing::{Given, Random, bytes_of, floats_of};

    #[test]
    fn angles_are_those_of_the_library_for_all_lengths() {
        for half in 2..=LONGEST as usize / 2 {
            if radices(half).is_err() {
                continue;
            }
            for angle in (0..half + half / 2).map(|index| angle(index, half)) {
                for (found, expected) in turned(angle).into_iter().zip([angle.cos(), angle.sin()]) {
                    for bits in [0, 15, 31] {
                        let numbers = Numbers { bits };
                        assert_eq!(numbers.constant(found), numbers.constant(expected), "{half} {angle} {bits}");
                    }
                }
            }
        }
    }

    fn transform(length: i32, element_type: TensorType, inverse: bool, input: &[u8]) -> Result<Vec<u8>> {
        let (samples, complex) = (length as usize, length as usize + 2);
        let (op, from, to) = if inverse { (&IRFFT, complex, samples) } else { (&RFFT, samples, complex) };
        let tensors = [Given::input(element_type, &[1, from]), Given::output(element_type, &[1, to])];
        let attributes = [("T", element_type as i32), ("fft_length", length)];
        Ok(run_once(custom(op, &tensors, &attributes), &[input])?.remove(0))
    }

    #[test]
    fn transforms_of_all_radices_are_kissfft_s_to_the_last_bit() {
        // Sums of what kissfft 130 gives, with upstream's patch: of float32, int16 and int32.
        let rows: [(i32, bool, [u32; 3]); 22] = [
            (4, false, [0x606c8c33, 0xf6314175, 0xcb79c17c]),
            (4, true, [0xe62d77c6, 0x17b9380e, 0x2e71fd24]),
            (6, false, [0xd8a526c9, 0xe9c246df, 0xf4c1357d]),
            (6, true, [0x9bb6db09, 0x91fd3354, 0x769d9a09]),
            (10, false, [0xe5fb2445, 0xe05e0e3e, 0x47ca270e]),
            (10, true, [0xd6adf548, 0xa700a726, 0x27d7a06e]),
            (16, false, [0xde241de7, 0xc31f66df, 0x86d8589e]),
            (16, true, [0x03cb764a, 0xbde03358, 0x3eeb6b74]),
            (18, false, [0x3df2c49c, 0x17584643, 0xaaa8d532]),
            (18, true, [0xf19a5d75, 0xb6655882, 0xda921fcd]),
            (24, false, [0xae0cafb8, 0xb0d6cf65, 0xf7e2807f]),
            (24, true, [0x48e71bba, 0x59e97cd8, 0xb275c6d4]),
            (30, false, [0x7bbece4a, 0x40011a66, 0xd8c4ef18]),
            (30, true, [0xdd11a372, 0x4a0cee35, 0x90d09592]),
            (60, false, [0xab70e2b7, 0xd86bce7c, 0x100db6be]),
            (60, true, [0xf0ce848b, 0x931ecfde, 0x2cbe2ca8]),
            (90, false, [0xfb5628f0, 0xc4ccec5a, 0xfd4c54f1]),
            (90, true, [0xfe74db28, 0x94d13373, 0x2f4afa87]),
            (480, false, [0x3bf9e998, 0x40c5c2ba, 0xa2971fbc]),
            (480, true, [0x9289a332, 0x14b0db88, 0xcdaabff4]),
            (512, false, [0x9219ea2f, 0xa1bf25f3, 0x138e287b]),
            (512, true, [0xe8f406f3, 0x4d49ecd8, 0x8ddc6a4c]),
        ];
        for (length, inverse, expected) in rows {
            for (element_type, expected) in [Float32, Int16, Int32].into_iter().zip(expected) {
                let mut random = Random::new(length as u32);
                let count = if inverse { length + 2 } else { length };
                let input: Vec<u8> = (0..count)
                    .flat_map(|_| match element_type {
                        Float32 => random.floats(1)[0].to_le_bytes().to_vec(),
                        Int16 => random.any().to_le_bytes()[2..].to_vec(),
                        _ => random.any().to_le_bytes().to_vec(),
                    })
                    .collect();
                let output = transform(length, element_type, inverse, &input).unwrap();
                let numbers = output.chunks_exact(element_type.bits() / 8).map(|number| match element_type {
                    Int16 => i16::from_le_bytes([number[0], number[1]]) as u32,
                    _ => u32::from_le_bytes(number.try_into().unwrap()),
                });
                let sum = numbers.fold(0u32, |sum, number| sum.wrapping_mul(31).wrapping_add(number));
                assert_eq!(sum, expected, "{length} {inverse} {element_type:?}");
            }
        }
    }

    #[test]
    fn short_rows_end_with_zeros() {
        let tensors = [Given::input(Float32, &[2, 3]), Given::output(Float32, &[2, 6])];
        let model = custom(&RFFT, &tensors, &[("T", 0), ("fft_length", 4)]);
        let output = run_once(model, &[&bytes_of(&[1.0, 2.0, 4.0, 1.0, 0.0, 0.0])]).unwrap();
        assert_eq!(floats_of(&output[0]), [7.0, 0.0, -3.0, -2.0, 3.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn lengths_that_upstream_cannot_transform_are_refused() {
        for length in [0, 2, 7, 14, 22, 5, 1 << 17] {
            let end = transform(length, Float32, false, &vec![0; 4 * length as usize]);
            assert!(end.is_err(), "{length}");
        }
    }
}
