//! Who gets how much of what: things, people and parts as they follow each other in the clauses of a partition.

mod handles;
mod matrix;

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value as Json;

use handles::{Handle, handles};

use super::Document;
use super::fields::Fields;
use super::find::{Candidate, Found, placed};
use super::lists::{Lists, MARK, Record};
use super::people::People;
use crate::profile::{List, Model, Shares};
use crate::scan::{Kind, pattern};
use crate::text::{Span, fold};

/// One person's part of a thing.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) who: Found,
    pub(crate) percent: Option<Found>,
    pub(crate) fraction: Option<Found>,
    pub(crate) value: Option<Found>,
    /// Whether it is said of "the heirs" and not of one by name.
    general: bool,
}

impl Part {
    /// "1/6 a cada um: Ana, 16,67%": takes the fraction that is said of all, where its own percentage is that one rounded.
    fn fraction_of(&mut self, general: &Self) {
        let own = self.percent.as_ref().and_then(|found| found.value.as_f64());
        let said = general.fraction.as_ref().filter(|_| general.general && self.fraction.is_none());
        let exact = said.and_then(|found| of_hundred(found.value.as_str()?));
        if own.zip(exact).is_some_and(|(own, exact)| (own - exact).abs() < ROUNDED) {
            self.fraction = general.fraction.clone();
        }
    }
}

/// A thing and its parts.
#[derive(Clone, Debug)]
pub(crate) struct Divided {
    pub(crate) thing: Found,
    pub(crate) parts: Vec<Part>,
}

/// What stands in a clause, in order.
#[derive(Clone, Debug)]
enum Sign {
    Thing(usize),
    /// Persons, by name.
    Who(Vec<String>),
    Percent(f64),
    Fraction(String),
    Money(f64),
}

struct Seen {
    span: Span,
    sign: Sign,
}

/// A part of a thing, before it is placed.
#[derive(Clone, Debug, Default)]
struct Portion {
    percent: Option<(f64, Span)>,
    fraction: Option<(String, Span)>,
    value: Option<(f64, Span)>,
}

impl Portion {
    fn is_empty(&self) -> bool {
        self.percent.is_none() && self.fraction.is_none() && self.value.is_none()
    }

    /// Takes what it lacks.
    fn fill(&mut self, other: Self) {
        self.percent = self.percent.take().or(other.percent);
        self.fraction = self.fraction.take().or(other.fraction);
        self.value = self.value.take().or(other.value);
    }

    /// Whether both say how much in the same way.
    fn clashes(&self, other: &Self) -> bool {
        let share = |one: &Self| one.percent.is_some() || one.fraction.is_some();
        self.percent.is_some() && other.percent.is_some()
            || self.fraction.is_some() && other.fraction.is_some()
            || self.value.is_some() && (other.value.is_some() || share(self) && share(other))
    }

    fn take(&mut self, seen: &Seen) {
        match &seen.sign {
            Sign::Percent(percent) if self.percent.is_none() => {
                self.percent = Some((*percent, seen.span.clone()))
            }
            Sign::Fraction(fraction) if self.fraction.is_none() => {
                self.fraction = Some((fraction.clone(), seen.span.clone()));
            }
            Sign::Money(value) if self.value.is_none() => self.value = Some((*value, seen.span.clone())),
            _ => {}
        }
    }
}

/// Reads the shares of a profile.
pub(crate) fn read(
    document: &Document<'_>,
    people: &People,
    fields: &Fields,
    lists: &Lists,
    model: &Model,
    shares: &Shares,
) -> Vec<Divided> {
    let (things, origins) = things(lists, model, shares);
    let mut reader = Reader {
        document,
        people,
        fields,
        lists,
        shares,
        things: &things,
        origins: &origins,
        lists_of_kinds: (model.list.iter())
            .filter(|list| list.beside.is_some() && shares.things.contains(&list.at))
            .collect(),
        handles: Vec::new(),
    };
    reader.handles = handles(&things, &origins, shares, &reader.known());
    let mut found: Vec<Divided> = Vec::new();
    let mut all: Vec<(usize, Vec<Part>)> = Vec::new();
    let mut collect = |thing: usize, parts: Vec<Part>| all.push((thing, parts));
    reader.tables(&mut collect);
    reader.tables_of_one(&mut collect);
    let covered = reader.matrices(&mut collect);
    let mut ranges = document.ranges(&shares.section);
    if let (true, Some(anywhere)) = (ranges.is_empty(), &shares.anywhere) {
        ranges = super::clauses::paragraphs(&document.text.flow.folded)
            .filter(|range| anywhere.is_in(document.text.folded(range.clone())))
            .collect();
    }
    for range in ranges {
        reader.section(range, &covered, &mut collect);
    }
    // What is said of one by name comes before what is said of all.
    let (named, general): (Vec<_>, Vec<_>) = all
        .into_iter()
        .flat_map(|(thing, parts)| parts.into_iter().map(move |part| (thing, part)))
        .partition(|(_, part)| !part.general);
    let mut put = |thing: usize, parts: Vec<Part>| {
        let Some(name) = things.get(thing).and_then(|record| record.get(&shares.thing_name)) else { return };
        match found.iter_mut().find(|one| one.thing == *name) {
            Some(one) => {
                for part in parts {
                    match one.parts.iter_mut().find(|known| known.who.value == part.who.value) {
                        Some(known) => known.fraction_of(&part),
                        None => one.parts.push(part),
                    }
                }
            }
            None if !parts.is_empty() => found.push(Divided { thing: name.clone(), parts }),
            None => {}
        }
    };
    for (thing, part) in named.into_iter().chain(general) {
        put(thing, vec![part]);
    }
    let order =
        |one: &Divided| things.iter().position(|record| record.get(&shares.thing_name) == Some(&one.thing));
    found.sort_by_key(order);
    for one in &mut found {
        let worth = things
            .iter()
            .find(|record| record.get(&shares.thing_name) == Some(&one.thing))
            .and_then(|record| record.get(&shares.thing_value)?.value.as_f64());
        no_more_than(worth, &mut one.parts);
    }
    found.retain(|one| !one.parts.is_empty());
    let equal = reader.equivalences();
    let fractions = reader.fractions_behind();
    for part in found.iter_mut().flat_map(|one| &mut one.parts) {
        reader.in_hundredths(part, &equal);
        reader.as_fraction(part, &fractions);
    }
    found
}

/// Letters of a sentence in which it names what it is about.
const OPENING_MAX: usize = 12;

/// Letters between two things that are named together at most.
const JOINED_MAX: usize = 160;

/// Letters between what a thing is and its name or number at most.
const BESIDE: usize = 40;

/// Digits of a number that tells one account from another, at least.
const NUMBER_DIGITS: usize = 4;

/// Letters of a cell at most; in a sentence a number may be a year.
const CELL_LETTERS: usize = 80;

/// Letters before and after a table that may say what it is of.
const AROUND: usize = 240;

struct Reader<'a> {
    document: &'a Document<'a>,
    people: &'a People,
    fields: &'a Fields,
    lists: &'a Lists,
    shares: &'a Shares,
    things: &'a [Record],
    /// The list that each thing is of.
    origins: &'a [&'a List],
    /// The lists that say what kinds of things there are.
    lists_of_kinds: Vec<&'a List>,
    handles: Vec<Handle>,
}

/// The things of every list, in the order of the document, and the list of each.
fn things<'a>(lists: &Lists, model: &'a Model, shares: &Shares) -> (Vec<Record>, Vec<&'a List>) {
    let mut found: Vec<(Record, &List)> = Vec::new();
    for at in &shares.things {
        let records = lists.get(at).map_or(&[][..], |records| records);
        let Some(list) = model.list.iter().find(|list| list.at == *at) else { continue };
        found.extend(records.iter().map(|record| (record.clone(), list)));
    }
    let place =
        |record: &Record| record.get(&shares.thing_name).map(|name| (name.place.page, name.place.start));
    if shares.things.len() > 1 {
        found.sort_by_key(|(record, _)| place(record));
    }
    found.into_iter().unzip()
}

