# Starts the lab and waits until it is whole.
# shellcheck shell=bash

source "$LAB_ROOT/dev/lab.d/image.sh"
source "$LAB_ROOT/dev/lab.d/wait.sh"
source "$LAB_ROOT/dev/lab.d/auth.sh"

lab_up() {
    [[ $# -eq 0 ]] || die "up takes no arguments"
    local begin=$SECONDS
    need_docker
    check_ports
    lab_image
    start
    after_start
    await_whole "${LAB_WAIT:-240}"
    say "the lab is whole after $((SECONDS - begin)) s: dev/lab status, dev/lab psql $PSQL_TARGET"
}

start() {
    local log
    log=$(mktemp)
    if ! compose up -d --no-build > "$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        die "compose could not start the lab (see above)"
    fi
    rm -f "$log"
}

# Every variable that names a port must be free, unless this project has it.
check_ports() {
    local variable port ours seen=" "
    ours=$(docker ps -q --filter "label=com.docker.compose.project=$LAB_PROJECT" |
        xargs -r docker inspect -f '{{range .NetworkSettings.Ports}}{{range .}}{{.HostPort}} {{end}}{{end}}' |
        tr '\n' ' ')
    for variable in $(port_variables); do
        port=${!variable}
        [[ $port =~ ^[0-9]+$ ]] || die "$variable=\"$port\" is no port"
        if [[ $seen == *" $port "* ]]; then die "$variable=$port is used twice among the LAB_*_PORT variables"; fi
        seen+="$port "
        if [[ " $ours" == *" $port "* ]]; then continue; fi
        if (exec 3<> "/dev/tcp/$PUBLISHED_ON/$port") 2> /dev/null; then
            die "port $port is taken; move the lab's with $variable=OTHER dev/lab up (or in .env)"
        fi
    done
}
