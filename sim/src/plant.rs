//! Mistakes that are made on purpose, each at one place of the production code or of the simulated shell: a simulator that
//! does not find them would not find those that nobody knows of.

use std::ops::Range;

use enabler_storage::plant;

use crate::core::{Plan, run};

/// A mistake that can be made on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plant {
    /// Its name, which the code asks for where the mistake is made.
    pub name: &'static str,
    /// What goes wrong.
    pub sentence: &'static str,
    /// The promises that may tell it first, by number.
    pub promises: &'static [u16],
    /// The public issue that it re-enacts: `owner/repository#number`.
    pub issue: Option<&'static str>,
}

/// What a hunt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hunt {
    /// A run broke a promise.
    Caught {
        /// Seeds that were run, the last one included.
        seeds: u64,
        /// The promise, by number.
        promise: u16,
        /// What the judge said.
        text: String,
    },
    /// No seed told.
    Missed,
}

/// The mistake of this thread, made until this goes.
struct Chosen;

impl Drop for Chosen {
    fn drop(&mut self) {
        plant::choose(None);
    }
}

/// Makes the mistake in one run after another, until the judge tells it.
#[must_use]
pub fn hunt(plant: &Plant, seeds: Range<u64>) -> Hunt {
    let _chosen = Chosen;
    plant::choose(Some(plant.name));
    for (count, seed) in (1..).zip(seeds) {
        if let Some(found) = run(&Plan::of_seed(seed, 0, None)).violation {
            return Hunt::Caught { seeds: count, promise: found.promise, text: found.what };
        }
    }
    Hunt::Missed
}

/// The plant of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Plant> {
    PLANTS.iter().find(|plant| plant.name == name)
}

const fn plant(
    name: &'static str,
    promises: &'static [u16],
    issue: Option<&'static str>,
    sentence: &'static str,
) -> Plant {
    Plant { name, sentence, promises, issue }
}

