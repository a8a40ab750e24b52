//! Where a bucket is and how long it may take to answer: plain values, checked before anything is sent.

use std::time::Duration;

use enabler_config::Secret;

/// Longest prefix in bytes: S3 takes keys of 1,024 and the longest of ours is 512.
const PREFIX_BYTES_MAX: usize = 256;

/// A bucket, how to reach it, and as whom.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The bucket's name. It must exist.
    pub bucket: String,
    /// What every key begins with, without a slash at either end; empty for the whole bucket.
    pub prefix: String,
    /// The region, which is also signed; servers of one's own mostly take any.
    pub region: String,
    /// The server's address as an `http` or `https` URL, if it is not the region's own.
    pub endpoint: Option<String>,
    /// Whether the bucket stands in the path instead of the host's name, as most servers of one's own want it.
    pub path_style: bool,
    /// The access key, with `secret_key`; without both the environment, the task's role or the machine's is used.
    pub access_key: Option<Secret>,
    /// The secret of the access key.
    pub secret_key: Option<Secret>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Requests under way at once; more wait. A bound, so that a slow store does not fill the memory with bodies.
    pub requests_max: usize,
}

/// How long a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// One attempt, from sending to the head of the answer.
    pub attempt: Duration,
    /// All attempts of one operation. Conditional writes have only one.
    pub operation: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            attempt: Duration::from_secs(10),
            operation: Duration::from_secs(30),
        }
    }
}

/// Why a bucket cannot be opened. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The name cannot be a bucket's.
    #[error(
        "`{0}` is not the name of a bucket: it takes 3 to 63 lowercase letters, digits, `-` and `.`, and begins and ends with a letter or digit"
    )]
    Bucket(String),
    /// The prefix cannot begin a key.
    #[error(
        "the prefix `{0}` is not usable: parts of letters, digits, `-`, `_`, `.` and `=` with single slashes between them, at most 256 bytes"
    )]
    Prefix(String),
    /// There is no region.
    #[error(
        "the region is empty; name the bucket's region, or any (such as us-east-1) for a server of one's own"
    )]
    Region,
    /// The server's address is not a URL.
    #[error("the endpoint `{0}` is not an address such as https://s3.example.org")]
    Endpoint(String),
    /// Only one of the two keys was given.
    #[error("the access key and its secret belong together: give both, or neither")]
    HalfAKey,
    /// No request would ever be sent.
    #[error("at least one request at a time must be allowed")]
    NoRequests,
}

impl Settings {
    /// The bucket `bucket` of AWS in `region`, as whoever the environment says, with the usual patience.
    #[must_use]
    pub fn new(bucket: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: String::new(),
            region: region.into(),
            endpoint: None,
            path_style: false,
            access_key: None,
            secret_key: None,
            timeouts: Timeouts::default(),
            requests_max: 64,
        }
    }

    /// Finds what is wrong before anything is sent.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        if !is_bucket(&self.bucket) {
            return Err(OpenError::Bucket(self.bucket.chars().take(80).collect()));
        }
        if !self.prefix.is_empty() && !is_prefix(&self.prefix) {
            return Err(OpenError::Prefix(self.prefix.chars().take(80).collect()));
        }
        if self.region.trim().is_empty() {
            return Err(OpenError::Region);
        }
        if let Some(endpoint) = &self.endpoint
            && !is_address(endpoint)
        {
            return Err(OpenError::Endpoint(without_login(endpoint)));
        }
        if self.access_key.is_some() != self.secret_key.is_some() {
            return Err(OpenError::HalfAKey);
        }
        if self.requests_max == 0 { Err(OpenError::NoRequests) } else { Ok(()) }
    }
}

fn is_bucket(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = name.bytes().next().is_some_and(inner) && name.bytes().last().is_some_and(inner);
    (3..=63).contains(&name.len()) && ends && name.bytes().all(|byte| inner(byte) || b"-.".contains(&byte))
}

fn is_prefix(prefix: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte))
    };
    prefix.len() <= PREFIX_BYTES_MAX && prefix.split('/').all(part)
}

fn is_address(endpoint: &str) -> bool {
    let rest = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.split('/').next().unwrap_or_default();
        // A login in the address would end up in messages.
        !host.is_empty() && !rest.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control())
    })
}

/// The address as it may be shown: a login that someone wrote into it is left out.
fn without_login(endpoint: &str) -> String {
    let shown = endpoint.rsplit('@').next().unwrap_or_default();
    shown.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new("documents", "eu-west-1")
    }

    #[test]
    fn what_is_wrong_is_named_before_anything_is_sent() {
        assert_eq!(settings().check(), Ok(()));
        for bucket in ["", "ab", "Documents", "a_b", "-ab", "ab-", "a/b"] {
            let wrong = Settings { bucket: bucket.into(), ..settings() };
            assert_eq!(wrong.check(), Err(OpenError::Bucket(bucket.into())));
        }
        for prefix in ["/a", "a/", "a//b", "..", "a/../b", "a b"] {
            let wrong = Settings { prefix: prefix.into(), ..settings() };
            assert_eq!(wrong.check(), Err(OpenError::Prefix(prefix.into())));
        }
        for endpoint in ["s3.example.org", "ftp://x", "http://", "http:// x"] {
            let wrong = Settings { endpoint: Some(endpoint.into()), ..settings() };
            assert_eq!(wrong.check(), Err(OpenError::Endpoint(endpoint.into())));
        }
        let half = Settings { access_key: Some(Secret::new("a")), ..settings() };
        assert_eq!(half.check(), Err(OpenError::HalfAKey));
        assert_eq!(Settings { requests_max: 0, ..settings() }.check(), Err(OpenError::NoRequests));
        assert_eq!(Settings { region: " ".into(), ..settings() }.check(), Err(OpenError::Region));
    }

    #[test]
    fn a_login_in_the_address_is_refused_and_not_repeated() {
        let wrong = Settings { endpoint: Some("https://me:hidden@s3.example.org".into()), ..settings() };
        let error = wrong.check().unwrap_err().to_string();
        assert!(!error.contains("hidden"), "{error}");
    }

    #[test]
    fn settings_do_not_show_their_secrets() {
        let keys = Some(Secret::new("hidden"));
        let shown = format!("{:?}", Settings { access_key: keys.clone(), secret_key: keys, ..settings() });
        assert!(!shown.contains("\"hidden\""), "{shown}");
    }
}
