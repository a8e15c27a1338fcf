//! The verified model: every offset, length, index, shape, quantisation and operator field of the
//! file is checked here, before anything is allocated or executed for it.
//!
//! Upstream leaves this to the integrator
//! (`lite/micro/docs/error_handling_guide.md`: models are "partially trusted").

use core::ops::Range;

use crate::error::{Error, ErrorKind, Place, Result, ensure};
use crate::limits;
use crate::opcode;
use crate::options::Options;
use crate::schema::{ModelTable, OperatorTable, QuantizationTable, SubgraphTable, TensorTable};
use crate::tensor::{Location, Quantization, Shape, Tensor, TensorType};

/// An operator of the verified model.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Builtin code (`opcode`).
    pub code: i32,
    /// Indices of tensors; none where an optional input is left out.
    pub inputs: Vec<Option<usize>>,
    /// Indices of tensors.
    pub outputs: Vec<usize>,
    /// Attributes.
    pub options: Options,
}

/// A verified model: typed, immutable, with its file.
#[derive(Debug)]
pub struct Model {
    /// The file.
    pub bytes: Vec<u8>,
    /// Tensors of subgraph 0.
    pub tensors: Vec<Tensor>,
    /// Operators of subgraph 0 in order of execution.
    pub operators: Vec<Operator>,
    /// Indices of the model's inputs.
    pub inputs: Vec<usize>,
    /// Indices of the model's outputs.
    pub outputs: Vec<usize>,
}

/// Metadata that upstream obeys: compressed weights, and a memory plan that the file brings along.
const METADATA_REFUSED: [&[u8]; 2] = [b"COMPRESSION_METADATA", b"OfflineMemoryAllocation"];

impl Model {
    /// Verifies a file.
    pub fn verify(bytes: Vec<u8>) -> Result<Self> {
        ensure(bytes.len() <= limits::FILE_BYTES, ErrorKind::ModelTooLarge)?;
        let root = ModelTable::read(&bytes)?;
        ensure(root.version()? == 3, ErrorKind::ModelVersionUnsupported)?;
        refuse_metadata(&root, &bytes)?;
        let codes = root
            .operator_codes()?
            .map(|code| code?.builtin_code())
            .collect::<Result<Vec<_>>>()?;
        let buffers = buffers(&root)?;
        let subgraph = match root.subgraphs()?.iter().next() {
            Some(subgraph) => SubgraphTable(subgraph?),
            None => return Err(ErrorKind::IndexInvalid.into()),
        };
        let mut builder = Builder {
            tensors: tensors(&subgraph, &buffers)?,
            operators: operators(&subgraph, &codes)?,
            inputs: indices(subgraph.inputs()?)?,
            outputs: indices(subgraph.outputs()?)?,
        };
        builder.check_indices()?;
        builder.infer_reshapes()?;
        let tensors = builder.complete_tensors()?;
        let Builder { operators, inputs, outputs, .. } = builder;
        let model = Self { tensors, operators, inputs, outputs, bytes };
        model.check_topology()?;
        Ok(model)
    }

    /// The bytes of a constant tensor.
    pub fn constant(&self, tensor: &Tensor) -> Option<&[u8]> {
        match &tensor.location {
            Location::Constant(range) => self.bytes.get(range.clone()),
            _ => None,
        }
    }

