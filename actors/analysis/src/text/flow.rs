//! Joins the pages' lines: a line that goes on is followed by a space, one that ends by `\n`; running heads are left out.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::fold::fold_char;
use super::mend::mended;
use super::{Span, fold};
use crate::page::{Page, Rect};

/// Lines at the top and at the bottom of a page that may be a running head or foot.
const RUNNING_LINES: usize = 2;

/// Lines of a running head or foot at most, where each that stands further out runs too.
const RUNNING_DEEP: usize = 4;

/// Letters of a running line, which is no line of a paragraph, at most.
const RUNNING_MAX: usize = 90;

/// What a line may lack of the right edge and still be full, in points.
const SLACK: f32 = 3.0;

/// The text of a document, character by character.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    /// One ASCII byte for each character: lower case, no accents.
    pub(crate) folded: String,
    /// The characters as printed.
    chars: Vec<char>,
    /// The index of the page, and the byte in its text, of each character.
    origin: Vec<(u32, u32)>,
    /// The characters in the order of their origins, which columns change.
    sorted: Vec<u32>,
}

/// A line of a page's text.
struct Line<'a> {
    start: usize,
    text: &'a str,
    blank_after: bool,
    rect: Option<Rect>,
    first_word_width: f32,
}

impl Flow {
    /// Joins `pages`.
    pub(crate) fn of(pages: &[Page]) -> Self {
        let all: Vec<Vec<Line<'_>>> = pages.iter().map(lines).collect();
        let running = running(&all);
        let mut flow = Self::default();
        for (index, (page, lines)) in pages.iter().zip(&all).enumerate() {
            let edges = right_edges(lines);
            let kept: Vec<usize> =
                in_columns(lines).into_iter().filter(|at| !running.contains(&(index, *at))).collect();
            let mut kept = kept;
            let labels = labels_first(lines, &mut kept);
            for (order, &at) in kept.iter().enumerate() {
                let Some(line) = lines.get(at) else { continue };
                flow.push(page, index, line);
                let next = kept.get(order + 1).and_then(|&next| lines.get(next));
                let edge = edges.get(at).copied().unwrap_or(f32::MAX);
                // A label, and the two lines of its value.
                let parts = [(0, '\t'), (1, ' '), (2, '\n')];
                let part = parts.iter().find(|(back, _)| {
                    order
                        .checked_sub(*back)
                        .and_then(|order| kept.get(order))
                        .is_some_and(|at| labels.contains(at))
                });
                if let Some((_, gap)) = part {
                    let byte = line.start + line.text.len();
                    flow.push_char(*gap, index, byte.min(page.text.len()));
                    continue;
                }
                if flow.joins_hyphen(next) {
                    continue;
                }
                let byte = line.start + line.text.len();
                let last = order.checked_sub(1).and_then(|last| lines.get(*kept.get(last)?));
                let end = match next {
                    Some(next) => ends(line, next, edge) || outdented(last, line, next),
                    // A sentence may go on over the page.
                    None => line.text.trim_end().ends_with(['.', ':', ';', '!', '?']),
                };
                flow.push_char(if end { '\n' } else { ' ' }, index, byte.min(page.text.len()));
            }
        }
        flow.sorted = (0..flow.origin.len() as u32).collect();
        let origin = &flow.origin;
        flow.sorted.sort_by_key(|&at| origin.get(at as usize).copied());
        flow
    }

    /// Takes back the hyphen of a word that was broken over the line end.
    fn joins_hyphen(&mut self, next: Option<&Line<'_>>) -> bool {
        let next = next.and_then(|next| next.text.trim_start().chars().next());
        let [.., letter, '-' | '‐' | '\u{2011}' | '¬'] = self.chars.as_slice() else { return false };
        let broken = letter.is_lowercase() && next.is_some_and(char::is_lowercase);
        if broken {
            self.chars.pop();
            self.folded.pop();
            self.origin.pop();
        }
        broken
    }

