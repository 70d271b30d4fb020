# shellcheck shell=bash

lab_patronictl() {
    local node
    [[ " ${WANTED_PROFILES[*]} " == *" patroni "* ]] || die "the profile $LAB_PROFILE has no Patroni"
    need_docker
    for node in "${PG_NODES[@]}"; do
        [[ $(state "$node") == running ]] || continue
        as_postgres "$node" patronictl "$@"
        return
    done
    die "no node runs; is the lab up (dev/lab up)?"
}
