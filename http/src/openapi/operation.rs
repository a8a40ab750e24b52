//! One operation of the API as it is described, and the words that it is described with.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{Schemas, problems};

/// A schema that is made when the description is.
pub(super) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// The schema of `T`, by its name.
pub(super) fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A sentence in English and in Portuguese.
pub(super) type Both = [&'static str; 2];

/// What an operation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Documents,
    Questions,
    Knowledge,
    Streams,
    Batches,
    Compatible,
    Keys,
    Node,
    Operator,
}

impl Tag {
    pub(super) const ALL: [Self; 9] = [
        Self::Documents,
        Self::Questions,
        Self::Knowledge,
        Self::Streams,
        Self::Batches,
        Self::Compatible,
        Self::Keys,
        Self::Node,
        Self::Operator,
    ];

    fn name(self) -> Both {
        match self {
            Self::Documents => ["Documents", "Documentos"],
            Self::Questions => ["Questions", "Perguntas"],
            Self::Knowledge => ["Knowledge base", "Base de conhecimento"],
            Self::Streams => ["Streams", "Streams"],
            Self::Batches => ["Batches", "Lotes"],
            Self::Compatible => ["OpenAI-compatible", "Compatível com OpenAI"],
            Self::Keys => ["Keys", "Chaves"],
            Self::Node => ["The node", "O nó"],
            Self::Operator => ["The operator", "O operador"],
        }
    }

    pub(super) fn describe(self) -> Value {
        let [name, portuguese] = self.name();
        json!({ "name": name, "x-pt": { "name": portuguese } })
    }
}

/// A part of the request beside its body.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: &'static str,
    pub(super) schema: Value,
    pub(super) text: Both,
    pub(super) is_required: bool,
}

/// What an operation takes.
pub(super) struct RequestBody {
    pub(super) media: &'static str,
    pub(super) shape: Shape,
    pub(super) example: Value,
    /// The media type of each part of a form that is no plain text.
    pub(super) parts: &'static [(&'static str, &'static str)],
}

/// A success.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: Both,
    /// Each media type with its shape; none for an answer without a body.
    pub(super) content: Vec<(&'static str, Option<Shape>)>,
    /// Names of `components.headers`.
    pub(super) headers: &'static [&'static str],
}

/// One operation of the API.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    tag: Tag,
    summary: Both,
    description: Both,
    parameters: Vec<Parameter>,
    body: Option<RequestBody>,
    body_may_miss: bool,
    answers: Vec<Answer>,
    codes: Vec<&'static str>,
    needs_key: bool,
}

/// What every operation may answer, whatever is asked.
const ALWAYS: [&str; 3] = ["malformed_request", "address_too_long", "headers_too_large"];
/// What every operation of the product may answer beside it.
const WORKING: [&str; 5] = ["not_acceptable", "internal", "overloaded", "unavailable", "deadline"];
/// What every operation that wants a key may answer beside it.
const GUARDED: [&str; 7] = [
    "key_missing",
    "key_wrong",
    "key_ended",
    "token_wrong",
    "token_expired",
    "scope_missing",
    "rate_limited",
];

impl Operation {
    /// An operation that wants a key.
    pub(super) fn new(
        tag: Tag,
        method: &'static str,
        path: &'static str,
        id: &'static str,
        summary: Both,
    ) -> Self {
        let codes = [&ALWAYS[..], &WORKING, &GUARDED].concat();
        let (parameters, answers) = (path_parameters(path), Vec::new());
        let (description, body) = (["", ""], None);
        Self {
            method,
            path,
            id,
            tag,
            summary,
            description,
            parameters,
            body,
            body_may_miss: false,
            answers,
            codes,
            needs_key: true,
        }
    }

    /// The same for everybody: no key, no limits.
    pub(super) fn open(self) -> Self {
        Self { codes: ALWAYS.to_vec(), needs_key: false, ..self }
    }

