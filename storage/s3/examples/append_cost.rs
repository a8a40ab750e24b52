//! What an append through the bucket costs beside a bare conditional PUT: one server, in turns, as a ratio.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement stops at what it does not expect"
)]

use std::time::Duration;

use enabler_config::Secret;
use enabler_s3::{Bucket, Settings};
use enabler_sim_servers::Ministack;
use enabler_storage::objects::{Key, ObjectStore, PutOutcome};
use tokio::time::Instant;

const ROUNDS: usize = 400;
/// Rounds before counting: connections stand and the server is warm.
const WARM: usize = 50;
const ENTRY_BYTES: usize = 4 << 10;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = Ministack::start().await.unwrap();
    server.create_bucket("papers").await.unwrap();
    let bucket = Bucket::open(Settings {
        endpoint: Some(server.url()),
        path_style: true,
        access_key: Some(Secret::new("test")),
        secret_key: Some(Secret::new("test")),
        ..Settings::new("papers", "us-east-1")
    });
    let (bucket, bare) = (bucket.await.unwrap(), reqwest::Client::new());
    let entry = vec![7_u8; ENTRY_BYTES];
    let (mut through, mut plain) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS + WARM {
        // In turns, and each first every other time, so that neither meets a better machine.
        for turn in 0..2 {
            let began = Instant::now();
            if (round + turn).is_multiple_of(2) {
                let key = Key::new(format!("through/{round:020}")).unwrap();
                let outcome = bucket.put_new(&key, entry.clone().into()).await;
                assert!(matches!(outcome, PutOutcome::Done(_)), "{outcome:?}");
                through.push(began.elapsed());
            } else {
                let url = format!("{}/papers/plain/{round:020}", server.url());
                let answer =
                    bare.put(url).header("If-None-Match", "*").body(entry.clone()).send().await.unwrap();
                assert!(answer.status().is_success(), "{answer:?}");
                plain.push(began.elapsed());
            }
        }
    }
    let (through, plain) = (median(through.split_off(WARM)), median(plain.split_off(WARM)));
    println!(
        "an entry of 4 KiB: through the bucket {:.2} times a bare conditional PUT (medians {through:.2?} and {plain:.2?} of {ROUNDS})",
        through.as_secs_f64() / plain.as_secs_f64()
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
