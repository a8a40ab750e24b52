//! A text with all that the scanners find in it, and a document's headings.

use super::clauses;
use crate::page::Page;
use crate::profile::{Find, Section};
use crate::scan::{self, Entity, Kind, Token};
use crate::text::{Flow, Span};

/// Letters of a heading at most.
const HEADING_MAX: usize = 110;

/// Letters of a phrase that opens a section, at most.
const OPENING_MAX: usize = 240;

/// A run of text and what it names: the whole document, or one row of a table.
#[derive(Debug, Default)]
pub(crate) struct Text {
    pub(crate) flow: Flow,
    pub(crate) tokens: Vec<Token>,
    entities: Vec<Entity>,
}

/// A document, ready to be asked.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    pub(crate) pages: &'a [Page],
    pub(crate) text: Text,
    /// Where a heading that a section knows begins, and the section's name.
    heads: Vec<(usize, String)>,
}

fn overlap(a: &Span, b: &Span) -> bool {
    a.start < b.end && b.start < a.end
}

impl Text {
    /// Scans `flow`.
    pub(crate) fn of(flow: Flow, scanned: bool) -> Self {
        let folded = &flow.folded;
        let tokens = scan::tokens(flow.chars(), folded);
        let mut entities: Vec<Entity> = Vec::new();
        let mut add = |found: Vec<Entity>, over: &[Kind]| {
            for one in found {
                if !entities.iter().any(|other| over.contains(&other.kind) && overlap(&other.span, &one.span))
                {
                    entities.push(one);
                }
            }
        };
        use Kind::{Cnpj, Company, Cpf, Date, Fraction, Fund, Money, Percent, Ticker};
        add(scan::cnpjs(folded), &[]);
        add(scan::cpfs(folded), &[Cnpj]);
        add(scan::dates(folded), &[Cnpj, Cpf]);
        add(scan::monies(folded), &[Date]);
        add(scan::percents(folded), &[]);
        add(scan::fractions(folded), &[Date, Cnpj, Cpf]);
        add(scan::tickers(flow.chars(), folded, scanned), &[]);
        add(scan::numbers(folded), &[Cnpj, Cpf, Date, Money, Percent, Fraction, Ticker]);
        add(scan::funds(flow.chars(), &tokens), &[]);
        add(scan::companies(flow.chars(), &tokens), &[]);
        add(scan::persons(flow.chars(), folded, &tokens), &[Company, Fund, Ticker]);
        entities.sort_by_key(|entity| entity.span.start);
        Self { flow, tokens, entities }
    }

    /// The things of `kind` that stand within `range`, in order.
    pub(crate) fn of_kind(&self, kind: Kind, range: &Span) -> impl DoubleEndedIterator<Item = &Entity> {
        let from = self.entities.partition_point(|entity| entity.span.start < range.start);
        let end = range.end;
        let rest = self.entities.get(from..).unwrap_or(&[]);
        let to = rest.partition_point(|entity| entity.span.start < end);
        rest.get(..to)
            .unwrap_or(&[])
            .iter()
            .filter(move |entity| entity.kind == kind && entity.span.end <= end)
    }

    /// The whole of it.
    pub(crate) fn all(&self) -> Span {
        0..self.flow.len()
    }

    /// The folded text of a range.
    pub(crate) fn folded(&self, span: Span) -> &str {
        self.flow.folded(span)
    }
}

impl<'a> Document<'a> {
    /// Reads `pages`, with the headings of `sections`.
    pub(crate) fn of(pages: &'a [Page], sections: &[Section]) -> Self {
        let scanned = pages.iter().any(|page| page.is_ocr);
        let text = Text::of(Flow::of(pages), scanned);
        let heads = headings(&text, sections);
        Self { pages, text, heads }
    }

    /// The section that the character `at` stands in.
    pub(crate) fn section(&self, at: usize) -> Option<&str> {
        let after = self.heads.partition_point(|(start, _)| *start <= at);
        self.heads.get(after.checked_sub(1)?).map(|(_, name)| name.as_str())
    }

    /// Whether `at` stands in one of `sections`; true where none is asked.
    pub(crate) fn within(&self, at: usize, sections: &[String]) -> bool {
        sections.is_empty() || self.section(at).is_some_and(|name| sections.iter().any(|one| one == name))
    }

    /// Whether `at` stands where a rule looks.
    pub(crate) fn stands(&self, at: usize, rule: &Find) -> bool {
        self.within(at, &rule.section) && (rule.not_section.is_empty() || !self.within(at, &rule.not_section))
    }

    /// The ranges of the sections called so.
    pub(crate) fn ranges(&self, sections: &[String]) -> Vec<Span> {
        let ends = self.heads.iter().skip(1).map(|(start, _)| *start).chain([self.text.flow.len()]);
        self.heads
            .iter()
            .zip(ends)
            .filter(|((_, name), _)| sections.contains(name))
            .map(|((start, _), end)| *start..end)
            .collect()
    }

    /// Where the heading before `at` begins.
    pub(crate) fn head_before(&self, at: usize) -> usize {
        let after = self.heads.partition_point(|(start, _)| *start <= at);
        after.checked_sub(1).and_then(|last| self.heads.get(last)).map_or(0, |(start, _)| *start)
    }
}

