//! Who is mentioned where, what leads to the name, and what is said of the person.

use std::sync::LazyLock;

use regex::Regex;

use super::clauses::{clause_at, shortened};
use super::{Document, Text};
use crate::profile::{Pattern, When};
use crate::scan::{Kind, pattern};
use crate::text::{Span, fold};

/// One mention of a person.
#[derive(Clone, Debug)]
pub(crate) struct Mention {
    pub(crate) name: String,
    pub(crate) span: Span,
    /// From the clause's begin to the name.
    pub(crate) lead: Span,
    /// What is said of this person: up to the next person or the clause's end, over the parents' names.
    pub(crate) own: Span,
    /// Up to the next person who is not named for this one's sake, or the clause's end.
    pub(crate) wide: Span,
    /// Whether the name opens its clause.
    pub(crate) opens: bool,
    /// Named for another's sake: as spouse, parent, representative.
    pub(crate) nested: bool,
    /// The words nearest before the name that say what the persons after them are.
    pub(crate) role: Option<Span>,
    /// What opens the sentence or the enumeration, and the phrase before its last colon.
    pub(crate) groups: Vec<Span>,
}

/// Every mention of a document, in order.
#[derive(Debug, Default)]
pub(crate) struct People(Vec<Mention>);

fn nested(before: &str) -> bool {
    static LEAD: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?:(?:casad[oa]s?|convive\w*|uniao estavel|divorciad[oa]|separad[oa]|viuv[oa])\b[^;\n]{0,90}\b(?:com|de)|\b(?:representad|assistid|acompanhad|substituid)[oa]s?\b[^;\n]{0,90}?|\b(?:su[ao]|seu|pelo|pela)s?\s+(?:\w+\s+)?(?:mae|pai|genitora?|tutora?|curadora?|marido|esposa|mulher|conjuge|companheir[oa]|procurador[a]?|advogad[oa]|irma[o]?)\b[^;\n]{0,20}|\bviuv[oa] de|\bconjuge|\bprocurador[a]?|(?:pre-mort[oa]|falecid[oa]),?)\s*(?:[oa]\s+)?(?:(?:sr|sra|dr|dra)\.?\s*)?[,:]?\s*$",
        )
    });
    LEAD.is_match(before)
}

/// Whether a dead parent is named, in whose place another inherits: nothing more is said of that one.
fn represented(before: &str, after: &str) -> bool {
    static LEAD: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?:\bpre-mort[oa],?|\bfalecid[oa],?|representacao d[eoa]\s+(?:sua|seu)?\s*(?:finad[oa]\s+)?(?:mae|pai|genitora?|avo|irma[o]?),?)\s*$",
        )
    });
    LEAD.is_match(before) && !after.trim_start_matches([',', ' ']).starts_with("cpf")
}

fn parent(before: &str) -> bool {
    static LEAD: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"(?:\bfilh[oa]s?\s+de|\bfiliacao:?|\bnascid[oa] de)\s*(?:[oa]\s+)?$"));
    LEAD.is_match(before)
}

fn opens(lead: &str) -> bool {
    static LEAD: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^[^a-z0-9]*(?:(?:[ivxl]{1,6}|[a-z]|\d{1,2}(?:\.\d{1,2})*|item \d+)\s?o?\s?[-).:]+[^a-z0-9]*)?(?:e\s+)?(?:(?:[oa]s?\s+)?(?:\w+[\s:-]+){0,3})?(?:(?:sr|sra|dr|dra|srta)\.?\s*)?[^a-z0-9]*$",
        )
    });
    lead.len() < 60 && LEAD.is_match(lead)
}

