# shellcheck shell=bash

lab_psql() {
    local node=router port=5432 flags=(-i) id
    need_docker
    case ${1:-} in
        "" | -*) ;;
        *)
            node=$1
            shift
            ;;
    esac
    node=$(target "$node")
    if [[ $node == "$ROUTER" ]]; then port=5000; fi
    id=$(existing "$node")
    if [[ -t 0 && -t 1 ]]; then flags=(-it); fi
    exec docker exec "${flags[@]}" -u postgres -e PGPASSFILE=/run/lab/pgpass -e PGHOST=127.0.0.1 -e PGPORT=$port \
        -e PGUSER=postgres -e PGDATABASE="${PGDATABASE:-postgres}" -e PGAPPNAME=lab-psql "$id" psql "$@"
}
