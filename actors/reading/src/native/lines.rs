//! Gathers words into rows: what stands side by side on one line of the page.

use super::words::Piece;

/// A gap narrower than this share of the size lies within a word.
const JOIN_GAP: f32 = 0.1;

/// Rows that a word is compared with: superscripts and columns set apart by a hair leave few open at once.
const OPEN_ROWS: usize = 8;

/// Words side by side, from left to right; never empty.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) base: f32,
    pub(crate) size: f32,
}

impl Row {
    pub(super) fn x0(&self) -> f32 {
        self.pieces.iter().map(|piece| piece.x0).reduce(f32::min).unwrap_or(0.0)
    }

    pub(super) fn x1(&self) -> f32 {
        self.pieces.iter().map(|piece| piece.x1).fold(f32::MIN, f32::max)
    }

    /// Parts the row where `cut` says so of two neighbours' gap: its end on the left, its start on the right.
    pub(super) fn split(self, cut: impl Fn(f32, f32) -> bool) -> Vec<Vec<Piece>> {
        let mut cells: Vec<Vec<Piece>> = Vec::new();
        let mut end = f32::MAX;
        for piece in self.pieces {
            let (from, to) = (end, piece.x0);
            end = if end == f32::MAX { piece.x1 } else { end.max(piece.x1) };
            match cells.last_mut() {
                Some(cell) if !cut(from, to) => cell.push(piece),
                _ => cells.push(vec![piece]),
            }
        }
        cells
    }
}

/// The rows of `pieces`, from top to bottom.
pub(super) fn rows(mut pieces: Vec<Piece>) -> Vec<Row> {
    pieces.sort_by(|a, b| a.base.total_cmp(&b.base).then(a.x0.total_cmp(&b.x0)));
    let mut rows: Vec<Line> = Vec::new();
    for piece in pieces {
        let open = rows.len().saturating_sub(OPEN_ROWS);
        let fit = rows.iter_mut().skip(open).filter(|line| line.shares(&piece) >= 0.5);
        match fit.max_by(|a, b| a.shares(&piece).total_cmp(&b.shares(&piece))) {
            Some(line) => line.add(piece),
            None => rows.push(Line::new(piece)),
        }
    }
    let mut rows: Vec<Row> = rows.into_iter().map(Line::into_row).collect();
    rows.sort_by(|a, b| a.base.total_cmp(&b.base));
    rows
}

struct Line {
    pieces: Vec<Piece>,
    top: f32,
    bottom: f32,
    base: f32,
    size: f32,
    longest: usize,
}

impl Line {
    fn new(piece: Piece) -> Self {
        let (top, bottom, base, size) = (piece.top, piece.bottom, piece.base, piece.size);
        Self { longest: piece.text.len(), pieces: vec![piece], top, bottom, base, size }
    }

    /// The share of the lower of the two that both have in common, up and down.
    fn shares(&self, piece: &Piece) -> f32 {
        let common = self.bottom.min(piece.bottom) - self.top.max(piece.top);
        common / (self.bottom - self.top).min(piece.bottom - piece.top).max(0.01)
    }

    // The longest word speaks for its line, so that neither a footnote's mark nor a large initial does.
    fn add(&mut self, piece: Piece) {
        if piece.text.len() > self.longest {
            (self.top, self.bottom) = (piece.top, piece.bottom);
            (self.base, self.size) = (piece.base, piece.size);
            self.longest = piece.text.len();
        }
        self.pieces.push(piece);
    }

    fn into_row(mut self) -> Row {
        self.pieces.sort_by(|a, b| a.x0.total_cmp(&b.x0));
        Row { pieces: join_spaced(join_near(without_leaders(self.pieces))), base: self.base, size: self.size }
    }
}

/// Dots in a row that lead the eye to a page number and say nothing.
const LEADER_DOTS_MIN: usize = 4;

