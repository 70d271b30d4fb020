#!/usr/bin/env bash
# The guess: the timeline of a primary is pg_control_checkpoint().timeline_id (or what pg_controldata prints), and it is
# the new one as soon as the promotion is done.
# What happens: after a promotion both go on telling the old timeline until the next checkpoint has *finished* - minutes
# later on a busy server. The WAL being written is on the new timeline at once: the first 8 digits of
# pg_walfile_name(pg_current_wal_lsn()) are right from the first moment.
# Who meets it: whoever compares timelines of members just after a failover: the new primary looks like the old one.
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
make a checkpoint_timeout=1h
start a 5711
"$bin/postgres" --version
clone 5711 b
settings b checkpoint_timeout=1h checkpoint_completion_target=0.9
start b 5712
until_true 5711 "SELECT count(*) = 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"
# a bigger load makes the checkpoint after the promotion last for its 0.9 hours, as on a busy server
ask 5711 "CREATE TABLE t AS SELECT n, repeat('x', 100) AS x FROM generate_series(1, 100000) AS n"
until_true 5711 "SELECT count(*) = 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()"
expect "pg_promote()" "$(ask 5712 "SELECT pg_promote(true, 30)")" t
control() { ask 5712 "SELECT timeline_id FROM pg_control_checkpoint()"; }
file() { as "$bin/pg_controldata" -D "$work/pg/b" | awk -F': *' '/TimeLineID: /{print $2; exit}'; }
wal() { ask 5712 "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)::int"; }
ask 5712 "INSERT INTO t VALUES (1, 'written on the new timeline')"
expect "pg_is_in_recovery()" "$(ask 5712 "SELECT pg_is_in_recovery()")" f
sleep 3
expect "timeline in pg_control_checkpoint(), 3 s later" "$(control)" 1
expect "timeline in pg_controldata" "$(file)" 1
expect "timeline of the WAL being written" "$(wal)" 2
ask 5712 "CHECKPOINT"
expect "timeline in pg_control_checkpoint() after a CHECKPOINT" "$(control)" 2
expect "timeline in pg_controldata" "$(file)" 2
exit $failed
