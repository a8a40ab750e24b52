#!/usr/bin/env bash
# What compose.yaml starts in containers, on this machine without any: the cluster of cluster.sh (three nodes, a Redis, an
# S3-compatible server) and a Prometheus with the product's own alert rules; a Grafana where one is installed.
#
#   deploy/stack.sh PROGRAM                stay until Ctrl-C
#   deploy/stack.sh PROGRAM --kill-one     kill a node, and end with 0 when the alert NodeDown fires for it
#
# Prometheus comes with `deploy/setup.sh stack`. What --kill-one changes of the rules is one thing, and it is printed: each
# `for:` becomes 5 s, because a trial should not wait the minutes that a person may be left to sleep. The rules that it
# used stay in the folder that it names (KEEP=1 keeps that folder).
set -euo pipefail

program=${1:?the path of rag-enabler}
mode=${2:-stay}
here=$(cd "$(dirname "$0")/.." && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/rag-enabler-stack.XXXXXX")
cluster='' prometheus='' grafana=''
# From the kill to the alert: a scrape each second, a wait of 5 s, and room for a slow machine.
alert_seconds_max=90

say() { printf 'stack: %s\n' "$*"; }
stop() {
    printf 'stack: cannot go on: %s\n' "$*" >&2
    exit 1
}

# shellcheck disable=SC2329 # the trap calls it
finish() {
    trap - EXIT INT TERM
    local pid
    for pid in $grafana $prometheus $cluster; do
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    if [ -n "${KEEP:-}" ]; then say "kept: $dir"; else rm -rf "$dir"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

for needed in prometheus promtool; do
    command -v "$needed" >/dev/null 2>&1 || stop "$needed is not installed. Run deploy/setup.sh stack."
done

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# Asks Prometheus for $1; prints its answer.
ask() {
    python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=3).read().decode())' \
        "http://127.0.0.1:$port$1"
}

mkdir "$dir/cluster" "$dir/targets"
CLUSTER_DIR="$dir/cluster" "$here/deploy/cluster.sh" "$program" stay &
cluster=$!
for _ in $(seq 1200); do
    [ -f "$dir/cluster/nodes" ] && break
    kill -0 "$cluster" 2>/dev/null || stop "the cluster did not start"
    sleep 0.5
done
[ -f "$dir/cluster/nodes" ] || stop "the cluster did not become ready"

# The configuration that is deployed, with the addresses of this machine: its file of targets, its own port, and without the
# collector and Tempo, which do not run here.
port=$(free_port)
interval=15s
cp "$here/deploy/telemetry/alerts.yml" "$dir/alerts.yml"
if [ "$mode" = --kill-one ]; then
    interval=1s
    sed -E 's/^( +for: ).*/\15s/' "$here/deploy/telemetry/alerts.yml" >"$dir/alerts.yml"
    say "rules of this trial: $(diff "$here/deploy/telemetry/alerts.yml" "$dir/alerts.yml" | grep -c '^>') lines \`for:\` are 5s, everything else is deploy/telemetry/alerts.yml"
fi
python3 - "$here/deploy/telemetry/prometheus.yml" "$dir" "$port" "$interval" <<'CONFIGURATION'
import re, sys
source, folder, port, interval = sys.argv[1:]
text = open(source, encoding="utf-8").read()
head, *jobs = re.split(r"(?m)^(?=  - job_name: )", text)
jobs = [job for job in jobs if re.match(r"  - job_name: (rag-enabler|prometheus)\n", job)]
assert len(jobs) == 2, "prometheus.yml has other jobs than this script knows"
text = head + "".join(jobs)
text = text.replace("localhost:9090", f"127.0.0.1:{port}")
text = re.sub(r"(scrape_interval|evaluation_interval|refresh_interval): \S+", rf"\1: {interval}", text)
if interval == "1s":
    text = re.sub(r"scrape_timeout: \S+", "scrape_timeout: 1s", text)
open(f"{folder}/prometheus.yml", "w", encoding="utf-8").write(text)
with open(f"{folder}/targets/nodes.yml", "w", encoding="utf-8") as targets:
    for line in open(f"{folder}/cluster/nodes", encoding="utf-8"):
        targets.write(f"- targets: [{line.split()[3]}]\n")
CONFIGURATION
promtool check config "$dir/prometheus.yml" >"$dir/promtool.log" 2>&1 || stop "$(tail -n 3 "$dir/promtool.log")"
prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/prometheus" \
    --web.listen-address="127.0.0.1:$port" --log.level=warn >"$dir/prometheus.log" 2>&1 &
