//! `sim`: finds failures, replays them from one line, and shows them.

mod commands;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match commands::Command::parse().run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            commands::say(&format!("sim: {error:#}"));
            ExitCode::from(64)
        }
    }
}
