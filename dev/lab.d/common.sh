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
named_project=${LAB_PROJECT:-}
load_defaults
[[ $LAB_PROFILE =~ ^[a-z]+$ && -f $LAB_ROOT/dev/lab.d/profiles/$LAB_PROFILE.sh ]] ||
    die "LAB_PROFILE=\"$LAB_PROFILE\" is none of: $(cd "$LAB_ROOT/dev/lab.d/profiles" && echo *.sh | sed 's/\.sh//g')"
# Unless it is named, streaming has a project of its own, so that it stands beside the other lab.
if [[ -z $named_project && $LAB_PROFILE == streaming ]]; then LAB_PROJECT+=-$LAB_PROFILE; fi
LAB_STATE=${XDG_STATE_HOME:-$HOME/.local/state}/pgctl-lab/$LAB_PROJECT

if [[ -z ${LAB_IMAGE:-} ]]; then
    LAB_IMAGE=pgctl-lab:$LAB_SUITE${PATRONI_VERSION:+-patroni-$PATRONI_VERSION}
    if [[ $LAB_IMAGE == pgctl-lab:stable ]]; then LAB_IMAGE=pgctl-lab:latest; fi
fi
export LAB_IMAGE

need_docker() {
    command -v docker > /dev/null || die "docker is missing; on Debian: apt-get install docker.io docker-compose"
    docker info > /dev/null 2>&1 || die "the Docker daemon does not answer (is it running, may you use it?)"
}

# Compose v2 where it is there, else docker-compose 1.29.
compose() {
    local -a command
    local file
    if docker compose version > /dev/null 2>&1; then
        command=(docker compose)
    elif command -v docker-compose > /dev/null; then
        command=(docker-compose)
    else
        die "neither \"docker compose\" nor docker-compose is there; on Debian: apt-get install docker-compose"
    fi
    use_subnet
    file=$(compose_file)
    "${command[@]}" -p "$LAB_PROJECT" --project-directory "$LAB_ROOT" --env-file "$LAB_ENV_FILE" \
        -f "$file" "${WANTED_PROFILES[@]/#/--profile=}" "$@"
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

# What the profile consists of, what can be broken in it, and when it is whole.
# shellcheck source=dev/lab.d/profiles/patroni.sh
source "$LAB_ROOT/dev/lab.d/profiles/$LAB_PROFILE.sh"
