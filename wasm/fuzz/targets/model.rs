//! A whole file, as far as it goes: verified, prepared, reported, and run twice. A refusal or a finished run are the only
//! ends allowed; a panic, an overflow, a broken promise or a hang is a finding.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target, fuzzer_mutate};
use tinylamp::ops::ALL;
use tinylamp::program::report::report;
use tinylamp::{Error, ErrorKind, Interpreter, Limits, Model, Program, Workspace, limits};

const LIMITS: Limits = Limits { arena_bytes: 1 << 20 };

fuzz_target!(|file: &[u8]| -> Corpus {
    match run(file) {
        Err(error) if error.kind() == ErrorKind::EngineInternal => panic!("a promise was broken: {error:?}"),
        // Files that are not even FlatBuffers of a model lead nowhere.
        Err(error) if error.kind() == ErrorKind::ModelNotTflite => Corpus::Reject,
        _ => Corpus::Keep,
    }
});

fn run(file: &[u8]) -> Result<(), Error> {
    let program = match Program::prepare_or_tell(Model::verify(file.to_vec())?, &ALL, limits::WORK) {
        Ok(program) => program,
        Err(refused) => {
            if let Some(model) = &refused.model {
                report(model, None, &refused.errors, &ALL);
            }
            return Err(refused.first());
        }
    };
    report(&program.model, Some(&program), &[], &ALL);
    let mut workspace = Workspace::new(&program)?;
    let mut interpreter = Interpreter::new(Arc::new(program), LIMITS)?;
    // What the inputs hold is the file's own bytes, from either end.
    give(&mut interpreter, file.iter());
    interpreter.invoke(&mut workspace)?;
    give(&mut interpreter, file.iter().rev());
    interpreter.invoke(&mut workspace)?;
    Ok(())
}

fn give<'a>(interpreter: &mut Interpreter, bytes: impl Iterator<Item = &'a u8> + Clone) {
    let inputs = interpreter.program().model.main().inputs.clone();
    let mut bytes = bytes.cycle();
    for input in inputs {
        let Ok(input) = interpreter.tensor(input) else { continue };
        for (to, from) in input.iter_mut().zip(&mut bytes) {
            *to = *from;
        }
    }
}

/// Values that lie at the edges of counts, offsets and indices.
const EDGES: [u32; 16] =
    [0, 1, 2, 3, 4, 7, 8, 255, 256, 32_767, 65_536, u32::MAX, u32::MAX - 1, 1 << 31, i32::MAX as u32, 0x7f80_0000];

// Fields of a file have four bytes and lie at multiples of them. What the engine inserts or removes breaks all offsets;
// half of the changes keep the length.
fuzz_mutator!(|file: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random(seed | 1);
    if size < 8 || random.below(2) == 0 {
        return fuzzer_mutate(file, size, max_size);
    }
    for _ in 0..1 + random.below(3) {
        let at = random.below(size - 3) & !3;
        let Some(word) = file.get_mut(at..at + 4) else { continue };
        match random.below(5) {
            0 => word.copy_from_slice(&EDGES[random.below(EDGES.len())].to_le_bytes()),
            1 => word[random.below(4)] = random.next() as u8,
            2 => word[0] = word[0].wrapping_add(random.below(9) as u8).wrapping_sub(4),
            3 => word[random.below(4)] ^= 1 << random.below(8),
            _ => {
                // An offset, dimension or index of another place.
                let from = random.below(size - 3) & !3;
                file.copy_within(from..from + 4, at);
            }
        }
    }
    size
});

/// Marsaglia's xorshift32.
struct Random(u32);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound
    }
}
