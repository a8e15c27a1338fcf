//! Models that are damaged: a refusal or a finished run are the only ends allowed. A panic here would be a
//! trap in the wasm build.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, panic};

use tinylamp::ops::ALL;
use tinylamp::{ErrorKind, Interpreter, Limits, Model, Program, Workspace};

/// Enough for the models below; large arenas would only cost time.
const LIMITS: Limits = Limits { arena_bytes: 1 << 20 };

/// Takes a file as far as it goes.
fn run(file: Vec<u8>) -> Result<(), ErrorKind> {
    let model = Model::verify(file).map_err(|error| error.kind())?;
    let program = Program::prepare(model, &ALL).map_err(|error| error.kind())?;
    let mut workspace = Workspace::new(&program).map_err(|error| error.kind())?;
    let interpreter = Interpreter::new(Arc::new(program), LIMITS);
    let mut interpreter = interpreter.map_err(|error| error.kind())?;
    interpreter.invoke(&mut workspace).map(|_| ()).map_err(|error| error.kind())
}

/// How many runs ended in which way.
#[derive(Debug, Default)]
struct Ends {
    finished: usize,
    refused: usize,
}

impl Ends {
    /// Counts how a file ends; tells which one it was where it panics or breaks a promise.
    fn count(&mut self, file: Vec<u8>, what: &dyn Fn() -> String) {
        match panic::catch_unwind(|| run(file)) {
            Ok(Ok(())) => self.finished += 1,
            Ok(Err(ErrorKind::EngineInternal)) => panic!("{}: a promise was broken", what()),
            Ok(Err(_)) => self.refused += 1,
            Err(_) => panic!("{}: panicked", what()),
        }
    }
}

/// Models of one operator each, and the demo model.
fn models() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test/conformance");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "tflite"))
        .collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Models with subgraphs and variables: IF and CALL_ONCE, WHILE.
fn subgraph_models() -> [Vec<u8>; 2] {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
    ["onceAndChoice.tflite", "loopWithVariable.tflite"].map(|name| fs::read(folder.join(name)).unwrap())
}

fn demo_model() -> Vec<u8> {
    models().into_iter().find(|(path, _)| path.ends_with("vibration_v1.tflite")).unwrap().1
}

#[test]
fn whole_models_run() {
    for (path, file) in models() {
        assert_eq!(run(file), Ok(()), "{}", path.display());
    }
}

#[test]
fn a_model_cut_off_anywhere_is_refused_or_runs() {
    let file = demo_model();
    let mut ends = Ends::default();
    for length in 0..file.len() {
        ends.count(file[..length].to_vec(), &|| format!("{length} bytes"));
    }
    assert!(ends.refused > file.len() / 2, "{ends:?}");
}

#[test]
fn a_model_with_any_byte_flipped_is_refused_or_runs() {
    let file = demo_model();
    let mut ends = Ends::default();
    for at in 0..file.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut flipped = file.clone();
            flipped[at] ^= mask;
            ends.count(flipped, &|| format!("byte {at} ^ {mask}"));
        }
    }
    assert!(ends.refused > 0 && ends.finished > 0, "{ends:?}");
}

#[test]
fn single_operator_models_with_any_bit_flipped_are_refused_or_run() {
    let mut ends = Ends::default();
    for (path, file) in models() {
        // What is larger consists of weights, where a bit more or less says nothing new.
        for at in 0..file.len().min(2048) {
            for bit in 0..8 {
                let mut flipped = file.clone();
                flipped[at] ^= 1 << bit;
                ends.count(flipped, &|| format!("{}: bit {bit} of byte {at}", path.display()));
            }
        }
    }
    assert!(ends.refused > 0 && ends.finished > 0, "{ends:?}");
}

#[test]
fn models_with_subgraphs_cut_off_anywhere_or_with_any_bit_flipped_are_refused_or_run() {
    for file in subgraph_models() {
        assert_eq!(run(file.clone()), Ok(()));
        let mut ends = Ends::default();
        for length in 0..file.len() {
            ends.count(file[..length].to_vec(), &|| format!("{length} bytes"));
        }
        assert!(ends.refused > file.len() - 8, "{ends:?}");
        for bit in 0..8 * file.len() {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            ends.count(flipped, &|| format!("bit {bit}"));
        }
        assert!(ends.finished > 0, "{ends:?}");
    }
}

#[test]
fn what_the_fuzzer_has_found_is_refused_or_runs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/model");
    let mut ends = Ends::default();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        ends.count(fs::read(&path).unwrap(), &|| path.display().to_string());
    }
    assert!(ends.refused > 0 && ends.finished > 0, "{ends:?}");
}

/// Values that lie at the edges of counts, offsets and indices.
const EDGES: [i32; 12] =
    [0, 1, -1, 2, 3, 255, 256, 32767, 65536, i32::MAX, i32::MIN, 0x7f80_0000];

#[test]
fn models_with_several_random_changes_are_refused_or_run() {
    let models = models();
    let mut random = Xorshift(0x5eed);
    let mut ends = Ends::default();
    for round in 0..200_000 {
        let (path, file) = &models[random.below(models.len())];
        let mut changed = file.clone();
        for _ in 0..1 + random.below(4) {
            let at = random.below(changed.len() - 3);
            match random.below(4) {
                0 => changed[at] = random.next() as u8,
                1 => {
                    let edge = EDGES[random.below(EDGES.len())];
                    // Fields of 32 bits are aligned in files that a converter wrote.
                    changed[at & !3..][..4].copy_from_slice(&edge.to_le_bytes());
                }
                2 => {
                    // An offset, dimension or index of another place.
                    let from = random.below(changed.len() - 3) & !3;
                    changed.copy_within(from..from + 4, at & !3);
                }
                _ => changed[at & !3] = changed[at & !3].wrapping_add(random.below(9) as u8).wrapping_sub(4),
            }
        }
        ends.count(changed, &|| format!("{}: round {round}", path.display()));
    }
    assert!(ends.refused > 0 && ends.finished > 0, "{ends:?}");
}

/// Marsaglia's xorshift32.
struct Xorshift(u32);

impl Xorshift {
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
