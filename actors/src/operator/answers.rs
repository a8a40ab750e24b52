//! What all nodes say, put together: partly when some do not say anything, and then it is told who.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::everywhere::{Answered, Panel};
use super::failures;
use super::told::{Question, Window};

/// Entries of a list at most.
const LIST_MAX: usize = 1_000;

/// Nobody knows what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody knows what was asked for")]
pub struct Unknown;

fn items<'a>(answered: &'a [Answered], field: &'a str) -> impl Iterator<Item = &'a Value> {
    let lists = answered.iter().filter_map(move |one| one.answer.as_ref().ok()?.get(field)?.as_array());
    lists.flatten()
}

fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or(0)
}

fn newest_first(list: &mut Vec<Value>, limit: usize) {
    list.sort_by_key(|one| std::cmp::Reverse(number(one, "at_ms")));
    list.truncate(limit);
}

impl Panel {
    /// What runs on `node`, or on all nodes.
    pub async fn tree(&self, node: Option<&str>, window: Window) -> Value {
        let answered = self.ask(&Question::Tree(window), |name| node.is_none_or(|node| node == name)).await;
        let nodes: Vec<Value> = answered
            .iter()
            .map(|one| {
                let mut shown = self.node(one);
                if let (Ok(Value::Object(own)), Some(shown)) = (&one.answer, shown.as_object_mut()) {
                    shown.extend(own.clone());
                }
                shown
            })
            .collect();
        self.whole(json!({ "nodes": nodes }), &answered).await
    }

    /// One actor of one node, with what happened to it, also when it or its node is gone.
    ///
    /// # Errors
    /// If there is no such actor and nothing is remembered of one.
    pub async fn actor(&self, node: &str, path: &str) -> Result<Value, Unknown> {
        let answered = self.ask(&Question::Actor { path: path.to_owned() }, |name| name == node).await;
        let own = answered.first().and_then(|one| one.answer.as_ref().ok()).cloned();
        let mut found =
            own.unwrap_or_else(|| json!({ "actor": null, "failures": [], "history": [], "trace": null }));
        let mut failures = found["failures"].as_array().cloned().unwrap_or_default();
        let is_own = |one: &Value| one["path"] == path;
        if let Ok(kept) = failures::read(self.store(), Some(node), super::plan::BULK_MAX, is_own).await {
            join(&mut failures, kept);
        }
        newest_first(&mut failures, super::plan::BULK_MAX);
        let is_told = answered.iter().any(|one| one.answer.is_ok());
        if found["actor"].is_null() && failures.is_empty() && (is_told || answered.is_empty()) {
            return Err(Unknown);
        }
        found["failures"] = failures.into();
        Ok(self.whole(found, &answered).await)
    }

    /// Which prompt each node drafts answers with.
    pub(crate) async fn prompts_of_nodes(&self) -> Vec<Value> {
        let answered = self.ask(&Question::Prompt, |_| true).await;
        let told = answered.iter().map(|one| {
            let prompt = one.answer.as_ref().ok().map(|answer| &answer["prompt"]);
            json!({ "node": one.node.name, "prompt": prompt, "why": one.answer.as_ref().err() })
        });
        told.collect()
    }

    /// Every shard: who owns and follows it, and how far each of them is.
    pub async fn shards(&self) -> Value {
        let answered = self.ask(&Question::Shards, |_| true).await;
        let mut by_shard: BTreeMap<u64, Vec<(&str, &Value)>> = BTreeMap::new();
        for one in &answered {
            let own = one.answer.as_ref().ok().and_then(|answer| answer["shards"].as_array());
            for shard in own.into_iter().flatten() {
                by_shard.entry(number(shard, "shard")).or_default().push((&one.node.name, shard));
            }
        }
        let parts = &self.operator.0.parts;
        let shards = (0..parts.shards.count).map(|number| {
            let told = by_shard.get(&u64::from(number)).cloned().unwrap_or_default();
            let row = parts.table.row(number);
            let owner = row.owner.map(|(owner, epoch)| (owner.name, epoch));
            let wanted = parts.pins.of(number);
            shard(number, &told, owner, wanted)
        });
        let found = json!({ "shards": shards.collect::<Vec<_>>() });
        self.whole(found, &answered).await
    }

