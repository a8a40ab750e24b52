//! A replacement text as Python's `re.sub` reads it for a pattern without groups, with Python's own messages.

use super::apply::Raised;
use super::grammar::LINE;
use super::python::repr;

/// A piece of a replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    /// `\g<0>`: the text that was found.
    Found,
}

/// Reads a replacement text.
pub(super) fn parse(source: &str) -> Result<Vec<Part>, Raised> {
    if !source.contains('\\') {
        return Ok(vec![Part::Literal(source.to_owned())]);
    }
    let (mut tokens, mut parts) = (Tokens::new(source)?, Vec::new());
    while let Some(token) = tokens.get()? {
        match token {
            Token::Plain(c) => literal(&mut parts, c),
            Token::Escape('g') => {
                group(&mut tokens)?;
                parts.push(Part::Found);
            }
            Token::Escape('0') => literal(&mut parts, octal_from_zero(&mut tokens)?),
            Token::Escape(c) if c.is_ascii_digit() => literal(&mut parts, octal(&mut tokens, c)?),
            Token::Escape(c) => match control(c) {
                Some(control) => literal(&mut parts, control),
                None if c.is_ascii_alphabetic() => {
                    return Err(tokens.error(&format!("bad escape \\{c}"), 2));
                }
                None => {
                    literal(&mut parts, '\\');
                    literal(&mut parts, c);
                }
            },
        }
    }
    Ok(parts)
}

fn literal(parts: &mut Vec<Part>, c: char) {
    match parts.last_mut() {
        Some(Part::Literal(text)) => text.push(c),
        _ => parts.push(Part::Literal(c.to_string())),
    }
}

/// What stands for one character. `\b` is a backspace here, and `\\` one backslash.
fn control(c: char) -> Option<char> {
    Some(match c {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' => '\\',
        _ => return None,
    })
}

/// `\0`, and at most two octal digits after it.
fn octal_from_zero(tokens: &mut Tokens) -> Result<char, Raised> {
    let mut value = 0_u8;
    for _ in 0..2 {
        let Some(digit) = tokens.next_digit(8) else { break };
        tokens.get()?;
        value = value * 8 + digit as u8;
    }
    Ok(char::from(value))
}

/// Three octal digits are a character; anything shorter is a group that no literal pattern has.
fn octal(tokens: &mut Tokens, first: char) -> Result<char, Raised> {
    let mut digits = String::from(first);
    if let Some(second) = tokens.next_digit(10) {
        digits.extend(char::from_digit(second, 10));
        tokens.get()?;
        let so_far = u32::from_str_radix(&digits, 8).ok();
        if let (Some(so_far), Some(third)) = (so_far, tokens.next_digit(8)) {
            tokens.get()?;
            return u8::try_from(so_far * 8 + third).map(char::from).map_err(|_| {
                let what = format!("octal escape value \\{digits}{third} outside of range 0-0o377");
                tokens.error(&what, 4)
            });
        }
    }
    Err(tokens.error(&format!("invalid group reference {digits}"), digits.len()))
}

/// What follows `\g`; only the group 0 exists.
fn group(tokens: &mut Tokens) -> Result<(), Raised> {
    if tokens.next != Some(Token::Plain('<')) {
        return Err(tokens.error("missing <", 0));
    }
    tokens.get()?;
    let name = group_name(tokens)?;
    let width = name.chars().count() + 1;
    if name.chars().all(|c| c.is_ascii_digit()) {
        let digits = name.trim_start_matches('0');
        if digits.is_empty() {
            return Ok(());
        }
        return Err(tokens.error(&format!("invalid group reference {digits}"), width));
    }
    if !LINE.identifier.is_match(&name) {
        return Err(tokens.error(&format!("bad character in group name {}", repr(&name)), width));
    }
    Err(Raised(format!("IndexError: unknown group name {}", repr(&name))))
}

fn group_name(tokens: &mut Tokens) -> Result<String, Raised> {
    let mut name = String::new();
    loop {
        match tokens.get()? {
            None if name.is_empty() => return Err(tokens.error("missing group name", 0)),
            None => return Err(tokens.error("missing >, unterminated name", name.chars().count())),
            Some(Token::Plain('>')) if name.is_empty() => return Err(tokens.error("missing group name", 1)),
            Some(Token::Plain('>')) => return Ok(name),
            Some(Token::Plain(c)) => name.push(c),
            Some(Token::Escape(c)) => name.extend(['\\', c]),
        }
    }
}

/// A character, or a backslash and the character after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Plain(char),
    Escape(char),
}

/// The tokens with one of look-ahead; positions count characters, and a lone backslash at the end is
/// met one token early, as in Python.
struct Tokens {
    source: Vec<char>,
    index: usize,
    next: Option<Token>,
}

impl Tokens {
    fn new(source: &str) -> Result<Tokens, Raised> {
        let mut tokens = Tokens { source: source.chars().collect(), index: 0, next: None };
        tokens.get()?;
        Ok(tokens)
    }

    fn get(&mut self) -> Result<Option<Token>, Raised> {
        let token = self.next;
        self.next = match (self.source.get(self.index), self.source.get(self.index + 1)) {
            (None, _) => None,
            (Some('\\'), None) => {
                let position = self.source.len() - 1;
                return Err(Raised(format!("error: bad escape (end of pattern) at position {position}")));
            }
            (Some('\\'), Some(c)) => Some(Token::Escape(*c)),
            (Some(c), _) => Some(Token::Plain(*c)),
        };
        self.index += width(self.next);
        Ok(token)
    }

    /// The next token if it is a digit of the base.
    fn next_digit(&self, base: u32) -> Option<u32> {
        match self.next {
            Some(Token::Plain(c)) => c.to_digit(base),
            _ => None,
        }
    }

    fn error(&self, what: &str, back: usize) -> Raised {
        let position = self.index.saturating_sub(width(self.next)).saturating_sub(back);
        Raised(format!("error: {what} at position {position}"))
    }
}

fn width(token: Option<Token>) -> usize {
    match token {
        None => 0,
        Some(Token::Plain(_)) => 1,
        Some(Token::Escape(_)) => 2,
    }
}
