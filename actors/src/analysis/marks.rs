//! Pure: an analysis as marks in its file, with a legend.

use enabler_reading::{Highlights, LegendLine, Mark};

use super::Analysed;

/// What stands for a group without a colour.
const GREY: [u8; 3] = [220, 220, 220];
/// Letters of a value in the legend; the whole stands on its page.
const VALUE_CHARS_MAX: usize = 160;

/// The marks of `analysed`, the analysis of the file `filename`, with a legend in Portuguese or English.
pub fn highlights(analysed: &Analysed, filename: &str, in_portuguese: bool) -> Highlights {
    let colour = |category: &str| {
        let known = analysed.colours.iter().find(|colour| colour.category == category);
        known.map_or(GREY, |colour| colour.rgb)
    };
    let mut marks: Vec<Mark> = Vec::new();
    for value in analysed.values.iter().filter(|value| !value.rects.is_empty()) {
        let doubts = value.flags.iter().map(|flag| if in_portuguese { &flag.pt } else { &flag.en });
        let mut note = format!("{}: {}", value.label, shown(&value.value));
        doubts.for_each(|doubt| note.push_str(&format!(" - {doubt}")));
        let colour = colour(&value.category);
        // Two values of the same words are one mark: laid over one another they would darken the words.
        let same =
            |mark: &&mut Mark| mark.page == value.page && mark.rects == value.rects && mark.colour == colour;
        match marks.iter_mut().find(same) {
            Some(mark) => mark.note.push_str(&format!("; {note}")),
            None => marks.push(Mark { page: value.page, rects: value.rects.clone(), colour, note }),
        }
    }
    let say = |portuguese: &str, english: &str| (if in_portuguese { portuguese } else { english }).to_owned();
    let heading = |text: String| LegendLine { colour: None, text, is_heading: true };
    let line = |text: String| LegendLine { colour: None, text, is_heading: false };
    let mut legend = vec![
        line(filename.to_owned()),
        line(format!("{}: {}", say("Perfil", "Profile"), analysed.profile)),
        line(format!("{}: {:.0} %", say("Confiança", "Confidence"), analysed.confidence * 100.0)),
        heading(say("Cores", "Colours")),
    ];
    for known in &analysed.colours {
        let count = analysed.values.iter().filter(|value| value.category == known.category).count();
        let name = if in_portuguese { &known.pt } else { &known.en };
        let text = format!("{name} ({count})");
        legend.push(LegendLine { colour: Some(known.rgb), text, is_heading: false });
    }
    for known in &analysed.colours {
        let mut values = analysed.values.iter().filter(|value| value.category == known.category).peekable();
        if values.peek().is_none() {
            continue;
        }
        legend.push(heading(if in_portuguese { known.pt.clone() } else { known.en.clone() }));
        for value in values {
            let page = say("p.", "p.");
            let text = format!("{}: {} ({page} {})", value.label, shown(&value.value), value.page);
            legend.push(LegendLine { colour: Some(known.rgb), text, is_heading: false });
        }
    }
    if !analysed.checks.is_empty() {
        legend.push(heading(say("Conferências", "Checks")));
    }
    for check in &analysed.checks {
        let detail = if in_portuguese { &check.detail_pt } else { &check.detail_en };
        let holds = match check.ok {
            true => say("confere", "holds"),
            false => say("NÃO CONFERE", "DOES NOT HOLD"),
        };
        legend.push(line(format!("{holds}: {detail}")));
    }
    let title = say("Legenda da análise", "Legend of the analysis");
    Highlights { marks, title, legend }
}

/// A value as people write it.
fn shown(value: &serde_json::Value) -> String {
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) => decimal(&number.to_string()),
        serde_json::Value::Bool(true) => "sim".to_owned(),
        serde_json::Value::Bool(false) => "não".to_owned(),
        other => other.to_string(),
    };
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// A number with a comma and with points between thousands.
fn decimal(number: &str) -> String {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push('.');
        }
        grouped.push(digit);
    }
    match part {
        "" | "0" => format!("{sign}{grouped}"),
        part => format!("{sign}{grouped},{part:0<2}"),
    }
}

#[cfg(test)]
mod tests {
    use enabler_analysis::{Colour, Value};
    use serde_json::json;

    use super::*;

    fn analysed(value: serde_json::Value) -> Analysed {
        let value = Value {
            pointer: "/total".into(),
            label: "Total".into(),
            category: "bens".into(),
            value,
            page: 2,
            quotation: "R$ 1.234,50".into(),
            start: 0,
            rects: vec![[1.0, 2.0, 3.0, 4.0]],
            confidence: 0.9,
            flags: vec![super::super::flag_of_model()],
        };
        let colour =
            Colour { category: "bens".into(), rgb: [1, 2, 3], pt: "Bens".into(), en: "Assets".into() };
        Analysed {
            profile: "inventory".into(),
            template_reason: String::new(),
            result: json!({}),
            values: vec![value],
            checks: Vec::new(),
            tables: Vec::new(),
            colours: vec![colour],
            rules: super::super::Judged::default(),
            confidence: 0.5,
            cached: false,
        }
    }

    #[test]
    fn a_value_is_marked_in_the_colour_of_its_group_and_explained() {
        let marked = highlights(&analysed(json!(1234.5)), "deed.pdf", true);
        let [mark] = marked.marks.as_slice() else { panic!("{marked:?}") };
        assert_eq!((mark.page, mark.colour), (2, [1, 2, 3]));
        assert!(mark.note.starts_with("Total: 1.234,50 - Preenchido"), "{}", mark.note);
        let lines: Vec<&str> = marked.legend.iter().map(|line| line.text.as_str()).collect();
        assert!(lines.contains(&"Bens (1)") && lines.contains(&"Total: 1.234,50 (p. 2)"), "{lines:?}");
        let english = highlights(&analysed(json!(true)), "deed.pdf", false);
        assert!(english.legend.iter().any(|line| line.text == "Assets (1)"));
    }

    #[test]
    fn two_values_of_the_same_words_are_one_mark() {
        let mut analysed = analysed(json!("KNRI11"));
        analysed.values.push(analysed.values[0].clone());
        let marked = highlights(&analysed, "ata.pdf", false);
        assert_eq!(marked.marks.len(), 1);
        assert_eq!(marked.marks[0].note.matches("KNRI11").count(), 2);
    }

    #[test]
    fn numbers_are_written_as_brazilians_do() {
        for (json, want) in
            [("1002107.95", "1.002.107,95"), ("96420.5", "96.420,50"), ("-12", "-12"), ("0.0", "0")]
        {
            assert_eq!(decimal(json), want);
        }
    }
}
