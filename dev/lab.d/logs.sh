# shellcheck shell=bash

lab_logs() {
    [[ $# -ge 1 ]] || die "logs of which service? ($LOGGED)"
    need_docker
    local id
    id=$(existing "$(place "$1")")
    shift
    exec docker logs "$@" "$id"
}
