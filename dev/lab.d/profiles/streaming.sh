# The profile streaming: PostgreSQL's own replication and nothing beside it. A
# primary, one to four standbys, and one fed from an archive alone if wanted.
# shellcheck shell=bash disable=SC2016,SC2034

yes_or_no() {
    [[ ${!1} == yes || ${!1} == no ]] || die "$1=\"${!1}\" is neither yes nor no"
}
for variable in LAB_STREAMING_CASCADE LAB_STREAMING_ARCHIVE LAB_STREAMING_SLOTS LAB_STREAMING_NAMES; do
    yes_or_no $variable
done
for variable in LAB_STREAMING_PRIMARY LAB_STREAMING_REPLICA; do
    [[ ${!variable} =~ ^[a-z][a-z0-9-]*$ ]] || die "$variable=\"${!variable}\" is no name: letters, digits and dashes"
done
[[ $LAB_STREAMING_PRIMARY != "$LAB_STREAMING_REPLICA" ]] || die "primary and replica are both called $LAB_STREAMING_PRIMARY"
[[ $LAB_STREAMING_STANDBYS =~ ^[1-4]$ ]] || die "LAB_STREAMING_STANDBYS=\"$LAB_STREAMING_STANDBYS\" is none of 1, 2, 3, 4"

PRIMARY=$LAB_STREAMING_PRIMARY
REPLICA=$LAB_STREAMING_REPLICA
LOG_SHIPPING=db-log-shipping
PG_NODES=("$PRIMARY" "$REPLICA")
WANTED_PROFILES=(streaming)
PORTS=(LAB_STREAMING_PRIMARY_PORT LAB_STREAMING_REPLICA_PORT)
for ((n = 2; n <= LAB_STREAMING_STANDBYS; n++)); do
    PG_NODES+=("$REPLICA-$n")
    WANTED_PROFILES+=("streaming-$n")
    PORTS+=("LAB_STREAMING_REPLICA_${n}_PORT")
done
if [[ $LAB_STREAMING_ARCHIVE == yes ]]; then
    PG_NODES+=("$LOG_SHIPPING")
    WANTED_PROFILES+=(streaming-archive)
    PORTS+=(LAB_STREAMING_LOG_SHIPPING_PORT)
fi

# Whom each further standby is cloned from and follows.
if [[ $LAB_STREAMING_CASCADE == yes ]]; then
    : "${LAB_STREAMING_UPSTREAM_2:=$REPLICA}" "${LAB_STREAMING_UPSTREAM_3:=$REPLICA-2}"
fi
for n in 2 3 4; do
    variable=LAB_STREAMING_UPSTREAM_$n
    [[ -n ${!variable:-} ]] || printf -v "$variable" %s "$PRIMARY"
    export "${variable?}"
done
unset n variable

SERVICES=("${PG_NODES[@]}")
STOP_ORDER=("$PRIMARY" "${PG_NODES[*]:1}")
PUBLISHED_ON=$LAB_STREAMING_BIND
TARGETS="$PRIMARY, $REPLICA, primary, replica, ..."
LOGGED=${PG_NODES[*]}
PSQL_TARGET=primary
PSQL_DATABASE=$LAB_STREAMING_DATABASE

KINDS=(stop kill pause cut replay receiver promote slot)
NODE_KINDS=(replay receiver promote slot)

port_variables() { printf '%s\n' "${PORTS[@]}"; }
after_start() { :; }
psql_port() { echo 5432; }

# Services can not be named by variables in a compose file: one with other names is
# written beside the lab's other state.
compose_file() {
    if [[ $PRIMARY == db-primary && $REPLICA == db-replica ]]; then
        echo "$LAB_COMPOSE_FILE"
        return
    fi
    mkdir -p "$LAB_STATE"
    sed -E "s/\bdb-primary\b/@primary@/g; s/\bdb-replica\b/@replica@/g
        s/@primary@/$PRIMARY/g; s/@replica@/$REPLICA/g" "$LAB_COMPOSE_FILE" > "$LAB_STATE/docker-compose.yml"
    echo "$LAB_STATE/docker-compose.yml"
}

# place WORD: the service that a word stands for, whatever has become of it. Nobody
# but its place says who should be the primary here.
place() {
    case $1 in
        primary) echo "$PRIMARY" ;;
        replica) echo "$REPLICA" ;;
        *) echo "$1" ;;
    esac
}

target() {
    local service
    service=$(place "$1")
    existing "$service" > /dev/null
    printf '%s\n' "$service"
}

# By address: not every standby tells a name.
received_by() {
    printf "client_addr = '%s'\n" \
        "$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$(existing "$1")")"
}

# upstream_of NODE: whom it is set up to follow; nothing for one that follows nobody.
upstream_of() {
    local n variable
    case $1 in
        "$PRIMARY" | "$LOG_SHIPPING") ;;
        "$REPLICA") echo "$PRIMARY" ;;
        *)
            n=${1##*-}
            variable=LAB_STREAMING_UPSTREAM_$n
            echo "${!variable}"
            ;;
    esac
}

