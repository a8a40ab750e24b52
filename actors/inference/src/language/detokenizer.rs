//! Turns a stream of tokens into text, holding back the bytes of a character until it is whole.

use std::sync::Arc;

/// The bytes of each token; special tokens have none.
pub(super) type Pieces = Arc<[Box<[u8]>]>;

/// Decodes the tokens of one answer.
#[derive(Debug, Clone)]
pub struct Detokenizer {
    pieces: Pieces,
    /// Bytes of an unfinished character; never more than three, because a longer run is broken and replaced.
    pending: Vec<u8>,
    /// SentencePiece writes a space before the first word of a text.
    drop_space: bool,
}

impl Detokenizer {
    pub(super) fn new(pieces: Pieces, drop_space: bool) -> Self {
        Self { pieces, pending: Vec::new(), drop_space }
    }

    /// The text that `token` completes; empty while a character is unfinished, and for special tokens.
    pub fn push(&mut self, token: u32) -> String {
        let Some(bytes) = self.pieces.get(token as usize).filter(|bytes| !bytes.is_empty()) else {
            return String::new();
        };
        let bytes = match bytes.strip_prefix(b" ") {
            Some(rest) if self.drop_space => rest,
            _ => bytes,
        };
        self.drop_space = false;
        self.pending.extend_from_slice(bytes);
        take_text(&mut self.pending)
    }

    /// What is left when the stream ends: a broken character becomes U+FFFD.
    pub fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned()
    }
}

/// Takes the whole characters from the front of `bytes`, replacing what can never become one.
fn take_text(bytes: &mut Vec<u8>) -> String {
    let mut text = String::new();
    let mut start = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        start += chunk.valid().len();
        let invalid = chunk.invalid();
        let unfinished = start + invalid.len() == bytes.len()
            && str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
        if !invalid.is_empty() && !unfinished {
            text.push(char::REPLACEMENT_CHARACTER);
            start += invalid.len();
        }
    }
    bytes.drain(..start);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(pieces: &[&[u8]]) -> Detokenizer {
        Detokenizer::new(pieces.iter().map(|piece| Box::from(*piece)).collect(), false)
    }

    #[test]
    fn a_character_is_held_back_until_it_is_whole() {
        let mut stream = of(&[b"caf", b"\xc3", b"\xa9", b"!"]);
        let texts: Vec<String> = [0, 1, 2, 3].map(|token| stream.push(token)).into();
        assert_eq!(texts, ["caf", "", "é", "!"]);
        assert_eq!(stream.finish(), "");
    }

    #[test]
    fn a_broken_character_is_replaced_and_the_rest_kept() {
        let mut stream = of(&[b"\xf0\x9f", b"ok", b"\xe2\x82"]);
        assert_eq!([0, 1, 2].map(|token| stream.push(token)), ["", "\u{fffd}ok", ""]);
        assert_eq!(stream.finish(), "\u{fffd}");
    }

    #[test]
    fn an_unknown_token_has_no_text() {
        assert_eq!(of(&[b"a"]).push(9), "");
    }

    #[test]
    fn only_the_first_space_is_dropped() {
        let mut stream = Detokenizer::new([Box::from(*b" a")].into(), true);
        assert_eq!([stream.push(0), stream.push(0)], ["a", " a"]);
    }

    proptest! {
        #[test]
        fn text_cut_anywhere_comes_out_whole(text in any::<String>(), cuts in proptest::collection::vec(1usize..5, 0..40)) {
            let mut pieces: Vec<&[u8]> = Vec::new();
            let mut rest = text.as_bytes();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            let mut stream = of(&pieces);
            let mut out: String = (0..pieces.len() as u32).map(|token| stream.push(token)).collect();
            out += &stream.finish();
            prop_assert_eq!(out, text);
        }

        #[test]
        fn any_bytes_decode_as_the_standard_library_decodes_them(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..4), 0..20),
        ) {
            let mut stream = Detokenizer::new(pieces.iter().map(|p| p.clone().into()).collect(), false);
            let mut out: String = (0..pieces.len() as u32).map(|token| stream.push(token)).collect();
            out += &stream.finish();
            prop_assert_eq!(out, String::from_utf8_lossy(&pieces.concat()).into_owned());
        }
    }
}
