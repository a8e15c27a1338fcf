//! What operators with weights share.

pub mod computed;
pub mod float;
pub mod int16;
pub mod int8;
pub mod pack;