    /// A flow of pieces of one page's text, each with what parts it from the one before; and where each stands.
    pub(crate) fn of_pieces(page: &Page, index: usize, pieces: &[(char, std::ops::Range<usize>)]) -> Self {
        let mut flow = Self::default();
        for (gap, range) in pieces {
            if flow.len() > 0 {
                let end = flow.origin.last().map_or(0, |origin| origin.1);
                flow.push_char(*gap, index, end as usize);
            }
            flow.push_text(page, index, range.start, page.text.get(range.clone()).unwrap_or(""));
        }
        flow
    }

    fn push(&mut self, page: &Page, index: usize, line: &Line<'_>) {
        debug_assert!(page.text.get(line.start..).is_some());
        self.push_text(page, index, line.start, line.text);
    }

    /// Puts what stands at `start` of a page; what was recognised in a picture is matched as it was meant.
    fn push_text(&mut self, page: &Page, index: usize, start: usize, text: &str) {
        let from = self.folded.len();
        for (offset, c) in text.char_indices().filter(|(_, c)| *c != '\u{ad}') {
            self.push_char(c, index, start + offset);
        }
        if page.is_ocr {
            let meant = mended(self.folded.get(from..).unwrap_or(""));
            self.folded.truncate(from);
            self.folded.push_str(&meant);
        }
    }

    fn push_char(&mut self, c: char, page: usize, byte: usize) {
        self.folded.push(fold_char(c));
        self.chars.push(c);
        self.origin.push((page as u32, byte as u32));
    }

    /// How many characters there are.
    pub(crate) fn len(&self) -> usize {
        self.chars.len()
    }

    /// The characters as printed.
    pub(crate) fn chars(&self) -> &[char] {
        &self.chars
    }

    /// The folded text of `span`, or `""` beyond the end.
    pub(crate) fn folded(&self, span: Span) -> &str {
        self.folded.get(span.start..span.end.min(self.len())).unwrap_or("")
    }

    /// The text of `span` as printed, with each run of white space as one space.
    pub(crate) fn printed(&self, span: Span) -> String {
        let chars = self.chars.get(span.start..span.end.min(self.len())).unwrap_or(&[]);
        super::squeeze(&chars.iter().collect::<String>())
    }

    /// The index of the page and the byte of its text where the character `at` stands.
    pub(crate) fn origin(&self, at: usize) -> Option<(usize, usize)> {
        self.origin.get(at).map(|&(page, byte)| (page as usize, byte as usize))
    }

    /// The first character that stands at or after `byte` of the page with that index.
    pub(crate) fn at(&self, page: usize, byte: usize) -> usize {
        let before = |&at: &u32| self.origin(at as usize).is_some_and(|origin| origin < (page, byte));
        let at = self.sorted.partition_point(before);
        self.sorted.get(at).map_or(self.len(), |&at| at as usize)
    }
}

fn lines(page: &Page) -> Vec<Line<'_>> {
    let mut found: Vec<Line<'_>> = Vec::new();
    let (mut start, mut word_at) = (0, 0);
    for raw in page.text.split('\n') {
        let (from, to) = (start, start + raw.len());
        start = to + 1;
        if raw.trim().is_empty() {
            if let Some(last) = found.last_mut() {
                last.blank_after = true;
            }
            continue;
        }
        let (from, raw) = if page.is_ocr { without_specks(from, raw) } else { (from, raw) };
        while page.words.get(word_at).is_some_and(|word| word.start < from) {
            word_at += 1;
        }
        // Specks beyond the text do not make a line longer.
        let to = if page.is_ocr { from + raw.len() } else { to };
        let words = page.words.get(word_at..).unwrap_or(&[]);
        let count = words.iter().take_while(|word| word.start < to).count();
        let words = words.get(..count).unwrap_or(&[]);
        let rect = words.iter().map(|word| word.rect).reduce(|a, b| {
            // A part of a word that was joined over the line end stands lower: it is the next line's.
            if b[1] > a[3] { a } else { [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])] }
        });
        let first_word_width = words.first().map_or(0.0, |word| word.rect[2] - word.rect[0]);
        found.push(Line { start: from, text: raw, blank_after: false, rect, first_word_width });
    }
    found
}

