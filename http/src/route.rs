//! Which address means what. Pure: method and path in, route or problem out.

use uuid::Uuid;
use warp::http::Method;

use crate::auth::Scope;
use crate::message::Message;
use crate::openai::ModelName;
use crate::operator::SoughtId;
use crate::problem::{Kind, Problem};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Upload,
    List,
    Show(Uuid),
    Delete(Uuid),
    Ask(Uuid),
    Events(Uuid),
    Retry(Uuid),
    Page(Uuid, u32),
    AnalysisJson(Uuid),
    AnalysisPdf(Uuid),
    AnalysisCsv(Uuid),
    AnalysisXlsx(Uuid),
    Analyze,
    Batch,
    BatchStatus(Uuid),
    Search,
    Query,
    Stream,
    StreamResume(Uuid),
    StreamCancel(Uuid),
    ChatCompletions,
    Embeddings,
    Models,
    Model(ModelName),
    KeyList,
    KeyMake,
    KeyRotate(Uuid),
    KeyRevoke(Uuid),
    Tree,
    OperatorTree,
    OperatorActor,
    OperatorEvents,
    OperatorShards,
    OperatorFailures,
    OperatorDeadLetters,
    OperatorStalled,
    OperatorWhere(SoughtId),
    OperatorActions,
    OperatorRecurring,
    OperatorPrompts,
    OperatorPromptPut,
    OperatorQuality,
    OperatorSuitePut,
    OperatorAct,
    Health,
    Ready,
    Live,
    Operator,
    Docs,
    OpenApi,
    Home,
}

impl Route {
    /// The scope that a caller must have; none where no key is needed.
    pub(crate) fn scope(self) -> Option<Scope> {
        match self {
            Self::List
            | Self::Show(_)
            | Self::Ask(_)
            | Self::Events(_)
            | Self::Page(..)
            | Self::AnalysisJson(_)
            | Self::AnalysisPdf(_)
            | Self::AnalysisCsv(_)
            | Self::AnalysisXlsx(_)
            | Self::Analyze
            | Self::BatchStatus(_)
            | Self::Search
            | Self::Query
            | Self::Stream
            | Self::StreamResume(_)
            | Self::StreamCancel(_)
            | Self::ChatCompletions
            | Self::Embeddings
            | Self::Models
            | Self::Model(_) => Some(Scope::Read),
            Self::Upload | Self::Delete(_) | Self::Retry(_) | Self::Batch => Some(Scope::Write),
            Self::KeyList
            | Self::KeyMake
            | Self::KeyRotate(_)
            | Self::KeyRevoke(_)
            | Self::OperatorPromptPut
            | Self::OperatorSuitePut
            | Self::OperatorAct => Some(Scope::Operate),
            Self::Tree
            | Self::OperatorTree
            | Self::OperatorActor
            | Self::OperatorEvents
            | Self::OperatorShards
            | Self::OperatorFailures
            | Self::OperatorDeadLetters
            | Self::OperatorStalled
            | Self::OperatorWhere(_)
            | Self::OperatorActions
            | Self::OperatorRecurring
            | Self::OperatorPrompts
            | Self::OperatorQuality => Some(Scope::Inspect),
            Self::Health
            | Self::Ready
            | Self::Live
            | Self::Operator
            | Self::Docs
            | Self::OpenApi
            | Self::Home => None,
        }
    }

    /// Whether it shows what belongs to all tenants, so that only the operator may use it.
    pub(crate) fn is_operators(self) -> bool {
        let acts = matches!(self, Self::OperatorAct | Self::OperatorPromptPut | Self::OperatorSuitePut);
        acts || self.scope() == Some(Scope::Inspect)
    }

    /// Whether it changes what is kept, so that the audit log names it.
    pub(crate) fn is_write(self) -> bool {
        match self {
            Self::KeyMake
            | Self::KeyRotate(_)
            | Self::KeyRevoke(_)
            | Self::OperatorPromptPut
            | Self::OperatorSuitePut
            | Self::OperatorAct => true,
            _ => self.scope() == Some(Scope::Write),
        }
    }

