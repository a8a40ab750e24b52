//! Asks every node at once and waits for none of them long: who does not answer is named.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use enabler_cluster::net::{CallError, Member, NodeId};
use enabler_cluster::request::Request;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::told::Question;
use super::{Operator, shown};
use crate::router::Router;
use crate::wire;

/// How long a node may take to tell of itself: an operator looks again in a second.
const TELL_TIME_MAX: Duration = Duration::from_millis(1_200);
/// How long a node may take to act.
const ACT_TIME_MAX: Duration = Duration::from_secs(8);
/// How long a node may take to erase what it holds of a document, its snapshot included.
const ERASE_TIME_MAX: Duration = Duration::from_secs(50);
/// How long the store and the cache may take to say that they are there.
const HEALTH_TIME_MAX: Duration = Duration::from_millis(1_200);
/// How long it is believed what they said: many look at one time.
const HEALTH_AGE_MAX: Duration = Duration::from_secs(2);

/// What one node answered.
pub(super) struct Answered {
    pub(super) node: NodeId,
    pub(super) member: Option<Member>,
    pub(super) answer: Result<Value, String>,
}

/// What was last seen of store and cache, and when.
type Seen = (Instant, Vec<Value>);

/// The operator's view of all nodes, seen from this one. Cheap to clone.
#[derive(Clone)]
pub struct Panel {
    pub(super) operator: Operator,
    pub(crate) router: Router,
    health: Arc<Mutex<Option<Seen>>>,
    pub(super) acted: Arc<AtomicU64>,
}

impl Panel {
    /// The view from the node with this part, whose router brings requests to the owners of shards.
    pub fn new(operator: Operator, router: Router) -> Self {
        Panel { operator, router, health: Arc::default(), acted: Arc::new(AtomicU64::new(0)) }
    }

    /// What this node tells and does.
    pub fn here(&self) -> &Operator {
        &self.operator
    }

    /// Asks the nodes that `is_wanted` says, this one included, at one time.
    pub(super) async fn ask(&self, question: &Question, is_wanted: impl Fn(&str) -> bool) -> Vec<Answered> {
        let view = self.operator.0.parts.net.view().borrow().clone();
        let members = view.members.iter().filter(|member| is_wanted(&member.id.name));
        let asked = members.map(|member| async {
            let answer = if member.id == view.me {
                self.operator.answer(question.clone()).await
            } else if member.is_alive() {
                self.ask_one(&member.id, question).await
            } else {
                Err(format!("it has not been heard for {} s", member.since.elapsed().as_secs()))
            };
            Answered { node: member.id.clone(), member: Some(member.clone()), answer }
        });
        join_all(asked).await
    }

    async fn ask_one(&self, node: &NodeId, question: &Question) -> Result<Value, String> {
        let time_max = match question {
            Question::Act { .. } | Question::Outdated { .. } | Question::Makings { .. } => ACT_TIME_MAX,
            Question::EraseTraces { .. } | Question::EraseLog { .. } | Question::ProbeTraces { .. } => {
                ERASE_TIME_MAX
            }
            _ => TELL_TIME_MAX,
        };
        let body = serde_json::to_vec(question).map_err(|error| error.to_string())?;
        let request = Request::new("operator", time_max);
        match self.operator.0.parts.net.call(node, wire::OPERATE, body.into(), &request).await {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
            Err(CallError::Unsupported) => Err("it runs an older version, which does not tell".to_owned()),
            Err(CallError::Ended(_)) => Err(format!("it did not answer within {} ms", time_max.as_millis())),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The store and the cache, if they do not answer, and failures that could not be written.
    pub(super) async fn cannot_see(&self, answered: &[Answered]) -> Vec<Value> {
        let mut all: Vec<Value> = answered
            .iter()
            .filter_map(|one| {
                let why = one.answer.as_ref().err()?;
                Some(json!({ "what": format!("node {}", one.node), "why": why }))
            })
            .collect();
        all.extend(self.health().await);
        all
    }

    async fn health(&self) -> Vec<Value> {
        let known = self.health.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, known)) = known.filter(|(at, _)| at.elapsed() < HEALTH_AGE_MAX) {
            return known;
        }
        let parts = &self.operator.0.parts;
        let store = timeout(HEALTH_TIME_MAX, parts.store.list_after("v1/cluster", None, 1));
        let cache = timeout(HEALTH_TIME_MAX, parts.cache.is_up());
        let (store, cache) = futures_util::join!(store, cache);
        let mut health = Vec::new();
        let store = match store {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(enabler_cluster::plain(&error.to_string())),
            Err(_) => Some("it does not answer".to_owned()),
        };
        if let Some(why) = store.or_else(|| self.operator.0.failures.trouble()) {
            health.push(json!({ "what": "store", "why": why }));
        }
        if !matches!(cache, Ok(true)) {
            health.push(json!({ "what": "cache", "why": "it does not answer" }));
        }
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), health.clone()));
        health
    }

    /// An answer about the cluster: what was found, what could not be seen, and when.
    pub(super) async fn whole(&self, mut found: Value, answered: &[Answered]) -> Value {
        found["cannot_see"] = self.cannot_see(answered).await.into();
        found["taken_at_ms"] = self.operator.now_ms().into();
        found
    }

    /// A request begins on this node.
    pub fn request_begins(&self, request_id: &Arc<str>, trace: &Arc<str>) {
        self.operator.0.requests.note(request_id, trace);
    }

    /// A request has ended on this node.
    pub fn request_ended(&self, trace: &str, route: &str, took: Duration, failed: bool) {
        let started_ms = self.operator.now_ms().saturating_sub(u64::try_from(took.as_millis()).unwrap_or(0));
        self.operator.tree().step(enabler_cluster::tree::Span {
            trace: trace.to_owned(),
            path: "node/http".to_owned(),
            message: route.to_owned(),
            started_ms,
            queue_us: 0,
            work_us: Some(u64::try_from(took.as_micros()).unwrap_or(u64::MAX)),
            failed,
        });
    }

    /// The number of the next action of this node.
    pub(super) fn next_action(&self) -> u64 {
        self.acted.fetch_add(1, Ordering::Relaxed)
    }

    /// The time of day.
    pub(crate) fn now_ms(&self) -> u64 {
        self.operator.now_ms()
    }

    /// How often recurring jobs run.
    pub(crate) fn pauses(&self) -> crate::recurring::Pauses {
        self.operator.0.parts.pauses
    }

    pub(super) fn me(&self) -> &NodeId {
        self.operator.me()
    }

    /// A node as it is shown, before it has told of itself.
    pub(super) fn node(&self, one: &Answered) -> Value {
        let member = one.member.as_ref();
        let fact = |key: &str| member.map(|member| member.fact(key)).unwrap_or_default();
        let roles: Vec<&str> =
            fact(enabler_cluster::net::ROLES).split(',').filter(|role| !role.is_empty()).collect();
        json!({
            "name": one.node.name,
            "generation": shown::generation(&one.node),
            "address": member.map(|member| member.address.clone()),
            "roles": roles,
            "here": one.node == *self.me(),
            "answered": one.answer.is_ok(),
            "why": one.answer.as_ref().err(),
            "cordoned": !fact(crate::keeper::DRAINING).is_empty(),
            "cpu_percent": null,
            "memory_bytes": null,
            "started_ms": null,
            "version": Some(fact("version")).filter(|version| !version.is_empty()),
            "actors_total": 0,
            "actors": [],
            "more_after": null,
        })
    }
}
