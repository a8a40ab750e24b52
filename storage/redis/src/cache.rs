//! Get and put: the memory of the node first where it may answer, the Redis behind it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_storage::cache::{
    Cache, CacheError, Group, InProcess, OCR_TTL, Place, TENANTS_PREFIX, Usage, VALUE_BYTES_MAX, jittered,
    place_of,
};
use enabler_storage::chance::Chance;
use enabler_storage::clock::Clock;
use fred::clients::Pipeline;
use fred::error::Error;
use fred::interfaces::{FredResult, KeysInterface, SortedSetsInterface};
use fred::prelude::Client;
use fred::types::{Expiration, SetOptions, Value};

use crate::link::{Link, NoAnswer};
use crate::marks::Marks;
use crate::names::{self, GENERATION, Generations};
use crate::settings::{Settings, SettingsError};

/// The longest that the memory of a node answers for the Redis: with its jitter below a minute, which bounds how
/// long another node may still hold what this one deleted.
const NEAR_TTL_MAX: Duration = Duration::from_secs(54);

/// How much longer an index lives than the values that it names, and than their names stay in it: clocks of nodes
/// differ.
const INDEX_SLACK: Duration = Duration::from_secs(3_600);

/// Keys asked for in one round trip; more would keep small calls waiting behind them.
const ROUND_TRIP_KEYS_MAX: usize = 256;

/// A cache in a Redis. Cloning it shares it.
#[derive(Clone)]
pub struct RedisCache(Arc<Inner>);

struct Inner {
    link: Link,
    near: InProcess,
    marks: Marks,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    /// Whether memory holds what it must not answer with once the Redis is back.
    stood_in: AtomicBool,
}

impl std::fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisCache").field("state", &self.note()).finish_non_exhaustive()
    }
}

/// What the Redis holds about a key of a group.
#[derive(Default)]
struct Looked {
    stored: Option<Bytes>,
    present: Option<Generations>,
}

/// What became of a value that was to be kept in the Redis.
enum Kept {
    Stored,
    /// A deletion came between its computation and now.
    Late,
    Failed,
    Away,
}

impl From<NoAnswer> for Kept {
    fn from(no: NoAnswer) -> Self {
        match no {
            NoAnswer::Away => Self::Away,
            NoAnswer::Failed(_) => Self::Failed,
        }
    }
}

impl RedisCache {
    /// Begins to connect and returns at once; until the Redis answers, memory does.
    ///
    /// It must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// If the settings cannot be used. That the Redis is down is no error.
    pub fn start(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
    ) -> Result<Self, SettingsError> {
        let link = Link::start(settings, Arc::clone(&clock))?;
        let near = InProcess::new(settings.in_process_bytes_max);
        let (marks, stood_in) = (Marks::new(), AtomicBool::new(false));
        Ok(Self(Arc::new(Inner { link, near, marks, clock, chance, stood_in })))
    }

    /// One line for the operator: `up`, `connecting …` or `down since …`, with the reason.
    #[must_use]
    pub fn note(&self) -> String {
        self.0.link.note()
    }

    /// Whether calls are kept from the Redis at present, because the last ones failed.
    #[must_use]
    pub fn is_breaker_open(&self) -> bool {
        !self.0.link.breaker().is_closed()
    }

    pub(crate) fn near(&self) -> &InProcess {
        &self.0.near
    }

    pub(crate) fn marks(&self) -> &Marks {
        &self.0.marks
    }

    pub(crate) fn link(&self) -> &Link {
        &self.0.link
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.0.clock.now_ms()
    }

    /// Asks the Redis. Its first answer after an outage ends what memory answered in its place.
    pub(crate) async fn ask<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, NoAnswer> {
        let answer = self.0.link.ask(call).await?;
        if self.0.stood_in.swap(false, Ordering::SeqCst) {
            // Another node may have deleted of this meanwhile, and nobody could say so here. What belongs to nobody
            // stays.
            let _cannot_fail = self.0.near.delete_prefix(TENANTS_PREFIX).await;
        }
        Ok(answer)
    }

