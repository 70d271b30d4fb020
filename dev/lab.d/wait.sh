# Waits until the lab is whole: a leader, two streaming replicas, the router's
# primary and replicas up, the roles created.
# shellcheck shell=bash

lab_wait() {
    need_docker
    await_whole "${1:-${LAB_WAIT:-240}}"
}

await_whole() {
    local begin=$SECONDS missing last=
    while missing=$(what_is_missing) && [[ -n $missing ]]; do
        if ((SECONDS - begin > $1)); then
            die "not whole after $1 s, still waiting for: $missing (dev/lab status, dev/lab logs SERVICE)"
        fi
        if [[ $missing == *" is exited)" || $missing == *", code "[1-9]* ]] && ((SECONDS - begin > 10)); then
            docker logs --tail 15 "$(container "${missing%% *}")" >&2
            die "${missing%% *} came to its end (its last words are above)"
        fi
        if [[ $missing != "$last" ]]; then
            say "$(printf '%3d s' $((SECONDS - begin)))  waiting for $missing"
            last=$missing
        fi
        sleep 1
    done
}

# One line of what is not there yet; nothing when the lab is whole.
what_is_missing() {
    local service streaming up status
    for service in "${ETCD_NODES[@]}" "${PG_NODES[@]}" "$ROUTER" "${EXPORTERS[@]}"; do
        status=$(state "$service")
        if [[ $status != running ]]; then
            echo "$service to run (it is $status)"
            return
        fi
    done
    streaming=$(cluster_jq '[.members[] | if (.role == "leader" and .state == "running") then "leader"
        elif .state == "streaming" then "streaming" else empty end] | sort | join(" ")' 2> /dev/null) || streaming=
    if [[ $streaming != "leader streaming streaming" ]]; then
        echo "a leader and two streaming replicas (now: ${streaming:-no answer})"
        return
    fi
    # The record keeps the word of a node that died for as long as its key lives: each must say so itself.
    for service in "${PG_NODES[@]}"; do
        status=$(itself "$service")
        if [[ $status != running\ primary* && $status != running\ master* && $status != "running replica streaming" ]]; then
            echo "$service to lead or to stream by its own word (now: ${status:-no answer})"
            return
        fi
    done
    up=$(router_up)
    if [[ $up != "1 2 3" ]]; then
        echo "the router to see 1 primary, 2 replicas, 3 nodes (now: ${up:-no answer})"
        return
    fi
    status=$(docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$(container "$INIT")")
    if [[ $status != "exited 0" ]]; then
        echo "$INIT to finish (it is ${status/ /, code })"
    fi
}

# State, role and replication state of a node by its own Patroni.
itself() {
    inside "$1" bash -c 'curl -fsS -m 4 http://127.0.0.1:8008/patroni |
        jq -r "[.state, .role, .replication_state // \"\"] | join(\" \")"' 2> /dev/null || true
}

# Servers up in the pools primary, replicas and any: "1 2 3" when all is well.
router_up() {
    inside "$ROUTER" bash -c 'echo "show stat" | socat -t2 - UNIX-CONNECT:/run/haproxy.sock' 2> /dev/null |
        awk -F, '$2 != "FRONTEND" && $2 != "BACKEND" && $18 ~ /^UP/ { n[$1]++ }
            END { printf "%d %d %d", n["primary"], n["replicas"], n["any"] }' || true
}
