#!/bin/bash
# Ends with 0 when the node of this container answers a path with 200: health.sh [/live] [PORT].
# It needs no program beside bash, so that the image carries none.
path=${1:-/live}
port=${2:-${RAG_ENABLER_HTTP_LISTEN##*:}}
exec 3<>"/dev/tcp/127.0.0.1/${port:-8080}" || exit 1
printf 'GET %s HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$path" >&3
IFS=' ' read -r -t 4 _ status _ <&3 || exit 1
[ "$status" = 200 ]
