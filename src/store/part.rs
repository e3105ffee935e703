//! One try of one part: intent, then exactly one of accepted, refused, uncertain, never left.
//!
//! Every write is guarded by the state it expects and answers whether it held; a write that comes twice, or too
//! late, changes nothing.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{OptionalExtension, named_params};

use super::attempt;
use super::doubt::{Doubt, fall_into_doubt};
use super::expiry::expire_if_over;
use super::fleet::{count_part, uncount_part};
use super::message::{Head, append, end, error, head, rest, step, step_with};
use super::money::spend;
use super::report::{aggregate, settle_orphans};
use super::sim::remember;
use super::suppression::{self, fail_if_suppressed};
use super::writer::{Receipt, Work, job};
use super::{Group, StoreError};
use crate::domain::attempt::{AttemptId, Taken as TakenByProvider};
use crate::domain::message::Change;
use crate::domain::report::number_tail;
use crate::domain::{
    Addressee, Blame, Crowd, Event, EventKind, Manners, MessageReference, MessageSeq, MessageState,
    Money, PartNumber, PartState, PendingCode, Policy, RouteKind, RouteName, Setback, SimId,
    Ticket, UnixMillis,
};

/// A part is about to go out by a route. Committed before the first octet of its PDU is written.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) message: MessageSeq,
    pub(crate) part: PartNumber,
    pub(crate) route: RouteName,
    pub(crate) sim: Option<SimId>,
    /// The SIM's own number.
    pub(crate) from_number: Option<String>,
    pub(crate) reference: u16,
    /// Names this try; no other has it.
    pub(crate) ticket: i64,
    /// It may have left in an earlier try: the phone may see it twice.
    pub(crate) doubtful: bool,
    /// Another SIM than the one that took earlier parts: all parts start anew (semantics §6).
    pub(crate) anew: bool,
    /// What it costs if it leaves.
    pub(crate) cost: Money,
    /// The day on which that counts against the budget; `None`: it does not.
    pub(crate) spent_on: Option<i32>,
    pub(crate) at: UnixMillis,
}

/// The service centre, or the provider, took it.
#[derive(Clone, Debug)]
pub(crate) struct Acceptance {
    pub(crate) message: MessageSeq,
    pub(crate) part: PartNumber,
    pub(crate) ticket: i64,
    pub(crate) route: RouteName,
    pub(crate) reference: Option<MessageReference>,
    pub(crate) mean_send: Duration,
    /// Until when a report may come; `None` when none was asked for.
    pub(crate) window_ends_at: Option<UnixMillis>,
    /// It is not the last part of its text.
    pub(crate) more_follow: bool,
    /// Nobody holds the parts that follow it: they go back into the line.
    pub(crate) is_unheld: bool,
    /// It was the whole text: no part of it waits any more.
    pub(crate) whole: bool,
    /// What becomes of another part of it that may have left.
    pub(crate) policy: Policy,
    /// What a provider said beside.
    pub(crate) taken: Option<Box<TakenByProvider>>,
    /// When the provider is asked what became of it.
    pub(crate) ask_at: Option<UnixMillis>,
    pub(crate) at: UnixMillis,
}

/// It was refused; nothing left, or the network said no.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) message: MessageSeq,
    pub(crate) part: PartNumber,
    pub(crate) ticket: i64,
    pub(crate) setback: Setback,
    pub(crate) next: NextTry,
    pub(crate) at: UnixMillis,
}

/// It may have left; nobody said.
#[derive(Clone, Debug)]
pub(crate) struct Uncertainty {
    pub(crate) message: MessageSeq,
    pub(crate) part: PartNumber,
    pub(crate) ticket: i64,
    pub(crate) setback: Setback,
    /// Until when a report may settle it.
    pub(crate) closes_at: UnixMillis,
    pub(crate) next: NextTry,
    /// When the provider is asked whether it has it.
    pub(crate) ask_at: Option<UnixMillis>,
    pub(crate) at: UnixMillis,
}

/// No octet of its PDU was written: the try is taken back.
#[derive(Clone, Debug)]
pub(crate) struct NeverLeft {
    pub(crate) message: MessageSeq,
    pub(crate) part: PartNumber,
    pub(crate) ticket: i64,
    pub(crate) why: String,
    pub(crate) at: UnixMillis,
}

