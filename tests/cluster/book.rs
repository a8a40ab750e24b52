//! What clients sent and were told, held against everything that any node says later.

use std::collections::{BTreeMap, BTreeSet};

use enabler_storage::record::DocumentId;
use reqwest::StatusCode;
use serde_json::Value;

use super::door::{Door, Said};
use super::truth::Truth;

/// Refusals and violations that are written out; the rest is only counted.
const WRITTEN_MAX: usize = 20;

/// What a client knows of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It was sent; no answer came.
    Sent,
    /// Its upload was acknowledged.
    Accepted,
    /// Its deletion was sent; no answer came.
    Deleting,
    /// Its deletion was acknowledged.
    Deleted,
}

/// One document, as its client sees it.
#[derive(Debug, Clone)]
pub(super) struct Paper {
    pub(super) name: String,
    pub(super) line: String,
    pub(super) id: String,
    pub(super) known: Known,
    /// How it was seen to end, and when: that never changes.
    settled: Option<(String, String)>,
}

/// Everything that was sent and said.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) papers: Vec<Paper>,
    /// What must never be said.
    violations: Vec<String>,
    violations_count: usize,
    /// Requests that did not succeed although nothing was done to the node they went to.
    refusals: Vec<String>,
    refusals_count: usize,
    /// Requests that succeeded, by what they wanted.
    done: BTreeMap<&'static str, usize>,
}

impl Book {
    /// A document that is about to be sent.
    pub(super) fn send(&mut self, name: String, line: String) -> usize {
        self.papers.push(Paper { name, line, id: String::new(), known: Known::Sent, settled: None });
        self.papers.len() - 1
    }

    /// A document whose upload was acknowledged.
    pub(super) fn accept(&mut self, number: usize, said: &Said) {
        let paper = &mut self.papers[number];
        said.body["document_id"].as_str().unwrap_or_default().clone_into(&mut paper.id);
        paper.known = Known::Accepted;
    }

    pub(super) fn violate(&mut self, what: String) {
        self.violations_count += 1;
        if self.violations.len() < WRITTEN_MAX {
            eprintln!("VIOLATION {what}");
            self.violations.push(what);
        }
    }

