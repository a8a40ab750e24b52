use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::auth::Scopes;
use crate::context::Tenant;

#[derive(Default)]
struct Shared {
    sums: Mutex<HashMap<String, u64>>,
    asked: AtomicU64,
    is_down: bool,
}

#[async_trait]
impl SharedCounters for Shared {
    async fn add(&self, key: &str, by: u64, _: Duration) -> Option<u64> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        if self.is_down {
            return None;
        }
        let mut sums = self.sums.lock().unwrap();
        let sum = sums.entry(key.to_owned()).or_default();
        *sum += by;
        Some(*sum)
    }
}

fn door(limit: u64, shared: &Arc<Shared>, clock: &Arc<AtomicU64>) -> Arc<Rates> {
    let clock = Arc::clone(clock);
    let now_ms: NowMs = Arc::new(move || clock.load(Ordering::Relaxed));
    Arc::new(Rates::new(limit, limit, Arc::clone(shared) as Arc<dyn SharedCounters>, now_ms))
}

async fn take(rates: &Rates, address: &str) -> Result<(), Said> {
    rates.take_address(address.parse().unwrap(), &mut Quotas::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_doors_that_share_counters_let_no_more_through_than_the_limit() {
    for limit in [1, 7, 100, 1_000] {
        let (shared, clock) = (Arc::new(Shared::default()), Arc::new(AtomicU64::new(0)));
        let doors = [door(limit, &shared, &clock), door(limit, &shared, &clock)];
        let through = Arc::new(AtomicU64::new(0));
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..16_usize {
            let (rates, through) = (Arc::clone(&doors[client % 2]), Arc::clone(&through));
            clients.spawn(async move {
                for _ in 0..limit {
                    if take(&rates, "9.9.9.9").await.is_ok() {
                        through.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        clients.join_all().await;
        // Both doors were asked until they refused, so that neither holds a permit back.
        assert_eq!(through.load(Ordering::Relaxed), limit);
        let asked = shared.asked.load(Ordering::Relaxed);
        assert!(asked < limit + 64, "{asked} questions for {} requests", limit * 16);
    }
}

#[tokio::test]
async fn each_address_and_each_caller_has_its_own_limit() {
    let (shared, clock) = (Arc::new(Shared::default()), Arc::new(AtomicU64::new(0)));
    let rates = door(1, &shared, &clock);
    assert!(take(&rates, "9.9.9.9").await.is_ok());
    assert!(take(&rates, "9.9.9.9").await.is_err());
    assert!(take(&rates, "9.9.9.8").await.is_ok());
    assert!(take(&rates, "2001:db8::1").await.is_ok());
    assert!(take(&rates, "2001:db8::2").await.is_err(), "another address of the same /64");
    let caller = |id| Caller::new(id, Tenant::new("ana"), Scopes::all());
    let mut quotas = Quotas::default();
    assert!(rates.take_caller(&caller("one"), &mut quotas).await.is_ok());
    assert!(rates.take_caller(&caller("one"), &mut quotas).await.is_err());
    assert!(rates.take_caller(&caller("two"), &mut quotas).await.is_ok());
}

#[tokio::test]
async fn this_machine_itself_is_never_limited_by_its_address() {
    let (shared, clock) = (Arc::new(Shared::default()), Arc::new(AtomicU64::new(0)));
    let rates = door(1, &shared, &clock);
    for _ in 0..10 {
        assert!(take(&rates, "127.0.0.1").await.is_ok());
        assert!(take(&rates, "::1").await.is_ok());
    }
    assert_eq!(shared.asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_new_minute_begins_anew_and_a_refusal_says_when() {
    let (shared, clock) = (Arc::new(Shared::default()), Arc::new(AtomicU64::new(50_000)));
    let rates = door(2, &shared, &clock);
    let mut headers = warp::http::HeaderMap::new();
    let mut quotas = Quotas::default();
    rates.take_address("9.9.9.9".parse().unwrap(), &mut quotas).await.unwrap();
    quotas.write(&mut headers);
    assert_eq!(headers["ratelimit-policy"], "\"address\";q=2;w=60");
    assert_eq!(headers["ratelimit"], "\"address\";r=1;t=10");
    take(&rates, "9.9.9.9").await.unwrap();
    let refused = take(&rates, "9.9.9.9").await.unwrap_err();
    assert_eq!(refused, Said::RateLimited { is_address: true, limit: 2, seconds: 10 });
    clock.store(60_000, Ordering::Relaxed);
    assert!(take(&rates, "9.9.9.9").await.is_ok());
}

#[tokio::test]
async fn a_refused_caller_asks_the_shared_counters_no_more() {
    let (shared, clock) = (Arc::new(Shared::default()), Arc::new(AtomicU64::new(0)));
    let rates = door(3, &shared, &clock);
    for _ in 0..1_000 {
        let _ = take(&rates, "9.9.9.9").await;
    }
    assert!(shared.asked.load(Ordering::Relaxed) <= 4);
}

#[tokio::test]
async fn counters_that_are_away_refuse_nobody() {
    let shared = Arc::new(Shared { is_down: true, ..Shared::default() });
    let rates = door(1, &shared, &Arc::new(AtomicU64::new(0)));
    for _ in 0..5 {
        assert!(take(&rates, "9.9.9.9").await.is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_window_lets_more_through_than_the_limit_whatever_the_clock_does(
        limit in 1_u64..60,
        steps in prop::collection::vec((0_usize..3, 0_u64..20_000), 1..300),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (shared, clock) = (Arc::new(Shared::default()), Arc::new(AtomicU64::new(0)));
        let doors = [0, 1, 2].map(|_| door(limit, &shared, &clock));
        let mut through: HashMap<u64, u64> = HashMap::new();
        runtime.block_on(async {
            for (index, ahead_ms) in &steps {
                let now = clock.fetch_add(*ahead_ms, Ordering::Relaxed) + ahead_ms;
                if take(&doors[*index], "9.9.9.9").await.is_ok() {
                    *through.entry(now / 60_000).or_default() += 1;
                }
            }
        });
        prop_assert!(through.values().all(|count| *count <= limit), "{through:?}");
    }
}
