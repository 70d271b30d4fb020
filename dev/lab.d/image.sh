# Builds the suite's base image where it can not be pulled, then the lab's image.
# shellcheck shell=bash

lab_image() {
    need_docker
    choose_suite
    ensure_base
    build_image
}

# What LAB_SUITE stands for: codename and image of the base, PostgreSQL's major version, and what comes from elsewhere.
choose_suite() {
    EXTRA_SUITE="" EXTRA_PACKAGES=""
    case $LAB_SUITE in
        oldstable) CODENAME=bookworm POSTGRES_MAJOR=15 ;;
        stable) CODENAME=trixie POSTGRES_MAJOR=17 ;;
        unstable) CODENAME=sid POSTGRES_MAJOR=18 ;;
        experimental)
            CODENAME=sid POSTGRES_MAJOR=19 EXTRA_SUITE=experimental
            EXTRA_PACKAGES="postgresql-19 haproxy pgbouncer"
            ;;
        *) die "LAB_SUITE=\"$LAB_SUITE\" is none of oldstable, stable, unstable, experimental" ;;
    esac
    BASE_IMAGE=debian:$CODENAME-slim
}

ensure_base() {
    if docker image inspect "$BASE_IMAGE" > /dev/null 2>&1; then return 0; fi
    # Asking for the manifest is quick to fail where no registry answers.
    if timeout 15 docker manifest inspect "$BASE_IMAGE" > /dev/null 2>&1 &&
        timeout 300 docker pull "$BASE_IMAGE" >&2; then
        return 0
    fi
    say "no registry gives $BASE_IMAGE: making it with debootstrap (about a minute)"
    bootstrap_base
}

bootstrap_base() {
    local dir fast=()
    [[ $(id -u) == 0 ]] || die "debootstrap needs root; run once: sudo $LAB_ROOT/dev/lab image"
    if ! command -v debootstrap > /dev/null; then
        [[ -f /etc/debian_version ]] || die "debootstrap is missing; install it with your package manager"
        say "installing debootstrap"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq debootstrap; } > /dev/null ||
            die "that failed; the line to run: apt-get install debootstrap"
    fi
    if command -v eatmydata > /dev/null; then fast=(eatmydata); fi
    dir=$(mktemp -d /var/tmp/pgctl-lab-base.XXXXXX)
    # shellcheck disable=SC2064
    trap "rm -rf '$dir'" EXIT
    if ! "${fast[@]}" debootstrap --variant=minbase "$CODENAME" "$dir/root" > "$dir/log" 2>&1; then
        tail -n 20 "$dir/log" >&2
        die "debootstrap failed (see above)"
    fi
    rm -rf "$dir"/root/var/cache/apt/* "$dir"/root/var/lib/apt/lists/* \
        "$dir"/root/usr/share/{doc,man,locale,info}/*
    tar -C "$dir/root" --numeric-owner -c . |
        docker import -c 'CMD ["bash"]' -m "debootstrap --variant=minbase $CODENAME" - "$BASE_IMAGE" > /dev/null
    rm -rf "$dir"
    trap - EXIT
}

# The build sees the network as this machine does: its certificate bundle, its
# apt proxy, its index settings. All of it stays out of the repository.
build_image() {
    local context=$LAB_ROOT/dev/images/lab log
    log=$(mktemp)
    copy_if_changed "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$context/host/ca.crt"
    if command -v apt-config > /dev/null; then
        apt-config dump 2> /dev/null |
            grep -E '^Acquire::(https?::Proxy|Check-Valid-Until|Check-Date)' > "$log" || true
        copy_if_changed "$log" "$context/host/apt.conf"
    fi
    if ! docker image inspect "$LAB_IMAGE" > /dev/null 2>&1; then
        say "building $LAB_IMAGE (a minute or two)"
    fi
    if ! docker build --network host -t "$LAB_IMAGE" \
        --build-arg "BASE_IMAGE=$BASE_IMAGE" \
        --build-arg "POSTGRES_MAJOR=$POSTGRES_MAJOR" \
        --build-arg "EXTRA_SUITE=$EXTRA_SUITE" \
        --build-arg "EXTRA_PACKAGES=$EXTRA_PACKAGES" \
        --build-arg "PATRONI_VERSION=$PATRONI_VERSION" \
        --build-arg "PIP_INDEX_URL=${PIP_INDEX_URL:-}" \
        --build-arg "PIP_EXTRA_INDEX_URL=${PIP_EXTRA_INDEX_URL:-}" \
        "$context" > "$log" 2>&1; then
        tail -n 40 "$log" >&2
        rm -f "$log"
        die "building $LAB_IMAGE failed (see above)"
    fi
    rm -f "$log"
}

# Leaves an equal file alone, so that the build cache holds.
copy_if_changed() {
    [[ -r $1 ]] || return 0
    cmp -s "$1" "$2" || install -m 644 "$1" "$2"
}