impl Reader<'_> {
    /// What the document itself calls the same: "1/3 (33,3333%)", "a fração de 1/6 equivale a 16,6667%".
    fn equivalences(&self) -> Vec<Equal> {
        let text = &self.document.text;
        let all = text.all();
        let percents: Vec<(Span, f64)> = text
            .of_kind(Kind::Percent, &all)
            .filter_map(|one| Some((one.span.clone(), one.number()?)))
            .collect();
        let mut found: Vec<Equal> = Vec::new();
        for one in text.of_kind(Kind::Fraction, &all) {
            let Some(hundredths) = of_hundred(one.text()) else { continue };
            let from = percents.partition_point(|(span, _)| span.start < one.span.end);
            let near = percents.get(from).filter(|(span, percent)| {
                let between = text.folded(one.span.end..span.start);
                between.len() <= EQUAL_REACH
                    && !between.contains([';', '\n'])
                    && (percent - hundredths).abs() < EQUAL_SLACK
            });
            if let Some((span, percent)) = near {
                found.push(Equal {
                    fraction: one.text().to_owned(),
                    written: one.span.clone(),
                    percent: *percent,
                    hundredths: span.clone(),
                });
            }
        }
        found
    }

    /// A part as the fraction that the document calls it by behind the things, where its percentage is that one rounded.
    fn as_fraction(&self, part: &mut Part, fractions: &[(String, Span)]) {
        let Some(percent) = part.percent.as_ref().filter(|_| part.fraction.is_none()) else { return };
        let Some(number) = percent.value.as_f64() else { return };
        let is = |(fraction, _): &&(String, Span)| {
            of_hundred(fraction).is_some_and(|exact| (exact - number).abs() < FRACTION_SLACK)
        };
        let Some((fraction, span)) = fractions.iter().find(is) else { return };
        let value = Json::from(fraction.as_str());
        let one = Candidate { span: span.clone(), value, flags: vec!["derived"] };
        part.fraction = placed(&self.document.text, self.document.pages, one, 0.7);
    }

    /// The fractions that the document names behind the last thing.
    fn fractions_behind(&self) -> Vec<(String, Span)> {
        let text = &self.document.text;
        let places =
            self.things.iter().filter_map(|record| Some(&record.get(&self.shares.thing_name)?.place));
        let last = places
            .filter_map(|place| {
                let page = self.document.pages.iter().position(|page| page.number == place.page)?;
                Some(text.flow.at(page, place.start))
            })
            .max();
        let from = last.unwrap_or(text.flow.len());
        let behind = from..text.flow.len();
        let written =
            text.of_kind(Kind::Fraction, &behind).filter(|one| text.folded(one.span.clone()).contains('/'));
        written.map(|one| (one.text().to_owned(), one.span.clone())).collect()
    }

    /// A part in hundredths too, where its fraction is exactly that or the document says what it is.
    fn in_hundredths(&self, part: &mut Part, equal: &[Equal]) {
        if part.percent.is_some() {
            return;
        }
        let Some(found) = &part.fraction else { return };
        let Some(fraction) = found.value.as_str() else { return };
        let said = equal.iter().find(|one| one.fraction == fraction);
        let one = match (said, exact(fraction)) {
            (Some(said), _) => (said.hundredths.clone(), said.percent),
            (None, Some(exact)) => {
                part.percent = Some(Found {
                    value: Json::from(exact),
                    weight: 0.7,
                    flags: vec!["derived"],
                    ..found.clone()
                });
                return;
            }
            (None, None) => return,
        };
        let one = Candidate { span: one.0, value: Json::from(one.1), flags: vec!["derived"] };
        part.percent = placed(&self.document.text, self.document.pages, one, 0.7);
    }

    fn section(&self, range: Span, covered: &[Span], put: &mut impl FnMut(usize, Vec<Part>)) {
        let (mut thing, mut outer): (Option<usize>, Option<(Vec<String>, Span)>) = (None, None);
        self.everything(&range, put);
        // Whether the clause that named the thing left open who gets it.
        let (mut open, mut last_end) = (false, range.start);
        for (clause, called) in self.pieces(&range) {
            let tabled = covered.iter().filter(|word| clause.start <= word.start && word.end <= clause.end);
            if tabled.map(|word| word.len() + 1).sum::<usize>() * 2 > clause.len() {
                continue;
            }
            let seen = self.seen(&clause);
            if let Some(called) = called {
                // "Itens 2 e 4: metade a cada um": each of them is shared so; none of ours, and nothing is said here.
                for one in &called {
                    let parts = self.parts(*one, &seen, &clause, false);
                    put(*one, if called.len() > 1 { without_values(parts) } else { parts });
                }
                (thing, outer, open, last_end) = (None, None, false, clause.end);
                continue;
            }
            let things: Vec<usize> = (0..seen.len())
                .filter(|at| matches!(seen.get(*at), Some(Seen { sign: Sign::Thing(_), .. })))
                .collect();
            let first_who = seen.iter().position(|one| matches!(one.sign, Sign::Who(_)));
            let text = self.document.text.folded(clause.clone());
            let other = self.shares.other_things.as_ref().is_some_and(|other| other.is_in(text));
            let beside = !self.document.text.folded(last_end..clause.start).contains('\n');
            last_end = clause.end;
            if other || !(open || beside) {
                thing = None;
            }
            match (things.first(), first_who) {
                (Some(first), Some(who)) if *first < who => {
                    // Each thing, and who gets it.
                    let ends = things.iter().skip(1).copied().chain([seen.len()]);
                    let mut group: Vec<(usize, usize)> = Vec::new();
                    for (begin, end) in things.iter().copied().zip(ends) {
                        let Some(Seen { sign: Sign::Thing(one), span }) = seen.get(begin) else { continue };
                        if !group.last().is_some_and(|(_, last)| self.joined(*last..span.start)) {
                            group.clear();
                        }
                        group.push((*one, span.end));
                        let rest = seen.get(begin + 1..end).unwrap_or(&[]);
                        if rest.is_empty() && end < seen.len() {
                            continue;
                        }
                        // The last named before the next thing may open that one: "...; a conta a João".
                        let parts = self.parts(*one, rest, &clause, things.len() > 1);
                        open = parts.is_empty() || text.trim_end().ends_with(':');
                        self.to_each(&group, &parts, put);
                        group.clear();
                        thing = Some(*one);
                    }
                    outer = None;
                }
                (Some(_), _) => {
                    let last = self.by_person(&seen, &clause, outer.clone(), put);
                    if first_who.is_some() {
                        outer = last;
                        thing = None;
                    } else if outer.is_none() {
                        open = true;
                        thing = things.last().and_then(|at| match seen.get(*at) {
                            Some(Seen { sign: Sign::Thing(one), .. }) => Some(*one),
                            _ => None,
                        });
                    }
                }
                (None, Some(who)) => {
                    if let Some(one) = thing {
                        put(one, self.parts(one, &seen, &clause, false));
                    } else if let Some(Seen { sign: Sign::Who(names), span }) = seen.get(who) {
                        outer = Some((names.clone(), span.clone()));
                    }
                }
                (None, None) => {}
            }
        }
    }

    /// Whether a text only joins two things: "a casa e a poupança", "o apartamento 12, a vaga 7 e a conta".
    fn joined(&self, between: Span) -> bool {
        let said = self.document.text.folded(between.clone());
        between.len() < JOINED_MAX
            && !said.contains([';', ':', '\n', '%', '$'])
            && !said.contains(". ")
            && !self.shares.tied.as_ref().is_some_and(|tied| tied.is_in(said))
    }

    /// The parts of things that are shared alike; what all of them are worth is not what a part of one is worth.
    fn to_each(&self, group: &[(usize, usize)], parts: &[Part], put: &mut impl FnMut(usize, Vec<Part>)) {
        for (thing, _) in group {
            let own = parts.to_vec();
            put(*thing, if group.len() > 1 { without_values(own) } else { own });
        }
    }

    /// The clauses of a range, cut where several things, or others than ours, are called by their marks; and which of
    /// ours are.
    fn pieces(&self, range: &Span) -> Vec<(Span, Option<Vec<usize>>)> {
        let mark = |record: &Record| record.get(MARK).and_then(|mark| mark.value.as_str()).map(str::to_owned);
        let marks: Vec<Option<String>> = self.things.iter().map(mark).collect();
        let thing = |label: &String| marks.iter().position(|mark| mark.as_ref() == Some(label));
        let numbered = marks.iter().any(Option::is_some);
        let mut found = Vec::new();
        for clause in super::clauses::clauses(&self.document.text.flow.folded, range) {
            let text = self.document.text.folded(clause.clone());
            let mut cuts: Vec<(usize, Option<Vec<usize>>)> = Vec::new();
            let mut last = 0;
            for (at, labels) in super::clauses::called(text) {
                // "À viúva caberá 1/2 de cada um dos bens 1 e 3": who and how much stand before it.
                let before = text.get(..at.start).unwrap_or("");
                let begin = match described_behind(before) {
                    true => before.rfind(". ").map_or(0, |stop| stop + 1).max(last),
                    false => at.start,
                };
                last = at.end;
                cuts.push((begin, Some(labels.iter().filter_map(thing).collect())));
            }
            // "25% do CDB do item 4.6": the part stands before it.
            let bracketed = |at: usize| {
                text.get(..at).is_some_and(|before| before.ends_with('(') || described_behind(before))
            };
            let singly = super::clauses::called_singly(text);
            // "1/6 da casa (item 3.1)": what is described is said again by its mark.
            let described =
                numbered && !singly.is_empty() && singly.iter().all(|(at, _)| bracketed(at.start));
            if described && singly.iter().all(|(_, label)| thing(label).is_none()) && !self.names(&clause) {
                continue;
            }
            for (at, label) in singly.into_iter().filter(|_| !described) {
                let called = thing(&label).map_or(Some(Vec::new()), |_| None);
                if numbered && !cuts.iter().any(|(start, _)| start.abs_diff(at.start) < 4) {
                    cuts.push((at.start, called));
                }
            }
            cuts.sort_by_key(|(at, _)| *at);
            // What stands before the first belongs to no one that is called.
            let mut start = clause.start;
            let mut called = None;
            for (at, next) in cuts {
                if clause.start + at > start {
                    found.push((start..clause.start + at, called));
                }
                (start, called) = (clause.start + at, next);
            }
            match called {
                None => found.extend(self.by_thing(start..clause.end)),
                called => found.push((start..clause.end, called)),
            }
        }
        found
    }

    /// Whether a clause names somebody who may have a part.
    fn names(&self, clause: &Span) -> bool {
        let known = self.known();
        let within = |span: &Span| clause.start <= span.start && span.end <= clause.end;
        self.people.iter().any(|one| within(&one.span) && self.party(&one.name, &known))
            || self.aliases(clause).iter().any(|(_, names)| names.len() == 1)
    }

    /// Whether a part or a sum stands in a text.
    fn says_how_much(&self, clause: &Span) -> bool {
        let kinds = [Kind::Percent, Kind::Fraction, Kind::Money];
        kinds.into_iter().any(|kind| self.document.text.of_kind(kind, clause).next().is_some())
    }

    /// A clause cut before each sentence that names another thing of ours, or one that is none of ours.
    fn by_thing(&self, clause: Span) -> Vec<(Span, Option<Vec<usize>>)> {
        let text = &self.document.text;
        let mut found: Vec<(Span, Option<Vec<usize>>)> = Vec::new();
        let mut last: Option<usize> = None;
        for sentence in super::clauses::sentences(text.flow.chars(), &text.flow.folded, &clause) {
            let named = self.thing_of(text.folded(sentence.clone()));
            let strange = named.is_none() && !found.is_empty() && self.opens_with_another(&sentence);
            // "...; e Rui, 25%, R$ 10,00. 2. O lote caberá": the end of what was said of the thing before.
            let of_before = named.is_some()
                && last.is_none()
                && text.flow.folded.get(..clause.start).is_some_and(|before| before.ends_with(';'))
                && found.last().is_some_and(|(piece, _)| self.names(piece) && self.says_how_much(piece));
            let goes_on = !strange && (named.is_none() || last.is_none() && !of_before || named == last);
            match found.last_mut().filter(|piece| goes_on && (named.is_none() || piece.1.is_none())) {
                Some(piece) => piece.0.end = sentence.end,
                None => found.push((sentence, strange.then(Vec::new))),
            }
            last = if strange { None } else { named.or(last) };
        }
        found
    }

    /// Whether a sentence without a thing of ours begins with some thing: "A lancha caberá a ambos".
    fn opens_with_another(&self, sentence: &Span) -> bool {
        static ARTICLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[^a-z0-9]*(?:ja\s+)?[oa]s?\s"));
        let text = self.document.text.folded(sentence.clone());
        let Some(lead) = ARTICLE.find(text) else { return false };
        let kinds = self.lists_of_kinds.iter().filter_map(|list| list.require.as_ref());
        let rest = text.get(lead.end()..).unwrap_or("");
        let mut first = kinds.filter_map(|kinds| kinds.find(rest));
        first.any(|hit| hit.start < OPENING_MAX)
    }

    /// Tables whose rows say who gets how much, of the thing that the row or the sentence before the table names.
    fn tables(&self, put: &mut impl FnMut(usize, Vec<Part>)) {
        for grid in
            super::grid::grids(self.document.pages, &["herdeiro"], &super::grid::heads(&self.shares.column))
        {
            let at = self.document.text.flow.at(grid.page, grid.head_at);
            let before = self.document.text.folded(at.saturating_sub(200)..at).trim_end().to_owned();
            let mut thing = self.thing_of(before.rsplit('\n').next().unwrap_or(""));
            let rows = super::rows::rows(self.document.pages, &grid);
            let every = thing.is_none() && self.of_every(&grid);
            let mut records: Vec<Record> = rows
                .iter()
                .map(|row| super::lists::from_row(self.document, &self.shares.column, row))
                .collect();
            let name = |record: &Record| record.get("bem").and_then(|found| found.value.as_str()).map(fold);
            let names: Vec<Option<String>> = records.iter().map(name).collect();
            // A cell that spans the rows of one thing stands beside any of them.
            let parts: Vec<Option<f64>> = records.iter().map(hundredths).collect();
            let named: Vec<bool> = names.iter().map(Option::is_some).collect();
            let owners = by_hundreds(&parts, &named);
            for (at, record) in records.iter_mut().enumerate() {
                let own = owners.as_ref().map_or(Some(at), |owners| owners.get(at).copied());
                if let Some(name) = own.and_then(|own| names.get(own)?.as_ref()) {
                    thing = self.thing_of(name);
                }
                let of: Vec<usize> = match thing {
                    Some(thing) => vec![thing],
                    None if every => (0..self.things.len()).filter(|thing| self.in_bulk(*thing)).collect(),
                    None => continue,
                };
                let Some(who) = record.remove("herdeiro") else { continue };
                let mut take = |key: &str| record.remove(key);
                let mut part = Part {
                    who,
                    percent: take("percentual"),
                    fraction: take("fracao"),
                    value: take("valor"),
                    general: false,
                };
                if part.percent.is_none() && part.fraction.is_none() {
                    continue;
                }
                if thing.is_none() {
                    // What all of them are worth is not what a part of one is worth.
                    (part.value, part.general) = (None, true);
                    part.who = self.whole_name(part.who);
                }
                for thing in of {
                    put(thing, vec![part.clone()]);
                }
            }
        }
    }

    /// Whether a table of persons without things is said to be of each thing: in the sentence before it or after it.
    fn of_every(&self, grid: &super::grid::Grid) -> bool {
        let text = &self.document.text;
        if grid.keys.iter().flatten().any(|key| key == "bem") {
            return false;
        }
        let at = text.flow.at(grid.page, grid.head_at);
        let end = grid.words.iter().map(|word| text.flow.at(grid.page, word.end)).max().unwrap_or(at);
        let before = text.folded(at.saturating_sub(AROUND)..at);
        let after = text.folded(end..end + AROUND);
        let line = |text: &str| self.shares.all_things.as_ref().is_some_and(|all| all.is_in(text));
        line(before.trim_end().rsplit('\n').next().unwrap_or(""))
            || line(after.trim_start().split('\n').next().unwrap_or(""))
    }

    /// A person as the document names that one, where a cell says more: "Rui Lobo (meeiro)".
    fn whole_name(&self, who: Found) -> Found {
        let said = who.value.as_str().map(fold).unwrap_or_default();
        match self.known().into_iter().find(|name| said.starts_with(&fold(name))) {
            Some(name) => Found { value: Json::from(name), ..who },
            None => who,
        }
    }

    /// Tables of what one person gets: the sentence before the table says who, and each row what and how much.
    fn tables_of_one(&self, put: &mut impl FnMut(usize, Vec<Part>)) {
        let pages = self.document.pages;
        for grid in super::grid::grids(pages, &["bem"], &super::grid::heads(&self.shares.column)) {
            let text = &self.document.text;
            let at = text.flow.at(grid.page, grid.head_at);
            if grid.keys.iter().flatten().any(|key| key == "herdeiro")
                || !self.document.within(at, &self.shares.section)
            {
                continue;
            }
            let before = text.folded(at.saturating_sub(400)..at).trim_end();
            let sentence = before.len() - before.rsplit('\n').next().unwrap_or("").len();
            let from = at.saturating_sub(400) + sentence;
            let mut named = self.seen(&(from..at)).into_iter().filter_map(|one| match one.sign {
                Sign::Who(names) => Some((names, one.span)),
                _ => None,
            });
            let Some((names, span)) = named.next() else { continue };
            let ([name], true) = (names.as_slice(), named.all(|(other, _)| other == names)) else { continue };
            for row in super::rows::rows(pages, &grid) {
                let mut record = super::lists::from_row(self.document, &self.shares.column, &row);
                let thing =
                    record.get("bem").and_then(|found| self.thing_called(&fold(found.value.as_str()?)));
                let one =
                    Candidate { span: span.clone(), value: Json::from(name.as_str()), flags: Vec::new() };
                let (Some(thing), Some(who)) = (thing, placed(text, pages, one, 0.9)) else { continue };
                let mut take = |key: &str| record.remove(key);
                let (percent, fraction, value) = (take("percentual"), take("fracao"), take("valor"));
                if percent.is_some() || fraction.is_some() || value.is_some() {
                    put(thing, vec![Part { who, percent, fraction, value, general: false }]);
                }
            }
        }
    }

    /// The thing that a cell names, and not one that it calls by the mark of another.
    fn thing_called(&self, text: &str) -> Option<usize> {
        let marked = |label: &str| self.marked(label).is_some();
        let called = super::clauses::inner_reference(text);
        let foreign = self.numbered() && called.is_some_and(|label| !marked(&label));
        if foreign { None } else { self.thing_of(text) }
    }

    /// Whether a thing is shared too where the document only speaks of all.
    fn in_bulk(&self, thing: usize) -> bool {
        let lists = self.shares.in_bulk.as_ref();
        self.origins.get(thing).is_some_and(|list| lists.is_none_or(|lists| lists.contains(&list.at)))
    }

    /// Whether things have marks.
    fn numbered(&self) -> bool {
        self.things.iter().any(|record| record.contains_key(MARK))
    }

    /// The thing with this mark.
    fn marked(&self, label: &str) -> Option<usize> {
        let mark = |record: &Record| record.get(MARK).and_then(|mark| mark.value.as_str().map(str::to_owned));
        self.things.iter().position(|record| mark(record).as_deref() == Some(label))
    }

    /// The thing that a folded text names.
    fn thing_of(&self, text: &str) -> Option<usize> {
        // "Conta corrente no 40.718-2" is not the account that has another number.
        let numbered = text.len() < CELL_LETTERS
            && text.split([' ', '\t', '(', ')']).any(|word| {
                word.bytes().filter(u8::is_ascii_digit).count() >= NUMBER_DIGITS && !word.contains(',')
            });
        let other = |thing: usize| {
            let keys = self.shares.thing_keys.iter();
            let record = self.things.get(thing);
            let mut values = keys.filter_map(|key| record?.get(key)?.value.as_str());
            numbered && values.any(|value| value.contains(|c: char| c.is_ascii_digit()))
        };
        let fits = |one: &&Handle| {
            holds_word(text, &one.word)
                && !(one.weak && (other(one.thing) || one.shared && !self.may_mean(one.thing, text, true)))
        };
        self.handles.iter().find(fits).map(|one| one.thing)
    }

    /// Whether a word that says what a thing is may mean this one, by what is said beside it; where things of two lists
    /// are called so, something must be.
    fn may_mean(&self, thing: usize, around: &str, shared: bool) -> bool {
        let Some(list) = self.origins.get(thing) else { return false };
        if list.refuse_inherited.as_ref().is_some_and(|other| other.is_in(around)) {
            return false;
        }
        let own = |key: &String| {
            let value = self.things.get(thing)?.get(key)?.value.as_str().map(fold)?;
            Some(value.split(' ').any(|word| word.len() >= NUMBER_DIGITS && holds_word(around, word)))
        };
        let told = || match &list.require {
            Some(require) if list.refuse_inherited.is_some() => require.is_in(around),
            _ => self.shares.thing_place.as_ref().and_then(own).unwrap_or(false),
        };
        !shared || told()
    }

    /// Whether another thing is named by more than what it is, within the same phrase: "conta corrente no 40.718-2".
    fn named_beside(&self, thing: usize, span: &Span, seen: &[Seen]) -> bool {
        seen.iter().any(|one| {
            let Sign::Thing(other) = one.sign else { return false };
            let between = match one.span.start.checked_sub(span.end) {
                Some(_) => span.end..one.span.start,
                None => one.span.end..span.start,
            };
            let said = self.document.text.folded(between.clone());
            let apart = said.contains([',', ';', '.', ':', '\n', '%', '/']) || said.contains(" e ");
            other != thing && between.len() < BESIDE && !apart
        })
    }

    /// "Todos os bens": each thing is shared as the sentence says, unless another says otherwise.
    fn everything(&self, range: &Span, put: &mut impl FnMut(usize, Vec<Part>)) {
        let Some(all) = &self.shares.all_things else { return };
        let folded = &self.document.text.flow.folded;
        let chars = self.document.text.flow.chars();
        let sentences = super::clauses::clauses(folded, range).into_iter().flat_map(|clause| {
            super::clauses::sentences(chars, folded, &clause)
                .into_iter()
                .map(move |sentence| (clause.clone(), sentence))
        });
        for (clause, sentence) in sentences {
            if !all.is_in(self.document.text.folded(sentence.clone())) {
                continue;
            }
            let own = self.seen(&sentence);
            if own.iter().any(|one| matches!(one.sign, Sign::Thing(_))) {
                continue;
            }
            let mut within = own;
            // Who gets them, the sentences before may say.
            if !within.iter().any(|one| matches!(one.sign, Sign::Who(_))) {
                let said = self.seen(&(clause.start..sentence.end));
                within =
                    if said.iter().any(|one| matches!(one.sign, Sign::Thing(_))) { within } else { said };
            }
            let before = self.document.text.folded(range.start..clause.start);
            // "Sendo o único herdeiro, são-lhe adjudicados todos os bens".
            if !within.iter().any(|one| matches!(one.sign, Sign::Who(_)))
                && let ([only], Some(word)) =
                    (self.everybody().as_slice(), self.shares.each_words.find_all(before).last())
            {
                let span = range.start + word.start..range.start + word.end;
                within.insert(0, Seen { span, sign: Sign::Who(vec![only.clone()]) });
            }
            for thing in (0..self.things.len()).filter(|thing| self.in_bulk(*thing)) {
                let mut parts = self.parts(thing, &within, &sentence, false);
                // What the whole estate is worth is not what a part of one thing is worth.
                for part in &mut parts {
                    part.value = None;
                    part.general = true;
                }
                parts.retain(|part| part.percent.is_some() || part.fraction.is_some());
                put(thing, parts);
            }
        }
    }

    /// Things, people and parts of a clause, in order.
    fn seen(&self, clause: &Span) -> Vec<Seen> {
        let text = &self.document.text;
        let folded = text.folded(clause.clone());
        let mut seen: Vec<Seen> = Vec::new();
        let mut taken: Vec<Span> = Vec::new();
        let known = self.known();
        let free = |taken: &[Span], span: &Span| {
            !taken.iter().any(|other| other.start < span.end && span.start < other.end)
        };
        for mention in self
            .people
            .iter()
            .filter(|mention| clause.start <= mention.span.start && mention.span.end <= clause.end)
        {
            taken.push(mention.span.clone());
            if !mention.nested && self.party(&mention.name, &known) && !several(&mention.name, &known) {
                seen.push(Seen { span: mention.span.clone(), sign: Sign::Who(vec![mention.name.clone()]) });
            }
        }
        for Handle { word, thing, weak, shared } in &self.handles {
            for (at, _) in folded.match_indices(word.as_str()) {
                let span = clause.start + at..clause.start + at + word.len();
                let edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
                let whole = edge(folded.get(..at).and_then(|head| head.chars().next_back()))
                    && edge(folded.get(at + word.len()..).and_then(|tail| tail.chars().next()));
                if !whole || !free(&taken, &span) {
                    continue;
                }
                let around = text.folded(span.start..clause.end.min(span.end + 60));
                let around = around.split([';', '.']).next().unwrap_or("");
                let foreign = *weak
                    && (!self.may_mean(*thing, around, *shared) || self.named_beside(*thing, &span, &seen));
                if !foreign {
                    taken.push(span.clone());
                    seen.push(Seen { span, sign: Sign::Thing(*thing) });
                }
            }
        }
        for (span, names) in self.aliases(clause) {
            if free(&taken, &span) {
                taken.push(span.clone());
                seen.push(Seen { span, sign: Sign::Who(names) });
            }
        }
        for kind in [Kind::Percent, Kind::Fraction, Kind::Money] {
            for entity in text.of_kind(kind, clause) {
                let sign = match kind {
                    Kind::Percent => entity.number().map(Sign::Percent),
                    Kind::Fraction => Some(Sign::Fraction(entity.text().to_owned())),
                    _ => entity.number().map(Sign::Money),
                };
                let before =
                    text.folded(clause.start.max(entity.span.start.saturating_sub(60))..entity.span.start);
                let spared = match kind {
                    Kind::Money => self.shares.no_value.ends(before, 12),
                    _ => self.shares.no_share.as_ref().is_some_and(|words| words.ends(before, 0)),
                };
                if let Some(sign) = sign.filter(|_| !spared && free(&taken, &entity.span)) {
                    seen.push(Seen { span: entity.span.clone(), sign });
                }
            }
        }
        seen.sort_by_key(|one| one.span.start);
        // The same thing named by two of its words is named once.
        seen.dedup_by(
            |next, last| matches!((&next.sign, &last.sign), (Sign::Thing(a), Sign::Thing(b)) if a == b),
        );
        // "cada um dos herdeiros, Renata e Edson": the names say who.
        let mut at = 0;
        while at + 1 < seen.len() {
            let plural =
                matches!(seen.get(at), Some(Seen { sign: Sign::Who(_), .. })) && self.is_alias(seen.get(at));
            let next = matches!(seen.get(at + 1), Some(Seen { sign: Sign::Who(_), .. }))
                && !self.is_alias(seen.get(at + 1));
            let near = seen
                .get(at)
                .zip(seen.get(at + 1))
                .is_some_and(|(a, b)| b.span.start.saturating_sub(a.span.end) < 14);
            if plural && next && near {
                seen.remove(at);
            } else {
                at += 1;
            }
        }
        seen
    }

    /// Whether a person is named by another word than a name of two words.
    fn is_alias(&self, seen: Option<&Seen>) -> bool {
        seen.is_some_and(|seen| !self.people.iter().any(|mention| mention.span == seen.span))
    }

    /// Words that stand for people: "cada herdeiro", "a meeira", a first name.
    fn aliases(&self, clause: &Span) -> Vec<(Span, Vec<String>)> {
        let text = &self.document.text;
        let folded = text.folded(clause.clone());
        let mut found: Vec<(Span, Vec<String>)> = Vec::new();
        let at = |hit: std::ops::Range<usize>| clause.start + hit.start..clause.start + hit.end;
        let everybody = self.everybody();
        if !everybody.is_empty() {
            for hit in self.shares.each_words.find_all(folded) {
                let meant = self.kin(folded.get(hit.clone()).unwrap_or(""));
                found.push((at(hit), if meant.is_empty() { everybody.clone() } else { meant }));
            }
        }
        for alias in &self.shares.alias {
            let name = alias
                .field
                .as_ref()
                .and_then(|field| self.fields.get(field))
                .and_then(|found| found.value.as_str())
                .map(str::to_owned)
                .or_else(|| {
                    let section = alias.section.as_ref()?;
                    let range = self.document.ranges(std::slice::from_ref(section)).into_iter().next()?;
                    let first = self.people.iter().find(|one| {
                        range.start <= one.span.start && one.span.end <= range.end && !one.nested
                    })?;
                    Some(first.name.clone())
                });
            if let Some(name) = name {
                for hit in alias.word.find_all(folded) {
                    found.push((at(hit), vec![name.clone()]));
                }
            }
        }
        let known = self.known();
        for token in text
            .tokens
            .iter()
            .filter(|token| clause.start <= token.span.start && token.span.end <= clause.end)
        {
            let named: Vec<&String> = known
                .iter()
                .filter(|name| fold(name).split(' ').next() == Some(token.folded.as_str()))
                .collect();
            if let ([one], true) = (named.as_slice(), token.capital) {
                found.push((token.span.clone(), vec![(*one).clone()]));
            }
        }
        found
    }

    /// Those whom a plural names by what they are: of a mother and two sons, "cada um dos filhos" means the sons.
    fn kin(&self, said: &str) -> Vec<String> {
        let words: Vec<&str> =
            said.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() >= 5).collect();
        let records = self.lists.get(&self.shares.each).map_or(&[][..], |records| records);
        let is = |record: &&Record| {
            record.iter().filter(|(key, _)| *key != "nome").any(|(_, found)| {
                let value = found.value.as_str().map(fold).unwrap_or_default();
                let stem = value.get(..3).filter(|_| !value.contains(' '));
                stem.is_some_and(|stem| words.iter().any(|word| word.starts_with(stem)))
            })
        };
        let name = |record: &Record| record.get("nome")?.value.as_str().map(str::to_owned);
        records.iter().filter(is).filter_map(name).collect()
    }

    fn everybody(&self) -> Vec<String> {
        let records = self.lists.get(&self.shares.each).map_or(&[][..], |records| records);
        records.iter().filter_map(|record| record.get("nome")?.value.as_str().map(str::to_owned)).collect()
    }

    fn known(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for member in &self.shares.members {
            if let Some(found) = self.fields.get(member) {
                names.extend(found.value.as_str().map(str::to_owned));
            }
            let records = self.lists.get(member).map_or(&[][..], |records| records);
            names.extend(
                records.iter().filter_map(|record| record.get("nome")?.value.as_str().map(str::to_owned)),
            );
        }
        names.sort();
        names.dedup();
        names
    }

    /// Whether somebody who is named in a partition may get a part: a member, or who is qualified as a party is; not
    /// the dead, the lawyer, or what only looks like a name.
    fn party(&self, name: &str, known: &[String]) -> bool {
        let folded = fold(name);
        if known.iter().any(|known| fold(known) == folded) {
            return true;
        }
        let mut others =
            self.shares.except_fields.iter().filter_map(|at| self.fields.get(at)?.value.as_str());
        if others.any(|other| fold(other) == folded) {
            return false;
        }
        let Some(party) = &self.shares.party else { return true };
        let text = &self.document.text;
        let mut mentions = self.people.named(name);
        mentions.any(|one| {
            party.is_in(text.folded(one.own.clone())) || party.ends(text.folded(one.lead.clone()), 0)
        })
    }

    /// The value of a thing as a whole.
    fn worth(&self, thing: usize) -> Option<f64> {
        self.things.get(thing)?.get(&self.shares.thing_value)?.value.as_f64()
    }

    /// The parts of one thing: who, then how much, or the other way round, phrase by phrase.
    fn parts(&self, thing: usize, seen: &[Seen], clause: &Span, several: bool) -> Vec<Part> {
        let said = self.document.text.folded(clause.clone());
        let equal = self.shares.equal.is_in(said);
        let whole = self.shares.whole.is_in(said) || self.given(seen, said);
        let mut turns: Vec<Turn> = Vec::new();
        let mut turn = Turn::default();
        let phrases = self.phrases(seen);
        for (at, phrase) in phrases.iter().enumerate() {
            let later = phrases.get(at + 1..).unwrap_or(&[]);
            let names: Vec<(String, Span)> = phrase
                .seen
                .iter()
                .filter_map(|one| match &one.sign {
                    Sign::Who(names) => Some(names.iter().map(|name| (name.clone(), one.span.clone()))),
                    _ => None,
                })
                .flatten()
                .collect();
            let mut portion = Portion::default();
            for one in &phrase.seen {
                portion.take(one);
            }
            self.not_the_whole(thing, &mut portion, phrase, later);
            let first_much = phrase.seen.first().is_some_and(|one| !matches!(one.sign, Sign::Who(_)));
            if phrase.after_colon && later.iter().chain([phrase]).any(Phrase::much) {
                // What stands before a colon speaks of all that follow it.
                if turn.who.is_empty() {
                    turn = Turn::default();
                }
            }
            match (names.is_empty(), portion.is_empty()) {
                (true, true) => {}
                (false, false)
                    if !turn.who.is_empty()
                        && turn.portion.is_empty()
                        && !turn.much_first
                        && !turn.is_of_one_word() =>
                {
                    // "A, B e C, 1/3": the part is that of all of them.
                    turn.who.extend(names);
                    turn.portion = portion;
                }
                (false, false) if turn.who.is_empty() && !turn.portion.is_empty() => {
                    // "R$ 10,00, sendo 1/3 a cada um de A": one thing said in two phrases.
                    turn.who = names;
                    turn.portion.fill(portion);
                }
                (false, false) => {
                    turns.push(std::mem::take(&mut turn));
                    turn = Turn { who: names, portion, much_first: first_much };
                }
                (false, true) => {
                    let open = turn.who.is_empty() || turn.portion.is_empty();
                    let listed = turn.much_first && self.listed(&turn.portion, later);
                    if open || listed {
                        turn.who.extend(names);
                    } else {
                        turns.push(std::mem::take(&mut turn));
                        turn.who = names;
                    }
                }
                (true, false) => {
                    if turn.who.is_empty() || !turn.portion.clashes(&portion) {
                        turn.much_first |= turn.who.is_empty();
                        turn.portion.fill(portion);
                    } else {
                        turns.push(std::mem::take(&mut turn));
                        turn = Turn { who: Vec::new(), portion, much_first: true };
                    }
                }
            }
        }
        turns.push(turn);
        let mut parts = Vec::new();
        let mut of_all: Vec<&Turn> = Vec::new();
        // Those who are named are surer than "the heirs".
        let alias =
            |turn: &Turn| turn.who.iter().all(|(_, span)| !self.people.iter().any(|one| one.span == *span));
        let named: Vec<String> = turns
            .iter()
            .filter(|turn| !alias(turn))
            .flat_map(|turn| turn.who.iter().map(|(name, _)| fold(name)))
            .collect();
        for turn in &turns {
            if turn.who.is_empty() || turn.portion.is_empty() && !(equal || whole || several) {
                continue;
            }
            let many = turn.who.len() > 1 && alias(turn);
            if many && turn.who.iter().all(|(name, _)| named.contains(&fold(name))) {
                of_all.push(turn);
                continue;
            }
            let whole = whole && self.may_be_whole(thing, &turn.portion);
            let shared = self.shared(&turn.who, &turn.portion, equal, whole);
            parts.extend(shared.into_iter().map(|part| Part { general: many, ..part }));
        }
        for turn in of_all {
            self.to_named(turn, &mut parts);
        }
        parts
    }

    /// What is said of each of several who are named one by one: "Ana, 25%, e Rui, 25%, no valor de R$ 10,00 a cada
    /// herdeiro", "na proporção de 1/6 para cada um: Ana, 16,67%".
    fn to_named(&self, turn: &Turn, parts: &mut [Part]) {
        let put = |span: &Span, value: Json| {
            let one = Candidate { span: span.clone(), value, flags: Vec::new() };
            placed(&self.document.text, self.document.pages, one, 0.8)
        };
        let own = |part: &Part| {
            let who = part.who.value.as_str().map(fold);
            !part.general && turn.who.iter().any(|(name, _)| Some(fold(name)) == who)
        };
        for part in parts.iter_mut().filter(|part| own(part)) {
            let percent = part.percent.as_ref().and_then(|found| found.value.as_f64());
            if let (None, Some(percent), Some((fraction, span))) =
                (&part.fraction, percent, &turn.portion.fraction)
                && of_hundred(fraction).is_some_and(|exact| (exact - percent).abs() < EQUAL_SLACK)
            {
                part.fraction = put(span, Json::from(fraction.as_str()));
            }
            let alone = turn.portion.percent.is_none() && turn.portion.fraction.is_none();
            if let (None, true, Some((value, span))) = (&part.value, alone, &turn.portion.value) {
                part.value = put(span, Json::from(*value));
            }
        }
    }

    /// Whether a name after "1/6 a Ana" is of the same list: what is said next of how much is more of the same part,
    /// as "no valor de R$ 10,00 para cada um", or opens another part.
    fn listed(&self, portion: &Portion, later: &[Phrase<'_>]) -> bool {
        let Some(next) = later.iter().find(|phrase| phrase.much()) else { return true };
        if next.seen.first().is_some_and(|one| matches!(one.sign, Sign::Who(_))) {
            return false;
        }
        let mut more = Portion::default();
        next.seen.iter().for_each(|one| more.take(one));
        next.seen.iter().any(|one| matches!(one.sign, Sign::Who(_))) || !portion.clashes(&more)
    }

    /// What is said of the whole thing before it is shared is no part: its value.
    fn not_the_whole(&self, thing: usize, portion: &mut Portion, phrase: &Phrase<'_>, later: &[Phrase<'_>]) {
        let all = portion
            .value
            .as_ref()
            .zip(self.worth(thing))
            .is_some_and(|((value, _), worth)| (value - worth).abs() < 0.01);
        let alone = portion.percent.is_none() && portion.fraction.is_none();
        let partial = portion.percent.as_ref().is_some_and(|(percent, _)| *percent < 100.0)
            || portion.fraction.is_some();
        let nobody = !phrase.seen.iter().any(|one| matches!(one.sign, Sign::Who(_)));
        if all && (partial || alone && nobody && later.iter().any(Phrase::much)) {
            portion.value = None;
        }
    }

    /// Whether a clause gives what it names to the one person whom it names: "o veículo ficará para a viúva".
    fn given(&self, seen: &[Seen], said: &str) -> bool {
        let mut names = seen.iter().filter_map(|one| match &one.sign {
            Sign::Who(names) => Some(names.as_slice()),
            _ => None,
        });
        let Some(first @ [_]) = names.next() else { return false };
        let much = |one: &Seen| matches!(one.sign, Sign::Percent(_) | Sign::Fraction(_));
        names.all(|other| other == first)
            && !seen.iter().any(much)
            && self.shares.given.as_ref().is_some_and(|given| given.is_in(said))
            && !self.shares.partly.as_ref().is_some_and(|partly| partly.is_in(said))
    }

    /// Whether what somebody gets of a thing may be all of it: not where that is worth less.
    fn may_be_whole(&self, thing: usize, portion: &Portion) -> bool {
        let worth = portion.value.as_ref().zip(self.worth(thing));
        worth.is_none_or(|((value, _), worth)| *value > worth - 0.01)
    }

    /// What was seen, cut at commas, semicolons, colons and "e" outside of parentheses.
    fn phrases<'s>(&self, seen: &'s [Seen]) -> Vec<Phrase<'s>> {
        let mut phrases: Vec<Phrase<'s>> = Vec::new();
        let mut last: Option<usize> = None;
        let mut depth = 0_i32;
        for one in seen.iter().filter(|one| !matches!(one.sign, Sign::Thing(_))) {
            let between = last.map_or("", |last| self.document.text.folded(last..one.span.start));
            let (mut cut, mut colon) = (last.is_none(), false);
            for (at, c) in between.char_indices() {
                match c {
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    ':' if depth <= 0 => (cut, colon) = (true, true),
                    ',' | ';' | '\n' if depth <= 0 => cut = true,
                    'e' if depth <= 0 && between.get(at.saturating_sub(1)..at + 2) == Some(" e ") => {
                        cut = true
                    }
                    _ => {}
                }
            }
            last = Some(one.span.end);
            match phrases.last_mut().filter(|_| !cut) {
                Some(phrase) => phrase.seen.push(one),
                None => phrases.push(Phrase { seen: vec![one], after_colon: colon }),
            }
        }
        phrases
    }

    /// One portion for each of a group.
    fn shared(&self, group: &[(String, Span)], portion: &Portion, equal: bool, whole: bool) -> Vec<Part> {
        let mut names: Vec<(String, Span)> = Vec::new();
        for one in group {
            if !names.iter().any(|(name, _)| fold(name) == fold(&one.0)) {
                names.push(one.clone());
            }
        }
        let count = names.len();
        let put = |span: &Span, value: Json, weight: f32, flags: Vec<&'static str>| {
            placed(
                &self.document.text,
                self.document.pages,
                Candidate { span: span.clone(), value, flags },
                weight,
            )
        };
        let mut parts = Vec::new();
        for (name, span) in &names {
            let Some(who) = put(span, Json::from(name.as_str()), 0.9, Vec::new()) else { continue };
            let mut percent = portion
                .percent
                .as_ref()
                .and_then(|(percent, span)| put(span, Json::from(*percent), 0.9, Vec::new()));
            let mut fraction = portion
                .fraction
                .as_ref()
                .and_then(|(fraction, span)| put(span, Json::from(fraction.as_str()), 0.9, Vec::new()));
            let value = portion
                .value
                .as_ref()
                .and_then(|(value, span)| put(span, Json::from(*value), 0.9, Vec::new()));
            if percent.is_none() && fraction.is_none() {
                if count == 1 && whole {
                    percent = put(span, Json::from(100.0), 0.75, vec!["derived"]);
                } else if count > 1 && equal {
                    fraction = put(span, Json::from(format!("1/{count}")), 0.7, vec!["derived"]);
                }
            }
            if percent.is_none()
                && let Some((exact, from)) =
                    fraction.as_ref().and_then(|found| Some((exact(found.value.as_str()?)?, found)))
            {
                percent = put(&from.span.clone(), Json::from(exact), 0.7, vec!["derived"]);
            }
            if percent.is_some() || fraction.is_some() || value.is_some() {
                parts.push(Part { who, percent, fraction, value, general: false });
            }
        }
        parts
    }

    /// A person, and the things that fall to them; gives who was named last.
    fn by_person(
        &self,
        seen: &[Seen],
        clause: &Span,
        outer: Option<(Vec<String>, Span)>,
        put: &mut impl FnMut(usize, Vec<Part>),
    ) -> Option<(Vec<String>, Span)> {
        let mut who = outer;
        let mut thing: Option<usize> = None;
        let mut portion = Portion::default();
        let said = self.document.text.folded(clause.clone());
        let equal = self.shares.equal.is_in(said);
        let whole = self.shares.whole.is_in(said) || self.given(seen, said);
        // "À viúva caberá a casa, e ao filho caberá a conta": what each gets whole, what is said of each tells.
        let begins: Vec<(usize, usize)> = seen
            .iter()
            .enumerate()
            .filter(|(_, one)| matches!(one.sign, Sign::Who(_)))
            .map(|(at, one)| (at, one.span.start))
            .collect();
        let given_to = |span: &Span| {
            let own = begins.iter().position(|(_, start)| *start == span.start)?;
            let (at, start) = begins.get(own).copied()?;
            let (next, end) = begins.get(own + 1).copied().unwrap_or((seen.len(), clause.end));
            let text = self.document.text.folded(start..end.max(start));
            let sentence = text.split(". ").next().unwrap_or("");
            Some(self.given(seen.get(at..next).unwrap_or(&[]), sentence))
        };
        let mut give = |who: &Option<(Vec<String>, Span)>, thing: Option<usize>, portion: &Portion| {
            let (Some((names, span)), Some(thing)) = (who, thing) else { return };
            let group: Vec<(String, Span)> = names.iter().map(|name| (name.clone(), span.clone())).collect();
            let whole = whole || given_to(span).unwrap_or(false);
            let whole = whole && self.may_be_whole(thing, portion);
            let parts = self.shared(&group, portion, equal, whole);
            put(thing, parts);
        };
        for (at, one) in seen.iter().enumerate() {
            match &one.sign {
                Sign::Who(names) => {
                    give(&who, thing, &portion);
                    portion = Portion::default();
                    who = Some((names.clone(), one.span.clone()));
                    // "... e João, os outros 50%": of the same thing, if none is named.
                    let more = seen
                        .get(at + 1..)
                        .unwrap_or(&[])
                        .iter()
                        .any(|next| matches!(next.sign, Sign::Thing(_)));
                    if more {
                        thing = None;
                    }
                }
                Sign::Thing(next) => {
                    if thing.is_some() {
                        // The part just before a thing is of that thing: "50% do CDB".
                        let mut own = Portion::default();
                        let near = |span: &Span| {
                            let between = self.document.text.folded(span.end..one.span.start);
                            between.len() < 60 && !between.contains(',')
                        };
                        if let Some(percent) = portion.percent.take_if(|(_, span)| near(span)) {
                            own.percent = Some(percent);
                        }
                        if let Some(fraction) = portion.fraction.take_if(|(_, span)| near(span)) {
                            own.fraction = Some(fraction);
                        }
                        give(&who, thing, &portion);
                        portion = own;
                    }
                    thing = Some(*next);
                }
                _ => {
                    let second = match one.sign {
                        Sign::Percent(_) => portion.percent.is_some(),
                        Sign::Fraction(_) => portion.fraction.is_some(),
                        _ => false,
                    };
                    // A second share is of the next thing.
                    if second
                        && thing.is_some()
                        && seen
                            .get(at + 1..)
                            .unwrap_or(&[])
                            .iter()
                            .any(|next| matches!(next.sign, Sign::Thing(_)))
                    {
                        give(&who, thing, &portion);
                        portion = Portion::default();
                        thing = None;
                    }
                    portion.take(one);
                }
            }
        }
        give(&who, thing, &portion);
        who
    }
}

