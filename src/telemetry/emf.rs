//! Tells on standard output, once a minute, what CloudWatch watches, as lines of its embedded metric format.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use enabler_storage::clock::Clock;
use enabler_telemetry::Snapshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Exporter;

/// The longest that looking and writing may take: whoever reads the output may have stopped.
const TELL_TIME_MAX: Duration = Duration::from_secs(5);

/// Tells until `over`, and then once more what is left; nothing if the settings do not ask for it.
pub(crate) fn start(
    exporter: Arc<Exporter>,
    clock: Arc<dyn Clock>,
    over: CancellationToken,
) -> Option<JoinHandle<()>> {
    exporter.settings.telemetry.emf.then(|| tokio::spawn(tell(exporter, clock, over)))
}

async fn tell(exporter: Arc<Exporter>, clock: Arc<dyn Clock>, over: CancellationToken) {
    let own = &exporter.settings.telemetry;
    let pause = Duration::from_secs(own.emf_seconds);
    let mut told = Snapshot::default();
    let mut is_over = false;
    while !is_over {
        tokio::select! {
            () = over.cancelled() => is_over = true,
            () = tokio::time::sleep(pause) => {}
        }
        let Ok((roles, seen)) = timeout(TELL_TIME_MAX, exporter.seen()).await else {
            tracing::warn!("what CloudWatch watches is told later");
            continue;
        };
        let now = Snapshot::taken(&roles, &seen);
        let node = &exporter.settings.node.name;
        let mut text = now.lines(&told, &own.emf_namespace, node, clock.now_ms()).join("\n");
        text.push('\n');
        let written = timeout(TELL_TIME_MAX, tokio::task::spawn_blocking(move || write(&text))).await;
        if !matches!(written, Ok(Ok(Ok(())))) {
            tracing::warn!("standard output takes no metrics");
        }
        told = now;
    }
}

/// At once, so that no other line comes between.
fn write(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}
