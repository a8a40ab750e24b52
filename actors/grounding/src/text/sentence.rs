//! Where sentences end in legal and commercial Portuguese and English, and what a heading looks like.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::fold;
use super::value::pattern;

/// Abbreviations after which a full stop ends nothing, folded, without the stop.
const ABBREVIATIONS: &[&str] = &[
    "sr", "sra", "srs", "sras", "dr", "dra", "drs", "prof", "profa", "exmo", "exma", "ilmo", "ilma", "v",
    "exa", "art", "arts", "inc", "par", "n", "no", "nr", "num", "cf", "fl", "fls", "p", "pp", "pag", "pags",
    "vol", "ed", "etc", "ex", "av", "r", "al", "tv", "pca", "rod", "km", "apt", "apto", "bl", "cj", "ltda",
    "cia", "venc", "tel", "cel", "obs", "ref", "aprox", "min", "max", "jan", "fev", "mar", "abr", "jun",
    "jul", "ago", "set", "out", "nov", "dez", "mr", "mrs", "ms", "vs", "st", "co", "corp", "jr", "eg", "ie",
    "sec", "cl", "doc", "dept", "gen", "gov", "eng", "arq", "adv", "mat", "proc",
];

static HEADING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)^\s*(?:(?:cl[áa]usula|artigo|art\.|se[çc][ãa]o|cap[íi]tulo|t[íi]tulo|anexo|parte|",
        r"clause|article|section|chapter|annex|schedule|exhibit|appendix|part)\s+[\w§ºª.]+",
        r"|(?-i:[IVXLC]{1,6})\s*[-–—.)]\s+\p{L}|\d{1,2}(?:\.\d{1,2})*\.?\s*[-–—)]?\s+\p{Lu})"
    ))
});

/// Byte ranges of the sentences of one paragraph, without white space around them; together they hold every word.
pub(crate) fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut begin = 0;
    for (at, c) in text.char_indices() {
        if at < begin {
            continue;
        }
        let after = at + c.len_utf8();
        if (matches!(c, '.' | '!' | '?' | '…') && ends_here(text, begin, at, after))
            || (c == ';' && item_follows(text, after))
        {
            let close = text[after..]
                .chars()
                .take_while(|c| matches!(c, '"' | '”' | '’' | ')' | '»'))
                .map(char::len_utf8);
            let end = after + if c == ';' { 0 } else { close.sum::<usize>() };
            push_trimmed(text, begin..end, &mut found);
            begin = end;
        }
    }
    push_trimmed(text, begin..text.len(), &mut found);
    found
}

fn push_trimmed(text: &str, range: Range<usize>, found: &mut Vec<Range<usize>>) {
    let piece = &text[range.clone()];
    let start = range.start + (piece.len() - piece.trim_start().len());
    let end = range.end - (piece.len() - piece.trim_end().len());
    if start < end {
        found.push(start..end);
    }
}

fn ends_here(text: &str, begin: usize, at: usize, after: usize) -> bool {
    let rest = &text[after..];
    let closing = rest.trim_start_matches(['"', '”', '’', '\'', ')', '»']);
    if !closing.starts_with(char::is_whitespace) {
        return closing.is_empty();
    }
    let next =
        closing.trim_start().trim_start_matches(['"', '“', '‘', '(', '«', '-', '–', '—', '•']).chars().next();
    let starts_anew = next.is_none_or(|c| c.is_uppercase() || c.is_ascii_digit() || c == '§');
    (starts_anew || lettered(rest.trim_start()))
        && !(text[at..].starts_with('.') && abbreviates(&text[begin..at], next))
}

