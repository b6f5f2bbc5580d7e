#!/bin/sh
# Schemathesis, which calls an API according to its OpenAPI document and checks the responses against it.
#
#   schemathesis.sh install      installs it into .tools/ if it is missing
#   schemathesis.sh run ARGS...  runs it
set -eu

version=4.32.5
place=$(cd "$(dirname "$0")/../.." && pwd)/.tools/schemathesis-$version

install() {
    if [ -x "$place/bin/schemathesis" ]; then return; fi
    if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
        echo "schemathesis.sh: no python3 with venv: install Python 3.10 or later (Debian: python3-venv)" >&2
        exit 1
    fi
    # Its program is installed last, so an interrupted installation is repeated.
    python3 -m venv --clear "$place"
    "$place/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version" >&2
}

case ${1:-} in
    install) install ;;
    run)
        shift
        # Longer than a run takes on a busy machine.
        exec timeout 300 "$place/bin/schemathesis" "$@"
        ;;
    *)
        echo "schemathesis.sh: expected \`install\` or \`run\`" >&2
        exit 1
        ;;
esac
