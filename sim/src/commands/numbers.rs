//! The numbers to reach: each measured on this machine, printed as a row of a table, and kept or not.

// Rows of the core tier, of the judge and of the command itself.
mod core;
// Rows of real processes and real servers.
#[cfg(feature = "live")]
mod live;
// Rows of whole nodes.
#[cfg(feature = "node")]
mod whole;

#[cfg(feature = "live")]
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use enabler_sim::work;
use enabler_storage::clock::{Clock, SystemClock};
use serde::Serialize;
use serde_json::{Value, json};

use super::{BROKEN, KEPT, say, tell};

/// What is measured, and where.
#[derive(Debug, Args)]
pub(crate) struct Numbers {
    /// These rows alone
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ROW,ROW", conflicts_with = "all")]
    only: Vec<Row>,
    /// Every row, also those that take long: claimants (20 minutes), killed, frozen and drained (some minutes each)
    #[arg(long)]
    all: bool,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// How often each thing is done to real nodes
    #[cfg(feature = "live")]
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    events: u16,
    /// The `rag-enabler` that real nodes run; the one beside `sim` if it is not given
    #[cfg(feature = "live")]
    #[arg(long)]
    program: Option<PathBuf>,
}

/// A number to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Row {
    /// A search of the core tier
    Seeds,
    /// Whole nodes
    #[cfg(feature = "node")]
    Nodes,
    /// Mistakes made on purpose
    Plants,
    /// The same seed, in two processes
    Determinism,
    /// Failing runs made small
    Shrink,
    /// Flipped bits
    Corruption,
    /// Claimants of one shard on a real S3 server
    #[cfg(feature = "live")]
    Claimants,
    /// Owners that are killed
    #[cfg(feature = "live")]
    Killed,
    /// Owners that are frozen
    #[cfg(feature = "live")]
    Frozen,
    /// Owners that are told to stop
    #[cfg(feature = "live")]
    Drained,
}

