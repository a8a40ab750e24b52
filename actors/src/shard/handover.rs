//! Moves a shard from one living node to another: the new owner catches up first, so that only the last step is felt.

use std::time::Duration;

use enabler_cluster::actor::{Context, Fault};
use enabler_cluster::net::{CallError, Net, NodeId};
use enabler_cluster::owner::{Grant, Taking};
use enabler_cluster::request::Request;
use enabler_cluster::tree::Status;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::{Message, Mode, Shard, Standing, State};
use crate::wire;

/// How long the other node may take to catch up with the log.
const PREPARE_TIME_MAX: Duration = Duration::from_secs(300);
/// The pause before a shard is offered again to a node that did not take it.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How long the other node may take to begin to serve; after that it is a takeover like any other.
const GRANT_TIME_MAX: Duration = Duration::from_secs(10);

/// Shards of a node that take the last step at one time: each is a few requests to the store, during which its clients
/// wait, and done all at once each of them would wait for all.
pub const TURNS: usize = 2;
/// How long a shard may keep its turn.
const TURN_TIME_MAX: Duration = Duration::from_secs(1);
/// How long the other node, which has caught up before, may take for what came since: a turn is kept meanwhile.
const PREPARE_AGAIN_TIME_MAX: Duration = Duration::from_secs(3);

/// Has the other node catch up with the log within `patience`; the writer that it will be.
async fn ask_to_prepare(net: &dyn Net, to: &NodeId, shard: u32, patience: Duration) -> Result<u128, String> {
    let request = Request::new(format!("prepare shard {shard}"), patience);
    let body = wire::encode(&wire::Prepare { shard });
    let answer = net.call(to, wire::PREPARE, body, &request).await.map_err(|error| error.to_string())?;
    let prepared: wire::Prepared = wire::decode(&answer).map_err(|error| error.to_string())?;
    Ok(prepared.writer)
}

impl Shard {
    /// Asks `to` to catch up; the shard is served here meanwhile.
    pub(super) fn hand_over(&self, context: &Context<Message>, state: &mut State, to: NodeId) {
        let Mode::Serving(serving) = &mut state.part else { return };
        if serving.leaving.is_some() || serving.stays_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        serving.leaving = Some(to.clone());
        context.seat().set_status(Status::Draining);
        context.seat().happened("handing_over", Some(format!("to {to}")));
        let (net, address, shard) = (self.net.clone(), context.address().clone(), self.number);
        let turns = self.turns.clone();
        tokio::spawn(async move {
            let mut writer = ask_to_prepare(&*net, &to, shard, PREPARE_TIME_MAX).await;
            let mut turn = turns.clone().try_acquire_owned().ok();
            if writer.is_ok() && turn.is_none() {
                turn = turns.acquire_owned().await.ok();
                // The log has grown meanwhile, and the last step shall be short.
                writer = ask_to_prepare(&*net, &to, shard, PREPARE_AGAIN_TIME_MAX).await;
            }
            let _ = address.send(Message::Prepared(to, writer.map(|writer| (writer, turn)))).await;
        });
    }

    /// The other node has caught up: write that it owns the shard, and tell it.
    pub(super) async fn prepared(
        &self,
        context: &Context<Message>,
        state: &mut State,
        to: &NodeId,
        outcome: Result<(u128, Option<OwnedSemaphorePermit>), String>,
    ) -> Result<(), Fault> {
        let Mode::Serving(serving) = &mut state.part else { return Ok(()) };
        if serving.leaving.as_ref() != Some(to) {
            return Ok(());
        }
        serving.leaving = None;
        context.seat().set_status(Status::Running);
        let (writer, turn) = match outcome {
            Ok(prepared) => prepared,
            Err(why) => {
                tracing::info!(shard = self.number, %to, why, "the shard stays: the other node is not ready");
                serving.stays_until = Some(Instant::now() + TRY_AGAIN);
                return Ok(());
            }
        };
        self.commit(context, state).await?;
        let Mode::Serving(serving) = &state.part else { return Ok(()) };
        let shard = self.number;
        match serving.owner.hand_over(to, writer).await {
            Ok(epoch) => {
                tracing::info!(shard, %to, epoch, "shard handed over");
                // First, so that a node that leaves is not gone before the other one knows.
                let grant = wire::Grant { shard, epoch, writer };
                self.grant(to.clone(), grant, serving.owner.position().seq, turn);
                self.step_down(context, state, Some((to.clone(), epoch)));
            }
            Err(error) => {
                let fault = Fault::from_error("handing the shard over", &error);
                context.seat().failed("hand over", fault.reason, None);
                self.step_down(context, state, None);
            }
        }
        Ok(())
    }

    fn grant(&self, to: NodeId, grant: wire::Grant, ended: u64, turn: Option<OwnedSemaphorePermit>) {
        let (net, shard, granting) = (self.net.clone(), self.number, self.view.grants());
        let (served, is_served) = oneshot::channel::<()>();
        tokio::spawn(async move {
            // Until the shard is served there; other shards do not wait for ever for one that is not.
            let _ = tokio::time::timeout(TURN_TIME_MAX, is_served).await;
            drop(turn);
        });
        tokio::spawn(async move {
            let (_granting, _served) = (granting, served);
            let request = Request::new(format!("grant shard {shard}"), GRANT_TIME_MAX);
            let body = wire::encode_grant(&grant, ended);
            while request.ended().is_none() {
                match net.call(&to, wire::GRANT, body.clone(), &request).await {
                    Ok(_) => return,
                    Err(CallError::Refused(_, why)) => {
                        tracing::warn!(shard, %to, why, "the shard was handed over and not taken");
                        return;
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        });
    }

    /// Follows the log up to its end and promises a writer for the hand-over.
    pub(super) async fn prepare(
        &self,
        context: &Context<Message>,
        state: &mut State,
    ) -> Result<u128, String> {
        if matches!(state.part, Mode::Serving(_)) {
            return Err("this node owns the shard already".to_owned());
        }
        if self.view.refuses() {
            return Err("this node cannot hold the shard now".to_owned());
        }
        if matches!(state.part, Mode::Resting) {
            self.follow(context, state).await;
        }
        let Mode::Following(following) = &mut state.part else {
            return Err("the shard cannot be followed here".to_owned());
        };
        let promised_ms = self.means.clock.uptime_ms();
        following.catch_up_to_the_end(self.number).await.map_err(|stuck| Fault::from(stuck).reason)?;
        let writer = self.means.chance.next_u128();
        state.promised = Some((writer, promised_ms));
        self.view.stand(Standing { is_coming: true, ..self.view.standing() });
        Ok(writer)
    }

    /// Takes up the ownership that was written for this node.
    pub(super) async fn granted(
        &self,
        context: &Context<Message>,
        state: &mut State,
        (epoch, writer): (u64, u128),
        ended: Option<u64>,
    ) -> Result<(), String> {
        if let Mode::Serving(serving) = &state.part {
            // The grant came twice, or after a claim that found it in the manifest.
            return if serving.owner.epoch() >= epoch { Ok(()) } else { Err("owned already".to_owned()) };
        }
        let Some((_, promised_ms)) = state.promised.take().filter(|(promised, _)| *promised == writer) else {
            return Err("the hand-over was not prepared here".to_owned());
        };
        self.claim(
            context,
            state,
            Taking::Grant(Grant { epoch, writer, promised_ms, ended, is_tried: false }),
        )
        .await;
        if matches!(state.part, Mode::Serving(_)) {
            Ok(())
        } else {
            Err("the shard could not be taken".to_owned())
        }
    }
}
