"""Starts a node, gives it a document, and lets schemathesis hold it to its own description."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "bench"))

from node import KEY, Node  # noqa: E402

SAMPLE = HERE.parent.parent / "samples" / "parecer-licencas-rota-clara.pdf"


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--program", required=True, help="the program rag-enabler")
    words.add_argument("--keep", help="keep the node's data in this folder")
    words.add_argument("more", nargs="*", help="further words for schemathesis, after --")
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="rag-enabler-contract-") as scratch:
        node = Node(given.program, Path(given.keep or scratch) / "data")
        print(f"contract: the node was ready after {node.start():.1f} s", flush=True)
        try:
            return held(node, given.more, scratch)
        finally:
            if node.process.poll() is None:
                node.stop()


def held(node, more, scratch):
    document = node.upload(SAMPLE)
    status = node.wait(document)["status"]
    if status != "ready":
        raise SystemExit(f"contract: the sample document is {status}")
    url = f"http://127.0.0.1:{node.port}"
    command = [Path(sys.executable).parent / "st", "--config-file", HERE / "schemathesis.toml", "run", f"{url}/openapi.json"]
    surroundings = {**os.environ, "CONTRACT_DOCUMENT": document, "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
    began = time.monotonic()
    # In a folder of its own, because schemathesis leaves files where it runs.
    outcome = subprocess.run([*command, "--header", f"X-API-Key: {KEY}", *more], cwd=scratch, env=surroundings, check=False)
    print(f"contract: {time.monotonic() - began:.0f} s", flush=True)
    if node.process.poll() is not None:
        print(f"contract: the node ended by itself with status {node.process.returncode}")
        return 1
    log = (node.data / "node.log").read_text(errors="replace")
    panics = [line for line in log.splitlines() if "panicked" in line]
    if panics:
        print("contract: a handler panicked:", *panics[:5], sep="\n  ")
        return 1
    node.call("GET", "/ready")
    return outcome.returncode


if __name__ == "__main__":
    sys.exit(main())
