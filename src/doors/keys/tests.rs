use enabler_cluster::net::NodeId;
use enabler_http::{Scope, Scopes};
use enabler_storage::cache::InProcess;
use enabler_storage::chance::OsChance;
use enabler_storage::objects::{Fault, Memory};

use super::*;
use crate::doors::Means;
use crate::doors::stopped::Stopped;

struct World {
    store: Arc<Memory>,
    clock: Arc<Stopped>,
}

impl World {
    fn new() -> Self {
        Self { store: Arc::new(Memory::new()), clock: Arc::new(Stopped::at(1_000_000)) }
    }

    /// The keys as one node sees them.
    fn node(&self) -> Keys {
        let doors = Doors::default();
        doors.open(Means {
            store: self.store.clone(),
            counters: Arc::new(InProcess::new(1 << 20)),
            node: NodeId { name: "n".into(), generation: 1 },
        });
        Keys::new(doors, self.clock.clone(), Arc::new(OsChance))
    }
}

fn new(tenant: &str) -> NewKey {
    NewKey {
        name: "ingest".into(),
        tenant: Tenant::new(tenant),
        scopes: [Scope::Read].into_iter().collect(),
        valid_for: None,
        created_by: "first".into(),
    }
}

async fn opens(keys: &Keys, secret: &str) -> Option<(String, Scopes)> {
    match keys.find(&KeyHash::of(secret)).await.unwrap() {
        KeyStanding::Valid(caller) => Some((caller.tenant.name().to_owned(), caller.scopes)),
        _ => None,
    }
}

async fn standing(keys: &Keys, secret: &str) -> KeyStanding {
    keys.find(&KeyHash::of(secret)).await.unwrap()
}

#[tokio::test]
async fn a_key_made_on_one_node_opens_on_every_node_at_its_first_use() {
    let world = World::new();
    let (here, there) = (world.node(), world.node());
    let made = here.make(new("bank")).await.unwrap();
    for node in [&here, &there] {
        let (tenant, scopes) = opens(node, &made.secret).await.unwrap();
        assert_eq!((&*tenant, scopes.names()), ("bank", vec!["read"]));
    }
    assert_eq!(standing(&there, &key_of([1; 32])).await, KeyStanding::Unknown);
    assert!(made.secret.ends_with(&made.stored.shown));
}

#[tokio::test]
async fn a_revoked_key_is_refused_here_at_once_and_elsewhere_within_five_seconds() {
    let world = World::new();
    let (here, there) = (world.node(), world.node());
    let made = here.make(new("bank")).await.unwrap();
    assert!(opens(&there, &made.secret).await.is_some());
    here.revoke(None, made.stored.id).await.unwrap();
    assert_eq!(standing(&here, &made.secret).await, KeyStanding::Revoked);
    world.clock.advance(TRUST_MS_MAX);
    assert_eq!(standing(&there, &made.secret).await, KeyStanding::Revoked);
    here.revoke(None, made.stored.id).await.unwrap();
}

#[tokio::test]
async fn a_key_in_use_is_confirmed_beside_its_requests() {
    let world = World::new();
    let (here, there) = (world.node(), world.node());
    let made = here.make(new("bank")).await.unwrap();
    assert!(opens(&there, &made.secret).await.is_some());
    here.revoke(None, made.stored.id).await.unwrap();
    world.clock.advance(CONFIRM_AFTER_MS);
    // This use is still answered from memory and starts the confirming; the next one knows.
    assert!(opens(&there, &made.secret).await.is_some());
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(standing(&there, &made.secret).await, KeyStanding::Revoked);
}

#[tokio::test]
async fn a_key_that_cannot_be_confirmed_opens_nothing_and_opens_again_afterwards() {
    let world = World::new();
    let keys = world.node();
    let made = keys.make(new("bank")).await.unwrap();
    world.store.always(Some(Fault::Lost));
    assert!(opens(&keys, &made.secret).await.is_some());
    world.clock.advance(TRUST_MS_MAX);
    let error = keys.find(&KeyHash::of(&made.secret)).await.unwrap_err();
    assert!(matches!(error, KeyError::Unavailable { .. }), "{error}");
    world.store.always(None);
    assert!(opens(&keys, &made.secret).await.is_some());
}

