//! Answers what other nodes, and this one, ask of the shards and workers here.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bincode::Encode;
use bytes::Bytes;
use enabler_cluster::address::{Address, AskError, Refusal, Reply};
use enabler_cluster::decide::custody::Part;
use enabler_cluster::net::{Incoming, Member, Net, NodeId, Refused, Service};
use enabler_cluster::request::Request;
use enabler_inference::embedding::InputKind;
use enabler_storage::clock::Clock;
use enabler_storage::record::{DocumentId, DocumentRecord, Make};
use enabler_storage::shard::{ShardError, ShardIndex, listing_cursor};
use enabler_telemetry::metrics;
use futures_util::FutureExt;
use tokio::time::Instant;

use crate::analysis::{Analyst, Analyze, AnalyzeFailure};
use crate::crew::{Case, Crew, CrewError, role};
use crate::documents::document::{Command, CommandError};
use crate::documents::progress::Board;
use crate::embedding::Text;
use crate::keeper::{OWNS, listed};
use crate::model::Prompt;
use crate::operator::{Operator, Quarantine};
use crate::question::{Answer, Ask, AskFailure, Desk};
use crate::shard::{Freshness, Index, Message, Shards, Unreadable};
use crate::wire::{self, refusal};

/// The reason of a deletion that a caller has asked for.
pub const REQUESTED: &str = "requested";
/// The reason of a deletion because a document's time is over.
pub const EXPIRED: &str = "expired";
/// The reason of a deletion that leaves nothing behind.
pub const ERASED: &str = "erased";

/// The fact in which a node says whether it reaches the store.
pub const STORE_FACT: &str = "store";
/// What it says when it does.
pub const STORE_UP: &str = "up";
/// What a node says that does not.
pub const STORE_DOWN: &str = "down";

/// Everything that answers calls on this node.
pub struct Calls {
    /// The shards.
    pub shards: Shards,
    /// Answers questions.
    pub desk: Desk,
    /// Analyses documents.
    pub analyst: Analyst,
    /// Works.
    pub crew: Crew,
    /// Progress of documents under way.
    pub board: Board,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// The other nodes.
    pub net: Arc<dyn Net>,
    /// What operators see of this node and do to it.
    pub operator: Operator,
    /// Documents that are out of service.
    pub quarantine: Quarantine,
}

/// What answers calls from the moment on when the actors run.
#[derive(Clone, Default)]
pub struct Switchboard(Arc<OnceLock<Arc<Calls>>>);

impl Switchboard {
    /// From now on `calls` answers.
    pub fn connect(&self, calls: Arc<Calls>) {
        let _ = self.0.set(calls);
    }
}

#[async_trait]
impl Service for Switchboard {
    async fn serve(&self, from: &NodeId, call: Incoming) -> Result<Bytes, Refused> {
        match self.0.get() {
            Some(calls) => calls.serve(from, call).await,
            None => Err(Refused::Busy),
        }
    }
}

#[async_trait]
impl Service for Calls {
    async fn serve(&self, from: &NodeId, call: Incoming) -> Result<Bytes, Refused> {
        let Incoming { kind, body, request } = call;
        let answer = AssertUnwindSafe(self.answer(kind, &body, &request)).catch_unwind();
        match request.run(answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => {
                tracing::error!(kind, %from, "answering a call panicked");
                Err(code(refusal::INTERNAL, "answering the call panicked"))
            }
            Err(ended) => Err(code(refusal::ENDED, &ended.to_string())),
        }
    }
}

fn code(code: u16, text: &str) -> Refused {
    Refused::Code(code, text.to_owned())
}

fn unknown() -> Refused {
    code(refusal::UNKNOWN_DOCUMENT, "there is no such document")
}

fn quarantined() -> Refused {
    code(refusal::QUARANTINED, "an operator has taken the document out of service")
}

fn read<T: bincode::Decode<()>>(body: &[u8]) -> Result<T, Refused> {
    wire::decode(body).map_err(|error| code(refusal::MALFORMED, &error.to_string()))
}

fn done<T: Encode>(answer: &T) -> Result<Bytes, Refused> {
    Ok(wire::encode(answer))
}

