//! Tables of shares with one column for each person, or one for each thing.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value as Json;

use super::super::find::{Candidate, Found, placed};
use super::super::grid::{Grid, grids};
use super::super::rows::{Row, rows};
use super::{Part, ROUNDED, Reader, of_hundred};
use crate::scan::{Kind, figure, pattern};
use crate::text::{Span, fold};

/// Letters of a word that names something, at least.
const WORD_LETTERS: usize = 4;

/// What parts of one thing may differ from all of it by, in percent or in thousandths of its value.
const SLACK: f64 = 0.06;

/// Letters before a table that say what its columns are, at most.
const BEFORE_TABLE: usize = 400;

/// Letters between those who get a part each and that part at most.
const NEAR: usize = 40;

/// What a cell says of one person's part of one thing.
#[derive(Default)]
struct Cell {
    percent: Option<Found>,
    fraction: Option<Found>,
    value: Option<Found>,
    /// A number without a sign: what it is, the row tells.
    bare: Option<(f64, Found)>,
}

impl Cell {
    fn fill(&mut self, other: Self) {
        self.percent = self.percent.take().or(other.percent);
        self.fraction = self.fraction.take().or(other.fraction);
        self.value = self.value.take().or(other.value);
        self.bare = self.bare.take().or(other.bare);
    }
}

