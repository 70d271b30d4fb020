# Points pgbouncer-2 at another node, as an operator does: its file, then RELOAD.
# shellcheck shell=bash

lab_repoint() {
    [[ $LAB_PROFILE == pooler ]] || die "the profile $LAB_PROFILE has no pooler"
    need_docker
    local node
    node=$(target "${1:-leader}")
    # shellcheck disable=SC2016
    inside pgbouncer-2 bash -euc '
        sed -i "s/ host=[^ ]* / host=$1 /" /run/lab/databases.ini' - "$node"
    admin pgbouncer-2 RELOAD > /dev/null || die "pgbouncer-2 did not take RELOAD"
    # An old version answers the same where it has refused the file.
    [[ $(admin pgbouncer-2 'SHOW DATABASES') == *"|$node|"* ]] || die "pgbouncer-2 still leads elsewhere (dev/lab logs pgbouncer-2)"
}
