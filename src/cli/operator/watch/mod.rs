//! Watches the cluster full-screen: keys and answers go into the view, and what it wants is asked and drawn.

mod draw;
mod forest;
mod prompt;
mod state;
#[cfg(test)]
mod tests;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures_util::StreamExt as _;
use ratatui::DefaultTerminal;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::questions::{Question, act, ask};
use crate::cli::client::Client;
use crate::cli::failure::Failure;
use state::{Effect, Told, View, Wanted};

/// How often what is in sight is asked for anew.
const REFRESH: Duration = Duration::from_secs(2);
/// How long an answer is waited for before the node counts as gone.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// Answers that wait to be drawn; a node that tells more has to wait itself.
const TOLD_MAX: usize = 64;

/// Watches until `q` is pressed.
pub(crate) async fn watch(client: &Client) -> Result<ExitCode, Failure> {
    if !std::io::stdout().is_terminal() {
        return Err(Failure::Plain(
            "--watch needs a terminal; leave it out to print the tree once".to_owned(),
        ));
    }
    // A node that is not there, or a key that may not look, is said before the screen is taken.
    ask::<serde_json::Value>(client, &Question::new("tree").with("limit", Some("1"))).await?;
    let mut terminal =
        ratatui::try_init().map_err(|source| Failure::io("taking the terminal for the view", source))?;
    let outcome = run(client, &mut terminal).await;
    ratatui::restore();
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn run(client: &Client, terminal: &mut DefaultTerminal) -> Result<(), Failure> {
    let drawing = |source| Failure::io("drawing the view", source);
    let (tell, mut told) = mpsc::channel::<(Option<Wanted>, Told)>(TOLD_MAX);
    let (mut view, mut keys, begin) = (View::new(), EventStream::new(), Instant::now());
    let mut ticks = tokio::time::interval(REFRESH);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut asked: Vec<Wanted> = Vec::new();
    loop {
        terminal.draw(|frame| draw::draw(frame, &view)).map_err(drawing)?;
        let effects = tokio::select! {
            key = keys.next() => match key {
                Some(Ok(Event::Key(key))) if key.kind != KeyEventKind::Release => press(&mut view, key),
                Some(Ok(_)) => Vec::new(),
                Some(Err(source)) => return Err(Failure::io("reading the keyboard", source)),
                None => return Ok(()),
            },
            _ = ticks.tick() => view.tick(u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX)),
            Some((wanted, answer)) = told.recv() => {
                asked.retain(|one| Some(one) != wanted.as_ref());
                view.told(answer);
                Vec::new()
            }
        };
        for effect in effects {
            match effect {
                Effect::Leave => return Ok(()),
                // What is being asked need not be asked again.
                Effect::Ask(wanted) if asked.contains(&wanted) => {}
                Effect::Ask(wanted) => {
                    asked.push(wanted.clone());
                    let (client, tell) = (client.clone(), tell.clone());
                    tokio::spawn(async move {
                        let answer = answer(&client, wanted.clone()).await;
                        // Nobody listens when the view was left.
                        let _ = tell.send((Some(wanted), answer)).await;
                    });
                }
                Effect::Try(action, reason) => {
                    let (client, tell) = (client.clone(), tell.clone());
                    tokio::spawn(async move {
                        let tried = act(&client, &action, &reason, true).await;
                        let _ = tell.send((None, tried.map_or_else(not_done, Told::Tried))).await;
                    });
                }
                Effect::Do(action, reason) => {
                    let (client, tell) = (client.clone(), tell.clone());
                    tokio::spawn(async move {
                        let done = act(&client, &action, &reason, false).await;
                        let _ = tell.send((None, done.map_or_else(not_done, Told::Done))).await;
                    });
                }
            }
        }
    }
}

fn press(view: &mut View, key: KeyEvent) -> Vec<Effect> {
    // In raw mode the terminal no longer ends the program by itself.
    if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
        return vec![Effect::Leave];
    }
    view.key(key.code)
}

fn not_done(failure: Failure) -> Told {
    Told::NotDone(failure.to_string())
}

/// What a node tells about what is wanted.
async fn answer(client: &Client, wanted: Wanted) -> Told {
    let told = tokio::time::timeout(ANSWER_TIME_MAX, question(client, wanted)).await;
    match told {
        Ok(Ok(told)) => told,
        Ok(Err(Failure::Unreachable { .. })) | Err(_) => Told::Gone,
        Ok(Err(failure)) => Told::Refused(failure.to_string()),
    }
}

async fn question(client: &Client, wanted: Wanted) -> Result<Told, Failure> {
    let tree = || Question::new("tree");
    Ok(match wanted {
        Wanted::Roots => {
            let question = tree().with("depth", Some("1")).with("limit", Some("200"));
            Told::Roots(ask(client, &question).await?)
        }
        Wanted::Below { node, under, after } => {
            let question = tree().with("node", Some(&node)).with("under", Some(&under));
            let question =
                question.with("after", after.as_deref()).with("depth", Some("1")).with("limit", Some("200"));
            Told::Below { tree: ask(client, &question).await?, under, after }
        }
        Wanted::Found(text) => {
            Told::Found(ask(client, &tree().with("q", Some(&text)).with("limit", Some("200"))).await?)
        }
        Wanted::Actor { node, path } => {
            let question = Question::new("actor").with("node", Some(&node)).with("path", Some(&path));
            Told::Actor(ask(client, &question).await?)
        }
        Wanted::Where(id) => Told::Where(ask(client, &Question::about("where", &id)).await?),
        Wanted::Failures => Told::Failures(ask(client, &Question::new("failures")).await?),
        Wanted::Letters => Told::Letters(ask(client, &Question::new("dead-letters")).await?),
        Wanted::Stalled => Told::Stalled(ask(client, &Question::new("stalled")).await?),
        Wanted::Shards => Told::Shards(ask(client, &Question::new("shards")).await?),
    })
}