    /// The same at another address, whose summary says of which.
    pub(super) fn also(&self, path: &'static str, id: &'static str, summary: Both) -> Self {
        Self {
            path,
            id,
            summary,
            parameters: path_parameters(path),
            body: self.body.as_ref().map(|body| RequestBody { example: body.example.clone(), ..*body }),
            answers: self.answers.iter().map(|one| Answer { content: one.content.clone(), ..*one }).collect(),
            codes: self.codes.clone(),
            ..*self
        }
    }

    pub(super) fn says(self, description: Both) -> Self {
        Self { description, ..self }
    }

    pub(super) fn takes(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Takes a JSON object, shown by `example`.
    pub(super) fn json(self, shape: Shape, example: Value) -> Self {
        self.body(RequestBody { media: "application/json", shape, example, parts: &[] })
            .refuses(&["malformed_json"])
    }

    pub(super) fn body(self, body: RequestBody) -> Self {
        Self { body: Some(body), ..self }.refuses(&[
            "invalid_request",
            "body_slow",
            "too_large",
            "unsupported_media_type",
        ])
    }

    /// The same, where the body may be left out.
    pub(super) fn or_nothing(self) -> Self {
        Self { body_may_miss: true, ..self }
    }

    /// Answers JSON.
    pub(super) fn gives(self, status: u16, text: Both, shape: Shape) -> Self {
        self.answers(Answer { status, text, content: vec![("application/json", Some(shape))], headers: &[] })
    }

    /// Answers without a body.
    pub(super) fn gives_nothing(self, status: u16, text: Both) -> Self {
        self.answers(Answer { status, text, content: vec![], headers: &[] })
    }

    pub(super) fn answers(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    pub(super) fn refuses(mut self, codes: &[&'static str]) -> Self {
        self.codes.extend(codes);
        self
    }

    #[cfg(test)]
    pub(super) fn codes(&self) -> &[&'static str] {
        &self.codes
    }

    /// Its problems, by status.
    pub(super) fn codes_by_status(&self) -> Vec<(u16, Vec<&'static str>)> {
        let rows = problems::rows();
        let mut by_status: Vec<(u16, Vec<&'static str>)> = Vec::new();
        // In the order of the table, so that the same set of codes has one name.
        for row in rows.iter().filter(|row| self.codes.contains(&row.code)) {
            match by_status.iter_mut().find(|(status, _)| *status == row.status) {
                Some((_, codes)) => codes.push(row.code),
                None => by_status.push((row.status, vec![row.code])),
            }
        }
        by_status.sort_by_key(|(status, _)| *status);
        by_status
    }

    /// The operation as OpenAPI has it.
    pub(super) fn describe(&self, schemas: &mut Schemas) -> Value {
        let ([summary, summary_pt], [description, description_pt]) = (self.summary, self.description);
        let mut operation = json!({
            "operationId": self.id,
            "tags": [self.tag.name()[0]],
            "summary": summary,
            "x-pt": { "summary": summary_pt },
        });
        if !description.is_empty() {
            operation["description"] = description.into();
            operation["x-pt"]["description"] = description_pt.into();
        }
        if !self.needs_key {
            operation["security"] = json!([]);
        }
        if !self.parameters.is_empty() {
            operation["parameters"] = self.parameters.iter().map(parameter).collect();
        }
        if let Some(body) = &self.body {
            operation["requestBody"] = request_body(body, schemas);
            operation["requestBody"]["required"] = (!self.body_may_miss).into();
        }
        let mut responses = Map::new();
        for answer in &self.answers {
            responses.insert(answer.status.to_string(), response(answer, schemas));
        }
        for (status, codes) in self.codes_by_status() {
            // A status that is also a success is described once, as that.
            let name = problems::response_name(&codes);
            let reference = json!({ "$ref": format!("#/components/responses/{name}") });
            responses.entry(status.to_string()).or_insert(reference);
        }
        operation["responses"] = responses.into();
        operation
    }
}

fn parameter(one: &Parameter) -> Value {
    json!({
        "name": one.name,
        "in": one.place,
        "required": one.is_required,
        "schema": one.schema,
        "description": one.text[0],
        "x-pt": { "description": one.text[1] },
    })
}

fn request_body(body: &RequestBody, schemas: &mut Schemas) -> Value {
    let mut content = json!({ "schema": (body.shape)(&mut schemas.read) });
    if !body.example.is_null() {
        content["example"] = body.example.clone();
    }
    for (part, media) in body.parts {
        content["encoding"][part] = json!({ "contentType": media });
    }
    json!({ "required": true, "content": { body.media: content } })
}

fn response(answer: &Answer, schemas: &mut Schemas) -> Value {
    let mut response = json!({ "description": answer.text[0], "x-pt": { "description": answer.text[1] } });
    response["headers"] = header_references(answer.headers);
    for (media, shape) in &answer.content {
        let schema = match shape {
            Some(shape) => json!((*shape)(&mut schemas.sent)),
            // Each event of a stream is looked at by itself.
            None if *media == "text/event-stream" => json!({ "type": "object" }),
            None => json!({ "type": "string" }),
        };
        response["content"][media] = json!({ "schema": schema });
    }
    response
}

/// What an answer of any kind carries, and `more`.
pub(super) fn header_references(more: &[&str]) -> Value {
    let names = ["X-Request-Id", "traceparent", "Content-Language"].iter().chain(more);
    names.map(|name| (name.to_string(), json!({ "$ref": format!("#/components/headers/{name}") }))).collect()
}

/// Every header of an answer.
pub(super) fn headers() -> Value {
    let header = |text: &str, text_pt: &str, schema: Value| json!({ "description": text, "x-pt": { "description": text_pt }, "schema": schema });
    let string = || json!({ "type": "string" });
    json!({
        "X-Request-Id": header("The id of this request, in logs too.", "O id desta requisição, também nos registros.", string()),
        "traceparent": header("The W3C trace that this request belongs to.", "O rastro W3C a que esta requisição pertence.", string()),
        "Content-Language": header("The language of the messages.", "O idioma das mensagens.", json!({ "enum": ["en", "pt-BR"] })),
        "Retry-After": header("When to try again, in seconds.", "Quando tentar novamente, em segundos.", json!({ "type": "integer", "minimum": 0 })),
        "RateLimit": header("What is left of each limit, such as `\"default\";r=50;t=30`.", "O que resta de cada limite, como `\"default\";r=50;t=30`.", string()),
        "RateLimit-Policy": header("Each limit, such as `\"default\";q=100;w=60`.", "Cada limite, como `\"default\";q=100;w=60`.", string()),
        "ETag": header("The answer's tag, for `If-None-Match`.", "A etiqueta da resposta, para `If-None-Match`.", string()),
        "Content-Disposition": header("The name of the file.", "O nome do arquivo.", string()),
        "Location": header("The path of what was made.", "O caminho do que foi criado.", json!({ "type": "string", "format": "uri-reference" })),
        "WWW-Authenticate": header("How to say who you are.", "Como dizer quem você é.", string()),
        "Allow": header("The methods that this address takes.", "Os métodos que este endereço aceita.", string()),
    })
}

/// The parts of a path that vary, by their names.
fn path_parameters(path: &'static str) -> Vec<Parameter> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    names
        .map(|name| {
            let (schema, text) = match name {
                "page" => (
                    json!({ "type": "integer", "minimum": 1, "maximum": 100_000 }),
                    ["The page, counted from one.", "A página, contada a partir de um."],
                ),
                "model" => (
                    json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" }),
                    ["The model's name.", "O nome do modelo."],
                ),
                "sought" => (
                    json!({ "type": "string", "pattern": "^[A-Za-z0-9._:+=-]{1,128}$" }),
                    [
                        "A document's id, a request's id or a trace id.",
                        "O id de um documento, de uma requisição ou de um trace.",
                    ],
                ),
                "document_id" => (uuid(), ["The document's id.", "O id do documento."]),
                _ => (uuid(), ["Its id.", "O id."]),
            };
            Parameter { name, place: "path", schema, text, is_required: true }
        })
        .collect()
}

fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}
