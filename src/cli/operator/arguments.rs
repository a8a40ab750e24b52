//! What an operator can say on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The supervision tree of the whole cluster.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Tree {
    /// Only this node
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Option<String>,
    /// Only what is below this path, such as ocr
    #[arg(long, value_name = "PATH")]
    pub(crate) under: Option<String>,
    /// Levels to show
    #[arg(long, value_name = "LEVELS", default_value_t = 2)]
    pub(crate) depth: u32,
    /// Actors whose path or kind has this text, at any depth
    #[arg(long, value_name = "TEXT")]
    pub(crate) find: Option<String>,
    /// Actors in this status, such as failed, at any depth
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,
    /// Actors of each node, at most 1000
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Go on behind this path
    #[arg(long, value_name = "PATH")]
    pub(crate) after: Option<String>,
    /// Watch it full-screen, with failures, dead letters, shards and documents, and act
    #[arg(long, conflicts_with = "json")]
    pub(crate) watch: bool,
    /// Print the node's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const HELP: &str = "\
Each line is an actor: node, path, kind, status, mailbox (waiting/capacity), message in hand with its time, handled,
p50 and p99 handling time, restarts. What cannot be seen is said on standard error.

With --watch: Tab and 1 to 5 change the view, arrows move and open, / searches, Enter shows an actor with its
failures and backtraces, r restarts it, R retries a document or dead letter, d drains a node or shard, q leaves.
Every action asks for a reason and shows what it would touch before it is done.

Exit codes: 0 done, 1 refused by the node, 2 wrong arguments or no key, 3 no node answers.";

