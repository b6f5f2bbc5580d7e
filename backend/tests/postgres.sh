#!/bin/sh
# A PostgreSQL for tests.
#
#   postgres.sh install   installs its programs with apt-get, when they are missing and this is root
#   postgres.sh run       starts one that listens only on a unix socket, prints `ready DIRECTORY` with the directory
#                         of the socket, and removes everything when stdin ends, however the caller ended
set -eu

fail() {
    echo "postgres.sh: $1" >&2
    exit 1
}

# Prints the directory that holds initdb and pg_ctl.
programs() {
    for initdb in /usr/lib/postgresql/*/bin/initdb "$(command -v initdb || true)"; do
        if [ -n "$initdb" ] && [ -x "$initdb" ]; then
            dirname "$(readlink -f "$initdb")"
            return
        fi
    done
    return 1
}

install() {
    if programs >/dev/null; then return; fi
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        fail "there is no initdb: install PostgreSQL 12 or later"
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2
    # Only its programs are needed, not a server that starts with the machine.
    apt-get install -y -qq --no-install-recommends postgresql-common >&2
    sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
    apt-get install -y -qq --no-install-recommends postgresql >&2
    programs >/dev/null || fail "PostgreSQL was installed, and there is no initdb all the same"
}

# Runs a program as a user that initdb accepts: it refuses root.
as_user() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    else
        setpriv --reuid "$user" --regid "$group" --clear-groups "$@"
    fi
}

run() {
    bin=$(programs) || fail "there is no initdb: run \`postgres.sh install\`"
    user=nobody
    if id postgres >/dev/null 2>&1; then user=postgres; fi
    group=$(id -g "$user")
    # A short path: the name of a socket has to fit into 107 bytes.
    place=$(mktemp -d /tmp/iac-pg.XXXXXX)
    if [ "$(id -u)" -eq 0 ]; then chown "$user:$group" "$place"; fi
    # A signal to the caller reaches this process as well; the end of stdin follows it.
    trap '' INT TERM HUP
    trap 'remove' EXIT
    cd "$place"
    as_user "$bin/initdb" -D data -U iac -A trust -E UTF8 --no-locale --no-sync >initdb.log 2>&1 ||
        fail "initdb failed: $(tail -n 3 initdb.log)"
    # Nothing here needs to survive a power failure, so nothing needs to reach a disk.
    as_user "$bin/pg_ctl" -D data -l "$place/data/log" -w -t 120 \
        -o "-k $place -c listen_addresses= -c fsync=off -c max_connections=300" start >start.log 2>&1 </dev/null ||
        fail "the server did not start: $(tail -n 3 start.log data/log)"
    echo "ready $place"
    cat >/dev/null
}

remove() {
    as_user "$bin/pg_ctl" -D data -m immediate -w -t 60 stop >/dev/null 2>&1 </dev/null || true
    cd /
    rm -rf "$place"
}

case ${1:-} in
    install) install ;;
    run) run ;;
    *) fail "expected \`install\` or \`run\`" ;;
esac
