//! One instance of a program: its arena and its state.

use std::sync::Arc;

use crate::arena::split;
use crate::error::{Error, ErrorKind, Result, ensure};
use crate::kernels::allocate;
use crate::limits::Limits;
use crate::plan::greedy::ALIGNMENT;
use crate::program::Program;
use crate::model::tensor::TensorType;

/// Runs a program in memory of its own, which is taken here and never grows: `invoke` allocates
/// nothing.
pub struct Interpreter {
    program: Arc<Program>,
    memory: Vec<u8>,
    /// Where the arena starts in `memory`, so that offsets in it are aligned.
    start: usize,
}

impl Interpreter {
    /// Takes the memory, if the limits allow it, and sets the initial state.
    pub fn new(program: Arc<Program>, limits: Limits) -> Result<Self> {
        let bytes = program.arena_bytes + program.variable_bytes;
        ensure(bytes <= limits.arena_bytes, ErrorKind::ArenaTooSmall)?;
        let memory = allocate(bytes + ALIGNMENT, 0u8)?;
        let start = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        let mut interpreter = Self { program, memory, start };
        interpreter.reset();
        Ok(interpreter)
    }

    /// The program that it runs.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// The bytes of an input or output.
    pub fn tensor(&mut self, tensor: usize) -> Result<&mut [u8]> {
        let call_invalid = ErrorKind::CallInvalid;
        let place = self.program.place(tensor).ok_or(call_invalid)?;
        let arena = self.memory.get_mut(self.start..).ok_or(call_invalid)?;
        arena.get_mut(place).ok_or(call_invalid.into())
    }

    /// One inference: from the bytes of the inputs to the bytes of the outputs. Inputs may be
    /// overwritten on the way.
    pub fn invoke(&mut self) -> Result<()> {
        let Self { program, memory, start } = self;
        let arena = memory.get_mut(*start..).ok_or(ErrorKind::EngineInternal)?;
        for (index, step) in program.steps.iter().enumerate() {
            let (inputs, mut outputs) = split(arena, &program.model.bytes, &step.slots, &step.cuts)?;
            step.kernel
                .eval(&inputs, &mut outputs)
                .map_err(|error: Error| error.at(program.model.place(0, index)))?;
        }
        Ok(())
    }

    /// Zero-fills the arena and gives variables their initial values: as upstream, the byte of the
    /// zero point for int8, 0 for others.
    pub fn reset(&mut self) {
        self.memory.fill(0);
        let program = Arc::clone(&self.program);
        for (tensor, range) in &program.variables {
            let Some(tensor) = program.model.tensor(0, *tensor) else { continue };
            let zero_point = tensor.quantization.as_ref().map_or(0, |found| found.zero_point);
            if tensor.element_type == TensorType::Int8 {
                let start = self.start + range.start;
                if let Some(bytes) = self.memory.get_mut(start..start + range.len()) {
                    bytes.fill(zero_point as u8);
                }
            }
        }
    }
}
