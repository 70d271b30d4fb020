# Breaks something on purpose and writes down what, for mend.
# shellcheck shell=bash disable=SC2016

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
    [[ $# -ge 1 ]] || die "break $kind of which service? ($TARGETS)"
    node=$(target "$1")
    shift
    if [[ " ${NODE_KINDS[*]} " == *" $kind "* && " ${PG_NODES[*]} " != *" $node "* ]]; then
        die "$kind is for database nodes, not for $node"
    fi
    [[ $(state "$node") == running ]] || die "$node does not run (it is $(state "$node"))"
    # What can not be broken is not written down.
    if declare -F "check_$kind" > /dev/null; then "check_$kind" "$node"; fi
    # Written down first: whatever happens next, mend knows.
    note "$kind" "$node"
    "break_$kind" "$node" "$@"
    say "$node: $kind done; undo with dev/lab mend $kind $node"
}

note() {
    mkdir -p "$LAB_STATE"
    grep -qxF "$1 $2" "$LAB_STATE/broken" 2> /dev/null || echo "$1 $2" >> "$LAB_STATE/broken"
}

forget() {
    grep -vxF "$1 $2" "$LAB_STATE/broken" > "$LAB_STATE/broken.new" || true
    mv "$LAB_STATE/broken.new" "$LAB_STATE/broken"
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
            WHERE $(received_by "$1")" > /dev/null 2>&1 || true
    done
    # pg_terminate_backend ends no receiver, whose process is no backend.
    inside "$1" bash -euc 'pkill -TERM -u postgres -f "^postgres: .*walreceiver" || true'
}