prometheus=$!
for _ in $(seq 100); do
    ask /-/ready >/dev/null 2>&1 && break
    kill -0 "$prometheus" 2>/dev/null || stop "Prometheus ended: $(tail -n 2 "$dir/prometheus.log")"
    sleep 0.2
done
say "Prometheus  http://127.0.0.1:$port/alerts"

# The nodes of the job that Prometheus sees with up == $1.
seen() {
    ask "/api/v1/query?query=up%7Bjob%3D%22rag-enabler%22%7D+%3D%3D+$1" |
        python3 -c 'import json, sys; print(len(json.load(sys.stdin)["data"]["result"]))'
}
for _ in $(seq 120); do
    [ "$(seen 1)" = 3 ] && break
    sleep 0.5
done
[ "$(seen 1)" = 3 ] || stop "Prometheus does not reach three nodes"
say "Prometheus reads three nodes"
python3 - "$dir/cluster/nodes" "$dir" <<'PAGES'
import sys, urllib.request
for line in open(sys.argv[1], encoding="utf-8"):
    name, _, _, told = line.split()
    with urllib.request.urlopen(f"http://{told}/metrics", timeout=10) as page:
        open(f"{sys.argv[2]}/{name}.txt", "wb").write(page.read())
PAGES
for node in a b c; do
    promtool check metrics <"$dir/$node.txt" >"$dir/$node.lint" 2>&1 || { grep -v 'no help text' "$dir/$node.lint" | head -n 5; }
done
if python3 -c 'import yaml' 2>/dev/null; then
    python3 "$here/deploy/checks/telemetry.py" "$dir/a.txt" "$dir/b.txt" "$dir/c.txt" || stop "the nodes do not tell what the list says"
fi

if command -v grafana-server >/dev/null 2>&1; then
    web=$(free_port)
    mkdir -p "$dir/grafana/provisioning/datasources" "$dir/grafana/provisioning/dashboards"
    printf 'apiVersion: 1\ndatasources:\n  - {name: Prometheus, type: prometheus, uid: prometheus, url: "http://127.0.0.1:%s", isDefault: true}\n' "$port" \
        >"$dir/grafana/provisioning/datasources/all.yml"
    printf 'apiVersion: 1\nproviders:\n  - {name: files, type: file, options: {path: "%s"}}\n' "$here/deploy/telemetry/dashboards" \
        >"$dir/grafana/provisioning/dashboards/all.yml"
    GF_PATHS_DATA="$dir/grafana" GF_PATHS_PROVISIONING="$dir/grafana/provisioning" GF_SERVER_HTTP_ADDR=127.0.0.1 \
        GF_SERVER_HTTP_PORT=$web GF_AUTH_ANONYMOUS_ENABLED=true GF_ANALYTICS_REPORTING_ENABLED=false \
        grafana-server --homepath "${GRAFANA_HOME:-/usr/share/grafana}" >"$dir/grafana.log" 2>&1 &
    grafana=$!
    say "Grafana     http://127.0.0.1:$web"
else
    say "no Grafana: grafana-server is not installed (Debian has no package of it)"
fi

if [ "$mode" != --kill-one ]; then
    say "Ctrl-C ends everything and removes $dir"
    wait "$cluster"
    exit
fi

# Node a owns shards, which b has to take over.
read -r name pid _ told < <(grep '^a ' "$dir/cluster/nodes")
before=$(ask /api/v1/alerts | grep -c '"firing"' || true)
say "killing node $name (process $pid); alerts firing before: $before"
kill -KILL "$pid"
began=$SECONDS
while [ $((SECONDS - began)) -lt "$alert_seconds_max" ]; do
    if ask /api/v1/alerts | python3 -c '
import json, sys
firing = [one["labels"] for one in json.load(sys.stdin)["data"]["alerts"] if one["state"] == "firing"]
for one in firing:
    if one["alertname"] == "NodeDown" and one.get("instance") == sys.argv[1]:
        print("stack: fires:", ", ".join(sorted({each["alertname"] for each in firing})))
        sys.exit(0)
sys.exit(1)' "$told"; then
        say "NodeDown fires for $told, $((SECONDS - began)) s after the kill"
        exit 0
    fi
    sleep 1
done
stop "no alert within $alert_seconds_max s; the targets: $(ask /api/v1/targets | head -c 600)"
