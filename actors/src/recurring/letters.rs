//! Sweeps dead letters: what failed for a passing cause is tried again, what nobody looked at for long is put aside.

use async_trait::async_trait;
use enabler_cluster::actor::Fault;
use serde_json::Value;

use super::audit::{AuditDesk, Deed};
use super::{Done, Hold, Job};
use crate::operator::Panel;

pub(super) const NAME: &str = "dead_letters";
/// Letters of one run: as many as a list holds.
const LETTERS_MAX: usize = 1_000;
/// Tries of a document after which only a person tries it again.
const ATTEMPTS_MAX: u64 = 5;
/// How long a cause is given to pass.
const REST_MS: u64 = 10 * 60 * 1_000;
/// Parts of what our own errors say when the cause lies in something that comes back: store, disk, other nodes, load.
const PASSING: [&str; 11] = [
    "unreachable",
    "not reachable",
    "cannot be reached",
    "is not available",
    "did not answer",
    "did not tell",
    "timed out",
    "too much waits",
    "at its limit",
    "no space left",
    "another owner",
];

/// The sweep.
pub(super) struct Letters {
    pub(super) panel: Panel,
    pub(super) desk: AuditDesk,
    /// How old a letter is that is put aside; 0 for never.
    pub(super) discard_after_ms: u64,
}

/// What to do about a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Retry,
    Discard,
    Leave,
}

/// What to do about a letter that came at `at_ms`, after so many attempts. Pure.
fn fate(can_retry: bool, reason: &str, attempts: u64, age_ms: u64, discard_after_ms: u64) -> Fate {
    if discard_after_ms > 0 && age_ms >= discard_after_ms {
        return Fate::Discard;
    }
    let reason = reason.to_lowercase();
    let is_passing = PASSING.iter().any(|part| reason.contains(part));
    if can_retry && is_passing && attempts < ATTEMPTS_MAX && age_ms >= REST_MS {
        return Fate::Retry;
    }
    Fate::Leave
}

#[async_trait]
impl Job for Letters {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn run(&self, hold: &Hold) -> Result<Done, Fault> {
        let now_ms = self.desk.clock.now_ms();
        let listed = self.panel.dead_letters(LETTERS_MAX).await;
        let letters = listed["dead_letters"].as_array().cloned().unwrap_or_default();
        let (mut retried, mut discarded, mut why) = (0_u64, 0_u64, None);
        let mut deeds = Vec::new();
        for letter in &letters {
            let number = |field: &str| letter[field].as_u64().unwrap_or(0);
            let age_ms = now_ms.saturating_sub(number("at_ms"));
            let reason = letter["reason"].as_str().unwrap_or_default();
            let can_retry = letter["can_retry"] == true;
            let fate = fate(can_retry, reason, number("attempts"), age_ms, self.discard_after_ms);
            if fate == Fate::Leave {
                continue;
            }
            hold.check()?;
            let done = match fate {
                Fate::Retry => self.panel.retry_letter(letter).await.map(|()| retried += 1),
                Fate::Discard | Fate::Leave => {
                    self.panel.discard_letter(letter).await.map(|()| discarded += 1)
                }
            };
            match done {
                Ok(()) => deeds.push(deed(letter, fate)),
                Err(error) => why = Some(error),
            }
        }
        self.desk.note(NAME, hold, 0, &deeds).await?;
        let said = format!("{retried} were tried again and {discarded} were put aside, of {}", letters.len());
        match why {
            Some(why) => Err(Fault::new(format!("{said}; of another it is said: {why}"))),
            None => Ok(Done { touched: retried + discarded, detail: said }),
        }
    }
}

fn deed(letter: &Value, fate: Fate) -> Deed {
    let text = |field: &str| letter[field].as_str().unwrap_or_default().to_owned();
    let did = if fate == Fate::Retry { "tried again: its cause passes" } else { "put aside: it is old" };
    Deed { tenant: text("tenant"), about: text("document"), reason: format!("{}: {did}", text("id")) }
}

#[cfg(test)]
mod tests {
    use enabler_storage::objects::StoreError;

    use super::*;

    const DAY: u64 = 24 * 3_600_000;

    #[test]
    fn what_failed_for_want_of_the_store_is_tried_again_a_few_times_and_old_ones_are_put_aside() {
        let store = StoreError::Unreachable { what: "connection refused".to_owned() }.to_string();
        let reason = format!("reading was tried 5 times and failed on our side: {store}");
        assert_eq!(fate(true, &reason, 1, REST_MS, 30 * DAY), Fate::Retry);
        assert_eq!(fate(true, &reason, 1, REST_MS - 1, 30 * DAY), Fate::Leave);
        assert_eq!(fate(true, &reason, ATTEMPTS_MAX, REST_MS, 30 * DAY), Fate::Leave);
        assert_eq!(fate(false, &reason, 1, REST_MS, 30 * DAY), Fate::Leave);
        assert_eq!(fate(true, "the ingest panicked", 1, DAY, 30 * DAY), Fate::Leave);
        assert_eq!(fate(true, "the ingest panicked", 1, 30 * DAY, 30 * DAY), Fate::Discard);
        assert_eq!(fate(false, "lost with its actor", 1, 30 * DAY, 30 * DAY), Fate::Discard);
        assert_eq!(fate(false, "lost with its actor", 1, u64::MAX, 0), Fate::Leave);
    }
}
