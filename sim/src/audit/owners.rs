//! One append and one claim at a time, driven through a store of one line, held to what an owner may say afterwards.

use enabler_cluster::decide::append::{self, Append, Author, Outcome};
use enabler_cluster::decide::claim::{self, Claim, Held};

use super::{Broken, Dice};
use crate::core::judge::{
    BOUNDED, CUT_OFF, FENCED, NO_STALE_ACK, ONE_CHAIN, OWNED, REPLAY, SETTLED, UNKNOWN,
};

/// Steps of one append or one claim: each has a bound of its own far below.
const STEPS_MAX: u32 = 200;
/// An owner waits for the store to tell, but not for longer than this, in milliseconds.
const WAIT_MS_MAX: u64 = 120_000;
/// Readings before an owner may say that it does not know: a store that is slow for a moment is no reason.
const READS_MIN: u32 = 5;

/// Tries both.
pub(super) fn check(dice: &mut Dice) -> Result<(), Broken> {
    for _ in 0..20 {
        append(dice)?;
        claim(dice)?;
    }
    Ok(())
}

/// The one place in the log that an append is about.
struct Slot {
    me: Author,
    held: Option<Author>,
    /// A put of ours is under way and may still be applied.
    is_late: bool,
}

impl Slot {
    fn rival(&self, dice: &mut Dice) -> Author {
        let epoch = self.me.epoch - 1 + dice.below(3);
        // Within our epoch another writer is a second owner; our own earlier entry would be one too.
        let writer = if dice.one_in(4) { self.me.writer } else { self.me.writer + 1 };
        Author { epoch, writer, nonce: self.me.nonce + 1 }
    }

    /// What happens in the store while the owner waits.
    fn pass(&mut self, dice: &mut Dice) {
        if self.is_late && dice.one_in(3) {
            self.is_late = false;
            self.held.get_or_insert(self.me);
        }
        if self.held.is_none() && dice.one_in(12) {
            self.held = Some(self.rival(dice));
        }
    }

    fn put(&mut self, dice: &mut Dice) -> append::Event {
        if self.held.is_some() {
            return if dice.one_in(8) { append::Event::Unknown } else { append::Event::Refused };
        }
        match dice.below(6) {
            0 => append::Event::Unknown,
            1 => {
                self.is_late = true;
                append::Event::Unknown
            }
            2 => {
                self.held = Some(self.me);
                append::Event::Unknown
            }
            // Applied, and refused to the repetition that the store's client made of it.
            3 => {
                self.held = Some(self.me);
                append::Event::Refused
            }
            _ => {
                self.held = Some(self.me);
                append::Event::Applied
            }
        }
    }
}

fn append(dice: &mut Dice) -> Result<(), Broken> {
    let me = Author { epoch: 5, writer: 70, nonce: 900 };
    let mut slot = Slot { me, held: None, is_late: false };
    if dice.one_in(3) {
        slot.held = Some(slot.rival(dice));
    }
    // Some stores do not answer for long.
    let silence = if dice.one_in(4) { 1 } else { 5 };
    let (mut append, mut effect) = Append::new(me);
    let (mut waited_ms, mut reads, mut doubts) = (0_u64, 0_u32, 0_u32);
    let mut event = None;
    for _ in 0..STEPS_MAX {
        let next = match effect {
            append::Effect::Put => {
                if matches!(event, Some(append::Event::Unknown | append::Event::Unreadable)) {
                    let text = "an entry is put again though nobody has looked what became of the first put";
                    return Err((UNKNOWN, text.to_owned()));
                }
                slot.put(dice)
            }
            append::Effect::ReadAfter(wait_ms) => {
                (waited_ms, reads) = (waited_ms + wait_ms, reads + 1);
                if wait_ms == 0 && matches!(event, Some(append::Event::Unknown | append::Event::Unreadable)) {
                    return Err((BOUNDED, "a store that does not answer is asked again at once".to_owned()));
                }
                slot.pass(dice);
                match slot.held {
                    _ if dice.below(silence) == 0 => append::Event::Unreadable,
                    Some(author) => append::Event::Found(author),
                    None => append::Event::Absent,
                }
            }
            append::Effect::Done(outcome) => return told(&slot, outcome, reads, doubts),
        };
        doubts += u32::from(!matches!(next, append::Event::Applied | append::Event::Found(_)));
        event = Some(next);
        effect = append.step(next);
        if waited_ms > WAIT_MS_MAX {
            return Err((BOUNDED, format!("an append waits {waited_ms} ms for the store")));
        }
    }
    Err((BOUNDED, "an append never ends".to_owned()))
}

