//! Scores how much text looks like Portuguese or English, by how usual its pairs of letters are.

use unicode_normalization::UnicodeNormalization as _;

/// Text below this score is no European language: shuffled alphabets score -8 to -5, 1,461 passages of
/// Portuguese and English -4.6 to -3.1.
pub(crate) const STRANGE: f32 = -5.0;

/// Text below this score may be a poor OCR of its language, or a list of codes.
pub(crate) const DOUBTFUL: f32 = -4.45;

/// Pairs needed for a verdict; fewer say little.
const PAIRS_MIN: u32 = 60;

/// For each letter (after the edge of a word, then `a` to `z`) the surprise of each next one, in tenths of a bit
/// above `!`; counted over 1.4 million letters of Portuguese and English prose, accents removed.
const SURPRISE: [&[u8; 27]; 27] = [
    b"~ERFDJO^^JmsUNRMIVRHBU\\V~a~",
    b";~YLI~l`~T|mEM?PZ~ACDb]}xer",
    b"XD~i~4~~~Ea~?d~Hx~@VtB|~~J~",
    b"W7~g~A~~EC~VS~~5{~KyJR~~~s~",
    b"7>~~e2~~~C~~isw:~~ie~W~~~w~",
    b"2XsQLca`~[~~QKBvdm@AUd`w[gv",
    b"9G~~~@Qw~9~~V~~6~~Kr`L~~~o~",
    b"3Er~~:~jQI~~VvWFw~E\\kB~~~n~",
    b"A7~~~/~~~?~~{ntA~~f~^c~~~v~",
    b"VJWELXXW~u~oMN7E_~QACnV~k~a",
    b"c6~~~5~~~U~r~~~7a~kV~7~~~~~",
    b"3Fjtr3}}WB~sbpOXm~bHkY~v~Y~",
    b"<@nsU:rjW=~~F_~Cw~~^VPg~~K~",
    b"4:T~n8~~~E~~~d~DF~~_~P~~~t~",
    b";D~GBJfDaN~pi~lDwy~K;_b~~e~",
    b"5n`YU_Uf~ZxsVJ?jX~?DMF]_~~~",
    b"S:~vt9~~dJ~~G~~;R~:gUR~~~q~",
    b"v~~~~~~~~p~~~~~~~~~~~!~~~~~",
    b";;v]]7n`~B~k^WYDr|XSPWi{~]~",
    b"-N~W~?~~[H~vsntN[|~M@O~~~h~",
    b";B~pv;p~;A~~h~~?}~HYbT~p~b~",
    b"?FUW\\Cqb~N~~IEEQU~EAE~~~w~n",
    b"[7~~~.~~~7~~~k~C~~a~~q~~qu~",
    b"E:~~~A~~:5~~i~UD~~QS~w~~~|~",
    b"8?~P~Bt~k>~~~|~T8~~l@vg~ku~",
    b"*cz~wYw~~_~|pdV5P~vQZj~r~~~",
    b"87w~~1~~cC~~e~~N~~~~^\\~~~WW",
];

/// The mean score of a pair of letters in words of three letters or more, or `None` where there are too few.
/// Text that is not in Latin letters has no score.
pub(crate) fn score(text: &str) -> Option<f32> {
    let (mut bits, mut pairs) = (0.0, 0_u32);
    let mut word: Vec<u8> = Vec::new();
    let mut end = |word: &mut Vec<u8>| {
        if word.len() >= 3 {
            let mut before = 0;
            for letter in word.iter().copied().chain([0]) {
                bits += surprise(before, letter);
                pairs += 1;
                before = letter;
            }
        }
        word.clear();
    };
    for letter in text.nfd().filter(|letter| !unicode_normalization::char::is_combining_mark(*letter)) {
        match letter.to_ascii_lowercase() {
            plain @ 'a'..='z' => word.push(plain as u8 - b'a' + 1),
            other if other.is_alphabetic() => word.clear(),
            _ => end(&mut word),
        }
    }
    end(&mut word);
    (pairs >= PAIRS_MIN).then(|| -(bits / pairs as f32))
}

fn surprise(before: u8, letter: u8) -> f32 {
    let tenths =
        SURPRISE.get(before as usize).and_then(|row| row.get(letter as usize)).copied().unwrap_or(b'~');
    f32::from(tenths - b'!') / 10.0
}

/// Pairs such as `Ã§` or `Ã©` per letter: UTF-8 read as Latin-1. At most one in a thousand letters is one by right.
pub(crate) fn mojibake(text: &str) -> f32 {
    const PAIRS_MIN: usize = 3;
    let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
    let second =
        |letter: char| matches!(letter, '\u{80}'..='\u{bf}' | '‡' | 'ƒ' | '€' | '™' | '“' | '”' | '•' | '‰');
    let pairs = text
        .chars()
        .zip(text.chars().skip(1))
        .filter(|(lead, next)| matches!(lead, 'Ã' | 'Â' | 'â') && second(*next) && !next.is_whitespace())
        .count();
    if pairs < PAIRS_MIN { 0.0 } else { pairs as f32 / letters.max(1) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTUGUESE: &str = "A presente escritura pública de inventário e partilha é lavrada nas notas deste tabelião, \
        na presença das partes e do advogado, que declaram aceitar todos os seus termos e condições.";
    const ENGLISH: &str = "The licensee shall keep a record of every component that it distributes, together with the \
        licence under which each of them was received and the date of its approval.";

    fn shifted(text: &str) -> String {
        let shift =
            |c: char| if c.is_ascii_lowercase() { ((c as u8 - b'a' + 3) % 26 + b'a') as char } else { c };
        text.chars().map(shift).collect()
    }

    #[test]
    fn language_scores_well_and_a_shifted_alphabet_does_not() {
        for text in [PORTUGUESE, ENGLISH] {
            assert!(score(text).unwrap() > DOUBTFUL, "{:?}", score(text));
            assert!(score(&shifted(text)).unwrap() < STRANGE, "{:?}", score(&shifted(text)));
        }
    }

    #[test]
    fn too_little_text_has_no_score() {
        assert_eq!(score("Folha 3 de 12"), None);
        assert_eq!(score("Соглашение о предоставлении услуг связи"), None);
    }

    #[test]
    fn text_decoded_twice_is_noticed() {
        let twice: String = PORTUGUESE.bytes().map(char::from).collect();
        assert!(mojibake(&twice) > 0.01);
        assert_eq!(mojibake(PORTUGUESE), 0.0);
        assert_eq!(mojibake("SÃO PAULO, MANHÃ, IRMÃ, AVALIAÇÃO"), 0.0);
    }
}
