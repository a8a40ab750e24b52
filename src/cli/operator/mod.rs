//! What an operator asks in the terminal: what is running, what is failing, where a document is.

pub(crate) mod arguments;
mod prompts;
mod quality;
mod questions;
mod recurring;
mod shape;
mod suite;
mod text;
mod watch;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::Client;
use super::failure::Failure;
use super::out;
pub(crate) use prompts::prompts;
pub(crate) use quality::quality;
pub(crate) use recurring::{erase, recurring};

use arguments::{DeadLetters, Failures, Shards, Tree, Where};
use questions::{Question, ask};
use shape::CannotSee;

/// Prints the tree, or watches it.
pub(crate) async fn tree(client: &Client, tree: &Tree) -> Result<ExitCode, Failure> {
    if tree.watch {
        return watch::watch(client).await;
    }
    let question = Question::new("tree")
        .with("node", tree.node.as_deref())
        .with("under", tree.under.as_deref())
        .with("q", tree.find.as_deref())
        .with("status", tree.status.as_deref())
        .with("after", tree.after.as_deref())
        .with("depth", Some(&tree.depth.to_string()))
        .with("limit", Some(&tree.limit.to_string()));
    let Some(told) = told::<shape::Tree>(client, &question, tree.json).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let rows: Vec<Vec<String>> = told
        .nodes
        .iter()
        .flat_map(|node| std::iter::once(text::node_row(node)).chain(node.actors.iter().map(text::actor_row)))
        .collect();
    print(
        &[
            "NODE", "PATH", "KIND", "STATUS", "MAILBOX", "IN HAND", "HANDLED", "P50", "P99", "RESTARTS",
            "NOTE",
        ],
        &rows,
        "No node was found.",
    );
    for node in &told.nodes {
        if let Some(after) = &node.more_after {
            out::note(&format!(
                "{} has more: rag-enabler tree --node {} --after {after}",
                node.name, node.name
            ));
        }
    }
    say_unseen(&told.cannot_see);
    Ok(ExitCode::SUCCESS)
}

/// Prints who owns which shard.
pub(crate) async fn shards(client: &Client, shards: &Shards) -> Result<ExitCode, Failure> {
    let question = Question::new("shards");
    let Some(told) = told::<shape::Shards>(client, &question, shards.json).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let rows: Vec<_> = told.shards.iter().map(text::shard_row).collect();
    let heads = ["SHARD", "OWNER", "EPOCH", "STATUS", "POSITION", "DOCUMENTS", "REPLICAS:LAG", "WHY"];
    print(&heads, &rows, "No shard is known.");
    say_unseen(&told.cannot_see);
    Ok(ExitCode::SUCCESS)
}

/// Prints what has failed.
pub(crate) async fn failures(client: &Client, failures: &Failures) -> Result<ExitCode, Failure> {
    let question = Question::new("failures")
        .with("node", failures.node.as_deref())
        .with("path", failures.path.as_deref())
        .with("limit", Some(&failures.limit.to_string()));
    let Some(told) = told::<shape::Failures>(client, &question, failures.json).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let rows: Vec<_> = told.failures.iter().map(text::failure_row).collect();
    if failures.backtrace {
        for (line, failure) in text::columns(&rows).iter().zip(&told.failures) {
            out::line(line);
            print_backtrace(failure);
        }
    } else {
        print(&["AT", "NODE", "PATH", "MESSAGE", "REASON"], &rows, "Nothing has failed.");
    }
    say_unseen(&told.cannot_see);
    Ok(ExitCode::SUCCESS)
}

/// Prints the messages that were given up.
pub(crate) async fn dead_letters(client: &Client, letters: &DeadLetters) -> Result<ExitCode, Failure> {
    let question = Question::new("dead-letters").with("limit", Some(&letters.limit.to_string()));
    let Some(told) = told::<shape::DeadLetters>(client, &question, letters.json).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let rows: Vec<_> = told.dead_letters.iter().map(text::letter_row).collect();
    let heads = ["ID", "AT", "NODE", "PATH", "MESSAGE", "DOCUMENT", "TRIES", "RETRY", "REASON"];
    print(&heads, &rows, "There are no dead letters.");
    say_unseen(&told.cannot_see);
    Ok(ExitCode::SUCCESS)
}

/// Prints where a document or a request is, and how it got there.
pub(crate) async fn where_is(client: &Client, asked: &Where) -> Result<ExitCode, Failure> {
    let question = Question::about("where", &asked.id);
    let Some(told) = told::<shape::Where>(client, &question, asked.json).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    out::line(&format!("{:9} {}", told.what, told.id));
    out::line(&format!("status    {}", told.status));
    if let Some(document) = told.document.as_ref().filter(|document| **document != told.id) {
        out::line(&format!("document  {document}"));
    }
    if let Some(shard) = told.shard {
        let owner = told.owner.as_deref().unwrap_or("no owner");
        let epoch = told.epoch.map(|epoch| format!(" epoch {epoch}")).unwrap_or_default();
        out::line(&format!("shard     {shard} {owner}{epoch}"));
    }
    if let Some(actor) = &told.actor {
        out::line(&format!("actor     {}:{} {}", actor.node, actor.path, text::status(actor)));
    }
    let path: Vec<_> = told.path.iter().map(text::step_row).collect();
    text::columns(&path).iter().for_each(|line| out::line(&format!("step      {line}")));
    for failure in &told.failures {
        out::line(&format!("failure   {}", text::columns(&[text::failure_row(failure)]).join(" ")));
        print_backtrace(failure);
    }
    for letter in &told.dead_letters {
        out::line(&format!("letter    {}", text::columns(&[text::letter_row(letter)]).join(" ")));
    }
    for may in &told.may {
        out::line(&format!("may       {}", may.action));
    }
    say_unseen(&told.cannot_see);
    Ok(ExitCode::SUCCESS)
}

fn print_backtrace(failure: &shape::Failed) {
    for line in failure.backtrace.iter().flat_map(|backtrace| backtrace.lines()) {
        out::line(&format!("    {line}"));
    }
}

/// What a node answers; nothing when it was printed as JSON already.
async fn told<T: DeserializeOwned>(
    client: &Client,
    question: &Question,
    as_json: bool,
) -> Result<Option<T>, Failure> {
    if as_json {
        out::line(&client.send::<Value>(question.request(client)).await?.to_string());
        return Ok(None);
    }
    ask(client, question).await.map(Some)
}

/// Prints lines, with what their columns mean above them where a person reads.
fn print(heads: &[&str], rows: &[Vec<String>], nothing: &str) {
    let is_terminal = std::io::stdout().is_terminal();
    if rows.is_empty() && is_terminal {
        return out::line(nothing);
    }
    if !is_terminal {
        return text::columns(rows).iter().for_each(|line| out::line(line));
    }
    let heads = heads.iter().map(|head| (*head).to_owned()).collect();
    let all: Vec<Vec<String>> = std::iter::once(heads).chain(rows.iter().cloned()).collect();
    for (at, line) in text::columns(&all).iter().enumerate() {
        out::line(&if at == 0 { out::strong(line) } else { line.clone() });
    }
}

fn say_unseen(unseen: &[CannotSee]) {
    for one in unseen {
        out::note(&format!("cannot see {}: {}", one.what, one.why));
    }
}
