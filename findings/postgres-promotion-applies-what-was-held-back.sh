#!/usr/bin/env bash
# The guess: a standby with recovery_min_apply_delay, or whose replay was paused, becomes on promotion the primary of the
# moment up to which it has replayed - so a delayed or paused standby is the way back from a DROP TABLE.
# What happens: promotion ends delay and pause and first replays *everything received*: the accident is applied within
# the second.
# Who meets it: delayed members of Patroni clusters; an operator who pauses replay to save a state and then fails over.
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
port=5700
for how in delayed paused; do
  primary=$((port += 1)) standby=$((port += 1))
  make "a-$how"
  start "a-$how" $primary
  ask $primary "CREATE TABLE t AS SELECT 'precious'"
  clone $primary "b-$how"
  settings "b-$how" wal_receiver_status_interval=1
  [ $how = paused ] || settings "b-$how" recovery_min_apply_delay=1h
  start "b-$how" $standby
  until_true $primary "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'"
  if [ $how = paused ]; then
    ask $standby "SELECT pg_wal_replay_pause()" >/dev/null
    until_true $standby "SELECT pg_get_wal_replay_pause_state() = 'paused'"
  fi
  ask $primary "DROP TABLE t"
  until_true $primary "SELECT flush_lsn = pg_current_wal_lsn() FROM pg_stat_replication"
  sleep 1
  has() { ask $standby "SELECT to_regclass('t') IS NOT NULL"; }
  expect "$how standby: the dropped table is there" "$(has)" t
  as "$bin/pg_ctl" -D "$work/pg/a-$how" -m immediate -w stop >/dev/null
  before=$(date +%s)
  as "$bin/pg_ctl" -D "$work/pg/b-$how" -w promote >/dev/null
  expect "$how standby, promoted: pg_is_in_recovery()" "$(ask $standby "SELECT pg_is_in_recovery()")" f
  expect "$how standby: promoted within 10 s" "$([ $(($(date +%s) - before)) -lt 10 ] && echo yes || echo no)" yes
  expect "$how standby, promoted: the dropped table is there" "$(has)" f
done
exit $failed
