//! What happened in a run: events on lanes, each with the event that led to it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where an event happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// The object store.
    Store,
    /// A node, by number from 1.
    Node(u8),
    /// A client, by number from 1.
    Client(u8),
    /// A node that only computes for others, by number from 1.
    Worker(u8),
    /// The hand that makes things fail.
    Hand,
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lane::Store => f.write_str("store"),
            Lane::Node(number) => write!(f, "n{number}"),
            Lane::Client(number) => write!(f, "client {number}"),
            Lane::Worker(number) => write!(f, "w{number}"),
            Lane::Hand => f.write_str("fault"),
        }
    }
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It arrives.
    Arrives,
    /// It is lost on the way.
    Lost,
    /// It arrives, long after its sender has given up.
    Late,
    /// It arrives twice.
    Twice,
}

/// What kind of event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum What {
    /// A message leaves for `to` and arrives at `arrives_ms`.
    Send {
        /// Where it goes.
        to: Lane,
        /// When it arrives.
        arrives_ms: u64,
        /// What becomes of it.
        fate: Fate,
    },
    /// The object store changed.
    Applied,
    /// A node begins to serve a shard under an epoch.
    Owns,
    /// A node serves a shard no more.
    Disowns,
    /// A node begins to follow a shard.
    Follows,
    /// A client asks.
    Asks,
    /// A client has its answer.
    Answered,
    /// Something was made to fail.
    Fault,
    /// Something that failed is whole again.
    Heals,
    /// A generation of a node starts.
    Starts,
    /// A generation of a node ends.
    Ends,
    /// A node stands still.
    Freezes,
    /// A node goes on.
    Thaws,
    /// Anything else that is worth a line.
    Note,
    /// A promise was broken.
    Violation,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Counts from 1 in a run.
    pub number: u64,
    /// Simulated milliseconds since the start of the run.
    pub at_ms: u64,
    /// Where.
    pub lane: Lane,
    /// What kind.
    #[serde(flatten)]
    pub what: What,
    /// For people: one line.
    pub text: String,
    /// The shard that it is about.
    pub shard: Option<u32>,
    /// The epoch that it happened under.
    pub epoch: Option<u64>,
    /// The event that led to it: the one before in the same course of action, or the message that began it.
    pub cause: Option<u64>,
}

impl Event {
    /// What happened, in a line.
    #[must_use]
    pub fn shown(&self) -> String {
        let text = &self.text;
        match self.what {
            What::Send { to, arrives_ms, fate } => match fate {
                Fate::Arrives => format!("-> {to} at {arrives_ms}: {text}"),
                Fate::Lost => format!("-x {to}: {text} (lost)"),
                Fate::Late => format!("-> {to} at {arrives_ms}: {text} (late)"),
                Fate::Twice => format!("=> {to} at {arrives_ms}: {text} (twice)"),
            },
            What::Violation => format!("BROKEN {text}"),
            what => format!("{what:?} {text}").to_lowercase(),
        }
    }
}

/// The events of a run, if they are kept, and their rolling hash, which is always there.
#[derive(Debug, Default)]
pub struct Trace {
    keeps: bool,
    events: Vec<Event>,
    count: u64,
    hash: u64,
}

/// Events that are kept of one run; later ones only count and hash, so that a long run does not fill the memory.
pub const EVENTS_MAX: usize = 2_000_000;

impl Trace {
    /// A trace that keeps its events, or only counts and hashes them.
    #[must_use]
    pub fn new(keeps: bool) -> Self {
        Trace { keeps, ..Trace::default() }
    }

    /// Takes an event and gives its number; `text` is asked for only if events are kept.
    pub fn push(
        &mut self,
        at_ms: u64,
        lane: Lane,
        what: What,
        about: (Option<u32>, Option<u64>),
        cause: Option<u64>,
        text: impl FnOnce() -> String,
    ) -> u64 {
        self.count += 1;
        let (shard, epoch) = about;
        let mut hash = self.hash;
        let mut mix = |value: u64| hash = crate::chance::mixed(hash ^ value);
        mix(at_ms);
        mix(lane_number(lane));
        mix(what_number(what));
        mix(shard.map_or(u64::MAX, u64::from));
        mix(epoch.unwrap_or(u64::MAX));
        self.hash = hash;
        if self.keeps && self.events.len() < EVENTS_MAX {
            let text = text();
            self.events.push(Event { number: self.count, at_ms, lane, what, text, shard, epoch, cause });
        }
        self.count
    }

    /// Takes a number into the hash: a choice of the executor, or bytes that were stored.
    pub fn mix(&mut self, value: u64) {
        self.hash = crate::chance::mixed(self.hash ^ value);
    }

    /// Events so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The rolling hash of every event: equal for equal runs.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The events that were kept.
    #[must_use]
    pub fn into_events(self) -> Vec<Event> {
        self.events
    }

    /// Whether events are kept.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.keeps
    }
}

fn lane_number(lane: Lane) -> u64 {
    match lane {
        Lane::Store => 0,
        Lane::Hand => 1,
        Lane::Node(number) => 0x100 | u64::from(number),
        Lane::Client(number) => 0x200 | u64::from(number),
        Lane::Worker(number) => 0x300 | u64::from(number),
    }
}

fn what_number(what: What) -> u64 {
    match what {
        What::Send { to, arrives_ms, fate } => (arrives_ms << 16) | (lane_number(to) << 4) | fate as u64,
        What::Applied => 1 << 60,
        What::Owns => 2 << 60,
        What::Disowns => 3 << 60,
        What::Follows => 4 << 60,
        What::Asks => 5 << 60,
        What::Answered => 6 << 60,
        What::Fault => 7 << 60,
        What::Heals => 8 << 60,
        What::Starts => 9 << 60,
        What::Ends => 10 << 60,
        What::Freezes => 11 << 60,
        What::Thaws => 12 << 60,
        What::Note => 13 << 60,
        What::Violation => 14 << 60,
    }
}

/// What a run was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Decisions under simulated time.
    #[default]
    Core,
    /// Whole nodes under simulated time.
    Node,
    /// Real processes under real time.
    Live,
}

/// What a run is known by, for the head of a report and the line to paste.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// What it was made of.
    #[serde(default)]
    pub tier: Tier,
    /// The command that makes this run again.
    pub command: String,
    /// Nodes.
    pub nodes: u8,
    /// Shards.
    pub shards: u32,
    /// Simulated milliseconds; real ones of real processes.
    pub lasted_ms: u64,
    /// The rolling hash; real processes have none.
    pub hash: u64,
    /// The promise that was broken, and how; nothing if all were kept.
    pub violation: Option<Violation>,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The number of the promise in the list of invariants (1 to 18), or of a liveness promise (from 101); 0 where only
    /// words say which.
    pub promise: u16,
    /// Its short name, such as `acknowledged means durable`.
    pub name: String,
    /// What happened, in a sentence.
    pub what: String,
    /// When, in simulated milliseconds.
    pub at_ms: u64,
    /// The event.
    pub event: u64,
}

/// A run as a report shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What it is known by.
    pub head: Head,
    /// Its events, in order.
    pub events: Vec<Event>,
    /// What lanes are called where their own name says too little.
    #[serde(default)]
    pub names: Vec<(Lane, String)>,
}
