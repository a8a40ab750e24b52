//! Every operation of the API, in the order in which a reader meets them.

mod compatible;
mod documents;
mod keys;
mod node;
mod operator;
mod questions;
mod streams;

use serde_json::{Value, json};

use super::operation::{Operation, Parameter};

pub(super) fn all() -> Vec<Operation> {
    let mut all = documents::operations();
    all.extend(questions::operations());
    all.extend(streams::operations());
    all.extend(compatible::operations());
    all.extend(keys::operations());
    all.extend(node::operations());
    all.extend(operator::operations());
    all
}

/// Takes a name for one effect, however often it is sent.
fn idempotent(operation: Operation) -> Operation {
    let text = [
        "Your name for this effect: sent again with it, the same request has one effect and one answer.",
        "Seu nome para este efeito: reenviada com ele, a mesma requisição tem um só efeito e uma só resposta.",
    ];
    let key = json!({ "type": "string", "pattern": "^(\"[!#-~]{1,255}\"|[!#-~]{1,255})$" });
    operation.takes([header("Idempotency-Key", key, text)])
}

/// Takes a tag that was answered before.
fn conditional(operation: Operation) -> Operation {
    let text = [
        "The `ETag` of the answer that you have; `304` when it still holds.",
        "O `ETag` da resposta que você tem; `304` se ela ainda vale.",
    ];
    operation
        .takes([header("If-None-Match", json!({ "type": "string" }), text)])
        .gives_nothing(304, ["What you have still holds", "O que você tem ainda vale"])
}

fn header(name: &'static str, schema: Value, text: [&'static str; 2]) -> Parameter {
    Parameter { name, place: "header", schema, text, is_required: false }
}

fn query(name: &'static str, schema: Value, text: [&'static str; 2]) -> Parameter {
    Parameter { name, place: "query", schema, text, is_required: false }
}
