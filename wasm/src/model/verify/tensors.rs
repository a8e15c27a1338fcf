//! Tensors of a file: types, shapes, bytes and quantisation.

use core::ops::Range;

use crate::error::{ErrorKind, Result, ensure};
use crate::file::schema::{QuantizationTable, SubgraphTable, TensorTable};
use crate::limits;
use crate::memory::append;
use crate::model::tensor::{Location, Quantization, Shape, Tensor, TensorType};
use crate::model::verify::sparse::densify;
use crate::model::verify::{Left, take, tensor_place};

/// Constants that the file has in another form, behind its end.
pub struct Appended<'a> {
    file: &'a [u8],
    bytes: Vec<u8>,
}

impl<'a> Appended<'a> {
    /// None yet.
    pub fn new(file: &'a [u8]) -> Self {
        Self { file, bytes: Vec::new() }
    }

    /// All of them, to be put behind the file.
    pub fn bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Puts one there and says where it will be.
    fn push(&mut self, bytes: &[u8]) -> Result<Range<usize>> {
        ensure(self.bytes.len() + bytes.len() <= limits::FILE_BYTES, ErrorKind::ModelTooLarge)?;
        let Range { start, end } = append(&mut self.bytes, bytes)?;
        Ok(self.file.len() + start..self.file.len() + end)
    }
}

/// A tensor whose shape may still have one open dimension.
pub struct Draft {
    name: Range<usize>,
    element_type: TensorType,
    /// Dimensions, of which one may be -1.
    pub dimensions: Vec<i32>,
    quantization: Option<DraftQuantization>,
    location: Location,
    /// Where the table of its sparsity lies.
    sparsity: Option<usize>,
    /// Whether anything names it.
    used: bool,
}

impl Draft {
    /// Nothing, for a tensor that nobody uses.
    fn nothing() -> Self {
        Self {
            name: 0..0,
            element_type: TensorType::Uint8,
            dimensions: vec![0],
            quantization: None,
            location: Location::Arena,
            sparsity: None,
            used: false,
        }
    }
}

/// Whether what is wrong with a tensor is no harm if nobody uses it.
fn harmless(kind: ErrorKind) -> bool {
    use ErrorKind::{BufferInvalid, FeatureUnsupported, QuantisationInvalid, ShapeInvalid, TypeUnsupported};
    matches!(kind, BufferInvalid | FeatureUnsupported | QuantisationInvalid | ShapeInvalid | TypeUnsupported)
}

/// Reads the tensors of a subgraph. What nobody uses may be anything that the file's encoding
/// allows; `used` tells the others.
pub fn tensors(
    subgraph: &SubgraphTable<'_>,
    buffers: &[Option<Range<usize>>],
    left: &mut Left,
    used: &[bool],
) -> Result<Vec<Draft>> {
    let mut drafts = Vec::new();
    let tables = subgraph.tensors()?;
    take(&mut left.tensors, tables.len())?;
    let is_used = |index: usize| used.get(index).copied().unwrap_or(false);
    for (index, table) in tables.iter().enumerate() {
        let draft = table.and_then(|table| tensor(&TensorTable(table), buffers, &mut left.scales));
        drafts.push(match draft {
            Ok(draft) => Draft { used: is_used(index), ..draft },
            Err(error) if harmless(error.kind()) && !is_used(index) => Draft::nothing(),
            Err(error) => return Err(error.at(tensor_place(index))),
        });
    }
    Ok(drafts)
}

fn tensor(
    table: &TensorTable<'_>,
    buffers: &[Option<Range<usize>>],
    scales_left: &mut usize,
) -> Result<Draft> {
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
    let sparsity = table.sparsity()?;
    Ok(Draft { name, element_type, dimensions, quantization, location, sparsity, used: true })
}

/// Scales, zero points and the dimension of both, as the file has them.
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

/// Fills the single open dimension so that both shapes have as many elements; leaves other shapes
/// alone, to be refused later.
pub fn complete(dimensions: &mut [i32], from: &[i32]) {
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

impl Draft {
    /// The tensor, with all that is wrong with it refused, unless nobody uses it.
    pub fn complete(self, appended: &mut Appended<'_>) -> Result<Tensor> {
        if self.used {
            return complete_tensor(self, appended);
        }
        match complete_tensor(self, appended) {
            Err(error) if harmless(error.kind()) => complete_tensor(Self::nothing(), appended),
            tensor => tensor,
        }
    }
}

fn complete_tensor(draft: Draft, appended: &mut Appended<'_>) -> Result<Tensor> {
    let Draft { name, element_type, mut location, .. } = draft;
    let shape = Shape::new(&draft.dimensions)?;
    // In 64 bits: the bits of the largest tensors are more than a 32-bit host can count.
    let bits = shape.elements() as u64 * element_type.bits() as u64;
    let bytes = usize::try_from(bits.div_ceil(8)).map_err(|_| ErrorKind::ShapeInvalid)?;
    if let (Location::Constant(range), Some(position)) = (&location, draft.sparsity) {
        ensure(element_type.bits() >= 8 && bytes <= limits::FILE_BYTES, ErrorKind::FeatureUnsupported)?;
        let values = appended.file.get(range.clone()).unwrap_or(&[]);
        let dense = densify(appended.file, position, values, &shape, element_type.bits() / 8)?;
        location = Location::Constant(appended.push(&dense)?);
    }
    if let Location::Constant(range) = &location
        && element_type.is_held()
    {
        ensure(range.len() == bytes, ErrorKind::BufferInvalid)?;
    }
    let quantization = match draft.quantization {
        Some(quantization) => complete_quantization(quantization, element_type, &shape)?,
        None => None,
    };
    Ok(Tensor { name, element_type, shape, bytes, quantization, location, unsigned: false })
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
    // 0 is for channels that were pruned, and for tensors that nobody rescales.
    ensure(scales.iter().all(|scale| *scale == 0.0 || scale.is_normal() && *scale > 0.0), invalid)?;
    let range = i64::from(least)..=i64::from(greatest);
    ensure(zero_points.iter().all(|zero_point| range.contains(zero_point)), invalid)?;
    let counts = zero_points.len() <= 1 || zero_points.len() == scales.len();
    ensure(counts, invalid)?;
    let mut dimension = usize::try_from(dimension).map_err(|_| invalid)?;
    if scales.len() > 1 {
        // Some converters name another dimension than the one that has so many channels, and leave that of the filter on its
        // bias. Layers know theirs by themselves.
        let extents = shape.dimensions();
        if extents.get(dimension) != Some(&scales.len()) {
            dimension = extents.iter().position(|extent| *extent == scales.len()).ok_or(invalid)?;
        }
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
