//! One instance of a program: its memory, and the way through its steps.

use core::ops::Range;
use std::sync::Arc;

use crate::error::{ErrorKind, Place, Result, ensure};
use crate::limits::{self, Limits};
use crate::model::tensor::SHIFT;
use crate::ops::{Flow, Init, allocate};
use crate::plan::greedy::ALIGNMENT;
use crate::program::{Branch, Call, Copy, Program, Step, Work};
use crate::run::batch;
use crate::run::io::{Io, Slot};

/// Runs a program in memory of its own, which is taken here and never grows: `invoke` allocates
/// nothing.
pub struct Interpreter {
    program: Arc<Program>,
    memory: Aligned,
    /// Subgraphs that wait for one another; never longer than its room.
    frames: Vec<Frame>,
}

/// Memory that fast kernels use one after the other: one for all interpreters of a program.
pub struct Workspace(Aligned);

/// A subgraph on the way.
#[derive(Clone, Copy)]
struct Frame {
    subgraph: usize,
    /// The step that comes next.
    next: usize,
    role: Role,
}

/// What a subgraph was called for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Main,
    Then,
    Otherwise,
    Condition,
    Body,
    Setup,
}

/// What is left to an inference, so that it comes to an end.
struct Budget(u64);

impl Interpreter {
    /// Takes the memory, if the limits allow it, and sets the initial state.
    pub fn new(program: Arc<Program>, limits: Limits) -> Result<Self> {
        let bytes = program.arena_bytes + program.variable_bytes;
        ensure(bytes <= limits.arena_bytes, ErrorKind::ArenaTooSmall)?;
        let mut frames = Vec::new();
        frames.try_reserve_exact(limits::DEPTH).map_err(|_| ErrorKind::MemoryExhausted)?;
        let mut interpreter = Self { program, memory: Aligned::new(bytes)?, frames };
        interpreter.reset();
        Ok(interpreter)
    }

    /// The program that it runs.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// The bytes of an input or output of the model.
    pub fn tensor(&mut self, tensor: usize) -> Result<&mut [u8]> {
        let call_invalid = ErrorKind::CallInvalid;
        let place = self.program.place(0, tensor).ok_or(call_invalid)?;
        self.memory.bytes().get_mut(place).ok_or(call_invalid.into())
    }

    /// One inference: from the bytes of the inputs to the bytes of the outputs. Inputs may be
    /// overwritten on the way.
    pub fn invoke(&mut self, workspace: &mut Workspace) -> Result<Flow> {
        self.begin();
        let flow = self.run(0..usize::MAX, workspace)?;
        if flow == Flow::Next {
            self.end();
        }
        Ok(flow)
    }

    /// Inputs from what the outside has to what kernels read.
    pub(super) fn begin(&mut self) {
        shift(self.memory.bytes(), &self.program.shifted[0]);
    }

    /// Outputs from what kernels write to what the outside has.
    pub(super) fn end(&mut self) {
        shift(self.memory.bytes(), &self.program.shifted[1]);
    }

    pub(super) fn memory(&mut self) -> &mut [u8] {
        self.memory.bytes()
    }

    /// Repeats one step of the model's own subgraph, with all that it calls, so that it can be measured; the steps before it
    /// were run before. Gives the operator that the step begins with.
    pub fn repeat(&mut self, step: usize, times: u32, workspace: &mut Workspace) -> Result<Place> {
        let found = self.program.routines.first().and_then(|routine| routine.steps.get(step));
        let operator = found.ok_or(ErrorKind::CallInvalid)?.origin.start;
        for _ in 0..times {
            self.run(step..step + 1, workspace)?;
        }
        Ok(self.program.model.place(0, operator))
    }

    /// Runs steps of the model's own subgraph, and what they call.
    fn run(&mut self, range: Range<usize>, workspace: &mut Workspace) -> Result<Flow> {
        let Self { program, memory, frames } = self;
        frames.clear();
        frames.push(Frame { subgraph: 0, next: range.start, role: Role::Main });
        let mut run = Run {
            program,
            memory: memory.bytes(),
            workspace: workspace.0.bytes(),
            frames,
            budget: Budget(program.most_work),
        };
        while let Some(frame) = run.frames.last().copied() {
            let routine = program.routines.get(frame.subgraph).ok_or(ErrorKind::EngineInternal)?;
            let end = if frame.role == Role::Main { range.end } else { usize::MAX };
            let steps = routine.steps.get(frame.next..end.min(routine.steps.len())).unwrap_or(&[]);
            if run.steps(steps, frame)? == Flow::NoOutput {
                return Ok(Flow::NoOutput);
            }
        }
        Ok(Flow::Next)
    }