# followed_by NODE: the same by what its settings say now.
followed_by() {
    sql "$1" "SELECT (regexp_match(current_setting('primary_conninfo'), '\mhost=''?([^ '']+)'))[1]"
}

# In one line: role, timeline, position, whom it follows and how.
word_of() {
    as_postgres "$1" timeout 10 psql -XAtq -F ' ' -h /run/lab -U postgres -d postgres -c "
        SELECT CASE WHEN r THEN 'standby' ELSE 'primary' END,
            CASE WHEN r THEN coalesce(w.received_tli, (SELECT timeline_id FROM pg_control_checkpoint()))
                ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END,
            coalesce(CASE WHEN r THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text, '-'),
            coalesce(w.sender_host, '-'), coalesce(w.status, '-')
        FROM pg_is_in_recovery() r LEFT JOIN pg_stat_wal_receiver w ON true" 2> /dev/null || true
}

cluster_status() {
    local node word line='%-20s %-10s %-9s %-12s %-16s %s\n'
    # shellcheck disable=SC2059
    printf "$line" NODE ROLE TIMELINE LSN FOLLOWS RECEIVER
    for node in "${PG_NODES[@]}"; do
        word=
        if [[ $(state "$node") == running ]]; then word=$(word_of "$node"); fi
        # shellcheck disable=SC2059,SC2086
        printf "$line" "$node" ${word:-"($(state "$node"), no answer)"}
    done
    echo
}

# One line of what is not there yet; nothing when the lab is whole. Any node may be
# the primary: handing over is what the lab is for.
what_is_missing() {
    local node status role rest primaries=()
    for node in "${PG_NODES[@]}"; do
        status=$(state "$node")
        if [[ $status != running ]]; then
            echo "$node to run (it is $status)"
            return
        fi
    done
    for node in "${PG_NODES[@]}"; do
        rest=$(word_of "$node")
        role=${rest%% *}
        case $role in
            primary) primaries+=("$node") ;;
            standby)
                if [[ $rest != *" streaming" && $node != "$LOG_SHIPPING" ]]; then
                    echo "$node to stream (receiver: ${rest##* })"
                    return
                fi
                ;;
            *)
                echo "$node to answer"
                return
                ;;
        esac
    done
    if [[ ${#primaries[@]} -ne 1 ]]; then echo "one primary (now: ${primaries[*]:-none})"; fi
}

# --- what only this profile can break ----------------------------------------

check_promote() {
    [[ $(sql "$1" 'SELECT pg_is_in_recovery()') == t ]] || die "$1 is no standby"
}

# By hand, with the old primary as it is: two primaries from here on.
break_promote() { sql "$1" 'SELECT pg_promote()' > /dev/null; }

# Its history has parted from the primary's, and so has that of everything below
# it: all of them are cloned anew, and what it has put into the archive goes, or
# whoever reads there would follow its timeline.
mend_promote() {
    local node timeline nodes
    timeline=$(sql "$1" "SELECT CASE WHEN NOT pg_is_in_recovery()
        THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END") || return 1
    nodes=$(with_followers "$1")
    if [[ $LAB_STREAMING_ARCHIVE == yes ]]; then nodes+=" $LOG_SHIPPING"; fi
    for node in $nodes; do
        inside "$node" bash -euc 'echo "$1" > /var/lib/postgresql/clone-anew' - "$timeline"
        docker restart -t 60 "$(existing "$node")" > /dev/null
    done
}

with_followers() {
    local node
    echo "$1"
    for node in "${PG_NODES[@]}"; do
        [[ $(upstream_of "$node") != "$1" ]] || with_followers "$node"
    done
}

check_slot() {
    [[ -n $(sql "$1" 'SHOW primary_slot_name') ]] || die "$1 uses no slot"
    existing "$(followed_by "$1")" > /dev/null
}

# Dropped on the node that it follows, while WAL is what the standby asks for.
break_slot() {
    local upstream slot n
    upstream=$(followed_by "$1")
    slot=$(sql "$1" 'SHOW primary_slot_name')
    for ((n = 0; n < 10; n++)); do
        sql "$upstream" "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots
            WHERE slot_name = '$slot' AND active_pid IS NOT NULL" > /dev/null
        if sql "$upstream" "SELECT pg_drop_replication_slot('$slot')" > /dev/null 2>&1; then return; fi
    done
    die "$upstream: the slot $slot could not be dropped"
}

mend_slot() {
    local slot
    slot=$(sql "$1" 'SHOW primary_slot_name') || return 1
    sql "$(followed_by "$1")" "SELECT pg_create_physical_replication_slot('$slot', true)
        WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '$slot')" > /dev/null
}
