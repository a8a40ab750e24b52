#!/usr/bin/env bash
# Builds the fuzz targets with coverage counters and runs each for a bounded time.
#
#   fuzz/run.sh [SECONDS_EACH] [TARGET ...]
#
# Works with the stable toolchain: the counters come from LLVM's own pass, so no nightly flag is needed (and no address
# sanitizer is had; unsafe code is checked by its own tests). What is learnt stays in the cache; a finding is written to
# fuzz/findings and ends the run with an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

seconds=${1:-60}
shift || true
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(pdf protocol envelope rules_parse rules_apply rules_format rules_service)

base=${CARGO_TARGET_DIR:-$HOME/.cache/rag-enabler/target}
corpus=$base/fuzz-corpus
# Apart from the product's build: the flags differ, and would rebuild everything each way.
export CARGO_TARGET_DIR=$base/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
# The same counters that cargo-fuzz asks for. With --target they reach the targets, not the build scripts.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
command -v g++ >/dev/null 2>&1 || export CXX=clang++

echo "fuzz: building ${targets[*]} (the first time this compiles their dependencies: several minutes)"
# The product's own versions of everything; only the fuzzing library comes on top.
cp ../Cargo.lock Cargo.lock
# Each room's targets have a feature of their own, so that one does not compile what another needs.
features=
for target in "${targets[@]}"; do
    case $target in
        pdf | protocol) features+=,reading ;;
        envelope) features+=,storage ;;
        rules_*) features+=,rules ;;
    esac
done
cargo build --release --features "${features#,}" --target "$host" $(printf -- '--bin %s ' "${targets[@]}")

status=0
for target in "${targets[@]}"; do
    mkdir -p "$corpus/$target" "findings/$target"
    seeds=()
    [ ! -d "seeds/$target" ] || seeds=("seeds/$target")
    limits=(-timeout=30)
    # A rules file is checked while somebody types, so that a slow one is a finding. The shipped files are seeds too.
    [[ $target != rules_* ]] || { seeds+=(seeds/rules ../config/rules); limits=(-timeout=10 -dict=rules.dict); }
    echo "fuzz: $target for $seconds s, corpus of $(find "$corpus/$target" -type f | wc -l) files"
    # rss_limit: a page may ask for much, the product's child ends it at its own limit; timeout: as long as a page may take.
    if ! "$CARGO_TARGET_DIR/$host/release/$target" -max_total_time="$seconds" "${limits[@]}" -rss_limit_mb=4096 -malloc_limit_mb=2048 \
        -max_len=65536 -print_final_stats=1 -artifact_prefix="findings/$target/" \
        "$corpus/$target" "${seeds[@]}" >"findings/$target.log" 2>&1; then
        status=1
        echo "fuzz: $target found something:"
        grep -E 'panicked|ERROR|SUMMARY|Test unit written' -A 2 "findings/$target.log" | head -n 20
    fi
    grep -E 'number_of_executed_units|new_units_added' "findings/$target.log" | sed "s/^stat::/fuzz: $target /" || true
done
exit "$status"
