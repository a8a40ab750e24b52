//! Measures OCR over a set of scans with known text: character error rate by file and seconds of CPU a page.
//!
//! `cargo run --release --example scan_set -- FOLDER [FILE_PREFIX]` prints JSON lines; FOLDER holds `manifest.json`.

#![expect(clippy::print_stdout, reason = "a command that prints what it measures")]

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use enabler_reading::{Limits, Program, Reader, Settings, child_main};
use serde::Deserialize;
use tokio::time::Instant;
use unicode_normalization::UnicodeNormalization as _;

const PAGE_TIME: Duration = Duration::from_secs(120);

#[derive(Deserialize)]
struct Scan {
    pdf: String,
    page: u32,
    truth: String,
}

#[derive(Default)]
struct Tally {
    errors: usize,
    letters: usize,
    pages: usize,
    seconds: f64,
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "reading-child") {
        return child_main();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(measure(&arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{}", serde_json::json!({ "error": error.to_string() }));
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &[OsString]) -> Result<(), Box<dyn Error>> {
    let folder = Path::new(arguments.first().ok_or("name the folder of the scans")?);
    let prefix = arguments.get(1).and_then(|prefix| prefix.to_str()).unwrap_or("");
    let scans: Vec<Scan> = serde_json::from_slice(&std::fs::read(folder.join("manifest.json"))?)?;
    let program = Program {
        executable: std::env::current_exe()?,
        arguments: vec!["reading-child".into()],
        environment: Vec::new(),
    };
    let mut reader = Reader::spawn(program, Limits::default())?;
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut opened = String::new();
    for scan in scans.iter().filter(|scan| scan.pdf.starts_with(prefix)) {
        let deadline = Instant::now() + PAGE_TIME;
        if opened != scan.pdf {
            reader.open(&folder.join(&scan.pdf), deadline).await?;
            opened.clone_from(&scan.pdf);
        }
        let before = children_seconds();
        let page = reader.read_page(scan.page, &Settings::default(), deadline).await?;
        let seconds = children_seconds() - before;
        let truth = plain(&std::fs::read_to_string(folder.join(&scan.truth))?);
        let errors = distance(&truth, &plain(&page.text));
        println!(
            "{}",
            serde_json::json!({
                "pdf": scan.pdf, "page": scan.page, "errors": errors, "letters": truth.len(),
                "cer_percent": percent(errors, truth.len()), "cpu_s": seconds, "words": page.words.len(),
                "source": page.source,
            })
        );
        for name in [scan.pdf.as_str(), "all"] {
            let tally = tallies.entry(name.to_owned()).or_default();
            tally.errors += errors;
            tally.letters += truth.len();
            tally.pages += 1;
            tally.seconds += seconds;
        }
    }
    for (name, tally) in tallies {
        println!(
            "{}",
            serde_json::json!({
                "set": name, "pages": tally.pages, "cer_percent": percent(tally.errors, tally.letters),
                "cpu_s_per_page": tally.seconds / tally.pages.max(1) as f64,
            })
        );
    }
    Ok(())
}

fn percent(errors: usize, letters: usize) -> f64 {
    (errors as f64 / letters.max(1) as f64 * 10_000.0).round() / 100.0
}

fn plain(text: &str) -> Vec<char> {
    let mut letters = Vec::new();
    for word in text.split_whitespace() {
        if !letters.is_empty() {
            letters.push(' ');
        }
        letters.extend(word.nfc().map(|letter| match letter {
            '‘' | '’' => '\'',
            '“' | '”' => '"',
            '–' | '—' => '-',
            other => other,
        }));
    }
    letters
}

/// Levenshtein's distance.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, from) in left.iter().enumerate() {
        let mut corner = at;
        let mut last = at + 1;
        for (to, cell) in right.iter().zip(row.iter_mut().skip(1)) {
            let changed = corner + usize::from(from != to);
            corner = *cell;
            last = changed.min(*cell + 1).min(last + 1);
            *cell = last;
        }
        if let Some(first) = row.first_mut() {
            *first = at + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// Seconds of CPU that this process's living children have used.
fn children_seconds() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let ticks = |child: &str| -> Option<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
        let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
        Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
    };
    let total: u64 =
        children.flat_map(|list| list.split_whitespace().filter_map(ticks).collect::<Vec<_>>()).sum();
    total as f64 / TICKS_PER_SECOND
}
