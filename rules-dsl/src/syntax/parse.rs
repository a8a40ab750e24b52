//! Recognises items, section by section; what is not recognised is an error, never dropped.

mod check;
mod condition;
mod fact;
mod intent;
mod rule;
mod term;

use super::cursor::{Cursor, phrase};
use super::keyword as k;
use super::keyword::Forms;
use super::tree::{Line, LineKind, Span, Text, TokenKind, Tree};
use crate::diagnostic::{Code, Diagnostic};

/// Bytes of a rules file. The largest known has 20 KB; 4 MB are ten thousand rules.
pub const SOURCE_MAX: usize = 4 << 20;
/// Problems that are reported; a file with more is no rules file.
const DIAGNOSTICS_MAX: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    None,
    Domain,
    Facts,
    Intents,
    Expansions,
    Normalisations,
    Rules,
    Synonyms,
    Tests,
}

const SECTIONS: [(Forms, Section); 7] = [
    (k::FACTS, Section::Facts),
    (k::INTENTS, Section::Intents),
    (k::EXPANSIONS, Section::Expansions),
    (k::NORMALISATIONS, Section::Normalisations),
    (k::RULES, Section::Rules),
    (k::SYNONYMS, Section::Synonyms),
    (k::TESTS, Section::Tests),
];

const HEADINGS: &[&str] = &[
    "DOMÍNIO: …",
    "FATOS CONHECIDOS:",
    "PADRÕES DE INTENÇÃO:",
    "EXPANSÃO DE BUSCA:",
    "NORMALIZAR TERMOS:",
    "REGRAS DE VALIDAÇÃO:",
    "SINÔNIMOS:",
    "TESTES:",
];

/// Reads a rules file.
pub fn parse(source: &str) -> Tree<'_> {
    let mut parser = Parser { tree: Tree { source, ..Tree::default() }, at: 0, section: Section::None };
    if source.len() > SOURCE_MAX {
        parser.report(
            Diagnostic::new(Code::TooLarge, Span::new(0, 0))
                .about(format!("{} bytes", source.len()))
                .about(format!("{SOURCE_MAX} bytes")),
        );
        return parser.tree;
    }
    parser.lines();
    while parser.at < parser.tree.lines.len() {
        parser.item();
    }
    parser.tree
}

pub(super) struct Parser<'s> {
    tree: Tree<'s>,
    /// The line that is read next.
    at: usize,
    section: Section,
}

impl<'s> Parser<'s> {
    fn lines(&mut self) {
        let source = self.tree.source;
        // As many as usual files have; longer ones grow.
        self.tree.lines.reserve(source.len() / 28);
        self.tree.tokens.reserve(source.len() / 12);
        let mut start = 0;
        while start < source.len() {
            let rest = source.get(start..).unwrap_or("");
            let end = memchr::memchr(b'\n', rest.as_bytes()).map_or(source.len(), |at| start + at);
            let text = source.get(start..end).unwrap_or("");
            let text = text.strip_suffix('\r').unwrap_or(text);
            // A byte order mark is no text.
            let marked = if start == 0 { text.trim_start_matches('\u{feff}') } else { text };
            let trimmed = marked.trim_start();
            self.tree.lines.push(Line {
                span: Span::new(start, start + text.len()),
                indent: (text.len() - trimmed.len()) as u32,
                kind: match trimmed.chars().next() {
                    None => LineKind::Blank,
                    Some('#') => LineKind::Comment,
                    Some('─' | '━' | '═') => LineKind::Separator,
                    Some(_) => LineKind::Unknown,
                },
                tokens_from: 0,
                tokens_to: 0,
            });
            start = end + 1;
        }
    }

    fn line(&self) -> Option<Line> {
        self.tree.lines.get(self.at).copied()
    }

