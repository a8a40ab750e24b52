//! Scores the shipped profiles on a folder of PDFs with a truth file, native and scanned.
//!
//! `cargo run --example score -- FOLDER/TRUTH.json [PAGES]`: PAGES is a folder for what was read, so that OCR runs once.

#![expect(clippy::print_stdout, reason = "a command that prints a table")]

use std::error::Error;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use enabler_analysis::{Page, Profile, Profiles, analyze};
use enabler_reading::{Limits, Program, Reader, Settings, child_main};
use serde_json::Value;
use tokio::time::Instant;

#[path = "../tests/analysis/score.rs"]
mod score;

const PAGE_TIME: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "reading-child") {
        return child_main();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run(&arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[OsString]) -> Result<(), Box<dyn Error>> {
    let truth_file = Path::new(arguments.first().ok_or("name a truth file")?);
    let folder = truth_file.parent().ok_or("the truth file is in no folder")?;
    let kept = arguments.get(1).map(Path::new);
    let profiles = profiles()?;
    let truth: Vec<Value> = serde_json::from_slice(&std::fs::read(truth_file)?)?;
    for (kind, key) in [("native", "file"), ("scan", "scanned")] {
        let (mut fields, mut right, mut invented, mut boxes) = (0, 0, 0, (0, 0));
        for document in &truth {
            let Some(name) = document[key].as_str() else { continue };
            let pages = pages(&folder.join(name), kept).await?;
            let choice = profiles.choose(&pages);
            let wanted = document["profile"].as_str().unwrap_or("");
            let Some(profile) = profiles.named(wanted) else { continue };
            let begun = Instant::now();
            let analysis = analyze(&pages, profile);
            let took = begun.elapsed();
            if arguments
                .get(2)
                .is_some_and(|shown| shown.to_str().is_some_and(|shown| name.starts_with(shown)))
            {
                println!("{}", serde_json::to_string_pretty(&analysis.result)?);
                println!("{:#?}", analysis.checks);
                println!("{}", enabler_analysis::debug_flow(&pages, profile));
            }
            let score = score::Score::of(document, &analysis);
            println!(
                "{kind:6} {name:28} {:3}/{:3} fields, {} invented, boxes {}/{}, template {}, confidence {}, {took:?}",
                score.right,
                score.fields,
                score.invented,
                score.boxes.1,
                score.boxes.0,
                if choice.template == wanted { "right" } else { "WRONG" },
                analysis.confidence,
            );
            for fault in &score.faults {
                println!("       {fault}");
            }
            fields += score.fields;
            right += score.right;
            invented += score.invented;
            boxes = (boxes.0 + score.boxes.0, boxes.1 + score.boxes.1);
        }
        let percent = 100.0 * f64::from(right as u32) / f64::from(fields.max(1) as u32);
        println!(
            "{kind}: {right} of {fields} fields ({percent:.1} %), {invented} invented, boxes {} of {}\n",
            boxes.1, boxes.0
        );
    }
    Ok(())
}

/// The profiles as they are in the folder now.
fn profiles() -> Result<Profiles, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/profiles");
    let mut found = Vec::new();
    for name in ["inventory", "meeting_minutes"] {
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
        return Ok(read.map(|read| score::page(&read)).collect());
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
        pages.push(score::page(&read));
    }
    if let Some(cache) = cache {
        std::fs::write(cache, lines)?;
    }
    Ok(pages)
}
