//! What a run is made of: the steps that clients take and the faults that strike, drawn by a seed before anything starts.

use enabler_cluster::decide::placement::{self, Candidate};
use serde::{Deserialize, Serialize};

use super::store::Rates;
use crate::chance::{Chances, Stream, mixed};

/// How a part of the world cannot reach the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// Requests are refused at once.
    Refuses,
    /// Nothing is heard.
    Silent,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Step {
    /// A client uploads a file through a node; equal `content` of one tenant are equal bytes.
    Upload {
        /// Who.
        client: u8,
        /// Through which node.
        door: u8,
        /// Which bytes.
        content: u16,
    },
    /// A client deletes the document that it got for `content`.
    Delete {
        /// Who.
        client: u8,
        /// Through which node.
        door: u8,
        /// Which bytes.
        content: u16,
    },
    /// A client reads the document that it got for `content`.
    Read {
        /// Who.
        client: u8,
        /// Through which node.
        door: u8,
        /// Which bytes.
        content: u16,
    },
    /// A node dies; its disk may die with it.
    Crash {
        /// Which.
        node: u8,
        /// Whether what it had on its disk is gone.
        loses_disk: bool,
        /// When it starts again.
        back_ms: u64,
    },
    /// A node stands still.
    Freeze {
        /// Which.
        node: u8,
        /// For how long.
        for_ms: u64,
    },
    /// A node is asked to leave in peace.
    Drain {
        /// Which.
        node: u8,
        /// When it starts again.
        back_ms: u64,
    },
    /// Two nodes do not hear each other.
    Cut {
        /// One.
        from: u8,
        /// The other.
        to: u8,
        /// Whether the first still hears the second.
        one_way: bool,
        /// For how long.
        for_ms: u64,
    },
    /// A node hears nobody, though it may reach the store.
    Isolate {
        /// Which.
        node: u8,
        /// For how long.
        for_ms: u64,
    },
    /// A node (or all: 0) does not reach the store.
    Outage {
        /// Which.
        node: u8,
        /// How.
        how: Silence,
        /// For how long.
        for_ms: u64,
    },
    /// A node's wall clock is set wrong.
    Skew {
        /// Which.
        node: u8,
        /// By how much.
        by_ms: i64,
    },
    /// The actor of a shard panics.
    Panic {
        /// On which node.
        node: u8,
        /// Which shard.
        shard: u32,
        /// How often, a little apart.
        times: u8,
    },
    /// A node claims a shard that is not its to claim, because it was told nonsense.
    Usurp {
        /// Which node.
        node: u8,
        /// Which shard.
        shard: u32,
    },
    /// Every owner looks at the length of its logs now.
    Compact,
    /// A bit of an object in the store is flipped.
    Damage {
        /// Which object, counted round.
        object: u32,
        /// Which bit, counted round.
        bit: u32,
    },
}

impl Step {
    /// Whether it breaks something, rather than asking for something.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        !matches!(self, Step::Upload { .. } | Step::Delete { .. } | Step::Read { .. } | Step::Compact)
    }
}

/// A step and when it is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timed {
    /// Simulated milliseconds.
    pub at_ms: u64,
    /// The step.
    #[serde(flatten)]
    pub step: Step,
}

/// What may fail in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    /// The store.
    pub store: bool,
    /// The network.
    pub net: bool,
    /// Processes and actors.
    pub process: bool,
    /// Clocks.
    pub time: bool,
    /// Bits of stored objects.
    pub damage: bool,
}

impl Faults {
    /// Everything that a correct system survives without loss.
    pub const ALL: Faults = Faults { store: true, net: true, process: true, time: true, damage: false };

    /// The kinds in `list`, such as `store,net,time`.
    ///
    /// # Errors
    /// The word that is none.
    pub fn parse(list: &str) -> Result<Self, String> {
        let mut faults = Faults { store: false, net: false, process: false, time: false, damage: false };
        for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "store" => faults.store = true,
                "net" => faults.net = true,
                "process" => faults.process = true,
                "time" => faults.time = true,
                "damage" => faults.damage = true,
                "all" => faults = Faults::ALL,
                "none" => {}
                other => return Err(other.to_owned()),
            }
        }
        Ok(faults)
    }
}

