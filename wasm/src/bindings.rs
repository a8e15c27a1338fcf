//! The WebAssembly exports: numbers in, numbers out. An instance of the module holds one program and
//! as many interpreters of it as its caller makes; its caller reads and writes tensors in the memory of
//! the instance. Without `unsafe`: the state of an instance is a thread local of its only thread.

use std::cell::RefCell;
use std::sync::Arc;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{Error, ErrorKind, Place, Result};
use crate::ops::{ALL, Flow, Kernels, Registry, allocate};
use crate::run::batch;
use crate::run::interpreter::{Interpreter, Workspace};
use crate::limits::{FILE_BYTES, Limits};
use crate::model::Model;
use crate::program::Program;
use crate::program::report::report;

#[derive(Default)]
struct Instance {
    /// The model file on its way in.
    file: Vec<u8>,
    program: Option<Arc<Program>>,
    report: Vec<u8>,
    /// Of all interpreters: only one of them runs at a time.
    workspace: Option<Workspace>,
    /// Whether the last inference has computed new outputs.
    has_output: bool,
    interpreters: Vec<Interpreter>,
    /// Place of the last refusal: kind (0 model, 1 byte, 2 tensor, 3 operator), subgraph, index, operator code.
    place: (u32, u32, u32, i32),
}

thread_local! {
    static INSTANCE: RefCell<Instance> = RefCell::default();
}

/// Makes room for a model file; gives its address, or 0 where there is none.
#[wasm_bindgen]
pub fn reserve(bytes: u32) -> u32 {
    with(|instance| {
        let bytes = bytes as usize;
        if bytes > FILE_BYTES {
            return 0;
        }
        instance.file = allocate(bytes, 0u8).unwrap_or_default();
        if instance.file.len() == bytes { instance.file.as_ptr() as usize as u32 } else { 0 }
    })
}

/// Verifies the model that was written to the reserved room and prepares it, where an inference takes at most so much work;
/// bit 0 of `options` packs no weights, bit 1 computes constant channels too.
/// 0, or an error number; where operators are refused, the report tells which.
#[wasm_bindgen]
pub fn load(most_work: f64, options: u32) -> u32 {
    with(|instance| {
        let kernels = if options & 1 == 0 { Kernels::Fast } else { Kernels::Compact };
        let registry = &Registry { kernels, leaves_out: options & 2 == 0, ..ALL };
        let file = std::mem::take(&mut instance.file);
        instance.report = Vec::new();
        let loaded = Model::verify(file).and_then(|model| match Program::prepare_or_tell(model, registry, most_work as u64) {
            Ok(program) => {
                instance.workspace = Some(Workspace::new(&program)?);
                instance.report = report(&program.model, Some(&program), &[], registry);
                instance.program = Some(Arc::new(program));
                Ok(())
            }
            Err(refused) => {
                if let Some(model) = &refused.model {
                    instance.report = report(model, None, &refused.errors, registry);
                }
                Err(refused.first())
            }
        });
        instance.settle(loaded)
    })
}

/// Address of the report of the loaded program (layout in `report.rs`).
#[wasm_bindgen]
pub fn report_address() -> u32 {
    with(|instance| instance.report.as_ptr() as usize as u32)
}

/// Length of the report; 0 where there is none.
#[wasm_bindgen]
pub fn report_bytes() -> u32 {
    with(|instance| instance.report.len() as u32)
}

/// Makes an interpreter of the loaded program. 0, or an error number; interpreters are numbered from 0.
#[wasm_bindgen]
pub fn create(arena_bytes: u32) -> u32 {
    with(|instance| {
        let limits = Limits { arena_bytes: arena_bytes as usize };
        let created = instance
            .program
            .clone()
            .ok_or(Error::new(ErrorKind::CallInvalid))
            .and_then(|program| Interpreter::new(program, limits))
            .map(|interpreter| instance.interpreters.push(interpreter));
        instance.settle(created)
    })
}

/// Address of an input or output tensor of an interpreter; 0 where there is none.
#[wasm_bindgen]
pub fn tensor_address(interpreter: u32, tensor: u32) -> u32 {
    with(|instance| {
        instance
            .interpreter(interpreter)
            .and_then(|found| found.tensor(tensor as usize).map(|bytes| bytes.as_ptr() as usize as u32))
            .unwrap_or(0)
    })
}

