#!/usr/bin/env bash
# The guess: SHOW LISTS has counts, so every number of it is zero or more, and "dns_queries" counts the look-ups that are on
# their way, or those that were made.
# What happens: a look-up of a server's host name takes one away and adds none, so the number goes below zero with the first
# client. Whoever reads the column as an unsigned number gets an error for the whole answer.
# Who meets it: consoles and exporters that read SHOW LISTS into unsigned numbers, in front of servers that are named and not
# given by address.
# Source: PgBouncer 1.18.0 (Debian bookworm), run below; 1.24.1 and 1.26.1 were seen to do the same.
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
  apt-get download -q "postgresql-15=$pin" "postgresql-client-15=$pin" "libpq5=$pin" pgbouncer=1.18.0-1+deb12u1 libc-ares2=1.18.1-3 >"$work/apt.log" 2>&1 ||
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
settings a listen_addresses="'127.0.0.1'"
start a 5671
cat >"$work/pgbouncer.ini" <<INI
[databases]
app = host=localhost port=5671 dbname=postgres user=finding
[pgbouncer]
listen_addr =
listen_port = 5672
unix_socket_dir = $work/run
auth_type = any
admin_users = finding
pool_mode = transaction
logfile = $work/pg/pgbouncer.log
pidfile = $work/pg/pgbouncer.pid
INI
as "$work/root/usr/sbin/pgbouncer" -d -q "$work/pgbouncer.ini"
stop_pgbouncer() { [ ! -f "$work/pg/pgbouncer.pid" ] || kill "$(cat "$work/pg/pgbouncer.pid")" 2>/dev/null; finish; }
trap 'stop_pgbouncer || true' EXIT
"$work/root/usr/sbin/pgbouncer" --version | head -1
admin() { "$bin/psql" -XAtq -p 5672 -d pgbouncer -c "$1" 2>&1 || true; }
queries() { admin "SHOW LISTS" | awk -F'|' '$1 == "dns_queries"{print $2}'; }
sign() { if [ "$1" -lt 0 ]; then echo "below zero"; elif [ "$1" = 0 ]; then echo zero; else echo above; fi; }
enter() { timeout 5 "$bin/psql" -XAtq -p 5672 -d app -c "SELECT 'in'" 2>&1 || echo hangs; }
expect "look-ups before any" "$(sign "$(queries)")" zero
expect "client" "$(enter)" in
expect "look-ups after one client" "$(sign "$(queries)")" "below zero"
exit $failed
