#!/usr/bin/env bash
# The guess: in postgresql://pg-0,pg-1:6432/app the port is meant for both hosts, as with host=pg-0,pg-1 port=6432, or
# pg-0 is asked at the port of PGPORT, which fills in a missing port; connect_timeout=1 gives up after one second.
# What happens: the port belongs to the last host alone, and pg-0 is asked at the built-in 5432: PGPORT never counts in a
# URI with several hosts, though it does with one, and for any number in the keyword form - where one port is for every
# host. The timeout is for each host, and 1 is taken as 2: a list of two gives up after 4 seconds.
# Who meets it: connection strings with several hosts through PgBouncer or HAProxy; time limits of probes and consoles.
# Source: libpq 16.0 within psycopg2-binary 2.9.10 (PyPI), run below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check psycopg2-binary==2.9.10 2>"$work/pip.log" ||
  { echo "cannot install psycopg2:"; cat "$work/pip.log"; exit 1; }
cat >"$work/finding.py" <<'PY'
import os, re, socket, sys, time
import psycopg2
from psycopg2.extensions import libpq_version, parse_dsn

print('psycopg2', psycopg2.__version__.split()[0], 'libpq', libpq_version())
failed = False


def expect(what, seen, expected):
    global failed
    print(f'  {what:<66} {seen}')
    if seen != expected:
        failed = True
        print(f'CHANGED: {what}: was {expected!r}, is now {seen!r}')


def asked(dsn):  # which ports were asked, and for how many seconds
    start = time.monotonic()
    try:
        psycopg2.connect(dsn, user='u', dbname='app')
    except psycopg2.OperationalError as error:
        ports = re.findall(r'(?:port |PGSQL\.)(\d+)"? failed', str(error))
        return [names.get(int(port), port) for port in ports], round(time.monotonic() - start)
    return 'connected', 0


folder = sys.argv[1]  # as a host: a folder of sockets, here without any
silent = socket.create_server(('127.0.0.1', 0))  # accepts, and never answers
names = {silent.getsockname()[1]: 'PORT', 5999: 'PGPORT'}
port = silent.getsockname()[1]
host = folder.replace('/', '%2F')
os.environ['PGPORT'] = '5999'
expect('port of postgresql://pg-0,pg-1:6432/app', parse_dsn('postgresql://pg-0,pg-1:6432/app')['port'], ',6432')
expect('asked by postgresql://HOST,HOST:PORT', asked(f'postgresql://{host},{host}:{port}')[0], ['5432', 'PORT'])
expect('asked by postgresql://HOST,HOST', asked(f'postgresql://{host},{host}')[0], ['5432', '5432'])
expect('asked by postgresql://HOST', asked(f'postgresql://{host}')[0], ['PGPORT'])
expect('asked by host=HOST,HOST', asked(f'host={folder},{folder}')[0], ['PGPORT', 'PGPORT'])
expect('asked by host=HOST,HOST port=PORT', asked(f'host={folder},{folder} port={port}')[0], ['PORT', 'PORT'])
for hosts in (1, 2):
    dsn = f'host={",".join(["127.0.0.1"] * hosts)} port={port} connect_timeout=1'
    expect(f'seconds to give up on silent hosts ({hosts}), connect_timeout=1', asked(dsn)[1], 2 * hosts)
sys.exit(failed)
PY
timeout 60 "$work/venv/bin/python" "$work/finding.py" "$work"
