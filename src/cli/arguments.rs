//! What can be said on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  rag-enabler tour                                   see it work on two sample documents
  rag-enabler serve                                  start a node on 127.0.0.1:8080
  rag-enabler ingest contract.pdf minutes/           upload files and directories
  rag-enabler docs list                              what is there
  rag-enabler ask 0192f0c1-... \"Qual o prazo?\"       ask one document
  rag-enabler analyze deed.pdf -o out                what it says, with pages: JSON, PDF, CSV, XLSX
  rag-enabler keys make ci --scopes read,write       a key for somebody else; its hash alone is kept
  rag-enabler tree --watch                           what is running and failing, full-screen
  rag-enabler where 0192f0c1-...                     who has this document, and since when
  rag-enabler backup --to monday.bundle              the whole store as one file, while nodes go on working
  rag-enabler dkr check contracts.rules              check a file of rules about answers

Settings come from defaults, then rag-enabler.toml, then RAG_ENABLER_... variables, then flags;
`rag-enabler config show` lists every one with its origin.";

/// Answers questions about Portuguese and English documents, with the page as proof.
#[derive(Debug, Parser)]
#[command(name = "rag-enabler", version, about, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Settings file [default: rag-enabler.toml here or in the data directory]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The node's directory [default: ~/.local/share/rag-enabler]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The node to talk to, such as http://127.0.0.1:8080 [default: the one that serves the data directory]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// File with the API key to send [default: $RAG_ENABLER_KEY, else the key in the data directory]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a node: the API, and everything that reads and answers
    Serve(Serve),
    /// Upload PDFs and wait until they are read
    Ingest(Ingest),
    /// Ask a question about one document
    Ask(Ask),
    /// Analyse a document: fields with their pages, as JSON, marked PDF, CSV and XLSX
    Analyze(Analyze),
    /// Search all documents
    Search(Search),
    /// List, show and delete documents
    Docs(Docs),
    /// List, make, rotate and revoke API keys
    Keys(Keys),
    /// Show the supervision tree of the cluster: what is running, what is failing
    Tree(super::operator::arguments::Tree),
    /// Show who owns which shard, and how far its replicas are
    Shards(super::operator::arguments::Shards),
    /// Show what has failed, newest first, also on nodes that are gone
    Failures(super::operator::arguments::Failures),
    /// Show the messages that were given up
    DeadLetters(super::operator::arguments::DeadLetters),
    /// Show where a document or a request is: its stages, who has it now, what failed
    Where(super::operator::arguments::Where),
    /// Erase a document everywhere, with a receipt that says where was looked and what was found after
    Erase(super::operator::arguments::Erase),
    /// Show the recurring work: who runs it, how the last runs ended, when the next ones are
    Recurring(super::operator::arguments::Recurring),
    /// List, keep, promote and take back the prompts that answers are drafted with
    Prompts(super::operator::arguments::Prompts),
    /// Show, put and run the suites of questions that measure how good answers are
    Quality(super::operator::arguments::Quality),
    /// List, fetch and check models
    Models(Models),
    /// Copy the whole store into one file, while nodes go on working, or check such a file
    Backup(Backup),
    /// Put a file that `backup` made into an empty store
    Restore(Restore),
    /// Write documents, chunks, answers and verdicts as Parquet files, by day
    Export(Export),
    /// Show the settings
    Config(Config),
    /// Make certificates for the links between nodes
    Certs(Certs),
    /// See it work: start a node, read two sample documents, ask three questions
    Tour(Tour),
    Dkr(super::dkr::Dkr),
    #[command(hide = true)]
    ReadingChild,
    #[command(hide = true)]
    VerifyShard {
        dir: PathBuf,
    },
}

/// Start a node.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address and port of the API; port 0 takes any free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Directory of the models [default: ~/.cache/rag-enabler/models]
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    /// This node's name in its cluster [default: node]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// What this node runs: all, or some of api,documents,ocr,embedding,generation,rules [default: all]
    #[arg(long, value_name = "ROLES")]
    pub(crate) roles: Option<String>,
    /// Stop when the process that started this one is gone
    #[arg(long, hide = true)]
    pub(crate) with_parent: bool,
}

/// Make certificates for the links between nodes.
#[derive(Debug, Args)]
pub(crate) struct Certs {
    #[command(subcommand)]
    pub(crate) command: CertsCommand,
}

/// What to do with certificates.
#[derive(Debug, Subcommand)]
pub(crate) enum CertsCommand {
    /// Make an authority in a directory, if there is none, and a certificate for each node; for a try or a test
    New {
        /// The directory
        dir: PathBuf,
        /// The nodes' names, as in `node.name`
        #[arg(long = "node", required = true, value_name = "NAME")]
        nodes: Vec<String>,
        /// Names or addresses under which other tools reach the nodes
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<String>,
    },
}

