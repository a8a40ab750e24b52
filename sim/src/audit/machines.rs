//! Decisions that stand apart from each other, tried with drawn events against what they promise.

use std::collections::BTreeSet;

use enabler_cluster::decide::credit::{Full, Ledger, Window};
use enabler_cluster::decide::custody::{self, Holder, NodeId, Order, Part, Peer, Scene};
use enabler_cluster::decide::placement::{self, Candidate};
use enabler_cluster::decide::restart::{History, Policy, Verdict};
use enabler_cluster::decide::route::{self, Next, Route, Tried, Worker};
use enabler_cluster::owner::Group;
use enabler_storage::record::{DocumentId, Op};

use super::{Broken, Dice, agenda, custody as rules, horizon, owners, tenure};
use crate::chance::{Chances, Stream, mixed};
use crate::core::judge::{BOUNDED, CUT_OFF, ONE_CHAIN, OWNED, RESTARTS, SETTLED};

const DRAW: Stream = Stream(300, 0);
const LEASE_MS: u64 = 3_000;

/// Tries them all.
pub(super) fn check(seed: u64) -> Result<(), Broken> {
    let mut chances = Chances::of_seed(mixed(seed ^ 0x3ac4), false);
    credit(&mut chances)?;
    ledger(&mut chances)?;
    restarts(&mut chances)?;
    places(&mut chances)?;
    routes(&mut chances)?;
    workers(&mut chances)?;
    custody_of_one_view(&mut chances)?;
    groups(&mut chances)?;
    let mut dice = Dice::of_seed(seed);
    rules::check(&mut dice)?;
    tenure::check(&mut dice)?;
    agenda::check(&mut dice)?;
    horizon::check(&mut dice)?;
    owners::check(&mut dice)
}

fn credit(chances: &mut Chances) -> Result<(), Broken> {
    let (count_max, bytes_max) = (1 + chances.draw(DRAW, 8) as u32, 10 + chances.draw(DRAW, 1_000));
    let mut window = Window::new(count_max, bytes_max);
    let mut under_way: Vec<u64> = Vec::new();
    for _ in 0..200 {
        if chances.draw(DRAW, 2) == 0 {
            let bytes = chances.draw(DRAW, bytes_max + 20);
            let sum: u64 = under_way.iter().sum();
            let fits = (under_way.len() as u32) < count_max && sum + bytes <= bytes_max;
            let taken = window.take(bytes);
            let is_count = under_way.len() as u32 >= count_max;
            if taken.is_ok() != fits || taken.is_err_and(|full| (full == Full::Count) != is_count) {
                return Err((
                    BOUNDED,
                    format!("a window of {count_max} and {bytes_max} took or refused {bytes} wrongly"),
                ));
            }
            if fits {
                under_way.push(bytes);
            }
        } else if !under_way.is_empty() {
            let bytes = under_way.remove(chances.draw(DRAW, under_way.len() as u64) as usize);
            window.give(bytes);
        }
        if window.used() != (under_way.len() as u32, under_way.iter().sum()) {
            return Err((BOUNDED, "a window does not know what is under way".to_owned()));
        }
    }
    Ok(())
}

fn ledger(chances: &mut Chances) -> Result<(), Broken> {
    let open_max = 100 + chances.draw(DRAW, 1_000);
    let mut ledger = Ledger::new(open_max);
    let (mut sent, mut confirmed) = (0_u64, 0_u64);
    for _ in 0..200 {
        if chances.draw(DRAW, 2) == 0 {
            let bytes = chances.draw(DRAW, open_max + 10);
            let fits = sent - confirmed + bytes <= open_max;
            if ledger.enter(bytes) != fits {
                return Err((BOUNDED, format!("a ledger of {open_max} entered or refused {bytes} wrongly")));
            }
            sent += if fits { bytes } else { 0 };
        } else {
            // Late, twice, or in order.
            let total = chances.draw(DRAW, sent + 1);
            let is_taken = ledger.confirm(total);
            confirmed = confirmed.max(total);
            if !is_taken || ledger.confirm(sent + 1) {
                return Err((
                    BOUNDED,
                    format!("a peer confirms {total} or more of the {sent} that were sent"),
                ));
            }
        }
        if ledger.open() != sent - confirmed || ledger.open() > open_max {
            return Err((BOUNDED, "a ledger does not know what is open".to_owned()));
        }
    }
    Ok(())
}

