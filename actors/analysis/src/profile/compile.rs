//! The patterns of a profile: regular expressions over folded text, where a space is any run of white space and `@` is
//! a character that does not end a sentence.

use std::sync::OnceLock;

use regex::Regex;
use serde::{Deserialize, Deserializer, de};

/// A pattern, and the forms of it that stand before and after a value.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: String,
    plain: Regex,
    ending: OnceLock<Option<Regex>>,
    opening: OnceLock<Option<Regex>>,
}

/// What may stand between a cue and its value.
const BETWEEN: &str = r"[^a-z0-9;]{0,6}";

impl Pattern {
    /// Whether it stands anywhere in `text`.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.plain.is_match(text)
    }

    /// The expression itself.
    pub(crate) fn plain(&self) -> &Regex {
        &self.plain
    }

    /// Whether `text` ends with it, but for `reach` characters of one line.
    pub(crate) fn ends(&self, text: &str, reach: usize) -> bool {
        let form = self.ending.get_or_init(|| {
            let gap = if reach == 0 { BETWEEN.to_owned() } else { format!("[^;]{{0,{reach}}}?") };
            Regex::new(&format!("(?:{})(?:{gap})$", self.text)).ok()
        });
        form.as_ref().is_some_and(|form| form.is_match(text))
    }

    /// Whether `text` begins with it, but for `reach` characters.
    pub(crate) fn opens(&self, text: &str, reach: usize) -> bool {
        let form = self.opening.get_or_init(|| {
            let gap = if reach == 0 { BETWEEN.to_owned() } else { format!("[^;]{{0,{reach}}}?") };
            Regex::new(&format!("^(?:{gap})(?:{})", self.text)).ok()
        });
        form.as_ref().is_some_and(|form| form.is_match(text))
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = String::deserialize(from)?;
        let mut escaped = false;
        for c in written.chars() {
            if !c.is_ascii() || c.is_ascii_uppercase() && !escaped {
                return Err(de::Error::custom(format!(
                    "pattern `{written}`: patterns are matched against text without accents and capitals; \
                     write `{c}` so"
                )));
            }
            escaped = c == '\\' && !escaped;
        }
        let text = written
            .replace(" ?", r"\s*")
            .replace(" *", r"\s*")
            .replace(' ', r"\s+")
            .replace('@', r"(?:[^;\n.]|\.[^\s])");
        let plain = Regex::new(&text).map_err(de::Error::custom)?;
        Ok(Self { text, plain, ending: OnceLock::new(), opening: OnceLock::new() })
    }
}