    /// Sends several commands in one round trip.
    pub(crate) async fn pipeline<T, F>(
        &self,
        commands: impl FnOnce(Pipeline<Client>) -> F,
    ) -> Result<T, NoAnswer>
    where
        F: Future<Output = FredResult<T>>,
    {
        self.ask(commands(self.0.link.client().pipeline())).await
    }

    /// What the Redis holds of keys of groups, in their order, in one round trip: each group and each tenant is asked
    /// once.
    async fn look(&self, asked: &[Group<'_>]) -> Result<Vec<Looked>, NoAnswer> {
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut tenants: BTreeMap<&str, Value> = BTreeMap::new();
        for (at, group) in asked.iter().enumerate() {
            groups.entry(group.prefix).or_default().push(at);
            tenants.insert(group.tenant, Value::Null);
        }
        let replies: Vec<Value> = self
            .pipeline(async |pipeline| {
                for (prefix, members) in &groups {
                    let names: Vec<String> =
                        members.iter().filter_map(|at| asked.get(*at)).map(names::value_of).collect();
                    let _: () = pipeline.mget(names).await?;
                    let _: () = pipeline.zscore(names::index(prefix), GENERATION).await?;
                }
                for tenant in tenants.keys() {
                    let _: () = pipeline.zscore(names::index(tenant), GENERATION).await?;
                }
                pipeline.all().await
            })
            .await?;
        let (of_groups, of_tenants) = replies.split_at(replies.len().min(groups.len() * 2));
        for (tenant, score) in tenants.values_mut().zip(of_tenants) {
            *tenant = score.clone();
        }
        let mut looked: Vec<Looked> = asked.iter().map(|_| Looked::default()).collect();
        for (members, reply) in groups.values().zip(of_groups.chunks(2)) {
            let [values, group] = reply else { break };
            let values: Vec<Option<Bytes>> = values.clone().convert().map_err(NoAnswer::Failed)?;
            for (at, stored) in members.iter().zip(values) {
                let (Some(looked), Some(asked)) = (looked.get_mut(*at), asked.get(*at)) else { continue };
                let tenant = tenants.get(asked.tenant).unwrap_or(&Value::Null);
                let present = generations(tenant, group).map_err(NoAnswer::Failed)?;
                *looked = Looked { stored, present };
            }
        }
        Ok(looked)
    }

    /// The present generations of a group, made now if there are none.
    async fn open(&self, group: &Group<'_>) -> Result<Option<Generations>, NoAnswer> {
        let fresh = || names::to_score(names::generation_of(self.0.chance.next_u64()));
        let (tenant, index) = (names::index(group.tenant), names::index(group.prefix));
        let replies: Vec<Value> = self
            .pipeline(async |pipeline| {
                let absent = || Some(SetOptions::NX);
                let _: () =
                    pipeline.zadd(&tenant, absent(), None, false, false, (fresh(), GENERATION)).await?;
                let _: () =
                    pipeline.zadd(&index, absent(), None, false, false, (fresh(), GENERATION)).await?;
                let _: () = pipeline.expire(&tenant, seconds(tenant_lifetime()), None).await?;
                let _: () = pipeline.expire(&index, seconds(lifetime(group)), None).await?;
                let _: () = pipeline.zremrangebyscore(&tenant, "-inf", self.past()).await?;
                let _: () = pipeline.zscore(&index, GENERATION).await?;
                let _: () = pipeline.zscore(&tenant, GENERATION).await?;
                pipeline.all().await
            })
            .await?;
        let [.., group, tenant] = replies.as_slice() else { return Ok(None) };
        generations(tenant, group).map_err(NoAnswer::Failed)
    }

    /// Keeps a value that was computed under `under`, unless a deletion came between.
    async fn store(
        &self,
        group: &Group<'_>,
        under: Generations,
        value: &[u8],
        ttl: Duration,
    ) -> Result<Kept, NoAnswer> {
        let (name, index, tenant) =
            (names::value_of(group), names::index(group.prefix), names::index(group.tenant));
        let sealed = names::sealed(under, value);
        let replies: Vec<Value> = self
            .pipeline(async |pipeline| {
                // Named in the index before it is there, so that a deletion finds it.
                let expiry = self.expiry(lifetime(group));
                let _: () = pipeline.zadd(&tenant, None, None, false, false, (expiry, group.prefix)).await?;
                let _: () = pipeline.expire(&tenant, seconds(tenant_lifetime()), None).await?;
                let expiry = self.expiry(ttl);
                let _: () = pipeline.zadd(&index, None, None, false, false, (expiry, group.name)).await?;
                let _: () = pipeline.expire(&index, seconds(lifetime(group)), None).await?;
                let _: () = pipeline.set(&name, sealed, Some(expiration(ttl)), None, false).await?;
                let _: () = pipeline.zremrangebyscore(&index, "-inf", self.past()).await?;
                // Read after it is there: either the deletion finds the value, or we find the deletion.
                let _: () = pipeline.zscore(&index, GENERATION).await?;
                let _: () = pipeline.zscore(&tenant, GENERATION).await?;
                pipeline.all().await
            })
            .await?;
        let [.., present_group, present_tenant] = replies.as_slice() else { return Ok(Kept::Failed) };
        if generations(present_tenant, present_group).map_err(NoAnswer::Failed)? == Some(under) {
            return Ok(Kept::Stored);
        }
        // Nobody sees it, but it must not lie there either.
        let _: Vec<Value> = self
            .pipeline(async |pipeline| {
                let _: () = pipeline.unlink(&name).await?;
                let _: () = pipeline.zrem(&index, group.name).await?;
                pipeline.all().await
            })
            .await?;
        Ok(Kept::Late)
    }

    /// The value among what was looked up, noting what this reader saw.
    async fn read(&self, key: &str, group: &Group<'_>, deletions: u64, looked: Looked) -> Option<Bytes> {
        let Some(present) = looked.present else {
            let opened = self.open(group).await.ok().flatten();
            self.0.marks.read(key, opened, deletions);
            return None;
        };
        self.0.marks.read(key, Some(present), deletions);
        let value = names::opened(present, looked.stored?)?;
        self.hold(key, group, deletions, &value, NEAR_TTL_MAX).await;
        Some(value)
    }

    /// Holds a value in memory, unless this node deleted it meanwhile.
    async fn hold(&self, key: &str, group: &Group<'_>, deletions: u64, value: &Bytes, ttl: Duration) {
        self.0.near.put(key, value.clone(), ttl).await;
        if self.0.marks.deleted_since(group, deletions) {
            self.0.near.remove(key);
        }
    }

    async fn get_free(&self, keys: &[&str]) -> Vec<Option<Bytes>> {
        let fetched: Result<Vec<Option<Bytes>>, _> = match keys {
            [key] => self.ask(async { Ok(vec![self.0.link.client().get(*key).await?]) }).await,
            // Keys of one command must share a slot in a cluster, and these do not.
            _ if self.0.link.is_clustered() => {
                self.pipeline(async |pipeline| {
                    for key in keys {
                        let _: () = pipeline.get(*key).await?;
                    }
                    pipeline.all().await
                })
                .await
            }
            _ => self.ask(self.0.link.client().mget(keys.to_vec())).await,
        };
        let values = fetched.unwrap_or_default();
        for (key, value) in keys.iter().zip(&values) {
            if let Some(value) = value {
                self.0.near.put(key, value.clone(), NEAR_TTL_MAX).await;
            }
        }
        values
    }

    async fn put_in(&self, key: &str, group: &Group<'_>, value: Bytes, ttl: Duration) {
        let ttl = ttl.min(group.ttl_max);
        let mark = self.0.marks.of(key);
        let deletions = mark.map_or_else(|| self.0.marks.deletions(), |mark| mark.deletions);
        if self.0.marks.deleted_since(group, deletions) {
            return;
        }
        let under = match mark {
            Some(mark) => Ok(mark.seen),
            None => self.open(group).await,
        };
        let kept = match under {
            Ok(Some(under)) => {
                self.store(group, under, &value, jittered(key, ttl)).await.unwrap_or_else(Kept::from)
            }
            Ok(None) if !self.0.link.is_up() => Kept::Away,
            // Its reader could not see the generations, so nobody can tell whether it was deleted since. Nor is it
            // held here, so that the next reader asks and sees them.
            Ok(None) => Kept::Late,
            Err(no) => no.into(),
        };
        match kept {
            Kept::Late => {}
            Kept::Stored | Kept::Failed => {
                self.hold(key, group, deletions, &value, ttl.min(NEAR_TTL_MAX)).await
            }
            Kept::Away => {
                self.hold(key, group, deletions, &value, ttl).await;
                self.0.stood_in.store(true, Ordering::SeqCst);
            }
        }
    }

    /// The second in which something put now for `ttl` expires.
    fn expiry(&self, ttl: Duration) -> f64 {
        Duration::from_millis(self.now_ms()).saturating_add(ttl).as_secs_f64().ceil()
    }

    /// The second before which everything named has surely expired.
    fn past(&self) -> f64 {
        Duration::from_millis(self.now_ms()).saturating_sub(INDEX_SLACK).as_secs_f64().floor()
    }
}

/// A pair of scores as generations; nothing if either is missing.
fn generations(tenant: &Value, group: &Value) -> FredResult<Option<Generations>> {
    let of = |value: &Value| -> FredResult<Option<u64>> {
        Ok(value.clone().convert::<Option<f64>>()?.and_then(names::from_score))
    };
    Ok(of(tenant)?.zip(of(group)?).map(|(tenant, group)| Generations { tenant, group }))
}

/// How long a group's index lives after a put: longer than any of its values, jitter included.
fn lifetime(group: &Group<'_>) -> Duration {
    group.ttl_max.mul_f64(1.1) + INDEX_SLACK
}

/// How long a tenant's index lives: longer than any of its groups.
fn tenant_lifetime() -> Duration {
    OCR_TTL.mul_f64(1.1) + INDEX_SLACK * 2
}

fn seconds(of: Duration) -> i64 {
    i64::try_from(of.as_secs()).unwrap_or(i64::MAX)
}

pub(crate) fn expiration(ttl: Duration) -> Expiration {
    Expiration::PX(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX).max(1))
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: &str) -> Option<Bytes> {
        let place = place_of(key);
        let nearby = match place {
            Place::Nowhere => return None,
            // Memory may be behind what another node wrote.
            Place::In(group) if group.changes => None,
            Place::In(_) | Place::Free => self.0.near.get(key).await,
        };
        let Place::In(group) = place else {
            return match nearby {
                None => self.get_free(&[key]).await.pop().flatten(),
                value => value,
            };
        };
        if nearby.is_some() {
            return nearby;
        }
        let deletions = self.0.marks.deletions();
        match self.look(&[group]).await.map(|mut looked| looked.pop()) {
            Ok(Some(looked)) => self.read(key, &group, deletions, looked).await,
            Ok(None) | Err(_) => {
                self.0.marks.read(key, None, deletions);
                self.0.near.get(key).await
            }
        }
    }

    async fn get_many(&self, keys: &[String]) -> Vec<Option<Bytes>> {
        let mut values = vec![None; keys.len()];
        let (mut free, mut grouped) = (Vec::new(), Vec::new());
        for (at, key) in keys.iter().enumerate() {
            match place_of(key) {
                Place::Nowhere => {}
                Place::In(group) => match if group.changes { None } else { self.0.near.get(key).await } {
                    None => grouped.push((at, key.as_str(), group)),
                    value => values[at] = value,
                },
                Place::Free => match self.0.near.get(key).await {
                    None => free.push((at, key.as_str())),
                    value => values[at] = value,
                },
            }
        }
        for asked in free.chunks(ROUND_TRIP_KEYS_MAX) {
            let names: Vec<&str> = asked.iter().map(|(_, key)| *key).collect();
            for ((at, _), value) in asked.iter().zip(self.get_free(&names).await) {
                values[*at] = value;
            }
        }
        let deletions = self.0.marks.deletions();
        let mut opened: BTreeMap<&str, Option<Generations>> = BTreeMap::new();
        for asked in grouped.chunks(ROUND_TRIP_KEYS_MAX) {
            let groups: Vec<Group<'_>> = asked.iter().map(|(_, _, group)| *group).collect();
            match self.look(&groups).await {
                Ok(looked) => {
                    for ((at, key, group), looked) in asked.iter().zip(looked) {
                        if looked.present.is_none() {
                            // A group is opened once, however many of its keys are asked for.
                            if !opened.contains_key(group.prefix) {
                                opened.insert(group.prefix, self.open(group).await.ok().flatten());
                            }
                            self.0.marks.read(key, opened.get(group.prefix).copied().flatten(), deletions);
                            continue;
                        }
                        values[*at] = self.read(key, group, deletions, looked).await;
                    }
                }
                Err(_) => {
                    for (at, key, _) in asked {
                        self.0.marks.read(key, None, deletions);
                        values[*at] = self.0.near.get(key).await;
                    }
                }
            }
        }
        values
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Duration) {
        if value.len() > VALUE_BYTES_MAX || ttl.is_zero() {
            return;
        }
        match place_of(key) {
            Place::Nowhere => tracing::warn!("a key that no deletion would find is not kept"),
            Place::In(group) => self.put_in(key, &group, value, ttl).await,
            Place::Free => {
                let expiration = expiration(jittered(key, ttl));
                let client = self.0.link.client();
                let put =
                    self.ask(client.set::<(), _, _>(key, value.clone(), Some(expiration), None, false)).await;
                let ttl = if matches!(put, Err(NoAnswer::Away)) { ttl } else { ttl.min(NEAR_TTL_MAX) };
                self.0.near.put(key, value, ttl).await;
            }
        }
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<u64, CacheError> {
        self.erase(prefix).await
    }

    async fn is_up(&self) -> bool {
        // A quiet connection to a frozen Redis looks well, so it is asked.
        let pong =
            self.ask(async { fred::interfaces::ClientLike::ping::<()>(self.0.link.client(), None).await });
        pong.await.is_ok()
    }

    async fn usage(&self) -> Usage {
        let near = self.0.near.usage().await;
        let info = async {
            let section = Some(fred::types::InfoKind::Memory);
            fred::interfaces::ClientLike::info::<String>(self.0.link.client(), section).await
        };
        Usage { redis: self.ask(info).await.ok().and_then(|text| memory_of(&text)), ..near }
    }
}

/// What the section of memory of a Redis' own figures says; a bound of 0 is none.
fn memory_of(info: &str) -> Option<(u64, Option<u64>)> {
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    let bytes_max = field("maxmemory:").filter(|bytes_max| *bytes_max > 0);
    Some((field("used_memory:")?, bytes_max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_says_what_it_takes_and_may_take() {
        let info = "# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\nmaxmemory:0\r\n";
        assert_eq!(memory_of(info), Some((1_048_576, None)));
        assert_eq!(memory_of(&info.replace("maxmemory:0", "maxmemory:9")), Some((1_048_576, Some(9))));
        assert_eq!(memory_of(""), None);
    }
}
