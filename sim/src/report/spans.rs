//! What lasts in a run, from its events: who served which shard, who was up, who stood still, what was broken.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::trace::{Event, Lane, What};

/// What a node is to a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    Owner,
    Follower,
}

/// One node, one shard, one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Bar {
    pub(super) lane: Lane,
    pub(super) shard: u32,
    pub(super) epoch: Option<u64>,
    pub(super) part: Part,
    /// Which start of the node it belongs to, from 1; 0 if the node was there before the first event.
    pub(super) generation: u32,
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
    /// The event that began it.
    pub(super) event: u64,
    /// Another node or generation owned the same shard in the same epoch: the bug that the bars are drawn for.
    pub(super) clash: bool,
}

/// A stretch of a lane: a generation that is up, a node that stands still, or a fault in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Span {
    pub(super) lane: Lane,
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
    /// The event that began it; 0 if it was so from the start.
    pub(super) event: u64,
    /// Which start of the node it is, for a generation; 0 otherwise.
    pub(super) generation: u32,
}

/// Everything that lasts in a run.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Spans {
    pub(super) bars: Vec<Bar>,
    pub(super) lives: Vec<Span>,
    pub(super) frozen: Vec<Span>,
    pub(super) faults: Vec<Span>,
}

/// Reads what lasts; `nodes` are there from the start unless they are seen to start, and what is open ends at `end_ms`.
pub(super) fn spans(events: &[Event], nodes: u8, end_ms: u64) -> Spans {
    let mut reader = Reader { end_ms, ..Reader::default() };
    for number in 1..=nodes {
        let lane = Lane::Node(number);
        let first = events.iter().find(|event| event.lane == lane && changes_life(event.what));
        if first.is_none_or(|event| event.what != What::Starts) {
            reader.up.insert(lane, (0, 0));
        }
    }
    let heals: BTreeMap<u64, u64> =
        events.iter().filter(|event| event.what == What::Heals).filter_map(ends_of_fault).rev().collect();
    for event in events {
        reader.take(event, &heals);
    }
    reader.end()
}

fn changes_life(what: What) -> bool {
    matches!(what, What::Starts | What::Ends)
}

/// The fault that a healing names as its cause, and when it was healed.
fn ends_of_fault(event: &Event) -> Option<(u64, u64)> {
    Some((event.cause?, event.at_ms))
}

#[derive(Default)]
struct Reader {
    end_ms: u64,
    /// Lanes that are up: since when, and the event that started them.
    up: BTreeMap<Lane, (u64, u64)>,
    starts: BTreeMap<Lane, u32>,
    still: BTreeMap<Lane, (u64, u64)>,
    open: BTreeMap<(Lane, u32, Part), Bar>,
    found: Spans,
}

impl Reader {
    fn take(&mut self, event: &Event, heals: &BTreeMap<u64, u64>) {
        let (lane, at_ms) = (event.lane, event.at_ms);
        match event.what {
            What::Starts => {
                self.stop(lane, at_ms);
                *self.starts.entry(lane).or_insert(0) += 1;
                self.up.insert(lane, (at_ms, event.number));
            }
            What::Ends => self.stop(lane, at_ms),
            What::Freezes => {
                self.still.entry(lane).or_insert((at_ms, event.number));
            }
            What::Thaws => self.thaw(lane, at_ms),
            What::Owns => {
                self.close(event, Part::Follower);
                self.close(event, Part::Owner);
                self.begin(event, Part::Owner);
            }
            What::Follows => {
                self.close(event, Part::Owner);
                self.close(event, Part::Follower);
                self.begin(event, Part::Follower);
            }
            What::Disowns => {
                self.close(event, Part::Owner);
                self.close(event, Part::Follower);
            }
            What::Fault => {
                let to_ms = heals.get(&event.number).copied().unwrap_or(at_ms);
                self.found.faults.push(Span {
                    lane,
                    from_ms: at_ms,
                    to_ms,
                    event: event.number,
                    generation: 0,
                });
            }
            _ => {}
        }
    }

    fn begin(&mut self, event: &Event, part: Part) {
        let Some(shard) = event.shard else { return };
        let bar = Bar {
            lane: event.lane,
            shard,
            epoch: event.epoch,
            part,
            generation: self.starts.get(&event.lane).copied().unwrap_or(0),
            from_ms: event.at_ms,
            to_ms: self.end_ms,
            event: event.number,
            clash: false,
        };
        self.open.insert((event.lane, shard, part), bar);
    }

    fn close(&mut self, event: &Event, part: Part) {
        let Some(shard) = event.shard else { return };
        if let Some(bar) = self.open.remove(&(event.lane, shard, part)) {
            self.found.bars.push(Bar { to_ms: event.at_ms, ..bar });
        }
    }

    fn thaw(&mut self, lane: Lane, at_ms: u64) {
        if let Some((from_ms, event)) = self.still.remove(&lane) {
            self.found.frozen.push(Span { lane, from_ms, to_ms: at_ms, event, generation: 0 });
        }
    }

    /// Ends a generation and all that it held.
    fn stop(&mut self, lane: Lane, at_ms: u64) {
        self.thaw(lane, at_ms);
        let generation = self.starts.get(&lane).copied().unwrap_or(0);
        if let Some((from_ms, event)) = self.up.remove(&lane) {
            self.found.lives.push(Span { lane, from_ms, to_ms: at_ms, event, generation });
        }
        let held: Vec<_> = self.open.keys().filter(|(of, _, _)| *of == lane).copied().collect();
        for key in held {
            if let Some(bar) = self.open.remove(&key) {
                self.found.bars.push(Bar { to_ms: at_ms, ..bar });
            }
        }
    }

    fn end(mut self) -> Spans {
        let end_ms = self.end_ms;
        let lanes: BTreeSet<Lane> = self
            .up
            .keys()
            .chain(self.still.keys())
            .copied()
            .chain(self.open.keys().map(|key| key.0))
            .collect();
        for lane in lanes {
            self.stop(lane, end_ms);
        }
        let mut found = self.found;
        found.bars.sort_by_key(|bar| (bar.lane, bar.shard, bar.from_ms, bar.event));
        found.lives.sort_by_key(|span| (span.lane, span.from_ms, span.event));
        found.frozen.sort_by_key(|span| (span.lane, span.from_ms, span.event));
        mark_clashes(&mut found.bars);
        found
    }
}

/// Marks every owner's bar whose shard and epoch another node, or another generation of the node, owned too.
fn mark_clashes(bars: &mut [Bar]) {
    let mut owners: BTreeMap<(u32, u64), BTreeSet<(Lane, u32)>> = BTreeMap::new();
    let of = |bar: &Bar| (bar.part == Part::Owner).then_some((bar.shard, bar.epoch?));
    for bar in bars.iter() {
        if let Some(key) = of(bar) {
            owners.entry(key).or_default().insert((bar.lane, bar.generation));
        }
    }
    for bar in bars {
        bar.clash = of(bar).and_then(|key| owners.get(&key)).is_some_and(|owners| owners.len() > 1);
    }
}
