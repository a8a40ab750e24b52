//! What can be asked of a node about its cluster, and how that is sent.

use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::shape::Outcome;
use crate::cli::client::{Client, segment};
use crate::cli::failure::Failure;

/// One address below `/v1/operator` with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    path: String,
    parameters: Vec<(&'static str, String)>,
}

impl Question {
    pub(crate) fn new(path: &str) -> Self {
        Self { path: format!("/v1/operator/{path}"), parameters: Vec::new() }
    }

    /// A question about the document or request `id`.
    pub(crate) fn about(path: &str, id: &str) -> Self {
        Self::new(&format!("{path}/{}", segment(id)))
    }

    /// With a parameter, if it is given.
    pub(crate) fn with(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.parameters.extend(value.map(|value| (name, value.to_owned())));
        self
    }

    pub(crate) fn request(&self, client: &Client) -> RequestBuilder {
        client.request(Method::GET, &self.path).query(&self.parameters)
    }
}

/// Asks a node.
pub(crate) async fn ask<T: DeserializeOwned>(client: &Client, question: &Question) -> Result<T, Failure> {
    read(client.send(question.request(client)).await?)
}

/// What a node said, where nothing stands for null.
fn read<T: DeserializeOwned>(told: Value) -> Result<T, Failure> {
    serde_json::from_value(without_nulls(told))
        .map_err(|error| Failure::Plain(format!("the node answered something that is not ours: {error}")))
}

fn without_nulls(told: Value) -> Value {
    match told {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// Something to be done, once somebody has said why.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Action {
    /// What is done, such as `restart`.
    pub(crate) name: String,
    /// To what, as the node wants to be told.
    pub(crate) target: Value,
    /// Whether a gate that stands against it is passed over.
    pub(crate) force: bool,
}

impl Action {
    pub(crate) fn new(name: &str, target: Value) -> Self {
        Self { name: name.to_owned(), target, force: false }
    }

    /// The same, passing over what stands against it.
    pub(crate) fn forced(self, force: bool) -> Self {
        Self { force, ..self }
    }
}

/// Does something, or says what it would touch.
pub(crate) async fn act(
    client: &Client,
    action: &Action,
    reason: &str,
    is_dry_run: bool,
) -> Result<Outcome, Failure> {
    let mut body =
        json!({ "action": action.name, "target": action.target, "reason": reason, "dry_run": is_dry_run });
    // An older node knows no such field.
    if action.force {
        body["force"] = true.into();
    }
    read(client.send(client.request(Method::POST, "/v1/operator/actions").json(&body)).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::operator::shape::{ActorPage, Shards};

    #[test]
    fn what_is_null_is_left_out() {
        let shard = json!({ "shard": 3, "owner": null, "epoch": null, "status": "unowned", "position": null,
                            "documents": null, "replicas": [{ "node": "n2", "lag": null }], "why": null });
        let shards: Shards = read(json!({ "shards": [shard] })).unwrap();
        assert_eq!((shards.shards[0].epoch, shards.shards[0].position), (0, None));
        let gone: ActorPage = read(json!({ "actor": null, "failures": [], "trace": null })).unwrap();
        assert!(gone.actor.is_none());
        assert!(read::<Shards>(json!({ "shards": 3 })).is_err());
    }

    #[test]
    fn an_id_of_a_stranger_stays_one_piece_of_the_address() {
        assert_eq!(
            Question::about("where", "a/../../v1 keys?x").path,
            "/v1/operator/where/a_______v1_keys_x"
        );
    }
}
