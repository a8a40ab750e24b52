//! The command line: what each word takes, what it prints, and how it ends.
//!
//! 0: every promise was kept. 1: one was broken. 2: something that must be seen was not. 3: a run could not be repeated.
//! 64: the command itself was wrong.

mod doctor;
#[cfg(feature = "live")]
mod live;
mod numbers;
mod one;
mod plant;
mod search;
#[cfg(feature = "node")]
mod whole;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use enabler_sim::core::{Faults, Plan};

/// Every promise was kept.
pub(crate) const KEPT: u8 = 0;
/// A promise was broken.
pub(crate) const BROKEN: u8 = 1;
/// A search did not see what it must see.
pub(crate) const HOLE: u8 = 2;
/// The command itself was wrong: not 2, which clap would take.
pub(crate) const WRONG: u8 = 64;
/// The same run came out differently.
pub(crate) const DIFFERS: u8 = 3;

/// Runs a cluster of simulated nodes under every failure that can be thought of, and says which promise was broken.
#[derive(Debug, Parser)]
#[command(name = "sim", version, about, max_term_width = 100)]
pub(crate) struct Command {
    #[command(subcommand)]
    word: Word,
}

#[derive(Debug, Subcommand)]
enum Word {
    /// Runs one seed
    Run {
        /// The seed
        #[arg(long)]
        seed: u64,
        /// What is run: the decisions alone, or whole nodes
        #[arg(long, value_enum, default_value_t)]
        tier: Tier,
        #[command(flatten)]
        shape: Shape,
        /// Where to write the run: a page to look at, or lines to search in (.txt)
        #[arg(long, value_name = "FILE.html")]
        trace: Option<PathBuf>,
    },
    /// Runs many seeds until one breaks a promise
    Search {
        /// The first seed
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many seeds
        #[arg(long, default_value_t = 10_000)]
        seeds: u64,
        /// Threads; 0 for one per core
        #[arg(long, default_value_t = 0)]
        jobs: usize,
        /// When to stop, in minutes
        #[arg(long)]
        minutes: Option<f64>,
        /// Go on after a broken promise
        #[arg(long)]
        all: bool,
        /// What is run: the decisions alone, or whole nodes
        #[arg(long, value_enum, default_value_t)]
        tier: Tier,
        /// Folder for the page and the case of each broken promise
        #[arg(long, value_name = "FOLDER")]
        report: Option<PathBuf>,
        #[command(flatten)]
        shape: Shape,
    },
    /// Makes a run again: a seed, or a case that was kept
    Replay {
        /// A seed or a file
        what: String,
        /// Where to write the run: a page to look at, or lines to search in (.txt)
        #[arg(long, value_name = "FILE.html")]
        trace: Option<PathBuf>,
        /// The event at which the page opens
        #[arg(long)]
        at: Option<u64>,
        #[command(flatten)]
        shape: Shape,
    },
    /// Makes a failing run as small as it can
    Shrink {
        /// A seed or a file
        what: String,
        /// Where to write the small case
        #[arg(short, long, value_name = "FILE.case")]
        output: PathBuf,
        /// The longest that it may take, in seconds
        #[arg(long, default_value_t = 30)]
        seconds: u64,
        #[command(flatten)]
        shape: Shape,
    },
    /// Makes each seed twice, here and in another process, and compares every event
    Doctor {
        /// How many seeds
        #[arg(long, default_value_t = 50)]
        seeds: u64,
    },
    /// Prints the hashes of seeds, for the doctor in another process
    #[command(hide = true)]
    Hashes {
        /// How many seeds
        #[arg(long)]
        seeds: u64,
    },
    /// Runs one seed of whole nodes for the process that searches
    #[cfg(feature = "node")]
    #[command(hide = true)]
    Played {
        /// The seed
        #[arg(long)]
        seed: u64,
        #[command(flatten)]
        shape: Shape,
    },
    /// Measures the numbers to reach on this machine, and says which are kept
    Numbers(numbers::Numbers),
    /// Lists what is promised, and under which number
    Promises,
    /// Makes mistakes on purpose and sees whether they are caught
    Plant {
        /// Only list them
        #[arg(long)]
        list: bool,
        /// All of them
        #[arg(long, conflicts_with = "list")]
        all: bool,
        /// One of them
        #[arg(conflicts_with_all = ["list", "all"], required_unless_present_any = ["list", "all"])]
        name: Option<String>,
        /// The most seeds that catching one may take
        #[arg(long, default_value_t = 3_000)]
        seeds: u64,
    },
    /// Runs real nodes, a real store and a real Redis, and breaks them
    #[cfg(feature = "live")]
    Live(live::Live),
}

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Tier {
    /// The decisions, with the actors' shell written small: some 10 ms a seed
    #[default]
    Core,
    /// Whole nodes in one process: half a second a seed
    #[cfg(feature = "node")]
    Node,
}

