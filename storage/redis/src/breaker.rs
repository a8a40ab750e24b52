//! Decides whether the Redis is asked at all. Pure: time comes in as an argument.

use std::time::Duration;

/// Failures in a row after which it is not asked for a while.
pub const FAILURES_MAX: u32 = 3;

/// How long it is left alone, and how long a probe may stay without an outcome before another one goes out.
pub const OPEN_FOR: Duration = Duration::from_secs(1);

/// What the breaker thinks of the Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// It answers; the last so many calls failed.
    Closed {
        /// Failures in a row.
        failures: u32,
    },
    /// It is left alone until then.
    Open {
        /// When a probe may go out.
        until: Duration,
    },
    /// One call is out to see whether it answers again.
    Probing {
        /// When the probe counts as lost, because whoever sent it may have been dropped.
        until: Duration,
    },
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Ask.
    Ask,
    /// Ask, as the one that finds out.
    Probe,
    /// Do without.
    Skip,
}

impl Breaker {
    /// A breaker that has seen nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self::Closed { failures: 0 }
    }

    /// Whether the Redis is believed to answer.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// Lets a caller ask, probe or skip.
    pub fn turn(&mut self, now: Duration) -> Turn {
        match *self {
            Self::Closed { .. } => Turn::Ask,
            Self::Open { until } | Self::Probing { until } if now >= until => {
                *self = Self::Probing { until: now + OPEN_FOR };
                Turn::Probe
            }
            Self::Open { .. } | Self::Probing { .. } => Turn::Skip,
        }
    }

    /// A call was answered. Any answer closes the breaker, also a late one of a call that was not the probe.
    pub fn answered(&mut self) {
        *self = Self::new();
    }

    /// A call was not answered.
    pub fn failed(&mut self, now: Duration) {
        *self = match *self {
            Self::Closed { failures } if failures + 1 < FAILURES_MAX => {
                Self::Closed { failures: failures + 1 }
            }
            Self::Closed { .. } | Self::Probing { .. } => Self::Open { until: now + OPEN_FOR },
            // A call that began before it opened says nothing new.
            open @ Self::Open { .. } => open,
        };
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn opened_at(now: Duration) -> Breaker {
        let mut breaker = Breaker::new();
        for _ in 0..FAILURES_MAX {
            assert_eq!(breaker.turn(now), Turn::Ask);
            breaker.failed(now);
        }
        breaker
    }

    #[test]
    fn it_opens_on_the_third_failure_in_a_row() {
        let now = Duration::from_secs(5);
        let mut breaker = Breaker::new();
        breaker.failed(now);
        breaker.failed(now);
        breaker.answered();
        breaker.failed(now);
        breaker.failed(now);
        assert_eq!(breaker.turn(now), Turn::Ask);
        breaker.failed(now);
        assert_eq!(breaker.turn(now), Turn::Skip);
    }

    #[test]
    fn one_probe_goes_out_after_a_second_and_its_answer_closes() {
        let mut breaker = opened_at(Duration::ZERO);
        assert_eq!(breaker.turn(OPEN_FOR), Turn::Probe);
        assert_eq!(breaker.turn(OPEN_FOR), Turn::Skip);
        breaker.answered();
        assert_eq!((breaker.turn(OPEN_FOR), breaker.is_closed()), (Turn::Ask, true));
    }

    #[test]
    fn a_failed_probe_opens_again_and_a_lost_probe_is_replaced() {
        let mut breaker = opened_at(Duration::ZERO);
        assert_eq!(breaker.turn(OPEN_FOR), Turn::Probe);
        breaker.failed(OPEN_FOR);
        assert_eq!(breaker.turn(OPEN_FOR), Turn::Skip);
        assert_eq!(breaker.turn(OPEN_FOR * 2), Turn::Probe);
        assert_eq!(breaker.turn(OPEN_FOR * 3), Turn::Probe);
    }

    #[derive(Debug, Clone, Copy)]
    enum Event {
        Turn,
        Answered,
        Failed,
        Wait(u64),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => Just(Event::Turn),
            1 => Just(Event::Answered),
            3 => Just(Event::Failed),
            2 => (0_u64..1_500).prop_map(Event::Wait),
        ]
    }

    proptest! {
        #[test]
        fn an_open_breaker_lets_one_call_a_second_through_and_never_stays_open(events in prop::collection::vec(event(), 0..200)) {
            let (mut breaker, mut now) = (Breaker::new(), Duration::ZERO);
            let (mut in_a_row, mut last_probe) = (0, None::<Duration>);
            for event in events {
                match event {
                    Event::Turn => match breaker.turn(now) {
                        Turn::Ask => prop_assert!(in_a_row < FAILURES_MAX),
                        Turn::Skip => prop_assert!(in_a_row >= FAILURES_MAX),
                        Turn::Probe => {
                            prop_assert!(in_a_row >= FAILURES_MAX);
                            prop_assert!(last_probe.is_none_or(|last| now - last >= OPEN_FOR));
                            last_probe = Some(now);
                        }
                    },
                    Event::Answered => {
                        breaker.answered();
                        (in_a_row, last_probe) = (0, None);
                    }
                    Event::Failed => {
                        breaker.failed(now);
                        in_a_row += 1;
                    }
                    Event::Wait(ms) => now += Duration::from_millis(ms),
                }
            }
            prop_assert_ne!(breaker.turn(now + OPEN_FOR), Turn::Skip);
        }
    }
}