/// Everything about a run that is not drawn while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scene {
    /// Nodes.
    pub nodes: u8,
    /// Shards.
    pub shards: u32,
    /// Nodes that follow each shard.
    pub replicas: usize,
    /// Clients.
    pub clients: u8,
    /// How the store misbehaves.
    pub store: Rates,
    /// Messages between nodes that are lost, per thousand.
    pub net_lost: u64,
    /// Messages that arrive twice, per thousand.
    pub net_twice: u64,
    /// Messages that take long, per thousand.
    pub net_slow: u64,
    /// Entries of a log after which a snapshot is made; 0 for never.
    pub compact_after: u64,
    /// How long entries are kept behind a snapshot.
    pub keeps_ms: u64,
    /// The steps.
    pub steps: Vec<Timed>,
    /// When the last step is over.
    pub lasts_ms: u64,
}

/// Streams of the script.
const SHAPE: Stream = Stream(100, 0);
const WHEN: Stream = Stream(101, 0);
const WHAT: Stream = Stream(102, 0);

/// Draws the scene of a seed.
///
/// Each seed has a mood of its own: some faults often, others never. Runs in which everything fails a little find less than
/// runs in which a few things fail a lot.
#[must_use]
pub fn draw(seed: u64, nodes: u8, faults: Faults) -> Scene {
    let mut chances = Chances::of_seed(mixed(seed ^ 0x005c_2197), false);
    let shape = &mut chances;
    let mut often = |of: &[u64], on: bool| {
        let drawn = of.get(shape.draw(SHAPE, of.len() as u64) as usize).copied().unwrap_or(0);
        if on { drawn } else { 0 }
    };
    let (store, net) = (faults.store, faults.net);
    let rates = Rates {
        lost: often(&[0, 0, 5, 30], store),
        answer_lost: often(&[0, 5, 20, 80], store),
        refused: often(&[0, 0, 10, 50], store),
        late: often(&[0, 0, 5, 30], store),
        repeated: often(&[0, 0, 10, 60], store),
        slow: often(&[0, 10, 50], store),
        flipped: often(&[0, 0, 5, 30], store),
        careless: 0,
        way_ms: often(&[5, 15, 40, 120], true),
    };
    let net_lost = often(&[0, 0, 10, 80], net);
    let net_twice = often(&[0, 0, 20], net);
    let net_slow = often(&[0, 10, 60], net);
    let shards = often(&[1, 2, 3], true) as u32;
    let replicas = often(&[0, 1, 1, 2], true) as usize;
    let compact_after = often(&[0, 4, 8, 15], true);
    let is_long = compact_after > 0 && often(&[0, 0, 1], faults.process) == 1;
    let keeps_ms = if is_long { 60_000 } else { super::LOG_AGE.as_millis() as u64 };
    let clients = 1 + often(&[0, 1, 2, 3], true) as u8;
    let steps_count = 20 + often(&[0, 20, 60], true);
    let pause_ms = often(&[50, 200, 600], true);
    let fault_weight = often(&[5, 15, 35], true);
    let kinds = kinds(&mut chances, faults);
    let mut steps = Vec::new();
    let mut at_ms = 4_000;
    let contents = 1 + steps_count / 6;
    for _ in 0..steps_count {
        at_ms += chances.draw(WHEN, pause_ms * 2);
        let is_fault = !kinds.is_empty() && chances.draw(WHAT, 100) < fault_weight;
        let step = if is_fault {
            let kind = kinds.get(chances.draw(WHAT, kinds.len() as u64) as usize).copied().unwrap_or(0);
            fault(&mut chances, kind, nodes, shards, is_long)
        } else {
            ask(&mut chances, nodes, clients, contents)
        };
        if is_long && step.is_fault() {
            at_ms += chances.draw(WHEN, 40_000);
        }
        steps.extend(follows(&mut chances, at_ms, &step, nodes, clients, contents));
        steps.push(Timed { at_ms, step });
    }
    steps.sort_by_key(|timed| timed.at_ms);
    let lasts_ms = steps.last().map_or(at_ms, |last| last.at_ms);
    Scene {
        nodes,
        shards: shards.max(1),
        replicas,
        clients,
        store: rates,
        net_lost,
        net_twice,
        net_slow,
        compact_after,
        keeps_ms,
        steps,
        lasts_ms,
    }
}