/// What follows a try that did not send its part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NextTry {
    At {
        at: UnixMillis,
        /// Why it waits until then, for a person.
        why: String,
        /// It counts against `message.max_attempts`.
        counts: bool,
    },
    /// This part is not sent again; those of its message that did not leave are, by the same SIM (policy lose).
    TheRest,
    Never,
}

impl Group<'_> {
    /// `false`: the message was canceled, expired, suppressed or taken meanwhile, or quiet hours have begun; nothing may
    /// leave.
    pub(crate) fn intent(&mut self, intent: Intent) -> Receipt<bool> {
        let manners = Arc::clone(&self.store.manners);
        let (job, receipt) = job(move |work| begin(work, &intent, &manners));
        self.jobs.push(job);
        receipt
    }

    pub(crate) fn accepted(&mut self, acceptance: Acceptance) -> Receipt<bool> {
        let (job, receipt) = job(move |work| accepted(work, &acceptance));
        self.jobs.push(job);
        receipt
    }

    pub(crate) fn refused(&mut self, refusal: Refusal) -> Receipt<bool> {
        let (job, receipt) = job(move |work| refused(work, &refusal));
        self.jobs.push(job);
        receipt
    }

    pub(crate) fn uncertain(&mut self, uncertainty: Uncertainty) -> Receipt<bool> {
        let (job, receipt) = job(move |work| uncertain(work, &uncertainty));
        self.jobs.push(job);
        receipt
    }

    pub(crate) fn never_left(&mut self, never_left: NeverLeft) -> Receipt<bool> {
        let (job, receipt) = job(move |work| left_not(work, &never_left));
        self.jobs.push(job);
        receipt
    }

    /// Gives up a message that stands in line: it cannot be sent as it is.
    pub(crate) fn give_up(
        &mut self,
        message: MessageSeq,
        code: &'static str,
        why: String,
        at: UnixMillis,
    ) -> Receipt<bool> {
        let (job, receipt) = job(move |work| {
            let mut head = head(work, message)?;
            let given_up = step(work, &mut head, Change::GivenUp)?;
            if given_up {
                fail(work, &head, code, &why, at)?;
            }
            Ok(given_up)
        });
        self.jobs.push(job);
        receipt
    }
}

fn begin(work: &mut Work<'_>, intent: &Intent, manners: &Manners) -> Result<bool, StoreError> {
    let mut head = head(work, intent.message)?;
    let may_go = match head.state {
        MessageState::Queued => {
            head.expires_at > intent.at
                && !head.is_held
                && !is_unwelcome(work, &mut head, manners, intent.at)?
                && count_try(work, &mut head, intent)?
        }
        // The next part of a message that is on its way.
        MessageState::Sending => charge(work, &head, intent.cost)?,
        _ => false,
    };
    if !may_go {
        return Ok(false);
    }
    if intent.anew {
        start_anew(work, &head, intent)?;
    } else if left_by_another_sim(work, &head, intent)? {
        return Err(StoreError::Corrupt(
            "a part was handed to another SIM than the parts before it".into(),
        ));
    }
    if !begin_part(work, &head, intent)? {
        // Its savepoint is rolled back: nothing of this job holds.
        return Err(StoreError::Corrupt(
            "a part was handed out that is not waiting".into(),
        ));
    }
    if let Some(sim) = &intent.sim {
        count_part(work, sim, intent.at)?;
    }
    if let Some(day) = intent.spent_on {
        spend(work, day, intent.cost)?;
    }
    if intent.route.kind() == RouteKind::Cloud {
        let attempt = AttemptId {
            message: intent.message,
            ticket: Ticket(intent.ticket),
        };
        attempt::begin(work, attempt, &intent.route, intent.at)?;
    }
    let event = Event::new(intent.at, EventKind::Sending)
        .part(intent.part)
        .route(intent.route.as_str());
    append(work, &head, event)?;
    crash_point!(writes Intent);
    Ok(true)
}

/// What came after the message was accepted: its number was suppressed, or quiet hours have begun.
fn is_unwelcome(
    work: &mut Work<'_>,
    head: &mut Head,
    manners: &Manners,
    at: UnixMillis,
) -> Result<bool, StoreError> {
    if fail_if_suppressed(work, &manners.stop, head, at)? {
        return Ok(true);
    }
    match manners.curfew.until(head.category, at) {
        Some(until) => rest(work, head, until, at).map(|()| true),
        None => Ok(false),
    }
}

