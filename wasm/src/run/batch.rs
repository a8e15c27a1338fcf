//! Many inferences of one program, step by step: what a step needs lies in the cache for all of them.
//!
//! Only models without state and subgraphs: with state it is not clear what comes after what, and branches go apart.

use crate::error::{ErrorKind, Result, ensure};
use crate::program::{Program, Step, Work};
use crate::run::interpreter::{Interpreter, Workspace};
use crate::run::io::{Io, Ports};

/// Samples that go through the steps together at most: a fast kernel has room for so many.
pub const TOGETHER: usize = 16;

/// What the arenas of samples that go together take at most, so that they stay in the cache of a core.
const CACHE_BYTES: usize = 1 << 18;

/// Weights that stay in the first level of a cache anyway. The tests have none as large.
const LEAST_WEIGHTS: u64 = if cfg!(test) { 1 } else { 1 << 15 };

/// One step of several samples.
pub struct Samples<'a> {
    interpreters: &'a mut [Interpreter],
    constants: &'a [u8],
    workspace: &'a mut [u8],
    ports: &'a Ports,
}

/// A kernel that is faster with several samples at a time.
pub trait Batched {
    /// Workspace for so many samples.
    fn workspace_bytes(&self, samples: usize) -> usize;

    /// Computes the outputs of all samples, at most [`TOGETHER`]; allocates nothing.
    fn eval_many(&self, samples: &mut Samples<'_>) -> Result<()>;
}

impl Samples<'_> {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.interpreters.len()
    }

    /// What a kernel may read and write of one of them. The workspace is the same for all.
    pub fn io(&mut self, sample: usize) -> Result<Io<'_>> {
        let interpreter = self.interpreters.get_mut(sample).ok_or(ErrorKind::EngineInternal)?;
        Ok(Io { constants: self.constants, memory: interpreter.memory(), workspace: self.workspace, ports: self.ports })
    }

    /// The workspace, which is the same for all.
    pub fn workspace(&mut self) -> &mut [u8] {
        self.workspace
    }
}

/// Workspace that a batch needs.
pub(crate) fn workspace_bytes(program: &Program) -> usize {
    let kernels = steps(program).iter().filter_map(|step| batched(step));
    kernels.map(|kernel| kernel.workspace_bytes(TOGETHER)).fold(program.workspace_bytes, usize::max)
}

/// How many samples are to go together: one by one where nothing is gained, because most of the work is in kernels that use each
/// weight often as it is, or because the first level of a cache holds all weights.
pub(crate) fn together(program: &Program) -> usize {
    let (mut macs, mut weights) = (0, 0);
    for step in steps(program).iter().filter(|step| batched(step).is_some()) {
        macs += step.cost.macs;
        weights += step.cost.packed_bytes;
    }
    if macs < program.cost.macs / 2 || weights < LEAST_WEIGHTS {
        return 1;
    }
    (CACHE_BYTES / program.arena_bytes.max(1)).clamp(1, TOGETHER)
}

/// One inference of each interpreter of the program.
pub fn invoke(program: &Program, interpreters: &mut [Interpreter], workspace: &mut Workspace) -> Result<()> {
    let same = interpreters.iter().all(|other| core::ptr::eq(&**other.program(), program));
    ensure(same && program.is_batchable, ErrorKind::CallInvalid)?;
    for interpreters in interpreters.chunks_mut(together(program)) {
        interpreters.iter_mut().for_each(Interpreter::begin);
        for step in steps(program) {
            let ports = &step.ports;
            let mut samples = Samples { interpreters: &mut *interpreters, constants: &program.model.bytes, workspace: workspace.bytes(), ports };
            run(step, &mut samples).map_err(|error| error.at(program.model.place(0, step.origin.start)))?;
        }
        interpreters.iter_mut().for_each(Interpreter::end);
    }
    Ok(())
}

fn run(step: &Step, samples: &mut Samples<'_>) -> Result<()> {
    if let (Some(kernel), 2..) = (batched(step), samples.count()) {
        return kernel.eval_many(samples);
    }
    let Work::Kernel(kernel) = &step.work else { return Err(ErrorKind::EngineInternal.into()) };
    for sample in 0..samples.count() {
        kernel.eval(&mut samples.io(sample)?)?;
    }
    Ok(())
}

fn steps(program: &Program) -> &[Step] {
    program.routines.first().map_or(&[], |routine| &routine.steps)
}

fn batched(step: &Step) -> Option<&dyn Batched> {
    match &step.work {
        Work::Kernel(kernel) => kernel.batched(),
        Work::Call(_) => None,
    }
}