    /// The id in its address.
    pub(crate) fn id(self) -> Option<Uuid> {
        match self {
            Self::Show(id)
            | Self::Delete(id)
            | Self::Ask(id)
            | Self::Events(id)
            | Self::Retry(id)
            | Self::Page(id, _)
            | Self::AnalysisJson(id)
            | Self::AnalysisPdf(id)
            | Self::AnalysisCsv(id)
            | Self::AnalysisXlsx(id)
            | Self::BatchStatus(id)
            | Self::StreamResume(id)
            | Self::StreamCancel(id)
            | Self::KeyRotate(id)
            | Self::KeyRevoke(id) => Some(id),
            _ => None,
        }
    }

    /// Whether it is answered even when every place for a request is taken, so that an orchestrator does
    /// not take a busy node for a dead one.
    pub(crate) fn is_probe(self) -> bool {
        matches!(self, Self::Health | Self::Ready | Self::Live)
    }

    /// Its name in logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::List => "list",
            Self::Show(_) => "show",
            Self::Delete(_) => "delete",
            Self::Ask(_) => "ask",
            Self::Events(_) => "events",
            Self::Retry(_) => "retry",
            Self::Page(..) => "page",
            Self::AnalysisJson(_) => "analysis json",
            Self::AnalysisPdf(_) => "analysis pdf",
            Self::AnalysisCsv(_) => "analysis csv",
            Self::AnalysisXlsx(_) => "analysis xlsx",
            Self::Analyze => "analyze",
            Self::Batch => "batch",
            Self::BatchStatus(_) => "batch status",
            Self::Search => "search",
            Self::Query => "query",
            Self::Stream => "stream",
            Self::StreamResume(_) => "stream resume",
            Self::StreamCancel(_) => "stream cancel",
            Self::ChatCompletions => "chat completions",
            Self::Embeddings => "embeddings",
            Self::Models => "models",
            Self::Model(_) => "model",
            Self::KeyList => "key list",
            Self::KeyMake => "key make",
            Self::KeyRotate(_) => "key rotate",
            Self::KeyRevoke(_) => "key revoke",
            Self::Tree => "tree",
            Self::OperatorTree => "operator tree",
            Self::OperatorActor => "operator actor",
            Self::OperatorEvents => "operator events",
            Self::OperatorShards => "operator shards",
            Self::OperatorFailures => "operator failures",
            Self::OperatorDeadLetters => "operator dead letters",
            Self::OperatorStalled => "operator stalled",
            Self::OperatorWhere(_) => "operator where",
            Self::OperatorActions => "operator actions",
            Self::OperatorRecurring => "operator recurring",
            Self::OperatorPrompts => "operator prompts",
            Self::OperatorPromptPut => "operator prompt put",
            Self::OperatorQuality => "operator quality",
            Self::OperatorSuitePut => "operator suite put",
            Self::OperatorAct => "operator act",
            Self::Health => "health",
            Self::Ready => "ready",
            Self::Live => "live",
            Self::Operator => "operator",
            Self::Docs => "docs",
            Self::OpenApi => "openapi",
            Self::Home => "home",
        }
    }
}