impl Calls {
    async fn answer(&self, kind: u16, body: &Bytes, request: &Request) -> Result<Bytes, Refused> {
        match kind {
            wire::NOTICED => {
                let wire::Noticed { shard } = read(body)?;
                let (address, view) = self.shard(shard)?;
                view.notice(address);
                Ok(Bytes::new())
            }
            wire::PREPARE => {
                let wire::Prepare { shard } = read(body)?;
                let prepared = self.told(request, shard, Message::Prepare).await?;
                done(&wire::Prepared { writer: prepared })
            }
            wire::GRANT => {
                let grant = wire::decode_grant(body);
                let (grant, ended) = grant.map_err(|error| code(refusal::MALFORMED, &error.to_string()))?;
                let wire::Grant { shard, epoch, writer } = grant;
                let granted = |reply| Message::Granted { epoch, writer, ended, reply };
                self.told(request, shard, granted).await.map(|()| Bytes::new())
            }
            wire::DOCUMENT => self.document(read(body)?).await,
            wire::ACCEPT => self.accept(request, read(body)?).await,
            wire::DELETE => self.delete(request, read(body)?).await,
            wire::RETRY => self.retry(request, read(body)?).await,
            wire::REFRESH => self.refresh(request, read(body)?).await,
            wire::ASK => self.ask(request, body).await,
            wire::ANALYZE => self.analyze(request, body).await,
            wire::LIST => self.list(read(body)?).await,
            wire::KNOWN => self.known(read(body)?).await,
            wire::SEARCH => {
                let search = wire::decode_search(body);
                self.search(search.map_err(|error| code(refusal::MALFORMED, &error.to_string()))?).await
            }
            wire::OPERATE => self.operate(body).await,
            _ => self.work(kind, body, request).await,
        }
    }

    async fn work(&self, kind: u16, body: &Bytes, request: &Request) -> Result<Bytes, Refused> {
        match kind {
            wire::EMBED => {
                let wire::Embed { texts, urgent } = read(body)?;
                let kind = |is_query| if is_query { InputKind::Query } else { InputKind::Passage };
                let texts = texts.into_iter().map(|(query, text)| Text { kind: kind(query), text }).collect();
                let (model_id, vectors) =
                    self.crew.embed_here(request, texts, urgent).await.map_err(undone)?;
                done(&wire::Embedded { model_id, vectors })
            }
            wire::WRITE => {
                let wire::Write { model, system, user, answer_tokens_max } = read(body)?;
                let prompt = Prompt { system, user };
                let written = self.crew.write_here(request, &model, prompt, answer_tokens_max as usize).await;
                done(&wire::Written { text: written.map_err(undone)? })
            }
            wire::OPEN => {
                let wire::Open { blob } = read(body)?;
                done(&wire::Opened { outcome: self.crew.open_here(request, &blob).await.map_err(undone)? })
            }
            wire::PAGE => {
                let wire::ReadPage { blob, number } = read(body)?;
                let outcome = self.crew.page_here(request, &blob, number).await.map_err(undone)?;
                done(&wire::PageRead { outcome })
            }
            wire::DRAW => {
                let wire::Draw { blob, picture } = read(body)?;
                done(&wire::Drawn {
                    outcome: self.crew.draw_here(request, &blob, picture).await.map_err(undone)?,
                })
            }
            wire::MARK => {
                let wire::Mark { blob, highlights } = read(body)?;
                let outcome = self.crew.mark_here(request, &blob, highlights).await.map_err(undone)?;
                done(&wire::MarkedWire { outcome })
            }
            wire::EXPAND => {
                let wire::Expand { template, question } = read(body)?;
                let text = self.crew.expand_here(request, &template, &question).await.map_err(undone)?;
                done(&wire::Expanded { text })
            }
            wire::JUDGE => {
                let case: Case = json(body)?;
                to_json(&self.crew.judge_here(request, case).await.map_err(undone)?)
            }
            _ => Err(Refused::Unsupported),
        }
    }

    fn shard(&self, shard: u32) -> Result<&(Address<Message>, crate::shard::View), Refused> {
        self.shards.get(shard).ok_or_else(|| code(refusal::UNAVAILABLE, "this node holds no shards"))
    }

    async fn told<T>(
        &self,
        request: &Request,
        shard: u32,
        make: impl FnOnce(Reply<Result<T, String>>) -> Message,
    ) -> Result<T, Refused> {
        let (address, _) = self.shard(shard)?;
        let told = address.ask(request, make).await.map_err(unasked)?;
        told.map_err(|why| code(refusal::UNAVAILABLE, &why))
    }

