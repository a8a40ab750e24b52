use std::sync::atomic::{AtomicUsize, Ordering};

use enabler_storage::clock::SystemClock;

use super::*;
use crate::actor::{self, Behaviour, Context};
use crate::address::{Address, AskError, Reply};
use crate::request::Request;

struct Echo(Arc<AtomicUsize>);

enum Word {
    Say(Reply<usize>),
    Break,
}

impl Behaviour for Echo {
    type Message = Word;
    type State = usize;
    const KIND: &'static str = "echo";

    fn name(message: &Word) -> &'static str {
        match message {
            Word::Say(_) => "say",
            Word::Break => "break",
        }
    }

    async fn start(&self, _: &Context<Word>) -> Result<usize, Fault> {
        Ok(self.0.fetch_add(1, Ordering::SeqCst))
    }

    async fn handle(&self, _: &Context<Word>, state: &mut usize, message: Word) -> Result<(), Fault> {
        match message {
            Word::Say(reply) => reply.send(*state),
            Word::Break => panic!("broken on purpose"),
        }
        Ok(())
    }
}

fn echo(path: &str, tree: &Tree, starts: &Arc<AtomicUsize>) -> (Address<Word>, Child) {
    let (address, tree, starts) = (Address::new(path, 4), tree.clone(), starts.clone());
    let target = address.clone();
    let child = Child::new(path, move |above| {
        let (address, tree, starts) = (address.clone(), tree.clone(), starts.clone());
        async move { actor::spawn(Echo(starts), address, &tree, above).await }
    });
    (target, child)
}

async fn say(address: &Address<Word>) -> Result<usize, AskError> {
    address.ask(&Request::new("test", Duration::from_secs(5)), Word::Say).await
}

async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..400 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came")
}

const QUICK: Policy = Policy { restarts_max: 3, period_ms: 60_000, backoff_ms_first: 1, backoff_ms_max: 2 };

#[tokio::test]
async fn a_child_that_panics_comes_back_behind_the_same_address() {
    let (tree, starts) = (Tree::new(Arc::new(SystemClock)), Arc::new(AtomicUsize::new(0)));
    let (address, child) = echo("node/echo", &tree, &starts);
    let root = spawn("node", QUICK, vec![child], &tree, None).await.unwrap();
    assert_eq!(say(&address).await, Ok(0));
    address.offer(Word::Break).unwrap();
    assert_eq!(until(async || say(&address).await.ok()).await, 1);
    let vitals = tree.vitals().into_iter().find(|vitals| vitals.path == "node/echo").unwrap();
    assert_eq!((vitals.restarts, vitals.status), (1, Status::Running));
    assert!(vitals.last_failure.unwrap().reason.contains("broken on purpose"));
    root.stop(Duration::from_secs(1)).await;
    assert!(tree.vitals().is_empty(), "what stopped in peace leaves the tree");
}