fn restarts(chances: &mut Chances) -> Result<(), Broken> {
    let policy = Policy {
        restarts_max: 1 + chances.draw(DRAW, 6) as u32,
        period_ms: 500 + chances.draw(DRAW, 5_000),
        backoff_ms_first: 1 + chances.draw(DRAW, 50),
        backoff_ms_max: 60 + chances.draw(DRAW, 500),
    };
    let (mut history, mut now_ms, mut restarts) = (History::default(), 0, Vec::new());
    for _ in 0..80 {
        now_ms += chances.draw(DRAW, policy.period_ms / 3);
        let recent = restarts.iter().filter(|at| now_ms - **at < policy.period_ms).count();
        match history.fail(&policy, now_ms) {
            Verdict::RestartAfter(wait_ms) => {
                if recent >= policy.restarts_max as usize {
                    return Err((RESTARTS, format!("restart {} within a period", recent + 1)));
                }
                let doubled =
                    policy.backoff_ms_first.saturating_mul(1 << recent.min(20)).min(policy.backoff_ms_max);
                if wait_ms != doubled {
                    return Err((
                        RESTARTS,
                        format!("restart {} waits {wait_ms} ms, not {doubled}", recent + 1),
                    ));
                }
                restarts.push(now_ms);
            }
            Verdict::Escalate if recent < policy.restarts_max as usize => {
                return Err((RESTARTS, format!("given up after {recent} restarts")));
            }
            Verdict::Escalate => {}
        }
    }
    Ok(())
}

fn places(chances: &mut Chances) -> Result<(), Broken> {
    let count = 2 + chances.draw(DRAW, 6) as usize;
    let names: Vec<String> =
        (0..count).map(|number| format!("node-{number}-{}", chances.draw(DRAW, 1_000))).collect();
    let weights: Vec<u32> = (0..count).map(|_| 1 + chances.draw(DRAW, 3) as u32).collect();
    let all: Vec<Candidate<'_>> =
        names.iter().zip(&weights).map(|(name, weight)| Candidate { name, weight: *weight }).collect();
    let name_of = |candidates: &[Candidate<'_>], shard: u32| -> Vec<String> {
        placement::rank(shard, candidates)
            .into_iter()
            .filter_map(|number| candidates.get(number).map(|candidate| candidate.name.to_owned()))
            .collect()
    };
    let mut firsts = vec![0_u32; count];
    let shards = 512_u32;
    for shard in 0..shards {
        let ranked = name_of(&all, shard);
        if ranked.len() != count {
            return Err((SETTLED, format!("{} of {count} nodes are ranked", ranked.len())));
        }
        let mut turned = all.clone();
        turned.rotate_left(1 + chances.draw(DRAW, count as u64) as usize % count);
        if name_of(&turned, shard) != ranked {
            return Err((SETTLED, "two nodes rank the same nodes in two ways".to_owned()));
        }
        let gone = chances.draw(DRAW, count as u64) as usize;
        let mut fewer = all.clone();
        fewer.remove(gone);
        let left: Vec<String> =
            ranked.iter().filter(|name| Some(*name) != names.get(gone)).cloned().collect();
        if name_of(&fewer, shard) != left {
            return Err((SETTLED, "a node that leaves moves shards of others".to_owned()));
        }
        if let Some(first) = names.iter().position(|name| Some(name) == ranked.first())
            && let Some(firsts) = firsts.get_mut(first)
        {
            *firsts += 1;
        }
    }
    let sum: u32 = weights.iter().sum();
    for (first, weight) in firsts.iter().zip(&weights) {
        let share = f64::from(shards) * f64::from(*weight) / f64::from(sum);
        if f64::from(*first) < share * 0.5 - 8.0 || f64::from(*first) > share * 1.6 + 12.0 {
            return Err((
                SETTLED,
                format!("a node of weight {weight} of {sum} has {first} of {shards} shards"),
            ));
        }
    }
    Ok(())
}

