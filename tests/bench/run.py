"""Runs our side and each peer in turn on the same files and prints them side by side with ratios.

Called by run.sh, which prepares both. Every measuring program prints JSON lines (peers/report.py); of the rounds the best
figure of each side counts, and the sides alternate within a round, so that a busy machine disturbs both alike.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import texts

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
SECTIONS = ("ocr", "embedding", "language", "vectors", "product")
# A side that takes longer hangs; the OCR of the scan set is the longest work here.
SECONDS_MAX = 1800


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=Path, required=True)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--scans", type=Path, default=HERE.parents[2] / "shared/data/scans", help="scan set with manifest.json and true texts")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, separated by commas")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pages", type=int, default=99, help="pages of each scan file")
    parser.add_argument("--count", type=int, default=20_000, help="vectors to index")
    parser.add_argument("--json", type=Path, help="also write every figure here")
    return parser.parse_args()


def python(script, *words):
    return [sys.executable, str(PEERS / script), *map(str, words)]


def sections(a):
    """What each section runs: {section: (rounds, {side: command})}; our side first."""
    ours, threads, work = str(a.ours), str(a.threads), a.work
    embedder, language = a.models / "e5-small-pt-en", next(iter(sorted((a.models / "smollm2-135m-instruct").glob("*.gguf"))), None)
    cases = work / "texts.json"
    plan = {}
    if a.scans.joinpath("manifest.json").exists():
        plan["ocr"] = (1, {"ours": [ours, "scans", str(a.scans), threads, str(a.pages), str(work / "pages.json")], "tesseract": python("ocr_peer.py", "tesseract", a.scans, threads, a.pages), "ocrmypdf": python("ocr_peer.py", "ocrmypdf", a.scans, threads, a.pages)})
    else:
        print(f"ocr: left out, no scan set in {a.scans} (give one with --scans)")
    if embedder.exists():
        texts.write(embedder / "tokenizer.json", cases)
        for precision in ("f32", "int8"):
            plan[f"embedding {precision}"] = (a.rounds, {"ours": [ours, "embedding", str(embedder), str(cases), threads, precision, str(work / "ours.f32")], "onnxruntime": python("onnxruntime_peer.py", embedder, cases, threads, precision, work / "onnx", work / "peer.f32")})
    if language:
        plan["language"] = (a.rounds, {"ours": [ours, "language", str(language), threads], "llama.cpp": python("llama_peer.py", language, threads)})
    vectors = work / f"vectors-{a.count}"
    if not (vectors / "truth.u32").exists() and "vectors" in a.only:
        subprocess.run(python("vectors.py", a.count, 300, vectors), check=True)
    plan["vectors"] = (1, {"ours": [ours, "vectors", str(vectors)], "peers": python("vector_peer.py", vectors)})
    plan["product"] = (1, {"ours": [sys.executable, str(HERE / "product.py"), str(a.program), str(a.models)]})
    return {name: what for name, what in plan.items() if name.split()[0] in a.only.split(",")}


# Both sides of an embedding run must mean the same; int8 rounds each side its own way.
COSINE_MIN = 0.97


# One thread per query on both sides; a BLAS that takes every core would not be the same work.
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def measure(command):
    """The rows of one run, and one line that says why it failed, if it did."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, env=ENVIRONMENT)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], str(error)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0:
        return rows, (done.stderr.strip().splitlines() or [f"{command[0]} ended with status {done.returncode}"])[-1]
    return rows, None


def better(unit, a, b):
    return min(a, b) if unit in ("ms", "s", "MB") else max(a, b)


def collect(rounds, sides, failures):
    """{case: {side: best row}} over the rounds; each figure of a row is the best of its own."""
    found = {}
    for number in range(rounds):
        for side, command in sides.items():
            print(f"  round {number + 1} of {rounds}: {side}", flush=True)
            rows, failure = measure(command)
            if failure:
                failures.append(f"{side}: {failure}")
                print(f"    failed: {failure}", flush=True)
            for row in rows:
                # A program that measures several peers names each in its rows.
                best = found.setdefault(row["case"], {}).setdefault(row.pop("side", side), row)
                best["value"] = better(row["unit"], best["value"], row["value"])
                if "per_cpu_second" in row:
                    best["per_cpu_second"] = max(best["per_cpu_second"], row["per_cpu_second"])
                best.setdefault("all", []).append(row["value"])
    return found


def ratio(unit, ours, theirs):
    """How many times better ours is, whichever way the unit runs."""
    return theirs / ours if unit in ("ms", "s", "MB") else ours / theirs


def show(section, found):
    print(f"\n{section}")
    width = max((len(case) for case in found), default=10)
    for case, sides in found.items():
        ours = sides.get("ours")
        for side, row in sides.items():
            cells = [f"{case:<{width}}", f"{side:<24}", f"{row['value']:>10.3f} {row['unit']:<13}"]
            if "per_cpu_second" in row:
                cells.append(f"{row['per_cpu_second']:>10.3f} per CPU s")
            if ours and side != "ours":
                cells.append(f"ours is {ratio(row['unit'], ours['value'], row['value']):.2f}x")
                if "per_cpu_second" in row and "per_cpu_second" in ours:
                    cells.append(f"({ours['per_cpu_second'] / row['per_cpu_second']:.2f}x per CPU s)")
            for extra in ("error_percent", "recall"):
                if extra in row:
                    value = row[extra]
                    cells.append(f"{extra} {value['all'] if isinstance(value, dict) else round(value, 4)}")
            if len(row.get("all", [])) > 1:
                cells.append(f"median {statistics.median(row['all']):.3f}")
            print("  " + "  ".join(cells))


def main():
    a = arguments()
    a.work.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    print(f"threads {a.threads}, rounds {a.rounds}, load {load:.1f} before the start" + (" (busy: trust the figures per CPU second)" if load > 0.5 * (os.cpu_count() or 1) else ""))
    results, failures = {}, []
    for section, (rounds, sides) in sections(a).items():
        print(f"{section}:", flush=True)
        results[section] = collect(rounds, sides, failures)
        if section.startswith("embedding") and (far := texts.least_cosine(a.work / "ours.f32", a.work / "peer.f32")) < COSINE_MIN:
            failures.append(f"{section}: the two sides' vectors differ (least cosine {far:.4f}), so their speeds do not compare")
        if section == "ocr":
            texts.score(a.work / "pages.json", a.scans, results[section])
        show(section, results[section])
        # After each section, so that what was measured survives an interruption.
        if a.json:
            a.json.write_text(json.dumps({"threads": a.threads, "load": load, "results": results}, indent=1, ensure_ascii=False) + "\n")
    # A side that could not be measured is a failed run, not a shorter table.
    if failures:
        raise SystemExit("not everything was measured:\n  " + "\n  ".join(failures))


if __name__ == "__main__":
    main()
