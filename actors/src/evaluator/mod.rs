//! A rule evaluator: applies one rule set to answers, and takes in a new version of it when its file changes.

mod counters;
mod library;
mod shadow;
#[cfg(test)]
mod tests;
mod version;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use enabler_cluster::actor::{Behaviour, Context, Fault};
use enabler_cluster::address::Reply;
use enabler_rules::apply::{Detected, Input, Outcome, Passage, Stream};
use enabler_rules::program::Program;
use enabler_rules::value::Date;
use enabler_storage::clock::Clock;
use ractor::ActorId;

pub use counters::{Counted, Counters};
pub use library::Library;
pub use shadow::{Difference, Shadow};
pub use version::{Origin, Version};

/// Answers that may be on their way at one time; each holds its text.
const STREAMS_MAX: usize = 256;
/// An answer that stands still for so long was given up by its reader.
const STREAM_IDLE_MS: u64 = 120_000;

/// An answer and what the rules may look at.
#[derive(Debug, Clone, Default)]
pub struct Case {
    /// What was asked.
    pub question: String,
    /// What the model answered; empty for one that arrives in pieces.
    pub answer: String,
    /// What was retrieved, the best first, each with its page.
    pub passages: Vec<(Option<u32>, String)>,
    /// How sure the answer is, 0 to 1.
    pub confidence: Option<f64>,
    /// The document's metadata.
    pub metadata: Vec<(String, String)>,
    /// Whether rules act; a question that was declined is only normalised.
    pub correct: bool,
}

/// What an evaluator is told.
pub enum Message {
    /// What does a question ask for?
    Detect {
        /// The question.
        question: String,
        /// Its intent and the words to search for.
        reply: Reply<Detected>,
    },
    /// Apply the rules to an answer.
    Apply {
        /// The answer.
        case: Box<Case>,
        /// What the rules made of it.
        reply: Reply<Box<Outcome>>,
    },
    /// An answer begins to arrive.
    Open {
        /// The question and what was retrieved.
        case: Box<Case>,
        /// The number of the answer; `None` when too many are on their way.
        reply: Reply<Option<u64>>,
    },
    /// A piece of an answer.
    Push {
        /// Its number.
        stream: u64,
        /// The text.
        piece: String,
        /// What may be shown now; `None` when the answer is not known (any more).
        reply: Reply<Option<String>>,
    },
    /// An answer has arrived.
    Finish {
        /// Its number.
        stream: u64,
        /// The text that was held back, and the outcome of the whole.
        reply: Reply<Option<(String, Box<Outcome>)>>,
    },
    /// How does the rule set fare?
    Report {
        /// Version, counters, shadow.
        reply: Reply<Box<Report>>,
    },
    /// Look for a new version; the number tells one incarnation's timer from the next one's.
    Look(ActorId),
}

/// How a rule set fares.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Its name.
    pub name: String,
    /// The version in force: the first letters of its hash.
    pub hash: String,
    /// Where it came from.
    pub origin: Origin,
    /// Rules that run.
    pub rules: usize,
    /// Rules with an error, which do not.
    pub quarantined: usize,
    /// Why the newest file is not in force.
    pub refused: Option<String>,
    /// What the rules did since the node started, version after version.
    pub counters: Counters,
    /// The version that runs beside, and how it differs.
    pub shadow: Option<Shadow>,
}

/// The hash of the version in force, for the keys of remembered answers.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    hash: Arc<RwLock<String>>,
    refused: Arc<AtomicBool>,
}

