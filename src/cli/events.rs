//! Hears an answer as it is told, and goes on where it was when the connection breaks.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::client::Client;
use super::failure::{Failure, Refusal};

/// How often a broken connection is made anew before the command gives up.
const CUTS_MAX: u32 = 5;
/// The pause before that.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest event; the largest carries twenty passages.
const EVENT_BYTES_MAX: usize = 4 << 20;

/// One event: its id, its name, its data.
#[derive(Debug, PartialEq)]
pub(crate) struct Event {
    id: String,
    name: String,
    data: Value,
}

/// The events in the bytes that have arrived. Pure.
#[derive(Default)]
struct Parser(Vec<u8>);

impl Parser {
    fn take(&mut self, bytes: &[u8]) -> Result<Vec<Event>, Failure> {
        self.0.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.0.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.0.drain(..end + 2).collect();
            events.extend(event(&String::from_utf8_lossy(&block)));
        }
        if self.0.len() > EVENT_BYTES_MAX {
            return Err(Failure::Plain(
                "the node sent an event that is too large to be one of ours".to_owned(),
            ));
        }
        Ok(events)
    }
}

fn event(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let data = serde_json::from_str(field("data: ")?).ok()?;
    Some(Event { id: field("id: ").unwrap_or_default().to_owned(), name: field("event: ")?.to_owned(), data })
}

/// Asks the document `id` and calls `told` with the name and data of each event; the answer.
///
/// # Errors
/// What the node refused, or that it could not be reached again.
pub(crate) async fn ask(
    client: &Client,
    id: &str,
    question: &Value,
    mut told: impl FnMut(&str, &Value),
) -> Result<Value, Failure> {
    let mut last_seen = String::new();
    let mut cuts = 0;
    loop {
        let outcome =
            hear(request(client, id, question, &last_seen), client, &mut last_seen, &mut told).await;
        match outcome {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) | Err(Failure::Unreachable { .. }) if !last_seen.is_empty() && cuts < CUTS_MAX => {
                cuts += 1;
                tokio::time::sleep(PAUSE * cuts).await;
            }
            Ok(None) => return Err(Failure::Plain("the node broke the answer off; ask again".to_owned())),
            Err(failure) => return Err(failure),
        }
    }
}

fn request(client: &Client, id: &str, question: &Value, last_seen: &str) -> RequestBuilder {
    let request = match last_seen.split_once(':') {
        None => client.request(Method::POST, &Client::ask_path(id)).json(question),
        Some((stream, _)) => {
            client.request(Method::GET, &format!("/v1/streams/{stream}")).header("last-event-id", last_seen)
        }
    };
    request.header("accept", "text/event-stream")
}

/// Hears until the end; the answer, or nothing when the connection broke before it.
async fn hear(
    request: RequestBuilder,
    client: &Client,
    last_seen: &mut String,
    told: &mut impl FnMut(&str, &Value),
) -> Result<Option<Value>, Failure> {
    let mut pieces = client.answer(request).await?.bytes_stream();
    let mut parser = Parser::default();
    while let Some(piece) = pieces.next().await {
        let Ok(piece) = piece else { return Ok(None) };
        for event in parser.take(&piece)? {
            if event.name == "error" {
                return Err(Failure::Refused(refusal(&event.data)));
            }
            if !event.id.is_empty() {
                *last_seen = event.id;
            }
            told(&event.name, &event.data);
            if event.name == "final" {
                return Ok(Some(event.data));
            }
        }
    }
    Ok(None)
}

fn refusal(problem: &Value) -> Refusal {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Refusal {
        status: problem["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(500),
        detail: text(&problem["detail"]),
        details: problem["details"].as_array().into_iter().flatten().map(text).collect(),
        retry_after_seconds: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_however_their_bytes_are_cut() {
        let told = "retry: 1000\n\nid: s:1\nevent: delta\ndata: {\"text\":\"é\"}\n\n: beat\n\nid: s:2\nevent: final\ndata: {}\n\n";
        for cut in 0..=told.len() {
            let mut parser = Parser::default();
            let mut events = parser.take(&told.as_bytes()[..cut]).unwrap();
            events.extend(parser.take(&told.as_bytes()[cut..]).unwrap());
            let names: Vec<_> = events.iter().map(|event| (event.id.as_str(), event.name.as_str())).collect();
            assert_eq!(names, [("s:1", "delta"), ("s:2", "final")], "cut at {cut}");
            assert_eq!(events[0].data["text"], "é");
        }
    }

    #[test]
    fn an_event_without_end_is_not_kept_without_bound() {
        let mut parser = Parser::default();
        assert!(parser.take(&vec![b'x'; EVENT_BYTES_MAX + 1]).is_err());
    }
}