#[tokio::test]
async fn a_killed_child_comes_back_and_the_kill_is_on_record() {
    let (tree, starts) = (Tree::new(Arc::new(SystemClock)), Arc::new(AtomicUsize::new(0)));
    let (address, child) = echo("node/echo", &tree, &starts);
    let root = spawn("node", QUICK, vec![child], &tree, None).await.unwrap();
    root.kill("node/echo");
    assert_eq!(until(async || say(&address).await.ok().filter(|start| *start == 1)).await, 1);
    assert_eq!(tree.failures()[0].reason, "killed by an operator");
    root.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn after_too_many_failures_the_supervisor_fails_and_its_own_supervisor_hears_of_it() {
    let (tree, starts) = (Tree::new(Arc::new(SystemClock)), Arc::new(AtomicUsize::new(0)));
    let (address, child) = echo("node/pool/echo", &tree, &starts);
    let inner = {
        let tree = tree.clone();
        Child::new("node/pool", move |above| {
            let (tree, child) = (tree.clone(), child.clone());
            async move { Ok(spawn("node/pool", QUICK, vec![child], &tree, Some(above)).await?.cell()) }
        })
    };
    let root = spawn("node", QUICK, vec![inner], &tree, None).await.unwrap();
    for _ in 0..=QUICK.restarts_max {
        until(async || address.offer(Word::Break).ok()).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The pool itself was started again by the node, with its child.
    until(async || say(&address).await.ok()).await;
    assert!(tree.failures().iter().any(|failure| failure.path == "node/pool"));
    root.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_full_mailbox_refuses_and_says_so() {
    let (tree, starts) = (Tree::new(Arc::new(SystemClock)), Arc::new(AtomicUsize::new(0)));
    let (address, child) = echo("node/echo", &tree, &starts);
    assert_eq!(address.offer(Word::Break).unwrap_err().to_string(), "`node/echo` is not running");
    let root = spawn("node", QUICK, vec![child], &tree, None).await.unwrap();
    let (mut refused, mut replies) = (0, Vec::new());
    // One thread: the actor cannot run between these sends, so the fifth finds no place.
    for _ in 0..6 {
        let (reply, answer) = Reply::pair();
        refused += usize::from(address.offer(Word::Say(reply)).is_err());
        replies.push(answer);
    }
    assert_eq!((refused, address.depth()), (2, 4));
    root.stop(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_child_that_an_operator_renews_begins_anew_and_that_counts_as_no_failure() {
    let (tree, starts) = (Tree::new(Arc::new(SystemClock)), Arc::new(AtomicUsize::new(0)));
    let (address, child) = echo("node/pool/echo", &tree, &starts);
    let inner = {
        let tree = tree.clone();
        Child::new("node/pool", move |above| {
            let (tree, child) = (tree.clone(), child.clone());
            async move { Ok(spawn("node/pool", QUICK, vec![child], &tree, Some(above)).await?.cell()) }
        })
    };
    let root = spawn("node", QUICK, vec![inner], &tree, None).await.unwrap();
    // More often than failures are allowed.
    for number in 1..=QUICK.restarts_max as usize + 2 {
        // An actor alone, then the whole subtree, each by whoever started it.
        let path = if number % 2 == 0 { "node/pool" } else { "node/pool/echo" };
        tree.find(path).unwrap().supervisor().unwrap().renew(path);
        until(async || say(&address).await.ok().filter(|start| *start == number)).await;
        let pool = tree.find("node/pool").unwrap();
        until(async || (pool.status() == Status::Running).then_some(())).await;
    }
    let seat = tree.find("node/pool/echo").unwrap();
    assert_eq!((seat.vitals().restarts, seat.vitals().intensity), (5, None));
    assert!(tree.failures().is_empty(), "{:?}", tree.failures());
    assert_eq!(tree.find("node/pool").unwrap().vitals().children, 1);
    root.stop(Duration::from_secs(1)).await;
    assert!(tree.is_empty(), "what stopped in peace leaves the tree");
}

#[tokio::test]
async fn what_an_actor_does_is_counted_and_followed_without_what_is_said() {
    let (tree, starts) = (Tree::new(Arc::new(SystemClock)), Arc::new(AtomicUsize::new(0)));
    let (address, child) = echo("node/echo", &tree, &starts);
    let root = spawn("node", QUICK, vec![child], &tree, None).await.unwrap();
    let seat = tree.find("node/echo").unwrap();
    seat.follow(2);
    for _ in 0..3 {
        say(&address).await.unwrap();
    }
    until(async || (seat.vitals().handled == 3).then_some(())).await;
    let (left, followed) = seat.followed().unwrap();
    let told: Vec<_> = followed.iter().map(|one| (&*one.message, &*one.outcome)).collect();
    assert_eq!((left, told), (0, vec![("say", "done"), ("say", "done")]));
    address.offer(Word::Break).unwrap();
    until(async || (seat.vitals().restarts == 1).then_some(())).await;
    let vitals = seat.vitals();
    assert_eq!(vitals.intensity.map(|own| (own.used, own.allowed)), Some((1, QUICK.restarts_max)));
    assert_eq!(vitals.last_failure.unwrap().message, "break");
    assert_eq!(tree.lost()[0].path, "node/echo");
    root.stop(Duration::from_secs(1)).await;
}
