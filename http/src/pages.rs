//! The pages that a node carries with it.

use warp::http::{HeaderValue, header};
use warp::reply::Response;

/// The supervision tree and the health of the node, kept fresh by the page itself.
pub(crate) const OPERATOR: &str = include_str!("pages/operator.html");
/// The routes with an example of each.
pub(crate) const DOCS: &str = include_str!("pages/docs.html");
const OPENAPI: &str = include_str!("pages/openapi.json");

pub(crate) fn openapi() -> Response {
    let mut response = Response::new(OPENAPI.into());
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