/// The kinds of documents.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Template {
    LicencasSoftware,
    Inventory,
    MeetingMinutes,
    Generic,
}

impl Template {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::LicencasSoftware => "licencas_software",
            Self::Inventory => "inventory",
            Self::MeetingMinutes => "meeting_minutes",
            Self::Generic => "generic",
        }
    }
}

/// Upload PDFs.
#[derive(Debug, Args)]
pub(crate) struct Ingest {
    /// PDF files, or directories whose PDF files are all taken
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// What kind of documents they are
    #[arg(long, value_enum, default_value = "generic")]
    pub(crate) template: Template,
    /// Facts to keep with each document, as a JSON object
    #[arg(long, value_name = "JSON")]
    pub(crate) metadata: Option<String>,
    /// Return as soon as the files are uploaded
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Print one JSON object per document (also when the output is not a terminal)
    #[arg(long)]
    pub(crate) json: bool,
}

/// Ask a question.
#[derive(Debug, Args)]
pub(crate) struct Ask {
    /// The document's id, as `docs list` shows it
    #[arg(value_name = "DOCUMENT")]
    pub(crate) document: String,
    /// The question, 3 to 1000 characters
    #[arg(value_name = "QUESTION")]
    pub(crate) question: String,
    /// The language model: auto, llama3-8b or tinyllama
    #[arg(long, default_value = "auto")]
    pub(crate) model: String,
    /// Passages given to the language model, 1 to 20
    #[arg(long, value_name = "K")]
    pub(crate) top_k: Option<u64>,
    /// Print the answer as JSON (also when the output is not a terminal)
    #[arg(long)]
    pub(crate) json: bool,
}

/// Analyse a document.
#[derive(Debug, Args)]
pub(crate) struct Analyze {
    /// A PDF file, which is uploaded, or the id of a document
    #[arg(value_name = "FILE|DOCUMENT")]
    pub(crate) document: String,
    /// Directory of the files NAME.analysis.json, .pdf, .csv and .xlsx
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub(crate) output: PathBuf,
    /// How to read it: inventory or meeting_minutes [default: as it was uploaded, else by its own words]
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
    /// Let a language model fill what was not found, with words that stand in the document
    #[arg(long)]
    pub(crate) use_model: bool,
    /// Print the analysis as JSON (also when the output is not a terminal)
    #[arg(long)]
    pub(crate) json: bool,
}

/// Search all documents.
#[derive(Debug, Args)]
pub(crate) struct Search {
    /// What to look for, 3 to 1000 characters
    #[arg(value_name = "QUERY")]
    pub(crate) query: String,
    /// Passages to give, 1 to 50
    #[arg(long, value_name = "K")]
    pub(crate) top_k: Option<u64>,
    /// A fact that a document must have, such as document_type=generic or a key of its metadata
    #[arg(long = "filter", value_name = "NAME=VALUE")]
    pub(crate) filters: Vec<String>,
    /// Print one JSON object per passage (also when the output is not a terminal)
    #[arg(long)]
    pub(crate) json: bool,
}

/// List, show and delete documents.
#[derive(Debug, Args)]
pub(crate) struct Docs {
    #[command(subcommand)]
    pub(crate) command: DocsCommand,
}

/// What to do with documents.
#[derive(Debug, Subcommand)]
pub(crate) enum DocsCommand {
    /// List the documents, newest first
    List {
        /// Print one JSON object per document (also when the output is not a terminal)
        #[arg(long)]
        json: bool,
    },
    /// Show one document with how each page was read
    Show {
        /// The document's id
        document: String,
        /// Print it as JSON (also when the output is not a terminal)
        #[arg(long)]
        json: bool,
    },
    /// Delete documents: file, text, vectors and caches
    Delete {
        /// The documents' ids
        #[arg(required = true)]
        documents: Vec<String>,
    },
}

const KEYS_HELP: &str = "\
A key has scopes: read (documents, questions, search), write (upload, delete, retry), inspect (with the tenant
\"default\": see how the nodes are), operate (manage keys; with the tenant \"default\" also act on the nodes). It
belongs to a tenant and sees that tenant's documents alone.
The key that the node was started with has every scope; it is in the file `key` of the data directory and is not
in the list. A revoked key is refused by every node within five seconds.

Exit codes: 0 done, 1 refused by the node, 2 wrong arguments or no key, 3 no node answers.";

