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

/// Many uploads or questions in one call.
mod batch;

/// Keys, ids, languages, traces.
mod headers;

/// Overload, deadlines, disconnects, panics, stopping.
mod bounds;

/// Random bytes as bodies and paths.
mod random;
