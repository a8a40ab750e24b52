#!/bin/bash
# Starts a node in a container: gives it a name that no other has, the address that others reach it at, and a certificate.
#
# In ECS all three are known only once the task runs. What is already set is left alone. Any other command than `serve`
# is run as it is.
set -euo pipefail

stop() {
    printf 'node: cannot go on: %s\n' "$*" >&2
    exit 1
}

# The body of http://$1, without a program that the image would have to carry for it.
get() {
    local host=${1%%/*} path=/${1#*/} line
    local port=80
    case $host in *:*) port=${host##*:} host=${host%%:*} ;; esac
    exec 3<>"/dev/tcp/$host/$port" || return 1
    printf 'GET %s HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n' "$path" "$host" >&3
    while IFS= read -r line <&3 && [ "$line" != $'\r' ] && [ -n "$line" ]; do :; done
    cat <&3
    exec 3>&-
}

if [ "${1:-}" != serve ] || [ -z "${RAG_ENABLER_CLUSTER_LISTEN:-}" ]; then exec rag-enabler "$@"; fi

if [ -z "${RAG_ENABLER_NODE_NAME:-}" ]; then
    id=$(hostname)
    if [ -n "${ECS_CONTAINER_METADATA_URI_V4:-}" ]; then
        # It answers some moments after the container has begun.
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            task=$(get "${ECS_CONTAINER_METADATA_URI_V4#http://}/task" 2>/dev/null) && break
            task=
            sleep 1
        done
        [[ $task =~ \"TaskARN\":\"[^\"]*/([0-9a-f]+)\" ]] || stop "the task's metadata cannot be read"
        id=${BASH_REMATCH[1]:0:12}
    fi
    prefix=${NODE_PREFIX:-node}
    RAG_ENABLER_NODE_NAME=$(printf '%s-%s' "$prefix" "$id" | tr 'A-Z_.' 'a-z--')
    export RAG_ENABLER_NODE_NAME
fi

if [ -z "${RAG_ENABLER_CLUSTER_ADVERTISE:-}" ]; then
    read -r address _ < <(hostname -I) || stop "this container has no address"
    export RAG_ENABLER_CLUSTER_ADVERTISE="$address:${RAG_ENABLER_CLUSTER_LISTEN##*:}"
fi

# The authority comes as two secrets; the node's own certificate is made here and ends with the container.
if [ -n "${NODE_AUTHORITY_PEM:-}" ]; then
    certs=${NODE_CERTS:-/run/rag-enabler/certs}
    rm -rf "$certs"
    (umask 077 && mkdir -p "$certs" && printf '%s\n' "$NODE_AUTHORITY_PEM" >"$certs/authority.pem" &&
        printf '%s\n' "${NODE_AUTHORITY_KEY:?the authority has no key}" >"$certs/authority.key")
    rag-enabler certs new "$certs" --node "$RAG_ENABLER_NODE_NAME" --host localhost >/dev/null 2>&1 ||
        stop "no certificate could be made for $RAG_ENABLER_NODE_NAME"
    rm -f "$certs/authority.key"
    # A fixed name beside it, for the TLS door in front of the API.
    ln -sf "$RAG_ENABLER_NODE_NAME.pem" "$certs/node.pem"
    ln -sf "$RAG_ENABLER_NODE_NAME.key" "$certs/node.key"
    export RAG_ENABLER_CLUSTER_AUTHORITY="$certs/authority.pem"
    export RAG_ENABLER_CLUSTER_CERTIFICATE="$certs/$RAG_ENABLER_NODE_NAME.pem"
    export RAG_ENABLER_CLUSTER_KEY="$certs/$RAG_ENABLER_NODE_NAME.key"
    # While the authority is replaced, the certificates of both are taken.
    if [ -n "${NODE_AUTHORITY_OLD_PEM:-}" ]; then printf '%s\n' "$NODE_AUTHORITY_OLD_PEM" >>"$certs/authority.pem"; fi
    unset NODE_AUTHORITY_PEM NODE_AUTHORITY_KEY NODE_AUTHORITY_OLD_PEM
fi

exec rag-enabler "$@"
