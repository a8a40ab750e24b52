//! What to do and for how long, and the one line that repeats it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::LiveError;
use crate::event::Chaos;

/// Nodes of a run at most: each takes the memory of a node with its indexes, and one the models.
pub const NODES_MAX: usize = 16;

/// When a run is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// After the event in which this time has passed; starting and the last look are not counted.
    Time(Duration),
    /// After so many events.
    Events(usize),
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Nodes, 2 to [`NODES_MAX`].
    pub nodes: usize,
    /// When it is over.
    pub length: Length,
    /// What decides what happens to whom.
    pub seed: u64,
    /// What may happen; at least one.
    pub chaos: BTreeSet<Chaos>,
    /// Whether the cluster comes to rest after each event, so that each is measured alone.
    pub calm: bool,
    /// The `rag-enabler` that the nodes run.
    pub program: PathBuf,
    /// Where the history and the nodes' logs go; made if it is not there.
    pub report: Option<PathBuf>,
}

impl Plan {
    /// Fails when it cannot be carried out on any machine, or when its program is not there.
    pub fn check(&self) -> Result<(), LiveError> {
        if !(2..=NODES_MAX).contains(&self.nodes) {
            return Err(LiveError::Plan(format!("{} nodes; 2 to {NODES_MAX} can be run", self.nodes)));
        }
        if self.chaos.is_empty() {
            return Err(LiveError::Plan("nothing may happen; name at least one kind of fault".to_owned()));
        }
        match self.program.is_file() {
            true => Ok(()),
            false => Err(LiveError::NoProgram(self.program.clone())),
        }
    }

    /// The line that repeats it.
    #[must_use]
    pub fn again(&self) -> String {
        let length = match self.length {
            Length::Time(time) => format!("--minutes {}", time.as_secs_f64() / 60.0),
            Length::Events(events) => format!("--events {events}"),
        };
        let chaos: Vec<String> = self.chaos.iter().map(ToString::to_string).collect();
        let report = self.report.iter().map(|dir| format!(" --report {}", quoted(&dir.to_string_lossy())));
        format!(
            "sim live --nodes {} {length} --chaos {} --seed {}{} --program {}{}",
            self.nodes,
            chaos.join(","),
            self.seed,
            if self.calm { " --calm" } else { "" },
            quoted(&self.program.to_string_lossy()),
            report.collect::<String>()
        )
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+:@".contains(letter);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// The program that was named, or else the `rag-enabler` beside the program that runs.
pub fn find_program(named: Option<&Path>) -> Result<PathBuf, LiveError> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => {
            let own = std::env::current_exe().map_err(LiveError::system("looking for `rag-enabler`"))?;
            own.with_file_name("rag-enabler")
        }
    };
    // Nodes are started in other folders.
    path.canonicalize().map_err(|_missing| LiveError::NoProgram(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            nodes: 3,
            length: Length::Events(7),
            seed: 42,
            chaos: BTreeSet::from([Chaos::Store, Chaos::Kill]),
            calm: false,
            program: "/opt/rag enabler".into(),
            report: None,
        }
    }

    #[test]
    fn the_line_that_repeats_a_run_is_one_that_a_shell_reads() {
        let line = "sim live --nodes 3 --events 7 --chaos kill,store --seed 42 --program '/opt/rag enabler'";
        assert_eq!(plan().again(), line);
        let length = Length::Time(Duration::from_secs(90));
        let plan = Plan { length, calm: true, program: "/a/b".into(), report: Some("it's".into()), ..plan() };
        let line = r"sim live --nodes 3 --minutes 1.5 --chaos kill,store --seed 42 --calm --program /a/b --report 'it'\''s'";
        assert_eq!(plan.again(), line);
    }

    #[test]
    fn a_plan_that_cannot_be_carried_out_says_what_to_change() {
        let told = |plan: Plan| plan.check().unwrap_err().to_string();
        assert!(told(Plan { nodes: 1, ..plan() }).contains("2 to 16"));
        assert!(told(Plan { chaos: BTreeSet::new(), ..plan() }).contains("at least one"));
        assert!(told(plan()).contains("cargo build --bin rag-enabler"));
        assert!(find_program(Some(Path::new("/nowhere/rag-enabler"))).is_err());
    }
}
