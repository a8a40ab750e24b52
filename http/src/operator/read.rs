//! Reads what operators ask for and send, and says everything that is wrong with it at once. Pure.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Action, ActionKind, Ids, Target, TreeQuery};
use crate::error::Violation;
use crate::fields;
use crate::message::Message;
use crate::problem::Problem;
use crate::request;

/// The longest text of a query: paths are far shorter.
const TEXT_CHARS_MAX: usize = 300;
/// Levels below the root that are told when nobody says how many.
const DEPTH: usize = 2;
const DEPTH_MAX: u64 = 32;
/// Actors of a node that are told when nobody says how many.
const ACTORS: usize = 200;
const ACTORS_MAX: u64 = 1_000;
/// Entries of a list when nobody says how many.
const ENTRIES: usize = 100;
const ENTRIES_MAX: u64 = 1_000;
/// How long a document counts as stalled that has not come on, when nobody says how long, in seconds.
const STALLED_S: u64 = 60;
const STALLED_S_MAX: u64 = 31_536_000;
/// A reason in characters: a word at least, a few sentences at most.
const REASON_CHARS: std::ops::RangeInclusive<usize> = 3..=300;
/// Dead letters that one action may name.
const IDS_MAX: usize = 100;
/// What an actor may be doing.
pub(crate) const STATUSES: [&str; 11] = [
    "starting",
    "running",
    "busy",
    "stuck",
    "waiting",
    "draining",
    "paused",
    "quarantined",
    "restarting",
    "failed",
    "stopped",
];

/// The fields of a query, each once; unknown ones are left alone.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(n, t)| (decoded(n), decoded(t)))
                .collect(),
        )
    }

    fn get(&self, field: &str) -> Option<&str> {
        let own = self.0.iter().find(|(name, _)| name == field)?;
        Some(own.1.as_str()).filter(|text| !text.is_empty())
    }

    fn text(&self, field: &'static str, wrong: &mut Vec<Violation>) -> Option<String> {
        let text = self.get(field)?;
        if text.chars().count() > TEXT_CHARS_MAX {
            wrong.push(Violation { field, message: Message::FieldTooLong { limit: TEXT_CHARS_MAX } });
        }
        Some(text.to_owned())
    }

    fn whole(&self, field: &'static str, min: u64, max: u64, wrong: &mut Vec<Violation>) -> Option<u64> {
        let text = self.get(field)?;
        let number = text.parse().ok().filter(|number| (min..=max).contains(number));
        if number.is_none() {
            let got = text.chars().take(40).collect();
            wrong.push(Violation { field, message: Message::NotWhole { min, max, got } });
        }
        number
    }
}

/// A text without its percent signs, as forms write it; what is no UTF-8 is replaced.
///
/// Source: WHATWG URL Standard, section 5.1.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let hex = |bytes: &[u8]| u8::from_str_radix(std::str::from_utf8(bytes).ok()?, 16).ok();
        match (first, behind.get(..2).and_then(hex)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn checked<T>(read: T, wrong: Vec<Violation>) -> Result<T, Problem> {
    if wrong.is_empty() { Ok(read) } else { Err(Problem::invalid(wrong)) }
}

pub(super) fn tree(query: &str) -> Result<TreeQuery, Problem> {
    let (query, mut wrong) = (Query::of(query), Vec::new());
    let status = query.text("status", &mut wrong);
    if let Some(status) = status.as_ref().filter(|status| !STATUSES.contains(&status.as_str())) {
        let got = status.chars().take(40).collect();
        wrong.push(Violation {
            field: "status",
            message: Message::NotOneOf { allowed: STATUSES.join(", "), got },
        });
    }
    let whole =
        |number: Option<u64>, other: usize| number.and_then(|n| usize::try_from(n).ok()).unwrap_or(other);
    let read = TreeQuery {
        node: query.text("node", &mut wrong),
        under: query.text("under", &mut wrong).unwrap_or_default().trim_matches('/').to_owned(),
        depth: whole(query.whole("depth", 1, DEPTH_MAX, &mut wrong), DEPTH),
        limit: whole(query.whole("limit", 1, ACTORS_MAX, &mut wrong), ACTORS),
        after: query.text("after", &mut wrong),
        text: query.text("q", &mut wrong),
        status,
    };
    checked(read, wrong)
}

/// The node and path of an actor.
pub(super) fn actor(query: &str) -> Result<(String, String), Problem> {
    let (query, mut wrong) = (Query::of(query), Vec::new());
    let mut needed = |field: &'static str| {
        let text = query.text(field, &mut wrong);
        if text.is_none() {
            wrong.push(Violation { field, message: Message::FieldMissing });
        }
        text.unwrap_or_default()
    };
    let (node, path) = (needed("node"), needed("path"));
    checked((node, path.trim_matches('/').to_owned()), wrong)
}

