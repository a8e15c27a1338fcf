//! Arithmetic that operators share.

pub mod quantization;
