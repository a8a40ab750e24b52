//! The tables of an analysis as a workbook: a sheet for each, numbers as numbers, dates as dates.

use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError,
};
use serde_json::Value;

use super::Analysis;

/// What Excel takes as a sheet's name, in letters.
const SHEET_CHARS_MAX: usize = 31;
/// What Excel takes as a cell, in UTF-16 units; a little less, for what counts as two.
const CELL_CHARS_MAX: usize = 16_000;
/// Sheets of one workbook; a profile has fewer lists.
const SHEETS_MAX: usize = 64;
/// Rows of one sheet: what Excel takes, less the heading.
const ROWS_MAX: usize = 1_000_000;
/// Widths of columns, in letters.
const WIDTH_MIN: usize = 8;
const WIDTH_MAX: usize = 60;
/// What no sheet's name may hold.
const FORBIDDEN: [char; 7] = ['[', ']', ':', '*', '?', '/', '\\'];

struct Formats {
    head: Format,
    text: Format,
    money: Format,
    number: Format,
    percent: Format,
    date: Format,
}

/// The workbook.
pub(super) fn write(analysis: &Analysis) -> Result<Vec<u8>, XlsxError> {
    let top = || Format::new().set_align(FormatAlign::Top);
    let formats = Formats {
        head: top().set_bold().set_background_color(Color::RGB(0xE8_EA_ED)),
        text: top().set_text_wrap(),
        money: top().set_num_format("#,##0.00"),
        number: top().set_num_format("General"),
        percent: top().set_num_format("0.00%"),
        date: top().set_num_format("dd/mm/yyyy"),
    };
    let mut workbook = Workbook::new();
    // The same analysis is the same file, so that a client that has it is told so.
    let made = ExcelDateTime::from_ymd(2000, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let mut names = Vec::new();
    for table in analysis.tables.iter().take(SHEETS_MAX) {
        let sheet = workbook.add_worksheet();
        sheet.set_name(named(&table.name, &mut names))?;
        fill(sheet, &table.columns, &table.rows, &formats)?;
    }
    let values: Vec<Vec<Value>> = analysis.values.iter().map(row_of_value).collect();
    let columns = ["Campo", "Rótulo", "Valor", "Página", "Citação", "Confiança", "Alertas"];
    let sheet = workbook.add_worksheet();
    sheet.set_name(named("Valores e páginas", &mut names))?;
    fill(sheet, &columns.map(str::to_owned), &values, &formats)?;
    let checks: Vec<Vec<Value>> = analysis
        .checks
        .iter()
        .map(|check| {
            let holds = if check.ok { "sim" } else { "não" };
            [&check.code, holds, &check.detail_pt].map(|text| Value::String(text.to_owned())).to_vec()
        })
        .collect();
    let sheet = workbook.add_worksheet();
    sheet.set_name(named("Conferências", &mut names))?;
    fill(sheet, &["Conferência", "Confere", "Detalhe"].map(str::to_owned), &checks, &formats)?;
    workbook.save_to_buffer()
}

fn row_of_value(value: &super::AnalysisValue) -> Vec<Value> {
    let flags: Vec<&str> = value.flags.iter().map(|flag| flag.pt.as_str()).collect();
    vec![
        value.pointer.clone().into(),
        value.label.clone().into(),
        value.value.clone(),
        value.page.into(),
        value.quotation.clone().into(),
        ((f64::from(value.confidence) * 1e4).round() / 1e4).into(),
        flags.join(" ").into(),
    ]
}

fn fill(
    sheet: &mut Worksheet,
    columns: &[String],
    rows: &[Vec<Value>],
    formats: &Formats,
) -> Result<(), XlsxError> {
    sheet.set_freeze_panes(1, 0)?;
    for (at, column) in (0_u16..).zip(columns) {
        sheet.write_string_with_format(0, at, cut(column), &formats.head)?;
        let width = rows.iter().filter_map(|row| row.get(usize::from(at))).map(letters);
        let width = width.chain([column.chars().count()]).max().unwrap_or(0) + 2;
        sheet.set_column_width(at, width.clamp(WIDTH_MIN, WIDTH_MAX) as f64)?;
    }
    for (line, row) in (1_u32..).zip(rows.iter().take(ROWS_MAX)) {
        for ((at, cell), column) in (0_u16..).zip(row).zip(columns) {
            write_cell(sheet, line, at, cell, kind(column), formats)?;
        }
    }
    Ok(())
}

/// What the numbers of a column are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Money,
    Percent,
    Number,
}

