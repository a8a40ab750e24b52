//! Puts the questions of a suite to the cluster, one at a time, as a client would.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use enabler_cluster::actor::Fault;
use enabler_cluster::request::Request;
use enabler_storage::clock::Clock;
use enabler_storage::record::DocumentId;

use super::gate;
use super::record::{RunRecord, Versions, run_name};
use super::score::{Mark, Score, Seen};
use super::suite::{Question, Suite};
use crate::knowledge::Inquiry;
use crate::question::{Answer, Ask, AskFailure, Choice, RULES_DEFAULT};
use crate::recurring::Hold;
use crate::router::{LIST_MAX, Router};

/// How long one question may take: longer than people wait, because a model on a CPU may have much to do.
const QUESTION_TIME_MAX: Duration = Duration::from_secs(90);
/// How long one suite may take; what is left is not asked, and a run without it does not count.
const SUITE_TIME_MAX: Duration = Duration::from_secs(3_600);
/// How often a question is put that found a queue full or a part away.
const TRIES_MAX: usize = 4;
/// The pause before that: people come first.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Documents that are looked through for a name.
const DOCUMENTS_MAX: usize = 5_000;
/// Sources that are asked for, as a client does that says nothing.
const SOURCES: usize = 5;

/// Asks suites.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) router: Router,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) node: String,
}

/// Which prompt is asked with, and whether it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct With {
    pub(crate) prompt: String,
    pub(crate) is_trial: bool,
}

impl Asker {
    /// Asks every question of a suite; the run as it is written down, but for what the gate says.
    pub(crate) async fn run(&self, hold: &Hold, suite: &Suite, with: &With) -> Result<RunRecord, Fault> {
        let (at_ms, began_ms) = (self.clock.now_ms(), self.clock.uptime_ms());
        let mut versions = Versions { prompt: with.prompt.clone(), ..Versions::default() };
        let calls = &self.router.calls;
        versions.program = calls.desk.recipe.clone();
        let templates = suite.questions.iter().filter_map(|question| question.template.as_deref());
        for template in templates.chain([RULES_DEFAULT]).collect::<BTreeSet<_>>() {
            versions.rules.insert(template.to_owned(), calls.crew.rules_hash(template));
        }
        let named = self.named(suite).await?;
        let (mut marks, mut passing) = (Vec::new(), 0);
        for question in &suite.questions {
            hold.check()?;
            let is_late = self.clock.uptime_ms().saturating_sub(began_ms) > SUITE_TIME_MAX.as_millis() as u64;
            let answered = if is_late {
                Err(Unanswered::passing("the suite took longer than an hour"))
            } else {
                self.ask(suite, question, &named, with).await
            };
            marks.push(match answered {
                Ok(answer) => {
                    versions.models.insert(answer.model.clone());
                    mark(question, &answer, &named)
                }
                Err(Unanswered { why, passes }) => {
                    passing += usize::from(passes);
                    Mark::faulty(&question.id, &question.expected, why)
                }
            });
        }
        let score = Score::of(&marks);
        Ok(RunRecord {
            run: run_name(at_ms, &with.prompt, with.is_trial),
            suite: suite.name.clone(),
            suite_hash: suite.hash(),
            at_ms,
            took_ms: self.clock.uptime_ms().saturating_sub(began_ms),
            node: self.node.clone(),
            epoch: hold.epoch,
            job_run: hold.number,
            is_trial: with.is_trial,
            versions,
            score,
            counts: gate::counts(marks.len(), passing),
            passes: false,
            marks,
        })
    }

    /// The ids of the documents that a suite names by their files; the newest of each name.
    async fn named(&self, suite: &Suite) -> Result<BTreeMap<String, DocumentId>, Fault> {
        let is_name = |name: &&str| name.parse::<DocumentId>().is_err();
        let documents = suite.questions.iter().filter_map(|question| question.document.as_deref());
        let mut wanted: BTreeSet<&str> = documents.filter(is_name).collect();
        let (mut found, mut after, mut looked) = (BTreeMap::new(), None, 0);
        while !wanted.is_empty() && looked < DOCUMENTS_MAX {
            let request = Request::new("quality", QUESTION_TIME_MAX);
            // Without the whole list a document that is away would be taken for one that is gone.
            let listed = self.router.documents(&request, &suite.tenant, after, LIST_MAX).await;
            let listed =
                listed.map_err(|error| Fault::from_error("listing documents for a suite", &error))?;
            let Some(last) = listed.last() else { break };
            after = Some((last.created_ms, last.document_id));
            looked += listed.len();
            for record in &listed {
                if wanted.remove(record.filename.as_str()) {
                    found.insert(record.filename.clone(), record.document_id);
                }
            }
        }
        Ok(found)
    }

