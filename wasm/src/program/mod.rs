//! A model with its prepared operators, memory plan and cost: everything that does not change while
//! it runs. Interpreters share it.

mod call;
mod draft;
mod pruning;
pub mod report;
mod unsigned;
mod variables;

use core::ops::Range;

pub(crate) use call::{Branch, Call, Copy};
use draft::{Draft, Drafts};

use crate::error::{Error, ErrorKind, Result, ensure};
use crate::limits;
use crate::memory::copied;
use crate::model::tensor::{Location, Tensor, TensorType};
use crate::model::{Model, Operator, Subgraph};
use crate::ops::{Action, Extra, Init, Kernel, Registry};
use crate::plan::greedy::{ALIGNMENT, Request, plan};
use crate::plan::lifetimes::{Lifetimes, lifetimes};
use crate::run::io::{Ports, Slot};
use variables::variables;

/// What a step or an inference costs, known before the first run. Of branches the dearer counts, of loops one
/// round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bytes read and written once each: inputs, weights and outputs.
    pub moved_bytes: u64,
    /// Weights and tables that the kernel owns.
    pub packed_bytes: u64,
}

/// What a step does.
pub(crate) enum Work {
    Kernel(Box<dyn Kernel>),
    Call(Box<Call>),
}

/// A part of a subgraph, ready to run: mostly one operator, sometimes several.
pub struct Step {
    pub(crate) work: Work,
    pub(crate) ports: Ports,
    /// The operators of the file that it stands for; the first is the place of its refusals.
    pub origin: Range<usize>,
    /// What it costs.
    pub cost: Cost,
}

/// A subgraph, ready to run. Empty where nothing calls it.
#[derive(Default)]
pub struct Routine {
    /// In order of execution.
    pub steps: Vec<Step>,
    /// Work of one pass, without what it calls.
    pub(crate) work: u64,
}

/// What lies in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A tensor of the subgraph.
    Tensor(usize),
    /// An operator of the subgraph: scratch, in the order of its requests.
    Scratch(usize),
}

/// Where a tensor or scratch buffer lies in the arena, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The subgraph.
    pub subgraph: usize,
    /// What lies there.
    pub owner: Owner,
    /// First byte.
    pub offset: usize,
    /// Size.
    pub bytes: usize,
    /// First moment of use: 0 is before the first operator.
    pub first: usize,
    /// Last moment of use.
    pub last: usize,
}

/// Memory that keeps what is in it between inferences.
#[derive(Clone, Debug)]
pub struct Persistent {
    /// Where it lies, behind the arena.
    pub range: Range<usize>,
    /// What it holds at first and after a reset.
    pub init: Init,
}

/// What became of a model that cannot be prepared.
pub struct Refused {
    /// The model, where its operators are what was refused.
    pub model: Option<Model>,
    /// At least one, in the order of the operators.
    pub errors: Vec<Error>,
}

impl Refused {
    /// The first refusal: that of the model as a whole.
    pub fn first(&self) -> Error {
        self.errors.first().copied().unwrap_or(Error::new(ErrorKind::EngineInternal))
    }
}

/// A model that is ready to be interpreted.
pub struct Program {
    /// The verified model.
    pub model: Model,
    /// Its subgraphs.
    pub routines: Vec<Routine>,
    /// Activations and scratch buffers.
    pub placements: Vec<Placement>,
    /// Variables and the state of operators.
    pub persistent: Vec<Persistent>,
    /// Bytes of activations and scratch buffers: upstream's non-persistent arena.
    pub arena_bytes: usize,
    /// Bytes of variables and state.
    pub variable_bytes: usize,
    /// Bytes that the interpreters of an instance share, for fast kernels.
    pub workspace_bytes: usize,
    /// Cost of one invoke.
    pub cost: Cost,
    /// Whether many inferences can go step by step together: nothing outlives an inference, and no subgraph is called.
    pub(crate) is_batchable: bool,
    /// Most work of an inference, loops included.
    pub(crate) most_work: u64,
    /// Inputs and outputs of the model that are of uint8 to the outside.
    pub(crate) shifted: [Vec<Range<usize>>; 2],
    /// Where each variable that operators share lies.
    variables: Vec<Range<usize>>,
    /// Where each tensor of each subgraph lies.
    places: Vec<Vec<Option<Range<usize>>>>,
}

