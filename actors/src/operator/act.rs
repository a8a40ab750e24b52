//! What operators do to this node. Without the leave of its settings it does nothing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use enabler_cluster::decide::custody::Part;
use enabler_cluster::tree::TRACED_MAX;
use enabler_storage::objects::{Key, ObjectStore, PutOutcome};
use enabler_storage::record::DocumentId;
use serde_json::Value;

use super::plan::{Action, Ids, Kind, Outcome, Touch};
use super::{Operator, own_path, shown, shown_path};
use crate::documents::document::Command;
use crate::shard::Message;

/// Actors that are named of those that an action touches.
const TOUCHES_MAX: usize = 200;
/// Messages that are followed when nobody says how many.
const FOLLOWED: u32 = 20;
/// How long another level is logged when nobody says how long.
const LOGGED_S: u64 = 600;
/// The longest that another level is logged.
const LOGGED_S_MAX: u64 = 86_400;
/// Documents that may be out of service at one time: all of them are known to each node.
const QUARANTINED_MAX: usize = 1_000;
/// How long the store may take to note it.
const NOTE_TIME_MAX: Duration = Duration::from_secs(5);
/// Where it is noted that a node is to take no shards.
const CORDONED: &str = "v1/operator/cordoned/";
/// Kinds of actors that are pools, or stand for one.
const POOLS: [&str; 4] = ["pool", "embedding pool", "model host", "evaluator"];

/// What changes how much is logged.
pub trait LogLevel: Send + Sync {
    /// Logs `directive`, such as `enabler_actors=debug`, beside what the settings say; nothing beside it when there is none.
    ///
    /// # Errors
    /// If it is no directive.
    fn set(&self, directive: Option<&str>) -> Result<(), String>;
}

impl Operator {
    /// Does what was ordered, as far as it is for this node, or tells what it would do.
    pub(super) async fn act_here(&self, action: &Action, id: &str, by: &str) -> Result<Value, String> {
        let outcome = if self.may_act() {
            if !action.dry_run {
                tracing::warn!(
                    id,
                    by,
                    action = action.action.name(),
                    reason = action.reason,
                    "an operator acts"
                );
            }
            self.act(action).await
        } else {
            Outcome::refused(format!("Node {} takes no actions: `operator.actions` is not set.", self.me()))
        };
        serde_json::to_value(outcome).map_err(|error| error.to_string())
    }

    async fn act(&self, action: &Action) -> Outcome {
        match action.action {
            Kind::Restart | Kind::RestartSubtree => self.restart(action),
            Kind::DrainNode => self.drain(action, true).await,
            Kind::UndrainNode => self.drain(action, false).await,
            Kind::PausePool => self.pause(action, true),
            Kind::ResumePool => self.pause(action, false),
            Kind::QuarantineDocument | Kind::ReleaseDocument => self.quarantine(action).await,
            Kind::DiscardDeadLetters => self.forget_lost(action),
            Kind::TraceActor => self.follow(action),
            Kind::LogLevel => self.log(action),
            Kind::DrainShard
            | Kind::MoveShard
            | Kind::RetryDocument
            | Kind::RetryDeadLetters
            | Kind::EraseDocument
            | Kind::RunJob
            | Kind::PromotePrompt
            | Kind::RollbackPrompt
            | Kind::RunSuite
            | Kind::RemoveSuite => Outcome::refused("This is for the node that was asked."),
        }
    }

    fn touch(&self, what: impl Into<String>) -> Touch {
        Touch { node: self.me().name.clone(), what: what.into() }
    }

    fn no_actor(&self, path: &str) -> Outcome {
        Outcome::refused(format!("There is no actor {path} on node {}.", self.me()))
    }

    fn restart(&self, action: &Action) -> Outcome {
        let path = own_path(action.target.path.as_deref().unwrap_or_default());
        let Some(seat) = self.tree().find(&path) else { return self.no_actor(shown_path(&path)) };
        let document = path.rsplit_once("/document-").and_then(|(_, id)| id.parse::<DocumentId>().ok());
        let supervisor = seat.supervisor();
        if document.is_none() && supervisor.is_none() {
            return Outcome::refused(format!(
                "{} is not started again alone: restart the process of the node instead.",
                shown_path(&path)
            ));
        }
        let all = self.tree().subtree(&path, TOUCHES_MAX);
        let touches =
            all.iter().map(|seat| self.touch(format!("actor {}", shown_path(seat.path())))).collect();
        if !action.dry_run {
            seat.happened("ordered_restart", Some(action.reason.clone()));
            match (document, supervisor) {
                (Some(id), _) => {
                    let Some((shard, _)) = self.0.parts.shards.get(self.0.parts.shards.of(id)) else {
                        return self.no_actor(shown_path(&path));
                    };
                    if let Err(why) = shard.offer(Message::Renew(id)) {
                        return Outcome::refused(why.to_string());
                    }
                }
                (None, Some(supervisor)) => supervisor.renew(&path),
                (None, None) => {}
            }
        }
        Outcome::done(
            action.dry_run,
            touches,
            "It ends what it has in hand if that is soon, and begins anew; this counts as no failure.",
        )
    }

