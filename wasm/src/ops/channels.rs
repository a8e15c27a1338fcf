//! Channels that hold the same value for every input: they are not computed, and what reads them has their share in its biases.

use crate::error::{ErrorKind, Result};
use crate::memory::{allocate, gather};
use crate::ops::{Flow, Kernel};
use crate::run::io::{Io, Port};

/// The channels of a tensor of which some are constant.
#[derive(Clone, Debug)]
pub struct Channels {
    /// What each of them holds: the constants, and anything for the others.
    pub values: Vec<i8>,
    /// Those that are computed, in order.
    pub kept: Vec<usize>,
    /// Whether they alone lie in memory, side by side.
    pub compact: bool,
}

impl Channels {
    /// The constants with their channels.
    pub fn constants(&self) -> impl Iterator<Item = (usize, i8)> {
        let mut kept = self.kept.iter().copied().peekable();
        let all = self.values.iter().copied().enumerate();
        all.filter(move |(channel, _)| kept.next_if_eq(channel).is_none())
    }

    /// A kernel that computes the kept channels alone, as one that has computed all.
    pub fn spread(&self, kernel: Box<dyn Kernel>) -> Result<Box<dyn Kernel>> {
        let (all, kept) = (self.values.len(), gather(self.kept.len(), self.kept.iter().copied().map(Ok))?);
        let mut rest = allocate(all - kept.len(), (0, 0))?;
        rest.iter_mut().zip(self.constants()).for_each(|(slot, (channel, value))| *slot = (channel, value as u8));
        Ok(Box::new(Spread { kernel, all, kept, rest }))
    }
}

/// A kernel whose outputs lie side by side at first.
struct Spread {
    kernel: Box<dyn Kernel>,
    /// Channels of a pixel.
    all: usize,
    kept: Vec<usize>,
    /// The other channels with their values.
    rest: Vec<(usize, u8)>,
}

impl Kernel for Spread {
    fn eval(&self, io: &mut Io<'_>) -> Result<Flow> {
        self.kernel.eval(io)?;
        let ([], [output]) = io.cut([], [Port::Output(0)])?;
        self.spread(output).ok_or(ErrorKind::EngineInternal)?;
        Ok(Flow::Next)
    }
}

impl Spread {
    /// From the last to the first: none is written before it is read.
    fn spread(&self, output: &mut [u8]) -> Option<()> {
        for pixel in (0..output.len() / self.all).rev() {
            for (at, channel) in self.kept.iter().enumerate().rev() {
                let byte = *output.get(pixel * self.kept.len() + at)?;
                *output.get_mut(pixel * self.all + channel)? = byte;
            }
            for (channel, byte) in &self.rest {
                *output.get_mut(pixel * self.all + channel)? = *byte;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_channels_move_to_their_places_between_the_constants() {
        let spread = Spread { kernel: Box::new(Nothing), all: 4, kept: vec![1, 3], rest: vec![(0, 100), (2, 102)] };
        let mut output = vec![1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0];
        spread.spread(&mut output).unwrap();
        assert_eq!(output, [100, 1, 102, 2, 100, 3, 102, 4, 100, 5, 102, 6]);
    }

    struct Nothing;

    impl Kernel for Nothing {
        fn eval(&self, _: &mut Io<'_>) -> Result<Flow> {
            Ok(Flow::Next)
        }
    }
}
