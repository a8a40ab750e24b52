//! Nodes as processes of their own: killed, frozen, and thawed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use enabler_link::certs;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout};

pub(crate) struct Process {
    child: Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
    pub(crate) address: String,
}

/// The example `node`, which is built with the tests.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.parent().unwrap().parent().unwrap().join("examples/node")
}

impl Process {
    pub(crate) async fn start(
        dir: &Path,
        name: &str,
        generation: u32,
        listen: &str,
        seeds: &[&str],
    ) -> Process {
        Process::start_in(None, dir, name, generation, listen, seeds).await
    }

    async fn start_in(
        space: Option<&str>,
        dir: &Path,
        name: &str,
        generation: u32,
        listen: &str,
        seeds: &[&str],
    ) -> Process {
        if !certs::files(dir, name).certificate.exists() {
            certs::write(dir, &[name.to_owned()], &[]).unwrap();
        }
        let mut command = match space {
            None => Command::new(program()),
            Some(space) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", space]).arg(program());
                command
            }
        };
        let mut child = command
            .arg(dir)
            .args([name, &generation.to_string(), listen])
            .args(seeds)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut process = Process { child, to, from, address: String::new() };
        process.address = process.hear().await.strip_prefix("up ").unwrap().to_owned();
        process
    }

    async fn say(&mut self, line: &str) {
        self.to.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> String {
        let line = timeout(Duration::from_secs(60), self.from.next_line()).await;
        line.expect("the process says nothing").unwrap().expect("the process has ended")
    }

    pub(crate) async fn ask(&mut self, line: &str) -> String {
        self.say(line).await;
        self.hear().await
    }

    /// Waits until the view contains `what`, and says how long that took.
    async fn sees(&mut self, what: &str) -> Duration {
        self.sees_that(what, |view| view.contains(what)).await
    }

    async fn sees_that(&mut self, what: &str, look: impl Fn(&str) -> bool) -> Duration {
        let begin = Instant::now();
        let mut last = String::new();
        while begin.elapsed() < Duration::from_secs(20) {
            last = self.ask("view").await;
            if look(&last) {
                return begin.elapsed();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never saw `{what}`: {last}");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    async fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
    }
}

async fn pair(dir: &Path) -> (Process, Process) {
    let mut a = Process::start(dir, "a", 1, "127.0.0.1:0", &[]).await;
    let seed = a.address.clone();
    let mut b = Process::start(dir, "b", 1, "127.0.0.1:0", &[&seed]).await;
    a.sees("b.1=Linked").await;
    b.sees("a.1=Linked").await;
    (a, b)
}

#[tokio::test]
async fn a_node_shows_its_peers_one_actor_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let (mut a, _b) = pair(dir.path()).await;
    let census = a.ask("remotable").await;
    assert!(census.starts_with("remotable 1 of "), "{census}");
}

#[tokio::test]
async fn a_killed_node_is_known_at_once_and_its_next_start_is_linked() {
    let dir = tempfile::tempdir().unwrap();
    let (mut a, mut b) = pair(dir.path()).await;
    a.say("call b 3 10 30000").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    b.child.kill().await.unwrap();
    let begin = Instant::now();
    let outcome = a.hear().await;
    println!("killed: the call in flight ended after {} ms: {outcome}", begin.elapsed().as_millis());
    assert!(outcome.starts_with("called ") && outcome.ends_with(" unknown"), "{outcome}");
    let unlinked = a.sees_that("b.1 without a link", |view| !view.contains("b.1=Linked")).await;
    println!("killed: no longer linked {} ms later", unlinked.as_millis());
    println!("killed: silent {} ms later", a.sees("b.1=Silent").await.as_millis());
    assert!(a.ask("call b 1 10 5000").await.ends_with("NoLink"));
    let seed = a.address.clone();
    let begin = Instant::now();
    let _b = Process::start(dir.path(), "b", 2, &b.address, &[&seed]).await;
    a.sees("b.2=Linked").await;
    println!("killed: the next start was linked {} ms after its launch", begin.elapsed().as_millis());
    assert!(a.ask("call b 1 1000 5000").await.ends_with("ok 1000"));
}

#[tokio::test]
async fn a_frozen_node_turns_silent_costs_bounded_memory_and_is_linked_again_when_it_thaws() {
    let dir = tempfile::tempdir().unwrap();
    let (mut a, mut b) = pair(dir.path()).await;
    // The first large calls make both sides take the memory that they then keep.
    assert!(a.ask("push b 1048576 2").await.starts_with("pushed "));
    a.say("call b 3 10 30000").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    b.signal("-STOP").await;
    let begin = Instant::now();
    a.say("push b 1048576 10").await;
    let hung = a.hear().await;
    println!("frozen: the call in flight ended {} ms later: {hung}", begin.elapsed().as_millis());
    assert!(hung.ends_with(" unknown"), "{hung}");
    println!("frozen: silent {} ms later", {
        a.sees_beside("b.1=Silent").await;
        begin.elapsed().as_millis()
    });
    let pushed = a.hear().await;
    let numbers: Vec<u64> = pushed.split_whitespace().skip(1).map(|word| word.parse().unwrap()).collect();
    let [_, unknown, refused, before, peak] = numbers[..] else { panic!("{pushed}") };
    println!(
        "frozen: {unknown} calls of 1 MiB unknown, {refused} refused; memory {} MiB, at its peak {} MiB more",
        before / 1024,
        (peak - before) / 1024
    );
    assert!(unknown <= 17 && refused > 1_000, "{pushed}");
    // The window is 16 MiB; the library and TLS hold a few copies of it, and not one more.
    assert!(peak - before < 160 * 1024, "{pushed}");
    b.signal("-CONT").await;
    let begin = Instant::now();
    a.sees("b.1=Linked").await;
    println!("thawed: linked {} ms later", begin.elapsed().as_millis());
    assert!(a.ask("call b 1 1000 5000").await.ends_with("ok 1000"));
    b.sees("a.1=Linked").await;
    assert!(b.ask("call a 1 1000 5000").await.ends_with("ok 1000"));
}

impl Process {
    /// As [`Process::sees`], while the answer to an earlier command may come in between.
    async fn sees_beside(&mut self, what: &str) {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(8) {
            let line = self.ask("view").await;
            assert!(line.starts_with("view "), "{line}");
            if line.contains(what) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never saw `{what}`");
    }
}

/// Two network namespaces with one cable between them; gone when dropped.
struct Cable {
    spaces: [String; 2],
}

impl Cable {
    async fn lay() -> Option<Cable> {
        let id = std::process::id();
        let cable = Cable { spaces: [format!("link-a-{id}"), format!("link-b-{id}")] };
        let [a, b] = &cable.spaces;
        let (end_a, end_b) = (format!("la{id}"), format!("lb{id}"));
        let laid = ip(&["netns", "add", a]).await
            && ip(&["netns", "add", b]).await
            && ip(&["link", "add", &end_a, "netns", a, "type", "veth", "peer", "name", &end_b, "netns", b])
                .await
            && ip(&["-n", a, "addr", "add", "10.99.0.1/24", "dev", &end_a]).await
            && ip(&["-n", b, "addr", "add", "10.99.0.2/24", "dev", &end_b]).await
            && ip(&["-n", a, "link", "set", "lo", "up"]).await
            && ip(&["-n", b, "link", "set", "lo", "up"]).await
            && ip(&["-n", a, "link", "set", &end_a, "up"]).await
            && ip(&["-n", b, "link", "set", &end_b, "up"]).await;
        laid.then_some(cable)
    }

    /// What `a` sends goes to a machine that does not exist, from now on or no longer: nobody is told.
    async fn cut(&self, one_way: bool, cut: bool) {
        let id = std::process::id();
        let ends = [
            (&self.spaces[0], format!("la{id}"), "10.99.0.2"),
            (&self.spaces[1], format!("lb{id}"), "10.99.0.1"),
        ];
        for (space, end, to) in ends.iter().take(if one_way { 1 } else { 2 }) {
            let wrong = [
                "-n",
                space,
                "neigh",
                "replace",
                to,
                "lladdr",
                "02:00:00:00:00:99",
                "dev",
                end,
                "nud",
                "permanent",
            ];
            let right = ["-n", space, "neigh", "del", to, "dev", end];
            assert!(if cut { ip(&wrong).await } else { ip(&right).await });
        }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for space in &self.spaces {
            let _ =
                std::process::Command::new("ip").args(["netns", "del", space]).stderr(Stdio::null()).status();
        }
    }
}

async fn ip(arguments: &[&str]) -> bool {
    let run = Command::new("ip").args(arguments).stderr(Stdio::null()).status().await;
    run.is_ok_and(|status| status.success())
}

#[tokio::test]
async fn packets_that_vanish_without_a_word_cut_the_link_on_both_sides_until_they_arrive_again() {
    let Some(cable) = Cable::lay().await else {
        println!("skipped: network namespaces need root and `ip`");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let [space_a, space_b] = cable.spaces.clone();
    let mut a = Process::start_in(Some(&space_a), dir.path(), "a", 1, "10.99.0.1:7000", &[]).await;
    let mut b =
        Process::start_in(Some(&space_b), dir.path(), "b", 1, "10.99.0.2:7000", &["10.99.0.1:7000"]).await;
    a.sees("b.1=Linked").await;
    b.sees("a.1=Linked").await;
    for one_way in [false, true] {
        a.say("call b 3 10 30000").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        cable.cut(one_way, true).await;
        let begin = Instant::now();
        let hung = a.hear().await;
        println!(
            "cut (one way: {one_way}): the call in flight ended after {} ms: {hung}",
            begin.elapsed().as_millis()
        );
        assert!(hung.ends_with(" unknown"), "{hung}");
        a.sees("b.1=Silent").await;
        b.sees("a.1=Silent").await;
        println!("cut (one way: {one_way}): silent on both sides after {} ms", begin.elapsed().as_millis());
        // Longer than any resend of the system would take to give up by itself.
        tokio::time::sleep(Duration::from_secs(3)).await;
        cable.cut(one_way, false).await;
        let begin = Instant::now();
        a.sees("b.1=Linked").await;
        b.sees("a.1=Linked").await;
        println!(
            "healed (one way: {one_way}): linked on both sides after {} ms",
            begin.elapsed().as_millis()
        );
        assert!(a.ask("call b 1 1000 5000").await.ends_with("ok 1000"));
        assert!(b.ask("call a 1 50000 5000").await.ends_with("ok 50000"));
    }
}