fn count_try(work: &mut Work<'_>, head: &mut Head, intent: &Intent) -> Result<bool, StoreError> {
    step_with(
        work,
        head,
        Change::Intent,
        "UPDATE message
            SET state = :to, tries = tries + 1, route = :route, from_number = :from_number,
                reference = :reference, may_be_duplicate = may_be_duplicate OR :doubtful,
                price = COALESCE(price, 0) + :cost
          WHERE seq = :seq AND state = :from",
        &[
            (":doubtful", &intent.doubtful),
            (":route", &intent.route.as_str()),
            (":cost", &intent.cost.0),
            (":from_number", &intent.from_number),
            (":reference", &intent.reference),
        ],
    )
}

/// A handset joins parts by their sender: those of one text leave by one SIM, whatever dispatch believes is in its modem.
fn left_by_another_sim(work: &Work<'_>, head: &Head, intent: &Intent) -> Result<bool, StoreError> {
    let Some(sim) = intent.sim.as_ref().filter(|_| head.parts > 1) else {
        return Ok(false);
    };
    Ok(work
        .db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1
                              FROM part
                             WHERE message = :seq AND sim <> :sim
                               AND state NOT IN ('queued', 'sending', 'uncertain'))",
        )?
        .query_row(
            named_params! { ":seq": head.seq.0, ":sim": sim.as_str() },
            |row| row.get(0),
        )?)
}

/// What a try costs if it leaves: known before it does, so that a crash cannot lose it.
fn charge(work: &Work<'_>, head: &Head, cost: Money) -> Result<bool, StoreError> {
    work.db
        .prepare_cached("UPDATE message SET price = COALESCE(price, 0) + :cost WHERE seq = :seq")?
        .execute(named_params! { ":cost": cost.0, ":seq": head.seq.0 })?;
    Ok(true)
}

/// A try that was charged has not left.
pub(super) fn refund(
    work: &Work<'_>,
    seq: MessageSeq,
    left: &Whereabouts,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached("UPDATE message SET price = NULLIF(price - :cost, 0) WHERE seq = :seq")?
        .execute(named_params! { ":cost": left.cost.0, ":seq": seq.0 })?;
    match left.spent_on {
        Some(day) => spend(work, day, Money(-left.cost.0)),
        None => Ok(()),
    }
}

fn start_anew(work: &mut Work<'_>, head: &Head, intent: &Intent) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE part
                SET state = 'queued', mr = NULL, accepted_at = NULL, window_ends_at = NULL,
                    tp_status = NULL, reported_at = NULL
              WHERE message = :seq",
        )?
        .execute(named_params! { ":seq": intent.message.0 })?;
    work.db
        .prepare_cached("UPDATE message SET may_be_duplicate = 1 WHERE seq = :seq")?
        .execute(named_params! { ":seq": intent.message.0 })?;
    let event = Event::new(intent.at, EventKind::StartedAnew)
        .route(intent.route.as_str())
        .detail("another SIM: a handset joins parts by sender and reference");
    append(work, head, event)
}

fn begin_part(work: &Work<'_>, head: &Head, intent: &Intent) -> Result<bool, StoreError> {
    let changed = work
        .db
        .prepare_cached(
            "UPDATE part
                SET state = 'sending', route = :route, sim = :sim, recipient_tail = :tail, mr = NULL,
                    ticket = :ticket, tried_at = :at, window_ends_at = NULL,
                    cost = :cost, spent_on = :spent_on
              WHERE message = :seq AND number = :number AND state IN ('queued', 'uncertain')",
        )?
        .execute(named_params! {
            ":route": intent.route.as_str(),
            ":cost": intent.cost.0,
            ":spent_on": intent.spent_on,
            ":sim": intent.sim.as_ref().map(SimId::as_str),
            ":tail": number_tail(head.to.as_str()),
            ":ticket": intent.ticket,
            ":at": intent.at.0,
            ":seq": intent.message.0,
            ":number": intent.part.0,
        })?;
    Ok(changed == 1)
}

