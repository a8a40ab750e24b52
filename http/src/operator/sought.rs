//! The id of a document or request that an operator looks for, as it stands in an address.

/// The longest request id that is taken from a client.
const BYTES_MAX: usize = 128;

/// A short id that is copied like a number, as everything in a route is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SoughtId {
    bytes: [u8; BYTES_MAX],
    length: usize,
}

impl SoughtId {
    /// The id, if it could be one: what is taken as a request id, without what an address cannot hold.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:+=".contains(&b);
        let mut bytes = [0; BYTES_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        let is_id = !text.is_empty() && text.bytes().all(plain);
        is_id.then_some(Self { bytes, length: text.len() })
    }

    pub(crate) fn text(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_as_it_was() {
        let longest = "x".repeat(BYTES_MAX);
        for id in ["order-17", "4f5c0f3c-96c4-4a3e-8f0a-2f3a1c9b7d11", longest.as_str()] {
            assert_eq!(SoughtId::of(id).unwrap().text(), id);
        }
        for none in ["", "a b", "a%2Fb", "ção", &"x".repeat(BYTES_MAX + 1)] {
            assert_eq!(SoughtId::of(none), None);
        }
    }
}
