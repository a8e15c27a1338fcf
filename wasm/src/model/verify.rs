//! Verification: every offset, length, index, shape, quantisation and operator field of the
//! file is checked here, before anything is allocated or executed for it.
//!
//! Upstream leaves this to the integrator
//! (`lite/micro/docs/error_handling_guide.md`: models are "partially trusted").

use core::ops::Range;

use crate::error::{Error, ErrorKind, Place, Result, ensure};
use crate::file::flatbuffer::Scalars;
use crate::file::schema::{ModelTable, OperatorTable, QuantizationTable, SubgraphTable, TensorTable};
use crate::limits;
use crate::model::tensor::{Location, Quantization, Shape, Tensor, TensorType};
use crate::model::{Model, Operator, OptionsAt, Subgraph};

/// Metadata that upstream obeys: compressed weights, and a memory plan that the file brings along.
const METADATA_REFUSED: [&[u8]; 2] = [b"COMPRESSION_METADATA", b"OfflineMemoryAllocation"];

/// The builtin code of RESHAPE, whose output may have an open dimension.
const RESHAPE: i32 = 22;

impl Model {
    /// Verifies a file.
    pub fn verify(bytes: Vec<u8>) -> Result<Self> {
        ensure(bytes.len() <= limits::FILE_BYTES, ErrorKind::ModelTooLarge)?;
        let root = ModelTable::read(&bytes)?;
        ensure(root.version()? == 3, ErrorKind::ModelVersionUnsupported)?;
        refuse_metadata(&root, &bytes)?;
        let codes = root
            .operator_codes()?
            .map(|code| {
                let code = code?;
                Ok(Code { number: code.builtin_code()?, name: code.custom_name()?.unwrap_or(0..0) })
            })
            .collect::<Result<Vec<_>>>()?;
        let buffers = buffers(&root)?;
        let mut left = Left {
            tensors: limits::TENSORS,
            operators: limits::OPERATORS,
            scales: limits::SCALES,
        };
        let mut subgraphs = Vec::new();
        for (number, table) in root.subgraphs()?.iter().enumerate() {
            let subgraph = verify_subgraph(&SubgraphTable(table?), &codes, &buffers, &mut left);
            subgraphs.push(subgraph.map_err(|error| error.within(number))?);
        }
        // Only what runs once to set something up has no outputs.
        let has_outputs = subgraphs.first().is_some_and(|main| !main.outputs.is_empty());
        ensure(has_outputs, ErrorKind::IndexInvalid)?;
        for (number, subgraph) in subgraphs.iter().enumerate() {
            check_topology(subgraph, number == 0).map_err(|error| error.within(number))?;
        }
        Ok(Self { bytes, subgraphs })
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
) -> Result<Subgraph> {
    let mut builder = Builder {
        tensors: tensors(table, buffers, left)?,
        operators: operators(table, codes, left)?,
        inputs: indices(table.inputs()?)?,
        outputs: indices(table.outputs()?)?,
    };
    builder.check_indices()?;
    builder.infer_reshapes();
    let tensors = builder.complete_tensors()?;
    let Builder { operators, inputs, outputs, .. } = builder;
    Ok(Subgraph { tensors, operators, inputs, outputs })
}

/// Every computed tensor is written once, before it is read, and no operator writes what it reads. Variables
/// may be written by any operator, and tensors without elements need not be written at all. Inputs are computed
/// tensors; a subgraph that is called may give back what it got, and constants.
fn check_topology(subgraph: &Subgraph, main: bool) -> Result<()> {
    let tensors = &subgraph.tensors;
    let location = |index: usize| tensors.get(index).map(|tensor| &tensor.location);
    let empty = |index: usize| tensors.get(index).is_some_and(|tensor| tensor.bytes == 0);
    let mut readable: Vec<bool> =
        tensors.iter().map(|tensor| !tensor.location.is_computed() || tensor.bytes == 0).collect();
    let is = |flags: &[bool], index: usize| flags.get(index).copied().unwrap_or(false);
    let invalid = Error::new(ErrorKind::GraphInvalid);
    for &index in &subgraph.inputs {
        if empty(index) {
            ensure(!main, ErrorKind::ShapeInvalid).map_err(|error| error.at(tensor_place(index)))?;
            continue;
        }
        let handle = main && location(index) == Some(&Location::Resource);
        if is(&readable, index) || handle {
            return Err(invalid.at(tensor_place(index)));
        }
        set(&mut readable, index);
    }
    for (position, operator) in subgraph.operators.iter().enumerate() {
        let refuse = || Err(invalid.at(operator_place(position, operator.code)));
        if !operator.inputs.iter().flatten().all(|&index| is(&readable, index)) {
            return refuse();
        }
        for (earlier, &index) in operator.outputs.iter().enumerate() {
            if empty(index) {
                continue;
            }
            let sound = match location(index) {
                Some(Location::Variable) => {
                    let others = operator.outputs.iter().take(earlier);
                    !operator.inputs.contains(&Some(index)) && !others.into_iter().any(|&other| other == index)
                }
                _ => !is(&readable, index),
            };
            if !sound {
                return refuse();
            }
            set(&mut readable, index);
        }
    }
    for &index in &subgraph.outputs {
        let fixed = matches!(location(index), Some(Location::Constant(_) | Location::Resource));
        if !is(&readable, index) || main && fixed {
            return Err(invalid.at(tensor_place(index)));
        }
    }
    Ok(())
}

fn tensor_place(tensor: usize) -> Place {
    Place::Tensor { subgraph: 0, tensor }
}

fn operator_place(operator: usize, code: i32) -> Place {
    Place::Operator { subgraph: 0, operator, code }
}

fn set(flags: &mut [bool], index: usize) {
    if let Some(flag) = flags.get_mut(index) {
        *flag = true;
    }
}

fn refuse_metadata(root: &ModelTable<'_>, bytes: &[u8]) -> Result<()> {
    for name in root.metadata_names()? {
        let name = name?.and_then(|range| bytes.get(range));
        let refused = name.is_some_and(|name| METADATA_REFUSED.contains(&name));
        ensure(!refused, ErrorKind::FeatureUnsupported)?;
    }
    Ok(())
}

fn buffers(root: &ModelTable<'_>) -> Result<Vec<Option<Range<usize>>>> {
    let mut found = Vec::new();
    for buffer in root.buffers()? {
        let buffer = buffer?;
        ensure(!buffer.is_external()?, ErrorKind::FeatureUnsupported)?;
        found.push(buffer.data()?.filter(|data| !data.is_empty()));
    }
    Ok(found)
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

/// A tensor whose shape may still have one open dimension.
struct Draft {
    name: Range<usize>,
    element_type: TensorType,
    dimensions: Vec<i32>,
    quantization: Option<(Vec<f32>, Vec<i64>, i32)>,
    location: Location,
}

fn tensors(
    subgraph: &SubgraphTable<'_>,
    buffers: &[Option<Range<usize>>],
    left: &mut Left,
) -> Result<Vec<Draft>> {
    let mut drafts = Vec::new();
    let tables = subgraph.tensors()?;
    take(&mut left.tensors, tables.len())?;
    for (index, table) in tables.iter().enumerate() {
        let draft = table.and_then(|table| tensor(&TensorTable(table), buffers, &mut left.scales));
        drafts.push(draft.map_err(|error| error.at(tensor_place(index)))?);
    }
    Ok(drafts)
}

fn tensor(
    table: &TensorTable<'_>,
    buffers: &[Option<Range<usize>>],
    scales_left: &mut usize,
) -> Result<Draft> {
    ensure(!table.is_sparse()?, ErrorKind::FeatureUnsupported)?;
    let element_type = TensorType::from_schema(table.element_type()?)?;
    let dimensions = match table.shape()? {
        Some(shape) => shape.iter().collect::<Result<Vec<_>>>()?,
        None => Vec::new(),
    };
    let data = buffers.get(table.buffer()? as usize).ok_or(ErrorKind::IndexInvalid)?;
    let location = match (data, table.is_variable()?) {
        (Some(range), false) => Location::Constant(range.clone()),
        (None, true) => Location::Variable,
        (None, false) if element_type == TensorType::Resource => Location::Resource,
        (None, false) => Location::Arena,
        (Some(_), true) => return Err(ErrorKind::BufferInvalid.into()),
    };
    let quantization = match table.quantization()? {
        Some(table) => quantization(&table, scales_left)?,
        None => None,
    };
    let name = table.name()?.unwrap_or(0..0);
    let name = name.start..name.end.min(name.start + limits::NAME_BYTES);
    Ok(Draft { name, element_type, dimensions, quantization, location })
}

type DraftQuantization = (Vec<f32>, Vec<i64>, i32);

/// Tables can be shared, so what is copied out of them is bounded for the whole model.
fn quantization(
    table: &QuantizationTable<'_>,
    scales_left: &mut usize,
) -> Result<Option<DraftQuantization>> {
    ensure(!table.has_details()?, ErrorKind::FeatureUnsupported)?;
    let scales = match table.scales()? {
        Some(scales) if !scales.is_empty() => scales,
        // Minimum and maximum alone, as float models carry them, quantise nothing.
        _ => return Ok(None),
    };
    let zero_points = table.zero_points()?;
    let count = scales.len().max(zero_points.map_or(0, |zero_points| zero_points.len()));
    take(scales_left, count)?;
    let scales = scales.iter().collect::<Result<Vec<_>>>()?;
    let zero_points = match zero_points {
        Some(zero_points) => zero_points.iter().collect::<Result<Vec<_>>>()?,
        None => Vec::new(),
    };
    Ok(Some((scales, zero_points, table.dimension()?)))
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
            operator(&table, code)
        });
        operators.push(read.map_err(|error| error.at(operator_place(index, number)))?);
    }
    Ok(operators)
}

