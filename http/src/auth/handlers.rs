//! What the routes of keys do: list, make, rotate, revoke.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;
use warp::http::{StatusCode, header};
use warp::reply::Response;

use super::caller::{Caller, Scope, Scopes, is_tenant};
use super::said::Said;
use super::store::{GRACE_SECONDS_MAX, KeyError, KeyStore, MadeKey, NewKey, StoredKey};
use crate::answer;
use crate::audit::Touched;
use crate::context::Tenant;
use crate::error::{ApiError, Violation};
use crate::fields;
use crate::handlers::{Call, check_json};
use crate::message::Message;
use crate::problem::{Kind, Problem};
use crate::request;
use crate::upload::Refusal;

/// The largest body of these routes; a name, a tenant and a few scopes are far smaller.
const BODY_BYTES_MAX: usize = 8 * 1024;
/// The longest name of a key; it stands in lists.
const NAME_CHARS_MAX: usize = 100;
/// The longest time that a key with an end may be valid, in days.
const DAYS_MAX: u64 = 3_650;
/// How long a rotated key goes on when the caller does not say: long enough to take the new one everywhere.
const GRACE_SECONDS: u64 = 3_600;
/// When a client should come back while the keys cannot be reached.
const RETRY_SECONDS: u64 = 2;

const DAY_SECONDS: u64 = 86_400;

/// The keys and the caller, or why there are none.
fn means<'a>(call: &Call<'a>) -> Result<(&'a dyn KeyStore, Arc<Caller>), Refusal> {
    match (call.keys, &call.context.caller) {
        (Some(keys), Some(caller)) => Ok((keys, Arc::clone(caller))),
        _ => Err(Problem::new(Kind::NotImplemented, Message::NotImplemented { what: "keys" }).into()),
    }
}

/// The one tenant whose keys `caller` manages; none for the operator, who manages all.
fn reach(caller: &Caller) -> Option<&Tenant> {
    (!caller.is_operator).then_some(&caller.tenant)
}

/// `GET /v1/keys`.
pub(crate) async fn list(call: Call<'_>) -> Result<Response, Refusal> {
    let (keys, caller) = means(&call)?;
    let keys = keys.list(reach(&caller)).await.map_err(refusal)?;
    let keys: Vec<Value> = keys.iter().map(shown).collect();
    Ok(answer::json(StatusCode::OK, &json!({ "keys": keys })))
}

/// `POST /v1/keys`.
pub(crate) async fn make(mut call: Call<'_>) -> Result<Response, Refusal> {
    let (keys, caller) = means(&call)?;
    check_json(call.headers)?;
    let bytes = call.body.read(call.headers, BODY_BYTES_MAX).await?;
    let new = new_key(&request::json_object(&bytes)?, &caller)?;
    if new.tenant != caller.tenant && !caller.is_operator {
        return Err(Problem::from(Said::OperatorOnly).into());
    }
    let made = keys.make(new).await.map_err(refusal)?;
    Ok(created(&made, Value::Null))
}

/// `POST /v1/keys/{id}/rotate`.
pub(crate) async fn rotate(id: Uuid, mut call: Call<'_>) -> Result<Response, Refusal> {
    let (keys, caller) = means(&call)?;
    let bytes = call.body.read(call.headers, BODY_BYTES_MAX).await?;
    let fields = if bytes.is_empty() {
        Map::new()
    } else {
        check_json(call.headers)?;
        request::json_object(&bytes)?
    };
    let mut wrong = fields::unknown(&fields, &["grace_seconds"]);
    let grace = whole(&fields, "grace_seconds", 0, GRACE_SECONDS_MAX, &mut wrong).unwrap_or(GRACE_SECONDS);
    if !wrong.is_empty() {
        return Err(Problem::invalid(wrong).into());
    }
    let rotated = keys.rotate(reach(&caller), id, Duration::from_secs(grace), &caller.id).await;
    let (made, old) = rotated.map_err(refusal)?;
    Ok(created(&made, shown(&old)))
}

/// `DELETE /v1/keys/{id}`.
pub(crate) async fn revoke(id: Uuid, call: Call<'_>) -> Result<Response, Refusal> {
    let (keys, caller) = means(&call)?;
    keys.revoke(reach(&caller), id).await.map_err(refusal)?;
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// Reads the key that is to be made. Pure.
fn new_key(fields: &Map<String, Value>, caller: &Caller) -> Result<NewKey, Problem> {
    let mut wrong = fields::unknown(fields, &["name", "tenant", "scopes", "expires_in_days"]);
    let name = text(fields, "name", &mut wrong);
    let name = match name.map(str::trim) {
        None => {
            if fields.get("name").is_none_or(Value::is_null) {
                wrong.push(Violation { field: "name", message: Message::FieldMissing });
            }
            String::new()
        }
        Some(name) => {
            let chars = name.chars().count();
            if !(1..=NAME_CHARS_MAX).contains(&chars) || name.chars().any(char::is_control) {
                let message = Message::QuestionLength { chars, min: 1, max: NAME_CHARS_MAX };
                wrong.push(Violation { field: "name", message });
            }
            name.to_owned()
        }
    };
    let tenant = match text(fields, "tenant", &mut wrong) {
        None => caller.tenant.clone(),
        Some(name) if is_tenant(name) => Tenant::new(name),
        Some(name) => {
            let got = format!("{:?}", name.chars().take(40).collect::<String>());
            let allowed = "names of 1 to 64 letters, digits, - _ .".to_owned();
            wrong.push(Violation { field: "tenant", message: Message::NotOneOf { allowed, got } });
            caller.tenant.clone()
        }
    };
    let scopes = scopes(fields.get("scopes"), &mut wrong);
    let days = whole(fields, "expires_in_days", 1, DAYS_MAX, &mut wrong);
    if !wrong.is_empty() {
        return Err(Problem::invalid(wrong));
    }
    let valid_for = days.map(|days| Duration::from_secs(days * DAY_SECONDS));
    Ok(NewKey { name, tenant, scopes, valid_for, created_by: Arc::clone(&caller.id) })
}

fn text<'a>(
    fields: &'a Map<String, Value>,
    field: &'static str,
    wrong: &mut Vec<Violation>,
) -> Option<&'a str> {
    match fields.get(field) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => {
            wrong.push(Violation { field, message: Message::NotText });
            None
        }
    }
}

