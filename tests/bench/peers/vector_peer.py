"""A brute-force scan (numpy) and Qdrant Edge over the vectors of vectors.py: build, query, and adding one document.

    vector_peer.py DIR [EF ...]

One thread asks one query at a time. `recall` is the share of the exact ten nearest that came back.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import qdrant_edge as q

from report import row
from vectors import NEAREST, WIDTH

DOCUMENT_CHUNKS = 50


def ask(case, side, queries, truth, nearest):
    nearest(queries[0])
    spent, hits = [], 0
    for query, right in zip(queries, truth, strict=True):
        start = time.perf_counter()
        found = nearest(query)
        spent.append(time.perf_counter() - start)
        hits += len(set(found) & set(right.tolist()))
    row(case, 1000 * float(np.median(spent)), "ms", side=side, p95_ms=1000 * float(np.quantile(spent, 0.95)), recall=hits / truth.size)


def brute(base, query):
    scores = base @ query
    best = np.argpartition(-scores, NEAREST)[:NEAREST]
    return best[np.argsort(-scores[best])].tolist()


def upsert(shard, first, rows):
    shard.update(q.UpdateOperation.upsert_points([q.Point(first + i, r.tolist(), {}) for i, r in enumerate(rows)]))


def main(folder, *efs):
    folder = Path(folder)
    base = np.fromfile(folder / "base.f32", np.float32).reshape(-1, WIDTH)
    queries = np.fromfile(folder / "queries.f32", np.float32).reshape(-1, WIDTH)
    truth = np.fromfile(folder / "truth.u32", np.uint32).reshape(-1, NEAREST)
    ask("query", "brute force", queries, truth, lambda query: brute(base, query))

    place = tempfile.mkdtemp()
    try:
        config = q.EdgeConfig(vectors=q.EdgeVectorParams(size=WIDTH, distance=q.Distance.Dot), hnsw_config=q.HnswIndexConfig(m=16, ef_construct=100, full_scan_threshold=1000), max_search_threads=1)
        shard, start = q.EdgeShard.create(place, config), time.perf_counter()
        for first in range(0, len(base), 1000):
            upsert(shard, first, base[first : first + 1000])
        shard.flush()
        row("index all", time.perf_counter() - start, "s", side="Qdrant Edge, no HNSW")
        shard.optimize()
        row("index all", time.perf_counter() - start, "s", side="Qdrant Edge HNSW")

        def search(query, **parameters):
            request = q.SearchRequest(query=q.Query.Nearest(query.tolist()), limit=NEAREST, params=q.SearchParams(**parameters))
            return [point.id for point in shard.search(request)]

        ask("query", "Qdrant Edge exact", queries, truth, lambda query: search(query, exact=True))
        # 100 is what it takes when nothing is asked for: its ef_construct.
        for ef in efs or ("64", "100", "128", "256"):
            ask("query", f"Qdrant Edge HNSW ef {ef}", queries, truth, lambda query, ef=ef: search(query, hnsw_ef=int(ef)))
        spent = []
        for turn in range(7):
            start = time.perf_counter()
            upsert(shard, len(base) + turn * DOCUMENT_CHUNKS, queries[turn * 10 : turn * 10 + DOCUMENT_CHUNKS])
            shard.flush()
            spent.append(time.perf_counter() - start)
        row("add one document", 1000 * min(spent), "ms", side="Qdrant Edge", chunks=DOCUMENT_CHUNKS)
        shard.close()
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main(*sys.argv[1:])