/// A line without the lone signs that dirt on the paper is read as.
fn without_specks(from: usize, raw: &str) -> (usize, &str) {
    const SPECKS: &[char] = &['|', '\'', '’', '°', ':', ';', '.', ',', '_', '~', '`', '‘', '^', '*', '"'];
    let mut text = raw.trim_end();
    while let Some((head, last)) = text.rsplit_once(' ') {
        if last.chars().count() != 1 || !last.starts_with(SPECKS) || head.trim().is_empty() {
            break;
        }
        text = head.trim_end();
    }
    let mut from = from;
    while let Some((first, tail)) = text.split_once(' ') {
        if first.chars().count() != 1 || !first.starts_with(SPECKS) || tail.trim().is_empty() {
            break;
        }
        from += first.len() + 1;
        text = tail;
    }
    (from, text)
}

/// Puts a label that stands beside the middle of two lines, to their left, before both; gives which lines are such.
fn labels_first(lines: &[Line<'_>], order: &mut [usize]) -> Vec<usize> {
    let mut found = Vec::new();
    for at in 0..order.len().saturating_sub(2) {
        let three = order.get(at..at + 3).unwrap_or(&[]);
        let rects: Vec<Rect> = three.iter().filter_map(|&at| lines.get(at)?.rect).collect();
        let [above, label, below] = rects.as_slice() else { continue };
        let tabbed = three.iter().any(|&at| lines.get(at).is_some_and(|line| line.text.contains('\t')));
        let mid = |rect: &Rect| (rect[1] + rect[3]) / 2.0;
        let high = above[3] - above[1];
        let aligned = (above[0] - below[0]).abs() < 3.0;
        let beside = label[2] + high < above[0].min(below[0]);
        let between = (mid(label) - (mid(above) + mid(below)) / 2.0).abs() < 0.3 * high;
        let close = mid(below) - mid(above) < 1.8 * high;
        if !tabbed && aligned && beside && between && close {
            found.extend(three.get(1).copied());
            order.swap(at, at + 1);
        }
    }
    found
}

/// Lines on each side of a gutter that make two columns.
const COLUMN_LINES: usize = 5;

/// The order in which lines are read: down one column, then down the other.
fn in_columns(lines: &[Line<'_>]) -> Vec<usize> {
    let as_they_are = || (0..lines.len()).collect();
    let rects: Vec<(usize, Rect)> =
        lines.iter().enumerate().filter_map(|(at, line)| Some((at, line.rect?))).collect();
    if rects.len() != lines.len() || rects.len() < 2 * COLUMN_LINES {
        return as_they_are();
    }
    let left = rects.iter().map(|(_, rect)| rect[0]).fold(f32::MAX, f32::min);
    let right = rects.iter().map(|(_, rect)| rect[2]).fold(0.0, f32::max);
    let middle = (left + right) / 2.0;
    let wide = (right - left) * 0.25;
    // A gutter near the middle that most lines of a column's width keep clear of.
    let gutter = (-20..=20)
        .map(|step| middle + step as f32 * 2.0)
        .min_by_key(|x| rects.iter().filter(|(_, rect)| rect[0] < *x && *x < rect[2]).count());
    let Some(gutter) = gutter else { return as_they_are() };
    if let Some(order) = with_side_heads(&rects, left, right) {
        return order;
    }
    let side = |rect: &Rect| {
        if rect[2] <= gutter + 2.0 {
            0
        } else if rect[0] >= gutter - 2.0 {
            1
        } else {
            2
        }
    };
    let count =
        |which| rects.iter().filter(|(_, rect)| side(rect) == which && rect[2] - rect[0] > wide).count();
    let across = rects.iter().filter(|(_, rect)| side(rect) == 2).count();
    if count(0) < COLUMN_LINES || count(1) < COLUMN_LINES || across > count(0) + count(1) {
        return as_they_are();
    }
    let mut sorted = rects;
    sorted.sort_by(|(_, a), (_, b)| a[1].total_cmp(&b[1]));
    let (mut order, mut sides) = (Vec::new(), [Vec::new(), Vec::new()]);
    for (at, rect) in sorted {
        match sides.get_mut(side(&rect)) {
            Some(column) => column.push(at),
            None => {
                sides.iter_mut().for_each(|column| order.append(column));
                order.push(at);
            }
        }
    }
    sides.iter_mut().for_each(|column| order.append(column));
    order
}

/// The order of lines whose heads stand beside them: each head before the text that begins at its height.
fn with_side_heads(rects: &[(usize, Rect)], left: f32, right: f32) -> Option<Vec<usize>> {
    let width = right - left;
    let gutter = (0..40).map(|step| left + width * (0.12 + 0.008 * step as f32)).find(|x| {
        let beside: Vec<&Rect> = rects.iter().map(|(_, rect)| rect).filter(|rect| rect[2] <= *x).collect();
        let text: Vec<&Rect> = rects.iter().map(|(_, rect)| rect).filter(|rect| rect[0] >= *x).collect();
        let across = rects.len() - beside.len() - text.len();
        let begins =
            |head: &Rect| text.iter().any(|rect| (rect[1] - head[1]).abs() < 0.6 * (head[3] - head[1]));
        let aligned = text
            .iter()
            .filter(|rect| text.first().is_some_and(|first| (rect[0] - first[0]).abs() < 6.0))
            .count();
        beside.len() >= 3
            && text.len() >= COLUMN_LINES
            && aligned * 10 >= text.len() * 7
            && across <= text.len()
            && beside.iter().filter(|head| begins(head)).count() * 10 >= beside.len() * 8
            && text.len() > beside.len()
    })?;
    let mut sorted = rects.to_vec();
    sorted.sort_by(|(_, a), (_, b)| {
        let row = (a[1] - b[1]).abs() < 0.6 * (a[3] - a[1]).min(b[3] - b[1]);
        let heads = (a[0] >= gutter).cmp(&(b[0] >= gutter));
        if row { heads.then(a[1].total_cmp(&b[1])) } else { a[1].total_cmp(&b[1]) }
    });
    Some(sorted.into_iter().map(|(at, _)| at).collect())
}

/// For each line, how far right the lines that begin near it reach.
fn right_edges(lines: &[Line<'_>]) -> Vec<f32> {
    // Those that begin near it, or that a heading stands in the middle of.
    let near = |a: &Rect, b: &Rect| (a[0] - b[0]).abs() < 40.0 || b[0] <= a[0] && a[2] <= b[2];
    lines
        .iter()
        .map(|line| {
            let Some(rect) = &line.rect else { return f32::MAX };
            // A table's rows reach where no sentence does.
            let others = lines.iter().filter(|other| !other.text.contains('\t'));
            let others = others.filter_map(|other| other.rect.as_ref());
            let mut ends: Vec<f32> = others.filter(|other| near(rect, other)).map(|other| other[2]).collect();
            ends.sort_by(f32::total_cmp);
            // Titles and tables reach further than the text does.
            ends.get(ends.len() * 4 / 5).copied().unwrap_or(rect[2])
        })
        .collect()
}

/// Whether a line ends where it stands, and does not go on in the next.
fn ends(line: &Line<'_>, next: &Line<'_>, edge: f32) -> bool {
    static MARKER: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^\s*(?:\(?(?:[a-z]|[ivxl]{1,6}|\d{1,2}(?:\.\d{1,2}){0,3})\s?[).\]]\s|(?:[ivxl]{1,6}|\d{1,2}(?:\.\d{1,2})*)\s?[-–—:]\s|[-*]\s|clausula\s)").ok()
    });
    let text = line.text.trim_end();
    let speck = text.ends_with([' ', '.', ':', ';', '\'', '’', '|', '-', '°'])
        && text.chars().rev().nth(1).is_some_and(char::is_whitespace);
    let stops = text.ends_with(['.', ':', ';', '!', '?']) && !speck || text.ends_with(".-");
    let following = fold(next.text);
    let marked = MARKER.as_ref().is_some_and(|marker| marker.is_match(&following));
    if marked && (stops || line.blank_after) {
        return true;
    }
    let (Some(here), Some(there)) = (&line.rect, &next.rect) else {
        return line.blank_after || stops && text.ends_with([':', ';']);
    };
    if shouts(text) && !shouts(next.text) && !stops && !hangs(text) {
        return true;
    }
    // A heading in capitals after a full stop.
    let heads = shouts(next.text) && !next.text.contains(|c: char| c.is_ascii_digit() || c == ',');
    if stops && text.ends_with('.') && heads && !shouts(text) {
        return true;
    }
    if line.text.contains('\t') || here[2] < there[0] || there[2] < here[0] {
        return true;
    }
    if next.text.contains('\t') {
        // A description of two lines may have its figures beside the second.
        // What stands over the heads of a table is its title.
        let head = next.text.matches('\t').count() >= 2 && !next.text.contains(|c: char| c.is_ascii_digit());
        return stops || marked || head || line.blank_after && there[1] - here[3] > 1.2 * (here[3] - here[1]);
    }
    let space = (here[2] - here[0]) / text.chars().count().max(1) as f32;
    let fits = here[2] + space + next.first_word_width <= edge - SLACK;
    let lower = next.text.trim_start().chars().next().is_some_and(char::is_lowercase);
    if (lower || hangs(text)) && !stops && !marked {
        return false;
    }

    // Lines of other heights are a heading and its text.
    let (high, low) = (here[3] - here[1], there[3] - there[1]);
    let begins = next.text.trim_start().chars().next().is_some_and(char::is_uppercase) || marked;
    let resized = (high - low).abs() > 0.25 * high.max(low) && line.blank_after && begins;
    fits || resized || stops && line.blank_after || there[1] + low < here[1]
}