/// What an owner says of its entry must be so.
fn told(slot: &Slot, outcome: Outcome, reads: u32, doubts: u32) -> Result<(), Broken> {
    let (me, held) = (slot.me, slot.held);
    let is_right = match outcome {
        Outcome::Acknowledged => held == Some(me),
        Outcome::Fenced { epoch } => held.is_some_and(|held| held.epoch == epoch && epoch > me.epoch),
        Outcome::Overtaken => held.is_some_and(|held| held.epoch < me.epoch),
        Outcome::Split { writer } => {
            held.is_some_and(|held| held != me && held.epoch == me.epoch && held.writer == writer)
        }
        Outcome::Undecided => {
            if reads < READS_MIN || doubts == 0 {
                let text = format!("an append is given up after {reads} readings");
                return Err((BOUNDED, text));
            }
            true
        }
    };
    if is_right {
        return Ok(());
    }
    let promise = match outcome {
        Outcome::Acknowledged => NO_STALE_ACK,
        Outcome::Fenced { .. } => UNKNOWN,
        _ => ONE_CHAIN,
    };
    Err((promise, format!("an append ends as {outcome:?} where the store holds {held:?}")))
}

/// A manifest that several nodes want.
struct Manifest {
    held: Option<Held>,
    seen: Option<Held>,
    /// Every epoch that was ours.
    ours: Vec<u64>,
    late: Option<Held>,
}

impl Manifest {
    fn set(&mut self, held: Held, writer: u128) {
        self.held = Some(held);
        if held.writer == writer {
            self.ours.push(held.epoch);
        }
    }

    fn rival_takes(&mut self) {
        let epoch = self.held.map_or(0, |held| held.epoch) + 1;
        self.held = Some(Held { epoch, writer: 1_000 + u128::from(epoch) });
    }

    fn swap(&mut self, epoch: u64, writer: u128, dice: &mut Dice) -> claim::Event {
        if dice.one_in(6) {
            self.rival_takes();
        }
        let wanted = Held { epoch, writer };
        if self.held != self.seen {
            return if dice.one_in(6) { claim::Event::Unknown } else { claim::Event::Lost };
        }
        match dice.below(8) {
            0 => claim::Event::Unknown,
            1 => {
                self.late = Some(wanted);
                claim::Event::Unknown
            }
            2 => {
                self.set(wanted, writer);
                claim::Event::Unknown
            }
            3 => {
                self.set(wanted, writer);
                claim::Event::Lost
            }
            _ => {
                self.set(wanted, writer);
                claim::Event::Swapped
            }
        }
    }

    fn read(&mut self, writer: u128, dice: &mut Dice) -> claim::Event {
        // A put that was slow is applied if nothing has changed meanwhile.
        if let Some(late) = self.late
            && dice.one_in(2)
        {
            self.late = None;
            if self.held == self.seen {
                self.set(late, writer);
            }
        }
        self.seen = self.held;
        claim::Event::Manifest(self.held)
    }
}