/// One inference. 0, or an error number.
#[wasm_bindgen]
pub fn invoke(interpreter: u32) -> u32 {
    with(|instance| {
        let Instance { interpreters, workspace, has_output, .. } = instance;
        let found = interpreters.get_mut(interpreter as usize).zip(workspace.as_mut());
        let invoked = found
            .ok_or(Error::new(ErrorKind::CallInvalid))
            .and_then(|(interpreter, workspace)| interpreter.invoke(workspace))
            .map(|flow| *has_output = flow == Flow::Next);
        instance.settle(invoked)
    })
}

/// Takes the memory that a batch needs beside its interpreters. 0, or an error number.
#[wasm_bindgen]
pub fn prepare_batch() -> u32 {
    with(|instance| {
        let program = instance.program.as_deref().ok_or(Error::new(ErrorKind::CallInvalid));
        let prepared = program.and_then(Workspace::for_batches);
        let prepared = prepared.map(|workspace| instance.workspace = Some(workspace));
        instance.settle(prepared)
    })
}

/// One inference of each of so many interpreters, from this one on, step by step together. 0, or an error number.
#[wasm_bindgen]
pub fn invoke_batch(first: u32, samples: u32) -> u32 {
    with(|instance| {
        let Instance { program, interpreters, workspace, .. } = instance;
        let range = first as usize..(first as usize).saturating_add(samples as usize);
        let found = program.as_deref().zip(interpreters.get_mut(range)).zip(workspace.as_mut());
        let invoked = found
            .ok_or(Error::new(ErrorKind::CallInvalid))
            .and_then(|((program, interpreters), workspace)| batch::invoke(program, interpreters, workspace));
        instance.settle(invoked)
    })
}

/// Repeats one step of an inference, for a caller that measures it. 0, with the first of its operators as the place, or an
/// error number: behind the last step that of a call that is not valid.
#[wasm_bindgen]
pub fn repeat_step(interpreter: u32, step: u32, times: u32) -> u32 {
    with(|instance| {
        let Instance { interpreters, workspace, place: at, .. } = instance;
        let found = interpreters.get_mut(interpreter as usize).zip(workspace.as_mut());
        let repeated = found
            .ok_or(Error::new(ErrorKind::CallInvalid))
            .and_then(|(interpreter, workspace)| interpreter.repeat(step as usize, times, workspace))
            .map(|place| *at = numbers(place));
        instance.settle(repeated)
    })
}

/// Whether the last inference has computed new outputs: 1, or 0 where an operator waits for more inputs.
#[wasm_bindgen]
pub fn has_output() -> u32 {
    with(|instance| u32::from(instance.has_output))
}

/// Zero-fills the arena and sets variables to their initial values. 0, or an error number.
#[wasm_bindgen]
pub fn reset(interpreter: u32) -> u32 {
    with(|instance| {
        let reset = instance.interpreter(interpreter).map(Interpreter::reset);
        instance.settle(reset)
    })
}

/// What the last refusal was about: 0 the model, 1 a byte, 2 a tensor, 3 an operator.
#[wasm_bindgen]
pub fn place_kind() -> u32 {
    with(|instance| instance.place.0)
}

/// The subgraph of the tensor or operator.
#[wasm_bindgen]
pub fn place_subgraph() -> u32 {
    with(|instance| instance.place.1)
}

/// Which byte, tensor or operator.
#[wasm_bindgen]
pub fn place_index() -> u32 {
    with(|instance| instance.place.2)
}

/// The builtin code of the operator; -1 where it is not known.
#[wasm_bindgen]
pub fn place_operator() -> i32 {
    with(|instance| instance.place.3)
}

impl Instance {
    fn interpreter(&mut self, number: u32) -> Result<&mut Interpreter> {
        self.interpreters.get_mut(number as usize).ok_or(ErrorKind::CallInvalid.into())
    }

    fn settle(&mut self, result: Result<()>) -> u32 {
        let Err(error) = result else { return 0 };
        self.place = numbers(error.place());
        u32::from(error.number())
    }
}

/// A place as its four numbers.
fn numbers(place: Place) -> (u32, u32, u32, i32) {
    match place {
        Place::Model => (0, 0, 0, -1),
        Place::Byte(at) => (1, 0, at as u32, -1),
        Place::Tensor { subgraph, tensor } => (2, subgraph as u32, tensor as u32, -1),
        Place::Operator { subgraph, operator, code } => (3, subgraph as u32, operator as u32, code),
    }
}

fn with<T>(run: impl FnOnce(&mut Instance) -> T) -> T {
    INSTANCE.with_borrow_mut(run)
}