    /// Zero-fills the arena and gives variables and state their initial values.
    pub fn reset(&mut self) {
        let Self { program, memory, .. } = self;
        let memory = memory.bytes();
        memory.fill(0);
        for persistent in &program.persistent {
            let Some(bytes) = memory.get_mut(persistent.range.clone()) else { continue };
            match &persistent.init {
                Init::Byte(byte) => bytes.fill(*byte),
                Init::Bytes(init) => {
                    for (byte, init) in bytes.iter_mut().zip(init.iter()) {
                        *byte = *init;
                    }
                }
            }
        }
    }
}

/// Between uint8, as the outside has it, and int8.
#[inline(never)]
fn shift(memory: &mut [u8], places: &[Range<usize>]) {
    for place in places {
        for byte in memory.get_mut(place.clone()).unwrap_or(&mut []) {
            *byte ^= SHIFT;
        }
    }
}

impl Workspace {
    /// As large as the program needs it.
    pub fn new(program: &Program) -> Result<Self> {
        Aligned::new(program.workspace_bytes).map(Self)
    }

    /// As large as a batch of the program needs it; refuses programs that cannot run as a batch.
    pub fn for_batches(program: &Program) -> Result<Self> {
        ensure(program.is_batchable, ErrorKind::BatchUnsupported)?;
        Aligned::new(batch::workspace_bytes(program)).map(Self)
    }

    pub(super) fn bytes(&mut self) -> &mut [u8] {
        self.0.bytes()
    }
}

/// An inference on its way.
struct Run<'a> {
    program: &'a Program,
    memory: &'a mut [u8],
    workspace: &'a mut [u8],
    frames: &'a mut Vec<Frame>,
    budget: Budget,
}

impl Run<'_> {
    /// Runs the steps of the last frame until one of them calls a subgraph, or returns to the caller.
    fn steps(&mut self, steps: &[Step], frame: Frame) -> Result<Flow> {
        for (at, step) in (frame.next..).zip(steps) {
            let located = |error: crate::Error| {
                error.at(self.program.model.place(frame.subgraph, step.origin.start))
            };
            match &step.work {
                Work::Kernel(kernel) => {
                    let mut io = Io {
                        constants: &self.program.model.bytes,
                        memory: self.memory,
                        workspace: self.workspace,
                        ports: &step.ports,
                    };
                    if kernel.eval(&mut io).map_err(located)? == Flow::NoOutput {
                        return Ok(Flow::NoOutput);
                    }
                }
                Work::Call(call) => {
                    self.resume_at(at + 1);
                    if self.call(call).map_err(located)? {
                        return Ok(Flow::Next);
                    }
                }
            }
        }
        self.leave(frame)?;
        Ok(Flow::Next)
    }

    /// Where the last frame goes on.
    fn resume_at(&mut self, next: usize) {
        if let Some(frame) = self.frames.last_mut() {
            frame.next = next;
        }
    }

    /// Begins a call; tells whether a subgraph was entered.
    fn call(&mut self, call: &Call) -> Result<bool> {
        match call {
            Call::If { condition, then, otherwise } => {
                let (branch, role) = match self.flag(condition)? {
                    true => (then, Role::Then),
                    false => (otherwise, Role::Otherwise),
                };
                self.enter(branch, role)?;
            }
            Call::While { start, condition, .. } => {
                self.copy(start)?;
                self.enter(condition, Role::Condition)?;
            }
            Call::Once { setup, done } => {
                let done = self.memory.get_mut(done.clone()).and_then(|bytes| bytes.first_mut());
                let done = done.ok_or(ErrorKind::EngineInternal)?;
                if *done != 0 {
                    return Ok(false);
                }
                *done = 1;
                self.enter(setup, Role::Setup)?;
            }
        }
        Ok(true)
    }

    /// Returns from the last frame to the step that called it, which may go round.
    fn leave(&mut self, left: Frame) -> Result<()> {
        self.frames.pop();
        let Some(caller) = self.frames.last() else { return Ok(()) };
        let program = self.program;
        let step = program.routines.get(caller.subgraph).and_then(|routine| {
            routine.steps.get(caller.next.checked_sub(1)?)
        });
        let Some(Step { work: Work::Call(call), origin, .. }) = step else {
            return Err(ErrorKind::EngineInternal.into());
        };
        let (caller_subgraph, operator) = (caller.subgraph, origin.start);
        let located = |error: crate::Error| {
            error.at(program.model.place(caller_subgraph, operator))
        };
        let returned = match (&**call, left.role) {
            (Call::If { then, .. }, Role::Then) => self.copy(&then.leave),
            (Call::If { otherwise, .. }, Role::Otherwise) => self.copy(&otherwise.leave),
            (Call::While { go_on, body, .. }, Role::Condition) => match self.flag(go_on)? {
                true => self.enter(body, Role::Body),
                false => Ok(()),
            },
            (Call::While { condition, body, .. }, Role::Body) => {
                self.copy(&body.leave)?;
                self.enter(condition, Role::Condition)
            }
            (Call::Once { .. }, Role::Setup) => Ok(()),
            _ => Err(ErrorKind::EngineInternal.into()),
        };
        returned.map_err(located)
    }

    fn enter(&mut self, branch: &Branch, role: Role) -> Result<()> {
        let subgraph = branch.subgraph;
        let routine = self.program.routines.get(subgraph).ok_or(ErrorKind::EngineInternal)?;
        self.budget.spend(routine.work.saturating_add(limits::CALL_WORK))?;
        self.copy(&branch.enter)?;
        ensure(self.frames.len() < limits::DEPTH, ErrorKind::EngineInternal)?;
        self.frames.push(Frame { subgraph, next: 0, role });
        Ok(())
    }

    fn copy(&mut self, copies: &[Copy]) -> Result<()> {
        let internal = ErrorKind::EngineInternal;
        for Copy { from, to } in copies {
            self.budget.spend(to.len() as u64)?;
            match from {
                Slot::Constant(range) => {
                    let from = self.program.model.bytes.get(range.clone()).ok_or(internal)?;
                    let to = self.memory.get_mut(to.clone()).ok_or(internal)?;
                    ensure(from.len() == to.len(), internal)?;
                    to.copy_from_slice(from);
                }
                Slot::Readable(range) | Slot::Writable(range) => {
                    let sound = range.len() == to.len()
                        && range.end.max(to.end) <= self.memory.len();
                    ensure(sound, internal)?;
                    self.memory.copy_within(range.clone(), to.start);
                }
                Slot::Absent => return Err(internal.into()),
            }
        }
        Ok(())
    }

    /// The first byte behind a slot, as a condition.
    fn flag(&self, slot: &Slot) -> Result<bool> {
        let bytes = match slot {
            Slot::Constant(range) => self.program.model.bytes.get(range.clone()),
            Slot::Readable(range) | Slot::Writable(range) => self.memory.get(range.clone()),
            Slot::Absent => None,
        };
        let byte = bytes.and_then(<[u8]>::first).ok_or(ErrorKind::EngineInternal)?;
        Ok(*byte != 0)
    }
}

