#!/usr/bin/env bash
# The guess: after PAUSE (without a name) SHOW DATABASES has paused = 1 for every database, RESUME of one lets that one go
# on, and RESUME without a name lifts every pause. KILL closes the connections, and new ones can be made at once.
# What happens: the pause of all and the pause of one are two things. PAUSE leaves the column at 0 everywhere while every
# client hangs; RESUME app is then refused as "not paused"; and a global RESUME leaves a database that was paused by
# name hanging. KILL leaves its database paused: new clients hang until RESUME with its name.
# Who meets it: switchovers through PgBouncer, and consoles that show its state from that column.
# Source: PgBouncer 1.18.0 (Debian bookworm), run below.
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
start a 5671
cat >"$work/pgbouncer.ini" <<INI
[databases]
app = host=$work/run port=5671 dbname=postgres user=finding
other = host=$work/run port=5671 dbname=postgres user=finding
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
paused() { "$bin/psql" -XAq -p 5672 -d pgbouncer -c "SHOW DATABASES" | awk -F'|' -v d="$1" 'NR == 1{for (i = 1; i <= NF; i++) if ($i == "paused") c = i} $1 == d{print $c}'; }
enter() { timeout "$2" "$bin/psql" -XAtq -p 5672 -d "$1" -c "SELECT 'in'" 2>&1 || echo "hangs"; }
expect "client" "$(enter app 5)" in
admin "PAUSE"
expect "PAUSE: column paused of app and other" "$(paused app) $(paused other)" "0 0"
expect "PAUSE: client" "$(enter app 2)" hangs
expect "PAUSE, RESUME app" "$(admin "RESUME app")" "ERROR:  database app is not paused"
admin "RESUME"
expect "RESUME: client" "$(enter app 5)" in
admin "PAUSE app"
expect "PAUSE app: column paused of app and other" "$(paused app) $(paused other)" "1 0"
expect "PAUSE app, RESUME" "$(admin "RESUME")" "ERROR:  pooler is not paused/suspended"
expect "PAUSE app, RESUME: client" "$(enter app 2)" hangs
admin "RESUME app"
expect "RESUME app: client" "$(enter app 5)" in
admin "KILL app"
expect "KILL app: column paused of app and other" "$(paused app) $(paused other)" "1 0"
expect "KILL app: client" "$(enter app 2)" hangs
exit $failed