impl People {
    /// Everybody in `document`; `roles` are words that say what the persons after them are.
    pub(crate) fn of(document: &Document<'_>, roles: Option<&Pattern>) -> Self {
        let text = &document.text;
        let folded = &text.flow.folded;
        let persons: Vec<_> = text.of_kind(Kind::Person, &text.all()).collect();
        let before = |span: &Span| text.folded(span.start.saturating_sub(130)..span.start);
        let parents: Vec<bool> = persons
            .iter()
            .enumerate()
            .map(|(at, person)| {
                let lead = before(&person.span);
                let second = at.checked_sub(1).and_then(|last| persons.get(last)).is_some_and(|last| {
                    parent(before(&last.span))
                        && matches!(
                            text.folded(last.span.end..person.span.start).trim(),
                            "e" | "e de" | "e da" | "e do"
                        )
                });
                let after = text.folded(person.span.end..person.span.end + 20);
                let shorter = at.checked_sub(1).and_then(|last| persons.get(last)).is_some_and(|last| {
                    let (long, short) = (fold(last.text()), fold(person.text()));
                    let words = || long.split(' ').collect::<Vec<_>>();
                    long != short && short.split(' ').all(|word| words().contains(&word))
                });
                parent(lead) || second || shorter || represented(lead, after)
            })
            .collect();
        let hidden: Vec<bool> = persons
            .iter()
            .zip(&parents)
            .map(|(person, parent)| *parent || nested(before(&person.span)))
            .collect();
        let spans: Vec<Span> = persons.iter().map(|person| person.span.clone()).collect();
        let mut mentions = Vec::new();
        for (at, person) in persons.iter().enumerate() {
            let clause = clause_at(folded, person.span.start);
            let clause =
                clause.start.max(document.head_before(person.span.start).min(person.span.start))..clause.end;
            let end_at = |skip: &[bool]| {
                let next = persons
                    .iter()
                    .zip(skip)
                    .skip(at + 1)
                    .find(|(_, skipped)| !**skipped)
                    .map_or(clause.end, |(next, _)| next.span.start);
                next.clamp(person.span.end, clause.end.max(person.span.end))
            };
            let lead = clause.start..person.span.start;
            mentions.push(Mention {
                name: person.text().to_owned(),
                span: person.span.clone(),
                opens: opens(text.folded(lead.clone())),
                lead,
                own: person.span.end..end_at(&parents),
                wide: person.span.end..end_at(&hidden),
                nested: hidden.get(at).copied().unwrap_or(false),
                role: roles.and_then(|roles| role(document, roles, &spans, &hidden, at)),
                groups: groups(text, &spans, person.span.start, document.head_before(person.span.start)),
            });
        }
        Self(mentions)
    }

    /// Whether what stands at `at`, in what is said of `mention`, follows the name of another directly, or of one who
    /// stands for that person: then it is that one's.
    pub(crate) fn speaks_of_another(&self, document: &Document<'_>, mention: &Mention, at: usize) -> bool {
        let text = &document.text;
        let Some(last) = self.0.iter().rfind(|other| other.span.end <= at) else { return false };
        if last.span == mention.span {
            return false;
        }
        let before = text.folded(last.span.start.saturating_sub(90)..last.span.start);
        let stands_for = before
            .rfind("representad")
            .max(before.rfind("assistid"))
            .max(before.rfind("procurador"))
            .is_some();
        stands_for || !text.folded(last.span.end..at).trim_start_matches([',', ' ']).contains(',')
    }

    /// In order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mention> {
        self.0.iter()
    }

    /// The mentions of one name.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = &Mention> {
        let name = fold(name);
        self.0.iter().filter(move |mention| fold(&mention.name) == name)
    }
}

/// Letters before the first person of a sentence that may say a role.
const ROLE_REACH: usize = 220;

/// The words of `roles` nearest before a person, of the same sentence, and not said of somebody named for another's
/// sake.
fn role(
    document: &Document<'_>,
    roles: &Pattern,
    persons: &[Span],
    hidden: &[bool],
    at: usize,
) -> Option<Span> {
    let text = &document.text;
    let head = document.head_before(persons.get(at)?.start);
    let (mut next, mut until) = (at, persons.get(at)?.start);
    loop {
        let last = next.checked_sub(1);
        let from = last.and_then(|last| persons.get(last)).map_or(head, |span| span.end);
        let from = from.max(until.saturating_sub(ROLE_REACH)).max(head.min(until));
        let gap = text.folded(from..until);
        let sentence = sentence_start(gap);
        // What leads to one who is named for another's sake is no role of those after.
        let leads = next == at || !hidden.get(next).copied().unwrap_or(false);
        let hit = leads.then(|| roles.find_all(gap.get(sentence..).unwrap_or("")).last()).flatten();
        if let Some(hit) = hit {
            return Some(from + sentence + hit.start..until);
        }
        if sentence > 0 {
            return None;
        }
        next = last?;
        until = persons.get(next)?.start;
    }
}

