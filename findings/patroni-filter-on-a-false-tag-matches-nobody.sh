#!/usr/bin/env bash
# The guess: /replica?tag_nofailover=false picks the replicas that may take over, as ?tag_zone=a picks those of zone a.
# What happens: a built-in tag (nofailover, noloadbalance, nosync, nostream, clonefrom) that is false is dropped from the
# member's tags, even when written in its configuration; a filter on a tag that is not there never matches. So the
# filter is 503 on *every* member - except one that also has a failover_priority, where the false is kept.
# Who meets it: read pools of HAProxy by tag: the pool is empty.
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


for tags, query, status in (
        ({'zone': 'a', 'nofailover': False}, 'tag_zone=a', 200),
        ({'zone': 'a', 'own': False}, 'tag_own=false', 200),
        ({'zone': 'a', 'nofailover': False}, 'tag_nofailover=false', 503),
        ({'zone': 'a'}, 'tag_nofailover=false', 503),
        ({'nofailover': True}, 'tag_nofailover=true', 200),
        ({'nofailover': False, 'failover_priority': 2}, 'tag_nofailover=false', 200)):
    member.tags = Tags._filter_tags(tags)
    expect(f'{tags} ?{query}', get(f'/replica?{query}'), status)


sys.exit(failed)
PY
TZ=UTC timeout 60 venv/bin/python finding.py
