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

    /// What a server that answers `answer` makes of a fetch.
    async fn fetched(answer: String) -> Result<Bytes, String> {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _request = stream.read(&mut [0; 4096]).await;
            // The client may hang up as soon as it has seen enough.
            let _sent = stream.write_all(answer.as_bytes()).await;
        });
        let fetched = Issuer::new(&url).unwrap().fetch().await.map_err(|error| error.to_string());
        served.abort();
        fetched
    }

    #[tokio::test]
    async fn only_a_whole_and_small_answer_is_a_key_set() {
        let answer = |head: &str, body: &str| format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n{body}");
        assert_eq!(fetched(answer("200 OK", "{}")).await.unwrap(), "{}");
        for (head, body) in [
            ("500 Oops", String::new()),
            ("302 Found\r\nlocation: http://127.0.0.1:9/", String::new()),
            ("200 OK", " ".repeat(KEY_SET_BYTES_MAX + 1)),
            ("200 OK\r\ncontent-length: 9", "{".to_owned()),
        ] {
            assert!(fetched(answer(head, &body)).await.is_err(), "{head}");
        }
    }

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
