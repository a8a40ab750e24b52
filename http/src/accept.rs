//! Whether a client takes what an address gives. Pure: the header and what is offered in, yes or no out.

use warp::http::{HeaderMap, header};

use crate::message::Message;
use crate::problem::{Kind, Problem};
use crate::route::Route;

/// Ranges of an `Accept` header that are looked at; a browser sends fewer than ten.
const RANGES_MAX: usize = 32;

/// The media types that `route` gives; empty where the body is no matter of choice, or there is none.
fn offered(route: Route) -> &'static [&'static str] {
    match route {
        Route::Ask(_) | Route::ChatCompletions => &["application/json", "text/event-stream"],
        Route::Events(_) | Route::StreamResume(_) | Route::OperatorEvents => &["text/event-stream"],
        Route::Page(..) => &["image/png"],
        Route::AnalysisPdf(_) => &["application/pdf"],
        Route::AnalysisCsv(_) => &["text/csv"],
        Route::AnalysisXlsx(_) => &["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
        Route::Delete(_)
        | Route::Stream
        | Route::StreamCancel(_)
        | Route::KeyRevoke(_)
        | Route::Health
        | Route::Ready
        | Route::Live
        | Route::Operator
        | Route::Docs
        | Route::OpenApi
        | Route::Home => &[],
        _ => &["application/json"],
    }
}

/// Refuses a request whose `Accept` allows nothing that `route` gives.
pub(crate) fn check(route: Route, headers: &HeaderMap) -> Result<(), Problem> {
    let offered = offered(route);
    let sent: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    if offered.is_empty() || takes(&sent.join(","), offered) {
        return Ok(());
    }
    Err(Problem::new(Kind::NotAcceptable, Message::NotAcceptable { offered: offered.join(", ") }))
}

/// Whether a client that sent `accept` takes one of the media types `offered`.
///
/// A header that names no type at all asks for nothing, so everything may be sent.
///
/// Source: RFC 9110, section 12.5.1.
pub(crate) fn takes(accept: &str, offered: &[&str]) -> bool {
    let ranges: Vec<(&str, f32)> = accept.split(',').take(RANGES_MAX).filter_map(range).collect();
    let weight = |media: &str| {
        let fits = ranges.iter().filter_map(|(range, weight)| Some((fit(range, media)?, *weight)));
        fits.max_by_key(|(fit, _)| *fit).map_or(0.0, |(_, weight)| weight)
    };
    ranges.is_empty() || offered.iter().any(|media| weight(media) > 0.0)
}

/// A media range and how much it is liked.
fn range(text: &str) -> Option<(&str, f32)> {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().filter(|range| range.contains('/'))?;
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    Some((range, weight.and_then(|weight| weight.parse().ok()).unwrap_or(1.0)))
}

/// How closely `range` names `media`: 0 for `*/*`, 2 for the type itself.
fn fit(range: &str, media: &str) -> Option<u8> {
    if range == "*/*" {
        return Some(0);
    }
    if range.eq_ignore_ascii_case(media) {
        return Some(2);
    }
    let of = |text: &str| text.split('/').next().unwrap_or_default().to_ascii_lowercase();
    (range.ends_with("/*") && of(range) == of(media)).then_some(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const JSON: [&str; 1] = ["application/json"];

    #[test]
    fn a_client_is_refused_only_when_it_says_that_it_takes_nothing_of_ours() {
        for accept in
            ["", "*/*", "application/*", "Application/JSON", "text/html, */*;q=0.1", "nonsense", ";;,"]
        {
            assert!(takes(accept, &JSON), "{accept}");
        }
        for accept in ["text/html", "application/json;q=0", "*/*, application/json;q=0", "image/*"] {
            assert!(!takes(accept, &JSON), "{accept}");
        }
        assert!(takes("text/event-stream", &["application/json", "text/event-stream"]));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in ".{0,80}") {
            let _ = takes(&text, &JSON);
        }
    }
}