/// Who owns which shard.
#[derive(Debug, Args)]
pub(crate) struct Shards {
    /// Print the node's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What has failed, newest first.
#[derive(Debug, Args)]
pub(crate) struct Failures {
    /// Only on this node
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Option<String>,
    /// Only of this actor
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<String>,
    /// How many, at most
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Print the backtrace below each
    #[arg(long)]
    pub(crate) backtrace: bool,
    /// Print the node's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Messages that were given up.
#[derive(Debug, Args)]
pub(crate) struct DeadLetters {
    /// How many, at most
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Print the node's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where a document or a request is.
#[derive(Debug, Args)]
pub(crate) struct Where {
    /// The id of a document, or of a request as X-Request-Id gives it
    #[arg(value_name = "DOCUMENT")]
    pub(crate) id: String,
    /// Print the node's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Erase a document everywhere, with a receipt.
#[derive(Debug, Args)]
#[command(after_help = ERASE_HELP)]
pub(crate) struct Erase {
    /// The id of the document
    #[arg(value_name = "DOCUMENT")]
    pub(crate) document: String,
    /// Why; it goes into the audit log and onto the receipt
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Only say what would be touched
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the node's answer with the whole receipt as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const ERASE_HELP: &str = "\
The document is deleted, and then every trace of it but its id is removed: files, pages, chunks, index entries,
vectors, log entries, snapshots, answers, conversations, recognised pages, answers to repeated requests, copies on
nodes. Then all of it is searched for the document's own words. The receipt lists every place with what was removed
and what was found; it stays in the store, and asking again prints it.

Needs `operator.actions` on the node, and a key with the scope operate of the operator's tenant.

Exit codes: 0 erased and nothing found, 1 refused or something is left, 2 wrong arguments or no key, 3 no node answers.";

/// What recurs, and who runs it.
#[derive(Debug, Args)]
pub(crate) struct Recurring {
    /// Have a job run now
    #[command(subcommand)]
    pub(crate) command: Option<RecurringCommand>,
    /// Print the node's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What can be done about recurring work.
#[derive(Debug, Subcommand)]
pub(crate) enum RecurringCommand {
    /// Have a job run now, on the node that holds the lease
    Run {
        /// retention, dead_letters, erasure, quality or index_refresh
        #[arg(value_name = "JOB")]
        job: String,
        /// Why; it goes into the audit log
        #[arg(long, value_name = "TEXT", default_value = "ordered on the command line")]
        reason: String,
    },
}

/// The prompts that answers are drafted with.
#[derive(Debug, Args)]
#[command(after_help = PROMPTS_HELP)]
pub(crate) struct Prompts {
    /// Keep, promote, take back or show a version
    #[command(subcommand)]
    pub(crate) command: Option<PromptsCommand>,
    /// Print the node's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const PROMPTS_HELP: &str = "\
Version v1 ships and can always be gone back to; p1, p2 and so on are kept in the store. A file has a section [system]
with {context} and a section [user] with {question}; its name ends in pt.txt or en.txt.

Promoting asks the suites of questions first (`rag-enabler quality`) and is refused where answers become worse than a
suite's gate allows. Every node drafts with the promoted version within some seconds.

Exit codes: 0 done, 1 refused, 2 wrong arguments or no key, 3 no node answers.";

/// What can be done about prompts.
#[derive(Debug, Subcommand)]
pub(crate) enum PromptsCommand {
    /// Keep a new version: one file for each language
    Put {
        /// Two files, whose names end in pt.txt and en.txt
        #[arg(value_name = "FILE", num_args = 2, required = true)]
        files: Vec<PathBuf>,
        /// What is new in it
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
    },
    /// Put a version in force, once the suites have nothing against it
    Promote {
        /// Such as p2
        #[arg(value_name = "VERSION")]
        version: String,
        /// Why; it goes into the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Pass over the gates of the suites
        #[arg(long)]
        force: bool,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
        /// Do not wait for the suites
        #[arg(long)]
        no_wait: bool,
    },
    /// Have the version before in force again
    Rollback {
        /// Why; it goes into the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Print the files of a version
    Show {
        /// Such as v1
        #[arg(value_name = "VERSION")]
        version: String,
    },
}

/// The suites of questions that measure how good answers are.
#[derive(Debug, Args)]
#[command(after_help = QUALITY_HELP)]
pub(crate) struct Quality {
    /// Put, run, show or remove a suite
    #[command(subcommand)]
    pub(crate) command: Option<QualityCommand>,
    /// Print the node's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const QUALITY_HELP: &str = "\
The folder of a suite holds TOML files with [[question]] tables, JSONL files with a question a line, or both:

  [gate]                       # in one of the files at most
  min_score = 0.9
  max_drop = 0.02

  [[question]]
  question = \"Qual é o prazo de entrega?\"
  document = \"contrato.pdf\"    # a file's name or an id; all documents when left out
  expected = { contains = [\"60 dias\"], page = 2 }

Expected is any of contains, page, document, drafted = true (the model's own words) or refused = true. The questions are
put to the documents of the key's tenant.

Exit codes: 0 done, 1 refused or below the gate, 2 wrong arguments or no key, 3 no node answers.";

/// What can be done about suites.
#[derive(Debug, Subcommand)]
pub(crate) enum QualityCommand {
    /// Put a suite, in the place of the one with its name
    Put {
        /// Its name
        #[arg(value_name = "SUITE")]
        suite: String,
        /// The folder with its files
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
    /// Have a suite run now, and wait for the end
    Run {
        /// Its name
        #[arg(value_name = "SUITE")]
        suite: String,
        /// Why; it goes into the audit log
        #[arg(long, value_name = "TEXT", default_value = "ordered on the command line")]
        reason: String,
        /// Do not wait for the end
        #[arg(long)]
        no_wait: bool,
    },
    /// Show the runs of a suite, and what was wrong in the last
    Show {
        /// Its name
        #[arg(value_name = "SUITE")]
        suite: String,
    },
    /// Remove a suite with its runs
    Remove {
        /// Its name
        #[arg(value_name = "SUITE")]
        suite: String,
        /// Why; it goes into the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}
