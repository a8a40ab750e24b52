//! Tables rebuilt from the boxes of words: a head that a list knows, its columns, and the rows below it.

use std::ops::Range;

use crate::page::{Page, Rect, Word};
use crate::profile::Column;
use crate::text::fold;

/// Lines of a head at most.
const HEAD_LINES_MAX: usize = 3;

/// Lines of a head at most whose cells are centred beside each other, so that their lines stand between each other.
const INTERLEAVED_MAX: usize = 8;

/// Lines of one table on one page at most; a page holds fewer.
const LINES_MAX: usize = 400;

/// A table of one page.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    /// The index of its page.
    pub(crate) page: usize,
    /// For each column: the key of the list's column that its head names.
    pub(crate) keys: Vec<Option<String>>,
    /// The rows: for each column its words, in reading order.
    pub(crate) rows: Vec<Vec<Vec<Word>>>,
    /// Where the head begins in the page's text, and which bytes the table covers.
    pub(crate) head_at: usize,
    pub(crate) words: Vec<Range<usize>>,
}

/// The cells of a head, the columns that they name, and its lines.
type Head = (Vec<(Rect, String)>, Vec<Option<String>>, usize);

/// What the next page's rows are held to: the head's cells, the columns, and where cells began and ended.
type Open = (Vec<(Rect, String)>, Vec<Option<String>>, Vec<f32>);

/// Words that stand on one line, from left to right.
struct Line {
    words: Vec<Word>,
    rect: Rect,
}

/// A run of words without a wide gap.
#[derive(Clone, Debug)]
struct Piece {
    words: Vec<Word>,
    rect: Rect,
}

fn join(a: Rect, b: Rect) -> Rect {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}

fn middle(rect: &Rect) -> f32 {
    (rect[1] + rect[3]) / 2.0
}

fn centre(rect: &Rect) -> f32 {
    (rect[0] + rect[2]) / 2.0
}

fn height(rect: &Rect) -> f32 {
    rect[3] - rect[1]
}

fn lines(page: &Page) -> Vec<Line> {
    let mut words = page.words.clone();
    words.retain(|word| word.end > word.start && word.rect[2] > word.rect[0] && !noise(page, word));
    let slope = slope(&words);
    for word in &mut words {
        let fall = slope * centre(&word.rect);
        word.rect[1] -= fall;
        word.rect[3] -= fall;
    }
    let whole = rows_of_words(words);
    let Some(gutter) = gutter(&whole) else { return whole };
    // Two columns of text are read one after the other, with what stands over both before them.
    let crosses = |line: &Line| line.words.iter().any(|word| word.rect[0] < gutter && gutter < word.rect[2]);
    let (across, apart): (Vec<Line>, Vec<Line>) = whole.into_iter().partition(crosses);
    let (left, right): (Vec<Word>, Vec<Word>) =
        apart.into_iter().flat_map(|line| line.words).partition(|word| centre(&word.rect) < gutter);
    across.into_iter().chain(rows_of_words(left)).chain(rows_of_words(right)).collect()
}

/// Below this a short word that OCR read is dirt, or a piece of a table's rule.
const DIRT: f32 = 0.5;

/// Whether a word of a recognised page is no word: a lone sign, or a few letters that OCR was not sure of.
fn noise(page: &Page, word: &Word) -> bool {
    let text = page.text.get(word.start..word.end).unwrap_or("");
    // A stroke may join two words of a head: "Banco / registro".
    let sign = text
        .chars()
        .all(|c| matches!(c, ':' | ';' | '~' | '_' | '«' | '»' | '=' | '.' | ',' | '^' | '*' | '°'))
        || text.chars().all(|c| matches!(c, '\'' | '`' | '’' | '‘' | '"'));
    let doubtful = word.confidence < DIRT
        && text.chars().count() <= 3
        && text.contains(char::is_alphabetic)
        && !text.chars().all(|c| matches!(c, 'I' | 'V' | 'X' | 'i' | 'v' | 'x' | 'l'))
        && !text.contains(|c: char| c.is_ascii_digit() || c == '$');
    page.is_ocr && (sign || doubtful)
}

/// Lines of text on each side of a gutter that make two columns of a page.
const COLUMN_LINES: usize = 12;

/// Words of a line of text at least; a cell has fewer.
const TEXT_WORDS: usize = 5;

