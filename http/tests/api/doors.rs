//! Scopes, managing keys, limits and the audit log, as a client meets them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use enabler_http::*;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::fake::{KEY, READING, READY, Server, limits, problem, server_behind};

/// Keys in memory, as the product keeps them in its store.
#[derive(Default)]
struct Kept(Mutex<HashMap<Uuid, (StoredKey, KeyHash)>>);

impl Kept {
    fn get(&self, tenant: Option<&Tenant>, id: Uuid) -> Result<StoredKey, KeyError> {
        let kept = self.0.lock().unwrap();
        let found = kept.get(&id).map(|(key, _)| key.clone());
        found.filter(|key| tenant.is_none_or(|own| *own == key.tenant)).ok_or(KeyError::NotFound { id })
    }
}

#[async_trait]
impl KeyStore for Kept {
    async fn find(&self, hash: &KeyHash) -> Result<KeyStanding, KeyError> {
        let kept = self.0.lock().unwrap();
        let found = kept.get(&hash.id()).filter(|(_, own)| own.is(hash)).map(|(key, _)| key);
        Ok(match found {
            None => KeyStanding::Unknown,
            Some(key) => match key.state {
                KeyState::Active => {
                    let caller = Caller::new(&key.id.to_string(), key.tenant.clone(), key.scopes);
                    KeyStanding::Valid(Arc::new(caller))
                }
                KeyState::Expired => KeyStanding::Expired,
                KeyState::Revoked => KeyStanding::Revoked,
            },
        })
    }

    async fn list(&self, tenant: Option<&Tenant>) -> Result<Vec<StoredKey>, KeyError> {
        let kept = self.0.lock().unwrap();
        let all = kept.values().map(|(key, _)| key.clone());
        Ok(all.filter(|key| tenant.is_none_or(|own| *own == key.tenant)).collect())
    }

    async fn make(&self, new: NewKey) -> Result<MadeKey, KeyError> {
        let mut kept = self.0.lock().unwrap();
        let secret = key_of([kept.len() as u8; 32]);
        let hash = KeyHash::of(&secret);
        let stored = StoredKey {
            id: hash.id(),
            name: new.name,
            tenant: new.tenant,
            scopes: new.scopes,
            shown: secret[63..].to_owned(),
            created_at: OffsetDateTime::UNIX_EPOCH,
            created_by: new.created_by.to_string(),
            expires_at: new.valid_for.map(|valid| OffsetDateTime::UNIX_EPOCH + valid),
            revoked_at: None,
            state: KeyState::Active,
        };
        kept.insert(stored.id, (stored.clone(), hash));
        Ok(MadeKey { secret, stored })
    }

    async fn rotate(
        &self,
        tenant: Option<&Tenant>,
        id: Uuid,
        grace: Duration,
        by: &str,
    ) -> Result<(MadeKey, StoredKey), KeyError> {
        let mut old = self.get(tenant, id)?;
        if old.state != KeyState::Active {
            return Err(KeyError::Ended { id });
        }
        old.expires_at = Some(OffsetDateTime::UNIX_EPOCH + grace);
        let new = NewKey {
            name: old.name.clone(),
            tenant: old.tenant.clone(),
            scopes: old.scopes,
            valid_for: None,
            created_by: by.into(),
        };
        Ok((self.make(new).await?, old))
    }

