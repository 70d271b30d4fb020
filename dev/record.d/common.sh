# What the recorders of fixtures/ share.
# shellcheck shell=bash

FIXTURES=$LAB_ROOT/fixtures

# write FILE: standard input into it, unless it is empty (no answer).
write() {
    local content
    content=$(cat; echo .)
    content=${content%.}
    [[ -n $content ]] || return 0
    mkdir -p "$(dirname "$1")"
    printf '%s' "$content" > "$1"
}

# until_true SECONDS COMMAND...
until_true() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        ((SECONDS < deadline)) || die "in vain waited for: $*"
        sleep 1
    done
}

version_of() { # DIRECTORY VERSION
    local file=$FIXTURES/VERSIONS
    { grep -v "^$1:" "$file" || true; echo "$1: $2, recorded $(date -u +%Y-%m-%d)"; } | sort > "$file.new"
    mv "$file.new" "$file"
}
