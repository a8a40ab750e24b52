//! Signed requests to Amazon's services: whose keys, which service, and what a refusal means.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::call::{Asked, Verdict, first_line};
use crate::error::ProviderError;

/// How long a connection may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// Keys that end sooner than this are fetched anew.
const KEYS_LEFT_MIN: Duration = Duration::from_secs(300);
/// Keys without an end are fetched anew after this time, so that a rotated file is noticed.
const KEYS_AGE_MAX: Duration = Duration::from_secs(900);

/// The time of day, which signatures hold.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// An account's keys and where its services are.
#[derive(Clone)]
pub struct Account {
    /// Such as `sa-east-1`.
    pub region: String,
    /// Where the service is, instead of its public address in the region; for private endpoints and trials.
    pub endpoint: Option<String>,
    /// The access key and its secret; `None` for what the machine has (a task role, the usual variables).
    pub keys: Option<(String, String)>,
    /// The time of day.
    pub clock: Clock,
}

// Keys are never shown.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("region", &self.region).finish_non_exhaustive()
    }
}

/// One service of an account.
#[derive(Clone)]
pub(crate) struct Service {
    http: Client,
    asked: Asked,
    base: String,
    /// The name that signatures hold.
    name: &'static str,
    region: String,
    clock: Clock,
    keys: Arc<Mutex<Keys>>,
}

#[derive(Default)]
struct Keys {
    given: Option<Credentials>,
    chain: Option<SharedCredentialsProvider>,
    kept: Option<(Credentials, SystemTime)>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// The service at `host` (without the region) that signs as `name`.
    pub(crate) fn new(
        account: &Account,
        provider: &'static str,
        host: &str,
        name: &'static str,
    ) -> Result<Self, ProviderError> {
        let region = account.region.clone();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if region.is_empty() || !region.chars().all(is_name) {
            let why = format!("`providers.aws_region` is no region such as sa-east-1: {region:?}");
            return Err(ProviderError::Settings(why));
        }
        let public = || format!("https://{host}.{region}.amazonaws.com");
        let base = account.endpoint.clone().filter(|given| !given.is_empty()).unwrap_or_else(public);
        let url = reqwest::Url::parse(&base).ok().filter(|url| url.host_str().is_some());
        let wrong = |why: &str| ProviderError::Settings(format!("`providers.{provider}_endpoint` {why}"));
        let url = url.ok_or_else(|| wrong("is no address such as https://vpce-1.amazonaws.com"))?;
        let address = url.host_str().unwrap_or_default().to_owned();
        let http = Client::builder().connect_timeout(CONNECT_TIME_MAX).build();
        let http = http.map_err(|error| wrong(&format!("cannot be used: {}", error.without_url())))?;
        let given = account.keys.as_ref();
        let given =
            given.map(|(id, secret)| Credentials::new(id, secret, None, None, "rag-enabler settings"));
        Ok(Self {
            http,
            asked: Asked { provider, address },
            base: base.trim_end_matches('/').to_owned(),
            name,
            region,
            clock: account.clock.clone(),
            keys: Arc::new(Mutex::new(Keys { given, ..Keys::default() })),
        })
    }

