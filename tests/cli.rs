//! The command line does what the API does: exit codes for scripts, JSON where nobody watches.

use std::process::Output;

use serde_json::Value;

use crate::node::Home;
use crate::papers::root;

async fn run(home: &Home, arguments: &[&str]) -> Output {
    home.command().args(arguments).output().await.unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// The JSON objects of the output, one in each line.
fn objects(output: &Output) -> Vec<Value> {
    assert_eq!(code(output), 0, "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_document_goes_from_file_to_answer_by_commands_alone() {
    let home = Home::new();
    let _node = home.start().await;
    assert!(objects(&run(&home, &["docs", "list"]).await).is_empty());

    let sample = root().join("samples/parecer-licencas-rota-clara.pdf");
    let sample = sample.to_str().unwrap();
    let ingested = objects(&run(&home, &["ingest", "--template", "licencas_software", sample]).await);
    assert_eq!(ingested.len(), 1);
    assert_eq!((&ingested[0]["status"], &ingested[0]["page_count"]), (&"ready".into(), &3.into()));
    let id = ingested[0]["id"].as_str().unwrap();

    let listed = objects(&run(&home, &["docs", "list"]).await);
    assert_eq!(listed.iter().map(|one| one["id"].as_str().unwrap()).collect::<Vec<_>>(), [id]);
    assert_eq!(listed[0]["template"], "licencas_software");
    let shown = objects(&run(&home, &["docs", "show", id]).await);
    assert_eq!(shown[0]["pages"].as_array().unwrap().len(), 3);

    let answers = objects(&run(&home, &["ask", id, "Qual a licença do componente Lume PDF?"]).await);
    assert!(answers[0]["answer"].as_str().unwrap().contains("MPL-2.0"), "{}", answers[0]);

    assert_eq!(code(&run(&home, &["docs", "delete", id]).await), 0);
    assert_eq!(code(&run(&home, &["docs", "delete", id]).await), 1);
    let asked = run(&home, &["ask", id, "Qual a licença do componente Lume PDF?"]).await;
    assert_eq!(code(&asked), 1);
    assert!(complaint(&asked).contains(id), "{}", complaint(&asked));
}

#[tokio::test]
async fn a_command_that_cannot_succeed_says_why_by_its_exit_code_and_a_sentence() {
    let home = Home::new();
    let nobody = run(&home, &["docs", "list"]).await;
    assert_eq!(code(&nobody), 3);
    assert!(complaint(&nobody).contains("rag-enabler serve"), "{}", complaint(&nobody));
    assert_eq!(code(&run(&home, &["no-such-command"]).await), 2);
    let misspelt =
        home.command().env("RAG_ENABLER_HTTP_LISTN", "x").args(["config", "show"]).output().await.unwrap();
    assert_eq!(code(&misspelt), 2);
    assert!(complaint(&misspelt).contains("RAG_ENABLER_HTTP_LISTEN"), "{}", complaint(&misspelt));

    let _node = home.start().await;
    let notes = home.data().join("notes.pdf");
    std::fs::write(&notes, "just some notes").unwrap();
    let refused = run(&home, &["ingest", notes.to_str().unwrap()]).await;
    assert_eq!(code(&refused), 1);
    let said: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert!(said["status"] == "refused" && said["error"].as_str().unwrap().contains("PDF"), "{said}");
    assert_eq!(code(&run(&home, &["ingest", "/nonexistent.pdf"]).await), 1);
}

#[tokio::test]
async fn settings_and_models_are_shown_without_a_node() {
    let home = Home::new();
    home.settings("[retrieval]\ntop_k = 7\n");
    let shown = run(&home, &["config", "show", "--json"]).await;
    let settings: Vec<Value> = serde_json::from_slice(&shown.stdout).unwrap();
    let of = |name: &str| settings.iter().find(|one| one["setting"] == name).unwrap().clone();
    assert_eq!(of("retrieval.top_k")["value"], "7");
    assert!(of("retrieval.top_k")["origin"].as_str().unwrap().contains("rag-enabler.toml"));
    assert!(of("data.dir")["origin"].as_str().unwrap().contains("--data"));
    let plain = run(&home, &["config", "show"]).await;
    assert_eq!(code(&plain), 0);
    assert!(String::from_utf8_lossy(&plain.stdout).lines().any(|line| line.starts_with("retrieval.top_k")));

    let models = objects(&run(&home, &["models", "list", "--json"]).await);
    let defaults: Vec<_> = models.iter().filter(|model| model["default"] == true).collect();
    assert!(defaults.len() == 2 && defaults.iter().all(|model| model["licence"].is_string()), "{models:?}");
}
