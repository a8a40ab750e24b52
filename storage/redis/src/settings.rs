//! Where the Redis is and how patiently it is asked, and what the client library makes of that.

use std::path::PathBuf;
use std::time::Duration;

use enabler_config::Secret;
use fred::types::Builder;
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, TcpConfig, TlsConfig, TlsHostMapping,
    UnresponsiveConfig,
};

use crate::tls;

/// Commands waiting in the client of one connection. Beyond it calls fail at once, which the breaker sees.
const WAITING_MAX: usize = 10_000;

/// How long a connection attempt, or a greeting on a fresh connection, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// A connection whose oldest question has waited this long is dropped and made anew.
const SILENCE_MAX: Duration = Duration::from_millis(500);

/// The longest pause between two attempts to connect, in milliseconds.
const RECONNECT_MS_MAX: u32 = 2_000;

/// Connections that a pool may have; more than cores of a Redis brings nothing.
const POOL_MAX: usize = 64;

/// Where the Redis is and how it is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `redis://host:port/database`, `rediss://…` with TLS, `redis-cluster://…` or `rediss-cluster://…`, where
    /// `?node=host:port` names further nodes of the cluster.
    pub url: String,
    /// The user, if it is not in the address.
    pub username: Option<String>,
    /// The password; it replaces one in the address.
    pub password: Option<Secret>,
    /// Certificates (PEM) of those who may vouch for the Redis; without it those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// Connections to the Redis (to each of its nodes, if it is a cluster).
    pub pool_size: usize,
    /// How long an answer may take before the node does without it.
    pub command_timeout: Duration,
    /// Memory for what is held in front of the Redis, and in place of it while it is away, in bytes.
    pub in_process_bytes_max: u64,
}

impl Settings {
    /// The usual settings for the Redis at `url`: four connections, 250 ms, 64 MiB.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            username: None,
            password: None,
            ca_file: None,
            pool_size: 4,
            command_timeout: Duration::from_millis(250),
            in_process_bytes_max: 64 << 20,
        }
    }
}

