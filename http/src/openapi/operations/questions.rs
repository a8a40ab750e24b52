//! Questions: about one document, about all of them, searches, analyses and batches.

use serde_json::json;

use super::idempotent;
use crate::ask;
use crate::openapi::bodies::AskRequest;
use crate::openapi::operation::{Answer, Operation, Tag, of};
use crate::openapi::shapes::{
    AnalyzeAnswer, AnalyzeRequest, BatchAccepted, BatchRequest, BatchShown, QueryRequest, SearchAnswer,
    SearchRequest,
};

/// The words that both streams of an answer speak.
const STREAMED: [&str; 2] = [
    "With `Accept: text/event-stream` the answer is streamed: `delta`, `sources`, `verdict`, `correction`, `final`, \
     `error`, each with a sequence number as its id. Cut off, take it up again at `/v1/streams/{stream_id}`.",
    "Com `Accept: text/event-stream` a resposta vem aos poucos: `delta`, `sources`, `verdict`, `correction`, `final`, \
     `error`, cada um com um número de sequência como id. Se cair, retome em `/v1/streams/{stream_id}`.",
];

pub(super) fn operations() -> Vec<Operation> {
    let (search, query) = (search(), query());
    let (search_too, query_too) = (
        search.also("/api/rag/search", "searchAlias", ["The same as /v1/search", "O mesmo que /v1/search"]),
        query.also("/api/rag/query", "queryAlias", ["The same as /v1/query", "O mesmo que /v1/query"]),
    );
    vec![ask(), analyze(), search, query, search_too, query_too, batch(), batch_status()]
}

fn ask() -> Operation {
    let path = "/v1/documents/{document_id}/ask";
    let summary = ["Ask one document", "Pergunta a um documento"];
    Operation::new(Tag::Questions, "post", path, "askDocument", summary)
        .says(STREAMED)
        .json(of::<AskRequest>, json!({ "question": "Quem foi eleita síndica?", "top_k": 5 }))
        .answers(Answer {
            status: 200,
            text: ["The answer with its sources", "A resposta com suas fontes"],
            content: vec![("application/json", Some(of::<ask::Answer>)), ("text/event-stream", None)],
            headers: &[],
        })
        .refuses(&["document_not_found", "not_ready", "reading_failed", "model_missing", "quarantined"])
}

fn analyze() -> Operation {
    let summary = ["Analyse a document", "Analisa um documento"];
    Operation::new(Tag::Questions, "post", "/v1/analyze", "analyzeDocument", summary)
        .json(
            of::<AnalyzeRequest>,
            json!({ "document_id": "0192f0c1-5d2e-7a40-9c1b-3f5a8e6d7b21", "profile": "meeting_minutes" }),
        )
        .gives(200, ["What was found", "O que foi encontrado"], of::<AnalyzeAnswer>)
        .refuses(&["document_not_found", "not_ready", "reading_failed", "not_implemented"])
}

fn search() -> Operation {
    let summary = ["Search all documents", "Busca em todos os documentos"];
    Operation::new(Tag::Knowledge, "post", "/v1/search", "search", summary)
        .says([
            "By meaning and by words at once. A part of the knowledge base that cannot be reached is a `503`, never \
             a silent gap.",
            "Por significado e por palavras ao mesmo tempo. Uma parte da base que não pode ser alcançada é um `503`, \
             nunca uma lacuna silenciosa.",
        ])
        .json(of::<SearchRequest>, json!({ "query": "prazo de entrega", "filters": { "language": "pt" } }))
        .gives(200, ["What was found", "O que foi encontrado"], of::<SearchAnswer>)
}

fn query() -> Operation {
    let summary = ["Ask all documents", "Pergunta a todos os documentos"];
    Operation::new(Tag::Knowledge, "post", "/v1/query", "query", summary)
        .json(of::<QueryRequest>, json!({ "question": "Quais contratos vencem em 2026?" }))
        .gives(
            200,
            ["The answer with the sources of each claim", "A resposta com as fontes de cada afirmação"],
            of::<ask::Answer>,
        )
        .refuses(&["model_missing"])
}

fn batch() -> Operation {
    let summary = ["Ask many questions at once", "Faz muitas perguntas de uma vez"];
    let operation = Operation::new(Tag::Batches, "post", "/v1/batch", "makeBatch", summary);
    idempotent(operation)
        .says([
            "Many uploads in one call go as `multipart/form-data` with several `file` parts.",
            "Muitos envios em uma chamada vão como `multipart/form-data` com várias partes `file`.",
        ])
        .json(
            of::<BatchRequest>,
            json!({ "questions": [{ "document_id": "0192f0c1-5d2e-7a40-9c1b-3f5a8e6d7b21", "question": "Qual é o prazo?" }] }),
        )
        .gives(202, ["Taken", "Recebido"], of::<BatchAccepted>)
        .refuses(&["in_progress", "idempotency_mismatch", "document_not_found", "model_missing"])
}

fn batch_status() -> Operation {
    let summary = ["How far a batch is", "Em que ponto está um lote"];
    Operation::new(Tag::Batches, "get", "/v1/batch/{batch_id}", "getBatch", summary)
        .gives(200, ["Each of its items", "Cada um de seus itens"], of::<BatchShown>)
        .refuses(&["batch_not_found", "unknown_path"])
}