impl Program {
    /// Prepares every operator that the model can reach and plans the memory.
    pub fn prepare(model: Model, registry: &Registry) -> Result<Self> {
        Self::prepare_or_tell(model, registry, limits::WORK).map_err(|refused| refused.first())
    }

    /// The same with a limit of work, in units of about a nanosecond, and with all that is wrong with the operators of a model
    /// that is refused.
    pub fn prepare_or_tell(mut model: Model, registry: &Registry, most_work: u64) -> core::result::Result<Self, Refused> {
        let shifted = unsigned::shift(&mut model, registry).map_err(|error| vec![error]);
        match shifted.and_then(|()| Drafts::prepare(&mut model, registry, most_work)) {
            Ok(drafts) => Self::assemble(model, drafts, most_work).map_err(|error| Refused { model: None, errors: vec![error] }),
            Err(errors) => Err(Refused { model: Some(model), errors }),
        }
    }

    fn assemble(model: Model, drafts: Drafts, most_work: u64) -> Result<Self> {
        ensure(!model.is_planned, ErrorKind::FeatureUnsupported)?;
        let cost = drafts.total(&model, most_work)?;
        let calls = |subgraph, operator| drafts.calls(subgraph, operator);
        let lifetimes = lifetimes(&model, &calls)?;
        let requests = requests(&model, &drafts, &lifetimes);
        let memory = plan(&requests.iter().map(|(.., request)| *request).collect::<Vec<_>>());
        ensure(memory.bytes <= limits::ARENA_BYTES, ErrorKind::ArenaTooSmall)?;
        let placements = requests.iter().zip(&memory.offsets);
        let placements = placements.map(|(&(subgraph, owner, request), &offset)| {
            let Request { bytes, first, last } = request;
            Placement { subgraph, owner, offset, bytes, first, last }
        });
        let mut program = Self {
            routines: Vec::new(),
            placements: placements.collect(),
            persistent: Vec::new(),
            arena_bytes: memory.bytes,
            variable_bytes: 0,
            workspace_bytes: drafts.workspace_bytes(),
            cost,
            is_batchable: false,
            most_work,
            shifted: [Vec::new(), Vec::new()],
            variables: Vec::new(),
            places: empty_places(&model),
            model,
        };
        let constant_outputs = program.place_tensors(&drafts)?;
        for (bytes, init) in variables(&program.model, &drafts)? {
            let range = program.persist(bytes, init)?;
            program.variables.push(range);
        }
        program.find_shifted()?;
        for (subgraph, drafts) in drafts.0.into_iter().enumerate() {
            let routine = program.routine(subgraph, drafts.unwrap_or_default())?;
            program.routines.push(routine);
        }
        // Other subgraphs have steps where the model's own calls them.
        let steps = program.routines.first().map_or(&[][..], |routine| &routine.steps);
        let is_alone = steps.iter().all(|step| matches!(step.work, Work::Kernel(_)));
        program.is_batchable = is_alone && program.persistent.len() == constant_outputs;
        Ok(program)
    }

    /// Where a computed or variable tensor lies.
    pub fn place(&self, subgraph: usize, tensor: usize) -> Option<Range<usize>> {
        self.places.get(subgraph)?.get(tensor).cloned().flatten()
    }

    /// Gives the planned tensors their places, and variables theirs behind them. Gives how many outputs of the model are constants.
    fn place_tensors(&mut self, drafts: &Drafts) -> Result<usize> {
        for placement in &self.placements {
            if let Owner::Tensor(tensor) = placement.owner {
                let range = placement.offset..placement.offset + placement.bytes;
                set_place(&mut self.places, placement.subgraph, tensor, range);
            }
        }
        self.place_constant_outputs()?;
        let constant_outputs = self.persistent.len();
        let mut variables = Vec::new();
        for (number, subgraph) in self.model.subgraphs.iter().enumerate() {
            let reached = drafts.0.get(number).is_some_and(Option::is_some);
            for (index, tensor) in subgraph.tensors.iter().enumerate() {
                if reached && tensor.location == Location::Variable {
                    variables.push((number, index, tensor.bytes, initial(tensor)));
                }
            }
        }
        for (subgraph, tensor, bytes, init) in variables {
            let range = self.persist(bytes, init)?;
            set_place(&mut self.places, subgraph, tensor, range);
        }
        Ok(constant_outputs)
    }

