"""The product end to end over HTTP: pages a minute from upload to ready, questions a minute, restart, idle memory.

    product.py PROGRAM MODELS_DIR [SAMPLES_DIR]
"""

import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
from node import Node
from report import row

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
# As many people as one small node is meant for at one time.
ASKERS = 4


def changed(path, number, folder):
    """The same pages as another file: a comment after the end changes the hash and nothing else."""
    copy = Path(folder, f"{path.stem}-{number}.pdf")
    copy.write_bytes(path.read_bytes() + f"\n% copy {number}\n".encode())
    return copy


def ingest(node, path, template, copies, folder):
    files = [changed(path, n, folder) for n in range(copies)]
    began = time.monotonic()
    documents = [node.upload(file, template) for file in files]
    done = [node.wait(document) for document in documents]
    failed = [d for d in done if d["status"] != "ready"]
    if failed:
        raise RuntimeError(f"{path.name} was not read: {failed[0].get('error')}")
    return 60 * sum(d["page_count"] for d in done) / (time.monotonic() - began), documents


def main(program, models, samples=SAMPLES):
    tour = tomllib.loads(Path(samples, "tour.toml").read_text())
    with tempfile.TemporaryDirectory() as folder:
        node = Node(program, Path(folder, "data"), models)
        row("start, empty", node.start(), "s")
        row("memory, idle and empty", node.memory_mb(), "MB")
        asked = {}
        for file in tour["files"]:
            kind = "scanned" if "ata" in file["path"] else "native"
            pace, documents = ingest(node, Path(samples, file["path"]), file["template"], 4, folder)
            row(f"pages, {kind}", pace, "pages/min")
            asked[file["path"]] = documents
        questions = [(asked[q["document"]], q["question"], q) for q in tour["questions"] + tour["checks"]]
        # Each copy of a document is asked once, so that no answer comes from the cache.
        work = [(documents[copy], text, q) for copy in range(4) for documents, text, q in questions]
        spent = []

        def ask(one):
            start = time.monotonic()
            answer = node.ask(one[0], one[1])
            spent.append(time.monotonic() - start)
            right = all(any(w in answer["answer"] for w in words.split("|")) for words in one[2]["words"])
            return right, any(s["page"] == one[2]["page"] for s in answer["sources"])

        began = time.monotonic()
        with ThreadPoolExecutor(ASKERS) as askers:
            outcome = list(askers.map(ask, work))
        minutes = (time.monotonic() - began) / 60
        spent.sort()
        row("questions, four at a time", len(work) / minutes, "asks/min", p50_s=spent[len(spent) // 2], p95_s=spent[int(len(spent) * 0.95)], right=sum(r for r, _ in outcome) / len(work), cited=sum(c for _, c in outcome) / len(work))
        start = time.monotonic()
        node.ask(work[0][0], work[0][1])
        row("question again, from the cache", 1000 * (time.monotonic() - start), "ms")
        node.stop()
        row("start, with documents", node.start(), "s")
        node.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
