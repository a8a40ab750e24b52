//! What clients of OpenAI's API call.

use serde_json::json;

use crate::openapi::operation::{Answer, Operation, Tag, of};
use crate::openapi::shapes::{ChatAnswer, ChatRequest, EmbeddingsRequest, ModelShown, ObjectList};

pub(super) fn operations() -> Vec<Operation> {
    vec![chat(), embeddings(), models(), model()]
}

fn chat() -> Operation {
    let summary = ["Answer a conversation", "Responde a uma conversa"];
    Operation::new(Tag::Compatible, "post", "/v1/chat/completions", "chat", summary)
        .says([
            "`document_id` is an extension; without it, all documents are asked. `stream` sends chunks and then \
             `data: [DONE]`.",
            "`document_id` é uma extensão; sem ele, pergunta-se a todos os documentos. `stream` envia partes e por \
             fim `data: [DONE]`.",
        ])
        .json(
            of::<ChatRequest>,
            json!({ "model": "auto", "messages": [{ "role": "user", "content": "Qual é o prazo?" }] }),
        )
        .answers(Answer {
            status: 200,
            text: ["The answer", "A resposta"],
            content: vec![("application/json", Some(of::<ChatAnswer>)), ("text/event-stream", None)],
            headers: &[],
        })
        .refuses(&["document_not_found", "not_ready", "reading_failed", "model_missing", "model_not_found"])
}

fn embeddings() -> Operation {
    let summary = ["Embed texts", "Vetoriza textos"];
    Operation::new(Tag::Compatible, "post", "/v1/embeddings", "embed", summary)
        .json(of::<EmbeddingsRequest>, json!({ "input": ["prazo de entrega"] }))
        .gives(200, ["A vector for each text", "Um vetor para cada texto"], of::<ObjectList>)
        .refuses(&["model_missing", "model_not_found"])
}

fn models() -> Operation {
    let summary = ["List the models", "Lista os modelos"];
    Operation::new(Tag::Compatible, "get", "/v1/models", "listModels", summary).gives(
        200,
        ["The models", "Os modelos"],
        of::<ObjectList>,
    )
}

fn model() -> Operation {
    let summary = ["One model", "Um modelo"];
    Operation::new(Tag::Compatible, "get", "/v1/models/{model}", "getModel", summary)
        .gives(200, ["The model", "O modelo"], of::<ModelShown>)
        .refuses(&["model_not_found", "unknown_path"])
}