/// Guarded change of a part from `sending`, in this try or in any; answers where it was. `None`: it was not.
pub(super) fn leave_sending(
    work: &Work<'_>,
    (message, part): (MessageSeq, PartNumber),
    ticket: Option<i64>,
    to: PartState,
) -> Result<Option<Whereabouts>, StoreError> {
    Ok(work
        .db
        .prepare_cached(
            "UPDATE part
                SET state = :to
              WHERE message = :seq AND number = :number AND state = 'sending'
                AND (:ticket IS NULL OR ticket = :ticket)
          RETURNING COALESCE(route, ''), sim, tried_at, cost, spent_on",
        )?
        .query_row(
            named_params! {
                ":to": to.as_str(),
                ":seq": message.0,
                ":number": part.0,
                ":ticket": ticket,
            },
            |row| {
                let sim: Option<String> = row.get(1)?;
                Ok(Whereabouts {
                    route: row.get(0)?,
                    sim: sim.as_deref().and_then(SimId::parse),
                    tried_at: UnixMillis(row.get(2)?),
                    cost: Money(row.get(3)?),
                    spent_on: row.get(4)?,
                })
            },
        )
        .optional()?)
}

/// Where a part was under way.
pub(super) struct Whereabouts {
    pub(super) route: String,
    pub(super) sim: Option<SimId>,
    pub(super) tried_at: UnixMillis,
    pub(super) cost: Money,
    pub(super) spent_on: Option<i32>,
}

/// A message that is on its way with no part under way and nobody who holds it stands in line again.
pub(super) fn rest_between_parts(
    work: &mut Work<'_>,
    head: &mut Head,
    at: UnixMillis,
) -> Result<(), StoreError> {
    if head.state != MessageState::Sending || part_under_way(work, head.seq)?.is_some() {
        return Ok(());
    }
    if step(work, head, Change::NeverLeft)? {
        stand_by_sim(work, head)?;
        let event = Event::new(at, EventKind::Queued).detail("between two parts");
        append(work, head, event)?;
        expire_if_over(work, head, at)?;
    }
    Ok(())
}

/// A text some of whose parts have left waits for the SIM that took them: it stands in that crowd.
pub(super) fn stand_by_sim(work: &Work<'_>, head: &Head) -> Result<(), StoreError> {
    if head.parts == 1 {
        return Ok(());
    }
    let sim: Option<String> = work
        .db
        .prepare_cached(
            "SELECT sim
               FROM part
              WHERE message = :seq AND sim IS NOT NULL AND state NOT IN ('queued', 'sending')
              ORDER BY tried_at DESC
              LIMIT 1",
        )?
        .query_row(named_params! { ":seq": head.seq.0 }, |row| row.get(0))
        .optional()?;
    if let Some(sim) = sim.as_deref().and_then(SimId::parse) {
        work.db
            .prepare_cached("UPDATE message SET crowd = :crowd WHERE seq = :seq")?
            .execute(named_params! { ":crowd": Crowd::of_sim(&sim).0, ":seq": head.seq.0 })?;
    }
    Ok(())
}

fn accepted(work: &mut Work<'_>, acceptance: &Acceptance) -> Result<bool, StoreError> {
    if acceptance.route.kind() == RouteKind::Cloud {
        note_answer(work, acceptance)?;
    }
    let taken = Taken {
        message: acceptance.message,
        part: acceptance.part,
        reference: acceptance.reference,
        window_ends_at: acceptance.window_ends_at,
        route: acceptance.route.as_str().to_owned(),
        at: acceptance.at,
    };
    let Some(sim) = mark_taken(work, &taken, PartState::Sending, Some(acceptance.ticket))? else {
        return Ok(false);
    };
    crash_point!(writes Outcome);
    if let Some(sim) = &sim {
        remember(work, sim, acceptance)?;
    }
    if acceptance.whole {
        take_the_rest(work, &taken)?;
    }
    finish_acceptance(work, &taken, sim.as_ref(), Change::Accepted)?;
    if acceptance.policy == Policy::Lose {
        let mut head = head(work, acceptance.message)?;
        end_in_doubt(work, &mut head, acceptance.at)?;
    }
    if acceptance.is_unheld {
        let mut head = head(work, acceptance.message)?;
        rest_between_parts(work, &mut head, acceptance.at)?;
    }
    Ok(true)
}

