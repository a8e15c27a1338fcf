//! Views of the tensors of one step.
//!
//! All that is computed shares one block of memory. A kernel writes some of it while it reads the rest: the block
//! is cut at the borders of what is written, so that the compiler knows the two to be disjoint. Nothing is
//! allocated here.

use core::ops::Range;

use crate::error::{ErrorKind, Result};

/// Where the bytes behind a port are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot {
    /// In the file.
    Constant(Range<usize>),
    /// In the memory of the interpreter, to be read only.
    Readable(Range<usize>),
    /// In the memory of the interpreter.
    Writable(Range<usize>),
    /// An optional input that was left out.
    Absent,
}

/// What a kernel can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The input at this position.
    Input(usize),
    /// The output at this position.
    Output(usize),
    /// What `prepare` requested beside: scratch and state, in the order of its requests.
    Extra(usize),
}

/// The ports of a step.
#[derive(Clone, Debug, Default)]
pub struct Ports {
    /// Inputs, outputs and extras.
    slots: Box<[Slot]>,
    outputs: usize,
    extras: usize,
}

impl Ports {
    /// Of these slots.
    pub fn new(inputs: Vec<Slot>, outputs: Vec<Slot>, extras: Vec<Slot>) -> Self {
        let (first_output, first_extra) = (inputs.len(), inputs.len() + outputs.len());
        let slots = inputs.into_iter().chain(outputs).chain(extras).collect();
        Self { slots, outputs: first_output, extras: first_extra }
    }

    /// What is behind a port.
    #[inline]
    pub fn slot(&self, port: Port) -> Option<&Slot> {
        let (position, end) = match port {
            Port::Input(at) => (at, self.outputs),
            Port::Output(at) => (self.outputs.checked_add(at)?, self.extras),
            Port::Extra(at) => (self.extras.checked_add(at)?, self.slots.len()),
        };
        if position < end { self.slots.get(position) } else { None }
    }
}

/// All that a kernel may read and write.
pub struct Io<'a> {
    /// The file.
    pub(crate) constants: &'a [u8],
    /// The memory of the interpreter.
    pub(crate) memory: &'a mut [u8],
    /// Memory that all interpreters of a program share, for one step at a time.
    pub(crate) workspace: &'a mut [u8],
    pub(crate) ports: &'a Ports,
}

/// What is read and what is written.
pub type Cut<'a, const R: usize, const W: usize> = ([&'a [u8]; R], [&'a mut [u8]; W]);

impl Io<'_> {
    /// The bytes of some ports to be read, and of others to be written. What is read may be the same twice;
    /// what is written is nothing else too.
    #[inline(never)]
    pub fn cut<const R: usize, const W: usize>(
        &mut self,
        read: [Port; R],
        write: [Port; W],
    ) -> Result<Cut<'_, R, W>> {
        cut(self.constants, self.memory, self.ports, read, write)
    }

    /// The same with the workspace of a fast kernel; what is in there is left from others.
    #[inline(never)]
    pub fn cut_with_workspace<const R: usize, const W: usize>(
        &mut self,
        read: [Port; R],
        write: [Port; W],
    ) -> Result<(Cut<'_, R, W>, &mut [u8])> {
        Ok((cut(self.constants, self.memory, self.ports, read, write)?, self.workspace))
    }

    /// The only input and the only output.
    #[inline(never)]
    pub fn one(&mut self) -> Result<(&[u8], &mut [u8])> {
        let ([input], [output]) = self.cut([Port::Input(0)], [Port::Output(0)])?;
        Ok((input, output))
    }

    /// Two inputs and the only output.
    pub fn two(&mut self) -> Result<(&[u8], &[u8], &mut [u8])> {
        let ([one, other], [output]) = self.cut([Port::Input(0), Port::Input(1)], [Port::Output(0)])?;
        Ok((one, other, output))
    }
}

/// What a kernel writes at most at a time: inputs that are variables, scratch, state and outputs.
const MOST_WRITTEN: usize = 12;

#[inline(always)]
fn cut<'a, const R: usize, const W: usize>(
    constants: &'a [u8],
    memory: &'a mut [u8],
    ports: &'a Ports,
    read: [Port; R],
    write: [Port; W],
) -> Result<Cut<'a, R, W>> {
    const { assert!(W <= MOST_WRITTEN) };
    let mut found: [&[u8]; R] = [&[]; R];
    let mut regions: [&mut [u8]; W] = core::array::from_fn(|_| <&mut [u8]>::default());
    cut_into((constants, memory, ports), (&read, &mut found), (&write, &mut regions))?;
    Ok((found, regions))
}

