//! A model with its prepared operators, memory plan and cost: everything that does not change while
//! it runs. Interpreters share it.

use core::ops::Range;

use crate::arena::{Cuts, Slot};
use crate::error::{Error, ErrorKind, Result, ensure};
use crate::kernels::{Kernel, Node};
use crate::limits;
use crate::model::{Model, Operator};
use crate::plan::greedy::{ALIGNMENT, Request, plan};
use crate::resolver::OpResolver;
use crate::model::tensor::{Location, Tensor};

/// What an operator costs, known before the first run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bytes read and written once each: inputs, weights and outputs.
    pub moved_bytes: u64,
    /// Weights and tables that the kernel owns.
    pub packed_bytes: u64,
}

/// An operator ready to run.
pub struct Step {
    pub(crate) kernel: Box<dyn Kernel>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) cuts: Cuts,
    /// What it costs.
    pub cost: Cost,
}

/// Where a tensor or scratch buffer lies in the arena, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The tensor; none for the scratch buffer of operator `first - 1`.
    pub tensor: Option<usize>,
    /// First byte.
    pub offset: usize,
    /// Size.
    pub bytes: usize,
    /// First moment of use: 0 is before the first operator, n + 1 is operator n.
    pub first: usize,
    /// Last moment of use.
    pub last: usize,
}

/// A model that is ready to be interpreted.
pub struct Program {
    /// The verified model.
    pub model: Model,
    /// Its operators.
    pub steps: Vec<Step>,
    /// Activations and scratch buffers.
    pub placements: Vec<Placement>,
    /// Variables: each with its place behind the activations, for good.
    pub variables: Vec<(usize, Range<usize>)>,
    /// Bytes of activations and scratch buffers: upstream's non-persistent arena.
    pub arena_bytes: usize,
    /// Bytes of variables.
    pub variable_bytes: usize,
    /// Cost of one invoke.
    pub cost: Cost,
    places: Vec<Option<Range<usize>>>,
}

impl Program {
    /// Prepares every operator and plans the memory.
    pub fn prepare(model: Model, resolver: &OpResolver) -> Result<Self> {
        let mut kernels = Vec::new();
        // Checked as it adds up: packing weights is work too.
        let mut work: u64 = 0;
        for (index, operator) in model.main().operators.iter().enumerate() {
            let node = Node { model: &model, subgraph: model.main(), operator };
            let prepared = resolver
                .find(operator.code)
                .and_then(|registration| (registration.prepare)(&node))
                .map_err(|error| error.at(model.place(0, index)))?;
            work = work
                .saturating_add(prepared.macs)
                .saturating_add(prepared.comparisons)
                .saturating_add(output_elements(&model, operator) * limits::ELEMENT_WORK);
            ensure(work <= limits::WORK, ErrorKind::ModelTooHeavy)?;
            kernels.push(prepared);
        }
        let scratch: Vec<usize> = kernels.iter().map(|kernel| kernel.scratch_bytes).collect();
        let requests = requests(&model, &scratch);
        let memory = plan(&requests.iter().map(|(_, request)| *request).collect::<Vec<_>>());
        ensure(memory.bytes <= limits::ARENA_BYTES, ErrorKind::ArenaTooSmall)?;
        let placements: Vec<Placement> = requests
            .iter()
            .zip(&memory.offsets)
            .map(|((tensor, request), &offset)| {
                let Request { bytes, first, last } = *request;
                Placement { tensor: *tensor, offset, bytes, first, last }
            })
            .collect();
        let variables = variables(&model, memory.bytes)?;
        let end = variables.last().map_or(memory.bytes, |(_, range)| range.end);
        let mut program = Self {
            steps: Vec::new(),
            arena_bytes: memory.bytes,
            variable_bytes: end - memory.bytes,
            cost: Cost::default(),
            places: places(&model, &placements, &variables),
            placements,
            variables,
            model,
        };
        for (index, prepared) in kernels.into_iter().enumerate() {
            let step = program
                .step(index, prepared)
                .map_err(|error| error.at(program.model.place(0, index)))?;
            program.cost.macs = program.cost.macs.saturating_add(step.cost.macs);
            program.cost.moved_bytes += step.cost.moved_bytes;
            program.cost.packed_bytes += step.cost.packed_bytes;
            program.steps.push(step);
        }
        let work = work.saturating_add(program.cost.moved_bytes);
        ensure(work <= limits::WORK, ErrorKind::ModelTooHeavy)?;
        Ok(program)
    }

    /// Where a computed or variable tensor lies.
    pub fn place(&self, tensor: usize) -> Option<Range<usize>> {
        self.places.get(tensor).cloned().flatten()
    }

