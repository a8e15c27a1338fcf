#!/usr/bin/env bash
# Builds the wasm package (`npm run build:wasm`): Rust with the wasm32 target and wasm-pack, from Debian's own packages
# in a chroot, because a host's Rust seldom has that target. Needs root and debootstrap. `wasm/pkg` is committed, so
# that users of the package need none of this.
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
  chroot "$chroot" /usr/bin/env HOME=/root \
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld \
    CARGO_ENCODED_RUSTFLAGS="$(printf '%s\x1f%s\x1f%s\x1f%s\x1f%s' \
      --remap-path-prefix=/root/.cargo=cargo --remap-path-prefix=/build/tinylamp=tinylamp \
      --remap-path-prefix=/usr/src=src -Clink-arg=--max-memory=1073741824 -Clink-arg=-zstack-size=131072)" \
    sh -c 'cd /build/tinylamp && wasm-pack build --mode no-install --target web --release --no-typescript --locked' >&2
  # wasm-pack's own .gitignore would keep the package out of the repository and out of the tarball.
  cp "$source"/pkg/{package.json,tinylamp.js,tinylamp_bg.wasm} "$output/"
  chroot "$chroot" sh -c 'rustc --version; wasm-pack --version; wasm-bindgen --version; wasm-opt --version' \
    > "$output/BUILT-WITH"
}

install_pkg() {
  mkdir -p "$crate/pkg"
  cp "$1"/* "$crate/pkg/"
  ls -l "$crate/pkg"
}

check() {
  local rebuilt=$1/tinylamp_bg.wasm
  if cmp -s "$1/BUILT-WITH" "$crate/pkg/BUILT-WITH"; then
    cmp "$rebuilt" "$crate/pkg/tinylamp_bg.wasm"
    echo 'the committed core is byte for byte what its sources give'
  else
    echo 'the tools differ from those in pkg/BUILT-WITH: running the conformance set on the rebuilt core'
    diff "$crate/pkg/BUILT-WITH" "$1/BUILT-WITH" || true
    TINYLAMP_WASM="$rebuilt" node "$crate/../bin/tinylamp.js" conform "$crate/../test/conformance"
  fi
}

main "$@"
