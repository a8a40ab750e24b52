//! The description of the API for programs: OpenAPI 3.1, its schemas made from the types that are read and sent.
//!
//! The text is committed as `pages/openapi.json`, which is what a node serves; a test compares the two. After
//! a change: `cargo run -p enabler-http --example openapi > http/src/pages/openapi.json`.

mod bodies;
mod operation;
mod operations;
mod problems;
mod shapes;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use operation::{Operation, Tag};

/// The description as it is committed.
pub fn text() -> String {
    // A map with text keys can always be written.
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

/// Generators of what is read and of what is sent: a field with a default may be absent in the one only.
pub(crate) struct Schemas {
    read: SchemaGenerator,
    sent: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        let read = settings().for_deserialize().into_generator();
        Self { read, sent: settings().for_serialize().into_generator() }
    }

    /// Every named schema; what is sent wins where both have one, because a client must cope with it.
    fn definitions(&mut self) -> Map<String, Value> {
        let mut all = self.read.take_definitions(true);
        all.extend(self.sent.take_definitions(true));
        all.sort_keys();
        all
    }
}

fn document() -> Value {
    let mut schemas = Schemas::new();
    let operations = operations::all();
    let mut paths = Map::new();
    for operation in &operations {
        let place = paths.entry(operation.path).or_insert_with(|| json!({}));
        place[operation.method] = operation.describe(&mut schemas);
    }
    let responses = problems::responses(operations.iter().map(Operation::codes_by_status), &mut schemas);
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "RAG Enabler",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Answers questions about Portuguese and English documents, with the page as proof.",
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "x-pt": {
                "summary": "Responde a perguntas sobre documentos em português e inglês, com a página como prova.",
                "description": ABOUT_PT,
            },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "ApiKey": [] }, { "Bearer": [] }],
        "tags": Tag::ALL.map(Tag::describe),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "ApiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-API-Key",
                    "description": "A key of your tenant, for programs.",
                },
                "Bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A JWT of the configured issuer, or an API key, which is what OpenAI clients send.",
                },
            },
            "headers": operation::headers(),
            "responses": responses,
            "schemas": schemas.definitions(),
        },
        "x-problems": problems::rows().iter().map(problems::Row::describe).collect::<Vec<_>>(),
    });
    plain_formats(&mut document);
    document
}

/// Formats such as `uint32` are no formats of JSON Schema, and the bounds beside them say the same.
fn plain_formats(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(plain_formats),
        Value::Object(fields) => {
            let odd = |format: &Value| format.as_str().is_some_and(|format| format.starts_with("uint"));
            if fields.get("format").is_some_and(odd) {
                fields.shift_remove("format");
            }
            fields.values_mut().for_each(plain_formats);
        }
        _ => {}
    }
}

const ABOUT: &str = "Upload a PDF, wait until it is `ready`, ask.\n\n\
Every address below `/v1` wants an API key in `X-API-Key`, or a bearer token in `Authorization`. \
A key sees the documents of its tenant only.\n\n\
Every answer that is no success is `application/problem+json` in English or Portuguese, by `Accept-Language`. \
It has a `code` for programs, a sentence in `detail` that says what to do, and every wrong field in `details`.\n\n\
`X-Request-Id` and `traceparent` are taken over from the request and sent back; a request without gets fresh \
ones. A `429` or `503` says in `Retry-After` when to come back.\n\n\
Addresses of a method that is not listed answer `405` with `Allow`. What is no HTTP at all is answered `400`, \
`414` or `431`; over HTTP/2 such an answer has no body.";

const ABOUT_PT: &str = "Envie um PDF, espere até que fique `ready` e pergunte.\n\n\
Todo endereço em `/v1` exige uma chave de API em `X-API-Key` ou um token em `Authorization`. \
Uma chave vê somente os documentos do seu tenant.\n\n\
Toda resposta que não é de sucesso é `application/problem+json` em inglês ou português, conforme `Accept-Language`. \
Ela traz um `code` para programas, uma frase em `detail` que diz o que fazer e cada campo errado em `details`.\n\n\
`X-Request-Id` e `traceparent` são aproveitados da requisição e devolvidos; sem eles, novos são criados. \
Um `429` ou `503` diz em `Retry-After` quando voltar.\n\n\
Um método não listado é respondido com `405` e `Allow`. O que não é HTTP é respondido com `400`, `414` ou \
`431`; em HTTP/2 essa resposta não tem corpo.";

#[cfg(test)]
mod tests;
