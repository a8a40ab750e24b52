//! The links as one generation uses them: calls that are answered, refused or of unknown fate, and casts that may be lost.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use enabler_cluster::net::{CallError, Incoming, Net, NodeId, Refused, View};
use enabler_cluster::request::Request;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::book::{Event, Fate, Kind, Message};
use crate::fabric::{Fabric, TICK};
use crate::gate::Gate;

/// The links of one generation.
pub(crate) struct Links {
    pub(crate) fabric: Arc<Fabric>,
    pub(crate) gate: Gate,
}

impl Links {
    fn way_ms(&self, to: &NodeId) -> u64 {
        let label = format!("link {} {to}", self.gate.id);
        let is_rough = self.fabric.trouble(|trouble| trouble.is_rough);
        match self.fabric.dice.draw(&label) % 1_000 {
            0..40 if is_rough => self.fabric.dice.between(&label, 100, 1_500),
            _ => self.fabric.dice.between(&label, 0, 4),
        }
    }

    /// On a bad day a connection is reset now and then, and takes what is on it with it.
    fn breaks(&self, to: &NodeId) -> bool {
        let is_rough = self.fabric.trouble(|trouble| trouble.is_rough);
        is_rough && self.fabric.dice.chance(&format!("break {} {to}", self.gate.id), 6)
    }
}

/// Comes back when nothing gets from `from` to `to` any more.
async fn broken(fabric: &Fabric, from: &NodeId, to: &NodeId) {
    while fabric.way(from, to).is_some() {
        tokio::time::sleep(TICK).await;
    }
}

async fn wait(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

#[async_trait]
impl Net for Links {
    fn view(&self) -> watch::Receiver<Arc<View>> {
        self.fabric.view(&self.gate.id)
    }

    fn tell(&self, key: &str, value: &str) {
        if self.gate.phase() != crate::gate::Phase::Dead {
            self.fabric.tell(&self.gate.id, key, value);
        }
    }

    async fn call(&self, to: &NodeId, kind: u16, body: Bytes, request: &Request) -> Result<Bytes, CallError> {
        self.gate.pass().await;
        let Some((there, service, hops)) = self.fabric.way(&self.gate.id, to) else {
            return Err(CallError::NoLink);
        };
        if let Some(ended) = request.ended() {
            return Err(CallError::Ended(ended));
        }
        if hops > 1 {
            self.fabric.book.sometimes("a call went through a third node");
        }
        let (there_ms, back_ms) = (self.way_ms(to) * hops, self.way_ms(to) * hops);
        let (breaks_there, breaks_back) = (self.breaks(to), self.breaks(to));
        let book = &self.fabric.book;
        let fate = if breaks_there { Fate::Lost } else { Fate::Arrives };
        let called = book.write(Event {
            kind: Kind::Sends,
            who: self.gate.id.name.clone(),
            what: format!("call {kind} to {to}"),
            message: Some(Message { to: to.name.clone(), arrives_ms: book.now_ms() + there_ms, fate }),
            ..Event::default()
        });
        let ends = |what: String| {
            let who = self.gate.id.name.clone();
            book.write(Event { who, what, cause: Some(called), ..Event::default() });
        };
        // The one who answers learns when the caller is gone.
        let gone = CancellationToken::new();
        let _gone = gone.clone().drop_guard();
        let incoming = Request { deadline: request.deadline, trace: request.trace.clone(), cancel: gone };
        let (answer, answered) = oneshot::channel();
        let (fabric, from, to_id) = (self.fabric.clone(), self.gate.id.clone(), to.clone());
        tokio::spawn(async move {
            wait(there_ms).await;
            if breaks_there {
                fabric.break_link(&from, &to_id);
            }
            if breaks_there || !fabric.gets_through(&from, &to_id) {
                return;
            }
            let call = Incoming { kind, body, request: incoming };
            let served = tokio::select! {
                biased;
                () = there.died() => return,
                () = broken(&fabric, &from, &to_id) => return,
                served = service.serve(&from, call) => served,
            };
            there.pass().await;
            wait(back_ms).await;
            if breaks_back {
                fabric.book.sometimes("an answer was lost with its link");
                fabric.break_link(&from, &to_id);
            }
            if !breaks_back && fabric.gets_through(&to_id, &from) {
                let _ = answer.send(served);
            }
        });
        let waiting = async {
            tokio::select! {
                biased;
                answered = answered => match answered {
                    Ok(answer) => Some(answer),
                    // Lost on the way: that shows when the link is cut.
                    Err(_) => {
                        wait(self.fabric.dice.between(&format!("silence {to}"), 1, 2_000)).await;
                        None
                    }
                },
                () = broken(&self.fabric, &self.gate.id, to) => None,
            }
        };
        let outcome = request.run(waiting).await;
        self.gate.pass().await;
        match outcome {
            Ok(Some(Ok(answer))) => {
                ends(format!("{kind} answered by {to}"));
                Ok(answer)
            }
            Ok(Some(Err(refused))) => {
                ends(format!("{kind} refused by {to}: {refused:?}"));
                Err(match refused {
                    Refused::Unsupported => CallError::Unsupported,
                    Refused::Busy => CallError::Overloaded,
                    Refused::Code(code, text) => CallError::Refused(code, text),
                })
            }
            Ok(None) => {
                ends(format!("{kind} to {to} of unknown outcome"));
                self.fabric.book.sometimes("a call ended with an unknown outcome");
                Err(CallError::Unknown("the link was cut".to_owned()))
            }
            Err(ended) => Err(CallError::Ended(ended)),
        }
    }

    async fn cast(&self, to: &NodeId, kind: u16, body: Bytes) -> Result<(), CallError> {
        self.gate.pass().await;
        let (there, service, hops) = self.fabric.way(&self.gate.id, to).ok_or(CallError::NoLink)?;
        let label = format!("cast {} {to}", self.gate.id);
        let is_rough = self.fabric.trouble(|trouble| trouble.is_rough);
        let copies = match self.fabric.dice.draw(&label) % 100 {
            0..10 if is_rough => 0,
            10..20 if is_rough => 2,
            _ => 1,
        };
        if copies == 0 {
            self.fabric.book.sometimes("a cast was lost");
        }
        for _ in 0..copies {
            let late_ms = if is_rough { self.fabric.dice.between(&label, 0, 700) } else { 0 };
            let way_ms = self.way_ms(to) * hops + late_ms;
            let (fabric, from, to_id) = (self.fabric.clone(), self.gate.id.clone(), to.clone());
            let (there, service, body) = (there.clone(), service.clone(), body.clone());
            tokio::spawn(async move {
                wait(way_ms).await;
                if !fabric.gets_through(&from, &to_id) {
                    return;
                }
                let request = Request::new("cast", Duration::from_secs(10));
                let call = Incoming { kind, body, request };
                tokio::select! {
                    biased;
                    () = there.died() => {}
                    _ = service.serve(&from, call) => {}
                }
            });
        }
        Ok(())
    }
}
