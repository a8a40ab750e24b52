//! The name of an event: which stream, and which event of it. Pure.

use std::fmt;

use uuid::Uuid;

/// An event's name, which a client that was cut off gives back as `Last-Event-ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventId {
    /// The stream.
    pub(crate) stream: Uuid,
    /// The event's place in it, from 1; 0 stands before the first.
    pub(crate) seq: u64,
}

impl EventId {
    /// Reads a name.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (stream, seq) = text.trim().split_once(':')?;
        // Only digits: `parse` would take a sign.
        let plain = !seq.is_empty() && seq.bytes().all(|b| b.is_ascii_digit());
        let seq = plain.then(|| seq.parse().ok()).flatten()?;
        Some(Self { stream: Uuid::try_parse(stream).ok()?, seq })
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.stream, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_is_read_as_it_is_written(stream in any::<u128>(), seq in any::<u64>()) {
            let id = EventId { stream: Uuid::from_u128(stream), seq };
            prop_assert_eq!(EventId::read(&id.to_string()), Some(id));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            let _ = EventId::read(&text);
        }
    }

    #[test]
    fn what_is_no_name_is_none() {
        for text in
            ["", ":", "3", "4f5c0f3c-96c4-4a3e-8f0a-2f3a1c9b7d11", "4f5c0f3c-96c4-4a3e-8f0a-2f3a1c9b7d11:+1"]
        {
            assert_eq!(EventId::read(text), None, "{text}");
        }
    }
}
