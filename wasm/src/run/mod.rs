//! What happens in an inference.

pub mod batch;
pub mod interpreter;
pub mod io;
