//! The live tier on the command line: real nodes, a line for each thing that happens to them, and a picture of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use enabler_sim::history;
use enabler_sim_live::{Chaos, HISTORY_FILE, Length, LiveError, Plan, Summary, find_program, run};

use super::{BROKEN, KEPT, one, say};

/// Ended by Ctrl-C or SIGTERM.
pub(super) const INTERRUPTED: u8 = 130;

/// A run of real nodes.
#[derive(Debug, Args)]
pub(super) struct Live {
    /// Nodes
    #[arg(long, default_value_t = 5)]
    nodes: usize,
    /// How long
    #[arg(long, default_value_t = 10.0, conflicts_with = "events")]
    minutes: f64,
    /// How many things happen, instead of how long
    #[arg(long)]
    events: Option<usize>,
    /// What may happen: kill, freeze, cut, drain, store, redis
    #[arg(long, value_delimiter = ',', default_value = "kill,freeze,cut,drain,store,redis")]
    chaos: Vec<Chaos>,
    /// What decides what happens to whom
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Let the cluster come to rest after each event, so that each is measured alone
    #[arg(long)]
    calm: bool,
    /// The `rag-enabler` to run; the one beside `sim` if it is not given
    #[arg(long)]
    program: Option<PathBuf>,
    /// Folder for the history and the nodes' logs
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
    /// Where to draw the run: a page to look at, or lines to search in (.txt)
    #[arg(long, value_name = "FILE.html")]
    trace: Option<PathBuf>,
}

/// Runs real nodes.
pub(super) fn live(live: Live) -> anyhow::Result<u8> {
    // A picture is drawn from the history, which goes when nobody has asked for it.
    let passing = match (&live.trace, &live.report) {
        (Some(_), None) => Some(tempfile::tempdir().context("making a folder for the history")?),
        _ => None,
    };
    let report = live.report.clone().or_else(|| passing.as_ref().map(|dir| dir.path().to_owned()));
    let plan = Plan {
        nodes: live.nodes,
        length: live
            .events
            .map_or(Length::Time(Duration::from_secs_f64(live.minutes * 60.0)), Length::Events),
        seed: live.seed,
        chaos: live.chaos.into_iter().collect(),
        calm: live.calm,
        program: find_program(live.program.as_deref()).map_err(told)?,
        report: report.clone(),
    };
    // Whoever repeats the line has no use for a folder that is gone.
    let passing = passing.map(|dir| (format!(" --report {}", dir.path().display()), dir));
    let shown = |text: &str| match &passing {
        Some((named, _)) => text.replace(named, ""),
        None => text.to_owned(),
    };
    let outcome = carried_out(&plan, &mut |line| say(line));
    if let (Some(page), Some(folder)) = (&live.trace, &report)
        && folder.join(HISTORY_FILE).exists()
    {
        draw(&folder.join(HISTORY_FILE), page, &shown)?;
        say(&format!("the run as a page: {}", page.display()));
    }
    match outcome {
        Ok(summary) => {
            say(&shown(&summary.to_string()));
            Ok(if summary.is_kept() { KEPT } else { BROKEN })
        }
        Err(error @ LiveError::Interrupted) => {
            say(&error.whole());
            Ok(INTERRUPTED)
        }
        Err(error) => Err(told(error)),
    }
}

/// Carries out a plan of real nodes on a runtime of its own.
pub(super) fn carried_out(plan: &Plan, tell: &mut dyn FnMut(&str)) -> Result<Summary, LiveError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|source| LiveError::System { doing: "starting the runtime".to_owned(), source })?;
    runtime.block_on(run(plan, &mut |line| tell(&line.to_string())))
}

/// Draws the page of a history; `shown` makes its command one that can be repeated.
fn draw(history: &Path, page: &Path, shown: &dyn Fn(&str) -> String) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(history).context("reading the history of the run")?;
    let mut record = history::record(&text).context("reading the history of the run")?;
    record.head.command = shown(&record.head.command);
    one::write_page(page, &record, None)
}

pub(super) fn told(error: LiveError) -> anyhow::Error {
    anyhow::Error::msg(error.whole())
}