    /// Every computed tensor is written once, before it is read, and never by an operator that
    /// reads it; inputs and outputs of the model are computed tensors.
    fn check_topology(&self) -> Result<()> {
        let computed: Vec<bool> =
            self.tensors.iter().map(|tensor| tensor.location == Location::Arena).collect();
        let mut readable: Vec<bool> = computed.iter().map(|computed| !computed).collect();
        let is = |flags: &[bool], index: usize| flags.get(index).copied().unwrap_or(false);
        let invalid = Error::new(ErrorKind::GraphInvalid);
        for &index in &self.inputs {
            if is(&readable, index) {
                return Err(invalid.at(Place::Tensor(index)));
            }
            set(&mut readable, index);
        }
        for (position, operator) in self.operators.iter().enumerate() {
            let mut inputs = operator.inputs.iter().flatten();
            let sound = inputs.all(|&index| is(&readable, index));
            ensure(sound, ErrorKind::GraphInvalid)
                .map_err(|error| error.at(Place::Operator(position, operator.code)))?;
            for &index in &operator.outputs {
                if is(&readable, index) {
                    return Err(invalid.at(Place::Operator(position, operator.code)));
                }
                set(&mut readable, index);
            }
        }
        for &index in &self.outputs {
            if !is(&computed, index) || !is(&readable, index) {
                return Err(invalid.at(Place::Tensor(index)));
            }
        }
        Ok(())
    }
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

fn indices(found: Option<crate::flatbuffer::Scalars<'_, i32>>) -> Result<Vec<usize>> {
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

fn tensors(subgraph: &SubgraphTable<'_>, buffers: &[Option<Range<usize>>]) -> Result<Vec<Draft>> {
    let mut drafts = Vec::new();
    let mut scales_left = limits::SCALES;
    for (index, table) in subgraph.tensors()?.iter().enumerate() {
        let draft = table.and_then(|table| tensor(&TensorTable(table), buffers, &mut scales_left));
        drafts.push(draft.map_err(|error| error.at(Place::Tensor(index)))?);
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
    *scales_left = scales_left.checked_sub(count).ok_or(ErrorKind::ModelTooLarge)?;
    let scales = scales.iter().collect::<Result<Vec<_>>>()?;
    let zero_points = match zero_points {
        Some(zero_points) => zero_points.iter().collect::<Result<Vec<_>>>()?,
        None => Vec::new(),
    };
    Ok(Some((scales, zero_points, table.dimension()?)))
}

fn operators(subgraph: &SubgraphTable<'_>, codes: &[i32]) -> Result<Vec<Operator>> {
    let mut operators = Vec::new();
    for (index, table) in subgraph.operators()?.iter().enumerate() {
        let mut code = -1;
        let read = table.and_then(|table| {
            let table = OperatorTable(table);
            code = *codes.get(table.opcode_index()? as usize).ok_or(ErrorKind::IndexInvalid)?;
            operator(&table, code)
        });
        operators.push(read.map_err(|error| error.at(Place::Operator(index, code)))?);
    }
    Ok(operators)
}

fn operator(table: &OperatorTable<'_>, code: i32) -> Result<Operator> {
    let mut inputs = Vec::new();
    if let Some(found) = table.inputs()? {
        for index in found.iter() {
            inputs.push(match index? {
                -1 => None,
                index => Some(usize::try_from(index).map_err(|_| ErrorKind::IndexInvalid)?),
            });
        }
    }
    let outputs = indices(table.outputs()?)?;
    let options = Options::read(code, table)?;
    Ok(Operator { code, inputs, outputs, options })
}

/// The model while its parts are checked against each other.
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
        ensure(borders && !self.outputs.is_empty(), ErrorKind::IndexInvalid)?;
        for (position, operator) in self.operators.iter().enumerate() {
            let sound = operator.inputs.iter().flatten().chain(&operator.outputs).all(within);
            ensure(sound, ErrorKind::IndexInvalid)
                .map_err(|error| error.at(Place::Operator(position, operator.code)))?;
        }
        Ok(())
    }

    /// Upstream completes one open dimension (-1) of a RESHAPE's output from its input
    /// (`micro/kernels/reshape_common.cc`).
    fn infer_reshapes(&mut self) -> Result<()> {
        for operator in &self.operators {
            if operator.code != opcode::RESHAPE {
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
        Ok(())
    }

    fn complete_tensors(&mut self) -> Result<Vec<Tensor>> {
        let drafts = core::mem::take(&mut self.tensors);
        let complete = |(index, draft)| {
            complete_tensor(draft).map_err(|error| error.at(Place::Tensor(index)))
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
    Ok(Some(Quantization {
        uniform_zero_point: zero_points.iter().all(|zero_point| *zero_point == first),
        zero_point: first as i32,
        scales,
        dimension,
    }))
}
