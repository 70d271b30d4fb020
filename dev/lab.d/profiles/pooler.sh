# The profile pooler: the profile patroni, in the same project, and two PgBouncers in
# front of it. pgbouncer-1 goes to HAProxy; pgbouncer-2 goes to a node, and is pointed
# at another by its file and RELOAD.
# shellcheck shell=bash disable=SC2034

source "$LAB_ROOT/dev/lab.d/profiles/patroni.sh"

POOLERS=(pgbouncer-1 pgbouncer-2)
SERVICES+=("${POOLERS[@]}")
STOP_ORDER=("${POOLERS[*]}" "${STOP_ORDER[@]}")
WANTED_PROFILES=(patroni pooler)
TARGETS="etcd-1, pg-0, pg-router, pgbouncer-1, leader, replica, router, ..."
LOGGED="etcd-1, pg-0, pg-router, pgbouncer-1, ..."

port_variables() { compgen -v LAB_ | grep '_PORT$' | grep -v '^LAB_STREAMING_'; }

psql_port() {
    case $1 in
        "$ROUTER") echo 5000 ;;
        pgbouncer-*) echo 6432 ;;
        *) echo 5432 ;;
    esac
}

# admin POOLER COMMAND: the admin console, over its socket, unaligned and with a header.
admin() {
    as_postgres "$1" env PGPASSWORD="$LAB_POOLER_ADMIN_PASSWORD" \
        psql -XAq -P footer=off -h /run/lab -p 6432 -U "$LAB_POOLER_ADMIN_USER" -d pgbouncer -c "$2"
}

what_is_missing_of_patroni=$(declare -f what_is_missing)
eval "patroni_${what_is_missing_of_patroni}"
unset what_is_missing_of_patroni

# Beside Patroni's: that a client of either pooler writes.
what_is_missing() {
    local pooler missing
    missing=$(patroni_what_is_missing)
    if [[ -n $missing ]]; then
        echo "$missing"
        return
    fi
    for pooler in "${POOLERS[@]}"; do
        if [[ $(through "$pooler" 'SELECT pg_is_in_recovery()' 2> /dev/null) != f ]]; then
            echo "$pooler to lead to the primary"
            return
        fi
    done
}

# through POOLER STATEMENT: as the application.
through() {
    as_postgres "$1" timeout 5 psql -XAtq -h 127.0.0.1 -p 6432 -U "$LAB_APP_USER" -d "$LAB_APP_DATABASE" -c "$2"
}