/// What a column's name says of its numbers.
fn kind(column: &str) -> Kind {
    let name = column.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if says(&["percent", "%"]) {
        Kind::Percent
    } else if says(&["valor", "preço", "preco", "acervo", "total", "itcmd", "r$", "montante", "saldo"]) {
        Kind::Money
    } else {
        Kind::Number
    }
}

fn write_cell(
    sheet: &mut Worksheet,
    line: u32,
    at: u16,
    cell: &Value,
    kind: Kind,
    formats: &Formats,
) -> Result<(), XlsxError> {
    match cell {
        Value::Null => {}
        Value::Bool(flag) => {
            sheet.write_string_with_format(line, at, if *flag { "sim" } else { "não" }, &formats.text)?;
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or(0.0);
            let (number, format) = match kind {
                Kind::Percent => (number / 100.0, &formats.percent),
                Kind::Money => (number, &formats.money),
                Kind::Number => (number, &formats.number),
            };
            sheet.write_number_with_format(line, at, number, format)?;
        }
        Value::String(text) => match date(text) {
            Some(date) => {
                sheet.write_datetime_with_format(line, at, &date, &formats.date)?;
            }
            // Written as a string, never as a formula, whatever it begins with.
            None => {
                sheet.write_string_with_format(line, at, cut(text), &formats.text)?;
            }
        },
        other => {
            sheet.write_string_with_format(line, at, cut(&other.to_string()), &formats.text)?;
        }
    }
    Ok(())
}

/// A day as `dd/mm/yyyy` that Excel's calendar has.
fn date(text: &str) -> Option<ExcelDateTime> {
    let mut parts = text.split('/');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || !digits(day, 2) || !digits(month, 2) || !digits(year, 4) {
        return None;
    }
    ExcelDateTime::from_ymd(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn letters(cell: &Value) -> usize {
    match cell {
        Value::String(text) => text.chars().count(),
        Value::Null => 0,
        other => other.to_string().len(),
    }
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || *c == '\n').take(CELL_CHARS_MAX).collect()
}

/// `wanted` as a name that Excel takes and no other sheet has.
fn named(wanted: &str, names: &mut Vec<String>) -> String {
    let plain =
        wanted.chars().filter(|c| !c.is_control()).map(|c| if FORBIDDEN.contains(&c) { '-' } else { c });
    let plain: String = plain.take(SHEET_CHARS_MAX).collect();
    let plain = plain.trim_matches([' ', '\'']);
    let plain = if plain.is_empty() { "Tabela" } else { plain };
    let free = |name: &String| !names.contains(&name.to_lowercase());
    let numbered = (2..).map(|n| {
        let end = format!(" {n}");
        let start: String = plain.chars().take(SHEET_CHARS_MAX - end.len()).collect();
        format!("{start}{end}")
    });
    let name = std::iter::once(plain.to_owned()).chain(numbered).find(free).unwrap_or_default();
    names.push(name.to_lowercase());
    name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_is_a_date_and_what_looks_like_one_is_text() {
        assert!(date("17/06/2024").is_some());
        for text in ["17/06/24", "31/02/2024", "045/052", "17.06.2024", "1/1/2024", ""] {
            assert!(date(text).is_none(), "{text}");
        }
    }

    #[test]
    fn sheets_have_names_of_their_own() {
        let mut names = Vec::new();
        let long = "Cláusula A: os herdeiros e seus representantes legais";
        let made: Vec<String> = (0..3).map(|_| named(long, &mut names)).collect();
        assert_eq!(made.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
        assert!(made.iter().all(|name| name.chars().count() <= SHEET_CHARS_MAX && !name.contains(':')));
        assert_eq!(named("''", &mut names), "Tabela");
    }

    proptest! {
        #[test]
        fn any_words_make_a_workbook(name in any::<String>(), text in any::<String>(), number in any::<f64>()) {
            let number = serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number);
            let table = super::super::AnalysisTable {
                name: name.clone(),
                columns: vec![name, "Percentual".into()],
                rows: vec![vec![text.into(), number]],
            };
            let analysis = Analysis {
                filename: String::new(),
                profile: String::new(),
                template_reason: String::new(),
                result: Default::default(),
                values: vec![],
                checks: vec![],
                tables: vec![table.clone(), table],
                rules: Default::default(),
                confidence: 0.0,
                cached: false,
            };
            prop_assert!(write(&analysis).unwrap().starts_with(b"PK"));
        }
    }
}
