//! Parts in doubt: found at the start in `sending`, and settled by a late word (semantics §6).

use std::time::Duration;

use rusqlite::named_params;

use super::message::{append, error, head, step};
use super::part::{
    NextTry, Taken, finish_acceptance, hold, leave_sending, lose, mark_taken, part_under_way,
    rest_between_parts,
};
use super::report::settle_by_orphans;
use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::message::Change;
use crate::domain::{
    Category, Event, EventKind, MessageId, MessageReference, MessageSeq, ModemName, PartNumber,
    PartState, UnixMillis,
};

/// A late word from the modem about the one part of it that was uncertain.
#[derive(Clone, Debug)]
pub(crate) struct Settlement {
    pub(crate) modem: ModemName,
    pub(crate) reference: MessageReference,
    /// Until when its report may come.
    pub(crate) window_ends_at: UnixMillis,
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
    let candidates: Vec<(MessageSeq, PartNumber)> = {
        let mut statement = work.db.prepare_cached(
            "SELECT message, number
               FROM part
              WHERE route = :route AND tried_at >= :since
                AND state IN ('sending', 'uncertain') AND state = 'uncertain'
              LIMIT 2",
        )?;
        let since = settlement.at.0 - i64::try_from(ANSWER_MAY_COME.as_millis()).unwrap_or(0);
        let values = named_params! { ":route": route, ":since": since };
        let rows = statement.query_map(values, |row| {
            Ok((MessageSeq(row.get(0)?), PartNumber(row.get(1)?)))
        })?;
        rows.collect::<Result<_, _>>()?
    };
    let &[(message, part)] = candidates.as_slice() else {
        return Ok(false);
    };
    let taken = Taken {
        message,
        part,
        reference: Some(settlement.reference),
        window_ends_at: Some(settlement.window_ends_at),
        route,
        at: settlement.at,
    };
    let sim = mark_taken(work, &taken, PartState::Uncertain, None)?.flatten();
    finish_acceptance(work, &taken, sim.as_ref(), Change::Settled)?;
    Ok(true)
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

fn under_way(work: &Work<'_>) -> Result<Vec<MessageSeq>, StoreError> {
    let mut statement = work.db.prepare_cached(
        "SELECT seq
               FROM message
              WHERE state IN ('scheduled', 'queued', 'sending') AND state = 'sending'
              ORDER BY seq",
    )?;
    let rows = statement.query_map([], |row| row.get(0).map(MessageSeq))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn recover_message(
    work: &mut Work<'_>,
    seq: MessageSeq,
    decide: &impl Fn(&InDoubt) -> Verdict,
    at: UnixMillis,
) -> Result<Option<Recovered>, StoreError> {
    const WHY: &str = "the process ended while it was under way";
    let mut head = head(work, seq)?;
    let Some((part, route)) = part_under_way(work, seq)? else {
        rest_between_parts(work, &mut head, at)?;
        return Ok(None);
    };
    let left = leave_sending(work, (seq, part), None, PartState::Uncertain)?;
    let event = Event::new(at, EventKind::Uncertain)
        .part(part)
        .route(route.clone())
        .detail(WHY);
    append(work, &head, event)?;
    error(work, seq, "timeout_uncertain", WHY)?;
    let in_doubt = InDoubt {
        category: head.category,
        strikes: head.strikes,
        expires_at: head.expires_at,
    };
    let (next, closes_at) = decide(&in_doubt);
    match &next {
        NextTry::At { at, why, counts } => {
            step(work, &mut head, Change::UncertainAgain)?;
            hold(work, seq, *at, why, *counts)?;
        }
        NextTry::Never => lose(work, &mut head, closes_at, at)?,
    }
    let sim = left.and_then(|left| left.sim);
    settle_by_orphans(work, sim.as_ref(), &route, at)?;
    Ok(Some(Recovered {
        message: head.id,
        part,
        route,
        goes_again: next != NextTry::Never,
    }))
}