/// Takes from parts what stands alone and is more than the thing is worth, as the sum of all that a person gets, and who
/// got nothing else.
fn no_more_than(worth: Option<f64>, parts: &mut Vec<Part>) {
    let Some(worth) = worth else { return };
    let said = |found: &Option<Found>| found.as_ref().is_some_and(|one| !one.flags.contains(&"derived"));
    parts.retain_mut(|part| {
        let value = part.value.as_ref().and_then(|found| found.value.as_f64());
        if value.is_some_and(|value| value > worth + 0.01) && !said(&part.percent) && !said(&part.fraction) {
            part.value = None;
        }
        part.value.is_some() || part.percent.is_some() || part.fraction.is_some()
    });
}

/// What a row says of its part, in hundredths of the thing.
fn hundredths(record: &Record) -> Option<f64> {
    let percent = record.get("percentual").and_then(|found| found.value.as_f64());
    percent.or_else(|| {
        let (above, below) = record.get("fracao")?.value.as_str()?.split_once('/')?;
        Some(above.parse::<f64>().ok()? * 100.0 / below.parse::<f64>().ok()?)
    })
}

/// What the parts of a thing may lack of all of it, or exceed it by, in hundredths: each is rounded.
const PARTS_SLACK: f64 = 0.1;

/// For each row the row that names its thing, where rows that follow each other make whole things of which each is named
/// once.
fn by_hundreds(parts: &[Option<f64>], named: &[bool]) -> Option<Vec<usize>> {
    let mut owners: Vec<usize> = Vec::new();
    let (mut sum, mut name) = (0.0, None);
    for (at, part) in parts.iter().enumerate() {
        sum += (*part)?;
        if named.get(at).copied().unwrap_or(false) && name.replace(at).is_some() {
            return None;
        }
        if sum > 100.0 - PARTS_SLACK {
            owners.resize(at + 1, name.take()?);
            if sum > 100.0 + PARTS_SLACK {
                return None;
            }
            sum = 0.0;
        }
    }
    (owners.len() == parts.len()).then_some(owners)
}