/// The shape of a run.
#[derive(Debug, Clone, Args)]
pub(crate) struct Shape {
    /// Nodes; the seed chooses if it is not given
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=15))]
    nodes: u8,
    /// What may fail: store, net, process, time, damage, all or none; the seed chooses if it is not given
    #[arg(long, value_parser = faults)]
    faults: Option<Faults>,
    /// A mistake to make on purpose in a single run; `sim plant --list` names them
    #[arg(long, value_parser = mistake)]
    plant: Option<&'static str>,
}

fn mistake(name: &str) -> Result<&'static str, String> {
    let found = enabler_sim::plant::find(name).map(|plant| plant.name);
    found.ok_or_else(|| format!("there is no mistake `{name}`; `sim plant --list` names all"))
}

fn faults(list: &str) -> Result<Faults, String> {
    Faults::parse(list).map_err(|word| {
        format!("`{word}` is no fault; there are store, net, process, time, damage, all, none")
    })
}

impl Shape {
    /// The plan of a seed.
    pub(crate) fn plan(&self, seed: u64) -> Plan {
        Plan::of_seed(seed, self.nodes, self.faults)
    }

    /// As it is written behind a command.
    pub(crate) fn shown(&self) -> String {
        let mut shown = String::new();
        if self.nodes > 0 {
            shown.push_str(&format!(" --nodes {}", self.nodes));
        }
        if let Some(plant) = self.plant {
            shown.push_str(&format!(" --plant {plant}"));
        }
        if let Some(faults) = self.faults {
            shown.push_str(&format!(" --faults {faults}"));
        }
        shown
    }
}

impl Command {
    /// Does it; says how it ended.
    pub(crate) fn run(self) -> anyhow::Result<u8> {
        match self.word {
            #[cfg(feature = "node")]
            Word::Run { seed, tier: Tier::Node, shape, trace } => whole::run(seed, &shape, trace.as_deref()),
            Word::Run { seed, tier: Tier::Core, shape, trace } => {
                one::replay(&seed.to_string(), &shape, trace.as_deref(), None)
            }
            Word::Replay { what, trace, at, shape } => one::replay(&what, &shape, trace.as_deref(), at),
            Word::Shrink { what, output, seconds, shape } => one::shrink(&what, &shape, &output, seconds),
            Word::Search { from, seeds, jobs, minutes, all, tier, report, shape } => {
                let limits = search::Limits { from, seeds, jobs, minutes, goes_on: all };
                match tier {
                    Tier::Core => search::run(&limits, &shape, report.as_deref()),
                    #[cfg(feature = "node")]
                    Tier::Node => whole::search(&limits, &shape, report.as_deref()),
                }
            }
            #[cfg(feature = "node")]
            Word::Played { seed, shape } => whole::played(seed, &shape),
            Word::Numbers(numbers) => numbers::run(&numbers),
            Word::Plant { list: true, .. } => Ok(plant::list()),
            Word::Plant { name, seeds, .. } => plant::all(name.as_deref(), seeds),
            #[cfg(feature = "live")]
            Word::Live(live) => live::live(live),
            Word::Doctor { seeds } => doctor::run(seeds),
            Word::Hashes { seeds } => doctor::hashes(seeds),
            Word::Promises => {
                for promise in enabler_sim::core::judge::PROMISES {
                    say(&format!("{:>4}  {}", promise.0, promise.1));
                }
                Ok(KEPT)
            }
        }
    }
}

/// Tells whoever waits how far it is, beside what is printed.
pub(crate) fn tell(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints a line; a reader that is gone ends nothing.
pub(crate) fn say(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{line}");
}
