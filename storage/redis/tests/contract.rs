//! One cache in a process and several nodes with one Redis keep the same promises.

use std::time::Duration;

use bytes::Bytes;
use enabler_sim_servers::RedisServer;
use enabler_storage::cache::{
    Cache, Counters, EVENT_BYTES_MAX, EVENTS_MAX, EVENTS_READ_MAX, InProcess, Resume, VALUE_BYTES_MAX,
    answer_prefix, embedding_key, ocr_key, ocr_prefix, session_key, session_prefix, tenant_prefix,
};
use enabler_storage::record::DocumentId;

use crate::{HOUR, eventually, node};

const ONE: Option<DocumentId> = Some(DocumentId([1; 16]));
const TWO: Option<DocumentId> = Some(DocumentId([2; 16]));

trait Whole: Cache + Counters + Resume {}
impl<T: Cache + Counters + Resume> Whole for T {}

fn answer(tenant: &str, document: Option<DocumentId>, hash: &str) -> String {
    format!("{}{hash}", answer_prefix(tenant, document))
}

/// Every promise, with one node that writes and one that reads.
async fn keeps_its_promises(writer: &dyn Whole, reader: &dyn Whole) {
    what_is_put_is_got(writer, reader).await;
    bounds_hold(writer, reader).await;
    many_come_in_order(writer, reader).await;
    deletions_reach_their_own(writer, reader).await;
    counts_add_up(writer, reader).await;
    streams_go_on(writer, reader).await;
}

async fn what_is_put_is_got(writer: &dyn Whole, reader: &dyn Whole) {
    let keys = [
        embedding_key("m", "text"),
        answer("a", ONE, "h"),
        answer("a", None, "h"),
        session_key("a", ONE, "s"),
        ocr_key("a", &[7; 32], 1, "por", ""),
    ];
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(writer.get(key).await, None, "{key}");
        // Neither text nor without zeros.
        let value = Bytes::from(vec![0xFF, 0, u8::try_from(at).unwrap()]);
        writer.put(key, value.clone(), HOUR).await;
        assert_eq!(reader.get(key).await, Some(value.clone()), "{key}");
        assert_eq!(writer.get(key).await, Some(value), "{key}");
    }
    writer.put(&keys[1], Bytes::new(), HOUR).await;
    assert_eq!(writer.get(&keys[1]).await, Some(Bytes::new()));
    // A conversation goes on now here, now there.
    for turn in ["one", "two", "three", "four"] {
        let (here, there) = if turn.len() == 3 { (writer, reader) } else { (reader, writer) };
        here.put(&keys[3], Bytes::from(turn), HOUR).await;
        assert_eq!(there.get(&keys[3]).await, Some(Bytes::from(turn)));
    }
}

async fn bounds_hold(writer: &dyn Whole, reader: &dyn Whole) {
    for key in [embedding_key("m", "bounds"), answer("b", ONE, "bounds")] {
        writer.put(&key, vec![1; VALUE_BYTES_MAX + 1].into(), HOUR).await;
        assert_eq!(writer.get(&key).await, None);
        writer.put(&key, Bytes::from_static(b"v"), Duration::ZERO).await;
        assert_eq!((writer.get(&key).await, reader.get(&key).await), (None, None));
        writer.put(&key, vec![1; VALUE_BYTES_MAX].into(), HOUR).await;
        assert_eq!(reader.get(&key).await.map(|value| value.len()), Some(VALUE_BYTES_MAX));
    }
    for key in [embedding_key("m", "brief"), answer("b", ONE, "brief"), session_key("b", ONE, "brief")] {
        writer.put(&key, Bytes::from_static(b"v"), Duration::from_millis(50)).await;
        eventually("a value expires", async || writer.get(&key).await.is_none()).await;
    }
}

async fn many_come_in_order(writer: &dyn Whole, reader: &dyn Whole) {
    let mut keys: Vec<String> = (0..300).map(|i| embedding_key("m", &format!("many {i}"))).collect();
    keys.extend((0..300).map(|i| answer("many", ONE, &i.to_string())));
    for (at, key) in keys.iter().enumerate().filter(|(at, _)| at % 3 != 0) {
        writer.put(key, at.to_string().into(), HOUR).await;
    }
    let expected: Vec<Option<Bytes>> =
        (0..keys.len()).map(|at| (at % 3 != 0).then(|| at.to_string().into())).collect();
    assert_eq!(reader.get_many(&keys).await, expected);
    assert_eq!(writer.get_many(&keys).await, expected);
    assert_eq!(reader.get_many(&[]).await, Vec::new());
    let twice = [keys[1].clone(), keys[1].clone()];
    assert_eq!(reader.get_many(&twice).await, vec![expected[1].clone(), expected[1].clone()]);
}

