//! What can be asked of a node about its cluster, and how that is sent.

use reqwest::Method;
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
}

/// Asks a node.
pub(crate) async fn ask<T: DeserializeOwned>(client: &Client, question: &Question) -> Result<T, Failure> {
    client.send(client.request(Method::GET, &question.path).query(&question.parameters)).await
}

/// Something to be done, once somebody has said why.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Action {
    /// What is done, such as `restart`.
    pub(crate) name: String,
    /// To what, as the node wants to be told.
    pub(crate) target: Value,
}

impl Action {
    pub(crate) fn new(name: &str, target: Value) -> Self {
        Self { name: name.to_owned(), target }
    }
}

/// Does something, or says what it would touch.
pub(crate) async fn act(
    client: &Client,
    action: &Action,
    reason: &str,
    is_dry_run: bool,
) -> Result<Outcome, Failure> {
    let body =
        json!({ "action": action.name, "target": action.target, "reason": reason, "dry_run": is_dry_run });
    client.send(client.request(Method::POST, "/v1/operator/actions").json(&body)).await
}
