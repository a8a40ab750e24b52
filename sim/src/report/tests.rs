use std::process::Command;

use proptest::prelude::*;

use super::columns::{columns, lanes, shown};
use super::spans::{Part, spans};
use super::*;
use crate::trace::{Event, Fate, Violation, What};

/// Writes a record down event by event.
#[derive(Default)]
struct Run(Vec<Event>);

impl Run {
    fn on(&mut self, at_ms: u64, lane: Lane, what: What, text: &str) -> &mut Event {
        let number = self.0.len() as u64 + 1;
        let text = text.to_owned();
        self.0.push(Event { number, at_ms, lane, what, text, shard: None, epoch: None, cause: None });
        self.0.last_mut().unwrap()
    }

    fn owns(&mut self, at_ms: u64, node: u8, shard: u32, epoch: u64) -> u64 {
        let event = self.on(at_ms, Lane::Node(node), What::Owns, "serves the shard");
        (event.shard, event.epoch) = (Some(shard), Some(epoch));
        event.number
    }

    fn send(&mut self, at_ms: u64, from: Lane, to: Lane, fate: Fate, cause: Option<u64>, text: &str) -> u64 {
        let event = self.on(at_ms, from, What::Send { to, arrives_ms: at_ms + 40, fate }, text);
        event.cause = cause;
        event.number
    }
}

fn head(lasted_ms: u64, violation: Option<Violation>) -> Head {
    let command = "sim run --seed 42 --nodes 2 --faults store,net".to_owned();
    Head { tier: Tier::Core, command, nodes: 2, shards: 2, lasted_ms, hash: u64::MAX - 1, violation }
}

/// Node 1 freezes, node 2 takes shard 0 in the epoch that node 1 still has: two owners in one epoch.
fn broken() -> Record {
    let mut run = Run::default();
    let (n1, n2) = (Lane::Node(1), Lane::Node(2));
    for (node, at_ms) in [(n1, 0), (n2, 5)] {
        run.on(at_ms, node, What::Starts, "starts");
    }
    let asked = run.send(20, n1, Lane::Store, Fate::Arrives, None, "create s/0/manifest");
    run.on(60, Lane::Store, What::Applied, "s/0/manifest created").cause = Some(asked);
    let first = run.owns(70, 1, 0, 1);
    run.owns(80, 2, 1, 1);
    let asks = run.on(100, Lane::Client(1), What::Asks, "uploads </script><b>bold</b>").number;
    run.send(110, n1, Lane::Store, Fate::Lost, Some(asks), "create s/0/log/1");
    run.send(115, n2, n1, Fate::Twice, None, "cast beat");
    run.send(118, n1, n2, Fate::Late, None, "cast beat");
    let fault = run.on(120, Lane::Hand, What::Fault, "the store stays silent").number;
    run.on(130, n1, What::Freezes, "stands still");
    let second = run.owns(300, 2, 0, 1);
    run.0.last_mut().unwrap().cause = Some(first);
    run.on(310, Lane::Hand, What::Heals, "the store answers").cause = Some(fault);
    let event = run.on(320, n2, What::Violation, "two owners of shard 0 in epoch 1");
    event.cause = Some(second);
    let event = event.number;
    run.on(350, n1, What::Thaws, "goes on");
    run.on(390, n1, What::Ends, "is killed");
    let violation = Violation {
        promise: 1,
        name: "one writer per shard and epoch".to_owned(),
        what: "n1 & n2 own shard 0 in epoch 1".to_owned(),
        at_ms: 320,
        event,
    };
    Record { head: head(400, Some(violation)), events: run.0, names: Vec::new() }
}

#[test]
fn two_owners_in_one_epoch_are_marked_and_nobody_else_is() {
    let record = broken();
    let bars = spans(&record.events, 2, 400).bars;
    let marked: Vec<_> = bars.iter().filter(|bar| bar.clash).map(|bar| (bar.lane, bar.shard)).collect();
    assert_eq!(marked, [(Lane::Node(1), 0), (Lane::Node(2), 0)]);
    assert_eq!(bars.len(), 3);
}

