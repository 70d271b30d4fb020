#!/usr/bin/env bash
# The guess: the column check_status of "show stat" holds one of the codes (L4OK, L7OK, L7STS, ...), to be compared as is.
# What happens: while a check is under way the code has "* " before it: "* L7OK". With a check that answers slowly (a
# Patroni under load) most samples look like that, and a comparison with "L7OK" reports a healthy server as failing.
# Who meets it: parsers of the statistics (consoles, exporters, scripts).
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
listen reads
  bind unix@$work/reads
  option httpchk GET /200/0.8
  server pg-0 127.0.0.1:$port check inter 200ms
CFG
sleep 1.1
for i in $(seq 25); do
  stat pg-0 check_status
  sleep 0.1
done >"$work/seen"
sort "$work/seen" | uniq -c
expect "codes seen" "$(sort -u "$work/seen" | paste -sd,)" "* L7OK,L7OK"
expect "most of them with the mark" "$([ "$(grep -c '^\* ' "$work/seen")" -gt 12 ] && echo yes || echo no)" yes
expect "status of the server meanwhile" "$(stat pg-0 status)" UP
exit $failed