impl Budget {
    fn spend(&mut self, work: u64) -> Result<()> {
        self.0 = self.0.checked_sub(work).ok_or(ErrorKind::WorkExceeded)?;
        Ok(())
    }
}

/// Memory whose offsets are aligned as the plan counts them.
struct Aligned {
    memory: Vec<u8>,
    start: usize,
}

impl Aligned {
    fn new(bytes: usize) -> Result<Self> {
        let memory = allocate(bytes + ALIGNMENT, 0u8)?;
        let start = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Ok(Self { memory, start })
    }

    fn bytes(&mut self) -> &mut [u8] {
        self.memory.get_mut(self.start..).unwrap_or(&mut [])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Model, OpKey, Operator, Subgraph};
    use crate::ops::{ALL, Action, Kernel, Registration, Registry};
    use crate::run::io::Port;
    use crate::model::tensor::TensorType::Int8;
    use crate::testing::{Given, single};

    /// Counts its runs in state and in a variable that it writes; every second has no output.
    struct Count(Port);

    impl Kernel for Count {
        fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
            let ([], [count, variable, output]) =
                io.cut([], [self.0, Port::Input(0), Port::Output(0)])?;
            count[0] += 1;
            variable[0] += 10;
            if count[0] % 2 == 0 {
                return Ok(Flow::NoOutput);
            }
            output[0] = count[0] + variable[0];
            Ok(Flow::Next)
        }
    }

    static COUNT: Registration = Registration {
        key: OpKey::Custom(b"COUNT"),
        name: "COUNT",
        inputs: 1..=1,
        outputs: 1..=1,
        types: &[crate::ops::signature::Signature { inputs: &[], outputs: &[] }],
        prepare: |_, request| {
            request.mutates(0);
            Ok(Action::run(Count(request.state(1, Init::Bytes([5].into())))))
        },
    };

    fn program(model: Model) -> Result<(Interpreter, Workspace)> {
        static COUNTS: Registry = Registry { operators: &[&COUNT], ..ALL };
        let program = Program::prepare(model, &COUNTS)?;
        let workspace = Workspace::new(&program)?;
        Ok((Interpreter::new(Arc::new(program), Limits { arena_bytes: 1 << 10 })?, workspace))
    }

    #[test]
    fn state_and_variables_live_until_a_reset_and_an_inference_may_have_no_output() {
        let tensors = [Given::variable(Int8, &[1]).affine(1.0, 7), Given::output(Int8, &[1])];
        let (mut interpreter, mut workspace) = program(single(&COUNT, &tensors, None)).unwrap();
        for _ in 0..2 {
            let mut ends = Vec::new();
            for _ in 0..3 {
                let flow = interpreter.invoke(&mut workspace).unwrap();
                ends.push((flow, interpreter.tensor(1).unwrap()[0]));
            }
            assert_eq!(ends, [(Flow::NoOutput, 0), (Flow::Next, 7 + 27), (Flow::NoOutput, 34)]);
            interpreter.reset();
        }
    }

    #[test]
    fn a_step_is_repeated_as_often_as_it_is_said_and_named_by_its_operator() {
        let tensors = [Given::variable(Int8, &[1]).affine(1.0, 7), Given::output(Int8, &[1])];
        let (mut interpreter, mut workspace) = program(single(&COUNT, &tensors, None)).unwrap();
        let place = interpreter.repeat(0, 4, &mut workspace).unwrap();
        assert!(matches!(place, Place::Operator { subgraph: 0, operator: 0, .. }));
        assert_eq!(interpreter.tensor(1).unwrap()[0], 9 + 47);
        let error = interpreter.repeat(1, 3, &mut workspace).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CallInvalid);
    }

    #[test]
    fn only_a_variable_can_be_written_as_an_input() {
        for input in [Given::input(Int8, &[1]), Given::constant(Int8, &[1], vec![1])] {
            let error = program(single(&COUNT, &[input, Given::output(Int8, &[1])], None)).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::GraphInvalid);
        }
    }

    /// Calls subgraphs without giving them anything.
    fn caller(calls: &[usize]) -> Subgraph {
        let custom = |&callee: &usize| Operator { code: callee as i32, ..Operator::default() };
        Subgraph { operators: calls.iter().map(custom).collect(), ..Subgraph::default() }
    }

    #[test]
    fn subgraphs_that_call_each_other_in_a_circle_or_too_deep_are_refused() {
        static ONCE: [Registration; 40] = {
            const fn call(number: i32) -> Registration {
                Registration {
                    key: OpKey::Builtin(number),
                    name: "CALL",
                    inputs: 0..=0,
                    outputs: 0..=0,
                    types: &[crate::ops::signature::Signature { inputs: &[], outputs: &[] }],
                    prepare: |node, request| {
                        let done = request.state(1, Init::Byte(0));
                        Ok(Action::Once { calls: [node.operator.code as usize], done })
                    },
                }
            }
            let mut all = [const { call(0) }; 40];
            let mut number = 0;
            while number < 40 {
                all[number].key = OpKey::Builtin(number as i32);
                number += 1;
            }
            all
        };
        let end_of = |calls: Vec<Vec<usize>>| {
            let subgraphs = calls.iter().map(|calls| caller(calls)).collect();
            let registry: Vec<&'static Registration> = ONCE.iter().collect();
            let registry = Registry { operators: Box::leak(registry.into_boxed_slice()), ..ALL };
            let program = Program::prepare(Model { bytes: vec![], subgraphs, is_planned: false }, &registry)?;
            let mut workspace = Workspace::new(&program)?;
            Interpreter::new(Arc::new(program), Limits { arena_bytes: 1 << 10 })?.invoke(&mut workspace)
        };
        let chain = |length: usize| (1..=length).map(|next| if next < length { vec![next] } else { vec![] }).collect();
        assert_eq!(end_of(chain(limits::DEPTH)), Ok(Flow::Next));
        assert_eq!(end_of(chain(limits::DEPTH + 1)).unwrap_err().kind(), ErrorKind::GraphInvalid);
        assert_eq!(end_of(vec![vec![1], vec![2], vec![1]]).unwrap_err().kind(), ErrorKind::GraphInvalid);
        assert_eq!(end_of(vec![vec![9]]).unwrap_err().kind(), ErrorKind::IndexInvalid);
        // Two calls on each of fifteen levels are 32,768 ways, and more moments than a plan takes.
        let mut doubled: Vec<_> = (1..16).map(|next| vec![next, next]).collect();
        doubled.push(vec![]);
        assert_eq!(end_of(doubled).unwrap_err().kind(), ErrorKind::ModelTooLarge);
    }
}
