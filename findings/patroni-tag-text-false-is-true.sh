#!/usr/bin/env bash
# The guess: a tag written as text - nofailover: "false" - is false like the boolean, for every tag alike.
# What happens: nofailover, nosync, noloadbalance and clonefrom take any non-empty text as true, "false", "off" and "0"
# included: the member never takes over, is never synchronous, and gets no reads. nostream alone reads the text, and is
# false. And what looks like a contradiction, nofailover: false with failover_priority: 0, lets the member take over,
# although priority 0 alone forbids it.
# Who meets it: templates that quote their values (Helm, Ansible, environment files); whoever reads the tags as JSON.
# Source: patroni 4.1.0 (PyPI), its own classes, run below.
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


from patroni.tags import Tags


class Member(Tags):
    def __init__(self, **tags):
        self._tags = self._filter_tags(tags)

    tags = property(lambda self: self._tags)


names = ('nofailover', 'nosync', 'noloadbalance', 'clonefrom', 'nostream')
for value, expected in ((False, [False] * 5), ('false', [True] * 4 + [False]), ('off', [True] * 4 + [False]),
                        ('0', [True] * 4 + [False])):
    member = Member(**{name: value for name in names})
    for name, want in zip(names, expected):
        expect(f'{name}: {value!r}', bool(getattr(member, name)), want)
expect('failover_priority: 0 forbids to take over', Member(failover_priority=0).nofailover, True)
expect('the same with nofailover: false', Member(failover_priority=0, nofailover=False).nofailover, False)


sys.exit(failed)
PY
TZ=UTC timeout 60 venv/bin/python finding.py