    fn not_owner(&self, shard: u32) -> Refused {
        let standing = self.shards.get(shard).map(|(_, view)| view.standing());
        let hint = standing.and_then(|standing| Some((standing.handed_to?, standing.epoch)));
        let text = hint.map(|(node, epoch)| format!("{}/{:032x}/{epoch}", node.name, node.generation));
        Refused::Code(refusal::NOT_OWNER, text.unwrap_or_default())
    }

    /// The index of a shard with everything in it that was acknowledged before this call.
    async fn current(&self, shard: u32) -> Result<Arc<Index>, Refused> {
        let Some((actor, view)) = self.shards.get(shard) else { return Err(self.not_owner(shard)) };
        match view.current(actor).await {
            Ok((index, Freshness::Current)) => Ok(index),
            // Nobody can change what nobody can reach: without the store, what its owner has is all there is. A
            // replica may lack what was acknowledged just before.
            Ok((index, Freshness::Unconfirmed))
                if view.is_sure_owner()
                    && self.nobody_reaches_the_store(view.last_confirmed())
                    && !self.knows_a_later_owner(shard, view.standing().epoch) =>
            {
                Ok(index)
            }
            Ok((_, Freshness::Unconfirmed)) => {
                Err(code(refusal::UNCONFIRMED, "this node does not reach the object store"))
            }
            Err(Unreadable::NotHere) => Err(self.not_owner(shard)),
            Err(error @ Unreadable::Behind) => Err(code(refusal::UNAVAILABLE, &error.to_string())),
        }
    }

    /// Whether this node has seen every other one since the store last told it how things stand, and each of them says that
    /// it does not reach the store.
    ///
    /// Nobody takes a shard from a node that he hears. One that was not heard for a while may have: alone with the store, it
    /// takes over what it believes to be left, and what it deletes then is known to nobody else.
    fn nobody_reaches_the_store(&self, confirmed: Option<Instant>) -> bool {
        let Some(confirmed) = confirmed else { return false };
        let view = self.net.view().borrow().clone();
        // Of whom nothing is known but a name may own anything.
        let is_other = |member: &&Member| {
            member.id != view.me && (member.has_role(role::DOCUMENTS) || member.facts.is_empty())
        };
        let others: Vec<&Member> = view.members.iter().filter(is_other).collect();
        let is_blind = |member: &&Member| {
            member.is_alive() && member.since <= confirmed && member.fact(STORE_FACT) == STORE_DOWN
        };
        // Who has never heard of anybody knows of nobody who could have taken over.
        !others.is_empty() && others.iter().all(is_blind)
    }

    /// Whether another node says that it owns the shard under a later epoch: its actor here may be too busy to have heard.
    fn knows_a_later_owner(&self, shard: u32, epoch: u64) -> bool {
        let view = self.net.view().borrow().clone();
        view.members
            .iter()
            .filter(|member| member.id != view.me)
            .any(|member| listed(member.fact(OWNS)).any(|(owned, theirs)| owned == shard && theirs > epoch))
    }

