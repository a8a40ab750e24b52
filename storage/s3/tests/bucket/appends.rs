//! An owner over a line that loses answers: what it appends is in the log once. Many claimants of one shard fight in the
//! live tier of the simulator.

use std::net::SocketAddr;
use std::sync::Arc;

use enabler_cluster::decide::claim::WHOEVER_HOLDS;
use enabler_cluster::net::NodeId;
use enabler_cluster::owner::{FollowError, Follower, Means, Owner};
use enabler_s3::Settings;
use enabler_sim_servers::{Line, Mode};
use enabler_storage::chance::SeededChance;
use enabler_storage::clock::SystemClock;
use enabler_storage::log::{self, Position, SealedEntry};
use enabler_storage::record::{DocumentId, Op};

use crate::store::{open, server, settings};

const SHARD: u32 = 7;

/// Follows the log by remembering where it ends.
#[derive(Default)]
struct End(Position);

impl Follower for End {
    fn position(&self) -> Position {
        self.0
    }

    async fn apply(&mut self, entry: &SealedEntry) -> Result<(), FollowError> {
        self.0 = self.0.follow(entry).map_err(|error| FollowError::Index(error.to_string()))?;
        Ok(())
    }
}

#[tokio::test]
async fn what_an_owner_appends_over_a_line_that_loses_answers_is_in_the_log_once() {
    let server = server().await;
    let line = Line::to(SocketAddr::from(([127, 0, 0, 1], server.port()))).await.unwrap();
    let place = settings(&format!("http://127.0.0.1:{}", line.port()));
    let far = open(place.clone()).await;
    let near = open(Settings { endpoint: Some(server.url()), ..place }).await;
    let means = Means {
        store: Arc::new(far),
        clock: Arc::new(SystemClock),
        chance: Arc::new(SeededChance::new(1)),
        node: NodeId { name: "node".to_owned(), generation: 1 },
        keeps: log::MIN_AGE,
    };
    let mut end = End::default();
    let mut owner = Owner::claim(means, SHARD, WHOEVER_HOLDS, &mut end).await.unwrap();
    let mut acknowledged = Vec::new();
    for number in 0..30_u8 {
        // The answer to the append is lost, and every third time the answer to the first read-back as well.
        line.set(Mode::CutAnswers);
        let until = line.struck() + if number % 3 == 0 { 2 } else { 1 };
        let heal = async {
            while line.struck() < until {
                tokio::task::yield_now().await;
            }
            line.set(Mode::Pass);
        };
        let op = Op::Deleted { document_id: DocumentId([number; 16]), reason: "requested".to_owned() };
        let (appended, ()) = tokio::join!(owner.append(vec![op.clone()], &mut end), heal);
        acknowledged.push((appended.unwrap(), vec![op]));
    }
    let mut replay = log::replay(Arc::new(near), SHARD, Position::default());
    assert_eq!(replay.next().await.unwrap().unwrap().entry.ops, [Op::Fence]);
    for (seq, ops) in acknowledged {
        let entry = replay.next().await.unwrap().unwrap().entry;
        assert_eq!((entry.seq, entry.ops), (seq, ops));
    }
    assert!(replay.next().await.unwrap().is_none(), "an entry is there twice");
}
