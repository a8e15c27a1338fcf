//! Why a model is refused. The numbers are stable: `protocol/codes.ts` names them, and a test
//! compares the two.

/// What was wrong. The variant's name in kebab case is the name of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum ErrorKind {
    /// An offset, vector or buffer reaches past the end of the file.
    ModelTruncated = 1,
    /// The file identifier is not that of TensorFlow Lite.
    ModelNotTflite = 2,
    /// The schema version is not 3.
    ModelVersionUnsupported = 3,
    /// The file contradicts the FlatBuffers encoding.
    ModelMalformed = 4,
    /// More bytes, tensors, operators, subgraphs or dimensions than the core accepts.
    ModelTooLarge = 5,
    /// More work per invoke than the core accepts.
    ModelTooHeavy = 6,
    /// Sparse tensors, external buffers, compression, an offline memory plan or other features
    /// that the core refuses as a whole.
    FeatureUnsupported = 7,
    /// An index of a tensor, buffer, subgraph or operator code is out of range.
    IndexInvalid = 8,
    /// A dimension is negative, or 0 where an operator cannot have it, or a tensor has too many elements.
    ShapeInvalid = 9,
    /// A constant's bytes are not as many as its shape and type need.
    BufferInvalid = 10,
    /// A scale or zero point is missing, out of range, or of the wrong count.
    QuantisationInvalid = 11,
    /// A tensor is read before it is written, written twice, or both read and written by one
    /// operator; or subgraphs call each other in a circle.
    GraphInvalid = 12,
    /// No kernel is registered for an operator.
    OperatorUnsupported = 13,
    /// A kernel does not take these element types.
    TypeUnsupported = 14,
    /// An operator's tensors or attributes contradict its definition.
    OperatorInvalid = 15,
    /// Activations and scratch buffers need more than the arena's limit.
    ArenaTooSmall = 16,
    /// Memory could not be had.
    MemoryExhausted = 17,
    /// A call across the border named an interpreter or tensor that does not exist.
    CallInvalid = 18,
    /// A promise of the core to itself was broken; found without a trap.
    EngineInternal = 19,
    /// A loop went round more often than the work of an inference allows.
    WorkExceeded = 20,
}

/// Where it was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the model as a whole.
    Model,
    /// At a byte of the file.
    Byte(usize),
    /// In a tensor of a subgraph.
    Tensor {
        /// Which subgraph.
        subgraph: usize,
        /// Which of its tensors.
        tensor: usize,
    },
    /// In an operator of a subgraph.
    Operator {
        /// Which subgraph.
        subgraph: usize,
        /// Which of its operators.
        operator: usize,
        /// Its builtin code; -1 where it is not known.
        code: i32,
    },
}

/// A refusal: what and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// What was wrong.
    pub kind: ErrorKind,
    /// Where it was wrong.
    pub place: Place,
}

impl Error {
    /// A refusal whose place the caller will add.
    pub const fn new(kind: ErrorKind) -> Self {
        Self { kind, place: Place::Model }
    }

    /// Adds the place, unless a more precise one is known.
    pub fn at(mut self, place: Place) -> Self {
        if self.place == Place::Model {
            self.place = place;
        }
        self
    }

    /// Adds which subgraph the place is in.
    pub fn within(mut self, number: usize) -> Self {
        if let Place::Tensor { subgraph, .. } | Place::Operator { subgraph, .. } = &mut self.place {
            *subgraph = number;
        }
        self
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind)
    }
}

/// The crate's result.
pub type Result<T> = core::result::Result<T, Error>;

/// Refuses with `kind` unless `condition` holds.
pub fn ensure(condition: bool, kind: ErrorKind) -> Result<()> {
    if condition { Ok(()) } else { Err(Error::new(kind)) }
}