/// The kinds of faults of this run: a part of those that are allowed.
fn kinds(chances: &mut Chances, faults: Faults) -> Vec<u8> {
    let allowed = [
        (0, faults.process),
        (1, faults.process),
        (2, faults.process),
        (3, faults.net),
        (4, faults.net),
        (5, faults.store),
        (6, faults.time),
        (7, faults.process),
        (8, faults.process),
        (9, true),
        (10, faults.damage),
    ];
    let allowed = allowed.into_iter().filter(|(_, on)| *on).map(|(kind, _)| kind);
    allowed.filter(|_| chances.draw(SHAPE, 3) > 0).collect()
}

fn ask(chances: &mut Chances, nodes: u8, clients: u8, contents: u64) -> Step {
    let client = chances.draw(WHAT, u64::from(clients)) as u8 + 1;
    let door = chances.draw(WHAT, u64::from(nodes)) as u8 + 1;
    let content = chances.draw(WHAT, contents) as u16;
    match chances.draw(WHAT, 10) {
        0..=4 => Step::Upload { client, door, content },
        5..=7 => Step::Read { client, door, content },
        _ => Step::Delete { client, door, content },
    }
}

/// What comes with a fault: while a node is away others change what it knows, and clients of its own ask for it when it is
/// about to come back; an actor that panics does so again.
fn follows(
    chances: &mut Chances,
    at_ms: u64,
    step: &Step,
    nodes: u8,
    clients: u8,
    contents: u64,
) -> Vec<Timed> {
    match *step {
        Step::Freeze { node, for_ms }
        | Step::Isolate { node, for_ms }
        | Step::Outage { node, for_ms, .. } => {
            let (away, other) = (node.max(1), node.max(1) % nodes.max(1) + 1);
            let mut steps = Vec::new();
            if matches!(step, Step::Isolate { .. }) && chances.draw(WHAT, 2) == 0 {
                steps.push(Timed { at_ms, step: Step::Outage { node, how: Silence::Silent, for_ms } });
            }
            for _ in 0..chances.draw(WHAT, 4) {
                let client = chances.draw(WHAT, u64::from(clients)) as u8 + 1;
                let content = chances.draw(WHAT, contents) as u16;
                let (change, ask) = match chances.draw(WHAT, 4) {
                    0 => (
                        Step::Delete { client, door: other, content },
                        Step::Upload { client, door: away, content },
                    ),
                    1 => (
                        Step::Delete { client, door: other, content },
                        Step::Read { client, door: away, content },
                    ),
                    2 => (
                        Step::Upload { client, door: other, content },
                        Step::Read { client, door: away, content },
                    ),
                    _ => (
                        Step::Upload { client, door: other, content },
                        Step::Delete { client, door: away, content },
                    ),
                };
                let changed_ms = at_ms + for_ms * 3 / 4;
                steps.push(Timed { at_ms: changed_ms, step: change });
                let asked_ms = changed_ms + for_ms / 5 + chances.draw(WHEN, for_ms / 10 + 200);
                steps.push(Timed { at_ms: asked_ms, step: ask });
            }
            steps
        }
        Step::Usurp { node, shard } if chances.draw(WHAT, 2) == 0 => {
            let node = node % nodes.max(1) + 1;
            vec![Timed { at_ms: at_ms + chances.draw(WHEN, 20), step: Step::Usurp { node, shard } }]
        }
        Step::Panic { node, shard, times } => {
            let again = chances.draw(WHAT, 8);
            let panics = (1..=again).map(|count| at_ms + 1_000 * count);
            panics.map(|at_ms| Timed { at_ms, step: Step::Panic { node, shard, times } }).collect()
        }
        _ => Vec::new(),
    }
}