#[test]
fn an_old_owner_that_has_not_noticed_is_no_clash() {
    let mut run = Run::default();
    run.owns(10, 1, 0, 1);
    run.owns(50, 2, 0, 2);
    assert!(spans(&run.0, 2, 100).bars.iter().all(|bar| !bar.clash && bar.to_ms == 100));
}

#[test]
fn the_same_epoch_after_a_new_start_is_a_clash() {
    let mut run = Run::default();
    run.on(0, Lane::Node(1), What::Starts, "starts");
    run.owns(10, 1, 0, 1);
    run.on(20, Lane::Node(1), What::Ends, "is killed");
    run.on(30, Lane::Node(1), What::Starts, "starts");
    run.owns(40, 1, 0, 1);
    assert!(spans(&run.0, 1, 100).bars.iter().all(|bar| bar.clash));
}

#[test]
fn a_generation_takes_its_bars_and_its_stillness_with_it() {
    let found = spans(&broken().events, 2, 400);
    let n1 = Lane::Node(1);
    let bar = found.bars.iter().find(|bar| bar.lane == n1).unwrap();
    assert_eq!((bar.from_ms, bar.to_ms, bar.generation), (70, 390, 1));
    let lives: Vec<_> = found.lives.iter().map(|life| (life.lane, life.from_ms, life.to_ms)).collect();
    assert_eq!(lives, [(n1, 0, 390), (Lane::Node(2), 5, 400)]);
    assert_eq!(
        found.frozen.iter().map(|still| (still.from_ms, still.to_ms)).collect::<Vec<_>>(),
        [(130, 350)]
    );
}

#[test]
fn a_fault_lasts_until_the_healing_that_names_it() {
    let mut record = broken();
    let lasts =
        |events: &[Event]| spans(events, 2, 400).faults.iter().map(|f| f.to_ms - f.from_ms).sum::<u64>();
    assert_eq!(lasts(&record.events), 190);
    record.events.iter_mut().filter(|event| event.what == What::Heals).for_each(|event| event.cause = None);
    assert_eq!(lasts(&record.events), 0);
}

#[test]
fn a_node_that_is_not_seen_to_start_was_there_before() {
    let mut run = Run::default();
    run.on(40, Lane::Node(1), What::Ends, "is killed");
    run.on(60, Lane::Node(1), What::Starts, "starts");
    let lives: Vec<_> =
        spans(&run.0, 2, 100).lives.iter().map(|l| (l.lane, l.from_ms, l.to_ms, l.generation)).collect();
    assert_eq!(lives, [(Lane::Node(1), 0, 40, 0), (Lane::Node(1), 60, 100, 1), (Lane::Node(2), 0, 100, 0)]);
}

#[test]
fn a_node_has_a_lane_even_if_nothing_happens_on_it() {
    let names: Vec<_> = lanes(&broken().events, 3).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["fault", "client 1", "n1", "n2", "n3", "store"]);
}

#[test]
fn what_led_to_the_broken_promise_is_shown_and_then_what_is_nearest_to_it() {
    let mut run = Run::default();
    let cause = run.send(1, Lane::Client(1), Lane::Node(1), Fate::Arrives, None, "upload");
    for at_ms in 2..100 {
        run.on(at_ms, Lane::Node(1), What::Note, "ticks");
    }
    let broken = run.on(100, Lane::Node(1), What::Violation, "lost");
    broken.cause = Some(cause);
    let broken = broken.number;
    for at_ms in 101..200 {
        run.on(at_ms, Lane::Node(1), What::Note, "ticks");
    }
    let numbers: Vec<_> = shown(&run.0, Some(broken), 5).iter().map(|event| event.number).collect();
    assert_eq!(numbers, [cause, 98, 99, broken, 101]);
}

#[test]
fn causes_that_go_in_a_circle_come_to_an_end() {
    let mut run = Run::default();
    run.on(1, Lane::Store, What::Note, "a").cause = Some(2);
    run.on(2, Lane::Store, What::Note, "b").cause = Some(1);
    assert_eq!(shown(&run.0, Some(1), 1).len(), 1);
}

