//! Measures one room in the way its peer is measured, and prints a JSON line per figure.

mod embedding;
mod language;
mod report;
mod scans;
mod vectors;

use std::process::ExitCode;

/// Whatever went wrong, for the one line that the caller prints.
type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "usage: rag-enabler-bench embedding MODEL_DIR TEXTS.json THREADS f32|int8 VECTORS.f32
       rag-enabler-bench language MODEL.gguf THREADS
       rag-enabler-bench scans SCANS_DIR THREADS PAGES_PER_FILE PAGES_OUT.json
       rag-enabler-bench vectors DIR";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["reading-child"] => return enabler_reading::child_main(),
        ["embedding", model, texts, threads, precision, out] => {
            embedding::measure(model, texts, threads, precision, out)
        }
        ["language", model, threads] => language::measure(model, threads),
        ["scans", scans, threads, pages, out] => scans::measure(scans, threads, pages, out),
        ["vectors", folder] => vectors::measure(folder),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