impl Row {
    /// What is to be reached, in words.
    fn goal(self) -> &'static str {
        match self {
            Self::Seeds => "2,000 core seeds within 60 s, 10,000 within 5 minutes",
            #[cfg(feature = "node")]
            Self::Nodes => "20 whole-node seeds, no promise broken",
            Self::Plants => "48 planted mistakes, all caught, median within 10 seeds, 20 of public issues",
            Self::Determinism => "every event the same over 1,000 seeds and two processes",
            Self::Shrink => "90 % of what makes a failing run removed, median 25 left, within 30 s",
            Self::Corruption => "every byte of every kind of object flipped: all detected, none served",
            #[cfg(feature = "live")]
            Self::Claimants => {
                "1,000 claimants, 20,000 claims of one shard on a real S3 server, no violation"
            }
            #[cfg(feature = "live")]
            Self::Killed => {
                "owner killed: first success within 5 s at a lease of 3 s, nothing acknowledged lost"
            }
            #[cfg(feature = "live")]
            Self::Frozen => "owner frozen: first success within lease + 2 s, nothing acknowledged lost",
            #[cfg(feature = "live")]
            Self::Drained => {
                "planned hand-over: at most 300 ms more than while nothing happens, nothing acknowledged lost"
            }
        }
    }

    /// Whether it is measured only when it is asked for.
    fn takes_long(self) -> bool {
        match self {
            #[cfg(feature = "live")]
            Self::Claimants | Self::Killed | Self::Frozen | Self::Drained => true,
            _ => false,
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn measure(self, numbers: &Numbers) -> anyhow::Result<Measured> {
        #[cfg(not(feature = "live"))]
        let _ = numbers;
        Ok(match self {
            Self::Seeds => core::seeds(),
            #[cfg(feature = "node")]
            Self::Nodes => whole::nodes()?,
            Self::Plants => core::plants(),
            Self::Determinism => core::determinism()?,
            Self::Shrink => core::shrink(),
            Self::Corruption => core::corruption()?,
            #[cfg(feature = "live")]
            Self::Claimants => live::claimants()?,
            #[cfg(feature = "live")]
            Self::Killed => live::killed(numbers)?,
            #[cfg(feature = "live")]
            Self::Frozen => live::frozen(numbers)?,
            #[cfg(feature = "live")]
            Self::Drained => live::drained(numbers)?,
        })
    }
}

/// What a measurement came to.
#[derive(Debug, Clone, PartialEq)]
struct Measured {
    /// For people: one line.
    text: String,
    /// Whether the goal was reached.
    is_kept: bool,
    /// For programs.
    figures: Value,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Line {
    row: String,
    goal: &'static str,
    measured: String,
    kept: bool,
    /// How long measuring took.
    seconds: u64,
    figures: Value,
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kept = if self.kept { "kept" } else { "**not kept**" };
        // A bar or a break in a text would be another cell or row.
        let measured = self.measured.replace('|', "/").replace('\n', " ");
        write!(f, "| {} | {} | {measured} | {kept} |", self.row, self.goal)
    }
}

/// Measures the rows that are asked for and prints them; one that cannot be measured is not kept.
pub(super) fn run(numbers: &Numbers) -> anyhow::Result<u8> {
    let rows: Vec<Row> = match &numbers.only[..] {
        [] => Row::value_variants().iter().copied().filter(|row| numbers.all || !row.takes_long()).collect(),
        only => only.to_vec(),
    };
    if !numbers.json {
        say("| row | to reach | measured | |\n|---|---|---|---|");
    }
    let mut lines = Vec::new();
    for row in rows {
        tell(&format!("{}: measuring", row.name()));
        let began_ms = SystemClock.uptime_ms();
        let measured = row.measure(numbers);
        #[cfg(feature = "live")]
        if let Some(code) = measured.as_ref().err().and_then(live::interrupted) {
            return Ok(code);
        }
        let measured = measured.unwrap_or_else(|error| Measured {
            text: format!("not measured: {error:#}"),
            is_kept: false,
            figures: Value::Null,
        });
        let seconds = (SystemClock.uptime_ms() - began_ms) / 1_000;
        let Measured { text: measured, is_kept: kept, figures } = measured;
        let line = Line { row: row.name(), goal: row.goal(), measured, kept, seconds, figures };
        if !numbers.json {
            say(&line.to_string());
        }
        lines.push(line);
    }
    finish(&lines, numbers.json)
}

fn finish(lines: &[Line], as_json: bool) -> anyhow::Result<u8> {
    let (cores, version) = (work::cores(), env!("CARGO_PKG_VERSION"));
    let kept = lines.iter().filter(|line| line.kept).count();
    let seconds: u64 = lines.iter().map(|line| line.seconds).sum();
    if as_json {
        let all = json!({ "version": version, "cores": cores, "seconds": seconds, "rows": lines });
        say(&serde_json::to_string_pretty(&all)?);
    } else {
        let build = if cfg!(debug_assertions) { "dev profile" } else { "release profile" };
        say(&format!(
            "\n{kept} of {} kept, on {cores} cores in {seconds} s, version {version}, {build}",
            lines.len()
        ));
    }
    Ok(if kept == lines.len() { KEPT } else { BROKEN })
}

/// Of numbers in order the one in the middle; of two the smaller.
fn median(sorted: &[u64]) -> u64 {
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

/// Milliseconds as seconds.
fn seconds(ms: u64) -> String {
    format!("{:.1} s", ms as f64 / 1_000.0)
}

/// A number with its thousands apart.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kept: bool) -> Line {
        let measured = "a|b\nc".to_owned();
        Line { row: "seeds".to_owned(), goal: "much", measured, kept, seconds: 1, figures: Value::Null }
    }

    #[test]
    fn one_row_that_is_not_kept_is_a_failure() {
        assert_eq!(finish(&[line(true), line(true)], false).unwrap(), KEPT);
        assert_eq!(finish(&[line(true), line(false)], true).unwrap(), BROKEN);
    }

    #[test]
    fn a_row_stays_one_row_of_the_table_whatever_was_measured() {
        assert_eq!(line(true).to_string(), "| seeds | much | a/b c | kept |");
        assert!(line(false).to_string().ends_with("| **not kept** |"));
    }

    #[test]
    fn rows_that_take_long_are_not_measured_unless_they_are_asked_for() {
        let quick: Vec<String> =
            Row::value_variants().iter().filter(|row| !row.takes_long()).map(|row| row.name()).collect();
        for name in ["seeds", "plants", "determinism", "shrink", "corruption"] {
            assert!(quick.iter().any(|quick| quick == name), "{name}");
        }
        assert!(!quick.iter().any(|quick| ["claimants", "killed", "frozen", "drained"].contains(&&**quick)));
    }

    #[test]
    fn numbers_are_shown_as_people_write_them() {
        assert_eq!(
            [0, 999, 1_000, 20_000, 1_234_567].map(thousands),
            ["0", "999", "1,000", "20,000", "1,234,567"]
        );
        assert_eq!([&[][..], &[4], &[1, 9], &[1, 2, 9]].map(median), [0, 4, 1, 2]);
        assert_eq!(seconds(17_249), "17.2 s");
    }
}
