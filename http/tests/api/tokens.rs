//! Tokens: each way to be let in, each way to be refused, and an issuer that changes its keys.

use std::sync::atomic::Ordering;

use enabler_http::Door;
use serde_json::{Value, json};

use crate::fake::{Server, problem, server, server_behind};
use crate::issuer::{NOW, Published, Signer, claims, unsigned};

struct World {
    server: Server,
    published: Published,
    signer: Signer,
}

async fn world() -> World {
    let (published, signer) = (Published::default(), Signer::rsa());
    published.keys.lock().unwrap().push(signer.jwk("k1"));
    let tokens = published.serve().await;
    let server = server_behind(Door { tokens: Some(tokens), ..Door::default() }).await;
    World { server, published, signer }
}

impl World {
    fn list(&self, token: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/v1/documents", self.server.url);
        self.server.client.get(url).header("authorization", format!("Bearer {token}"))
    }

    fn sound(&self, changed: Value) -> String {
        self.signer.token(Some("k1"), &claims(changed))
    }

    async fn status(&self, token: &str) -> u16 {
        self.list(token).send().await.unwrap().status().as_u16()
    }

    /// The sentence with which a token is refused.
    async fn refused(&self, token: &str, code: &str) -> String {
        let response = self.list(token).send().await.unwrap();
        let schemes = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert!(schemes.contains("error=\"invalid_token\""), "{schemes}");
        let body = problem(self.list(token), 401, code).await;
        body["detail"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_sound_token_opens_its_tenant_and_its_scopes() {
    let world = world().await;
    assert_eq!(world.status(&world.sound(json!({}))).await, 200);
    for changed in [json!({"aud": ["x", "rag-enabler"]}), json!({"scope": ["read"]}), json!({"nbf": null})] {
        assert_eq!(world.status(&world.sound(changed)).await, 200);
    }
    let asked =
        world.server.client.post(format!("{}/v1/documents/{}/ask", world.server.url, crate::fake::READY));
    let asked = asked.bearer_auth(world.sound(json!({}))).json(&json!({ "question": "Qual?" }));
    assert_eq!(asked.send().await.unwrap().status(), 200);
    let contexts = world.server.fake.0.asked.lock().unwrap();
    assert_eq!((contexts[0].1.tenant.name(), &*contexts[0].1.caller.as_ref().unwrap().id), ("ana", "ana"));
    assert_eq!(world.published.fetches.load(Ordering::SeqCst), 1, "keys are fetched once");
}

#[tokio::test]
async fn each_way_to_be_refused_has_its_own_sentence() {
    let world = world().await;
    let other = Signer::rsa();
    let tampered = {
        let sound = world.sound(json!({}));
        let parts: Vec<&str> = sound.split('.').collect();
        let more = unsigned(&json!({}), &claims(json!({ "tenant": "rui" })));
        format!("{}.{}.{}", parts[0], more.split('.').nth(1).unwrap(), parts[2])
    };
    let none = format!("{}.", unsigned(&json!({ "alg": "none" }), &claims(json!({}))));
    let hmac = format!("{}.AAAA", unsigned(&json!({"alg": "HS256", "kid": "k1"}), &claims(json!({}))));
    let cases = [
        ("a.b".to_owned(), "token_wrong", "three parts"),
        ("a.b.c".to_owned(), "token_wrong", "header is no JSON"),
        (
            world.signer.token(Some("k9"), &claims(json!({}))),
            "token_wrong",
            "\"k9\", which its issuer does not publish",
        ),
        (other.token(Some("k1"), &claims(json!({}))), "token_wrong", "signature is wrong"),
        (tampered, "token_wrong", "signature is wrong"),
        (none, "token_wrong", "\"none\"; only RS256"),
        (hmac, "token_wrong", "\"HS256\"; only RS256"),
        (world.sound(json!({ "exp": NOW - 120 })), "token_expired", "expired 120 s ago"),
        (world.sound(json!({ "exp": null })), "token_wrong", "\"exp\""),
        (world.sound(json!({ "nbf": NOW + 600 })), "token_wrong", "only in 600 s"),
        (world.sound(json!({ "iss": "https://evil" })), "token_wrong", "issuer \"https://evil\""),
        (world.sound(json!({ "aud": "other" })), "token_wrong", "another service"),
        (world.sound(json!({ "tenant": null })), "token_wrong", "lacks the claim \"tenant\""),
        (world.sound(json!({ "tenant": "a/b" })), "token_wrong", "\"tenant\" has a value"),
        (world.sound(json!({ "sub": null })), "token_wrong", "lacks the claim \"sub\""),
    ];
    for (token, code, part) in cases {
        let said = world.refused(&token, code).await;
        assert!(said.contains(part), "{part}: {said}");
    }
    let basic = world.server.client.get(format!("{}/v1/documents", world.server.url));
    let said = problem(basic.header("authorization", "Basic YTpi"), 401, "key_wrong").await;
    assert!(said["detail"].as_str().unwrap().contains("bearer"), "{said}");
    problem(world.list(&world.sound(json!({ "scope": null }))), 403, "scope_missing").await;
}

#[tokio::test]
async fn a_key_that_the_issuer_adds_is_found_and_one_that_it_withdraws_with_it_ends() {
    let world = world().await;
    assert_eq!(world.status(&world.sound(json!({}))).await, 200);
    let fresh = Signer::p256();
    *world.published.keys.lock().unwrap() = vec![fresh.jwk("k2")];
    assert_eq!(world.status(&fresh.token(Some("k2"), &claims(json!({})))).await, 200);
    // The keys that were fetched for the new one no longer hold the old one.
    assert_eq!(world.status(&world.sound(json!({}))).await, 401);
    assert_eq!(world.status(&fresh.token(None, &claims(json!({})))).await, 200, "the only key that fits");
    assert!(world.published.fetches.load(Ordering::SeqCst) <= 3);
}

#[tokio::test]
async fn strangers_do_not_make_the_node_fetch_without_end() {
    let world = world().await;
    assert_eq!(world.status(&world.sound(json!({}))).await, 200);
    for number in 0..40 {
        let token = world.signer.token(Some(&format!("guess-{number}")), &claims(json!({})));
        assert_eq!(world.status(&token).await, 401);
    }
    assert!(world.published.fetches.load(Ordering::SeqCst) <= 4);
    assert_eq!(world.status(&world.sound(json!({}))).await, 200);
}

#[tokio::test]
async fn an_issuer_out_of_reach_is_a_503_until_it_is_back_and_known_keys_go_on() {
    let world = world().await;
    world.published.is_down.store(true, Ordering::SeqCst);
    let said = problem(world.list(&world.sound(json!({}))), 503, "unavailable").await;
    assert!(said["detail"].as_str().unwrap().contains("issuer's keys"), "{said}");
    let refused = world.list(&world.sound(json!({}))).send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "5");
    world.published.is_down.store(false, Ordering::SeqCst);
    assert_eq!(world.status(&world.sound(json!({}))).await, 200);
    world.published.is_down.store(true, Ordering::SeqCst);
    assert_eq!(world.status(&world.sound(json!({}))).await, 200);
    let unknown = world.signer.token(Some("k9"), &claims(json!({})));
    problem(world.list(&unknown), 503, "unavailable").await;
}

#[tokio::test]
async fn without_an_issuer_a_token_is_refused_as_such() {
    let server = server().await;
    let list = server.client.get(format!("{}/v1/documents", server.url));
    let said = problem(list.bearer_auth("a.b.c"), 401, "token_wrong").await;
    assert!(said["detail"].as_str().unwrap().contains("no issuer is configured"), "{said}");
}
