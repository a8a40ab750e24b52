//! Prints the pages of a PDF as JSON lines, one a page: text, words with boxes, tables, source.
//!
//! `cargo run --release --example read_pages -- FILE [FIRST] [LAST] [never|always]`

#![expect(clippy::print_stdout, reason = "a command that prints what it read")]

use std::error::Error;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use enabler_reading::{Limits, Ocr, Program, Reader, Settings, Tongue, child_main};
use tokio::time::Instant;

const PAGE_TIME: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "reading-child") {
        return child_main();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(print(&arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{}", serde_json::json!({ "error": error.to_string() }));
            ExitCode::FAILURE
        }
    }
}

async fn print(arguments: &[OsString]) -> Result<(), Box<dyn Error>> {
    let file = Path::new(arguments.first().ok_or("name a PDF")?);
    let number = |at: usize| arguments.get(at).and_then(|text| text.to_str()?.parse::<u32>().ok());
    let ocr = match arguments.get(3).and_then(|text| text.to_str()) {
        Some("never") => Ocr::Never,
        Some("always") => Ocr::Always,
        _ => Ocr::WhereNeeded,
    };
    let program = Program {
        executable: std::env::current_exe()?,
        arguments: vec!["reading-child".into()],
        environment: Vec::new(),
    };
    let mut reader = Reader::spawn(program, Limits::default())?;
    let info = reader.open(&std::path::absolute(file)?, Instant::now() + PAGE_TIME).await?;
    println!("{}", serde_json::to_string(&info)?);
    let settings = Settings { ocr, ..Settings::default() };
    for page in number(1).unwrap_or(1)..=number(2).unwrap_or(info.page_count).min(info.page_count) {
        match reader.read_page(page, &settings, Instant::now() + PAGE_TIME).await {
            Ok(page) => println!("{}", serde_json::to_string(&page)?),
            Err(problem) => println!(
                "{}",
                serde_json::json!({
                    "number": page, "problem": problem, "message": problem.message(Tongue::English),
                    "mensagem": problem.message(Tongue::Portuguese),
                })
            ),
        }
    }
    Ok(())
}