fn routes(chances: &mut Chances) -> Result<(), Broken> {
    for is_read in [false, true] {
        let (mut route, mut at_once, mut replicas, mut owners) = (Route::default(), 0, 0, 0);
        let (mut failures, mut waited_ms) = (0, 0);
        for _ in 0..60 {
            let tried = match chances.draw(DRAW, 4) {
                0 => Tried::NotOwner { hint: true },
                1 => Tried::NotOwner { hint: false },
                2 => Tried::NotSent,
                _ => Tried::Unknown,
            };
            let next = route.step(tried, is_read);
            failures += u32::from(next != (Next::Owner { after_ms: 0 }));
            if is_read && replicas == 0 && failures > 2 && next != Next::Replica {
                return Err((OWNED, format!("after {failures} failures no replica was asked")));
            }
            match next {
                Next::Replica => replicas += 1,
                Next::Owner { after_ms: 0 } if tried != (Tried::NotOwner { hint: true }) => {
                    return Err((BOUNDED, format!("after {tried:?} a request is tried again at once")));
                }
                Next::Owner { after_ms } => {
                    owners += 1;
                    at_once += u32::from(after_ms == 0);
                    // A shard that moves is back within a few hundred milliseconds.
                    if after_ms > 250 || (after_ms > 0 && after_ms < waited_ms) {
                        return Err((OWNED, format!("a request waits {after_ms} ms, before {waited_ms} ms")));
                    }
                    waited_ms = waited_ms.max(after_ms);
                }
            }
        }
        if at_once > 3 {
            return Err((BOUNDED, format!("{at_once} redirects were followed at once")));
        }
        if (replicas > 0) != is_read || owners <= replicas {
            return Err((
                ONE_CHAIN,
                format!("read {is_read}: {replicas} tries at replicas, {owners} at owners"),
            ));
        }
    }
    Ok(())
}

fn workers(chances: &mut Chances) -> Result<(), Broken> {
    let workers: Vec<Worker> = (0..1 + chances.draw(DRAW, 6))
        .map(|number| Worker {
            waiting: chances.draw(DRAW, 20) as u32,
            width: 1 + chances.draw(DRAW, 4) as u32,
            is_here: number == 0,
        })
        .collect();
    let load = |worker: &Worker| f64::from(worker.waiting) / f64::from(worker.width);
    let least = workers.iter().map(load).fold(f64::MAX, f64::min);
    let chosen = route::pick(&workers, chances.draw(DRAW, 9) as usize).and_then(|number| workers.get(number));
    match chosen {
        None => Err((BOUNDED, "nobody gets the work though there are workers".to_owned())),
        Some(chosen) if load(chosen) > least + 0.002 => {
            Err((BOUNDED, "a busier worker gets the work".to_owned()))
        }
        Some(_) => spread(&workers, least),
    }
}

/// Of workers with as little to do, this node goes first, and others take turns.
fn spread(workers: &[Worker], least: f64) -> Result<(), Broken> {
    let load = |worker: &Worker| f64::from(worker.waiting) / f64::from(worker.width);
    let idle: BTreeSet<usize> = (0..workers.len())
        .filter(|number| workers.get(*number).is_some_and(|worker| load(worker) <= least + 1e-9))
        .collect();
    let chosen: BTreeSet<usize> = (0..workers.len()).filter_map(|spin| route::pick(workers, spin)).collect();
    let here = idle.iter().copied().find(|number| workers.get(*number).is_some_and(|worker| worker.is_here));
    let expected = here.map_or(idle, |here| BTreeSet::from([here]));
    if chosen == expected {
        return Ok(());
    }
    Err((SETTLED, format!("work goes to {chosen:?}, {expected:?} have as little to do")))
}

