#!/usr/bin/env bash
# The guess: "etcdctl endpoint health" and GET /health of the same member agree, and compaction with defragmentation,
# which brings the file far below the quota, ends the NOSPACE alarm.
# What happens: with the alarm raised, etcdctl 3.4 says "is healthy" and exits 0, while /health says "false" (as text, so
# that a test for a JSON boolean finds neither). After compaction and defragmentation the file is small, and writes are
# still refused for ever: the alarm is kept in the store until it is disarmed by hand.
# Who meets it: health checks of etcd under Patroni, and whoever has just freed the space and trusts the size.
# Source: etcd 3.4.23 (Debian bookworm), run below.
set -euo pipefail
work=$(mktemp -d)
started=()
finish() { for p in "${started[@]}"; do kill "$p" 2>/dev/null || true; done; wait 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT
(
  mkdir "$work/deb" && cd "$work/deb"
  apt-get download -q etcd-server=3.4.23-4+b4 etcd-client=3.4.23-4+b4 >"$work/apt.log" 2>&1 ||
    { echo "cannot fetch etcd:"; cat "$work/apt.log"; exit 1; }
  for p in *.deb; do dpkg -x "$p" "$work/root"; done
)
export ETCDCTL_API=3
read -r client peer < <(python3 -c 'import socket
s = [socket.create_server(("127.0.0.1", 0)) for _ in "ab"]
print(*(x.getsockname()[1] for x in s))')
url=http://127.0.0.1:$client
ctl() { "$work/root/usr/bin/etcdctl" --endpoints "$url" "$@"; }
run() { # OPTION...
  "$work/root/usr/bin/etcd" --name one --data-dir "$work/data" --listen-client-urls "$url" --advertise-client-urls "$url" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
    --initial-cluster "one=http://127.0.0.1:$peer" "$@" >"$work/log" 2>&1 & started+=($!)
  for _ in $(seq 100); do ctl endpoint health >/dev/null 2>&1 && break; sleep 0.1; done
  "$work/root/usr/bin/etcd" --version | head -1
}
try() { # what it says on failure in short, or "done"
  if ctl "$@" >"$work/out" 2>&1; then echo "done"; else grep -o 'database space exceeded' "$work/out" | head -1 || tail -1 "$work/out"; fi
}
fill() { for i in $(seq 80); do head -c 60000 /dev/zero | tr '\0' x | ctl put "/fill/$i" >/dev/null 2>&1 || break; done; }
failed=0
expect() { # WHAT SEEN EXPECTED
  printf '  %-62s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "CHANGED: $1: was '$3', is now '$2'"; failed=1; }
}
run --quota-backend-bytes 2000000
web() { python3 -c 'import sys, urllib.request, urllib.error
try:
    print(urllib.request.urlopen(sys.argv[1]).read().decode().strip())
except urllib.error.HTTPError as e:
    print(e.code, e.read().decode().strip())' "$url/health"; }
cli() { ctl endpoint health 2>&1 | grep -o 'is healthy\|is unhealthy'; }
size() { ctl endpoint status -w json | grep -o '"dbSize":[0-9]*' | cut -d: -f2; }
expect "etcdctl, all well" "$(cli)" "is healthy"
expect "/health, all well" "$(web)" '{"health":"true"}'
fill
expect "alarm" "$(ctl alarm list | grep -o 'alarm:.*' | tr -d ' ')" alarm:NOSPACE
expect "etcdctl, out of space" "$(cli)" "is healthy"
expect "/health, out of space" "$(web)" '503 {"health":"false"}'
for i in $(seq 80); do ctl del "/fill/$i" >/dev/null; done
ctl compact "$(ctl endpoint status -w json | grep -o '"revision":[0-9]*' | cut -d: -f2)" >/dev/null
ctl defrag >/dev/null
expect "file under a tenth of the quota after defragmentation" "$([ "$(size)" -lt 200000 ] && echo yes || echo "no: $(size)")" yes
expect "a write then" "$(try put /a b)" "database space exceeded"
sleep 3
expect "a write 3 s later" "$(try put /a b)" "database space exceeded"
ctl alarm disarm >/dev/null
expect "a write after 'alarm disarm'" "$(try put /a b)" "done"
exit $failed
