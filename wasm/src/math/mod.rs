//! Arithmetic that operators share.

pub mod fixed;
pub mod integer;
pub mod quantization;
pub mod walk;
