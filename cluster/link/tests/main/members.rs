//! Who sees whom, and what happens when a link goes.

use std::time::Duration;

use enabler_cluster::net::{CallError, Net, Reach, View};

use crate::calls::note;
use crate::node::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_find_each_other_through_one_and_share_their_facts() {
    let dir = tempfile::tempdir().unwrap();
    let a = Node::start(dir.path(), "a", &[]).await;
    let b = Node::start(dir.path(), "b", &[a.address()]).await;
    let c = Node::start(dir.path(), "c", &[a.address()]).await;
    for (one, other) in [(&a, &b), (&b, &c), (&c, &a), (&b, &a), (&c, &b), (&a, &c)] {
        one.sees_as(other, Reach::Linked).await;
    }
    b.links.tell("roles", "ocr embedding");
    let roles = |view: &View| {
        view.named("b")
            .and_then(|member| member.facts.get("roles"))
            .is_some_and(|roles| roles == "ocr embedding")
    };
    c.sees("the roles of b", roles).await;
    b.sees("its own roles", roles).await;
    b.links.tell("roles", "ocr");
    c.sees("the new roles", |view| view.named("b").is_some_and(|member| member.facts["roles"] == "ocr"))
        .await;
    let view = c.links.view().borrow().clone();
    assert_eq!(view.members.iter().map(|member| &*member.id.name).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(view.named("a").unwrap().address, a.address());
    for node in [a, b, c] {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_cut_from_one_peer_is_reached_through_a_third() {
    let dir = tempfile::tempdir().unwrap();
    let a = Node::start(dir.path(), "a", &[]).await;
    let b = Node::start(dir.path(), "b", &[a.address()]).await;
    let c = Node::start(dir.path(), "c", &[a.address()]).await;
    for (one, other) in [(&a, &b), (&b, &c), (&c, &a), (&c, &b)] {
        one.sees_as(other, Reach::Linked).await;
    }
    a.links.sever("b", true);
    a.sees_as(&b, Reach::Heard).await;
    b.sees_as(&a, Reach::Heard).await;
    // The relay tells who really asks, and passes errors on as they are.
    assert_eq!(a.ask(&b, WHO, b"").await.unwrap(), "a.1 trace-1");
    assert_eq!(b.ask(&a, ECHO, &[3; 100_000]).await.unwrap().len(), 100_000);
    assert_eq!(a.ask(&b, REFUSE, b"").await, Err(CallError::Refused(7, "not today".to_owned())));
    assert!(matches!(a.ask(&b, PANIC, b"").await, Err(CallError::Unknown(_))));
    // Two hops are one too many: without c, nobody passes the call on.
    c.links.sever("b", true);
    assert_eq!(a.ask(&b, ECHO, b"").await, Err(CallError::NoLink));
    a.links.sever("b", false);
    c.links.sever("b", false);
    a.sees_as(&b, Reach::Linked).await;
    assert_eq!(a.ask(&b, ECHO, b"back").await.unwrap(), "back");
    for node in [a, b, c] {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_start_takes_the_place_of_an_earlier_one_that_still_runs() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = pair(dir.path()).await;
    let again = Node::with(settings(dir.path(), "b", 2, &[a.address()])).await;
    a.sees("the later start alone", |view| {
        reach_of(view, &again.id) == Some(Reach::Linked) && reach_of(view, &b.id).is_none()
    })
    .await;
    assert_eq!(a.ask(&again, WHO, b"").await.unwrap(), "a.1 trace-1");
    assert_eq!(a.ask(&b, WHO, b"").await, Err(CallError::NoLink));
    for node in [a, b, again] {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_dial_each_other_at_once_end_with_one_link_that_stays() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..5 {
        let (a, b) = (Node::start(dir.path(), "a", &[]).await, Node::start(dir.path(), "b", &[]).await);
        a.links.set_seeds(vec![b.address()]);
        b.links.set_seeds(vec![a.address()]);
        a.sees_as(&b, Reach::Linked).await;
        b.sees_as(&a, Reach::Linked).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert_eq!(a.ask(&b, ECHO, b"1").await.unwrap(), "1");
        assert_eq!(b.ask(&a, ECHO, b"2").await.unwrap(), "2");
        a.stop().await;
        b.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tree_shows_the_links_and_a_killed_part_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = pair(dir.path()).await;
    until("the note of the link", || note(&a, "node/links/b").starts_with("linked, ")).await;
    let paths: Vec<_> = a.tree.vitals().into_iter().map(|vitals| vitals.path).collect();
    for part in ["_acceptor", "_carrier", "_dialer", "_membership", "b"] {
        assert!(paths.contains(&format!("node/links/{part}")), "{paths:?}");
    }
    for part in ["_carrier", "_membership", "_acceptor", "_dialer"] {
        a.links.kill(part);
        until("the part is started again", || {
            let vitals = a.tree.vitals();
            vitals.iter().any(|vitals| vitals.path.ends_with(part) && vitals.restarts == 1)
        })
        .await;
        until("the peer is linked again", || {
            reach_of(&a.links.view().borrow(), &b.id) == Some(Reach::Linked)
        })
        .await;
        let mut echo = a.ask(&b, ECHO, b"x").await;
        for _ in 0..200 {
            if echo.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            echo = a.ask(&b, ECHO, b"x").await;
        }
        assert_eq!(echo.unwrap(), "x", "after {part}");
    }
    a.links.tell("after", "restart");
    b.sees("a fact told after the restarts", |view| {
        view.named("a").is_some_and(|member| member.facts.contains_key("after"))
    })
    .await;
    a.stop().await;
    b.stop().await;
}
