//! Answers a reading that the client has already with 304: strong tags, made from the answer itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use warp::http::{HeaderMap, HeaderValue, StatusCode, header};
use warp::reply::Response;

use crate::answer;

/// Bytes of the hash that a tag keeps: two answers that differ share one by chance in 2^-128.
const TAG_BYTES: usize = 16;

/// A JSON answer with its tag; only the tag when `If-None-Match` names it.
///
/// The tag is of the bytes sent, so it changes with the document's revision, state and progress, and with
/// the language of its messages.
pub(crate) fn json(headers: &HeaderMap, body: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(written) => bytes(headers, written.into()),
        Err(_) => answer::json(StatusCode::OK, body),
    }
}

/// As [`json`], of what is written already; whoever sends something else says so.
pub(crate) fn bytes(headers: &HeaderMap, bytes: Bytes) -> Response {
    let tag = tag(&bytes);
    let mut response = if matches(headers, &tag) {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        answer::json_bytes(StatusCode::OK, bytes)
    };
    if let Ok(value) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    // To be kept by the client itself, and asked about each time.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

fn tag(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(hash.get(..TAG_BYTES).unwrap_or_default()))
}

/// Whether `If-None-Match` names `tag`, by weak comparison.
///
/// Source: RFC 9110, section 13.1.2.
fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let sent = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = sent.flat_map(|value| value.split(','));
    tags.any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(sent: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, sent.parse().unwrap());
        matches(&headers, "\"abc\"")
    }

    #[test]
    fn a_tag_is_found_in_a_list_weak_or_strong() {
        assert!(asked("\"abc\"") && asked("W/\"abc\"") && asked("\"x\", \"abc\"") && asked("*"));
        assert!(!asked("\"abd\"") && !asked("abc") && !asked(""));
        assert!(!matches(&HeaderMap::new(), "\"abc\""));
    }

    #[test]
    fn another_byte_is_another_tag() {
        assert_ne!(tag(b"{\"status\":\"ready\"}"), tag(b"{\"status\":\"failed\"}"));
        assert_eq!(tag(b"a").len(), 24);
    }
}
