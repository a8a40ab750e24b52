//! The view from key to picture, drawn on a screen in memory.

use crossterm::event::KeyCode;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::json;

use super::draw::draw;
use super::state::{Effect, Panel, Tab, Told, View, Wanted};

fn screen(view: &View, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, view)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let cells = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect::<Vec<_>>();
    cells.chunks(usize::from(width)).map(<[_]>::concat).collect::<Vec<_>>().join("\n")
}

fn roots() -> Told {
    let actor = |path: &str, status: &str, children: u64| {
        json!({ "node": "n1", "path": path, "kind": "pool", "status": status, "children": children,
                "mailbox": { "depth": 3, "capacity": 64 } })
    };
    let node = json!({ "name": "n1", "answered": true, "actors_total": 5,
                       "actors": [actor("embedding", "paused", 0), actor("ocr", "running", 2)] });
    let silent = json!({ "name": "n2", "answered": false, "why": "it is silent" });
    let unseen = json!([{ "what": "node n2", "why": "It has not answered for 12 s." }]);
    Told::Roots(serde_json::from_value(json!({ "nodes": [node, silent], "cannot_see": unseen })).unwrap())
}

fn found() -> Told {
    let actor = json!({ "node": "n1", "path": "ocr/worker-0", "kind": "ocr_worker", "status": "restarting" });
    let failure = json!({ "node": "n1", "path": "ocr/worker-0", "message": "read_page", "at_ms": 1_795_305_600_000_u64,
                          "reason": "killed by signal 9", "backtrace": "0: ocr::read_page\n1: pool::run" });
    let step = json!({ "stage": "reading", "node": "n1", "actor": "ocr/worker-0", "started_ms": 1_795_305_600_000_u64,
                       "queue_ms": 4_000, "work_ms": 31_000, "status": "failed", "detail": "page 3 of 12" });
    let may = json!([{ "action": "retry_document", "target": { "document": "d42" } }]);
    Told::Where(
        serde_json::from_value(
            json!({ "id": "d42", "what": "document", "status": "processing", "actor": actor,
            "path": [step], "failures": [failure], "may": may }),
        )
        .unwrap(),
    )
}

fn press(view: &mut View, keys: &[KeyCode]) -> Vec<Effect> {
    keys.iter().flat_map(|key| view.key(*key)).collect()
}

fn type_in(view: &mut View, text: &str) {
    for letter in text.chars() {
        assert_eq!(view.key(KeyCode::Char(letter)), []);
    }
}

#[test]
fn the_tree_says_what_runs_and_what_it_cannot_see() {
    let mut view = View::new();
    view.told(roots());
    let screen = screen(&view, 120, 12);
    for text in [
        "n1",
        "answers",
        "embedding",
        "paused",
        "3/64 waiting",
        "cannot see node n2: It has not answered for 12 s.",
    ] {
        assert!(screen.contains(text), "{text} in\n{screen}");
    }
    assert!(screen.contains("no answer") && screen.contains("it is silent"), "{screen}");
}

#[test]
fn from_a_slow_document_to_its_actor_its_backtrace_and_a_retry_in_three_actions() {
    let mut view = View::new();
    view.told(roots());
    press(&mut view, &[KeyCode::Char('2')]);
    // One: the document is asked for.
    assert_eq!(view.key(KeyCode::Char('/')), []);
    type_in(&mut view, "d42");
    assert_eq!(view.key(KeyCode::Enter), [Effect::Ask(Wanted::Where("d42".into()))]);
    view.told(found());
    let picture = screen(&view, 100, 30);
    for text in
        ["n1:ocr/worker-0 restarting", "waited 4.0s worked 31.0s", "killed by signal 9", "0: ocr::read_page"]
    {
        assert!(picture.contains(text), "{text} in\n{picture}");
    }
    // Two: its retry is chosen.
    press(&mut view, &[KeyCode::Char('R')]);
    type_in(&mut view, "it is slow");
    // Three: it is confirmed, once what it touches is shown.
    let tried = view.key(KeyCode::Enter);
    assert!(
        matches!(&tried[..], [Effect::Try(action, reason)] if action.name == "retry_document" && reason == "it is slow")
    );
    view.told(Told::Tried(
        serde_json::from_value(
            json!({ "outcome": "would_do", "touches": [{ "node": "n1", "what": "document d42" }] }),
        )
        .unwrap(),
    ));
    assert!(screen(&view, 100, 30).contains("n1 document d42"));
    assert!(
        matches!(&view.key(KeyCode::Enter)[..], [Effect::Do(action, _)] if action.name == "retry_document")
    );
    view.told(Told::Done(
        serde_json::from_value(json!({ "outcome": "done", "detail": "It is read again." })).unwrap(),
    ));
    assert!(view.prompt.is_none() && screen(&view, 100, 30).contains("done: It is read again."));
}

