//! One try of one part: intent, then exactly one of accepted, refused, uncertain, never left.
//!
//! Every write is guarded by the state it expects and answers whether it held; a write that comes twice, or too
//! late, changes nothing.

use std::time::Duration;

use rusqlite::{OptionalExtension, named_params};

use super::doubt::{Doubt, fall_into_doubt};
use super::fleet::{count_part, uncount_part};
use super::message::{Head, append, end, error, expire_if_over, head, step, step_with};
use super::report::{aggregate, settle_orphans};
use super::sim::remember;
use super::writer::{Receipt, Work, job};
use super::{Group, StoreError};
use crate::domain::message::Change;
use crate::domain::report::number_tail;
use crate::domain::{
    Event, EventKind, MessageReference, MessageSeq, MessageState, ModemName, PartNumber, PartState,
    PendingCode, Setback, SimId, UnixMillis,
};

/// A part is about to go out by a modem. Committed before the first octet of its PDU is written.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) message: MessageSeq,
    pub(crate) part: PartNumber,
    pub(crate) modem: ModemName,
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
    pub(crate) at: UnixMillis,
}

/// The service centre took it.
#[derive(Clone, Debug)]
pub(crate) struct Acceptance {
    pub(crate) message: MessageSeq,
    pub(crate) part: PartNumber,
    pub(crate) ticket: i64,
    pub(crate) modem: ModemName,
    pub(crate) reference: Option<MessageReference>,
    pub(crate) mean_send: Duration,
    /// Until when a report may come; `None` when none was asked for.
    pub(crate) window_ends_at: Option<UnixMillis>,
    /// Nobody holds the parts that follow it: they go back into the line.
    pub(crate) is_unheld: bool,
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
    /// `Fail` under policy lose, and when the tries are used up.
    pub(crate) next: NextTry,
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
    Never,
}