    /// Posts `body` to `path`, signed; gives the body of the answer.
    pub(crate) async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        until: Instant,
    ) -> Result<Bytes, ProviderError> {
        let keys = tokio::time::timeout_at(until, self.keys()).await;
        let keys = keys.map_err(|_| ProviderError::TimedOut { provider: self.asked.provider })??;
        let url = format!("{}{path}", self.base);
        let make = || self.signed(&url, headers, &body, &keys);
        self.asked.send(until, make, judge).await
    }

    pub(crate) fn strange(&self, what: impl Into<String>) -> ProviderError {
        self.asked.strange(what)
    }

    async fn keys(&self) -> Result<Credentials, ProviderError> {
        let mut keys = self.keys.lock().await;
        if let Some(given) = &keys.given {
            return Ok(given.clone());
        }
        let now = (self.clock)();
        if let Some((kept, until)) = &keys.kept
            && now < *until
        {
            return Ok(kept.clone());
        }
        if keys.chain.is_none() {
            keys.chain = Some(SharedCredentialsProvider::new(chain(&self.region).await));
        }
        let found = match &keys.chain {
            Some(chain) => chain.provide_credentials().await,
            None => return Err(self.no_keys()),
        };
        // What the chain says may name files and addresses of the machine; that there are none is what helps.
        let found = found.map_err(|_| self.no_keys())?;
        let until = match found.expiry() {
            Some(end) => end.checked_sub(KEYS_LEFT_MIN).unwrap_or(end),
            None => now + KEYS_AGE_MAX,
        };
        keys.kept = Some((found.clone(), until));
        Ok(found)
    }

    fn no_keys(&self) -> ProviderError {
        let why =
            "no keys: give the task a role, or set `providers.aws_access_key` and `providers.aws_secret_key`";
        ProviderError::Settings(format!("{}: {why}", self.asked.provider))
    }

    fn signed(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        keys: &Credentials,
    ) -> Result<RequestBuilder, ProviderError> {
        let wrong =
            || ProviderError::Settings(format!("{}: a request cannot be signed", self.asked.provider));
        let identity = keys.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.name)
            .time((self.clock)())
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| wrong())?;
        let request = SignableRequest::new("POST", url, headers.iter().copied(), SignableBody::Bytes(body));
        let signed = sign(request.map_err(|_| wrong())?, &params.into()).map_err(|_| wrong())?;
        let mut request = self.http.post(url).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        for (name, value) in signed.output().headers() {
            request = request.header(name, value);
        }
        Ok(request)
    }
}

async fn chain(region: &str) -> aws_config::default_provider::credentials::DefaultCredentialsChain {
    use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
    // The cryptography is named here, because a process with two of them linked has no default one.
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https();
    let provider = aws_config::provider_config::ProviderConfig::without_region()
        .with_http_client(http)
        .with_region(Some(aws_config::Region::new(region.to_owned())));
    let chain = aws_config::default_provider::credentials::DefaultCredentialsChain::builder();
    chain.configure(provider).build().await
}

#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(default, alias = "Message")]
    message: String,
}

/// What services of the older protocol, which answer 400 to everything, say of keys that they do not accept.
const KEYS_REFUSED: [&str; 9] = [
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
];
/// What Textract says of a picture.
const UNFIT: [&str; 3] =
    ["BadDocumentException", "DocumentTooLargeException", "UnsupportedDocumentException"];

/// What an answer means. Services of the older protocol throttle with status 400 and the name in the body.
fn judge(status: u16, body: &[u8]) -> Verdict {
    if status == 200 {
        return Verdict::Good;
    }
    let problem: Problem =
        serde_json::from_slice(body).unwrap_or(Problem { kind: String::new(), message: String::new() });
    let kind = problem.kind.rsplit('#').next().unwrap_or_default();
    let is_throttled =
        ["ThrottlingException", "ProvisionedThroughputExceededException", "LimitExceededException"];
    match status {
        _ if is_throttled.contains(&kind) => Verdict::Later,
        // 424 is a model that failed, and 408 one that took too long.
        408 | 424 | 429 | 500 | 502..=504 => Verdict::Later,
        // A refused signature is told with the headers that it covers, a session's token among them.
        401 | 403 => no_keys(status),
        400 if KEYS_REFUSED.contains(&kind) => no_keys(status),
        400 if UNFIT.contains(&kind) => Verdict::Unfit(kind.to_owned()),
        status => Verdict::No(
            format!("{} {} (status {status})", first_line(kind), first_line(&problem.message))
                .trim()
                .to_owned(),
        ),
    }
}

fn no_keys(status: u16) -> Verdict {
    Verdict::No(format!("it does not accept the keys, or they lack the right (status {status})"))
}

/// The signature of one request, for a test.
#[cfg(test)]
pub(crate) fn signature_of(account: &Account, path: &str, body: &str) -> String {
    let service = Service::new(account, "bedrock", "bedrock-runtime", "bedrock").unwrap();
    let keys =
        account.keys.clone().map(|(id, secret)| Credentials::new(id, secret, None, None, "test")).unwrap();
    let headers = [("content-type", "application/json"), ("accept", "application/json")];
    let url = format!("{}{path}", service.base);
    let request = service.signed(&url, &headers, body.as_bytes(), &keys).unwrap().build().unwrap();
    let signature = request.headers()["authorization"].to_str().unwrap().to_owned();
    signature.rsplit("Signature=").next().unwrap().to_owned()
}
