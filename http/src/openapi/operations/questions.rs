//! Questions: about one document, about all of them, searches, analyses and batches.

use serde_json::json;

use super::{conditional, idempotent, query};
use crate::analysis::{AnalysisFile, AnalyzeAnswer, AnalyzeRequest, Format};
use crate::ask;
use crate::openapi::bodies::AskRequest;
use crate::openapi::operation::{Answer, Operation, Shape, Tag, of};
use crate::openapi::shapes::{
    BatchAccepted, BatchRequest, BatchShown, QueryRequest, SearchAnswer, SearchRequest,
};

/// The words that both streams of an answer speak.
const STREAMED: [&str; 2] = [
    "With `Accept: text/event-stream` the answer is streamed: `delta`, `sources`, `verdict`, `correction`, `final`, \
     `error`, each with a sequence number as its id. Cut off, take it up again at `/v1/streams/{stream_id}`.",
    "Com `Accept: text/event-stream` a resposta vem aos poucos: `delta`, `sources`, `verdict`, `correction`, `final`, \
     `error`, cada um com um número de sequência como id. Se cair, retome em `/v1/streams/{stream_id}`.",
];

pub(super) fn operations() -> Vec<Operation> {
    let (search, query) = (search(), query_all());
    let (search_too, query_too) = (
        search.also("/api/rag/search", "searchAlias", ["The same as /v1/search", "O mesmo que /v1/search"]),
        query.also("/api/rag/query", "queryAlias", ["The same as /v1/query", "O mesmo que /v1/query"]),
    );
    let mut all = vec![ask(), analyze()];
    all.extend(files());
    all.extend([search, query, search_too, query_too, batch(), batch_status()]);
    all
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
        .says([
            "Each value carries its page, its words and its place; what the document does not say is `null`, never \
             guessed, and what fails a check is kept and flagged.",
            "Cada valor traz sua página, suas palavras e seu lugar; o que o documento não diz é `null`, nunca \
             adivinhado, e o que não passa em uma verificação é mantido e sinalizado.",
        ])
        .json(
            of::<AnalyzeRequest>,
            json!({ "document_id": "0192f0c1-5d2e-7a40-9c1b-3f5a8e6d7b21", "profile": "meeting_minutes" }),
        )
        .gives(200, ["What was found", "O que foi encontrado"], of::<AnalyzeAnswer>)
        .refuses(&["document_not_found", "not_ready", "reading_failed", "no_profile"])
}

fn files() -> Vec<Operation> {
    let file = |format: Format, path, id, summary| {
        let profile = [
            "The profile; without one the uploader's template, or what the document's own words ask for.",
            "O perfil; sem ele, o modelo informado no envio ou o que as palavras do documento pedem.",
        ];
        let name = json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" });
        let model =
            ["Whether a language model may fill gaps.", "Se um modelo de linguagem pode preencher lacunas."];
        let flag = json!({ "type": "boolean", "default": false });
        let shape: Option<Shape> = (format == Format::Json).then_some(of::<AnalysisFile> as Shape);
        let operation = Operation::new(Tag::Questions, "get", path, id, summary)
            .takes([query("profile", name, profile), query("use_model", flag, model)])
            .answers(Answer {
                status: 200,
                text: ["The file", "O arquivo"],
                content: vec![(format.media(), shape)],
                headers: &["ETag", "Content-Disposition"],
            })
            .refuses(&["invalid_request", "document_not_found", "not_ready", "reading_failed", "no_profile"]);
        conditional(operation)
    };
    vec![
        file(
            Format::Json,
            "/v1/documents/{document_id}/analysis.json",
            "getAnalysisJson",
            ["An analysis as JSON", "Uma análise como JSON"],
        ),
        file(
            Format::Pdf,
            "/v1/documents/{document_id}/analysis.pdf",
            "getAnalysisPdf",
            [
                "The document with its values marked, and a legend",
                "O documento com os valores marcados e uma legenda",
            ],
        ),
        file(
            Format::Csv,
            "/v1/documents/{document_id}/analysis.csv",
            "getAnalysisCsv",
            ["The values as a table", "Os valores como tabela"],
        ),
        file(
            Format::Xlsx,
            "/v1/documents/{document_id}/analysis.xlsx",
            "getAnalysisXlsx",
            ["The values as a workbook", "Os valores como pasta de trabalho"],
        ),
    ]
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

fn query_all() -> Operation {
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
