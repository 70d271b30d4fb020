#!/usr/bin/env bash
# The guess: a server of HAProxy gets traffic only after a check has passed, and its first check comes at once, or at the
# latest after its own "inter" - so after a (re)start a replica is in the write listener for half a second at most.
# What happens: every server starts UP, unchecked, and in the rotation. The first checks of *all* servers of the process
# are spread over the longest "inter" of the whole file: one slow backend (here: inter 8s, in another section) keeps
# servers with inter 200ms UP and unchecked for seconds. A replica that answers 503 takes writes for that long.
# Who meets it: Patroni behind HAProxy, at each start and reload, as soon as anything else in the file is checked slowly.
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
  default-server check inter 200ms fall 1 rise 1
  server pg-0 127.0.0.1:$port
  server pg-1 127.0.0.1:$port
  server pg-2 127.0.0.1:$port
backend slow
  server other 127.0.0.1:$port check inter 8s
CFG
expect "the third replica, just started" "$(stat pg-2 status)" UP
expect "its last check" "$(stat pg-2 check_status)" INI
sleep 2
expect "the first replica, after 2 s (ten times its inter)" "$(stat pg-0 status)" DOWN
expect "the third replica, after 2 s (ten times its inter)" "$(stat pg-2 status)" UP
expect "its last check" "$(stat pg-2 check_status)" INI
sleep 5
expect "the third replica, after 7 s" "$(stat pg-2 status)" DOWN
expect "its last check" "$(stat pg-2 check_status)" L7STS
exit $failed
