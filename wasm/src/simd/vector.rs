//! The few vectors that kernels use: WebAssembly's, or a portable twin of the same meaning, which serves some operators of the plain
//! build too.

pub use chosen::{Bytes, F32x4, F64x2, HAS_BYTE_DOT, I16x8, I32x4, byte_dot_flip};

/// The least and the greatest output, once for each byte of a vector.
#[derive(Clone, Copy)]
pub struct Bounds {
    low: [u8; 16],
    high: [u8; 16],
}

impl Bounds {
    /// From here to there.
    pub fn new(low: i8, high: i8) -> Self {
        Self { low: [low as u8; 16], high: [high as u8; 16] }
    }
}

/// Adds this to a float below 2^22, and its last bits are the nearest integer (halves to even) above those of
/// [`MAGIC_BITS`].
pub const MAGIC: f32 = 12_582_912.0;

/// The same for a double below 2^51, whose low 32 bits are those of the nearest integer then.
pub const WIDE_MAGIC: f64 = 6_755_399_441_055_744.0;

/// The bits of [`MAGIC`].
pub const MAGIC_BITS: i32 = 0x4b40_0000;

#[cfg(target_feature = "simd128")]
#[allow(unsafe_code)]
mod chosen {
    use core::arch::wasm32::*;
    use core::mem::transmute;

    use super::Bounds;

    /// Eight integers of 16 bits.
    #[derive(Clone, Copy)]
    pub struct I16x8(v128);

    /// Sixteen bytes.
    #[derive(Clone, Copy)]
    pub struct Bytes(v128);

    /// Four integers of 32 bits.
    #[derive(Clone, Copy)]
    pub struct I32x4(v128);

    /// Whether there is a dot product of bytes.
    pub const HAS_BYTE_DOT: bool = cfg!(target_feature = "relaxed-simd");

    /// The bits of inputs to flip before a dot product of bytes: the engine may take them as signed or not. Without a value where
    /// it cuts sums off, as engines do whose processor has no such instruction.
    pub fn byte_dot_flip() -> Option<u8> {
        if !HAS_BYTE_DOT {
            return None;
        }
        // In memory, so that the engine computes it, and not the compiler.
        let (weights, inputs) = core::hint::black_box(([127; 16], [255; 16]));
        let sum = Bytes::new(&inputs).dot(Bytes::new(&weights), I32x4::splat(0)).lanes()[0];
        match sum {
            129_540 => Some(0x80),
            -508 => Some(0),
            _ => None,
        }
    }

    impl Bytes {
        /// In order.
        #[inline(always)]
        pub fn new(bytes: &[u8; 16]) -> Self {
            // SAFETY: both are 16 plain bytes.
            Self(unsafe { transmute::<[u8; 16], v128>(*bytes) })
        }

        /// The same four, four times.
        #[inline(always)]
        pub fn splat(bytes: [u8; 4]) -> Self {
            Self(i32x4_splat(i32::from_le_bytes(bytes)))
        }

        /// With these bits flipped.
        #[inline(always)]
        pub fn flipped(self, bits: u8) -> Self {
            Self(v128_xor(self.0, u8x16_splat(bits)))
        }

        /// The bytes.
        #[inline(always)]
        pub fn bytes(self) -> [u8; 16] {
            // SAFETY: both are 16 plain bytes.
            unsafe { transmute::<v128, [u8; 16]>(self.0) }
        }

        /// Sums of the products of four inputs, flipped, with four signed weights each, added to others.
        #[inline(always)]
        pub fn dot(self, weights: Self, sums: I32x4) -> I32x4 {
            #[cfg(target_feature = "relaxed-simd")]
            return I32x4(i32x4_relaxed_dot_i8x16_i7x16_add(weights.0, self.0, sums.0));
            #[cfg(not(target_feature = "relaxed-simd"))]
            return { let _ = weights; sums };
        }
    }

    /// Four floats.
    #[derive(Clone, Copy)]
    pub struct F32x4(v128);

    /// Two doubles.
    #[derive(Clone, Copy)]
    pub struct F64x2(v128);

    impl I16x8 {
        /// The same number in all lanes.
        #[inline(always)]
        pub fn splat(value: i16) -> Self {
            Self(i16x8_splat(value))
        }

        /// Lane by lane.
        #[inline(always)]
        pub fn new(lanes: &[i16; 8]) -> Self {
            // SAFETY: both are 16 bytes of plain numbers.
            Self(unsafe { transmute::<[i16; 8], v128>(*lanes) })
        }

