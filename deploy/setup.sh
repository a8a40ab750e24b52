#!/usr/bin/env bash
# Makes a Debian machine able to build and run RAG Enabler: installs the packages that are missing, and only those.
#
#   deploy/setup.sh          what building, running and testing need
#   deploy/setup.sh bench    also the peers that `make bench` measures against
#
# Run again, it finds nothing to do and touches neither apt nor the network.
set -euo pipefail

# What each is for: gcc links Rust and compiles LMDB; tesseract and leptonica read scans, and clang makes their bindings;
# the three language packages are Portuguese, English and page orientation; poppler's programs are what the tests
# compare with; Python's venv fetches the embedded models from the package index.
packages=(
    gcc libc6-dev pkg-config clang
    libtesseract-dev libleptonica-dev
    tesseract-ocr-por tesseract-ocr-eng tesseract-ocr-osd
    poppler-utils python3-venv ca-certificates
)
if [ "${1:-}" = bench ]; then packages+=(tesseract-ocr ocrmypdf); fi

# Below this the build (about 6 GB) or the models (about 1 GB) would stop half way with a less clear message.
free_gb_min=8

say() { printf 'setup: %s\n' "$*"; }
stop() {
    printf 'setup: cannot go on: %s\n' "$*" >&2
    exit 1
}

missing_packages() {
    local name
    for name in "${packages[@]}"; do
        # "ii" alone would miss a package that is marked to be held.
        case "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" in
        installed) ;;
        *) printf '%s\n' "$name" ;;
        esac
    done
}

free_gb() { df -Pk "$1" | awk 'NR == 2 { print int($4 / 1048576) }'; }

check_tools() {
    command -v cargo >/dev/null 2>&1 ||
        stop "cargo is not on PATH. Install Rust from https://rustup.rs, or put ~/.cargo/bin on PATH."
    local home="${HOME:-/}"
    [ -d "$home" ] || stop "the home directory $home does not exist. Set HOME to a directory that can be written."
    local free
    free=$(free_gb "$home")
    if [ "$free" -lt 1 ]; then stop "the disk of $home is full ($free GB free). Free at least $free_gb_min GB."; fi
    # Built and fetched once, the rest needs little: say it, but do not refuse.
    if [ "$free" -lt "$free_gb_min" ]; then say "note: only $free GB are free on the disk of $home; a first build wants $free_gb_min GB."; fi
}

# What went wrong in apt, in one line with what to do about it; $1 is apt's output.
why_apt_failed() {
    if grep -qiE 'no space left|not enough free space|enough free space in' "$1"; then
        echo "the disk is full. Free some space in /var and /usr and run this again."
    elif grep -qiE 'temporary failure resolving|could not resolve|could not connect|connection timed out|failed to fetch|network is unreachable' "$1"; then
        echo "the Debian package server cannot be reached. Check the network (or the proxy in /etc/apt) and run this again."
    elif grep -qiE 'could not get lock|unable to acquire the dpkg' "$1"; then
        echo "another program is installing packages. Wait until it is done and run this again."
    elif grep -qiE 'unable to locate package|has no installation candidate' "$1"; then
        echo "$(grep -iE 'unable to locate package|has no installation candidate' "$1" | head -n 1 | sed 's/^E: //'). Debian 12 (bookworm) or newer has it."
    else
        echo "apt-get failed: $(grep -E '^(E|W):' "$1" | head -n 1)"
    fi
}

# Runs a command with its whole output in the file $1, and shows the lines that tell how far it is.
logged() {
    local log=$1
    shift
    "$@" 2>&1 | tee "$log" | { grep --line-buffered -E '^(Get:|Setting up)' || true; } | sed -u 's/^/setup:   /'
}

install_packages() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            stop "these packages are missing and need root: $*. Run as root: apt-get install $*"
        as_root=(sudo)
        say "asking sudo, because installing packages needs root"
    fi
    command -v apt-get >/dev/null 2>&1 ||
        stop "this machine has no apt-get. Install by hand what these Debian packages hold: $*"
    local log
    log=$(mktemp)
    # shellcheck disable=SC2064 # the name is meant to be fixed now
    trap "rm -f '$log'" EXIT
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -o Acquire::Retries=2)
    # The lists that are there often suffice; fetching them anew costs seconds and a network.
    if ! logged "$log" "${apt[@]}" install -y --no-install-recommends "$@"; then
        say "refreshing the package lists"
        "${apt[@]}" update -q >"$log" 2>&1 || stop "$(why_apt_failed "$log")"
        logged "$log" "${apt[@]}" install -y --no-install-recommends "$@" || stop "$(why_apt_failed "$log")"
    fi
    mapfile -t left < <(missing_packages)
    [ "${#left[@]}" -eq 0 ] || stop "still missing after apt-get: ${left[*]}. $(why_apt_failed "$log")"
}

check_tools
if ! command -v dpkg-query >/dev/null 2>&1; then
    stop "this is not a Debian system. Install by hand what these Debian packages hold: ${packages[*]}"
fi
mapfile -t missing < <(missing_packages)
if [ "${#missing[@]}" -eq 0 ]; then
    say "all ${#packages[@]} system packages are here"
else
    say "installing ${#missing[@]} system packages (a minute or two): ${missing[*]}"
    install_packages "${missing[@]}"
    say "system packages installed"
fi
