//! What a run says: a line for each thing that happens, and a table in the end.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::probe::Outcome;

/// Something to tell whoever watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Since the run began.
    pub at: Duration,
    /// What there is to tell.
    pub what: What,
}

/// What a line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// What the run does now, or why it leaves something out.
    Note(String),
    /// Something was done to a node or a server, and is over.
    Happened(Happened),
    /// A broken promise.
    Violation(String),
}

/// Something that was done to a node or a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// Its number, from 1 on.
    pub number: usize,
    /// Of how many, if that is known before.
    pub of: Option<usize>,
    /// What was done.
    pub what: &'static str,
    /// To whom.
    pub whom: String,
    /// Whose clients were watched.
    pub shard: u32,
    /// How long they were not served.
    pub outcome: Outcome,
    /// Broken promises until now.
    pub violations: usize,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.as_secs();
        write!(f, "{:02}:{:02}  ", seconds / 60, seconds % 60)?;
        match &self.what {
            What::Note(text) => f.write_str(text),
            What::Violation(text) => write!(f, "VIOLATION: {text}"),
            What::Happened(event) => {
                let of = event.of.map(|of| format!("/{of}")).unwrap_or_default();
                let number = format!("{}{of}", event.number);
                write!(
                    f,
                    "{number:>7}  {:<18} {:<5} shard {:<2} first success: {:<36} violations: {}",
                    event.what,
                    event.whom,
                    event.shard,
                    event.outcome.to_string(),
                    event.violations
                )
            }
        }
    }
}

/// Times in milliseconds until the first success; of those that came at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spread {
    /// Half of them were shorter.
    pub median_ms: u64,
    /// The longest.
    pub worst_ms: u64,
    /// Those that never came.
    pub never: usize,
}

impl Spread {
    /// The spread of these times.
    #[must_use]
    pub fn of(times: &[Option<Duration>]) -> Self {
        let mut ms: Vec<u64> = times.iter().flatten().map(|time| crate::history::millis(*time)).collect();
        ms.sort_unstable();
        let median_ms = ms.get(ms.len().saturating_sub(1) / 2).copied().unwrap_or(0);
        Self { median_ms, worst_ms: ms.last().copied().unwrap_or(0), never: times.len() - ms.len() }
    }
}

/// What one kind of fault meant for clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindSummary {
    /// What was done.
    pub what: &'static str,
    /// How often.
    pub events: usize,
    /// How long until a read succeeded.
    pub read: Spread,
    /// How long until an upload was taken.
    pub upload: Spread,
}

/// What is measured between events of a run that lets each find the cluster at rest, to compare with.
pub const NOTHING: &str = "nothing";

/// What a run has shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// By kind of fault.
    pub kinds: Vec<KindSummary>,
    /// Things that happened.
    pub events: usize,
    /// Requests that were answered, by what they wanted.
    pub answered: BTreeMap<&'static str, usize>,
    /// Requests that were refused although nothing was done to the node they went to, by what they wanted: most of them
    /// by a node that is back and still catches up, with when to come again.
    pub refused: BTreeMap<&'static str, usize>,
    /// The first of them.
    pub refusals: Vec<String>,
    /// Uploads that were acknowledged and are not there.
    pub lost: usize,
    /// Deleted documents that were seen.
    pub seen_after_deletion: usize,
    /// Broken promises of every kind.
    pub violations_count: usize,
    /// The first of them.
    pub violations: Vec<String>,
    /// The line that repeats the run.
    pub again: String,
}

