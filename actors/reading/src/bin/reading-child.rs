//! The child process alone, for this crate's own tests; the product runs it as `rag-enabler reading-child`.

use std::process::ExitCode;

fn main() -> ExitCode {
    enabler_reading::child_main()
}
