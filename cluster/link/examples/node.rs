//! One node as a process, told what to do line by line: `node DIR NAME GENERATION LISTEN [SEED...]`.
//!
//! `view` | `call NAME KIND BYTES LIMIT_MS` | `push NAME BYTES SECONDS` | `tell KEY VALUE` | `remotable` | `stop`; each answers with
//! one line. Kind 1 answers what it was sent, 3 never answers.

#![expect(clippy::print_stdout, reason = "its lines are what it is for")]

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_cluster::decide::restart::Policy;
use enabler_cluster::net::{CallError, Incoming, Net, NodeId, Refused, Service};
use enabler_cluster::request::Request;
use enabler_cluster::supervisor;
use enabler_cluster::tree::Tree;
use enabler_link::{Links, Settings, certs};
use enabler_storage::clock::SystemClock;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::Instant;

struct Echo;

#[async_trait]
impl Service for Echo {
    async fn serve(&self, _: &NodeId, call: Incoming) -> Result<Bytes, Refused> {
        match call.kind {
            1 => Ok(call.body),
            3 => std::future::pending().await,
            _ => Err(Refused::Unsupported),
        }
    }
}

/// Resident memory of this process, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn member(links: &Links, name: &str) -> Option<NodeId> {
    links.view().borrow().named(name).map(|member| member.id.clone())
}

fn word(outcome: &Result<Bytes, CallError>) -> String {
    match outcome {
        Ok(body) => format!("ok {}", body.len()),
        Err(CallError::Unknown(_)) => "unknown".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

/// Calls with `bytes` as often as the link takes it, for `time`, and tells how memory fared.
async fn push(links: &Links, to: &NodeId, bytes: usize, time: Duration) -> String {
    let body = Bytes::from(vec![7; bytes]);
    let before = resident_kib();
    let (mut peak, begin) = (before, Instant::now());
    let counts: Arc<[AtomicU64; 3]> = Arc::default();
    while begin.elapsed() < time {
        for _ in 0..64 {
            let (links, to, body, counts) = (links.clone(), to.clone(), body.clone(), counts.clone());
            tokio::spawn(async move {
                let request = Request::new("push", Duration::from_secs(60));
                let which = match links.call(&to, 1, body, &request).await {
                    Ok(_) => 0,
                    Err(CallError::Unknown(_) | CallError::Ended(_)) => 1,
                    Err(_) => 2,
                };
                counts[which].fetch_add(1, Ordering::Relaxed);
            });
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        peak = peak.max(resident_kib());
    }
    let [ok, unknown, refused] = [0, 1, 2].map(|which| counts[which].load(Ordering::Relaxed));
    format!("pushed {ok} {unknown} {refused} {before} {peak}")
}

async fn obey(links: &Links, line: &str) -> Option<String> {
    let words: Vec<_> = line.split_whitespace().collect();
    match words.as_slice() {
        ["view"] => {
            let mut text = "view".to_owned();
            for member in &links.view().borrow().members {
                let _ = write!(text, " {}.{:x}={:?}", member.id.name, member.id.generation, member.reach);
            }
            Some(text)
        }
        ["remotable"] => {
            let all = ractor::registry::get_all_pids();
            let count =
                all.iter().filter(|actor| actor.get_id().is_local() && actor.supports_remoting()).count();
            Some(format!("remotable {count} of {}", all.len()))
        }
        ["tell", key, value] => {
            links.tell(key, value);
            Some("told".to_owned())
        }
        ["call", name, kind, bytes, limit_ms] => {
            let Some(to) = member(links, name) else { return Some("called nobody".to_owned()) };
            let request = Request::new("call", Duration::from_millis(limit_ms.parse().ok()?));
            let begin = Instant::now();
            let outcome =
                links.call(&to, kind.parse().ok()?, vec![1; bytes.parse().ok()?].into(), &request).await;
            Some(format!("called {} {}", begin.elapsed().as_millis(), word(&outcome)))
        }
        ["push", name, bytes, seconds] => {
            let Some(to) = member(links, name) else { return Some("pushed to nobody".to_owned()) };
            Some(push(links, &to, bytes.parse().ok()?, Duration::from_secs(seconds.parse().ok()?)).await)
        }
        _ => None,
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [dir, name, generation, listen, seeds @ ..] = arguments.as_slice() else {
        return Err("node DIR NAME GENERATION LISTEN [SEED...]".into());
    };
    let filter = enabler_link::LOG_DIRECTIVES.iter().try_fold(
        tracing_subscriber::EnvFilter::new("warn"),
        |filter, directive| {
            Ok::<_, Box<dyn Error>>(filter.add_directive(directive.replace("info", "warn").parse()?))
        },
    )?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let files = certs::files(Path::new(dir), name);
    if !files.certificate.exists() {
        certs::write(Path::new(dir), std::slice::from_ref(name), &[])?;
    }
    let mut settings = Settings::new(name.as_str(), generation.parse()?, listen.parse()?, files, "processes");
    settings.seeds = seeds.to_vec();
    let tree = Tree::new(Arc::new(SystemClock));
    let fault = |fault: enabler_cluster::actor::Fault| fault.reason;
    let root = supervisor::spawn("node", Policy::default(), Vec::new(), &tree, None).await.map_err(fault)?;
    let links = Links::start(settings, Arc::new(Echo), &tree, root.cell()).await?;
    println!("up {}", links.local_address());
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        if line == "stop" {
            links.stop(Duration::from_secs(2)).await;
            break;
        }
        let links = links.clone();
        tokio::spawn(async move {
            println!("{}", obey(&links, &line).await.unwrap_or_else(|| format!("what is `{line}`?")));
        });
    }
    Ok(())
}