impl Reader<'_> {
    /// Reads such tables; gives what of the text they cover.
    pub(super) fn matrices(&self, put: &mut impl FnMut(usize, Vec<Part>)) -> Vec<Span> {
        let names = self.known();
        let labels = self.labels(&names);
        let column = |key: &str, text: &str| {
            let column = self.shares.column.iter().find(|column| column.key == key);
            column.and_then(|column| column.heads.as_ref()).is_some_and(|heads| heads.heads(text))
        };
        let free = |key: String, used: &[String]| (!used.contains(&key)).then_some(key);
        let heads = |text: &str, used: &[String], again: bool| {
            if again {
                return None;
            }
            // "H-1 12,5%": the head says what each of its cells is.
            let (bare, percent) = without_percent(text);
            let label = labels.iter().find(|(label, _)| *label == bare).map(|(_, name)| name.clone());
            let person = label.or_else(|| self.person_of(&bare, &names)).map(|name| {
                format!("who:{name}{}", percent.map(|one| format!("|{one}")).unwrap_or_default())
            });
            let rows = ["herdeiro", "bem"].into_iter().find(|key| column(key, text)).map(str::to_owned);
            let thing = || self.thing_of(text).map(|thing| format!("thing:{thing}"));
            person.or(rows).or_else(thing).and_then(|key| free(key, used))
        };
        let mut covered = Vec::new();
        for grid in grids(self.document.pages, &["bem", "herdeiro"], &heads) {
            let across = |kind: &str| grid.keys.iter().flatten().filter(|key| key.starts_with(kind)).count();
            let (people, things) = (across("who:"), across("thing:"));
            if people < 2 && things < 2 {
                continue;
            }
            let flow = &self.document.text.flow;
            covered.extend(
                grid.words.iter().map(|word| flow.at(grid.page, word.start)..flow.at(grid.page, word.end)),
            );
            self.matrix(&grid, if people >= 2 { "bem" } else { "herdeiro" }, &names, put);
        }
        covered
    }

    fn matrix(&self, grid: &Grid, side: &str, names: &[String], put: &mut impl FnMut(usize, Vec<Part>)) {
        let made = rows(self.document.pages, grid);
        // "5.6" beside a name: the item of that mark, and none of ours where no thing has it.
        let mark_of = |row: &Row| {
            let cells = row.cells.iter().filter(|(key, _)| key.is_none());
            let mut texts = cells.map(|(_, cell)| row.text.folded(cell.clone()).trim().to_owned());
            texts.find(|text| {
                text.len() < 6
                    && text.contains('.')
                    && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            })
        };
        let foreign = |row: &Row| {
            side == "bem" && self.numbered() && mark_of(row).is_some_and(|mark| self.marked(&mark).is_none())
        };
        let keyed = |row: &Row| {
            if side == "bem"
                && let Some(mark) = mark_of(row).filter(|_| self.numbered())
            {
                return self.marked(&mark).map(|thing| format!("thing:{thing}"));
            }
            let cell = row.cells.iter().find(|(key, _)| key.as_deref() == Some(side));
            let text = cell.map_or("", |(_, cell)| row.text.folded(cell.clone())).trim().to_owned();
            match side {
                "bem" => self.thing_of(&text).map(|thing| format!("thing:{thing}")),
                _ => self.person_of(&text, names).map(|name| format!("who:{name}")),
            }
        };
        let keys: Vec<Option<String>> = made.iter().map(keyed).collect();
        // A row that names something else has figures of its own.
        let strange: Vec<bool> = made
            .iter()
            .zip(&keys)
            .map(|(row, key)| key.is_none() && self.strange(row, side, names))
            .collect();
        let heights: Vec<f32> = grid.rows.iter().map(|row| middle(row)).collect();
        // A line without a name of its own belongs to the nearest that has one.
        let owned = |at: usize| {
            keys.get(at).is_some_and(Option::is_some) || strange.get(at).copied().unwrap_or(false)
        };
        let owner = |at: usize| {
            let far = |other: usize| {
                heights.get(at).zip(heights.get(other)).map_or(f32::MAX, |(a, b)| (a - b).abs())
            };
            (0..keys.len())
                .filter(|other| owned(*other))
                .min_by(|a, b| far(*a).total_cmp(&far(*b)).then(a.cmp(b)))
        };
        let mut found: Vec<(usize, String, Cell)> = Vec::new();
        for (at, row) in made.iter().enumerate().filter(|(_, row)| !foreign(row)) {
            let Some(key) = owner(at).and_then(|owner| keys.get(owner).cloned().flatten()) else { continue };
            for (head, span) in &row.cells {
                let Some(head) = head.as_ref().filter(|head| head.contains(':')) else { continue };
                let (thing, who) = if side == "bem" { (&key, head) } else { (head, &key) };
                let thing = thing.strip_prefix("thing:").and_then(|thing| thing.parse::<usize>().ok());
                let (Some(thing), Some(who)) = (thing, who.strip_prefix("who:")) else { continue };
                let mut cell = self.cell(row, span);
                let (who, percent) = who.split_once('|').unwrap_or((who, ""));
                if let (None, Ok(percent)) = (&cell.percent, percent.parse::<f64>()) {
                    cell.percent = self.in_head(grid, percent);
                }
                match found.iter_mut().find(|(other, name, _)| *other == thing && name == who) {
                    Some((.., known)) => known.fill(cell),
                    None => found.push((thing, who.to_owned(), cell)),
                }
            }
        }
        self.name_bare(&mut found);
        let equal = self.equivalences();
        for (thing, who, mut cell) in found {
            let Some(mention) = self.people.named(&who).next() else { continue };
            let one = Candidate { span: mention.span.clone(), value: Json::from(who), flags: Vec::new() };
            let Some(who) = placed(&self.document.text, self.document.pages, one, 0.9) else { continue };
            // "1/4 (25%) de cada bem", and "25%" over a column.
            let percent = cell.percent.as_ref().and_then(|percent| percent.value.as_f64());
            let same =
                equal.iter().find(|one| percent.is_some_and(|percent| (one.percent - percent).abs() < 1e-6));
            if let (None, Some(same)) = (&cell.fraction, same) {
                let value = Json::from(same.fraction.as_str());
                let one = Candidate { span: same.written.clone(), value, flags: vec!["derived"] };
                cell.fraction = placed(&self.document.text, self.document.pages, one, 0.7);
            }
            if let (None, Some(percent)) = (&cell.fraction, percent) {
                cell.fraction = self.of_each(grid, percent);
            }
            let Cell { percent, fraction, value, .. } = cell;
            if percent.is_some() || fraction.is_some() || value.is_some() {
                put(thing, vec![Part { who, percent, fraction, value, general: false }]);
            }
        }
    }

    /// "A cada herdeiro a fração de 1/6, conforme o quadro:": the fraction that the sentence before a table gives to each
    /// of several, where a percentage is it, rounded so that all make a hundred.
    fn of_each(&self, grid: &Grid, percent: f64) -> Option<Found> {
        let text = &self.document.text;
        let at = text.flow.at(grid.page, grid.head_at);
        let from = at.saturating_sub(BEFORE_TABLE);
        let before = text.folded(from..at);
        let begin = from + before.trim_end().rfind('\n').map_or(0, |line| line + 1);
        let one = text.of_kind(Kind::Fraction, &(begin..at)).find(|one| {
            let lead = text.folded(begin..one.span.start);
            let each = self.shares.each_words.find_all(lead).last();
            let near = each.is_some_and(|each| lead.len() - each.end < NEAR);
            near && of_hundred(one.text()).is_some_and(|exact| (exact - percent).abs() < ROUNDED)
        })?;
        let one = Candidate { span: one.span.clone(), value: Json::from(one.text()), flags: vec!["derived"] };
        placed(text, self.document.pages, one, 0.7)
    }

    /// Whether a row names what is none of ours: by a word that stands in the name of none.
    fn strange(&self, row: &Row, side: &str, names: &[String]) -> bool {
        let cell = row.cells.iter().find(|(key, _)| key.as_deref() == Some(side));
        let Some((_, cell)) = cell else { return false };
        let ours: Vec<String> = match side {
            "bem" => {
                let name =
                    |record: &super::Record| record.get(&self.shares.thing_name)?.value.as_str().map(fold);
                self.things.iter().filter_map(name).collect()
            }
            _ => names.iter().map(|name| fold(name)).collect(),
        };
        let text = row.text.folded(cell.clone());
        text.split(|c: char| !c.is_ascii_alphabetic())
            .any(|word| word.len() >= WORD_LETTERS && !ours.iter().any(|name| name.contains(word)))
    }

    /// Numbers without a sign are percentages where those of a thing make a hundred, and reais where they make its value.
    fn name_bare(&self, found: &mut [(usize, String, Cell)]) {
        for thing in 0..self.things.len() {
            let bare = found.iter().filter(|one| one.0 == thing).filter_map(|one| one.2.bare.as_ref());
            let sum: f64 = bare.map(|bare| bare.0).sum();
            let percents = (sum - 100.0).abs() <= SLACK;
            let values = self.worth(thing).is_some_and(|worth| (sum - worth).abs() <= SLACK);
            for (.., cell) in found.iter_mut().filter(|one| one.0 == thing) {
                match cell.bare.take() {
                    Some((_, bare)) if percents && cell.percent.is_none() => cell.percent = Some(bare),
                    Some((_, bare)) if values && cell.value.is_none() => cell.value = Some(bare),
                    _ => {}
                }
            }
        }
    }

    /// A percentage that the head of a table names.
    fn in_head(&self, grid: &Grid, percent: f64) -> Option<Found> {
        let (text, start) = (&self.document.text, self.document.text.flow.at(grid.page, grid.head_at));
        let end = grid.words.last().map_or(start, |word| self.document.text.flow.at(grid.page, word.end));
        let one = text
            .of_kind(Kind::Percent, &(start..end.max(start)))
            .find(|one| one.number().is_some_and(|number| (number - percent).abs() < 0.001))?;
        let one = Candidate { span: one.span.clone(), value: one.value.clone(), flags: Vec::new() };
        placed(text, self.document.pages, one, 0.85)
    }

    /// What the document calls people for short: "Ana Lima (H-1)", "H-1) Ana Lima".
    fn labels(&self, names: &[String]) -> Vec<(String, String)> {
        static AFTER: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*\(([a-z]{1,3}[ .-]?\d{1,2})\)"));
        static BEFORE: LazyLock<Regex> =
            LazyLock::new(|| pattern(r"(?:^|[^a-z0-9])([a-z]{1,3}[ .-]?\d{1,2})\s?[).:-]+\s*$"));
        let text = &self.document.text;
        let mut found: Vec<(String, String)> = Vec::new();
        for mention in self.people.iter() {
            let Some(name) = names.iter().find(|name| fold(name) == fold(&mention.name)) else { continue };
            let after = text.folded(mention.span.end..(mention.span.end + 12).min(text.flow.len()));
            let before = text.folded(mention.span.start.saturating_sub(12)..mention.span.start);
            let label = AFTER.captures(after).or_else(|| BEFORE.captures(before));
            if let Some(label) = label.and_then(|hit| Some(hit.get(1)?.as_str().to_owned())) {
                found.push((label, name.clone()));
            }
        }
        // A label of two people names none.
        let all = found.clone();
        found.retain(|(label, name)| !all.iter().any(|(other, one)| other == label && one != name));
        found
    }

    fn cell(&self, row: &Row, span: &Span) -> Cell {
        let put = |span: Span, value: Json| {
            let one = Candidate { span, value, flags: Vec::new() };
            placed(&row.text, self.document.pages, one, 0.92)
        };
        let first = |kind: Kind| row.text.of_kind(kind, span).next();
        let found = |kind: Kind| first(kind).and_then(|one| put(one.span.clone(), one.value.clone()));
        let bare = || {
            let text = row.text.folded(span.clone());
            let parted = text.contains(['/', '%']);
            // "4. 856,24": OCR parts what is one number.
            let all = text.trim();
            if let Some(number) = figure(all).filter(|_| all.contains(' ') && all.contains(',')) {
                let start = span.start + text.find(all)?;
                return Some((number, put(start..start + all.len(), Json::from(number))?));
            }
            if let Some(one) = first(Kind::Number).filter(|_| !parted) {
                return Some((one.number()?, put(one.span.clone(), one.value.clone())?));
            }
            // "1/2 78.000,00": beside what has a sign.
            let mut words = text.split_whitespace().filter(|word| !word.contains(['/', '%']));
            let word = match (parted, words.next()?, words.next()) {
                (false, ..) => text.trim(),
                (true, word, None) => word,
                _ => return None,
            };
            let number = figure(word)?;
            let start = span.start + text.find(word)?;
            Some((number, put(start..start + word.len(), Json::from(number))?))
        };
        Cell {
            percent: found(Kind::Percent),
            fraction: found(Kind::Fraction),
            value: found(Kind::Money),
            bare: bare(),
        }
    }

    /// The person whom a cell names: in full, by first names, or by what stands for one.
    fn person_of(&self, text: &str, names: &[String]) -> Option<String> {
        let text = text.trim().trim_start_matches("herdeiro ").trim_start_matches("herdeira ");
        let words: Vec<&str> = text.split_whitespace().collect();
        let first = words.first()?;
        let fits = |name: &&String| {
            let name = fold(name);
            let own: Vec<&str> = name.split(' ').collect();
            own.first() == Some(first) && words.iter().all(|word| own.contains(word))
        };
        let mut fitting = names.iter().filter(fits);
        if let (Some(one), None) = (fitting.next(), fitting.next()) {
            return Some(one.clone());
        }
        let alias = self.shares.alias.iter().find(|alias| alias.word.heads(text) && words.len() < 4)?;
        let found = self.fields.get(alias.field.as_ref()?)?;
        found.value.as_str().map(str::to_owned)
    }
}

/// A head without the percentage that it names, and that.
fn without_percent(text: &str) -> (String, Option<f64>) {
    static PERCENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"\(?\b(\d{1,3}(?:[.,]\d{1,4})?)\s?%\)?"));
    let percent = PERCENT.captures(text).and_then(|hit| hit.get(1)?.as_str().replace(',', ".").parse().ok());
    (PERCENT.replace_all(text, "").trim().to_owned(), percent)
}

/// The height of a row's middle.
fn middle(row: &[Vec<crate::page::Word>]) -> f32 {
    let rects = || row.iter().flatten().map(|word| word.rect);
    let top = rects().map(|rect| rect[1]).fold(f32::MAX, f32::min);
    let bottom = rects().map(|rect| rect[3]).fold(0.0, f32::max);
    (top + bottom) / 2.0
}