impl Summary {
    /// Whether every promise was kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.violations_count == 0
    }

    /// The spreads of outcomes, by kind.
    pub(crate) fn kinds(measured: &BTreeMap<&'static str, Vec<Outcome>>) -> Vec<KindSummary> {
        let kind = |(what, outcomes): (&&'static str, &Vec<Outcome>)| {
            let times = |of: fn(&Outcome) -> Option<Duration>| outcomes.iter().map(of).collect::<Vec<_>>();
            KindSummary {
                what,
                events: outcomes.len(),
                read: Spread::of(&times(|outcome| outcome.read)),
                upload: Spread::of(&times(|outcome| outcome.write)),
            }
        };
        measured.iter().map(kind).collect()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<20} {:>6}   {:>20}   {:>20}", "", "", "first read, ms", "first upload, ms")?;
        writeln!(
            f,
            "{:<20} {:>6}   {:>10} {:>9}   {:>10} {:>9}",
            "what happened", "events", "median", "worst", "median", "worst"
        )?;
        for kind in &self.kinds {
            let median = |spread: Spread| match kind.events - spread.never {
                0 => "never".to_owned(),
                _ => spread.median_ms.to_string(),
            };
            let worst = |spread: Spread| match spread.never {
                0 => spread.worst_ms.to_string(),
                _ => "never".to_owned(),
            };
            writeln!(
                f,
                "{:<20} {:>6}   {:>10} {:>9}   {:>10} {:>9}",
                kind.what,
                kind.events,
                median(kind.read),
                worst(kind.read),
                median(kind.upload),
                worst(kind.upload)
            )?;
        }
        writeln!(f, "requests answered: {}", counted(&self.answered))?;
        writeln!(f, "requests refused: {}", counted(&self.refused))?;
        if let Some(first) = self.refusals.first() {
            writeln!(f, "  the first: {first}")?;
        }
        writeln!(f, "acknowledged uploads lost: {}", self.lost)?;
        writeln!(f, "deleted documents seen: {}", self.seen_after_deletion)?;
        writeln!(f, "promises broken: {}", self.violations_count)?;
        for violation in &self.violations {
            writeln!(f, "  {violation}")?;
        }
        match self.is_kept() {
            true => write!(f, "every promise was kept; events: {}", self.events),
            false => write!(f, "again: {}", self.again),
        }
    }
}

/// A sum, and what it is made of.
fn counted(counts: &BTreeMap<&'static str, usize>) -> String {
    let sum: usize = counts.values().sum();
    let kinds: Vec<String> = counts.iter().map(|(what, count)| format!("{what} {count}")).collect();
    if kinds.is_empty() { sum.to_string() } else { format!("{sum} ({})", kinds.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Option<Duration> {
        Some(Duration::from_millis(ms))
    }

    #[test]
    fn what_never_came_is_in_no_median_and_is_told_as_the_worst() {
        let outcomes = [(1, Some(10)), (3, None), (2, Some(30))];
        let outcomes = outcomes.map(|(read, write)| Outcome { read: ms(read), write: write.and_then(ms) });
        let measured = BTreeMap::from([("freeze", outcomes.to_vec())]);
        let kinds = Summary::kinds(&measured);
        assert_eq!(kinds[0].read, Spread { median_ms: 2, worst_ms: 3, never: 0 });
        assert_eq!(kinds[0].upload, Spread { median_ms: 10, worst_ms: 30, never: 1 });
        let summary =
            Summary { kinds, violations_count: 1, again: "sim live".to_owned(), ..Summary::default() };
        let text = summary.to_string();
        assert!(
            text.contains("freeze                    3            2         3           10     never"),
            "{text}"
        );
        assert!(text.ends_with("\nagain: sim live"), "{text}");
        let refused = BTreeMap::from([("ask", 2), ("read", 1)]);
        let text = Summary { refused, events: 4, ..Summary::default() }.to_string();
        assert!(text.contains("\nrequests answered: 0\nrequests refused: 3 (ask 2, read 1)\n"), "{text}");
        assert!(text.ends_with("\nevery promise was kept; events: 4"), "{text}");
    }

    #[test]
    fn a_line_tells_when_what_whom_and_how_long() {
        let outcome = Outcome { read: ms(3), write: None };
        let happened = Happened {
            number: 7,
            of: Some(200),
            what: "kill -9",
            whom: "n3".to_owned(),
            shard: 5,
            outcome,
            violations: 1,
        };
        let line = Line { at: Duration::from_secs(75), what: What::Happened(happened) };
        assert_eq!(
            line.to_string(),
            "01:15    7/200  kill -9            n3    shard 5  \
             first success: read 3 ms, upload never              violations: 1"
        );
    }
}
