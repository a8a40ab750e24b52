#!/usr/bin/env python3
"""What a cluster costs: the way of a request through a node that does not own its document, and the memory of idle nodes.

    tests/bench/cluster.py PROGRAM [--rest 30] [--uploads-mb 0] [--rate-mb 0]

Starts deploy/cluster.sh, asks for one document through every node in turn, so that all see the same machine, and prints
the median and the 99th percentile of each, their ratio, and each node's memory: at rest before the requests, right after
them, and at rest again. With --uploads-mb it measures again while so many megabytes of documents are being uploaded.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import re
import signal
import statistics
import subprocess
import sys
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 400
PIECE = 256 << 10


def start(program):
    process = subprocess.Popen(
        [ROOT / "deploy/cluster.sh", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    nodes, document, key = {}, None, None
    for line in process.stdout:
        if found := re.search(r"node (\w)  http://127.0.0.1:(\d+)/operator  (\S+)", line):
            nodes[found[1]] = (int(found[2]), found[3])
        if line.startswith('{"id"'):
            document = json.loads(line)["id"]
        if found := re.search(r"API key (\w+)", line):
            key = found[1]
            break
        if "cannot go on" in line:
            sys.exit(line)
    return process, nodes, document, key


def ask(connection, document, key):
    began = time.perf_counter()
    connection.request("GET", f"/v1/documents/{document}", headers={"X-API-Key": key})
    answer = connection.getresponse()
    answer.read()
    took = time.perf_counter() - began
    if answer.status != 200:
        sys.exit(f"the document is answered {answer.status}")
    return took * 1000


def measure(nodes, document, key, until=lambda rounds: rounds >= ROUNDS):
    connections = {name: http.client.HTTPConnection("127.0.0.1", port) for name, (port, _) in nodes.items()}
    times = {name: [] for name in nodes}
    rounds = 0
    while not until(rounds):
        for name, connection in connections.items():
            times[name].append(ask(connection, document, key))
        rounds += 1
    return times


def show(title, nodes, times):
    print(f"\n{title}, milliseconds of {len(next(iter(times.values())))} requests each")
    medians = {name: statistics.median(each) for name, each in times.items()}
    least = min(medians.values())
    for name, each in times.items():
        p99 = sorted(each)[int(len(each) * 0.99)]
        print(f"  node {name}  {nodes[name][1]:45} p50 {medians[name]:6.2f}  p99 {p99:6.2f}  {medians[name] / least:.2f}x")


def memory(title, nodes):
    """What each node holds. Of what is resident, pages of the program and of its libraries are the kernel's to take back;
    anonymous memory is not, and is what brings a container to its limit."""
    print(f"\nmemory {title}, MB")
    for name, (port, roles) in nodes.items():
        found = subprocess.run(["pgrep", "-f", f"listen 127.0.0.1:{port}"], capture_output=True, text=True)
        for pid in found.stdout.split():
            own, threads = held(pid), Path(f"/proc/{pid}/task").iterdir()
            children = [held(child) for thread in threads for child in (thread / "children").read_text().split()]
            print(
                f"  node {name}  {roles:45} resident {own['VmRSS']:4.0f}  anonymous {own['RssAnon']:4.0f}"
                f"  children {len(children)}, anonymous {sum(child['RssAnon'] for child in children):.0f}"
            )


def held(pid):
    """Megabytes by kind, as the kernel tells them of a process."""
    lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) / 1024 for words in lines if words[-1:] == ["kB"]}


def upload(port, key, bytes_wanted, rate, done):
    """Uploads until `bytes_wanted` have been taken: one-page PDFs, each padded to 20 MB behind its end.

    A process of its own, so that it waits for no lock of the one that measures; `rate` bytes a second, or without bound.
    """
    page = (ROOT / "samples/parecer-licencas-rota-clara.pdf").read_bytes()
    sent = 0
    while sent < bytes_wanted:
        mark = uuid.uuid4().hex.encode()
        body = page + b"\n%" + mark + b"x" * 20_000_000
        boundary = mark.decode()
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="template"\r\n\r\ngeneric\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="large.pdf"\r\n\r\n'
        ).encode()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        whole = head + body + f"\r\n--{boundary}--\r\n".encode()
        connection.putrequest("POST", "/v1/documents")
        connection.putheader("X-API-Key", key)
        connection.putheader("Content-Type", f"multipart/form-data; boundary={boundary}")
        connection.putheader("Content-Length", str(len(whole)))
        connection.endheaders()
        began = time.monotonic()
        for start in range(0, len(whole), PIECE):
            connection.send(whole[start : start + PIECE])
            if rate:
                time.sleep(max(0.0, began + (start + PIECE) / rate - time.monotonic()))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 202:
            sent += len(body)
        elif answer.status not in (429, 503):
            print(f"an upload was answered {answer.status}: {text[:200]}", file=sys.stderr)
            break
        connection.close()
    done.put(sent)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rest", type=int, default=30, help="seconds without a request before memory at rest is read")
    parser.add_argument("--uploads-mb", type=int, default=0)
    parser.add_argument("--rate-mb", type=float, default=0, help="megabytes a second; 0 for as fast as they are taken")
    arguments = parser.parse_args()
    process, nodes, document, key = start(arguments.program)
    try:
        time.sleep(arguments.rest)
        memory(f"after {arguments.rest} s at rest", nodes)
        measure(nodes, document, key, lambda rounds: rounds >= 20)
        show("idle", nodes, measure(nodes, document, key))
        memory("right after the requests", nodes)
        time.sleep(arguments.rest)
        memory(f"after {arguments.rest} s more at rest", nodes)
        if arguments.uploads_mb:
            done = multiprocessing.Queue()
            port = nodes["b"][0]
            wanted, rate = arguments.uploads_mb * 500_000, arguments.rate_mb * 500_000
            work = (port, key, wanted, rate, done)
            uploads = [multiprocessing.Process(target=upload, args=work) for _ in range(2)]
            began = time.monotonic()
            for one in uploads:
                one.start()
            times = measure(nodes, document, key, lambda _: not any(one.is_alive() for one in uploads))
            took = time.monotonic() - began
            sent = sum(done.get() for _ in uploads)
            show(f"while {sent / 1e6:.0f} MB were uploaded in {took:.0f} s", nodes, times)
            memory("right after the uploads", nodes)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