#[test]
fn a_text_is_held_once_however_often_it_is_said() {
    let record = broken();
    let columns = columns(&record.events.iter().collect::<Vec<_>>(), &lanes(&record.events, 2));
    assert_eq!(columns.texts.iter().filter(|text| **text == "serves the shard").count(), 1);
    assert_eq!(columns.number.len(), record.events.len());
    let said: Vec<_> = columns.text.iter().map(|place| columns.texts[*place]).collect();
    assert_eq!(said, record.events.iter().map(|event| event.text.as_str()).collect::<Vec<_>>());
}

#[test]
fn no_text_of_a_run_can_leave_its_place_and_no_mark_is_left() {
    let mut record = broken();
    record.head.command = "sim run --case '<!--data--><script>'".to_owned();
    let page = html(&record, None).unwrap();
    assert_eq!(page.matches("</script>").count(), 2, "a text ended a script");
    assert_eq!(page.matches("<script").count(), 2, "a text began a script");
    assert!(page.contains("&lt;!--data--&gt;&lt;script&gt;"));
    assert!(!page.contains("<!--"), "a mark was not filled");
    let (_, data) = page.split_once("id=\"data\">").unwrap();
    let drawing: serde_json::Value = serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap();
    assert_eq!(drawing["events"]["number"].as_array().unwrap().len(), record.events.len());
    assert_eq!(drawing["open_at"], record.head.violation.unwrap().event);
}

#[test]
fn the_page_names_no_place_in_the_network() {
    let page = html(&broken(), None).unwrap();
    for word in ["http://", "https://", " src=", "@import", "url(", "fetch(", "XMLHttp", "import("] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("default-src 'none'"), "a browser is to hold it to that");
}

#[test]
fn the_verdict_is_in_words_without_the_script() {
    let page = html(&broken(), None).unwrap();
    assert!(page.contains("Promise 1 was broken: one writer per shard and epoch."));
    assert!(page.contains("n1 &amp; n2 own shard 0 in epoch 1") && page.contains("event 15 at 0.320 s"));
    assert!(page.contains("hash fffffffffffffffe"));
    let kept = html(&Record { head: head(0, None), events: Vec::new(), names: Vec::new() }, None).unwrap();
    assert!(kept.contains("Every promise was kept."));
}

/// The page as a browser has it after its script and `then` have run; nothing if there is no browser.
fn in_a_browser(record: &Record, open_at: Option<u64>, then: &str) -> Option<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.html");
    let page = html(record, open_at).unwrap() + &format!("<script>{{ {then} }}</script>");
    std::fs::write(&path, page).unwrap();
    let flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=2000",
        "--timeout=30000",
        "--dump-dom",
    ];
    let profile = format!("--user-data-dir={}", dir.path().join("profile").display());
    let output = Command::new("chromium").args(flags).arg(profile).arg(&path).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_browser_draws_every_lane_and_opens_the_broken_promise() {
    let record = broken();
    let Some(page) = in_a_browser(&record, None, "") else {
        return println!("no chromium here: the page's script is not run");
    };
    let drawn = format!("data-drawn=\"{}\"", record.events.len());
    assert!(page.contains(&drawn), "not drawn: {}", said(&page));
    assert!(page.contains("two owners of shard 0 in epoch 1</dd>"), "the broken promise is not open");
    assert!(page.contains("role=\"alert\"></p>"), "{}", said(&page));
    assert!(page.contains("What led to it"));
    assert!(page.contains("shard 0: owner, epoch 1, and so is another"), "the tree at the cursor");
    assert!(page.contains("n1: generation 1, frozen"));
}

#[test]
fn a_browser_opens_the_event_that_was_asked_for_and_draws_an_empty_run() {
    let Some(page) = in_a_browser(&broken(), Some(8), "") else {
        return println!("no chromium here: the page's script is not run");
    };
    assert!(page.contains("lost; it would have arrived at 0.150 s"), "{}", said(&page));
    let empty =
        in_a_browser(&Record { head: head(0, None), events: Vec::new(), names: Vec::new() }, None, "")
            .unwrap();
    assert!(empty.contains("data-drawn=\"0\""), "{}", said(&empty));
}

