//! Answers as they are written: the WebSocket, and streams that go on after a cut.

use serde_json::json;

use super::header;
use crate::openapi::operation::{Answer, Operation, Tag};

const ONE: &str = "/v1/streams/{stream_id}";

pub(super) fn operations() -> Vec<Operation> {
    vec![socket(), resume(), cancel()]
}

fn socket() -> Operation {
    let summary = ["Ask over a WebSocket", "Pergunta por WebSocket"];
    Operation::new(Tag::Streams, "get", "/v1/stream", "openStream", summary)
        .says([
            "The client sends `ask`, `resume` and `cancel`; the node sends `delta`, `sources`, `verdict`, \
             `correction`, `final` and `error`, each with a sequence number. Each message may bring a `traceparent`; \
             without one the connection's holds.",
            "O cliente envia `ask`, `resume` e `cancel`; o nó envia `delta`, `sources`, `verdict`, `correction`, \
             `final` e `error`, cada um com um número de sequência. Cada mensagem pode trazer um \
             `traceparent`; sem ele vale o da conexão.",
        ])
        .gives_nothing(101, ["The WebSocket is open", "O WebSocket está aberto"])
        .refuses(&["upgrade_required"])
}

fn resume() -> Operation {
    let last = ["The last event that you have.", "O último evento que você tem."];
    let summary = ["Take up a stream after a cut", "Retoma um stream interrompido"];
    Operation::new(Tag::Streams, "get", ONE, "resumeStream", summary)
        .takes([header("Last-Event-ID", json!({ "type": "string" }), last)])
        .answers(Answer {
            status: 200,
            text: ["The events after that one", "Os eventos depois daquele"],
            content: vec![("text/event-stream", None)],
            headers: &[],
        })
        .refuses(&["stream_unknown", "document_not_found", "unknown_path"])
}

fn cancel() -> Operation {
    let summary = ["End a stream and its work", "Encerra um stream e seu trabalho"];
    Operation::new(Tag::Streams, "delete", ONE, "cancelStream", summary)
        .gives_nothing(204, ["Ended", "Encerrado"])
        .refuses(&["stream_unknown", "unknown_path"])
}
