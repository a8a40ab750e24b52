//! What a node tells those who watch it is what the list says: names, types, help and labels, and no word of a document.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::node::{Home, Node};
use crate::papers::{note, root};

const LINES: [&str; 2] = [
    "Contrato de comodato do piano do Teatro Serra Azul, assinado em 4 de maio de 2026.",
    "A comodataria e Leocadia Brandao Queluz, que responde pela guarda do instrumento.",
];
const QUESTION: &str = "Quem e a comodataria do piano?";
/// Words of the document, of its name and of a question, and what stands in a key.
const MARKS: [&str; 4] = ["Leocadia", "Serra Azul", "piano", "comodat"];

/// One metric as a node tells it.
#[derive(Debug, Default)]
struct Told {
    kind: String,
    help: String,
    /// The label names of each of its samples, without `le`.
    labels: Vec<BTreeSet<String>>,
    values: Vec<(BTreeMap<String, String>, f64)>,
}

/// Reads the text format; panics at whatever is not well formed.
fn read(text: &str) -> BTreeMap<String, Told> {
    let mut all: BTreeMap<String, Told> = BTreeMap::new();
    let mut last = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(!all.contains_key(name), "{name} is told in two places");
            all.entry(name.to_owned()).or_default().help = help.to_owned();
            last = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(name, last, "a type without its help");
            all.get_mut(name).unwrap().kind = kind.to_owned();
        } else {
            let (name, labels, value) = sample(line);
            let told = all.get_mut(&last).unwrap_or_else(|| panic!("a sample before its type: {line}"));
            let parts: &[&str] =
                if told.kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(parts.iter().any(|part| name == format!("{last}{part}")), "{line} stands below {last}");
            told.labels.push(labels.keys().filter(|label| *label != "le").cloned().collect());
            told.values.push((labels, value));
        }
    }
    all
}

fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let (head, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
    let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    let Some((name, rest)) = head.split_once('{') else { return (head.to_owned(), BTreeMap::new(), value) };
    let rest = rest.strip_suffix('}').unwrap_or_else(|| panic!("labels do not end: {line}"));
    let labels = rest.split("\",").map(|pair| {
        let (name, value) = pair.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
        (name.to_owned(), value.trim_end_matches('"').to_owned())
    });
    (name.to_owned(), labels.collect(), value)
}

fn list() -> Vec<Value> {
    let text = std::fs::read_to_string(root().join("deploy/telemetry/metrics.toml")).unwrap();
    let list = serde_json::to_value(toml::from_str::<toml::Value>(&text).unwrap()).unwrap();
    list["metric"].as_array().unwrap().clone()
}

/// Where the node tells its metrics, by the file that it leaves for programs.
fn place(home: &Home) -> String {
    let file: Value = serde_json::from_slice(&std::fs::read(home.data().join("node.json")).unwrap()).unwrap();
    file["metrics"].as_str().unwrap().to_owned()
}

