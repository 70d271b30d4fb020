# shellcheck shell=bash

lab_logs() {
    [[ $# -ge 1 ]] || die "logs of which service? (etcd-1, pg-0, pg-router, pg-cluster-init, ...)"
    need_docker
    local id
    id=$(existing "$1")
    shift
    exec docker logs "$@" "$id"
}
