//! Arithmetic that operators share.

pub mod quantization;
pub mod walk;
