//! Brings an action to the nodes that it is for, puts together what they did, and writes down that it was done.

use std::time::Duration;

use bytes::Bytes;
use enabler_cluster::net::Member;
use enabler_cluster::request::Request;
use enabler_cluster::tree::Change;
use enabler_storage::objects::{Key, LIST_LIMIT_MAX, ObjectStore, PutOutcome};
use enabler_storage::record::DocumentId;
use enabler_storage::sealed;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::everywhere::Panel;
use super::here::ASIDE;
use super::plan::{Action, BULK_MAX, Ids, Kind, Outcome, Touch};
use super::shown;
use super::told::Question;
use crate::crew::role;
use crate::keeper::DRAINING;
use crate::recurring::{self, JOBS};
use crate::router::RouteError;

/// Where actions are written down, the newest first.
const DONE: &str = "v1/operator/actions/";
/// Actions that are kept; the audit log has all of them.
const DONE_MAX: usize = 1_000;
/// Actions that this node remembers itself.
const REMEMBERED_MAX: usize = 100;
/// How long the retry of one document may take.
const RETRY_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the writing down may take that an action was done; the audit log has it too.
const WRITE_TIME_MAX: Duration = Duration::from_secs(2);

impl Panel {
    /// Does what is ordered by `by`, or tells what it would touch.
    pub async fn act(&self, action: &Action, by: &str) -> Value {
        let operator = &self.operator;
        let at_ms = operator.now_ms();
        let id = format!(
            "{:012x}{:08x}",
            at_ms,
            operator.0.parts.chance.next_u64() as u32 ^ self.next_action() as u32
        );
        let mut receipt = Value::Null;
        let outcome = match action.action {
            Kind::Restart | Kind::RestartSubtree | Kind::DrainNode | Kind::UndrainNode | Kind::TraceActor => {
                match &action.target.node {
                    Some(node) => self.order(action, &id, by, Some(node)).await,
                    None => Outcome::refused("The target must name a node."),
                }
            }
            Kind::PausePool | Kind::ResumePool | Kind::LogLevel => {
                self.order(action, &id, by, action.target.node.as_deref()).await
            }
            Kind::DrainShard | Kind::MoveShard => self.move_shard(action, at_ms),
            Kind::QuarantineDocument | Kind::ReleaseDocument => self.quarantine(action, &id, by).await,
            Kind::RetryDocument => match &action.target.document {
                Some(document) => self.retry(action, document).await,
                None => Outcome::refused("The target must name a document."),
            },
            Kind::RetryDeadLetters => self.retry_letters(action).await,
            Kind::DiscardDeadLetters => self.discard(action, &id, by).await,
            Kind::EraseDocument => {
                let (outcome, made) = self.erase(action, &id, by).await;
                receipt = made;
                outcome
            }
            Kind::RunJob => self.run_job(action, by).await,
            Kind::PromotePrompt => self.promote(action, &id, by).await,
            Kind::RollbackPrompt => self.roll_back(action, &id, by).await,
            Kind::RunSuite => self.run_suite(action, by).await,
            Kind::RemoveSuite => self.drop_suite(action).await,
        };
        let done = json!({
            "id": id,
            "at_ms": at_ms,
            "by": by,
            "action": action.action,
            "target": action.target,
            "reason": action.reason,
            "outcome": outcome.outcome,
            "dry_run": action.dry_run,
            "force": action.force,
        });
        self.write_down(&done, at_ms).await;
        let mut answer = json!({
            "id": id,
            "action": action.action,
            "target": action.target,
            "dry_run": action.dry_run,
            "touches": outcome.touches,
            "outcome": outcome.outcome,
            "detail": outcome.detail,
        });
        if !receipt.is_null() {
            answer["receipt"] = receipt;
        }
        answer
    }

    /// Asks whoever runs the recurring work for a run of a job.
    async fn run_job(&self, action: &Action, by: &str) -> Outcome {
        let name = action.target.job.as_deref().unwrap_or_default();
        if !JOBS.contains(&name) {
            return Outcome::refused(format!("The target must name a job: {}.", JOBS.join(", ")));
        }
        if self.pauses().are_none() {
            return Outcome::refused("Nothing recurs here: every pause of the settings' `recurring` is 0.");
        }
        let touches = vec![Touch { node: String::new(), what: format!("job {name}") }];
        if !action.dry_run {
            let asked = recurring::ask_for(self.store(), name, by, &action.reason, self.now_ms());
            if let Err(why) = asked.await {
                return Outcome::refused(format!("It could not be written down: {why}."));
            }
        }
        Outcome::done(action.dry_run, touches, "It runs as soon as the node with the lease looks.")
    }