impl Group<'_> {
    /// `false`: the message was canceled, expired or taken meanwhile; nothing may leave.
    pub(crate) fn intent(&mut self, intent: Intent) -> Receipt<bool> {
        let (job, receipt) = job(move |work| begin(work, &intent));
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

fn begin(work: &mut Work<'_>, intent: &Intent) -> Result<bool, StoreError> {
    let mut head = head(work, intent.message)?;
    let may_go = match head.state {
        MessageState::Queued => {
            head.expires_at > intent.at && !head.is_held && count_try(work, &mut head, intent)?
        }
        // The next part of a message that is on its way.
        MessageState::Sending => true,
        _ => false,
    };
    if !may_go {
        return Ok(false);
    }
    if intent.anew {
        start_anew(work, &head, intent)?;
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
    let event = Event::new(intent.at, EventKind::Sending)
        .part(intent.part)
        .route(intent.modem.route());
    append(work, &head, event)?;
    Ok(true)
}

fn count_try(work: &mut Work<'_>, head: &mut Head, intent: &Intent) -> Result<bool, StoreError> {
    step_with(
        work,
        head,
        Change::Intent,
        "UPDATE message
            SET state = :to, tries = tries + 1, route = :route, from_number = :from_number,
                reference = :reference, may_be_duplicate = may_be_duplicate OR :doubtful
          WHERE seq = :seq AND state = :from",
        &[
            (":doubtful", &intent.doubtful),
            (":route", &intent.modem.route()),
            (":from_number", &intent.from_number),
            (":reference", &intent.reference),
        ],
    )
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
        .route(intent.modem.route())
        .detail("another SIM: a handset joins parts by sender and reference");
    append(work, head, event)
}

fn begin_part(work: &Work<'_>, head: &Head, intent: &Intent) -> Result<bool, StoreError> {
    let changed = work
        .db
        .prepare_cached(
            "UPDATE part
                SET state = 'sending', route = :route, sim = :sim, recipient_tail = :tail, mr = NULL,
                    ticket = :ticket, tried_at = :at, window_ends_at = NULL
              WHERE message = :seq AND number = :number AND state IN ('queued', 'uncertain')",
        )?
        .execute(named_params! {
            ":route": intent.modem.route(),
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
          RETURNING COALESCE(route, ''), sim, tried_at",
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
        let event = Event::new(at, EventKind::Queued).detail("between two parts");
        append(work, head, event)?;
        expire_if_over(work, head, at)?;
    }
    Ok(())
}

fn accepted(work: &mut Work<'_>, acceptance: &Acceptance) -> Result<bool, StoreError> {
    let taken = Taken {
        message: acceptance.message,
        part: acceptance.part,
        reference: acceptance.reference,
        window_ends_at: acceptance.window_ends_at,
        route: acceptance.modem.route(),
        at: acceptance.at,
    };
    let Some(sim) = mark_taken(work, &taken, PartState::Sending, Some(acceptance.ticket))? else {
        return Ok(false);
    };
    if let Some(sim) = &sim {
        remember(work, sim, acceptance)?;
    }
    finish_acceptance(work, &taken, sim.as_ref(), Change::Accepted)?;
    if acceptance.is_unheld {
        let mut head = head(work, acceptance.message)?;
        rest_between_parts(work, &mut head, acceptance.at)?;
    }
    Ok(true)
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
                sealed = NULL, next_attempt_at = NULL, hold_code = NULL, hold_text = NULL,
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
    let Some(Whereabouts { route, .. }) = left else {
        return Ok(false);
    };
    let mut head = head(work, seq)?;
    let event = Event::new(refusal.at, EventKind::Refused)
        .part(refusal.part)
        .route(route)
        .detail(refusal.setback.to_string());
    append(work, &head, event)?;
    let (code, text) = (refusal.setback.code, &refusal.setback.detail);
    match &refusal.next {
        NextTry::At { at, why, counts } => {
            step(work, &mut head, Change::Refused)?;
            error(work, seq, code, text)?;
            hold(work, seq, *at, why, *counts)?;
            expire_if_over(work, &mut head, refusal.at)?;
        }
        NextTry::Never => {
            step(work, &mut head, Change::GivenUp)?;
            fail(work, &head, code, text, refusal.at)?;
        }
    }
    Ok(true)
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
    seq: MessageSeq,
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
            ":seq": seq.0,
        })?;
    Ok(())
}

fn uncertain(work: &mut Work<'_>, uncertainty: &Uncertainty) -> Result<bool, StoreError> {
    let seq = uncertainty.message;
    let try_of = (seq, uncertainty.part);
    let left = leave_sending(work, try_of, Some(uncertainty.ticket), PartState::Uncertain)?;
    let Some(left) = left else {
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
    Ok(true)
}

pub(super) fn lose(
    work: &mut Work<'_>,
    head: &mut Head,
    closes_at: UnixMillis,
    at: UnixMillis,
) -> Result<(), StoreError> {
    step_with(
        work,
        head,
        Change::UncertainLost,
        "UPDATE message SET state = :to, closes_at = :closes_at WHERE seq = :seq AND state = :from",
        &[(":closes_at", &closes_at.0)],
    )?;
    end(work, head.seq)?;
    append(work, head, Event::new(at, EventKind::Unknown))
}

fn left_not(work: &mut Work<'_>, never_left: &NeverLeft) -> Result<bool, StoreError> {
    let seq = never_left.message;
    let mut head = head(work, seq)?;
    let try_of = (seq, never_left.part);
    let left = leave_sending(work, try_of, Some(never_left.ticket), PartState::Queued)?;
    let Some(Whereabouts {
        route,
        sim,
        tried_at,
    }) = left
    else {
        // Its intent never became durable; the part before it may have been the last to.
        rest_between_parts(work, &mut head, never_left.at)?;
        return Ok(false);
    };
    if let Some(sim) = &sim {
        uncount_part(work, sim, tried_at)?;
    }
    if step(work, &mut head, Change::NeverLeft)? {
        work.db
            .prepare_cached("UPDATE message SET tries = tries - 1 WHERE seq = :seq AND tries > 0")?
            .execute(named_params! { ":seq": seq.0 })?;
    }
    let event = Event::new(never_left.at, EventKind::NeverLeft)
        .part(never_left.part)
        .route(route)
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
