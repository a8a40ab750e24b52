//! The last look at everything, when nothing is under way: nothing lost, nothing twice, nothing back.

use std::collections::{BTreeMap, BTreeSet};

use enabler_storage::record::DocumentId;
use reqwest::StatusCode;
use serde_json::Value;

use super::{Book, Known, WRITTEN_MAX, Wrong};
use crate::door::Door;
use crate::truth::Truth;

impl Book {
    /// Holds the list of one node against the book when nothing is under way.
    pub(super) fn check_list(&mut self, door: &Door, listed: &[Value]) {
        let mut by_name: BTreeMap<&str, &Value> = BTreeMap::new();
        let mut wrong = Vec::new();
        for document in listed {
            let name = document["filename"].as_str().unwrap_or_default();
            if by_name.insert(name, document).is_some() {
                wrong.push((Wrong::Answer, format!("{}: {name} is listed twice", door.name)));
            }
        }
        for paper in &mut self.papers {
            let found = by_name.get(paper.name.as_str());
            match (paper.known, found) {
                (Known::Accepted, None) => {
                    let text =
                        format!("{}: {} ({}) was acknowledged and is lost", door.name, paper.name, paper.id);
                    wrong.push((Wrong::Lost, text));
                }
                (Known::Deleted, Some(_)) => {
                    let text =
                        format!("{}: {} ({}) was deleted and is back", door.name, paper.name, paper.id);
                    wrong.push((Wrong::SeenAfterDeletion, text));
                }
                // Whether it was taken or deleted shows now, and must not change any more.
                (Known::Sent, Some(document)) => {
                    document["id"].as_str().unwrap_or_default().clone_into(&mut paper.id);
                    paper.known = Known::Accepted;
                }
                (Known::Deleting, Some(_)) => paper.known = Known::Accepted,
                (Known::Deleting, None) => paper.known = Known::Deleted,
                (Known::Accepted, Some(document)) if document["id"] != paper.id.as_str() => {
                    let text = format!("{}: {} has become {}", door.name, paper.id, document["id"]);
                    wrong.push((Wrong::Lost, text));
                }
                _ => {}
            }
        }
        wrong.into_iter().for_each(|(wrong, what)| self.violate(wrong, what));
    }

    /// Asks every node for everything, once nothing is under way: nothing lost, nothing twice, nothing back.
    ///
    /// What is wrong is found among the violations then; it looks no further when there are too many to be written out.
    pub async fn look_everywhere(&mut self, doors: &[Door], truth: &Truth) {
        self.check_lists(doors).await;
        for number in 0..self.papers.len() {
            // Each that is stuck costs a minute and a half.
            if self.violations_count() >= WRITTEN_MAX {
                return;
            }
            let (id, known) = (self.papers[number].id.clone(), self.papers[number].known);
            for (turn, door) in doors.iter().enumerate() {
                if known == Known::Accepted {
                    // The first one waits until it is read; the others must say the same then.
                    match door.until_settled(&id).await {
                        Ok(document) => self.shown(number, &document, door),
                        Err(what) => self.violate(Wrong::Stuck, what),
                    }
                } else if known == Known::Deleted {
                    self.expect_gone(number, door, turn == number % doors.len()).await;
                }
            }
        }
        self.check_lists(doors).await;
        self.check_logs(truth).await;
    }

    async fn check_lists(&mut self, doors: &[Door]) {
        for door in doors {
            match door.all_documents().await {
                Ok(listed) => self.check_list(door, &listed),
                Err(what) => self.violate(Wrong::Stuck, what),
            }
        }
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
                let what = format!("{name} ({id}) was deleted, and {} says {said:?}", door.name);
                self.violate(Wrong::SeenAfterDeletion, what);
            }
        }
    }

    /// Each document was accepted once, has one result, and is as the log says.
    async fn check_logs(&mut self, truth: &Truth) {
        let told = match truth.told().await {
            Ok(told) => told,
            Err(what) => return self.violate(Wrong::Log, what),
        };
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
        wrong.into_iter().for_each(|what| self.violate(Wrong::Log, what));
    }
}
