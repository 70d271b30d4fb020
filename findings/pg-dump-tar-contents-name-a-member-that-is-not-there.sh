#!/usr/bin/env bash
# The guess: the table of contents of a tar-format dump names the member that holds the data of each entry, as it does for tables, so
# that whoever checks that every named member is in the file has checked that nothing is missing.
# What happens: for the large objects the entry names NUMBER.dat, and no member is called so; the list of them is "blobs.toc"
# (from 17 on "blobs_NUMBER.toc"), by a rule that is written down nowhere in the archive. The same dump as a directory names the list by its
# real name. pg_restore knows the rule and restores both.
# Who meets it: tools that verify or convert dumps by their table of contents: every sound tar dump with large objects looks
# incomplete, or the check is switched off and a missing list is not seen.
# Source: pg_dump 15.20 (Debian bookworm), run below; 17.12 and 18.6 were seen to do the same with the newer name.
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
export LD_LIBRARY_PATH PGHOST=$work/run PGPORT=5673 PGUSER=finding PGDATABASE=postgres LC_ALL=C
mkdir "$work/run" "$work/pg"
[ "$(id -u)" != 0 ] || chown "$owner" "$work/run" "$work/pg"
as "$bin/initdb" -D "$work/pg/a" -U finding -A trust -N >"$work/initdb.log" 2>&1
printf '%s\n' "listen_addresses=''" "unix_socket_directories='$work/run'" shared_buffers=8MB fsync=off |
  as tee -a "$work/pg/a/postgresql.conf" >/dev/null
as "$bin/pg_ctl" -D "$work/pg/a" -l "$work/pg/a.log" -o "-p $PGPORT" -w start >/dev/null
failed=0
expect() { # WHAT SEEN EXPECTED
  printf '  %-58s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "CHANGED: $1: was '$3', is now '$2'"; failed=1; }
}
"$bin/pg_dump" --version
"$bin/psql" -Xq -c "CREATE TABLE ledger AS SELECT 1 AS id" -c "SELECT lo_from_bytea(77, 'a scan')" >/dev/null
"$bin/pg_dump" -Ft -f "$work/dump.tar"
"$bin/pg_dump" -Fd -Z0 -f "$work/dump"
mkdir "$work/unpacked"
tar -xf "$work/dump.tar" -C "$work/unpacked"
# The names of files are the only words of a table of contents that end so.
named() { strings -n 4 "$1" | grep -oE '(blobs[_0-9]*|[0-9]+)\.(dat|toc)' | sort -u; }
is_there() { # DIRECTORY: each named file, and whether it is there
  local name
  for name in $(named "$1/toc.dat"); do
    if [ -e "$1/$name" ]; then echo there; else echo missing; fi
  done | sort | uniq -c | awk '{print $1, $2}' | paste -sd, -
}
expect "named files of the directory" "$(is_there "$work/dump")" "2 there"
expect "named members of the tar file" "$(is_there "$work/unpacked")" "1 missing,1 there"
expect "members called as a list of large objects" "$(cd "$work/unpacked" && ls | grep -c '^blobs')" 1
"$bin/createdb" again
"$bin/pg_restore" -d again "$work/dump.tar"
expect "the large object after pg_restore" "$("$bin/psql" -XAtq -d again -c "SELECT convert_from(lo_get(77), 'UTF8')")" "a scan"
exit $failed
