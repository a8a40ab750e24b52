//! Typed values in text: dates, amounts, registrations, periods, names; each with its bytes.

mod name;
mod number;

use std::sync::LazyLock;

use regex::Regex;

pub(crate) use number::number_of;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ValueKind {
    Cpf,
    Cnpj,
    Email,
    Phone,
    PostalCode,
    Date,
    Year,
    Time,
    Money,
    Percentage,
    Duration,
    Licence,
    Version,
    Code,
    Quantity,
    Organisation,
    Person,
    Place,
    Name,
    Profession,
    CivilStatus,
    Nationality,
}

/// A value of a text: bytes `start..end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) kind: ValueKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Value {
    pub(crate) fn text<'a>(&self, of: &'a str) -> &'a str {
        of.get(self.start..self.end).unwrap_or_default()
    }
}

/// Compiles a pattern that is a constant of this crate.
#[expect(clippy::expect_used, reason = "the argument is a constant that the tests compile")]
pub(crate) fn pattern(source: &str) -> Regex {
    Regex::new(source).expect("a constant pattern")
}

const MONTHS: &str = "janeiro|fevereiro|mar[çc]o|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro|\
    january|february|march|april|may|june|july|august|september|october|november|december";
const NUMERAL: &str = "(?:um|uma|dois|duas|tr[êe]s|quatro|cinco|seis|sete|oito|nove|dez|onze|doze|treze|quatorze|catorze|\
    quinze|dezesseis|dezessete|dezoito|dezenove|vinte|trinta|quarenta|cinquenta|sessenta|setenta|oitenta|noventa|cem|cento|\
    duzent[oa]s|trezent[oa]s|quatrocent[oa]s|quinhent[oa]s|seiscent[oa]s|setecent[oa]s|oitocent[oa]s|novecent[oa]s|mil|\
    milh[ãa]o|milh[õo]es|bilh[ãa]o|bilh[õo]es|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|\
    twenty|thirty|forty|fifty|sixty|ninety|hundred|thousand)";

