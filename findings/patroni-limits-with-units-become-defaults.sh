#!/usr/bin/env bash
# The guess: the settings of the dynamic configuration that are sizes and times take the units of PostgreSQL - Patroni
# parses them for ?lag= and member_slots_ttl - or a text with a unit is refused.
# What happens: only member_slots_ttl knows units. maximum_lag_on_failover: 64MB is silently the default of 1 MB,
# primary_start_timeout: 10min is 300 seconds, maximum_lag_on_syncnode: 16MB is "no limit",
# primary_stop_timeout: 30s is none at all. And numbers written as text are read like in C: "0100" is 64.
# Who meets it: edit-config, Helm values, bootstrap.dcs; whoever shows the limit of the cluster from the DCS.
# Source: patroni 4.1.0 (PyPI), its own class for the global configuration, run below.
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


from types import SimpleNamespace
from patroni import global_config


def effective(name, value):
    config = SimpleNamespace(data={name: value}, modify_version=1)
    return getattr(global_config.from_cluster(SimpleNamespace(config=config)), name)


for name, value, expected in (('maximum_lag_on_failover', 67108864, 67108864), ('maximum_lag_on_failover', '67108864', 67108864),
                              ('maximum_lag_on_failover', '64MB', 1048576), ('maximum_lag_on_syncnode', 16777216, 16777216),
                              ('maximum_lag_on_syncnode', '16MB', -1), ('primary_start_timeout', '600', 600),
                              ('primary_start_timeout', '10min', 300), ('primary_stop_timeout', '30s', 0),
                              ('member_slots_ttl', '10min', 600), ('primary_start_timeout', '0100', 64)):
    expect(f'{name}: {value!r}', effective(name, value), expected)


sys.exit(failed)
PY
TZ=UTC timeout 60 venv/bin/python finding.py
