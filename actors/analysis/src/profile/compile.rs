//! The patterns of a profile: regular expressions over folded text, where a space is any run of white space and `@` is
//! a character that does not end a sentence.

use std::ops::Range;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Deserializer, de};

/// A pattern, and the forms of it that stand before and after a value.
///
/// Each is compiled when it is first asked for: all of the shipped profiles' take 24 MB, and a node that analyses nothing
/// needs few.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: String,
    plain: OnceLock<Option<Regex>>,
    ending: OnceLock<Option<Regex>>,
    opening: OnceLock<Option<Regex>>,
}

/// What may stand between a cue and its value.
const BETWEEN: &str = r"[^a-z0-9;]{0,6}";

/// Where a pattern stands, and its groups `v`, the value, and `q`, what is quoted.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) all: Range<usize>,
    pub(crate) value: Option<Range<usize>>,
    pub(crate) quoted: Option<Range<usize>>,
}

/// Folded text is ASCII, so that the tables of Unicode, which take long to compile, are not needed.
fn compiled(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).unicode(false).build()
}

impl Pattern {
    /// The pattern as it is written; there always, since it was compiled once when its profile was read.
    fn plain(&self) -> Option<&Regex> {
        self.plain.get_or_init(|| compiled(&self.text).ok()).as_ref()
    }

    /// Whether it stands anywhere in `text`.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.plain().is_some_and(|plain| plain.is_match(text.as_bytes()))
    }

    /// Where it stands first.
    pub(crate) fn find(&self, text: &str) -> Option<Range<usize>> {
        self.plain()?.find(text.as_bytes()).map(|hit| hit.range())
    }

    /// Everywhere that it stands.
    pub(crate) fn find_all<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
        self.plain().into_iter().flat_map(|plain| plain.find_iter(text.as_bytes())).map(|hit| hit.range())
    }

    /// Whether `text` begins with it.
    pub(crate) fn heads(&self, text: &str) -> bool {
        self.find(text).is_some_and(|hit| hit.start == 0)
    }

    /// Everywhere that it stands, with its groups.
    pub(crate) fn hits<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Hit> + 't {
        let hits = self.plain().into_iter().flat_map(|plain| plain.captures_iter(text.as_bytes()));
        hits.filter_map(|hit| {
            let group = |name: &str| hit.name(name).map(|group| group.range());
            Some(Hit { all: hit.get(0)?.range(), value: group("v"), quoted: group("q") })
        })
    }

    /// Each place of `text` where it stands, what is put there, and the group `k`, which keeps its letters.
    pub(crate) fn replacements(
        &self,
        text: &str,
        put: &str,
    ) -> Vec<(Range<usize>, String, Option<Range<usize>>)> {
        let hits = self.plain().into_iter().flat_map(|plain| plain.captures_iter(text.as_bytes()));
        hits.filter_map(|hit| {
            let mut out = Vec::new();
            hit.expand(put.as_bytes(), &mut out);
            let kept = hit.name("k").map(|group| group.range());
            Some((hit.get(0)?.range(), String::from_utf8_lossy(&out).into_owned(), kept))
        })
        .collect()
    }

    /// Whether `text` ends with it, but for `reach` characters of one line.
    pub(crate) fn ends(&self, text: &str, reach: usize) -> bool {
        let form = self.ending.get_or_init(|| {
            let gap = if reach == 0 { BETWEEN.to_owned() } else { format!("[^;]{{0,{reach}}}?") };
            compiled(&format!("(?:{})(?:{gap})$", self.text)).ok()
        });
        form.as_ref().is_some_and(|form| form.is_match(text.as_bytes()))
    }

    /// Whether `text` begins with it, but for `reach` characters.
    pub(crate) fn opens(&self, text: &str, reach: usize) -> bool {
        let form = self.opening.get_or_init(|| {
            let gap = if reach == 0 { BETWEEN.to_owned() } else { format!("[^;]{{0,{reach}}}?") };
            compiled(&format!("^(?:{gap})(?:{})", self.text)).ok()
        });
        form.as_ref().is_some_and(|form| form.is_match(text.as_bytes()))
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
            .replace('@', r"(?:\b(?:dra?|sra?|srta|n|art|av|fls?|ltda|s\.a)\.\s|[^;\n.]|\.[^\s])");
        // So that a profile with a wrong pattern is refused; what was compiled is let go.
        compiled(&text).map_err(de::Error::custom)?;
        Ok(Self { text, plain: OnceLock::new(), ending: OnceLock::new(), opening: OnceLock::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Only {
        find: Pattern,
    }

    #[test]
    fn a_pattern_that_no_text_was_held_to_holds_nothing_compiled() {
        let pattern = toml::from_str::<Only>("find = 'ata da (?<v>assembleia|reuniao)'").unwrap().find;
        assert!(pattern.plain.get().is_none() && pattern.ending.get().is_none());
        assert_eq!(pattern.find("na ata  da reuniao"), Some(3..18));
        assert_eq!(pattern.hits("ata da assembleia").next().unwrap().value, Some(7..17));
        assert!(pattern.plain.get().is_some() && pattern.ending.get().is_none());
    }
}
