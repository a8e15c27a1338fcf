//! Why a model is refused. The numbers are stable: `protocol/codes.ts` names them, and a test
//! compares the two.

use core::num::NonZeroU64;

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
    /// Inferences of a model with state or subgraphs do not go step by step together.
    BatchUnsupported = 21,
}

impl ErrorKind {
    /// All of them.
    const ALL: [Self; 21] = [
        Self::ModelTruncated,
        Self::ModelNotTflite,
        Self::ModelVersionUnsupported,
        Self::ModelMalformed,
        Self::ModelTooLarge,
        Self::ModelTooHeavy,
        Self::FeatureUnsupported,
        Self::IndexInvalid,
        Self::ShapeInvalid,
        Self::BufferInvalid,
        Self::QuantisationInvalid,
        Self::GraphInvalid,
        Self::OperatorUnsupported,
        Self::TypeUnsupported,
        Self::OperatorInvalid,
        Self::ArenaTooSmall,
        Self::MemoryExhausted,
        Self::CallInvalid,
        Self::EngineInternal,
        Self::WorkExceeded,
        Self::BatchUnsupported,
    ];
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

/// A refusal: what and where. In eight bytes, because nearly all functions may return one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(NonZeroU64);

/// Where the parts of a refusal lie: the number of its kind, how its place is to be read, and the place.
const PLACE: u32 = 8;
const SUBGRAPH: u32 = 10;
const INDEX: u32 = 18;
const CODE: u32 = 32;

impl Error {
    /// A refusal whose place the caller will add.
    pub const fn new(kind: ErrorKind) -> Self {
        match NonZeroU64::new(kind as u64) {
            Some(bits) => Self(bits),
            // No kind has the number 0.
            None => Self(NonZeroU64::MIN),
        }
    }

    /// The number of its kind.
    pub fn number(self) -> u16 {
        (self.0.get() & 0xff) as u16
    }

    /// What was wrong.
    pub fn kind(self) -> ErrorKind {
        let number = self.number();
        let found = ErrorKind::ALL.into_iter().find(|kind| *kind as u16 == number);
        found.unwrap_or(ErrorKind::EngineInternal)
    }

    /// Where it was wrong.
    pub fn place(self) -> Place {
        let bits = self.0.get();
        let part = |from: u32, to: u32| (bits >> from & ((1 << (to - from)) - 1)) as usize;
        let subgraph = part(SUBGRAPH, INDEX);
        match part(PLACE, SUBGRAPH) {
            0 => Place::Model,
            1 => Place::Byte((bits >> SUBGRAPH) as usize),
            2 => Place::Tensor { subgraph, tensor: part(INDEX, CODE) },
            _ => Place::Operator { subgraph, operator: part(INDEX, CODE), code: (bits >> CODE) as i32 },
        }
    }

    /// Adds the place, unless a more precise one is known.
    #[cold]
    pub fn at(self, place: Place) -> Self {
        if self.0.get() >> PLACE != 0 {
            return self;
        }
        // Subgraphs, tensors and operators have limits that are smaller than their parts.
        let within = |subgraph: usize, index: usize| (subgraph as u64) << SUBGRAPH | (index as u64) << INDEX;
        let bits = match place {
            Place::Model => 0,
            Place::Byte(at) => 1 << PLACE | (at as u64) << SUBGRAPH,
            Place::Tensor { subgraph, tensor } => 2 << PLACE | within(subgraph, tensor),
            Place::Operator { subgraph, operator, code } => {
                3 << PLACE | within(subgraph, operator) | u64::from(code as u32) << CODE
            }
        };
        Self(self.0 | bits)
    }

    /// Adds which subgraph the place is in, where none is known: refusals name subgraph 0 until then.
    #[cold]
    pub fn within(self, number: usize) -> Self {
        match self.place() {
            Place::Tensor { .. } | Place::Operator { .. } => Self(self.0 | (number as u64) << SUBGRAPH),
            Place::Model | Place::Byte(_) => self,
        }
    }
}

impl core::fmt::Debug for Error {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "{:?} in {:?}", self.kind(), self.place())
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