    /// The text of a line without its indentation.
    fn text_of(&self, line: &Line) -> &'s str {
        let source: &'s str = self.tree.source;
        source.get((line.span.start + line.indent) as usize..line.span.end as usize).unwrap_or("")
    }

    /// Whether one more problem is told.
    fn tells(&self) -> bool {
        self.tree.diagnostics.len() < DIAGNOSTICS_MAX
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.tells() {
            self.tree.diagnostics.push(diagnostic);
        }
    }

    /// Reads the current line with a cursor; when `read` gives something, the line is of this kind and is behind us.
    fn take<T>(
        &mut self,
        kind: LineKind,
        read: impl FnOnce(&mut Cursor<'s, '_>, &mut Vec<Diagnostic>) -> Option<T>,
    ) -> Option<T> {
        let line = self.line()?;
        let from = self.tree.tokens.len();
        let mut found = Vec::new();
        let start = (line.span.start + line.indent) as usize;
        let mut cursor = Cursor::new(self.tree.source, start, line.span.end as usize, &mut self.tree.tokens);
        let Some(value) = read(&mut cursor, &mut found) else {
            self.tree.tokens.truncate(from);
            return None;
        };
        let to = self.tree.tokens.len();
        if let Some(line) = self.tree.lines.get_mut(self.at) {
            (line.kind, line.tokens_from, line.tokens_to) = (kind, from as u32, to as u32);
        }
        for diagnostic in found {
            self.report(diagnostic);
        }
        self.at += 1;
        Some(value)
    }

    /// Skips blank lines, comments and separators; `false` at the end of the file.
    fn skip_trivia(&mut self) -> bool {
        while let Some(line) = self.line() {
            match line.kind {
                LineKind::Blank => {}
                LineKind::Comment => {
                    let span = Span { start: line.span.start + line.indent, end: line.span.end };
                    self.trivia(TokenKind::Comment, span);
                }
                LineKind::Separator => {}
                _ => return true,
            }
            self.at += 1;
        }
        false
    }

    fn trivia(&mut self, kind: TokenKind, span: Span) {
        let from = self.tree.tokens.len() as u32;
        self.tree.tokens.push(super::tree::Token { kind, span });
        if let Some(line) = self.tree.lines.get_mut(self.at) {
            (line.tokens_from, line.tokens_to) = (from, from + 1);
        }
    }

    fn item(&mut self) {
        if !self.skip_trivia() || self.heading() {
            return;
        }
        if self.rule() || self.check() {
            return;
        }
        let read = match self.section {
            Section::Facts => self.fact(),
            Section::Intents => self.intent(),
            Section::Expansions => self.expansion(),
            Section::Normalisations => self.normalisation(),
            Section::Synonyms => self.synonym(),
            Section::Rules | Section::Tests | Section::None | Section::Domain => false,
        };
        if !read {
            self.unknown();
        }
    }

    /// Whether the line is a heading or a directive; then it is behind us.
    fn heading(&mut self) -> bool {
        let Some(line) = self.line() else { return false };
        let text = self.text_of(&line);
        // Nearly every line fails here, at the price of one look at its first letter.
        if !text.starts_with(|c: char| c.is_alphabetic()) {
            return false;
        }
        if !starts_heading(text) {
            return false;
        }
        for (forms, section) in SECTIONS {
            let is = self.take(LineKind::Heading, |cursor, _| {
                cursor.word(forms)?;
                cursor.char(&[':']);
                cursor.done().then_some(())
            });
            if is.is_some() {
                self.section = section;
                return true;
            }
        }
        if let Some(domain) = self.take(LineKind::Heading, |cursor, _| {
            cursor.word(k::DOMAIN)?;
            cursor.char(&[':']).then_some(())?;
            let text = cursor.text();
            cursor.done();
            Some(text).filter(|text| !text.text.is_empty())
        }) {
            self.tree.domain = Some(domain);
            self.section = Section::Domain;
            return true;
        }
        if let Some(on) = self.take(LineKind::Heading, |cursor, _| {
            cursor.word(k::AUTOMATIC)?;
            cursor.char(&[':']);
            let on = if cursor.word(k::YES).is_some() { true } else { cursor.word(k::NO).map(|_| false)? };
            cursor.done().then_some(on)
        }) {
            self.tree.automatic_intents = Some(on);
            return true;
        }
        if let Some(file) = self.take(LineKind::Heading, |cursor, _| {
            cursor.word(k::IMPORT)?;
            let file = cursor.quoted().ok()??;
            cursor.done().then_some(file)
        }) {
            self.tree.imports.push(file);
            return true;
        }
        false
    }

    /// The current line is not understood.
    fn unknown(&mut self) {
        let Some(line) = self.line() else { return };
        let span = Span { start: line.span.start + line.indent, end: line.span.end };
        let text = self.text_of(&line).trim_end();
        let expected = self.expected();
        if self.section == Section::Domain && !means_something(text) {
            // Remarks under the domain were always allowed.
            self.take(LineKind::Part, |cursor, _| {
                cursor.text();
                Some(())
            });
            return;
        }
        if self.section == Section::Facts {
            self.tree.facts_broken = true;
        }
        let mut diagnostic = if looks_like_heading(text) {
            Diagnostic::new(Code::UnknownHeading, span).about(text.trim_end_matches(':')).expecting(HEADINGS)
        } else if self.section == Section::None {
            Diagnostic::new(Code::OutsideSection, span).expecting(HEADINGS)
        } else {
            Diagnostic::new(Code::UnknownLine, span).expecting(expected)
        };
        // Nobody sees what is nearest to a line of which nothing is told.
        if self.tells()
            && let Some((span, word)) = self.nearest(&line)
        {
            diagnostic = diagnostic.fixed(span, word);
        }
        self.report(diagnostic);
        self.take(LineKind::Unknown, |cursor, _| {
            cursor.text();
            cursor.done();
            Some(())
        });
    }

    fn expected(&self) -> &'static [&'static str] {
        match self.section {
            Section::None | Section::Domain => HEADINGS,
            Section::Facts => &["A licença X tem criticidade ALTO."],
            Section::Intents => &["nome_da_intenção:", "- \"padrão\"", "Resposta deve conter: \"termo\""],
            Section::Expansions => &["Para \"intenção\", adicionar: \"termo\", \"termo\""],
            Section::Normalisations => &["\"termo\" corrigir para: \"termo certo\""],
            Section::Rules => &["QUANDO usuário pergunta \"…\"", "REGRA \"nome\""],
            Section::Synonyms => &["\"palavra\" também pode ser: \"outra\", \"outra\""],
            Section::Tests => &["TESTE \"nome\""],
        }
    }

    /// The keyword that a line was probably meant to begin with.
    fn nearest(&self, line: &Line) -> Option<(Span, &'static str)> {
        let candidates: &[Forms] = match self.section {
            Section::Facts => &[k::REASON, k::ACTION],
            Section::Intents => &[k::MUST_CONTAIN],
            Section::Expansions => &[k::FOR],
            _ => &[k::WHEN, k::RULE, k::TEST],
        };
        nearest(self.text_of(line), line.span.start + line.indent, candidates)
            .or_else(|| nearest(self.text_of(line), line.span.start + line.indent, &HEADING_FORMS))
    }
}

