//! Where Python's idea of text differs from Rust's: white space, words, newlines, and equality without case.

use std::borrow::Cow;

/// What Python's `\s` and `str.isspace` take for white space: Rust's, and the four separators of ASCII.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// `str.strip`. A byte order mark stays, as it does there.
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// A file as Python opens text: CRLF and CR become LF.
pub(super) fn newlines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The one character that stands for all that `re.IGNORECASE` takes for the same: `k` for `K` and the Kelvin sign,
/// `i` for `I`, `İ` and `ı`, `s` for `S` and `ſ`. Accents count.
pub(super) fn fold_char(c: char) -> char {
    match c {
        '\0'..='\x7f' => return c.to_ascii_lowercase(),
        // The letters of Portuguese, for speed alone: the general way below says the same of them.
        'À'..='Ö' | 'Ø'..='Þ' => return char::from_u32(u32::from(c) + 0x20).unwrap_or(c),
        'ß'..='ÿ' => return c,
        _ => {}
    }
    match lower_char(upper_char(lower_char(c))) {
        // Alike for Python's regular expressions, though no single capital joins them.
        '\u{1fd3}' => '\u{390}',
        '\u{1fe3}' => '\u{3b0}',
        '\u{fb06}' => '\u{fb05}',
        folded => folded,
    }
}

/// A text with every character folded.
pub(super) fn fold(text: &str) -> String {
    text.chars().map(fold_char).collect()
}

fn lower_char(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// The capital of a character, if it is one character.
fn upper_char(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(only), None) => only,
        _ => c,
    }
}

/// `repr` of a text, as it stands in messages of Python's exceptions.
pub(super) fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c == quote => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}
