//! The pages that a node carries with it, each with what it may load and run.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use warp::http::{HeaderValue, StatusCode};
use warp::reply::Response;

use crate::answer;

/// One answer, so that it is whole or not there; its files share one scope, in the order in which they are best read.
const OPERATOR: &str = concat!(
    include_str!("pages/operator/head.html"),
    "<style>",
    include_str!("pages/operator/style.css"),
    "</style>",
    include_str!("pages/operator/body.html"),
    "<script>",
    include_str!("pages/operator/words.js"),
    include_str!("pages/operator/parts.js"),
    include_str!("pages/operator/net.js"),
    include_str!("pages/operator/model.js"),
    include_str!("pages/operator/tree.js"),
    include_str!("pages/operator/panel.js"),
    include_str!("pages/operator/lists.js"),
    include_str!("pages/operator/acting.js"),
    include_str!("pages/operator/main.js"),
    "</script>\n</body>\n</html>\n",
);
const DOCS: &str = include_str!("pages/docs.html");
const OPENAPI: &str = include_str!("pages/openapi.json");

/// The supervision tree of the cluster, what fails in it and what can be done about it, kept fresh by the page itself.
pub(crate) fn operator() -> Response {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| policy(OPERATOR));
    answer::html(OPERATOR, &POLICY)
}

/// Every address with its fields and answers, to be read, searched and tried.
pub(crate) fn docs() -> Response {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| policy(DOCS));
    answer::html(DOCS, &POLICY)
}

/// The description of the API for programs.
pub(crate) fn openapi() -> Response {
    answer::json_bytes(StatusCode::OK, OPENAPI.into())
}

/// A page may ask its own node, and run and style only what stands in it, told by its hash.
///
/// Source: Content Security Policy Level 3, section 2.3.1 (hash-source).
fn policy(page: &str) -> HeaderValue {
    let (scripts, styles) = (hashes(page, "script"), hashes(page, "style"));
    let text = format!(
        "default-src 'none'; script-src {scripts}; style-src {styles}; connect-src 'self'; img-src 'self' data: blob:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// The hash of each element called `name` in `page`, as a policy lists them.
fn hashes(page: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let inner = page.split(&open).skip(1).filter_map(|rest| rest.split(&close).next());
    let hashes: Vec<String> =
        inner.map(|text| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))).collect();
    if hashes.is_empty() { "'none'".to_owned() } else { hashes.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_runs_and_styles_only_what_stands_in_it() {
        for page in [DOCS, OPERATOR] {
            let policy = policy(page);
            let policy = policy.to_str().unwrap();
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(policy.matches("'sha256-").count(), 2, "{policy}");
            // A style or a handler in an attribute would be silently dropped by the browser.
            assert!(!page.contains(" style=") && !page.contains(" onclick=") && !page.contains(" src="));
        }
    }

    #[test]
    fn the_operators_page_works_without_the_internet_and_keeps_its_key_to_itself() {
        for reaches_out in [
            "http://",
            "https://",
            "@import",
            "url(",
            "import(",
            "eval(",
            ".innerHTML = ",
            "insertAdjacentHTML",
        ] {
            assert!(!OPERATOR.contains(reaches_out), "{reaches_out}");
        }
        // The key is in a header and in the tab's own storage, in no address and nothing that outlives the tab.
        assert!(!OPERATOR.contains("keep(\"key\"") && !OPERATOR.contains("localStorage.setItem(\"key\""));
    }

    #[test]
    fn the_hash_is_of_the_text_between_the_tags() {
        // Source: the example of CSP Level 3, section 8.3.
        let page = "<script>alert('Hello, world.');</script>";
        assert_eq!(hashes(page, "script"), "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='");
    }
}
