//! The wall clock was set: times that were computed by the old one move with it (semantics §1).
//!
//! All of it is one transaction, so that nothing is moved twice or by half. That is rare (a board without a battery sets
//! its clock once after it has found the network), and bounded: by what waits, by the youngest messages, by a day of
//! answers.

use std::time::Duration;

use rusqlite::{OptionalExtension, named_params};

use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::UnixMillis;
use crate::domain::time::jump;

/// What a look at the clocks came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ClockSet {
    /// Milliseconds by which everything was moved.
    pub(crate) by: i64,
    /// The first message that was not there to be moved.
    pub(crate) next_seq: i64,
}

/// Older messages are not looked at: their reports have come.
const YOUNGEST: i64 = 1_000_000;
const MILLIS_PER_HOUR: i64 = 3_600_000;

impl Store {
    /// Remembers when the host was started by the wall clock as it is set now. If that is not as it was known in the same
    /// run of the host, the clock was set: what it was since is moved.
    pub(crate) async fn know_clock(
        &self,
        boot: String,
        booted_at: UnixMillis,
        since_boot: Duration,
    ) -> Result<Option<ClockSet>, StoreError> {
        let (job, receipt) = job(move |work| know(work, &boot, booted_at, since_boot));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// Moves what was accepted by the old clock while everything else was being moved: of the messages from
    /// `set.next_seq` on those whose time of making is nearer to what the old clock showed.
    pub(crate) async fn move_stragglers(
        &self,
        set: ClockSet,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let (job, receipt) = job(move |work| {
            work.db.execute(
                "UPDATE message
                    SET expires_at = expires_at + :by, created_at = created_at + :by
                  WHERE seq >= :next_seq
                    AND ABS(created_at + :by - :now) < ABS(created_at - :now)",
                named_params! { ":by": set.by, ":next_seq": set.next_seq, ":now": now.0 },
            )?;
            Ok(())
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }
}

fn know(
    work: &mut Work<'_>,
    boot: &str,
    booted_at: UnixMillis,
    since_boot: Duration,
) -> Result<Option<ClockSet>, StoreError> {
    let next_seq: i64 =
        work.db
            .query_row("SELECT COALESCE(MAX(seq), 0) + 1 FROM message", [], |row| {
                row.get(0)
            })?;
    let known: Option<(i64, i64)> = work
        .db
        .query_row(
            "SELECT booted_at, first_seq FROM clock WHERE boot = :boot",
            named_params! { ":boot": boot },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let first_seq = known.map_or(next_seq, |(_, first_seq)| first_seq);
    work.db.execute(
        "INSERT INTO clock (only, boot, booted_at, first_seq)
         VALUES (1, :boot, :booted_at, :first_seq)
             ON CONFLICT (only) DO UPDATE
            SET boot = :boot, booted_at = :booted_at, first_seq = :first_seq",
        named_params! { ":boot": boot, ":booted_at": booted_at.0, ":first_seq": first_seq },
    )?;
    let Some(was_booted_at) = known.map(|(booted_at, _)| UnixMillis(booted_at)) else {
        return Ok(None);
    };
    let Some(by) = jump(was_booted_at, booted_at) else {
        return Ok(None);
    };
    let since = Since {
        first_seq: first_seq.max(next_seq - YOUNGEST),
        from: was_booted_at.0,
        to: was_booted_at.plus(since_boot).0,
        by,
    };
    move_messages(work, first_seq, &since)?;
    move_verifications(work, &since)?;
    move_ages(work, &since)?;
    move_usage(work, &since)?;
    Ok(Some(ClockSet { by, next_seq }))
}

/// What is moved: made since the host was started, by the clock as it was.
struct Since {
    first_seq: i64,
    from: i64,
    to: i64,
    by: i64,
}

fn move_messages(work: &Work<'_>, first_unsent: i64, since: &Since) -> Result<(), StoreError> {
    // What waits for a time on the wall still waits for it, and its time to live, which counts from there, is not cut. A
    // hold for quiet hours ends by the wall as well; whether it still should is looked at afterwards.
    work.db.execute(
        "UPDATE message
            SET expires_at = CASE WHEN state = 'scheduled' AND scheduled_at > :now THEN MAX(expires_at, expires_at + :by)
                                  ELSE expires_at + :by END,
                next_attempt_at = CASE WHEN hold_code IS NOT NULL AND hold_code <> 'quiet_hours'
                                       THEN next_attempt_at + :by ELSE next_attempt_at END
          WHERE (state = 'scheduled' OR state = 'queued' OR state = 'sending') AND seq >= :first_seq",
        named_params! { ":by": since.by, ":now": since.to + since.by, ":first_seq": first_unsent },
    )?;
    work.db.execute(
        "UPDATE message
            SET created_at = created_at + :by, sent_at = sent_at + :by,
                closes_at = CASE WHEN closes_at > :to THEN closes_at + :by ELSE closes_at END
          WHERE seq >= :first_seq AND created_at BETWEEN :from AND :to",
        named_params! {
            ":by": since.by,
            ":first_seq": since.first_seq,
            ":from": since.from,
            ":to": since.to,
        },
    )?;
    // Windows in which a report may come, and the times by which it is told which part it is about.
    work.db.execute(
        "UPDATE part
            SET tried_at = tried_at + :by, accepted_at = accepted_at + :by, window_ends_at = window_ends_at + :by
          WHERE message >= :first_seq AND state IN ('sending', 'uncertain', 'sent')
            AND tried_at BETWEEN :from AND :to",
        named_params! {
            ":by": since.by,
            ":first_seq": since.first_seq,
            ":from": since.from,
            ":to": since.to,
        },
    )?;
    // How long a provider has had a text, and when it is asked about it.
    work.db.execute(
        "UPDATE attempt
            SET sent_at = sent_at + :by, ask_at = ask_at + :by
          WHERE message >= :first_seq AND sent_at BETWEEN :from AND :to",
        named_params! {
            ":by": since.by,
            ":first_seq": since.first_seq,
            ":from": since.from,
            ":to": since.to,
        },
    )?;
    Ok(())
}

/// What is forgotten by its age is as old as it was.
fn move_ages(work: &Work<'_>, since: &Since) -> Result<(), StoreError> {
    for sql in [
        "UPDATE idempotency SET created_at = created_at + :by WHERE created_at BETWEEN :from AND :to",
        "UPDATE orphan_report SET received_at = received_at + :by WHERE received_at BETWEEN :from AND :to",
        "UPDATE inbound SET received_at = received_at + :by WHERE received_at BETWEEN :from AND :to",
        "UPDATE inbound_part SET received_at = received_at + :by
          WHERE inbound IS NULL AND received_at BETWEEN :from AND :to",
        "UPDATE occurrence SET at = at + :by WHERE at BETWEEN :from AND :to",
    ] {
        let values = named_params! { ":by": since.by, ":from": since.from, ":to": since.to };
        work.db.execute(sql, values)?;
    }
    Ok(())
}

/// A code ends at the earlier of both clocks: set back, the wall does not lengthen its life; set forward, it ends it.
fn move_verifications(work: &Work<'_>, since: &Since) -> Result<(), StoreError> {
    for sql in [
        "UPDATE verification
            SET expires_at = MIN(expires_at, expires_at + :by), created_at = created_at + :by,
                resend_after = resend_after + :by, verified_at = verified_at + :by, ended_at = ended_at + :by
          WHERE created_at BETWEEN :from AND :to",
        "UPDATE verification_code
            SET expires_at = MIN(expires_at, expires_at + :by), at = at + :by
          WHERE at BETWEEN :from AND :to",
        "UPDATE provider_code
            SET expires_at = MIN(expires_at, expires_at + :by), at = at + :by
          WHERE at BETWEEN :from AND :to",
        "UPDATE provider_count SET at = at + :by WHERE at BETWEEN :from AND :to",
    ] {
        let values = named_params! { ":by": since.by, ":from": since.from, ":to": since.to };
        work.db.execute(sql, values)?;
    }
    // A text is worth nothing without its code.
    work.db.execute(
        "UPDATE message
            SET expires_at = MIN(expires_at, (SELECT MAX(expires_at) FROM verification_code WHERE message = seq))
          WHERE state IN ('scheduled', 'queued')
            AND seq IN (SELECT message FROM verification_code WHERE at BETWEEN :from AND :to)",
        named_params! { ":from": since.from + since.by, ":to": since.to + since.by },
    )?;
    Ok(())
}

/// What a SIM has sent counts on: in the hours that have become the same ones.
fn move_usage(work: &Work<'_>, since: &Since) -> Result<(), StoreError> {
    let hour = |millis: i64| millis.div_euclid(MILLIS_PER_HOUR);
    let (from, to) = (hour(since.from), hour(since.to));
    let hours = named_params! { ":from": from, ":to": to };
    let used: Vec<(String, i64, i64)> = {
        let mut statement = work
            .db
            .prepare("SELECT sim, hour, parts FROM sim_use WHERE hour BETWEEN :from AND :to")?;
        let rows = statement.query_map(hours, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    work.db.execute(
        "DELETE FROM sim_use WHERE hour BETWEEN :from AND :to",
        hours,
    )?;
    // An hour that is begun counts as a whole: the later one, so that a quota is never stretched.
    let by = (since.by + MILLIS_PER_HOUR - 1).div_euclid(MILLIS_PER_HOUR);
    for (sim, hour, parts) in used {
        work.db.execute(
            "INSERT INTO sim_use (sim, hour, parts)
             VALUES (:sim, :hour, :parts)
                 ON CONFLICT (sim, hour) DO UPDATE SET parts = parts + :parts",
            named_params! { ":sim": sim, ":hour": hour + by, ":parts": parts },
        )?;
    }
    Ok(())
}
