//! Status reports: matched to their part by SIM, reference, recipient and time (semantics §2).

use std::time::Duration;

use rusqlite::named_params;

use super::doubt::{only_part_in_doubt, settle_part};
use super::message::{Head, append, error, head, step};

use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::message::Change;
use crate::domain::{
    Event, EventKind, MessageReference, MessageSeq, MessageState, ModemName, PartNumber, PartState,
    Report, ReportMeaning, SimId, Status, UnixMillis,
};

/// Whether a report found its part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Matched {
    Part,
    /// It had been recorded before, or came after a final one.
    Duplicate,
    /// Kept for an hour: it may have overtaken the answer it belongs to.
    Orphan,
}

/// How far TP-SCTS may be from the acceptance to prefer a part to the newest one.
const NEAR: Duration = Duration::from_secs(600);
/// Orphans kept at once; the oldest give way.
const MOST_ORPHANS: i64 = 10_000;

impl Store {
    /// Records what the network said of a part, and the step of its message if it was the last word.
    ///
    /// `modem`: the one it came by; its part in doubt is settled by a report that fits nothing else.
    pub(crate) async fn report(
        &self,
        report: Report,
        modem: &ModemName,
        at: UnixMillis,
    ) -> Result<Matched, StoreError> {
        let route = modem.route();
        let (job, receipt) = job(move |work| record(work, &report, &route, at));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }
}

fn record(
    work: &mut Work<'_>,
    report: &Report,
    route: &str,
    at: UnixMillis,
) -> Result<Matched, StoreError> {
    crash_point!(writes Report);
    if let Some((seq, part)) = candidate(work, report, Nearness::Preferred, at)? {
        return apply(work, seq, part, report, at);
    }
    if settle_doubt(work, report, route, at)? {
        return Ok(Matched::Part);
    }
    keep(work, report, at)?;
    Ok(Matched::Orphan)
}

/// A report proves that a part in doubt was accepted: when it is the only one for this recipient on this modem whose
/// try the service centre's stamp fits (−2 … +10 min). When it has not been sent again, it need not be.
fn settle_doubt(
    work: &mut Work<'_>,
    report: &Report,
    route: &str,
    at: UnixMillis,
) -> Result<bool, StoreError> {
    let Some(stamp) = report.accepted_at else {
        return Ok(false);
    };
    let tried_at = stamp.0 - 600_000..=stamp.0 + 120_000;
    let Some((message, part)) = only_part_in_doubt(work, route, tried_at, Some(report), at)? else {
        return Ok(false);
    };
    settle_part(
        work,
        (message, part),
        report.reference,
        route.to_owned(),
        at,
    )?;
    apply(work, message, part, report, at)?;
    Ok(true)
}

/// What becomes of candidates whose acceptance is far from the service centre's stamp.
#[derive(Clone, Copy, PartialEq)]
enum Nearness {
    /// The newest will do when none is near.
    Preferred,
    /// A report that waited for its part must not hit a later one with the same reference.
    Required,
}

/// The part that this report is about: of those with its reference and recipient whose window is open, the one
/// accepted nearest to the service centre's time stamp, else the newest.
fn candidate(
    work: &Work<'_>,
    report: &Report,
    nearness: Nearness,
    at: UnixMillis,
) -> Result<Option<(MessageSeq, PartNumber)>, StoreError> {
    let mut statement = work.db.prepare_cached(
        "SELECT message, number, accepted_at
           FROM part
          WHERE sim = :sim AND mr = :mr AND recipient_tail = :tail AND state = 'sent'
            AND COALESCE(window_ends_at, :at) >= :at
          ORDER BY accepted_at DESC",
    )?;
    let mut rows = statement.query(named_params! {
        ":sim": report.sim.as_str(),
        ":mr": report.reference.0,
        ":tail": report.recipient_tail(),
        ":at": at.0,
    })?;
    let mut candidates = Vec::new();
    while let Some(row) = rows.next()? {
        let part = (MessageSeq(row.get(0)?), PartNumber(row.get(1)?));
        candidates.push((part, UnixMillis(row.get(2)?)));
    }
    let nearest = report.accepted_at.and_then(|stamp| {
        candidates
            .iter()
            .map(|(part, accepted)| (part, accepted.since(stamp).max(stamp.since(*accepted))))
            .filter(|(_, distance)| *distance <= NEAR)
            .min_by_key(|(_, distance)| *distance)
            .map(|(part, _)| *part)
    });
    let newest = candidates.first().map(|(part, _)| *part);
    Ok(nearest.or(newest.filter(|_| nearness == Nearness::Preferred)))
}

