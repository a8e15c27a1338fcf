#!/usr/bin/env bash
# Fuzzes the inference core for so many seconds: whole model files for most of them, the options of custom operators for the
# rest. Ends with one line for each target, and with 1 where one of them found something.
#
#   wasm/fuzz/run.sh SECONDS [FOLDER…]   begins with the corpus, and with the small models of these folders
#
# TINYLAMP_SEED draws others. What is found, and what has been tried, stays in $TINYLAMP_FUZZ, or in a folder that is printed.
#
# corpus/ was grown by the fuzzer itself from the models of test/conformance and of test/wasm/hostile-*.test.ts, which this
# project's own writers make, and then reduced to the files that reach most for their size.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

main() {
  local seconds=$1
  shift
  need cargo 'Rust, from rustup.rs or apt-get install cargo'
  command -v c++ >/dev/null || install_compiler
  need c++ 'a C++ compiler: apt-get install g++'
  local targets work
  targets=$("$here/build.sh")
  work=${TINYLAMP_FUZZ:-$(mktemp -d)}
  mkdir -p "$work/model" "$work/options" "$work/seeds"
  for folder in "$@"; do
    find "$folder" -name '*.tflite' -size -24k -print0 | while IFS= read -r -d '' file; do
      cp "$file" "$work/seeds/$(sha256sum "$file" | cut -c 1-16)"
    done
  done
  local found=0
  fuzz "$targets/model" "$((seconds - seconds / 6))" 24576 "$work/model" "$here/corpus/model" "$work/seeds" || found=1
  fuzz "$targets/options" "$((seconds / 6))" 4096 "$work/options" "$here/corpus/options" || found=1
  return "$found"
}

need() {
  command -v "$1" >/dev/null && return
  echo "fuzzing needs $2" >&2
  exit 2
}

install_compiler() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends g++; } >&2 || true
}

# What allocates more than this at once, takes longer for one file, or panics, is a finding. The first folder is where new
# files go.
fuzz() {
  local target=$1 seconds=$2 longest=$3 grown=$4 name log status=0
  shift 3
  name=$(basename "$target")
  log=$grown.log
  "$target" -max_total_time="$seconds" -max_len="$longest" -timeout=5 -malloc_limit_mb=300 -rss_limit_mb=2048 \
    -use_value_profile=1 -print_final_stats=1 -report_slow_units=5 -seed="${TINYLAMP_SEED:-1}" \
    -artifact_prefix="$grown-" "$@" >"$log" 2>&1 || status=$?
  local runs reached
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
  reached=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  echo "$name: ${runs:-0} files, ${reached:-0} edges reached, $(find "$grown" -type f | wc -l) files kept, exit $status"
  [ "$status" = 0 ] && return
  grep -aE 'panicked|promise|SUMMARY|Test unit written' -A1 "$log" | head -n 20
  echo "all of it is in $log"
  return 1
}

main "$@"
