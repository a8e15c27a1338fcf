//! Verification: every offset, length, index, shape, quantisation and operator field of the
//! file is checked here, before anything is allocated or executed for it.
//!
//! Upstream leaves this to the integrator
//! (`lite/micro/docs/error_handling_guide.md`: models are "partially trusted").

mod sparse;
mod tensors;
mod topology;

use core::ops::Range;


use crate::error::{ErrorKind, Place, Result, ensure};
use crate::file::flatbuffer::Scalars;
use crate::file::schema::{ModelTable, OperatorTable, SubgraphTable};
use crate::limits;
use crate::memory::append;
use crate::model::tensor::Tensor;
use crate::model::verify::tensors::{Appended, Draft, complete, tensors};
use crate::model::verify::topology::check_topology;
use crate::model::{Model, Operator, OptionsAt, Subgraph};

/// Metadata that upstream obeys: weights in a format of their own.
const COMPRESSION: &[u8] = b"COMPRESSION_METADATA";

/// Metadata that upstream obeys: where tensors lie in the arena.
const OFFLINE_PLAN: &[u8] = b"OfflineMemoryAllocation";

/// The operator that stands for what an Arm Ethos-U computes.
const ACCELERATOR: &[u8] = b"ethos-u";

/// The builtin code of RESHAPE, whose output may have an open dimension.
const RESHAPE: i32 = 22;

impl Model {
    /// Verifies a file.
    pub fn verify(bytes: Vec<u8>) -> Result<Self> {
        ensure(bytes.len() <= limits::FILE_BYTES, ErrorKind::ModelTooLarge)?;
        let root = ModelTable::read(&bytes)?;
        ensure(root.version()? == 3, ErrorKind::ModelVersionUnsupported)?;
        let codes = root
            .operator_codes()?
            .map(|code| {
                let code = code?;
                Ok(Code { number: code.builtin_code()?, name: code.custom_name()?.unwrap_or(0..0) })
            })
            .collect::<Result<Vec<_>>>()?;
        let buffers = buffers(&root, &bytes)?;
        let is_planned = is_planned(&root, &buffers, &bytes)?;
        let mut appended = Appended::new(&bytes);
        let mut left = Left {
            tensors: limits::TENSORS,
            operators: limits::OPERATORS,
            scales: limits::SCALES,
            indices: limits::INDICES,
        };
        let mut subgraphs = Vec::new();
        for (number, table) in root.subgraphs()?.iter().enumerate() {
            let subgraph = verify_subgraph(&SubgraphTable(table?), &codes, &buffers, &mut left, &mut appended);
            subgraphs.push(subgraph.map_err(|error| error.within(number))?);
        }
        // Only what runs once to set something up has no outputs.
        let has_outputs = subgraphs.first().is_some_and(|main| !main.outputs.is_empty());
        ensure(has_outputs, ErrorKind::IndexInvalid)?;
        for (number, subgraph) in subgraphs.iter().enumerate() {
            // Made for an accelerator, whose operator reads what nobody writes. There is no kernel for it, which says more.
            let is_foreign = |operator: &Operator| bytes.get(operator.custom_name.clone()) == Some(ACCELERATOR);
            if subgraph.operators.iter().any(is_foreign) {
                continue;
            }
            check_topology(subgraph, number == 0).map_err(|error| error.within(number))?;
        }
        let appended = appended.bytes();
        let mut bytes = bytes;
        append(&mut bytes, &appended)?;
        Ok(Self { bytes, subgraphs, is_planned })
    }
}

/// An operator code of the file.
struct Code {
    number: i32,
    name: Range<usize>,
}

/// What all subgraphs together may still have. Tables can be shared, so that a small file could name many.
struct Left {
    tensors: usize,
    operators: usize,
    scales: usize,
    indices: usize,
}

