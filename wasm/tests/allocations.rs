//! What an inference and the time before it cost: no allocation in the one, and bounds that are known for the other.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use tinylamp::ops::ALL;
use tinylamp::{Interpreter, Limits, Model, Program, Workspace};

/// Counts what each thread asks for: tests run side by side.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<u64> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    CALLS.with(|calls| calls.set(calls.get() + 1));
    BYTES.with(|all| all.set(all.get() + bytes as u64));
}

// SAFETY: everything is handed on to the system's allocator; counting touches no memory but two cells without destructors.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations and bytes of what it does.
fn counted<T>(act: impl FnOnce() -> T) -> (T, u64, u64) {
    let (calls, bytes) = (CALLS.get(), BYTES.get());
    let done = act();
    (done, CALLS.get() - calls, BYTES.get() - bytes)
}

/// The committed conformance set, and the fuzzer's corpus: models with subgraphs, variables and sparse weights.
fn models() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [root.join("../test/conformance"), root.join("fuzz/corpus/model")];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| path.is_file() && path.extension().is_none_or(|extension| extension == "tflite"));
    let mut models: Vec<_> = paths.map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect();
    models.extend(operators(&root.join("../test/conformance/operators")));
    models
}

/// The set for each operator and type, which lies in one file; its index has a line for each model.
fn operators(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let file = fs::read(folder.join("models.bin")).unwrap();
    let index = fs::read_to_string(folder.join("index.json")).unwrap();
    let number = |line: &str, key: &str| -> Option<usize> {
        let rest = line.split_once(&format!("\"{key}\":"))?.1.trim_start();
        rest.split(|found: char| !found.is_ascii_digit()).next()?.parse().ok()
    };
    let models = index.lines().filter_map(|line| {
        let (start, bytes) = (number(line, "model_offset")?, number(line, "model_bytes")?);
        Some((line.chars().take(60).collect(), file.get(start..start + bytes)?.to_vec()))
    });
    let models: Vec<_> = models.collect();
    assert!(models.len() > 500, "{} models", models.len());
    models
}

#[test]
fn no_inference_allocates() {
    let mut inferences = 0;
    for (name, file) in models() {
        let Ok(program) = Model::verify(file).and_then(|model| Program::prepare(model, &ALL)) else { continue };
        let mut workspace = Workspace::new(&program).unwrap();
        let Ok(mut interpreter) = Interpreter::new(Arc::new(program), Limits { arena_bytes: 1 << 22 }) else { continue };
        for _ in 0..3 {
            let (_, calls, bytes) = counted(|| interpreter.invoke(&mut workspace));
            assert_eq!((calls, bytes), (0, 0), "{name}");
            inferences += 1;
        }
        let ((), calls, _) = counted(|| interpreter.reset());
        assert_eq!(calls, 0, "{name}: a reset");
    }
    assert!(inferences > 150, "{inferences}");
}

#[test]
fn the_counter_counts() {
    let (kept, calls, bytes) = counted(|| Vec::<u8>::with_capacity(100));
    assert_eq!((kept.capacity(), calls, bytes), (100, 1, 100));
}

/// What a tensor and an operator may take besides the bytes of the file, of the constants, and of what is packed: shapes,
/// ports, places and prepared kernels.
const BYTES_EACH: u64 = 4 << 10;

#[test]
fn what_is_allocated_before_the_first_inference_is_in_proportion_to_the_model() {
    for (name, file) in models() {
        let length = file.len() as u64;
        let (program, calls, bytes) = counted(|| Model::verify(file).and_then(|model| Program::prepare(model, &ALL)));
        let Ok(program) = program else { continue };
        let parts = |subgraph: &tinylamp::model::Subgraph| subgraph.tensors.len() + subgraph.operators.len();
        let parts = program.model.subgraphs.iter().map(parts).sum::<usize>() as u64;
        let known = program.model.bytes.len() as u64 + length + program.cost.packed_bytes + program.variable_bytes as u64;
        let bound = 4 * known + BYTES_EACH * (parts + 1);
        assert!(bytes <= bound, "{name}: {bytes} of {bound} bytes");
        assert!(calls <= 64 * (parts + 1), "{name}: {calls} calls, {parts} parts");
        let memory = (program.arena_bytes + program.variable_bytes + program.workspace_bytes) as u64;
        let (_, calls, bytes) = counted(|| {
            let workspace = Workspace::new(&program);
            (workspace.is_ok(), Interpreter::new(Arc::new(program), Limits { arena_bytes: 1 << 27 }).is_ok())
        });
        assert!(bytes <= memory + 4096 && calls <= 8, "{name}: {bytes} of {memory} bytes, {calls} calls");
    }
}