/// Whether a text says a part of something and leads to its mark: "25% do CDB descrito no", "a metade do imóvel do".
fn described_behind(before: &str) -> bool {
    static LEAD: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?:%|\d/\d|\bmetade|\btotalidade|\bintegralidade|\bterco|\bquarto|\bparte ideal|\bfracao)[^;\n]{0,120}\s(?:d[oa]s?|n[oa]s?)\s*$",
        )
    });
    LEAD.is_match(before)
}

/// Whether `word` stands in `text` and is not part of another word.
fn holds_word(text: &str, word: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
    text.match_indices(word).any(|(at, _)| {
        edge(text.get(..at).and_then(|head| head.chars().next_back()))
            && edge(text.get(at + word.len()..).and_then(|tail| tail.chars().next()))
    })
}

/// Some people and the part that each of them gets.
#[derive(Default)]
struct Turn {
    who: Vec<(String, Span)>,
    portion: Portion,
    /// Whether the part was said before the people.
    much_first: bool,
}

impl Turn {
    /// Whether one word names several: "entre os herdeiros, recebendo Ana R$ 10,00" gives Ana's part to her alone.
    fn is_of_one_word(&self) -> bool {
        let first = self.who.first().map(|(_, span)| span);
        self.who.len() > 1 && self.who.iter().all(|(_, span)| Some(span) == first)
    }
}

