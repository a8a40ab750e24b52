//! Clients: each asks one thing after another, at whichever node it finds.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use enabler_actors::documents::intake::{IntakeError, Meta};
use enabler_actors::router::{LIST_MAX, RouteError};
use enabler_cluster::request::Request;
use enabler_storage::record::DocumentId;

use crate::book::{Book, Kind};
use crate::dice::Dice;
use crate::history::History;
use crate::node::{Node, Serving};
use crate::paper::Paper;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long after its end a generation may take to answer what it has in work: as long as the store may take.
const TOLD_MAX: Duration = Duration::from_secs(8);
/// The pause between two questions of one client, in milliseconds.
const PAUSE_MS: (u64, u64) = (50, 600);

/// A client.
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) nodes: Arc<Vec<Node>>,
    pub(crate) history: Arc<History>,
    pub(crate) book: Arc<Book>,
    pub(crate) dice: Arc<Dice>,
}

impl Client {
    /// Asks `questions` times.
    pub(crate) async fn live(self, questions: usize) {
        for _ in 0..questions {
            let pause_ms = self.dice.between(&self.name, PAUSE_MS.0, PAUSE_MS.1);
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            if self.book.is_violated() {
                return;
            }
            let serving: Vec<Serving> = self.nodes.iter().filter_map(Node::serving).collect();
            let Some(at) = self.dice.pick(&self.name, &serving).cloned() else {
                self.book.note(&self.name, "finds no node");
                continue;
            };
            // A process that is frozen takes no question, one that is killed answers none.
            tokio::select! {
                biased;
                () = at.gate.died() => {
                    self.book.note(&self.name, format!("{} died over the question", at.gate.id));
                    self.book.sometimes("a node died over a question");
                }
                () = self.question(&at) => self.was_it_in_time(&at),
            }
        }
    }

    /// Whoever asks a generation that ends meanwhile is told so, and does not wait for what cannot come any more.
    fn was_it_in_time(&self, at: &Serving) {
        if let Some(late) = at.ended.get().map(tokio::time::Instant::elapsed).filter(|late| *late > TOLD_MAX)
        {
            let ms = late.as_millis();
            self.book.violated(format!("{} answered {ms} ms after its generation had ended", at.gate.id));
        }
    }

    async fn question(&self, at: &Serving) {
        at.gate.pass().await;
        match self.dice.draw(&self.name) % 100 {
            0..45 => self.upload(at).await,
            45..70 => self.state(at).await,
            70..82 => self.list(at).await,
            _ => self.delete(at).await,
        }
    }

    fn request(&self) -> Request {
        Request::new(self.name.clone(), PATIENCE)
    }

    fn tenant(&self) -> &'static str {
        self.dice.pick(&self.name, &crate::TENANTS).copied().unwrap_or_default()
    }

    fn asks(&self, at: &Serving, what: impl std::fmt::Display) {
        self.book.tell(Kind::Asks, &self.name, format!("{what} (at {})", at.gate.id));
    }

    /// What it was told.
    fn note(&self, at: &Serving, what: impl std::fmt::Display) {
        self.book.tell(Kind::Answered, &self.name, format!("{what} (at {})", at.gate.id));
    }

    async fn upload(&self, at: &Serving) {
        // From few papers, so that the same bytes come again, also at the same time.
        let number = self.dice.between(&self.name, 1, 40);
        let paper = Paper { number, pages: (number % 4 + 1) as u32, is_damaged: number.is_multiple_of(9) };
        let tenant = self.tenant();
        let asked = self.history.ask();
        self.asks(at, format!("uploads paper {number} of {tenant}"));
        let taken = self.send(at, tenant, &paper).await;
        at.gate.pass().await;
        match taken {
            Ok(taken) => {
                let id = taken.document_id;
                self.note(at, format!("paper {number} is {id}, duplicate {}", taken.is_duplicate));
                self.history.uploaded(asked, tenant, &paper, id, taken.is_duplicate);
            }
            Err(error) => self.note(at, format!("paper {number} was not taken: {}", told(&error))),
        }
    }

    async fn send(
        &self,
        at: &Serving,
        tenant: &str,
        paper: &Paper,
    ) -> Result<enabler_actors::documents::intake::Taken, IntakeError> {
        let mut arriving = at.actors.intake.begin().await?;
        arriving.write(&Bytes::from(paper.bytes())).await?;
        let meta = Meta {
            tenant: tenant.to_owned(),
            filename: format!("paper-{}.pdf", paper.number),
            template: "generic".to_owned(),
            metadata_json: "{}".to_owned(),
        };
        arriving.finish(&self.request(), meta).await
    }

    fn one_that_is_known(&self) -> Option<(DocumentId, String)> {
        let known: Vec<_> = self.history.known().into_iter().collect();
        let (id, known) = self.dice.pick(&self.name, &known)?;
        Some((*id, known.tenant.clone()))
    }

    async fn state(&self, at: &Serving) {
        let Some((id, tenant)) = self.one_that_is_known() else { return };
        let asked = self.history.ask();
        let found = at.actors.router.document(&self.request(), &tenant, id).await;
        at.gate.pass().await;
        match found {
            Ok(found) => {
                self.note(at, format!("{id} is {:?}", found.record.status.outcome));
                self.history.told(asked, &at.gate.id.name, &tenant, &found.record);
            }
            Err(RouteError::Unknown) => {
                self.note(at, format!("{id} is not there"));
                self.history.denied(asked, &at.gate.id.name, id);
            }
            Err(error) => self.note(at, format!("{id} was not told: {error}")),
        }
    }

    async fn list(&self, at: &Serving) {
        let tenant = self.tenant();
        let asked = self.history.ask();
        let listed = at.actors.router.documents(&self.request(), tenant, None, LIST_MAX + 1).await;
        at.gate.pass().await;
        match listed {
            Ok(records) => {
                self.note(at, format!("{tenant} has {} documents", records.len()));
                if records.len() <= LIST_MAX {
                    self.history.listed(asked, &at.gate.id.name, tenant, &records);
                }
            }
            Err(error) => self.note(at, format!("the documents of {tenant} were not told: {error}")),
        }
    }

    async fn delete(&self, at: &Serving) {
        let Some((id, tenant)) = self.one_that_is_known() else { return };
        let was_asked = self.history.known().get(&id).is_some_and(|known| known.delete_asked_ms.is_some());
        let asked = self.history.deleting(id);
        self.asks(at, format!("deletes {id}"));
        let outcome = at.actors.router.delete(&self.request(), &tenant, id, "requested").await;
        at.gate.pass().await;
        self.note(
            at,
            match &outcome {
                Ok(()) => format!("{id} is deleted"),
                Err(error) => format!("{id} was not deleted: {error}"),
            },
        );
        self.history.deleted(id, &outcome);
        if outcome == Err(RouteError::Unknown) && !was_asked {
            // Nobody else may have deleted it.
            self.history.not_there_to_delete(asked, &at.gate.id.name, id);
        }
    }
}

/// An error with its causes, on one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}