    /// Has the document of a dead letter read again.
    pub(crate) async fn retry_letter(&self, letter: &Value) -> Result<(), String> {
        let document = letter["document"].as_str().unwrap_or_default();
        let (Ok(id), Some(tenant)) = (document.parse::<DocumentId>(), letter["tenant"].as_str()) else {
            return Err("it names no document".to_owned());
        };
        let request = Request::new(document, RETRY_TIME_MAX);
        match self.router.retry(&request, tenant, id).await {
            // Somebody was faster, or the document is gone.
            Ok(()) | Err(RouteError::Unknown) => Ok(()),
            Err(RouteError::Refused(
                crate::wire::refusal::NOT_FAILED | crate::wire::refusal::ALREADY_THERE,
                _,
            )) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Puts a dead letter aside because of its age.
    pub(crate) async fn discard_letter(&self, letter: &Value) -> Result<(), String> {
        let id = letter["id"].as_str().unwrap_or_default().to_owned();
        if letter["can_retry"] != true {
            let node = letter["node"].as_str().unwrap_or_default();
            let question = Question::ForgetLost { ids: vec![id] };
            let answered = self.ask(&question, |name| name == node).await;
            return answered.into_iter().next().map_or(Ok(()), |one| one.answer.map(drop));
        }
        let note = json!({ "at_ms": self.now_ms(), "reason": "it is old" });
        let key = Key::new(format!("{ASIDE}{id}")).map_err(|error| error.to_string())?;
        match self.store().put_new(&key, sealed(&note)).await {
            PutOutcome::Unknown(error) => Err(error.to_string()),
            PutOutcome::Done(_) | PutOutcome::Exists | PutOutcome::Changed => Ok(()),
        }
    }

    /// Has one node do it, or all that answer.
    async fn order(&self, action: &Action, id: &str, by: &str, node: Option<&str>) -> Outcome {
        let question = Question::Act { action: action.clone(), id: id.to_owned(), by: by.to_owned() };
        let answered = self.ask(&question, |name| node.is_none_or(|node| node == name)).await;
        let mut outcomes: Vec<Outcome> = answered
            .into_iter()
            .map(|one| match one.answer.map(serde_json::from_value::<Outcome>) {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(error)) => Outcome::refused(format!("Node {} answered strangely: {error}.", one.node)),
                Err(why) => Outcome::refused(format!("Node {} did not do it: {why}.", one.node)),
            })
            .collect();
        // On all nodes: who has no such pool has nothing to do.
        if node.is_none() && outcomes.iter().any(|one| one.outcome != "refused") {
            outcomes.retain(|one| one.outcome != "refused" || !one.detail.starts_with("There is no actor"));
        }
        match (outcomes.is_empty(), node) {
            (true, Some(node)) => Outcome::refused(format!("There is no node {node}.")),
            (true, None) => Outcome::refused("No node answered."),
            (false, _) => Outcome::of_all(outcomes),
        }
    }

    fn move_shard(&self, action: &Action, at_ms: u64) -> Outcome {
        let parts = &self.operator.0.parts;
        let Some(shard) = action.target.shard.filter(|shard| *shard < parts.shards.count) else {
            return Outcome::refused(format!("The target must name a shard below {}.", parts.shards.count));
        };
        let row = parts.table.row(shard);
        let owner = row.owner.map(|(owner, _)| owner.name);
        let view = parts.net.view().borrow().clone();
        let can_take = |member: &&Member| {
            member.is_alive() && member.has_role(role::DOCUMENTS) && member.fact(DRAINING).is_empty()
        };
        let able: Vec<&str> = view.members.iter().filter(can_take).map(|member| &*member.id.name).collect();
        let to = if action.action == Kind::MoveShard {
            let Some(to) = action.target.to.as_deref() else {
                return Outcome::refused("The target must say which node the shard goes `to`.");
            };
            if !able.contains(&to) {
                return Outcome::refused(format!("Node {to} cannot take shards now."));
            }
            to.to_owned()
        } else {
            let others = || able.iter().filter(|name| Some(**name) != owner.as_deref());
            let follows = |name: &&&str| row.replicas.iter().any(|replica| replica.name == ***name);
            // One that follows the shard is ready at once.
            match others().find(follows).or_else(|| others().next()) {
                Some(other) => (*other).to_owned(),
                None => return Outcome::refused("No other node can take the shard now."),
            }
        };
        let mut touches = vec![Touch { node: to.clone(), what: format!("shard {shard}") }];
        touches.extend(owner.clone().map(|node| Touch { node, what: format!("shard {shard}") }));
        touches.sort_unstable();
        touches.dedup();
        if !action.dry_run {
            parts.pins.set(shard, Some(&to), at_ms);
        }
        let from = owner.unwrap_or_else(|| "nobody".to_owned());
        Outcome::done(
            action.dry_run,
            touches,
            format!("Shard {shard} goes from {from} to {to} as soon as that has caught up, and stays there."),
        )
    }

    async fn quarantine(&self, action: &Action, id: &str, by: &str) -> Outcome {
        let document = action.target.document.as_deref().unwrap_or_default();
        if !shown::is_document(document) {
            return Outcome::refused("The target must name a document.");
        }
        if action.action == Kind::QuarantineDocument && self.tenant_of(document).await.is_none() {
            return Outcome::refused(format!("No node that answers knows document {document}."));
        }
        if !action.dry_run
            && let Err(why) = self.operator.write_quarantine(action).await
        {
            return Outcome::refused(format!("It could not be written down: {why}."));
        }
        let mut outcome = self.order(action, id, by, None).await;
        // What stands in the store counts; a node that did not hear now reads it there.
        if outcome.outcome == "partly" {
            outcome.detail = format!("{} The other nodes read it from the store.", outcome.detail);
        }
        outcome
    }

    /// Whose a document is, if a node that answers knows it.
    async fn tenant_of(&self, document: &str) -> Option<String> {
        let question = Question::Where { document: Some(document.to_owned()), trace: document.to_owned() };
        let answered = self.ask(&question, |_| true).await;
        let records = answered.iter().filter_map(|one| Some(&one.answer.as_ref().ok()?["record"]));
        let best = records.filter(|one| !one.is_null()).max_by_key(|one| one["owns"] == true)?;
        Some(best["tenant"].as_str()?.to_owned())
    }

    async fn retry(&self, action: &Action, document: &str) -> Outcome {
        let Ok(id) = document.parse::<DocumentId>() else {
            return Outcome::refused(format!("{document} is no document's id."));
        };
        let Some(tenant) = self.tenant_of(document).await else {
            return Outcome::refused(format!("No node that answers knows document {document}."));
        };
        let shard = self.operator.0.parts.shards.of(id);
        let owner = self.operator.0.parts.table.row(shard).owner.map(|(owner, _)| owner.name);
        let touch = Touch { node: owner.unwrap_or_default(), what: format!("document {document}") };
        if action.dry_run {
            return Outcome::done(true, vec![touch], "It is read again, as a new revision.");
        }
        let request = Request::new(document, RETRY_TIME_MAX);
        match self.router.retry(&request, &tenant, id).await {
            Ok(()) => Outcome::done(false, vec![touch], "It is read again, as a new revision."),
            Err(RouteError::Refused(code, why)) => Outcome::refused(match code {
                crate::wire::refusal::NOT_FAILED => "The document did not fail.".to_owned(),
                crate::wire::refusal::ALREADY_THERE => format!("The same file is there as document {why}."),
                _ => format!("It was refused: {}.", enabler_cluster::plain(&why)),
            }),
            Err(error) => Outcome::refused(format!("It was not done: {error}.")),
        }
    }

    /// The dead letters that are meant, at most [`BULK_MAX`], and how many more there are.
    async fn meant(&self, ids: Option<&Ids>) -> (Vec<Value>, usize) {
        let listed = self.dead_letters(LIST_LIMIT_MAX).await;
        let all = listed["dead_letters"].as_array().cloned().unwrap_or_default();
        let is_meant = |one: &Value| match ids {
            Some(Ids::These(ids)) => ids.iter().any(|id| one["id"] == **id),
            Some(Ids::All(_)) => true,
            None => false,
        };
        let mut meant: Vec<Value> = all.into_iter().filter(is_meant).collect();
        let more = meant.len().saturating_sub(BULK_MAX);
        meant.truncate(BULK_MAX);
        (meant, more)
    }

    async fn retry_letters(&self, action: &Action) -> Outcome {
        let (mut meant, more) = self.meant(action.target.ids.as_ref()).await;
        meant.retain(|one| one["can_retry"] == true);
        if meant.is_empty() {
            return Outcome::refused("None of them can be tried again.");
        }
        let mut outcomes = Vec::new();
        for one in &meant {
            outcomes.push(self.retry(action, one["document"].as_str().unwrap_or_default()).await);
        }
        capped(Outcome::of_all(outcomes), more)
    }

    async fn discard(&self, action: &Action, id: &str, by: &str) -> Outcome {
        let (meant, more) = self.meant(action.target.ids.as_ref()).await;
        if meant.is_empty() {
            return Outcome::refused("There is no such dead letter.");
        }
        let (documents, lost): (Vec<&Value>, Vec<&Value>) =
            meant.iter().partition(|one| one["can_retry"] == true);
        let mut outcomes = Vec::new();
        for one in documents {
            outcomes.push(self.put_aside(action, one).await);
        }
        if !lost.is_empty() {
            let ids = lost.iter().filter_map(|one| Some(one["id"].as_str()?.to_owned())).collect();
            let mut own = action.clone();
            own.target.ids = Some(Ids::These(ids));
            outcomes.push(self.order(&own, id, by, None).await);
        }
        capped(Outcome::of_all(outcomes), more)
    }

    /// Notes in the store that a failed document was looked at and is let be. The document stays as it is.
    async fn put_aside(&self, action: &Action, letter: &Value) -> Outcome {
        let id = letter["id"].as_str().unwrap_or_default();
        let node = letter["node"].as_str().unwrap_or_default().to_owned();
        let touch = Touch { node, what: format!("dead letter {id}") };
        if !action.dry_run {
            let note = json!({ "at_ms": self.operator.now_ms(), "reason": action.reason });
            let Ok(key) = Key::new(format!("{ASIDE}{id}")) else {
                return Outcome::refused(format!("{id} is no dead letter."));
            };
            if let PutOutcome::Unknown(error) = self.store().put_new(&key, sealed(&note)).await {
                return Outcome::refused(format!("It could not be written down: {error}."));
            }
        }
        Outcome::done(action.dry_run, vec![touch], "It is no longer listed; the document stays as it is.")
    }

    /// Writes down that something was done, beside the audit log, so that it can be listed.
    async fn write_down(&self, done: &Value, at_ms: u64) {
        let operator = &self.operator;
        {
            let mut own = operator.0.actions.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if own.len() == REMEMBERED_MAX {
                own.pop_back();
            }
            own.push_front(done.clone());
        }
        operator.tree().changed(Change::Told { name: "action".to_owned(), data: done.to_string() });
        // Later ones sort first.
        let name = format!("{DONE}{:020}-{}", u64::MAX - at_ms, done["id"].as_str().unwrap_or_default());
        let written = timeout(WRITE_TIME_MAX, async {
            let key = Key::new(name).map_err(|error| error.to_string())?;
            match self.store().put_new(&key, sealed(done)).await {
                PutOutcome::Unknown(error) => Err(error.to_string()),
                PutOutcome::Done(_) | PutOutcome::Exists | PutOutcome::Changed => {
                    prune(self.store()).await;
                    Ok(())
                }
            }
        });
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => tracing::warn!(why, "an action is in the audit log only"),
            Err(_) => tracing::warn!("an action is in the audit log only: the store does not answer"),
        }
    }

