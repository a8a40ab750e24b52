//! Every problem that the API answers, with what to do about it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Schemas;
use super::operation::{Both, header_references, of};
use crate::problem::Kind;
use crate::shapes::ProblemBody;

/// A kind of problem as it is described.
pub(super) struct Row {
    pub(super) status: u16,
    pub(super) code: &'static str,
    title: Both,
    advice: Both,
}

impl Row {
    pub(super) fn describe(&self) -> Value {
        json!({
            "code": self.code,
            "status": self.status,
            "title": self.title[0],
            "advice": self.advice[0],
            "x-pt": { "title": self.title[1], "advice": self.advice[1] },
        })
    }
}

/// Every kind; a test holds it to the kinds that there are.
const KINDS: [Kind; 43] = [
    Kind::InvalidRequest,
    Kind::MalformedJson,
    Kind::MalformedRequest,
    Kind::KeyMissing,
    Kind::KeyWrong,
    Kind::KeyEnded,
    Kind::TokenWrong,
    Kind::TokenExpired,
    Kind::ScopeMissing,
    Kind::OperatorOnly,
    Kind::KeyNotFound,
    Kind::KeyConflict,
    Kind::RateLimited,
    Kind::UnknownPath,
    Kind::DocumentNotFound,
    Kind::MethodNotAllowed,
    Kind::NotAcceptable,
    Kind::BodySlow,
    Kind::TooLarge,
    Kind::AddressTooLong,
    Kind::UnsupportedMediaType,
    Kind::NotReady,
    Kind::ReadingFailed,
    Kind::ModelMissing,
    Kind::NoProfile,
    Kind::ModelNotFound,
    Kind::BatchNotFound,
    Kind::HeadersTooLarge,
    Kind::Internal,
    Kind::NotImplemented,
    Kind::Overloaded,
    Kind::Unavailable,
    Kind::Deadline,
    Kind::PageNotFound,
    Kind::NotFailed,
    Kind::Quarantined,
    Kind::ActionsDisabled,
    Kind::NothingKnown,
    Kind::StillRunning,
    Kind::OnceKeyReused,
    Kind::StreamUnknown,
    Kind::Cancelled,
    Kind::UpgradeRequired,
];

fn advice(kind: Kind) -> Both {
    match kind {
        Kind::InvalidRequest => {
            ["Correct every field that `details` names.", "Corrija cada campo que `details` cita."]
        }
        Kind::MalformedJson => [
            "Correct the JSON at the line and column that `detail` names.",
            "Corrija o JSON na linha e coluna que `detail` cita.",
        ],
        Kind::MalformedRequest => {
            ["What arrived is no HTTP; look at the client.", "O que chegou não é HTTP; verifique o cliente."]
        }
        Kind::KeyMissing => [
            "Send your key in `X-API-Key`, or a token in `Authorization: Bearer`.",
            "Envie sua chave em `X-API-Key`, ou um token em `Authorization: Bearer`.",
        ],
        Kind::KeyWrong => [
            "Check that the key was copied whole and belongs to this node.",
            "Verifique se a chave foi copiada inteira e se é deste nó.",
        ],
        Kind::KeyEnded => [
            "The key was revoked or has expired; use the one that replaced it.",
            "A chave foi revogada ou expirou; use a que a substituiu.",
        ],
        Kind::TokenWrong => [
            "The token was not accepted; `detail` says why.",
            "O token não foi aceito; `detail` diz o motivo.",
        ],
        Kind::TokenExpired => ["Get a new token.", "Obtenha um novo token."],
        Kind::ScopeMissing => [
            "Ask your operator for a key with the scope that `detail` names.",
            "Peça ao operador uma chave com o escopo que `detail` cita.",
        ],
        Kind::OperatorOnly => {
            ["Only the operator of the service may do this.", "Só o operador do serviço pode fazer isto."]
        }
        Kind::KeyNotFound => {
            ["Check the id; `GET /v1/keys` lists yours.", "Verifique o id; `GET /v1/keys` lista as suas."]
        }
        Kind::KeyConflict => [
            "The key has ended, or there are too many; `detail` says which.",
            "A chave terminou, ou há chaves demais; `detail` diz qual é o caso.",
        ],
        Kind::UnknownPath => {
            ["Check the address; this page has all of them.", "Verifique o endereço; esta página tem todos."]
        }
        Kind::DocumentNotFound => [
            "Check the id; `GET /v1/documents` lists yours.",
            "Verifique o id; `GET /v1/documents` lista os seus.",
        ],
        Kind::MethodNotAllowed => ["Use a method that `Allow` names.", "Use um método que `Allow` cita."],
        Kind::NotAcceptable => [
            "Let `Accept` name a type that this address sends.",
            "Faça `Accept` citar um tipo que este endereço envia.",
        ],
        Kind::BodySlow => [
            "The body did not arrive in time; send it again.",
            "O corpo não chegou a tempo; envie-o novamente.",
        ],
        Kind::TooLarge => [
            "Split the document or reduce its images; shorten any other body.",
            "Divida o documento ou reduza as imagens; encurte qualquer outro corpo.",
        ],
        Kind::AddressTooLong => ["Shorten the address.", "Encurte o endereço."],
        Kind::UnsupportedMediaType => [
            "Send uploads as `multipart/form-data`, everything else as `application/json`.",
            "Envie arquivos como `multipart/form-data` e o resto como `application/json`.",
        ],
        Kind::NotReady => [
            "Ask again when the document's status is `ready`.",
            "Pergunte novamente quando o status do documento for `ready`.",
        ],
        Kind::ReadingFailed => [
            "The document could not be read; `detail` says why.",
            "O documento não pôde ser lido; `detail` diz o motivo.",
        ],
        Kind::ModelMissing => [
            "Ask with `auto`, or let the operator install the model.",
            "Pergunte com `auto` ou peça ao operador que instale o modelo.",
        ],
        Kind::NoProfile => ["Name a profile in `profile`.", "Informe um perfil em `profile`."],
        Kind::ModelNotFound => {
            ["Take a model that `GET /v1/models` lists.", "Use um modelo que `GET /v1/models` lista."]
        }
        Kind::BatchNotFound => {
            ["Check the id; a batch is kept for 7 days.", "Verifique o id; um lote é mantido por 7 dias."]
        }
        Kind::HeadersTooLarge => [
            "Send at most 100 headers, with 64 KiB in all.",
            "Envie no máximo 100 cabeçalhos, com 64 KiB ao todo.",
        ],
        Kind::Internal => [
            "Our fault. Try again, then tell the operator the `request_id`.",
            "Falha nossa. Tente novamente e depois informe o `request_id` ao operador.",
        ],
        Kind::NotImplemented => ["This version does not have it yet.", "Esta versão ainda não tem isto."],
        Kind::RateLimited | Kind::Overloaded | Kind::Unavailable => {
            ["Come back after `Retry-After` seconds.", "Volte depois de `Retry-After` segundos."]
        }
        Kind::Quarantined => [
            "An operator has taken the document out of service; ask when it is released.",
            "Um operador tirou o documento de serviço; pergunte quando ele for liberado.",
        ],
        Kind::ActionsDisabled => [
            "Set `operator.actions` on the node, or only look.",
            "Defina `operator.actions` no nó, ou apenas observe.",
        ],
        Kind::NothingKnown => [
            "Check the id or path; what is gone is remembered for a while only.",
            "Verifique o id ou caminho; o que se foi é lembrado só por algum tempo.",
        ],
        Kind::PageNotFound => ["`detail` says how many pages there are.", "`detail` diz quantas páginas há."],
        Kind::NotFailed => {
            ["Only a failed document is read again.", "Só um documento que falhou é lido novamente."]
        }
        Kind::StillRunning => [
            "A request with this `Idempotency-Key` is still in work; repeat it after `Retry-After` seconds.",
            "Uma requisição com esta `Idempotency-Key` ainda está em andamento; repita-a depois de `Retry-After` segundos.",
        ],
        Kind::OnceKeyReused => [
            "Use a fresh `Idempotency-Key` for another request.",
            "Use uma nova `Idempotency-Key` para outra requisição.",
        ],
        Kind::StreamUnknown => [
            "A stream can be gone on with for five minutes after its end; ask again.",
            "Um stream pode ser retomado até cinco minutos após o fim; pergunte novamente.",
        ],
        Kind::Cancelled => [
            "Somebody cancelled the answer, or nobody listened to it; ask again.",
            "Alguém cancelou a resposta, ou ninguém a ouviu; pergunte novamente.",
        ],
        Kind::UpgradeRequired => ["Connect by WebSocket.", "Conecte-se por WebSocket."],
        Kind::Deadline => [
            "The request took too long; try again, or ask for less.",
            "A requisição demorou demais; tente novamente ou peça menos.",
        ],
    }
}

