"""llama.cpp (xllamacpp's wheel) on the same GGUF: prefill, decode, and eight streams over a shared context.

    llama_peer.py MODEL.gguf THREADS [STREAM_TOKENS]

Figures of one stream are llama.cpp's own timings (its HTTP and JSON are not counted); the eight streams are tokens over
wall clock, with the shared context already in every slot's cache.
"""

import sys
import threading
import time

import xllamacpp

from report import fail, row

STREAMS, PREFIX = 8, 256


def start(path, threads):
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx, params.n_parallel, params.n_gpu_layers = 1024 * STREAMS, STREAMS, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.n_threads_http, params.warmup, params.cont_batching, params.use_jinja = 1, True, True, False
    params.verbosity = -1
    return xllamacpp.Server(params)


def prompt(length, salt):
    """Token ids that no other prompt begins with, so that no cache helps."""
    return [(1000 + (salt * 7919 + i * 104729) % 20000) for i in range(length)]


def ask(server, tokens, predict, cache=False):
    answer = server.handle_completions({"prompt": tokens, "n_predict": predict, "temperature": 0.0, "top_k": 1, "samplers": ["top_k"], "ignore_eos": True, "cache_prompt": cache, "stream": False})
    if "timings" not in answer:
        fail(f"llama.cpp did not answer: {answer}")
    return answer["timings"]


def timed(work):
    """Wall and CPU seconds of `work`; the server runs inside this process, so its CPU time is counted."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def measure(case, tokens, rounds, work):
    """Prints the best of `rounds`; `work` gets the round's number and may return llama.cpp's own tokens/s."""
    wall, cpu, own = float("inf"), float("inf"), 0.0
    for number in range(rounds):
        got = []
        w, c = timed(lambda: got.append(work(number)))
        wall, cpu, own = min(wall, w), min(cpu, c), max(own, got[0] or 0.0)
    row(case, own or tokens / wall, "tokens/s", per_cpu_second=tokens / cpu)


def streams(server, predict):
    shared = prompt(PREFIX, 5)
    asks = [threading.Thread(target=ask, args=(server, shared + prompt(8, 100 + i), predict, True)) for i in range(STREAMS)]
    for one in asks:
        one.start()
    for one in asks:
        one.join()


def main(path, threads, stream_tokens="64"):
    server, predict = start(path, int(threads)), int(stream_tokens)
    ask(server, prompt(32, 1), 8)
    for length, rounds in ((128, 5), (512, 3)):
        measure(f"prefill {length}", length, rounds, lambda r: ask(server, prompt(length, 10 * length + r), 1)["prompt_per_second"])
    # The prompt is in the slot's cache, so that the CPU time is the decoding alone.
    for length in (16, 512):
        ask(server, prompt(length, 77), 1, cache=True)
        measure(f"decode at {length}", 96, 3, lambda _: ask(server, prompt(length, 77), 96, cache=True)["predicted_per_second"])
    streams(server, 1)  # fills the slots
    measure(f"{STREAMS} streams at {PREFIX}", STREAMS * predict, 3, lambda _: streams(server, predict))


if __name__ == "__main__":
    main(*sys.argv[1:])
