//! What an operator asks for while it is prepared.

use crate::run::io::Port;
use crate::simd;

/// What state holds before the first inference, and after a reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Init {
    /// This byte everywhere.
    Byte(u8),
    /// These bytes.
    Bytes(Box<[u8]>),
}

/// Memory beside inputs and outputs.
#[derive(Clone, Debug)]
pub(crate) enum Extra {
    /// Of the arena, for this step only.
    Scratch(usize),
    /// Kept between inferences.
    State(usize, Init),
    /// A variable that operators share: its number, its bytes, and what it holds at first where this operator says so.
    Variable(usize, usize, Option<Init>),
}

/// All that an operator needs and costs beside its tensors.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub(crate) extras: Vec<Extra>,
    pub(crate) workspace: usize,
    pub(crate) packed: usize,
    pub(crate) macs: u64,
    pub(crate) comparisons: u64,
    pub(crate) mutated: Vec<usize>,
    pub(crate) kernels: Kernels,
}

/// Which kernels an operator may choose from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kernels {
    /// The fastest that this build has.
    #[default]
    Fast,
    /// The plain ones, whose weights take as many bytes as in the file.
    Plain,
    /// Plain ones too, and convolutions and fully connected layers read their weights in the file: slow, and nothing is packed for them.
    Compact,
}

impl Request {
    /// Whether kernels for SIMD may serve.
    pub fn is_fast(&self) -> bool {
        simd::HERE && self.kernels == Kernels::Fast
    }

    /// Memory of the arena for the time of one `eval`, counted as upstream counts it. As many as wanted.
    pub fn scratch(&mut self, bytes: usize) -> Port {
        self.extra(Extra::Scratch(bytes))
    }

    /// Memory that keeps what `eval` leaves there until a reset.
    pub fn state(&mut self, bytes: usize, init: Init) -> Port {
        self.extra(Extra::State(bytes, init))
    }

    /// A variable that operators share.
    pub(crate) fn variable(&mut self, number: usize, bytes: usize, init: Option<Init>) -> Port {
        self.extra(Extra::Variable(number, bytes, init))
    }

    /// Memory outside the arena for the time of one `eval`, shared with all other steps: for kernels that are
    /// faster with it than upstream's are. What an arena needs stays as upstream counts it.
    pub fn workspace(&mut self, bytes: usize) {
        self.workspace = self.workspace.max(bytes);
    }

    /// Counts bytes of packed weights and tables that the kernel owns.
    pub fn packed(&mut self, bytes: usize) {
        self.packed = self.packed.saturating_add(bytes);
    }

    /// Counts multiply-accumulates of one `eval`.
    pub fn macs(&mut self, count: u64) {
        self.macs = self.macs.saturating_add(count);
    }

    /// Counts comparisons and additions of one `eval`, where they are more than the bytes that it moves.
    pub fn comparisons(&mut self, count: u64) {
        self.comparisons = self.comparisons.saturating_add(count);
    }

    /// Says that `eval` writes an input. It has to be a variable.
    pub fn mutates(&mut self, input: usize) {
        self.mutated.push(input);
    }

    #[inline(never)]
    fn extra(&mut self, extra: Extra) -> Port {
        self.extras.push(extra);
        Port::Extra(self.extras.len() - 1)
    }
}