    /// What failed, the newest first, also on nodes and generations that are gone.
    pub async fn failures(&self, node: Option<&str>, path: Option<&str>, limit: usize) -> Value {
        let limit = limit.clamp(1, LIST_MAX);
        let is_wanted = |one: &Value| {
            path.is_none_or(|path| {
                let own = one["path"].as_str().unwrap_or_default();
                own == path || own.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
            })
        };
        let question = Question::Failures { limit: LIST_MAX };
        let answered = self.ask(&question, |name| node.is_none_or(|node| node == name)).await;
        let lists = answered.iter().filter_map(|one| one.answer.as_ref().ok()?.as_array());
        let mut all: Vec<Value> = lists.flatten().filter(|one| is_wanted(one)).cloned().collect();
        let mut trouble = None;
        match failures::read(self.store(), node, limit, is_wanted).await {
            Ok(kept) => join(&mut all, kept),
            Err(why) => trouble = Some(why),
        }
        newest_first(&mut all, limit);
        let mut found = self.whole(json!({ "failures": all }), &answered).await;
        says_store(&mut found, trouble);
        found
    }

    /// What was given up, the newest first.
    pub async fn dead_letters(&self, limit: usize) -> Value {
        let limit = limit.clamp(1, LIST_MAX);
        let answered = self.ask(&Question::DeadLetters { limit }, |_| true).await;
        let mut letters: Vec<Value> = items(&answered, "dead_letters").cloned().collect();
        newest_first(&mut letters, limit);
        let trouble =
            answered.iter().find_map(|one| Some(one.answer.as_ref().ok()?["trouble"].as_str()?.to_owned()));
        let mut found = self.whole(json!({ "dead_letters": letters }), &answered).await;
        says_store(&mut found, trouble);
        found
    }

    /// Documents that have not come on for `over_s`, those that wait longest first.
    pub async fn stalled(&self, over_s: u64) -> Value {
        let question = Question::Stalled { over_ms: over_s.saturating_mul(1_000), limit: LIST_MAX };
        let answered = self.ask(&question, |_| true).await;
        let mut documents: Vec<Value> = items(&answered, "documents").cloned().collect();
        documents.sort_by_key(|one| number(one, "since_ms"));
        documents.truncate(LIST_MAX);
        self.whole(json!({ "documents": documents }), &answered).await
    }

    /// What has changed on each node after the numbers in `after`, which are then those of the newest changes.
    pub async fn changes(&self, after: &mut BTreeMap<String, u64>, limit: usize) -> Vec<Value> {
        let view = self.operator.0.parts.net.view().borrow().clone();
        let asked = view.members.iter().filter(|member| member.is_alive()).map(|member| {
            let key = format!("{}-{}", member.id, super::shown::generation(&member.id));
            let question = Question::Changes { after: after.get(&key).copied().unwrap_or(0), limit };
            async move {
                let all = self.ask(&question, |name| name == member.id.name).await;
                (key, all.into_iter().next().and_then(|one| one.answer.ok()))
            }
        });
        let answers = futures_util::future::join_all(asked).await;
        let own = format!("{}-{}", self.me(), super::shown::generation(self.me()));
        let mut told = Vec::new();
        let known = std::mem::take(after);
        for (key, answer) in answers {
            let Some(answer) = answer else {
                // Who did not answer now is asked for the same once more.
                if let Some(number) = known.get(&key) {
                    after.insert(key, *number);
                }
                continue;
            };
            let changes = answer["changes"].as_array().cloned().unwrap_or_default();
            let newest = changes.last().map_or(number(&answer, "newest"), |last| number(last, "number"));
            // Each node tells how it sees the others; here it is told once, as this one sees it.
            let is_own = key == own;
            after.insert(key, newest.max(1));
            told.extend(changes.into_iter().filter(|one| is_own || one["event"] != "node"));
        }
        told
    }

    pub(crate) fn store(&self) -> &dyn enabler_storage::objects::ObjectStore {
        &*self.operator.0.parts.store
    }
}

/// Adds what the store has and nobody has told.
fn join(told: &mut Vec<Value>, kept: Vec<Value>) {
    let known: std::collections::BTreeSet<String> =
        told.iter().filter_map(|one| Some(one["id"].as_str()?.to_owned())).collect();
    told.extend(kept.into_iter().filter(|one| one["id"].as_str().is_some_and(|id| !known.contains(id))));
}

/// Says that the store could not be seen, unless that is said already.
fn says_store(found: &mut Value, trouble: Option<String>) {
    let Some(why) = trouble else { return };
    if let Some(all) = found["cannot_see"].as_array_mut()
        && !all.iter().any(|one| one["what"] == "store")
    {
        all.push(json!({ "what": "store", "why": why }));
    }
}

