//! Which address means what. Pure: method and path in, route or problem out.

use uuid::Uuid;
use warp::http::Method;

use crate::message::Message;
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
    KeyList,
    KeyMake,
    KeyRotate(Uuid),
    KeyRevoke(Uuid),
    Tree,
    Health,
    Ready,
    Live,
    Operator,
    Docs,
    OpenApi,
    Home,
}

impl Route {
    /// Whether a caller must show a key.
    pub(crate) fn needs_key(self) -> bool {
        !matches!(
            self,
            Self::Health
                | Self::Ready
                | Self::Live
                | Self::Operator
                | Self::Docs
                | Self::OpenApi
                | Self::Home
        )
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
            Self::KeyList => "key list",
            Self::KeyMake => "key make",
            Self::KeyRotate(_) => "key rotate",
            Self::KeyRevoke(_) => "key revoke",
            Self::Tree => "tree",
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

fn place(path: &str) -> Result<Place, Problem> {
    let trimmed = path.strip_prefix('/').unwrap_or(path);
    let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
    // No address has more than five parts; the sixth is only there to be found wrong.
    let parts: Vec<&str> = trimmed.splitn(6, '/').collect();
    match parts.as_slice() {
        ["v1", "documents"] => Ok(Place { read: Some(Route::List), post: Some(Route::Upload), delete: None }),
        ["v1", "documents", id] => {
            let id = document_id(id)?;
            Ok(Place { read: Some(Route::Show(id)), post: None, delete: Some(Route::Delete(id)) })
        }
        ["v1", "documents", id, "ask"] => Ok(Place::post(Route::Ask(document_id(id)?))),
        ["v1", "documents", id, "events"] => Ok(Place::read(Route::Events(document_id(id)?))),
        ["v1", "documents", id, "retry"] => Ok(Place::post(Route::Retry(document_id(id)?))),
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
        ["v1", "keys"] => Ok(Place { read: Some(Route::KeyList), post: Some(Route::KeyMake), delete: None }),
        ["v1", "keys", id] => {
            Ok(Place { delete: Some(Route::KeyRevoke(other_id(id, path)?)), ..Place::default() })
        }
        ["v1", "keys", id, "rotate"] => Ok(Place::post(Route::KeyRotate(other_id(id, path)?))),
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