/// Where a page of two columns of text is parted.
fn gutter(lines: &[Line]) -> Option<f32> {
    let left = lines.iter().map(|line| line.rect[0]).fold(f32::MAX, f32::min);
    let right = lines.iter().map(|line| line.rect[2]).fold(0.0, f32::max);
    let crossing = |x: f32| {
        let over = |line: &&Line| line.words.iter().any(|word| word.rect[0] < x && x < word.rect[2]);
        lines.iter().filter(over).count()
    };
    let middle = (left + right) / 2.0;
    let x = (-20..=20)
        .map(|step| middle + step as f32 * 2.0)
        .min_by_key(|x| (crossing(*x), (*x - middle).abs() as u32))?;
    let texts = |side: fn(&Rect, f32) -> bool| {
        let fits = |line: &&Line| line.words.iter().filter(|word| side(&word.rect, x)).count() >= TEXT_WORDS;
        lines.iter().filter(fits).count()
    };
    let both = |line: &&Line| {
        let count =
            |side: fn(&Rect, f32) -> bool| line.words.iter().filter(|word| side(&word.rect, x)).count();
        count(before) >= TEXT_WORDS && count(beyond) >= TEXT_WORDS
    };
    fn before(rect: &Rect, x: f32) -> bool {
        rect[2] <= x
    }
    fn beyond(rect: &Rect, x: f32) -> bool {
        rect[0] >= x
    }
    // A line that runs over the whole page has words on both sides too, but then most lines cross the gutter.
    let side_by_side = lines.iter().filter(both).count() >= COLUMN_LINES;
    (side_by_side
        && texts(before) >= COLUMN_LINES
        && texts(beyond) >= COLUMN_LINES
        && crossing(x) * 12 <= lines.len())
    .then_some(x)
}

/// Words that stand at one height, as lines from the top down.
fn rows_of_words(mut words: Vec<Word>) -> Vec<Line> {
    words.sort_by(|a, b| middle(&a.rect).total_cmp(&middle(&b.rect)));
    let mut lines: Vec<Line> = Vec::new();
    for word in words {
        let fits = lines.last().is_some_and(|line: &Line| {
            let first = line.words.first().map_or(line.rect, |first| first.rect);
            (middle(&first) - middle(&word.rect)).abs() < 0.35 * height(&first).min(height(&word.rect))
        });
        match lines.last_mut().filter(|_| fits) {
            Some(line) => {
                line.rect = join(line.rect, word.rect);
                line.words.push(word);
            }
            None => lines.push(Line { rect: word.rect, words: vec![word] }),
        }
    }
    for line in &mut lines {
        line.words.sort_by(|a, b| a.rect[0].total_cmp(&b.rect[0]));
    }
    lines
}

/// How much lines fall from left to right on a page that was not laid straight.
fn slope(words: &[Word]) -> f32 {
    let mut slopes: Vec<f32> = words
        .windows(6)
        .filter_map(|run| {
            let (first, last) = (run.first()?.rect, run.last()?.rect);
            let along = centre(&last) - centre(&first);
            let rising = run.windows(2).all(|pair| matches!(pair, [a, b] if b.rect[0] > a.rect[0]));
            (rising && along > 60.0).then(|| (middle(&last) - middle(&first)) / along)
        })
        .filter(|slope| slope.abs() < 0.05)
        .collect();
    slopes.sort_by(f32::total_cmp);
    slopes.get(slopes.len() / 2).copied().unwrap_or(0.0)
}

/// Words of a line whose spaces tell that it is text, at least.
const EVEN_WORDS: usize = 8;

/// Whether the spaces of a long line are all alike, and none is as wide as a gap between columns: text set to both edges.
fn justified(line: &Line) -> bool {
    let mut gaps: Vec<f32> = line
        .words
        .windows(2)
        .filter_map(|pair| Some((pair.get(1)?.rect[0] - pair.first()?.rect[2]).max(0.0)))
        .collect();
    gaps.sort_by(f32::total_cmp);
    let (middle, widest) = (gaps.get(gaps.len() / 2).copied(), gaps.last().copied());
    middle.zip(widest).is_some_and(|(middle, widest)| {
        line.words.len() >= EVEN_WORDS && middle < 0.9 * height(&line.rect) && widest < 1.7 * middle
    })
}

/// A line cut where the gap is wider than a space.
fn pieces(line: &Line) -> Vec<Piece> {
    let mut found: Vec<Piece> = Vec::new();
    let wide = if justified(line) { f32::MAX } else { 0.6 * height(&line.rect) };
    for word in &line.words {
        let close = found.last().is_some_and(|piece| word.rect[0] - piece.rect[2] < wide);
        match found.last_mut().filter(|_| close) {
            Some(piece) => {
                piece.rect = join(piece.rect, word.rect);
                piece.words.push(*word);
            }
            None => found.push(Piece { words: vec![*word], rect: word.rect }),
        }
    }
    found
}

fn text(page: &Page, words: &[Word]) -> String {
    let parts: Vec<&str> = words.iter().filter_map(|word| page.text.get(word.start..word.end)).collect();
    fold(&parts.join(" "))
}

