#!/usr/bin/env bash
# The guess: pg_last_wal_replay_lsn() has a value on a standby and is NULL on a primary, so that it tells the two apart, and
# a script may take whatever is not NULL for the position of a standby.
# What happens: a primary that went through crash recovery when it started goes on telling where that ended, for as long as
# it runs, while its own WAL moves on; so does one that was promoted. Only a primary that was stopped in order has NULL.
# Who meets it: whoever reads roles or lag off that function; pg_is_in_recovery() is what tells them apart.
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
start a 5681
"$bin/psql" --version
expect "in recovery, started afresh" "$(ask 5681 "SELECT pg_is_in_recovery()")" f
expect "replay position, started afresh" "$(ask 5681 "SELECT pg_last_wal_replay_lsn() IS NULL")" t
ask 5681 "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n"
as "$bin/pg_ctl" -D "$work/pg/a" -m immediate -w stop >/dev/null
start a 5681
expect "in recovery, after crash recovery" "$(ask 5681 "SELECT pg_is_in_recovery()")" f
expect "replay position is told, after crash recovery" "$(ask 5681 "SELECT pg_last_wal_replay_lsn() IS NOT NULL")" t
told=$(ask 5681 "SELECT pg_last_wal_replay_lsn()")
ask 5681 "INSERT INTO t SELECT generate_series(1, 1000)"
expect "it stays while WAL moves on" \
  "$(ask 5681 "SELECT pg_last_wal_replay_lsn() = '$told' AND pg_current_wal_lsn() > '$told'")" t
as "$bin/pg_ctl" -D "$work/pg/a" -m fast -w stop >/dev/null
start a 5681
expect "replay position, stopped in order before" "$(ask 5681 "SELECT pg_last_wal_replay_lsn() IS NULL")" t
exit $failed
