//! The stages that documents went through on this node lately, with their times. Pure: the time comes in.

use std::collections::{BTreeMap, VecDeque};

use enabler_storage::record::DocumentId;
use serde::{Deserialize, Serialize};

/// Documents whose stages are remembered; the log has the outcome of all of them.
const DOCUMENTS_MAX: usize = 512;
/// Stages of one document: a few tries of an ingest, or retries of an operator.
const STEPS_MAX: usize = 32;

/// One stage of the work for a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// `queued`, `reading`, `embedding` or `indexing`.
    pub stage: String,
    /// The actor that had it done.
    pub path: String,
    /// When it began, in Unix milliseconds.
    pub started_ms: u64,
    /// When it ended; absent while it is under way.
    pub ended_ms: Option<u64>,
    /// Whether it ended because it failed.
    pub failed: bool,
}

#[derive(Debug, Default)]
struct Journey {
    steps: VecDeque<Step>,
    moved_ms: u64,
}

/// The stages of the documents that were worked on last.
#[derive(Debug, Default)]
pub(super) struct Journeys {
    all: BTreeMap<DocumentId, Journey>,
    order: VecDeque<DocumentId>,
}

impl Journeys {
    /// A stage begins, and the one before it has ended.
    pub(super) fn steps(&mut self, id: DocumentId, path: &str, stage: &str, at_ms: u64) {
        if !self.all.contains_key(&id) {
            if self.order.len() == DOCUMENTS_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.all.remove(&oldest);
            }
            self.order.push_back(id);
        }
        let journey = self.all.entry(id).or_default();
        journey.moved_ms = at_ms;
        if let Some(last) = journey.steps.back_mut().filter(|last| last.ended_ms.is_none()) {
            if last.stage == stage {
                return;
            }
            last.ended_ms = Some(at_ms);
        }
        if journey.steps.len() == STEPS_MAX {
            journey.steps.pop_front();
        }
        journey.steps.push_back(Step {
            stage: stage.to_owned(),
            path: path.to_owned(),
            started_ms: at_ms,
            ended_ms: None,
            failed: false,
        });
    }

    /// The stage under way has come on.
    pub(super) fn moves(&mut self, id: DocumentId, at_ms: u64) {
        if let Some(journey) = self.all.get_mut(&id) {
            journey.moved_ms = at_ms;
        }
    }

    /// The work has ended.
    pub(super) fn ends(&mut self, id: DocumentId, is_well: bool, at_ms: u64) {
        let Some(journey) = self.all.get_mut(&id) else { return };
        journey.moved_ms = at_ms;
        if let Some(last) = journey.steps.back_mut().filter(|last| last.ended_ms.is_none()) {
            last.ended_ms = Some(at_ms);
            last.failed = !is_well;
        }
    }

    pub(super) fn of(&self, id: DocumentId) -> Vec<Step> {
        self.all.get(&id).map(|journey| journey.steps.iter().cloned().collect()).unwrap_or_default()
    }

    pub(super) fn moved_ms(&self, id: DocumentId) -> Option<u64> {
        self.all.get(&id).map(|journey| journey.moved_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u16) -> DocumentId {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        DocumentId(bytes)
    }

    #[test]
    fn a_stage_ends_where_the_next_begins() {
        let mut journeys = Journeys::default();
        journeys.steps(id(1), "p", "queued", 10);
        journeys.steps(id(1), "p", "reading", 15);
        journeys.steps(id(1), "p", "reading", 17);
        journeys.moves(id(1), 20);
        assert_eq!(journeys.moved_ms(id(1)), Some(20));
        journeys.ends(id(1), false, 30);
        let steps = journeys.of(id(1));
        let told: Vec<_> =
            steps.iter().map(|step| (&*step.stage, step.started_ms, step.ended_ms, step.failed)).collect();
        assert_eq!(told, [("queued", 10, Some(15), false), ("reading", 15, Some(30), true)]);
    }

    #[test]
    fn the_documents_of_long_ago_are_forgotten() {
        let mut journeys = Journeys::default();
        for number in 0..=DOCUMENTS_MAX as u16 {
            journeys.steps(id(number), "p", "queued", 1);
        }
        assert!(journeys.of(id(0)).is_empty());
        assert_eq!(journeys.of(id(DOCUMENTS_MAX as u16)).len(), 1);
    }
}
