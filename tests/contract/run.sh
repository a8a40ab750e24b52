#!/usr/bin/env bash
# Holds a running node to its own OpenAPI description with schemathesis; `make contract` calls it.
#
#   tests/contract/run.sh [-- further words for schemathesis]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cannot() {
    echo "contract: $1" >&2
    exit 1
}

program=${CARGO_TARGET_DIR:-target}/debug/rag-enabler
[ -x "$program" ] || cannot "there is no $program; run: make build"
requirements=tests/contract/requirements.txt
venv=$HOME/.cache/rag-enabler/tools/schemathesis
wanted=$(sha256sum <"$requirements")
if [ "$(cat "$venv/stamp" 2>/dev/null)" != "$wanted" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
    echo "contract: fetching schemathesis into $venv (30 MB, once)"
    rm -rf "$venv"
    mkdir -p "$(dirname "$venv")"
    python3 -m venv "$venv" || cannot "python3 could not make an environment; install Python's venv module"
    # The stamp is written last, so that an interrupted environment is made anew.
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-input --retries 2 --timeout 30 \
        --require-hashes --requirement "$requirements" ||
        cannot "schemathesis could not be fetched from the Python package index; check the network and run this again"
    printf '%s\n' "$wanted" >"$venv/stamp"
fi
exec "$venv/bin/python" tests/contract/run.py --program "$program" "$@"
