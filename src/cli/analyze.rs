//! Analyses a document and writes what it says as JSON, marked PDF, table and workbook.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::MultiProgress;
use reqwest::Method;
use serde_json::{Value, json};

use super::arguments::Analyze;
use super::client::Client;
use super::failure::Failure;
use super::{ingest, out};

/// The files that are written, by their endings.
const FILES: [&str; 4] = ["json", "pdf", "csv", "xlsx"];
/// Letters of a value or a quotation that a line shows.
const CELL_CHARS_MAX: usize = 48;
/// A document whose kind is left to its own words.
const TEMPLATE: &str = "auto";

/// Analyses what `analyze` names, for a reader of Portuguese or English.
pub(crate) async fn analyze(client: &Client, analyze: &Analyze) -> Result<ExitCode, Failure> {
    tokio::fs::create_dir_all(&analyze.output)
        .await
        .map_err(|error| Failure::io(format!("making {}", analyze.output.display()), error))?;
    let (id, name) = document(client, &analyze.document).await?;
    let mut wanted = json!({ "document_id": id, "use_model": analyze.use_model });
    if let Some(profile) = &analyze.profile {
        wanted["profile"] = json!(profile);
    }
    let tongue = tongue();
    let analysis = client.post("/v1/analyze", &wanted).await?;
    let profile = analysis["profile"].as_str().unwrap_or_default();
    let query = format!("profile={profile}&use_model={}", analyze.use_model);
    let mut written = Vec::new();
    for ending in FILES {
        let path = format!("/v1/documents/{id}/analysis.{ending}?{query}");
        let response =
            client.answer(client.request(Method::GET, &path).header("accept-language", tongue.tag())).await?;
        let bytes =
            response.bytes().await.map_err(|error| Failure::Plain(format!("reading {path}: {error}")))?;
        let file = analyze.output.join(format!("{}.analysis.{ending}", stem(&name)));
        let doing = || format!("writing {}", file.display());
        tokio::fs::write(&file, &bytes).await.map_err(|error| Failure::io(doing(), error))?;
        written.push(file);
    }
    print(&analysis, &written, out::as_json(analyze.json), tongue);
    Ok(ExitCode::SUCCESS)
}

/// The id and the name of the document that is named, which is uploaded if it is a file.
async fn document(client: &Client, named: &str) -> Result<(String, String), Failure> {
    let path = Path::new(named);
    let is_file = tokio::fs::metadata(path).await.is_ok_and(|about| about.is_file());
    if !is_file && (named.contains(['/', '.']) || uuid::Uuid::try_parse(named).is_err()) {
        return Err(Failure::Plain(format!("{named} is neither a file nor a document's id")));
    }
    let bars = MultiProgress::new();
    let id = match is_file {
        true => ingest::id_of(&ingest::upload(client, path, TEMPLATE, None, &bars).await?),
        false => named.to_owned(),
    };
    let document = ingest::wait(client, &id, named, &bars).await?;
    if document["status"] == "failed" {
        let reason = document["error"].as_str().unwrap_or("it could not be read");
        return Err(Failure::Plain(format!("{named}: {reason}")));
    }
    let own = path.file_name().map(|name| name.to_string_lossy().into_owned()).filter(|_| is_file);
    let name = own.unwrap_or_else(|| document["filename"].as_str().unwrap_or("document").to_owned());
    Ok((id, name))
}

/// A file's name without its ending, and without what another system may not take.
fn stem(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let safe = |c: char| if c.is_control() || "/\\:*?\"<>|".contains(c) { '_' } else { c };
    let stem: String = stem.chars().map(safe).collect();
    let stem = stem.trim_start_matches('.').trim();
    if stem.is_empty() { "document".to_owned() } else { stem.to_owned() }
}

/// The language of whoever sits at the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tongue {
    English,
    Portuguese,
}

impl Tongue {
    fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Portuguese => "pt-BR",
        }
    }

    /// The name of this language's sentences in an analysis.
    fn of<'v>(self, sentences: &'v Value, english: &str, portuguese: &str) -> &'v str {
        let name = if self == Self::English { english } else { portuguese };
        sentences[name].as_str().unwrap_or_default()
    }
}