impl Standing {
    /// The hash; on a day on which rules begin or end it differs from the day before.
    pub fn hash(&self) -> String {
        self.hash.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether its newest file was refused, so that an older version is in force.
    pub fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    fn set(&self, hash: String) {
        *self.hash.write().unwrap_or_else(PoisonError::into_inner) = hash;
    }
}

/// The evaluator of one rule set.
#[derive(Clone)]
pub struct Evaluator {
    /// The rule set's name.
    pub name: String,
    /// Where its versions are.
    pub library: Library,
    /// How often a new version is looked for.
    pub look_every: Duration,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Where the version in force is shown.
    pub standing: Standing,
}

struct Open {
    stream: Stream<Arc<Program>>,
    moved_ms: u64,
}

/// What an evaluator remembers.
pub struct State {
    version: Version,
    refused: Option<(String, String)>,
    counters: Counters,
    shadow: Option<(Version, Shadow)>,
    streams: BTreeMap<u64, Open>,
    next: u64,
}

impl Behaviour for Evaluator {
    type Message = Message;
    type State = State;
    const KIND: &'static str = "evaluator";

    fn name(message: &Message) -> &'static str {
        match message {
            Message::Detect { .. } => "detect",
            Message::Apply { .. } => "apply",
            Message::Open { .. } => "open",
            Message::Push { .. } => "push",
            Message::Finish { .. } => "finish",
            Message::Report { .. } => "report",
            Message::Look(_) => "look",
        }
    }

    async fn start(&self, context: &Context<Message>) -> Result<State, Fault> {
        // The shipped version is always good; whatever lies in folder or store may replace it.
        let shipped = self.library.shipped(&self.name);
        let mut state = State {
            version: Version::load(&self.name, shipped),
            refused: None,
            counters: Counters::default(),
            shadow: None,
            streams: BTreeMap::new(),
            next: 0,
        };
        self.look(&mut state).await;
        self.show(context, &state);
        self.look_later(context);
        Ok(state)
    }

    async fn handle(
        &self,
        context: &Context<Message>,
        state: &mut State,
        message: Message,
    ) -> Result<(), Fault> {
        match message {
            Message::Detect { question, reply } => reply.send(state.version.program.detect(&question)),
            Message::Apply { case, reply } => reply.send(Box::new(self.apply(state, &case))),
            Message::Open { case, reply } => reply.send(self.open(state, &case)),
            Message::Push { stream, piece, reply } => {
                let now_ms = self.clock.now_ms();
                let open = state.streams.get_mut(&stream);
                reply.send(open.map(|open| {
                    open.moved_ms = now_ms;
                    open.stream.push(&piece)
                }));
            }
            Message::Finish { stream, reply } => {
                let done = state.streams.remove(&stream).map(|open| open.stream.finish());
                if let Some((_, outcome)) = &done {
                    state.counters.count(outcome);
                }
                reply.send(done.map(|(rest, outcome)| (rest, Box::new(outcome))));
            }
            Message::Report { reply } => reply.send(Box::new(self.report(state))),
            Message::Look(incarnation) if incarnation == context.cell().get_id() => {
                let now_ms = self.clock.now_ms();
                state.streams.retain(|_, open| now_ms.saturating_sub(open.moved_ms) < STREAM_IDLE_MS);
                self.look(state).await;
                self.show(context, state);
                self.look_later(context);
            }
            Message::Look(_) => {}
        }
        Ok(())
    }
}

impl Evaluator {
    fn today(&self) -> Option<Date> {
        Date::of_unix_ms(self.clock.now_ms())
    }

    fn apply(&self, state: &mut State, case: &Case) -> Outcome {
        let outcome = self.with(case, |input| state.version.program.apply(input));
        state.counters.count(&outcome);
        if let Some((version, shadow)) = &mut state.shadow {
            let other = self.with(case, |input| version.program.apply(input));
            shadow.compare(&case.question, &outcome, &other);
        }
        outcome
    }

    fn open(&self, state: &mut State, case: &Case) -> Option<u64> {
        if state.streams.len() >= STREAMS_MAX {
            return None;
        }
        let program = state.version.program.clone();
        let stream = self.with(case, |input| Stream::new(program, input));
        state.next += 1;
        state.streams.insert(state.next, Open { stream, moved_ms: self.clock.now_ms() });
        Some(state.next)
    }

