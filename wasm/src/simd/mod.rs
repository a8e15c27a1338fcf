//! Kernels for SIMD, bit-equal to the plain ones of `ops`, and what they stand on.
//!
//! The plain kernels stay the reference, and serve whatever has no faster twin. Where the crate is compiled without
//! SIMD, `vector` is its portable twin: the tests compare results with it natively, and mocha compares the builds.

pub mod exact;
pub mod image;
pub mod product;
pub mod requantise;
pub mod rows;
pub mod shorts;
pub mod tile;
pub mod vector;
pub mod winograd;

/// Whether this build has kernels for SIMD. Natively they run for the tests, slowly.
pub const HERE: bool = cfg!(any(target_feature = "simd128", not(target_arch = "wasm32")));