/// Every route with its method and address; `{id}`, `{page}` and `{model}` stand for what the caller fills in.
const TABLE: &[(&str, &str)] = &[
    ("POST", "/v1/documents"),
    ("GET", "/v1/documents"),
    ("GET", "/v1/documents/{id}"),
    ("DELETE", "/v1/documents/{id}"),
    ("POST", "/v1/documents/{id}/ask"),
    ("GET", "/v1/documents/{id}/events"),
    ("POST", "/v1/documents/{id}/retry"),
    ("GET", "/v1/documents/{id}/pages/{page}.png"),
    ("GET", "/v1/documents/{id}/analysis.json"),
    ("GET", "/v1/documents/{id}/analysis.pdf"),
    ("GET", "/v1/documents/{id}/analysis.csv"),
    ("GET", "/v1/documents/{id}/analysis.xlsx"),
    ("POST", "/v1/analyze"),
    ("POST", "/v1/batch"),
    ("GET", "/v1/batch/{id}"),
    ("POST", "/v1/search"),
    ("POST", "/v1/query"),
    ("GET", "/v1/stream"),
    ("GET", "/v1/streams/{id}"),
    ("DELETE", "/v1/streams/{id}"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/embeddings"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{model}"),
    ("GET", "/v1/keys"),
    ("POST", "/v1/keys"),
    ("POST", "/v1/keys/{id}/rotate"),
    ("DELETE", "/v1/keys/{id}"),
    ("GET", "/v1/tree"),
    ("GET", "/v1/operator/tree"),
    ("GET", "/v1/operator/actor"),
    ("GET", "/v1/operator/events"),
    ("GET", "/v1/operator/shards"),
    ("GET", "/v1/operator/failures"),
    ("GET", "/v1/operator/dead-letters"),
    ("GET", "/v1/operator/stalled"),
    ("GET", "/v1/operator/where/{id}"),
    ("GET", "/v1/operator/actions"),
    ("GET", "/v1/operator/recurring"),
    ("GET", "/v1/operator/prompts"),
    ("POST", "/v1/operator/prompts"),
    ("GET", "/v1/operator/quality"),
    ("POST", "/v1/operator/quality"),
    ("POST", "/v1/operator/actions"),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/live"),
    ("GET", "/operator"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/"),
];

/// A route as its users see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteRow {
    /// Its method.
    pub method: &'static str,
    /// Its address; `{id}` and `{page}` stand for what the caller fills in.
    pub path: &'static str,
    /// The scope that a caller must have; none where no key is needed.
    pub scope: Option<Scope>,
    /// Whether only the operator of the service may use it.
    pub is_operators: bool,
}

/// Every route.
pub fn routes() -> impl Iterator<Item = RouteRow> {
    TABLE.iter().filter_map(|(method, path)| {
        let route = example(method, path)?;
        let (scope, is_operators) = (route.scope(), route.is_operators());
        Some(RouteRow { method, path, scope, is_operators })
    })
}

fn example(method: &str, path: &str) -> Option<Route> {
    let path =
        path.replace("{id}", &Uuid::nil().to_string()).replace("{page}", "1").replace("{model}", "auto");
    find(&method.parse().ok()?, &path).ok()
}

/// What an address takes: a reading, a `POST`, a `DELETE`, each if there is one.
#[derive(Default)]
struct Place {
    read: Option<Route>,
    post: Option<Route>,
    delete: Option<Route>,
}

impl Place {
    fn read(route: Route) -> Self {
        Self { read: Some(route), ..Self::default() }
    }

    fn post(route: Route) -> Self {
        Self { post: Some(route), ..Self::default() }
    }

    fn allow(&self) -> &'static str {
        match (self.read.is_some(), self.post.is_some(), self.delete.is_some()) {
            (true, true, _) => "GET, HEAD, POST",
            (true, false, true) => "DELETE, GET, HEAD",
            (true, false, false) => "GET, HEAD",
            (false, _, true) => "DELETE",
            (false, ..) => "POST",
        }
    }
}

/// The route of a request.
pub(crate) fn find(method: &Method, path: &str) -> Result<Route, Problem> {
    let place = place(path)?;
    let route = match *method {
        Method::GET | Method::HEAD => place.read,
        Method::POST => place.post,
        Method::DELETE => place.delete,
        _ => None,
    };
    route.ok_or_else(|| {
        let allow = place.allow();
        let message = Message::MethodNotAllowed { method: method.to_string(), allow };
        Problem { allow: Some(allow), ..Problem::new(Kind::MethodNotAllowed, message) }
    })
}

/// The longest piece of a caller's path that is said back.
const SAID_CHARS_MAX: usize = 100;

/// The most parts of an address.
const PARTS_MAX: usize = 5;