    async fn reading<T: Send + 'static>(
        &self,
        shard: u32,
        work: impl FnOnce(&ShardIndex) -> Result<T, ShardError> + Send + 'static,
    ) -> Result<T, Refused> {
        let index = self.current(shard).await?;
        let read = tokio::task::spawn_blocking(move || work(&index)).await;
        self.was_read(shard, read.map_err(|_| code(refusal::INTERNAL, "reading the index panicked"))?)
    }

    fn was_read<T>(&self, shard: u32, read: Result<T, ShardError>) -> Result<T, Refused> {
        read.map_err(|error| {
            if error.is_damage() {
                if let Ok((address, _)) = self.shard(shard) {
                    let _ = address.offer(Message::Damaged(error.to_string()));
                }
                return code(refusal::UNAVAILABLE, "the shard, whose index is being rebuilt");
            }
            let fault = enabler_cluster::actor::Fault::from_error("reading the index", &error);
            code(refusal::INTERNAL, &fault.reason)
        })
    }

    async fn document(&self, which: wire::Which) -> Result<Bytes, Refused> {
        let record = self.record(&which.tenant, which.document_id).await?;
        let progress = self.board.of(which.document_id).map(|progress| wire::ProgressWire {
            stage: progress.stage as u8,
            pages_done: progress.pages_done,
            pages_total: progress.pages_total,
        });
        done(&wire::Found { record: wire::pack(&record), progress })
    }

    async fn record(&self, tenant: &str, id: DocumentId) -> Result<DocumentRecord, Refused> {
        let now_ms = self.clock.now_ms();
        let shard = self.shards.of(id);
        let index = self.current(shard).await?;
        // One row, some pages of mapped memory: sooner done than handed to another thread.
        let found = self.was_read(shard, index.document(id))?;
        let found = found.filter(|record| record.tenant == tenant && record.is_live(now_ms));
        found.ok_or_else(unknown)
    }

    async fn accept(&self, request: &Request, accept: wire::Accept) -> Result<Bytes, Refused> {
        let record = wire::unpack(&accept.record);
        let record = Box::new(record.map_err(|error| code(refusal::MALFORMED, &error.to_string()))?);
        let (template, tenant) = (record.template.clone(), record.tenant.clone());
        let taken = self.take(request, record).await;
        let outcome = match &taken {
            Ok(taken) if taken.is_duplicate => "already_there",
            Ok(_) => "accepted",
            // Its owner counts it.
            Err(Refused::Code(refusal::NOT_OWNER, _)) => return taken.and_then(|taken| done(&taken)),
            Err(_) => "refused",
        };
        metrics::UPLOADS.one([&template, &tenant, outcome]);
        taken.and_then(|taken| done(&taken))
    }

    async fn take(&self, request: &Request, record: Box<DocumentRecord>) -> Result<wire::TakenWire, Refused> {
        let shard = self.shards.of(record.document_id);
        let address = self.owned_soon(shard).await?;
        let asked = address.ask(request, |reply| Message::Accept { record, reply }).await;
        match asked.map_err(|error| self.unowned(shard, error))? {
            Ok(taken) => {
                Ok(wire::TakenWire { document_id: taken.document_id, is_duplicate: taken.is_duplicate })
            }
            Err(error) => Err(self.not_done(shard, error)),
        }
    }

    async fn delete(&self, request: &Request, delete: wire::Delete) -> Result<Bytes, Refused> {
        let wire::Delete { tenant, document_id, reason } = delete;
        let shard = self.shards.of(document_id);
        self.owned_soon(shard).await?;
        if reason == REQUESTED {
            self.record(&tenant, document_id).await?;
        } else {
            // Whoever tidies up also removes what is past its time and answers nothing any more.
            let found = self.reading(shard, move |index| index.document(document_id)).await?;
            found.filter(|record| record.tenant == tenant).ok_or_else(unknown)?;
        }
        let asked =
            self.shards.command(request, document_id, |reply| Command::Delete { reason, reply }).await;
        match asked.map_err(|error| self.unowned(shard, error))? {
            Ok(()) => Ok(Bytes::new()),
            Err(error) => Err(self.not_done(shard, error)),
        }
    }

    async fn retry(&self, request: &Request, which: wire::Which) -> Result<Bytes, Refused> {
        let wire::Which { tenant, document_id } = which;
        let shard = self.shards.of(document_id);
        self.owned_soon(shard).await?;
        let record = self.record(&tenant, document_id).await?;
        let now_ms = self.clock.now_ms();
        // The same bytes of a tenant come to one shard, so that this index knows all of them.
        let usable = move |index: &ShardIndex| index.usable_content(&tenant, &record.sha256, now_ms);
        if let Some(other) = self.reading(shard, usable).await?.filter(|other| *other != document_id) {
            return Err(code(refusal::ALREADY_THERE, &other.to_string()));
        }
        let asked = self.shards.command(request, document_id, |reply| Command::Retry { reply }).await;
        match asked.map_err(|error| self.unowned(shard, error))? {
            Ok(()) => Ok(Bytes::new()),
            Err(error) => Err(self.not_done(shard, error)),
        }
    }

    async fn refresh(&self, request: &Request, refresh: wire::Refresh) -> Result<Bytes, Refused> {
        let wire::Refresh { tenant, document_id, model_id, chunker } = refresh;
        let shard = self.shards.of(document_id);
        self.owned_soon(shard).await?;
        self.record(&tenant, document_id).await?;
        let wanted = Make { model_id, chunker };
        let asked =
            self.shards.command(request, document_id, |reply| Command::Refresh { wanted, reply }).await;
        match asked.map_err(|error| self.unowned(shard, error))? {
            Ok(()) => Ok(Bytes::new()),
            Err(error) => Err(self.not_done(shard, error)),
        }
    }

    /// The actor of a shard that this node owns, or is about to be given.
    async fn owned_soon(&self, shard: u32) -> Result<&Address<Message>, Refused> {
        match self.shards.get(shard) {
            Some((address, view)) if view.owns_soon().await => Ok(address),
            _ => Err(self.not_owner(shard)),
        }
    }

    fn owns(&self, shard: u32) -> bool {
        self.shards.get(shard).is_some_and(|(_, view)| view.standing().part == Part::Owner)
    }

    /// A command that was lost with the ownership is one for the next owner.
    fn unowned(&self, shard: u32, error: AskError) -> Refused {
        match error {
            AskError::Lost { .. } if !self.owns(shard) => self.not_owner(shard),
            error => unasked(error),
        }
    }

    fn not_done(&self, shard: u32, error: CommandError) -> Refused {
        match error {
            CommandError::Unknown => code(refusal::UNKNOWN_DOCUMENT, "there is no such document"),
            CommandError::NotFailed => code(refusal::NOT_FAILED, "the document did not fail"),
            CommandError::Arriving => code(refusal::ARRIVING, "the same bytes are arriving"),
            CommandError::NotOwner => self.not_owner(shard),
            CommandError::NotMade(_) if !self.owns(shard) => self.not_owner(shard),
            CommandError::NotMade(why) => code(refusal::INTERNAL, &why),
            CommandError::NotRecorded(_) if !self.owns(shard) => self.not_owner(shard),
            CommandError::NotRecorded(why) => code(refusal::NOT_RECORDED, &why),
        }
    }

    /// The remembered answer to `ask`, if this node follows the document's shard. What is part of a conversation is not
    /// looked for here, because asking changes the conversation.
    pub(crate) async fn remembered(&self, ask: &Ask) -> Option<Answer> {
        let is_apart = ask.session_id.is_some() || !ask.earlier.is_empty() || ask.trial.is_some();
        if is_apart || self.quarantine.holds(ask.document_id) {
            return None;
        }
        let shard = self.shards.of(ask.document_id);
        self.shards.get(shard).filter(|(_, view)| view.index().is_some())?;
        let index = self.current(shard).await.ok()?;
        self.desk.remembered(ask, &index).await
    }

    async fn operate(&self, body: &Bytes) -> Result<Bytes, Refused> {
        let answer = self.operator.answer(json(body)?).await;
        to_json(&answer.map_err(|why| code(refusal::INTERNAL, &why))?)
    }

    async fn ask(&self, request: &Request, body: &Bytes) -> Result<Bytes, Refused> {
        let ask: Ask = json(body)?;
        if self.quarantine.holds(ask.document_id) {
            return Err(quarantined());
        }
        let index = self.current(self.shards.of(ask.document_id)).await?;
        let answer = self.desk.answer(request, &ask, index).await.map_err(unanswered)?;
        // While it was being written the document may have been deleted, here or by a later owner.
        self.current(self.shards.of(ask.document_id)).await?;
        self.record(&ask.tenant, ask.document_id).await?;
        to_json(&answer)
    }

    async fn analyze(&self, request: &Request, body: &Bytes) -> Result<Bytes, Refused> {
        let analyze: Analyze = json(body)?;
        let id = analyze.document_id;
        if self.quarantine.holds(id) {
            return Err(quarantined());
        }
        let index = self.current(self.shards.of(id)).await?;
        let analysed = self.analyst.analyze(request, &analyze, index).await.map_err(unanalysed)?;
        // While it was read the document may have been deleted, here or by a later owner.
        self.current(self.shards.of(id)).await?;
        self.record(&analyze.tenant, id).await?;
        to_json(&analysed)
    }

    async fn list(&self, list: wire::List) -> Result<Bytes, Refused> {
        let now_ms = self.clock.now_ms();
        let wire::List { tenant, shard, after, limit } = list;
        let cursor = after.map(|(created_ms, id)| listing_cursor(&tenant, created_ms, id));
        let limit = (limit as usize).min(crate::router::LIST_MAX + 1);
        let listed =
            self.reading(shard, move |index| index.documents(&tenant, cursor.as_deref(), limit)).await?;
        let mut records = listed.documents;
        records.retain(|record| record.is_live(now_ms));
        done(&wire::Listed { records: records.iter().map(wire::pack).collect() })
    }

    async fn search(&self, (search, model_id): (wire::Search, String)) -> Result<Bytes, Refused> {
        let (now_ms, shard) = (self.clock.now_ms(), search.shard);
        let work =
            move |index: &ShardIndex| crate::knowledge::shard::search(index, &search, &model_id, now_ms);
        let mut hits = self.reading(shard, work).await?;
        hits.retain(|hit| !self.quarantine.holds(hit.document_id));
        done(&wire::Searched { hits })
    }

    async fn known(&self, known: wire::Known) -> Result<Bytes, Refused> {
        let wire::Known { tenant, sha256 } = known;
        let shard = self.shards.of_content(&tenant, &sha256);
        let now_ms = self.clock.now_ms();
        let whose = tenant.clone();
        let known = move |index: &ShardIndex| match index.usable_content(&tenant, &sha256, now_ms)? {
            Some(id) => Ok(Some((id, index.document(id)?.map(|record| record.template)))),
            None => Ok(None),
        };
        let known = self.reading(shard, known).await?;
        if let Some((_, template)) = &known {
            metrics::UPLOADS.one([template.as_deref().unwrap_or_default(), &whose, "already_there"]);
        }
        done(&wire::Knows { document_id: known.map(|(id, _)| id) })
    }
}