    async fn drain(&self, action: &Action, is_draining: bool) -> Outcome {
        let owned = self.0.parts.shards.owned();
        let mut touches: Vec<Touch> = Vec::new();
        if is_draining {
            touches.extend(owned.iter().map(|shard| self.touch(format!("shard {shard}"))));
        }
        touches.push(self.touch(format!("node {}", self.me())));
        if action.dry_run {
            return Outcome::done(true, touches, drain_detail(is_draining));
        }
        self.0.parts.draining.store(is_draining, Ordering::SeqCst);
        let kept = cordon(&*self.0.parts.store, &self.me().name, is_draining);
        let kept = tokio::time::timeout(NOTE_TIME_MAX, kept).await;
        let kept = kept.unwrap_or_else(|_| Err("it does not answer".to_owned()));
        match kept {
            Ok(()) => Outcome::done(false, touches, drain_detail(is_draining)),
            Err(why) => Outcome {
                outcome: "partly".to_owned(),
                detail: format!(
                    "{} The store could not be told ({why}), so that it is forgotten when the node starts again.",
                    drain_detail(is_draining)
                ),
                touches,
            },
        }
    }

    fn pause(&self, action: &Action, is_paused: bool) -> Outcome {
        let path = own_path(action.target.path.as_deref().unwrap_or_default());
        let Some(seat) = self.tree().find(&path) else { return self.no_actor(shown_path(&path)) };
        if !POOLS.contains(&seat.kind()) {
            return Outcome::refused(format!(
                "{} is a {}; what can be paused are pools, model hosts and evaluators.",
                shown_path(&path),
                shown::name(seat.kind())
            ));
        }
        if !action.dry_run {
            seat.pause(is_paused);
        }
        let detail = if is_paused {
            "It begins nothing new; what comes waits, up to the bound of its queue and the deadlines of the work."
        } else {
            "It goes on with what waits."
        };
        Outcome::done(action.dry_run, vec![self.touch(format!("pool {}", shown_path(&path)))], detail)
    }

    async fn quarantine(&self, action: &Action) -> Outcome {
        let is_held = action.action == Kind::QuarantineDocument;
        let Some(id) = action.target.document.as_deref().and_then(|text| text.parse::<DocumentId>().ok())
        else {
            return Outcome::refused("The target must name a document.");
        };
        let (shards, shard) = (&self.0.parts.shards, self.0.parts.shards.of(id));
        let owns = shards.get(shard).is_some_and(|(_, view)| view.standing().part == Part::Owner);
        let mut touches = Vec::new();
        if owns {
            touches.push(self.touch(format!("document {id}")));
        }
        if !action.dry_run {
            // Whoever was asked has written it down.
            self.0.parts.quarantine.hear(id, is_held);
            if let Some((address, _)) = shards.get(shard).filter(|_| owns) {
                let _ = address.offer(Message::Deliver(id, Command::Quarantine));
            }
        }
        Outcome::done(action.dry_run, touches, quarantine_detail(is_held))
    }

    /// Writes down that a document is out of service, or no longer, before the nodes are told.
    pub(super) async fn write_quarantine(&self, action: &Action) -> Result<(), String> {
        let document = action.target.document.as_deref().unwrap_or_default();
        let id = document.parse::<DocumentId>().map_err(|error| error.to_string())?;
        let (quarantine, store) = (&self.0.parts.quarantine, &*self.0.parts.store);
        if action.action == Kind::ReleaseDocument {
            return quarantine.release(store, id).await;
        }
        if quarantine.count() >= QUARANTINED_MAX && !quarantine.holds(id) {
            return Err(format!("{QUARANTINED_MAX} documents are out of service already"));
        }
        quarantine.put(store, id).await
    }

    /// Forgets messages that were lost, by their names as dead letters; how many there were.
    pub(super) fn forget_letters(&self, ids: &[String]) -> usize {
        let lost = self.tree().lost();
        let is_meant = |one: &&enabler_cluster::tree::Lost| {
            let id = shown::lost(self.me(), one)["id"].as_str().map(str::to_owned);
            id.is_some_and(|id| ids.contains(&id))
        };
        let numbers: Vec<u64> = lost.iter().filter(is_meant).map(|one| one.number).collect();
        self.tree().forget_lost(&numbers);
        numbers.len()
    }

