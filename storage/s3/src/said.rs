//! What the store said, and what that means for a conditional write. Pure.

use std::error::Error;
use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use enabler_storage::objects::StoreError;

/// Longest text of a store or transport that is repeated, in characters; some answer with whole web pages.
const TEXT_CHARS_MAX: usize = 300;

/// An answer that was not success, or the lack of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// The status of the answer, if there was one.
    status: Option<u16>,
    /// The error's name in the S3 protocol, such as `NoSuchKey`.
    code: Option<String>,
    /// What the store or the transport said about it.
    text: String,
}

/// What a conditional write that did not succeed has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The condition did not hold; nothing was written.
    Condition,
    /// Another write was under way; nothing was written, and the same request may be sent again.
    Conflict,
    /// It may or may not have been written.
    Unknown,
}

impl Said {
    /// Reads the SDK's error.
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        // An answer that could not be read is no answer, whatever its status.
        let SdkError::ServiceError(answer) = error else {
            return Self { status: None, code: None, text: shortened(&chain(error)) };
        };
        let described = answer.err();
        Self {
            status: Some(answer.raw().status().as_u16()),
            code: described.code().map(shortened),
            text: shortened(described.message().unwrap_or_default()),
        }
    }

    /// Whether the object, and not the bucket, is missing.
    pub(crate) fn is_missing(&self) -> bool {
        // The answer to a HEAD has no body and so no name.
        self.status == Some(404) && matches!(self.code.as_deref(), None | Some("NoSuchKey" | "NotFound"))
    }

    /// Whether the range that was asked for begins behind the object's end.
    pub(crate) fn is_outside(&self) -> bool {
        self.status == Some(416)
    }

    /// Whether an upload in parts is not there: it is complete, or was removed.
    pub(crate) fn is_no_upload(&self) -> bool {
        self.status == Some(404) && self.code.as_deref() == Some("NoSuchUpload")
    }

    /// What this means for a write on a condition; `names_a_version` where it was to replace one.
    pub(crate) fn refusal(&self, names_a_version: bool) -> Refusal {
        match (self.status, self.code.as_deref()) {
            (Some(412), _) => Refusal::Condition,
            // A version of an object that is gone.
            (Some(404), Some("NoSuchKey")) if names_a_version => Refusal::Condition,
            (Some(409), Some("ConditionalRequestConflict" | "OperationAborted")) => Refusal::Conflict,
            _ => Refusal::Unknown,
        }
    }

    /// The error for whoever asked, with what was done (`creating`) to what (a key), and a way out.
    pub(crate) fn error(&self, doing: &str, what: &dyn fmt::Display, bucket: &str) -> StoreError {
        StoreError::Unreachable { what: format!("{doing} `{what}` in the bucket `{bucket}`: {self}") }
    }

    fn advice(&self) -> Option<&'static str> {
        Some(match self.code.as_deref()? {
            "NoSuchBucket" => "create the bucket, or correct its name",
            "AccessDenied" | "AllAccessDisabled" => "let the node's credentials use this bucket",
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" => {
                "check the access key and its secret"
            }
            "ExpiredToken" => "renew the credentials",
            "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
                "check the region and the endpoint"
            }
            "RequestTimeTooSkewed" => "set this machine's clock",
            "NotImplemented" => "use a store with conditional writes",
            _ => return None,
        })
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(status) = self.status else { return f.write_str(&self.text) };
        write!(f, "it answered {status}")?;
        for part in self.code.iter().chain(Some(&self.text).filter(|text| !text.is_empty())) {
            write!(f, " {part}")?;
        }
        self.advice().map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

/// An error with its causes, each said once.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

fn shortened(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= TEXT_CHARS_MAX {
        return line;
    }
    line.chars().take(TEXT_CHARS_MAX).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, code: &str) -> Said {
        let code = Some(code.to_owned()).filter(|code| !code.is_empty());
        Said { status: Some(status), code, text: "Words".to_owned() }
    }

    #[test]
    fn only_what_surely_was_not_written_is_a_refusal() {
        for code in ["PreconditionFailed", ""] {
            assert_eq!(said(412, code).refusal(false), Refusal::Condition);
            assert_eq!(said(412, code).refusal(true), Refusal::Condition);
        }
        assert_eq!(said(409, "ConditionalRequestConflict").refusal(false), Refusal::Conflict);
        assert_eq!(said(404, "NoSuchKey").refusal(true), Refusal::Condition);
        assert_eq!(said(404, "NoSuchKey").refusal(false), Refusal::Unknown);
        for status in [200, 301, 400, 403, 404, 409, 411, 429, 500, 501, 503, 504] {
            assert_eq!(said(status, "NoSuchBucket").refusal(true), Refusal::Unknown, "{status}");
        }
        let silence = Said { status: None, code: None, text: "timed out".to_owned() };
        assert_eq!(silence.refusal(true), Refusal::Unknown);
    }

    #[test]
    fn a_missing_bucket_is_not_a_missing_object() {
        assert!(said(404, "NoSuchKey").is_missing() && said(404, "").is_missing());
        assert!(!said(404, "NoSuchBucket").is_missing() && !said(403, "AccessDenied").is_missing());
    }

    #[test]
    fn an_error_names_the_deed_the_key_the_answer_and_a_way_out() {
        let error = said(404, "NoSuchBucket").error("creating", &"v1/cluster", "papers").to_string();
        assert!(
            error.ends_with(
                "creating `v1/cluster` in the bucket `papers`: it answered 404 NoSuchBucket Words; create the bucket, or correct its name"
            ),
            "{error}"
        );
        assert!(shortened(&"x ".repeat(5_000)).len() < 310);
    }
}