    /// What operators did lately, the newest first.
    pub async fn actions(&self, limit: usize) -> Value {
        let limit = limit.clamp(1, DONE_MAX);
        let own = self.operator.0.actions.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let mut all: Vec<Value> = own.into_iter().collect();
        let kept = timeout(WRITE_TIME_MAX * 2, kept(self.store(), limit));
        let trouble = match kept.await {
            Ok(Ok(kept)) => {
                let known: Vec<Value> = all.iter().map(|one| one["id"].clone()).collect();
                all.extend(kept.into_iter().filter(|one| !known.contains(&one["id"])));
                None
            }
            Ok(Err(why)) => Some(why),
            Err(_) => Some("it does not answer".to_owned()),
        };
        all.sort_by_key(|one| std::cmp::Reverse(one["at_ms"].as_u64()));
        all.truncate(limit);
        let cannot_see: Vec<Value> =
            trouble.map(|why| json!({ "what": "store", "why": why })).into_iter().collect();
        json!({ "actions": all, "cannot_see": cannot_see, "taken_at_ms": self.operator.now_ms() })
    }
}

fn sealed(note: &Value) -> Bytes {
    // A JSON value can always be written.
    sealed::seal(note).unwrap_or_default()
}

fn capped(outcome: Outcome, more: usize) -> Outcome {
    if more == 0 {
        return outcome;
    }
    let detail = format!("{} {more} more are left: {BULK_MAX} at a time.", outcome.detail);
    Outcome { detail, ..outcome }
}

async fn kept(store: &dyn ObjectStore, limit: usize) -> Result<Vec<Value>, String> {
    let listed = store.list_after(DONE, None, limit).await.map_err(|error| error.to_string())?;
    let read = listed.iter().map(|one| store.get(&one.key));
    let mut all = Vec::new();
    for object in futures_util::future::join_all(read).await {
        if let Some(object) = object.map_err(|error| error.to_string())?
            && let Ok(one) = sealed::open(&object.bytes)
        {
            all.push(one);
        }
    }
    Ok(all)
}

/// Removes the oldest of what was written down, beyond [`DONE_MAX`].
async fn prune(store: &dyn ObjectStore) {
    let Ok(newest) = store.list_after(DONE, None, LIST_LIMIT_MAX).await else { return };
    let Some(last) = newest.get(DONE_MAX - 1) else { return };
    if let Ok(older) = store.list_after(DONE, Some(&last.key), LIST_LIMIT_MAX).await {
        for one in older {
            let _ = store.delete(&one.key).await;
        }
    }
}