/// In this order a longer reading wins the bytes: a date inside a code stays a code only if nothing before claimed it.
static SHAPES: LazyLock<Vec<(ValueKind, Regex)>> = LazyLock::new(|| {
    let spoken = format!(r"{NUMERAL}(?:\s+(?:e\s+|and\s+)?{NUMERAL})*");
    let shape = |kind, source: &str| (kind, pattern(source));
    vec![
        shape(ValueKind::Cnpj, r"\b\d{2}\.?\d{3}\.?\d{3}/\d{4}-\d{2}\b"),
        shape(ValueKind::Cpf, r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b"),
        shape(ValueKind::Email, r"\b[\w.+-]+@[\w-]+\.[\w.-]+\w\b"),
        shape(ValueKind::PostalCode, r"\b\d{2}\.?\d{3}-\d{3}\b"),
        shape(
            ValueKind::Phone,
            r"(?:\+\d{2}\s?)?\(\d{2}\)\s?\d{4,5}[-\s]?\d{4}\b|\b\d{4,5}-\d{4}\b|\+\d{2}[\d\s-]{8,15}\d\b",
        ),
        shape(
            ValueKind::Date,
            &format!(
                r"(?i)\b(?:\d{{1,2}}[/.-]\d{{1,2}}[/.-]\d{{4}}|\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}/\d{{1,2}}/\d{{2}}|\d{{1,2}}[º°]?\s+de\s+(?:{MONTHS})(?:\s+de\s+\d{{4}})?|(?:{MONTHS})\s+\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+\d{{4}})?|\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{MONTHS})(?:,?\s+\d{{4}})?|{spoken}\s+(?:dias?\s+)?(?:do\s+m[êe]s\s+)?de\s+(?:{MONTHS})(?:\s+(?:do\s+ano\s+)?de\s+(?:\d{{4}}|{spoken}))?|(?:{MONTHS})(?:\s+de|/|\s+of)?\s*\d{{4}})\b"
            ),
        ),
        shape(
            ValueKind::Money,
            &format!(
                r"(?i)(?:(?:R\$|US\$|\bUSD|\bBRL|\bEUR|\bGBP|€|£|\$)\s?\d[\d.,]*\d?(?:\s(?:mil|milh[õo]es|milh[ãa]o|bilh[õo]es|bilh[ãa]o|million|billion|thousand)\b)?|\b(?:\d[\d.,]*(?:\s(?:mil|milh[õo]es|milh[ãa]o|bilh[õo]es|million|billion))?|{spoken})\s+(?:de\s+)?(?:reais|d[óo]lares|euros|dollars|pounds|libras)\b)"
            ),
        ),
        shape(
            ValueKind::Percentage,
            &format!(
                r"(?i)\b\d+(?:[.,]\d+)?\s?(?:%|por\s+cento|percent\b|per\s+cent\b)|\b{spoken}\s+(?:por\s+cento|percent)\b"
            ),
        ),
        shape(
            ValueKind::Duration,
            &format!(
                r"(?i)\b(?:\d+(?:[.,]\d+)?|{spoken})(?:\s*\([^)]{{1,40}}\))?[\s-]+(?:dias?|m[êe]s(?:es)?|anos?|horas?|semanas?|minutos?|segundos?|bimestres?|semestres?|d[ée]cadas?|s[ée]culos?|days?|months?|years?|hours?|weeks?|minutes?|seconds?|decades?)\b(?:\s+(?:[úu]teis|corridos|consecutivos|(?:business|working|calendar)\s+days?))?"
            ),
        ),
        shape(
            ValueKind::Time,
            &format!(
                r"(?i)\b(?:\d{{1,2}}h(?:\d{{2}})?(?:min)?|\d{{1,2}}:\d{{2}}(?::\d{{2}})?(?:\s?(?:horas|a\.?m\.?|p\.?m\.?))?|[àa]s\s+{spoken}\s+horas)\b"
            ),
        ),
        shape(
            ValueKind::Licence,
            r"\b(?:[AL]?GPL|MIT|Apache|BSD|MPL|EPL|EUPL|ISC|Zlib|Unlicense|CC0?|BSL|SSPL|CDDL|OFL|WTFPL|Artistic|PostgreSQL|Proprietária|Comercial)(?:[-\s]?v?\d[\w.]*)?(?:-[\w.]+)*\b",
        ),
        shape(ValueKind::Version, r"\b[vV]?\d+(?:\.\d{1,3})+(?:-?(?:alpha|beta|rc|LTS)\.?\d*)?\b"),
        shape(ValueKind::Year, r"\b(?:1[0-9]|20)\d{2}\b"),
        shape(
            ValueKind::Code,
            r"\b[A-Z]{2,}(?:/[A-Z]{2})?[\s-]?\d[\d./-]*\d\b|\b(?:\d+[./-])+\d*[A-Z]?\b|\b\d+-[A-Z0-9]+\b|\b[A-Z]+\d+[A-Z\d]*\b",
        ),
        shape(
            ValueKind::Quantity,
            &format!(
                r"(?i)\b(?:\d[\d.,]*\d|\d|{spoken})(?:\s(?:mil|milh[õo]es|milh[ãa]o|million|billion)\b)?\b"
            ),
        ),
    ]
});

/// Every value of `text` in order of place. Numeric shapes never overlap; names may hold a shape.
pub(crate) fn values(text: &str) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    for (kind, shape) in SHAPES.iter() {
        for hit in shape.find_iter(text) {
            let hit_end = hit.start() + hit.as_str().trim_end_matches(['.', ',', ' ']).len();
            let free = found.iter().all(|value| hit_end <= value.start || hit.start() >= value.end);
            if free && hit.start() < hit_end && !(*kind == ValueKind::Quantity && is_article(hit.as_str())) {
                found.push(Value { kind: *kind, start: hit.start(), end: hit_end });
            }
        }
    }
    found.extend(name::names(text));
    found.sort_by_key(|value| (value.start, value.end, value.kind));
    found
}

