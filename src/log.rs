//! The log of this process, of which operators may have more or less for a while.

use std::sync::{Arc, OnceLock};

use enabler_actors::operator::LogLevel;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::reload::Handle;

/// The log that was started, one for the process.
static KEPT: OnceLock<Arc<Log>> = OnceLock::new();

type Change = Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>;

struct Log {
    /// What the settings say.
    filter: String,
    change: Change,
}

/// The filter that the settings say, and `more` beside it.
///
/// # Errors
/// If one of them is no filter.
pub fn filter(own: &str, more: Option<&str>) -> Result<EnvFilter, String> {
    let text = more.map_or(own.to_owned(), |more| format!("{own},{more}"));
    let mut filter = EnvFilter::try_new(text).map_err(|error| error.to_string())?;
    for directive in enabler_link::LOG_DIRECTIVES {
        let directive = directive.parse().map_err(|error| format!("{directive}: {error}"))?;
        filter = filter.add_directive(directive);
    }
    Ok(filter)
}

/// Keeps the handle of the log that was started with the filter `own`.
pub fn keep<S: 'static>(own: &str, handle: Handle<EnvFilter, S>) {
    let change: Change = Box::new(move |filter| handle.reload(filter).map_err(|error| error.to_string()));
    let _ = KEPT.set(Arc::new(Log { filter: own.to_owned(), change }));
}

/// The log, once it was started.
pub fn kept() -> Option<Arc<dyn LogLevel>> {
    KEPT.get().map(|log| Arc::clone(log) as Arc<dyn LogLevel>)
}

impl LogLevel for Log {
    fn set(&self, directive: Option<&str>) -> Result<(), String> {
        (self.change)(filter(&self.filter, directive)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_wants_is_logged_beside_what_the_settings_say() {
        let text = filter("warn", Some("enabler_actors::shard=debug")).unwrap().to_string();
        assert!(text.contains("enabler_actors::shard=debug") && text.contains("warn"), "{text}");
        assert!(filter("warn", Some("enabler=loud")).is_err());
    }
}