/// Whether a block that is set in ends with this line: it stops, the line before stands where it does, or a mark opens
/// it, and the next begins further left.
fn outdented(last: Option<&Line<'_>>, line: &Line<'_>, next: &Line<'_>) -> bool {
    const SET_IN: f32 = 8.0;
    static MARKER: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^\s*\(?(?:[a-z]|[ivxl]{1,6}|\d{1,2}(?:\.\d{1,2}){0,3})\s?[).\]]\s").ok()
    });
    let (Some(here), Some(there)) = (&line.rect, &next.rect) else { return false };
    let block = last.and_then(|last| last.rect).is_some_and(|last| (last[0] - here[0]).abs() < 2.0)
        || MARKER.as_ref().is_some_and(|marker| marker.is_match(&fold(line.text)));
    let begins = next.text.trim_start().chars().next().is_some_and(char::is_uppercase);
    line.text.trim_end().ends_with(['.', ';', ':'])
        && begins
        && block
        && there[0] < here[0] - SET_IN
        && there[1] > here[1]
}

/// Whether a line ends in the middle of a phrase.
fn hangs(text: &str) -> bool {
    let last = fold(text.rsplit([' ', '\t']).next().unwrap_or(""));
    matches!(
        last.trim_start_matches(['(', '"']),
        "de" | "da"
            | "do"
            | "das"
            | "dos"
            | "e"
            | "a"
            | "o"
            | "as"
            | "os"
            | "com"
            | "por"
            | "em"
            | "sob"
            | "no"
            | "na"
            | "ao"
            | "aos"
            | "r$"
            | "cpf"
            | "cpf/mf"
            | "rg"
            | "cnpj"
            | "cnpj/mf"
            | "n"
            | "que"
            | "seu"
            | "sua"
            | "pelo"
            | "pela"
            | "para"
    ) || last.ends_with(',')
}

