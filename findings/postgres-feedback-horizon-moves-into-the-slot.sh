#!/usr/bin/env bash
# The guess: the transaction horizon that a standby with hot_standby_feedback holds back is in
# pg_stat_replication.backend_xmin of its walsender (that is what the column is documented for).
# What happens: only for a standby without a slot. With primary_slot_name set, the column is NULL and the horizon is in
# pg_replication_slots.xmin - where it stays when the standby is stopped, with no row in pg_stat_replication at all.
# Who meets it: whoever looks for what keeps VACUUM from cleaning up (Patroni gives every member a slot).
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
make a
start a 5621
"$bin/postgres" --version
settings_fb="hot_standby_feedback=on wal_receiver_status_interval=1"
clone 5621 noslot
clone 5621 slot -C -S member
for s in noslot slot; do settings $s $settings_fb cluster_name=$s; done
start noslot 5622
start slot 5623
for p in 5622 5623; do
  until_true 5621 "SELECT count(*) = 2 FROM pg_stat_replication WHERE state = 'streaming'"
  PGAPPNAME=reader "$bin/psql" -XAtq -p $p -c "BEGIN ISOLATION LEVEL REPEATABLE READ" -c "SELECT 1" -c "SELECT pg_sleep(60)" >/dev/null 2>&1 &
done
until_true 5621 "SELECT backend_xmin IS NOT NULL FROM pg_stat_replication WHERE application_name = 'noslot'"
until_true 5621 "SELECT xmin IS NOT NULL FROM pg_replication_slots"
row() { ask 5621 "SELECT CASE WHEN backend_xmin IS NULL THEN 'NULL' ELSE 'set' END FROM pg_stat_replication WHERE application_name = '$1'"; }
slot() { ask 5621 "SELECT CASE WHEN xmin IS NULL THEN 'NULL' ELSE 'set' END FROM pg_replication_slots WHERE slot_name = 'member'"; }
expect "backend_xmin of the standby without a slot" "$(row noslot)" set
expect "backend_xmin of the standby with a slot" "$(row slot)" NULL
expect "xmin of the slot" "$(slot)" set
as "$bin/pg_ctl" -D "$work/pg/slot" -m fast -w stop >/dev/null
until_true 5621 "SELECT NOT active FROM pg_replication_slots"
expect "rows in pg_stat_replication once it is stopped" "$(row slot)" ""
expect "xmin of the slot once it is stopped" "$(slot)" set
exit $failed
