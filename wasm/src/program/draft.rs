//! Operators between `prepare` and the plan: what they want is known, where it lies is not.

use crate::error::{Error, ErrorKind, Result, ensure};
use crate::limits;
use crate::memory::append;
use crate::model::tensor::Location;
use crate::model::{Model, Operator, Subgraph};
use crate::ops::channels::Channels;
use crate::ops::{Action, Node, Registry, Request};
use crate::program::Cost;
use crate::program::pruning::constant_channels;
use crate::program::variables::Handles;

/// A prepared operator.
pub(crate) struct Draft {
    pub(crate) action: Action,
    pub(crate) request: Request,
    pub(crate) cost: Cost,
    /// Work of one run, without what it calls.
    pub(crate) work: u64,
}

/// The prepared operators of each subgraph; none where nothing calls it.
pub(crate) struct Drafts(pub(crate) Vec<Option<Vec<Draft>>>);

/// What a pass through a subgraph takes, with all that it calls.
#[derive(Clone, Copy, Default)]
struct Total {
    cost: Cost,
    work: u64,
    /// Subgraphs that wait for one another, this one included.
    height: usize,
}

impl Drafts {
    /// Prepares the operators of subgraph 0, and of those that they call. Tensors that turn out to be constant become
    /// constants of the model. Tells all operators that are refused, not only the first.
    pub(crate) fn prepare(model: &mut Model, registry: &Registry, most_work: u64) -> core::result::Result<Self, Vec<Error>> {
        let mut refused = Vec::new();
        match Self::try_all(model, registry, most_work, &mut refused) {
            Err(error) => refused.push(error),
            Ok(drafts) if refused.is_empty() => return Ok(drafts),
            Ok(_) => {}
        }
        Err(refused)
    }

    fn try_all(model: &mut Model, registry: &Registry, most_work: u64, refused: &mut Vec<Error>) -> Result<Self> {
        let mut drafts: Vec<Option<Vec<Draft>>> = model.subgraphs.iter().map(|_| None).collect();
        let mut handles = Handles::new(model);
        let channels = if registry.kernels.are_fast() && registry.leaves_out { constant_channels(model)? } else { Vec::new() };
        // Checked as they add up: packing weights is work too, and constants take memory.
        let (mut work, mut constant_bytes) = (0u64, 0);
        let mut open = vec![0];
        while let Some(number) = open.pop() {
            let slot = drafts.get_mut(number).ok_or(ErrorKind::IndexInvalid)?;
            if slot.is_some() {
                continue;
            }
            let count = model.subgraphs.get(number).map_or(0, |subgraph| subgraph.operators.len());
            let mut prepared = Vec::new();
            for index in 0..count {
                let place = model.place(number, index);
                let drafted = draft(model, (number, index), (&handles, &channels), registry)
                    .and_then(|draft| handles.learn(model, (number, index), &draft.action).map(|()| draft));
                let mut draft = match drafted {
                    Ok(draft) => draft,
                    Err(error) => {
                        refused.push(error.at(place));
                        // What was decoded or packed before the refusal was work too.
                        let operator = model.subgraphs.get(number).and_then(|found| Some((found, found.operators.get(index)?)));
                        work = work.saturating_add(operator.map_or(0, |(subgraph, operator)| least_work(subgraph, operator)));
                        ensure(work <= limits::WORK, ErrorKind::ModelTooHeavy).map_err(|error| error.at(place))?;
                        // Enough to be told.
                        ensure(refused.len() < limits::REFUSALS, ErrorKind::ModelTooLarge)?;
                        continue;
                    }
                };
                work = work.saturating_add(draft.work);
                ensure(work <= most_work, ErrorKind::ModelTooHeavy).map_err(|error| error.at(place))?;
                if let Action::Constant(outputs) = &mut draft.action {
                    for (output, bytes) in core::mem::take(outputs).into_iter().enumerate() {
                        constant_bytes += bytes.len();
                        ensure(constant_bytes <= limits::FILE_BYTES, ErrorKind::ModelTooLarge)?;
                        fold(model, (number, index, output), bytes).map_err(|error| error.at(place))?;
                    }
                    (draft.cost, draft.work) = (Cost::default(), 0);
                }
                open.extend(draft.action.calls());
                prepared.push(draft);
            }
            *slot = Some(prepared);
        }
        if refused.is_empty() {
            handles.check()?;
        }
        Ok(Self(drafts))
    }

    /// The subgraphs that an operator calls.
    pub(crate) fn calls(&self, subgraph: usize, operator: usize) -> &[usize] {
        let drafts = self.0.get(subgraph).and_then(Option::as_ref);
        drafts.and_then(|drafts| drafts.get(operator)).map_or(&[], |draft| draft.action.calls())
    }

    /// The largest workspace of all.
    pub(crate) fn workspace_bytes(&self) -> usize {
        let drafts = self.0.iter().flatten().flatten();
        drafts.map(|draft| draft.request.workspace).max().unwrap_or(0)
    }

