#!/usr/bin/env bash
# The guess: pg_isready reports a server that turns every client away ("too many clients") as not accepting; a container
# whose health check is pg_isready becomes unhealthy when no session can be opened any more.
# What happens: it says "accepting connections" and exits 0, as for any refusal that is not "starting up": the refusal
# itself is the proof of life. The same moment psql cannot get in.
# Who meets it: Compose and Kubernetes health checks of PostgreSQL; a load balancer that asks through pg_isready.
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
make a max_connections=2 superuser_reserved_connections=0 max_wal_senders=1
start a 5651
"$bin/pg_isready" --version
ready() { local rc=0; "$bin/pg_isready" -q -p 5651 || rc=$?; echo "$rc"; }
enter() { local rc=0; "$bin/psql" -XAtq -p 5651 -c "SELECT 'in'" 2>"$work/err" || rc=$?; [ "$rc" = 0 ] || echo "refused ($rc)"; }
expect "exit status of pg_isready, free slots" "$(ready)" 0
expect "psql, free slots" "$(enter)" in
for i in 1 2; do
  PGAPPNAME=holder "$bin/psql" -XAtq -p 5651 -c "SELECT pg_sleep(60)" >/dev/null 2>&1 &
done
for i in $(seq 100); do
  [ "$(enter)" = in ] || break
  sleep 0.1
done
sed 's/^/  | /; s|on socket "[^"]*"|on socket ...|' "$work/err"
expect "psql, every slot taken" "$(enter)" "refused (2)"
"$bin/pg_isready" -p 5651 | sed 's/^.*:5651/  | .../'
expect "exit status of pg_isready, every slot taken" "$(ready)" 0
exit $failed