/// Every problem.
pub(super) fn rows() -> Vec<Row> {
    let row = |kind: &Kind| {
        let (status, code, english, portuguese) = kind.row();
        Row { status: status.as_u16(), code, title: [english, portuguese], advice: advice(*kind) }
    };
    let mut rows: Vec<Row> = KINDS.iter().map(row).collect();
    rows.sort_by_key(|row| row.status);
    rows
}

/// The name of the response that any of `codes` is.
pub(super) fn response_name(codes: &[&str]) -> String {
    codes.join(".")
}

/// Each set of problems that some operation answers with one status.
pub(super) fn responses(
    used: impl Iterator<Item = Vec<(u16, Vec<&'static str>)>>,
    schemas: &mut Schemas,
) -> Value {
    let rows = rows();
    let mut named = BTreeMap::new();
    for (status, codes) in used.flatten() {
        let advice = |language: usize| {
            let of = rows.iter().filter(|row| codes.contains(&row.code));
            of.map(|row| format!("`{}`: {}", row.code, row.advice[language])).collect::<Vec<_>>().join(" ")
        };
        let headers: &[&str] = match status {
            401 => &["WWW-Authenticate"],
            429 => &["Retry-After", "RateLimit", "RateLimit-Policy"],
            503 => &["Retry-After"],
            _ => &[],
        };
        let schema = json!({ "schema": of::<ProblemBody>(&mut schemas.sent) });
        named.entry(response_name(&codes)).or_insert_with(|| {
            json!({
                "description": advice(0),
                "x-pt": { "description": advice(1) },
                "x-codes": codes,
                "headers": header_references(headers),
                "content": { "application/problem+json": schema },
            })
        });
    }
    json!(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_is_forgotten() {
        let source = include_str!("../problem.rs");
        let body = source.split("pub(crate) enum Kind {").nth(1).unwrap().split('}').next().unwrap();
        let there: Vec<&str> = body.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let mut described: Vec<String> = KINDS.iter().map(|kind| format!("{kind:?}")).collect();
        for name in there {
            let found = described.iter().position(|one| one == name);
            let found =
                found.unwrap_or_else(|| panic!("Kind::{name} is not in KINDS of openapi/problems.rs"));
            described.remove(found);
        }
        assert!(described.is_empty(), "named twice: {described:?}");
    }

    #[test]
    fn every_code_has_one_row() {
        let mut codes: Vec<&str> = rows().iter().map(|row| row.code).collect();
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all, "{codes:?}");
    }
}