/// What is wrong with the settings. That a Redis is down is never an error.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The address names no kind of Redis that is spoken.
    #[error(
        "the address of the Redis must begin with redis://, rediss://, redis-cluster:// or rediss-cluster://"
    )]
    Scheme,
    /// The address cannot be read. It is not repeated here, because it may hold a password.
    #[error("the address of the Redis is not valid: {what}")]
    Url {
        /// What is wrong with it.
        what: String,
    },
    /// A number is out of its bounds.
    #[error("{what}")]
    Bounds {
        /// Which one, and its bounds.
        what: &'static str,
    },
    /// A file of certificates was given for an address without TLS.
    #[error(
        "a file of certificates is of use only with TLS: begin the address with rediss:// or leave out the file"
    )]
    CaWithoutTls,
    /// The certificates of those who may vouch for the Redis cannot be read.
    #[error("reading the certificates in `{path}`")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The system trusts nobody, so that no certificate could be checked.
    #[error("the system has no certificates to check the Redis with; name a file of certificates")]
    NoRoots,
    /// TLS cannot be used as it is configured.
    #[error("preparing TLS")]
    Tls {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Splits off whether TLS is spoken: the library must not make a TLS of its own, see [`tls`].
fn without_tls(url: &str) -> Result<(String, bool), SettingsError> {
    let (scheme, rest) = url.split_once("://").ok_or(SettingsError::Scheme)?;
    let (plain, uses_tls) = match scheme {
        "redis" => ("redis", false),
        "rediss" => ("redis", true),
        "redis-cluster" => ("redis-cluster", false),
        "rediss-cluster" => ("redis-cluster", true),
        _ => return Err(SettingsError::Scheme),
    };
    Ok((format!("{plain}://{rest}"), uses_tls))
}

/// The library's builder with everything set.
pub(crate) fn builder_of(settings: &Settings) -> Result<Builder, SettingsError> {
    if !(1..=POOL_MAX).contains(&settings.pool_size) {
        return Err(SettingsError::Bounds { what: "a Redis has between 1 and 64 connections" });
    }
    if settings.command_timeout.is_zero() {
        return Err(SettingsError::Bounds {
            what: "an answer of the Redis must be given time, such as 250 ms",
        });
    }
    let (url, uses_tls) = without_tls(&settings.url)?;
    let not_valid = |error: fred::error::Error| SettingsError::Url { what: error.details().to_owned() };
    let mut config = Config::from_url(&url).map_err(not_valid)?;
    // With `true` a Redis that is down at the start is never tried again.
    config.fail_fast = false;
    if let Some(username) = &settings.username {
        config.username = Some(username.clone());
    }
    if let Some(password) = &settings.password {
        config.password = Some(password.reveal().to_owned());
    }
    if uses_tls {
        let connector = tls::client(settings.ca_file.as_deref())?.into();
        // Nodes of a cluster announce addresses, certificates name hosts.
        config.tls = Some(TlsConfig { connector, hostnames: TlsHostMapping::DefaultHost });
    } else if settings.ca_file.is_some() {
        return Err(SettingsError::CaWithoutTls);
    }
    // Nothing is sent twice, except in a cluster, where being told the right node uses up an attempt.
    let max_command_attempts = if config.server.is_clustered() { 2 } else { 1 };
    let mut builder = Builder::from_config(config);
    builder
        .set_performance_config(PerformanceConfig {
            default_command_timeout: settings.command_timeout,
            ..PerformanceConfig::default()
        })
        .set_connection_config(ConnectionConfig {
            connection_timeout: CONNECT_TIMEOUT,
            internal_command_timeout: CONNECT_TIMEOUT,
            max_command_attempts,
            max_command_buffer_len: WAITING_MAX,
            reconnect_on_auth_error: true,
            unresponsive: UnresponsiveConfig {
                max_timeout: Some(SILENCE_MAX),
                interval: Duration::from_millis(100),
            },
            tcp: TcpConfig { nodelay: Some(true), ..TcpConfig::default() },
            ..ConnectionConfig::default()
        })
        .set_policy(ReconnectPolicy::new_exponential(0, 50, RECONNECT_MS_MAX, 2));
    Ok(builder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_address_is_understood() {
        for (url, clustered) in [
            ("redis://localhost", false),
            ("redis://user:pass%20word@localhost:6380/3", false),
            ("redis-cluster://10.0.0.1:7000?node=10.0.0.2:7000", true),
        ] {
            let builder = builder_of(&Settings::new(url)).unwrap();
            let config = builder.get_config().unwrap();
            assert_eq!((config.server.is_clustered(), config.fail_fast), (clustered, false), "{url}");
            assert!(config.tls.is_none());
        }
        assert_eq!(without_tls("rediss-cluster://h:1").unwrap(), ("redis-cluster://h:1".to_owned(), true));
    }

    #[test]
    fn a_wrong_address_is_named_without_its_password() {
        for url in [
            "",
            "localhost:6379",
            "http://localhost",
            "redis-sentinel://h",
            "redis://u:hunter2@",
            "redis://:hunter2@h:99999",
        ] {
            let error = builder_of(&Settings::new(url)).err().unwrap().to_string();
            assert!(error.contains("address of the Redis"), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn settings_out_of_bounds_are_refused() {
        let base = Settings::new("redis://localhost");
        let wrong = [
            Settings { pool_size: 0, ..base.clone() },
            Settings { pool_size: POOL_MAX + 1, ..base.clone() },
            Settings { command_timeout: Duration::ZERO, ..base.clone() },
            Settings { ca_file: Some("ca.pem".into()), ..base.clone() },
            Settings { ca_file: Some("/nowhere/ca.pem".into()), url: "rediss://localhost".into(), ..base },
        ];
        for settings in wrong {
            assert!(builder_of(&settings).is_err(), "{settings:?}");
        }
    }

    #[test]
    fn the_password_is_not_printed() {
        let settings = Settings { password: Some(Secret::new("hunter2")), ..Settings::new("redis://h") };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