fn custody_of_one_view(chances: &mut Chances) -> Result<(), Broken> {
    let count = 1 + chances.draw(DRAW, 6);
    let mut peers: Vec<Peer> = (0..count)
        .map(|number| Peer {
            id: NodeId { name: format!("n{number}"), generation: 1 },
            alive: chances.draw(DRAW, 4) > 0,
            for_ms: chances.draw(DRAW, 9_000),
            weight: u32::from(chances.draw(DRAW, 5) > 0),
            beat_still_ms: (chances.draw(DRAW, 2) == 0).then(|| chances.draw(DRAW, 9_000)),
            refuses: Default::default(),
        })
        .collect();
    if let Some(first) = peers.first_mut() {
        (first.alive, first.weight, first.for_ms, first.beat_still_ms) = (true, 1, 9_000, Some(0));
    }
    let shard = chances.draw(DRAW, 64) as u32;
    let replicas = chances.draw(DRAW, 3) as usize;
    let holders = [
        Holder::Nobody,
        Holder::Ended,
        Holder::Unknown,
        Holder::Node(NodeId { name: format!("n{}", chances.draw(DRAW, count)), generation: 1 }),
    ];
    let order = |me: &Peer, part: Part, holder: &Holder| {
        let scene = Scene { me: &me.id, peers: &peers, replicas, lease_ms: LEASE_MS };
        custody::order(&scene, shard, part, holder)
    };
    for holder in &holders {
        let living = peers.iter().filter(|peer| peer.alive);
        let claims: Vec<&Peer> =
            living.clone().filter(|peer| order(peer, Part::None, holder) == Order::Claim).collect();
        if claims.len() > 1 {
            return Err((ONE_CHAIN, format!("{} nodes of one view claim a shard", claims.len())));
        }
        for peer in living.clone() {
            if let Order::HandOver(to) = order(peer, Part::Owner, holder) {
                let fits = peers.iter().any(|other| other.id == to && other.alive && other.weight > 0);
                if !fits || to == peer.id {
                    return Err((SETTLED, "a shard is handed to a node that cannot hold it".to_owned()));
                }
            }
        }
        if let Holder::Node(id) = holder {
            let owner = peers.iter().find(|peer| peer.id == *id);
            let sees_most = living.clone().count() * 2 > peers.len();
            for claim in claims.iter().filter(|claim| claim.id != *id) {
                let beats =
                    owner.is_some_and(|owner| owner.beat_still_ms.is_none_or(|still| still < LEASE_MS));
                if owner.is_some_and(|owner| owner.alive) || (beats && !sees_most) {
                    return Err((
                        CUT_OFF,
                        format!("{} takes a shard from {id:?}, which lives", claim.id.name),
                    ));
                }
            }
        } else if matches!(holder, Holder::Nobody | Holder::Ended) {
            let drops =
                living.clone().filter(|peer| order(peer, Part::Replica, holder) == Order::Drop).count();
            if drops > 0 {
                return Err((OWNED, "a shard without an owner is dropped by a replica".to_owned()));
            }
        }
    }
    Ok(())
}

fn groups(chances: &mut Chances) -> Result<(), Broken> {
    let mut group: Group<u64> = Group::default();
    let (mut next, mut expected) = (0_u64, Vec::new());
    for _ in 0..40 {
        let count = 1 + chances.draw(DRAW, 400);
        let ops: Vec<Op> = (0..count)
            .map(|number| Op::Deleted {
                document_id: DocumentId([number as u8; 16]),
                reason: next.to_string(),
            })
            .collect();
        if !group.has_room_for(&ops) {
            let (taken, replies) = group.take();
            let reasons: Vec<String> = taken
                .iter()
                .map(|op| match op {
                    Op::Deleted { reason, .. } => reason.clone(),
                    _ => String::new(),
                })
                .collect();
            let told: Vec<String> = expected
                .iter()
                .flat_map(|(reply, count): &(u64, u64)| vec![reply.to_string(); *count as usize])
                .collect();
            let asked: Vec<u64> = expected.iter().map(|(reply, _)| *reply).collect();
            if reasons != told || replies != asked || !group.is_empty() {
                return Err((ONE_CHAIN, "appends that share an entry lost their order".to_owned()));
            }
            if taken.len() > 2_048 && replies.len() > 1 {
                return Err((BOUNDED, format!("an entry of {} operations", taken.len())));
            }
            expected.clear();
        }
        group.add(ops, next);
        expected.push((next, count));
        next += 1;
    }
    Ok(())
}
