#!/usr/bin/env bash
# Shows a cluster on this machine: three nodes with different roles, an S3-compatible server and a Redis. A document is
# ingested through one node and asked through another. It stays up until Ctrl-C, and leaves nothing running.
#
#   deploy/cluster.sh PROGRAM [once]     once: end after the answer
#
# With CLUSTER_DIR set it works in that folder, and leaves there in `nodes` who runs, once all are ready: name, process,
# address of the API and of the metrics.
set -euo pipefail

program=${1:?the path of rag-enabler}
mode=${2:-stay}
here=$(cd "$(dirname "$0")/.." && pwd)
tools="$HOME/.cache/rag-enabler/tools"
dir=${CLUSTER_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/rag-enabler-cluster.XXXXXX")}
pids=()

say() { printf 'cluster: %s\n' "$*"; }
stop() {
    printf 'cluster: cannot go on: %s\n' "$*" >&2
    exit 1
}

finish() {
    trap - EXIT INT TERM
    # Nodes first, so that they can write down that they end; then what they use.
    local i
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        kill -TERM "${pids[i]}" 2>/dev/null || true
        for _ in $(seq 300); do kill -0 "${pids[i]}" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "${pids[i]}" 2>/dev/null || true
        wait "${pids[i]}" 2>/dev/null || true
    done
    [ -n "${KEEP:-}${CLUSTER_DIR:-}" ] || rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Ports that are free now. The kernel gives each out once for a while.
free_ports() {
    python3 - "$1" <<'PORTS'
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for one in held:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in held))
PORTS
}

# Waits until command $2... succeeds, $1 seconds at most.
wait_for() {
    local seconds=$1
    shift
    for _ in $(seq $((seconds * 5))); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.2
    done
    return 1
}

answers() { python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=2)' "$1"; }

read -r s3 redis http_a http_b http_c link_a link_b link_c told_a told_b told_c < <(free_ports 11)

say "starting an S3-compatible server on port $s3 and a Redis on port $redis"
BIND_HOST=127.0.0.1 GATEWAY_PORT=$s3 S3_PERSIST=1 S3_DATA_DIR="$dir/s3" SERVICES=s3 \
    "$tools/ministack/bin/ministack" >"$dir/s3.log" 2>&1 &
pids+=($!)
redis-server --bind 127.0.0.1 --port "$redis" --save '' --appendonly no >"$dir/redis.log" 2>&1 &
pids+=($!)
wait_for 60 answers "http://127.0.0.1:$s3/_ministack/health" || wait_for 5 answers "http://127.0.0.1:$s3/" ||
    stop "the S3-compatible server did not start: $(tail -n 1 "$dir/s3.log")"
python3 - "$s3" <<'BUCKET' || stop "the bucket could not be made"
import sys, urllib.request
request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/rag-enabler", method="PUT")
urllib.request.urlopen(request, timeout=10)
BUCKET

say "making an authority and a certificate for each node"
"$program" certs new "$dir/certs" --node a --node b --node c --host 127.0.0.1 >/dev/null 2>&1 ||
    stop "rag-enabler certs new failed"

key=$(python3 -c 'import secrets; print(secrets.token_hex(16))')
export RAG_ENABLER_KEY=$key

# Starts node $1 with the roles $2, its API on port $3, its links on port $4 and its metrics on port $5.
start_node() {
    local name=$1 roles=$2 http=$3 link=$4 told=$5
    mkdir -p "$dir/$name"
    RAG_ENABLER_CLUSTER_LISTEN="127.0.0.1:$link" \
        RAG_ENABLER_CLUSTER_SEEDS="127.0.0.1:$link_a,127.0.0.1:$link_b,127.0.0.1:$link_c" \
        RAG_ENABLER_CLUSTER_AUTHORITY="$dir/certs/authority.pem" \
        RAG_ENABLER_CLUSTER_CERTIFICATE="$dir/certs/$name.pem" \
        RAG_ENABLER_CLUSTER_KEY="$dir/certs/$name.key" \
        RAG_ENABLER_STORAGE_URL="s3://rag-enabler/try" \
        RAG_ENABLER_STORAGE_ENDPOINT="http://127.0.0.1:$s3" \
        RAG_ENABLER_STORAGE_PATH_STYLE=yes \
        RAG_ENABLER_STORAGE_ACCESS_KEY=test RAG_ENABLER_STORAGE_SECRET_KEY=test \
        RAG_ENABLER_CACHE_URL="redis://127.0.0.1:$redis" \
        RAG_ENABLER_TELEMETRY_LISTEN="127.0.0.1:$told" \
        "$program" --data "$dir/$name" serve --name "$name" --roles "$roles" --listen "127.0.0.1:$http" \
        >"$dir/$name.log" 2>&1 &
    pids+=($!)
    nodes+=("$name $! http://127.0.0.1:$http 127.0.0.1:$told")
    say "node $name  http://127.0.0.1:$http/operator  $roles"
}

nodes=()
start_node a api,documents "$http_a" "$link_a" "$told_a"
start_node b api,documents,rules,embedding,generation "$http_b" "$link_b" "$told_b"
start_node c api,ocr "$http_c" "$link_c" "$told_c"
for one in "a $http_a" "b $http_b" "c $http_c"; do
    read -r name port <<<"$one"
    wait_for 120 answers "http://127.0.0.1:$port/ready" ||
        stop "node $name is not ready. Its log ends: $(tail -n 3 "$dir/$name.log")"
done
say "all three nodes are ready"

document="$here/samples/parecer-licencas-rota-clara.pdf"
[ -f "$document" ] || document=$(find "$here/samples" -name '*.pdf' | sort | head -n 1)
say "ingesting $(basename "$document") through node a"
"$program" --url "http://127.0.0.1:$http_a" ingest "$document"
id=$("$program" --url "http://127.0.0.1:$http_c" docs list --json | python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["id"])')
say "asking through node c, which holds neither documents nor models"
"$program" --url "http://127.0.0.1:$http_c" ask "$id" "Qual a licença do componente Lume PDF?"
if [ "$mode" = once ]; then exit 0; fi
if [ -n "${CLUSTER_DIR:-}" ]; then
    printf '%s\n' "${nodes[@]}" >"$dir/nodes.new"
    mv "$dir/nodes.new" "$dir/nodes"
fi
say "API key $key; logs and data are in $dir. Ctrl-C ends everything and removes them."
wait "${pids[-1]}" || stop "node c ended: $(tail -n 3 "$dir/c.log")"
