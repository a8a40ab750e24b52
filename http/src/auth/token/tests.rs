use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: u64 = 1_800_000_000;

fn rules() -> TokenRules {
    TokenRules { issuer: "https://id".into(), audience: "rag".into(), tenant_claim: "tenant".into() }
}

fn claims(change: Value) -> Map<String, Value> {
    let mut claims = json!({
        "iss": "https://id", "aud": "rag", "exp": NOW + 60, "sub": "ana", "tenant": "bank", "scope": "read x/write",
    });
    for (claim, value) in change.as_object().unwrap() {
        claims[claim] = value.clone();
    }
    claims
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, v)| !v.is_null())
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

fn said(change: Value) -> Said {
    caller(&claims(change), &rules(), NOW).unwrap_err()
}

#[test]
fn sound_claims_make_a_caller_with_the_scopes_that_they_name() {
    let caller = caller(&claims(json!({})), &rules(), NOW).unwrap();
    assert_eq!((&*caller.id, caller.tenant.name(), caller.is_operator), ("ana", "bank", false));
    assert_eq!(caller.scopes.names(), ["read", "write"]);
}

#[test]
fn each_claim_that_is_wrong_is_refused_for_its_own_reason() {
    assert_eq!(said(json!({ "exp": NOW - 31 })), Said::TokenExpired { seconds: 31 });
    assert_eq!(said(json!({ "exp": null })), Said::TokenClaimMissing { claim: "exp".into() });
    assert_eq!(said(json!({ "exp": "soon" })), Said::TokenClaimWrong { claim: "exp".into() });
    assert_eq!(said(json!({ "nbf": NOW + 31 })), Said::TokenNotYet { seconds: 31 });
    assert_eq!(said(json!({ "iss": "https://other" })), Said::TokenIssuer { got: "https://other".into() });
    assert_eq!(said(json!({ "iss": null })), Said::TokenIssuer { got: String::new() });
    assert_eq!(said(json!({ "aud": ["a", "b"] })), Said::TokenAudience);
    assert_eq!(said(json!({ "aud": null })), Said::TokenAudience);
    assert_eq!(said(json!({ "tenant": null })), Said::TokenClaimMissing { claim: "tenant".into() });
    assert_eq!(said(json!({ "tenant": "../x" })), Said::TokenClaimWrong { claim: "tenant".into() });
    assert_eq!(said(json!({ "sub": null })), Said::TokenClaimMissing { claim: "sub".into() });
    assert_eq!(said(json!({ "sub": "a\nb" })), Said::TokenClaimWrong { claim: "sub".into() });
}

#[test]
fn clocks_may_differ_a_little_and_an_audience_may_be_one_of_many_or_cognitos() {
    for change in [
        json!({ "exp": NOW - 29 }),
        json!({ "nbf": NOW + 29 }),
        json!({ "exp": f64::from(2_000_000_000) + 0.5 }),
        json!({ "aud": ["other", "rag"] }),
        json!({ "aud": null, "client_id": "rag" }),
    ] {
        assert!(caller(&claims(change.clone()), &rules(), NOW).is_ok(), "{change}");
    }
}

fn token(head: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.AAAA", part(head), part(&json!({})))
}

#[test]
fn only_asymmetric_signatures_are_read() {
    for alg in ["none", "None", "HS256", "RS512", "", "PS256"] {
        let refused = parse(&token(&json!({ "alg": alg }))).unwrap_err();
        assert_eq!(refused, Said::TokenAlgorithm { got: alg.into() });
    }
    assert_eq!(parse(&token(&json!({"alg": "RS256", "kid": "a"}))).unwrap().kid.as_deref(), Some("a"));
    assert!(matches!(
        parse(&token(&json!({"alg": "RS256", "crit": ["b64"]}))).unwrap_err(),
        Said::TokenMalformed { .. }
    ));
}

proptest! {
    #[test]
    fn no_text_makes_parsing_panic_or_pass(text in "[ -~]{0,120}", parts in "([A-Za-z0-9_-]{0,30}[.]){0,4}[A-Za-z0-9_-]{0,30}") {
        for text in [text, parts] {
            if let Ok(token) = parse(&text) {
                let key = PublicKey::Rsa { n: vec![0xC1; 256], e: vec![1, 0, 1] };
                prop_assert!(token.verify(&key).is_err());
            }
        }
    }

    #[test]
    fn no_claims_give_a_tenant_other_than_the_one_they_name(tenant in ".{0,70}", extra in ".{0,10}") {
        if let Ok(caller) = caller(&claims(json!({ "tenant": tenant, "scope": extra })), &rules(), NOW) {
            prop_assert_eq!(caller.tenant.name(), tenant);
        }
    }
}