/// The cells of a head: pieces of its lines that stand over each other.
fn head_cells(page: &Page, lines: &[Line]) -> Vec<(Rect, String)> {
    let mut cells: Vec<(Rect, Vec<Word>)> = Vec::new();
    let below = |at: usize| lines.get(at + 1).map(pieces).unwrap_or_default();
    let cut = lines.iter().enumerate().flat_map(|(at, line)| {
        let below = below(at);
        pieces(line).into_iter().flat_map(move |piece| parted(piece, &below)).collect::<Vec<_>>()
    });
    for piece in cut {
        let over = cells.iter_mut().find(|(rect, _)| rect[0] < piece.rect[2] && piece.rect[0] < rect[2]);
        match over {
            Some((rect, words)) => {
                *rect = join(*rect, piece.rect);
                words.extend(piece.words);
            }
            None => cells.push((piece.rect, piece.words)),
        }
    }
    cells.sort_by(|(a, _), (b, _)| a[0].total_cmp(&b[0]));
    cells.into_iter().map(|(rect, words)| (rect, text(page, &words))).collect()
}

/// A piece cut between the pieces of the next line that stand below it: narrow columns leave their heads little room.
fn parted(piece: Piece, below: &[Piece]) -> Vec<Piece> {
    let under: Vec<f32> = below
        .iter()
        .filter(|one| piece.rect[0] < one.rect[2] && one.rect[0] < piece.rect[2])
        .map(|one| centre(&one.rect))
        .collect();
    if under.len() < 2 || piece.words.len() < under.len() {
        return vec![piece];
    }
    let nearest = |x: f32| {
        (0..under.len()).min_by(|a, b| {
            let far = |at: &usize| under.get(*at).map_or(f32::MAX, |other| (other - x).abs());
            far(a).total_cmp(&far(b))
        })
    };
    let mut found: Vec<(Option<usize>, Piece)> = Vec::new();
    for word in piece.words {
        let column = nearest(centre(&word.rect));
        match found.last_mut().filter(|(last, _)| *last == column) {
            Some((_, piece)) => {
                piece.rect = join(piece.rect, word.rect);
                piece.words.push(word);
            }
            None => found.push((column, Piece { rect: word.rect, words: vec![word] })),
        }
    }
    found.into_iter().map(|(_, piece)| piece).collect()
}

/// What a cell of a head names, but for the names already given; for cells that nothing else names, a second time.
pub(crate) type Heads<'a> = dyn Fn(&str, &[String], bool) -> Option<String> + 'a;

/// Heads as the columns of a list describe them.
pub(crate) fn heads(columns: &[Column]) -> impl Fn(&str, &[String], bool) -> Option<String> + '_ {
    |text, used, again| {
        let fits = |column: &&Column| {
            let heads = if again { &column.heads_else } else { &column.heads };
            !used.contains(&column.key) && heads.as_ref().is_some_and(|heads| heads.heads(text))
        };
        columns.iter().find(fits).map(|column| column.key.clone())
    }
}

/// Which column each head names; none twice.
fn named(cells: &[(Rect, String)], heads: &Heads<'_>) -> Vec<Option<String>> {
    let mut used: Vec<String> = Vec::new();
    let mut found: Vec<Option<String>> = cells.iter().map(|_| None).collect();
    for again in [false, true] {
        for ((_, text), name) in cells.iter().zip(&mut found) {
            if name.is_none()
                && let Some(key) = heads(text, &used, again)
            {
                used.push(key.clone());
                *name = Some(key);
            }
        }
    }
    // "A favor | %": the share stands in a column of its own beside the count.
    for at in 1..cells.len() {
        let Some([(_, left), (_, right)]) = cells.get(at - 1..=at) else { continue };
        let named = found.get(at - 1).cloned().flatten();
        let share = right.trim() == "%"
            && named.is_some()
            && found.get(at).is_some_and(Option::is_none)
            && heads(&format!("% {left}"), &[], false) == named;
        if share {
            found.swap(at - 1, at);
        }
    }
    found
}

