#!/usr/bin/env bash
# The guess: synchronous_standby_names = '*' matches whatever streams, so a pg_receivewal (an archive) with the state
# "streaming" and a fresh write_lsn is the synchronous standby, and lets commits go on.
# What happens: only with --synchronous. Without it the tool never reports a flushed position (flush_lsn stays NULL), the
# server silently counts it as asynchronous with priority 0 - '*' or not - and every commit hangs, beside a row that
# streams without any lag in write_lsn.
# Who meets it: clusters with '*' that lose their last standby while an archive still streams; whoever judges from
# "state = streaming" and a configured '*' that commits are covered.
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
make a synchronous_standby_names="'*'"
start a 5641
"$bin/postgres" --version
ask 5641 "SET synchronous_commit = local; CREATE TABLE t (n int)"
as mkdir "$work/pg/wal"
for option in --verbose --synchronous; do
  rm -f "$work/run/receiver"
  as sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$work/run/receiver" \
    "$bin/pg_receivewal" -p 5641 -D "$work/pg/wal" --status-interval=1 $option >/dev/null 2>&1 &
  until_true 5641 "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming' AND write_lsn IS NOT NULL"
  PGAPPNAME=writer "$bin/psql" -XAtq -p 5641 -c "INSERT INTO t VALUES (1) RETURNING 'inserted'" >"$work/out" 2>&1 &
  writer=$!
  sleep 4
  echo "  pg_receivewal $option:"
  expect "its state, sync_state, sync_priority" "$(ask 5641 "SELECT state, sync_state, sync_priority FROM pg_stat_replication")" "$([ $option = --verbose ] && echo "streaming|async|0" || echo "streaming|sync|1")"
  expect "its write position is the newest" "$(ask 5641 "SELECT write_lsn = pg_current_wal_lsn() FROM pg_stat_replication")" t
  expect "its flush position is known" "$(ask 5641 "SELECT flush_lsn IS NOT NULL FROM pg_stat_replication")" "$([ $option = --verbose ] && echo f || echo t)"
  expect "sessions waiting for it after 4 s" "$(ask 5641 "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")" "$([ $option = --verbose ] && echo 1 || echo 0)"
  ask 5641 "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'writer'" >/dev/null
  wait $writer
  kill "$(cat "$work/run/receiver")"
  wait || true
  until_true 5641 "SELECT count(*) = 0 FROM pg_stat_replication"
done
exit $failed
