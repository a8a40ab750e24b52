//! The history of real nodes (`sim live --report`), line by line, as a page shows it: what was done to whom, who owned what
//! as the store said it, and what clients met.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::trace::{Event, Fate, Head, Lane, Record, Tier, Violation, What};

/// What stands on the lanes of clients: requests of one kind each, by the words that they begin with.
const CLIENTS: [(&str, &str); 5] = [
    ("probe", "probes"),
    ("upload", "uploads"),
    ("read", "reads"),
    ("ask", "questions"),
    ("delete", "deletions"),
];

/// A line of the history; what later versions add is passed over.
#[derive(Debug, Deserialize)]
struct Line {
    at_ms: u64,
    #[serde(flatten)]
    told: Told,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Told {
    Run {
        again: String,
        nodes: u8,
        shards: u32,
    },
    Event {
        number: u64,
        what: String,
        whom: String,
        shard: u32,
        planned_ms: Option<u64>,
        ended_ms: u64,
        read_ms: Option<u64>,
        upload_ms: Option<u64>,
    },
    Node {
        node: String,
        ready: bool,
    },
    Owners {
        /// By shard; serde takes no number for a key where it has to look at the kind first.
        owners: BTreeMap<String, (String, u64)>,
    },
    Request {
        what: String,
        node: String,
        status: Option<u16>,
        ms: u64,
        outcome: String,
    },
    Violation {
        wrong: String,
        text: String,
    },
    #[serde(other)]
    Other,
}

/// The run that a history tells of, in lines of JSON; a last line that was cut short is passed over.
///
/// # Errors
/// When another line is none of a history.
pub fn record(history: &str) -> serde_json::Result<Record> {
    let mut reader = Reader::default();
    let mut lines = history.lines().filter(|line| !line.trim().is_empty()).peekable();
    while let Some(line) = lines.next() {
        match serde_json::from_str(line) {
            Ok(line) => reader.take(line),
            Err(_) if lines.peek().is_none() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(reader.end())
}

#[derive(Default)]
struct Reader {
    /// Events as they come; their causes are places in this list until the end.
    events: Vec<Event>,
    again: String,
    nodes: u8,
    shards: u32,
    owners: BTreeMap<u32, (String, u64)>,
    away: BTreeMap<String, bool>,
    /// The first broken promise: its kind, and its place in the list.
    broken: Option<(String, usize)>,
}

fn ms(time: Option<u64>) -> String {
    time.map_or_else(|| "never".to_owned(), |ms| format!("{ms} ms"))
}

/// The lane of a node; of what no node is, the lane of what all share.
fn lane(whom: &str) -> Lane {
    let number = whom.strip_prefix('n').and_then(|number| number.parse().ok());
    match whom {
        "store" => Lane::Store,
        _ => number.map_or(Lane::Hand, Lane::Node),
    }
}

impl Reader {
    /// Takes an event; gives its place.
    fn push(&mut self, at_ms: u64, lane: Lane, what: What, text: impl Into<String>) -> usize {
        let (text, number) = (text.into(), self.events.len() as u64);
        self.events.push(Event { number, at_ms, lane, what, text, shard: None, epoch: None, cause: None });
        self.events.len() - 1
    }

    /// As [`Self::push`], of what the event at `cause` led to.
    fn follows(
        &mut self,
        cause: usize,
        at_ms: u64,
        lane: Lane,
        what: What,
        text: impl Into<String>,
    ) -> usize {
        let place = self.push(at_ms, lane, what, text);
        if let Some(event) = self.events.get_mut(place) {
            event.cause = Some(cause as u64);
        }
        place
    }

    fn of_shard(&mut self, place: usize, shard: u32, epoch: Option<u64>) {
        if let Some(event) = self.events.get_mut(place) {
            (event.shard, event.epoch) = (Some(shard), epoch);
        }
    }

    fn take(&mut self, Line { at_ms, told }: Line) {
        match told {
            Told::Run { again, nodes, shards } => {
                (self.again, self.nodes, self.shards) = (again, nodes, shards);
            }
            Told::Event { number, what, whom, shard, planned_ms, ended_ms, read_ms, upload_ms } => {
                let first = format!("read {}, upload {}", ms(read_ms), ms(upload_ms));
                let text = format!("{number}: {what}, {whom}; first success at shard {shard}: {first}");
                let done = self.push(at_ms, Lane::Hand, What::Fault, text);
                self.done(done, &what, lane(&whom), (at_ms, planned_ms.unwrap_or(ended_ms), ended_ms));
            }
            Told::Node { node, ready } => {
                if self.away.insert(node.clone(), !ready) == Some(true) && ready {
                    self.push(at_ms, lane(&node), What::Note, "is ready and lets clients in");
                }
            }
            Told::Owners { owners } => {
                let owners = owners.into_iter().filter_map(|(shard, held)| Some((shard.parse().ok()?, held)));
                self.owners(at_ms, owners.collect());
            }
            Told::Request { what, node, status, ms, outcome } => {
                let kind = CLIENTS.iter().position(|(begins, _)| what.starts_with(begins));
                let client = Lane::Client(kind.map_or(0, |place| place as u8 + 1));
                let said = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
                let text = format!("{what} at {node}: {said} after {ms} ms ({outcome})");
                let fate = if status.is_none() { Fate::Lost } else { Fate::Late };
                let what = match outcome.as_str() {
                    "answered" => What::Answered,
                    _ => What::Send { to: lane(&node), arrives_ms: at_ms + ms, fate },
                };
                self.push(at_ms + if what == What::Answered { ms } else { 0 }, client, what, text);
            }
            Told::Violation { wrong, text } => {
                let place = self.push(at_ms, Lane::Hand, What::Violation, text);
                self.broken.get_or_insert((wrong.replace('_', " "), place));
            }
            Told::Other => {}
        }
    }

    /// What was done to `whom` and how long it lasted: since when, as it was planned, and in all.
    fn done(&mut self, done: usize, what: &str, whom: Lane, (at_ms, planned_ms, ended_ms): (u64, u64, u64)) {
        let until_ms = at_ms + planned_ms;
        match what {
            "kill -9" => {
                self.follows(done, at_ms, whom, What::Ends, "is killed");
                self.follows(done, at_ms + ended_ms, whom, What::Starts, "is started again");
            }
            "drain" => {
                self.follows(done, at_ms, whom, What::Note, "is told to stop");
                self.follows(done, at_ms + ended_ms, whom, What::Ends, "has stopped in peace");
                self.follows(done, at_ms + ended_ms, whom, What::Starts, "is started again");
            }
            "freeze" => {
                self.follows(done, at_ms, whom, What::Freezes, "stands still");
                self.follows(done, until_ms, whom, What::Thaws, "goes on");
            }
            // Redis has no lane: what becomes of it lasts on the lane of all.
            _ if whom == Lane::Hand => {
                self.follows(done, until_ms, whom, What::Heals, format!("{what}: is over"));
            }
            _ => {
                let broke = self.follows(done, at_ms, whom, What::Fault, what);
                self.follows(broke, until_ms, whom, What::Heals, format!("{what}: is over"));
            }
        }
    }

    /// Who owns what has changed, as the store says.
    fn owners(&mut self, at_ms: u64, owners: BTreeMap<u32, (String, u64)>) {
        let before = std::mem::replace(&mut self.owners, owners.clone());
        for (shard, held) in &before {
            if owners.get(shard) != Some(held) {
                let place = self.push(at_ms, lane(&held.0), What::Disowns, "is the owner no more");
                self.of_shard(place, *shard, Some(held.1));
            }
        }
        for (shard, held) in &owners {
            if before.get(shard) != Some(held) {
                let place = self.push(at_ms, lane(&held.0), What::Owns, "is the owner");
                self.of_shard(place, *shard, Some(held.1));
            }
        }
    }

    /// Events in order of time, numbered from 1 on, which the lines of a history are not: what takes long is written
    /// down at its end.
    fn end(mut self) -> Record {
        self.events.sort_by_key(|event| event.at_ms);
        let numbers: BTreeMap<u64, u64> =
            (1..).zip(&self.events).map(|(number, event)| (event.number, number)).collect();
        for (number, event) in (1..).zip(&mut self.events) {
            event.number = number;
            event.cause = event.cause.and_then(|cause| numbers.get(&cause).copied());
        }
        let lasted_ms = self.events.last().map_or(0, |event| event.at_ms);
        let violation = self.broken.and_then(|(name, place)| {
            let event = numbers.get(&(place as u64)).copied()?;
            let found = self.events.iter().find(|found| found.number == event)?;
            Some(Violation { promise: 0, name, what: found.text.clone(), at_ms: found.at_ms, event })
        });
        let head = Head {
            tier: Tier::Live,
            command: self.again,
            nodes: self.nodes,
            shards: self.shards,
            lasted_ms,
            hash: 0,
            violation,
        };
        let names = (1..).zip(CLIENTS).map(|(number, (_, name))| (Lane::Client(number), name.to_owned()));
        Record { head, events: self.events, names: names.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report;

    /// Node 2 is killed and started again, node 1 takes its shard and is cut off; as the live tier writes it down.
    const HISTORY: &str = r#"{"at_ms":0,"kind":"run","again":"sim live --nodes 2 --events 2","nodes":2,"seed":1,"shards":8}
{"at_ms":10,"kind":"owners","owners":{"3":["n2",4],"5":["n1",1]}}
{"at_ms":100,"kind":"node","node":"n2","ready":false}
{"at_ms":150,"kind":"request","what":"probe upload","node":"n1","status":503,"ms":20,"outcome":"disturbed"}
{"at_ms":160,"kind":"request","what":"upload","node":"n2","status":null,"ms":7,"outcome":"disturbed"}
{"at_ms":120,"kind":"request","what":"read deleted","node":"n1","status":404,"ms":5,"outcome":"answered"}
{"at_ms":100,"kind":"event","number":1,"what":"kill -9","whom":"n2","shard":3,"planned_ms":null,"ended_ms":2200,"read_ms":30,"upload_ms":2200}
{"at_ms":2310,"kind":"owners","owners":{"3":["n1",5],"5":["n1",1]}}
{"at_ms":2900,"kind":"node","node":"n2","ready":true}
{"at_ms":3000,"kind":"event","number":2,"what":"cable pulled","whom":"n1","shard":5,"planned_ms":1500,"ended_ms":1800,"read_ms":null,"upload_ms":9}
{"at_ms":4000,"kind":"event","number":3,"what":"store silent","whom":"store","shard":5,"planned_ms":1000,"ended_ms":1100,"read_ms":1,"upload_ms":9}
{"at_ms":5000,"kind":"event","number":4,"what":"redis killed","whom":"redis","shard":5,"planned_ms":700,"ended_ms":800,"read_ms":1,"upload_ms":9}
{"at_ms":6000,"kind":"event","number":5,"what":"freeze","whom":"n1","shard":5,"planned_ms":300,"ended_ms":900,"read_ms":1,"upload_ms":9}
{"at_ms":7000,"kind":"something new","more":1}
"#;

    fn found(record: &Record, lane: Lane, what: What) -> Vec<&Event> {
        record.events.iter().filter(|event| event.lane == lane && event.what == what).collect()
    }

    #[test]
    fn whoever_is_killed_is_down_until_it_is_started_and_its_shard_is_anothers_under_the_next_epoch() {
        let record = record(HISTORY).unwrap();
        let (n1, n2) = (Lane::Node(1), Lane::Node(2));
        assert_eq!(found(&record, n2, What::Ends)[0].at_ms, 100);
        assert_eq!(found(&record, n2, What::Starts)[0].at_ms, 2_300);
        let owns: Vec<_> =
            found(&record, n1, What::Owns).iter().map(|e| (e.shard, e.epoch, e.at_ms)).collect();
        assert_eq!(owns, [(Some(5), Some(1), 10), (Some(3), Some(5), 2_310)]);
        assert_eq!(found(&record, n2, What::Disowns)[0].shard, Some(3));
        let killed = found(&record, Lane::Hand, What::Fault)[0];
        assert_eq!(found(&record, n2, What::Ends)[0].cause, Some(killed.number));
        assert!(
            killed.text.contains("first success at shard 3: read 30 ms, upload 2200 ms"),
            "{}",
            killed.text
        );
    }

    #[test]
    fn what_was_cut_stays_cut_on_its_own_lane_until_it_is_whole() {
        let record = record(HISTORY).unwrap();
        for (lane, at_ms, healed_ms) in
            [(Lane::Node(1), 3_000, 4_500), (Lane::Store, 4_000, 5_000), (Lane::Hand, 5_000, 5_700)]
        {
            let broke = found(&record, lane, What::Fault).into_iter().find(|e| e.at_ms == at_ms).unwrap();
            let healed = found(&record, lane, What::Heals)[0];
            assert_eq!((healed.at_ms, healed.cause), (healed_ms, Some(broke.number)), "{lane}");
        }
        assert_eq!(found(&record, Lane::Node(1), What::Thaws)[0].at_ms, 6_300);
    }

    #[test]
    fn what_clients_met_stands_on_the_lane_of_their_kind() {
        let record = record(HISTORY).unwrap();
        let sent: Vec<_> = record
            .events
            .iter()
            .filter_map(|event| match event.what {
                What::Send { to, arrives_ms, fate } => Some((event.lane, to, arrives_ms, fate)),
                _ => None,
            })
            .collect();
        let (probe, upload) = (Lane::Client(1), Lane::Client(2));
        let (n1, n2) = (Lane::Node(1), Lane::Node(2));
        assert_eq!(sent, [(probe, n1, 170, Fate::Late), (upload, n2, 167, Fate::Lost)]);
        assert_eq!(found(&record, Lane::Client(3), What::Answered)[0].at_ms, 125);
        assert!(record.events.iter().all(|event| event.cause.is_none_or(|cause| cause < event.number)));
    }

    #[test]
    fn a_page_of_real_nodes_says_so_and_a_broken_promise_is_open() {
        let kept = report::html(&record(HISTORY).unwrap(), None).unwrap();
        assert!(kept.contains("real processes: 2 nodes, 8 shards") && kept.contains("real time"));
        assert!(kept.contains("sim live --nodes 2 --events 2") && kept.contains("\"name\":\"uploads\""));
        assert!(!kept.contains("hash ") && !kept.contains("\"clash\":true"));
        let line = r#"{"at_ms":6500,"kind":"violation","wrong":"seen_after_deletion","text":"n1 shows it"}"#;
        let record = record(&format!("{HISTORY}{line}\n{{\"at_ms\":65")).unwrap();
        let broken = record.head.violation.clone().unwrap();
        assert_eq!((broken.name.as_str(), broken.at_ms), ("seen after deletion", 6_500));
        let event = record.events.iter().find(|event| event.number == broken.event).unwrap();
        assert_eq!((event.what, event.text.as_str()), (What::Violation, "n1 shows it"));
    }

    #[test]
    fn a_line_in_the_middle_that_is_none_is_told() {
        assert!(record("{\"at_ms\":1}\n{\"at_ms\":2}\n").is_err());
    }
}
