//! Letters that OCR reads for digits and digits that it reads for letters, put right in folded text, sign for sign.

/// What a letter in a number is.
fn digit(sign: u8) -> Option<u8> {
    Some(match sign {
        b'o' => b'0',
        b'l' | b'i' | b'|' => b'1',
        _ => return None,
    })
}

/// What a letter in an amount or a date is, whose signs leave no doubt that it is a digit.
fn surely(sign: u8) -> Option<u8> {
    Some(match sign {
        b's' => b'5',
        b'b' => b'8',
        b'z' => b'2',
        b'g' | b'q' => b'9',
        other => return digit(other),
    })
}

/// `folded`, where each word that mixes letters and digits as no word does is put right; its length stays.
pub(super) fn mended(folded: &str) -> String {
    let mut signs = folded.as_bytes().to_vec();
    for word in signs.split_mut(u8::is_ascii_whitespace) {
        if word.len() >= 2 && word.iter().any(u8::is_ascii_alphanumeric) {
            mend(word);
        }
    }
    String::from_utf8(signs).unwrap_or_else(|_| folded.to_owned())
}

fn mend(word: &mut [u8]) {
    ordinal(word);
    let inner = |sign: &u8| sign.is_ascii_alphanumeric() || *sign == b'|';
    let Some(from) = word.iter().position(inner) else { return };
    let to = word.iter().rposition(inner).map_or(from, |last| last + 1);
    let Some(core) = word.get_mut(from..to) else { return };
    numeral(core);
    register(core);
    let digits = core.iter().filter(|sign| sign.is_ascii_digit()).count();
    if digits == 0 {
        return;
    }
    let letters = core.iter().filter(|sign| sign.is_ascii_alphabetic()).count();
    if digits * 3 >= core.len() && shaped(core) {
        core.iter_mut().for_each(|sign| *sign = surely(*sign).unwrap_or(*sign));
    } else if digits >= 3 && digits >= 2 * letters {
        number(core);
    } else if letters >= 4 && letters >= 3 * digits {
        letters_of(core);
    }
}

/// The strokes of a Roman number, and of `FII`, are read as each other: `il.`, `lll)`, `fil`.
fn numeral(core: &mut [u8]) {
    let strokes = |part: &[u8]| part.iter().all(|sign| matches!(sign, b'i' | b'l' | b'|' | b'1'));
    let (head, tail) = core.split_at(usize::from(matches!(core.first(), Some(b'f' | b'v' | b'x'))));
    let stroked = strokes(tail) && (2..=3).contains(&tail.len()) && tail.iter().any(|sign| *sign != b'1');
    let last = core.last().is_some_and(|last| *last == b'v') && core.len() == 2 && strokes(&core[..1]);
    if stroked && (head != b"f" || tail.len() == 2) {
        let from = head.len();
        core.iter_mut().skip(from).for_each(|sign| *sign = b'i');
    } else if last && let Some(first) = core.first_mut() {
        *first = b'i';
    }
}

/// The register of persons by its letters: `cpe/me` is `cpf/mf`.
fn register(core: &mut [u8]) {
    if let [b'c' | b'g' | b'e', b'p', last @ (b'e' | b'r' | b'p' | b'f'), rest @ ..] = core
        && matches!(rest, [] | [b'/', b'm', b'e' | b'f'])
    {
        *last = b'f';
        if let Some(ministry) = rest.last_mut() {
            *ministry = b'f';
        }
        core[0] = b'c';
    }
}

/// `n" 12` and `2* serie` are `no 12` and `2o serie`; a quotation mark behind a digit may close what is quoted.
fn ordinal(word: &mut [u8]) {
    let [first, .., last] = word else { return };
    let sign = matches!(*last, b'"' | b'\'' | b'*');
    let (first, closing, length) = (*first, *last, word.len());
    let counted = length <= 4 && word.iter().take(length - 1).all(u8::is_ascii_digit);
    if sign
        && (first == b'n' && length == 2 || counted && closing != b'"')
        && let Some(last) = word.last_mut()
    {
        *last = b'o';
    }
}

