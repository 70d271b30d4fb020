# What the verbs of dev/lab share: settings, compose, containers by label.
# shellcheck shell=bash disable=SC2034

say() { printf '%s\n' "$*" >&2; }
die() {
    printf 'dev/lab: %s\n' "$*" >&2
    exit 1
}

# Takes every KEY=VALUE of the env file that the environment does not set.
load_defaults() {
    local line key
    while IFS= read -r line || [[ -n $line ]]; do
        [[ $line =~ ^[A-Z][A-Z0-9_]*= ]] || continue
        key=${line%%=*}
        [[ -v $key ]] || export "$key=${line#*=}"
    done < "$LAB_ENV_FILE"
}

LAB_ENV_FILE=${LAB_ENV_FILE:-$LAB_ROOT/.env}
LAB_COMPOSE_FILE=${LAB_COMPOSE_FILE:-$LAB_ROOT/docker-compose.dev.yml}
load_defaults
LAB_STATE=${XDG_STATE_HOME:-$HOME/.local/state}/pgctl-lab/$LAB_PROJECT

if [[ -z ${LAB_IMAGE:-} ]]; then
    LAB_IMAGE=pgctl-lab:$LAB_SUITE${PATRONI_VERSION:+-patroni-$PATRONI_VERSION}
    if [[ $LAB_IMAGE == pgctl-lab:stable ]]; then LAB_IMAGE=pgctl-lab:latest; fi
fi
export LAB_IMAGE

ETCD_NODES=(etcd-1 etcd-2 etcd-3)
PG_NODES=(pg-0 pg-1 pg-2)
EXPORTERS=(pg-0-exporter pg-1-exporter pg-2-exporter)
ROUTER=pg-router
INIT=pg-cluster-init

need_docker() {
    command -v docker > /dev/null || die "docker is missing; on Debian: apt-get install docker.io docker-compose"
    docker info > /dev/null 2>&1 || die "the Docker daemon does not answer (is it running, may you use it?)"
}

# Compose v2 where it is there, else docker-compose 1.29.
compose() {
    local -a command
    if docker compose version > /dev/null 2>&1; then
        command=(docker compose)
    elif command -v docker-compose > /dev/null; then
        command=(docker-compose)
    else
        die "neither \"docker compose\" nor docker-compose is there; on Debian: apt-get install docker-compose"
    fi
    use_subnet
    "${command[@]}" -p "$LAB_PROJECT" --project-directory "$LAB_ROOT" --env-file "$LAB_ENV_FILE" \
        -f "$LAB_COMPOSE_FILE" --profile "$LAB_PROFILE" "$@"
}

# The lab's addresses are fixed, so its network needs a subnet of its own: the
# one it already has, else the first that no other network or route uses.
use_subnet() {
    local taken n
    [[ -z $LAB_SUBNET ]] || return 0
    LAB_SUBNET=$(docker network ls -q --filter "label=com.docker.compose.project=$LAB_PROJECT" \
        --filter "label=com.docker.compose.network=lab" |
        xargs -r docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' | sed -n '1s/\.0\/24$//p')
    if [[ -z $LAB_SUBNET ]]; then
        taken=$(docker network ls -q --filter driver=bridge |
            xargs -r docker network inspect -f '{{range .IPAM.Config}}{{.Subnet}} {{end}}'
            cat /proc/net/route 2> /dev/null)
        for ((n = 0; n < 64; n++)); do
            # /proc/net/route writes addresses backwards, in hexadecimal.
            if [[ $taken != *"10.213.$n.0/"* && $taken != *"$(printf '00%02XD50A' "$n")"* ]]; then
                LAB_SUBNET=10.213.$n
                break
            fi
        done
    fi
    [[ -n $LAB_SUBNET ]] || die "no free subnet in 10.213.0.0/18; name one: LAB_SUBNET=192.168.77"
    export LAB_SUBNET
}

# container SERVICE: its id, running or not; nothing when there is none.
container() {
    docker ps -aq --no-trunc \
        --filter "label=com.docker.compose.project=$LAB_PROJECT" \
        --filter "label=com.docker.compose.service=$1" \
        --filter "label=com.docker.compose.oneoff=False" | head -n 1
}

# The same, and an error when there is none.
existing() {
    local id
    id=$(container "$1")
    [[ -n $id ]] || die "there is no $1 in project $LAB_PROJECT; is the lab up (dev/lab up)?"
    printf '%s\n' "$id"
}

# state SERVICE: running, paused, exited, ... or missing.
state() {
    local id
    id=$(container "$1")
    if [[ -z $id ]]; then
        echo missing
    else
        docker inspect -f '{{.State.Status}}' "$id"
    fi
}

# inside SERVICE COMMAND...: runs it in the container as root.
inside() {
    local id
    id=$(existing "$1")
    shift
    docker exec -i "$id" "$@"
}

# as_postgres SERVICE COMMAND...
as_postgres() {
    local id
    id=$(existing "$1")
    shift
    docker exec -i -u postgres -e PGPASSFILE=/run/lab/pgpass -e PGCONNECT_TIMEOUT=3 "$id" "$@"
}

# sql NODE STATEMENT: asks the node itself, as superuser, unaligned.
sql() {
    as_postgres "$1" psql -XAtq -h /run/lab -U postgres -d postgres -v ON_ERROR_STOP=1 -c "$2"
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
        router) echo "$ROUTER" ;;
        *)
            existing "$1" > /dev/null
            printf '%s\n' "$1"
            ;;
    esac
}