/// Whether a line is in capitals.
fn shouts(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic());
    let (all, upper) =
        letters.fold((0, 0), |(all, upper), c| (all + 1, upper + usize::from(c.is_uppercase())));
    all >= 4 && upper == all
}

/// What a running line has on each page: its long words, where it has two; else its letters, without the figures.
fn shape(folded: &str) -> String {
    let words: Vec<&str> =
        folded.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() >= 4).collect();
    if words.len() >= 2 && folded.len() < RUNNING_MAX {
        return words.join(" ");
    }
    folded.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect()
}

/// Lines that head or foot more than one page, and page numbers: (page, line).
fn running(all: &[Vec<Line<'_>>]) -> std::collections::HashSet<(usize, usize)> {
    static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(?:-|pagina|pag\.?|fls?\.?|folha)?\s*n?[o.]*\s*\d{1,4}\s*(?:(?:/|de)\s*\d{1,4})?\s*-?$")
            .ok()
    });
    let mut seen: HashMap<(bool, String), Vec<(usize, usize)>> = HashMap::new();
    let mut found = std::collections::HashSet::new();
    for (page, lines) in all.iter().enumerate() {
        let count = lines.len();
        let deep = RUNNING_DEEP.min(count / 2).max(RUNNING_LINES);
        for (at, line) in lines.iter().enumerate() {
            let (top, bottom) = (at < deep, at + deep >= count);
            if !top && !bottom {
                continue;
            }
            let folded = fold(line.text.trim());
            if at + RUNNING_LINES >= count && NUMBER.as_ref().is_some_and(|number| number.is_match(&folded)) {
                found.insert((page, at));
            }
            let shape = shape(&folded);
            seen.entry((top, shape)).or_default().push((page, at));
        }
    }
    seen.retain(|_, places| places.iter().any(|place| places.first().is_some_and(|one| one.0 != place.0)));
    let again: std::collections::HashSet<(usize, usize)> = seen.values().flatten().copied().collect();
    let runs = |page: usize, at: usize| again.contains(&(page, at)) || found.contains(&(page, at));
    let mut more = Vec::new();
    for ((top, _), places) in seen {
        // The first head may be the only place that names the book or the fund.
        more.extend(places.into_iter().skip(usize::from(top)).filter(|&(page, at)| {
            let count = all.get(page).map_or(0, Vec::len);
            let mut further = if top { 0..at } else { at + 1..count };
            further.len() < RUNNING_LINES || further.all(|other| runs(page, other))
        }));
    }
    found.extend(more);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page { number: 1, width: 595.0, height: 842.0, text: text.to_owned(), ..Page::default() }
    }

    #[test]
    fn running_heads_and_page_numbers_do_not_interrupt_a_sentence() {
        let flow = Flow::of(&[
            page("Livro 7\n\nO bem foi\n\nPágina 1"),
            page("Livro 7\n\npartilhado entre os dois.\n\nPágina 2"),
        ]);
        assert!(flow.folded.contains("o bem foi partilhado entre os dois."), "{}", flow.folded);
        assert_eq!(flow.folded.matches("livro 7").count(), 1);
    }

    #[test]
    fn a_running_foot_is_known_by_its_words() {
        assert_eq!(
            shape("livro n. 12 e * 4o tabelionato de notas fl. 58"),
            shape("livro no 12\t4o tabelionato de notas fl. 59")
        );
        assert_ne!(shape("folha 12"), shape("livro 12"));
    }

    /// A line of a page at a place.
    fn line(text: &str, left: f32, top: f32) -> Line<'_> {
        let rect = Some([left, top, left + text.len() as f32 * 5.0, top + 10.0]);
        Line { start: 0, text, blank_after: false, rect, first_word_width: 20.0 }
    }

    #[test]
    fn a_label_beside_two_lines_stands_before_them() {
        let lines = [
            line("Serra Azul Fundo de Investimento", 200.0, 0.0),
            line("Fundo", 60.0, 6.0),
            line("Imobiliário", 200.0, 12.0),
        ];
        let mut order = vec![0, 1, 2];
        assert_eq!(labels_first(&lines, &mut order), [1]);
        assert_eq!(order, [1, 0, 2]);
        let apart =
            [line("Serra Azul", 200.0, 0.0), line("Fundo", 60.0, 12.0), line("Imobiliário", 200.0, 24.0)];
        assert_eq!(labels_first(&apart, &mut [0, 1, 2]), [0; 0]);
    }

    #[test]
    fn what_is_set_in_ends_where_the_text_goes_back() {
        let item = line("(2) 30 cotas, no valor de R$ 90,00.", 80.0, 0.0);
        assert!(outdented(None, &item, &line("Somam os ativos", 60.0, 12.0)));
        assert!(!outdented(None, &item, &line("de reais", 60.0, 12.0)));
        let prose = line("Foi lida a ata.", 80.0, 0.0);
        assert!(
            !outdented(None, &prose, &line("Os presentes", 60.0, 12.0)),
            "a paragraph's first line is set in"
        );
    }

    #[test]
    fn every_character_knows_its_place() {
        let pages = [page("Célia e\nJoão"), page("são irmãos.")];
        let flow = Flow::of(&pages);
        for at in 0..flow.len() {
            let (page, byte) = flow.origin(at).unwrap();
            let c = flow.chars()[at];
            if !c.is_whitespace() {
                assert!(pages[page].text[byte..].starts_with(c));
            }
        }
    }
}