        /// From little-endian bytes.
        #[inline(always)]
        pub fn from_bytes(bytes: &[u8; 16]) -> Self {
            // SAFETY: both are 16 plain bytes.
            Self(unsafe { transmute::<[u8; 16], v128>(*bytes) })
        }

        /// As little-endian bytes.
        #[inline(always)]
        pub fn bytes(self) -> [u8; 16] {
            // SAFETY: both are 16 plain bytes.
            unsafe { transmute::<v128, [u8; 16]>(self.0) }
        }

        /// The same pair of numbers in all four pairs of lanes.
        #[inline(always)]
        pub fn splat_pair(bytes: [u8; 4]) -> Self {
            Self(i32x4_splat(i32::from_le_bytes(bytes)))
        }

        /// Eight integers of 8 bits.
        #[inline(always)]
        pub fn widen(bytes: [u8; 8]) -> Self {
            Self(i16x8_extend_low_i8x16(i64x2_splat(i64::from_le_bytes(bytes))))
        }

        /// Differences, wrapping.
        #[inline(always)]
        pub fn minus(self, other: Self) -> Self {
            Self(i16x8_sub(self.0, other.0))
        }

        /// Sums, wrapping.
        #[inline(always)]
        pub fn plus(self, other: Self) -> Self {
            Self(i16x8_add(self.0, other.0))
        }

        /// Sums, saturating.
        #[inline(always)]
        pub fn plus_saturated(self, other: Self) -> Self {
            Self(i16x8_add_sat(self.0, other.0))
        }

        /// Shifted to the left, wrapping.
        #[inline(always)]
        pub fn shifted<const BITS: u32>(self) -> Self {
            Self(i16x8_shl(self.0, BITS))
        }

        /// The lanes.
        #[inline(always)]
        pub fn lanes(self) -> [i16; 8] {
            // SAFETY: both are 16 bytes of plain numbers.
            unsafe { transmute::<v128, [i16; 8]>(self.0) }
        }

        /// Its lanes below 0, and 0 for others.
        #[inline(always)]
        pub fn below_zero(self) -> Self {
            Self(i16x8_min(self.0, i16x8_splat(0)))
        }

        /// Sums of the products of pairs.
        #[inline(always)]
        pub fn dot(self, other: Self) -> I32x4 {
            I32x4(i32x4_dot_i16x8(self.0, other.0))
        }

        /// Lanes 0 to 3 of both, in turns; and lanes 4 to 7.
        #[inline(always)]
        pub fn interleave(self, other: Self) -> (Self, Self) {
            (
                Self(i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(self.0, other.0)),
                Self(i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(self.0, other.0)),
            )
        }

        /// Saturates to 8 bits and clamps: first the lanes of `self`, then those of `other`.
        #[inline(always)]
        pub fn clamp_to_bytes(self, other: Self, bounds: &Bounds) -> [[u8; 8]; 2] {
            let (low, high) = (Self::from_bytes(&bounds.low), Self::from_bytes(&bounds.high));
            let bytes = i8x16_narrow_i16x8(self.0, other.0);
            let bytes = i8x16_min(i8x16_max(bytes, low.0), high.0);
            [i64x2_extract_lane::<0>(bytes).to_le_bytes(), i64x2_extract_lane::<1>(bytes).to_le_bytes()]
        }
    }

    impl I32x4 {
        /// The same number in all lanes.
        #[inline(always)]
        pub fn splat(value: i32) -> Self {
            Self(i32x4_splat(value))
        }

        /// Lane by lane.
        #[inline(always)]
        pub fn new(lanes: &[i32; 4]) -> Self {
            // SAFETY: both are 16 bytes of plain numbers.
            Self(unsafe { transmute::<[i32; 4], v128>(*lanes) })
        }

        /// The lanes.
        #[inline(always)]
        pub fn lanes(self) -> [i32; 4] {
            // SAFETY: both are 16 bytes of plain numbers.
            unsafe { transmute::<v128, [i32; 4]>(self.0) }
        }

        /// Sums, wrapping.
        #[inline(always)]
        pub fn plus(self, other: Self) -> Self {
            Self(i32x4_add(self.0, other.0))
        }

        /// From little-endian bytes.
        #[inline(always)]
        pub fn from_bytes(bytes: &[u8; 16]) -> Self {
            // SAFETY: both are 16 plain bytes.
            Self(unsafe { transmute::<[u8; 16], v128>(*bytes) })
        }