async fn deletions_reach_their_own(writer: &dyn Whole, reader: &dyn Whole) {
    let value = Bytes::from_static(b"v");
    let all = [
        answer("t", ONE, "x"),
        answer("t", ONE, "y"),
        session_key("t", ONE, "s"),
        ocr_key("t", &[1; 32], 1, "por", ""),
        answer("t", TWO, "x"),
        answer("t", None, "x"),
        answer("u", ONE, "x"),
    ];
    for key in &all {
        writer.put(key, value.clone(), HOUR).await;
    }
    let present = async |of: &dyn Whole| {
        let mut present = Vec::new();
        for (at, key) in all.iter().enumerate() {
            if of.get(key).await.is_some() {
                present.push(at);
            }
        }
        present
    };
    assert_eq!(writer.delete_prefix(&answer_prefix("t", ONE)).await.unwrap(), 2);
    assert_eq!(present(writer).await, [2, 3, 4, 5, 6]);
    assert_eq!(writer.delete_prefix(&session_prefix("t", ONE)).await.unwrap(), 1);
    assert_eq!(writer.delete_prefix(&ocr_prefix("t", &[1; 32])).await.unwrap(), 1);
    assert_eq!(present(writer).await, [4, 5, 6]);
    assert_eq!(writer.delete_prefix(&answer_prefix("t", ONE)).await.unwrap(), 0);
    assert_eq!(writer.delete_prefix(&tenant_prefix("t")).await.unwrap(), 2);
    assert_eq!((present(writer).await, present(reader).await), (vec![6], vec![6]));
    assert_eq!(writer.delete_prefix(&tenant_prefix("nobody")).await.unwrap(), 0);
}

async fn counts_add_up(writer: &dyn Whole, reader: &dyn Whole) {
    // A window of a day, so that the test does not run across its end but once a day; then it is run again.
    let day = Duration::from_secs(24 * 3_600);
    let mut sums = Vec::new();
    for _attempt in 0..2 {
        let before = writer.add("k", 0, day).await.unwrap();
        sums = vec![
            writer.add("k", 1, day).await.unwrap() - before,
            reader.add("k", 2, day).await.unwrap() - before,
            writer.add("k", 0, day).await.unwrap() - before,
        ];
        if sums == [1, 3, 3] {
            break;
        }
    }
    assert_eq!(sums, [1, 3, 3]);
    assert_eq!(writer.add("other", 5, day).await, Some(5));
    assert_eq!(writer.add("k", 7, day * 2).await, Some(7));
    let brief = Duration::from_millis(50);
    writer.add("brief", 1_000, brief).await;
    eventually("a window ends", async || writer.add("brief", 1, brief).await.unwrap() < 1_000).await;
}

async fn streams_go_on(writer: &dyn Whole, reader: &dyn Whole) {
    let ttl = Duration::from_secs(60);
    assert!(reader.read_from("s", 0).await.is_empty());
    for index in 0..600 {
        writer.append("s", index, format!("event {index}").into(), ttl).await;
    }
    let first = reader.read_from("s", 0).await;
    assert_eq!((first.len(), &first[EVENTS_READ_MAX - 1][..]), (EVENTS_READ_MAX, &b"event 511"[..]));
    let rest = reader.read_from("s", 512).await;
    assert_eq!((rest.len(), &rest[0][..]), (88, &b"event 512"[..]));
    assert!(reader.read_from("s", 600).await.is_empty());
    // Repeating an event is harmless, a gap ends the reading, and what is out of bounds is not kept.
    writer.append("s", 599, "event 599".into(), ttl).await;
    writer.append("s", 601, "event 601".into(), ttl).await;
    assert_eq!(reader.read_from("s", 598).await, ["event 598", "event 599"].map(Bytes::from));
    writer.append("s", EVENTS_MAX, "late".into(), ttl).await;
    writer.append("t", 0, vec![0; EVENT_BYTES_MAX + 1].into(), ttl).await;
    writer.append("t", 0, "no time".into(), Duration::ZERO).await;
    assert!(reader.read_from("s", EVENTS_MAX).await.is_empty() && reader.read_from("t", 0).await.is_empty());
    writer.append("u", 0, "brief".into(), Duration::from_millis(50)).await;
    eventually("a stream ends", async || reader.read_from("u", 0).await.is_empty()).await;
}

#[tokio::test]
async fn memory_keeps_its_promises() {
    let cache = InProcess::new(64 << 20);
    keeps_its_promises(&cache, &cache).await;
}

#[tokio::test]
async fn a_redis_keeps_its_promises_to_one_node_and_between_two() {
    let server = RedisServer::start(&[]).await.unwrap();
    let (one, two) = (node(&server.url()).await, node(&server.url()).await);
    keeps_its_promises(&one, &two).await;
    server.command(&["FLUSHALL"]).await.unwrap();
    let three = node(&server.url()).await;
    keeps_its_promises(&three, &three).await;
}

/// The same promises of a Redis at `url`, for clusters and TLS.
pub(crate) async fn a_redis_at(url: &str) {
    let (one, two) = (node(url).await, node(url).await);
    keeps_its_promises(&one, &two).await;
}

/// The same promises of one node.
pub(crate) async fn one_node(cache: &enabler_redis::RedisCache) {
    keeps_its_promises(cache, cache).await;
}