fn place(path: &str) -> Result<Place, Problem> {
    let trimmed = path.strip_prefix('/').unwrap_or(path);
    let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
    let mut parts = [""; PARTS_MAX + 1];
    let mut count = 0;
    // The one too many is only there to be found wrong.
    for (place, part) in parts.iter_mut().zip(trimmed.splitn(PARTS_MAX + 1, '/')) {
        *place = part;
        count += 1;
    }
    match parts.get(..count).unwrap_or_default() {
        ["v1", "documents"] => Ok(Place { read: Some(Route::List), post: Some(Route::Upload), delete: None }),
        ["v1", "documents", id] => {
            let id = document_id(id)?;
            Ok(Place { read: Some(Route::Show(id)), post: None, delete: Some(Route::Delete(id)) })
        }
        ["v1", "documents", id, "ask"] => Ok(Place::post(Route::Ask(document_id(id)?))),
        ["v1", "documents", id, "events"] => Ok(Place::read(Route::Events(document_id(id)?))),
        ["v1", "documents", id, "retry"] => Ok(Place::post(Route::Retry(document_id(id)?))),
        [
            "v1",
            "documents",
            id,
            file @ ("analysis.json" | "analysis.pdf" | "analysis.csv" | "analysis.xlsx"),
        ] => {
            let id = document_id(id)?;
            Ok(Place::read(match *file {
                "analysis.json" => Route::AnalysisJson(id),
                "analysis.pdf" => Route::AnalysisPdf(id),
                "analysis.csv" => Route::AnalysisCsv(id),
                _ => Route::AnalysisXlsx(id),
            }))
        }
        ["v1", "documents", id, "pages", page] => {
            let (id, page) = (document_id(id)?, page.strip_suffix(".png").and_then(|page| page.parse().ok()));
            page.filter(|page| *page > 0)
                .map(|page| Place::read(Route::Page(id, page)))
                .ok_or_else(|| unknown(path))
        }
        ["v1", "analyze"] => Ok(Place::post(Route::Analyze)),
        ["v1", "batch"] => Ok(Place::post(Route::Batch)),
        ["v1", "batch", id] => Ok(Place::read(Route::BatchStatus(other_id(id, path)?))),
        ["v1", "search"] | ["api", "rag", "search"] => Ok(Place::post(Route::Search)),
        ["v1", "query"] | ["api", "rag", "query"] => Ok(Place::post(Route::Query)),
        ["v1", "stream"] => Ok(Place::read(Route::Stream)),
        ["v1", "streams", id] => {
            let id = other_id(id, path)?;
            Ok(Place {
                read: Some(Route::StreamResume(id)),
                post: None,
                delete: Some(Route::StreamCancel(id)),
            })
        }
        ["v1", "chat", "completions"] => Ok(Place::post(Route::ChatCompletions)),
        ["v1", "embeddings"] => Ok(Place::post(Route::Embeddings)),
        ["v1", "models"] => Ok(Place::read(Route::Models)),
        ["v1", "models", name] => {
            ModelName::of(name).map(|name| Place::read(Route::Model(name))).ok_or_else(|| unknown(path))
        }
        ["v1", "keys"] => Ok(Place { read: Some(Route::KeyList), post: Some(Route::KeyMake), delete: None }),
        ["v1", "keys", id] => {
            Ok(Place { delete: Some(Route::KeyRevoke(other_id(id, path)?)), ..Place::default() })
        }
        ["v1", "keys", id, "rotate"] => Ok(Place::post(Route::KeyRotate(other_id(id, path)?))),
        ["v1", "operator", rest @ ..] => operator(rest, path),
        ["v1", "tree"] => Ok(Place::read(Route::Tree)),
        ["health"] | ["v1", "health"] | ["api", "rag", "health"] => Ok(Place::read(Route::Health)),
        ["ready"] | ["v1", "ready"] => Ok(Place::read(Route::Ready)),
        ["live"] | ["v1", "live"] => Ok(Place::read(Route::Live)),
        ["operator"] => Ok(Place::read(Route::Operator)),
        ["docs"] => Ok(Place::read(Route::Docs)),
        ["openapi.json"] => Ok(Place::read(Route::OpenApi)),
        [""] => Ok(Place::read(Route::Home)),
        _ => Err(unknown(path)),
    }
}

