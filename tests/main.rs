//! One module per promise to a user, in the order in which they are best read.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test says what went wrong by failing, and says why it left something out"
)]

// Starts, kills and restarts real nodes, and talks to them.
mod node;
// Small files, invented and shared.
mod papers;
// Takes traces, as a collector does.
mod collector;
// The rooms of ARCHITECTURE.md are the rooms of the code.
mod architecture;
// The sample documents: right answers with their pages, and no answer where there is none.
mod answers;
// Everything that a tenant has, searched and asked as one, and conversations.
mod knowledge;
// Many uploads or questions in one call.
mod batch;
// Documents stay, are told apart, and go when they are told to.
mod documents;
// A whole store as one file, and back.
mod backup;
// Tables for analysts.
mod export;
// Models of others, when the settings name them.
mod providers;
// Scanned pages that Amazon Textract reads, when the settings name it.
mod textract;
// A node killed at any moment loses nothing that it acknowledged.
mod crashes;
// Many nodes are one: whatever is killed, frozen, cut off, joins or leaves, nothing acknowledged is lost.
mod cluster;
// Damaged bytes never turn into another answer.
mod damage;
// A file made to do harm fails with its own reason, and the node goes on.
mod hostile;
// Whatever is wrong with a request is said in a sentence of its own, and leaves nothing behind.
mod badinputs;
// Documents that were not written for the product.
mod quality;
// What a deed and minutes say, with the place of each value, in four files.
mod analyses;
// What experts wrote corrects the answers of a running node.
mod rules;
// Who has a key sees its own tenant alone, and what was written is noted.
mod doors;
// What operators see and do.
mod operator;
// What a node tells those who watch it.
mod telemetry;
// Documents go when their time is over, and no others.
mod retention;
// Another model or chunker takes over while every document is asked.
mod refresh;
// What happened on a request's way, over nodes and actors.
mod traces;
// No log, metric or trace has a word of a document, a question, a key or a token.
mod leaks;
// Clients that were made for another product.
mod clients;
// The command line, for people and for programs.
mod cli;
// The operator's page, in a real browser.
mod browser;
// An editor of rules files sees mistakes, repairs them and finds its way.
mod lsp;
// The tools of the rules language, on files alone.
mod dkr;