/// All of them.
pub const PLANTS: &[Plant] = &[
    plant(
        "log-without-a-chain",
        &[9],
        Some("camunda/camunda#3573"),
        "The replay goes on behind an entry that it could not read, and nothing tells that one is missing.",
    ),
    plant(
        "first-hole-is-the-end",
        &[3, 2, 12, 102, 103, 101],
        Some("lerna-stack/akka-entity-replication#167"),
        "The replay takes the first missing entry for the end of the log, though later ones exist behind a floor.",
    ),
    plant(
        "numbers-in-keys-are-not-padded",
        &[101],
        None,
        "Entries are listed in the order of their digits: 10 stands before 9.",
    ),
    plant(
        "checksum-not-verified",
        &[11, 9, 1, 16, 2, 7, 8],
        Some("nats-io/nats-server#7549"),
        "Records are decoded whatever their checksum says.",
    ),
    plant(
        "blob-hash-not-verified",
        &[9],
        None,
        "A blob is used though its bytes are not those that were stored.",
    ),
    plant("unknown-blob-is-stored", &[9], None, "A blob counts as stored when the store has not answered."),
    plant(
        "damage-on-the-way-is-for-ever",
        &[9],
        None,
        "A blob that was damaged on its way once is never read again.",
    ),
    plant(
        "unknown-part-is-stored",
        &[11],
        Some("biothings/biothings.api#48"),
        "A part of a snapshot counts as stored when the store has not answered.",
    ),
    plant(
        "snapshot-drops-unknown-fields",
        &[9],
        Some("kubernetes/kubernetes#46073"),
        "A snapshot leaves out what a newer version added to a document.",
    ),
    plant(
        "snapshot-forgets-deletions",
        &[9],
        Some("basho/bitcask#82"),
        "A snapshot leaves the deleted documents out.",
    ),
    plant(
        "full-part-drops-a-record",
        &[9],
        None,
        "The record that does not fit into a part of a snapshot any more is lost.",
    ),
    plant(
        "floor-itself-removed",
        &[11],
        Some("hashicorp/raft#86"),
        "The entry at the floor is removed with those below it.",
    ),
    plant(
        "young-entries-removed",
        &[11],
        Some("Barre/ZeroFS#453"),
        "Entries are removed as soon as a snapshot stands for them.",
    ),
    plant(
        "named-snapshot-removed",
        &[11],
        Some("infino-ai/infino#549"),
        "The snapshot that the manifest names is removed with the older ones.",
    ),
    plant("refusal-is-done", &[9, 2], None, "An entry whose place was taken counts as written."),
    plant(
        "refusal-is-a-fence",
        &[4],
        Some("slatedb/slatedb#766"),
        "An owner whose first attempt was applied unheard takes the refusal of the second for a later owner.",
    ),
    plant(
        "unknown-is-done",
        &[9, 2],
        Some("netlify/primitives#741"),
        "An entry counts as written when the store has not answered.",
    ),
    plant(
        "unknown-goes-to-the-next-number",
        &[1, 5],
        Some("delta-io/delta-rs#268"),
        "An entry without an answer is written again at the next number.",
    ),
    plant("whatever-is-found-is-ours", &[9, 2], None, "The read-back takes any entry for its own."),
    plant(
        "lost-swap-is-won",
        &[1, 3, 7],
        Some("JanKaul/iceberg-rust#384"),
        "A claim goes on though another node's swap was faster.",
    ),
    plant(
        "unknown-swap-is-won",
        &[1, 3, 7],
        Some("pathosDev/actor-ts#142"),
        "A claim goes on though nobody knows whether its swap was applied.",
    ),
    plant(
        "claim-keeps-the-epoch",
        &[7, 1],
        Some("camunda/camunda#1068"),
        "A new owner does not raise the epoch.",
    ),
    plant("keeps-what-belongs-elsewhere", &[104], None, "An owner never hands over."),
    plant("one-replica-too-few", &[104], None, "The last of the wanted replicas does not follow."),
    plant("living-owner-is-robbed", &[17], None, "A shard is claimed from an owner that is heard."),
    plant(
        "first-silence-is-believed",
        &[17],
        None,
        "A node that loses its links one by one robs the first it loses.",
    ),
    plant("cut-off-node-claims", &[17], None, "A node that hears nobody claims the shards of everybody."),
    plant(
        "rank-by-order-of-arrival",
        &[104],
        Some("serialx/hashring#16"),
        "Each node ranks the others in the order in which it met them.",
    ),
    plant("write-goes-to-a-replica", &[7], None, "A write that fails turns to a replica."),
    plant(
        "tries-again-without-a-wait",
        &[14],
        Some("twmb/franz-go#1413"),
        "A request that found nobody is tried again at once, as often as it can be.",
    ),
    plant("failures-are-never-forgiven", &[15], None, "Failures count however old they are."),
    plant(
        "restarts-without-end",
        &[15],
        Some("akka/akka-core#20597"),
        "A failing actor is started again however often it fails.",
    ),
    plant(
        "restarts-without-a-wait",
        &[15],
        Some("Tochemey/goakt#1268"),
        "A failing actor is started again at once.",
    ),
    plant(
        "late-joiner-is-lost",
        &[2],
        None,
        "An append that joins others is answered with an entry that it is not in.",
    ),
    plant("beat-overwrites-a-death", &[8], None, "A node that was declared dead writes over it."),
    plant("unread-sign-is-an-end", &[17], None, "An owner whose sign of life cannot be read counts as gone."),
    plant(
        "dead-generation-claims",
        &[8],
        None,
        "A claim does not ask whether its generation was declared dead.",
    ),
    plant("writer-is-the-generation", &[1], None, "Two ownerships of one generation write under one name."),
    plant(
        "serves-without-a-fence",
        &[103, 3],
        Some("PikaLabs/floyd#17"),
        "A new owner serves before an entry of its own ends the time of the old one.",
    ),
    plant("hand-over-keeps-the-epoch", &[1], None, "A hand-over does not raise the epoch."),
    plant(
        "snapshot-named-after-losing",
        &[7, 11],
        None,
        "An owner that was replaced names its snapshot all the same.",
    ),
    plant("floor-above-the-snapshot", &[11], None, "The floor is set one above what the snapshot holds."),
    plant(
        "manifest-is-never-looked-at",
        &[101],
        None,
        "An owner that slept for long writes without looking at its manifest.",
    ),
    plant(
        "claim-drops-unknown-fields",
        &[16],
        Some("openshift/origin#5505"),
        "A claim drops what a newer version added to the manifest.",
    ),
    plant(
        "claim-forgets-the-snapshot",
        &[11],
        None,
        "A claim writes a manifest without the snapshot of the one before.",
    ),
    plant(
        "swap-of-what-was-not-read",
        &[1, 7],
        Some("trinodb/trino#11713"),
        "A claim swaps against a version that it fetched after it had decided.",
    ),
    plant("epoch-falls-along-the-log", &[1], None, "An owner appends behind an entry of a later epoch."),
    plant("entry-names-no-entry-before", &[1], None, "Entries do not name the one before them."),
    plant("applied-before-the-put", &[9], None, "An entry is in the index before it is in the log."),
    plant(
        "unfinished-work-is-forgotten",
        &[103],
        Some("cybertec-postgresql/pg_timetable#364"),
        "A new owner does not take up the work of the one before.",
    ),
    plant(
        "most-are-all",
        &[2, 12],
        None,
        "An owner without the store answers when most of the nodes do not reach it, and not all.",
    ),
    plant(
        "no-look-behind-the-put",
        &[2],
        None,
        "An owner looks at its manifest before a put and not behind it, and sleeps in between for longer than entries live.",
    ),
    plant(
        "floor-is-not-asked",
        &[2, 6, 12],
        None,
        "A reader takes the missing next entry for the end of the log though it was removed behind a snapshot.",
    ),
    plant(
        "floor-is-forgotten",
        &[2],
        None,
        "What one reader is told of the floor is forgotten before the index has come to it, and the next one asks nobody.",
    ),
    plant(
        "claim-is-never-late",
        &[17],
        None,
        "A claim that waited ends an ownership that began after it was decided.",
    ),
    plant(
        "unheard-is-unknown",
        &[12],
        None,
        "An owner without the store leaves out nodes that it has only been told of.",
    ),
    plant(
        "failed-append-is-told-as-done",
        &[1, 2, 103],
        Some("scylladb/scylladb#1490"),
        "An append that failed is told as done.",
    ),
    plant(
        "files-are-known-across-tenants",
        &[18],
        Some("backblaze-labs/genblaze#68"),
        "The bytes of one tenant's file lead to another tenant's document.",
    ),
    plant(
        "one-file-arrives-twice",
        &[5],
        Some("eikek/docspell#2487"),
        "Two uploads of one file at the same time become two documents.",
    ),
    plant(
        "acknowledged-before-the-append",
        &[2, 5, 12],
        Some("akkadotnet/akka.net#4941"),
        "An upload is acknowledged before it is in the log.",
    ),
    plant(
        "blobs-go-before-the-entry",
        &[11],
        None,
        "Blobs of a document are erased before its deletion is in the log.",
    ),
    plant("erased-in-the-index-alone", &[9], None, "A deletion is acknowledged that is in no log."),
    plant("read-without-confirming", &[2, 12, 6], None, "Every node answers from what it has."),
    plant(
        "owner-reads-without-confirming",
        &[2, 12, 6],
        Some("etcd-io/etcd#741"),
        "An owner answers from what it has.",
    ),
    plant(
        "read-before-catching-up",
        &[12, 2, 6],
        Some("etcd-io/etcd#3879"),
        "A read does not wait for the entries that the store has.",
    ),
    plant(
        "owner-alone-is-enough",
        &[2, 12, 6],
        Some("deventlab/d-engine#381"),
        "An owner that reaches no store answers from what it has.",
    ),
    plant("read-by-any-tenant", &[18], None, "A read does not ask whose the document is."),
    plant(
        "escalation-is-ignored",
        &[15],
        Some("ysbaddaden/earl#26"),
        "A supervisor goes on where it should give up.",
    ),
    plant(
        "position-before-the-rows",
        &[9],
        Some("etcd-io/etcd#13766"),
        "An index notes the position of an entry before it has its rows.",
    ),
    plant(
        "snapshot-of-two-moments",
        &[9],
        Some("databendlabs/databend#7294"),
        "A snapshot has the rows of one moment and the position of another.",
    ),
    plant("dead-generation-lives-on", &[101, 8], None, "A node that was declared dead goes on."),
    plant(
        "deletion-without-confirming",
        &[2],
        None,
        "An owner says that a document is not there and asks nobody whether it is behind.",
    ),
    plant(
        "known-file-without-confirming",
        &[12, 5],
        None,
        "An owner says that it has a file already and asks nobody whether it is still the owner.",
    ),
    plant(
        "store-ignores-if-absent",
        &[9, 1, 101],
        Some("pithings/mountx#19"),
        "The store creates what exists already.",
    ),
    plant(
        "store-ignores-if-match",
        &[8, 1, 7],
        Some("ClickHouse/ClickHouse#112102"),
        "The store swaps what has changed meanwhile.",
    ),
    plant(
        "store-shows-writes-late",
        &[9, 2, 12],
        None,
        "The store answers reads with what stood there a moment ago.",
    ),
    plant(
        "unknown-upload-is-cleaned-up",
        &[11],
        Some("apache/iceberg#4686"),
        "The blobs of an upload are erased when its append brought no answer.",
    ),
    plant(
        "append-outlives-its-ownership",
        &[5],
        None,
        "An upload that waits for its entry is written by the next ownership, though another node has taken it meanwhile.",
    ),
];

#[cfg(test)]
mod tests;
