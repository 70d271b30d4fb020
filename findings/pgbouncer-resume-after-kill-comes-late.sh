#!/usr/bin/env bash
# The guess: after KILL app and RESUME app clients get in at once, as after PAUSE app and RESUME app.
# What happens: if a client has tried to come in between - and there always is one - RESUME takes up to 15 seconds to
# have any effect: KILL has closed the server connections, the client makes PgBouncer open one, the pause closes it,
# and that counts as a failed login to the server, after which it waits for server_login_retry. The columns say that
# nothing is paused meanwhile. After PAUSE and RESUME, the same client is let in at once.
# Who meets it: switchovers that cut the old sessions with KILL: 15 seconds of outage that no failover explains.
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
for command in PAUSE KILL; do
  expect "client" "$(enter app 20)" in
  admin "$command app"
  expect "client between $command and RESUME" "$(enter app 2)" hangs
  admin "RESUME app"
  expect "column paused after RESUME" "$(paused app)" 0
  before=$(date +%s)
  seen=$(enter app 30)
  took=$(($(date +%s) - before))
  expect "client after $command and RESUME ($took s)" "$seen, $([ $took -ge 8 ] && echo late || echo soon)" "in, $([ $command = KILL ] && echo late || echo soon)"
done
exit $failed
