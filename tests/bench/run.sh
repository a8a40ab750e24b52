#!/usr/bin/env bash
# Measures RAG Enabler beside its peers in one run; `make bench` calls it.
#
#   tests/bench/run.sh [--only ocr,embedding,language,vectors,product] [--threads N] [--rounds N] [--json FILE]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cache=$HOME/.cache/rag-enabler
venv=$cache/bench-venv
wanted=$(sha256sum tests/bench/peers/requirements.txt | cut -d' ' -f1)
if [ "$(cat "$venv/.requirements" 2>/dev/null)" != "$wanted" ]; then
    echo "bench: fetching the peers into $venv (120 MB, once)"
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r tests/bench/peers/requirements.txt ||
        { echo "bench: the peers could not be fetched from the package index; check the network and run this again" >&2; exit 1; }
    echo "$wanted" >"$venv/.requirements"
fi

echo "bench: building our side"
# The product's own versions of everything.
cp Cargo.lock tests/bench/ours/Cargo.lock
cargo build --quiet --manifest-path tests/bench/ours/Cargo.toml

exec "$venv/bin/python" tests/bench/run.py \
    --ours "${CARGO_TARGET_DIR:-tests/bench/ours/target}/debug/rag-enabler-bench" \
    --program "${CARGO_TARGET_DIR:-target}/debug/rag-enabler" \
    --models "${RAG_ENABLER_MODELS:-$cache/models}" --work "$cache/bench" "$@"