        /// As little-endian bytes.
        #[inline(always)]
        pub fn bytes(self) -> [u8; 16] {
            // SAFETY: both are 16 plain bytes.
            unsafe { transmute::<v128, [u8; 16]>(self.0) }
        }

        /// Differences, wrapping.
        #[inline(always)]
        pub fn minus(self, other: Self) -> Self {
            Self(i32x4_sub(self.0, other.0))
        }

        /// Products, wrapping.
        #[inline(always)]
        pub fn times(self, other: Self) -> Self {
            Self(i32x4_mul(self.0, other.0))
        }

        /// The upper 32 of the 64 bits of products.
        #[inline(always)]
        pub fn upper_products(self, other: Self) -> Self {
            let (low, high) = (i64x2_extmul_low_i32x4(self.0, other.0), i64x2_extmul_high_i32x4(self.0, other.0));
            Self(i32x4_shuffle::<1, 3, 5, 7>(low, high))
        }

        /// The bits that both have.
        #[inline(always)]
        pub fn and(self, other: Self) -> Self {
            Self(v128_and(self.0, other.0))
        }

        /// The sign of each lane, a bit for one below 0.
        #[inline(always)]
        pub fn signs(self) -> u8 {
            i32x4_bitmask(self.0)
        }

        /// At least `low`, at most `high`.
        #[inline(always)]
        pub fn clamped(self, low: i32, high: i32) -> Self {
            Self(i32x4_min(i32x4_max(self.0, i32x4_splat(low)), i32x4_splat(high)))
        }

        /// Shifted to the left, wrapping.
        #[inline(always)]
        pub fn shifted<const BITS: u32>(self) -> Self {
            Self(i32x4_shl(self.0, BITS))
        }

        /// Shifted to the right, with the sign.
        #[inline(always)]
        pub fn shifted_down(self, bits: u32) -> Self {
            Self(i32x4_shr(self.0, bits))
        }

        /// The nearest floats.
        #[inline(always)]
        pub fn to_f32(self) -> F32x4 {
            F32x4(f32x4_convert_i32x4(self.0))
        }

        /// As doubles: lanes 0 and 1, then 2 and 3.
        #[inline(always)]
        pub fn to_f64(self) -> [F64x2; 2] {
            [F64x2(f64x2_convert_low_i32x4(self.0)), F64x2(f64x2_convert_low_i32x4(i64x2_shuffle::<1, 1>(self.0, self.0)))]
        }

        /// The lower 16 bits of the lanes of `self`, then of `other`. (What saturates, the compiler takes for a minimum, a
        /// maximum and this.)
        #[inline(always)]
        pub fn low_halves(self, other: Self) -> I16x8 {
            I16x8(i16x8_shuffle::<0, 2, 4, 6, 8, 10, 12, 14>(self.0, other.0))
        }

        /// For each lane below 0 that of `below`, for others that of `above`.
        #[inline(always)]
        pub fn by_sign(self, below: F32x4, above: F32x4) -> F32x4 {
            F32x4(v128_bitselect(below.0, above.0, i32x4_shr(self.0, 31)))
        }

        /// Rows as columns.
        #[inline(always)]
        pub fn transposed([a, b, c, d]: [Self; 4]) -> [Self; 4] {
            let pairs = |x: Self, y: Self| (i32x4_shuffle::<0, 4, 1, 5>(x.0, y.0), i32x4_shuffle::<2, 6, 3, 7>(x.0, y.0));
            let ((ab, ab_high), (cd, cd_high)) = (pairs(a, b), pairs(c, d));
            [
                Self(i64x2_shuffle::<0, 2>(ab, cd)),
                Self(i64x2_shuffle::<1, 3>(ab, cd)),
                Self(i64x2_shuffle::<0, 2>(ab_high, cd_high)),
                Self(i64x2_shuffle::<1, 3>(ab_high, cd_high)),
            ]
        }
    }

    impl F32x4 {
        /// The same number in all lanes.
        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Self(f32x4_splat(value))
        }

        /// Lane by lane.
        #[inline(always)]
        pub fn new(lanes: &[f32; 4]) -> Self {
            // SAFETY: both are 16 bytes of plain numbers.
            Self(unsafe { transmute::<[f32; 4], v128>(*lanes) })
        }

