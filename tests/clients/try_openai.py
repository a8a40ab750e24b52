"""Does with a running node what users of OpenAI's Python client do; prints what came, as one JSON object.

Usage: try_openai.py BASE_URL KEY DOCUMENT_ID QUESTION FOLLOW_UP
"""

import json
import sys

import openai

base_url, key, document_id, question, follow_up = sys.argv[1:]
client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=120)
of_document = {"document_id": document_id}
said = {}

models = [model.id for model in client.models.list()]
said["models"] = models
said["model"] = client.models.retrieve(models[0]).id

ask = [{"role": "user", "content": question}]
chat = client.chat.completions.create(model="auto", messages=ask, extra_body=of_document, temperature=0.2, max_tokens=64)
answer = chat.choices[0].message.content
said["chat"] = {
    "id": chat.id,
    "object": chat.object,
    "role": chat.choices[0].message.role,
    "content": answer,
    "finish_reason": chat.choices[0].finish_reason,
    "tokens": chat.usage.total_tokens,
    "sources": chat.model_extra["sources"],
}

everything = client.chat.completions.create(model="auto", messages=ask)
said["everything"] = {
    "content": everything.choices[0].message.content,
    "sources": everything.model_extra["sources"],
}

turns = ask + [{"role": "assistant", "content": answer}, {"role": "user", "content": follow_up}]
said["follow_up"] = client.chat.completions.create(model="auto", messages=turns, extra_body=of_document).choices[0].message.content

pieces, ends, usage = [], [], None
options = {"include_usage": True}
for chunk in client.chat.completions.create(
    model="auto", messages=ask, extra_body=of_document, stream=True, stream_options=options
):
    usage = chunk.usage or usage
    for choice in chunk.choices:
        pieces.append(choice.delta.content or "")
        ends.append(choice.finish_reason)
said["streamed"] = {
    "content": "".join(pieces),
    "pieces": len(pieces),
    "finish_reason": ends[-1],
    "tokens": usage.total_tokens,
}

texts = ["O aluguel vence no dia cinco.", "The rent is due on the fifth.", "Parafusos e porcas."]
# The client asks for base64 by itself and decodes it; floats are asked for by name.
in_bytes = client.embeddings.create(model="auto", input=texts)
in_numbers = client.embeddings.create(model=in_bytes.model, input=texts, encoding_format="float")
said["embeddings"] = {
    "bytes": [row.embedding for row in in_bytes.data],
    "numbers": [row.embedding for row in in_numbers.data],
    "tokens": in_bytes.usage.total_tokens,
}

said["errors"] = {}


def fails(name, call):
    try:
        call()
        said["errors"][name] = None
    except openai.APIStatusError as error:
        # This client puts a text into its own message only from its maker's shape; what we say is in the body.
        said["errors"][name] = [
            type(error).__name__,
            error.status_code,
            " ".join([error.body] + error.response.json()["details"]),
        ]


stranger = openai.OpenAI(base_url=base_url, api_key="nobody", max_retries=0)
fails("key", lambda: stranger.models.list())
fails("model", lambda: client.chat.completions.create(model="gpt-4o", messages=ask))
fails("no model", lambda: client.models.retrieve("gpt-4o"))
fails("no messages", lambda: client.chat.completions.create(model="auto", messages=[]))
nobodys = {"document_id": "00000000-0000-4000-8000-000000000000"}
fails("no document", lambda: client.chat.completions.create(model="auto", messages=ask, extra_body=nobodys))

json.dump(said, sys.stdout, ensure_ascii=False)
