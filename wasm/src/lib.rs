//! The inference core of tinylamp: reads `.tflite` files and executes them with the semantics of
//! TensorFlow Lite Micro.
//!
//! Crate map, in order of dependency (a module uses those above it):
//!
//! | module | holds |
//! |---|---|
//! | `error`, `limits` | why a model is refused, with stable numbers; how large a model may be |
//! | `file` | bounds-checked readers of FlatBuffers and FlexBuffers, typed views of the schema's tables |
//! | `model` | the verified, typed, immutable model: all subgraphs, shapes, element types |
//! | `math` | fixed-point arithmetic as upstream rounds it |
//! | `plan` | greedy placement of tensors in the arena |
//! | `arena` | views of the tensors of one operator, disjoint by construction |
//! | `kernels`, `resolver` | one file per operator family; opcode to `Registration` |
//! | `program` | a model with its prepared operators, plan and cost: shared by interpreters |
//! | `interpreter` | arena and state of one instance; `invoke` allocates nothing |
//! | `report` | all of the above as bytes, for the other side of the border |
//! | `bindings` | the WebAssembly exports: numbers in, numbers out |
#![deny(unsafe_code)]
#![warn(missing_docs)]

mod arena;
#[cfg(target_arch = "wasm32")]
mod bindings;
pub mod error;
pub mod file;
pub mod interpreter;
pub mod kernels;
pub mod limits;
pub mod math;
pub mod model;
pub mod opcode;
pub mod plan;
pub mod program;
pub mod report;
pub mod resolver;
#[cfg(test)]
pub(crate) mod testing;

pub use error::{Error, ErrorKind, Place};
pub use interpreter::Interpreter;
pub use limits::Limits;
pub use model::Model;
pub use program::Program;
