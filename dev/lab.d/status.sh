# shellcheck shell=bash

lab_status() {
    local missing
    need_docker
    source "$LAB_ROOT/dev/lab.d/wait.sh"
    cluster_status
    docker ps -a --filter "label=com.docker.compose.project=$LAB_PROJECT" \
        --format 'table {{.Label "com.docker.compose.service"}}\t{{.Status}}\t{{.Ports}}' | (
        read -r header || true
        printf '%s\n' "$header"
        sort
    )
    if [[ -s $LAB_STATE/broken ]]; then
        echo
        echo "broken on purpose (dev/lab mend):"
        sed 's/^/  /' "$LAB_STATE/broken"
    fi
    missing=$(what_is_missing)
    echo
    if [[ -n $missing ]]; then
        echo "not whole: waiting for $missing"
        return 1
    fi
    echo "whole"
}
