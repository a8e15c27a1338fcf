//! Views of the tensors of one operator.
//!
//! All computed tensors share one block of memory. An operator writes some of it while it reads the
//! rest: the block is cut at the borders of what is written, so that the compiler knows the two to
//! be disjoint. Nothing is allocated here.

use core::ops::Range;

use crate::error::{ErrorKind, Result};

/// Regions that one operator writes: its outputs and one scratch buffer.
pub const WRITTEN: usize = 8;

/// Where a tensor's bytes are, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot {
    /// In the file.
    Constant(Range<usize>),
    /// In the arena.
    Arena(Range<usize>),
    /// An optional input that was left out.
    Absent,
}

/// What an operator may read.
pub struct Inputs<'a> {
    constants: &'a [u8],
    gaps: [(usize, &'a [u8]); WRITTEN + 1],
    slots: &'a [Slot],
}

impl<'a> Inputs<'a> {
    /// The bytes of the input at `position`.
    pub fn get(&self, position: usize) -> Result<&'a [u8]> {
        let found = match self.slots.get(position) {
            Some(Slot::Constant(range)) => self.constants.get(range.clone()),
            Some(Slot::Arena(range)) => self.gaps.iter().find_map(|(start, gap)| {
                gap.get(range.start.checked_sub(*start)?..range.end.checked_sub(*start)?)
            }),
            _ => None,
        };
        found.ok_or(ErrorKind::EngineInternal.into())
    }
}

/// What an operator writes.
pub struct Outputs<'a> {
    regions: [Option<&'a mut [u8]>; WRITTEN],
}

impl Outputs<'_> {
    /// The bytes of the output at `position`; the scratch buffer follows the outputs.
    pub fn get(&mut self, position: usize) -> Result<&mut [u8]> {
        match self.regions.get_mut(position) {
            Some(Some(region)) => Ok(region),
            _ => Err(ErrorKind::EngineInternal.into()),
        }
    }
}

/// What an operator writes, by offset; each with its position among the outputs.
#[derive(Clone, Debug, Default)]
pub struct Cuts(Vec<(Range<usize>, usize)>);

impl Cuts {
    /// From the regions in the order of the outputs; refuses too many and overlapping ones.
    pub fn new(regions: Vec<Range<usize>>) -> Result<Self> {
        if regions.len() > WRITTEN {
            return Err(ErrorKind::OperatorUnsupported.into());
        }
        let mut cuts: Vec<_> =
            regions.into_iter().enumerate().map(|(position, range)| (range, position)).collect();
        cuts.sort_by_key(|(range, _)| range.start);
        let overlapping = cuts.windows(2).any(|pair| match pair {
            [(one, _), (other, _)] => one.end > other.start,
            _ => false,
        });
        if overlapping { Err(ErrorKind::EngineInternal.into()) } else { Ok(Self(cuts)) }
    }
}

/// Cuts the arena into what is read and what is written.
pub fn split<'a>(
    arena: &'a mut [u8],
    constants: &'a [u8],
    slots: &'a [Slot],
    cuts: &Cuts,
) -> Result<(Inputs<'a>, Outputs<'a>)> {
    let mut gaps: [(usize, &[u8]); WRITTEN + 1] = [(0, &[]); WRITTEN + 1];
    let mut regions: [Option<&mut [u8]>; WRITTEN] = [const { None }; WRITTEN];
    let mut rest = arena;
    let mut start = 0;
    for ((range, position), slot) in cuts.0.iter().zip(gaps.iter_mut()) {
        let internal = ErrorKind::EngineInternal;
        let before = range.start.checked_sub(start).ok_or(internal)?;
        let (gap, tail) = rest.split_at_mut_checked(before).ok_or(internal)?;
        let (region, tail) = tail.split_at_mut_checked(range.len()).ok_or(internal)?;
        *slot = (start, gap);
        *regions.get_mut(*position).ok_or(internal)? = Some(region);
        start = range.end;
        rest = tail;
    }
    if let Some(slot) = gaps.get_mut(cuts.0.len()) {
        *slot = (start, rest);
    }
    Ok((Inputs { constants, gaps, slots }, Outputs { regions }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_and_outputs_are_cut_from_one_block() {
        let mut arena: Vec<u8> = (0..100).collect();
        let slots = [Slot::Arena(5..8), Slot::Constant(1..3), Slot::Arena(60..62), Slot::Absent];
        let cuts = Cuts::new(vec![40..50, 10..20]).unwrap();
        let (inputs, mut outputs) = split(&mut arena, &[9, 8, 7], &slots, &cuts).unwrap();
        assert_eq!(inputs.get(0).unwrap(), [5, 6, 7]);
        assert_eq!(inputs.get(1).unwrap(), [8, 7]);
        assert_eq!(inputs.get(2).unwrap(), [60, 61]);
        assert!(inputs.get(3).is_err() && inputs.get(4).is_err());
        assert_eq!(outputs.get(0).unwrap()[0], 40);
        assert_eq!(outputs.get(1).unwrap()[0], 10);
        assert!(outputs.get(2).is_err());
    }

    #[test]
    fn what_is_written_cannot_be_read() {
        let mut arena = vec![0; 32];
        let slots = [Slot::Arena(8..17)];
        let written = 16..32;
        let cuts = Cuts::new(vec![written]).unwrap();
        let (inputs, _) = split(&mut arena, &[], &slots, &cuts).unwrap();
        assert!(inputs.get(0).is_err());
    }

    #[test]
    fn overlapping_regions_are_refused() {
        assert!(Cuts::new(vec![0..9, 8..16]).is_err());
    }
}