        /// Sums.
        #[inline(always)]
        pub fn plus(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0))
        }

        /// Products.
        #[inline(always)]
        pub fn times(self, other: Self) -> Self {
            Self(f32x4_mul(self.0, other.0))
        }

        /// The sums of others and of products, which are rounded before. In the build with relaxed SIMD they are not where the
        /// processor multiplies and adds in one instruction: results differ in their last bits.
        #[inline(always)]
        pub fn plus_product(self, one: Self, other: Self) -> Self {
            #[cfg(target_feature = "relaxed-simd")]
            return Self(f32x4_relaxed_madd(one.0, other.0, self.0));
            #[cfg(not(target_feature = "relaxed-simd"))]
            self.plus(one.times(other))
        }

        /// Differences.
        #[inline(always)]
        pub fn minus(self, other: Self) -> Self {
            Self(f32x4_sub(self.0, other.0))
        }

        /// Quotients.
        #[inline(always)]
        pub fn over(self, divisor: Self) -> Self {
            Self(f32x4_div(self.0, divisor.0))
        }

        /// Its lanes from 0 on; below, and where they are NaN, those of the other.
        #[inline(always)]
        pub fn or_below_zero(self, other: Self) -> Self {
            Self(v128_bitselect(self.0, other.0, f32x4_ge(self.0, f32x4_splat(0.0))))
        }

        /// Whatever is below the bound becomes it; NaN stays.
        #[inline(always)]
        pub fn at_least(self, bound: Self) -> Self {
            Self(f32x4_pmax(self.0, bound.0))
        }

        /// Whatever is above the bound becomes it; NaN stays.
        #[inline(always)]
        pub fn at_most(self, bound: Self) -> Self {
            Self(f32x4_pmin(self.0, bound.0))
        }

        /// From little-endian bytes.
        #[inline(always)]
        pub fn from_bytes(bytes: &[[u8; 4]; 4]) -> Self {
            // SAFETY: both are 16 plain bytes.
            Self(unsafe { transmute::<[[u8; 4]; 4], v128>(*bytes) })
        }

        /// As little-endian bytes.
        #[inline(always)]
        pub fn bytes(self) -> [[u8; 4]; 4] {
            // SAFETY: both are 16 plain bytes.
            unsafe { transmute::<v128, [[u8; 4]; 4]>(self.0) }
        }

        /// Its bits.
        #[inline(always)]
        pub fn bits(self) -> I32x4 {
            I32x4(self.0)
        }
    }

    impl F64x2 {
        /// Lane by lane.
        #[inline(always)]
        pub fn new(lanes: &[f64; 2]) -> Self {
            // SAFETY: both are 16 bytes of plain numbers.
            Self(unsafe { transmute::<[f64; 2], v128>(*lanes) })
        }

        /// Sums.
        #[inline(always)]
        pub fn plus(self, other: Self) -> Self {
            Self(f64x2_add(self.0, other.0))
        }

        /// Products.
        #[inline(always)]
        pub fn times(self, other: Self) -> Self {
            Self(f64x2_mul(self.0, other.0))
        }

        /// The integers that are not greater.
        #[inline(always)]
        pub fn floor(self) -> Self {
            Self(f64x2_floor(self.0))
        }

        /// For each lane below 0 that of `below`, for others 0.
        #[inline(always)]
        pub fn by_sign(self, below: Self) -> Self {
            Self(v128_and(f64x2_lt(self.0, f64x2_splat(0.0)), below.0))
        }

        /// The low 32 bits of each lane of `self`, then of `other`.
        #[inline(always)]
        pub fn low_bits(self, other: Self) -> I32x4 {
            I32x4(i32x4_shuffle::<0, 2, 4, 6>(self.0, other.0))
        }
    }
}

#[cfg(not(target_feature = "simd128"))]
#[allow(missing_docs)]
mod chosen {
    use core::array::from_fn;

    use super::Bounds;

    #[derive(Clone, Copy)]
    pub struct I16x8([i16; 8]);

    #[derive(Clone, Copy)]
    pub struct Bytes([u8; 16]);

    #[derive(Clone, Copy)]
    pub struct I32x4([i32; 4]);

    pub const HAS_BYTE_DOT: bool = true;

    /// The twin takes inputs as unsigned.
    pub fn byte_dot_flip() -> Option<u8> {
        Some(0x80)
    }

    impl Bytes {
        pub fn new(bytes: &[u8; 16]) -> Self {
            Self(*bytes)
        }

        pub fn splat(bytes: [u8; 4]) -> Self {
            Self(from_fn(|at| bytes[at % 4]))
        }

        pub fn flipped(self, bits: u8) -> Self {
            Self(self.0.map(|byte| byte ^ bits))
        }

