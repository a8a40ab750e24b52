//! What a request shows to be let in: an API key or a token, from its headers. Pure.

use warp::http::{HeaderMap, header};

use super::said::Said;

/// The longest key or token that is looked at; tokens of large identity providers have some 4 KB.
const CREDENTIAL_BYTES_MAX: usize = 16 * 1024;

/// What a request shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential<'a> {
    /// An API key.
    Key(&'a str),
    /// A JSON Web Token.
    Token(&'a str),
}

/// Finds the credential. `X-API-Key` counts before `Authorization`; a bearer without dots is an API key, because
/// clients of the OpenAI API send theirs so.
pub(super) fn of(headers: &HeaderMap) -> Result<Credential<'_>, Said> {
    // Whoever shows two is told apart by nobody: a proxy in front may have looked at the other one.
    if headers.get_all("x-api-key").iter().count() > 1 {
        return Err(Said::KeyWrong);
    }
    if let Some(key) = headers.get("x-api-key").filter(|key| !key.is_empty()) {
        return match key.to_str() {
            Ok(key) if key.len() <= CREDENTIAL_BYTES_MAX => Ok(Credential::Key(key.trim())),
            _ => Err(Said::KeyWrong),
        };
    }
    let Some(value) = headers.get(header::AUTHORIZATION).filter(|value| !value.is_empty()) else {
        return Err(Said::KeyMissing);
    };
    let text = value.to_str().unwrap_or_default().trim();
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || rest.is_empty() {
        return Err(Said::SchemeUnknown);
    }
    if rest.len() > CREDENTIAL_BYTES_MAX {
        return Err(Said::TokenMalformed {
            what: "it is longer than 16 KB",
            portuguese: "tem mais de 16 KB",
        });
    }
    Ok(if rest.contains('.') { Credential::Token(rest) } else { Credential::Key(rest) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use warp::http::HeaderValue;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, text)| (name.parse().unwrap(), HeaderValue::from_str(text).unwrap()))
            .collect()
    }

    #[test]
    fn a_key_comes_in_either_header_and_a_token_in_one() {
        let of = |pairs: &[(&'static str, &str)]| {
            super::of(&headers(pairs)).map(|credential| match credential {
                Credential::Key(text) => format!("key {text}"),
                Credential::Token(text) => format!("token {text}"),
            })
        };
        assert_eq!(of(&[("x-api-key", "k1")]).unwrap(), "key k1");
        assert_eq!(of(&[("authorization", "Bearer k1")]).unwrap(), "key k1");
        assert_eq!(of(&[("authorization", "bearer a.b.c")]).unwrap(), "token a.b.c");
        assert_eq!(of(&[("x-api-key", "k1"), ("authorization", "Bearer a.b.c")]).unwrap(), "key k1");
        assert_eq!(of(&[("x-api-key", "")]).unwrap_err(), Said::KeyMissing);
        assert_eq!(of(&[("authorization", "Basic YTpi")]).unwrap_err(), Said::SchemeUnknown);
        assert_eq!(of(&[("authorization", "Bearer ")]).unwrap_err(), Said::SchemeUnknown);
    }
}