/// Where the last sentence of a text begins.
fn sentence_start(text: &str) -> usize {
    let mut stops = text.match_indices(['.', '\n']).filter(|(at, sign)| {
        let next = text.as_bytes().get(at + 1).copied().unwrap_or(b' ');
        let before = text.get(..*at).unwrap_or("").trim_end();
        match *sign {
            "\n" => !before.ends_with([';', ':', ',', '-']) && !text.get(at + 1..).is_some_and(listed),
            _ => next.is_ascii_whitespace() && !shortened(before),
        }
    });
    stops.next_back().map_or(0, |(at, _)| at + 1)
}

/// Whether a text goes on an enumeration.
fn listed(text: &str) -> bool {
    super::clauses::mark(text).is_some() || super::clauses::bullet(text)
}

/// From where the enumeration or the sentence begins to its first person; and the phrase before the last colon.
fn groups(text: &Text, persons: &[Span], at: usize, head: usize) -> Vec<Span> {
    let group = group(text, persons, at, head);
    let before = text.folded(group.start..at);
    let colon = before.rfind(": ").map(|colon| {
        let phrase = before.get(..colon).unwrap_or("");
        let start = phrase.rfind([';', '\n', ':']).map_or(0, |stop| stop + 1);
        let start = start.max(phrase.len().saturating_sub(PHRASE_MAX));
        group.start + start..group.start + colon + 1
    });
    std::iter::once(group).chain(colon).collect()
}

/// Letters of the phrase before a colon that are looked at.
const PHRASE_MAX: usize = 120;

/// From where the enumeration or the sentence begins to its first person.
fn group(text: &Text, persons: &[Span], at: usize, head: usize) -> Span {
    let folded = &text.flow.folded;
    let mut start = at;
    while start > head {
        let before = folded.get(..start).unwrap_or("");
        let Some(stop) = before.rfind(['\n', '.', ';', ':']).filter(|stop| *stop >= head) else {
            start = head;
            break;
        };
        let sign = folded.as_bytes().get(stop).copied().unwrap_or(b' ');
        let next = folded.as_bytes().get(stop + 1).copied().unwrap_or(b' ');
        let last = before.get(..stop).unwrap_or("").trim_end();
        let goes_on = match sign {
            b';' | b':' => true,
            b'\n' => last.ends_with([';', ':', ',']),
            // A dot within a number or an abbreviation, or of an item's own mark.
            _ => !next.is_ascii_whitespace() || shortened(last) || numeral(last),
        };
        if !goes_on {
            start = stop + 1;
            break;
        }
        start = stop;
    }
    let first = persons.iter().find(|span| span.start >= start).map_or(at, |span| span.start);
    start..first.min(at).max(start)
}

/// Whether the last line of a text is nothing but an item's number, as "1.2.1".
fn numeral(text: &str) -> bool {
    let line = text.rsplit('\n').next().unwrap_or("").trim();
    !line.is_empty() && line.len() < 9 && line.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Whether a mention is as `when` says.
pub(crate) fn matches(document: &Document<'_>, mention: &Mention, when: &When) -> bool {
    let text = &document.text;
    when.lead.as_ref().is_none_or(|lead| lead.ends(text.folded(mention.lead.clone()), 0))
        && when.own.as_ref().is_none_or(|own| {
            let said = if when.wide { &mention.wide } else { &mention.own };
            own.is_in(text.folded(said.clone()))
        })
        && !when.not_own.as_ref().is_some_and(|own| own.is_in(text.folded(mention.own.clone())))
        && when.role.as_ref().is_none_or(|role| {
            mention.role.as_ref().is_some_and(|span| role.is_in(text.folded(span.clone())))
        })
        && when
            .group
            .as_ref()
            .is_none_or(|group| mention.groups.iter().any(|span| group.is_in(text.folded(span.clone()))))
        && document.within(mention.span.start, &when.section)
        && (!when.opens || mention.opens)
}
