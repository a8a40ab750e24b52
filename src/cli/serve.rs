//! Starts a node: takes its directory, its key and its address, and runs it until it is told to stop.

use std::process::ExitCode;

use enabler_config::{Loaded, Log, Origin};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::arguments::Serve;
use super::failure::Failure;
use super::{key, node_file, out, product};

/// Runs a node until Ctrl-C or SIGTERM.
pub(crate) async fn serve(loaded: Loaded, serve: &Serve) -> Result<ExitCode, Failure> {
    if serve.with_parent {
        let signal = Some(rustix::process::Signal::TERM);
        rustix::process::set_parent_process_death_signal(signal)
            .map_err(|error| Failure::io("asking to be stopped with the parent", error.into()))?;
    }
    let settings = &loaded.merged.settings;
    start_log(&settings.log)?;
    raise_open_files();
    if !rag_enabler::node::has_models(settings) {
        keep_to_small_pages();
    }
    let dir = &settings.data.dir;
    let hold = node_file::hold(dir)?;
    let node_key = key::ensure(&loaded)?;
    let listener = listen(settings.http.listen, "--listen").await?;
    let address = listener.local_addr().map_err(|error| Failure::io("asking for the address", error))?;
    let watchers = watchers(&loaded).await?;
    let metrics = watchers.as_ref().and_then(|watchers| watchers.local_addr().ok());
    let node = hold.announce(address, metrics)?;
    let url = &node.url;
    out::note(&format!("rag-enabler {} on {url}", node.version));
    out::note(&format!("  documentation {url}/docs"));
    out::note(&format!("  operator      {url}/operator"));
    if let Some(metrics) = &node.metrics {
        out::note(&format!("  metrics       {metrics}"));
    }
    out::note(&format!("  data          {}", dir.display()));
    if node_key.is_new {
        out::note(&format!("  API key       {}", node_key.key.reveal()));
        out::note(&format!("                kept in {}, shown only this once", key::path(dir).display()));
    }
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    let outcome = product::run(settings.clone(), listener, watchers, node_key.key, stop).await;
    drop(hold);
    outcome.map_err(|error| Failure::Plain(chain(&*error)))?;
    Ok(ExitCode::SUCCESS)
}

/// Connections, indexes and spool files are open files, and systems hand out far fewer than they allow.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, allowed = limit.current, "the bound of open files stays as it was");
    }
}

/// A huge page is resident whole while one small allocation lives in it, and the allocator asks for nothing else: half of
/// what a node without models holds. One with models keeps them, since every pass over weights reads all that is in them.
fn keep_to_small_pages() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::warn!(%error, "the node takes more memory than it needs");
    }
}

/// Where those who watch the node ask, unless nobody may. Where nobody chose the port and another program has the usual
/// one, it is any free one: several nodes may be tried on one machine.
async fn watchers(loaded: &Loaded) -> Result<Option<TcpListener>, Failure> {
    let own = &loaded.merged.settings.telemetry;
    if !own.metrics {
        return Ok(None);
    }
    let is_chosen = loaded
        .merged
        .values
        .iter()
        .any(|(path, _, origin)| *path == "telemetry.listen" && *origin != Origin::Default);
    if !is_chosen && let Ok(usual) = TcpListener::bind(own.listen).await {
        return Ok(Some(usual));
    }
    let address = if is_chosen { own.listen } else { std::net::SocketAddr::new(own.listen.ip(), 0) };
    listen(address, "telemetry.listen").await.map(Some)
}

async fn listen(address: std::net::SocketAddr, setting: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::Plain(format!(
            "{address} is already in use.\nChoose another with {setting}, such as 127.0.0.1:0 for any free port."
        )),
        std::io::ErrorKind::PermissionDenied => Failure::Plain(format!(
            "{address} may not be used by this user.\nChoose a port above 1023 with {setting}."
        )),
        _ => Failure::io(format!("listening on {address}"), error),
    })
}

/// The first signal asks the node to stop; the second ends the process at once.
async fn stop_on_signal(stop: CancellationToken) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    let mut asked = false;
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if asked {
            std::process::exit(130);
        }
        asked = true;
        out::note("stopping; once more to stop at once");
        stop.cancel();
    }
}

fn start_log(log: &Log) -> Result<(), Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::Plain(format!("`log.filter` is not a filter such as info,enabler_http=debug: {error}"))
    };
    let filter = rag_enabler::log::filter(&log.filter, None).map_err(|error| wrong(&error))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if log.format == "json" {
        let builder = builder.json().with_filter_reloading();
        rag_enabler::log::keep(&log.filter, builder.reload_handle());
        builder.try_init()
    } else {
        let builder = builder.with_filter_reloading();
        rag_enabler::log::keep(&log.filter, builder.reload_handle());
        builder.try_init()
    };
    started.map_err(|error| Failure::Plain(format!("starting the log: {error}")))
}

/// An error with its causes, one after the other.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