fn claim(dice: &mut Dice) -> Result<(), Broken> {
    let writer = 70;
    let first = (!dice.one_in(4)).then(|| Held { epoch: dice.below(6), writer: 500 });
    let mut manifest = Manifest { held: first, seen: None, ours: Vec::new(), late: None };
    let is_granted = dice.one_in(5);
    let epoch_max = if dice.one_in(2) { dice.below(6) } else { claim::WHOEVER_HOLDS };
    let (mut free, mut has_ended) = (None, None);
    let (mut claim, mut effect) = if is_granted {
        let epoch = 3 + dice.below(4);
        manifest.set(Held { epoch, writer }, writer);
        match dice.below(4) {
            0 => Claim::granted_again(writer, epoch),
            told => {
                let known = dice.below(50);
                free = Some(known + 1);
                has_ended = (told == 1).then(|| known.saturating_sub(1) + dice.below(4));
                Claim::granted(writer, epoch, known, has_ended)
            }
        }
    } else {
        Claim::new(writer, epoch_max)
    };
    let (mut is_fenced, mut superseded, mut is_away) = (false, None, false);
    for _ in 0..STEPS_MAX {
        let event = match effect {
            claim::Effect::ReadManifest if dice.one_in(30) => {
                is_away = true;
                claim::Event::Unavailable
            }
            claim::Effect::ReadManifest => manifest.read(writer, dice),
            claim::Effect::Create(epoch) | claim::Effect::Swap(epoch) => {
                is_fenced = false;
                raises(&manifest, effect, epoch, writer)?;
                if epoch > epoch_max.saturating_add(1) {
                    let text = format!("a claim that may end epoch {epoch_max} goes for epoch {epoch}");
                    return Err((CUT_OFF, text));
                }
                manifest.swap(epoch, writer, dice)
            }
            claim::Effect::Replay => {
                if !manifest.ours.contains(&claim.epoch()) {
                    let text = format!("a node takes up epoch {} which it was not given", claim.epoch());
                    return Err((ONE_CHAIN, text));
                }
                free = Some(1 + dice.below(50));
                claim::Event::Replayed(free.unwrap_or(1))
            }
            claim::Effect::ReplayTo(seq) => {
                if Some(seq) != has_ended || free.is_none_or(|free| free > seq) {
                    return Err((REPLAY, format!("a log known to entry {free:?} is replayed to {seq}")));
                }
                free = Some(seq + 1);
                claim::Event::Replayed(seq + 1)
            }
            claim::Effect::Fence(seq) => {
                if free != Some(seq) {
                    return Err((ONE_CHAIN, format!("a fence goes to entry {seq}, the next is {free:?}")));
                }
                match dice.below(8) {
                    0 => claim::Event::Overtaken,
                    1 => {
                        manifest.rival_takes();
                        superseded = Some(claim.epoch() + 1 + dice.below(3));
                        claim::Event::Superseded(superseded.unwrap_or(0))
                    }
                    2 => {
                        is_away = true;
                        claim::Event::Unavailable
                    }
                    _ => {
                        is_fenced = true;
                        claim::Event::Fenced
                    }
                }
            }
            claim::Effect::Serve(epoch) => {
                // Whoever knows every entry of an owner that has ended needs no fence.
                let is_over = has_ended.is_some_and(|ended| free == Some(ended + 1));
                if !(is_fenced || is_over) || epoch != claim.epoch() || !manifest.ours.contains(&epoch) {
                    let text = format!("a node serves epoch {epoch} without having fenced it");
                    return Err((NO_STALE_ACK, text));
                }
                return Ok(());
            }
            claim::Effect::Yield(epoch) => {
                let is_ours = manifest.held.is_some_and(|held| held.writer == writer);
                if is_ours && superseded.is_none() {
                    return Err((OWNED, "a node gives way to nobody".to_owned()));
                }
                let known = manifest.held.map_or(0, |held| held.epoch).max(superseded.unwrap_or(0));
                let text = format!("a node gives way to epoch {epoch}, the last is {known}");
                return if epoch > known { Err((UNKNOWN, text)) } else { Ok(()) };
            }
            claim::Effect::Fail if is_away => return Ok(()),
            claim::Effect::Fail => return Err((OWNED, "a claim fails though the store answers".to_owned())),
        };
        effect = claim.step(event);
        gives_way(&manifest, event, effect, writer)?;
    }
    Err((BOUNDED, "a claim never ends".to_owned()))
}

/// A claim raises the epoch that it has read by one, by the means that fits.
fn raises(manifest: &Manifest, effect: claim::Effect, epoch: u64, writer: u128) -> Result<(), Broken> {
    let creates = matches!(effect, claim::Effect::Create(_));
    if creates != manifest.seen.is_none() {
        return Err((ONE_CHAIN, format!("a manifest that is {:?} is met with {effect:?}", manifest.seen)));
    }
    let before = manifest.seen.map_or(0, |held| held.epoch);
    if epoch != before + 1 {
        return Err((FENCED, format!("a claim asks for epoch {epoch} where {before} stands")));
    }
    if manifest.seen.is_some_and(|held| held.writer == writer) {
        return Err((SETTLED, "a node that has won claims again".to_owned()));
    }
    Ok(())
}

/// Whoever was faster lives, and keeps what it has.
fn gives_way(
    manifest: &Manifest,
    event: claim::Event,
    effect: claim::Effect,
    writer: u128,
) -> Result<(), Broken> {
    let claim::Event::Manifest(Some(held)) = event else { return Ok(()) };
    let is_late = !manifest.ours.is_empty() && held.writer != writer;
    if is_late && !matches!(effect, claim::Effect::Yield(_)) {
        return Err((SETTLED, "a node robs the one that was faster".to_owned()));
    }
    Ok(())
}
