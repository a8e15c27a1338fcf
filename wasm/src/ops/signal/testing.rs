//! Models of one custom operator, and several inferences of one.

use std::sync::Arc;

use crate::error::Result;
use crate::limits::Limits;
use crate::model::Model;
use crate::ops::{ALL, Registration};
use crate::program::Program;
use crate::run::interpreter::{Interpreter, Workspace};
use crate::testing::{self, Given};

/// A model of this operator alone, with these attributes.
pub fn custom(op: &Registration, tensors: &[Given], attributes: &[(&str, i32)]) -> Model {
    let mut sorted: Vec<_> = attributes.iter().map(|(key, value)| (*key, value.to_string())).collect();
    sorted.sort_unstable();
    let options: Vec<_> = sorted.iter().map(|(key, value)| (*key, value.as_str())).collect();
    testing::custom(op, tensors, &options)
}

/// The outputs of one inference.
pub fn run_once(model: Model, inputs: &[&[u8]]) -> Result<Vec<Vec<u8>>> {
    Ok(run_all(model, &[inputs])?.remove(0))
}

/// The outputs of inferences one after the other.
pub fn run_all(model: Model, inferences: &[&[&[u8]]]) -> Result<Vec<Vec<Vec<u8>>>> {
    let program = Arc::new(Program::prepare(model, &ALL)?);
    let mut workspace = Workspace::new(&program)?;
    let mut interpreter = Interpreter::new(Arc::clone(&program), Limits { arena_bytes: 1 << 24 })?;
    let main = program.model.main();
    let mut all = Vec::new();
    for inputs in inferences {
        for (&tensor, bytes) in main.inputs.iter().zip(*inputs) {
            interpreter.tensor(tensor)?.copy_from_slice(bytes);
        }
        interpreter.invoke(&mut workspace)?;
        let outputs = main.outputs.iter().map(|&tensor| Ok(interpreter.tensor(tensor)?.to_vec()));
        all.push(outputs.collect::<Result<Vec<_>>>()?);
    }
    Ok(all)
}

/// Samples as a tensor holds them.
pub fn shorts(values: &[i16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Samples of a tensor.
pub fn shorts_of(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect()
}

/// Numbers as tensors of 32 bits hold them.
pub fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Numbers of a tensor of 32 bits.
pub fn words_of(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect()
}
