//! What happens in an inference.

pub mod interpreter;
pub mod io;
