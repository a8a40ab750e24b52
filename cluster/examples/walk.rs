//! How long it takes to look at a tree of 10,000 actors, and of 100,000: run it with `--release` for figures that count.

#![expect(clippy::print_stdout, reason = "it is there to print figures")]

use std::sync::Arc;

use enabler_cluster::tree::{Look, Status, Tree};
use enabler_storage::clock::SystemClock;
use tokio::time::Instant;

const SHARDS: usize = 16;
const TIMES: u32 = 20;

fn tree(actors: usize) -> Tree {
    let tree = Tree::new(Arc::new(SystemClock));
    tree.seat("node", "supervisor", None);
    tree.seat("node/shards", "supervisor", None);
    for number in 0..actors {
        let shard = format!("node/shards/shard-{}", number % SHARDS);
        tree.seat(&shard, "shard", None).set_status(Status::Running);
        let seat = tree.seat(&format!("{shard}/document-{number:036}"), "document", None);
        seat.set_status(Status::Running);
        seat.note("ingest of revision 1");
    }
    tree
}

fn mean_ms(mut look: impl FnMut() -> usize) -> (usize, f64) {
    let (mut found, began) = (0, Instant::now());
    for _ in 0..TIMES {
        found = look();
    }
    (found, began.elapsed().as_secs_f64() * 1_000.0 / f64::from(TIMES))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for actors in [10_000, 100_000] {
        let tree = tree(actors);
        let all = || tree.vitals().len();
        let shallow = || tree.look(&Look { depth: 3, limit: 200, ..Look::default() }).0.len();
        let page = || {
            let under = "node/shards/shard-3".to_owned();
            tree.look(&Look { under, depth: 1, limit: 200, ..Look::default() }).0.len()
        };
        let search = || {
            let text = Some("9999".to_owned());
            tree.look(&Look { limit: 200, text, ..Look::default() }).0.len()
        };
        let stuck = || tree.all_that_are(Status::Stuck, 200).len();
        let ways: [(&str, &dyn Fn() -> usize); 5] =
            [("all", &all), ("shallow", &shallow), ("page", &page), ("search", &search), ("stuck", &stuck)];
        for (name, way) in ways {
            let (found, ms) = mean_ms(way);
            println!("{actors} actors, {name}: {found} found in {ms:.2} ms");
        }
    }
}
