//! How large a model may be before it is refused: bounds on work and memory that hold before a
//! single byte is interpreted. They are far above anything meant for small devices.

/// Bytes of a model file.
pub const FILE_BYTES: usize = 64 << 20;
/// Tensors of all subgraphs together, and buffers of a file.
pub const TENSORS: usize = 4096;
/// Operators of all subgraphs together.
pub const OPERATORS: usize = 4096;
/// Subgraphs of a file.
pub const SUBGRAPHS: usize = 64;
/// Operator codes and metadata entries of a file; attributes of a custom operator.
pub const TABLE_ENTRIES: usize = 1024;
/// Dimensions of a tensor.
pub const RANK: usize = 8;
/// Elements of a tensor.
pub const ELEMENTS: usize = 1 << 28;
/// Inputs, outputs and intermediates of one operator.
pub const OPERATOR_TENSORS: usize = 1024;
/// Inputs, outputs and intermediates of all operators together.
pub const INDICES: usize = 1 << 17;
/// Bytes of a tensor's name that are kept, and of a variable's name at most.
pub const NAME_BYTES: usize = 1024;
/// Scales and zero points of all tensors together.
pub const SCALES: usize = 1 << 20;
/// Values of a constant that says how an operator works: axes, paddings.
pub const ARGUMENTS: usize = 64;
/// Work of one invoke where the caller says nothing else: seconds on a fast host, and a hundred times what small devices can do. A
/// fuzzer has to try many files in a second.
pub const WORK: u64 = if cfg!(feature = "fuzzing") { 1 << 23 } else { 1 << 31 };
/// Work for each output element beside multiply-accumulates, comparisons and moved bytes: walking
/// there and rescaling.
pub const ELEMENT_WORK: u64 = 8;
/// Subgraphs that wait for one another at a time.
pub const DEPTH: usize = 16;
/// Operators and subgraphs on the way through a model, each as often as it is called.
pub const MOMENTS: usize = 1 << 16;
/// Work of a call beside that of the operators in it: no loop is free.
pub const CALL_WORK: u64 = 256;
/// Operators that are told as refused.
pub const REFUSALS: usize = 256;
/// Bytes of an arena, whatever the caller allows.
pub const ARENA_BYTES: usize = 128 << 20;

/// Limits that a caller sets for one interpreter.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Activations, scratch buffers and variables, in bytes.
    pub arena_bytes: usize,
}