#[tokio::test]
async fn whoever_guesses_keys_asks_this_node_and_not_the_store() {
    let world = World::new();
    let keys = world.node();
    let made = keys.make(new("bank")).await.unwrap();
    let mut busy = 0;
    for guess in 0..200_u8 {
        match keys.find(&KeyHash::of(&key_of([guess; 32]))).await {
            Ok(standing) => assert_eq!(standing, KeyStanding::Unknown),
            Err(KeyError::Busy) => busy += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(busy, 200 - LOOKS_PER_SECOND_MAX);
    // A known key is not kept out by it, and a guess that was looked for is not looked for again.
    world.clock.advance(TRUST_MS_MAX);
    assert!(opens(&keys, &made.secret).await.is_some());
    world.store.always(Some(Fault::Lost));
    assert_eq!(standing(&keys, &key_of([0; 32])).await, KeyStanding::Unknown);
}

#[tokio::test]
async fn a_rotated_key_goes_on_for_its_grace_and_no_longer() {
    let world = World::new();
    let keys = world.node();
    let limited = NewKey { valid_for: Some(Duration::from_secs(1_000)), ..new("bank") };
    let old = keys.make(limited).await.unwrap();
    let (fresh, ending) = keys.rotate(None, old.stored.id, Duration::from_secs(60), "by").await.unwrap();
    assert_ne!(old.secret, fresh.secret);
    assert_eq!((&*fresh.stored.name, fresh.stored.scopes), ("ingest", old.stored.scopes));
    let lived = |key: &StoredKey| key.expires_at.unwrap() - key.created_at;
    assert_eq!((lived(&fresh.stored).whole_seconds(), lived(&ending).whole_seconds()), (1_000, 60));
    assert!(opens(&keys, &old.secret).await.is_some() && opens(&keys, &fresh.secret).await.is_some());
    world.clock.advance(60_000);
    assert_eq!(standing(&keys, &old.secret).await, KeyStanding::Expired);
    assert!(opens(&keys, &fresh.secret).await.is_some());
    let again = keys.rotate(None, old.stored.id, Duration::ZERO, "by").await.map(drop).unwrap_err();
    assert!(matches!(again, KeyError::Ended { .. }), "{again}");
    let other = keys.rotate(None, fresh.stored.id, Duration::ZERO, "by").await.unwrap();
    assert_eq!(standing(&keys, &fresh.secret).await, KeyStanding::Expired);
    assert_eq!(lived(&other.0.stored).whole_seconds(), 1_000);
}

#[tokio::test]
async fn a_tenant_neither_sees_nor_changes_another_ones_keys() {
    let world = World::new();
    let keys = world.node();
    let made = keys.make(new("bank")).await.unwrap();
    let other = Tenant::new("other");
    let reach = Some(&other);
    assert!(keys.list(reach).await.unwrap().is_empty());
    assert!(matches!(keys.revoke(reach, made.stored.id).await, Err(KeyError::NotFound { .. })));
    let rotated = keys.rotate(reach, made.stored.id, Duration::ZERO, "by").await;
    assert!(matches!(rotated.map(drop), Err(KeyError::NotFound { .. })));
    assert!(opens(&keys, &made.secret).await.is_some());
    assert_eq!(keys.list(None).await.unwrap().len(), 1);
    assert_eq!(keys.list(Some(&Tenant::new("bank"))).await.unwrap(), [made.stored]);
}

#[tokio::test]
async fn writes_whose_answer_is_lost_are_read_back() {
    let world = World::new();
    let keys = world.node();
    // The listing before goes through.
    world.store.schedule([Fault::None, Fault::AnswerLost]);
    let made = keys.make(new("bank")).await.unwrap();
    assert!(opens(&world.node(), &made.secret).await.is_some());
    world.store.schedule([Fault::None, Fault::AnswerLost]);
    keys.revoke(None, made.stored.id).await.unwrap();
    assert_eq!(standing(&world.node(), &made.secret).await, KeyStanding::Revoked);
    world.store.schedule([Fault::None, Fault::Lost]);
    assert!(matches!(keys.make(new("bank")).await.map(drop), Err(KeyError::Unavailable { .. })));
    assert_eq!(keys.list(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn two_nodes_that_change_one_key_at_a_time_both_have_their_way() {
    let world = World::new();
    let (here, there) = (world.node(), world.node());
    let made = here.make(new("bank")).await.unwrap();
    let id = made.stored.id;
    let (rotated, revoked) =
        tokio::join!(here.rotate(None, id, Duration::from_secs(60), "by"), there.revoke(None, id));
    revoked.unwrap();
    assert_eq!(standing(&world.node(), &made.secret).await, KeyStanding::Revoked);
    if let Ok((fresh, _)) = rotated {
        assert!(opens(&world.node(), &fresh.secret).await.is_some());
    }
}

#[tokio::test]
async fn keys_are_bounded_and_long_ended_ones_give_way() {
    let world = World::new();
    let keys = world.node();
    let first = keys.make(new("bank")).await.unwrap();
    for _ in 1..KEYS_MAX {
        keys.make(new("bank")).await.unwrap();
    }
    keys.revoke(None, first.stored.id).await.unwrap();
    let full = keys.make(new("bank")).await.map(drop).unwrap_err();
    assert!(matches!(full, KeyError::TooMany { max: KEYS_MAX }), "{full}");
    world.clock.advance(ENDED_KEPT_MS);
    keys.make(new("bank")).await.unwrap();
    let listed = keys.list(None).await.unwrap();
    assert_eq!(listed.len(), KEYS_MAX);
    assert!(listed.iter().all(|key| key.id != first.stored.id));
}
