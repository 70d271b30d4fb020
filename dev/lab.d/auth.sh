# Switches etcd's authentication on: users root, patroni and reader, all with LAB_ETCD_PASSWORD.
# shellcheck shell=bash

lab_auth() {
    [[ " ${WANTED_PROFILES[*]} " == *" patroni "* ]] || die "the profile $LAB_PROFILE has no etcd"
    [[ -n $LAB_ETCD_PASSWORD ]] || die "name the password: LAB_ETCD_PASSWORD=... dev/lab auth (and the same for every other verb)"
    # Once it is on, the status too is told only to somebody who logs in.
    if etcd_says --user "root:$LAB_ETCD_PASSWORD" auth status 2> /dev/null | grep -q 'Status: true'; then return 0; fi
    local n
    for ((n = 0; n < 60; n++)); do
        if etcd_says endpoint health > /dev/null 2>&1; then break; fi
        sleep 0.5
    done
    {
        etcd_says role add root || true
        etcd_user root root
        etcd_says role add patroni && etcd_says role grant-permission patroni --prefix=true readwrite "$LAB_NAMESPACE"
        etcd_says role add reader && etcd_says role grant-permission reader --prefix=true read "$LAB_NAMESPACE"
        etcd_says role grant-permission reader --prefix=true readwrite /pgctl-tui/lock/
        etcd_user patroni patroni
        etcd_user reader reader
        etcd_says auth enable
    } > /dev/null || die "etcd's authentication could not be switched on"
}

etcd_says() { docker exec "$(existing etcd-1)" etcdctl "$@"; }

etcd_user() { # NAME ROLE
    etcd_says user add "$1:$LAB_ETCD_PASSWORD" && etcd_says user grant-role "$1" "$2"
}
