//! An issuer's public keys (JWKS), as they are published.
//!
//! Source: RFC 7517, RFC 7518 section 6.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::Deserialize;

use super::token::Algorithm;

/// The largest key set that is read; issuers publish a handful of keys of some 500 bytes.
pub const KEY_SET_BYTES_MAX: usize = 256 * 1024;
/// Keys that are kept of one set.
const KEYS_MAX: usize = 100;

/// Fetches an issuer's key set.
#[async_trait]
pub trait KeySetSource: Send + Sync + 'static {
    /// The text of the key set as it is now, at most [`KEY_SET_BYTES_MAX`].
    ///
    /// # Errors
    ///
    /// Why it could not be fetched.
    async fn fetch(&self) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>>;
}

/// A key that verifies signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// A point of P-256, uncompressed: 65 bytes.
    P256 { point: Vec<u8> },
}

impl PublicKey {
    fn is_for(&self, algorithm: Algorithm) -> bool {
        matches!(
            (self, algorithm),
            (Self::Rsa { .. }, Algorithm::Rs256) | (Self::P256 { .. }, Algorithm::Es256)
        )
    }
}

/// The keys of one issuer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct KeySet(Vec<(Option<String>, PublicKey)>);

#[derive(Deserialize)]
struct Published {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a set; keys of kinds that are not taken are left out.
    pub(super) fn read(text: &[u8]) -> Result<Self, serde_json::Error> {
        let published: Published = serde_json::from_slice(text)?;
        let keys = published.keys.into_iter().take(KEYS_MAX);
        Ok(Self(keys.filter_map(|key| serde_json::from_value(key).ok().and_then(usable)).collect()))
    }

    /// The key called `kid`; without a name the only one that fits.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&PublicKey> {
        let mut fitting = self.0.iter().filter(|(_, key)| key.is_for(algorithm));
        match kid {
            Some(kid) => fitting.find(|(name, _)| name.as_deref() == Some(kid)).map(|(_, key)| key),
            None => fitting.next().filter(|_| fitting.next().is_none()).map(|(_, key)| key),
        }
    }
}

fn usable(jwk: Jwk) -> Option<(Option<String>, PublicKey)> {
    if jwk.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let decoded = |part: &Option<String>| URL_SAFE_NO_PAD.decode(part.as_deref()?).ok();
    let fits = |name| jwk.alg.as_deref().is_none_or(|alg| alg == name);
    let key = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) if fits("RS256") => {
            let stripped = |bytes: Vec<u8>| bytes.into_iter().skip_while(|byte| *byte == 0).collect();
            PublicKey::Rsa { n: stripped(decoded(&jwk.n)?), e: stripped(decoded(&jwk.e)?) }
        }
        ("EC", Some("P-256")) if fits("ES256") => {
            let (x, y) = (decoded(&jwk.x)?, decoded(&jwk.y)?);
            if (x.len(), y.len()) != (32, 32) {
                return None;
            }
            PublicKey::P256 { point: [vec![4], x, y].concat() }
        }
        _ => return None,
    };
    Some((jwk.kid, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_keys_that_sign_as_we_take_it_are_kept() {
        let text = r#"{"keys": [
            {"kty": "RSA", "kid": "a", "use": "sig", "alg": "RS256", "n": "AMFB", "e": "AQAB"},
            {"kty": "RSA", "kid": "b", "use": "enc", "n": "wUE", "e": "AQAB"},
            {"kty": "RSA", "kid": "c", "alg": "RS512", "n": "wUE", "e": "AQAB"},
            {"kty": "oct", "kid": "d", "k": "AyM"},
            {"kty": "EC", "kid": "e", "crv": "P-256", "x": "AAA", "y": "AAA"},
            {"kid": "f"}, 7]}"#;
        let set = KeySet::read(text.as_bytes()).unwrap();
        assert_eq!(set.0.len(), 1);
        let rsa = PublicKey::Rsa { n: vec![0xC1, 0x41], e: vec![1, 0, 1] };
        assert_eq!(set.find(Some("a"), Algorithm::Rs256), Some(&rsa));
        assert_eq!(set.find(None, Algorithm::Rs256), Some(&rsa));
        assert_eq!(set.find(Some("a"), Algorithm::Es256), None);
        assert_eq!(set.find(Some("b"), Algorithm::Rs256), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in ".{0,200}", part in "[A-Za-z0-9_-]{0,60}") {
            let _ = KeySet::read(text.as_bytes());
            let jwk = format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","x":"{part}","y":"{part}"}}]}}"#);
            let _ = KeySet::read(jwk.as_bytes());
        }
    }
}