/// Every table of the document whose head names one of `keys` and another column.
pub(crate) fn grids(pages: &[Page], keys: &[&str], columns: &Heads<'_>) -> Vec<Grid> {
    let mut found: Vec<Grid> = Vec::new();
    let mut open: Option<Open> = None;
    for (index, page) in pages.iter().enumerate() {
        let lines = lines(page);
        let mut at = 0;
        let mut first_on_page = true;
        while at < lines.len() {
            let head = best_head(page, &lines, at, keys, columns);
            // A title over the head is no line of it.
            let below = best_head(page, &lines, at + 1, keys, columns);
            if let (Some(here), Some(below)) = (&head, &below) {
                let count = |head: &Head| head.1.iter().flatten().count();
                let title = lines.get(at).is_some_and(|line| pieces(line).len() == 1);
                if here.2 > 1 && (count(below) > count(here) || count(below) == count(here) && title) {
                    at += 1;
                    continue;
                }
            }
            let (cells, named, body) = match (head, &open) {
                (Some((cells, named, length)), _) => (cells, named, at + length),
                // The rows go on at the top of the next page, below its running head.
                (None, Some((cells, named, edges)))
                    if first_on_page && at < 4 && continues(&lines, at, cells, edges) =>
                {
                    (cells.clone(), named.clone(), at)
                }
                _ => {
                    at += 1;
                    continue;
                }
            };
            first_on_page = false;
            let end = body_end(page, &lines, body, &cells, keys, columns);
            let key = keys.iter().find(|key| named.iter().flatten().any(|named| named == *key));
            let key = key.copied().unwrap_or("");
            let rows = rows(page, lines.get(body..end).unwrap_or(&[]), &cells, &named, key);
            let all = lines.get(at..end).unwrap_or(&[]);
            let words: Vec<Range<usize>> =
                all.iter().flat_map(|line| line.words.iter().map(|word| word.start..word.end)).collect();
            let head_at = words.iter().map(|range| range.start).min().unwrap_or(0);
            // What little follows on the page is its foot.
            open = (end + 3 >= lines.len()).then(|| (cells, named.clone(), edges(all)));
            if !rows.is_empty() {
                found.push(Grid { page: index, keys: named, rows, head_at, words });
            }
            at = end.max(at + 1);
        }
        if first_on_page {
            open = None;
        }
    }
    found
}

/// The head that begins at line `at`: its cells, what they name, and its lines.
fn best_head(page: &Page, lines: &[Line], at: usize, wanted: &[&str], columns: &Heads<'_>) -> Option<Head> {
    let mut best: Option<(usize, Head)> = None;
    for length in 1..=INTERLEAVED_MAX {
        let Some(block) = lines.get(at..at + length) else { break };
        let (first, last) = (block.first()?, block.last()?);
        // Cells of several lines that are centred beside each other: a line begins before the one before it ends.
        let interleaved = length > 2
            && block
                .windows(2)
                .all(|pair| matches!(pair, [a, b] if b.rect[1] < a.rect[3] - 0.25 * height(&a.rect)));
        let most = if interleaved { 5.0 } else { 3.4 };
        if length > HEAD_LINES_MAX && !interleaved
            || last.rect[1] - first.rect[1] > most * height(&first.rect)
        {
            break;
        }
        let cells = head_cells(page, block);
        if cells.len() < 2 || cells.iter().any(|(_, text)| text.split(' ').count() > 9) {
            continue;
        }
        let keys = named(&cells, columns);
        let count = keys.iter().flatten().count();
        let has_key = keys.iter().flatten().any(|named| wanted.contains(&named.as_str()));
        // Figures stand in rows, not in heads.
        let figures = cells
            .iter()
            .filter(|(_, text)| {
                text.contains("r$ ") && text.contains(',')
                    || text
                        .split(' ')
                        .filter(|word| !word.contains('/'))
                        .flat_map(str::chars)
                        .filter(char::is_ascii_digit)
                        .count()
                        > 5
            })
            .count();
        // A sign alone, as "%", is no column of its own that goes unnamed.
        let worded = cells.iter().filter(|(_, text)| text.len() > 2).count();
        let enough = count >= 2 && has_key && count * 2 >= worded && figures == 0;
        // The second line of a head names more columns, or adds words to its cells, as "(R$)".
        let better =
            best.as_ref().is_none_or(|(most, old)| count > *most || count == *most && longer(&cells, &old.0));
        if enough && better {
            best = Some((count, (cells, keys, length)));
        }
    }
    best.map(|(_, head)| head)
}

/// Whether a further line only added units to a head's cells.
fn longer(new: &[(Rect, String)], old: &[(Rect, String)]) -> bool {
    new.len() == old.len()
        && new.iter().zip(old).all(|((_, new), (_, old))| {
            new == old
                || new.strip_prefix(old.as_str()).is_some_and(|more| {
                    let more = more.trim();
                    more.starts_with('(')
                        || more.ends_with('%')
                        || more.ends_with("%)")
                        || more.len() <= 12 && !more.contains(|c: char| c.is_ascii_digit())
                })
        })
        && new.iter().zip(old).any(|((_, new), (_, old))| new != old)
        && new.iter().zip(old).filter(|((_, new), (_, old))| new != old).count() < new.len()
}

/// Where the pieces of most lines begin or end.
fn edges(lines: &[Line]) -> Vec<f32> {
    let all: Vec<f32> =
        lines.iter().flat_map(pieces).flat_map(|piece| [piece.rect[0], piece.rect[2]]).collect();
    let often = (lines.len() / 2).max(2);
    let common = |edge: &f32| all.iter().filter(|other| (*other - edge).abs() < 1.5).count() >= often;
    all.iter().copied().filter(common).collect()
}

