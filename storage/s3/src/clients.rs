//! The clients of one bucket: which of its requests may be repeated, and how long each may take.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials, IdentityCache, Region, SharedCredentialsProvider,
    StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::settings::{Settings, Timeouts};

/// Attempts of what may be repeated: reads, lists, deletes and parts.
const ATTEMPTS_MAX: u32 = 3;

/// Requests that carry a part of a file may take this many times as long: 16 MiB in a minute is a slow line.
const UPLOAD_PATIENCE: u32 = 6;

/// A connection that was idle for longer is not used again: the store closes it about then, and a write
/// that meets its end is unknown instead of done.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// One client per way of failing; they share connections and credentials.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    /// For what may be repeated.
    pub(crate) read: Client,
    /// For conditional writes: sent once, because a repetition would be refused by what the first one wrote.
    pub(crate) write: Client,
    /// For parts of a file, which may be repeated.
    pub(crate) part: Client,
    /// For small files, written whole, conditionally and once.
    pub(crate) file: Client,
}

impl Clients {
    pub(crate) async fn new(settings: &Settings) -> Self {
        let base = base(settings).await;
        let repeated = RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX);
        let client = |retry: RetryConfig, timeouts: TimeoutConfig| {
            Client::from_conf(base.clone().retry_config(retry).timeout_config(timeouts).build())
        };
        let (short, long) = (limits(settings.timeouts, 1), limits(settings.timeouts, UPLOAD_PATIENCE));
        Self {
            read: client(repeated.clone(), short.clone()),
            write: client(RetryConfig::disabled(), short),
            part: client(repeated, long.clone()),
            file: client(RetryConfig::disabled(), long),
        }
    }
}

fn limits(timeouts: Timeouts, patience: u32) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(timeouts.connect)
        .operation_attempt_timeout(timeouts.attempt * patience)
        .operation_timeout(timeouts.operation * patience)
        .build()
}

async fn base(settings: &Settings) -> Builder {
    // The cryptography is named here, because a process with two of them linked has no default one.
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .pool_idle_timeout(IDLE_MAX)
        .build_https();
    let region = Region::new(settings.region.clone());
    let credentials = match (&settings.access_key, &settings.secret_key) {
        (Some(id), Some(secret)) => SharedCredentialsProvider::new(Credentials::new(
            id.reveal(),
            secret.reveal(),
            None,
            None,
            "rag-enabler settings",
        )),
        _ => {
            let provider = aws_config::provider_config::ProviderConfig::without_region()
                .with_http_client(http.clone())
                .with_region(Some(region.clone()));
            let chain = aws_config::default_provider::credentials::DefaultCredentialsChain::builder();
            SharedCredentialsProvider::new(chain.configure(provider).build().await)
        }
    };
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .region(region)
        .credentials_provider(credentials)
        .identity_cache(IdentityCache::lazy().build())
        .stalled_stream_protection(StalledStreamProtectionConfig::enabled().build())
        .force_path_style(settings.path_style);
    match &settings.endpoint {
        Some(endpoint) => config.endpoint_url(endpoint),
        None => config,
    }
}
