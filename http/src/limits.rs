//! The bounds of the API's door.

use std::time::Duration;

use enabler_config::Http;

/// The bounds of the API's door.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest file of one upload, in bytes.
    pub upload_bytes_max: u64,
    /// Uploads that may be arriving at one time.
    pub uploads_max: usize,
    /// Requests in work at one time.
    pub requests_max: usize,
    /// Answers that are told as streams at one time.
    pub streams_max: usize,
    /// Open connections.
    pub connections_max: usize,
    /// The longest question, in characters.
    pub question_chars_max: usize,
    /// A request's deadline.
    pub request_time_max: Duration,
    /// An upload's deadline.
    pub upload_time_max: Duration,
    /// How long a stopping node waits for requests in work.
    pub shutdown_time_max: Duration,
}

impl From<&Http> for Limits {
    fn from(http: &Http) -> Self {
        Self {
            upload_bytes_max: http.upload_bytes_max,
            uploads_max: http.uploads_max,
            requests_max: http.requests_max,
            streams_max: http.streams_max,
            connections_max: http.connections_max,
            question_chars_max: http.question_chars_max,
            request_time_max: Duration::from_secs(http.request_seconds_max),
            upload_time_max: Duration::from_secs(http.upload_seconds_max),
            shutdown_time_max: Duration::from_secs(http.shutdown_seconds_max),
        }
    }
}