/// Also when a callback was faster, and said that it was taken.
fn note_answer(work: &Work<'_>, acceptance: &Acceptance) -> Result<(), StoreError> {
    let attempt = AttemptId {
        message: acceptance.message,
        ticket: Ticket(acceptance.ticket),
    };
    attempt::ask_at(work, attempt, acceptance.ask_at)?;
    if let Some(ends_at) = acceptance.window_ends_at {
        attempt::keep_open(work, attempt, ends_at)?;
    }
    match &acceptance.taken {
        Some(taken) => attempt::note_taken(work, attempt, &acceptance.route, taken),
        None => Ok(()),
    }
}

/// A provider takes a text whole: what is true of its first part is true of all.
pub(super) fn take_the_rest(work: &Work<'_>, taken: &Taken) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE part
                SET state = 'sent', route = :route, sim = NULL, mr = NULL, accepted_at = :at,
                    window_ends_at = :window_ends_at
              WHERE message = :seq AND state IN ('queued', 'uncertain')",
        )?
        .execute(named_params! {
            ":route": taken.route,
            ":at": taken.at.0,
            ":window_ends_at": taken.window_ends_at.map(|at| at.0),
            ":seq": taken.message.0,
        })?;
    Ok(())
}

/// Under policy lose a message of which nothing waits any more is `unknown` when one of its parts may have left.
fn end_in_doubt(work: &mut Work<'_>, head: &mut Head, at: UnixMillis) -> Result<(), StoreError> {
    if head.parts == 1 || head.state != MessageState::Sending {
        return Ok(());
    }
    let parts = parts_in(work, head.seq)?;
    match parts.queued + parts.sending == 0 && parts.uncertain > 0 {
        true => lose(work, head, at),
        false => Ok(()),
    }
}

/// How many parts of a message are not accepted.
pub(super) struct PartsIn {
    pub(super) queued: u32,
    pub(super) sending: u32,
    pub(super) uncertain: u32,
}

pub(super) fn parts_in(work: &Work<'_>, seq: MessageSeq) -> Result<PartsIn, StoreError> {
    Ok(work
        .db
        .prepare_cached(
            "SELECT COALESCE(SUM(state = 'queued'), 0), COALESCE(SUM(state = 'sending'), 0),
                    COALESCE(SUM(state = 'uncertain'), 0)
               FROM part
              WHERE message = :seq",
        )?
        .query_row(named_params! { ":seq": seq.0 }, |row| {
            Ok(PartsIn {
                queued: row.get(0)?,
                sending: row.get(1)?,
                uncertain: row.get(2)?,
            })
        })?)
}

/// A part that the service centre has.
pub(super) struct Taken {
    pub(super) message: MessageSeq,
    pub(super) part: PartNumber,
    pub(super) reference: Option<MessageReference>,
    pub(super) window_ends_at: Option<UnixMillis>,
    pub(super) route: String,
    pub(super) at: UnixMillis,
}

/// Guarded change of a part from `from` to `sent`; `None`: it was not `from`. Answers the SIM that it went by.
pub(super) fn mark_taken(
    work: &Work<'_>,
    taken: &Taken,
    from: PartState,
    ticket: Option<i64>,
) -> Result<Option<Option<SimId>>, StoreError> {
    let sim = work
        .db
        .prepare_cached(
            "UPDATE part
                SET state = 'sent', mr = :mr, accepted_at = :at,
                    window_ends_at = COALESCE(:window_ends_at, window_ends_at)
              WHERE message = :seq AND number = :number AND state = :from
                AND (:ticket IS NULL OR ticket = :ticket)
          RETURNING sim",
        )?
        .query_row(
            named_params! {
                ":mr": taken.reference.map(|mr| mr.0),
                ":at": taken.at.0,
                ":window_ends_at": taken.window_ends_at.map(|at| at.0),
                ":seq": taken.message.0,
                ":number": taken.part.0,
                ":from": from.as_str(),
                ":ticket": ticket,
            },
            |row| row.get::<_, Option<String>>(0),
        )
        .optional()?;
    Ok(sim.map(|sim| sim.as_deref().and_then(SimId::parse)))
}