/// How far a cell may stand from where those above it began or ended, in points.
const EDGE_SLACK: f32 = 4.0;

/// Whether the line at `at` is a row of the table on the page before: most of its pieces stand as cells did there.
fn continues(lines: &[Line], at: usize, cells: &[(Rect, String)], edges: &[f32]) -> bool {
    let Some(line) = lines.get(at) else { return false };
    let pieces = pieces(line);
    let stands = |x: f32| edges.iter().any(|edge| (edge - x).abs() < EDGE_SLACK);
    let aligned = pieces.iter().filter(|piece| stands(piece.rect[0]) || stands(piece.rect[2])).count();
    pieces.len() >= 2 && pieces.len() + 1 >= cells.len() && aligned * 10 >= pieces.len() * 8
}

/// The line after the table's last.
fn body_end(
    page: &Page,
    lines: &[Line],
    body: usize,
    cells: &[(Rect, String)],
    wanted: &[&str],
    columns: &Heads<'_>,
) -> usize {
    let mut end = body;
    let mut widest = 0.0_f32;
    while let Some(line) = lines.get(end) {
        if end - body > LINES_MAX {
            break;
        }
        if end > body
            && let Some(last) = lines.get(end - 1)
        {
            let (gap, high) = (line.rect[1] - last.rect[3], height(&last.rect).max(8.0));
            // A lone piece further off than the rows are from each other is what follows the table.
            let apart = pieces(line).len() == 1 && gap > 1.3 * high && gap > 1.4 * widest;
            let elsewhere = gap < -3.0 * high;
            if gap > 3.0 * high || apart || elsewhere {
                break;
            }
            widest = widest.max(gap);
        }
        let crossing = pieces(line).iter().any(|piece| {
            let over = cells
                .iter()
                .filter(|(rect, _)| piece.rect[0] < centre(rect) && centre(rect) < piece.rect[2])
                .count();
            over >= 2
                || over == 1 && piece.words.len() > 5 && {
                    // A sentence that starts left of the table or runs through the gap between two columns' heads.
                    let right = cells
                        .iter()
                        .find(|(rect, _)| rect[0] > piece.rect[0] + 1.0 && rect[0] < piece.rect[2] - 2.0);
                    // A wide cell below a head in its middle touches no other head.
                    let touched =
                        cells.iter().filter(|(rect, _)| piece.rect[0] < rect[2] && rect[0] < piece.rect[2]);
                    right.is_some() && piece.rect[2] - piece.rect[0] > 300.0 && touched.count() > 1
                }
        });
        if crossing || end > body && best_head(page, lines, end, wanted, columns).is_some() {
            break;
        }
        end += 1;
    }
    end
}

/// The middle of the clearest gap between each two columns.
fn boundaries(lines: &[Line], cells: &[(Rect, String)]) -> Vec<f32> {
    let words: Vec<Rect> = lines.iter().flat_map(|line| line.words.iter().map(|word| word.rect)).collect();
    cells
        .windows(2)
        .filter_map(|pair| {
            let [(left, _), (right, _)] = pair else { return None };
            let (from, to) = (centre(left), centre(right));
            let steps = ((to - from).max(1.0) as usize).min(2000);
            let cover: Vec<usize> = (0..=steps)
                .map(|step| {
                    let x = from + step as f32;
                    words.iter().filter(|rect| rect[0] < x && x < rect[2]).count()
                })
                .collect();
            let least = cover.iter().copied().min()?;
            let mut best = (0, 0);
            let mut begin = None;
            for step in 0..=steps + 1 {
                match (cover.get(step) == Some(&least), begin) {
                    (true, None) => begin = Some(step),
                    (false, Some(start)) => {
                        if step - start > best.1 - best.0 {
                            best = (start, step);
                        }
                        begin = None;
                    }
                    _ => {}
                }
            }
            Some(from + (best.0 + best.1) as f32 / 2.0)
        })
        .collect()
}

/// A line of one cell.
struct Part {
    words: Vec<Word>,
    rect: Rect,
}

