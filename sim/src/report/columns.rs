//! The events of a run as columns, which a page holds in a third of the space, and which of them it shows.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::trace::{Event, Fate, Lane, What};

/// Events that a page shows: a browser draws so many without delay, and the file stays below some 20 MB.
pub(super) const SHOWN_MAX: usize = 100_000;

/// Causes that are followed back from the broken promise, so that they are shown however old they are.
const CAUSES_MAX: usize = 1_000;

/// Events, a column for each of their fields; every column but `texts` and `messages` has a value for each event.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Columns<'a> {
    pub(super) number: Vec<u64>,
    pub(super) at_ms: Vec<u64>,
    /// The place in the list of lanes.
    pub(super) lane: Vec<usize>,
    pub(super) kind: Vec<&'static str>,
    /// The place in `texts`.
    pub(super) text: Vec<usize>,
    pub(super) shard: Vec<Option<u32>>,
    pub(super) epoch: Vec<Option<u64>>,
    /// The number of the event that led to it; 0 for none.
    pub(super) cause: Vec<u64>,
    /// Each text once: most events of a run say what another has said.
    pub(super) texts: Vec<&'a str>,
    pub(super) messages: Vec<Message>,
}

/// A message, by the place of its event in the columns.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Message {
    pub(super) event: usize,
    pub(super) to: usize,
    pub(super) arrives_ms: u64,
    pub(super) fate: Fate,
}

/// The events as columns; an event on a lane that is not in `lanes` is left out.
pub(super) fn columns<'a>(events: &[&'a Event], lanes: &[Lane]) -> Columns<'a> {
    let places: BTreeMap<Lane, usize> =
        lanes.iter().enumerate().map(|(place, lane)| (*lane, place)).collect();
    let mut texts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut columns = Columns::default();
    for event in events {
        let Some(lane) = places.get(&event.lane) else { continue };
        let next = texts.len();
        let text = *texts.entry(&event.text).or_insert(next);
        if text == next {
            columns.texts.push(&event.text);
        }
        if let What::Send { to, arrives_ms, fate } = event.what
            && let Some(to) = places.get(&to)
        {
            columns.messages.push(Message { event: columns.number.len(), to: *to, arrives_ms, fate });
        }
        columns.number.push(event.number);
        columns.at_ms.push(event.at_ms);
        columns.lane.push(*lane);
        columns.kind.push(kind(event.what));
        columns.text.push(text);
        columns.shard.push(event.shard);
        columns.epoch.push(event.epoch);
        columns.cause.push(event.cause.unwrap_or(0));
    }
    columns
}

/// The lanes of a run from top to bottom: what was made to fail, clients, nodes, and the store that they all reach for.
pub(super) fn lanes(events: &[Event], nodes: u8) -> Vec<Lane> {
    let mut seen: BTreeSet<Lane> = (1..=nodes).map(Lane::Node).collect();
    for event in events {
        seen.insert(event.lane);
        if let What::Send { to, .. } = event.what {
            seen.insert(to);
        }
    }
    let mut lanes: Vec<_> = seen.into_iter().collect();
    let height = |lane: &Lane| match lane {
        Lane::Hand => 0,
        Lane::Client(_) => 1,
        Lane::Node(_) => 2,
        Lane::Worker(_) => 3,
        Lane::Store => 4,
    };
    lanes.sort_by_key(|lane| (height(lane), *lane));
    lanes
}

/// At most `max` events in order of time: those that led to the event `broken`, those that shape the run, and of the others
/// the nearest to `broken`, or to the end.
pub(super) fn shown(events: &[Event], broken: Option<u64>, max: usize) -> Vec<&Event> {
    let causes = causes(events, broken);
    let rank = |event: &Event| match event.what {
        _ if causes.contains(&event.number) => 0_u8,
        What::Send { .. } | What::Applied | What::Asks | What::Answered | What::Note => 2,
        _ => 1,
    };
    let middle = broken.or(events.last().map(|event| event.number)).unwrap_or(0);
    let mut ranked: Vec<_> = events.iter().collect();
    if ranked.len() > max {
        ranked.sort_by_key(|event| (rank(event), event.number.abs_diff(middle)));
        ranked.truncate(max);
    }
    ranked.sort_by_key(|event| (event.at_ms, event.number));
    ranked
}

/// The event, the one that led to it, the one before that, and so on.
fn causes(events: &[Event], from: Option<u64>) -> BTreeSet<u64> {
    let Some(from) = from else { return BTreeSet::new() };
    let causes: BTreeMap<u64, u64> =
        events.iter().filter_map(|event| Some((event.number, event.cause?))).collect();
    // A cause is older than its event, in a whole record; the bound is for one that is not.
    std::iter::successors(Some(from), |number| causes.get(number).copied()).take(CAUSES_MAX).collect()
}

/// The short name of a kind of event.
pub(super) fn kind(what: What) -> &'static str {
    match what {
        What::Send { .. } => "send",
        What::Applied => "applied",
        What::Owns => "owns",
        What::Disowns => "disowns",
        What::Follows => "follows",
        What::Asks => "asks",
        What::Answered => "answered",
        What::Fault => "fault",
        What::Heals => "heals",
        What::Starts => "starts",
        What::Ends => "ends",
        What::Freezes => "freezes",
        What::Thaws => "thaws",
        What::Note => "note",
        What::Violation => "violation",
    }
}
