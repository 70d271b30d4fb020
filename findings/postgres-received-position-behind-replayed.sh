#!/usr/bin/env bash
# The guess: a standby has received at least what it has replayed: pg_last_wal_receive_lsn() >= pg_last_wal_replay_lsn().
# What happens: after a restart of the standby the received position is the *start of the WAL segment* from which it
# streams again, up to 16 MB before what it has replayed. It stays there as long as the primary writes nothing or is
# gone, although nothing is missing; the first WAL that arrives puts it right.
# Who meets it: whoever computes "received but not replayed" (it is negative), or compares the received positions of
# members to choose whom to promote (the standby that was just restarted looks the furthest behind).
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
make a autovacuum=off
start a 5631
"$bin/postgres" --version
clone 5631 b
start b 5632
caught="SELECT count(*) = 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"
until_true 5631 "$caught"
ask 5631 "CREATE TABLE t AS SELECT generate_series(1, 10000)"
until_true 5631 "$caught"
order() { ask 5632 "SELECT CASE sign(pg_last_wal_receive_lsn() - pg_last_wal_replay_lsn()) WHEN 0 THEN 'equal' WHEN 1 THEN 'received is ahead' ELSE 'received is behind' END"; }
show() { ask 5632 "SELECT '  | received ' || pg_last_wal_receive_lsn() || ' replayed ' || pg_last_wal_replay_lsn()"; }
show
expect "received against replayed, standby caught up" "$(order)" equal
as "$bin/pg_ctl" -D "$work/pg/b" -m fast -w stop >/dev/null
start b 5632
until_true 5631 "$caught"
until_true 5632 "SELECT count(*) = 1 FROM pg_stat_wal_receiver WHERE status = 'streaming'"
show
expect "the same, standby restarted and streaming, caught up" "$(order)" "received is behind"
expect "the received position in its 16 MB segment" "$(ask 5632 "SELECT (pg_last_wal_receive_lsn() - '0/0') % 16777216")" 0
ask 5631 "INSERT INTO t VALUES (1)"
until_true 5631 "$caught"
show
expect "the same after one more write" "$(order)" equal
as "$bin/pg_ctl" -D "$work/pg/b" -m fast -w stop >/dev/null
start b 5632
until_true 5632 "SELECT count(*) = 1 FROM pg_stat_wal_receiver WHERE status = 'streaming'"
as "$bin/pg_ctl" -D "$work/pg/a" -m immediate -w stop >/dev/null
until_true 5632 "SELECT count(*) = 0 FROM pg_stat_wal_receiver"
show
expect "the same, restarted just before the primary died" "$(order)" "received is behind"
exit $failed
