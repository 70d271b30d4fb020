# Removes the lab: containers, network, volumes.
# shellcheck shell=bash

lab_down() {
    local keep=
    case ${1:-} in
        --keep) keep=1 ;;
        "") ;;
        *) die "down knows --keep only" ;;
    esac
    need_docker
    # By label and not by compose, so that it works whatever the settings were
    # when the lab was started.
    local label="label=com.docker.compose.project=$LAB_PROJECT" ids
    mapfile -t ids < <(docker ps -aq --filter "$label")
    if ((${#ids[@]})); then
        if [[ -n $keep ]]; then
            # A frozen container takes no signal; the data shall be shut down in order.
            docker ps -q --filter "$label" --filter status=paused | xargs -r docker unpause > /dev/null
            stop_in_order
        fi
        docker rm -f "${ids[@]}" > /dev/null
    fi
    docker network ls -q --filter "$label" | xargs -r docker network rm > /dev/null
    if [[ -z $keep ]]; then
        docker volume ls -q --filter "$label" | xargs -r docker volume rm > /dev/null
    fi
    rm -rf "$LAB_STATE"
    say "the lab $LAB_PROJECT is gone${keep:+, its data is kept}"
}

stop_in_order() {
    local group
    for group in "${STOP_ORDER[@]}"; do
        for service in $group; do container "$service"; done | xargs -r docker stop -t 60 > /dev/null
    done
}