    fn forget_lost(&self, action: &Action) -> Outcome {
        let lost = self.tree().lost();
        let is_meant = |id: &str| match &action.target.ids {
            Some(Ids::These(ids)) => ids.iter().any(|own| own == id),
            Some(Ids::All(_)) => true,
            None => false,
        };
        let own = lost.iter().take(super::plan::BULK_MAX).filter_map(|one| {
            let id = shown::lost(self.me(), one)["id"].as_str()?.to_owned();
            is_meant(&id).then_some((one.number, id))
        });
        let (numbers, ids): (Vec<u64>, Vec<String>) = own.unzip();
        if !action.dry_run {
            self.tree().forget_lost(&numbers);
        }
        let touches = ids.iter().map(|id| self.touch(format!("dead letter {id}"))).collect();
        Outcome::done(action.dry_run, touches, "They are no longer listed.")
    }

    fn follow(&self, action: &Action) -> Outcome {
        let path = own_path(action.target.path.as_deref().unwrap_or_default());
        let Some(seat) = self.tree().find(&path) else { return self.no_actor(shown_path(&path)) };
        let count = action.count.unwrap_or(FOLLOWED).clamp(1, TRACED_MAX);
        if !action.dry_run {
            seat.follow(count);
        }
        let detail = format!("Kinds and times of its next {count} messages are kept, never what they say.");
        Outcome::done(action.dry_run, vec![self.touch(format!("actor {}", shown_path(&path)))], detail)
    }

    fn log(&self, action: &Action) -> Outcome {
        let Some(log) = self.0.log.get() else {
            return Outcome::refused(format!("The log of node {} cannot be changed.", self.me()));
        };
        let level = action.target.level.as_deref().unwrap_or_default();
        if !["error", "warn", "info", "debug", "trace"].contains(&level) {
            return Outcome::refused("The level must be one of error, warn, info, debug, trace.");
        }
        let module = action.target.module.as_deref().unwrap_or_default();
        let is_module = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
        if module.len() > 100 || !module.bytes().all(is_module) {
            return Outcome::refused("The module must be a path such as enabler_actors::shard.");
        }
        let directive = if module.is_empty() { level.to_owned() } else { format!("{module}={level}") };
        let expires_s = action.expires_s.unwrap_or(LOGGED_S).clamp(1, LOGGED_S_MAX);
        if !action.dry_run {
            if let Err(why) = log.set(Some(&directive)) {
                return Outcome::refused(why);
            }
            let number = self.0.log_changes.fetch_add(1, Ordering::SeqCst) + 1;
            let (log, operator) = (log.clone(), std::sync::Arc::downgrade(&self.0));
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(expires_s)).await;
                let is_last =
                    operator.upgrade().is_none_or(|own| own.log_changes.load(Ordering::SeqCst) == number);
                if is_last && let Err(why) = log.set(None) {
                    tracing::warn!(why, "the log could not be set back");
                }
            });
        }
        let detail = format!("It logs {directive} for {expires_s} s, and then what its settings say.");
        Outcome::done(action.dry_run, vec![self.touch(format!("log {directive}"))], detail)
    }
}

fn drain_detail(is_draining: bool) -> &'static str {
    if is_draining {
        "It hands its shards to other nodes and takes none until it is undrained; it goes on answering requests."
    } else {
        "It takes shards again."
    }
}

fn quarantine_detail(is_held: bool) -> &'static str {
    if is_held {
        "Its work stops, and whoever asks it hears that it is out of service, until it is released."
    } else {
        "It is in service again; unfinished work goes on."
    }
}

/// Notes whether a node is to take no shards, for its next generation.
async fn cordon(store: &dyn ObjectStore, node: &str, is_cordoned: bool) -> Result<(), String> {
    let key = Key::new(format!("{CORDONED}{node}")).map_err(|error| error.to_string())?;
    if !is_cordoned {
        return store.delete(&key).await.map_err(|error| error.to_string());
    }
    match store.put_new(&key, Bytes::from_static(b"{}")).await {
        PutOutcome::Unknown(error) => Err(error.to_string()),
        PutOutcome::Done(_) | PutOutcome::Exists | PutOutcome::Changed => Ok(()),
    }
}

/// Whether it was noted that a node is to take no shards; without the store it takes them.
pub(crate) async fn is_cordoned(store: &dyn ObjectStore, node: &str) -> bool {
    match Key::new(format!("{CORDONED}{node}")) {
        Ok(key) => matches!(store.head(&key).await, Ok(Some(_))),
        Err(_) => false,
    }
}
