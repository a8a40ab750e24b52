//! `sim`: finds failures, replays them from one line, and shows them.

mod commands;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let command = match commands::Command::try_parse() {
        Ok(command) => command,
        Err(told) => {
            let _ = told.print();
            return ExitCode::from(if told.use_stderr() { commands::WRONG } else { commands::KEPT });
        }
    };
    match command.run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            commands::say(&format!("sim: {error:#}"));
            ExitCode::from(commands::WRONG)
        }
    }
}
