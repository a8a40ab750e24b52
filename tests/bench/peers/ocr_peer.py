"""The tesseract program and ocrmypdf over the scan set: pages per second, CPU seconds a page, character error rate.

    ocr_peer.py tesseract|ocrmypdf SCANS_DIR THREADS [PAGES_PER_FILE]

SCANS_DIR holds PDFs, the true text of each page and manifest.json. tesseract gets pages from pdftoppm at 300 dpi, one
process per page and THREADS at once; ocrmypdf runs with its defaults and --jobs THREADS.
"""

import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from error_rate import Rates
from report import child_cpu_seconds, row

# Both are made to use one OpenMP thread: their own threads compete with the processes beside them.
ENVIRONMENT = {**os.environ, "OMP_THREAD_LIMIT": "1"}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT).stdout


def tesseract_page(scans, page, folder):
    base = f"{folder}/{page['pdf']}-{page['page']}"
    run("pdftoppm", "-r", "300", "-f", str(page["page"]), "-l", str(page["page"]), "-singlefile", f"{scans}/{page['pdf']}", base)
    return run("tesseract", f"{base}.ppm", "-", "-l", "por+eng").decode("utf-8", "replace")


def tesseract(scans, pages, threads, folder):
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda page: tesseract_page(scans, page, folder), pages))


def ocrmypdf(scans, pages, threads, folder):
    texts = {}
    for pdf in sorted({p["pdf"] for p in pages}):
        wanted = [p["page"] for p in pages if p["pdf"] == pdf]
        sidecar = f"{folder}/{pdf}.txt"
        run("ocrmypdf", "--quiet", "--jobs", str(threads), "--language", "por+eng", "--pages", ",".join(map(str, wanted)), "--sidecar", sidecar, f"{scans}/{pdf}", f"{folder}/{pdf}")
        # The side-car has one form feed after each page, also after those that were not asked for.
        parts = Path(sidecar).read_text(errors="replace").split("\f")
        for number in wanted:
            texts[pdf, number] = parts[number - 1] if number <= len(parts) else ""
    return [texts[p["pdf"], p["page"]] for p in pages]


def main(program, scans, threads, pages_per_file="99"):
    pages = [p for p in json.loads(Path(scans, "manifest.json").read_text()) if p["page"] <= int(pages_per_file)]
    wall, cpu = time.perf_counter(), child_cpu_seconds()
    with tempfile.TemporaryDirectory() as folder:
        texts = {"tesseract": tesseract, "ocrmypdf": ocrmypdf}[program](scans, pages, int(threads), folder)
    wall, cpu = time.perf_counter() - wall, child_cpu_seconds() - cpu
    rates = Rates()
    for page, text in zip(pages, texts, strict=True):
        rates.add(page["pdf"].removesuffix(".pdf"), Path(scans, page["truth"]).read_text(), text)
    row("scans", len(pages) / wall, "pages/s", per_cpu_second=len(pages) / cpu, error_percent=rates.percent(), pages=len(pages))


if __name__ == "__main__":
    main(*sys.argv[1:])
