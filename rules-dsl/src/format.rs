//! Writes a rules file in its usual form, and never another meaning: the result is read again and compared.

mod line;
mod meaning;
mod place;

#[cfg(test)]
pub(crate) mod tests;

use crate::syntax::parse;

/// Times that a text is formatted until nothing changes; ordinary files need one.
const ROUNDS_MAX: usize = 4;

/// The file in its usual form: keywords with their accents, one space between words, indentation by kind of line, one
/// blank line between items, `\n` at every end. What is not understood stays as it is.
///
/// Formatting twice changes nothing, and the result means what the source meant. A file whose layout carries its
/// meaning in a way that cannot be kept comes back with its white space at line ends tidied, or untouched.
pub fn format(source: &str) -> String {
    let tidy = tidied(source);
    let sense = meaning::of(&parse(source));
    if meaning::of(&parse(&tidy)) != sense {
        return source.to_owned();
    }
    let mut text = tidy.clone();
    for _ in 0..ROUNDS_MAX {
        let next = once(&text);
        if next == text {
            let kept = meaning::of(&parse(&text)) == sense && tidied(&text) == text;
            return if kept { text } else { tidy };
        }
        text = next;
    }
    tidy
}

/// Without byte order mark, carriage returns and white space at line ends, and with a line break at the end.
fn tidied(source: &str) -> String {
    let mut out = String::with_capacity(source.len() + 1);
    for line in source.trim_start_matches('\u{feff}').lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    let end = out.trim_end_matches('\n').len();
    out.truncate(if end == 0 { 0 } else { end + 1 });
    out
}

/// One round: every line in its form, at its place.
fn once(source: &str) -> String {
    let tree = parse(source);
    let places = place::places(&tree);
    let mut out = String::with_capacity(source.len() + source.len() / 16);
    for place in &places {
        if let Some(text) = &place.text {
            out.extend(std::iter::repeat_n('\n', place.blanks));
            out.extend(std::iter::repeat_n(' ', place.indent));
            out.push_str(text);
            out.push('\n');
        }
    }
    out
}
