//! Tells operators what the nodes say, and has them do what operators order.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use enabler_actors::operator::{self, Panel, Window};
use enabler_actors::quality;
use enabler_http::{Action, ApiError, Change, Context, NewPrompt, NewSuite, OperatorApi, TreeQuery, Watch};
use serde_json::Value;

use super::{NodeApi, Started, internal};

/// Changes of one node that are told at one time.
const CHANGES_MAX: usize = 256;

impl NodeApi {
    fn panel(&self) -> Result<Panel, ApiError> {
        Ok(self.started.get()?.panel)
    }

    /// The same, where operators may act.
    fn acting_panel(&self) -> Result<Panel, ApiError> {
        let panel = self.panel()?;
        if panel.here().may_act() { Ok(panel) } else { Err(ApiError::ActionsDisabled) }
    }
}

#[async_trait]
impl OperatorApi for NodeApi {
    async fn operator_tree(&self, query: TreeQuery) -> Result<Value, ApiError> {
        let TreeQuery { node, under, depth, limit, after, text, status } = query;
        let window = Window { under, depth, limit, after, text, status };
        Ok(self.panel()?.tree(node.as_deref(), window).await)
    }

    async fn operator_actor(&self, node: &str, path: &str) -> Result<Value, ApiError> {
        self.panel()?.actor(node, path).await.map_err(|_| ApiError::NothingKnown)
    }

    async fn operator_shards(&self) -> Result<Value, ApiError> {
        Ok(self.panel()?.shards().await)
    }

    async fn operator_failures(
        &self,
        node: Option<&str>,
        path: Option<&str>,
        limit: usize,
    ) -> Result<Value, ApiError> {
        Ok(self.panel()?.failures(node, path, limit).await)
    }

    async fn operator_dead_letters(&self, limit: usize) -> Result<Value, ApiError> {
        Ok(self.panel()?.dead_letters(limit).await)
    }

    async fn operator_stalled(&self, over_s: u64) -> Result<Value, ApiError> {
        Ok(self.panel()?.stalled(over_s).await)
    }

    async fn operator_where(&self, id: &str) -> Result<Value, ApiError> {
        self.panel()?.whereabouts(id).await.map_err(|_| ApiError::NothingKnown)
    }

    async fn operator_actions(&self, limit: usize) -> Result<Value, ApiError> {
        Ok(self.panel()?.actions(limit).await)
    }

    async fn operator_recurring(&self) -> Result<Value, ApiError> {
        Ok(self.panel()?.recurring().await)
    }

    async fn operator_prompts(&self, version: Option<&str>) -> Result<Value, ApiError> {
        Ok(self.panel()?.prompts(version).await)
    }

    async fn operator_put_prompt(&self, prompt: NewPrompt, by: &str) -> Result<Value, ApiError> {
        let note = prompt.note.unwrap_or_default();
        Ok(self.acting_panel()?.put_prompt(&prompt.pt, &prompt.en, &note, by).await)
    }

    async fn operator_quality(&self, suite: Option<&str>) -> Result<Value, ApiError> {
        Ok(self.panel()?.quality(suite).await)
    }

    async fn operator_put_suite(
        &self,
        context: &Context,
        suite: NewSuite,
        by: &str,
    ) -> Result<Value, ApiError> {
        let panel = self.acting_panel()?;
        let NewSuite { suite, gate, questions } = suite;
        let gate = gate.map(|gate| quality::Gate { min_score: gate.min_score, max_drop: gate.max_drop });
        // The shapes of the API and those of the store are the same JSON.
        let questions = serde_json::to_value(questions).and_then(serde_json::from_value);
        let questions = questions.map_err(|error| internal("reading a suite", error))?;
        let tenant = context.tenant.name();
        Ok(panel.put_suite(tenant, &suite, gate.unwrap_or_default(), questions, by).await)
    }

    async fn operator_act(&self, action: Action, by: &str) -> Result<Value, ApiError> {
        let panel = self.acting_panel()?;
        // The shapes of the API and those between nodes are the same JSON.
        let action = serde_json::to_value(action).and_then(serde_json::from_value::<operator::Action>);
        let action = action.map_err(|error| internal("reading an action", error))?;
        Ok(panel.act(&action, by).await)
    }

    fn operator_watch(&self) -> Result<Box<dyn Watch>, ApiError> {
        self.started.get()?;
        Ok(Box::new(Watching { started: self.started.clone(), after: BTreeMap::new() }))
    }

    fn request_begins(&self, context: &Context) {
        if let Some(panel) = self.started.now().map(|actors| actors.panel) {
            panel.request_begins(&context.request_id, &context.trace_id);
        }
    }

    fn request_ended(&self, context: &Context, route: &'static str, took: Duration, failed: bool) {
        // Whoever looks at the nodes would otherwise see himself most of all.
        if route.starts_with("operator ") {
            return;
        }
        if let Some(panel) = self.started.now().map(|actors| actors.panel) {
            panel.request_ended(&context.trace_id, route, took, failed);
        }
    }
}

/// Follows the changes of all nodes, also over a new generation of this one.
struct Watching {
    started: Started,
    after: BTreeMap<String, u64>,
}

#[async_trait]
impl Watch for Watching {
    async fn changes(&mut self) -> Vec<Change> {
        let Some(actors) = self.started.now() else { return Vec::new() };
        let told = actors.panel.changes(&mut self.after, CHANGES_MAX).await;
        let change = |one: Value| {
            let event = one["event"].as_str()?.to_owned();
            Some(Change { event, data: one["data"].clone() })
        };
        told.into_iter().filter_map(change).collect()
    }
}
