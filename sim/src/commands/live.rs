//! The live tier on the command line: real nodes, and a line for each thing that happens to them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use enabler_sim_live::{Chaos, Length, LiveError, Plan, find_program, run};

use super::{BROKEN, KEPT, say};

/// Ended by Ctrl-C or SIGTERM.
const INTERRUPTED: u8 = 130;

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
    /// The `rag-enabler` to run; the one beside `sim` if it is not given
    #[arg(long)]
    program: Option<PathBuf>,
    /// Folder for the history and the nodes' logs
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
}

/// Runs real nodes.
pub(super) fn live(live: Live) -> anyhow::Result<u8> {
    let plan = Plan {
        nodes: live.nodes,
        length: live
            .events
            .map_or(Length::Time(Duration::from_secs_f64(live.minutes * 60.0)), Length::Events),
        seed: live.seed,
        chaos: live.chaos.into_iter().collect(),
        program: find_program(live.program.as_deref()).map_err(told)?,
        report: live.report,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("starting the runtime")?;
    match runtime.block_on(run(&plan, &mut |line| say(&line.to_string()))) {
        Ok(summary) => {
            say(&summary.to_string());
            Ok(if summary.is_kept() { KEPT } else { BROKEN })
        }
        Err(error @ LiveError::Interrupted) => {
            say(&error.whole());
            Ok(INTERRUPTED)
        }
        Err(error) => Err(told(error)),
    }
}

fn told(error: LiveError) -> anyhow::Error {
    anyhow::Error::msg(error.whole())
}