fn rows(
    page: &Page,
    lines: &[Line],
    cells: &[(Rect, String)],
    keys: &[Option<String>],
    name: &str,
) -> Vec<Vec<Vec<Word>>> {
    let bounds = boundaries(lines, cells);
    let mut columns: Vec<Vec<Part>> = cells.iter().map(|_| Vec::new()).collect();
    for line in lines {
        for word in &line.words {
            let at = bounds.partition_point(|bound| *bound < centre(&word.rect));
            let Some(parts) = columns.get_mut(at) else { continue };
            match parts
                .last_mut()
                .filter(|part| (middle(&part.rect) - middle(&word.rect)).abs() < 0.35 * height(&part.rect))
            {
                Some(part) => {
                    part.rect = join(part.rect, word.rect);
                    part.words.push(*word);
                }
                None => parts.push(Part { words: vec![*word], rect: word.rect }),
            }
        }
    }
    let key = keys.iter().position(|key| key.as_deref() == Some(name)).unwrap_or(0);
    let figures = |parts: &[Part]| {
        parts
            .iter()
            .filter(|part| {
                let text = text(page, &part.words);
                text.contains(|c: char| c.is_ascii_digit()) || text.trim() == "-"
            })
            .count()
    };
    // The column that counts the rows tells how many there are; else the one whose cells are one line each.
    let others = || (0..columns.len()).filter(|at| *at != key).filter_map(|at| Some((at, columns.get(at)?)));
    let counts = |parts: &[Part]| {
        let labels: Vec<String> = parts.iter().map(|part| text(page, &part.words)).collect();
        counted(&labels)
    };
    let counting = others().find(|(_, parts)| counts(parts));
    let most = others()
        .filter(|(_, parts)| !parts.is_empty() && figures(parts) * 2 >= parts.len())
        .max_by_key(|(at, parts)| (parts.len(), *at));
    let rects = |parts: &[Part]| parts.iter().map(|part| part.rect).collect::<Vec<Rect>>();
    let all_counted = counting.is_some();
    let mut anchors = counting.or(most).map(|(_, parts)| rects(parts)).unwrap_or_default();
    // The row of the total has no number.
    if let (true, Some((_, parts)), Some(last)) = (all_counted, most, anchors.last().copied()) {
        let below = |rect: &Rect| middle(rect) - middle(&last) > 1.5 * height(&last);
        anchors.extend(rects(parts).into_iter().filter(below));
    }
    let spans = row_spans(columns.get(key).map_or(&[][..], |parts| parts), &anchors, all_counted);
    let mut rows: Vec<Vec<Vec<Word>>> =
        spans.iter().map(|_| cells.iter().map(|_| Vec::new()).collect()).collect();
    for (at, parts) in columns.into_iter().enumerate() {
        for part in parts {
            let nearest = (0..spans.len()).min_by(|a, b| {
                let far =
                    |row: &usize| spans.get(*row).map_or(f32::MAX, |span| distance(span, middle(&part.rect)));
                far(a).total_cmp(&far(b))
            });
            if let Some(cell) = nearest.and_then(|row| rows.get_mut(row)).and_then(|row| row.get_mut(at)) {
                cell.extend(part.words);
            }
        }
    }
    rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
    rows
}

fn distance(span: &(f32, f32), y: f32) -> f32 {
    if y < span.0 {
        span.0 - y
    } else if y > span.1 {
        y - span.1
    } else {
        0.0
    }
}

/// Whether labels count on from each other: `1`, `2`, `3`; `5.6`, `5.7`; `a)`, `b)`; `i`, `ii`.
fn counted(labels: &[String]) -> bool {
    const ROMAN: [&str; 12] = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"];
    let bare: Vec<&str> =
        labels.iter().map(|label| label.trim_matches(|c: char| !c.is_ascii_alphanumeric())).collect();
    let number = |label: &str| -> Option<usize> {
        let last = label.rsplit('.').next()?;
        (label.len() <= 6).then(|| last.parse().ok()).flatten()
    };
    let roman = |label: &str| ROMAN.iter().position(|one| *one == label);
    let letter = |label: &str| match label.as_bytes() {
        [one] if one.is_ascii_alphabetic() => Some(usize::from(*one)),
        _ => None,
    };
    let runs = |read: &dyn Fn(&str) -> Option<usize>| {
        bare.windows(2).all(|pair| {
            let at = |which: usize| pair.get(which).and_then(|label| read(label));
            at(0).zip(at(1)).is_some_and(|(a, b)| b == a + 1)
        })
    };
    bare.len() >= 3 && (runs(&number) || runs(&roman) || runs(&letter))
}

/// Lines of one cell at most.
const CELL_LINES_MAX: usize = 8;