    fn with<T>(&self, case: &Case, run: impl FnOnce(&Input<'_>) -> T) -> T {
        let passages: Vec<Passage<'_>> =
            case.passages.iter().map(|(page, text)| Passage { page: *page, text }).collect();
        run(&Input {
            question: &case.question,
            answer: &case.answer,
            passages: &passages,
            confidence: case.confidence,
            metadata: &case.metadata,
            today: self.today(),
            correct: case.correct,
        })
    }

    /// Takes in a new version, if there is one and it is sound; the one in force stays otherwise.
    async fn look(&self, state: &mut State) {
        match self.library.find(&self.name).await {
            Ok(found) => self.consider(state, found),
            Err(problem) => {
                tracing::warn!(rule_set = %self.name, %problem, "the rules file could not be read");
                state.refused = Some((String::new(), problem));
            }
        }
        let beside = self.library.find_only(&format!("{}.shadow", self.name)).await.ok().flatten();
        match beside {
            None => state.shadow = None,
            Some(found) if state.shadow.as_ref().is_some_and(|(version, _)| version.hash == found.hash) => {}
            Some(found) => {
                let version = Version::load(&self.name, found);
                let shadow = Shadow::new(&version);
                state.shadow = Some((version, shadow));
            }
        }
    }

    fn consider(&self, state: &mut State, found: library::Found) {
        if found.hash == state.version.hash {
            state.refused = None;
        } else if state.refused.as_ref().is_none_or(|(hash, _)| *hash != found.hash) {
            let version = Version::load(&self.name, found);
            match version.problems.first() {
                None => {
                    tracing::info!(rule_set = %self.name, version = %version.short(), origin = %version.origin, "in force");
                    (state.version, state.refused) = (version, None);
                }
                Some(first) => {
                    for problem in &version.problems {
                        tracing::warn!(rule_set = %self.name, "refused: {problem}");
                    }
                    let more = version.problems.len() - 1;
                    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
                    state.refused = Some((version.hash.clone(), format!("{first}{more}")));
                }
            }
        }
        let day = self.today().filter(|_| state.version.program.changes_by_day());
        let hash = &state.version.hash;
        self.standing.set(day.map_or_else(|| hash.clone(), |day| format!("{hash}@{day}")));
    }

    fn report(&self, state: &State) -> Report {
        Report {
            name: self.name.clone(),
            hash: state.version.short().to_owned(),
            origin: state.version.origin,
            rules: state.version.program.rules(),
            quarantined: state.version.program.quarantined(),
            refused: state.refused.as_ref().map(|(_, why)| why.clone()),
            counters: state.counters.clone(),
            shadow: state.shadow.as_ref().map(|(_, shadow)| shadow.clone()),
        }
    }

    fn show(&self, context: &Context<Message>, state: &State) {
        self.standing.refused.store(state.refused.is_some(), Ordering::Relaxed);
        let report = self.report(state);
        let mut note = format!("{} rules, version {} ({})", report.rules, report.hash, report.origin);
        if report.quarantined > 0 {
            note.push_str(&format!(", {} quarantined", report.quarantined));
        }
        let total = &report.counters;
        if total.answers > 0 {
            note.push_str(&format!(
                "; {} answers, {} corrected, {} objected to",
                total.answers, total.corrected, total.objected
            ));
        }
        if let Some(shadow) = &report.shadow {
            note.push_str(&format!(
                "; shadow {}: {} of {} differ",
                shadow.hash, shadow.differing, shadow.compared
            ));
        }
        if let Some(why) = &report.refused {
            note.push_str(&format!("; the newest file is refused: {why}"));
        }
        context.seat().note(note);
    }

    fn look_later(&self, context: &Context<Message>) {
        let (address, wait, incarnation) =
            (context.address().clone(), self.look_every, context.cell().get_id());
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            // A full mailbox is busy with answers; the next look can wait until there is room.
            let _ = address.send(Message::Look(incarnation)).await;
        });
    }
}
