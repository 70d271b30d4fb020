#!/usr/bin/env bash
# The guess: a health check of /replica?lag=16M (or 16mb, 16MiB) limits the lag to 16 MB, or is refused with an error.
# What happens: only the units of PostgreSQL's settings count, in their exact case (kB, MB, GB). Anything else is taken as
# *no limit*, without a word: the replica stays in the rotation however far behind it is.
# Who meets it: "option httpchk" lines of HAProxy, probes of Kubernetes.
# Source: patroni 4.1.0 (PyPI), its own request handler, run below.
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


import http.client, threading
from http.server import HTTPServer
from unittest.mock import MagicMock
from patroni.api import RestApiHandler
from patroni.tags import Tags

MB = 1024 * 1024


class Handler(RestApiHandler):  # Patroni's own REST API; only PostgreSQL's answer is made up: a replica 100 MB behind
    def get_postgresql_status(self, retry=False):
        return {'role': 'replica', 'state': 'running', 'xlog': {'replayed_location': 100 * MB}}

    def log_message(self, *_):
        pass


class Server(HTTPServer):
    patroni = MagicMock()

    def __getattr__(self, _):
        return MagicMock()


member = Server.patroni
member.noloadbalance = False
member.dcs.cluster.status.last_lsn = 200 * MB
member.dcs.cluster.config.data = {}
member.dcs.cluster.config.modify_version = 1
server = Server(('127.0.0.1', 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()


def get(path):
    connection = http.client.HTTPConnection(*server.server_address)
    connection.request('OPTIONS', path)
    return connection.getresponse().status


member.tags = {}
for limit, status in (('16777216', 503), ('16MB', 503), ('16384kB', 503), ('1GB', 200),
                      ('16M', 200), ('16mb', 200), ('16MiB', 200), ('16384KB', 200)):
    expect(f'/replica?lag={limit}, 100 MB behind', get(f'/replica?lag={limit}'), status)


sys.exit(failed)
PY
TZ=UTC timeout 60 venv/bin/python finding.py