/// The lines of the key column in as many groups as there are anchors, each around the middle of its anchor or from it
/// down, if that fits all of them.
fn grouped(key: &[Part], anchors: &[Rect]) -> Option<Vec<(f32, f32)>> {
    let mids: Vec<f32> = key.iter().map(|part| middle(&part.rect)).collect();
    let high = key.iter().map(|part| height(&part.rect)).fold(0.0, f32::max);
    let off = |from: usize, to: usize, anchor: &Rect, centred: bool| {
        let first = mids.get(from).copied().unwrap_or(f32::MAX);
        let last = mids.get(to - 1).copied().unwrap_or(f32::MAX);
        ((if centred { (first + last) / 2.0 } else { first }) - middle(anchor)).abs()
    };
    // The least that the first `lines` lines are off the anchors up to this one, and where its group begins.
    let fit = |centred: bool| -> Option<(f32, Vec<(usize, usize)>)> {
        let mut steps: Vec<Vec<(f32, usize)>> = vec![vec![(f32::MAX, 0); mids.len() + 1]];
        if let Some(start) = steps.first_mut().and_then(|step| step.first_mut()) {
            start.0 = 0.0;
        }
        for anchor in anchors {
            let last = steps.last()?;
            let step = (0..=mids.len())
                .map(|to| {
                    (to.saturating_sub(CELL_LINES_MAX)..to)
                        .filter_map(|from| Some((last.get(from)?.0 + off(from, to, anchor, centred), from)))
                        .min_by(|a, b| a.0.total_cmp(&b.0))
                        .unwrap_or((f32::MAX, 0))
                })
                .collect();
            steps.push(step);
        }
        let mut to = mids.len();
        let cost = steps.last()?.get(to)?.0;
        let mut groups = Vec::new();
        for step in steps.iter().skip(1).rev() {
            let from = step.get(to)?.1;
            groups.push((from, to));
            to = from;
        }
        groups.reverse();
        let worst = groups.iter().zip(anchors).map(|((from, to), anchor)| off(*from, *to, anchor, centred));
        (cost.is_finite() && to == 0 && worst.fold(0.0, f32::max) < 0.45 * high).then_some((cost, groups))
    };
    let (centred, falling) = (fit(true), fit(false));
    let (_, groups) = match (centred, falling) {
        (Some(a), Some(b)) => Some(if a.0 <= b.0 { a } else { b }),
        (a, b) => a.or(b),
    }?;
    groups.into_iter().map(|(from, to)| Some((key.get(from)?.rect[1], key.get(to - 1)?.rect[3]))).collect()
}

/// Lines of figures of one row at most, as a count over its percentage.
const STACK_MAX: usize = 3;

/// The rows where each name, of one line or more, stands beside as many lines of figures, closer to each other than to
/// those of the next.
fn stacked(key: &[Part], anchors: &[Rect]) -> Option<Vec<(f32, f32)>> {
    (2..=STACK_MAX).find_map(|lines| stacked_by(lines, key, anchors))
}

fn stacked_by(lines: usize, key: &[Part], anchors: &[Rect]) -> Option<Vec<(f32, f32)>> {
    let rows = anchors.len() / lines;
    if rows * lines != anchors.len() || rows < 2 || key.len() < rows {
        return None;
    }
    let gap = |at: usize| Some(anchors.get(at)?[1] - anchors.get(at - 1)?[3]);
    let (mut inner, mut outer) = (f32::MIN, f32::MAX);
    for at in 1..anchors.len() {
        if at % lines == 0 { outer = outer.min(gap(at)?) } else { inner = inner.max(gap(at)?) }
    }
    let spans: Vec<(f32, f32)> =
        anchors.chunks(lines).filter_map(|group| Some((group.first()?[1], group.last()?[3]))).collect();
    let beside = |span: &(f32, f32), part: &Part| {
        let (middle, slack) = (middle(&part.rect), 0.3 * height(&part.rect));
        span.0 - slack <= middle && middle <= span.1 + slack
    };
    let each = spans.iter().all(|span| key.iter().any(|part| beside(span, part)));
    let all = key.iter().all(|part| spans.iter().any(|span| beside(span, part)));
    (outer > inner + GAP_SLACK && each && all).then_some(spans)
}

/// What the gaps between rows exceed those between the lines of one cell by, in points.
const GAP_SLACK: f32 = 0.6;

