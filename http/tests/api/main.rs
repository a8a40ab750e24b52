//! Drives the server over a real socket, as clients do.

#![expect(clippy::unwrap_used, reason = "a helper that unwraps fails its test at the right place")]

/// The product that stands in behind the API, and a server on a free port.
mod fake;

/// Uploads: streaming, every wrong field, size, abort.
mod uploads;

/// Questions and documents: shapes, validation, problems.
mod requests;

/// Searches and questions over everything, and the routes that OpenAI's clients use.
mod knowledge;

/// Analyses: what is asked for, what is answered, and the files.
mod analyses;

/// Many uploads or questions in one call.
mod batch;

/// Keys, ids, languages, traces.
mod headers;

/// The contract in writing: the description, tags of readings, what `Accept` allows.
mod contract;
/// Scopes, managing keys, limits and the audit log.
mod doors;

/// Operators: what they see, what they may do.
mod operator;

/// An issuer of tokens with a server of its own.
mod issuer;

/// Tokens: let in, refused, and an issuer that changes its keys.
mod tokens;

/// Overload, deadlines, disconnects, panics, stopping.
mod bounds;

/// Answers as streams: events, cuts, other nodes, WebSocket.
mod streams;

/// One effect per `Idempotency-Key`.
mod once;

/// The port of those who watch.
mod watchers;

/// Random bytes as bodies and paths.
mod random;
