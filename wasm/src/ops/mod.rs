//! The operators, one file or folder per family.
//!
//! `prepare` checks an operator and computes once whatever does not change: geometry, multipliers, tables, packed
//! weights. The kernel that it returns does arithmetic only. Each file names the upstream kernel whose results it
//! reproduces, and its tests compare it with a plain twin written after upstream's loops.
//!
//! A family whose types differ in more than a few lines is a folder: `mod.rs` has what they share (attributes, checks,
//! geometry, the choice of the kernel), `int8.rs`, `int16.rs`, `float.rs` the kernels, and `simd.rs` and `float_simd.rs` their faster twins.

pub mod channels;
mod node;
pub mod rearrange;
mod request;
pub mod signature;
pub mod weights;
pub mod window;

use core::ops::{Range, RangeInclusive};

pub use node::{Node, Options, activation, expect_type};
pub(crate) use request::Extra;
pub use request::{Init, Kernels, Request};
use signature::Signature;

use crate::error::{ErrorKind, Result, ensure};
pub use crate::memory::{allocate, gather};
use crate::model::OpKey;
use crate::run::batch::Batched;
use crate::run::io::{Io, Port};

/// An operator that the core executes.
pub struct Registration {
    /// What tells it from others.
    pub key: OpKey<'static>,
    /// The schema's name, or its own.
    pub name: &'static str,
    /// How many inputs it takes.
    pub inputs: RangeInclusive<usize>,
    /// How many outputs it has.
    pub outputs: RangeInclusive<usize>,
    /// The element types that it takes; all others are refused before `prepare`.
    pub types: &'static [Signature],
    /// Checks one operator of a model and makes what executes it.
    pub prepare: fn(&Node<'_>, &mut Request) -> Result<Action>,
}

/// What executes an operator.
pub enum Action {
    /// Its arithmetic.
    Run(Box<dyn Kernel>),
    /// Nothing: all is said before the first run.
    Nothing,
    /// Nothing: its outputs are constants of these bytes, which are known before the first run.
    Constant(Vec<Vec<u8>>),
    /// Nothing: its output names a variable, and which one is known.
    Handle(VariableName),
    /// One of two subgraphs, by the first input: the one for yes, the one for no. They get the other inputs.
    If {
        /// Indices of subgraphs.
        calls: [usize; 2],
    },
    /// The second subgraph as often as the first says so.
    While {
        /// Indices of subgraphs.
        calls: [usize; 2],
    },
    /// A subgraph, the first time after a reset.
    Once {
        /// Index of the subgraph.
        calls: [usize; 1],
        /// State of one byte, 0 at first.
        done: Port,
    },
}

impl Action {
    /// The subgraphs that it calls.
    pub fn calls(&self) -> &[usize] {
        match self {
            Self::Run(_) | Self::Nothing | Self::Constant(_) | Self::Handle(_) => &[],
            Self::If { calls } | Self::While { calls } => calls,
            Self::Once { calls, .. } => calls,
        }
    }

    /// A kernel.
    pub fn run(kernel: impl Kernel + 'static) -> Self {
        Self::Run(Box::new(kernel))
    }
}

/// What tells a variable from others.
#[derive(Clone, Debug)]
pub struct VariableName {
    /// Where the name of its container lies in the file.
    pub container: Option<Range<usize>>,
    /// Where its own name lies.
    pub shared_name: Option<Range<usize>>,
}

/// The arithmetic of one operator, ready to run.
pub trait Kernel: Send + Sync {
    /// Computes the outputs; allocates nothing.
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow>;

    /// Itself, where it is faster with several samples at a time.
    fn batched(&self) -> Option<&dyn Batched> {
        None
    }
}

/// What comes after an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The next.
    Next,
    /// Nothing: the operator waits for more inputs, and this inference has no new output. Not an error; outputs keep
    /// what they hold.
    NoOutput,
}

/// A set of registrations.
#[derive(Clone, Copy)]
pub struct Registry {
    /// The operators.
    pub operators: &'static [&'static Registration],
    /// What they may choose from.
    pub kernels: Kernels,
    /// Whether fast kernels leave out channels that hold the same for every input.
    pub leaves_out: bool,
}