/// Counts off what a file has; refuses it where it has too much.
fn take(left: &mut usize, count: usize) -> Result<()> {
    *left = left.checked_sub(count).ok_or(ErrorKind::ModelTooLarge)?;
    Ok(())
}

/// Refusals name subgraph 0 until the caller says which it is.
fn verify_subgraph(
    table: &SubgraphTable<'_>,
    codes: &[Code],
    buffers: &[Option<Range<usize>>],
    left: &mut Left,
    appended: &mut Appended<'_>,
) -> Result<Subgraph> {
    let operators = operators(table, codes, left)?;
    let (inputs, outputs) = (indices(table.inputs()?)?, indices(table.outputs()?)?);
    let mut used = Vec::new();
    let mut mark = |tensor: usize| {
        if tensor < limits::TENSORS && used.len() <= tensor {
            used.resize(tensor + 1, false);
        }
        if let Some(slot) = used.get_mut(tensor) {
            *slot = true;
        }
    };
    for operator in &operators {
        let Operator { inputs, outputs, intermediates, .. } = operator;
        inputs.iter().flatten().chain(outputs).chain(intermediates).for_each(|tensor| mark(*tensor));
    }
    inputs.iter().chain(&outputs).for_each(|tensor| mark(*tensor));
    let tensors = tensors(table, buffers, left, &used)?;
    let mut builder = Builder { tensors, operators, inputs, outputs };
    builder.check_indices()?;
    builder.infer_reshapes();
    let tensors = builder.complete_tensors(appended)?;
    let Builder { operators, inputs, outputs, .. } = builder;
    Ok(Subgraph { tensors, operators, inputs, outputs })
}

fn tensor_place(tensor: usize) -> Place {
    Place::Tensor { subgraph: 0, tensor }
}

fn operator_place(operator: usize, code: i32) -> Place {
    Place::Operator { subgraph: 0, operator, code }
}

/// Whether the file says where tensors lie. A plan that leaves all of them to the planner says nothing. Refuses metadata about weights.
fn is_planned(root: &ModelTable<'_>, buffers: &[Option<Range<usize>>], bytes: &[u8]) -> Result<bool> {
    let mut is_planned = false;
    for entry in root.metadata()? {
        let (name, buffer) = entry?;
        let name = name.and_then(|range| bytes.get(range)).unwrap_or(&[]);
        ensure(name != COMPRESSION, ErrorKind::FeatureUnsupported)?;
        if name == OFFLINE_PLAN {
            let data = buffers.get(buffer as usize).ok_or(ErrorKind::IndexInvalid)?.clone();
            let plan = data.and_then(|data| bytes.get(data)).unwrap_or(&[]);
            // Version, subgraph and count; then an offset for each tensor.
            let offsets = plan.as_chunks::<4>().0.get(3..);
            is_planned |= offsets.is_none_or(|offsets| offsets.iter().any(|offset| i32::from_le_bytes(*offset) != -1));
        }
    }
    Ok(is_planned)
}

fn buffers(root: &ModelTable<'_>, bytes: &[u8]) -> Result<Vec<Option<Range<usize>>>> {
    let mut found = Vec::new();
    for buffer in root.buffers()? {
        let buffer = buffer?;
        let data = match (buffer.data()?.filter(|data| !data.is_empty()), buffer.behind()?) {
            (data, None) => data,
            (Some(_), Some(_)) => return Err(ErrorKind::ModelMalformed.into()),
            (None, Some((offset, size))) => {
                let end = offset.checked_add(size).filter(|end| *end <= bytes.len() as u64);
                let end = end.ok_or(ErrorKind::ModelTruncated)?;
                Some(offset as usize..end as usize).filter(|data| !data.is_empty())
            }
        };
        found.push(data);
    }
    Ok(found)
}

/// The same where all operators together may have so many.
fn counted(found: Option<Scalars<'_, i32>>, left: &mut usize) -> Result<Vec<usize>> {
    take(left, found.map_or(0, |found| found.len()))?;
    indices(found)
}