const HEADING_FORMS: [Forms; 10] = [
    k::FACTS,
    k::INTENTS,
    k::EXPANSIONS,
    k::NORMALISATIONS,
    k::RULES,
    k::SYNONYMS,
    k::TESTS,
    k::DOMAIN,
    k::IMPORT,
    k::AUTOMATIC,
];

/// Whether a line may be a heading, by its first three folded letters.
fn starts_heading(text: &str) -> bool {
    const STARTS: [&[u8; 3]; 15] = [
        b"dom", b"int", b"aut", b"imp", b"fat", b"kno", b"pad", b"exp", b"sea", b"nor", b"reg", b"val",
        b"sin", b"syn", b"tes",
    ];
    let (mut start, mut length) = ([0; 3], 0);
    // Six characters, because a decomposed accent is one of its own.
    for c in text.chars().take(6) {
        let folded = match c {
            '\0'..='\x7f' => c.to_ascii_lowercase() as u8,
            'Ã' | 'ã' => b'a',
            'É' | 'é' | 'Ê' | 'ê' => b'e',
            'Í' | 'í' => b'i',
            'Ó' | 'ó' => b'o',
            '\u{300}'..='\u{36f}' => continue,
            _ => return false,
        };
        if let Some(place) = start.get_mut(length) {
            *place = folded;
            length += 1;
        }
        if length == start.len() {
            break;
        }
    }
    STARTS.contains(&&start)
}