fn whole(
    fields: &Map<String, Value>,
    field: &'static str,
    min: u64,
    max: u64,
    wrong: &mut Vec<Violation>,
) -> Option<u64> {
    let value = fields.get(field).filter(|value| !value.is_null())?;
    let number = request::whole(value).filter(|number| (min..=max).contains(number));
    if number.is_none() {
        let got = value.to_string().chars().take(40).collect();
        wrong.push(Violation { field, message: Message::NotWhole { min, max, got } });
    }
    number
}

fn scopes(value: Option<&Value>, wrong: &mut Vec<Violation>) -> Scopes {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return [Scope::Read, Scope::Write].into_iter().collect();
    };
    let named = value
        .as_array()
        .and_then(|all| all.iter().map(|one| Scope::named(one.as_str()?)).collect::<Option<Scopes>>());
    match named.filter(|scopes| !scopes.is_empty()) {
        Some(scopes) => scopes,
        None => {
            let got = value.to_string().chars().take(40).collect();
            let allowed = "a list of read, write, inspect, operate".to_owned();
            wrong.push(Violation { field: "scopes", message: Message::NotOneOf { allowed, got } });
            Scopes::default()
        }
    }
}

fn created(made: &MadeKey, replaces: Value) -> Response {
    let mut body = shown(&made.stored);
    body["key"] = made.secret.clone().into();
    if !replaces.is_null() {
        body["replaces"] = replaces;
    }
    let mut response = answer::json(StatusCode::CREATED, &body);
    if let Ok(location) = header::HeaderValue::try_from(format!("/v1/keys/{}", made.stored.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response.extensions_mut().insert(Touched(made.stored.id));
    response
}

fn shown(key: &StoredKey) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "tenant": key.tenant.name(),
        "scopes": key.scopes.names(),
        "shown": key.shown,
        "status": key.state.name(),
        "created_at": moment(key.created_at),
        "created_by": key.created_by,
        "expires_at": key.expires_at.map(moment),
        "revoked_at": key.revoked_at.map(moment),
    })
}

fn moment(at: OffsetDateTime) -> String {
    // Only a year beyond 9999 cannot be written so.
    at.format(&Rfc3339).unwrap_or_default()
}

fn refusal(error: KeyError) -> Refusal {
    match error {
        KeyError::NotFound { id } => Problem::from(Said::KeyUnknown { id: id.to_string() }).into(),
        KeyError::Ended { id } => Problem::from(Said::KeyEnded { id: id.to_string() }).into(),
        KeyError::TooMany { max } => Problem::from(Said::KeysTooMany { max }).into(),
        KeyError::Busy => Problem::from(Said::KeysBusy { seconds: RETRY_SECONDS }).into(),
        error @ KeyError::Unavailable { .. } => Refusal::Api(ApiError::Unavailable {
            what: "the API keys".to_owned(),
            retry_after_seconds: RETRY_SECONDS,
            source: Some(error.into()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn caller() -> Caller {
        Caller::new("k", Tenant::new("ana"), Scopes::all())
    }

    fn read(body: Value) -> Result<NewKey, Vec<&'static str>> {
        let fields = body.as_object().unwrap();
        new_key(fields, &caller()).map_err(|problem| problem.violations.iter().map(|one| one.field).collect())
    }

    #[test]
    fn a_new_key_reads_and_writes_in_its_makers_tenant_unless_it_says_otherwise() {
        let plain = read(json!({ "name": " ingest " })).unwrap();
        assert_eq!((&*plain.name, plain.tenant.name(), plain.valid_for), ("ingest", "ana", None));
        assert_eq!(plain.scopes.names(), ["read", "write"]);
        let other =
            read(json!({"name": "n", "tenant": "rui", "scopes": ["operate"], "expires_in_days": 2})).unwrap();
        assert_eq!(other.tenant.name(), "rui");
        assert_eq!(other.scopes.names(), ["operate"]);
        assert_eq!(other.valid_for, Some(Duration::from_secs(172_800)));
    }

    #[test]
    fn every_wrong_field_of_a_new_key_is_named_at_once() {
        let body = json!({"name": "", "tenant": "a b", "scopes": ["root"], "expires_in_days": 0});
        assert_eq!(read(body).unwrap_err(), ["name", "tenant", "scopes", "expires_in_days"]);
        assert_eq!(read(json!({})).unwrap_err(), ["name"]);
        assert_eq!(read(json!({"name": 7, "scopes": []})).unwrap_err(), ["name", "scopes"]);
    }

    proptest! {
        #[test]
        fn no_body_makes_a_key_with_a_scope_that_it_does_not_name(
            names in prop::collection::vec("read|write|inspect|operate|admin|.{0,8}", 0..5),
        ) {
            if let Ok(new) = read(json!({ "name": "n", "scopes": names })) {
                for scope in new.scopes.names() {
                    prop_assert!(names.iter().any(|name| name == scope));
                }
            }
        }
    }
}
