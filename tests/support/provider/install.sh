#!/bin/sh
# Installs the provider `disk` into .tools/provider/: what it runs on, a mirror for the tools to take it from, and a
# CLI configuration that knows this mirror and nothing else. Needs Python 3.11 or later and, the first time, PyPI.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
place=$(cd "$here/../../.." && pwd)/.tools/provider
mirror=$place/mirror
version=1.0.0

fail() {
    echo "tests/support/provider/install.sh: $1" >&2
    exit 1
}

case $(uname -m) in
    x86_64) platform=linux_amd64 ;;
    aarch64 | arm64) platform=linux_arm64 ;;
    *) fail "the tools have no name for the platform $(uname -m)" ;;
esac

has_python() {
    python3 -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if ! has_python && command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
fi
has_python || fail "no python3 of 3.11 or later with its module venv (Debian: apt-get install python3-venv)"

# The list is copied last: as long as it is there, so is everything on it.
if ! cmp -s "$here/requirements.txt" "$place/installed.txt"; then
    rm -rf "$place"
    python3 -m venv "$place/venv"
    "$place/venv/bin/pip" install --quiet --no-deps --only-binary :all: --disable-pip-version-check \
        -r "$here/requirements.txt" || fail "pip could not install what the provider runs on"
    cp "$here/requirements.txt" "$place/installed.txt"
fi

package=$mirror/example.test/iac-runner/disk/$version/$platform
mkdir -p "$package"
cat >"$package/terraform-provider-disk_v$version" <<PROGRAM
#!/bin/sh
exec '$place/venv/bin/python' '$here/disk.py'
PROGRAM
chmod +x "$package/terraform-provider-disk_v$version"

cat >"$place/cli.tfrc" <<CONFIGURATION
provider_installation {
  filesystem_mirror {
    path = "$mirror"
  }
}
CONFIGURATION

"$place/venv/bin/python" -c "import runpy; runpy.run_path('$here/disk.py')" ||
    fail "the provider cannot be loaded: delete $place to install it anew"