/// List, make, rotate and revoke API keys.
#[derive(Debug, Args)]
#[command(after_help = KEYS_HELP)]
pub(crate) struct Keys {
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// List the keys, oldest first; the keys themselves are kept nowhere
    List {
        /// Print one JSON object per key (also when the output is not a terminal)
        #[arg(long)]
        json: bool,
    },
    /// Make a key and show it, this once
    Make {
        /// What to call it, such as the service that will use it
        name: String,
        /// What it may do
        #[arg(long, value_delimiter = ',', default_value = "read,write", value_parser = ["read", "write", "inspect", "operate"])]
        scopes: Vec<String>,
        /// Whose documents it opens [default: those of your own key's tenant]
        #[arg(long)]
        tenant: Option<String>,
        /// Days until it expires, 1 to 3650 [default: never]
        #[arg(long, value_name = "DAYS")]
        days: Option<u64>,
        /// Print it as JSON (also when the output is not a terminal)
        #[arg(long)]
        json: bool,
    },
    /// Make a key that replaces another; the old one goes on for a while
    Rotate {
        /// The id of the old key, as `keys list` shows it
        key: String,
        /// Seconds for which the old key still opens, 0 to 86400
        #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
        grace: u64,
        /// Print it as JSON (also when the output is not a terminal)
        #[arg(long)]
        json: bool,
    },
    /// Take keys back: every node refuses them within five seconds
    Revoke {
        /// The keys' ids
        #[arg(required = true)]
        keys: Vec<String>,
    },
}

/// List, fetch and check models.
#[derive(Debug, Args)]
pub(crate) struct Models {
    /// Directory of the models [default: ~/.cache/rag-enabler/models]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: ModelsCommand,
}

/// What to do with models.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// List the known models and whether each is installed
    List {
        /// Print one JSON object per model
        #[arg(long)]
        json: bool,
    },
    /// Fetch a model, or "default" for the two that every node needs
    Pull {
        /// The model's name, as `models list` shows it
        #[arg(default_value = "default")]
        name: String,
    },
    /// Read every installed model and compare it with what was fetched
    Check,
}

const BACKUP_HELP: &str = "\
Inside: documents (files, texts, chunks with their vectors), logs, snapshots, manifests, rules, the hashes of keys,
the audit log, batches, quarantined documents. Outside: node records, leases, idempotency records, failures of nodes,
caches, indexes (they are rebuilt), settings, models, and the key of the node. docs/backup.md says more.";

/// Copy the whole store into one file, or check one.
#[derive(Debug, Args)]
#[command(after_help = BACKUP_HELP)]
pub(crate) struct Backup {
    /// The new file; it holds every document, and only its owner reads it
    #[arg(long, value_name = "FILE", required_unless_present = "check", conflicts_with = "check")]
    pub(crate) to: Option<PathBuf>,
    /// The store: a directory, dir:/path or s3://bucket/prefix [default: the one in the settings]
    #[arg(long, value_name = "STORE", conflicts_with = "check")]
    pub(crate) from: Option<String>,
    /// Read a file to its end and say whether it can be restored
    #[arg(long, value_name = "FILE")]
    pub(crate) check: Option<PathBuf>,
    /// Print what the file holds as JSON (also when the output is not a terminal)
    #[arg(long)]
    pub(crate) json: bool,
}

/// Put a backup into an empty store.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// A file that `backup` made
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The empty store: a directory, dir:/path or s3://bucket/prefix, reached as `storage` in the settings says
    #[arg(long, value_name = "STORE")]
    pub(crate) into: String,
    /// Print what was restored as JSON (also when the output is not a terminal)
    #[arg(long)]
    pub(crate) json: bool,
}

const EXPORT_HELP: &str = "\
raw/documents, curated/chunks, curated/answers, curated/sources and curated/verdicts hold a folder a day (day=2026-11-22);
artifacts/ has the models and rules they were made with, and artifacts/export.json, which is written last.
Answers and verdicts are there when the setting `answers.record` was `facts` or `words`. docs/backup.md lists the columns.";

/// Write tables for analysts.
#[derive(Debug, Args)]
#[command(after_help = EXPORT_HELP)]
pub(crate) struct Export {
    /// A folder, dir:/path or s3://bucket/prefix, reached as `storage` in the settings says
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: String,
    /// The store: a directory, dir:/path or s3://bucket/prefix [default: the one in the settings]
    #[arg(long, value_name = "STORE")]
    pub(crate) from: Option<String>,
    /// Also the words of documents, questions and answers, and the uploaded files (raw/files)
    #[arg(long)]
    pub(crate) with_text: bool,
    /// Remove the export that is there first
    #[arg(long)]
    pub(crate) replace: bool,
    /// Print what was written as JSON (also when the output is not a terminal)
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show the settings.
#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every setting with its value and where that comes from
    Show {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
}

/// See it work.
#[derive(Debug, Args)]
pub(crate) struct Tour {
    /// Directory with tour.toml and the sample documents
    #[arg(long, value_name = "DIR", default_value = "samples")]
    pub(crate) samples: PathBuf,
    /// End after the last answer rather than stay up until Ctrl-C
    #[arg(long)]
    pub(crate) exit: bool,
}
