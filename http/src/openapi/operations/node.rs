//! The node itself: probes, the supervision tree, and its pages.

use crate::health::{Health, Readiness, TreeNode};
use crate::openapi::operation::{Answer, Operation, Tag, of};
use crate::shapes::Liveness;

pub(super) fn operations() -> Vec<Operation> {
    let (health, ready, live) = (health(), ready(), live());
    let aliases = [
        health.also("/v1/health", "healthV1", ["The same as /health", "O mesmo que /health"]),
        health.also("/api/rag/health", "healthAlias", ["The same as /health", "O mesmo que /health"]),
        ready.also("/v1/ready", "readyV1", ["The same as /ready", "O mesmo que /ready"]),
        live.also("/v1/live", "liveV1", ["The same as /live", "O mesmo que /live"]),
    ];
    let mut all = vec![health, ready, live, tree()];
    all.extend(aliases);
    all.extend(PAGES.map(page));
    all
}

fn health() -> Operation {
    let summary = ["How the parts of the node are", "Como estão as partes do nó"];
    Operation::new(Tag::Node, "get", "/health", "health", summary)
        .open()
        .says([
            "Answers `200` whatever it finds; what is wrong stands in the body. `/ready` is for balancers.",
            "Responde `200` em todo caso; o que está errado vem no corpo. `/ready` é para balanceadores.",
        ])
        .gives(200, ["The node and its parts", "O nó e suas partes"], of::<Health>)
        .refuses(&["internal", "deadline"])
}

fn ready() -> Operation {
    let summary = ["Whether the node takes requests", "Se o nó aceita requisições"];
    Operation::new(Tag::Node, "get", "/ready", "ready", summary)
        .open()
        .gives(200, ["It does", "Aceita"], of::<Readiness>)
        .answers(Answer {
            status: 503,
            text: ["It does not yet; the body says what it waits for", "Ainda não; o corpo diz o que falta"],
            content: vec![("application/json", Some(of::<Readiness>))],
            headers: &["Retry-After"],
        })
        .refuses(&["internal", "deadline"])
}

fn live() -> Operation {
    Operation::new(
        Tag::Node,
        "get",
        "/live",
        "live",
        ["Whether the process answers", "Se o processo responde"],
    )
    .open()
    .gives(200, ["It does", "Responde"], of::<Liveness>)
}

fn tree() -> Operation {
    let summary = ["The supervision tree", "A árvore de supervisão"];
    Operation::new(Tag::Node, "get", "/v1/tree", "tree", summary)
        .says([
            "Every part, its state, its restarts and its queue. `/operator` shows it as a page.",
            "Cada parte, seu estado, seus reinícios e sua fila. `/operator` a mostra como página.",
        ])
        .gives(
            200,
            ["The node, with everything below it", "O nó, com tudo o que está abaixo"],
            of::<TreeNode>,
        )
        .refuses(&["operator_only"])
}

type Page = (&'static str, &'static str, &'static str, [&'static str; 2]);

const PAGES: [Page; 4] = [
    ("/openapi.json", "openapi", "application/json", ["This description", "Esta descrição"]),
    ("/docs", "docs", "text/html", ["This description as a page", "Esta descrição como página"]),
    ("/operator", "operator", "text/html", ["The node as a page", "O nó como página"]),
    ("/", "home", "text/html", ["The same as /docs", "O mesmo que /docs"]),
];

fn page((path, id, media, summary): Page) -> Operation {
    Operation::new(Tag::Node, "get", path, id, summary)
        .open()
        .answers(Answer {
            status: 200,
            text: ["The page", "A página"],
            content: vec![(media, if media == "text/html" { None } else { Some(object) })],
            headers: &[],
        })
        .refuses(&["overloaded"])
}

fn object(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object" })
}
