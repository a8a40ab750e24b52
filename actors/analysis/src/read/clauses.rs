//! Clauses: what stands between semicolons, list marks and line ends.

use std::sync::LazyLock;

use regex::Regex;

use crate::scan::pattern;
use crate::text::Span;

/// The mark of a list's item, as `a)`, `(ii)`, `4.2`, `I -`, `Item (i):`.
pub(crate) fn mark(folded: &str) -> Option<(String, usize)> {
    static MARK: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"^\s*(?:e\s+)?[*-]?\s*(?:(?:quanto\s+)?(?:a[o]?\s+)?(?:item|materia|letra|alinea|proposta|deliberacao|bem)\s+n?[o.]*\s*)?["']?(?:\(([ivxl]{1,6}|[a-z]|\d{1,2}(?:\.\d{1,2})*)\)|(\d{1,2}(?:\.\d{1,2})+)(?:\.?\s|\s?[):-])|([ivxl]{1,6}|[a-z]|\d{1,2})["']?\s?(?:[).]|[oa]\s?[).-]|\s[-:]|[-:]\s))["']?[\s:.,-]*"#,
        )
    });
    if let Some(named) = reference(folded) {
        return Some(named);
    }
    if let Some(named) = ordinal(folded) {
        return Some(named);
    }
    let hit = MARK.captures(folded)?;
    let label = hit.get(1).or_else(|| hit.get(2)).or_else(|| hit.get(3))?;
    let (end, digit) = (hit.get(0)?.end(), |c: char| c.is_ascii_digit());
    // "1.200 cotas" counts them.
    let counts = label.as_str().ends_with(digit)
        && folded.get(label.end()..end) == Some(".")
        && folded.get(end..).is_some_and(|rest| rest.starts_with(digit));
    (!counts).then(|| (label.as_str().to_owned(), end))
}

/// An item counted by a word: "primeiro, exame das contas", "e terceira: reducao da taxa".
fn ordinal(folded: &str) -> Option<(String, usize)> {
    static ORDINAL: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^\s*(?:e\s+)?(primeir|segund|terceir|quart|quint|sext|setim|oitav|non|decim)[oa]\s*[,:-]\s+",
        )
    });
    let hit = ORDINAL.captures(folded)?;
    let at = ORDINALS.iter().position(|ordinal| hit.get(1).is_some_and(|word| word.as_str() == *ordinal))?;
    Some(((at + 1).to_string(), hit.get(0)?.end()))
}

const ORDINALS: [&str; 10] =
    ["primeir", "segund", "terceir", "quart", "quint", "sext", "setim", "oitav", "non", "decim"];

/// What an item of an agenda is called by.
const ITEM_WORDS: &str =
    "(?:sub)?(?:item|materia|letra|alinea|proposta|deliberacao|assunto|ponto|questao|tema|inciso)";

/// An item called by its ordinal or its place in the agenda: "primeiro item:", "quanto a materia 2 da pauta,".
fn reference(folded: &str) -> Option<(String, usize)> {
    static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
        let lead = r"(?:(?:quanto|(?:em|com) relacao|relativamente|no tocante|no que (?:tange|concerne|se refere|diz respeito)|sobre|passando-se|passou-se)\s+)?(?:(?:d?[ao]s?|aos?)\s+)?";
        let agenda = r"(?:\s+d[ao]\s+(?:pauta|ordem\s+do\s+dia|edital|convocacao|agenda))?\s*[:,;.-]+\s*";
        let ordinal = r"(primeir|segund|terceir|quart|quint|sext|setim|oitav|non|decim)[oa]";
        let label = r#"(?:n[o.]*\s*)?["'(]*([ivxl]{1,6}|[a-z]|\d{1,2}(?:\.\d{1,2})*)[o.]?["')]*"#;
        pattern(&format!(
            r"^[^a-z0-9]*(?:e\s+)?{lead}(?:{ordinal}\s+{ITEM_WORDS}{agenda}|{ITEM_WORDS}\s+(?:{ordinal}|{label}){agenda})"
        ))
    });
    let hit = REFERENCE.captures(folded)?;
    let end = hit.get(0)?.end();
    if let Some(label) = hit.get(3) {
        return Some((label.as_str().to_owned(), end));
    }
    let word = hit.get(1).or_else(|| hit.get(2))?.as_str();
    let at = ORDINALS.iter().position(|ordinal| *ordinal == word)?;
    Some(((at + 1).to_string(), end))
}

/// Whether a text begins by calling an item of the agenda by its place, and goes on with a sentence of its own.
pub(crate) fn refers(folded: &str) -> bool {
    reference(folded)
        .is_some_and(|(_, end)| folded.get(..end).is_some_and(|lead| lead.trim_end().ends_with('.')))
}