/// `um` and `one` count only beside a unit, which has its own shapes.
fn is_article(hit: &str) -> bool {
    matches!(hit.to_lowercase().as_str(), "um" | "uma" | "one")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: ValueKind, text: &str) -> Vec<&str> {
        values(text).into_iter().filter(|v| v.kind == kind).map(|v| &text[v.start..v.end]).collect()
    }

    #[test]
    fn legal_numbers_are_read_as_what_they_are() {
        let text = "CPF 159.263.748-55, CNPJ 11.444.777/0001-61, em 17.06.2024, R$ 37,5 milhões, 38,72% das quotas, 60 dias.";
        assert_eq!(of(ValueKind::Cpf, text), ["159.263.748-55"]);
        assert_eq!(of(ValueKind::Cnpj, text), ["11.444.777/0001-61"]);
        assert_eq!(of(ValueKind::Date, text), ["17.06.2024"]);
        assert_eq!(of(ValueKind::Money, text), ["R$ 37,5 milhões"]);
        assert_eq!(of(ValueKind::Percentage, text), ["38,72%"]);
        assert_eq!(of(ValueKind::Duration, text), ["60 dias"]);
    }

    #[test]
    fn a_date_and_an_amount_in_words_are_read() {
        let text =
            "Aos doze dias do mês de abril de dois mil e vinte e cinco, três milhões e duzentos mil reais";
        assert_eq!(of(ValueKind::Date, text), ["doze dias do mês de abril de dois mil e vinte e cinco"]);
        assert_eq!(of(ValueKind::Money, text), ["três milhões e duzentos mil reais"]);
    }

    #[test]
    fn english_values_are_read() {
        let text = "On March 3, 2025 the tenant pays $2,450 within thirty (30) days, plus 1.5% interest";
        assert_eq!(of(ValueKind::Date, text), ["March 3, 2025"]);
        assert_eq!(of(ValueKind::Money, text), ["$2,450"]);
        assert_eq!(of(ValueKind::Duration, text), ["thirty (30) days"]);
        assert_eq!(of(ValueKind::Percentage, text), ["1.5%"]);
    }

    #[test]
    fn people_companies_and_places_are_told_apart() {
        let text =
            "Presidiu o Sr. Ruy Monteiro Galvão, pela Sabiá Asset Ltda., no foro da Comarca de Petrópolis.";
        assert_eq!(of(ValueKind::Person, text), ["Ruy Monteiro Galvão"]);
        assert_eq!(of(ValueKind::Organisation, text), ["Sabiá Asset Ltda."]);
        assert_eq!(of(ValueKind::Place, text), ["Comarca de Petrópolis"]);
    }

    #[test]
    fn a_company_keeps_its_partners_and_its_ending() {
        let text =
            "Escolheu-se a empresa\nAndaime Firme, e não Reboco & Cia. nem Lima & Souza Ltda., por ser Cia.";
        assert_eq!(
            of(ValueKind::Organisation, text),
            ["Andaime Firme", "Reboco & Cia.", "Lima & Souza Ltda."]
        );
    }

    #[test]
    fn licences_and_versions_are_read() {
        let text = "TrilhoDB | 11.2 | Apache-2.0 | AGPL-3.0-or-later | MIT";
        assert_eq!(of(ValueKind::Licence, text), ["Apache-2.0", "AGPL-3.0-or-later", "MIT"]);
        assert_eq!(of(ValueKind::Version, text), ["11.2"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_trouble(text in "\\PC{0,120}") {
            for value in values(&text) {
                proptest::prop_assert!(text.get(value.start..value.end).is_some_and(|hit| !hit.is_empty()));
            }
        }
    }
}
