//! Answers that say what was wrong: RFC 9457 problem details that also carry the contract's fields.

use warp::http::{StatusCode, header};
use warp::reply::Response;

use crate::answer;
use crate::document::{Progress, Status};
use crate::error::{ApiError, Violation};
use crate::language::Language;
use crate::message::Message;
use crate::shapes::{ProblemBody, ViolationBody};

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    InvalidRequest,
    MalformedJson,
    KeyMissing,
    KeyWrong,
    KeyEnded,
    TokenWrong,
    TokenExpired,
    ScopeMissing,
    OperatorOnly,
    KeyNotFound,
    KeyConflict,
    RateLimited,
    UnknownPath,
    DocumentNotFound,
    MethodNotAllowed,
    NotAcceptable,
    MalformedRequest,
    AddressTooLong,
    HeadersTooLarge,
    BodySlow,
    TooLarge,
    UnsupportedMediaType,
    PageNotFound,
    Quarantined,
    ActionsDisabled,
    NothingKnown,
    NotFailed,
    StillRunning,
    OnceKeyReused,
    StreamUnknown,
    Cancelled,
    UpgradeRequired,
    NotReady,
    ReadingFailed,
    ModelMissing,
    NoProfile,
    ModelNotFound,
    BatchNotFound,
    Internal,
    NotImplemented,
    Overloaded,
    Unavailable,
    Deadline,
}

