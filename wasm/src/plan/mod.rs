//! The memory plan of a model: when each tensor is in use, and where it lies then.

pub mod greedy;
pub mod lifetimes;
