# shellcheck shell=bash

lab_psql() {
    local node=$PSQL_TARGET flags=(-i) id
    need_docker
    case ${1:-} in
        "" | -*) ;;
        *)
            node=$1
            shift
            ;;
    esac
    node=$(target "$node")
    id=$(existing "$node")
    if [[ -t 0 && -t 1 ]]; then flags=(-it); fi
    exec docker exec "${flags[@]}" -u postgres -e PGPASSFILE=/run/lab/pgpass -e PGHOST=127.0.0.1 -e PGPORT="$(psql_port "$node")" \
        -e PGUSER=postgres -e PGDATABASE="${PGDATABASE:-$PSQL_DATABASE}" -e PGAPPNAME=lab-psql "$id" psql "$@"
}
