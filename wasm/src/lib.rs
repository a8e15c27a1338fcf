//! The inference core of tinylamp: reads `.tflite` files and executes them with the semantics of
//! TensorFlow Lite Micro.
//!
//! Crate map, in order of dependency (a module uses those above it):
//!
//! | module | holds |
//! |---|---|
//! | `error`, `limits` | why a model is refused, with stable numbers; how large a model may be |
//! | `memory` | vectors that are refused where memory cannot be had |
//! | `file` | bounds-checked readers of FlatBuffers and FlexBuffers, typed views of the schema's tables |
//! | `model` | the verified, typed, immutable model: all subgraphs, shapes, element types |
//! | `math` | fixed-point arithmetic as upstream rounds it; walks over strided tensors |
//! | `plan` | when tensors are in use, over all subgraphs; greedy placement in the arena |
//! | `ops` | the operators, one file or folder per family, and the one table of them |
//! | `simd` | vectors, and what the faster kernels of `ops` share |
//! | `program` | a model with its prepared steps, plan and cost, shared by interpreters; its report |
//! | `run` | memory and state of one instance, and its way through the steps: `invoke` allocates nothing |
//! | `bindings` | the WebAssembly exports: numbers in, numbers out |
#![deny(unsafe_code)]
#![warn(missing_docs)]

#[cfg(target_arch = "wasm32")]
mod bindings;
pub mod error;
pub mod file;
pub mod limits;
pub mod math;
pub mod memory;
pub mod model;
pub mod ops;
pub mod plan;
pub mod program;
pub mod run;
mod simd;
#[cfg(test)]
pub(crate) mod testing;

pub use error::{Error, ErrorKind, Place};
pub use limits::Limits;
pub use model::Model;
pub use program::Program;
pub use run::interpreter::{Interpreter, Workspace};
