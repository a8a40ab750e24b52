//! Compares native text with `pdftotext` over the PDFs of a folder: word F1 of each file, then mean and median.
//!
//! `cargo run --release --example text_f1 -- FOLDER [WORDS_MIN]` prints JSON lines.

#![expect(clippy::print_stdout, reason = "a command that prints what it measures")]

use std::collections::HashMap;
use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use enabler_reading::{DocumentProblem, Limits, Ocr, Program, Reader, Settings, child_main};
use tokio::process::Command;
use tokio::time::{Instant, timeout};
use unicode_normalization::UnicodeNormalization as _;

/// Pages compared of each file; more would let a few long manuals take all the time.
const PAGES_MAX: u32 = 40;

const FILE_TIME: Duration = Duration::from_secs(60);

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
    let folder = arguments.first().ok_or("name a folder of PDFs")?;
    let words_min: usize = arguments.get(1).and_then(|n| n.to_str()).map_or(Ok(20), str::parse)?;
    let program = Program {
        executable: std::env::current_exe()?,
        arguments: vec!["reading-child".into()],
        environment: Vec::new(),
    };
    let mut reader = Reader::spawn(program, Limits::default())?;
    let mut scores = Vec::new();
    for path in pdfs(Path::new(folder))? {
        let Some(theirs) = pdftotext(&path).await else { continue };
        let theirs = words(&theirs);
        if theirs.len() < words_min {
            continue;
        }
        let started = Instant::now();
        let (ours, problem) = match read(&mut reader, &path).await {
            Ok(text) => (words(&text), None),
            Err(problem) => (Vec::new(), Some(problem.code())),
        };
        let (f1, order) = (f1(&theirs, &ours), f1(&pairs(&theirs), &pairs(&ours)));
        scores.push((f1, order));
        println!(
            "{}",
            serde_json::json!({
                "file": path.file_name().map(|name| name.to_string_lossy()), "f1": round(f1), "pair_f1": round(order),
                "words": theirs.len(), "ours": ours.len(), "ms": started.elapsed().as_millis() as u64, "problem": problem,
            })
        );
    }
    let mean =
        |pick: fn(&(f64, f64)) -> f64| scores.iter().map(pick).sum::<f64>() / scores.len().max(1) as f64;
    let (mean_f1, mean_pairs) = (mean(|score| score.0), mean(|score| score.1));
    let mut sorted: Vec<f64> = scores.iter().map(|score| score.0).collect();
    sorted.sort_by(f64::total_cmp);
    let share = |count: usize| round(count as f64 / sorted.len().max(1) as f64);
    println!(
        "{}",
        serde_json::json!({
            "files": scores.len(), "mean_f1": round(mean_f1), "mean_pair_f1": round(mean_pairs),
            "median_f1": sorted.get(sorted.len() / 2).copied().map(round),
            "at_least_95": share(sorted.iter().filter(|f1| **f1 >= 0.95).count()),
            "under_50": share(sorted.iter().filter(|f1| **f1 < 0.5).count()),
        })
    );
    Ok(())
}

async fn read(reader: &mut Reader, path: &Path) -> Result<String, DocumentProblem> {
    let settings = Settings { ocr: Ocr::Never, ..Settings::default() };
    let deadline = Instant::now() + FILE_TIME;
    let info = reader.open(path, deadline).await?;
    let mut text = String::new();
    for number in 1..=info.page_count.min(PAGES_MAX) {
        if let Ok(page) = reader.read_page(number, &settings, deadline).await {
            text.push_str(&page.text);
            text.push('\n');
        }
    }
    Ok(text)
}

async fn pdftotext(path: &Path) -> Option<String> {
    let last = PAGES_MAX.to_string();
    let run = Command::new("pdftotext").args(["-l", &last]).arg(path).arg("-").kill_on_drop(true).output();
    let output = timeout(FILE_TIME, run).await.ok()?.ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn pdfs(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.retain(|path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("pdf")));
    found.sort();
    Ok(found)
}

fn words(text: &str) -> Vec<String> {
    // Marks of direction and of places where a word may break are no letters; one side writes them, the other not.
    let mark = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fffd}' | '\u{feff}');
    let plain: String = text.nfkc().filter(|letter| !mark(*letter)).collect();
    // The dots that lead to a page number are no words; ours leaves them out.
    let leader = |word: &&str| word.chars().any(|letter| !matches!(letter, '.' | '…'));
    plain.split_whitespace().filter(leader).map(str::to_owned).collect()
}

fn pairs(words: &[String]) -> Vec<String> {
    words.iter().zip(words.iter().skip(1)).map(|(first, second)| format!("{first} {second}")).collect()
}

fn f1(theirs: &[String], ours: &[String]) -> f64 {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in theirs {
        *left.entry(word).or_default() += 1;
    }
    let mut common = 0;
    for word in ours {
        if let Some(count) = left.get_mut(word.as_str()).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    2.0 * f64::from(common) / (theirs.len() + ours.len()).max(1) as f64
}

fn round(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