/// Whether a word with letters for digits is an amount, `12.345,67`, or a date, `01/02/2025`.
fn shaped(core: &[u8]) -> bool {
    let figures = |part: &[u8]| part.iter().all(|sign| sign.is_ascii_digit() || surely(*sign).is_some());
    let lengths = |separator: u8| -> Vec<usize> {
        core.split(|sign| *sign == separator).map(|part| if figures(part) { part.len() } else { 0 }).collect()
    };
    let date = matches!(lengths(b'/').as_slice(), [1..=2, 2, 4]);
    let comma = core.iter().rposition(|sign| *sign == b',');
    let amount = comma.is_some_and(|comma| {
        let (whole, cents) = core.split_at(comma);
        let mut groups = whole.split(|sign| *sign == b'.');
        let first = groups.next().is_some_and(|first| (1..=3).contains(&first.len()) && figures(first));
        first
            && groups.all(|group| group.len() == 3 && figures(group))
            && cents.len() == 3
            && figures(&cents[1..])
    });
    date || amount
}

/// A letter between digits is one.
fn number(core: &mut [u8]) {
    let signs = core.to_vec();
    let beside = |at: Option<usize>| at.and_then(|at| signs.get(at)).copied().unwrap_or(b' ');
    let last = signs.len() - 1;
    let inner =
        |sign: u8| sign.is_ascii_digit() || digit(sign).is_some() || matches!(sign, b'.' | b'-' | b'/');
    for (at, sign) in core.iter_mut().enumerate() {
        let Some(meant) = digit(*sign) else { continue };
        let (before, after) = (beside(at.checked_sub(1)), beside(Some(at + 1)));
        // "114o" is an ordinal.
        let outer =
            at == 0 && after.is_ascii_digit() || at == last && before.is_ascii_digit() && *sign != b'o';
        if inner(before) && inner(after) || outer {
            *sign = meant;
        }
    }
}

/// A digit between letters, or before a word, is a letter.
fn letters_of(core: &mut [u8]) {
    let signs = core.to_vec();
    let letter =
        |at: Option<usize>| at.and_then(|at| signs.get(at)).filter(|sign| sign.is_ascii_alphabetic());
    let vowel = |sign: Option<&u8>| sign.is_some_and(|sign| matches!(sign, b'a' | b'e' | b'i' | b'o' | b'u'));
    for (at, sign) in core.iter_mut().enumerate() {
        let (before, after) = (letter(at.checked_sub(1)), letter(Some(at + 1)));
        let inside = after.is_some() && (before.is_some() || at == 0);
        *sign = match *sign {
            b'0' if inside => b'o',
            b'1' | b'|' if inside && vowel(before) && vowel(after) => b'l',
            b'1' | b'|' if inside => b'i',
            b'5' if inside => b's',
            other => other,
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_in_numbers_are_digits() {
        for (read, meant) in [
            ("em l2/o3/2o25, cpf l63.552.9o8-74", "em 12/03/2025, cpf 163.552.908-74"),
            ("r$ 1s.0oo,o0 (quinze mil)", "r$ 15.000,00 (quinze mil)"),
            ("a 30/l1/2024.", "a 30/11/2024."),
            ("conta 304.ll8-5", "conta 304.118-5"),
            ("n\" 45 da 2* serie", "no 45 da 2o serie"),
        ] {
            assert_eq!(mended(read), meant);
        }
    }

    #[test]
    fn digits_in_words_are_letters() {
        for (read, meant) in [
            ("1nventariante da 0rdem", "inventariante da ordem"),
            ("os c0tistas, o fa1ecido e a adm1nistradora", "os cotistas, o falecido e a administradora"),
            ("cpe/me no 1, cpe", "cpf/mf no 1, cpf"),
            ("item lll), il. e lv: fil e fll", "item iii), ii. e iv: fii e fii"),
            ("a|vo", "a|vo"),
        ] {
            assert_eq!(mended(read), meant);
        }
    }

    #[test]
    fn what_is_both_stays() {
        for text in [
            "hglg11 e b3sa3",
            "114o oficio",
            "\"item 3\"",
            "livro 4812-l",
            "cdb2023 lote 12b",
            "12.abc.345/01de-35",
            "ii. 10h30",
        ] {
            assert_eq!(mended(text), text);
        }
    }

    proptest! {
        #[test]
        fn no_sign_is_lost(text in "[ -~\n\t]*") {
            prop_assert_eq!(mended(&text).len(), text.len());
        }
    }
}
