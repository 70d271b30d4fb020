#!/usr/bin/env bash
# The guess: max_connections: 20 in the dynamic configuration gives 20 connections, or - being too low for Patroni - its
# minimum of 25, or an error.
# What happens: a value below Patroni's minimum is dropped and PostgreSQL gets Patroni's *default*: asked for 20 it gets
# 100, asked for 2 walsenders 10, asked for 3 slots 10. And the same names in a member's own file are ignored whatever
# they say, while every other setting there wins over the dynamic one.
# Who meets it: small clusters that save memory; whoever compares the configuration in the DCS with the server.
# Source: patroni 4.1.0 (PyPI), its own configuration class, run below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check \
  patroni==4.1.0 psycopg2-binary==2.9.10 python-dateutil==2.9.0.post0 2>"$work/pip.log" ||
  { echo "cannot install Patroni:"; cat "$work/pip.log"; exit 1; }
cd "$work"
cat >finding.py <<'PY'
import logging, sys
import patroni.version
logging.disable(logging.CRITICAL)
print('patroni', patroni.version.__version__)
failed = False


def expect(what, seen, expected):
    global failed
    print(f'  {what:<64} {seen}')
    if seen != expected:
        failed = True
        print(f'CHANGED: {what}: was {expected!r}, is now {seen!r}')


from patroni.config import Config

open('patroni.yml', 'w').write('''
scope: demo
name: pg-0
restapi: {listen: 127.0.0.1:8008, connect_address: 127.0.0.1:8008}
postgresql:
  listen: 127.0.0.1:5432
  connect_address: 127.0.0.1:5432
  data_dir: data
  parameters: {max_connections: 300, work_mem: 8MB}
''')
config = Config('patroni.yml')


def effective(**parameters):
    config.set_dynamic_configuration({'postgresql': {'parameters': parameters}})
    return config['postgresql']['parameters']


for name, asked, expected in (('max_connections', 200, 200), ('max_connections', 20, 100), ('max_wal_senders', 2, 10),
                              ('max_replication_slots', 3, 10), ('max_locks_per_transaction', 16, 64)):
    expect(f'{name}: {asked}', effective(**{name: asked}).get(name), expected)
expect('max_connections: 300 in the file of the member', effective().get('max_connections'), 100)
expect('work_mem: 8MB in the file of the member, dynamic 64MB', effective(work_mem='64MB').get('work_mem'), '8MB')


sys.exit(failed)
PY
TZ=UTC timeout 60 venv/bin/python finding.py
