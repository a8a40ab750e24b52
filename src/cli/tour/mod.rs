//! Shows the product at work: a node, two documents, three questions; then stays up.

mod child;
mod samples;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use enabler_config::Loaded;
use enabler_inference::catalogue::{self, EMBEDDING_DEFAULT, LANGUAGE_DEFAULT, Location, sha256_of};
use indicatif::MultiProgress;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::arguments::{Common, Tour};
use super::client::Client;
use super::failure::Failure;
use super::{ask, ingest, key, node_file, out};
use child::Node;
use samples::Samples;

/// How often a starting node is asked whether it is ready.
const POLL: Duration = Duration::from_millis(250);
/// Parts of the list of documents that are searched for the samples; beyond them a sample is sent again,
/// which the node recognises.
const PARTS_MAX: usize = 50;

/// Shows the product at work.
pub(crate) async fn tour(loaded: &Loaded, common: &Common, tour: &Tour) -> Result<ExitCode, Failure> {
    let samples = Samples::read(&tour.samples)?;
    let mut node = None;
    let shown = tokio::select! {
        shown = show(loaded, common, tour, &samples, &mut node) => shown,
        () = asked_to_end() => Ok(()),
    };
    if let Some(node) = node {
        out::note("Stopping the node.");
        node.stop().await;
    }
    shown.map(|()| ExitCode::SUCCESS)
}

/// Waits for Ctrl-C or SIGTERM.
async fn asked_to_end() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

async fn show(
    loaded: &Loaded,
    common: &Common,
    tour: &Tour,
    samples: &Samples,
    node: &mut Option<Node>,
) -> Result<(), Failure> {
    let dir = &loaded.merged.settings.data.dir;
    let node_key = key::ensure(loaded)?;
    let client = match running(dir, &node_key.key).await {
        Some(client) => {
            out::line(&format!("A node already runs at {}; the tour uses it.", client.url()));
            client
        }
        None => {
            check_models(&loaded.merged.settings.models)?;
            let started = node.insert(Node::start(loaded, common)?);
            wait_until_ready(started, dir, &node_key.key).await?
        }
    };
    let documents = read_documents(&client, samples).await?;
    for question in &samples.questions {
        let Some(id) = documents.get(&question.document) else { continue };
        out::line("");
        out::line(&format!("{}  ({})", out::strong(&question.question), question.document));
        let spinner = out::spinner("asking");
        let answer = client.ask(id, &json!({ "question": question.question })).await;
        spinner.finish_and_clear();
        ask::print(&answer?);
    }
    out::line("");
    let url = client.url();
    out::line(&format!("API            {url}/v1  (send the key in X-API-Key)"));
    out::line(&format!("API key        in {}", key::path(dir).display()));
    out::line(&format!("Documentation  {url}/docs"));
    out::line(&format!("Operator page  {url}/operator"));
    out::line("Ask your own   rag-enabler ask DOCUMENT \"QUESTION\", or upload: rag-enabler ingest FILE.pdf");
    if tour.exit {
        return Ok(());
    }
    match node {
        Some(node) => {
            out::line("The node stays up until Ctrl-C.");
            Err(node.ended().await)
        }
        None => Ok(()),
    }
}

/// A node without its models would wait for them for ever; a newcomer is told before it starts.
fn check_models(models: &enabler_config::Models) -> Result<(), Failure> {
    let named = [(&models.embedding, EMBEDDING_DEFAULT), (&models.generation, LANGUAGE_DEFAULT)];
    for name in named.iter().filter(|(chosen, _)| *chosen == "default").map(|(_, name)| *name) {
        if let Ok(Location::Missing { how_to_get, .. }) = catalogue::locate(&models.dir, name) {
            return Err(Failure::Plain(format!(
                "the model {name} is not installed in {}.\n{how_to_get}",
                models.dir.display()
            )));
        }
    }
    if let ("auto", Location::Missing { how_to_get, .. }) =
        (models.generation.as_str(), catalogue::choose_auto(&models.dir))
    {
        return Err(Failure::Plain(format!(
            "no language model is installed in {}.\n{how_to_get}",
            models.dir.display()
        )));
    }
    Ok(())
}

/// The node that already serves `dir`, if there is one that answers.
async fn running(dir: &Path, key: &enabler_config::Secret) -> Option<Client> {
    let client = Client::new(&node_file::read(dir)?.url, key.clone()).ok()?;
    client.waiting_for().await.ok()?.is_none().then_some(client)
}

async fn wait_until_ready(
    node: &mut Node,
    dir: &Path,
    key: &enabler_config::Secret,
) -> Result<Client, Failure> {
    let spinner = out::spinner("starting a node");
    let ready = async {
        loop {
            if let Some(file) = node_file::read(dir) {
                let client = Client::new(&file.url, key.clone())?;
                match client.waiting_for().await {
                    Ok(None) => return Ok(client),
                    Ok(Some(waiting)) if !waiting.is_empty() => {
                        spinner.set_message(format!("starting a node: {}", waiting.join(", ")));
                    }
                    // Between its file and its first answer lies a moment.
                    Ok(Some(_)) | Err(_) => {}
                }
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let client = tokio::select! {
        client = ready => client,
        failure = node.ended() => Err(failure),
    };
    spinner.finish_and_clear();
    let client = client?;
    out::line(&format!("✓ a node is up at {}", client.url()));
    Ok(client)
}

/// Uploads the samples that the node does not have yet, and waits until all are read.
async fn read_documents(client: &Client, samples: &Samples) -> Result<BTreeMap<String, String>, Failure> {
    let known = known(client).await?;
    let bars = MultiProgress::new();
    let mut documents = BTreeMap::new();
    for file in &samples.files {
        let path = samples.dir.join(&file.path);
        let (sha256, _) =
            sha256_of(&path).map_err(|error| Failure::io(format!("reading {}", path.display()), error))?;
        let id = match known.get(&sha256) {
            Some(id) => id.clone(),
            None => ingest::id_of(&ingest::upload(client, &path, &file.template, None, &bars).await?),
        };
        let document = ingest::wait(client, &id, &file.path, &bars).await?;
        bars.suspend(|| out::line(&ingest::sentence(&file.path, &document)));
        if document["status"] == "failed" {
            return Err(Failure::Plain(format!("{} could not be read, so it cannot be asked", file.path)));
        }
        documents.insert(file.path.clone(), id);
    }
    Ok(documents)
}

/// The documents that the node has and did not fail to read, by the hash of their file.
async fn known(client: &Client) -> Result<BTreeMap<String, String>, Failure> {
    let mut known = BTreeMap::new();
    let mut cursor = None;
    for _ in 0..PARTS_MAX {
        let part = client.documents(cursor.as_deref()).await?;
        for document in part["documents"].as_array().map(Vec::as_slice).unwrap_or_default() {
            if let (Some(sha256), false) = (document["sha256"].as_str(), document["status"] == "failed") {
                known.insert(sha256.to_owned(), ingest::id_of(document));
            }
        }
        cursor = part["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(known)
}