/// One shard by what each node says of it, and by who is believed to own it. Pure.
fn shard(
    number: u32,
    told: &[(&str, &Value)],
    owner: Option<(String, u64)>,
    wanted: Option<String>,
) -> Value {
    let is_part = |one: &Value, part: &str| one["part"] == part;
    // The highest epoch counts: a node that was replaced may not know yet.
    let owns = told.iter().filter(|(_, one)| is_part(one, "owner"));
    let serving = owns.max_by_key(|(_, one)| one["epoch"].as_u64());
    let position = serving.and_then(|(_, one)| one["position"].as_u64());
    let replicas: Vec<Value> = told
        .iter()
        .filter(|(_, one)| is_part(one, "replica"))
        .map(|(node, one)| {
            let own = one["position"].as_u64();
            let lag = position.zip(own).map(|(owner, own)| owner.saturating_sub(own));
            json!({ "node": node, "position": own, "lag": lag })
        })
        .collect();
    let is_any = |field: &str| told.iter().any(|(_, one)| one[field] == true);
    let has_note = |start: &str| {
        told.iter().any(|(_, one)| one["note"].as_str().is_some_and(|note| note.starts_with(start)))
    };
    let refusing: Vec<&str> =
        told.iter().filter(|(_, one)| one["refuses"] == true).map(|(node, _)| *node).collect();
    let note = |node: Option<&str>| {
        let own = told.iter().find(|(name, _)| node.is_none_or(|node| node == *name));
        own.and_then(|(_, one)| one["note"].as_str()).unwrap_or_default().to_owned()
    };
    let (status, why) = match (&serving, &owner) {
        (Some((_, one)), _) if one["status"] == "draining" || one["is_granting"] == true => {
            ("handing_over", None)
        }
        (Some(_), _) => ("serving", None),
        (None, _) if is_any("is_granting") || is_any("is_coming") => ("handing_over", None),
        (None, _) if has_note("claiming") || has_note("opening") => ("claiming", None),
        (None, _) if !refusing.is_empty() && refusing.len() == told.len() => (
            "refused",
            Some(format!("every node that was asked refuses it: {}", note(refusing.first().copied()))),
        ),
        (None, Some((owner, _))) if !told.iter().any(|(node, _)| node == owner) && replicas.is_empty() => {
            ("unowned", Some(format!("node {owner}, which should own it, did not tell")))
        }
        (None, Some((owner, _))) if !replicas.is_empty() => (
            "following",
            Some(format!("node {owner} does not serve it; it can be read from those who follow it")),
        ),
        (None, _) if !replicas.is_empty() => {
            ("following", Some("nobody serves it; it can be read from those who follow it".to_owned()))
        }
        (None, _) => ("unowned", Some(note(None)).filter(|note| !note.is_empty())),
    };
    let epoch =
        serving.and_then(|(_, one)| one["epoch"].as_u64()).or(owner.as_ref().map(|(_, epoch)| *epoch));
    let name = serving.map(|(node, _)| (*node).to_owned()).or(owner.map(|(owner, _)| owner));
    json!({
        "shard": number,
        "owner": name,
        "epoch": epoch.unwrap_or(0),
        "status": status,
        "position": position,
        "documents": serving.map(|(_, one)| one["documents"].clone()),
        "replicas": replicas,
        "wanted_on": wanted,
        "why": why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(part: &str, epoch: u64, position: u64) -> Value {
        json!({ "part": part, "epoch": epoch, "position": position, "documents": 3, "refuses": false,
            "is_coming": false, "is_granting": false, "status": "running", "note": "" })
    }

    #[test]
    fn a_shard_is_what_its_owner_of_the_highest_epoch_says() {
        let (old, new, replica) = (one("owner", 4, 90), one("owner", 5, 120), one("replica", 5, 118));
        let told = [("n1", &old), ("n2", &new), ("n3", &replica)];
        let shown = shard(3, &told, Some(("n1".into(), 4)), None);
        assert_eq!(
            (&shown["owner"], &shown["epoch"], &shown["status"]),
            (&json!("n2"), &json!(5), &json!("serving"))
        );
        assert_eq!(shown["replicas"], json!([{ "node": "n3", "position": 118, "lag": 2 }]));
        let moving = Value::Object({
            let mut moving = new.as_object().unwrap().clone();
            moving.insert("status".into(), json!("draining"));
            moving
        });
        assert_eq!(shard(3, &[("n2", &moving)], None, None)["status"], "handing_over");
    }

    #[test]
    fn a_shard_whose_owner_is_silent_is_followed_or_unowned_and_says_why() {
        let replica = one("replica", 5, 7);
        let silent = Some(("n1".to_owned(), 5));
        let shown = shard(0, &[("n2", &replica)], silent.clone(), None);
        assert_eq!((&shown["status"], &shown["owner"]), (&json!("following"), &json!("n1")));
        assert!(shown["why"].as_str().unwrap().contains("n1"));
        let gone = shard(0, &[], silent, None);
        assert_eq!(gone["status"], "unowned");
        assert!(gone["why"].as_str().unwrap().contains("did not tell"));
    }
}
