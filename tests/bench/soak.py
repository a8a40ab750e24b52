"""Runs a node for a while under uploads, questions, deletes and kill -9, and holds it to its promises.

    soak.py --program PATH [--minutes N] [--seed N] [--models DIR]

The promises: an acknowledged upload ends as ready; a ready document stays ready and its answers cite the right page
through every kill; a deleted document stays deleted; memory does not grow without end. The first broken one ends the run
with an error and leaves the data directory behind.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from node import Node, Refused
from product import SAMPLES, changed

# Documents at one time; the oldest goes when it is reached.
LIVE_MAX = 12


class Soak:
    def __init__(self, node, tour, folder, chance):
        self.node, self.tour, self.folder, self.chance = node, tour, folder, chance
        self.live, self.dead, self.counts, self.made = {}, [], {}, 0

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def upload(self):
        file = self.chance.choice(self.tour["files"])
        path = changed(Path(SAMPLES, file["path"]), self.made, self.folder)
        self.made += 1
        self.live[self.node.upload(path, file["template"])] = file["path"]
        path.unlink()
        self.count("uploads")
        if len(self.live) > LIVE_MAX:
            self.delete()

    def ready(self, document):
        found = self.node.wait(document)
        if found["status"] != "ready":
            raise AssertionError(f"{document} ({self.live[document]}) ended as {found}")

    def ask(self):
        if not self.live:
            return
        document = self.chance.choice(sorted(self.live))
        self.ready(document)
        q = self.chance.choice([q for q in self.tour["questions"] if q["document"] == self.live[document]])
        answer = self.node.ask(document, q["question"])
        if q["page"] not in [s["page"] for s in answer["sources"]]:
            raise AssertionError(f"{q['question']} cites {[s['page'] for s in answer['sources']]}, not page {q['page']}: {answer['answer']}")
        self.count("questions")

    def delete(self):
        if not self.live:
            return
        document = next(iter(self.live))
        self.node.delete(document)
        del self.live[document]
        self.dead.append(document)
        self.count("deletes")

    def gone(self):
        for document in self.dead[-20:]:
            try:
                found = self.node.document(document)
            except Refused as refused:
                if refused.status == 404:
                    continue
                raise
            raise AssertionError(f"{document} was deleted and is {found['status']} again")

    def kill(self):
        self.node.stop(signal.SIGKILL)
        self.count("kills")
        self.counts["slowest start, s"] = round(max(self.counts.get("slowest start, s", 0), self.node.start()), 1)
        self.gone()
        for document in list(self.live):
            self.ready(document)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--memory-mb-max", type=float, default=1500, help="resident memory of the node with both models")
    a = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="rag-enabler-soak-")
    node = Node(a.program, Path(folder, "data"), a.models)
    soak = Soak(node, tomllib.loads(Path(SAMPLES, "tour.toml").read_text()), folder, random.Random(a.seed))
    until, said = time.monotonic() + 60 * a.minutes, time.monotonic()
    try:
        node.start()
        while time.monotonic() < until:
            soak.chance.choices([soak.upload, soak.ask, soak.delete, soak.kill], [4, 10, 1, 1])[0]()
            memory = node.memory_mb()
            soak.counts["most memory, MB"] = round(max(soak.counts.get("most memory, MB", 0), memory))
            if memory > a.memory_mb_max:
                raise AssertionError(f"the node takes {memory:.0f} MB")
            if time.monotonic() - said > 30:
                said = time.monotonic()
                print(f"soak: {(until - said) / 60:.1f} minutes left, {soak.counts}", flush=True)
        soak.kill()
        node.stop()
    except (AssertionError, RuntimeError, Refused, OSError) as broken:
        if node.process and node.process.poll() is None:
            node.stop(signal.SIGKILL)
        print(f"soak: broken after {soak.counts} with seed {a.seed}: {broken}\nsoak: the data directory is kept: {folder}", file=sys.stderr)
        raise SystemExit(1) from None
    shutil.rmtree(folder)
    print(f"soak: held for {a.minutes} minutes: {soak.counts}")


if __name__ == "__main__":
    main()