/// After a part became `sent`: its event, reports that overtook it, and the message's step if it was the last.
pub(super) fn finish_acceptance(
    work: &mut Work<'_>,
    taken: &Taken,
    sim: Option<&SimId>,
    change: Change,
) -> Result<(), StoreError> {
    let (seq, at) = (taken.message, taken.at);
    let mut head = head(work, seq)?;
    let kind = match change {
        Change::Settled => EventKind::Settled,
        _ => EventKind::PartSent,
    };
    let mut event = Event::new(at, kind)
        .part(taken.part)
        .route(taken.route.clone());
    if let Some(mr) = taken.reference {
        event = event.detail(format!("reference {}", mr.0));
    }
    append(work, &head, event)?;
    let overtaken = match (sim, taken.reference) {
        (Some(sim), Some(reference)) => settle_orphans(work, sim, reference, at)?,
        _ => false,
    };
    if !all_accepted(work, &head)? {
        return Ok(());
    }
    if head.state == MessageState::Queued {
        // It stood in line to be sent again, and had left all the same.
        step(work, &mut head, Change::Settled)?;
    }
    let change = match head.state {
        MessageState::Sending => Change::Accepted,
        _ => change,
    };
    if !sent(work, &mut head, change, at)? {
        return Ok(());
    }
    append(work, &head, Event::new(at, EventKind::Sent))?;
    // A single part has no reports from before its acceptance but those.
    if overtaken || head.parts > 1 {
        aggregate(work, seq, at)?;
    }
    Ok(())
}

/// The message's step, and what only a waiting message has: its hold and its sealed text.
fn sent(
    work: &mut Work<'_>,
    head: &mut Head,
    change: Change,
    at: UnixMillis,
) -> Result<bool, StoreError> {
    step_with(
        work,
        head,
        change,
        "UPDATE message
            SET state = :to, sent_at = COALESCE(sent_at, :at), error_code = NULL, error_text = NULL,
                sealed = NULL, made_of = NULL, sealed_values = NULL, next_attempt_at = NULL, hold_code = NULL,
                hold_text = NULL,
                closes_at = (SELECT MAX(COALESCE(window_ends_at, accepted_at))
                               FROM part WHERE message = :seq)
          WHERE seq = :seq AND state = :from",
        &[(":at", &at.0)],
    )
}

fn all_accepted(work: &Work<'_>, head: &Head) -> Result<bool, StoreError> {
    if head.parts == 1 {
        return Ok(true);
    }
    Ok(work
        .db
        .prepare_cached(
            "SELECT NOT EXISTS (SELECT 1
                                  FROM part
                                 WHERE message = :seq AND state IN ('queued', 'sending', 'uncertain'))",
        )?
        .query_row(named_params! { ":seq": head.seq.0 }, |row| row.get(0))?)
}

fn refused(work: &mut Work<'_>, refusal: &Refusal) -> Result<bool, StoreError> {
    let seq = refusal.message;
    let try_of = (seq, refusal.part);
    let left = leave_sending(work, try_of, Some(refusal.ticket), PartState::Queued)?;
    let Some(left) = left else {
        return Ok(false);
    };
    refund(work, seq, &left)?;
    let mut head = head(work, seq)?;
    let event = Event::new(refusal.at, EventKind::Refused)
        .part(refusal.part)
        .route(left.route)
        .detail(refusal.setback.to_string());
    append(work, &head, event)?;
    let (code, text) = (refusal.setback.code, &refusal.setback.detail);
    match &refusal.next {
        NextTry::At { at, why, counts } => {
            step(work, &mut head, Change::Refused)?;
            error(work, seq, code, text)?;
            hold(work, &head, *at, why, *counts)?;
            stay(work, seq, refusal.setback.blame == Blame::Frequency)?;
            expire_if_over(work, &mut head, refusal.at)?;
        }
        NextTry::TheRest | NextTry::Never => {
            step(work, &mut head, Change::GivenUp)?;
            fail(work, &head, code, text, refusal.at)?;
        }
    }
    if let ("suppressed", Addressee::Known(to)) = (code, &head.to) {
        suppression::opted_out(work, to, refusal.at)?;
    }
    Ok(true)
}

/// Too many texts went to its number: it goes by no other route.
fn stay(work: &Work<'_>, seq: MessageSeq, stays: bool) -> Result<(), StoreError> {
    work.db
        .prepare_cached("UPDATE message SET stays = :stays WHERE seq = :seq AND stays <> :stays")?
        .execute(named_params! { ":stays": stays, ":seq": seq.0 })?;
    Ok(())
}