/// Whether a text begins with the sign of a list without numbers.
pub(crate) fn bullet(folded: &str) -> bool {
    let text = folded.trim_start();
    text.starts_with(['*', '-', '~', '>']) && text.get(1..).is_some_and(|rest| rest.starts_with([' ', '\t']))
}

/// The marks of several items that a text speaks of at once: "os itens (a), (b) e (d)", "as materias 1 a 3".
pub(crate) fn references(folded: &str) -> Vec<String> {
    called(folded).into_iter().flat_map(|(_, labels)| labels).collect()
}

/// Where a text speaks of several items at once, and of which.
pub(crate) fn called(folded: &str) -> Vec<(Span, Vec<String>)> {
    static MANY: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"\b(?:sub)?(?:itens|materias|letras|alineas|propostas|deliberacoes|assuntos|pontos|numeros|bens)\s+(?:de\s+)?(?:n[o.]*s?\s*)?((?:["'(]*(?:[ivxl]{1,6}|[a-z]|\d{1,2}(?:\.\d{1,2})*)[o.]?["')]*(?:\s*,\s*(?:e\s+)?|\s+e\s+|\s+ao?\s+|\s*$|\b)){2,})"#,
        )
    });
    static LABEL: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"["'(]*\b([ivxl]{1,6}|[a-z]|\d{1,2}(?:\.\d{1,2})*)\b[o.]?["')]*"#));
    let mut all_called = Vec::new();
    for hit in MANY.captures_iter(folded) {
        let (Some(whole), Some(list)) = (hit.get(0), hit.get(1)) else { continue };
        let mut found: Vec<String> = Vec::new();
        let mut range = false;
        for one in LABEL.captures_iter(list.as_str()) {
            let (Some(all), Some(label)) = (one.get(0), one.get(1)) else { continue };
            let bare = all.as_str() == label.as_str();
            // "e" and "a" join labels where they stand between two of them.
            if bare && matches!(label.as_str(), "e" | "a") && !found.is_empty() {
                range = label.as_str() == "a";
                continue;
            }
            let label = label.as_str().to_owned();
            match found.last().filter(|_| range).and_then(|from| between(from, &label)) {
                Some(more) => found.extend(more),
                None => found.push(label),
            }
            range = false;
        }
        if found.len() > 1 {
            all_called.push((whole.range(), found));
        }
    }
    all_called
}

/// Where a text speaks of one item by its mark, and of which.
pub(crate) fn called_singly(folded: &str) -> Vec<(Span, String)> {
    static ONE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"(?:\b(?:item|subitem|letra|alinea|bem)\s+(?:n[o.]*\s*)?|(?:^|[.;:]\s|\n)\s*no\s+)["'(]*([ivxl]{1,6}|[a-z]|\d{1,2}(?:\.\d{1,2})*)["')]*(?:\s*[(:,-]|\s+-)"#,
        )
    });
    ONE.captures_iter(folded)
        .filter_map(|hit| Some((hit.get(0)?.range(), hit.get(1)?.as_str().to_owned())))
        .collect()
}

/// The mark of one item that a text speaks of: "exceto o item (c), que foi rejeitado".
pub(crate) fn inner_reference(folded: &str) -> Option<String> {
    static ONE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r#"\b{ITEM_WORDS}\s+(?:n[o.]*\s*)?["'(]*([ivxl]{{1,6}}|[a-z]|\d{{1,2}}(?:\.\d{{1,2}})*)\b"#
        ))
    });
    Some(ONE.captures(folded)?.get(1)?.as_str().to_owned())
}

/// The items whose outcome a sentence pronounces by their marks, and what it says of each behind its mark: "aprovadas as
/// materias A, por maioria, e B, por unanimidade", "rejeitada a materia C".
pub(crate) fn pronounced(folded: &str) -> Vec<(String, Span)> {
    const LABEL: &str = r#"["'(]*(?:[ivxl]{1,6}|[a-z]|\d{1,2}(?:\.\d{1,2})*)["')]*"#;
    const HOW: &str = r"(?:,? por (?:maioria|unanimidade)(?: [a-z]+){0,4})?";
    static SAID: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r"\b(?:aprovad|rejeitad|reprovad|recusad|retirad|adiad|suspens|prejudicad|acolhid)[oa]s?\b[^;:]{{0,90}}?\b[ao]s? (?:itens|item|(?:materia|proposta|letra|alinea|deliberacao|questao)s?)\s+(?<l>{LABEL}{HOW}(?:(?:\s*,\s*(?:e\s+)?|\s+e\s+){LABEL}{HOW})*)\s*[.;]?\s*$"
        ))
    });
    static ONE: LazyLock<Regex> =
        LazyLock::new(|| pattern(&format!(r"(?:^|,\s*(?:e\s+)?|\s+e\s+)(?<l>{LABEL})(?<h>{HOW})")));
    let Some(list) = SAID.captures(folded).and_then(|hit| hit.name("l")) else { return Vec::new() };
    ONE.captures_iter(list.as_str())
        .filter_map(|hit| {
            let label = hit.name("l")?.as_str().trim_matches(|c: char| !c.is_ascii_alphanumeric());
            let how = hit.name("h")?.range();
            Some((label.to_owned(), list.start() + how.start..list.start() + how.end))
        })
        .collect()
}