impl Registry {
    /// The registration of an operator.
    pub fn find(&self, key: OpKey<'_>) -> Result<&'static Registration> {
        let found = self.operators.iter().find(|registration| registration.key == key);
        found.copied().ok_or(ErrorKind::OperatorUnsupported.into())
    }
}

impl Registration {
    /// Checks what the registration says, and then the operator itself.
    pub fn prepare(&self, node: &Node<'_>, request: &mut Request) -> Result<Action> {
        let counts = self.inputs.contains(&node.operator.inputs.len())
            && self.outputs.contains(&node.operator.outputs.len());
        ensure(counts, ErrorKind::OperatorInvalid)?;
        signature::check(self.types, node)?;
        (self.prepare)(node, request)
    }
}

/// Declares the modules of the operators and collects their registrations: one line for each.
macro_rules! registry {
    ($($module:ident: $($name:ident),+;)*) => {
        $(pub mod $module;)*

        /// Every operator of this crate.
        pub static ALL: Registry = Registry { operators: &[$($(&$module::$name),+),*], kernels: Kernels::Fast, leaves_out: true };

    };
}

registry! {
    add: ADD;
    batch_matmul: BATCH_MATMUL;
    binary: ADD_N, DIV, EQUAL, FLOOR_DIV, FLOOR_MOD, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL, LOGICAL_AND, LOGICAL_OR, MAXIMUM,
        MINIMUM, MUL, NOT_EQUAL, POW, PRELU, SELECT, SELECT_V2, SQUARED_DIFFERENCE, SUB;
    blocks: DEPTH_TO_SPACE, SPACE_TO_DEPTH, BATCH_TO_SPACE_ND, SPACE_TO_BATCH_ND;
    circular_buffer: CIRCULAR_BUFFER;
    control: IF, WHILE, CALL_ONCE;
    conv: CONV_2D;
    cumsum: CUMSUM;
    decode: TFLM_DECODE;
    depthwise_conv: DEPTHWISE_CONV_2D;
    detection: DETECTION_POSTPROCESS;
    dynamic: BROADCAST_ARGS, DYNAMIC_UPDATE_SLICE;
    fully_connected: FULLY_CONNECTED;
    join: CONCATENATION, PACK, SPLIT, SPLIT_V, UNPACK;
    l2_normalization: L2_NORMALIZATION;
    lookup: EMBEDDING_LOOKUP, GATHER, GATHER_ND;
    lstm: UNIDIRECTIONAL_SEQUENCE_LSTM;
    pad: PAD, PADV2;
    pooling: AVERAGE_POOL_2D, L2_POOL_2D, MAX_POOL_2D;
    quantize: QUANTIZE, DEQUANTIZE;
    reduce: ARG_MAX, ARG_MIN, MEAN, REDUCE_ALL, REDUCE_MAX, REDUCE_MIN, SUM;
    resize: RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR;
    shape: DENSIFY, RESHAPE, SQUEEZE, EXPAND_DIMS;
    signal: DELAY, ENERGY, FFT_AUTO_SCALE, FILTER_BANK, FILTER_BANK_LOG, FILTER_BANK_SPECTRAL_SUBTRACTION,
        FILTER_BANK_SQUARE_ROOT, FRAMER, IRFFT, OVERLAP_ADD, PCAN, RFFT, STACKER, WINDOW;
    slice: SLICE, STRIDED_SLICE;
    softmax: SOFTMAX, LOG_SOFTMAX;
    spread: BROADCAST_TO, FILL, SHAPE, MIRROR_PAD;
    svdf: SVDF;
    tile: TILE;
    top_k: ONE_HOT, TOPK_V2;
    transpose: TRANSPOSE, REVERSE_V2;
    transpose_conv: TRANSPOSE_CONV, CONVOLUTION_2D_TRANSPOSE_BIAS;
    unary: ABS, CAST, CEIL, COS, ELU, EXP, FLOOR, GELU, HARD_SWISH, LEAKY_RELU, LOG, LOGICAL_NOT, LOGISTIC, NEG, RELU, RELU6, ROUND,
        RSQRT, SIN, SQRT, SQUARE, TANH, ZEROS_LIKE;
    variable: VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE;
}
