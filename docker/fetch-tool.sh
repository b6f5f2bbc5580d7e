#!/bin/sh
# Downloads one release of Terraform or OpenTofu and installs it below /out, or fails with a reason.
#
#   fetch-tool NAME VERSION RELEASE_URL ARG_PREFIX SHA256_AMD64 SHA256_ARM64
#
# The digest pinned by the build decides. The release's own list of digests must agree with it: this distinguishes a
# wrong pin from a damaged or replaced download.
set -eu

name=$1 version=$2 release_url=$3 arg_prefix=$4 sha256_amd64=$5 sha256_arm64=$6

fail() {
  echo "fetch-tool: $*" >&2
  exit 1
}

download() {
  curl --fail --silent --show-error --location --retry 3 --connect-timeout 20 --max-time 600 --output "$1" \
    "$release_url/$1" || fail "could not download $release_url/$1"
}

arch=${TARGETARCH:-$(dpkg --print-architecture)}
case $arch in
  amd64) pinned=$sha256_amd64 digest_arg=${arg_prefix}_SHA256_AMD64 ;;
  arm64) pinned=$sha256_arm64 digest_arg=${arg_prefix}_SHA256_ARM64 ;;
  *) fail "no $name for architecture \`$arch\`: this image is built for amd64 and arm64" ;;
esac
[ -n "$pinned" ] ||
  fail "$digest_arg is empty: pass the SHA-256 of $name $version for $arch with --build-arg $digest_arg=…"

zip=${name}_${version}_linux_${arch}.zip
sums=${name}_${version}_SHA256SUMS
work=$(mktemp -d)
cd "$work"

download "$sums"
published=$(awk -v zip="$zip" '$2 == zip || $2 == "*" zip { print $1; exit }' "$sums")
[ -n "$published" ] || fail "$sums does not list $zip"
[ "$published" = "$pinned" ] ||
  fail "$digest_arg is $pinned, but $sums says $published for $zip:" \
    "a build that changes ${arg_prefix}_VERSION passes its digest too"

download "$zip"
actual=$(sha256sum "$zip" | cut -d ' ' -f 1)
[ "$actual" = "$pinned" ] ||
  fail "$zip has SHA-256 $actual, not the pinned $pinned: it is not the file that was released"

unzip -q "$zip"
install -D -m 0755 "$name" "/out/bin/$name"
for licence in LICENSE*; do
  [ ! -f "$licence" ] || install -D -m 0644 "$licence" "/out/share/doc/$name/$licence"
done
cd / && rm -r "$work"

CHECKPOINT_DISABLE=1 "/out/bin/$name" version | grep -qF " v$version" ||
  fail "the binary in $zip does not call itself version $version"