    fn step(&self, index: usize, prepared: crate::kernels::Prepared) -> Result<Step> {
        let internal = || Error::new(ErrorKind::EngineInternal);
        let operator = self.model.operator(0, index).ok_or_else(internal)?;
        let mut cost = Cost {
            macs: prepared.macs,
            moved_bytes: 0,
            packed_bytes: prepared.packed_bytes as u64,
        };
        let mut slots = Vec::new();
        for input in &operator.inputs {
            slots.push(match input {
                None => Slot::Absent,
                Some(input) => {
                    let tensor = self.model.tensor(0, *input).ok_or_else(internal)?;
                    cost.moved_bytes += tensor.bytes as u64;
                    match &tensor.location {
                        Location::Constant(range) => Slot::Constant(range.clone()),
                        Location::Resource => Slot::Absent,
                        _ => Slot::Arena(self.place(*input).ok_or_else(internal)?),
                    }
                }
            });
        }
        let mut regions = Vec::new();
        for output in &operator.outputs {
            let place = self.place(*output).ok_or_else(internal)?;
            cost.moved_bytes += place.len() as u64;
            regions.push(place);
        }
        let scratch = self
            .placements
            .iter()
            .find(|placement| placement.tensor.is_none() && placement.first == index + 1);
        if let Some(scratch) = scratch {
            regions.push(scratch.offset..scratch.offset + scratch.bytes);
        }
        Ok(Step { kernel: prepared.kernel, slots, cuts: Cuts::new(regions)?, cost })
    }
}

fn output_elements(model: &Model, operator: &Operator) -> u64 {
    let tensors = operator.outputs.iter().filter_map(|&output| model.main().tensors.get(output));
    tensors.map(|tensor| tensor.shape.elements() as u64).sum()
}

/// Lifetimes as upstream's `AllocationInfoBuilder` marks them: from the operator that writes a
/// tensor to the last that reads it; inputs from the start, outputs to the end.
fn requests(model: &Model, scratch: &[usize]) -> Vec<(Option<usize>, Request)> {
    let end = model.main().operators.len();
    let mut lifetimes: Vec<Option<(usize, usize)>> = vec![None; model.main().tensors.len()];
    let mut mark = |tensor: usize, moment: usize| {
        if let Some(slot) = lifetimes.get_mut(tensor) {
            let (first, last) = slot.unwrap_or((moment, moment));
            *slot = Some((first.min(moment), last.max(moment)));
        }
    };
    for &tensor in &model.main().inputs {
        mark(tensor, 0);
    }
    for (operator, moment) in model.main().operators.iter().zip(1..) {
        for &tensor in operator.outputs.iter().chain(operator.inputs.iter().flatten()) {
            mark(tensor, moment);
        }
    }
    for &tensor in &model.main().outputs {
        mark(tensor, end);
    }
    let tensors = model.main().tensors.iter().zip(lifetimes).enumerate();
    let mut requests: Vec<_> = tensors
        .filter(|(_, (tensor, _))| tensor.location == Location::Arena && tensor.bytes > 0)
        .filter_map(|(index, (tensor, lifetime))| {
            let (first, last) = lifetime?;
            Some((Some(index), Request { bytes: tensor.bytes, first, last }))
        })
        .collect();
    for (&bytes, moment) in scratch.iter().zip(1..) {
        if bytes > 0 {
            requests.push((None, Request { bytes, first: moment, last: moment }));
        }
    }
    requests
}

/// Variables one behind the other, from `start`.
fn variables(model: &Model, start: usize) -> Result<Vec<(usize, Range<usize>)>> {
    let mut variables = Vec::new();
    let mut next = start;
    for (index, tensor) in model.main().tensors.iter().enumerate() {
        if tensor.location == Location::Variable {
            let end = next + tensor.bytes;
            variables.push((index, next..end));
            next = end.next_multiple_of(ALIGNMENT);
            ensure(next <= limits::ARENA_BYTES, ErrorKind::ArenaTooSmall)?;
        }
    }
    Ok(variables)
}

fn places(
    model: &Model,
    placements: &[Placement],
    variables: &[(usize, Range<usize>)],
) -> Vec<Option<Range<usize>>> {
    let empty = |tensor: &Tensor| {
        (tensor.bytes == 0 && tensor.location == Location::Arena).then_some(0..0)
    };
    let mut places: Vec<Option<Range<usize>>> = model.main().tensors.iter().map(empty).collect();
    let planned = placements.iter().filter_map(|placement| {
        Some((placement.tensor?, placement.offset..placement.offset + placement.bytes))
    });
    for (tensor, range) in planned.chain(variables.iter().cloned()) {
        if let Some(slot) = places.get_mut(tensor) {
            *slot = Some(range);
        }
    }
    places
}
