//! Finds the fields of a request that do not exist and says which one was probably meant. Pure.

use serde_json::{Map, Value};

use crate::error::Violation;
use crate::message::Message;

/// Unknown fields that are named; a body of nothing but wrong names is not said back whole.
const NAMED_MAX: usize = 8;
/// The longest name that is said back, in characters.
const SAID_CHARS_MAX: usize = 40;
/// How alike two names must be, from 0 to 1, before one is taken for a slip of the other.
const ALIKE_MIN: f64 = 0.75;

/// One violation for each field of `object` that is none of `known`.
pub(crate) fn unknown(object: &Map<String, Value>, known: &[&'static str]) -> Vec<Violation> {
    let strange = object.keys().filter(|name| !known.contains(&name.as_str()));
    strange
        .take(NAMED_MAX)
        .map(|name| Violation {
            field: "body",
            message: Message::JsonFieldUnknown {
                name: name.chars().take(SAID_CHARS_MAX).collect(),
                nearest: nearest(name, known),
                known: known.join(", "),
            },
        })
        .collect()
}

/// The known name that `name` is most likely a slip of.
pub(crate) fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    // Comparing takes time that grows with the length of both, and no long name is a slip of a short one.
    let name: String = name.chars().take(SAID_CHARS_MAX).flat_map(char::to_lowercase).collect();
    let alike = known.iter().map(|other| (strsim::jaro_winkler(&name, other), *other));
    alike.filter(|(alike, _)| *alike >= ALIKE_MIN).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;
    use proptest::prelude::*;

    const KNOWN: [&str; 5] = ["question", "model", "top_k", "use_dkr", "include_sources"];

    #[test]
    fn a_slip_is_answered_with_what_was_meant() {
        for (sent, meant) in [
            ("topk", Some("top_k")),
            ("Question", Some("question")),
            ("includeSources", Some("include_sources")),
            ("useDKR", Some("use_dkr")),
            ("zzz", None),
        ] {
            assert_eq!(nearest(sent, &KNOWN), meant, "{sent}");
        }
    }

    #[test]
    fn only_unknown_fields_are_named_and_a_few_of_them() {
        let mut object = Map::new();
        object.insert("question".into(), "?".into());
        assert!(unknown(&object, &KNOWN).is_empty());
        for index in 0..100 {
            object.insert(format!("x{index}"), 1.into());
        }
        let found = unknown(&object, &KNOWN);
        assert_eq!(found.len(), NAMED_MAX);
        assert!(found[0].message.text(Language::English).contains("`x0`"));
    }

    proptest! {
        #[test]
        fn a_known_name_is_nearest_to_itself(index in 0..KNOWN.len(), other in ".{0,60}") {
            prop_assert_eq!(nearest(KNOWN[index], &KNOWN), Some(KNOWN[index]));
            let _ = nearest(&other, &KNOWN);
        }
    }
}
