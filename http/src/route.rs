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
        match self {
            Self::Upload | Self::List | Self::Show(_) | Self::Delete(_) | Self::Ask(_) | Self::Tree => true,
            Self::Health
            | Self::Ready
            | Self::Live
            | Self::Operator
            | Self::Docs
            | Self::OpenApi
            | Self::Home => false,
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

enum Place {
    Documents,
    Document(Uuid),
    Ask(Uuid),
    Read(Route),
}

/// The route of a request.
pub(crate) fn find(method: &Method, path: &str) -> Result<Route, Problem> {
    let place = place(path)?;
    let read = matches!(*method, Method::GET | Method::HEAD);
    let (route, allow) = match place {
        Place::Documents if *method == Method::POST => (Some(Route::Upload), ""),
        Place::Documents if read => (Some(Route::List), ""),
        Place::Documents => (None, "GET, HEAD, POST"),
        Place::Document(id) if read => (Some(Route::Show(id)), ""),
        Place::Document(id) if *method == Method::DELETE => (Some(Route::Delete(id)), ""),
        Place::Document(_) => (None, "DELETE, GET, HEAD"),
        Place::Ask(id) if *method == Method::POST => (Some(Route::Ask(id)), ""),
        Place::Ask(_) => (None, "POST"),
        Place::Read(route) if read => (Some(route), ""),
        Place::Read(_) => (None, "GET, HEAD"),
    };
    route.ok_or_else(|| {
        let message = Message::MethodNotAllowed { method: method.to_string(), allow };
        Problem { allow: Some(allow), ..Problem::new(Kind::MethodNotAllowed, message) }
    })
}

/// The longest piece of a caller's path that is said back.
const SAID_CHARS_MAX: usize = 100;

fn place(path: &str) -> Result<Place, Problem> {
    let trimmed = path.strip_prefix('/').unwrap_or(path);
    let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
    // No address has more than four parts; the fifth is only there to be found wrong.
    let parts: Vec<&str> = trimmed.splitn(5, '/').collect();
    match parts.as_slice() {
        ["v1", "documents"] => Ok(Place::Documents),
        ["v1", "documents", id] => Ok(Place::Document(document_id(id)?)),
        ["v1", "documents", id, "ask"] => Ok(Place::Ask(document_id(id)?)),
        ["v1", "tree"] => Ok(Place::Read(Route::Tree)),
        ["health"] | ["v1", "health"] => Ok(Place::Read(Route::Health)),
        ["ready"] | ["v1", "ready"] => Ok(Place::Read(Route::Ready)),
        ["live"] | ["v1", "live"] => Ok(Place::Read(Route::Live)),
        ["operator"] => Ok(Place::Read(Route::Operator)),
        ["docs"] => Ok(Place::Read(Route::Docs)),
        ["openapi.json"] => Ok(Place::Read(Route::OpenApi)),
        [""] => Ok(Place::Read(Route::Home)),
        _ => {
            let path = path.chars().take(SAID_CHARS_MAX).collect();
            Err(Problem::new(Kind::UnknownPath, Message::PathUnknown { path }))
        }
    }
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