fn json<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| code(refusal::MALFORMED, &error.to_string()))
}

fn to_json<T: serde::Serialize>(answer: &T) -> Result<Bytes, Refused> {
    match serde_json::to_vec(answer) {
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => Err(code(refusal::INTERNAL, &error.to_string())),
    }
}

fn unasked(error: AskError) -> Refused {
    match error {
        AskError::Refused(Refusal::Full { .. }) => Refused::Busy,
        AskError::Refused(Refusal::Down { path }) | AskError::Lost { path } => {
            code(refusal::UNAVAILABLE, &path)
        }
        AskError::Ended(ended) => code(refusal::ENDED, &ended.to_string()),
    }
}

fn undone(error: CrewError) -> Refused {
    match error {
        CrewError::Nobody { .. } | CrewError::Overloaded => Refused::Busy,
        CrewError::NoModel { model, explanation } => {
            Refused::Code(refusal::NO_MODEL, format!("{model}\n{explanation}"))
        }
        CrewError::Ended(ended) => code(refusal::ENDED, &ended.to_string()),
        error @ CrewError::Lost(_) => code(refusal::UNAVAILABLE, &error.to_string()),
        CrewError::Original(why) => code(refusal::ORIGINAL, &why),
        CrewError::Failed(why) => code(refusal::INTERNAL, &why),
    }
}

