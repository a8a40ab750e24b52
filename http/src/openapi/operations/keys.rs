//! Keys: list, make, rotate, revoke.

use serde_json::json;

use crate::openapi::bodies::{KeyList, KeyRequest, KeyShown, RotateRequest};
use crate::openapi::operation::{Answer, Operation, Tag, of};

pub(super) fn operations() -> Vec<Operation> {
    vec![list(), make(), rotate(), revoke()]
}

fn list() -> Operation {
    Operation::new(Tag::Keys, "get", "/v1/keys", "listKeys", ["List the keys", "Lista as chaves"])
        .gives(200, ["The keys, without the keys themselves", "As chaves, sem o segredo"], of::<KeyList>)
        .refuses(&["not_implemented"])
}

fn make() -> Operation {
    Operation::new(Tag::Keys, "post", "/v1/keys", "makeKey", ["Make a key", "Cria uma chave"])
        .json(of::<KeyRequest>, json!({ "name": "intranet", "scopes": ["read"] }))
        .answers(shown_once(["The key, shown this once", "A chave, mostrada só desta vez"]))
        .refuses(&["operator_only", "key_conflict", "not_implemented"])
}

fn rotate() -> Operation {
    let path = "/v1/keys/{key_id}/rotate";
    Operation::new(Tag::Keys, "post", path, "rotateKey", ["Replace a key", "Troca uma chave"])
        .json(of::<RotateRequest>, json!({ "grace_seconds": 3600 }))
        .or_nothing()
        .answers(shown_once(["Its successor, shown this once", "A sucessora, mostrada só desta vez"]))
        .refuses(&["key_not_found", "key_conflict", "unknown_path", "not_implemented"])
}

fn revoke() -> Operation {
    let path = "/v1/keys/{key_id}";
    Operation::new(Tag::Keys, "delete", path, "revokeKey", ["Revoke a key", "Revoga uma chave"])
        .gives_nothing(204, ["Refused everywhere within 5 s", "Recusada em toda parte em até 5 s"])
        .refuses(&["key_not_found", "unknown_path", "not_implemented"])
}

fn shown_once(text: [&'static str; 2]) -> Answer {
    Answer {
        status: 201,
        text,
        content: vec![("application/json", Some(of::<KeyShown>))],
        headers: &["Location"],
    }
}