    /// A request that `door`, to which nothing was done meanwhile, did not serve.
    pub(super) fn refuse(&mut self, what: &'static str, door: &Door, said: Option<&Said>) {
        let text = match said {
            Some(said) => format!("{what} at {}: {} {}", door.name, said.status, said.body),
            None => format!("{what} at {}: no answer", door.name),
        };
        // Whatever happens, a node says what is wrong and never that it is at a loss.
        if said.is_some_and(|said| said.status == StatusCode::INTERNAL_SERVER_ERROR) {
            self.violate(text.clone());
        }
        self.refusals_count += 1;
        if self.refusals.len() < WRITTEN_MAX {
            self.refusals.push(text);
        }
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    pub(super) fn done(&self, what: &str) -> usize {
        self.done.get(what).copied().unwrap_or(0)
    }

    /// The papers that are `known` so, by number.
    pub(super) fn all(&self, known: Known) -> Vec<usize> {
        (0..self.papers.len()).filter(|&number| self.papers[number].known == known).collect()
    }

    /// A document as a node showed it, while it was accepted all the time.
    pub(super) fn shown(&mut self, number: usize, document: &Value, door: &Door) {
        let paper = &mut self.papers[number];
        let told = |text: &str| format!("{} ({}) at {}: {text}: {document}", paper.name, paper.id, door.name);
        if document["id"] != paper.id.as_str() || document["filename"] != paper.name.as_str() {
            let text = told("another document");
            return self.violate(text);
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
        self.violate(text);
    }

    /// What was done, in one line.
    pub(super) fn summary(&self) -> String {
        let count = |known| self.all(known).len();
        format!(
            "{} papers ({} live, {} deleted); done {:?}; {} refusals, {} violations",
            self.papers.len(),
            count(Known::Accepted),
            count(Known::Deleted),
            self.done,
            self.refusals_count,
            self.violations_count
        )
    }

    pub(super) fn expect_no_violation(&self) {
        assert!(self.violations.is_empty(), "{}:\n{}", self.summary(), self.violations.join("\n"));
    }

    pub(super) fn expect_no_refusal(&self) {
        assert!(self.refusals.is_empty(), "{}:\n{}", self.summary(), self.refusals.join("\n"));
    }

    pub(super) fn first_refusals(&self) -> &[String] {
        &self.refusals
    }

    /// Holds the list of one node against the book when nothing is under way.
    fn check_list(&mut self, door: &Door, listed: &[Value]) {
        let mut by_name: BTreeMap<&str, &Value> = BTreeMap::new();
        let mut wrong = Vec::new();
        for document in listed {
            let name = document["filename"].as_str().unwrap_or_default();
            if by_name.insert(name, document).is_some() {
                wrong.push(format!("{}: {name} is listed twice", door.name));
            }
        }
        for paper in &mut self.papers {
            let found = by_name.get(paper.name.as_str());
            match (paper.known, found) {
                (Known::Accepted, None) => {
                    wrong.push(format!(
                        "{}: {} ({}) was acknowledged and is lost",
                        door.name, paper.name, paper.id
                    ));
                }
                (Known::Deleted, Some(_)) => {
                    wrong.push(format!(
                        "{}: {} ({}) was deleted and is back",
                        door.name, paper.name, paper.id
                    ));
                }
                // Whether it was taken or deleted shows now, and must not change any more.
                (Known::Sent, Some(document)) => {
                    document["id"].as_str().unwrap_or_default().clone_into(&mut paper.id);
                    paper.known = Known::Accepted;
                }
                (Known::Deleting, Some(_)) => paper.known = Known::Accepted,
                (Known::Deleting, None) => paper.known = Known::Deleted,
                (Known::Accepted, Some(document)) if document["id"] != paper.id.as_str() => {
                    wrong.push(format!("{}: {} has become {}", door.name, paper.id, document["id"]));
                }
                _ => {}
            }
        }
        wrong.into_iter().for_each(|what| self.violate(what));
    }

    /// Asks every node for everything, once nothing is under way: nothing lost, nothing twice, nothing back.
    pub(super) async fn settle(&mut self, doors: &[Door], truth: &Truth) {
        for door in doors {
            let listed = door.documents().await;
            self.check_list(door, &listed);
        }
        for number in 0..self.papers.len() {
            let (id, known) = (self.papers[number].id.clone(), self.papers[number].known);
            for (turn, door) in doors.iter().enumerate() {
                if known == Known::Accepted {
                    // The first one waits until it is read; the others must say the same then.
                    let document = door.settled(&id).await;
                    self.shown(number, &document, door);
                } else if known == Known::Deleted {
                    self.expect_gone(number, door, turn == number % doors.len()).await;
                }
            }
        }
        for door in doors {
            let listed = door.documents().await;
            self.check_list(door, &listed);
        }
        self.check_logs(truth).await;
        self.expect_no_violation();
    }

    /// A deleted document is not there, for those who read it and for those who ask.
    async fn expect_gone(&mut self, number: usize, door: &Door, also_ask: bool) {
        let (id, name) = (self.papers[number].id.clone(), self.papers[number].name.clone());
        let mut said = vec![door.document(&id).await];
        if also_ask {
            said.push(door.ask(&id, "Qual comprovante foi arquivado?").await);
        }
        for said in said {
            if said.as_ref().is_none_or(|said| said.status != StatusCode::NOT_FOUND) {
                self.violate(format!("{name} ({id}) was deleted, and {} says {said:?}", door.name));
            }
        }
    }

    /// Each document was accepted once, has one result, and is as the log says.
    async fn check_logs(&mut self, truth: &Truth) {
        let told = truth.told().await;
        let mut wrong = Vec::new();
        let mut live = BTreeSet::new();
        for paper in
            self.papers.iter().filter(|paper| matches!(paper.known, Known::Accepted | Known::Deleted))
        {
            let Ok(id) = paper.id.parse::<DocumentId>() else { continue };
            let Some(told) = told.get(&id) else {
                wrong.push(format!("{} ({id}) is not in any log", paper.name));
                continue;
            };
            let is_live = paper.known == Known::Accepted;
            let results = told.results.len();
            if (told.accepted, told.revision) != (1, 1) || results > 1 || (is_live && results != 1) {
                wrong.push(format!("{} ({id}) in the log: {told:?}", paper.name));
            }
            if is_live != (told.deleted == 0) {
                wrong.push(format!("{} ({id}) is {:?}, and the log says {told:?}", paper.name, paper.known));
            }
            if is_live {
                live.insert(id);
            }
        }
        for (id, told) in told.iter().filter(|(id, told)| told.deleted == 0 && !live.contains(id)) {
            wrong.push(format!("{id} is in the log, and nobody knows of it: {told:?}"));
        }
        wrong.into_iter().for_each(|what| self.violate(what));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(status: &str, processed_at: &str) -> Value {
        json!({ "id": "7", "filename": "nota.pdf", "status": status, "processed_at": processed_at })
    }

    fn book() -> (Book, Door) {
        let mut book = Book::default();
        let number = book.send("nota.pdf".to_owned(), "linha".to_owned());
        let body = json!({ "document_id": "7" });
        book.accept(number, &Said { status: StatusCode::ACCEPTED, body, retry_after: None });
        (book, Door::new("n1"))
    }

    #[test]
    fn a_second_result_and_a_way_back_are_seen() {
        for (later, is_wrong) in [
            (shown("ready", "10:00"), false),
            (shown("ready", "10:01"), true),
            (shown("processing", "null"), true),
            (shown("failed", "10:00"), true),
        ] {
            let (mut book, door) = book();
            book.shown(0, &shown("processing", "null"), &door);
            book.shown(0, &shown("ready", "10:00"), &door);
            assert_eq!(book.violations_count, 0);
            book.shown(0, &later, &door);
            assert_eq!(book.violations_count, usize::from(is_wrong), "{later}");
        }
    }

    #[test]
    fn what_is_lost_twice_or_back_in_a_list_is_seen() {
        let there = shown("ready", "10:00");
        for (known, listed, is_wrong) in [
            (Known::Accepted, vec![there.clone()], false),
            (Known::Accepted, vec![], true),
            (Known::Accepted, vec![there.clone(), there.clone()], true),
            (Known::Deleted, vec![there.clone()], true),
            (Known::Deleted, vec![], false),
        ] {
            let (mut book, door) = book();
            book.papers[0].known = known;
            book.check_list(&door, &listed);
            assert_eq!(book.violations_count, usize::from(is_wrong), "{known:?} {listed:?}");
        }
    }
}
