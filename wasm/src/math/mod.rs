//! Arithmetic that operators share.

pub mod fixed;
pub mod quantization;
pub mod walk;