fn fault(chances: &mut Chances, kind: u8, nodes: u8, shards: u32, is_long: bool) -> Step {
    let node = chances.draw(WHAT, u64::from(nodes)) as u8 + 1;
    let other = chances.draw(WHAT, u64::from(nodes)) as u8 + 1;
    let shard = chances.draw(WHAT, u64::from(shards)) as u32;
    let short = 200 + chances.draw(WHAT, 9_000);
    let long =
        if is_long && chances.draw(WHAT, 2) == 0 { 40_000 + chances.draw(WHAT, 90_000) } else { short };
    match kind {
        0 => Step::Crash {
            node,
            loses_disk: chances.draw(WHAT, 3) == 0,
            back_ms: 500 + chances.draw(WHAT, 6_000),
        },
        1 => Step::Freeze { node, for_ms: long },
        2 => Step::Drain { node, back_ms: 1_000 + chances.draw(WHAT, 4_000) },
        3 => Step::Cut { from: node, to: other, one_way: chances.draw(WHAT, 2) == 0, for_ms: long },
        4 => Step::Isolate { node, for_ms: long },
        5 => {
            let node = if chances.draw(WHAT, 3) == 0 { 0 } else { node };
            let how = if chances.draw(WHAT, 2) == 0 { Silence::Silent } else { Silence::Refuses };
            Step::Outage { node, how, for_ms: long }
        }
        6 => Step::Skew { node, by_ms: chances.draw(WHAT, 14_000) as i64 - 7_000 },
        7 => Step::Panic { node, shard, times: if chances.draw(WHAT, 8) == 7 { 12 } else { 1 } },
        8 => Step::Usurp { node, shard },
        9 => Step::Compact,
        _ => {
            Step::Damage { object: chances.draw(WHAT, 1_000) as u32, bit: chances.draw(WHAT, 1 << 20) as u32 }
        }
    }
}

/// The node that the first shard belongs to.
fn owner_of_the_first(nodes: u8) -> u8 {
    let names: Vec<String> = (1..=nodes).map(|number| format!("n{number}")).collect();
    let candidates: Vec<_> = names.iter().map(|name| Candidate { name, weight: 1 }).collect();
    placement::rank(0, &candidates).first().map_or(1, |first| *first as u8 + 1)
}

/// The scene of a node that alone reaches the store, cut off from two that hear each other: it takes their shard and deletes
/// what is in it, while they are asked.
///
/// The seed chooses how long it lasts and when the deletions come.
#[must_use]
pub fn apart(seed: u64) -> Scene {
    apart_after(seed, None)
}

/// As [`apart`], where the owner began anew just before and has not heard the third node since.
#[must_use]
pub fn unheard(seed: u64) -> Scene {
    apart_after(seed, Some(1_900))
}

fn apart_after(seed: u64, anew_before_ms: Option<u64>) -> Scene {
    let mut chances = Chances::of_seed(mixed(seed ^ 0xa9a7), false);
    let owner = owner_of_the_first(3);
    let beside = owner % 3 + 1;
    let alone = beside % 3 + 1;
    let mut steps = Vec::new();
    let mut at = |at_ms: u64, step: Step| steps.push(Timed { at_ms, step });
    let documents = 4;
    for content in 0..documents {
        at(5_000 + u64::from(content) * 250, Step::Upload { client: 1, door: owner, content });
    }
    let from_ms = 8_500;
    let for_ms = 12_000 + chances.draw(WHEN, 6_000);
    if let Some(before_ms) = anew_before_ms {
        at(from_ms - before_ms, Step::Crash { node: owner, loses_disk: false, back_ms: 100 });
        at(from_ms - before_ms - 50, Step::Cut { from: owner, to: alone, one_way: false, for_ms: 20_000 });
    }
    for node in [owner, beside] {
        let how = if chances.draw(WHAT, 4) == 3 { Silence::Silent } else { Silence::Refuses };
        at(from_ms, Step::Outage { node, how, for_ms });
    }
    at(from_ms + chances.draw(WHEN, 300), Step::Isolate { node: alone, for_ms });
    for content in 0..documents {
        let deleted_ms = from_ms + 5_000 + chances.draw(WHEN, 4_000);
        at(deleted_ms, Step::Delete { client: 1, door: alone, content });
        let asked_ms = deleted_ms + 800 + chances.draw(WHEN, 1_500);
        at(asked_ms, Step::Read { client: 1, door: owner, content });
        at(asked_ms + 200, Step::Read { client: 1, door: beside, content });
    }
    steps.sort_by_key(|step| step.at_ms);
    let lasts_ms = steps.last().map_or(0, |step| step.at_ms);
    let replicas = 1 + chances.draw(WHAT, 2) as usize;
    Scene {
        replicas,
        keeps_ms: super::LOG_AGE.as_millis() as u64,
        compact_after: 0,
        steps,
        lasts_ms,
        ..calm(3)
    }
}

