# Waits until the lab is whole, as its profile says.
# shellcheck shell=bash

lab_wait() {
    need_docker
    await_whole "${1:-${LAB_WAIT:-240}}"
}

await_whole() {
    local begin=$SECONDS missing last=
    while missing=$(what_is_missing) && [[ -n $missing ]]; do
        if ((SECONDS - begin > $1)); then
            die "not whole after $1 s, still waiting for: $missing (dev/lab status, dev/lab logs SERVICE)"
        fi
        if [[ $missing == *" is exited)" || $missing == *", code "[1-9]* ]] && ((SECONDS - begin > 10)); then
            docker logs --tail 15 "$(container "${missing%% *}")" >&2
            die "${missing%% *} came to its end (its last words are above)"
        fi
        if [[ $missing != "$last" ]]; then
            say "$(printf '%3d s' $((SECONDS - begin)))  waiting for $missing"
            last=$missing
        fi
        sleep 1
    done
}
