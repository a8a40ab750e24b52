"""What a description cannot say: a document that is there, and bytes that are a PDF."""

import os
import uuid

import schemathesis
from hypothesis import strategies

DOCUMENT = os.environ["CONTRACT_DOCUMENT"]


def pdf(*lines):
    """A PDF of one page with these lines."""
    text = "BT /F 12 Tf 72 760 Td " + " ".join(f"({line}) Tj 0 -18 Td" for line in lines) + " ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>",
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, places = "%PDF-1.4\n", []
    for number, thing in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{thing}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return (body + end).encode("latin-1")


# Few, because each that is new is read to its end: two good ones, one that breaks off, one without a page.
FILES = [
    pdf("Ata da reuniao de 4 de maio de 2026.", "A tesoureira e Marlene Figueira."),
    pdf("Contrato de licenca de software.", "O prazo e de doze meses."),
    pdf("Um documento interrompido.")[:180],
    b"%PDF-1.7\n%%EOF\n",
]
schemathesis.openapi.media_type("application/pdf", strategies.sampled_from(FILES))


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Half of the documents that are asked for are there; the one that is there is never erased."""
    given = str((path_parameters or {}).get("document_id"))
    try:
        number = uuid.UUID(given).int
    except ValueError:
        return path_parameters
    # An id may also have been learnt from an answer.
    if context.operation.method.lower() == "delete":
        return {**path_parameters, "document_id": str(uuid.UUID(int=number ^ 1))} if given == DOCUMENT else path_parameters
    return {**path_parameters, "document_id": DOCUMENT} if number % 2 == 0 else path_parameters