fn fail(
    work: &mut Work<'_>,
    head: &Head,
    code: &str,
    text: &str,
    at: UnixMillis,
) -> Result<(), StoreError> {
    end(work, head.seq)?;
    error(work, head.seq, code, text)?;
    append(work, head, Event::new(at, EventKind::Failed).detail(code))
}

/// Holds a queued message back. `counts`: the try was about this message.
pub(super) fn hold(
    work: &Work<'_>,
    head: &Head,
    until: UnixMillis,
    why: &str,
    counts: bool,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE message
                SET next_attempt_at = :until, hold_code = :code, hold_text = :why,
                    strikes = strikes + :counts, setbacks = CASE WHEN :counts THEN 0 ELSE setbacks + 1 END
              WHERE seq = :seq",
        )?
        .execute(named_params! {
            ":until": until.0,
            ":code": PendingCode::RetryBackoff.as_str(),
            ":why": why,
            ":counts": counts,
            ":seq": head.seq.0,
        })?;
    stand_by_sim(work, head)
}

fn uncertain(work: &mut Work<'_>, uncertainty: &Uncertainty) -> Result<bool, StoreError> {
    let seq = uncertainty.message;
    let try_of = (seq, uncertainty.part);
    let left = leave_sending(work, try_of, Some(uncertainty.ticket), PartState::Uncertain)?;
    let attempt = AttemptId {
        message: seq,
        ticket: Ticket(uncertainty.ticket),
    };
    let Some(left) = left else {
        attempt::keep_open(work, attempt, uncertainty.closes_at)?;
        return Ok(false);
    };
    let mut head = head(work, seq)?;
    let doubt = Doubt {
        part: uncertainty.part,
        left,
        code: uncertainty.setback.code,
        detail: &uncertainty.setback.detail,
        said: uncertainty.setback.to_string(),
        next: &uncertainty.next,
        closes_at: uncertainty.closes_at,
        at: uncertainty.at,
    };
    fall_into_doubt(work, &mut head, doubt)?;
    attempt::ask_at(work, attempt, uncertainty.ask_at)?;
    Ok(true)
}

/// It is not sent again; it closes when the last report window of its parts does.
pub(super) fn lose(work: &mut Work<'_>, head: &mut Head, at: UnixMillis) -> Result<(), StoreError> {
    step_with(
        work,
        head,
        Change::UncertainLost,
        "UPDATE message
            SET state = :to,
                closes_at = (SELECT MAX(COALESCE(window_ends_at, accepted_at))
                               FROM part WHERE message = :seq)
          WHERE seq = :seq AND state = :from",
        &[],
    )?;
    end(work, head.seq)?;
    append(work, head, Event::new(at, EventKind::Unknown))
}

fn left_not(work: &mut Work<'_>, never_left: &NeverLeft) -> Result<bool, StoreError> {
    let seq = never_left.message;
    let mut head = head(work, seq)?;
    let try_of = (seq, never_left.part);
    let left = leave_sending(work, try_of, Some(never_left.ticket), PartState::Queued)?;
    let Some(left) = left else {
        // Its intent never became durable; the part before it may have been the last to.
        rest_between_parts(work, &mut head, never_left.at)?;
        return Ok(false);
    };
    refund(work, seq, &left)?;
    if let Some(sim) = &left.sim {
        uncount_part(work, sim, left.tried_at)?;
    }
    if step(work, &mut head, Change::NeverLeft)? {
        stand_by_sim(work, &head)?;
        work.db
            .prepare_cached("UPDATE message SET tries = tries - 1 WHERE seq = :seq AND tries > 0")?
            .execute(named_params! { ":seq": seq.0 })?;
    }
    let event = Event::new(never_left.at, EventKind::NeverLeft)
        .part(never_left.part)
        .route(left.route)
        .detail(never_left.why.clone());
    append(work, &head, event)?;
    expire_if_over(work, &mut head, never_left.at)?;
    Ok(true)
}

pub(super) fn part_under_way(
    work: &Work<'_>,
    seq: MessageSeq,
) -> Result<Option<PartNumber>, StoreError> {
    Ok(work
        .db
        .prepare_cached("SELECT number FROM part WHERE message = :seq AND state = 'sending'")?
        .query_row(named_params! { ":seq": seq.0 }, |row| {
            row.get(0).map(PartNumber)
        })
        .optional()?)
}