pub(crate) async fn told(home: &Home) -> String {
    let answer = reqwest::get(place(home)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    answer.text().await.unwrap()
}

/// Holds what was told to the list, for a node with these roles.
fn hold(text: &str, roles: &[&str]) -> BTreeMap<String, Told> {
    let told = read(text);
    let is_own = |listed: &&Value| {
        let own = listed["roles"].as_array().unwrap();
        own.iter().any(|role| role == "all" || roles.iter().any(|own| role == own))
    };
    let list = list();
    let wanted: Vec<&Value> = list.iter().filter(is_own).collect();
    let names: BTreeSet<&str> = wanted.iter().map(|listed| listed["name"].as_str().unwrap()).collect();
    assert_eq!(told.keys().map(String::as_str).collect::<BTreeSet<_>>(), names);
    for listed in wanted {
        let name = listed["name"].as_str().unwrap();
        let own = &told[name];
        assert_eq!(
            (own.kind.as_str(), own.help.as_str()),
            (listed["type"].as_str().unwrap(), listed["help"].as_str().unwrap()),
            "{name}"
        );
        let mut labels: BTreeSet<String> = listed["labels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|label| label.as_str().unwrap().to_owned())
            .collect();
        labels.insert("node".to_owned());
        assert!(own.labels.iter().all(|own| *own == labels), "{name}: {:?}, listed {labels:?}", own.labels);
        for (label, known) in listed["values"].as_object().into_iter().flatten() {
            for (own, _) in &own.values {
                assert!(
                    known.as_array().unwrap().iter().any(|known| known == &own[label]),
                    "{name}: {own:?}"
                );
            }
        }
    }
    told
}

/// The sum of a metric's samples that have all these labels.
fn sum(told: &BTreeMap<String, Told>, name: &str, labels: &[(&str, &str)]) -> f64 {
    let has = |own: &BTreeMap<String, String>| {
        labels.iter().all(|(label, value)| own.get(*label).is_some_and(|own| own == value))
    };
    told[name]
        .values
        .iter()
        .filter(|(own, _)| has(own) && !own.contains_key("le"))
        .map(|(_, value)| value)
        .sum()
}

async fn use_it(node: &Node) {
    let id = node.ready("comodato-secreto.pdf", note(&LINES)).await;
    assert_eq!(node.upload("comodato-secreto.pdf", note(&LINES)).await.0, StatusCode::ACCEPTED);
    let failed = node.accepted("nada.pdf", b"%PDF-1.4\nbroken\n%%EOF".to_vec()).await;
    assert_eq!(node.settled(&failed).await["status"], "failed");
    node.answer(&id, QUESTION).await;
    node.answer(&id, QUESTION).await;
    assert_eq!(node.ask(&failed, QUESTION).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(node.post("/v1/documents/ask", &json!({})).await.0, StatusCode::NOT_FOUND);
    let stranger = reqwest::Client::new().get(format!("{}/v1/documents", node.url()));
    assert_eq!(stranger.header("x-api-key", "nobody has this key").send().await.unwrap().status(), 401);
    assert_eq!(node.try_delete(&failed).await, Some(StatusCode::NO_CONTENT));
}

/// The lines of CloudWatch's embedded metric format that a node has written.
fn embedded(home: &Home) -> Vec<Value> {
    home.log()
        .lines()
        .filter(|line| line.contains("\"_aws\""))
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[tokio::test]
async fn a_node_that_is_asked_to_writes_what_cloudwatch_watches_by_what_came_since_and_no_word_of_a_document()
{
    let home = Home::new();
    home.settings(
        "[telemetry]\nlisten = \"127.0.0.1:0\"\nemf = true\nemf_namespace = \"RagEnabler/try\"\nemf_seconds = 1\n",
    );
    let node = home.start().await;
    use_it(&node).await;
    let told = read(&told(&home).await);
    let key = node.key().to_owned();
    // What came since the last second is told when the node stops.
    node.stop().await;
    let lines = embedded(&home);
    assert!(lines.len() > 3, "{lines:?}");
    let total = |name: &str, label: &str, value: &str| -> f64 {
        let own = lines.iter().filter(|line| line[label] == value);
        own.filter_map(|line| line[name].as_f64().or(line[name]["Count"].as_f64())).sum()
    };
    let questions = sum(&told, "rag_enabler_questions_total", &[("template", "generic")]);
    assert!(questions >= 2.0);
    assert_eq!(total("rag_enabler_questions_total", "template", "generic"), questions);
    let hits = sum(&told, "rag_enabler_cache_lookups_total", &[("kind", "answer"), ("outcome", "hit")]);
    let of_answers: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "answer").collect();
    let told_hits = of_answers.iter().filter(|line| line["outcome"] == "hit");
    assert_eq!(
        told_hits.filter_map(|line| line["rag_enabler_cache_lookups_total"].as_f64()).sum::<f64>(),
        hits
    );
    assert!(total("rag_enabler_question_seconds", "template", "generic") >= 1.0);
    assert!(lines.iter().any(|line| line["rag_enabler_ready"] == 1.0), "{lines:?}");
    assert!(lines.iter().any(|line| line["role"] == "ocr" && line["rag_enabler_queue_depth"].is_number()));
    for line in &lines {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "RagEnabler/try");
        assert!(line["_aws"]["Timestamp"].as_u64().unwrap() > 1_700_000_000_000);
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(!line[metric["Name"].as_str().unwrap()].is_null(), "{metric} is named and not told");
        }
        let text = line.to_string().to_lowercase();
        for mark in MARKS.iter().chain([&key.as_str()]) {
            assert!(!text.contains(&mark.to_lowercase()), "the metrics tell {mark}");
        }
    }

    let home = Home::new();
    let node = home.start().await;
    node.stop().await;
    assert!(embedded(&home).is_empty(), "nobody has asked for them");
}

#[tokio::test]
async fn a_node_that_was_used_tells_the_metrics_of_the_list_and_no_other() {
    let home = Home::new();
    home.settings("[telemetry]\nlisten = \"127.0.0.1:0\"\n");
    let node = home.start().await;
    use_it(&node).await;
    let mut text = told(&home).await;
    // Recurring work takes its turn behind what the node is used for.
    let retention = &[("job", "retention"), ("outcome", "done")];
    for _ in 0..600 {
        if sum(&read(&text), "rag_enabler_job_runs_total", retention) >= 1.0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        text = told(&home).await;
    }
    let roles = ["api", "documents", "ocr", "embedding", "generation", "rules"];
    let told = hold(&text, &roles);
    for (name, labels, least) in [
        ("rag_enabler_http_requests_total", &[("route", "ask"), ("status", "200")][..], 2.0),
        ("rag_enabler_http_requests_total", &[("route", "ask"), ("status", "422")], 1.0),
        ("rag_enabler_http_request_seconds", &[("route", "upload")], 0.0),
        ("rag_enabler_errors_total", &[("kind", "key_wrong")], 1.0),
        ("rag_enabler_callers_refused_total", &[("reason", "unknown_key")], 1.0),
        ("rag_enabler_questions_total", &[("template", "generic"), ("outcome", "cached")], 1.0),
        ("rag_enabler_questions_total", &[("template", "generic")], 2.0),
        ("rag_enabler_question_seconds", &[], 1.0),
        ("rag_enabler_question_stage_seconds", &[("stage", "search")], 0.0),
        ("rag_enabler_question_stage_seconds", &[("stage", "judge")], 0.0),
        ("rag_enabler_uploads_total", &[("outcome", "accepted")], 2.0),
        ("rag_enabler_uploads_total", &[("outcome", "already_there")], 1.0),
        ("rag_enabler_ingest_seconds", &[("outcome", "ready")], 1.0),
        ("rag_enabler_ingest_seconds", &[("outcome", "failed")], 1.0),
        ("rag_enabler_ingest_estimated_seconds", &[("template", "generic")], 2.0),
        ("rag_enabler_documents", &[("status", "ready")], 1.0),
        ("rag_enabler_pages_total", &[("method", "native"), ("outcome", "read")], 1.0),
        ("rag_enabler_queue_wait_seconds", &[("role", "embedding")], 0.0),
        ("rag_enabler_pool_workers", &[("role", "ocr")], 1.0),
        ("rag_enabler_model_loaded", &[], 2.0),
        ("rag_enabler_embedding_texts_total", &[], 1.0),
        ("rag_enabler_generation_tokens_total", &[("direction", "written")], 1.0),
        ("rag_enabler_generation_first_token_seconds", &[], 0.0),
        ("rag_enabler_cache_lookups_total", &[("kind", "answer"), ("outcome", "hit")], 1.0),
        ("rag_enabler_cache_lookups_total", &[("kind", "embedding"), ("outcome", "miss")], 1.0),
        ("rag_enabler_cache_memory_bytes", &[("place", "node")], 1.0),
        ("rag_enabler_rules_judged_total", &[], 1.0),
        ("rag_enabler_store_up", &[], 1.0),
        ("rag_enabler_store_requests_total", &[("operation", "put"), ("outcome", "ok")], 1.0),
        ("rag_enabler_nodes_alive", &[], 1.0),
        ("rag_enabler_shards", &[("status", "serving")], 1.0),
        ("rag_enabler_shard_takeovers_total", &[("reason", "first")], 1.0),
        ("rag_enabler_actors", &[("kind", "shard")], 1.0),
        ("rag_enabler_job_runs_total", &[("job", "retention"), ("outcome", "done")], 1.0),
        ("rag_enabler_job_last_success_timestamp_seconds", &[("job", "retention")], 1_700_000_000.0),
        ("rag_enabler_erasures_total", &[("reason", "asked"), ("outcome", "erased")], 1.0),
        ("rag_enabler_build_info", &[], 1.0),
        ("rag_enabler_ready", &[], 1.0),
        ("rag_enabler_process_cpu_seconds_total", &[], 0.01),
        ("rag_enabler_process_memory_bytes", &[], 1.0),
        ("rag_enabler_disk_max_bytes", &[("place", "data")], 1.0),
    ] {
        let own = sum(&told, name, labels);
        assert!(own >= least && !told[name].values.is_empty(), "{name} {labels:?}: {own}, at least {least}");
    }
    for (name, none) in [("rag_enabler_shards_unowned", 0.0), ("rag_enabler_http_requests_in_work", 0.0)] {
        assert!((sum(&told, name, &[]) - none).abs() < 0.5, "{name}");
    }
    let text = text.to_lowercase();
    for mark in MARKS.iter().chain([&node.key()]) {
        assert!(!text.contains(&mark.to_lowercase()), "the metrics tell {mark}");
    }
    // With more words than the list has nobody is answered.
    let base = place(&home).replace("/metrics", "/v1/documents");
    assert_eq!(reqwest::get(base).await.unwrap().status(), StatusCode::NOT_FOUND);
    node.stop().await;
}

#[tokio::test]
async fn a_node_tells_what_its_roles_do_and_nothing_when_it_must_not() {
    let home = Home::new();
    home.settings("[node]\nroles = [\"api\", \"documents\"]\n[telemetry]\nlisten = \"127.0.0.1:0\"\n");
    let node = home.start().await;
    let told = hold(&told(&home).await, &["api", "documents"]);
    assert!(!told.contains_key("rag_enabler_pages_total") && told.contains_key("rag_enabler_uploads_total"));
    node.stop().await;
    home.settings("[telemetry]\nmetrics = false\n");
    let node = home.start().await;
    let file: Value = serde_json::from_slice(&std::fs::read(home.data().join("node.json")).unwrap()).unwrap();
    assert!(file.get("metrics").is_none(), "{file}");
    node.stop().await;
}

/// What a node without models may hold for itself at rest, of the 100 MB that it may take with the pages of its program:
/// three times what it does.
const REST_BYTES_MAX: f64 = 64e6;

#[tokio::test]
async fn a_node_without_models_holds_little_memory_for_itself_at_rest() {
    let home = Home::new();
    home.settings(
        "[node]\nroles = [\"api\", \"documents\", \"rules\"]\n[telemetry]\nlisten = \"127.0.0.1:0\"\n",
    );
    let node = home.start().await;
    let held = sum(&read(&told(&home).await), "rag_enabler_process_memory_bytes", &[]);
    assert!(held > 1e6 && held < REST_BYTES_MAX, "{:.1} MB", held / 1e6);
    node.stop().await;
}
