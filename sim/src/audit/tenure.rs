//! Three nodes that want the lease of the recurring work, on clocks of different speed, with a store whose answers are late
//! and lost: never two of them hold it at once, its epoch only rises, and it does not stay unheld.

use enabler_cluster::decide::tenure::{Effect, Event, Held, Tenure};

use super::{Broken, Dice};
use crate::core::judge::{ONE_CHAIN, OWNED};

const LEASE_MS: u64 = 60;
/// How long trouble lasts, and the quiet time behind it, in the last part of which somebody must hold the lease: a renewal may
/// come a little late even then, and another tenure begins.
const TROUBLE_MS: u64 = 3_000;
const QUIET_MS: u64 = 10 * LEASE_MS;
const UNHELD_MAX_MS: u64 = 4 * LEASE_MS;
/// Of how many nodes.
const NODES: u64 = 3;

/// What a node does when it wakes.
#[derive(Clone, Copy)]
enum Doing {
    Ticking,
    /// An effect reaches the store.
    Asking(Effect),
    /// An answer reaches the node.
    Hearing(Event),
}

struct Node {
    tenure: Tenure,
    /// Per cent of the true speed, and how far its clock is off: of two nodes none runs twice as fast as the other.
    speed: u64,
    offset: u64,
    /// What it has read or put last: the version that a swap names.
    version: u64,
    doing: Doing,
    wakes: u64,
}

impl Node {
    fn now(&self, at: u64) -> u64 {
        self.offset + at * self.speed / 100
    }

    fn holds(&self, at: u64) -> Option<u64> {
        self.tenure.epoch(self.now(at))
    }
}

/// The lease in the store, by its version, and the highest epoch that it ever had.
#[derive(Default)]
struct Lease {
    version: u64,
    held: Option<Held>,
    highest: u64,
}

/// Plays one run.
pub(super) fn check(dice: &mut Dice) -> Result<(), Broken> {
    let mut lease = Lease::default();
    let mut nodes: Vec<Node> = (0..NODES)
        .map(|number| Node {
            tenure: Tenure::new(u128::from(number) + 1, LEASE_MS),
            speed: 75 + dice.below(59),
            offset: dice.below(10_000),
            version: 0,
            doing: Doing::Ticking,
            wakes: number,
        })
        .collect();
    let end = TROUBLE_MS + QUIET_MS;
    let mut held_at = 0;
    for at in 0..end {
        for node in nodes.iter_mut().filter(|node| node.wakes <= at) {
            let is_lost = at < TROUBLE_MS && dice.one_in(10);
            node.doing = done(node, &mut lease, node.now(at), is_lost)?;
            // Mostly little, sometimes as long as a renewal may take, sometimes longer than the lease.
            node.wakes = at
                + 1
                + match dice.below(if at < TROUBLE_MS { 11 } else { 1 }) {
                    0..8 => dice.below(8),
                    8 | 9 => 8 + dice.below(32),
                    _ => 40 + dice.below(360),
                };
        }
        let holding: Vec<u64> = nodes.iter().filter_map(|node| node.holds(at)).collect();
        if !holding.is_empty() {
            held_at = at;
        }
        if holding.len() > 1 {
            return Err((
                ONE_CHAIN,
                format!("{} nodes run the recurring work, in epochs {holding:?}", holding.len()),
            ));
        }
    }
    match held_at + UNHELD_MAX_MS >= end {
        true => Ok(()),
        false => Err((OWNED, "nobody runs the recurring work though everybody could".to_owned())),
    }
}

fn done(node: &mut Node, lease: &mut Lease, now: u64, is_lost: bool) -> Result<Doing, Broken> {
    Ok(match node.doing {
        Doing::Ticking => Doing::Asking(node.tenure.step(Event::Tick, now)),
        Doing::Hearing(event) => Doing::Asking(node.tenure.step(event, now)),
        Doing::Asking(Effect::Rest) => Doing::Ticking,
        Doing::Asking(Effect::Read) => {
            node.version = lease.version;
            Doing::Hearing(Event::Read(lease.held))
        }
        Doing::Asking(Effect::Create(held) | Effect::Swap(held)) => {
            let stands = node.version == lease.version;
            if stands {
                if held.epoch < lease.highest {
                    return Err((
                        ONE_CHAIN,
                        format!("a tenure has epoch {} after {}", held.epoch, lease.highest),
                    ));
                }
                *lease = Lease { version: lease.version + 1, held: Some(held), highest: held.epoch };
            }
            match (is_lost, stands) {
                (true, _) => Doing::Hearing(Event::Unknown),
                (false, true) => {
                    node.version = lease.version;
                    Doing::Hearing(Event::Stands)
                }
                (false, false) => Doing::Hearing(Event::Refused),
            }
        }
    })
}
