//! The options of custom operators: everything that can be asked of a FlexBuffer, to some depth. An error or an answer are
//! the only ends allowed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tinylamp::file::flexbuffer::Value;

/// Deep enough for values within values; cycles would lead on for ever.
const DEPTH: usize = 4;
/// Elements that are looked at on each level.
const BREADTH: usize = 5;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(root) = Value::root(bytes) {
        ask(root, DEPTH);
    }
});

fn ask(value: Value<'_>, depth: usize) {
    let _ = (value.int(), value.float());
    if depth == 0 {
        return;
    }
    if let Ok(map) = value.map() {
        for key in ["", "a", "max_detections", "y_scale"] {
            if let Ok(Some(value)) = map.get(key) {
                ask(value, depth - 1);
            }
        }
        let values = map.values();
        assert!(values.get(values.len()).is_err());
    }
    if let Ok(vector) = value.vector() {
        assert!(vector.get(vector.len()).is_err());
        let last = vector.len().saturating_sub(1);
        for index in (0..vector.len().min(BREADTH)).chain([last]) {
            if let Ok(value) = vector.get(index) {
                ask(value, depth - 1);
            }
        }
    }
}
