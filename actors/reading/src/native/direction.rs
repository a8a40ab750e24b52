//! Puts words of right-to-left scripts, which stand on the page from the right, into the order in which they are read.

use unicode_normalization::UnicodeNormalization as _;

use super::words::Piece;

/// Whether the letter belongs to a script that is written from right to left.
pub(super) fn from_right(letter: char) -> bool {
    matches!(letter, '\u{590}'..='\u{65f}' | '\u{66d}'..='\u{6ef}' | '\u{6fa}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// Whether more of the letters are written from the right than from the left.
pub(super) fn mostly_from_right<'p>(pieces: impl Iterator<Item = &'p Piece>) -> bool {
    let (mut backward, mut others) = (0, 0);
    for letter in pieces.flat_map(|piece| piece.text.chars()).filter(|letter| letter.is_alphabetic()) {
        if from_right(letter) { backward += 1 } else { others += 1 }
    }
    backward > others
}

/// The words of one line in the order in which they are read, each with its letters in that order.
pub(super) fn as_read(mut line: Vec<Piece>) -> Vec<Piece> {
    // OCR gives its words as they are read.
    let has = |piece: &Piece| piece.confidence.is_none() && piece.text.chars().any(from_right);
    if !line.iter().any(has) {
        return line;
    }
    let backward = mostly_from_right(line.iter());
    let other = |piece: &Piece| piece.text.chars().any(|c| c.is_alphabetic() && !from_right(c));
    // Runs against the line's direction are turned: words of the other scripts with what stands between them.
    let against = |piece: &Piece| if backward { other(piece) && !has(piece) } else { has(piece) };
    if backward {
        line.reverse();
    }
    let mut start = 0;
    while start < line.len() {
        let Some(first) = line.iter().skip(start).position(against).map(|at| start + at) else { break };
        let with = |piece: &Piece| if backward { has(piece) } else { other(piece) && !has(piece) };
        let end = line.iter().skip(first).position(with).map_or(line.len(), |at| first + at);
        let last = line.iter().take(end).rposition(against).unwrap_or(first);
        if let Some(run) = line.get_mut(first..=last) {
            run.reverse();
        }
        start = end;
    }
    for piece in line.iter_mut().filter(|piece| has(piece)) {
        piece.text = letters_as_read(&piece.text);
    }
    line
}

/// A word's letters from right to left, but those of other scripts and numbers from left to right.
fn letters_as_read(seen: &str) -> String {
    let mut letters: Vec<char> = seen.chars().rev().collect();
    let straight = |letter: char| letter.is_alphanumeric() && !from_right(letter);
    let within = |letter: char| straight(letter) || matches!(letter, '.' | ',' | ':' | '/' | '٫' | '٬');
    let mut start = 0;
    while let Some(first) = letters.iter().skip(start).position(|c| straight(*c)).map(|at| start + at) {
        let end = letters.iter().skip(first).position(|c| !within(*c)).map_or(letters.len(), |at| first + at);
        let last = letters.iter().take(end).rposition(|c| straight(*c)).unwrap_or(first);
        if let Some(run) = letters.get_mut(first..=last) {
            run.reverse();
        }
        start = end;
    }
    let mut text = String::with_capacity(seen.len());
    for letter in letters {
        // Fonts name the shapes that a letter takes within a word; a search names the letter.
        if matches!(letter, '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}') {
            text.extend(std::iter::once(letter).nfkc());
        } else {
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> Vec<Piece> {
        let piece = |(at, text): (usize, &&str)| Piece {
            text: (*text).to_owned(),
            x0: at as f32 * 50.0,
            x1: at as f32 * 50.0 + 40.0,
            top: 0.0,
            bottom: 10.0,
            base: 8.0,
            size: 10.0,
            spaced: true,
            confidence: None,
        };
        words.iter().enumerate().map(piece).collect()
    }

    fn read(words: &[&str]) -> String {
        let read: Vec<String> = as_read(line(words)).into_iter().map(|piece| piece.text).collect();
        read.join(" ")
    }

    #[test]
    fn a_hebrew_line_is_read_from_the_right() {
        assert_eq!(read(&["םולש", "םלוע"]), "עולם שלום");
        assert_eq!(read(&["םלוע", "2024", "םולש"]), "שלום 2024 עולם");
    }

    #[test]
    fn words_of_another_script_keep_their_order_within_it() {
        assert_eq!(read(&["םלוע", "New", "York", "םולש"]), "שלום New York עולם");
        assert_eq!(
            read(&["the", "words", "םלוע", "םולש", "mean", "peace"]),
            "the words שלום עולם mean peace"
        );
    }

    #[test]
    fn numbers_within_a_word_keep_their_direction() {
        assert_eq!(letters_as_read("12.5ב"), "ב12.5");
        assert_eq!(letters_as_read(".םולש"), "שלום.");
    }

    #[test]
    fn the_shapes_of_arabic_letters_are_written_as_letters() {
        assert_eq!(letters_as_read("\u{fe8e}\u{fed4}\u{fee3}"), "مفا");
    }

    #[test]
    fn a_line_from_left_to_right_is_left_alone() {
        assert_eq!(read(&["um", "contrato", "(2024)"]), "um contrato (2024)");
    }
}
