//! What the operator is told about the Redis.

use std::sync::{Mutex, PoisonError};

use fred::error::{Error, ErrorKind};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::breaker::Breaker;

/// Longest reason that is kept, in characters: what a server says is not ours to bound.
const REASON_CHARS_MAX: usize = 200;

/// When the present outage began, and the last thing that was said about it.
#[derive(Debug, Default)]
pub(crate) struct Report(Mutex<Outage>);

#[derive(Debug, Default, Clone)]
struct Outage {
    since_ms: Option<u64>,
    reason: Option<String>,
    /// Whether a call was ever answered.
    met: bool,
}

impl Report {
    /// Notes a failure at `now_ms`.
    pub(crate) fn failed(&self, now_ms: u64, error: &Error) {
        let mut outage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // "It did not answer in time" says less than why it cannot be reached.
        if outage.reason.is_none() || *error.kind() != ErrorKind::Timeout {
            outage.reason = Some(reason_of(error));
        }
        if outage.since_ms.is_none() {
            outage.since_ms = Some(now_ms);
            tracing::warn!(reason = outage.reason, "the Redis fails; answers come from memory");
        }
    }

    /// Notes an answer.
    pub(crate) fn answered(&self) {
        let mut outage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if outage.since_ms.is_some() || !outage.met {
            tracing::info!("the Redis answers");
            *outage = Outage { since_ms: None, reason: None, met: true };
        }
    }

    /// One line for the operator.
    pub(crate) fn note(&self, breaker: &Breaker, connected: bool) -> String {
        let outage = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if connected && breaker.is_closed() {
            return "up".to_owned();
        }
        let Some(since_ms) = outage.since_ms else {
            return "connecting; answers come from memory".to_owned();
        };
        let since = OffsetDateTime::from_unix_timestamp(i64::try_from(since_ms / 1_000).unwrap_or_default());
        let since = since.ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default();
        let breaker = if breaker.is_closed() { "" } else { ", breaker open" };
        let reason = outage.reason.unwrap_or_default();
        format!("down since {since}{breaker}; answers come from memory: {reason}")
    }
}

/// Says what went wrong and, where it can be known, what to do.
fn reason_of(error: &Error) -> String {
    let details: String = error.details().chars().take(REASON_CHARS_MAX).collect();
    match error.kind() {
        // The library takes a certificate that was not believed for a fault of the network.
        _ if details.contains("Certificate") => format!("TLS failed, check the certificates ({details})"),
        ErrorKind::Auth => format!("it refused the user or the password, check both ({details})"),
        ErrorKind::Timeout => "it did not answer in time".to_owned(),
        ErrorKind::Tls => format!("TLS failed, check the certificates ({details})"),
        ErrorKind::IO | ErrorKind::Canceled => format!("it cannot be reached ({details})"),
        ErrorKind::Config => format!("the address does not fit the Redis ({details})"),
        _ => details,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_with_its_beginning_and_its_reason() {
        let (report, breaker) = (Report::default(), Breaker::new());
        assert_eq!(report.note(&breaker, false), "connecting; answers come from memory");
        report.answered();
        assert_eq!(report.note(&breaker, true), "up");
        report.failed(1_700_000_000_000, &Error::new(ErrorKind::Timeout, "Request timed out."));
        report.failed(1_700_000_005_000, &Error::new(ErrorKind::IO, "Connection refused"));
        report.failed(1_700_000_006_000, &Error::new(ErrorKind::Timeout, "Request timed out."));
        let note = report.note(&Breaker::Open { until: std::time::Duration::ZERO }, false);
        assert_eq!(
            note,
            "down since 2023-11-14T22:13:20Z, breaker open; answers come from memory: it cannot be reached \
             (Connection refused)"
        );
        report.answered();
        assert_eq!(report.note(&breaker, true), "up");
    }

    #[test]
    fn a_wrong_password_is_called_so() {
        let report = Report::default();
        report.failed(0, &Error::new(ErrorKind::Auth, "WRONGPASS invalid username-password pair"));
        assert!(report.note(&Breaker::new(), false).contains("refused the user or the password"));
    }
}
