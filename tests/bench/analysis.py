#!/usr/bin/env python3
"""How long the analysis of a 20-page document takes, once it is ready, without the model.

    tests/bench/analysis.py PROGRAM [--pages 20] [--rounds 5]

Starts a node on a directory of its own, uploads documents of dense pages, a deed and an assembly's minutes in turn, each
different from the others, and prints what the node says each analysis took (the best, the median), and the whole request.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from node import Node

LINES = 46
DEED = [
    "Escritura publica de inventario e partilha dos bens deixados por Isaura Teixeira, CPF 159.263.748-55,",
    "lavrada no 2o Oficio de Notas, livro 0917-E, folhas 045, aos 22/11/2024, perante o tabeliao.",
    "Otavio Teixeira, filho, brasileiro, taxista, CPF 215.478.963-37, herdeiro, recebe 33,33% (R$ 159.984,00);",
    "Celia Teixeira, filha, brasileira, dentista, CPF 736.152.489-37, herdeira, recebe 66,67% (R$ 320.016,00).",
    "LCI no 2021-7745, do Banco BTG Pactual S.A., no valor de R$ 480.000,00, vencimento em 15/01/2026.",
    "Os herdeiros nomeiam inventariante a Dra. Beatriz Amorim, advogada, OAB/RJ 171.902, CPF 647.281.935-19.",
]
MINUTES = [
    "Ata da Assembleia Geral Ordinaria de Quotistas do Pontal Fundo de Investimento Imobiliario - FII,",
    "CNPJ 11.444.777/0001-61, codigo PNTL11, realizada em 12/04/2025 sob a administracao de Guara S.A.",
    "Segunda emissao de quotas: aprovada por 81,44% dos votos, no montante de 500.000 quotas, ao preco",
    "unitario de R$ 102,40, perfazendo R$ 51.200.000,00. Recompra de quotas: retirada de pauta.",
    "KNRI11, FII, 2.100 quotas, preco unitario de R$ 158,20, valor total de R$ 332.220,00.",
    "Presentes quotistas representando 38,72% das quotas, em segunda convocacao, presidiu o Sr. Ruy Galvao.",
]


def pdf(pages, words, number):
    """A PDF of dense pages of text."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for page in range(pages):
        lines = [f"Documento {number}, pagina {page + 1}"] + [words[(page + at) % len(words)] for at in range(LINES)]
        said = "".join("(" + line.replace("(", "\\(").replace(")", "\\)") + ") Tj T*\n" for line in lines)
        content = f"BT /F 9 Tf 15 TL 50 800 Td\n{said}ET".encode("latin-1")
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F 3 0 R >> >> >>"
            % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (pages, b" ".join(kids))
    file, places = b"%PDF-1.7\n", []
    for at, body in enumerate(objects):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (at + 1, body)
    start = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    return file + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, start)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        node = Node(a.program, Path(folder) / "data", a.models)
        node.start()
        try:
            for profile, words in (("inventory", DEED), ("meeting_minutes", MINUTES)):
                took, whole, values = [], [], 0
                for number in range(a.rounds):
                    file = Path(folder) / f"{profile}-{number}.pdf"
                    file.write_bytes(pdf(a.pages, words, number))
                    document = node.upload(file)
                    while (found := node.document(document))["status"] == "processing":
                        time.sleep(0.2)
                    if found["status"] != "ready":
                        sys.exit(f"{file.name}: {found['error']}")
                    began = time.perf_counter()
                    said = node.call("POST", "/v1/analyze", {"document_id": document, "profile": profile})
                    whole.append((time.perf_counter() - began) * 1000)
                    if said["cached"]:
                        sys.exit("the analysis was remembered; nothing was measured")
                    took.append(said["processing_time_ms"])
                    values = len(said["values"])
                print(
                    f"{profile}: {a.pages} pages, {found['word_count']} words, {values} values: best {min(took)} ms, "
                    f"median {statistics.median(took):.0f} ms; whole request best {min(whole):.0f} ms"
                )
        finally:
            node.stop()


if __name__ == "__main__":
    main()
