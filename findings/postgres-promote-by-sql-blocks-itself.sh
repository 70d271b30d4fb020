#!/usr/bin/env bash
# The guess: SELECT pg_promote() and "pg_ctl promote" of an otherwise idle standby take the same time: nobody is connected
# whose query could be in the way of replay.
# What happens: the session that calls pg_promote() is in the way. It holds a snapshot while it waits, the WAL still to
# be replayed cleans up rows (VACUUM), and replay waits for that snapshot up to max_standby_streaming_delay (default
# 30 s); then the session is cancelled with an error - and the promotion goes through. pg_promote(false) and pg_ctl
# on the same state are done at once.
# Who meets it: promotion by SQL of a standby that lags, is delayed or was paused: 30 s longer without a primary, and an
# error for a promotion that works.
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
clone() { # FROM_PORT NAME BASEBACKUP_OPTION...: a standby made from a running server
  local port=$1 name=$2; shift 2
  as "$bin/pg_basebackup" -p "$port" -D "$work/pg/$name" -R -c fast "$@"
}
"$bin/postgres" --version
make a autovacuum=off
start a 5731
port=5731
ask 5731 "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n"
for way in wait nowait ctl; do
  clone 5731 $way
  settings $way cluster_name=$way wal_receiver_status_interval=1 max_standby_streaming_delay=6s
  start $way $((port += 1))
  until_true 5731 "SELECT count(*) = 1 FROM pg_stat_replication WHERE application_name = '$way' AND replay_lsn = pg_current_wal_lsn()"
  ask $port "SELECT pg_wal_replay_pause()" >/dev/null
  until_true $port "SELECT pg_get_wal_replay_pause_state() = 'paused'"
done
ask 5731 "DELETE FROM t WHERE n < 500"
ask 5731 "VACUUM t"
until_true 5731 "SELECT count(*) = 3 FROM pg_stat_replication WHERE flush_lsn = pg_current_wal_lsn()"
as "$bin/pg_ctl" -D "$work/pg/a" -m immediate -w stop >/dev/null
took() { # PORT COMMAND...: whether it failed, and whether the server was promoted soon
  local port=$1 before said; shift
  before=$(date +%s)
  "$@" >"$work/out" 2>&1 && said=fine || said=error
  for _ in $(seq 300); do
    [ "$(ask "$port" "SELECT pg_is_in_recovery()")" != f ] || break
    sleep 0.1
  done
  echo "$said, promoted $([ $(($(date +%s) - before)) -ge 5 ] && echo late || echo soon)"
}
expect "pg_promote()" "$(took 5732 ask 5732 "SELECT pg_promote(true, 60)")" "error, promoted late"
sed 's/^/  | /' "$work/out"
expect "pg_promote(false)" "$(took 5733 ask 5733 "SELECT pg_promote(false)")" "fine, promoted soon"
expect "pg_ctl promote" "$(took 5734 as "$bin/pg_ctl" -D "$work/pg/ctl" -w promote)" "fine, promoted soon"
exit $failed
