//! The inference core of tinylamp: reads `.tflite` files and executes them with the semantics of
//! TensorFlow Lite Micro.
//!
//! Crate map, in order of dependency (a module uses those above it):
//!
//! | module | holds |
//! |---|---|
//! | `error`, `limits` | why a model is refused, with stable numbers; how large a model may be |
//! | `flatbuffer` | bounds-checked reader of FlatBuffers: cannot read past its end, cannot panic |
//! | `opcode`, `schema` | typed views of the tables of the TensorFlow Lite schema |
//! | `tensor`, `quantization` | shapes, element types; fixed-point arithmetic as upstream rounds it |
//! | `model` | the verified, typed, immutable model |
//! | `planner` | greedy placement of tensors in the arena |
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
pub mod flatbuffer;
pub mod interpreter;
pub mod kernels;
pub mod limits;
pub mod model;
pub mod opcode;
pub mod options;
pub mod planner;
pub mod program;
pub mod quantization;
pub mod report;
pub mod resolver;
pub mod schema;
pub mod tensor;

pub use error::{Error, ErrorKind, Place};
pub use interpreter::Interpreter;
pub use limits::Limits;
pub use model::Model;
pub use program::Program;
