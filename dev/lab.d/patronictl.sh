# shellcheck shell=bash

lab_patronictl() {
    local node
    need_docker
    for node in "${PG_NODES[@]}"; do
        [[ $(state "$node") == running ]] || continue
        as_postgres "$node" patronictl "$@"
        return
    done
    die "no node runs; is the lab up (dev/lab up)?"
}
