"""onnxruntime on the same embedding model: texts in, unit vectors out, as the product does it.

    onnxruntime_peer.py MODEL_DIR TEXTS.json THREADS f32|int8 WORK_DIR VECTORS.f32

TEXTS.json: {case: [text, ...]}. Prints embeddings/s per case, tokenising included; writes the vectors of
the first case, so that both sides' answers can be compared.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from embedding_to_onnx import write
from report import best, row

PAD = 1


def main(model_dir, texts, threads, precision, work, vectors):
    path = write(Path(model_dir), Path(work))[precision == "int8"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = int(threads), 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(Path(model_dir) / "tokenizer.json"))
    tokenizer.enable_truncation(512)
    tokenizer.enable_padding(pad_id=PAD)

    def embed(batch):
        encoded = tokenizer.encode_batch(batch)
        ids = np.array([e.ids for e in encoded], np.int64)
        mask = np.array([e.attention_mask for e in encoded], np.int32)
        return session.run(["embedding"], {"input_ids": ids, "mask": mask})[0], int(mask.sum())

    for number, (case, batch) in enumerate(json.loads(Path(texts).read_text()).items()):
        made, tokens = embed(batch)
        if number == 0:
            made.astype(np.float32).tofile(vectors)
        wall, cpu = best(lambda: embed(batch))
        row(case, len(batch) / wall, "embeddings/s", per_cpu_second=len(batch) / cpu, tokens=tokens, version=onnxruntime.__version__)


if __name__ == "__main__":
    main(*sys.argv[1:])
