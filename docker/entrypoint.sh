#!/bin/sh
# Prepares a container for its program: a home and a password entry for any user, and a first process that reaps.
#
#   docker run IMAGE                     iac-backend
#   docker run IMAGE keys list           iac-backend keys list: a word that is not a program is a subcommand
#   docker run -i IMAGE iac-runner       any other program of the image
set -eu

warn() { echo "entrypoint: $*" >&2; }

case ${1:-} in
  '' | -*) set -- iac-backend "$@" ;;
  *) command -v "$1" >/dev/null 2>&1 || set -- iac-backend "$@" ;;
esac

# terraform and the cloud CLIs need a writable home directory; that of the image belongs to its own user.
if [ ! -w "${HOME:-/}" ]; then
  if home=$(mktemp -d "${TMPDIR:-/tmp}/home.XXXXXX" 2>/dev/null); then
    export HOME="$home"
  else
    warn "neither the home ${HOME:-/} nor ${TMPDIR:-/tmp} is writable: mount a tmpfs at /tmp"
  fi
fi

# ssh refuses a user without a password entry. libnss-extrausers adds the entries of this file to /etc/passwd.
entries=/etc/extrausers/passwd
has_entry() { getent passwd "$(id -u)" >/dev/null; }
if ! has_entry; then
  entry="user$(id -u):x:$(id -u):$(id -g)::${HOME:-/}:/bin/sh"
  { echo "$entry" >>"$entries"; } 2>/dev/null || true
  has_entry || warn "user $(id -u) has no password entry, so git over ssh fails:" \
    "mount a tmpfs at ${entries%/*}, or use user 10001"
fi

# Adopts and reaps processes that tools leave behind, as `docker run --init` does.
[ "$$" -ne 1 ] || set -- tini -- "$@"
exec "$@"
