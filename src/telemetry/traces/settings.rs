//! Where traces go: an address and headers, which are secrets, as the settings say.

use enabler_config::Telemetry;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, Url};

use crate::node::NodeError;

/// A collector.
pub(super) struct Place {
    client: Client,
    url: Url,
    headers: HeaderMap,
}

impl Place {
    /// The collector of the settings, if they name one.
    pub(super) fn of(own: &Telemetry) -> Result<Option<Self>, NodeError> {
        if own.traces_endpoint.is_empty() {
            return Ok(None);
        }
        let wrong = "`telemetry.traces_endpoint` must be an address such as http://127.0.0.1:4318/v1/traces";
        let url = Url::parse(&own.traces_endpoint).map_err(|error| format!("{wrong} ({error})"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong.into());
        }
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("rag-enabler/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let mut headers = headers(own.traces_headers.reveal())?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        Ok(Some(Place { client, url, headers }))
    }

    /// A message to it, without its body.
    pub(super) fn request(&self) -> RequestBuilder {
        self.client.post(self.url.clone()).headers(self.headers.clone())
    }
}

/// `Authorization=Basic abc=,x-name=value` as headers.
fn headers(text: &str) -> Result<HeaderMap, NodeError> {
    let mut headers = HeaderMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let read = || {
            let (name, value) = pair.split_once('=')?;
            let mut value = HeaderValue::try_from(value.trim()).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::try_from(name.trim()).ok()?, value))
        };
        // What is written there is a secret: it is not repeated.
        let wrong =
            "`telemetry.traces_headers` must be pairs such as Authorization=Basic abc, separated by commas";
        let (name, value) = read().ok_or(wrong)?;
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_pairs_and_are_never_told() {
        let told = headers(" Authorization = Basic cGs6c2s= , x-langfuse-ingestion-version=4").unwrap();
        assert_eq!(told["authorization"], "Basic cGs6c2s=");
        assert_eq!(told["x-langfuse-ingestion-version"], "4");
        assert!(!format!("{told:?}").contains("cGs6"), "{told:?}");
        assert!(headers("").unwrap().is_empty());
        for wrong in ["secret-without-name", "a b=secret", "x=se\ncret"] {
            let error = headers(wrong).unwrap_err().to_string();
            assert!(error.contains("telemetry.traces_headers") && !error.contains("cret"), "{error}");
        }
    }
}
