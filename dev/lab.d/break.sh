# Breaks something on purpose and writes down what, for mend.
# shellcheck shell=bash disable=SC2016

KINDS=(stop kill pause cut quorum delay replay receiver disk tag)

lab_break() {
    [[ $# -ge 1 ]] || die "break what? one of: ${KINDS[*]} (dev/lab help)"
    need_docker
    local kind=$1 node
    shift
    [[ " ${KINDS[*]} " == *" $kind "* ]] || die "break knows: ${KINDS[*]} (dev/lab help)"
    if [[ $kind == quorum ]]; then
        break_quorum "${1:-stop}"
        return
    fi
    [[ $# -ge 1 ]] || die "break $kind of which service? (etcd-1, pg-0, pg-router, leader, replica, router, ...)"
    node=$(target "$1")
    shift
    case $kind in
        delay | replay | receiver | disk | tag)
            [[ " ${PG_NODES[*]} " == *" $node "* ]] || die "$kind is for database nodes, not for $node"
            ;;
    esac
    [[ $(state "$node") == running ]] || die "$node does not run (it is $(state "$node"))"
    # Written down first: whatever happens next, mend knows.
    note "$kind" "$node"
    "break_$kind" "$node" "$@"
    say "$node: $kind done; undo with dev/lab mend $kind $node"
}

note() {
    mkdir -p "$LAB_STATE"
    grep -qxF "$1 $2" "$LAB_STATE/broken" 2> /dev/null || echo "$1 $2" >> "$LAB_STATE/broken"
}

break_stop() { docker stop -t 60 "$(existing "$1")" > /dev/null; }
break_kill() { docker kill "$(existing "$1")" > /dev/null; }
break_pause() { docker pause "$(existing "$1")" > /dev/null; }

# Packets are dropped, those of open connections too; nothing tells the peers.
# Loopback stays, so that the node can still talk to itself.
break_cut() {
    inside "$1" bash -euc '
        for chain in INPUT OUTPUT; do
            iptables -w -C $chain -m comment --comment lab-cut -j DROP 2> /dev/null && continue
            iptables -w -I $chain 1 -m comment --comment lab-cut -j DROP
            iptables -w -I $chain 1 -m comment --comment lab-cut -$([ $chain = INPUT ] && echo i || echo o) lo -j ACCEPT
        done'
}

break_quorum() {
    local member
    case $1 in
        stop | cut | pause) ;;
        *) die "quorum is broken by stop, cut or pause" ;;
    esac
    for member in etcd-2 etcd-3; do lab_break "$1" "$member"; done
}

# Replay this much late, as Patroni itself would configure it.
break_delay() {
    inside "$1" bash -euc 'echo "recovery_min_apply_delay: $1" > /var/lib/lab/recovery.yml' - "${2:-30s}"
    reload_node "$1"
    await_setting "$1" "SELECT setting::int > 0 FROM pg_settings WHERE name = 'recovery_min_apply_delay'"
}

break_replay() { sql "$1" 'SELECT pg_wal_replay_pause()' > /dev/null; }

# The receiver's connections are refused and the open one is ended on both
# sides, so that it is gone at once; the rest of the node's traffic passes.
break_receiver() {
    local sender
    inside "$1" bash -euc '
        rule() { iptables -w -C "$@" 2> /dev/null || iptables -w -I "$@"; }
        refuse="-m comment --comment lab-receiver -p tcp -j REJECT --reject-with tcp-reset"
        rule OUTPUT $refuse ! -o lo --dport 5432
        rule INPUT $refuse ! -i lo --sport 5432'
    for sender in "${PG_NODES[@]}"; do
        [[ $(state "$sender") == running ]] || continue
        sql "$sender" "SELECT pg_terminate_backend(pid) FROM pg_stat_replication
            WHERE application_name = '$(member_of "$1")'" > /dev/null 2>&1 || true
    done
    sql "$1" "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE backend_type = 'walreceiver'" > /dev/null 2>&1 || true
}

# Only ever the node's own limited disk. The filler takes no space on the
# host: its blocks are allocated and never written.
break_disk() {
    inside "$1" bash -euc '
        disk=/var/lib/postgresql/lab
        if ! mountpoint -q $disk; then
            echo "this node has no disk of limited size (LAB_DISK_SIZE=0, or no loop device)" >&2
            exit 1
        fi
        while free=$(df --output=avail -k $disk | tail -n 1) && ((free > 0)); do
            size=$(stat -c %s $disk/filler 2> /dev/null || echo 0)
            fallocate -o "$size" -l "${free}K" $disk/filler 2> /dev/null && continue
            dd if=/dev/zero of=$disk/filler oflag=append conv=notrunc bs=64K status=none 2> /dev/null || break
        done' || { forget disk "$1"; die "$1: not filled"; }
}

break_tag() {
    [[ -n ${2:-} ]] || die 'which tag? e.g. dev/lab break tag pg-1 "nofailover: true"'
    inside "$1" bash -euc 'printf "%s\n" "$1" > /var/lib/lab/tags.yml' - "$2"
    reload_node "$1"
}

# Patroni takes the file up in its next loop.
await_setting() { # NODE QUESTION
    local i
    for ((i = 0; i < 30; i++)); do
        if [[ $(sql "$1" "$2" 2> /dev/null) == t ]]; then return 0; fi
        sleep 0.5
    done
    say "$1: Patroni has not taken it up within 15 s"
}

# Writes the node's configuration anew and has Patroni read it.
reload_node() {
    inside "$1" bash -euc '
        /usr/local/lib/lab/patroni-config "$(cat /run/lab/data-directory)" > /run/lab/patroni.yml.new
        chown postgres:postgres /run/lab/patroni.yml.new
        mv /run/lab/patroni.yml.new /run/lab/patroni.yml
        pkill -HUP -o -f "bin/patroni /run/lab/patroni.yml"'
}
