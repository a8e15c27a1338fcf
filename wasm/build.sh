#!/usr/bin/env bash
# Builds the wasm package (`npm run build:wasm`): Rust with the wasm32 target and wasm-pack, from Debian's own packages
# in a chroot, because a host's Rust seldom has that target. Needs root and debootstrap. `wasm/pkg` is committed, so
# that users of the package need none of this.
#
# One source gives three cores, of which the loader takes the best that an engine runs (`loader/builds.ts`):
#   tinylamp_bg.wasm           without SIMD
#   tinylamp_simd128_bg.wasm   with SIMD of 128 bits
#   tinylamp_relaxed_bg.wasm   with relaxed SIMD too
#
#   wasm/build.sh           writes wasm/pkg
#   wasm/build.sh --check   builds elsewhere and compares: equal bytes where the tools are the same as those in
#                           pkg/BUILT-WITH, else the conformance set on the rebuilt core
set -euo pipefail
crate=$(cd "$(dirname "$0")" && pwd)
chroot=${TINYLAMP_WASM_CHROOT:-/opt/tinylamp-wasm-chroot}
suite=forky
packages=rustc,cargo,libstd-rust-dev-wasm32,gcc,libc6-dev,lld,wasm-pack,wasm-bindgen,binaryen,ca-certificates

main() {
  [ -x "$chroot/usr/bin/wasm-pack" ] || make_chroot
  output=$(mktemp -d)
  trap 'rm -rf "$output"' EXIT
  build "$output"
  if [ "${1:-}" = --check ]; then check "$output"; else install_pkg "$output"; fi
}

make_chroot() {
  echo "making $chroot with $suite's rustc and wasm-pack (about a minute)" >&2
  # The newest suite has no script of its own in older debootstraps: all of Debian's are alike.
  [ -e /usr/share/debootstrap/scripts/$suite ] || ln -s sid /usr/share/debootstrap/scripts/$suite
  # The mirror is the machine's own, the first that serves Debian's main archive.
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
  debootstrap --variant=minbase --include="$packages" $suite "$chroot" "$mirror" >&2
}

# Compiles a copy of the crate in the chroot, always at the same path, so that equal tools give equal bytes.
build() {
  local output=$1 source=$chroot/build/tinylamp
  rm -rf "$source"
  mkdir -p "$source" "$chroot/etc/ssl/certs"
  cp -r "$crate/Cargo.toml" "$crate/Cargo.lock" "$crate/src" "$source/"
  cp /etc/resolv.conf "$chroot/etc/resolv.conf"
  [ -f /etc/hosts ] && cp /etc/hosts "$chroot/etc/hosts"
  # The certificates of this machine, where the chroot has others or fewer.
  cp -L --remove-destination /etc/ssl/certs/ca-certificates.crt "$chroot/etc/ssl/certs/"
  # How this machine reaches the crates is in cargo's configuration and the environment.
  mkdir -p "$chroot/root/.cargo"
  [ -f "${CARGO_HOME:-$HOME/.cargo}/config.toml" ] && cp "${CARGO_HOME:-$HOME/.cargo}/config.toml" "$chroot/root/.cargo/"
  compile tinylamp ''
  compile tinylamp_simd128 +simd128 --enable-simd
  compile tinylamp_relaxed +simd128,+relaxed-simd --enable-simd --enable-relaxed-simd
  # wasm-pack's own .gitignore would keep the package out of the repository and out of the tarball. The glue is the
  # same for all builds.
  cp "$source"/pkg/{tinylamp.js,tinylamp_bg.wasm,tinylamp_simd128_bg.wasm,tinylamp_relaxed_bg.wasm} "$output/"
  # The last run lists its own files alone.
  sed -E 's/^( *)"tinylamp_relaxed_bg.wasm",/\1"tinylamp_bg.wasm",\n\1"tinylamp_simd128_bg.wasm",\n&/; s/tinylamp_relaxed\.js/tinylamp.js/' \
    "$source/pkg/package.json" > "$output/package.json"
  in_chroot sh -c 'rustc --version; wasm-pack --version; wasm-bindgen --version; wasm-opt --version' \
    > "$output/BUILT-WITH"
}

# One core. What it may use is told to the compiler and, in further words, to wasm-opt, which would else put SIMD
# into a core without, or not understand one with.
compile() {
  local name=$1 features=$2 core=/build/tinylamp/pkg/$1_bg.wasm flags
  shift 2
  flags=$(printf '%s\x1f%s\x1f%s\x1f%s\x1f%s' \
    --remap-path-prefix=/root/.cargo=cargo --remap-path-prefix=/build/tinylamp=tinylamp \
    --remap-path-prefix=/usr/src=src -Clink-arg=--max-memory=1073741824 -Clink-arg=-zstack-size=131072)
  # Loops that matter are written out. What the compiler would unroll and inline of the rest is 35 KB and more, for 5 percent of the
  # time of the core without SIMD and none of the others'; what it would vectorise is slower as often as faster.
  flags+=$(printf '\x1f%s' -Cllvm-args=-unroll-runtime=0 -Cllvm-args=-inline-threshold=100)
  [ -z "$features" ] || flags+=$(printf '\x1f%s' -Ctarget-feature="$features" -Cno-vectorize-loops -Cno-vectorize-slp)
  in_chroot CARGO_PROFILE_RELEASE_OPT_LEVEL=$([ -z "$features" ] && echo 3 || echo 2) CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld CARGO_ENCODED_RUSTFLAGS="$flags" \
    wasm-pack build /build/tinylamp --mode no-install --target web --release --no-typescript --no-opt --out-name "$name" --locked >&2
  # A function with one caller stays a function: engines compile large ones worse. Functions of one module beside each other are alike,
  # which makes the compressed core smaller by a hundredth.
  in_chroot wasm-opt -O3 --converge --one-caller-inline-max-function-size 0 --reorder-functions-by-name "$@" "$core" -o "$core"
}

in_chroot() {
  chroot "$chroot" /usr/bin/env HOME=/root "$@"
}

install_pkg() {
  mkdir -p "$crate/pkg"
  cp "$1"/* "$crate/pkg/"
  ls -l "$crate/pkg"
}

check() {
  local rebuilt
  if cmp -s "$1/BUILT-WITH" "$crate/pkg/BUILT-WITH"; then
    for rebuilt in "$1"/*.wasm; do cmp "$rebuilt" "$crate/pkg/$(basename "$rebuilt")"; done
    echo 'the committed cores are byte for byte what their sources give'
  else
    echo 'the tools differ from those in pkg/BUILT-WITH: running the conformance set on the rebuilt cores'
    diff "$crate/pkg/BUILT-WITH" "$1/BUILT-WITH" || true
    for rebuilt in "$1"/*.wasm; do
      # This Node may be older than relaxed SIMD.
      if ! node -e 'process.exit(WebAssembly.validate(fs.readFileSync(process.argv[1])) ? 0 : 1)' "$rebuilt"; then
        echo "skipped: $(basename "$rebuilt"), which this Node does not run"
        continue
      fi
      TINYLAMP_WASM="$rebuilt" node "$crate/../bin/tinylamp.js" conform "$crate/../test/conformance"
    done
  fi
}

main "$@"
