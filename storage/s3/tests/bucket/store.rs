//! Buckets for tests: a place of its own in one shared server, or a server for one test alone.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use enabler_config::Secret;
use enabler_s3::{Bucket, Settings, Timeouts};
use tokio::sync::OnceCell;

use enabler_sim_servers::Ministack;

pub(crate) const BUCKET: &str = "papers";

/// The server of all tests that do not harm it; it ends with this process.
static SHARED: OnceCell<Ministack> = OnceCell::const_new();
/// Numbers the places in it.
static PLACES: AtomicU32 = AtomicU32::new(0);

/// The shared server, which has the bucket.
pub(crate) async fn server() -> &'static Ministack {
    SHARED.get_or_init(own_server).await
}

/// A server for one test alone, which has the bucket.
pub(crate) async fn own_server() -> Ministack {
    let server = Ministack::start().await.unwrap();
    server.create_bucket(BUCKET).await.unwrap();
    server
}

/// Settings for the bucket of whatever listens at `url`, in a place of its own.
pub(crate) fn settings(url: &str) -> Settings {
    Settings {
        prefix: format!("test/{}", PLACES.fetch_add(1, Ordering::Relaxed)),
        endpoint: Some(url.to_owned()),
        path_style: true,
        access_key: Some(Secret::new("test")),
        secret_key: Some(Secret::new("test")),
        ..Settings::new(BUCKET, "us-east-1")
    }
}

/// An empty place in the shared server.
pub(crate) async fn place() -> Bucket {
    open(settings(&server().await.url())).await
}

pub(crate) async fn open(settings: Settings) -> Bucket {
    Bucket::open(settings).await.unwrap()
}

/// Little patience, for tests about a server that does not answer.
pub(crate) fn impatient() -> Timeouts {
    Timeouts {
        connect: Duration::from_millis(500),
        attempt: Duration::from_millis(700),
        operation: Duration::from_secs(3),
    }
}