    /// Where the model's border has to be shifted.
    fn find_shifted(&mut self) -> Result<()> {
        let main = self.model.main();
        let mut shifted = [Vec::new(), Vec::new()];
        for (found, tensors) in shifted.iter_mut().zip([&main.inputs, &main.outputs]) {
            for &index in tensors {
                let Some(tensor) = main.tensors.get(index).filter(|tensor| tensor.unsigned) else { continue };
                // What outlives an inference would be shifted again by the next.
                ensure(tensor.location == Location::Arena, ErrorKind::FeatureUnsupported)?;
                let place = self.place(0, index).ok_or(ErrorKind::EngineInternal)?;
                if !found.contains(&place) {
                    found.push(place);
                }
            }
        }
        self.shifted = shifted;
        Ok(())
    }

    /// Outputs of the model that are constants are read where interpreters have all that they give back: nobody can write
    /// the weights that they share.
    fn place_constant_outputs(&mut self) -> Result<()> {
        let main = self.model.main();
        let mut constants = Vec::new();
        for &output in &main.outputs {
            if let Some(Location::Constant(range)) = main.tensors.get(output).map(|tensor| &tensor.location) {
                constants.push((output, range.clone()));
            }
        }
        // One after the other, so that what is too much is refused before it is copied.
        for (output, range) in constants {
            let bytes = self.model.bytes.get(range).ok_or(ErrorKind::EngineInternal)?;
            let bytes = copied(bytes)?;
            let range = self.persist(bytes.len(), Init::Bytes(bytes.into()))?;
            set_place(&mut self.places, 0, output, range);
        }
        Ok(())
    }

    /// Room behind the arena, for good.
    fn persist(&mut self, bytes: usize, init: Init) -> Result<Range<usize>> {
        let start = self.persistent.last().map_or(self.arena_bytes, |last| last.range.end);
        let start = start.next_multiple_of(ALIGNMENT);
        let end = start.checked_add(bytes).ok_or(ErrorKind::ArenaTooSmall)?;
        ensure(end <= limits::ARENA_BYTES, ErrorKind::ArenaTooSmall)?;
        self.variable_bytes = end - self.arena_bytes;
        self.persistent.push(Persistent { range: start..end, init });
        Ok(start..end)
    }

    fn routine(&mut self, subgraph: usize, drafts: Vec<Draft>) -> Result<Routine> {
        let mut routine = Routine::default();
        for (index, draft) in drafts.into_iter().enumerate() {
            routine.work = routine.work.saturating_add(draft.work);
            let place = self.model.place(subgraph, index);
            let step = self.step((subgraph, index), draft).map_err(|error| error.at(place))?;
            routine.steps.extend(step);
        }
        Ok(routine)
    }

    fn step(&mut self, (subgraph, index): (usize, usize), draft: Draft) -> Result<Option<Step>> {
        let Draft { action, request, cost, .. } = draft;
        if let Action::Nothing | Action::Constant(_) | Action::Handle(_) = action {
            return Ok(None);
        }
        let mut extras = Vec::new();
        let mut scratch = self.scratch(subgraph, index).into_iter();
        for extra in request.extras {
            let range = match extra {
                Extra::Scratch(0) => 0..0,
                Extra::Scratch(_) => scratch.next().ok_or(ErrorKind::EngineInternal)?,
                Extra::State(bytes, init) => self.persist(bytes, init)?,
                Extra::Variable(number, ..) => self.variables.get(number).cloned().ok_or(ErrorKind::EngineInternal)?,
            };
            extras.push(Slot::Writable(range));
        }
        let internal = ErrorKind::EngineInternal;
        let operator = self.model.operator(subgraph, index).ok_or(internal)?;
        let slot = |tensor: &usize| self.slot(subgraph, *tensor);
        let mut inputs = Vec::new();
        for (position, input) in operator.inputs.iter().enumerate() {
            let slot = input.as_ref().map_or(Ok(Slot::Absent), slot)?;
            let mutated = request.mutated.contains(&position);
            if mutated {
                check_mutated(operator, self.model.subgraphs.get(subgraph), position)?;
            }
            inputs.push(match slot {
                Slot::Readable(range) if mutated => Slot::Writable(range),
                slot => slot,
            });
        }
        let mut outputs = Vec::new();
        for output in &operator.outputs {
            outputs.push(match slot(output)? {
                Slot::Readable(range) => Slot::Writable(range),
                Slot::Absent => Slot::Absent,
                _ => return Err(internal.into()),
            });
        }
        let ports = Ports::new(inputs, outputs, extras);
        let work = match action {
            Action::Run(kernel) => Work::Kernel(kernel),
            action => Work::Call(Box::new(self.call(subgraph, operator, action, &ports)?)),
        };
        Ok(Some(Step { work, ports, origin: index..index + 1, cost }))
    }

