//! Parts in doubt: found at the start in `sending`, and settled by a late word (semantics §6).

use std::ops::RangeInclusive;
use std::time::Duration;

use rusqlite::named_params;

use super::attempt;
use super::message::{Head, append, error, head, step};
use super::part::{
    NextTry, Taken, Whereabouts, finish_acceptance, hold, leave_sending, lose, mark_taken,
    part_under_way, parts_in, rest_between_parts, stand_by_sim,
};
use super::report::{aggregate, settle_by_orphans};
use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::attempt::AttemptId;
use crate::domain::message::Change;
use crate::domain::{
    Category, Event, EventKind, MessageId, MessageReference, MessageSeq, MessageState, ModemName,
    PartNumber, PartState, Report, RouteName, UnixMillis,
};

/// A late word from the modem about the one part of it that was uncertain.
#[derive(Clone, Debug)]
pub(crate) struct Settlement {
    pub(crate) modem: ModemName,
    pub(crate) reference: MessageReference,
    pub(crate) at: UnixMillis,
}

/// A part that was under way when the process ended.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) message: MessageId,
    pub(crate) part: PartNumber,
    pub(crate) route: String,
    pub(crate) goes_again: bool,
}

/// A part that was under way when the process ended, before it is decided what follows.
#[derive(Debug)]
pub(crate) struct InDoubt {
    pub(crate) category: Category,
    pub(crate) route: Option<RouteName>,
    pub(crate) strikes: u32,
    pub(crate) expires_at: UnixMillis,
}

/// What follows for a part in doubt, and until when a report may settle it.
pub(crate) type Verdict = (NextTry, UnixMillis);

impl Store {
    /// The modem said that its one uncertain part was accepted. `false`: it has no such part, or several.
    pub(crate) async fn settle(&self, settlement: Settlement) -> Result<bool, StoreError> {
        let (job, receipt) = job(move |work| settle(work, &settlement));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// At start, before anything else: what was `sending` is uncertain (semantics §6).
    pub(crate) async fn recover(
        &self,
        decide: impl Fn(&InDoubt) -> Verdict + Send + 'static,
        at: UnixMillis,
    ) -> Result<Vec<Recovered>, StoreError> {
        let (job, receipt) = job(move |work| recover(work, &decide, at));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }
}

/// How long after its try a modem may still say what became of a part: the radio's own timers, and the time it takes
/// to open the port again.
const ANSWER_MAY_COME: Duration = Duration::from_secs(300);

fn settle(work: &mut Work<'_>, settlement: &Settlement) -> Result<bool, StoreError> {
    let route = settlement.modem.route();
    let since = settlement.at.0 - i64::try_from(ANSWER_MAY_COME.as_millis()).unwrap_or(0);
    let tried_at = since..=i64::MAX;
    let Some(part) = only_part_in_doubt(work, &route, tried_at, None, settlement.at)? else {
        return Ok(false);
    };
    settle_part(work, part, settlement.reference, route, settlement.at)?;
    Ok(true)
}

/// The part in doubt of this modem whose try began in `tried_at` (and, if there is a report, that it may be about), when
/// there is exactly one. What is final by `now` is in doubt no longer.
pub(super) fn only_part_in_doubt(
    work: &Work<'_>,
    route: &str,
    tried_at: RangeInclusive<i64>,
    report: Option<&Report>,
    now: UnixMillis,
) -> Result<Option<(MessageSeq, PartNumber)>, StoreError> {
    let mut statement = work.db.prepare_cached(
        "SELECT message, number, expected_mr
           FROM part
          WHERE route = :route AND tried_at BETWEEN :earliest AND :latest
            AND state IN ('sending', 'uncertain') AND state = 'uncertain'
            AND COALESCE(window_ends_at, :now) >= :now
            AND (:sim IS NULL OR sim = :sim AND recipient_tail = :tail)
          LIMIT 2",
    )?;
    let values = named_params! {
        ":route": route,
        ":earliest": tried_at.start(),
        ":latest": tried_at.end(),
        ":sim": report.map(|report| report.sim.as_str()),
        ":tail": report.map(Report::recipient_tail),
        ":now": now.0,
    };
    let rows = statement.query_map(values, |row| {
        let part = (MessageSeq(row.get(0)?), PartNumber(row.get(1)?));
        Ok((part, row.get::<_, Option<u8>>(2)?))
    })?;
    let in_doubt: Vec<_> = rows.collect::<Result<_, _>>()?;
    let &[(only, expected)] = in_doubt.as_slice() else {
        return Ok(None);
    };
    // A report that is known by another reference is about another part, one that has had its last word.
    let told = report.map(|report| report.reference.0);
    let fits = expected
        .zip(told)
        .is_none_or(|(expected, told)| expected == told);
    Ok(fits.then_some(only))
}

/// The part that was under way in this try, if nobody knows yet whether it left, and how it stands.
pub(super) fn ticket_in_doubt(
    work: &Work<'_>,
    attempt: AttemptId,
) -> Result<Option<(PartNumber, PartState)>, StoreError> {
    let mut statement = work.db.prepare_cached(
        "SELECT number, state
           FROM part
          WHERE message = :message AND ticket = :ticket AND state IN ('sending', 'uncertain')",
    )?;
    let mut rows = statement
        .query(named_params! { ":message": attempt.message.0, ":ticket": attempt.ticket.0 })?;
    Ok(match rows.next()? {
        Some(row) => Some((
            PartNumber(row.get("number")?),
            super::row::word(row, "state")?,
        )),
        None => None,
    })
}

/// A part in doubt was accepted after all. Its report window is the one it was given when it fell into doubt.
pub(super) fn settle_part(
    work: &mut Work<'_>,
    (message, part): (MessageSeq, PartNumber),
    reference: MessageReference,
    route: String,
    at: UnixMillis,
) -> Result<(), StoreError> {
    let taken = Taken {
        message,
        part,
        reference: Some(reference),
        window_ends_at: None,
        route,
        at,
    };
    let sim = mark_taken(work, &taken, PartState::Uncertain, None)?.flatten();
    finish_acceptance(work, &taken, sim.as_ref(), Change::Settled)
}

/// A part that may have left: why, and what follows.
pub(super) struct Doubt<'a> {
    pub(super) part: PartNumber,
    pub(super) left: Whereabouts,
    pub(super) code: &'a str,
    pub(super) detail: &'a str,
    /// What the event list says.
    pub(super) said: String,
    pub(super) next: &'a NextTry,
    /// Until when a report may settle it.
    pub(super) closes_at: UnixMillis,
    pub(super) at: UnixMillis,
}

