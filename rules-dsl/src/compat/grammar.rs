//! The line patterns of the predecessor, one regular expression per kind of line, always over a stripped line.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use super::python::strip;

/// The line patterns, compiled once.
pub(super) static LINE: LazyLock<Lines> = LazyLock::new(Lines::new);

pub(super) struct Lines {
    headings: [(Regex, Section); 7],
    pub(super) fact: Regex,
    pub(super) reason: Regex,
    pub(super) remedy: Regex,
    pub(super) intent: Regex,
    pub(super) pattern: Regex,
    pub(super) expected: Regex,
    pub(super) expansion: Regex,
    pub(super) normalisation: Regex,
    pub(super) rule: Regex,
    pub(super) rule_begins: Regex,
    pub(super) mentions: Regex,
    pub(super) mentions_not: Regex,
    pub(super) or: Regex,
    pub(super) replace: Regex,
    pub(super) keep: Regex,
    pub(super) synonym: Regex,
    pub(super) variable: Regex,
    pub(super) not_in_a_slug: Regex,
    pub(super) identifier: Regex,
    quoted: Regex,
}

/// What the lines under a heading are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Domain,
    Facts,
    Intents,
    Expansions,
    Normalisations,
    Rules,
    Synonyms,
}

impl Lines {
    fn new() -> Lines {
        Lines {
            headings: [
                (line(r"^DOMÍNIO:\s*(.+)$"), Section::Domain),
                (line(r"^FATOS\s+CONHECIDOS:?$"), Section::Facts),
                (line(r"^PADRÕES\s+DE\s+INTENÇÃO:?$"), Section::Intents),
                (line(r"^EXPANSÃO\s+DE\s+BUSCA:?$"), Section::Expansions),
                (line(r"^NORMALIZAR\s+TERMOS:?$"), Section::Normalisations),
                (line(r"^REGRAS\s+DE\s+VALIDAÇÃO:?$"), Section::Rules),
                (line(r"^SINÔNIMOS:?$"), Section::Synonyms),
            ],
            fact: line(r"^[AO]\s+(?:licença\s+)?(.+?)\s+tem\s+criticidade\s+(ALTO|MÉDIO|BAIXO)\.?$"),
            reason: line(r"^Motivo:\s*(.+)$"),
            remedy: line(r"^Ação:\s*(.+)$"),
            intent: line(r"^(\w+):?$"),
            pattern: line(r#"^[-•]\s*["']([^"']+)["']"#),
            expected: line(r"^Resposta\s+deve\s+conter:\s*(.+)$"),
            expansion: line(r#"^Para\s+["']?(\w+)["']?,?\s*(?:adicionar|buscar):\s*(.+)$"#),
            normalisation: line(r#"^["'](.+?)["']\s+corrigir\s+para:\s*["'](.+?)["']\s*(?:\[(.+?)\])?$"#),
            rule: line(r#"^QUANDO\s+(?:usuário\s+)?pergunta(?:r)?\s+["']([^"']+)["']"#),
            rule_begins: line(r"^QUANDO\b"),
            mentions: line(r#"^E\s+resposta\s+(?:menciona|contém)\s+["']([^"']+)["']"#),
            mentions_not: line(r#"^E\s+resposta\s+NÃO\s+(?:menciona|contém)\s+["']([^"']+)["']"#),
            or: line(r#"^OU\s+["']([^"']+)["']"#),
            replace: line(r"^ENTÃO\s+corrigir\s+para:$"),
            keep: line(r"^ENTÃO\s+manter\s+resposta"),
            synonym: line(r#"^["']([^"']+)["']\s+também\s+pode\s+ser:\s*(.+)$"#),
            variable: exact(r"\{facts\.criticidade\.(\w+)\[([0-9]+)\]\.(\w+)\}"),
            not_in_a_slug: exact(r"[^\w\s]"),
            identifier: exact(r"^[\p{XID_Start}_]\p{XID_Continue}*$"),
            quoted: exact(r#"["']([^"']+)["']"#),
        }
    }

    /// The heading that a line is, with the text of a `DOMÍNIO:`.
    pub(super) fn heading<'a>(&self, line: &'a str) -> Option<(Section, &'a str)> {
        let (regex, section) = self.headings.iter().find(|(regex, _)| regex.is_match(line))?;
        Some((*section, groups::<1>(regex, line).map_or("", |[text]| text)))
    }

    /// Every quoted item of a text; with none, the items between its commas.
    pub(super) fn terms(&self, text: &str) -> Vec<String> {
        let quoted = self.quoted(text);
        if !quoted.is_empty() {
            return quoted;
        }
        text.split(',').map(strip).filter(|term| !term.is_empty()).map(str::to_owned).collect()
    }

    /// Every quoted item of a text.
    pub(super) fn quoted(&self, text: &str) -> Vec<String> {
        self.quoted.captures_iter(text).filter_map(|found| Some(found.get(1)?.as_str().to_owned())).collect()
    }
}

/// The groups of the first match, a group without a match as an empty text.
pub(super) fn groups<'a, const N: usize>(regex: &Regex, line: &'a str) -> Option<[&'a str; N]> {
    // Asking for groups costs several times as much as asking for a match, and most lines match nothing.
    if !regex.is_match(line) {
        return None;
    }
    let found = regex.captures(line)?;
    Some(std::array::from_fn(|at| found.get(at + 1).map_or("", |group| group.as_str())))
}

/// A pattern that ignores case as `re.IGNORECASE` does.
fn line(pattern: &str) -> Regex {
    // To Python the dotted capital and the dotless small letter of Turkish are an `i` too; `s` and `k` need no help.
    build(&pattern.replace(['i', 'I'], "[iıİ]"), true)
}

fn exact(pattern: &str) -> Regex {
    build(pattern, false)
}

#[expect(clippy::expect_used, reason = "the patterns are constants of this file, compiled by every test")]
fn build(pattern: &str, ignore_case: bool) -> Regex {
    // Python's classes: marks are no part of a word there, and ASCII's separators are white space.
    let pattern = pattern.replace(r"\w", r"[\p{L}\p{N}_]").replace(r"\s", r"[\s\x1c-\x1f]");
    RegexBuilder::new(&pattern).case_insensitive(ignore_case).build().expect("a line pattern is well formed")
}
