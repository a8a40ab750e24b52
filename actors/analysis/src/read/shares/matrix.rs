//! Tables of shares with one column for each person, or one for each thing.

use serde_json::Value as Json;

use super::super::find::{Candidate, Found, placed};
use super::super::grid::{Grid, grids};
use super::super::rows::{Row, rows};
use super::{Part, Reader};
use crate::scan::{Kind, figure};
use crate::text::{Span, fold};

/// What parts of one thing may differ from all of it by, in percent or in thousandths of its value.
const SLACK: f64 = 0.06;

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
        let column = |key: &str, text: &str| {
            let column = self.shares.column.iter().find(|column| column.key == key);
            column.and_then(|column| column.heads.as_ref()).is_some_and(|heads| heads.heads(text))
        };
        let free = |key: String, used: &[String]| (!used.contains(&key)).then_some(key);
        let heads = |text: &str, used: &[String], again: bool| {
            if again {
                return None;
            }
            let person = self.person_of(text, &names).map(|name| format!("who:{name}"));
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
        let keyed = |row: &Row| {
            let cell = row.cells.iter().find(|(key, _)| key.as_deref() == Some(side));
            let text = cell.map_or("", |(_, cell)| row.text.folded(cell.clone())).trim().to_owned();
            match side {
                "bem" => self.thing_of(&text).map(|thing| format!("thing:{thing}")),
                _ => self.person_of(&text, names).map(|name| format!("who:{name}")),
            }
        };
        let keys: Vec<Option<String>> = made.iter().map(keyed).collect();
        let heights: Vec<f32> = grid.rows.iter().map(|row| middle(row)).collect();
        // A line without a name of its own belongs to the nearest that has one.
        let owner = |at: usize| {
            let far = |other: usize| {
                heights.get(at).zip(heights.get(other)).map_or(f32::MAX, |(a, b)| (a - b).abs())
            };
            (0..keys.len())
                .filter(|other| keys.get(*other).is_some_and(Option::is_some))
                .min_by(|a, b| far(*a).total_cmp(&far(*b)).then(a.cmp(b)))
        };
        let mut found: Vec<(usize, String, Cell)> = Vec::new();
        for (at, row) in made.iter().enumerate() {
            let Some(key) = owner(at).and_then(|owner| keys.get(owner).cloned().flatten()) else { continue };
            for (head, span) in &row.cells {
                let Some(head) = head.as_ref().filter(|head| head.contains(':')) else { continue };
                let (thing, who) = if side == "bem" { (&key, head) } else { (head, &key) };
                let thing = thing.strip_prefix("thing:").and_then(|thing| thing.parse::<usize>().ok());
                let (Some(thing), Some(who)) = (thing, who.strip_prefix("who:")) else { continue };
                let cell = self.cell(row, span);
                match found.iter_mut().find(|(other, name, _)| *other == thing && name == who) {
                    Some((.., known)) => known.fill(cell),
                    None => found.push((thing, who.to_owned(), cell)),
                }
            }
        }
        self.name_bare(&mut found);
        for (thing, who, cell) in found {
            let Some(mention) = self.people.named(&who).next() else { continue };
            let one = Candidate { span: mention.span.clone(), value: Json::from(who), flags: Vec::new() };
            let Some(who) = placed(&self.document.text, self.document.pages, one, 0.9) else { continue };
            let Cell { percent, fraction, value, .. } = cell;
            if percent.is_some() || fraction.is_some() || value.is_some() {
                put(thing, vec![Part { who, percent, fraction, value, general: false }]);
            }
        }
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

    fn cell(&self, row: &Row, span: &Span) -> Cell {
        let put = |span: Span, value: Json| {
            let one = Candidate { span, value, flags: Vec::new() };
            placed(&row.text, self.document.pages, one, 0.92)
        };
        let first = |kind: Kind| row.text.of_kind(kind, span).next();
        let found = |kind: Kind| first(kind).and_then(|one| put(one.span.clone(), one.value.clone()));
        let bare = || {
            if let Some(one) = first(Kind::Number) {
                return Some((one.number()?, put(one.span.clone(), one.value.clone())?));
            }
            let text = row.text.folded(span.clone());
            let number = figure(text.trim())?;
            let lead = text.len() - text.trim_start().len();
            let at = span.start + lead..span.start + lead + text.trim().len();
            Some((number, put(at, Json::from(number))?))
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

/// The height of a row's middle.
fn middle(row: &[Vec<crate::page::Word>]) -> f32 {
    let rects = || row.iter().flatten().map(|word| word.rect);
    let top = rects().map(|rect| rect[1]).fold(f32::MAX, f32::min);
    let bottom = rects().map(|rect| rect[3]).fold(0.0, f32::max);
    (top + bottom) / 2.0
}
