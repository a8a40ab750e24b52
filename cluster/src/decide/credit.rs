//! Decides how much may be under way to a peer: a window of frames and bytes, and a ledger of answers.
//!
//! Both ends keep the same books. The receiver gives credit back before it tells the sender, so its own count is
//! never above the sender's: a receiver that finds its window overdrawn faces a peer that ignores credit.

/// Why a frame may not be sent, or should not have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// As many frames are under way as may be.
    Count,
    /// The bytes under way leave no room for this frame.
    Bytes,
}

/// Frames under way in one direction: how many, and how many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    count: u32,
    count_max: u32,
    bytes: u64,
    bytes_max: u64,
}

impl Window {
    /// An empty window with its two bounds.
    pub fn new(count_max: u32, bytes_max: u64) -> Self {
        Window { count: 0, count_max, bytes: 0, bytes_max }
    }

    /// Takes the place of one frame.
    ///
    /// # Errors
    /// Says which bound would be passed; nothing is taken then.
    pub fn take(&mut self, bytes: u64) -> Result<(), Full> {
        if self.count >= self.count_max {
            return Err(Full::Count);
        }
        match self.bytes.checked_add(bytes) {
            Some(sum) if sum <= self.bytes_max => {
                self.bytes = sum;
                self.count += 1;
                Ok(())
            }
            _ => Err(Full::Bytes),
        }
    }

    /// Gives the place of one frame back.
    pub fn give(&mut self, bytes: u64) {
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Frames and bytes under way.
    pub fn used(&self) -> (u32, u64) {
        (self.count, self.bytes)
    }
}

/// Bytes that were sent and that the peer has not yet confirmed, counted by running totals.
///
/// A total that arrives late or twice changes nothing, so confirmations may ride on any frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ledger {
    sent: u64,
    confirmed: u64,
    open_max: u64,
}

impl Ledger {
    /// An empty ledger that lets `open_max` bytes be unconfirmed.
    pub fn new(open_max: u64) -> Self {
        Ledger { sent: 0, confirmed: 0, open_max }
    }

    /// Enters bytes to be sent, if they fit now.
    pub fn enter(&mut self, bytes: u64) -> bool {
        let fits = self.open().checked_add(bytes).is_some_and(|sum| sum <= self.open_max);
        if fits {
            self.sent += bytes;
        }
        fits
    }

    /// The peer has taken `total` bytes since the link began. False when that is more than was ever sent.
    pub fn confirm(&mut self, total: u64) -> bool {
        if total > self.sent {
            return false;
        }
        self.confirmed = self.confirmed.max(total);
        true
    }

    /// Bytes not yet confirmed.
    pub fn open(&self) -> u64 {
        self.sent - self.confirmed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_frame_that_passes_a_bound_is_refused_and_takes_nothing() {
        let mut window = Window::new(2, 100);
        assert_eq!(window.take(60), Ok(()));
        assert_eq!(window.take(41), Err(Full::Bytes));
        assert_eq!(window.take(40), Ok(()));
        assert_eq!(window.take(0), Err(Full::Count));
        assert_eq!(window.used(), (2, 100));
        window.give(60);
        assert_eq!(window.take(u64::MAX), Err(Full::Bytes));
        assert_eq!(window.used(), (1, 40));
    }

    #[test]
    fn a_confirmation_of_bytes_never_sent_is_told_apart() {
        let mut ledger = Ledger::new(10);
        assert!(ledger.enter(10) && !ledger.enter(1));
        assert!(!ledger.confirm(11));
        assert!(ledger.confirm(4) && ledger.confirm(2));
        assert_eq!(ledger.open(), 6);
        assert!(ledger.enter(4));
    }

    proptest! {
        /// Steps: send a frame of so many bytes, let the receiver finish its oldest, let the sender hear of it.
        #[test]
        fn an_honest_sender_never_overdraws_the_receiver(steps in prop::collection::vec((0u8..3, 0u64..50), 1..300)) {
            let (mut sender, mut receiver) = (Window::new(5, 120), Window::new(5, 120));
            let (mut serving, mut answered) = (std::collections::VecDeque::new(), std::collections::VecDeque::new());
            for (what, bytes) in steps {
                match what {
                    0 => if sender.take(bytes).is_ok() {
                        prop_assert_eq!(receiver.take(bytes), Ok(()));
                        serving.push_back(bytes);
                    },
                    1 => if let Some(bytes) = serving.pop_front() {
                        receiver.give(bytes);
                        answered.push_back(bytes);
                    },
                    _ => if let Some(bytes) = answered.pop_front() { sender.give(bytes) },
                }
                let under_way: u64 = serving.iter().chain(&answered).sum();
                prop_assert_eq!(sender.used(), ((serving.len() + answered.len()) as u32, under_way));
                prop_assert!(under_way <= 120 && sender.used().0 <= 5);
                prop_assert!(receiver.used().1 <= sender.used().1);
            }
        }

        #[test]
        fn a_ledger_never_lets_more_than_its_bound_be_open(steps in prop::collection::vec((any::<bool>(), 0u64..80), 1..300)) {
            let (mut ledger, mut sent) = (Ledger::new(200), 0u64);
            for (send, bytes) in steps {
                if send {
                    sent += if ledger.enter(bytes) { bytes } else { 0 };
                } else {
                    prop_assert!(ledger.confirm(sent.saturating_sub(bytes)));
                }
                prop_assert!(ledger.open() <= 200);
            }
        }
    }
}