/// The labels after `from` up to `to`, both numbers or both single letters.
fn between(from: &str, to: &str) -> Option<Vec<String>> {
    if let (Ok(from), Ok(to)) = (from.parse::<u32>(), to.parse::<u32>()) {
        return (from < to && to - from < 40).then(|| (from + 1..=to).map(|at| at.to_string()).collect());
    }
    const ROMAN: [&str; 12] = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"];
    let roman = |label: &str| ROMAN.iter().position(|one| *one == label);
    if let (Some(from), Some(to)) = (roman(from), roman(to)) {
        return ROMAN.get(from + 1..=to).map(|labels| labels.iter().map(|one| (*one).to_owned()).collect());
    }
    let (&[from], &[to]) = (from.as_bytes(), to.as_bytes()) else { return None };
    (from < to).then(|| (from + 1..=to).map(|at| char::from(at).to_string()).collect())
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
        // "Banco do Sul S.A; - agência": OCR takes the last dot of a company's ending for a semicolon.
        let ending = text.get(..at).is_some_and(|before| before.ends_with("s.a"))
            && text.get(at + 1..).is_some_and(|rest| rest.trim_start().starts_with(['-', ',']));
        if c == '\n' || c == ';' && depth <= 0 && !ending || listed {
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
    static FIRST: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"^\s+(?:\(?(?:a|i|1|1\.1|01|\d{1,2}\.1)(?:[).]|\s[-:]|\))|\(?[a-z]\)|primeir[oa]\s?[,:-])\s"#,
        )
    });
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
            ("1.200 cotas", ""),
            ("(ii) emissao", "ii"),
            ("4.2 letra", "4.2"),
            ("5.6) certificado", "5.6"),
            ("(2.10): cotas", "2.10"),
            ("i - lci", "i"),
            ("item (iv): o", "iv"),
            ("3. contratacao", "3"),
            ("ao item 2: foi", "2"),
            ("primeiro item: troca", "1"),
            ("quanto a segunda materia da ordem do dia, foi", "2"),
            ("no tocante ao item (c) da pauta, os", "c"),
            ("proposta terceira - fica", "3"),
            (" e quarto, incorporacao do outro fundo", "4"),
            ("segunda: mudanca de nome", "2"),
            ("bem 3 - casa", "3"),
        ] {
            assert_eq!(mark(text).map(|(label, _)| label).unwrap_or_default(), label, "{text}");
        }
    }

    #[test]
    fn several_items_are_called_at_once() {
        for (text, labels) in [
            ("os itens (a), (b) e (d) foram aprovados", vec!["a", "b", "d"]),
            ("as materias 1 a 3 restaram aprovadas", vec!["1", "2", "3"]),
            ("bens no 2 e 5", vec!["2", "5"]),
            ("os itens ii e iv", vec!["ii", "iv"]),
            ("itens (i) a (iii), inclusive", vec!["i", "ii", "iii"]),
            ("todas as materias da ordem do dia", vec![]),
        ] {
            assert_eq!(references(text), labels, "{text}");
        }
    }

    #[test]
    fn outcomes_are_pronounced_by_marks() {
        let said = |text: &str| -> Vec<(String, String)> {
            pronounced(text).into_iter().map(|(label, how)| (label, text[how].to_owned())).collect()
        };
        let all = said("aprovadas as materias a, por maioria, b, por unanimidade, e d, por maioria");
        let expected = [("a", ", por maioria"), ("b", ", por unanimidade"), ("d", ", por maioria")];
        assert_eq!(all, expected.map(|(label, how)| (label.to_owned(), how.to_owned())));
        assert_eq!(
            said("e nao aprovada, por falta de quorum, a proposta (iii)."),
            [("iii".to_owned(), String::new())]
        );
        assert!(said("aprovada a proposta do gestor").is_empty());
    }

    #[test]
    fn a_semicolon_in_parentheses_parts_nothing() {
        let text = "um (a; b); dois\ntres";
        let parts: Vec<&str> = clauses(text, &(0..text.len())).into_iter().map(|span| &text[span]).collect();
        assert_eq!(parts, ["um (a; b)", " dois", "tres"]);
        let firm = "do sul s.a; - agencia 1; e dois";
        assert_eq!(clauses(firm, &(0..firm.len())).len(), 2);
    }
}