        pub fn bytes(self) -> [u8; 16] {
            self.0
        }

        pub fn dot(self, weights: Self, sums: I32x4) -> I32x4 {
            let product = |at: usize| i32::from(self.0[at]) * i32::from(weights.0[at] as i8);
            I32x4(from_fn(|lane| (4 * lane..4 * lane + 4).fold(sums.0[lane], |sum, at| sum.wrapping_add(product(at)))))
        }
    }

    #[derive(Clone, Copy)]
    pub struct F32x4([f32; 4]);

    #[derive(Clone, Copy)]
    pub struct F64x2([f64; 2]);

    impl I16x8 {
        pub fn splat(value: i16) -> Self {
            Self([value; 8])
        }

        pub fn new(lanes: &[i16; 8]) -> Self {
            Self(*lanes)
        }

        pub fn from_bytes(bytes: &[u8; 16]) -> Self {
            Self(from_fn(|lane| i16::from_le_bytes([bytes[2 * lane], bytes[2 * lane + 1]])))
        }

        pub fn bytes(self) -> [u8; 16] {
            from_fn(|at| self.0[at / 2].to_le_bytes()[at % 2])
        }

        pub fn splat_pair(bytes: [u8; 4]) -> Self {
            Self(from_fn(|lane| i16::from_le_bytes([bytes[lane % 2 * 2], bytes[lane % 2 * 2 + 1]])))
        }

        pub fn widen(bytes: [u8; 8]) -> Self {
            Self(bytes.map(|byte| i16::from(byte as i8)))
        }

        pub fn minus(self, other: Self) -> Self {
            Self(from_fn(|lane| self.0[lane].wrapping_sub(other.0[lane])))
        }

        pub fn plus(self, other: Self) -> Self {
            Self(from_fn(|lane| self.0[lane].wrapping_add(other.0[lane])))
        }

        pub fn plus_saturated(self, other: Self) -> Self {
            Self(from_fn(|lane| self.0[lane].saturating_add(other.0[lane])))
        }

        pub fn shifted<const BITS: u32>(self) -> Self {
            Self(self.0.map(|lane| lane << BITS))
        }

        pub fn lanes(self) -> [i16; 8] {
            self.0
        }

        pub fn below_zero(self) -> Self {
            Self(self.0.map(|lane| lane.min(0)))
        }

        pub fn dot(self, other: Self) -> I32x4 {
            let product = |lane: usize| i32::from(self.0[lane]) * i32::from(other.0[lane]);
            I32x4(from_fn(|lane| product(2 * lane).wrapping_add(product(2 * lane + 1))))
        }

        pub fn interleave(self, other: Self) -> (Self, Self) {
            let lane = |at: usize| if at.is_multiple_of(2) { self.0[at / 2] } else { other.0[at / 2] };
            (Self(from_fn(lane)), Self(from_fn(|at| lane(at + 8))))
        }

        pub fn clamp_to_bytes(self, other: Self, bounds: &Bounds) -> [[u8; 8]; 2] {
            let (low, high) = (bounds.low[0] as i8, bounds.high[0] as i8);
            let byte = |value: i16| (value.clamp(-128, 127) as i8).max(low).min(high) as u8;
            [self.0.map(byte), other.0.map(byte)]
        }
    }

    impl I32x4 {
        pub fn new(lanes: &[i32; 4]) -> Self {
            Self(*lanes)
        }

        pub fn lanes(self) -> [i32; 4] {
            self.0
        }

        pub fn plus(self, other: Self) -> Self {
            Self(from_fn(|lane| self.0[lane].wrapping_add(other.0[lane])))
        }

        pub fn from_bytes(bytes: &[u8; 16]) -> Self {
            Self(from_fn(|lane| i32::from_le_bytes(from_fn(|at| bytes[4 * lane + at]))))
        }

        pub fn bytes(self) -> [u8; 16] {
            from_fn(|at| self.0[at / 4].to_le_bytes()[at % 4])
        }

        pub fn minus(self, other: Self) -> Self {
            Self(from_fn(|lane| self.0[lane].wrapping_sub(other.0[lane])))
        }

        pub fn splat(value: i32) -> Self {
            Self([value; 4])
        }

        pub fn times(self, other: Self) -> Self {
            Self(from_fn(|lane| self.0[lane].wrapping_mul(other.0[lane])))
        }

        pub fn upper_products(self, other: Self) -> Self {
            Self(from_fn(|lane| ((i64::from(self.0[lane]) * i64::from(other.0[lane])) >> 32) as i32))
        }

