//! The shipped profiles on real documents with a truth file, native and scanned: a table of what is right.
//!
//! `cargo test -p enabler-analysis --test documents -- FOLDER/TRUTH.json [PAGES] [NAME]`: another folder than the shared
//! one; PAGES is a folder for what was read, so that OCR runs once; NAME shows the whole result of that file.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test without a harness, which prints a table"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use enabler_analysis::{Page, Profile, Profiles, Word, analyze};
use enabler_reading::{Limits, Program, Reader, Settings, child_main};
use serde_json::Value;
use tokio::time::Instant;

#[path = "analysis/score.rs"]
mod score;

const PAGE_TIME: Duration = Duration::from_secs(120);

/// Fields, those that are right, and those that were invented, of one kind of file.
#[derive(Default)]
struct Sum {
    fields: usize,
    right: usize,
    invented: usize,
    boxes: (usize, usize),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "reading-child") {
        return child_main();
    }
    // Names of tests to run, which a whole run of cargo may pass, are not for us.
    let named = arguments.first().is_some_and(|first| first.ends_with(".json"));
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/pdfs/ground_truth.json");
    let truth = if named { PathBuf::from(&arguments[0]) } else { shared };
    if !truth.exists() || arguments.iter().any(|argument| argument == "--list") {
        println!("skipped: {} is not here", truth.display());
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let kept = arguments.get(1).filter(|_| named).map(PathBuf::from);
    let shown = arguments.get(2).filter(|_| named);
    let (native, scanned) =
        runtime.block_on(run(&truth, kept.as_deref(), shown.map(String::as_str))).unwrap();
    let holds = native.right == native.fields
        && native.invented + scanned.invented == 0
        && native.boxes.1 * 100 >= native.boxes.0 * 95
        && scanned.right * 100 >= scanned.fields * 95;
    if holds || named { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(truth: &Path, kept: Option<&Path>, shown: Option<&str>) -> Result<(Sum, Sum), Box<dyn Error>> {
    let folder = truth.parent().ok_or("the truth file is in no folder")?;
    let profiles = profiles()?;
    let truth: Vec<Value> = serde_json::from_slice(&std::fs::read(truth)?)?;
    let mut sums = (Sum::default(), Sum::default());
    for (sum, kind, key) in [(&mut sums.0, "native", "file"), (&mut sums.1, "scan", "scanned")] {
        for document in &truth {
            let Some(name) = document[key].as_str() else { continue };
            let pages = pages(&folder.join(name), kept).await?;
            let wanted = document["profile"].as_str().unwrap_or("");
            let Some(profile) = profiles.named(wanted) else { continue };
            let chosen = profiles.choose(&pages).template == wanted;
            let begun = Instant::now();
            let analysis = analyze(&pages, profile);
            let took = begun.elapsed();
            if shown.is_some_and(|shown| name.starts_with(shown)) {
                println!("{}", serde_json::to_string_pretty(&analysis.result)?);
                println!("{:#?}", analysis.checks);
            }
            let score = score::Score::of(document, &analysis);
            println!(
                "{kind:6} {name:26} {:3}/{:3} fields, {} invented, boxes {}/{}, template {}, confidence {}, {took:?}",
                score.right,
                score.fields,
                score.invented,
                score.boxes.1,
                score.boxes.0,
                if chosen { "right" } else { "WRONG" },
                analysis.confidence,
            );
            for fault in &score.faults {
                println!("       {fault}");
            }
            sum.fields += score.fields;
            sum.right += score.right;
            sum.invented += score.invented;
            sum.boxes = (sum.boxes.0 + score.boxes.0, sum.boxes.1 + score.boxes.1);
        }
        let percent = 100.0 * f64::from(sum.right as u32) / f64::from(sum.fields.max(1) as u32);
        let Sum { fields, right, invented, boxes } = sum;
        println!(
            "{kind}: {right} of {fields} fields ({percent:.1} %), {invented} invented, boxes {} of {}\n",
            boxes.1, boxes.0
        );
    }
    Ok(sums)
}

/// The profiles as they are in the folder now.
fn profiles() -> Result<Profiles, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/profiles");
    let mut found = Vec::new();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/analysis");
    for (folder, name) in
        [(&folder, "inventory"), (&folder, "meeting_minutes"), (&tests, "licencas_software")]
    {
        let text = std::fs::read_to_string(folder.join(format!("{name}.toml")))?;
        found.push(Profile::parse(name, &text).map_err(|error| match error {
            enabler_analysis::ProfileError::Syntax { source, .. } => format!("{name}: {source}"),
            other => other.to_string(),
        })?);
    }
    Ok(Profiles::new(found))
}

async fn pages(file: &Path, kept: Option<&Path>) -> Result<Vec<Page>, Box<dyn Error>> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).ok_or("a file without a name")?;
    let cache = kept.map(|kept| kept.join(format!("{stem}.jsonl")));
    if let Some(text) = cache.as_ref().and_then(|cache| std::fs::read_to_string(cache).ok()) {
        let read = text.lines().filter_map(|line| serde_json::from_str::<enabler_reading::Page>(line).ok());
        return Ok(read.map(|read| page(&read)).collect());
    }
    let program = Program {
        executable: std::env::current_exe()?,
        arguments: vec!["reading-child".into()],
        environment: Vec::new(),
    };
    let mut reader = Reader::spawn(program, Limits::default())?;
    let info = reader.open(&std::path::absolute(file)?, Instant::now() + PAGE_TIME).await?;
    let (mut pages, mut lines) = (Vec::new(), String::new());
    for number in 1..=info.page_count {
        let read = reader.read_page(number, &Settings::default(), Instant::now() + PAGE_TIME).await?;
        lines.push_str(&serde_json::to_string(&read)?);
        lines.push('\n');
        pages.push(page(&read));
    }
    if let Some(cache) = cache {
        std::fs::write(cache, lines)?;
    }
    Ok(pages)
}

/// A page as the analysis takes it.
fn page(read: &enabler_reading::Page) -> Page {
    let ocr = matches!(read.source, enabler_reading::Source::Ocr { .. });
    let word = |word: &enabler_reading::Word| Word {
        start: word.start as usize,
        end: word.end as usize,
        rect: word.rect,
        confidence: word.confidence.unwrap_or(1.0),
    };
    Page {
        number: read.number,
        width: read.width,
        height: read.height,
        text: read.text.clone(),
        words: read.words.iter().map(word).collect(),
        is_ocr: ocr,
    }
}
