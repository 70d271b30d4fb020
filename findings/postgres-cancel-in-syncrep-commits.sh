#!/usr/bin/env bash
# The guess: cancelling (or terminating) a session whose COMMIT waits for a synchronous standby rolls the write back;
# the writer sees an error, and the row does not exist.
# What happens: the write was committed locally before the wait began. A cancel only ends the wait: the row becomes
# visible, the writer gets a WARNING and *success*. A terminate ends the connection, and the row is there as well. In
# both cases the data is on no standby: a failover now loses what the client was told is committed.
# Who meets it: whoever clears "stuck" sessions (wait event SyncRep) from a console during the outage of the standby.
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
make a synchronous_standby_names="'absent'"
start a 5611
"$bin/postgres" --version
ask 5611 "SET synchronous_commit = local; CREATE TABLE t (n int)"
for how in cancel terminate; do
  PGAPPNAME=writer "$bin/psql" -XAtq -p 5611 -c "INSERT INTO t VALUES (1) RETURNING 'inserted'" >"$work/out" 2>&1 &
  until_true 5611 "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'writer' AND wait_event = 'SyncRep'"
  expect "rows others see while the commit waits" "$(ask 5611 'SELECT count(*) FROM t')" 0
  ask 5611 "SELECT pg_${how}_backend(pid) FROM pg_stat_activity WHERE application_name = 'writer'" >/dev/null
  rc=0; wait $! || rc=$?
  sed 's/^/  | /' "$work/out"
  expect "exit status of the writer after pg_${how}_backend" "$rc" "$([ $how = cancel ] && echo 0 || echo 2)"
  expect "rows others see after pg_${how}_backend" "$(ask 5611 'SELECT count(*) FROM t')" 1
  ask 5611 "SET synchronous_commit = local; DELETE FROM t"
done
exit $failed