/// The node, the path and the length of a list of failures.
pub(super) fn failures(query: &str) -> Result<(Option<String>, Option<String>, usize), Problem> {
    let (fields, mut wrong) = (Query::of(query), Vec::new());
    let (node, path) = (fields.text("node", &mut wrong), fields.text("path", &mut wrong));
    let limit = length(&fields, &mut wrong);
    checked((node, path, limit), wrong)
}

fn length(query: &Query, wrong: &mut Vec<Violation>) -> usize {
    let limit = query.whole("limit", 1, ENTRIES_MAX, wrong);
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(ENTRIES)
}

/// The length of a list.
pub(super) fn limit(query: &str) -> Result<usize, Problem> {
    let mut wrong = Vec::new();
    let limit = length(&Query::of(query), &mut wrong);
    checked(limit, wrong)
}

/// How long a document has not come on, in seconds.
pub(super) fn over_s(query: &str) -> Result<u64, Problem> {
    let mut wrong = Vec::new();
    let over_s = Query::of(query).whole("over_s", 0, STALLED_S_MAX, &mut wrong);
    checked(over_s.unwrap_or(STALLED_S), wrong)
}

/// The one text of a query that is called so.
pub(super) fn named(query: &str, field: &'static str) -> Result<Option<String>, Problem> {
    let mut wrong = Vec::new();
    let text = Query::of(query).text(field, &mut wrong);
    checked(text, wrong)
}

const FIELDS: [&str; 7] = ["action", "target", "count", "expires_s", "reason", "dry_run", "force"];

/// What is to be done.
pub(super) fn action(object: &Map<String, Value>) -> Result<Action, Problem> {
    let mut wrong = fields::unknown(object, &FIELDS);
    let kind = field::<ActionKind>(object, "action", &mut wrong, || Message::NotOneOf {
        allowed: ActionKind::NAMES.join(", "),
        got: object.get("action").map(request::said).unwrap_or_default(),
    });
    if object.get("action").is_none_or(Value::is_null) {
        wrong.push(Violation { field: "action", message: Message::FieldMissing });
    }
    let target = field::<Target>(object, "target", &mut wrong, || Message::NotTarget {
        wanted: "an object with node, path, shard, to, document (a UUID), ids, level, module, job, prompt or suite, as the action needs them",
    })
    .unwrap_or_default();
    let count = field::<u32>(object, "count", &mut wrong, || Message::NotWhole {
        min: 1,
        max: 1_000,
        got: object.get("count").map(request::said).unwrap_or_default(),
    });
    let expires_s = field::<u64>(object, "expires_s", &mut wrong, || Message::NotWhole {
        min: 1,
        max: 86_400,
        got: object.get("expires_s").map(request::said).unwrap_or_default(),
    });
    let dry_run = field::<bool>(object, "dry_run", &mut wrong, || Message::NotFlag {
        got: object.get("dry_run").map(request::said).unwrap_or_default(),
    });
    let force = field::<bool>(object, "force", &mut wrong, || Message::NotFlag {
        got: object.get("force").map(request::said).unwrap_or_default(),
    });
    let reason = object.get("reason").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    if !REASON_CHARS.contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
        let (min, max) = (*REASON_CHARS.start(), *REASON_CHARS.end());
        wrong.push(Violation { field: "reason", message: Message::NotReasoned { min, max } });
    }
    match &target.ids {
        Some(Ids::All(all)) if all != "all" => {
            wrong.push(Violation { field: "target", message: Message::NotTarget { wanted: IDS_WANTED } });
        }
        Some(Ids::These(ids)) if ids.is_empty() || ids.len() > IDS_MAX => {
            wrong.push(Violation { field: "target", message: Message::NotTarget { wanted: IDS_WANTED } });
        }
        _ => {}
    }
    match kind.filter(|_| wrong.is_empty()) {
        None => Err(Problem::invalid(wrong)),
        Some(action) => {
            needs(action, &target)?;
            let (dry_run, force) = (dry_run.unwrap_or(false), force.unwrap_or(false));
            Ok(Action { action, target, count, expires_s, reason, dry_run, force })
        }
    }
}

const IDS_WANTED: &str = "an object whose ids are \"all\" or a list of 1 to 100 ids of dead letters";

fn field<T: for<'a> Deserialize<'a>>(
    object: &Map<String, Value>,
    field: &'static str,
    wrong: &mut Vec<Violation>,
    message: impl FnOnce() -> Message,
) -> Option<T> {
    let value = object.get(field).filter(|value| !value.is_null())?;
    let read = T::deserialize(value).ok();
    if read.is_none() {
        wrong.push(Violation { field, message: message() });
    }
    read
}

