#!/usr/bin/env bash
# The guess: with host=a,b a client that cannot get into a (no free slot, no such database, refused by pg_hba.conf) goes
# on to b; that is what the list is for.
# What happens: the next host is tried only when the first cannot be reached, says that it is starting up or shutting
# down, or is the wrong kind of server (target_session_attrs). Any other refusal ends the attempt: a full standby, first
# in the list, turns away every client although the second host is free.
# Who meets it: applications behind a list of hosts instead of HAProxy, during a failover.
# Source: libpq and PostgreSQL 15.20 (Debian bookworm), run below.
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
make a max_connections=1 superuser_reserved_connections=0 max_wal_senders=0
make b
start a 5681
start b 5682
"$bin/psql" --version
ask 5682 "CREATE DATABASE app"
enter() { # PORTS DATABASE [OPTION]
  if "$bin/psql" -XAtq "host=$PGHOST,$PGHOST port=$1 dbname=$2 ${3-}" -c "SHOW port" 2>"$work/err"; then return; fi
  sed 's/^psql: error: //; s|on socket "[^"]*/|on socket ".../|; s/^/  | /' "$work/err" >&2
  if grep -q 'PGSQL.5682' "$work/err"; then echo "refused by both"; else echo "refused by the first, the second not asked"; fi
}
expect "first host not running" "$(enter 5680,5682 app)" 5682
expect "first host without the database" "$(enter 5681,5682 app)" "refused by the first, the second not asked"
PGAPPNAME=holder "$bin/psql" -XAtq -p 5681 -c "SELECT pg_sleep(60)" >/dev/null 2>&1 &
sleep 1
expect "first host with every slot taken" "$(enter 5681,5682 postgres)" "refused by the first, the second not asked"
wait_stop() { as "$bin/pg_ctl" -D "$work/pg/a" -m smart stop -W >/dev/null; sleep 0.5; }
wait_stop
expect "first host shutting down" "$(enter 5681,5682 postgres)" 5682
exit $failed
