//! CPF and CNPJ with their check digits, the CNPJ also with letters (as issued since July 2026).

use super::Value;
use crate::fold::in_word;

/// A CPF or CNPJ in its written form at the beginning of a text, and how many bytes it takes.
pub(super) fn read(text: &str) -> Option<(Value, usize)> {
    if let Some((digits, length)) = shaped(text, "##.###.###/####-##") {
        let valid = cnpj(digits.as_bytes());
        return Some((Value::Cnpj(digits, valid), length));
    }
    let (digits, length) = shaped(text, "###.###.###-##")?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let valid = cpf(digits.as_bytes());
    Some((Value::Cpf(digits, valid), length))
}

/// The letters and digits of a text that has this shape (`#` is one of them); the last two are digits.
fn shaped(text: &str, shape: &str) -> Option<(String, usize)> {
    let mut read = String::with_capacity(14);
    let mut characters = text.bytes();
    for wanted in shape.bytes() {
        let byte = characters.next()?;
        match wanted {
            b'#' if byte.is_ascii_digit() || byte.is_ascii_uppercase() => read.push(char::from(byte)),
            b'#' => return None,
            mark if mark == byte => {}
            _ => return None,
        }
    }
    let checked = read.bytes().rev().take(2).all(|byte| byte.is_ascii_digit());
    (checked && !text.get(shape.len()..)?.starts_with(in_word)).then_some((read, shape.len()))
}

fn cpf(digits: &[u8]) -> bool {
    let repeated = digits.windows(2).all(|pair| pair.first() == pair.last());
    !repeated && (9..=10).all(|length| check(digits, length, |at| (length + 1 - at) as u32))
}

fn cnpj(digits: &[u8]) -> bool {
    let zero = digits.iter().all(|&byte| byte == b'0');
    !zero && (12..=13).all(|length| check(digits, length, |at| ((length - 1 - at) % 8 + 2) as u32))
}

/// Whether the digit at `length` is the remainder of those before it, each with its weight.
fn check(digits: &[u8], length: usize, weight: impl Fn(usize) -> u32) -> bool {
    let sum: u32 =
        digits.iter().take(length).enumerate().map(|(at, &byte)| u32::from(byte - b'0') * weight(at)).sum();
    let wanted = match sum % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    digits.get(length).is_some_and(|&byte| u32::from(byte - b'0') == wanted)
}
