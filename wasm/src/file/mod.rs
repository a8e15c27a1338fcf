//! Bytes to views: nothing outside this folder knows an offset of a file format.

pub mod flatbuffer;
pub mod flexbuffer;
pub mod schema;
