//! A JSON Web Token: its parts, its signature, and what its claims must say. Pure: time and keys come as arguments.
//!
//! Source: RFC 7515 (signatures), RFC 7519 (claims), RFC 8725 (what to refuse).

use aws_lc_rs::signature::RsaPublicKeyComponents;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::caller::{Caller, Scope, is_tenant};
use super::key_set::PublicKey;
use super::said::Said;
use super::tokens::TokenRules;
use crate::context::Tenant;

/// How far the clocks of the issuer and of this node may differ, in seconds.
const CLOCK_SKEW_SECONDS: u64 = 30;
/// The longest subject; it stands in logs and in the audit log.
const SUBJECT_CHARS_MAX: usize = 256;
/// The longest wrong value that is said back.
const SAID_CHARS_MAX: usize = 80;

/// The signatures that are taken. Nothing symmetric: a public key must never be usable as a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
}

/// A token whose parts have been read; nothing in it is believed yet.
#[derive(Debug)]
pub(super) struct Unverified<'a> {
    pub(super) algorithm: Algorithm,
    /// The key that it says it is signed with.
    pub(super) kid: Option<String>,
    signed: &'a str,
    signature: Vec<u8>,
    claims: &'a str,
}

/// Reads the parts of `token`.
pub(super) fn parse(token: &str) -> Result<Unverified<'_>, Said> {
    let malformed = |what, portuguese| Said::TokenMalformed { what, portuguese };
    let parts: Vec<&str> = token.splitn(4, '.').collect();
    let [head, claims, signature] = parts.as_slice() else {
        return Err(malformed(
            "it does not have three parts separated by dots",
            "não tem três partes separadas por pontos",
        ));
    };
    let head = object(head)
        .ok_or_else(|| malformed("its header is no JSON object", "o cabeçalho não é um objeto JSON"))?;
    let algorithm = match head.get("alg").and_then(Value::as_str) {
        Some("RS256") => Algorithm::Rs256,
        Some("ES256") => Algorithm::Es256,
        other => return Err(Said::TokenAlgorithm { got: cut(other.unwrap_or_default()) }),
    };
    if head.contains_key("crit") {
        return Err(malformed("its header demands extensions (crit)", "o cabeçalho exige extensões (crit)"));
    }
    let kid = head.get("kid").and_then(Value::as_str).map(str::to_owned);
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| malformed("its signature is not base64url", "a assinatura não é base64url"))?;
    let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
    Ok(Unverified { algorithm, kid, signed, signature, claims })
}

impl Unverified<'_> {
    /// The claims, if `key` made the signature.
    pub(super) fn verify(&self, key: &PublicKey) -> Result<Map<String, Value>, Said> {
        let (message, signature) = (self.signed.as_bytes(), &*self.signature);
        let verified = match (self.algorithm, key) {
            (Algorithm::Rs256, PublicKey::Rsa { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (Algorithm::Es256, PublicKey::P256 { point }) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            // A key of the other kind cannot have made it.
            _ => return Err(Said::TokenSignature),
        };
        verified.map_err(|_| Said::TokenSignature)?;
        object(self.claims).ok_or(Said::TokenMalformed {
            what: "its claims are no JSON object",
            portuguese: "as declarações não são um objeto JSON",
        })
    }
}

/// The caller that verified claims speak of.
pub(super) fn caller(
    claims: &Map<String, Value>,
    rules: &TokenRules,
    now_seconds: u64,
) -> Result<Caller, Said> {
    let expires = number(claims, "exp")?.ok_or_else(|| missing("exp"))?;
    if now_seconds >= expires.saturating_add(CLOCK_SKEW_SECONDS) {
        return Err(Said::TokenExpired { seconds: now_seconds - expires });
    }
    if let Some(from) = number(claims, "nbf")?
        && now_seconds.saturating_add(CLOCK_SKEW_SECONDS) < from
    {
        return Err(Said::TokenNotYet { seconds: from - now_seconds });
    }
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
    if text("iss") != Some(&rules.issuer) {
        return Err(Said::TokenIssuer { got: cut(text("iss").unwrap_or_default()) });
    }
    if !is_for(claims, &rules.audience) {
        return Err(Said::TokenAudience);
    }
    let tenant = claims.get(&rules.tenant_claim).ok_or_else(|| missing(&rules.tenant_claim))?;
    let tenant =
        tenant.as_str().filter(|tenant| is_tenant(tenant)).ok_or_else(|| wrong(&rules.tenant_claim))?;
    let subject = text("sub").or_else(|| text("client_id")).ok_or_else(|| missing("sub"))?;
    let plain = !subject.is_empty() && !subject.chars().any(char::is_control);
    if !plain || subject.chars().count() > SUBJECT_CHARS_MAX {
        return Err(wrong("sub"));
    }
    Ok(Caller::new(subject, Tenant::new(tenant), scopes(claims.get("scope"))))
}

/// Whether the token is meant for `audience`. Amazon Cognito's access tokens carry it as `client_id` instead.
fn is_for(claims: &Map<String, Value>, audience: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(aud)) => aud == audience,
        Some(Value::Array(all)) => all.iter().any(|aud| aud.as_str() == Some(audience)),
        Some(_) => false,
        None => claims.get("client_id").and_then(Value::as_str) == Some(audience),
    }
}

/// The scopes of a claim such as `"read rag-enabler/write"`: what stands before a slash is the issuer's name for us.
fn scopes(claim: Option<&Value>) -> super::Scopes {
    let all: Vec<&str> = match claim {
        Some(Value::String(text)) => text.split_ascii_whitespace().collect(),
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    all.iter().filter_map(|name| Scope::named(name.rsplit('/').next().unwrap_or_default())).collect()
}

/// A point in time, in seconds; issuers also send fractions.
fn number(claims: &Map<String, Value>, claim: &str) -> Result<Option<u64>, Said> {
    match claims.get(claim) {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) => Ok(Some(number)),
            None => match value.as_f64() {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "just found in range"
                )]
                Some(number) if (0.0..1e15).contains(&number) => Ok(Some(number as u64)),
                _ => Err(wrong(claim)),
            },
        },
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    match serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

fn missing(claim: &str) -> Said {
    Said::TokenClaimMissing { claim: cut(claim) }
}

fn wrong(claim: &str) -> Said {
    Said::TokenClaimWrong { claim: cut(claim) }
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
