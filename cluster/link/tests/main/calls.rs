//! What a caller can count on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use enabler_cluster::net::{CallError, Net, Reach};
use enabler_cluster::request::{Ended, Request};

use crate::node::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_call_each_other_and_each_knows_who_asks() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = pair(dir.path()).await;
    assert_eq!(a.ask(&b, ECHO, b"hello").await.unwrap(), "hello");
    assert_eq!(b.ask(&a, WHO, b"").await.unwrap(), "b.1 trace-1");
    let large = vec![5; 1 << 20];
    assert_eq!(a.ask(&b, ECHO, &large).await.unwrap(), large);
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_gets_an_answer_that_says_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = pair(dir.path()).await;
    assert_eq!(a.ask(&b, 999, b"").await, Err(CallError::Unsupported));
    assert_eq!(a.ask(&b, REFUSE, b"").await, Err(CallError::Refused(7, "not today".to_owned())));
    let Err(CallError::Unknown(text)) = a.ask(&b, PANIC, b"").await else {
        panic!("a panic must be answered")
    };
    assert!(text.contains("broken on purpose"), "{text}");
    assert_eq!(a.ask(&b, ECHO, b"still there").await.unwrap(), "still there");
    let Err(CallError::TooLarge { bytes, bytes_max }) = a.ask(&b, ECHO, &vec![0; (4 << 20) + 1]).await else {
        panic!("a frame above the limit must be refused")
    };
    assert_eq!((bytes, bytes_max), ((4 << 20) + 1, 4 << 20));
    // An answer above the limit was served, and must not cost the link.
    assert!(matches!(a.ask(&b, GROW, b"5000000").await, Err(CallError::Unknown(_))));
    assert_eq!(a.ask(&b, GROW, b"4000000").await.unwrap().len(), 4_000_000);
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_ends_the_call_on_both_sides_and_gives_its_credit_back() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = pair(dir.path()).await;
    let request = Request::new("t", Duration::from_millis(100));
    let outcome = a.links.call(&b.id, HANG, Bytes::new(), &request).await;
    assert!(matches!(outcome, Err(CallError::Ended(Ended::TimedOut) | CallError::Unknown(_))), "{outcome:?}");
    let request = Request::new("t", Duration::from_secs(60));
    let cancel = request.cancel.clone();
    let call = a.links.call(&b.id, HANG, Bytes::new(), &request);
    let hung_up = async {
        until("the call is served", || b.desk.served.load(Ordering::SeqCst) == 2).await;
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(call, hung_up);
    assert_eq!(outcome, Err(CallError::Ended(Ended::Cancelled)));
    until("both calls are dropped by the service", || b.desk.dropped.load(Ordering::SeqCst) == 2).await;
    until("no credit is held", || note(&a, "node/links/b") == "linked, 0 in flight, 0 KiB").await;
    a.stop().await;
    b.stop().await;
}

pub(crate) fn note(node: &Node, path: &str) -> String {
    let vitals = node.tree.vitals().into_iter().find(|vitals| vitals.path == path);
    vitals.and_then(|vitals| vitals.note).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_beyond_the_credit_are_refused_at_once_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = pair(dir.path()).await;
    let request = Request::new("t", Duration::from_secs(30));
    let hanging: Vec<_> = (0..300)
        .map(|_| {
            let (links, to, request) = (a.links.clone(), b.id.clone(), request.clone());
            tokio::spawn(async move { links.call(&to, HANG, Bytes::new(), &request).await })
        })
        .collect();
    until("the window is full", || b.desk.served.load(Ordering::SeqCst) == 192).await;
    until("the rest is refused", || hanging.iter().filter(|call| call.is_finished()).count() == 108).await;
    assert_eq!(a.ask(&b, ECHO, b"x").await, Err(CallError::Overloaded));
    // The other direction and the other lane have windows of their own.
    assert_eq!(b.ask(&a, ECHO, b"x").await.unwrap(), "x");
    assert_eq!(a.ask(&b, ECHO, &[1; 40_000]).await.unwrap().len(), 40_000);
    request.cancel.cancel();
    for call in hanging {
        let outcome = call.await.unwrap();
        assert!(
            matches!(outcome, Err(CallError::Overloaded | CallError::Ended(Ended::Cancelled))),
            "{outcome:?}"
        );
    }
    until("the credit is back", || note(&a, "node/links/b") == "linked, 0 in flight, 0 KiB").await;
    assert_eq!(a.ask(&b, ECHO, b"x").await.unwrap(), "x");
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn casts_arrive_and_give_their_credit_back() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = pair(dir.path()).await;
    let mut sent = 0;
    while sent < 2_000 {
        match a.links.cast(&b.id, COUNT, Bytes::from_static(b"x")).await {
            Ok(()) => sent += 1,
            Err(CallError::Overloaded) => tokio::time::sleep(Duration::from_millis(1)).await,
            Err(error) => panic!("{error}"),
        }
    }
    until("all casts arrived", || b.desk.served.load(Ordering::SeqCst) == 2_000).await;
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_answers_do_not_block_each_other_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = pair(dir.path()).await;
    let answers = (0..60).map(|_| a.ask(&b, GROW, b"2000000"));
    let answers = futures_util::future::join_all(answers).await;
    let whole =
        answers.iter().filter(|answer| answer.as_ref().is_ok_and(|body| body.len() == 2_000_000)).count();
    // Those beyond the bound of waiting answers are told apart, never dropped without a word.
    let told = answers.iter().filter(|answer| matches!(answer, Err(CallError::Unknown(_)))).count();
    assert_eq!(whole + told, 60);
    assert!(whole >= 8, "{whole}");
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_lets_calls_end_and_the_others_know_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = pair(dir.path()).await;
    let b_id = b.id.clone();
    b.stop().await;
    a.sees("b gone", |view| reach_of(view, &b_id) == Some(Reach::Silent)).await;
    let request = Request::new("t", Duration::from_secs(1));
    assert_eq!(a.links.call(&b_id, ECHO, Bytes::new(), &request).await, Err(CallError::NoLink));
    a.stop().await;
}