fn apply(
    work: &mut Work<'_>,
    seq: MessageSeq,
    part: PartNumber,
    report: &Report,
    at: UnixMillis,
) -> Result<Matched, StoreError> {
    let known = work
        .db
        .prepare_cached("SELECT tp_status FROM part WHERE message = :seq AND number = :number")?
        .query_row(named_params! { ":seq": seq.0, ":number": part.0 }, |row| {
            row.get::<_, Option<u8>>(0)
        })?;
    if known == Some(report.status.0) {
        return Ok(Matched::Duplicate);
    }
    let reported_at = report.discharged_at.unwrap_or(at);
    let state = part_state(ReportMeaning::of(report.status));
    work.db
        .prepare_cached(
            "UPDATE part
                SET state = :state, tp_status = :status, reported_at = :reported_at
              WHERE message = :seq AND number = :number AND state = 'sent'",
        )?
        .execute(named_params! {
            ":state": state.as_str(),
            ":status": report.status.0,
            ":reported_at": reported_at.0,
            ":seq": seq.0,
            ":number": part.0,
        })?;
    let head = head(work, seq)?;
    let event = Event::new(at, EventKind::Report)
        .part(part)
        .detail(format!("TP-Status {:#04x}", report.status.0));
    append(work, &head, event)?;
    aggregate(work, seq, at)?;
    Ok(Matched::Part)
}

fn part_state(meaning: ReportMeaning) -> PartState {
    match meaning {
        ReportMeaning::Delivered => PartState::Delivered,
        ReportMeaning::Unconfirmed => PartState::Unconfirmed,
        ReportMeaning::Replaced => PartState::Replaced,
        ReportMeaning::StillTrying => PartState::Sent,
        ReportMeaning::Undelivered => PartState::Undelivered,
        ReportMeaning::Expired => PartState::Expired,
    }
}

/// The message's step, when its parts' reports allow one. A message that is still `sending` takes it with its
/// last acceptance.
pub(super) fn aggregate(
    work: &mut Work<'_>,
    seq: MessageSeq,
    at: UnixMillis,
) -> Result<(), StoreError> {
    aggregate_saying(work, seq, None, at)
}

/// As [`aggregate`]. `said`: what is told of a failure, where it was not TP-Status that told it.
pub(super) fn aggregate_saying(
    work: &mut Work<'_>,
    seq: MessageSeq,
    said: Option<&str>,
    at: UnixMillis,
) -> Result<(), StoreError> {
    let mut head = head(work, seq)?;
    if !matches!(head.state, MessageState::Sent | MessageState::Unknown) {
        return Ok(());
    }
    let parts = parts(work, seq)?;
    let any = |state| parts.iter().any(|part| part.state == state);
    let (change, kind) = if any(PartState::Undelivered) {
        (Change::ReportedUndelivered, EventKind::Undelivered)
    } else if any(PartState::Expired) {
        (Change::ReportedExpired, EventKind::Expired)
    } else if head.state == MessageState::Unknown {
        // A part is in doubt still.
        return Ok(());
    } else if parts.iter().all(|part| part.state == PartState::Delivered) {
        (Change::ReportedDelivered, EventKind::Delivered)
    } else {
        return close_unconfirmed(work, &head, &parts, at);
    };
    if step(work, &mut head, change)? {
        let last = parts.iter().filter_map(|part| part.reported_at).max();
        if kind == EventKind::Delivered {
            work.db
                .prepare_cached("UPDATE message SET delivered_at = :at WHERE seq = :seq")?
                .execute(named_params! { ":at": last.unwrap_or(at).0, ":seq": seq.0 })?;
        } else {
            let worst = parts.iter().filter_map(|part| part.tp_status).max();
            let text = match said {
                Some(said) => said.to_owned(),
                None => format!("the network reported TP-Status {:#04x}", worst.unwrap_or(0)),
            };
            let code = match kind {
                EventKind::Expired => "expired",
                _ => "undelivered",
            };
            error(work, seq, code, &text)?;
        }
        append(work, &head, Event::new(at, kind))?;
    }
    Ok(())
}

/// Every part has its last word, and one of them was "nobody will know": `sent` is final.
fn close_unconfirmed(
    work: &mut Work<'_>,
    before: &Head,
    parts: &[PartReport],
    at: UnixMillis,
) -> Result<(), StoreError> {
    if parts.iter().any(|part| part.state == PartState::Sent) {
        return Ok(());
    }
    let kind = match parts.iter().any(|part| part.state == PartState::Replaced) {
        true => EventKind::Replaced,
        false => EventKind::Unconfirmed,
    };
    work.db
        .prepare_cached("UPDATE message SET closes_at = :at WHERE seq = :seq")?
        .execute(named_params! { ":at": at.0 - 1, ":seq": before.seq.0 })?;
    append(work, before, Event::new(at, kind))
}

