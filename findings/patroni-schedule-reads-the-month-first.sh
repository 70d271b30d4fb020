#!/usr/bin/env bash
# The guess: a switchover for "01.02.2027 03:00+01:00" is the first of February, as everywhere where dates have dots; or
# it is refused, as the error text about an unambiguous format promises. "03:00 UTC+3" is three hours east of UTC, as on
# every clock. A time alone is its next occurrence. And patronictl takes what the REST API takes.
# What happens: dots or not, the month is read first - 2 January - unless that is impossible: 13.02.2027 is in February.
# "UTC+3" is three hours *west* (03:00-03:00), "+3" is east. All are accepted (202). A time without a date is today,
# so past midnight is refused. CET is as good as no zone and refused by the REST API, but patronictl fills in the zone
# of the machine it runs on - so there the same text means something.
# Who meets it: whoever schedules a switchover by hand or passes a date through to Patroni.
# Source: patroni 4.1.0 with python-dateutil 2.9.0.post0 (PyPI), the parser of its REST API and of patronictl, run below.
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


import datetime, warnings
from patroni.api import RestApiHandler
from patroni.ctl import parse_scheduled
warnings.simplefilter('ignore')


def rest(text):
    code, error, when = RestApiHandler.parse_schedule(text, 'switchover')
    return f'refused ({code})' if error else when.isoformat()


def ctl(text):
    return parse_scheduled(text).isoformat()


year = datetime.date.today().year + 1
for text, expected in ((f'01.02.{year} 03:00+01:00', f'{year}-01-02T03:00:00+01:00'),
                       (f'13.02.{year} 03:00+01:00', f'{year}-02-13T03:00:00+01:00'),
                       (f'{year}-02-01T03:00 +3', f'{year}-02-01T03:00:00+03:00'),
                       (f'{year}-02-01T03:00 UTC+3', f'{year}-02-01T03:00:00-03:00'),
                       (f'{year}-02-01T03:00 GMT+3', f'{year}-02-01T03:00:00-03:00'),
                       (f'{year}-02-01T03:00 CET', 'refused (400)')):
    expect(f'REST API: {text}', rest(text), expected)
expect(f'patronictl on a machine in UTC: {year}-02-01T03:00 CET', ctl(f'{year}-02-01T03:00 CET'), f'{year}-02-01T03:00:00+00:00')
expect('REST API: 00:00+00:00 (the next midnight?)', rest('00:00+00:00'), 'refused (422)')


sys.exit(failed)
PY
TZ=UTC timeout 60 venv/bin/python finding.py
