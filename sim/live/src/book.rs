//! What clients sent and were told, held against everything that any node says later.

// The last look at everything, when nothing is under way.
mod settle;

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::door::{Door, Said};
use crate::history::{History, Record};

/// Refusals and violations that are written out; the rest is only counted.
const WRITTEN_MAX: usize = 20;

/// What a client knows of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It was sent; no answer came.
    Sent,
    /// Its upload was acknowledged.
    Accepted,
    /// Its deletion was sent; no answer came.
    Deleting,
    /// Its deletion was acknowledged.
    Deleted,
}

/// Which promise was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// An upload that was acknowledged is not there.
    Lost,
    /// A document whose deletion was acknowledged was seen.
    SeenAfterDeletion,
    /// Something never succeeds again, or never ends.
    Stuck,
    /// An answer that must never be given.
    Answer,
    /// The log in the store is not what it must be.
    Log,
}

/// One document, as its client sees it.
#[derive(Debug, Clone)]
pub struct Paper {
    /// The file's name.
    pub name: String,
    /// Its text.
    pub line: String,
    /// The document's id, once it is known.
    pub id: String,
    /// What its client knows.
    pub known: Known,
    /// No client deletes it.
    pub is_kept: bool,
    /// How it was seen to end, and when: that never changes.
    settled: Option<(String, String)>,
}

/// Everything that was sent and said. It grows with the run, by one paper for each upload.
#[derive(Debug, Default)]
pub struct Book {
    /// Every document, by number.
    pub papers: Vec<Paper>,
    /// What must never be said.
    violations: Vec<String>,
    violations_count: BTreeMap<Wrong, usize>,
    /// Requests that did not succeed although nothing was done to the node they went to.
    refusals: Vec<String>,
    refused: BTreeMap<&'static str, usize>,
    /// Requests that succeeded, by what they wanted.
    done: BTreeMap<&'static str, usize>,
    history: History,
}

impl Book {
    /// An empty one, whose requests and violations are told to `history` as well.
    #[must_use]
    pub fn telling(history: History) -> Self {
        Self { history, ..Self::default() }
    }

    /// A document that is about to be sent.
    pub fn send(&mut self, name: String, line: String) -> usize {
        let (id, known) = (String::new(), Known::Sent);
        self.papers.push(Paper { name, line, id, known, is_kept: false, settled: None });
        self.papers.len() - 1
    }

    /// A document whose upload was acknowledged.
    pub fn accept(&mut self, number: usize, said: &Said) {
        let paper = &mut self.papers[number];
        said.body["document_id"].as_str().unwrap_or_default().clone_into(&mut paper.id);
        paper.known = Known::Accepted;
    }

    /// A broken promise.
    pub fn violate(&mut self, wrong: Wrong, what: String) {
        *self.violations_count.entry(wrong).or_default() += 1;
        if self.violations.len() < WRITTEN_MAX {
            self.history.write(Instant::now(), &Record::Violation { wrong, text: &what });
            self.violations.push(what);
        }
    }

    /// What `door` said to a request that was sent at `sent`: it succeeded, or it did not although nothing was done to
    /// the node meanwhile, or something was done.
    pub fn answered(
        &mut self,
        what: &'static str,
        door: &Door,
        said: Option<&Said>,
        sent: Instant,
        is_fine: bool,
        is_disturbed: bool,
    ) {
        let outcome = match (is_fine, is_disturbed) {
            (true, _) => "answered",
            (false, true) => "disturbed",
            (false, false) => "refused",
        };
        self.told(what, door, said, sent, outcome);
        match outcome {
            "answered" => *self.done.entry(what).or_default() += 1,
            "refused" => self.refuse(what, door, said),
            _ => {}
        }
    }

    /// Writes a request into the history.
    pub(crate) fn told(
        &self,
        what: &'static str,
        door: &Door,
        said: Option<&Said>,
        sent: Instant,
        outcome: &'static str,
    ) {
        let (status, ms) = (said.map(|said| said.status.as_u16()), crate::history::millis(sent.elapsed()));
        self.history.write(sent, &Record::Request { what, node: &door.name, status, ms, outcome });
    }

    fn refuse(&mut self, what: &'static str, door: &Door, said: Option<&Said>) {
        let text = match said {
            Some(said) => format!("{what} at {}: {} {}", door.name, said.status, said.body),
            None => format!("{what} at {}: no answer", door.name),
        };
        // Whatever happens, a node says what is wrong and never that it is at a loss.
        if said.is_some_and(|said| said.status == StatusCode::INTERNAL_SERVER_ERROR) {
            self.violate(Wrong::Answer, text.clone());
        }
        *self.refused.entry(what).or_default() += 1;
        if self.refusals.len() < WRITTEN_MAX {
            self.refusals.push(text);
        }
    }

    /// Requests that succeeded, by what they wanted.
    #[must_use]
    pub fn all_done(&self) -> &BTreeMap<&'static str, usize> {
        &self.done
    }

    /// Requests for `what` that succeeded.
    #[must_use]
    pub fn done(&self, what: &str) -> usize {
        self.done.get(what).copied().unwrap_or(0)
    }

    /// The papers that are `known` so, by number.
    #[must_use]
    pub fn all(&self, known: Known) -> Vec<usize> {
        let numbered = self.papers.iter().enumerate().filter(|(_, paper)| paper.known == known);
        numbered.map(|(number, _)| number).collect()
    }

    /// A document as a node showed it, while it was accepted all the time.
    pub fn shown(&mut self, number: usize, document: &Value, door: &Door) {
        let paper = &mut self.papers[number];
        let told = |text: &str| format!("{} ({}) at {}: {text}: {document}", paper.name, paper.id, door.name);
        if document["id"] != paper.id.as_str() || document["filename"] != paper.name.as_str() {
            let text = told("another document");
            return self.violate(Wrong::Answer, text);
        }
        let now = match document["status"].as_str() {
            Some("processing") => None,
            status => Some((
                status.unwrap_or_default().to_owned(),
                format!("{} {} {}", document["processed_at"], document["page_count"], document["word_count"]),
            )),
        };
        let text = match (&paper.settled, &now) {
            (Some(before), now) if now.as_ref() != Some(before) => {
                told(&format!("was settled as {before:?}"))
            }
            (None, Some((status, _))) if status != "ready" => told("a good file is not ready"),
            _ => {
                paper.settled = now;
                return;
            }
        };
        self.violate(Wrong::Answer, text);
    }

    /// What was done, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |known| self.all(known).len();
        format!(
            "{} papers ({} live, {} deleted); done {:?}; {} refusals, {} violations",
            self.papers.len(),
            count(Known::Accepted),
            count(Known::Deleted),
            self.done,
            self.refused.values().sum::<usize>(),
            self.violations_count()
        )
    }

    /// Broken promises, all told.
    #[must_use]
    pub fn violations_count(&self) -> usize {
        self.violations_count.values().sum()
    }

    /// Broken promises of one kind.
    #[must_use]
    pub fn violations_of(&self, wrong: Wrong) -> usize {
        self.violations_count.get(&wrong).copied().unwrap_or(0)
    }

    /// The first broken promises.
    #[must_use]
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// Requests that were refused although nothing was done to the node, by what they wanted.
    #[must_use]
    pub fn all_refused(&self) -> &BTreeMap<&'static str, usize> {
        &self.refused
    }

    /// The first of them.
    #[must_use]
    pub fn refusals(&self) -> &[String] {
        &self.refusals
    }
}

#[cfg(test)]
mod tests;
