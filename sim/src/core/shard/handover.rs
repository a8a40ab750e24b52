//! Moves a shard from one living node to another, as the product does.

use std::time::Duration;

use enabler_cluster::net::NodeId;
use enabler_cluster::owner::{Grant, Taking};

use super::{Actor, Message, Mode, State};
use crate::core::net::{Answer, Call, NoAnswer};
use crate::core::node::Node;
use crate::trace::What;

const PREPARE_TIME_MAX: Duration = Duration::from_secs(60);
const TRY_AGAIN_MS: u64 = 1_000;
const GRANT_TIME_MAX_MS: u64 = 10_000;

impl Actor {
    pub(super) fn hand_over(&self, state: &mut State, to: NodeId) {
        let Mode::Serving(serving) = &mut state.mode else { return };
        if serving.leaving.is_some() || self.node.engine().now_ms() < serving.stays_until_ms {
            return;
        }
        serving.leaving = Some(to.clone());
        let (node, shard) = (self.node.clone(), self.number);
        self.node.spawn(async move {
            let call = Call::Prepare { shard };
            let there = (Node::number_of(&to), &to);
            let outcome = node.world.net.call(node.number, there, call, PREPARE_TIME_MAX).await;
            let outcome = outcome.and_then(|answer| match answer {
                Answer::Writer(writer) => Ok(writer),
                _ => Err(NoAnswer::Unavailable),
            });
            if let Some(cell) = node.cell(shard) {
                cell.send(&node, Message::Prepared(to, outcome)).await;
            }
        });
    }

    pub(super) async fn prepared(&self, state: &mut State, to: &NodeId, outcome: Result<u128, NoAnswer>) {
        let Mode::Serving(serving) = &mut state.mode else { return };
        if serving.leaving.as_ref() != Some(to) {
            return;
        }
        serving.leaving = None;
        let Ok(writer) = outcome else {
            serving.stays_until_ms = self.node.engine().now_ms() + TRY_AGAIN_MS;
            return;
        };
        if !self.cell().mailbox.is_empty() {
            self.node.world.sometimes("a shard was handed over while messages waited for it");
        }
        self.commit(state).await;
        let Mode::Serving(serving) = &state.mode else { return };
        match serving.owner.hand_over(to, writer).await {
            Ok(epoch) => {
                self.node.world.sometimes("a shard was handed over");
                let ended = serving.owner.position().seq;
                self.step_down(state, Some((to.clone(), epoch)));
                self.grant(to.clone(), epoch, writer, ended);
            }
            Err(error) => {
                self.node
                    .engine()
                    .event(What::Note, Some(self.number), None, || format!("hand over: {error}"));
                self.step_down(state, None);
            }
        }
    }

    fn grant(&self, to: NodeId, epoch: u64, writer: u128, ended: u64) {
        let (node, shard) = (self.node.clone(), self.number);
        let until_ms = node.engine().now_ms() + GRANT_TIME_MAX_MS;
        self.node.spawn(async move {
            while node.engine().now_ms() < until_ms {
                let call = Call::Grant { shard, epoch, writer, ended };
                let there = (Node::number_of(&to), &to);
                match node.world.net.call(node.number, there, call, Duration::from_secs(10)).await {
                    Ok(_) | Err(NoAnswer::Unavailable | NoAnswer::NotOwner(_)) => return,
                    Err(_) => node.engine().sleep(Duration::from_millis(100)).await,
                }
            }
        });
    }

    pub(super) async fn prepare(&self, state: &mut State) -> Result<u128, NoAnswer> {
        if matches!(state.mode, Mode::Serving(_)) {
            return Err(NoAnswer::Unavailable);
        }
        if matches!(state.mode, Mode::Resting) {
            self.follow(state).await;
        }
        let Mode::Following(following) = &mut state.mode else { return Err(NoAnswer::Unavailable) };
        let promised_ms = self.node.means.clock.uptime_ms();
        loop {
            match following.catch_up().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => return Err(NoAnswer::Unavailable),
            }
        }
        let writer = self.node.means.chance.next_u128();
        state.promised = Some((writer, promised_ms));
        Ok(writer)
    }

    pub(super) async fn granted(
        &self,
        state: &mut State,
        epoch: u64,
        writer: u128,
        ended: u64,
    ) -> Result<(), NoAnswer> {
        if let Mode::Serving(serving) = &state.mode {
            return if serving.owner.epoch() >= epoch { Ok(()) } else { Err(NoAnswer::Unavailable) };
        }
        let Some((_, promised_ms)) = state.promised.take().filter(|(promised, _)| *promised == writer) else {
            return Err(NoAnswer::Unavailable);
        };
        self.claim(
            state,
            Taking::Grant(Grant { epoch, writer, promised_ms, ended: Some(ended), is_tried: false }),
        )
        .await;
        if matches!(state.mode, Mode::Serving(_)) { Ok(()) } else { Err(NoAnswer::Unavailable) }
    }
}