/// As the locale of the terminal says.
#[expect(clippy::disallowed_methods, reason = "the locale is the terminal's, and no setting of a node")]
fn tongue() -> Tongue {
    let names = ["LC_ALL", "LC_MESSAGES", "LANG"];
    let set = names.iter().find_map(|name| std::env::var(name).ok().filter(|locale| !locale.is_empty()));
    let is_portuguese = set.is_some_and(|locale| locale.to_ascii_lowercase().starts_with("pt"));
    if is_portuguese { Tongue::Portuguese } else { Tongue::English }
}

/// A number as people of `tongue` write it.
fn figure(number: f64, tongue: Tongue) -> String {
    let text = if number.fract() == 0.0 { format!("{number:.0}") } else { format!("{number:.2}") };
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let (thousands, point) = if tongue == Tongue::English { (',', '.') } else { ('.', ',') };
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(thousands);
        }
        grouped.push(digit);
    }
    if part.is_empty() { format!("{sign}{grouped}") } else { format!("{sign}{grouped}{point}{part}") }
}

fn print(analysis: &Value, written: &[PathBuf], as_json: bool, tongue: Tongue) {
    let files: Vec<String> = written.iter().map(|file| file.display().to_string()).collect();
    if as_json {
        let mut shown = analysis.clone();
        shown["files"] = json!(files);
        out::line(&shown.to_string());
        return;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let percent = |value: &Value| format!("{:.0} %", value.as_f64().unwrap_or(0.0) * 100.0);
    out::line(&out::strong(&format!("{}  {}", text(&analysis["profile"]), percent(&analysis["confidence"]))));
    out::line(&text(&analysis["template_reason"]));
    out::line("");
    let values = analysis["values"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<[String; 4]> = values
        .iter()
        .map(|value| {
            let shown = match &value["value"] {
                Value::String(text) => text.clone(),
                Value::Number(number) => figure(number.as_f64().unwrap_or(0.0), tongue),
                other => other.to_string(),
            };
            let page = format!("p. {}", value["page"]);
            [text(&value["label"]), cut(&shown), page, percent(&value["confidence"])]
        })
        .collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let [label, shown, page, sure] = [0, 1, 2, 3].map(width);
    for (row, value) in rows.iter().zip(values) {
        let [a, b, c, d] = row;
        out::line(format!("{a:label$}  {b:shown$}  {c:>page$}  {d:>sure$}").trim_end());
        for flag in value["flags"].as_array().into_iter().flatten() {
            out::line(&format!("    ! {}", tongue.of(flag, "en", "pt")));
        }
    }
    if values.is_empty() {
        out::line(match tongue {
            Tongue::English => "The document says nothing that the profile asks for.",
            Tongue::Portuguese => "O documento não diz nada do que o perfil procura.",
        });
    }
    for check in analysis["checks"].as_array().into_iter().flatten() {
        let sign = if check["ok"] == true { "✓" } else { "✗" };
        out::line(&format!("{sign} {}", tongue.of(check, "detail_en", "detail_pt")));
    }
    for sentence in analysis["rules"]["corrections"].as_array().into_iter().flatten() {
        out::line(&format!("! {}", text(sentence)));
    }
    out::line("");
    files.iter().for_each(|file| out::line(file));
}

fn cut(text: &str) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match flat.char_indices().nth(CELL_CHARS_MAX) {
        Some((end, _)) => format!("{}…", flat.get(..end).unwrap_or_default()),
        None => flat,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_after_its_document() {
        assert_eq!(stem("Inventário 2024.pdf"), "Inventário 2024");
        assert_eq!(stem("../a:b.pdf"), "_a_b");
        assert_eq!(stem(".pdf"), "document");
    }

    #[test]
    fn numbers_are_written_as_their_reader_does() {
        assert_eq!(figure(1002107.95, Tongue::Portuguese), "1.002.107,95");
        assert_eq!(figure(1002107.95, Tongue::English), "1,002,107.95");
        assert_eq!(figure(480000.0, Tongue::Portuguese), "480.000");
        assert_eq!(figure(-0.5, Tongue::English), "-0.50");
    }

    #[test]
    fn a_long_value_is_cut_between_letters() {
        assert_eq!(cut(&"ã".repeat(60)).chars().count(), CELL_CHARS_MAX + 1);
        assert_eq!(cut("a\nb"), "a b");
    }
}
