#!/usr/bin/env bash
# Holds everything that is deployed to its rules: format, security, schemas, names. Ends with 1 when anything is wrong.
#
#   deploy/check.sh          all checks; the tools from the Python package index are fetched once, into the cache
#
# terraform and promtool are used where they are installed; when they are not, it says so, and what was not checked.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools="${HOME:?HOME is not set}/.cache/rag-enabler/tools/deploy-check"
requirements=deploy/checks/requirements.txt
failed=()
left_out=()

say() { printf 'deploy-check: %s\n' "$*"; }

# Runs $2... as the check $1, and goes on when it fails: every problem is told at once.
check() {
    local name=$1
    shift
    say "$name"
    "$@" || failed+=("$name")
}

install_tools() {
    local wanted
    wanted=$(sha256sum <"$requirements")
    if [ "$(cat "$tools/stamp" 2>/dev/null)" = "$wanted" ]; then return; fi
    say "installing the checkers (once, some minutes)"
    rm -rf "$tools"
    mkdir -p "$(dirname "$tools")"
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check --no-input --requirement "$requirements"
    printf '%s\n' "$wanted" >"$tools/stamp"
}

# Only what stands in the files: checkov would fetch guidelines from its maker's server.
security() {
    "$tools/bin/checkov" --directory deploy/terraform --framework terraform --compact --quiet --skip-download
}

# Each skip of checkov has its reason behind the rule's name.
reasons() {
    ! grep -rnE '#checkov:skip=[A-Z0-9_]+(:.{0,7})?$' deploy/terraform
}

install_tools
export PATH="$tools/bin:$PATH"

if command -v terraform >/dev/null 2>&1; then
    check "terraform fmt" terraform fmt -check -diff -recursive deploy/terraform
else
    left_out+=("the format of Terraform's files (terraform is not installed)")
fi
check "checkov" security
check "reasons of what checkov passes over" reasons
check "Dockerfiles" hadolint --failure-threshold style deploy/docker/Dockerfile deploy/docker/Dockerfile.gpu \
    deploy/docker/Dockerfile.door deploy/docker/Dockerfile.s3
check "shell" shellcheck deploy/check.sh deploy/cluster.sh deploy/stack.sh deploy/setup.sh deploy/docker/node.sh deploy/docker/health.sh
check "compose file" check-jsonschema --builtin-schema vendor.compose-spec deploy/docker/compose.yaml
check "workflows" check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
check "YAML" yamllint --strict -d '{extends: default, rules: {line-length: disable, document-start: disable, truthy: {check-keys: false}, comments: {min-spaces-from-content: 1}, braces: {max-spaces-inside: 1}}}' \
    .github/workflows deploy/docker/compose.yaml deploy/telemetry
check "metrics, alarms, dashboards" python3 deploy/checks/telemetry.py
check "settings, routes, runbooks, the proposal's lines" python3 deploy/checks/files.py
check "secrets' rotation" python3 -m py_compile deploy/terraform/modules/secrets/rotation/rotate.py
if command -v promtool >/dev/null 2>&1; then
    check "Prometheus" promtool check config deploy/telemetry/prometheus.yml
    check "alarms in drawn-up situations" promtool test rules deploy/telemetry/alerts.test.yml
else
    left_out+=("the syntax of every query, and what alarms say to drawn-up situations (promtool is not installed; Debian has it in the package prometheus)")
fi

find deploy -name __pycache__ -type d -exec rm -rf {} +
for what in "${left_out[@]}"; do say "NOT checked: $what"; done
if [ "${#failed[@]}" -gt 0 ]; then
    printf 'deploy-check: failed: %s\n' "${failed[@]}"
    exit 1
fi
say "all is well"
