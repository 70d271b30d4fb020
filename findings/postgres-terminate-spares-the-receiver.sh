#!/usr/bin/env bash
# The guess: pg_terminate_backend() ends whatever process pg_stat_activity lists, so a superuser can have a standby connect
# anew (after its upstream or its pg_hba.conf was mended) by ending its walreceiver, as one ends a walsender.
# What happens: the walreceiver is listed with its PID, and the function answers false with a warning that this PID is no
# PostgreSQL server process; the stream goes on. The walsender at the other end can be ended so.
# Who meets it: whoever wants a stream to be made anew without a restart of the standby: end the walsender, or change
# primary_conninfo and reload.
# Source: PostgreSQL 15.20 (Debian bookworm), run below.
set -euo pipefail
pin=15.20-0+deb12u1
work=$(mktemp -d)
chmod 755 "$work"
owner=postgres
id "$owner" >/dev/null 2>&1 || owner=nobody
as() { if [ "$(id -u)" = 0 ]; then (cd / && runuser -u "$owner" -- "$@"); else "$@"; fi; }
finish() {
  for d in "$work"/pg/*/; do
    [ -f "${d}postmaster.pid" ] && as "$bin/pg_ctl" -D "$d" -m immediate -w stop >/dev/null 2>&1
  done
  rm -rf "$work"
}
trap 'finish || true' EXIT
(
  mkdir "$work/deb" && cd "$work/deb"
  apt-get download -q "postgresql-15=$pin" "postgresql-client-15=$pin" "libpq5=$pin" >"$work/apt.log" 2>&1 ||
    { echo "cannot fetch PostgreSQL $pin:"; cat "$work/apt.log"; exit 1; }
  for p in *.deb; do dpkg -x "$p" "$work/root"; done
)
bin=$work/root/usr/lib/postgresql/15/bin
LD_LIBRARY_PATH=$(dirname "$(find "$work/root" -name 'libpq.so.5' | head -1)")
export LD_LIBRARY_PATH PGHOST=$work/run PGUSER=finding PGDATABASE=postgres LC_ALL=C
mkdir "$work/run" "$work/pg"
[ "$(id -u)" != 0 ] || chown "$owner" "$work/run" "$work/pg"
make() { # NAME SETTING...: a new server, on a socket in the temp folder only
  local name=$1; shift
  as "$bin/initdb" -D "$work/pg/$name" -U finding -A trust -N >"$work/initdb.log" 2>&1
  settings "$name" listen_addresses="''" unix_socket_directories="'$work/run'" shared_buffers=8MB fsync=off "$@"
}
settings() { # NAME SETTING...
  local name=$1; shift
  printf '%s\n' "$@" | as tee -a "$work/pg/$name/postgresql.conf" >/dev/null
}
start() { as "$bin/pg_ctl" -D "$work/pg/$1" -l "$work/pg/$1.log" -o "-p $2" -w start >/dev/null; }
ask() { local port=$1; shift; "$bin/psql" -XAtq -p "$port" -c "$*"; }
failed=0
expect() { # WHAT SEEN EXPECTED
  printf '  %-58s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "CHANGED: $1: was '$3', is now '$2'"; failed=1; }
}
until_true() { # PORT SQL: wait up to 20 s until it answers t
  local i
  for i in $(seq 200); do [ "$(ask "$1" "$2" 2>/dev/null)" != t ] || return 0; sleep 0.1; done
  echo "CHANGED: never true: $2"; exit 1
}
make a
printf 'local replication all trust\n' | as tee -a "$work/pg/a/pg_hba.conf" >/dev/null
start a 5681
"$bin/psql" --version
as env LD_LIBRARY_PATH="$LD_LIBRARY_PATH" "$bin/pg_basebackup" -D "$work/pg/b" -h "$PGHOST" -p 5681 -U finding -R -X stream >/dev/null 2>&1
start b 5682
until_true 5682 "SELECT count(*) = 1 FROM pg_stat_wal_receiver WHERE status = 'streaming'"
receiver=$(ask 5682 "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walreceiver'")
expect "the walreceiver is listed among the processes" "$([ -n "$receiver" ] && echo yes)" yes
expect "ending it answers" "$(ask 5682 "SELECT pg_terminate_backend($receiver)" 2>"$work/warning")" f
expect "with a warning" "$(grep -c "not a PostgreSQL" "$work/warning")" 1
sleep 1
expect "the same walreceiver streams on" "$(ask 5682 "SELECT pid = $receiver FROM pg_stat_wal_receiver")" t
sender=$(ask 5681 "SELECT pid FROM pg_stat_replication")
expect "ending the walsender answers" "$(ask 5681 "SELECT pg_terminate_backend($sender)")" t
until_true 5682 "SELECT count(*) = 1 FROM pg_stat_wal_receiver WHERE status = 'streaming' AND pid <> $receiver"
expect "and another walreceiver streams" "$(ask 5682 "SELECT pid <> $receiver FROM pg_stat_wal_receiver")" t
exit $failed