impl Kind {
    /// Its name in the API.
    pub(crate) fn code(self) -> &'static str {
        self.row().1
    }

    /// Its status, its name in the API, and its title in English and Portuguese.
    pub(crate) fn row(self) -> (StatusCode, &'static str, &'static str, &'static str) {
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
            Self::KeyEnded => {
                (StatusCode::UNAUTHORIZED, "key_ended", "API key has ended", "Chave de API encerrada")
            }
            Self::TokenWrong => {
                (StatusCode::UNAUTHORIZED, "token_wrong", "Token not accepted", "Token não aceito")
            }
            Self::TokenExpired => {
                (StatusCode::UNAUTHORIZED, "token_expired", "Token has expired", "Token expirado")
            }
            Self::ScopeMissing => (StatusCode::FORBIDDEN, "scope_missing", "Scope missing", "Escopo ausente"),
            Self::OperatorOnly => {
                (StatusCode::FORBIDDEN, "operator_only", "For the operator only", "Reservado ao operador")
            }
            Self::KeyNotFound => {
                (StatusCode::NOT_FOUND, "key_not_found", "No such API key", "Chave de API inexistente")
            }
            Self::KeyConflict => {
                (StatusCode::CONFLICT, "key_conflict", "Not possible now", "Não é possível agora")
            }
            Self::RateLimited => {
                (StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests", "Requisições demais")
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
            Self::NotAcceptable => (
                StatusCode::NOT_ACCEPTABLE,
                "not_acceptable",
                "Not acceptable",
                "Formato não aceito pelo cliente",
            ),
            Self::MalformedRequest => {
                (StatusCode::BAD_REQUEST, "malformed_request", "Malformed request", "Requisição malformada")
            }
            Self::AddressTooLong => {
                (StatusCode::URI_TOO_LONG, "address_too_long", "Address too long", "Endereço longo demais")
            }
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "headers_too_large",
                "Headers too large",
                "Cabeçalhos grandes demais",
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
            Self::Quarantined => {
                (StatusCode::LOCKED, "quarantined", "Document out of service", "Documento fora de serviço")
            }
            Self::ActionsDisabled => {
                (StatusCode::FORBIDDEN, "actions_disabled", "Acting is not enabled", "Ações não habilitadas")
            }
            Self::NothingKnown => (StatusCode::NOT_FOUND, "nothing_known", "Nothing known", "Nada conhecido"),
            Self::PageNotFound => {
                (StatusCode::NOT_FOUND, "page_not_found", "No such page", "Página inexistente")
            }
            Self::NotFailed => {
                (StatusCode::CONFLICT, "not_failed", "Nothing to read again", "Nada a ler novamente")
            }
            Self::StillRunning => {
                (StatusCode::CONFLICT, "in_progress", "Still in work", "Ainda em andamento")
            }
            Self::OnceKeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_mismatch",
                "Idempotency key used for another request",
                "Chave de idempotência usada em outra requisição",
            ),
            Self::StreamUnknown => {
                (StatusCode::NOT_FOUND, "stream_unknown", "No such stream", "Fluxo inexistente")
            }
            Self::Cancelled => (StatusCode::CONFLICT, "cancelled", "Cancelled", "Cancelado"),
            Self::UpgradeRequired => (
                StatusCode::UPGRADE_REQUIRED,
                "upgrade_required",
                "WebSocket required",
                "WebSocket necessário",
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
            Self::NoProfile => {
                (StatusCode::UNPROCESSABLE_ENTITY, "no_profile", "No profile fits", "Nenhum perfil serve")
            }
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
            ApiError::NoSuchPage { page, pages } => {
                Self::new(Kind::PageNotFound, Message::PageUnknown { page, pages })
            }
            ApiError::NotFailed { id } => {
                Self::new(Kind::NotFailed, Message::NotFailed { id: id.to_string() })
            }
            ApiError::AlreadyThere { id } => {
                Self::new(Kind::NotFailed, Message::AlreadyThere { id: id.to_string() })
            }
            ApiError::ReadingFailed(failure) => {
                Self::new(Kind::ReadingFailed, Message::ReadingFailed(failure))
            }
            ApiError::ModelMissing { model, how_to_get } => {
                Self::new(Kind::ModelMissing, Message::ModelMissing { model, how_to_get })
            }
            ApiError::ProfileUnknown { profile, known } => {
                let (allowed, got) = (known.join(", "), format!("{profile:?}"));
                Self::field("profile", Message::NotOneOf { allowed, got })
            }
            ApiError::NoProfile { known } => {
                Self::new(Kind::NoProfile, Message::NoProfile { known: known.join(", ") })
            }
            ApiError::BatchUnknown { id } => {
                Self::new(Kind::BatchNotFound, Message::BatchUnknown { id: id.to_string() })
            }
            ApiError::Quarantined { id } => {
                Self::new(Kind::Quarantined, Message::Quarantined { id: id.to_string() })
            }
            ApiError::ActionsDisabled => Self::new(Kind::ActionsDisabled, Message::ActionsDisabled),
            ApiError::NothingKnown => Self::new(Kind::NothingKnown, Message::NothingKnown),
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
    pub(crate) fn body(&self, language: Language, path: &str, request_id: &str) -> ProblemBody {
        let (status, name, english, portuguese) = self.kind.row();
        let text = self.message.text(language);
        let said = |v: &Violation| ViolationBody { field: v.field.into(), message: v.message.text(language) };
        let violations: Vec<ViolationBody> = self.violations.iter().map(said).collect();
        let details: Vec<String> = match violations.as_slice() {
            [] => vec![text.clone()],
            some => some.iter().map(|one| format!("{}: {}", one.field, one.message)).collect(),
        };
        let title = match language {
            Language::English => english,
            Language::Portuguese => portuguese,
        };
        ProblemBody {
            kind: format!("/docs#{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: text.clone(),
            instance: path.to_owned(),
            code: name.to_owned(),
            error: text,
            details,
            request_id: request_id.to_owned(),
            violations,
            document_status: self.progress.map(|(status, _)| status),
            progress: self.progress.and_then(|(_, progress)| progress),
        }
    }

    pub(crate) fn response(&self, language: Language, path: &str, request_id: &str) -> Response {
        let mut response = answer::json(self.kind.status(), &self.body(language, path, request_id));
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/problem+json; charset=utf-8"),
        );
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, header::HeaderValue::from_static(allow));
        }
        if self.kind == Kind::UpgradeRequired {
            headers.insert(header::UPGRADE, header::HeaderValue::from_static("websocket"));
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.kind.status() == StatusCode::UNAUTHORIZED {
            let schemes = match self.kind {
                Kind::TokenWrong | Kind::TokenExpired => {
                    "ApiKey realm=\"rag-enabler\", Bearer realm=\"rag-enabler\", error=\"invalid_token\""
                }
                _ => "ApiKey realm=\"rag-enabler\", Bearer realm=\"rag-enabler\"",
            };
            headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static(schemes));
        }
        response
    }
}
