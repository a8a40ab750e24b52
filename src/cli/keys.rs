//! Lists, makes, rotates and revokes API keys.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::arguments::{Keys, KeysCommand};
use super::client::Client;
use super::failure::Failure;
use super::out;

/// Does what `keys` says.
pub(crate) async fn keys(client: &Client, keys: &Keys) -> Result<ExitCode, Failure> {
    match &keys.command {
        KeysCommand::List { json } => list(client, out::as_json(*json)).await,
        KeysCommand::Make { name, scopes, tenant, days, json } => {
            let mut body = json!({ "name": name, "scopes": scopes });
            if let Some(tenant) = tenant {
                body["tenant"] = tenant.clone().into();
            }
            if let Some(days) = days {
                body["expires_in_days"] = (*days).into();
            }
            made(&client.make_key(&body).await?, out::as_json(*json));
            Ok(ExitCode::SUCCESS)
        }
        KeysCommand::Rotate { key, grace, json } => {
            let made_key = client.rotate_key(key, *grace).await?;
            made(&made_key, out::as_json(*json));
            Ok(ExitCode::SUCCESS)
        }
        KeysCommand::Revoke { keys } => revoke(client, keys).await,
    }
}

async fn list(client: &Client, as_json: bool) -> Result<ExitCode, Failure> {
    let listed = client.keys().await?;
    let keys = listed["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    for key in keys {
        if as_json { out::line(&key.to_string()) } else { out::line(&row(key)) }
    }
    if keys.is_empty() && !as_json {
        out::line("There are no keys beside the one that the node was started with.");
        out::line("Make one with: rag-enabler keys make NAME");
    }
    Ok(ExitCode::SUCCESS)
}

fn row(key: &Value) -> String {
    let text = |field: &str| key[field].as_str().unwrap_or_default().to_owned();
    let end = key["expires_at"].as_str().map(|end| format!("  until {end}")).unwrap_or_default();
    format!(
        "{}  {:8} {:24} {:12} ...{}  {}{end}",
        text("id"),
        text("status"),
        scopes(key),
        text("tenant"),
        text("shown"),
        text("name"),
    )
}

fn scopes(key: &Value) -> String {
    let scopes = key["scopes"].as_array().map(Vec::as_slice).unwrap_or_default();
    scopes.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
}

fn made(key: &Value, as_json: bool) {
    if as_json {
        return out::line(&key.to_string());
    }
    let text = |field: &str| key[field].as_str().unwrap_or_default();
    out::line(&format!("key     {}", out::strong(text("key"))));
    out::line(&format!("id      {}", text("id")));
    out::line(&format!("tenant  {}", text("tenant")));
    out::line(&format!("scopes  {}", scopes(key)));
    if let Some(end) = key["expires_at"].as_str() {
        out::line(&format!("until   {end}"));
    }
    if let Some(end) = key["replaces"]["expires_at"].as_str() {
        out::line(&format!("The key that it replaces opens until {end}."));
    }
    out::line("Only its hash is kept: this is the only time that the key is shown.");
}

async fn revoke(client: &Client, ids: &[String]) -> Result<ExitCode, Failure> {
    let mut failed = false;
    for id in ids {
        match client.revoke_key(id).await {
            Ok(()) => out::line(&format!("revoked {id}")),
            Err(Failure::Refused(refusal)) => {
                out::error(&refusal.to_string());
                failed = true;
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