/// After the part became `uncertain`: its window, its event, the message's step, and a report that came already.
pub(super) fn fall_into_doubt(
    work: &mut Work<'_>,
    head: &mut Head,
    doubt: Doubt<'_>,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE part
                SET window_ends_at = :closes_at,
                    expected_mr = (SELECT (last_mr + 1) % 256 FROM sim WHERE sim.id = part.sim)
              WHERE message = :seq AND number = :number AND state = 'uncertain'",
        )?
        .execute(named_params! {
            ":closes_at": doubt.closes_at.0,
            ":seq": head.seq.0,
            ":number": doubt.part.0,
        })?;
    let event = Event::new(doubt.at, EventKind::Uncertain)
        .part(doubt.part)
        .route(doubt.left.route.clone())
        .detail(doubt.said);
    append(work, head, event)?;
    error(work, head.seq, doubt.code, doubt.detail)?;
    match doubt.next {
        NextTry::At { at, why, counts } if head.expires_at > doubt.at => {
            step(work, head, Change::UncertainAgain)?;
            hold(work, head, *at, why, *counts)?;
        }
        NextTry::TheRest if parts_in(work, head.seq)?.queued > 0 => {
            step(work, head, Change::UncertainRest)?;
            stand_by_sim(work, head)?;
        }
        // Too late for another try: nobody knows whether it left.
        NextTry::At { .. } | NextTry::TheRest | NextTry::Never => {
            lose(work, head, doubt.at)?;
            // The network may have given up another part of it before.
            aggregate(work, head.seq, doubt.at)?;
        }
    }
    settle_by_orphans(work, doubt.left.sim.as_ref(), &doubt.left.route, doubt.at)
}

fn recover(
    work: &mut Work<'_>,
    decide: &impl Fn(&InDoubt) -> Verdict,
    at: UnixMillis,
) -> Result<Vec<Recovered>, StoreError> {
    let mut recovered = Vec::new();
    for seq in under_way(work)? {
        recovered.extend(recover_message(work, seq, decide, at)?);
    }
    Ok(recovered)
}

/// By the index of what is unsent: in the order of `seq` SQLite would rather read every message that there is.
fn under_way(work: &Work<'_>) -> Result<Vec<MessageSeq>, StoreError> {
    let mut statement = work.db.prepare_cached(
        "SELECT seq
           FROM message INDEXED BY message_unsent
          WHERE (state = 'scheduled' OR state = 'queued' OR state = 'sending') AND state = 'sending'",
    )?;
    let rows = statement.query_map([], |row| row.get(0).map(MessageSeq))?;
    let mut under_way: Vec<_> = rows.collect::<Result<_, _>>()?;
    under_way.sort_unstable();
    Ok(under_way)
}

fn recover_message(
    work: &mut Work<'_>,
    seq: MessageSeq,
    decide: &impl Fn(&InDoubt) -> Verdict,
    at: UnixMillis,
) -> Result<Option<Recovered>, StoreError> {
    const WHY: &str = "the process ended while it was under way";
    let mut head = head(work, seq)?;
    let Some(part) = part_under_way(work, seq)? else {
        rest_between_parts(work, &mut head, at)?;
        return Ok(None);
    };
    let Some(left) = leave_sending(work, (seq, part), None, PartState::Uncertain)? else {
        return Ok(None);
    };
    let (next, closes_at) = decide(&InDoubt {
        category: head.category,
        route: RouteName::parse(&left.route),
        strikes: head.strikes,
        expires_at: head.expires_at,
    });
    let route = left.route.clone();
    let doubt = Doubt {
        part,
        left,
        code: "timeout_uncertain",
        detail: WHY,
        said: WHY.into(),
        next: &next,
        closes_at,
        at,
    };
    fall_into_doubt(work, &mut head, doubt)?;
    // Whoever cannot be asked is not: that is found out by whoever asks.
    attempt::ask_latest(work, seq, at)?;
    Ok(Some(Recovered {
        message: head.id.clone(),
        part,
        route,
        goes_again: head.state == MessageState::Queued && matches!(next, NextTry::At { .. }),
    }))
}
