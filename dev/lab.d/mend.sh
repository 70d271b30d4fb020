# Undoes what break has done: all of it, one kind, or one kind on one service.
# shellcheck shell=bash disable=SC2016

source "$LAB_ROOT/dev/lab.d/break.sh"

lab_mend() {
    need_docker
    local kind=${1:-} node=${2:-}
    if [[ -n $kind && " ${KINDS[*]} " != *" $kind "* ]]; then die "mend knows: ${KINDS[*]}"; fi
    if [[ $kind == quorum ]]; then
        mend_quorum
        return
    fi
    if [[ -n $node ]]; then
        node=$(place "$node")
        existing "$node" > /dev/null
        note "$kind" "$node"
    fi
    local result=0
    mend_noted "$kind" "$node" || result=1
    # Without arguments also what was broken by other hands.
    if [[ -z $kind ]]; then mend_seen; fi
    return $result
}

# What holds a node still has to go before its inside can be mended.
mend_noted() {
    local kind node line failed=
    local -a noted
    [[ -s $LAB_STATE/broken ]] || return 0
    # Read whole before anything is mended: docker exec would eat the rest.
    mapfile -t noted < <(sort -u "$LAB_STATE/broken" | awk '
        /^(pause|stop|kill) / { print; next } { rest = rest $0 "\n" } END { printf "%s", rest }')
    for line in "${noted[@]}"; do
        read -r kind node <<< "$line"
        [[ -z ${1:-} || $kind == "$1" ]] || continue
        [[ -z ${2:-} || $node == "$2" ]] || continue
        if [[ -n $(container "$node") ]]; then
            if ! "mend_$kind" "$node"; then
                say "$node: $kind could not be mended now; once the node runs, try again: dev/lab mend"
                failed=1
                continue
            fi
            say "$node: $kind mended"
        fi
        forget "$kind" "$node"
    done
    [[ -z $failed ]]
}

mend_seen() {
    local service
    for service in "${SERVICES[@]}"; do
        case $(state "$service") in
            paused) mend_pause "$service" ;;
            exited | created | dead) mend_stop "$service" ;;
            *) continue ;;
        esac
        say "$service: runs again"
    done
}

mend_stop() { docker start "$(existing "$1")" > /dev/null; }
mend_kill() { mend_stop "$1"; }

mend_pause() {
    [[ $(state "$1") != paused ]] || docker unpause "$(existing "$1")" > /dev/null
}

mend_cut() { drop_rules "$1" lab-cut; }
mend_receiver() { drop_rules "$1" lab-receiver; }

# A restarted container has a new network namespace: there may be no rules left.
drop_rules() {
    inside "$1" bash -euc '
        iptables-save | sed -n "/^-A .*--comment \"\?$1\"\? /s/^-A/-D/p" |
            while read -r rule; do eval "iptables -w $rule"; done' - "$2"
}

mend_replay() {
    sql "$1" 'SELECT CASE WHEN pg_is_in_recovery() THEN pg_wal_replay_resume() END' > /dev/null
}