/// Not inlined, and once for all shapes of cuts.
#[inline(never)]
fn cut_into<'a>(
    (constants, memory, ports): (&'a [u8], &'a mut [u8], &'a Ports),
    (read, found): (&[Port], &mut [&'a [u8]]),
    (write, regions): (&[Port], &mut [&'a mut [u8]]),
) -> Result<()> {
    let internal = ErrorKind::EngineInternal;
    let mut ranges = [(0, 0, 0); MOST_WRITTEN];
    let ranges = ranges.get_mut(..write.len()).ok_or(internal)?;
    for (position, (slot, port)) in ranges.iter_mut().zip(write).enumerate() {
        match ports.slot(*port) {
            Some(Slot::Writable(range)) => *slot = (range.start, range.end, position),
            _ => return Err(internal.into()),
        }
    }
    // By offset; there are too few for anything but insertion.
    for end in 1..ranges.len() {
        for at in (1..=end).rev() {
            if ranges[at - 1] > ranges[at] {
                ranges.swap(at - 1, at);
            }
        }
    }
    let mut gaps: [(usize, &[u8]); MOST_WRITTEN] = [(0, &[]); MOST_WRITTEN];
    let (mut rest, mut start) = (memory, 0);
    for (gap, &mut (first, end, position)) in gaps.iter_mut().zip(ranges) {
        // Fails where two of them overlap.
        let before = first.checked_sub(start).ok_or(internal)?;
        let (skipped, tail) = rest.split_at_mut_checked(before).ok_or(internal)?;
        let (region, tail) = tail.split_at_mut_checked(end - first).ok_or(internal)?;
        *gap = (start, skipped);
        *regions.get_mut(position).ok_or(internal)? = region;
        (rest, start) = (tail, end);
    }
    let last = (start, &*rest);
    let find = |range: &Range<usize>| {
        gaps.iter().take(write.len()).chain([&last]).find_map(|(start, gap)| {
            gap.get(range.start.checked_sub(*start)?..range.end.checked_sub(*start)?)
        })
    };
    for (bytes, port) in found.iter_mut().zip(read) {
        *bytes = match ports.slot(*port) {
            Some(Slot::Constant(range)) => constants.get(range.clone()),
            Some(Slot::Readable(range) | Slot::Writable(range)) => find(range),
            _ => None,
        }
        .ok_or(internal)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Port::{Extra, Input, Output};

    fn ports() -> Ports {
        Ports::new(
            vec![Slot::Readable(5..8), Slot::Constant(1..3), Slot::Absent, Slot::Writable(60..62)],
            vec![Slot::Writable(40..50), Slot::Writable(10..20)],
            vec![Slot::Writable(48..52), Slot::Writable(0..0)],
        )
    }

    fn with<T>(run: impl FnOnce(&mut Io<'_>) -> T) -> T {
        let mut memory: Vec<u8> = (0..100).collect();
        run(&mut Io { constants: &[9, 8, 7], memory: &mut memory, workspace: &mut [1, 2], ports: &ports() })
    }

    #[test]
    fn what_is_read_and_written_is_cut_from_one_block() {
        with(|io| {
            let (([one, constant, again], [other, output]), workspace) = io
                .cut_with_workspace([Input(0), Input(1), Input(0)], [Output(1), Output(0)])
                .unwrap();
            assert_eq!((one, constant, again), (&[5, 6, 7][..], &[8, 7][..], &[5, 6, 7][..]));
            assert_eq!((output[0], output.len(), other[0], other.len()), (40, 10, 10, 10));
            assert_eq!(workspace, [1, 2]);
        });
    }

    #[test]
    fn a_writable_input_can_be_read_and_written_but_not_at_once() {
        with(|io| {
            assert_eq!(io.cut([Input(3)], []).unwrap().0, [[60, 61]]);
            io.cut([], [Input(3)]).unwrap().1[0][0] = 7;
            assert_eq!(io.cut([Input(3)], [Output(0)]).unwrap().0, [[7, 61]]);
            assert!(io.cut([Input(3)], [Input(3)]).is_err());
        });
    }

    #[test]
    fn what_overlaps_what_is_written_is_refused() {
        with(|io| {
            assert!(io.cut([], [Output(0), Extra(0)]).is_err());
            assert!(io.cut([Extra(0)], [Output(0)]).is_err());
            assert!(io.cut([], [Output(1), Output(1)]).is_err());
        });
    }

    #[test]
    fn what_is_absent_or_constant_or_of_another_kind_is_refused() {
        with(|io| {
            for port in [Input(2), Input(4), Output(2), Extra(2), Output(usize::MAX)] {
                assert!(io.cut([port], []).is_err(), "{port:?}");
            }
            for port in [Input(0), Input(1), Input(2)] {
                assert!(io.cut([], [port]).is_err(), "{port:?}");
            }
        });
    }

    #[test]
    fn nothing_can_be_written_beside_anything() {
        with(|io| {
            let ([], [nothing, output]) = io.cut([], [Extra(1), Output(1)]).unwrap();
            assert_eq!((nothing.len(), output.len()), (0, 10));
        });
    }
}