/// The headings that a section knows: lines of their own, and captions that open a paragraph or follow a full stop.
fn headings(text: &Text, sections: &[Section]) -> Vec<(usize, String)> {
    let folded = &text.flow.folded;
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut start = 0;
    for line in folded.split('\n') {
        let from = start;
        start += line.len() + 1;
        if let Some(name) = heading(text, from, line, sections) {
            found.push((from, name));
        }
        // Captions within a paragraph: "... dou fé. DOS HERDEIROS: ...".
        for (at, _) in line.match_indices(['.', ';', ':']) {
            let rest = line.get(at + 1..).unwrap_or("");
            let skip = rest.len() - rest.trim_start().len();
            if skip == 0 {
                continue;
            }
            let begin = from + at + 1 + skip;
            if let Some(name) = caption(text, begin, rest.trim_start(), sections, true) {
                found.push((begin, name));
            }
        }
    }
    // "Deliberaram o seguinte:" begins a section as a heading does.
    for (at, _) in folded.match_indices(':') {
        let before = folded.get(at.saturating_sub(OPENING_MAX)..at).unwrap_or("");
        let phrase = before.rsplit(['\n', ';', ':']).next().unwrap_or("");
        // "Que os bens sao estes. Primeiro: ...": what the sentence before opens is counted in words.
        let mut sentences = phrase.rsplit(". ");
        let mut phrase = sentences.next().unwrap_or("");
        let mut begin = at - phrase.len();
        if let ("primeiro" | "primeira", Some(before)) = (phrase.trim(), sentences.next()) {
            begin = begin.saturating_sub(2 + before.len());
            phrase = before;
        }
        let opened =
            sections.iter().find(|one| one.opening.as_ref().is_some_and(|opening| opening.is_in(phrase)));
        if let Some(section) = opened {
            found.push((begin, section.name.clone()));
        }
    }
    found.sort();
    found.dedup_by_key(|(at, _)| *at);
    found
}

fn heading(text: &Text, from: usize, line: &str, sections: &[Section]) -> Option<String> {
    let trimmed = line.trim_start();
    let from = from + line.len() - trimmed.len();
    let trimmed = trimmed.trim_end();
    if trimmed.is_empty() {
        return None;
    }
    let words = trimmed.split_whitespace().count();
    // Items of a list and rows of a table are not headings, whatever they begin with.
    let listed = clauses::mark(trimmed)
        .is_some_and(|(_, length)| trimmed.get(..length).is_some_and(|mark| mark.contains(')')));
    let sentence = trimmed.ends_with([';', ',']) || words > 14 || trimmed.contains('\t');
    let listed = listed && capitals(text, from, trimmed.len()) < 0.6 && words > 6;
    if trimmed.len() <= HEADING_MAX && !sentence && !listed && !trimmed.contains("r$") {
        let bare = unmarked(trimmed);
        let capitals = capitals(text, from, trimmed.len()) > 0.6;
        if capitals || words <= 9 || trimmed.len() != bare.len() && words <= 12 {
            return sections.iter().find(|one| one.heading.heads(bare)).map(|one| one.name.clone());
        }
    }
    caption(text, from, trimmed, sections, false)
}

/// A caption that opens a text: capitals, or a few words, and then a colon, a dash or a full stop.
fn caption(text: &Text, from: usize, rest: &str, sections: &[Section], inner: bool) -> Option<String> {
    let bare = unmarked(rest);
    let skipped = rest.len() - bare.len();
    let head = bare.get(..bare.len().min(HEADING_MAX)).unwrap_or(bare);
    let stops = [head.find([':', ';', '(']), head.find(". "), head.find(" - ")];
    let end = stops.into_iter().flatten().chain(head.ends_with('.').then(|| head.len() - 1)).min()?;
    let caption = head.get(..end)?;
    // Cells of a table's head are no captions.
    if caption.trim().contains('\t') {
        return None;
    }
    let words = caption.split_whitespace().count();
    let shout = capitals(text, from + skipped, end);
    let colon = head.get(end..)?.starts_with(':');
    let listed = rest.trim_start_matches('(').find(')').is_some_and(|at| at < 5) && skipped > 0;
    let begins = text.flow.chars().get(from + skipped).is_some_and(|c| c.is_uppercase());
    let fits = shout > 0.8 && words <= 10 || begins && words <= 6 && (colon || !inner && !listed);
    if !fits || words == 0 {
        return None;
    }
    sections.iter().find(|one| one.heading.heads(caption)).map(|one| one.name.clone())
}

/// A heading without its number: "clausula segunda - ", "ii.", "3.1 ".
fn unmarked(line: &str) -> &str {
    static MARK: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
        scan::pattern(
            r"^(?:(?:clausula|capitulo|secao|titulo|item|quesito)\s+)?(?:\(?(?:[ivxlh1|]{1,6}|\d{1,2}(?:\.\d{1,2})*[ao]?|[a-z])\s?[-.,):]+|(?:primeir|segund|terceir|quart|quint|sext|setim|oitav|non|decim)[oa](?:\s+(?:primeir|segund|terceir|quart|quint|sext|setim|oitav|non)[oa])?\s?[-.):]*)\s*[-.):]*\s*",
        )
    });
    MARK.find(line).and_then(|mark| line.get(mark.end()..)).filter(|rest| !rest.is_empty()).unwrap_or(line)
}

/// The share of capitals among the letters of a stretch.
fn capitals(text: &Text, from: usize, length: usize) -> f32 {
    let letters =
        text.flow.chars().get(from..from + length).unwrap_or(&[]).iter().filter(|c| c.is_alphabetic());
    let (all, upper) =
        letters.fold((0, 0), |(all, upper), c| (all + 1, upper + usize::from(c.is_uppercase())));
    if all == 0 { 0.0 } else { upper as f32 / all as f32 }
}