fn indices(found: Option<Scalars<'_, i32>>) -> Result<Vec<usize>> {
    let mut indices = Vec::new();
    if let Some(found) = found {
        for index in found.iter() {
            indices.push(usize::try_from(index?).map_err(|_| ErrorKind::IndexInvalid)?);
        }
    }
    Ok(indices)
}

fn operators(
    subgraph: &SubgraphTable<'_>,
    codes: &[Code],
    left: &mut Left,
) -> Result<Vec<Operator>> {
    let mut operators = Vec::new();
    let tables = subgraph.operators()?;
    take(&mut left.operators, tables.len())?;
    for (index, table) in tables.iter().enumerate() {
        let mut number = -1;
        let read = table.and_then(|table| {
            let table = OperatorTable(table);
            let code = codes.get(table.opcode_index()? as usize).ok_or(ErrorKind::IndexInvalid)?;
            number = code.number;
            operator(&table, code, &mut left.indices)
        });
        operators.push(read.map_err(|error| error.at(operator_place(index, number)))?);
    }
    Ok(operators)
}

fn operator(table: &OperatorTable<'_>, code: &Code, left: &mut usize) -> Result<Operator> {
    ensure(!table.has_external_options()?, ErrorKind::FeatureUnsupported)?;
    let mut inputs = Vec::new();
    if let Some(found) = table.inputs()? {
        take(left, found.len())?;
        for index in found.iter() {
            inputs.push(match index? {
                -1 => None,
                index => Some(usize::try_from(index).map_err(|_| ErrorKind::IndexInvalid)?),
            });
        }
    }
    let options = table.options()?;
    Ok(Operator {
        code: code.number,
        custom_name: code.name.clone(),
        inputs,
        outputs: counted(table.outputs()?, left)?,
        intermediates: counted(table.intermediates()?, left)?,
        options: options.map(|(member, table)| OptionsAt { member, position: table.position() }),
        custom_options: table.custom_options()?.unwrap_or(0..0),
    })
}

/// A subgraph while its parts are checked against each other.
struct Builder {
    tensors: Vec<Draft>,
    operators: Vec<Operator>,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

impl Builder {
    fn check_indices(&self) -> Result<()> {
        let within = |index: &usize| *index < self.tensors.len();
        let borders = self.inputs.iter().chain(&self.outputs).all(within);
        ensure(borders, ErrorKind::IndexInvalid)?;
        for (position, operator) in self.operators.iter().enumerate() {
            let Operator { inputs, outputs, intermediates, code, .. } = operator;
            let sound = inputs.iter().flatten().chain(outputs).chain(intermediates).all(within);
            ensure(sound, ErrorKind::IndexInvalid)
                .map_err(|error| error.at(operator_place(position, *code)))?;
        }
        Ok(())
    }

    /// Upstream completes one open dimension (-1) of a RESHAPE's output from its input
    /// (`micro/kernels/reshape_common.cc`).
    fn infer_reshapes(&mut self) {
        for operator in &self.operators {
            if operator.code != RESHAPE {
                continue;
            }
            let (Some(Some(input)), Some(output)) = (operator.inputs.first(), operator.outputs.first())
            else {
                continue;
            };
            let Some(from) = self.tensors.get(*input).map(|draft| draft.dimensions.clone()) else {
                continue;
            };
            if let Some(draft) = self.tensors.get_mut(*output) {
                complete(&mut draft.dimensions, &from);
            }
        }
    }

    fn complete_tensors(&mut self, appended: &mut Appended<'_>) -> Result<Vec<Tensor>> {
        let drafts = core::mem::take(&mut self.tensors);
        let complete = |(index, draft): (usize, Draft)| {
            draft.complete(appended).map_err(|error| error.at(tensor_place(index)))
        };
        drafts.into_iter().enumerate().map(complete).collect()
    }
}
