//! The values of an analysis as a table that spreadsheets open: RFC 4180, UTF-8 with its mark.

use serde_json::Value;

use super::Analysis;

/// What tells a spreadsheet that the text is UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A row for each value, and one for each check.
pub(super) fn write(analysis: &Analysis) -> Vec<u8> {
    let mut file = MARK.to_vec();
    let names = ["campo", "rotulo", "categoria", "valor", "pagina", "citacao", "confianca", "alertas"];
    row(&mut file, &names.map(str::to_owned));
    for value in &analysis.values {
        let flags: Vec<&str> = value.flags.iter().map(|flag| flag.pt.as_str()).collect();
        let cells = [
            safe(&value.pointer),
            safe(&value.label),
            safe(&value.category),
            cell(&value.value),
            value.page.to_string(),
            safe(&value.quotation),
            format!("{:.4}", value.confidence),
            safe(&flags.join(" ")),
        ];
        row(&mut file, &cells);
    }
    for check in &analysis.checks {
        let holds = if check.ok { "confere" } else { "não confere" };
        let cells = [
            safe(&check.pointers.join(" ")),
            safe(&check.code),
            "conferencia".to_owned(),
            holds.to_owned(),
            String::new(),
            safe(&check.detail_pt),
            String::new(),
            String::new(),
        ];
        row(&mut file, &cells);
    }
    file
}

/// A row; a cell that holds a separator, a quotation mark or a line's end stands in quotation marks.
///
/// Source: RFC 4180, section 2.
fn row(file: &mut Vec<u8>, cells: &[String]) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            file.push(b',');
        }
        // Semicolons too: where the comma is the decimal mark, spreadsheets split at them.
        if cell.contains([',', ';', '"', '\r', '\n', '\t']) {
            file.push(b'"');
            file.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            file.push(b'"');
        } else {
            file.extend_from_slice(cell.as_bytes());
        }
    }
    file.extend_from_slice(b"\r\n");
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

    /// Reads what RFC 4180 describes.
    fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
        let text = std::str::from_utf8(bytes.strip_prefix(MARK).unwrap()).unwrap();
        let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '"' if quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => row.push(std::mem::take(&mut cell)),
                '\r' if !quoted && letters.peek() == Some(&'\n') => {
                    letters.next();
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                letter => cell.push(letter),
            }
        }
        assert!(cell.is_empty() && row.is_empty() && !quoted, "the last row has its end");
        rows
    }

    #[test]
    fn a_value_with_separators_and_quotes_comes_back_as_it_was() {
        let rows = rows(&write(&analysis("José; \"Zé\", o Velho\nfalecido")));
        assert_eq!(rows.len(), 4);
        assert_eq!(rows[1][3], "José; \"Zé\", o Velho falecido");
        assert_eq!((rows[2][3].as_str(), rows[3][0].as_str()), ("-12.5", "/a /b"));
    }

    #[test]
    fn no_text_of_a_document_is_taken_for_a_formula() {
        for text in ["=1+1", "+cmd", "-2", "@x", " =1", "\t=1", "\r=1", "＝1"] {
            let rows = rows(&write(&analysis(text)));
            assert!(rows[1][3].starts_with('\''), "{text:?}: {:?}", rows[1]);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_one_cell_and_begins_no_formula(text in any::<String>()) {
            let rows = rows(&write(&analysis(&text)));
            prop_assert!(rows.iter().all(|row| row.len() == 8));
            prop_assert!(!rows[1][3].trim_start().starts_with(['=', '+', '-', '@']));
        }
    }
}