    /// Cost of an inference. Refuses subgraphs that call each other in a circle or too deep, and too much work.
    pub(crate) fn total(&self, model: &Model, most_work: u64) -> Result<Cost> {
        let mut known = vec![None; model.subgraphs.len()];
        let total = self.total_of(0, limits::DEPTH, &mut known)?;
        ensure(total.height <= limits::DEPTH, ErrorKind::GraphInvalid)?;
        ensure(total.work <= most_work, ErrorKind::ModelTooHeavy)?;
        Ok(total.cost)
    }

    fn total_of(&self, number: usize, depth: usize, known: &mut [Option<Total>]) -> Result<Total> {
        if let Some(Some(total)) = known.get(number) {
            return Ok(*total);
        }
        // A circle gets here too.
        ensure(depth > 0, ErrorKind::GraphInvalid)?;
        let mut total = Total::default();
        for draft in self.0.get(number).iter().copied().flatten().flatten() {
            total.add(Total { cost: draft.cost, work: draft.work, height: 0 });
            let mut called = Total::default();
            for &callee in draft.action.calls() {
                let each = self.total_of(callee, depth - 1, known)?;
                match draft.action {
                    Action::If { .. } => called = called.dearer(each),
                    _ => called.add(each),
                }
            }
            total.add(called);
        }
        total.height += 1;
        if let Some(slot) = known.get_mut(number) {
            *slot = Some(total);
        }
        Ok(total)
    }
}

impl Total {
    fn add(&mut self, other: Self) {
        let Cost { macs, moved_bytes, packed_bytes } = other.cost;
        self.cost.macs = self.cost.macs.saturating_add(macs);
        self.cost.moved_bytes = self.cost.moved_bytes.saturating_add(moved_bytes);
        self.cost.packed_bytes = self.cost.packed_bytes.saturating_add(packed_bytes);
        self.work = self.work.saturating_add(other.work);
        self.height = self.height.max(other.height);
    }

    fn dearer(self, other: Self) -> Self {
        let (dear, cheap) = if self.work > other.work { (self, other) } else { (other, self) };
        let packed_bytes = dear.cost.packed_bytes.saturating_add(cheap.cost.packed_bytes);
        let cost = Cost { packed_bytes, ..dear.cost };
        Self { cost, height: dear.height.max(cheap.height), ..dear }
    }
}


/// Makes an output of an operator a constant, behind the file.
fn fold(model: &mut Model, (subgraph, operator, output): (usize, usize, usize), bytes: Vec<u8>) -> Result<()> {
    let internal = ErrorKind::EngineInternal;
    let Model { bytes: file, subgraphs, .. } = model;
    let subgraph = subgraphs.get_mut(subgraph).ok_or(internal)?;
    let output = subgraph.operators.get(operator).and_then(|operator| operator.outputs.get(output).copied());
    let tensor = output.and_then(|output| subgraph.tensors.get_mut(output)).ok_or(internal)?;
    ensure(bytes.len() == tensor.bytes, ErrorKind::OperatorInvalid)?;
    ensure(tensor.location == Location::Arena, ErrorKind::GraphInvalid)?;
    tensor.location = Location::Constant(append(file, &bytes)?);
    Ok(())
}

fn draft(
    model: &Model,
    (number, index): (usize, usize),
    (handles, channels): (&Handles, &[Option<Channels>]),
    registry: &Registry,
) -> Result<Draft> {
    let subgraph = model.subgraphs.get(number).ok_or(ErrorKind::EngineInternal)?;
    let operator = subgraph.operators.get(index).ok_or(ErrorKind::EngineInternal)?;
    let node = &Node { model, subgraph, operator, handles: handles.within(number), channels };
    let mut request = Request { kernels: registry.kernels, ..Request::default() };
    let registration = registry.find(node.model.key(node.operator))?;
    let action = registration.prepare(node, &mut request)?;
    let cost = Cost {
        macs: request.macs,
        moved_bytes: moved_bytes(node.subgraph, node.operator),
        packed_bytes: request.packed as u64,
    };
    let calls = action.calls().len() as u64 * limits::CALL_WORK;
    let work = request
        .macs
        .saturating_add(request.comparisons)
        .saturating_add(least_work(node.subgraph, node.operator))
        .saturating_add(calls);
    Ok(Draft { action, request, cost, work })
}

/// Work of an operator beside its own arithmetic.
fn least_work(subgraph: &Subgraph, operator: &Operator) -> u64 {
    output_elements(subgraph, operator) * limits::ELEMENT_WORK + moved_bytes(subgraph, operator)
}

fn output_elements(subgraph: &Subgraph, operator: &Operator) -> u64 {
    let tensors = operator.outputs.iter().filter_map(|&output| subgraph.tensors.get(output));
    tensors.map(|tensor| tensor.shape.elements() as u64).sum()
}

fn moved_bytes(subgraph: &Subgraph, operator: &Operator) -> u64 {
    let tensors = operator.inputs.iter().flatten().chain(&operator.outputs);
    tensors.filter_map(|&index| subgraph.tensors.get(index)).map(|tensor| tensor.bytes as u64).sum()
}
