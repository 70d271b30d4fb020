#!/usr/bin/env bash
# The guess: an etcd that is out of space refuses writes, so Patroni's leader cannot renew its key, which runs out, and
# the cluster fails over or goes read-only.
# What happens: renewing a lease is not a write to the store: the keep-alive is answered, and the leader key lives on
# with an old value. But nobody can change a key or be granted a lease - not even by a transaction whose branch with
# the put is not taken. All looks well until the leader dies or its lease is lost: then no member can take the key.
# Who meets it: Patroni on etcd with a full quota: a healthy looking cluster in which no failover is possible.
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
lease=$(ctl lease grant 10 | awk '{print $2}')
ctl put --lease="$lease" /service/demo/leader pg-0 >/dev/null
fill
expect "alarm" "$(ctl alarm list | grep -o 'alarm:.*' | tr -d ' ')" alarm:NOSPACE
for _ in $(seq 12); do ctl lease keep-alive --once "$lease" >"$work/kept" 2>&1; sleep 1; done
sed 's/^/  | /; s/lease [0-9a-f]*/lease .../' "$work/kept"
expect "the leader key after 12 s of renewals (its lease: 10 s)" "$(ctl get --print-value-only /service/demo/leader)" pg-0
expect "changing its value" "$(try put --lease="$lease" /service/demo/leader pg-1)" "database space exceeded"
printf 'value("/service/demo/leader") = "pg-0"\n\nget /service/demo/leader\n\nput /service/demo/leader pg-1\n\n' >"$work/txn"
expect "a transaction that would only read, its other branch puts" "$(try txn <"$work/txn")" "database space exceeded"
expect "a new lease" "$(try lease grant 10)" "database space exceeded"
expect "deleting a key" "$(try del /fill/1)" "done"
ctl lease revoke "$lease" >/dev/null
expect "the leader key once the lease is gone" "$(ctl get --print-value-only /service/demo/leader)" ""
expect "another member taking it" "$(try put /service/demo/leader pg-1)" "database space exceeded"
exit $failed
