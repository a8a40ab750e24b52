//! Fetches the public keys of an issuer of tokens.

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use enabler_http::{KEY_SET_BYTES_MAX, KeySetSource};

use crate::node::NodeError;

/// How long a fetch may take; a client waits for it.
const FETCH_TIME_MAX: Duration = Duration::from_secs(5);

/// An issuer's key set at an address.
pub(super) struct Issuer {
    http: reqwest::Client,
    url: reqwest::Url,
}

impl Issuer {
    /// The key set at `url`: over TLS, or on this machine itself, because whoever can change it can make tokens.
    pub(super) fn new(url: &str) -> Result<Self, NodeError> {
        let wrong = |why: &str| format!("`auth.jwks_url` {why}, not {url:?}");
        let parsed =
            reqwest::Url::parse(url).map_err(|error| wrong(&format!("must be an address ({error})")))?;
        let is_here = parsed.host_str().is_some_and(|host| {
            host == "localhost"
                || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        });
        if parsed.scheme() != "https" && !(parsed.scheme() == "http" && is_here) {
            return Err(wrong("must begin with https://").into());
        }
        let http = reqwest::Client::builder()
            .timeout(FETCH_TIME_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("rag-enabler/", env!("CARGO_PKG_VERSION")));
        // A proxy of the environment leads away from this machine.
        let http = if is_here { http.no_proxy() } else { http };
        Ok(Self { http: http.build()?, url: parsed })
    }
}

#[async_trait]
impl KeySetSource for Issuer {
    async fn fetch(&self) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
        let mut response = self.http.get(self.url.clone()).send().await?.error_for_status()?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("{} answered {}", self.url, response.status()).into());
        }
        let mut text = BytesMut::new();
        while let Some(piece) = response.chunk().await? {
            if text.len() + piece.len() > KEY_SET_BYTES_MAX {
                return Err(format!("{} answered more than {KEY_SET_BYTES_MAX} bytes", self.url).into());
            }
            text.extend_from_slice(&piece);
        }
        Ok(text.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for good in
            ["https://id.example/jwks", "http://127.0.0.1:9/jwks", "http://[::1]/j", "http://localhost/j"]
        {
            assert!(Issuer::new(good).is_ok(), "{good}");
        }
        for bad in
            ["http://id.example/jwks", "ftp://id.example/jwks", "jwks", "http://127.0.0.1.example/jwks"]
        {
            let why = Issuer::new(bad).err().unwrap().to_string();
            assert!(why.contains("auth.jwks_url"), "{why}");
        }
    }
}
