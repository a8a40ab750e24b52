//! Numbers in Portuguese words: "três milhões e duzentos mil".

/// The value of one number word below a thousand, folded.
fn unit(word: &str) -> Option<u64> {
    Some(match word {
        "zero" => 0,
        "um" | "uma" | "hum" | "huma" | "primeiro" => 1,
        "dois" | "duas" => 2,
        "tres" => 3,
        "quatro" => 4,
        "cinco" => 5,
        "seis" => 6,
        "sete" => 7,
        "oito" => 8,
        "nove" => 9,
        "dez" => 10,
        "onze" => 11,
        "doze" => 12,
        "treze" => 13,
        "quatorze" | "catorze" => 14,
        "quinze" => 15,
        "dezesseis" | "dezasseis" => 16,
        "dezessete" | "dezassete" => 17,
        "dezoito" => 18,
        "dezenove" | "dezanove" => 19,
        "vinte" => 20,
        "trinta" => 30,
        "quarenta" => 40,
        "cinquenta" | "cincoenta" => 50,
        "sessenta" => 60,
        "setenta" => 70,
        "oitenta" => 80,
        "noventa" => 90,
        "cem" | "cento" => 100,
        "duzentos" | "duzentas" => 200,
        "trezentos" | "trezentas" => 300,
        "quatrocentos" | "quatrocentas" => 400,
        "quinhentos" | "quinhentas" => 500,
        "seiscentos" | "seiscentas" => 600,
        "setecentos" | "setecentas" => 700,
        "oitocentos" | "oitocentas" => 800,
        "novecentos" | "novecentas" => 900,
        _ => return None,
    })
}

/// What a word of scale multiplies by.
fn scale(word: &str) -> Option<u64> {
    Some(match word {
        "mil" => 1_000,
        "milhao" | "milhoes" => 1_000_000,
        "bilhao" | "bilhoes" => 1_000_000_000,
        _ => return None,
    })
}

/// Whether a folded word belongs to a number.
pub(crate) fn is_number_word(word: &str) -> bool {
    unit(word).is_some() || scale(word).is_some()
}

/// The number that the folded words say; `None` where one of them is not of a number, or there is none.
pub(crate) fn spelled<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<u64> {
    let (mut total, mut group, mut any) = (0_u64, 0_u64, false);
    for word in words {
        if matches!(word, "e" | ",") {
            continue;
        }
        if let Some(value) = unit(word) {
            group = group.checked_add(value)?;
        } else {
            let times = scale(word)?;
            total = total.checked_add(group.max(1).checked_mul(times)?)?;
            group = 0;
        }
        any = true;
    }
    any.then(|| total.checked_add(group)).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UNITS: [&str; 20] = [
        "zero",
        "um",
        "dois",
        "três",
        "quatro",
        "cinco",
        "seis",
        "sete",
        "oito",
        "nove",
        "dez",
        "onze",
        "doze",
        "treze",
        "quatorze",
        "quinze",
        "dezesseis",
        "dezessete",
        "dezoito",
        "dezenove",
    ];
    const TENS: [&str; 10] =
        ["", "", "vinte", "trinta", "quarenta", "cinquenta", "sessenta", "setenta", "oitenta", "noventa"];
    const HUNDREDS: [&str; 10] = [
        "",
        "cento",
        "duzentos",
        "trezentos",
        "quatrocentos",
        "quinhentos",
        "seiscentos",
        "setecentos",
        "oitocentos",
        "novecentos",
    ];

    fn below_thousand(n: usize) -> String {
        let tens = |n: usize| match (n / 10, n % 10) {
            (0 | 1, _) => UNITS[n].to_owned(),
            (ten, 0) => TENS[ten].to_owned(),
            (ten, one) => format!("{} e {}", TENS[ten], UNITS[one]),
        };
        match (n / 100, n % 100) {
            (0, rest) => tens(rest),
            (1, 0) => "cem".to_owned(),
            (hundred, 0) => HUNDREDS[hundred].to_owned(),
            (hundred, rest) => format!("{} e {}", HUNDREDS[hundred], tens(rest)),
        }
    }

    pub(crate) fn written(n: usize) -> String {
        let mut parts = Vec::new();
        for (size, one, many) in [(1_000_000, "milhão", "milhões"), (1_000, "mil", "mil")] {
            let count = n / size % 1000;
            if count > 0 {
                parts.push(format!("{} {}", below_thousand(count), if count == 1 { one } else { many }));
            }
        }
        if !n.is_multiple_of(1000) || n == 0 {
            parts.push(below_thousand(n % 1000));
        }
        parts.join(", ")
    }

    proptest! {
        #[test]
        fn a_number_written_in_words_is_the_number_read(n in 0_usize..1_000_000_000) {
            let text = crate::text::fold(&written(n)).replace(',', " , ");
            prop_assert_eq!(spelled(text.split_whitespace()), Some(n as u64));
        }
    }

    #[test]
    fn what_is_no_number_has_no_value() {
        assert_eq!(spelled(["casa"]), None);
        assert_eq!(spelled([]), None);
        assert_eq!(spelled(["dois", "mil", "e", "vinte", "e", "cinco"]), Some(2025));
    }
}
