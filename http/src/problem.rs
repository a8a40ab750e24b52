//! Answers that say what was wrong: RFC 9457 problem details that also carry the contract's fields.

use serde_json::{Value, json};
use warp::http::{StatusCode, header};
use warp::reply::Response;

use crate::document::{Progress, Status};
use crate::error::{ApiError, Violation};
use crate::language::Language;
use crate::message::Message;

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    InvalidRequest,
    MalformedJson,
    KeyMissing,
    KeyWrong,
    UnknownPath,
    DocumentNotFound,
    MethodNotAllowed,
    BodySlow,
    TooLarge,
    UnsupportedMediaType,
    NotReady,
    ReadingFailed,
    ModelMissing,
    ModelNotFound,
    BatchNotFound,
    Internal,
    NotImplemented,
    Overloaded,
    Unavailable,
    Deadline,
}

impl Kind {
    /// Its status, its name in the API, and its title in English and Portuguese.
    fn row(self) -> (StatusCode, &'static str, &'static str, &'static str) {
        match self {
            Self::InvalidRequest => {
                (StatusCode::BAD_REQUEST, "invalid_request", "Invalid request", "Requisição inválida")
            }
            Self::MalformedJson => {
                (StatusCode::BAD_REQUEST, "malformed_json", "Malformed JSON", "JSON malformado")
            }
            Self::KeyMissing => {
                (StatusCode::UNAUTHORIZED, "key_missing", "API key missing", "Chave de API ausente")
            }
            Self::KeyWrong => {
                (StatusCode::UNAUTHORIZED, "key_wrong", "API key not known", "Chave de API desconhecida")
            }
            Self::UnknownPath => {
                (StatusCode::NOT_FOUND, "unknown_path", "No such address", "Endereço inexistente")
            }
            Self::DocumentNotFound => {
                (StatusCode::NOT_FOUND, "document_not_found", "No such document", "Documento inexistente")
            }
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "Method not allowed",
                "Método não permitido",
            ),
            Self::BodySlow => {
                (StatusCode::REQUEST_TIMEOUT, "body_slow", "Request body too slow", "Corpo lento demais")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Too large", "Grande demais"),
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Unsupported media type",
                "Tipo de conteúdo não aceito",
            ),
            Self::NotReady => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "not_ready",
                "Document not ready",
                "Documento ainda não está pronto",
            ),
            Self::ReadingFailed => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "reading_failed",
                "Document could not be read",
                "O documento não pôde ser lido",
            ),
            Self::ModelMissing => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "model_missing",
                "Model not installed",
                "Modelo não instalado",
            ),
            Self::BatchNotFound => {
                (StatusCode::NOT_FOUND, "batch_not_found", "No such batch", "Lote inexistente")
            }
            Self::ModelNotFound => {
                (StatusCode::NOT_FOUND, "model_not_found", "No such model", "Modelo inexistente")
            }
            Self::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", "Erro interno")
            }
            Self::NotImplemented => {
                (StatusCode::NOT_IMPLEMENTED, "not_implemented", "Not available yet", "Ainda não disponível")
            }
            Self::Overloaded => {
                (StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Overloaded", "Sobrecarregado")
            }
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Temporarily unavailable",
                "Temporariamente indisponível",
            ),
            Self::Deadline => (StatusCode::GATEWAY_TIMEOUT, "deadline", "Deadline passed", "Prazo esgotado"),
        }
    }

    /// Its name in the API.
    pub(crate) fn name(self) -> &'static str {
        self.row().1
    }

    pub(crate) fn status(self) -> StatusCode {
        self.row().0
    }
}

/// What was wrong with a request, and what the client can do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    pub(crate) message: Box<Message>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) allow: Option<&'static str>,
    pub(crate) retry_after_seconds: Option<u64>,
    pub(crate) progress: Option<(Status, Option<Progress>)>,
}

impl Problem {
    pub(crate) fn new(kind: Kind, message: Message) -> Self {
        Self {
            kind,
            message: Box::new(message),
            violations: vec![],
            allow: None,
            retry_after_seconds: None,
            progress: None,
        }
    }

    /// One or more wrong fields; all of them are said at once.
    pub(crate) fn invalid(violations: Vec<Violation>) -> Self {
        let message = Message::FieldsWrong { count: violations.len() };
        Self { violations, ..Self::new(Kind::InvalidRequest, message) }
    }