/// What stands between two commas.
struct Phrase<'a> {
    seen: Vec<&'a Seen>,
    after_colon: bool,
}

impl Phrase<'_> {
    /// Whether it says how much.
    fn much(&self) -> bool {
        self.seen.iter().any(|one| !matches!(one.sign, Sign::Who(_) | Sign::Thing(_)))
    }
}

/// A fraction and a percentage that the document calls the same, and where each is written.
struct Equal {
    fraction: String,
    written: Span,
    percent: f64,
    hundredths: Span,
}

/// Letters between a fraction and the percentage that is said to be the same.
const EQUAL_REACH: usize = 40;

/// What such a percentage may differ from its fraction by: it is rounded to two places or more.
const EQUAL_SLACK: f64 = 0.006;

/// What a percentage may differ from the fraction that it is by: it is rounded to three places, or it is exact.
const FRACTION_SLACK: f64 = 0.000_6;

/// What a percentage may differ from its fraction by, where it is rounded to two places and all must make a hundred.
const ROUNDED: f64 = 0.0101;

/// A fraction in hundredths.
fn of_hundred(fraction: &str) -> Option<f64> {
    let (above, below) = fraction.split_once('/')?;
    let (above, below): (f64, f64) = (above.parse().ok()?, below.parse().ok()?);
    (below > 0.0).then_some(above * 100.0 / below)
}

