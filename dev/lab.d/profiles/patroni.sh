# The profile patroni: three etcd, three Patroni with PostgreSQL, HAProxy, exporters.
# shellcheck shell=bash disable=SC2016,SC2034

ETCD_NODES=(etcd-1 etcd-2 etcd-3)
PG_NODES=(pg-0 pg-1 pg-2)
EXPORTERS=(pg-0-exporter pg-1-exporter pg-2-exporter)
ROUTER=pg-router
INIT=pg-cluster-init

SERVICES=("${ETCD_NODES[@]}" "${PG_NODES[@]}" "$ROUTER" "${EXPORTERS[@]}")
# One group after another, where the lab is stopped in good order.
STOP_ORDER=("$ROUTER ${EXPORTERS[*]}" "${PG_NODES[*]}" "${ETCD_NODES[*]}")
WANTED_PROFILES=(patroni)
PUBLISHED_ON=$LAB_BIND
TARGETS="etcd-1, pg-0, pg-router, leader, replica, router, ..."
LOGGED="etcd-1, pg-0, pg-router, pg-cluster-init, ..."
PSQL_TARGET=router
PSQL_DATABASE=postgres

KINDS=(stop kill pause cut quorum delay replay receiver disk tag)
NODE_KINDS=(delay replay receiver disk tag)

# The variables that name ports on the host.
port_variables() { compgen -v LAB_ | grep '_PORT$' | grep -Ev '^LAB_(STREAMING|POOLER)_'; }

# What up does beyond starting containers.
after_start() {
    if [[ -n $LAB_ETCD_PASSWORD ]]; then lab_auth; fi
}

psql_port() { if [[ $1 == "$ROUTER" ]]; then echo 5000; else echo 5432; fi; }

compose_file() { echo "$LAB_COMPOSE_FILE"; }

# A condition by which a node's connections stand out in pg_stat_replication.
received_by() { printf "application_name = '%s'\n" "$(member_of "$1")"; }

# What the cluster says of itself, for status.
cluster_status() {
    local node
    for node in "${PG_NODES[@]}"; do
        [[ $(state "$node") == running ]] || continue
        if as_postgres "$node" timeout 10 patronictl list 2> /dev/null; then break; fi
    done
}

# cluster_json: what Patroni says of the cluster, from the first node that answers.
cluster_json() {
    local node id
    for node in "${PG_NODES[@]}"; do
        [[ $(state "$node") == running ]] || continue
        id=$(container "$node")
        if docker exec "$id" curl -fsS -m 4 http://127.0.0.1:8008/cluster 2> /dev/null; then
            return 0
        fi
    done
    return 1
}

# cluster_jq FILTER: the same through jq (which the image has).
cluster_jq() {
    local node json
    json=$(cluster_json) || return 1
    for node in "${PG_NODES[@]}" "$ROUTER"; do
        [[ $(state "$node") == running ]] || continue
        printf '%s' "$json" | docker exec -i "$(container "$node")" jq -r "$1"
        return
    done
    return 1
}

# node_of MEMBER: the service that runs this Patroni member.
node_of() {
    local n name
    for n in 0 1 2; do
        name=LAB_MEMBER_$n
        if [[ ${!name} == "$1" ]]; then
            echo "pg-$n"
            return
        fi
    done
    die "no node runs the member \"$1\""
}

# member_of NODE: its Patroni member name.
member_of() {
    local name=LAB_MEMBER_${1#pg-}
    printf '%s\n' "${!name}"
}

# place WORD: the service that a word always stands for.
place() {
    case $1 in
        router) echo "$ROUTER" ;;
        *) echo "$1" ;;
    esac
}

# target WORD: a service, from its own name or from leader, replica, router.
target() {
    local member
    case $1 in
        leader)
            member=$(cluster_jq '.members[] | select(.role | test("leader")) | .name') ||
                die "no node tells who leads"
            [[ -n $member ]] || die "the cluster has no leader"
            node_of "$member"
            ;;
        replica)
            member=$(cluster_jq '[.members[] | select((.role | test("leader") | not) and
                (.state | test("running|streaming")))][0].name // empty') ||
                die "no node tells which are replicas"
            [[ -n $member ]] || die "the cluster has no replica that runs"
            node_of "$member"
            ;;
        *)
            set -- "$(place "$1")"
            existing "$1" > /dev/null
            printf '%s\n' "$1"
            ;;
    esac
}

# One line of what is not there yet; nothing when the lab is whole.
what_is_missing() {
    local service streaming up status
    for service in "${SERVICES[@]}"; do
        status=$(state "$service")
        if [[ $status != running ]]; then
            echo "$service to run (it is $status)"
            return
        fi
    done
    streaming=$(cluster_jq '[.members[] | if (.role == "leader" and .state == "running") then "leader"
        elif (.state | test("running|streaming")) then "streaming" else empty end] | sort | join(" ")' 2> /dev/null) || streaming=
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

# State, role and replication state of a node by its own Patroni; before 3.0.4 (Debian 12) it has no word of the latter,
# and PostgreSQL tells.
itself() {
    local told
    told=$(inside "$1" bash -c 'curl -fsS -m 4 http://127.0.0.1:8008/patroni |
        jq -r "[.state, .role, .replication_state // \"\"] | join(\" \")"' 2> /dev/null) || true
    if [[ $told == "running replica " ]]; then
        told+=$(sql "$1" "SELECT status FROM pg_stat_wal_receiver" 2> /dev/null) || true
    fi
    printf '%s\n' "$told"
}

# Servers up in the pools primary, replicas and any: "1 2 3" when all is well.
router_up() {
    inside "$ROUTER" bash -c 'echo "show stat" | socat -t2 - UNIX-CONNECT:/run/haproxy.sock' 2> /dev/null |
        awk -F, '$2 != "FRONTEND" && $2 != "BACKEND" && $18 ~ /^UP/ { n[$1]++ }
            END { printf "%d %d %d", n["primary"], n["replicas"], n["any"] }' || true
}

# --- what only this profile can break ----------------------------------------

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

mend_quorum() {
    local one service
    for one in stop cut pause; do
        for service in etcd-2 etcd-3; do mend_noted "$one" "$service"; done
    done
}

mend_delay() {
    inside "$1" rm -f /var/lib/lab/recovery.yml
    reload_node "$1"
    await_setting "$1" "SELECT setting::int = 0 FROM pg_settings WHERE name = 'recovery_min_apply_delay'"
}

# A node that ran into the full disk has stopped its PostgreSQL; Patroni
# starts it again by itself.
mend_disk() { inside "$1" rm -f /var/lib/postgresql/lab/filler; }

mend_tag() {
    inside "$1" rm -f /var/lib/lab/tags.yml
    reload_node "$1"
}