    pub(crate) fn field(field: &'static str, message: Message) -> Self {
        Self::invalid(vec![Violation { field, message }])
    }

    pub(crate) fn retry(self, seconds: u64) -> Self {
        Self { retry_after_seconds: Some(seconds), ..self }
    }

    /// The problem that tells a client about `error`, without its cause.
    pub(crate) fn from_api(error: ApiError, request_id: &str, deadline_seconds: u64) -> Self {
        match error {
            ApiError::NotFound { id } => {
                Self::new(Kind::DocumentNotFound, Message::DocumentUnknown { id: id.to_string() })
            }
            ApiError::NotReady { status, progress } => {
                let message = Message::NotReady {
                    stage: progress.map(|p| p.stage),
                    done: progress.map_or(0, |p| p.pages_done),
                    total: progress.and_then(|p| p.pages_total),
                };
                Self { progress: Some((status, progress)), ..Self::new(Kind::NotReady, message) }
            }
            ApiError::ReadingFailed(failure) => {
                Self::new(Kind::ReadingFailed, Message::ReadingFailed(failure))
            }
            ApiError::ModelMissing { model, how_to_get } => {
                Self::new(Kind::ModelMissing, Message::ModelMissing { model, how_to_get })
            }
            ApiError::BatchUnknown { id } => {
                Self::new(Kind::BatchNotFound, Message::BatchUnknown { id: id.to_string() })
            }
            ApiError::NotAnswered => Self::new(Kind::Deadline, Message::NotAnswered),
            ApiError::ModelUnknown { model, known } => {
                Self::new(Kind::ModelNotFound, Message::ModelUnknown { model, known: known.join(", ") })
            }
            ApiError::UnknownCursor => Self::field("cursor", Message::CursorUnknown),
            ApiError::Overloaded { queue, retry_after_seconds: seconds } => {
                Self::new(Kind::Overloaded, Message::Overloaded { queue, seconds }).retry(seconds)
            }
            ApiError::Unavailable { retry_after_seconds: seconds, .. } => {
                Self::new(Kind::Unavailable, Message::Unavailable { seconds }).retry(seconds)
            }
            ApiError::Deadline => Self::new(Kind::Deadline, Message::Deadline { seconds: deadline_seconds }),
            ApiError::Internal { .. } => Self::internal(request_id),
        }
    }

    pub(crate) fn internal(request_id: &str) -> Self {
        Self::new(Kind::Internal, Message::Internal { request_id: request_id.to_owned() })
    }

    /// The problem as JSON. `error` and `details` are the published contract's; the rest is RFC 9457.
    pub(crate) fn body(&self, language: Language, path: &str, request_id: &str) -> Value {
        let (status, name, english, portuguese) = self.kind.row();
        let text = self.message.text(language);
        let violations: Vec<(&str, String)> =
            self.violations.iter().map(|v| (v.field, v.message.text(language))).collect();
        let details: Vec<String> = match violations.as_slice() {
            [] => vec![text.clone()],
            some => some.iter().map(|(field, text)| format!("{field}: {text}")).collect(),
        };
        let mut body = json!({
            "type": format!("/docs#{name}"),
            "title": match language { Language::English => english, Language::Portuguese => portuguese },
            "status": status.as_u16(),
            "detail": text,
            "instance": path,
            "code": name,
            "error": text,
            "details": details,
            "request_id": request_id,
        });
        if !violations.is_empty() {
            body["violations"] = violations
                .into_iter()
                .map(|(field, message)| json!({"field": field, "message": message}))
                .collect();
        }
        if let Some((document_status, progress)) = self.progress {
            body["document_status"] = json!(document_status);
            body["progress"] = json!(progress);
        }
        body
    }

    pub(crate) fn response(&self, language: Language, path: &str, request_id: &str) -> Response {
        let mut response = Response::new(self.body(language, path, request_id).to_string().into());
        *response.status_mut() = self.kind.status();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/problem+json; charset=utf-8"),
        );
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, header::HeaderValue::from_static(allow));
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.kind.status() == StatusCode::UNAUTHORIZED {
            let scheme = header::HeaderValue::from_static("ApiKey realm=\"rag-enabler\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