        pub fn and(self, other: Self) -> Self {
            Self(from_fn(|lane| self.0[lane] & other.0[lane]))
        }

        pub fn signs(self) -> u8 {
            self.0.iter().rev().fold(0, |signs, lane| signs << 1 | u8::from(*lane < 0))
        }

        pub fn clamped(self, low: i32, high: i32) -> Self {
            Self(self.0.map(|lane| lane.max(low).min(high)))
        }

        pub fn shifted<const BITS: u32>(self) -> Self {
            Self(self.0.map(|lane| lane << BITS))
        }

        pub fn shifted_down(self, bits: u32) -> Self {
            Self(self.0.map(|lane| lane >> bits))
        }

        pub fn to_f32(self) -> F32x4 {
            F32x4(self.0.map(|lane| lane as f32))
        }

        pub fn to_f64(self) -> [F64x2; 2] {
            let [a, b, c, d] = self.0.map(f64::from);
            [F64x2([a, b]), F64x2([c, d])]
        }

        pub fn low_halves(self, other: Self) -> I16x8 {
            let lane = |at: usize| if at < 4 { self.0[at] } else { other.0[at - 4] };
            I16x8(from_fn(|at| lane(at) as i16))
        }

        pub fn by_sign(self, below: F32x4, above: F32x4) -> F32x4 {
            F32x4(from_fn(|lane| if self.0[lane] < 0 { below.0[lane] } else { above.0[lane] }))
        }

        pub fn transposed(rows: [Self; 4]) -> [Self; 4] {
            from_fn(|column| Self(rows.map(|row| row.0[column])))
        }
    }

    impl F32x4 {
        pub fn splat(value: f32) -> Self {
            Self([value; 4])
        }

        pub fn new(lanes: &[f32; 4]) -> Self {
            Self(*lanes)
        }

        pub fn plus(self, other: Self) -> Self {
            Self(from_fn(|lane| self.0[lane] + other.0[lane]))
        }

        pub fn times(self, other: Self) -> Self {
            Self(from_fn(|lane| self.0[lane] * other.0[lane]))
        }

        pub fn plus_product(self, one: Self, other: Self) -> Self {
            self.plus(one.times(other))
        }

        pub fn minus(self, other: Self) -> Self {
            Self(from_fn(|lane| self.0[lane] - other.0[lane]))
        }

        pub fn over(self, divisor: Self) -> Self {
            Self(from_fn(|lane| self.0[lane] / divisor.0[lane]))
        }

        pub fn or_below_zero(self, other: Self) -> Self {
            Self(from_fn(|lane| if self.0[lane] >= 0.0 { self.0[lane] } else { other.0[lane] }))
        }

        pub fn at_least(self, bound: Self) -> Self {
            Self(from_fn(|lane| if self.0[lane] < bound.0[lane] { bound.0[lane] } else { self.0[lane] }))
        }

        pub fn at_most(self, bound: Self) -> Self {
            Self(from_fn(|lane| if bound.0[lane] < self.0[lane] { bound.0[lane] } else { self.0[lane] }))
        }

        pub fn from_bytes(bytes: &[[u8; 4]; 4]) -> Self {
            Self(bytes.map(f32::from_le_bytes))
        }

        pub fn bytes(self) -> [[u8; 4]; 4] {
            self.0.map(f32::to_le_bytes)
        }

        pub fn bits(self) -> I32x4 {
            I32x4(self.0.map(|lane| lane.to_bits() as i32))
        }
    }

    impl F64x2 {
        pub fn new(lanes: &[f64; 2]) -> Self {
            Self(*lanes)
        }

        pub fn plus(self, other: Self) -> Self {
            Self(from_fn(|lane| self.0[lane] + other.0[lane]))
        }

        pub fn times(self, other: Self) -> Self {
            Self(from_fn(|lane| self.0[lane] * other.0[lane]))
        }

        pub fn floor(self) -> Self {
            Self(self.0.map(f64::floor))
        }

        pub fn by_sign(self, below: Self) -> Self {
            Self(from_fn(|lane| if self.0[lane] < 0.0 { below.0[lane] } else { 0.0 }))
        }

        pub fn low_bits(self, other: Self) -> I32x4 {
            let [a, b] = self.0.map(|lane| lane.to_bits() as i32);
            let [c, d] = other.0.map(|lane| lane.to_bits() as i32);
            I32x4([a, b, c, d])
        }
    }
}