#[test]
fn a_browser_goes_from_an_event_to_its_cause_and_back_and_filters_by_shard() {
    let then = r#"
        const press = key => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        const picked = () => ev.number[view.picked], seen = [picked()];
        press("c"); seen.push(picked());
        press("v"); seen.push(picked());
        press("ArrowLeft"); seen.push(picked());
        $("shard").value = "1"; $("shard").dispatchEvent(new Event("change"));
        seen.push(view.listed.length, rowsOf.flat().join());
        document.body.dataset.seen = seen.join(" ");
    "#;
    let Some(page) = in_a_browser(&broken(), None, then) else {
        return println!("no chromium here: the page's script is not run");
    };
    // The violation, the owner that it came from, the violation, the event before it; one event and one row of shard 1.
    assert!(page.contains("data-seen=\"15 13 15 14 1 1\""), "{}", said(&page));
}

/// What the page says went wrong.
fn said(page: &str) -> &str {
    page.split_once("role=\"alert\">")
        .and_then(|(_, rest)| rest.split_once('<'))
        .map_or(page, |(said, _)| said)
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let what = prop::sample::select(vec![
        What::Owns,
        What::Disowns,
        What::Follows,
        What::Starts,
        What::Ends,
        What::Freezes,
        What::Thaws,
        What::Fault,
        What::Heals,
    ]);
    let one = (what, 1_u8..4, 0_u32..3, 1_u64..4, 0_u64..30, prop::option::of(1_u64..40));
    prop::collection::vec(one, 0..60).prop_map(|drawn| {
        let mut run = Run::default();
        let mut at_ms = 0;
        for (what, node, shard, epoch, wait_ms, cause) in drawn {
            at_ms += wait_ms;
            let event = run.on(at_ms, Lane::Node(node), what, "something");
            (event.shard, event.epoch, event.cause) = (Some(shard), Some(epoch), cause);
        }
        run.0
    })
}

proptest! {
    #[test]
    fn a_node_is_one_thing_to_a_shard_at_a_time(events in events()) {
        let end_ms = events.last().map_or(0, |event| event.at_ms) + 10;
        let found = spans(&events, 3, end_ms);
        for pair in found.bars.windows(2).filter(|pair| (pair[0].lane, pair[0].shard) == (pair[1].lane, pair[1].shard)) {
            prop_assert!(pair[0].to_ms <= pair[1].from_ms, "{pair:?}");
        }
        for pair in found.lives.windows(2).filter(|pair| pair[0].lane == pair[1].lane) {
            prop_assert!(pair[0].to_ms <= pair[1].from_ms, "{pair:?}");
        }
        prop_assert!(found.bars.iter().all(|bar| bar.from_ms <= bar.to_ms && bar.to_ms <= end_ms));
        let begun = events.iter().filter(|event| matches!(event.what, What::Owns | What::Follows)).count();
        prop_assert_eq!(found.bars.len(), begun);
        for bar in &found.bars {
            let other = found.bars.iter().any(|other| {
                (other.part, other.shard, other.epoch) == (Part::Owner, bar.shard, bar.epoch)
                    && (other.lane, other.generation) != (bar.lane, bar.generation)
            });
            prop_assert_eq!(bar.clash, bar.part == Part::Owner && other);
        }
    }

    #[test]
    fn what_is_shown_is_in_order_and_within_its_bound(events in events(), broken in prop::option::of(1_u64..60), max in 1_usize..80) {
        let shown = shown(&events, broken, max);
        prop_assert_eq!(shown.len(), events.len().min(max));
        prop_assert!(shown.windows(2).all(|pair| (pair[0].at_ms, pair[0].number) < (pair[1].at_ms, pair[1].number)));
        let there = broken.is_some_and(|number| events.iter().any(|event| event.number == number));
        prop_assert!(!there || max < 40 || shown.iter().any(|event| Some(event.number) == broken));
    }
}
