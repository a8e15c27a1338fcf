//! Kernels for SIMD, bit-equal to the plain ones of `ops`, and what they stand on.
//!
//! The plain kernels stay the reference, and serve whatever has no faster twin. Where the crate is compiled without
//! SIMD, `vector` is its portable twin: the tests compare results with it natively, and mocha compares the builds.

pub mod elementwise;
pub mod exact;
pub mod float;
pub mod image;
pub mod product;
pub mod proof;
pub mod regions;
pub mod requantise;
pub mod rows;
pub mod shorts;
pub mod tile;
pub mod vector;
pub mod winograd;

/// How numbers of 8 bits lie in a workspace, and in packed weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As 16 bits, and inputs less their zero point.
    Words,
    /// As 16 bits, as inputs of 16 bits lie anyway.
    Shorts,
    /// As 8 bits. Inputs have these bits flipped, so that the engine's dot product of bytes takes them for what they are, or for
    /// 128 more.
    Bytes {
        /// 0, or the bit of the sign.
        flip: u8,
    },
}

impl Format {
    /// The bits to flip. Without a value for words, always where the build has no dot product of bytes.
    #[inline(always)]
    pub fn flip(self) -> Option<u8> {
        match self {
            Self::Bytes { flip } if vector::HAS_BYTE_DOT => Some(flip),
            _ => None,
        }
    }

    /// Bytes of a number.
    #[inline(always)]
    pub fn bytes(self) -> usize {
        if self.flip().is_some() { 1 } else { 2 }
    }

    /// The format of these weights, where this is the one to be had: the zero point that was taken from them may be too much for a byte.
    pub fn fitting(self, weights: &[i16]) -> Self {
        if weights.iter().all(|weight| i8::try_from(*weight).is_ok()) { self } else { Self::Words }
    }

    /// Bytes of a number of an input.
    pub fn input_bytes(self) -> usize {
        if self == Self::Shorts { 2 } else { 1 }
    }

    /// A bias less what sums of these weights with inputs as they lie are too large by.
    #[inline(never)]
    pub fn corrected(self, bias: i32, weights: &[i16], zero_point: i32) -> i32 {
        let Some(flip) = self.flip() else { return bias };
        let sum = weights.iter().fold(0i32, |sum, weight| sum.wrapping_add(i32::from(*weight)));
        bias.wrapping_sub(sum.wrapping_mul(zero_point + i32::from(flip)))
    }
}

/// The format that is the fastest on this engine.
pub fn fastest_format() -> Format {
    vector::byte_dot_flip().map_or(Format::Words, |flip| Format::Bytes { flip })
}

/// Whether this build has no other kernels where it has these: plain twins would be 10 KB that nothing calls.
pub const ALONE: bool = cfg!(target_feature = "simd128");

/// Whether this build has kernels for SIMD. Natively they run for the tests, slowly.
pub const HERE: bool = cfg!(any(target_feature = "simd128", not(target_arch = "wasm32")));