/// Does the word before a full stop merely abbreviate?
fn abbreviates(before: &str, next: Option<char>) -> bool {
    let last =
        before.rsplit(|c: char| c.is_whitespace() || matches!(c, '(' | '"' | '“' | '/')).next().unwrap_or("");
    let folded = fold(last);
    let tail = folded.rsplit('.').next().unwrap_or("");
    let numbered = before.trim_start() == last
        && !last.is_empty()
        && (last.chars().all(|c| c.is_ascii_digit() || c == '.') || last.chars().count() == 1);
    // `S.A.` before a capital ends more sentences than it continues; `5. Do foro` is a number before its item.
    let initials = folded.contains('.') && tail.chars().count() == 1 && !next.is_some_and(char::is_uppercase);
    let initial = last.chars().count() == 1 && last.chars().all(char::is_uppercase);
    let companies = matches!(tail, "ltda" | "cia" | "etc" | "inc" | "co" | "corp")
        && next.is_some_and(char::is_uppercase);
    numbered
        || initials
        || initial
        || (ABBREVIATIONS.contains(&folded.trim_end_matches(['º', 'ª'])) && !companies)
        || (ABBREVIATIONS.contains(&tail) && !companies && folded.contains('.'))
}

/// `; b) Célia …` and a semicolon at a line's end close an item of a list.
fn item_follows(text: &str, after: usize) -> bool {
    let rest = &text[after..];
    let next = rest.trim_start();
    let marked = lettered(next) || next.starts_with(['(', '•', '-', '–']);
    marked || (text[..after].ends_with(';') && rest.starts_with('\n'))
}

/// `b) …`, an item by its letter or digit.
pub(crate) fn is_item(next: &str) -> bool {
    lettered(next)
}

fn lettered(next: &str) -> bool {
    let mut chars = next.chars();
    matches!((chars.next(), chars.next()), (Some(a), Some(')')) if a.is_alphanumeric())
}

/// One line that names what follows: a clause, an article, a numbered or an all-capitals title.
pub(crate) fn is_heading(line: &str) -> bool {
    let line = line.trim();
    let letters = line.chars().filter(|c| c.is_alphabetic()).count();
    if letters < 3 || line.chars().count() > 100 || line.ends_with(['.', ';', ',']) || line.contains(" | ") {
        return false;
    }
    let capitals = line.chars().filter(|c| c.is_uppercase()).count();
    HEADING.is_match(line) || (capitals * 10 >= letters * 9 && letters >= 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn abbreviations_amounts_and_dates_do_not_end_a_sentence() {
        let one =
            "O Sr. Ruy pagou R$ 1.234,56 em 17.06.2024, cf. art. 5º e fls. 12, à Guará S.A. pelo lote nº 7";
        assert_eq!(cut(one), [one]);
    }

    #[test]
    fn sentences_end_at_stops_before_capitals() {
        assert_eq!(
            cut("É vedado. O prazo é de 60 dias. \"Sim.\" Fim"),
            ["É vedado.", "O prazo é de 60 dias.", "\"Sim.\"", "Fim"]
        );
    }

    #[test]
    fn list_items_are_sentences_of_their_own() {
        assert_eq!(
            cut("a) Otávio, filho; b) Célia, filha; c) Joaquim."),
            ["a) Otávio, filho;", "b) Célia, filha;", "c) Joaquim."]
        );
    }

    #[test]
    fn an_item_number_belongs_to_its_item() {
        assert_eq!(cut("5. Do foro de Recife. 6. Das multas."), ["5. Do foro de Recife.", "6. Das multas."]);
    }

    #[test]
    fn lettered_items_begin_anew_and_are_no_headings() {
        assert_eq!(
            cut("a) Contas: aprovadas.\nb) Emissão: aprovada."),
            ["a) Contas: aprovadas.", "b) Emissão: aprovada."]
        );
        assert!(!is_heading("c) Aquisição do galpão, pelo valor de"));
    }

    #[test]
    fn clauses_and_capitals_are_headings_and_sentences_are_not() {
        for line in [
            "Cláusula terceira - Da inventariança",
            "II - COMPONENTES EXAMINADOS",
            "ARTIGO 5º",
            "3. Payment terms",
            "RELATÓRIO",
        ] {
            assert!(is_heading(line), "{line}");
        }
        for line in ["O prazo é de 60 dias.", "Componente | Versão", "MIT", "e das demais"] {
            assert!(!is_heading(line), "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_word_falls_between_sentences(text in "[a-zA-Zé0-9.;:!? \n\")(]{0,200}") {
            let kept: String = cut(&text).concat().split_whitespace().collect();
            proptest::prop_assert_eq!(kept, text.split_whitespace().collect::<String>());
        }
    }
}