fn unanalysed(failure: AnalyzeFailure) -> Refused {
    match failure {
        AnalyzeFailure::NoProfile { wanted, known } => {
            let text = format!("{}\n{}", wanted.unwrap_or_default(), known.join("\n"));
            Refused::Code(refusal::NO_PROFILE, text)
        }
        AnalyzeFailure::Asked(failure) => unanswered(failure),
    }
}

fn unanswered(failure: AskFailure) -> Refused {
    match failure {
        AskFailure::Unknown => code(refusal::UNKNOWN_DOCUMENT, "there is no such document"),
        AskFailure::NotReady(_) => code(refusal::NOT_READY, "the document is not ready"),
        AskFailure::NoModel { model, explanation } => {
            Refused::Code(refusal::NO_MODEL, format!("{model}\n{explanation}"))
        }
        AskFailure::Overloaded => code(refusal::OVERLOADED, "too many questions wait"),
        AskFailure::Unavailable(what) => code(refusal::UNAVAILABLE, &what),
        AskFailure::Ended(ended) => code(refusal::ENDED, &ended.to_string()),
        AskFailure::Quarantined => {
            code(refusal::QUARANTINED, "an operator has taken the document out of service")
        }
        AskFailure::NotRemembered => code(refusal::NOT_REMEMBERED, "no answer is remembered"),
        AskFailure::Internal(why) => code(refusal::INTERNAL, &why),
    }
}