/// Whether a name is a run of the names of several people, as cells of a table's head that OCR read as one line.
fn several(name: &str, known: &[String]) -> bool {
    let name = fold(name);
    let words: Vec<&str> = name.split(' ').collect();
    let own = |one: &&String| {
        let one = fold(one);
        let mut parts = one.split(' ');
        let (first, second) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        words.windows(2).any(|pair| matches!(pair, [a, b] if *a == first && *b == second))
    };
    !known.iter().any(|one| fold(one) == name) && known.iter().filter(own).count() > 1
}

/// A fraction as a percentage, where two places say it exactly.
fn exact(fraction: &str) -> Option<f64> {
    let percent = of_hundred(fraction)?;
    ((percent * 100.0).fract() == 0.0).then_some(percent)
}

/// Parts without what they are worth, where the same is said of several things; one that says nothing else says nothing.
fn without_values(mut parts: Vec<Part>) -> Vec<Part> {
    parts.iter_mut().for_each(|part| part.value = None);
    parts.retain(|part| part.percent.is_some() || part.fraction.is_some());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_make_a_whole_are_of_the_name_beside_any_of_them() {
        let of = |parts: &[f64], named: &[usize]| {
            let parts: Vec<Option<f64>> = parts.iter().map(|part| Some(*part)).collect();
            let named: Vec<bool> = (0..parts.len()).map(|at| named.contains(&at)).collect();
            by_hundreds(&parts, &named)
        };
        assert_eq!(of(&[50.0, 25.0, 25.0, 100.0], &[1, 3]), Some(vec![1, 1, 1, 3]));
        assert_eq!(of(&[33.33, 33.33, 33.33, 60.0, 40.0], &[0, 4]), Some(vec![0, 0, 0, 4, 4]));
        assert_eq!(of(&[50.0, 50.0, 50.0, 50.0], &[1]), None, "the second thing has no name");
        assert_eq!(of(&[50.0, 25.0], &[0]), None, "the parts are not all there");
        assert_eq!(of(&[50.0, 60.0], &[0]), None, "the parts are more than all");
    }
}