/// The scene of an owner that is cut off from the others and reaches the store as they do: they take its shard and delete what
/// is in it, and it is asked for the same files before it has looked at its manifest.
///
/// The seed chooses when the deletions come.
#[must_use]
pub fn left(seed: u64) -> Scene {
    let mut chances = Chances::of_seed(mixed(seed ^ 0x1ef7), false);
    let owner = owner_of_the_first(3);
    let beside = owner % 3 + 1;
    let mut steps = Vec::new();
    let mut at = |at_ms: u64, step: Step| steps.push(Timed { at_ms, step });
    let documents = 4;
    for content in 0..documents {
        at(5_000 + u64::from(content) * 250, Step::Upload { client: 1, door: owner, content });
    }
    let from_ms = 8_000 + chances.draw(WHEN, 5_000);
    at(from_ms, Step::Isolate { node: owner, for_ms: 9_000 });
    for content in 0..documents {
        // It was heard until two seconds ago, and its next beat, a second later at most, tells it that it was replaced.
        let deleted_ms = from_ms + 2_200 + chances.draw(WHEN, 1_000);
        at(deleted_ms, Step::Delete { client: 1, door: beside, content });
        let asked_ms = deleted_ms + 150 + chances.draw(WHEN, 300);
        at(asked_ms, Step::Upload { client: 1, door: owner, content });
    }
    steps.sort_by_key(|step| step.at_ms);
    let lasts_ms = steps.last().map_or(0, |step| step.at_ms);
    Scene { keeps_ms: super::LOG_AGE.as_millis() as u64, compact_after: 0, steps, lasts_ms, ..calm(3) }
}

/// A scene of one shard in which nothing fails but what its steps say.
fn calm(nodes: u8) -> Scene {
    Scene {
        nodes,
        shards: 1,
        replicas: 1,
        clients: 1,
        store: Rates { way_ms: 25, ..Rates::default() },
        net_lost: 0,
        net_twice: 0,
        net_slow: 0,
        compact_after: 3,
        keeps_ms: 20_000,
        steps: Vec::new(),
        lasts_ms: 0,
    }
}

/// The scene of the hole that collecting entries could leave: an owner stands still in the middle of an append, is replaced,
/// the log is shortened past the place that it wants to write to and the entries are removed; then it goes on.
///
/// The seed chooses the moment at which it stands still, for how long, and when the entries go.
#[must_use]
pub fn hole(seed: u64) -> Scene {
    let mut chances = Chances::of_seed(mixed(seed ^ 0x401e), false);
    let keeps_ms = 20_000;
    let mut steps = Vec::new();
    let mut at = |at_ms: u64, step: Step| steps.push(Timed { at_ms, step });
    let upload = |door: u8, content: u16| Step::Upload { client: 1, door, content };
    for content in 0..3 {
        at(5_000 + u64::from(content) * 300, upload(1, content));
    }
    // An upload takes some hundred milliseconds from its blob to its entry; the owner stands still somewhere in between.
    let asked_ms = 8_000;
    at(asked_ms, upload(1, 10));
    at(asked_ms, upload(2, 11));
    let frozen_ms = asked_ms + 20 + chances.draw(WHEN, 160);
    let for_ms = 2 * keeps_ms + chances.draw(WHEN, 40_000);
    at(frozen_ms, Step::Freeze { node: owner_of_the_first(3), for_ms });
    for round in 0..12_u16 {
        let at_ms = frozen_ms + 6_000 + u64::from(round) * (keeps_ms / 6) + chances.draw(WHEN, 900);
        at(at_ms, upload(3, 20 + round));
        at(at_ms + 1_200, Step::Compact);
    }
    at(frozen_ms + for_ms + 200, upload(3, 40));
    at(frozen_ms + for_ms + 3_000, Step::Read { client: 1, door: 3, content: 10 });
    steps.sort_by_key(|step| step.at_ms);
    let lasts_ms = steps.last().map_or(0, |step| step.at_ms);
    Scene { keeps_ms, steps, lasts_ms, ..calm(3) }
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Faults { store, net, process, time, damage } = *self;
        let all = [(store, "store"), (net, "net"), (process, "process"), (time, "time"), (damage, "damage")];
        let words: Vec<&str> = all.into_iter().filter(|(on, _)| *on).map(|(_, word)| word).collect();
        f.write_str(if words.is_empty() { "none" } else { "" })?;
        f.write_str(&words.join(","))
    }
}
