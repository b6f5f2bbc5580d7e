#!/bin/sh
# Collects the licences of the crates that are linked into the binaries: one list with each crate, its version and
# its licence, and the texts that the crates contain. Runs in the workspace, after a build has fetched the crates.
#
#   crate-licences.sh DIRECTORY
set -eu

out=$1
sources=${CARGO_HOME:-$HOME/.cargo}/registry/src
mkdir -p "$out"

cargo tree --workspace --locked --edges normal --prefix none --no-dedupe --format '{p}|{l}' |
  sed -E -e '/^$/d' -e 's/^([^ ]+) v([^ |]+)[^|]*\|(.*)$/\1 \2 \3/' | sort -u >"$out/crates.txt"
[ -s "$out/crates.txt" ] || { echo "crate-licences: cargo lists no crates" >&2 && exit 1; }

while read -r name version _; do
  for text in "$sources"/*/"$name-$version"/LICEN[CS]E* "$sources"/*/"$name-$version"/COPYING* \
    "$sources"/*/"$name-$version"/NOTICE*; do
    [ ! -f "$text" ] || install -D -m 0644 "$text" "$out/$name-$version/${text##*/}"
  done
done <"$out/crates.txt"
