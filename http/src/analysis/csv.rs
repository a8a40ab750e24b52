//! The values of an analysis as a table that spreadsheets open: RFC 4180, UTF-8 with its mark.

use csv::{Terminator, WriterBuilder};
use serde_json::Value;

use super::Analysis;

/// What tells a spreadsheet that the text is UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A row for each value, and one for each check.
pub(super) fn write(analysis: &Analysis) -> Result<Vec<u8>, csv::Error> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(MARK.to_vec());
    writer.write_record([
        "campo",
        "rotulo",
        "categoria",
        "valor",
        "pagina",
        "citacao",
        "confianca",
        "alertas",
    ])?;
    for value in &analysis.values {
        let flags: Vec<&str> = value.flags.iter().map(|flag| flag.pt.as_str()).collect();
        writer.write_record([
            safe(&value.pointer),
            safe(&value.label),
            safe(&value.category),
            cell(&value.value),
            value.page.to_string(),
            safe(&value.quotation),
            format!("{:.4}", value.confidence),
            safe(&flags.join(" ")),
        ])?;
    }
    for check in &analysis.checks {
        let holds = if check.ok { "confere" } else { "não confere" };
        writer.write_record([
            safe(&check.pointers.join(" ")),
            safe(&check.code),
            "conferencia".to_owned(),
            holds.to_owned(),
            String::new(),
            safe(&check.detail_pt),
            String::new(),
            String::new(),
        ])?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => safe(text),
        // A number cannot be a formula, whatever its sign.
        Value::Number(number) => number.to_string(),
        Value::Bool(true) => "sim".to_owned(),
        Value::Bool(false) => "não".to_owned(),
        Value::Null => String::new(),
        other => safe(&other.to_string()),
    }
}

/// `text` so that a spreadsheet takes it for text: whoever wrote the document does not write formulas here.
///
/// Source: OWASP, CSV Injection.
fn safe(text: &str) -> String {
    let text: String = text.chars().map(|c| if c == '\n' || c == '\r' { ' ' } else { c }).collect();
    let first = text.trim_start_matches([' ', '\u{a0}']).chars().next();
    match first {
        Some('=' | '+' | '-' | '@' | '\t' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}') => {
            format!("'{text}")
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{AnalysisCheck, AnalysisValue};
    use super::*;

    fn analysis(text: &str) -> Analysis {
        let value = |value: Value| AnalysisValue {
            pointer: "/falecido".into(),
            label: "Falecido".into(),
            category: "geral".into(),
            value,
            page: 1,
            quotation: text.into(),
            start: 0,
            rects: vec![],
            confidence: 0.9,
            flags: vec![],
        };
        let check = AnalysisCheck {
            code: "soma".into(),
            ok: false,
            detail_pt: "1 ≠ 2".into(),
            detail_en: String::new(),
            pointers: vec!["/a".into(), "/b".into()],
        };
        Analysis {
            filename: "ata.pdf".into(),
            profile: "inventory".into(),
            template_reason: String::new(),
            result: Default::default(),
            values: vec![value(json!(text)), value(json!(-12.5))],
            checks: vec![check],
            tables: vec![],
            rules: Default::default(),
            confidence: 0.5,
            cached: false,
        }
    }

    fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
        let text = bytes.strip_prefix(MARK).unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text);
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn a_value_with_separators_and_quotes_comes_back_as_it_was() {
        let rows = rows(&write(&analysis("José; \"Zé\", o Velho\nfalecido")).unwrap());
        assert_eq!(rows.len(), 4);
        assert_eq!(rows[1][3], "José; \"Zé\", o Velho falecido");
        assert_eq!((rows[2][3].as_str(), rows[3][0].as_str()), ("-12.5", "/a /b"));
    }

    #[test]
    fn no_text_of_a_document_is_taken_for_a_formula() {
        for text in ["=1+1", "+cmd", "-2", "@x", " =1", "\t=1", "\r=1", "＝1"] {
            let rows = rows(&write(&analysis(text)).unwrap());
            assert!(rows[1][3].starts_with('\''), "{text:?}: {:?}", rows[1]);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_one_cell_and_begins_no_formula(text in any::<String>()) {
            let rows = rows(&write(&analysis(&text)).unwrap());
            prop_assert!(rows.iter().all(|row| row.len() == 8));
            prop_assert!(!rows[1][3].trim_start().starts_with(['=', '+', '-', '@']));
        }
    }
}
