"""Writes the vectors that both sides index: clusters within clusters with noise, unit length, from a fixed seed.

    vectors.py COUNT QUERIES OUT_DIR

Writes base.f32 and queries.f32 (row-major little-endian f32, 384 wide) and truth.u32 (ten nearest per query, exact).
"""

import sys
from pathlib import Path

import numpy as np

WIDTH, NEAREST = 384, 10


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def main(count, queries, out):
    count, queries, out = int(count), int(queries), Path(out)
    chance = np.random.default_rng(7)
    top = chance.normal(size=(64, WIDTH))
    centres = (top[:, None] + 0.6 * chance.normal(size=(64, 32, WIDTH))).reshape(-1, WIDTH)
    basis = chance.normal(size=(48, WIDTH)) * 0.5
    made = unit(centres[chance.integers(0, len(centres), count + queries)] + 0.35 * chance.normal(size=(count + queries, 48)) @ basis + 0.12 * chance.normal(size=(count + queries, WIDTH)))
    base, asked = made[:count], made[count:]
    out.mkdir(parents=True, exist_ok=True)
    base.tofile(out / "base.f32")
    asked.tofile(out / "queries.f32")
    truth = np.stack([np.argsort(-(base @ q), kind="stable")[:NEAREST] for q in asked])
    truth.astype(np.uint32).tofile(out / "truth.u32")


if __name__ == "__main__":
    main(*sys.argv[1:])