struct PartReport {
    state: PartState,
    tp_status: Option<u8>,
    reported_at: Option<UnixMillis>,
}

fn parts(work: &Work<'_>, seq: MessageSeq) -> Result<Vec<PartReport>, StoreError> {
    let mut statement = work
        .db
        .prepare_cached("SELECT state, tp_status, reported_at FROM part WHERE message = :seq")?;
    let mut rows = statement.query(named_params! { ":seq": seq.0 })?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        parts.push(PartReport {
            state: super::row::word(row, "state")?,
            tp_status: row.get("tp_status")?,
            reported_at: row.get::<_, Option<i64>>("reported_at")?.map(UnixMillis),
        });
    }
    Ok(parts)
}

fn keep(work: &Work<'_>, report: &Report, at: UnixMillis) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "INSERT INTO orphan_report (sim, mr, recipient, tp_status, accepted_at, discharged_at, received_at)
             VALUES (:sim, :mr, :recipient, :tp_status, :accepted_at, :discharged_at, :received_at)",
        )?
        .execute(named_params! {
            ":sim": report.sim.as_str(),
            ":mr": report.reference.0,
            ":recipient": report.recipient,
            ":tp_status": report.status.0,
            ":accepted_at": report.accepted_at.map(|at| at.0),
            ":discharged_at": report.discharged_at.map(|at| at.0),
            ":received_at": at.0,
        })?;
    work.db
        .prepare_cached(
            "DELETE FROM orphan_report
              WHERE number <= (SELECT MAX(number) FROM orphan_report) - :most",
        )?
        .execute(named_params! { ":most": MOST_ORPHANS })?;
    Ok(())
}

/// Matches kept reports again, now that a part has this reference; answers whether one fitted.
pub(super) fn settle_orphans(
    work: &mut Work<'_>,
    sim: &SimId,
    reference: MessageReference,
    at: UnixMillis,
) -> Result<bool, StoreError> {
    let mut fitted = false;
    for (number, report) in orphans(work, sim, reference)? {
        let Some((seq, part)) = candidate(work, &report, Nearness::Required, at)? else {
            continue;
        };
        apply(work, seq, part, &report, at)?;
        work.db
            .prepare_cached("DELETE FROM orphan_report WHERE number = :number")?
            .execute(named_params! { ":number": number })?;
        fitted = true;
    }
    Ok(fitted)
}

/// Offers kept reports of this SIM to its part in doubt.
pub(super) fn settle_by_orphans(
    work: &mut Work<'_>,
    sim: Option<&SimId>,
    route: &str,
    at: UnixMillis,
) -> Result<(), StoreError> {
    let Some(sim) = sim else {
        return Ok(());
    };
    let references: Vec<u8> = {
        let mut statement = work
            .db
            .prepare_cached("SELECT DISTINCT mr FROM orphan_report WHERE sim = :sim LIMIT 256")?;
        let rows = statement.query_map(named_params! { ":sim": sim.as_str() }, |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    for reference in references {
        for (number, report) in orphans(work, sim, MessageReference(reference))? {
            if settle_doubt(work, &report, route, at)? {
                work.db
                    .prepare_cached("DELETE FROM orphan_report WHERE number = :number")?
                    .execute(named_params! { ":number": number })?;
            }
        }
    }
    Ok(())
}

fn orphans(
    work: &Work<'_>,
    sim: &SimId,
    reference: MessageReference,
) -> Result<Vec<(i64, Report)>, StoreError> {
    let mut statement = work.db.prepare_cached(
        "SELECT number, recipient, tp_status, accepted_at, discharged_at
           FROM orphan_report
          WHERE sim = :sim AND mr = :mr
          ORDER BY number",
    )?;
    let rows = statement.query_map(
        named_params! { ":sim": sim.as_str(), ":mr": reference.0 },
        |row| {
            let report = Report {
                sim: sim.clone(),
                reference,
                recipient: row.get(1)?,
                status: Status(row.get(2)?),
                accepted_at: row.get::<_, Option<i64>>(3)?.map(UnixMillis),
                discharged_at: row.get::<_, Option<i64>>(4)?.map(UnixMillis),
            };
            Ok((row.get(0)?, report))
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}
