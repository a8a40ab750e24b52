//! How often a caller may come: fixed windows of a minute, counted by all nodes together.

mod address;
mod quota;
mod stock;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

pub use address::Network;
pub(crate) use address::client_address;
pub(crate) use quota::Quotas;
use quota::{Policy, Quota};
use stock::{Next, Stock};

use crate::auth::{Caller, NowMs, Said};

/// The window of every limit, in seconds.
const WINDOW_SECONDS: u64 = 60;
/// How long the shared counters keep a window's sum: clocks of nodes differ, and a window must not end before it is over.
const KEPT: Duration = Duration::from_secs(2 * WINDOW_SECONDS);
/// Callers of one window whose stock is kept here; further ones cost a question to the shared counters each time.
const STOCKS_MAX: usize = 65_536;

/// Counters that all nodes share.
#[async_trait]
pub trait SharedCounters: Send + Sync + 'static {
    /// Adds `by` to the counter `key`, which lives for at least half of `kept`, and gives the sum; `None` if nobody
    /// could count.
    async fn add(&self, key: &str, by: u64, kept: Duration) -> Option<u64>;
}

/// The limits, and what this node holds of them.
pub struct Rates {
    per_address: u64,
    per_caller: u64,
    counters: Arc<dyn SharedCounters>,
    now_ms: NowMs,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    window: u64,
    stocks: HashMap<String, Stock>,
}

impl Rates {
    /// Limits of requests in a minute, 0 for none, counted by `counters`.
    pub fn new(per_address: u64, per_caller: u64, counters: Arc<dyn SharedCounters>, now_ms: NowMs) -> Self {
        Self { per_address, per_caller, counters, now_ms, held: Mutex::default() }
    }

    /// Takes one request of `address`. This machine itself is not limited: its command line and its proxies would be.
    pub(crate) async fn take_address(&self, address: IpAddr, quotas: &mut Quotas) -> Result<(), Said> {
        if address.is_loopback() || self.per_address == 0 {
            return Ok(());
        }
        let name = format!("a:{}", address::counted(address));
        self.take(&name, Policy::Address, self.per_address, quotas).await
    }

    /// Takes one request of `caller`.
    pub(crate) async fn take_caller(&self, caller: &Caller, quotas: &mut Quotas) -> Result<(), Said> {
        if self.per_caller == 0 {
            return Ok(());
        }
        // A subject may hold anything; its hash fits into every counter's name.
        let hash =
            Sha256::new().chain_update(caller.tenant.name()).chain_update([0]).chain_update(&*caller.id);
        let name = hash.finalize().iter().take(16).fold("c:".to_owned(), |name, b| format!("{name}{b:02x}"));
        self.take(&name, Policy::Key, self.per_caller, quotas).await
    }

    async fn take(&self, name: &str, policy: Policy, limit: u64, quotas: &mut Quotas) -> Result<(), Said> {
        let now_ms = (self.now_ms)();
        let window = now_ms / (WINDOW_SECONDS * 1_000);
        let reset_seconds = WINDOW_SECONDS - now_ms / 1_000 % WINDOW_SECONDS;
        let (through, remaining) = self.permit(name, window, limit).await;
        quotas.add(Quota { policy, limit, window_seconds: WINDOW_SECONDS, remaining, reset_seconds });
        if through {
            return Ok(());
        }
        Err(Said::RateLimited { is_address: policy == Policy::Address, limit, seconds: reset_seconds })
    }

    /// Whether one more request may pass in `window`, and how many are left then, as far as this node knows.
    async fn permit(&self, name: &str, window: u64, limit: u64) -> (bool, u64) {
        let by = {
            let mut held = self.held(window);
            let may_keep = held.stocks.len() < STOCKS_MAX;
            match held.of(window).and_then(|stocks| stocks.get_mut(name)) {
                Some(stock) => match stock.next(limit) {
                    Next::Through => return (true, stock.remaining(limit)),
                    Next::Refused => return (false, 0),
                    Next::Ask(by) => by,
                },
                None => match held.of(window).filter(|_| may_keep) {
                    Some(stocks) => {
                        stocks.insert(name.to_owned(), Stock::default());
                        stock::first(limit)
                    }
                    None => 1,
                },
            }
        };
        let Some(sum) = self.counters.add(&format!("rate:{window}:{name}"), by, KEPT).await else {
            // Nobody can count: a limit protects the service, and refusing everybody would not.
            return (true, limit);
        };
        let mut held = self.held(window);
        let mut unheld = Stock::default();
        let stock = held.of(window).and_then(|stocks| stocks.get_mut(name)).unwrap_or(&mut unheld);
        (stock.granted(limit, by, sum), stock.remaining(limit))
    }

    /// What is held; the stocks of a window before `window` are void.
    fn held(&self, window: u64) -> MutexGuard<'_, Held> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.window < window {
            *held = Held { window, stocks: HashMap::new() };
        }
        held
    }
}

impl Held {
    /// The stocks of `window`, unless it is over: what was taken in it opens nothing in the next one.
    fn of(&mut self, window: u64) -> Option<&mut HashMap<String, Stock>> {
        (self.window == window).then_some(&mut self.stocks)
    }
}

#[cfg(test)]
mod tests;
