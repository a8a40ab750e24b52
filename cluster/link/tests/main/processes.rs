//! Nodes as processes of their own: killed, frozen, and thawed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use enabler_link::certs;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout};

struct Process {
    child: Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
    address: String,
}

/// The example `node`, which is built with the tests.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.parent().unwrap().parent().unwrap().join("examples/node")
}

impl Process {
    async fn start(dir: &Path, name: &str, generation: u32, listen: &str, seeds: &[&str]) -> Process {
        if !certs::files(dir, name).certificate.exists() {
            certs::write(dir, &[name.to_owned()], &[]).unwrap();
        }
        let mut child = Command::new(program())
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

    async fn ask(&mut self, line: &str) -> String {
        self.say(line).await;
        self.hear().await
    }

    /// Waits until the view contains `what`, and says how long that took.
    async fn sees(&mut self, what: &str) -> Duration {
        let begin = Instant::now();
        let mut last = String::new();
        while begin.elapsed() < Duration::from_secs(20) {
            last = self.ask("view").await;
            if last.contains(what) {
                return begin.elapsed();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never saw `{what}`: {last}");
    }

    async fn signal(&self, signal: &str) {
        let id = self.child.id().unwrap().to_string();
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
    let view = a.ask("view").await;
    assert!(!view.contains("b.1=Linked"), "{view}");
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