fn operator(table: &OperatorTable<'_>, code: &Code) -> Result<Operator> {
    ensure(!table.has_external_options()?, ErrorKind::FeatureUnsupported)?;
    let mut inputs = Vec::new();
    if let Some(found) = table.inputs()? {
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
        outputs: indices(table.outputs()?)?,
        intermediates: indices(table.intermediates()?)?,
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

    fn complete_tensors(&mut self) -> Result<Vec<Tensor>> {
        let drafts = core::mem::take(&mut self.tensors);
        let complete = |(index, draft)| {
            complete_tensor(draft).map_err(|error| error.at(tensor_place(index)))
        };
        drafts.into_iter().enumerate().map(complete).collect()
    }
}

/// Fills the single open dimension so that both shapes have as many elements; leaves other shapes
/// alone, to be refused later.
fn complete(dimensions: &mut [i32], from: &[i32]) {
    let Ok(elements) = Shape::new(from).map(|shape| shape.elements()) else {
        return;
    };
    let known: i64 = dimensions
        .iter()
        .filter(|&&dimension| dimension != -1)
        .fold(1, |product: i64, &dimension| product.saturating_mul(i64::from(dimension)));
    let mut open = dimensions.iter_mut().filter(|dimension| **dimension == -1);
    if let (Some(slot), None) = (open.next(), open.next())
        && known > 0
    {
        *slot = i32::try_from(elements as i64 / known).unwrap_or(-1);
    }
}

fn complete_tensor(draft: Draft) -> Result<Tensor> {
    let shape = Shape::new(&draft.dimensions)?;
    // In 64 bits: the bits of the largest tensors are more than a 32-bit host can count.
    let bits = shape.elements() as u64 * draft.element_type.bits() as u64;
    let bytes = usize::try_from(bits.div_ceil(8)).map_err(|_| ErrorKind::ShapeInvalid)?;
    if let Location::Constant(range) = &draft.location {
        ensure(range.len() == bytes, ErrorKind::BufferInvalid)?;
    }
    let quantization = match draft.quantization {
        Some(quantization) => complete_quantization(quantization, draft.element_type, &shape)?,
        None => None,
    };
    let Draft { name, element_type, location, .. } = draft;
    Ok(Tensor { name, element_type, shape, bytes, quantization, location })
}

fn complete_quantization(
    (scales, zero_points, dimension): DraftQuantization,
    element_type: TensorType,
    shape: &Shape,
) -> Result<Option<Quantization>> {
    // Leftovers of conversion on floats and indices mean nothing.
    let Some((least, greatest)) = element_type.range() else {
        return Ok(None);
    };
    let invalid = ErrorKind::QuantisationInvalid;
    ensure(scales.iter().all(|scale| scale.is_normal() && *scale > 0.0), invalid)?;
    let range = i64::from(least)..=i64::from(greatest);
    ensure(zero_points.iter().all(|zero_point| range.contains(zero_point)), invalid)?;
    let counts = zero_points.len() <= 1 || zero_points.len() == scales.len();
    ensure(counts, invalid)?;
    let dimension = usize::try_from(dimension).map_err(|_| invalid)?;
    // Converters leave the dimension of the filter on its bias, where nothing reads it.
    let dimension = if element_type == TensorType::Int32 && shape.rank() == 1 { 0 } else { dimension };
    if scales.len() > 1 {
        let channels = shape.dimensions().get(dimension).copied();
        ensure(channels == Some(scales.len()), invalid)?;
    }
    let first = zero_points.first().copied().unwrap_or(0);
    let uniform = zero_points.iter().all(|zero_point| *zero_point == first);
    let different = zero_points.iter().filter(|_| !uniform);
    Ok(Some(Quantization {
        zero_points: different.map(|zero_point| *zero_point as i32).collect(),
        zero_point: first as i32,
        scales,
        dimension,
    }))
}
