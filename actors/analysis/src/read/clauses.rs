//! Clauses: what stands between semicolons, list marks and line ends.

use std::sync::LazyLock;

use regex::Regex;

use crate::scan::pattern;
use crate::text::Span;

/// The mark of a list's item, as `a)`, `(ii)`, `4.2`, `I -`, `Item (i):`.
pub(crate) fn mark(folded: &str) -> Option<(String, usize)> {
    static MARK: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"^\s*(?:e\s+)?[*-]?\s*(?:(?:quanto\s+)?(?:a[o]?\s+)?(?:item|materia|letra|alinea|proposta|deliberacao)\s+n?[o.]*\s*)?["']?(?:\(([ivxl]{1,6}|[a-z]|\d{1,2}(?:\.\d{1,2})*)\)|(\d{1,2}(?:\.\d{1,2})+)\.?\s|([ivxl]{1,6}|[a-z]|\d{1,2})["']?\s?(?:[).]|o\s?[).-]|\s[-:]|[-:]\s))["']?[\s:.,-]*"#,
        )
    });
    let hit = MARK.captures(folded)?;
    let label = hit.get(1).or_else(|| hit.get(2)).or_else(|| hit.get(3))?.as_str().to_owned();
    Some((label, hit.get(0)?.end()))
}

/// The clauses of `range`, without blank ones.
pub(crate) fn clauses(folded: &str, range: &Span) -> Vec<Span> {
    let mut found = Vec::new();
    let mut start = range.start;
    let text = folded.get(range.clone()).unwrap_or("");
    let mut depth = 0_i32;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\n' => depth = 0,
            _ => {}
        }
        let listed = c == ':' && depth <= 0 && text.get(at + 1..).is_some_and(opens_list);
        if c == '\n' || c == ';' && depth <= 0 || listed {
            // The colon stays with the sentence that opens the list.
            found.push(start..range.start + at + usize::from(listed));
            start = range.start + at + 1;
        }
    }
    found.push(start..range.end);
    found.retain(|span| folded.get(span.clone()).is_some_and(|text| !text.trim().is_empty()));
    found
}

/// Whether a text begins with the mark of a list's first item.
fn opens_list(text: &str) -> bool {
    static FIRST: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"^\s+\(?(?:a|i|1|1\.1|01|\d{1,2}\.1)(?:[).]|\s[-:]|\))\s"#));
    FIRST.is_match(text)
}

/// The sentences of a clause.
pub(crate) fn sentences(chars: &[char], folded: &str, clause: &Span) -> Vec<Span> {
    let mut found = Vec::new();
    let mut start = clause.start;
    for at in clause.clone() {
        let next = (chars.get(at + 1), chars.get(at + 2));
        let ends = chars.get(at) == Some(&'.')
            && next.0.is_some_and(|c| c.is_whitespace())
            && next.1.is_some_and(|c| c.is_uppercase())
            && at >= start + 12
            && !shortened(folded.get(start..at).unwrap_or(""))
            && at + 2 < clause.end;
        if ends {
            found.push(start..at + 1);
            start = at + 1;
        }
    }
    found.push(start..clause.end);
    found
}

/// Whether a text ends in a word that a full stop shortens.
pub(crate) fn shortened(text: &str) -> bool {
    let word = text.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
    word.len() <= 2 && !word.chars().all(|c| c.is_ascii_digit())
        || matches!(
            word,
            "sra"
                | "dra"
                | "srta"
                | "ltda"
                | "art"
                | "fls"
                | "apto"
                | "inc"
                | "cia"
                | "adv"
                | "tel"
                | "res"
                | "venc"
                | "unit"
        )
}

/// The paragraphs of a text.
pub(crate) fn paragraphs(folded: &str) -> impl Iterator<Item = Span> {
    let mut start = 0;
    folded.split('\n').map(move |line| {
        let from = start;
        start += line.len() + 1;
        from..from + line.len()
    })
}

/// The clause of `range` around `at`.
pub(crate) fn clause_at(folded: &str, at: usize) -> Span {
    let start = folded.get(..at).and_then(|head| head.rfind(['\n', ';'])).map_or(0, |before| before + 1);
    let end =
        folded.get(at..).and_then(|tail| tail.find(['\n', ';'])).map_or(folded.len(), |after| at + after);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_lists_are_known() {
        for (text, label) in [
            ("a) casa", "a"),
            ("(ii) emissao", "ii"),
            ("4.2 letra", "4.2"),
            ("i - lci", "i"),
            ("item (iv): o", "iv"),
            ("3. contratacao", "3"),
            ("ao item 2: foi", "2"),
        ] {
            assert_eq!(mark(text).map(|(label, _)| label).unwrap_or_default(), label, "{text}");
        }
    }

    #[test]
    fn a_semicolon_in_parentheses_parts_nothing() {
        let text = "um (a; b); dois\ntres";
        let parts: Vec<&str> = clauses(text, &(0..text.len())).into_iter().map(|span| &text[span]).collect();
        assert_eq!(parts, ["um (a; b)", " dois", "tres"]);
    }
}
