//! CPF and CNPJ, with their check digits; those of the alphanumeric format of 2026 too.

use std::sync::LazyLock;

use regex::Regex;

use super::{Entity, Kind, pattern};

/// Whether the check digits of a CPF of eleven digits hold.
pub(crate) fn cpf_holds(digits: &str) -> bool {
    let values: Vec<u32> = digits.chars().filter_map(|c| c.to_digit(10)).collect();
    let [first, rest @ ..] = values.as_slice() else { return false };
    if values.len() != 11 || rest.iter().all(|digit| digit == first) {
        return false;
    }
    let check = |count: usize| {
        let sum: u32 = values.iter().take(count).zip((2..=count as u32 + 1).rev()).map(|(v, w)| v * w).sum();
        sum * 10 % 11 % 10
    };
    values.get(9) == Some(&check(9)) && values.get(10) == Some(&check(10))
}

/// Whether the check digits of a CNPJ of fourteen signs hold: each sign counts as its ASCII code less 48.
pub(crate) fn cnpj_holds(signs: &str) -> bool {
    let values: Vec<u32> = signs
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase() as u32 - 48)
        .collect();
    let [first, rest @ ..] = values.as_slice() else { return false };
    if values.len() != 14 || rest.iter().all(|value| value == first) {
        return false;
    }
    let check = |count: usize| {
        let weights = (2..=9).cycle();
        let sum: u32 = values.iter().take(count).rev().zip(weights).map(|(v, w)| v * w).sum();
        match sum % 11 {
            0 | 1 => 0,
            rest => 11 - rest,
        }
    };
    values.get(12) == Some(&check(12)) && values.get(13) == Some(&check(13))
}

/// Digits that OCR took for letters.
fn digit(c: char) -> char {
    match c {
        'o' | 'q' => '0',
        'l' | 'i' | '|' => '1',
        's' => '5',
        'b' => '8',
        'z' => '2',
        c => c,
    }
}

/// Every CPF; one whose check digits do not hold is flagged.
pub(crate) fn cpfs(folded: &str) -> Vec<Entity> {
    static CPF: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"[\doil|sbz]{3} ?[. ,] ?[\doil|sbz]{3} ?[. ,] ?[\doil|sbz]{3} ?[-./ ] ?[\doil|sbz]{2}|\d{11}|\d{9}-\d{2}",
        )
    });
    let mut found = Vec::new();
    for one in CPF.find_iter(folded) {
        let digits: String =
            one.as_str().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '|').map(digit).collect();
        let real = one.as_str().chars().filter(char::is_ascii_digit).count();
        let beside = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '/');
        if digits.len() != 11
            || real < 8
            || beside(folded[..one.start()].chars().next_back())
            || beside(folded[one.end()..].chars().next())
        {
            continue;
        }
        let bare = !one.as_str().contains(['.', '-', ' ', ',']);
        let said = folded[one.start().saturating_sub(24)..one.start()].contains("cpf");
        let holds = cpf_holds(&digits);
        // Eleven digits in a row are a CPF only where the text says so, or where their check digits hold by its word.
        if bare && !said {
            continue;
        }
        let value = format!("{}.{}.{}-{}", &digits[..3], &digits[3..6], &digits[6..9], &digits[9..]);
        let mut entity = Entity::new(Kind::Cpf, one.range(), value);
        if !holds {
            entity.flags.push("invalid_check_digit");
        }
        found.push(entity);
    }
    found
}

/// Every CNPJ; one whose check digits do not hold is flagged. `chars` are the signs as printed.
pub(crate) fn cnpjs(folded: &str) -> Vec<Entity> {
    static CNPJ: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"[\da-z]{2} ?[. ,] ?[\da-z]{3} ?[. ,] ?[\da-z]{3} ?[/|] ?[\da-z]{4} ?[-.] ?[\doil]{2}|[\da-z]{8}/[\da-z]{4}-\d{2}|\d{14}",
        )
    });
    let mut found = Vec::new();
    for one in CNPJ.find_iter(folded) {
        let beside = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        if beside(folded[..one.start()].chars().next_back()) || beside(folded[one.end()..].chars().next()) {
            continue;
        }
        let signs: String = one.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
        let signs = signs.to_ascii_uppercase();
        if signs.len() != 14 || signs.chars().filter(char::is_ascii_digit).count() < 4 {
            continue;
        }
        // Where the letters are mistaken digits, the number of digits alone holds.
        let mended: String = signs.to_ascii_lowercase().chars().map(digit).collect();
        let signs = if !cnpj_holds(&signs) && cnpj_holds(&mended) { mended } else { signs };
        let value =
            format!("{}.{}.{}/{}-{}", &signs[..2], &signs[2..5], &signs[5..8], &signs[8..12], &signs[12..]);
        let mut entity = Entity::new(Kind::Cnpj, one.range(), value);
        if !cnpj_holds(&signs) {
            entity.flags.push("invalid_check_digit");
        }
        found.push(entity);
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn check_digits_are_those_of_the_revenue_service() {
        assert!(cpf_holds("15926374855"));
        assert!(!cpf_holds("58493021742"));
        assert!(!cpf_holds("11111111111"));
        assert!(cnpj_holds("11444777000161"));
        // The example of the technical note on the alphanumeric CNPJ.
        assert!(cnpj_holds("12ABC34501DE35"));
        assert!(!cnpj_holds("12ABC34501DE36"));
    }

    #[test]
    fn a_wrong_one_is_kept_and_flagged() {
        let found = cpfs("cpf 584.930.217-42, e cpf no 159263748-55");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].flags, ["invalid_check_digit"]);
        assert_eq!(found[1].text(), "159.263.748-55");
    }

    #[test]
    fn letters_read_for_digits_are_mended() {
        assert_eq!(cpfs("cpf i59.263.748-ss")[0].text(), "159.263.748-55");
        assert_eq!(cnpjs("cnp) 12.abc.345/01de-35")[0].text(), "12.ABC.345/01DE-35");
    }

    proptest! {
        #[test]
        fn one_changed_digit_never_holds_behind_a_check_digit_above_0(digits in proptest::collection::vec(0_u32..10, 9), at in 0_usize..9, by in 1_u32..10) {
            let check = |values: &[u32]| {
                let top = values.len() as u32 + 1;
                values.iter().zip((2..=top).rev()).map(|(v, w)| v * w).sum::<u32>() * 10 % 11 % 10
            };
            let mut whole = digits.clone();
            whole.push(check(&whole));
            whole.push(check(&whole));
            let text: String = whole.iter().map(u32::to_string).collect();
            prop_assume!(cpf_holds(&text));
            // A remainder of ten is written as 0, so that a 0 stands for two remainders.
            prop_assume!(whole[9] != 0);
            whole[at] = (whole[at] + by) % 10;
            let changed: String = whole.iter().map(u32::to_string).collect();
            prop_assert!(!cpf_holds(&changed));
        }

        #[test]
        fn no_text_breaks_it(text in any::<String>()) {
            cpfs(&crate::text::fold(&text));
            cnpjs(&crate::text::fold(&text));
        }
    }
}