/// Whether a line under the domain, where remarks may stand, was meant as more than a remark.
fn means_something(text: &str) -> bool {
    let item =
        [k::CORRECT_TO, k::ALSO, k::HAS_LEVEL].iter().any(|forms| term::position(text, forms).is_some());
    let pattern = text.starts_with(['-', '•', '*']) && text.contains(['"', '“']);
    let consequence =
        [k::THEN, k::FOR].iter().any(|forms| forms.iter().any(|(folded, _)| phrase(text, folded).is_some()))
            && text.contains(':');
    looks_like_heading(text) || item || pattern || consequence
}

/// `CONCLUSÕES DO CASO:` was meant as a heading.
fn looks_like_heading(text: &str) -> bool {
    text.chars().any(char::is_alphabetic) && in_capitals_with_colon(text)
}

/// A colon at the end, and no letter that is not a capital.
fn in_capitals_with_colon(text: &str) -> bool {
    text.ends_with(':') && text.chars().filter(|c| c.is_alphabetic()).all(char::is_uppercase)
}

/// The keyword nearest to the beginning of a text: at most two letters away, and fewer than a third of them; none when
/// two different ones are equally near.
pub(super) fn nearest(text: &str, at: u32, candidates: &[Forms]) -> Option<(Span, &'static str)> {
    let mut best: Option<(usize, Span, &'static str)> = None;
    let mut group = 0;
    let mut tied = false;
    for (index, (folded, shown)) in
        (0..).zip(candidates).flat_map(|(at, forms)| forms.iter().map(move |form| (at, form)))
    {
        let words = folded.split(' ').count();
        let head = first_words(text, words);
        let typed = crate::fold::fold(head);
        let distance = distance(&typed, folded);
        let close = distance <= 2 && distance * 3 < folded.chars().count().max(1);
        if !close {
            continue;
        }
        match &best {
            Some((least, ..)) if distance > *least => {}
            // `meior que` is as near to `menor que` as to `maior que`.
            Some((least, ..)) if distance == *least => tied |= index != group,
            _ => {
                best = Some((distance, Span { start: at, end: at + head.len() as u32 }, shown));
                (group, tied) = (index, false);
            }
        }
    }
    best.filter(|(distance, span, shown)| {
        !tied && (*distance > 0 || text.get(..(span.end - at) as usize) != Some(*shown))
    })
    .map(|(_, span, shown)| (span, shown))
}

fn first_words(text: &str, count: usize) -> &str {
    let mut words = 0;
    let mut inside = false;
    for (at, c) in text.char_indices() {
        let word = crate::fold::in_word(c) || c == '/';
        if word && !inside {
            words += 1;
        }
        if !word && (words == count || !c.is_whitespace()) {
            return text.get(..at).unwrap_or("");
        }
        inside = word;
    }
    text
}

/// The number of letters to change, add, leave out or swap with a neighbour.
fn distance(a: &str, b: &str) -> usize {
    // A word of the language is shorter; a long line is no keyword.
    const LENGTH_MAX: usize = 32;
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len() > LENGTH_MAX || a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let get = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut least =
                (get(&last, j) + usize::from(x != y)).min(get(&last, j + 1) + 1).min(get(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                least = least.min(get(&before, j - 1) + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

/// What is left of a line after its item is an error.
fn finish(cursor: &mut Cursor<'_, '_>, found: &mut Vec<Diagnostic>) -> bool {
    if cursor.done() {
        return true;
    }
    let span = cursor.rest_span();
    found
        .push(Diagnostic::new(Code::Trailing, span).about(shorten(cursor.rest().trim_end())).fixed(span, ""));
    cursor.text();
    cursor.done();
    false
}

/// A text for a message.
fn shorten(text: &str) -> String {
    const CHARACTERS_MAX: usize = 40;
    if text.chars().count() <= CHARACTERS_MAX {
        return text.to_owned();
    }
    text.chars().take(CHARACTERS_MAX).chain(['…']).collect()
}

impl<'s> Parser<'s> {
    /// `Para "x", adicionar: "a", b`
    fn expansion(&mut self) -> bool {
        let Some(line) = self.line() else { return false };
        let read = self.take(LineKind::Item, |cursor, found| {
            cursor.word(k::FOR)?;
            let intent = match cursor.quoted() {
                Ok(Some(text)) => text,
                Ok(None) => {
                    let rest = cursor.rest();
                    let end = rest.find(|c: char| c.is_whitespace() || c == ',')?;
                    cursor.piece(end, TokenKind::Name)
                }
                Err(span) => {
                    found.push(Diagnostic::new(Code::OpenQuote, span));
                    cursor.text();
                    return Some(None);
                }
            };
            cursor.char(&[',']);
            cursor.word(k::ADD)?;
            cursor.char(&[':']);
            let terms = term::list(cursor, found);
            Some(Some((intent, terms)))
        });
        match read {
            None => false,
            Some(None) => true,
            Some(Some((intent, terms))) => {
                if !terms.is_empty() {
                    self.tree.expansions.push(super::tree::Expansion { span: line.span, intent, terms });
                }
                true
            }
        }
    }

    /// `"a" também pode ser: "b", "c"`
    fn synonym(&mut self) -> bool {
        let Some(line) = self.line() else { return false };
        let read = self.take(LineKind::Item, |cursor, found| {
            let word = match cursor.quoted() {
                Ok(Some(text)) => text,
                Ok(None) => {
                    let at = term::position(cursor.rest(), k::ALSO)?;
                    cursor.piece(cursor.rest().get(..at)?.trim_end().len(), TokenKind::Bare)
                }
                Err(span) => {
                    found.push(Diagnostic::new(Code::OpenQuote, span));
                    cursor.text();
                    return Some(None);
                }
            };
            cursor.word(k::ALSO)?;
            cursor.char(&[':']);
            let others = term::list(cursor, found);
            Some(Some((word, others)))
        });
        match read {
            None => false,
            Some(None) => true,
            Some(Some((word, others))) => {
                if !others.is_empty() {
                    self.tree.synonyms.push(super::tree::Synonym { span: line.span, word, others });
                }
                true
            }
        }
    }

    /// `"a" corrigir para: "b" [case-sensitive]`
    fn normalisation(&mut self) -> bool {
        let Some(line) = self.line() else { return false };
        let read = self.take(LineKind::Item, |cursor, found| {
            let rest = cursor.rest();
            let at = term::position(rest, k::CORRECT_TO)?;
            let from = term::side(cursor, rest.get(..at)?.trim_end().len(), found);
            cursor.word(k::CORRECT_TO)?;
            cursor.char(&[':']);
            let to = match cursor.quoted() {
                Ok(Some(text)) => text,
                Ok(None) => cursor.bare(&['[', '#'], TokenKind::Bare),
                Err(span) => {
                    found.push(Diagnostic::new(Code::OpenQuote, span));
                    cursor.text();
                    return Some(None);
                }
            };
            let mut case_sensitive = false;
            let mut fine = from.is_some();
            if let Some((option, span)) = cursor.choice() {
                case_sensitive = option.to_lowercase().contains("case-sensitive")
                    || crate::fold::fold(option) == "maiusculas";
                if !case_sensitive {
                    fine = false;
                    found.push(
                        Diagnostic::new(Code::UnknownOption, span)
                            .about(shorten(option))
                            .expecting(&["[case-sensitive]"])
                            .fixed(span, ""),
                    );
                }
            }
            cursor.char(&['.', ';']);
            fine &= finish(cursor, found);
            Some(from.filter(|_| fine).map(|from| (from, to, case_sensitive)))
        });
        match read {
            None => false,
            Some(None) => true,
            Some(Some((from, to, case_sensitive))) => {
                if from.text.trim().is_empty() {
                    self.report(Diagnostic::new(Code::EmptyTerm, from.span));
                } else {
                    let item = super::tree::Normalisation { span: line.span, from, to, case_sensitive };
                    self.tree.normalisations.push(item);
                }
                true
            }
        }
    }
}

/// Where a line's text begins when `base` bytes of its indentation belong to the whole text; never inside a character,
/// because white space may have more bytes than one.
fn column(source: &str, line: &Line, base: u32) -> usize {
    let mut start = (line.span.start + base.min(line.indent)) as usize;
    while !source.is_char_boundary(start) {
        start += 1;
    }
    start
}

/// A text that must be there.
fn some_text(text: Text<'_>) -> Option<Text<'_>> {
    Some(text).filter(|text| !text.text.trim().is_empty())
}