#[test]
fn a_node_that_is_gone_is_said_and_the_last_picture_stays() {
    let mut view = View::new();
    view.tick(1_000);
    view.told(roots());
    view.tick(3_000);
    view.told(Told::Gone);
    view.tick(15_000);
    view.told(Told::Gone);
    let picture = screen(&view, 120, 12);
    assert!(picture.contains("no answer for 12.0s: what is shown is from before"), "{picture}");
    assert!(picture.contains("embedding"));
    view.told(roots());
    assert!(view.gone_since_ms.is_none());
}

#[test]
fn the_chosen_actor_stays_chosen_when_rows_come_above_it() {
    let mut view = View::new();
    view.told(roots());
    press(&mut view, &[KeyCode::Down, KeyCode::Down]);
    let more = json!([{ "path": "api", "status": "running" }, { "path": "embedding", "status": "paused" },
                      { "path": "ocr", "status": "running" }]);
    let node = json!({ "name": "n1", "answered": true, "actors": more });
    view.told(Told::Roots(serde_json::from_value(json!({ "nodes": [node] })).unwrap()));
    let asked = view.key(KeyCode::Enter);
    assert_eq!(asked, [Effect::Ask(Wanted::Actor { node: "n1".into(), path: "ocr".into() })]);
}

#[test]
fn an_answer_about_what_is_no_longer_looked_at_opens_nothing() {
    let mut view = View::new();
    view.told(roots());
    press(&mut view, &[KeyCode::Char('2'), KeyCode::Char('/')]);
    type_in(&mut view, "d42");
    press(&mut view, &[KeyCode::Enter, KeyCode::Esc]);
    view.told(found());
    assert!(view.panel.is_none());
}

#[test]
fn a_drained_node_is_offered_the_way_back() {
    let mut view = View::new();
    let node =
        |cordoned: bool| json!({ "nodes": [{ "name": "n1", "answered": true, "cordoned": cordoned }] });
    for (cordoned, name) in [(false, "drain_node"), (true, "undrain_node")] {
        view.told(Told::Roots(serde_json::from_value(node(cordoned)).unwrap()));
        press(&mut view, &[KeyCode::Char('d')]);
        assert_eq!(view.prompt.take().unwrap().action.name, name);
    }
}

fn any_key() -> impl Strategy<Value = KeyCode> {
    let keys = [
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Backspace,
    ];
    prop_oneof![
        proptest::sample::select(keys.to_vec()),
        proptest::sample::select("12345/rRdpxabé ".chars().collect::<Vec<_>>()).prop_map(KeyCode::Char),
    ]
}

proptest! {
    #[test]
    fn whatever_is_pressed_and_told_it_can_be_drawn(
        keys in proptest::collection::vec((any_key(), 0_u8..6), 0..60),
        width in 1_u16..140,
        height in 1_u16..40,
    ) {
        let mut view = View::new();
        for (key, told) in keys {
            for effect in view.key(key) {
                prop_assert!(effect != Effect::Leave);
            }
            match told {
                0 => view.told(roots()),
                1 => view.told(found()),
                2 => view.told(Told::Gone),
                3 => view.told(Told::NotDone("no".into())),
                _ => {}
            }
            prop_assert!(view.at() < view.count().max(1));
        }
        screen(&view, width, height);
        let is_panel_right = !matches!((&view.panel, view.tab), (Some(Panel::Shard(_)), tab) if tab != Tab::Shards);
        prop_assert!(is_panel_right);
    }
}
