//! An issuer of tokens: keys that it publishes over HTTP, and tokens that it signs.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use enabler_http::{KeySetSource, TokenRules, Tokens};
use serde_json::{Value, json};
use warp::Filter as _;

/// The time of day of the node under test, in seconds.
pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://id.example/pool";
pub(crate) const AUDIENCE: &str = "rag-enabler";

/// A key with which an issuer signs.
pub(crate) enum Signer {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

impl Signer {
    pub(crate) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
        }
    }

    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            // RSAPublicKey of 2048 bits: two headers of four bytes, a leading zero, 256 bytes of modulus, the exponent.
            Self::Rsa(pair) => {
                let der = pair.public_key().as_ref();
                assert_eq!((der.len(), &der[265..267]), (270, &[2, 3][..]));
                json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": text(&der[9..265]), "e": text(&der[267..])})
            }
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": text(&point[1..33]), "y": text(&point[33..])})
            }
        }
    }

    /// A token with these claims.
    pub(crate) fn token(&self, kid: Option<&str>, claims: &Value) -> String {
        let mut head = json!({"alg": self.algorithm(), "typ": "JWT"});
        if let Some(kid) = kid {
            head["kid"] = kid.into();
        }
        let signed = unsigned(&head, claims);
        let random = SystemRandom::new();
        let signature = match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
                signature
            }
            Self::P256(pair) => pair.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Head and claims of a token, without a signature.
pub(crate) fn unsigned(head: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(head), part(claims))
}

/// Sound claims, with some replaced; null takes one away.
pub(crate) fn claims(changed: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 300, "nbf": NOW - 5, "sub": "ana", "tenant": "ana",
        "scope": "read write",
    });
    for (claim, value) in changed.as_object().unwrap() {
        claims[claim] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// A server that publishes keys.
#[derive(Clone, Default)]
pub(crate) struct Published {
    pub(crate) keys: Arc<Mutex<Vec<Value>>>,
    pub(crate) fetches: Arc<AtomicUsize>,
    pub(crate) is_down: Arc<AtomicBool>,
}

struct Source(String, reqwest::Client);

#[async_trait]
impl KeySetSource for Source {
    async fn fetch(&self) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.1.get(&self.0).send().await?.error_for_status()?.bytes().await?)
    }
}

impl Published {
    /// Serves the keys on a free port; gives what lets their tokens in.
    pub(crate) async fn serve(&self) -> Tokens {
        let own = self.clone();
        let answer = warp::path("jwks.json").map(move || {
            own.fetches.fetch_add(1, Ordering::SeqCst);
            let keys = own.keys.lock().unwrap().clone();
            let down = own.is_down.load(Ordering::SeqCst);
            let status = if down { warp::http::StatusCode::BAD_GATEWAY } else { warp::http::StatusCode::OK };
            warp::reply::with_status(warp::reply::json(&json!({ "keys": keys })), status)
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        tokio::spawn(warp::serve(answer).incoming(listener).run());
        let source = Source(url, reqwest::Client::builder().no_proxy().build().unwrap());
        let rules = TokenRules {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            tenant_claim: "tenant".to_owned(),
        };
        Tokens::new(rules, Box::new(source), Arc::new(|| NOW * 1_000))
    }
}