/// The addresses below `/v1/operator`.
fn operator(parts: &[&str], path: &str) -> Result<Place, Problem> {
    match parts {
        ["tree"] => Ok(Place::read(Route::OperatorTree)),
        ["actor"] => Ok(Place::read(Route::OperatorActor)),
        ["events"] => Ok(Place::read(Route::OperatorEvents)),
        ["shards"] => Ok(Place::read(Route::OperatorShards)),
        ["failures"] => Ok(Place::read(Route::OperatorFailures)),
        ["dead-letters"] => Ok(Place::read(Route::OperatorDeadLetters)),
        ["recurring"] => Ok(Place::read(Route::OperatorRecurring)),
        ["prompts"] => Ok(Place {
            read: Some(Route::OperatorPrompts),
            post: Some(Route::OperatorPromptPut),
            delete: None,
        }),
        ["quality"] => Ok(Place {
            read: Some(Route::OperatorQuality),
            post: Some(Route::OperatorSuitePut),
            delete: None,
        }),
        ["stalled"] => Ok(Place::read(Route::OperatorStalled)),
        ["where", id] => {
            SoughtId::of(id).map(|id| Place::read(Route::OperatorWhere(id))).ok_or_else(|| unknown(path))
        }
        ["actions"] => {
            Ok(Place { read: Some(Route::OperatorActions), post: Some(Route::OperatorAct), delete: None })
        }
        _ => Err(unknown(path)),
    }
}

fn unknown(path: &str) -> Problem {
    let path = path.chars().take(SAID_CHARS_MAX).collect();
    Problem::new(Kind::UnknownPath, Message::PathUnknown { path })
}

fn other_id(text: &str, path: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| unknown(path))
}

fn document_id(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| {
        let id = text.chars().take(SAID_CHARS_MAX).collect();
        Problem::new(Kind::DocumentNotFound, Message::DocumentIdMalformed { id })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_route_stands_in_the_table_once() {
        let source = include_str!("route.rs");
        let body = source.split("enum Route {").nth(1).and_then(|rest| rest.split('}').next()).unwrap();
        let mut named: Vec<&str> = body
            .lines()
            .filter_map(|line| line.trim().split([',', '(']).next())
            .filter(|name| name.starts_with(char::is_uppercase))
            .collect();
        let routes = TABLE.iter().map(|(method, path)| {
            example(method, path).unwrap_or_else(|| panic!("{method} {path} leads nowhere"))
        });
        let texts: Vec<String> = routes.map(|route| format!("{route:?}")).collect();
        let mut listed: Vec<&str> = texts.iter().filter_map(|text| text.split('(').next()).collect();
        named.sort_unstable();
        listed.sort_unstable();
        assert_eq!(named, listed);
    }

    #[test]
    fn a_wrong_method_says_which_are_right() {
        for (path, allow) in [
            ("/v1/documents", "GET, HEAD, POST"),
            ("/v1/documents/4f5c0f3c-96c4-4a3e-8f0a-2f3a1c9b7d11/ask", "POST"),
            ("/health", "GET, HEAD"),
        ] {
            let problem = find(&Method::PATCH, path).unwrap_err();
            assert_eq!((problem.kind, problem.allow), (Kind::MethodNotAllowed, Some(allow)), "{path}");
        }
    }

    #[test]
    fn an_unknown_path_is_not_a_missing_document() {
        assert_eq!(find(&Method::GET, "/v2/documents").unwrap_err().kind, Kind::UnknownPath);
        assert_eq!(find(&Method::GET, "/v1/documents/x").unwrap_err().kind, Kind::DocumentNotFound);
        assert_eq!(find(&Method::GET, "/v1/documents/").unwrap(), Route::List);
    }

    proptest! {
        #[test]
        fn no_path_makes_routing_panic(path in "(/[^/]{0,12}){0,6}|.{0,40}") {
            let _ = find(&Method::GET, &path);
        }
    }
}
