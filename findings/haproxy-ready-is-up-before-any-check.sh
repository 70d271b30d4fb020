#!/usr/bin/env bash
# The guess: "set server B/S state ready" ends the maintenance, and the server comes back when its checks pass ("rise").
# What happens: it is UP and in the rotation that very moment, before any check, whatever it was before - with rise 3 and
# a check that has never passed in its life. Only the next failed check takes it out again (up to one "inter" later).
# Who meets it: operators who take a node out of HAProxy and back: a replica (503 to the check of the write listener)
# takes writes until then.
# Source: HAProxy 2.6.12-1+deb12u4 (Debian bookworm), run below.
set -euo pipefail
work=$(mktemp -d)
started=()
finish() { for p in "${started[@]}"; do kill "$p" 2>/dev/null || true; done; wait 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT
(
  mkdir "$work/deb" && cd "$work/deb"
  apt-get download -q haproxy=2.6.12-1+deb12u4 liblua5.3-0=5.3.6-2 libopentracing-c-wrapper0=1.1.3-3+b1 \
    libopentracing1 >"$work/apt.log" 2>&1 || { echo "cannot fetch HAProxy:"; cat "$work/apt.log"; exit 1; }
  for p in *.deb; do dpkg -x "$p" "$work/root"; done
)
libs=$(dirname "$(find "$work/root" -name 'liblua5.3.so.0' | head -1)")
haproxy() { LD_LIBRARY_PATH=$libs exec "$work/root/usr/sbin/haproxy" "$@"; }
cat >"$work/member.py" <<'PY'
# Answers health checks: /200/SECONDS and /503/SECONDS with that status after that time. Prints its port.
import http.server, time
class Member(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        _, status, seconds = self.path.split('/')
        time.sleep(float(seconds))
        try:
            self.send_response(int(status))
            self.end_headers()
        except OSError:
            pass
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Member)
print(server.server_port, flush=True)
server.serve_forever()
PY
cat >"$work/ask.py" <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall((sys.argv[2] + '\n').encode())
while chunk := s.recv(65536):
    sys.stdout.write(chunk.decode())
PY
python3 "$work/member.py" >"$work/port" & started+=($!)
until [ -s "$work/port" ]; do sleep 0.05; done
port=$(cat "$work/port")
ask() { python3 "$work/ask.py" "$work/socket" "$1"; }
stat() { ask 'show stat' | awk -F, -v s="$1" -v f="$2" '/^# /{sub(/^# /, ""); for (i = 1; i <= NF; i++) if ($i == f) c = i} $2 == s{print $c}'; }
admin() { ask 'show servers state' | awk -v s="$1" '$4 == s{print $7}'; }
run() {
  { printf 'global\n  stats socket %s/socket level admin\ndefaults\n  mode tcp\n  timeout connect 1s\n  timeout client 9s\n  timeout server 9s\n  timeout check 5s\n' "$work"; cat; } >"$work/haproxy.cfg"
  (haproxy -f "$work/haproxy.cfg" >"$work/haproxy.log" 2>&1) & started+=($!)
  until [ -S "$work/socket" ] && ask 'show info' >/dev/null 2>&1; do sleep 0.05; done
  ask 'show info' | grep '^Version'
}
failed=0
expect() { # WHAT SEEN EXPECTED
  printf '  %-62s %s\n' "$1" "$2"
  [ "$2" = "$3" ] || { echo "CHANGED: $1: was '$3', is now '$2'"; failed=1; }
}
run <<CFG
listen writes
  bind unix@$work/writes
  option httpchk GET /503/0
  server pg-0 127.0.0.1:$port check inter 2s fall 3 rise 3
CFG
until [ "$(stat pg-0 status)" = DOWN ]; do sleep 0.1; done
expect "the replica" "$(stat pg-0 status), check $(stat pg-0 check_status)" "DOWN, check L7STS"
ask "set server writes/pg-0 state maint" >/dev/null
sleep 0.5
expect "after 'state maint'" "$(stat pg-0 status)" MAINT
ask "set server writes/pg-0 state ready; show stat" >"$work/stat" # in one request: the very next thing it says
column() { awk -F, -v s="$1" -v f="$2" '/^# /{sub(/^# /, ""); for (i = 1; i <= NF; i++) if ($i == f) c = i} $2 == s{print $c}' "$work/stat"; }
expect "at once after 'state ready'" "$(column pg-0 status), check $(column pg-0 check_status)" "UP 1/3, check L7STS"
expect "servers in the rotation" "$(column BACKEND act)" 1
sleep 3
expect "3 s later" "$(stat pg-0 status)" DOWN
exit $failed
