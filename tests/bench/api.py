#!/usr/bin/env python3
"""What the API costs: its layer over warp alone, cached questions, ten thousand idle connections, slow clients.

    tests/bench/api.py PROGRAM HELLO [--seconds 10] [--connections 10000]

PROGRAM is rag-enabler, HELLO is `cargo build --release -p enabler-http --example hello`. Starts a node on a directory of its
own, uploads a sample, and drives both with wrk (apt: wrk) in turn, so that both see the same machine. Both cores are shared by
the server and wrk: a ratio within a run says more than a number.
"""

import argparse
import http.client
import json
import os
import re
import resource
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Turns of a second each that every row has, one row after the other: what else the machine does then falls on all of them.
ROUNDS_A_SECOND = 3
TICKS = os.sysconf("SC_CLK_TCK")


def node(program, folder):
    settings = Path(folder, "rag-enabler.toml")
    # A log line for each request would be measured, and no bench's client is a stranger.
    settings.write_text('[log]\nfilter = "warn"\n[http]\nconnections_max = 20000\n')
    process = subprocess.Popen(
        [program, "serve", "--data", folder, "--config", settings, "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if found := re.search(r"on http://127.0.0.1:(\d+)", line):
            port = int(found[1])
        if "API key" in line:
            break
    threading.Thread(target=lambda: [None for _ in process.stdout], daemon=True).start()
    return process, port, Path(folder, "key").read_text().strip()


def call(port, key, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request(method, path, body, {"X-API-Key": key, **(headers or {})})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, text


def document(port, key):
    while call(port, key, "GET", "/ready")[0] != 200:
        time.sleep(0.2)
    mark = uuid.uuid4().hex
    pdf = (ROOT / "samples/parecer-licencas-rota-clara.pdf").read_bytes()
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    body = head.encode() + pdf + f"\r\n--{mark}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
    status, text = call(port, key, "POST", "/v1/documents", body, kind)
    assert status == 202, text
    found = json.loads(text)["document_id"]
    while json.loads(call(port, key, "GET", f"/v1/documents/{found}")[1])["status"] != "ready":
        time.sleep(0.2)
    return found


def wrk(url, seconds, script=None, connections=64):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    if script:
        command += ["-s", script]
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said:
        raise SystemExit(said)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    scale = {"us": 0.001, "ms": 1, "s": 1000}[p99[2]]
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), float(p99[1]) * scale


def memory(process):
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def used(process):
    """The processor time of a process so far, in seconds."""
    return sum(map(int, Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])) / TICKS


def turn(process, *asked):
    """One turn of wrk: requests a second, p99, and what a request cost the server and wrk, in microseconds."""
    before, children = used(process), resource.getrusage(resource.RUSAGE_CHILDREN)
    rate, p99 = wrk(*asked)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    client = after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
    requests = rate * asked[1]
    return rate, p99, (used(process) - before) / requests * 1e6, client / requests * 1e6


def shown(title, rate, p99, against=None, costs=""):
    ratio = f"  {rate / against:.2f}x" if against else ""
    print(f"  {title:46} {rate:8.0f} /s   p99 {p99:6.2f} ms{ratio}{costs}", flush=True)


def rates(hello, alone, process, port, key, found, seconds, folder):
    script = Path(folder, "ask.lua")
    question = json.dumps({"question": "Qual o prazo para regularização?"}, ensure_ascii=False)
    script.write_text(
        'wrk.method = "POST"\n'
        f"wrk.body = [[{question}]]\n"
        'wrk.headers["Content-Type"] = "application/json"\n'
        f'wrk.headers["X-API-Key"] = "{key}"\n'
    )
    ask = f"http://127.0.0.1:{port}/v1/documents/{found}/ask"
    for _ in range(2):
        body = question.encode()
        status, text = call(port, key, "POST", f"/v1/documents/{found}/ask", body, {"Content-Type": "application/json"})
        assert status == 200, text
    assert json.loads(text)["cached"], text
    live = f"http://127.0.0.1:{port}/live"
    turns = {
        "warp's hello": (hello[1], f"{hello[0]}/hello", 1),
        "warp's hello on one thread": (alone[1], f"{alone[0]}/hello", 1),
        "warp's hello with our headers": (hello[1], f"{hello[0]}/headed", 1),
        "the API's /live": (process, live, 1),
        "the API's /ready, by the workers": (process, f"http://127.0.0.1:{port}/ready", 1),
        "a cached question": (process, ask, 1, script),
        "a cached question, 32 connections": (process, ask, 1, script, 32),
        "a cached question, 24 connections": (process, ask, 1, script, 24),
    }
    rows = {title: [] for title in turns}
    for _ in range(seconds * ROUNDS_A_SECOND):
        for title, asked in turns.items():
            rows[title].append(turn(*asked))
    print(f"\nmedians of {seconds * ROUNDS_A_SECOND} turns of a second each, server and wrk on the same cores")
    base = statistics.median(row[0] for row in rows["warp's hello"])
    for title, each in rows.items():
        rate, p99, server, client = (statistics.median(column) for column in zip(*each))
        shown(title, rate, p99, base, f"   server {server:5.1f} us, wrk {client:5.1f} us")


def idle(process, port, count, seconds):
    print(f"\n{count} idle connections")
    before = memory(process)
    quiet = wrk(f"http://127.0.0.1:{port}/live", seconds)
    sockets = []
    for _ in range(count):
        one = socket.create_connection(("127.0.0.1", port))
        one.sendall(b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
        sockets.append(one)
    for one in sockets:
        one.recv(4096)
    with_them = wrk(f"http://127.0.0.1:{port}/live", seconds)
    print(f"  memory {before:.0f} MB before, {memory(process):.0f} MB with them")
    shown("other requests before", *quiet)
    shown("other requests with them", *with_them, quiet[0])
    for one in sockets:
        one.close()


def slow(process, port, key, count, seconds):
    print(f"\n{count} clients that send an upload and stop half-way, {count} that ask for headers byte by byte")
    before = memory(process)
    quiet = wrk(f"http://127.0.0.1:{port}/live", seconds)
    sockets = []
    head = (
        f"POST /v1/documents HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nContent-Length: 40000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-1.7'
    )
    for number in range(count * 2):
        one = socket.create_connection(("127.0.0.1", port))
        one.sendall(head.encode() if number % 2 else b"GET /live HTT")
        sockets.append(one)
    time.sleep(1)
    with_them = wrk(f"http://127.0.0.1:{port}/live", seconds)
    print(f"  memory {before:.0f} MB before, {memory(process):.0f} MB with them")
    shown("other requests before", *quiet)
    shown("other requests with them", *with_them, quiet[0])
    began = time.monotonic()
    left = set(sockets)
    while left and time.monotonic() - began < 60:
        for one in list(left):
            one.setblocking(False)
            try:
                if one.recv(4096) == b"":
                    left.discard(one)
            except BlockingIOError:
                pass
            except OSError:
                left.discard(one)
        time.sleep(0.2)
    print(f"  all but {len(left)} of them were ended by the node within {time.monotonic() - began:.0f} s")
    for one in sockets:
        one.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("hello")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=10_000)
    arguments = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as folder:
        hello = subprocess.Popen([arguments.hello], stdout=subprocess.PIPE, text=True)
        one_thread = {**os.environ, "TOKIO_WORKER_THREADS": "1"}
        alone = subprocess.Popen([arguments.hello], stdout=subprocess.PIPE, text=True, env=one_thread)
        process, port, key = node(arguments.program, folder)
        try:
            found = document(port, key)
            both = [(one.stdout.readline().strip(), one) for one in (hello, alone)]
            rates(*both, process, port, key, found, arguments.seconds, folder)
            idle(process, port, arguments.connections, arguments.seconds)
            slow(process, port, key, 200, arguments.seconds)
        finally:
            hello.kill()
            alone.kill()
            process.terminate()
            process.wait(60)


if __name__ == "__main__":
    main()