/// Drops the dots that lead to a page number, alone or within a word as in `Resumo.......3`.
fn without_leaders(pieces: Vec<Piece>) -> Vec<Piece> {
    let dot = |piece: &Piece| piece.text.chars().all(|letter| letter == '.');
    let mut kept: Vec<Piece> = Vec::with_capacity(pieces.len());
    let mut rest = pieces.into_iter().peekable();
    while let Some(piece) = rest.next() {
        if dot(&piece) {
            let mut run = vec![piece];
            while let Some(next) = rest.next_if(dot) {
                run.push(next);
            }
            if run.iter().map(|piece| piece.text.len()).sum::<usize>() < LEADER_DOTS_MIN {
                kept.append(&mut run);
            } else if let Some(next) = rest.peek_mut() {
                next.spaced = true;
            }
        } else if piece.text.contains("....") {
            kept.extend(around_leader(&piece));
        } else {
            kept.push(piece);
        }
    }
    kept
}

/// The words before and after the dots of `piece`, which share its width by their letters.
fn around_leader(piece: &Piece) -> Vec<Piece> {
    let step = (piece.x1 - piece.x0) / piece.text.chars().count().max(1) as f32;
    let mut at = piece.x0;
    let mut parts = Vec::new();
    for part in piece.text.split_inclusive('.') {
        let letters = part.chars().count();
        let word = part.trim_end_matches('.');
        if !word.is_empty() {
            let x1 = at + step * word.chars().count() as f32;
            parts.push(Piece { text: word.to_owned(), x0: at, x1, spaced: true, ..piece.clone() });
        }
        at += step * letters as f32;
    }
    parts
}

/// Joins parts of words that the file draws apart.
fn join_near(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match joined.last_mut() {
            Some(last) if !piece.spaced && near(last, &piece, JOIN_GAP) => absorb(last, &piece),
            _ => joined.push(piece),
        }
    }
    joined
}

fn near(last: &Piece, piece: &Piece, share: f32) -> bool {
    let gap = piece.x0 - last.x1;
    let size = last.size.max(piece.size);
    gap < share * size && gap > -0.3 * size && last.confidence.is_none()
}

fn absorb(last: &mut Piece, piece: &Piece) {
    last.text.push_str(&piece.text);
    last.x1 = last.x1.max(piece.x1);
    (last.top, last.bottom) = (last.top.min(piece.top), last.bottom.max(piece.bottom));
    if piece.size > last.size {
        (last.size, last.base) = (piece.size, piece.base);
    }
}

/// Joins words whose letters are set apart for emphasis, as `C O N T R A T O`.
fn join_spaced(pieces: Vec<Piece>) -> Vec<Piece> {
    const LETTERS_MIN: usize = 5;
    let lone = |piece: &Piece| {
        piece.confidence.is_none()
            && piece.text.chars().count() == 1
            && piece.text.chars().all(char::is_alphanumeric)
    };
    if pieces.iter().filter(|piece| lone(piece)).count() < LETTERS_MIN {
        return pieces;
    }
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    let mut rest = pieces.into_iter().peekable();
    while let Some(piece) = rest.next() {
        if !lone(&piece) {
            joined.push(piece);
            continue;
        }
        let mut run = vec![piece];
        while let Some(next) = rest.next_if(|next| lone(next) && !next.spaced) {
            run.push(next);
        }
        let mut gaps: Vec<f32> =
            run.iter().zip(run.iter().skip(1)).map(|(left, right)| right.x0 - left.x1).collect();
        gaps.sort_by(f32::total_cmp);
        let usual = gaps.get(gaps.len() / 2).copied().unwrap_or(f32::MAX);
        let letters = run.len();
        for piece in run {
            match joined.last_mut() {
                Some(last)
                    if letters >= LETTERS_MIN
                        && last.x1 <= piece.x0
                        && usual < 0.9 * piece.size
                        && piece.x0 - last.x1 < 1.4 * usual + 0.02 * piece.size =>
                {
                    absorb(last, &piece);
                }
                _ => joined.push(piece),
            }
        }
    }
    joined
}
