#!/usr/bin/env bash
# Builds the fuzz targets with the host's Rust and prints the folder that they are in. Coverage comes from LLVM's own pass,
# which stable Rust has; libFuzzer is compiled by its crate, with the host's C++ compiler.
set -euo pipefail
cd "$(dirname "$0")"
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Coverflow-checks"
# Named, the host is a target like others: build scripts are compiled without these flags.
cargo build --quiet --release --locked --target "$host" >&2
echo "${CARGO_TARGET_DIR:-$PWD/target}/$host/release"
