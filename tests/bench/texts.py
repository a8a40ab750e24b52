"""The texts that both sides embed, and the scoring of pages that our side read."""

import json
import random
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

# Ordinary words in the proportions of the product's documents; which ones changes no speed.
WORDS = """a o de que e do da em um para com não uma os no se na por mais as dos como mas ao das contrato licença prazo
assembleia condomínio parecer cláusula valor parcelas vencimento multa juros síndico orçamento obra empresa garantia
documento página anexo signatário testemunha procuração imóvel herança inventário partilha adjudicação escritura registro
R$ 1.234,56 12/03/2026 artigo 5º § inciso III nº 17/2026 CNPJ aprovado unanimidade votos abstenções distribuição código""".split()


def of_length(tokenizer, tokens, chance):
    """A text of at most `tokens` tokens, special ones included, and as close to that as words allow."""
    words = []
    while True:
        words.append(chance.choice(WORDS))
        if len(tokenizer.encode(" ".join(words)).ids) > tokens:
            return " ".join(words[:-1])


def write(tokenizer_path, out):
    """Writes {case: [text, ...]}: short questions, full chunks, and a batch of every length."""
    tokenizer, chance = Tokenizer.from_file(str(tokenizer_path)), random.Random(1)
    mixed = [16 + i * 240 // 15 for i in range(16)]
    chance.shuffle(mixed)
    lengths = {"1x20": [20], "8x20": [20] * 8, "32x20": [20] * 32, "8x256": [256] * 8, "16 of 16 to 256": mixed}
    out.write_text(json.dumps({case: [of_length(tokenizer, n, chance) for n in each] for case, each in lengths.items()}, ensure_ascii=False))


def least_cosine(one, other, width=384):
    """The least cosine between the unit vectors of two files; 0 where they cannot be compared."""
    if not (one.exists() and other.exists()):
        return 0.0
    a, b = (np.fromfile(path, np.float32).reshape(-1, width) for path in (one, other))
    return float((a * b).sum(axis=1).min()) if a.shape == b.shape else 0.0


def score(pages, scans, found):
    """Adds the error rates of the pages that our side wrote to its row."""
    from error_rate import Rates

    ours = found.get("scans", {}).get("ours")
    if ours is None or not pages.exists():
        return
    rates = Rates()
    for page in json.loads(pages.read_text()):
        rates.add(page["pdf"].removesuffix(".pdf"), (scans / page["truth"]).read_text(), page["text"])
    ours["error_percent"] = rates.percent()
