//! What can be said behind `rag-enabler dkr`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  rag-enabler dkr new contracts.rules              write a first file by answering questions
  rag-enabler dkr check contracts.rules            every error and warning, with its place
  rag-enabler dkr fmt contracts.rules              bring it into its usual form
  rag-enabler dkr lint --fix contracts.rules       dead rules, doubles; repair the safe ones
  rag-enabler dkr test --coverage contracts.rules  run its TESTE blocks
  rag-enabler dkr repl contracts.rules             ask and try, line by line
  rag-enabler dkr explain D0101                    what a code means
  rag-enabler dkr explain contracts.rules --question \"Qual o prazo?\" --answer \"São 30 dias.\"
  rag-enabler dkr run contracts.rules --jsonl < answers.jsonl
  rag-enabler dkr diff old.rules new.rules --answers answers.jsonl

Exit code: 0 when all is well, 1 when something is wrong with a file or its tests, 2 for wrong usage.";

/// Write, check, test and try rules files
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Dkr {
    /// Language of messages for people
    #[arg(long, global = true, value_enum, default_value = "pt", value_name = "LANG")]
    pub(super) lang: Lang,
    #[command(subcommand)]
    pub(super) command: DkrCommand,
}

/// The languages of messages.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Lang {
    /// Portuguese
    Pt,
    /// English
    En,
}

/// What to do with rules files.
#[derive(Debug, Subcommand)]
pub(super) enum DkrCommand {
    /// Apply a file to questions and answers, one JSON object in each line of standard input
    Run(Run),
    /// Report every error and warning of files
    Check(Check),
    /// Bring files into their usual form
    Fmt(Fmt),
    /// Report what is probably not meant: dead rules, doubles, rules without a test
    Lint(Lint),
    /// Run the TESTE blocks of files
    Test(Test),
    /// Explain a code, or why each rule of a file acted or did not
    Explain(Explain),
    /// Try a file line by line: question, answer, what the rules make of it
    Repl {
        /// The rules file
        file: PathBuf,
    },
    /// Report which recorded answers two versions of a file treat differently
    Diff(Diff),
    /// Write a new file by answering questions
    New {
        /// The file to write; it must not exist
        file: PathBuf,
    },
    /// Serve an editor: problems, names, completion (language server on standard input and output)
    Lsp,
}

const RUN: &str = "\
Input, one object in each line (other fields are ignored):
  {\"question\": \"Qual o prazo?\", \"raw_answer\": \"São 30 dias.\", \"context\": \"…\", \"apply_corrections\": true}
`context` is a text or a list of {\"page\": 3, \"text\": \"…\"}; without `apply_corrections` rules act.

Example:
  rag-enabler dkr run contracts.rules --jsonl < answers.jsonl > judged.jsonl";

#[derive(Debug, Args)]
#[command(after_help = RUN)]
pub(super) struct Run {
    /// The rules file
    pub(super) file: PathBuf,
    /// Read and act exactly as the predecessor did, defects included
    #[arg(long)]
    pub(super) compat: bool,
    /// Print one JSON object for each line
    #[arg(long)]
    pub(super) jsonl: bool,
}

/// How problems are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// With the source, for people
    Human,
    /// One array
    Json,
    /// SARIF 2.1.0, for code hosts
    Sarif,
    /// FILE:LINE:COLUMN: message
    Short,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rag-enabler dkr check config/rules/*.rules --format short")]
pub(super) struct Check {
    /// The rules files
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// How to print problems
    #[arg(long, value_enum, default_value = "human")]
    pub(super) format: Format,
    /// Fail on warnings too
    #[arg(long)]
    pub(super) deny_warnings: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rag-enabler dkr fmt --check config/rules/*.rules")]
pub(super) struct Fmt {
    /// The rules files
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Write nothing; name the files that would change, and fail when there are any
    #[arg(long)]
    pub(super) check: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rag-enabler dkr lint --fix contracts.rules")]
pub(super) struct Lint {
    /// The rules files
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Repair what is surely meant, mistyped words of the language included
    #[arg(long)]
    pub(super) fix: bool,
    /// How to print problems
    #[arg(long, value_enum, default_value = "human")]
    pub(super) format: Format,
    /// Fail on warnings too
    #[arg(long)]
    pub(super) deny_warnings: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rag-enabler dkr test --coverage contracts.rules")]
pub(super) struct Test {
    /// The rules files
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Also say which rules and intents no test reaches
    #[arg(long)]
    pub(super) coverage: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rag-enabler dkr explain D0101
  rag-enabler dkr explain contracts.rules --question \"Qual o prazo?\" --answer \"São 30 dias.\"")]
pub(super) struct Explain {
    /// A code such as D0101, or a rules file
    #[arg(value_name = "CODE|FILE")]
    pub(super) subject: String,
    /// What was asked
    #[arg(long, requires = "answer")]
    pub(super) question: Option<String>,
    /// What was answered
    #[arg(long, requires = "question")]
    pub(super) answer: Option<String>,
    /// A retrieved passage; may be given more than once, the best first
    #[arg(long, requires = "question")]
    pub(super) context: Vec<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  rag-enabler dkr diff old.rules new.rules --answers answers.jsonl --exit-code"
)]
pub(super) struct Diff {
    /// The rules file in force
    pub(super) old: PathBuf,
    /// The rules file that may replace it
    pub(super) new: PathBuf,
    /// Recorded questions and answers, one JSON object in each line, as for `run`
    #[arg(long, value_name = "FILE")]
    pub(super) answers: PathBuf,
    /// Exit with 1 when any outcome changes
    #[arg(long)]
    pub(super) exit_code: bool,
}