/// From where to where each row reaches: the lines of the key column, parted at the widest gaps into as many rows as
/// there are anchors, if each then has its anchor.
fn row_spans(key: &[Part], anchors: &[Rect], all_counted: bool) -> Vec<(f32, f32)> {
    let own = |rect: &Rect| (rect[1], rect[3]);
    if anchors.is_empty() {
        return key.iter().map(|part| own(&part.rect)).collect();
    }
    if let Some(spans) = stacked(key, anchors) {
        return spans;
    }
    if key.len() <= anchors.len() {
        return anchors.iter().map(own).collect();
    }
    let mut gaps: Vec<(usize, f32)> = key
        .windows(2)
        .enumerate()
        .filter_map(|(at, pair)| Some((at + 1, pair.get(1)?.rect[1] - pair.first()?.rect[3])))
        .collect();
    gaps.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut cuts: Vec<usize> = gaps.iter().take(anchors.len() - 1).map(|gap| gap.0).collect();
    cuts.sort_unstable();
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([key.len()]);
    let spans: Vec<(f32, f32)> = starts
        .zip(ends)
        .filter_map(|(from, to)| {
            let group = key.get(from..to)?;
            Some((group.first()?.rect[1], group.last()?.rect[3]))
        })
        .collect();
    // Lines of a cell that stand as far from each other as rows do show nothing by their gaps.
    let (cut, kept) = gaps.split_at(gaps.len().min(anchors.len() - 1));
    let clear = match (cut.last(), kept.first()) {
        (Some((_, cut)), Some((_, kept))) => *cut > kept + GAP_SLACK,
        _ => true,
    };
    let each = (clear || !all_counted)
        && spans.len() == anchors.len()
        && spans.iter().zip(anchors).all(|(span, anchor)| {
            let slack = height(anchor) * 0.6;
            span.0 - slack < middle(anchor) && middle(anchor) < span.1 + slack
        });
    if each {
        return spans;
    }
    // No line of a table whose rows are counted stands between two of them.
    if let Some(groups) = all_counted.then(|| grouped(key, anchors)).flatten() {
        return groups;
    }
    // Else a row reaches from its anchor to the next.
    anchors
        .iter()
        .enumerate()
        .map(|(at, anchor)| (anchor[1], anchors.get(at + 1).map_or(f32::MAX, |next| next[1] - 0.1)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(top: f32) -> Part {
        Part { words: Vec::new(), rect: [0.0, top, 100.0, top + 10.0] }
    }

    #[test]
    fn labels_that_count_the_rows_are_known() {
        let all =
            |labels: &[&str]| counted(&labels.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>());
        assert!(all(&["1", "2", "3"]) && all(&["5.6", "5.7", "5.8"]) && all(&["c)", "d)", "e)"]));
        assert!(all(&["iii", "iv", "v"]));
        assert!(!all(&["1", "2"]) && !all(&["1", "3", "4"]) && !all(&["100", "200", "300"]));
    }

    #[test]
    fn figures_may_stand_over_each_other_beside_one_name() {
        let names: Vec<Part> = [6.0, 46.0].into_iter().map(part).collect();
        let figures = |tops: [f32; 4]| tops.into_iter().map(|top| part(top).rect).collect::<Vec<Rect>>();
        let spans = stacked(&names, &figures([0.0, 12.0, 40.0, 52.0]));
        assert_eq!(spans, Some(vec![(0.0, 22.0), (40.0, 62.0)]));
        assert_eq!(stacked(&names, &figures([0.0, 20.0, 40.0, 60.0])), None, "each line is a row");
        let wrapped: Vec<Part> = [6.0, 40.0, 52.0].into_iter().map(part).collect();
        assert!(stacked(&wrapped, &figures([0.0, 12.0, 40.0, 52.0])).is_some(), "a name of two lines");
        assert_eq!(stacked(&names, &figures([20.0, 32.0, 60.0, 72.0])), None, "the names are not beside");
    }

    #[test]
    fn a_head_is_cut_between_the_columns_below_it() {
        let word = |left: f32, right: f32| Word {
            start: 0,
            end: 1,
            rect: [left, 0.0, right, 10.0],
            confidence: 1.0,
        };
        let piece = |words: Vec<Word>| Piece {
            rect: words.iter().map(|word| word.rect).reduce(join).unwrap(),
            words,
        };
        let over = piece(vec![word(0.0, 30.0), word(33.0, 60.0), word(65.0, 90.0), word(93.0, 120.0)]);
        let below = [piece(vec![word(10.0, 50.0)]), piece(vec![word(70.0, 110.0)])];
        let counts: Vec<usize> = parted(over.clone(), &below).iter().map(|piece| piece.words.len()).collect();
        assert_eq!(counts, [2, 2]);
        assert_eq!(parted(over, &below[..1]).len(), 1);
    }

    #[test]
    fn lines_of_a_cell_stand_around_the_middle_of_its_row() {
        // Rows of two lines, of one, and of three, close to each other; figures in the middle of each.
        let lines: Vec<Part> = [0.0, 12.0, 25.0, 38.0, 50.0, 62.0].into_iter().map(part).collect();
        let anchors: Vec<Rect> = [6.0, 25.0, 50.0].into_iter().map(|top| part(top).rect).collect();
        let groups = grouped(&lines, &anchors).unwrap();
        assert_eq!(groups, [(0.0, 22.0), (25.0, 35.0), (38.0, 72.0)]);
    }

    #[test]
    fn lines_of_a_cell_may_stand_below_its_figures() {
        let lines: Vec<Part> = [0.0, 12.0, 24.0, 36.0].into_iter().map(part).collect();
        let anchors: Vec<Rect> = [0.0, 36.0].into_iter().map(|top| part(top).rect).collect();
        assert_eq!(grouped(&lines, &anchors).unwrap(), [(0.0, 34.0), (36.0, 46.0)]);
    }
}