/// Whether a target has what its action needs.
fn needs(action: ActionKind, target: &Target) -> Result<(), Problem> {
    use ActionKind as Kind;
    let (is_there, wanted) = match action {
        Kind::Restart | Kind::RestartSubtree | Kind::TraceActor => (
            target.node.is_some() && target.path.is_some(),
            "an object with the node and the path of an actor",
        ),
        Kind::DrainNode | Kind::UndrainNode => (target.node.is_some(), "an object with the name of a node"),
        Kind::DrainShard => (target.shard.is_some(), "an object with the number of a shard"),
        Kind::MoveShard => (
            target.shard.is_some() && target.to.is_some(),
            "an object with the number of a shard and the node that it goes to",
        ),
        Kind::PausePool | Kind::ResumePool => (target.path.is_some(), "an object with the path of a pool"),
        Kind::QuarantineDocument | Kind::ReleaseDocument | Kind::RetryDocument | Kind::EraseDocument => {
            (target.document.is_some(), "an object with the id of a document")
        }
        Kind::RunJob => (target.job.is_some(), "an object with the name of a recurring job"),
        Kind::PromotePrompt => (target.prompt.is_some(), "an object with a version of the prompts"),
        Kind::RollbackPrompt => (true, ""),
        Kind::RunSuite | Kind::RemoveSuite => (target.suite.is_some(), "an object with the name of a suite"),
        Kind::RetryDeadLetters | Kind::DiscardDeadLetters => (target.ids.is_some(), IDS_WANTED),
        Kind::LogLevel => {
            (target.level.is_some(), "an object with a level, and with a module if not all is meant")
        }
    };
    if is_there { Ok(()) } else { Err(Problem::field("target", Message::NotTarget { wanted })) }
}

impl ActionKind {
    /// The name of each, as it is sent.
    pub(crate) const NAMES: [&str; 21] = [
        "restart",
        "restart_subtree",
        "drain_node",
        "undrain_node",
        "drain_shard",
        "move_shard",
        "pause_pool",
        "resume_pool",
        "quarantine_document",
        "release_document",
        "retry_document",
        "retry_dead_letters",
        "discard_dead_letters",
        "trace_actor",
        "log_level",
        "erase_document",
        "run_job",
        "promote_prompt",
        "rollback_prompt",
        "run_suite",
        "remove_suite",
    ];
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn wrong(body: Value) -> Vec<&'static str> {
        let problem = action(body.as_object().unwrap()).unwrap_err();
        problem.violations.iter().map(|one| one.field).collect()
    }

    #[test]
    fn a_query_is_read_with_its_percent_signs_and_its_defaults() {
        let read = tree("under=ocr%2Fworker-0&q=a+b&limit=5&other=1").unwrap();
        assert_eq!(
            (&*read.under, read.text.as_deref(), read.limit, read.depth),
            ("ocr/worker-0", Some("a b"), 5, DEPTH)
        );
        assert_eq!(tree("").unwrap().limit, ACTORS);
        assert!(tree("limit=0&depth=x&status=tired").is_err_and(|problem| problem.violations.len() == 3));
        assert_eq!(actor("node=n1&path=/ocr/").unwrap(), ("n1".to_owned(), "ocr".to_owned()));
        assert!(actor("path=ocr").is_err());
        assert_eq!((over_s("").unwrap(), limit("limit=7").unwrap()), (STALLED_S, 7));
    }

    #[test]
    fn every_action_is_known_by_its_name() {
        for name in ActionKind::NAMES {
            let read: ActionKind = serde_json::from_value(json!(name)).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), json!(name));
        }
    }

    #[test]
    fn an_action_needs_a_reason_and_what_it_is_about() {
        let good =
            json!({"action": "restart", "target": {"node": "n1", "path": "ocr"}, "reason": "it hangs"});
        let read = action(good.as_object().unwrap()).unwrap();
        assert_eq!((read.action, read.dry_run), (ActionKind::Restart, false));
        assert_eq!(wrong(json!({})), ["action", "reason"]);
        assert_eq!(
            wrong(json!({"action": "explode", "reason": "no", "dry_run": 1})),
            ["action", "dry_run", "reason"]
        );
        assert_eq!(
            wrong(json!({"action": "restart", "target": {"node": "n1"}, "reason": "it hangs"})),
            ["target"]
        );
        assert_eq!(
            wrong(json!({"action": "restart", "target": {"host": "n1"}, "reason": "it hangs"})),
            ["target"]
        );
        let ids = json!({"action": "discard_dead_letters", "target": {"ids": "some"}, "reason": "seen"});
        assert_eq!(wrong(ids), ["target"]);
    }

    proptest! {
        #[test]
        fn no_query_makes_reading_panic(query in ".{0,80}") {
            let _ = tree(&query);
            let _ = actor(&query);
            let _ = failures(&query);
        }
    }
}
