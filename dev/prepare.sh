# Sees to what a build needs. Sourced by dev/start and dev/test.
# shellcheck shell=bash

say() { printf '%s\n' "$*" >&2; }

die() {
    say "${0##*/}: $*"
    exit 1
}

# Debian packages for a build: a linker, protoc with the well-known .proto files (etcd-client).
BUILD_PACKAGES=(gcc libc6-dev protobuf-compiler libprotobuf-dev)

need_build_tools() {
    command -v cargo > /dev/null ||
        die "cargo is missing: install Rust $(rust_version) or newer with rustup, then run this again"
    if have_build_tools; then return; fi
    local line="apt-get install -y --no-install-recommends ${BUILD_PACKAGES[*]}"
    if [[ $(id -u) -eq 0 && -f /etc/debian_version ]]; then
        say "installing what the build needs: ${BUILD_PACKAGES[*]}"
        install_packages "${BUILD_PACKAGES[@]}"
        have_build_tools || die "protoc is still missing after: $line"
    else
        die "protoc, its well-known .proto files, or cc is missing; as root run: $line"
    fi
}

have_build_tools() {
    command -v cc > /dev/null && command -v protoc > /dev/null &&
        [[ -f /usr/include/google/protobuf/timestamp.proto || -n ${PROTOC_INCLUDE:-} ]]
}

install_packages() {
    local log
    log=$(mktemp)
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } > "$log" 2>&1; then
        cat "$log" >&2
        die "apt-get could not install: $*"
    fi
    rm -f "$log"
}

rust_version() { sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml; }