    async fn ask(
        &self,
        suite: &Suite,
        question: &Question,
        named: &BTreeMap<String, DocumentId>,
        with: &With,
    ) -> Result<Answer, Unanswered> {
        let document = match &question.document {
            None => None,
            Some(name) => match name.parse().ok().or_else(|| named.get(name).copied()) {
                Some(id) => Some(id),
                None => return Err(Unanswered::lasting("there is no document with this name")),
            },
        };
        let mut tries = 0;
        loop {
            let request = Request::new("quality", QUESTION_TIME_MAX);
            let answered = request.run(self.put(&request, suite, question, document, with)).await;
            let failure = match answered.unwrap_or_else(|ended| Err(ended.into())) {
                Ok(answer) if answer.prompt == with.prompt => return Ok(answer),
                // An older node, or one that has not heard yet which prompt is in force.
                Ok(_) => Unanswered::passing("the node that answered has another prompt"),
                Err(AskFailure::Overloaded | AskFailure::Unavailable(_) | AskFailure::Ended(_)) => {
                    Unanswered::passing("a part was busy or not there")
                }
                Err(AskFailure::Unknown) => return Err(Unanswered::lasting("there is no such document")),
                Err(AskFailure::NotReady(_)) => return Err(Unanswered::passing("the document is not ready")),
                Err(AskFailure::Quarantined) => {
                    return Err(Unanswered::passing("the document is out of service"));
                }
                Err(AskFailure::NoModel { .. }) => return Err(Unanswered::passing("the model is not there")),
                // The cause may quote, and this is written down.
                Err(AskFailure::Internal(_) | AskFailure::NotRemembered) => {
                    Unanswered::passing("it failed on our side")
                }
            };
            tries += 1;
            if tries >= TRIES_MAX {
                return Err(failure);
            }
            self.clock.sleep(AGAIN_AFTER).await;
        }
    }

    async fn put(
        &self,
        request: &Request,
        suite: &Suite,
        question: &Question,
        document: Option<DocumentId>,
        with: &With,
    ) -> Result<Answer, AskFailure> {
        let (tenant, trial) = (suite.tenant.clone(), Some(with.prompt.clone()));
        let asked = question.question.clone();
        match document {
            Some(document_id) => {
                let ask = Ask {
                    tenant,
                    document_id,
                    question: asked,
                    model: Choice::Auto,
                    use_rules: true,
                    top_k: SOURCES,
                    stream: None,
                    session_id: None,
                    earlier: Vec::new(),
                    only_remembered: false,
                    trial,
                };
                self.router.ask(request, &ask).await
            }
            None => {
                let template =
                    question.template.clone().map(|template| ("document_type".to_owned(), template));
                let inquiry = Inquiry {
                    tenant,
                    question: asked,
                    model: Choice::Auto,
                    use_rules: true,
                    top_k: SOURCES,
                    filters: template.into_iter().collect(),
                    session_id: None,
                    earlier: Vec::new(),
                    only_remembered: false,
                    trial,
                };
                self.router.query(request, &inquiry).await
            }
        }
    }
}

/// Why a question has no answer.
struct Unanswered {
    /// Without a word of question or document.
    why: String,
    /// Whether it says nothing about the answers: what was away comes back.
    passes: bool,
}

impl Unanswered {
    fn passing(why: &str) -> Self {
        Unanswered { why: why.to_owned(), passes: true }
    }

    fn lasting(why: &str) -> Self {
        Unanswered { why: why.to_owned(), passes: false }
    }
}

/// How an answer met what was expected. Pure.
fn mark(question: &Question, answer: &Answer, named: &BTreeMap<String, DocumentId>) -> Mark {
    let first = answer.sources.first();
    // Where one document was asked, its sources need not say so.
    let asked = question.document.as_ref().map(|name| {
        let id = named.get(name).map_or_else(|| name.clone(), DocumentId::to_string);
        (id, name.clone())
    });
    let origin = first.and_then(|first| first.origin.as_ref());
    let document = origin.map(|origin| (origin.document_id.to_string(), origin.filename.clone())).or(asked);
    let seen = Seen {
        text: &answer.text,
        answered: answer.answered,
        drafted: answer.drafted,
        page: first.map(|first| first.page),
        document: document.as_ref().map(|(id, name)| (id.as_str(), name.as_str())),
    };
    Mark::of(&question.id, &question.expected, &seen)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_source_is_of_the_document_that_was_asked_or_of_the_one_it_names() {
        let id = DocumentId([7; 16]);
        let answer = |origin: serde_json::Value| -> Answer {
            let mut source =
                json!({ "page": 2, "text": "", "score": 1.0, "start": 0, "end": 1, "boxes": [] });
            if !origin.is_null() {
                source["origin"] = origin;
            }
            serde_json::from_value(json!({
                "text": "60 dias", "answered": true, "confidence": 1.0, "sources": [source],
                "rules_applied": false, "corrections": [], "model": "m", "cached": false,
            }))
            .unwrap()
        };
        let question = |document: Option<&str>, expected: &str| -> Question {
            let expected = json!({ "document": expected });
            let asked = json!({ "id": "q", "question": "Qual?", "document": document, "expected": expected });
            serde_json::from_value(asked).unwrap()
        };
        let named = BTreeMap::from([("a.pdf".to_owned(), id)]);
        let of_one = answer(serde_json::Value::Null);
        assert!(mark(&question(Some("a.pdf"), "A.pdf"), &of_one, &named).is_right());
        assert!(mark(&question(Some("a.pdf"), &id.to_string()), &of_one, &named).is_right());
        assert!(!mark(&question(Some("a.pdf"), "b.pdf"), &of_one, &named).is_right());
        let of_many = answer(json!({ "document_id": id.to_string(), "filename": "c.pdf" }));
        assert!(mark(&question(None, "c.pdf"), &of_many, &named).is_right());
        assert!(!mark(&question(None, "a.pdf"), &of_many, &named).is_right());
        assert!(!mark(&question(None, "a.pdf"), &of_one, &named).is_right(), "nobody says which it is of");
    }
}
