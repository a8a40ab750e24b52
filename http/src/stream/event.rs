//! What a stream says, one event after the other. Pure.

use serde::Serialize;
use serde_json::{Value, json};

use crate::ask::{Answer, Source};

/// The longest piece of an answer in one `delta`, in bytes, unless a single word is longer: a word or a few.
const PIECE_BYTES: usize = 24;
/// The most `delta` events of one answer; the last of them carries the rest.
const PIECES_MAX: usize = 1_000;

/// One thing that a stream says. Its number in the stream is its place, from 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    /// Its name: `sources`, `delta`, `verdict`, `correction`, `final` or `error`.
    pub(crate) name: &'static str,
    /// What it carries, a JSON object.
    pub(crate) data: Value,
}

/// The names of all events.
pub(crate) const NAMES: [&str; 6] = ["sources", "delta", "verdict", "correction", "final", "error"];

impl Event {
    /// The passages that were found, best first, before anything was written.
    pub(crate) fn sources(sources: &[Source]) -> Self {
        Self { name: "sources", data: json!({ "sources": written(&sources) }) }
    }

    /// The stream ends without an answer.
    pub(crate) fn error(problem: impl Serialize) -> Self {
        Self { name: "error", data: written(&problem) }
    }

    /// Whether nothing comes after it.
    pub(crate) fn is_last(&self) -> bool {
        matches!(self.name, "final" | "error")
    }

    /// As it is kept for a client that was cut off.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        json!({ "name": self.name, "data": self.data }).to_string().into_bytes()
    }

    /// As it was kept.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut kept: Value = serde_json::from_slice(bytes).ok()?;
        let name = kept.get("name")?.as_str()?;
        let name = NAMES.into_iter().find(|known| *known == name)?;
        Some(Self { name, data: kept.get_mut("data")?.take() })
    }
}

/// What is said of an answer that is there. The pieces of all `delta` events, one after the other, are its text.
///
/// Every sentence was held to the document before the first of these events is said: a reader never sees words that
/// the next moment takes back.
pub(crate) fn of_answer(answer: &Answer) -> Vec<Event> {
    let deltas =
        pieces(&answer.answer).into_iter().map(|text| Event { name: "delta", data: json!({ "text": text }) });
    let verdict = Event {
        name: "verdict",
        data: json!({
            "answered": answer.answered,
            "confidence": written(&answer.confidence),
            "dkr_applied": answer.dkr_applied,
        }),
    };
    let corrections =
        answer.dkr_corrections.iter().map(|text| Event { name: "correction", data: json!({ "text": text }) });
    let end = Event { name: "final", data: written(answer) };
    deltas.chain([verdict]).chain(corrections).chain([end]).collect()
}

/// `of` as it is written elsewhere: a number keeps the digits that it has there.
pub(crate) fn written(of: &impl Serialize) -> Value {
    serde_json::to_vec(of).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// `text` cut behind white space.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut cut) = (0, 0);
    for (at, letter) in text.char_indices() {
        if pieces.len() + 1 == PIECES_MAX {
            break;
        }
        if letter.is_whitespace() {
            let behind = at + letter.len_utf8();
            if behind - start > PIECE_BYTES && cut > start {
                pieces.push(&text[start..cut]);
                start = cut;
            }
            cut = behind;
        }
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_pieces_are_the_text(text in "(\\PC| |\n){0,400}") {
            let pieces = pieces(&text);
            prop_assert_eq!(pieces.concat(), text.as_str());
            prop_assert!(pieces.iter().all(|piece| !piece.is_empty()));
        }

        #[test]
        fn an_event_is_read_as_it_was_kept(text in ".{0,80}", name in prop::sample::select(NAMES.to_vec())) {
            let event = Event { name, data: json!({ "text": text }) };
            prop_assert_eq!(Event::from_bytes(&event.to_bytes()), Some(event));
        }

        #[test]
        fn no_kept_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Event::from_bytes(&bytes);
        }
    }

    #[test]
    fn a_long_text_has_a_bounded_number_of_pieces() {
        let text = "uma palavra ".repeat(20_000);
        let pieces = pieces(&text);
        assert_eq!((pieces.len(), pieces.concat().len()), (PIECES_MAX, text.len()));
    }
}
