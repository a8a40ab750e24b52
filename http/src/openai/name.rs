//! A model's name as it stands in an address.

/// The longest name; those of known models are far shorter.
const BYTES_MAX: usize = 64;

/// A short name that is copied like a number, as everything in a route is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ModelName {
    bytes: [u8; BYTES_MAX],
    length: usize,
}

impl ModelName {
    /// The name, if it is made of letters, digits, `-`, `.`, `_` and `:` and is short.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
        let mut bytes = [0; BYTES_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        let is_name = !text.is_empty() && text.bytes().all(plain);
        is_name.then_some(Self { bytes, length: text.len() })
    }

    pub(crate) fn text(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_as_it_was() {
        let longest = "x".repeat(BYTES_MAX);
        for name in ["auto", "smollm2-135m-instruct", longest.as_str()] {
            assert_eq!(ModelName::of(name).unwrap().text(), name);
        }
        for none in ["", "a b", "ção", "a/b", &"x".repeat(BYTES_MAX + 1)] {
            assert_eq!(ModelName::of(none), None);
        }
    }
}
