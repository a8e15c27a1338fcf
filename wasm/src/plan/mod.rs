//! The memory plan of a model.

pub mod greedy;