    async fn revoke(&self, tenant: Option<&Tenant>, id: Uuid) -> Result<(), KeyError> {
        self.get(tenant, id)?;
        if let Some((key, _)) = self.0.lock().unwrap().get_mut(&id) {
            key.state = KeyState::Revoked;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Noted(Mutex<Vec<Note>>);

impl Audit for Noted {
    fn record(&self, note: Note) {
        self.0.lock().unwrap().push(note);
    }
}

#[derive(Default)]
struct Counted(Mutex<HashMap<String, u64>>);

#[async_trait]
impl SharedCounters for Counted {
    async fn add(&self, key: &str, by: u64, _: Duration) -> Option<u64> {
        let mut counted = self.0.lock().unwrap();
        let sum = counted.entry(key.to_owned()).or_default();
        *sum += by;
        Some(*sum)
    }
}

struct World {
    server: Server,
    noted: Arc<Noted>,
}

async fn world() -> World {
    let noted = Arc::new(Noted::default());
    let door = Door { keys: Some(Arc::new(Kept::default())), audit: Some(noted.clone()), ..Door::default() };
    World { server: server_behind(door).await, noted }
}

impl World {
    fn request(&self, method: &str, path: &str, key: &str) -> RequestBuilder {
        let method: Method = method.parse().unwrap();
        self.server.client.request(method, format!("{}{path}", self.server.url)).header("x-api-key", key)
    }

    /// Makes a key by the first one; gives it with its id.
    async fn make(&self, body: Value) -> (String, String) {
        let response = self.request("POST", "/v1/keys", KEY).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 201);
        let made: Value = response.json().await.unwrap();
        (made["key"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned())
    }
}

fn filled_in(path: &str) -> String {
    path.replace("{id}", READY).replace("{page}", "1").replace("{model}", "auto")
}

#[tokio::test]
async fn every_route_but_the_open_ones_wants_a_key_and_names_the_scope_that_is_missing() {
    let world = world().await;
    let mut walked = 0;
    for row in routes() {
        let path = filled_in(row.path);
        let Some(needed) = row.scope else {
            let response = world.request(row.method, &path, "").send().await.unwrap();
            assert!(response.status().is_success(), "{} {path}", row.method);
            continue;
        };
        problem(world.request(row.method, &path, ""), 401, "key_missing").await;
        // Who may act may look, so that a key that looks is refused only where nobody acts.
        let opens = |one: Scope| [one].into_iter().collect::<Scopes>().has(needed);
        let others: Vec<&str> = Scope::ALL.into_iter().filter(|one| !opens(*one)).map(Scope::name).collect();
        let (key, _) = world.make(json!({ "name": "others", "scopes": others })).await;
        let said = problem(world.request(row.method, &path, &key), 403, "scope_missing").await;
        assert!(said["detail"].as_str().unwrap().contains(&format!("the scope {}", needed.name())), "{said}");
        walked += 1;
    }
    assert!(walked > 20, "{walked} routes need a key");
}

#[tokio::test]
async fn a_key_is_made_used_listed_rotated_and_revoked() {
    let world = world().await;
    let (key, id) = world.make(json!({"name": "ci", "scopes": ["read"]})).await;
    let list = |key: &str| world.request("GET", "/v1/documents", key);
    assert_eq!(list(&key).send().await.unwrap().status(), 200);
    // The clients of the OpenAI API send their key so.
    let bearer = world.server.client.get(format!("{}/v1/documents", world.server.url)).bearer_auth(&key);
    assert_eq!(bearer.send().await.unwrap().status(), 200);

    let listed: Value = world.request("GET", "/v1/keys", KEY).send().await.unwrap().json().await.unwrap();
    let row = &listed["keys"][0];
    assert_eq!((&row["id"], &row["name"], &row["scopes"]), (&json!(id), &json!("ci"), &json!(["read"])));
    assert_eq!((&row["status"], &row["tenant"]), (&json!("active"), &json!("ana")));
    assert!(!listed.to_string().contains(&key), "the list shows the key");

    let rotate = format!("/v1/keys/{id}/rotate");
    let rotated =
        world.request("POST", &rotate, KEY).json(&json!({ "grace_seconds": 60 })).send().await.unwrap();
    assert_eq!(rotated.status(), 201);
    let rotated: Value = rotated.json().await.unwrap();
    assert_eq!(rotated["replaces"]["expires_at"], "1970-01-01T00:01:00Z");
    assert_eq!(list(rotated["key"].as_str().unwrap()).send().await.unwrap().status(), 200);
    let long = json!({ "grace_seconds": 86_401 });
    problem(world.request("POST", &rotate, KEY).json(&long), 400, "invalid_request").await;

    let path = format!("/v1/keys/{id}");
    assert_eq!(world.request("DELETE", &path, KEY).send().await.unwrap().status(), 204);
    let said = problem(list(&key), 401, "key_ended").await;
    assert!(said["detail"].as_str().unwrap().contains("revoked"), "{said}");
    problem(world.request("POST", &rotate, KEY), 409, "key_conflict").await;
    problem(world.request("DELETE", &format!("/v1/keys/{READY}"), KEY), 404, "key_not_found").await;
}

#[tokio::test]
async fn a_tenant_manages_its_own_keys_alone_and_the_operator_all() {
    let world = world().await;
    let (own, own_id) = world.make(json!({"name": "o", "tenant": "rui", "scopes": ["operate"]})).await;
    let (_, other_id) = world.make(json!({"name": "o", "tenant": "eva"})).await;
    let listed = async |key: &str| {
        let body: Value = world.request("GET", "/v1/keys", key).send().await.unwrap().json().await.unwrap();
        body["keys"].as_array().unwrap().len()
    };
    assert_eq!((listed(&own).await, listed(KEY).await), (1, 2));
    problem(world.request("DELETE", &format!("/v1/keys/{other_id}"), &own), 404, "key_not_found").await;
    problem(world.request("POST", &format!("/v1/keys/{other_id}/rotate"), &own), 404, "key_not_found").await;
    let foreign = json!({"name": "n", "tenant": "eva"});
    problem(world.request("POST", "/v1/keys", &own).json(&foreign), 403, "operator_only").await;
    problem(world.request("GET", "/v1/tree", &own), 403, "operator_only").await;
    assert_eq!(
        world.request("DELETE", &format!("/v1/keys/{own_id}"), &own).send().await.unwrap().status(),
        204
    );
}

#[tokio::test]
async fn every_write_is_noted_with_who_what_whence_and_outcome() {
    let world = world().await;
    let (reader, _) = world.make(json!({"name": "r", "scopes": ["read"]})).await;
    let path = format!("/v1/documents/{READY}");
    world.request("DELETE", &path, KEY).header("x-request-id", "order-17").send().await.unwrap();
    world.request("DELETE", &path, &reader).send().await.unwrap();
    world.request("GET", &path, KEY).send().await.unwrap();
    let form = reqwest::multipart::Form::new()
        .part("file", reqwest::multipart::Part::bytes(b"%PDF-1.7\n%%EOF".to_vec()).file_name("a.pdf"));
    world.request("POST", "/v1/documents", KEY).multipart(form).send().await.unwrap();
    let notes = world.noted.0.lock().unwrap();
    let rows: Vec<_> = notes.iter().map(|note| (note.action, note.status)).collect();
    // Who may not write has written nothing.
    assert_eq!(rows, [("key make", 201), ("delete", 204), ("upload", 202)]);
    let (deleted, uploaded) = (&notes[1], &notes[2]);
    assert_eq!(deleted.about, Some(READY.parse().unwrap()));
    assert_eq!((&*deleted.request_id, deleted.caller.tenant.name()), ("order-17", "ana"));
    assert_eq!(deleted.address, IpAddr::from([127, 0, 0, 1]));
    assert_eq!(uploaded.about, Some(READY.parse().unwrap()));
}

#[tokio::test]
async fn a_write_whose_client_goes_away_is_noted_too() {
    let world = world().await;
    let deletion = tokio::spawn(world.request("DELETE", &format!("/v1/documents/{READING}"), KEY).send());
    world.server.fake.0.entered.notified().await;
    deletion.abort();
    world.server.fake.0.cancelled.notified().await;
    let noted = async {
        while world.noted.0.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), noted).await.unwrap();
    let notes = world.noted.0.lock().unwrap();
    assert_eq!((notes[0].action, notes[0].status), ("delete", STATUS_GONE));
}

/// A server behind a proxy that this machine trusts, with these limits; and a request through that proxy.
async fn limited(per_address: u64, per_key: u64) -> (Server, impl Fn(&Server, &str) -> RequestBuilder) {
    let counters = Arc::new(Counted::default());
    let door = Door {
        rates: Some(Rates::new(per_address, per_key, counters, Arc::new(|| 90_000))),
        trusted_proxies: vec![Network::parse("127.0.0.0/8").unwrap()],
        ..Door::default()
    };
    let through =
        |server: &Server, address: &str| server.get("/v1/documents").header("x-forwarded-for", address);
    (server_behind(door).await, through)
}

#[tokio::test]
async fn an_address_hears_how_much_is_left_and_then_when_to_come_back() {
    let (server, through) = limited(3, 0).await;
    for left in ["2", "1", "0"] {
        let response = through(&server, "9.9.9.9").send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["ratelimit-policy"], "\"address\";q=3;w=60");
        assert_eq!(response.headers()["ratelimit"], format!("\"address\";r={left};t=30"));
    }
    let refused = through(&server, "9.9.9.9").send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "30");
    assert_eq!(refused.headers()["ratelimit"], "\"address\";r=0;t=30");
    problem(through(&server, "9.9.9.9"), 429, "rate_limited").await;
    // Guessing keys counts as well, other addresses do not, and probes are never counted.
    let guess = server.client.get(format!("{}/v1/documents", server.url)).header("x-api-key", "guess");
    let guess = guess.header("x-forwarded-for", "8.8.8.8");
    let response = guess.send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["ratelimit"]),
        (401, &"\"address\";r=2;t=30".parse().unwrap())
    );
    let probe = server.get("/live").header("x-forwarded-for", "9.9.9.9").send().await.unwrap();
    assert!(probe.status() == 200 && !probe.headers().contains_key("ratelimit"));
    for _ in 0..10 {
        assert_eq!(server.get("/v1/documents").send().await.unwrap().status(), 200, "this machine itself");
    }
}

#[tokio::test]
async fn a_key_has_its_own_limit_wherever_it_comes_from() {
    let (server, through) = limited(100, 2).await;
    let first = through(&server, "1.1.1.1").send().await.unwrap();
    assert_eq!(first.headers()["ratelimit-policy"], "\"address\";q=100;w=60, \"key\";q=2;w=60");
    assert_eq!(through(&server, "2.2.2.2").send().await.unwrap().status(), 200);
    let said = problem(through(&server, "3.3.3.3"), 429, "rate_limited").await;
    assert!(said["detail"].as_str().unwrap().contains("key"), "{said}");
}

#[tokio::test]
async fn a_door_of_a_ring_alone_has_no_keys_to_manage() {
    let server = crate::fake::server_with(limits()).await;
    problem(server.get("/v1/keys"), 501, "not_implemented").await;
}