    /// Scratch buffers of an operator, in the order of its requests.
    fn scratch(&self, subgraph: usize, operator: usize) -> Vec<Range<usize>> {
        let found = self.placements.iter().filter(|placement| {
            placement.subgraph == subgraph && placement.owner == Owner::Scratch(operator)
        });
        found.map(|placement| placement.offset..placement.offset + placement.bytes).collect()
    }

    /// Where a tensor's bytes are, to be read.
    fn slot(&self, subgraph: usize, tensor: usize) -> Result<Slot> {
        let found = self.model.tensor(subgraph, tensor).ok_or(ErrorKind::EngineInternal)?;
        Ok(match &found.location {
            Location::Constant(range) => Slot::Constant(range.clone()),
            Location::Resource => Slot::Absent,
            _ => Slot::Readable(self.place(subgraph, tensor).ok_or(ErrorKind::EngineInternal)?),
        })
    }
}

/// Only a variable may be written by who reads it, and nothing else of the operator may be it too.
fn check_mutated(
    operator: &Operator,
    subgraph: Option<&Subgraph>,
    position: usize,
) -> Result<()> {
    let tensor = operator.inputs.get(position).copied().flatten();
    let location = tensor.and_then(|tensor| subgraph?.tensors.get(tensor)).map(|found| &found.location);
    let inputs = operator.inputs.iter().flatten().filter(|&&input| Some(input) == tensor).count();
    let outputs = operator.outputs.iter().filter(|&&output| Some(output) == tensor).count();
    let sound = location == Some(&Location::Variable) && inputs + outputs == 1;
    ensure(sound, ErrorKind::GraphInvalid)
}

/// As upstream: the byte of the zero point for int8, 0 for others.
fn initial(tensor: &Tensor) -> Init {
    let zero_point = tensor.quantization.as_ref().map_or(0, |found| found.zero_point);
    Init::Byte(if tensor.element_type == TensorType::Int8 { zero_point as u8 } else { 0 })
}

/// What wants room in the arena, in upstream's order: all tensors, then all scratch buffers.
fn requests(
    model: &Model,
    drafts: &Drafts,
    lifetimes: &Lifetimes,
) -> Vec<(usize, Owner, Request)> {
    let mut requests = Vec::new();
    for (number, (subgraph, lifetimes)) in
        model.subgraphs.iter().zip(&lifetimes.tensors).enumerate()
    {
        for (index, (tensor, lifetime)) in subgraph.tensors.iter().zip(lifetimes).enumerate() {
            let planned = tensor.location == Location::Arena && tensor.bytes > 0;
            if let Some((first, last)) = lifetime.filter(|_| planned) {
                let request = Request { bytes: tensor.bytes, first, last };
                requests.push((number, Owner::Tensor(index), request));
            }
        }
    }
    for (number, (drafts, lifetimes)) in drafts.0.iter().zip(&lifetimes.operators).enumerate() {
        let drafts = drafts.iter().flatten().zip(lifetimes).enumerate();
        for (index, (draft, lifetime)) in drafts {
            for extra in &draft.request.extras {
                if let (Extra::Scratch(bytes @ 1..), Some((first, last))) = (extra, *lifetime) {
                    let request = Request { bytes: *bytes, first, last };
                    requests.push((number, Owner::Scratch(index), request));
                }
            }
        }
    }
    requests
}

/// Tensors without elements are anywhere.
fn empty_places(model: &Model) -> Vec<Vec<Option<Range<usize>>>> {
    let empty = |tensor: &Tensor| {
        (tensor.bytes == 0 && tensor.location == Location::Arena).then_some(0..0)
    };
    let places = |subgraph: &Subgraph| subgraph.tensors.iter().map(empty).collect();
    model.subgraphs.iter().map(places).collect()
}

fn set_place(
    places: &mut [Vec<Option<Range<usize>>>],
    subgraph: usize,
    tensor: usize,
    range: Range<usize>,
) {
    if let Some(slot) = places.get_mut(subgraph).and_then(|places| places.get_mut(tensor)) {
        *slot = Some(range);
    }
}
