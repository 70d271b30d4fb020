#!/usr/bin/env bash
# The guess: pg_blocking_pids() names the process to look at, and its row is in pg_stat_activity; in pg_locks the holder
# has the same number.
# What happens: behind a prepared transaction (two-phase commit) the blocker is the number 0, pg_locks shows its locks
# with pid NULL (so a join on pid finds neither), pg_stat_activity has no row at all, and pg_terminate_backend(0)
# returns false. It survives a restart. Only pg_prepared_xacts names it, and only ROLLBACK/COMMIT PREPARED ends it.
# Who meets it: lock trees and "terminate the root blocker" of every console.
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
make a max_prepared_transactions=2
start a 5661
"$bin/postgres" --version
ask 5661 "CREATE TABLE t (n int)"
ask 5661 "INSERT INTO t VALUES (1)"
"$bin/psql" -XAtq -p 5661 -c "BEGIN" -c "UPDATE t SET n = 2" -c "PREPARE TRANSACTION 'left behind'"
for round in "before a restart" "after a restart"; do
  echo "  $round:"
  PGAPPNAME=waiter "$bin/psql" -XAtq -p 5661 -c "UPDATE t SET n = 3" >/dev/null 2>&1 &
  until_true 5661 "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'waiter' AND wait_event_type = 'Lock'"
  expect "blockers of the waiter" "$(ask 5661 "SELECT pg_blocking_pids(pid) FROM pg_stat_activity WHERE application_name = 'waiter'")" "{0}"
  expect "locks held with pid 0" "$(ask 5661 "SELECT count(*) FROM pg_locks WHERE pid = 0")" 0
  expect "locks held with pid NULL" "$(ask 5661 "SELECT count(*) FROM pg_locks WHERE pid IS NULL AND granted")" 2
  expect "rows of the blocker in pg_stat_activity" "$(ask 5661 "SELECT count(*) FROM pg_stat_activity WHERE pid = 0 OR state LIKE 'idle in%'")" 0
  expect "pg_terminate_backend(0)" "$(ask 5661 "SELECT pg_terminate_backend(0)" 2>/dev/null)" f
  expect "name in pg_prepared_xacts" "$(ask 5661 "SELECT gid FROM pg_prepared_xacts")" "left behind"
  if [ "$round" = "before a restart" ]; then
    as "$bin/pg_ctl" -D "$work/pg/a" -m fast -w stop >/dev/null
    wait || true
    start a 5661
  fi
done
ask 5661 "ROLLBACK PREPARED 'left behind'"
until_true 5661 "SELECT n = 3 FROM t"
exit $failed
