//! What ends when a modem or its SIM will not return (semantics §5).

use rusqlite::named_params;

use super::message::{AT_ONCE, Ending, end_as, head, let_go, parts_left};
use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::message::{Change, MessageState, Policies};
use crate::domain::{EventKind, MessageSeq, ModemName, Policy, SimId, UnixMillis};

/// A modem, and what is told of it.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) modem: ModemName,
    /// SIMs that are in other modems by now: what waits for them goes on waiting.
    pub(crate) elsewhere: Vec<SimId>,
    pub(crate) policies: Policies,
}

impl Store {
    /// Ends what waits for this modem, or for a SIM that was last in it, and forgets its name: what only it may send has
    /// no route, and under policy `lose` a text some of whose parts went by such a SIM stays incomplete. Uncertain parts
    /// stay as they are. Answers how many messages have ended; the steps are transactions of their own.
    pub(crate) async fn forget_modem(
        &self,
        lost: Lost,
        now: UnixMillis,
    ) -> Result<usize, StoreError> {
        let mut ended = 0;
        loop {
            let lost = lost.clone();
            let (job, receipt) = job(move |work| end_waits(work, &lost, now));
            self.door.submit(vec![job]).await;
            let step = receipt.committed().await?;
            ended += step;
            if step < AT_ONCE {
                return Ok(ended);
            }
        }
    }
}

fn end_waits(work: &mut Work<'_>, lost: &Lost, now: UnixMillis) -> Result<usize, StoreError> {
    let sims = sims(work, lost)?;
    let bound = bound(work, lost, &sims)?;
    for seq in &bound {
        let mut head = head(work, *seq)?;
        // No step leads from there to the end: it is due first, in the same transaction.
        if head.state == MessageState::Scheduled {
            let_go(work, &mut head, now)?;
        }
        let left = parts_left(work, &head)?;
        let (code, text) = match left {
            Some(left) => ("incomplete", left),
            None => ("no_route", format!("modem {} was forgotten", lost.modem)),
        };
        let ending = Ending {
            change: Change::GivenUp,
            kind: EventKind::Failed,
            code,
            text,
        };
        end_as(work, &mut head, &ending, now)?;
    }
    if bound.len() < AT_ONCE {
        work.db
            .prepare_cached("DELETE FROM adopted WHERE modem = :modem")?
            .execute(named_params! { ":modem": lost.modem.as_str() })?;
    }
    Ok(bound.len())
}

/// Those that were last seen in it, and are in no other.
fn sims(work: &Work<'_>, lost: &Lost) -> Result<Vec<SimId>, StoreError> {
    let mut statement = work
        .db
        .prepare_cached("SELECT id FROM sim WHERE modem = :modem")?;
    let rows = statement.query_map(named_params! { ":modem": lost.modem.as_str() }, |row| {
        row.get::<_, String>(0)
    })?;
    let mut sims = Vec::new();
    for row in rows {
        sims.extend(SimId::parse(&row?).filter(|sim| !lost.elsewhere.contains(sim)));
    }
    Ok(sims)
}

/// Walks what is not sent, which is bounded, once for the modem and once for each SIM.
fn bound(work: &Work<'_>, lost: &Lost, sims: &[SimId]) -> Result<Vec<MessageSeq>, StoreError> {
    let mut bound = Vec::new();
    let vias = std::iter::once(lost.modem.as_str().to_owned())
        .chain(sims.iter().map(|sim| format!("sim:{}", sim.as_str())));
    for via in vias {
        let mut statement = work.db.prepare_cached(
            "SELECT seq
               FROM message
              WHERE (state = 'scheduled' OR state = 'queued' OR state = 'sending')
                AND state <> 'sending'
                AND from_modem = :via
              LIMIT :limit",
        )?;
        let limit = i64::try_from(AT_ONCE - bound.len()).unwrap_or(0);
        let rows = statement.query_map(named_params! { ":via": via, ":limit": limit }, |row| {
            row.get(0).map(MessageSeq)
        })?;
        for row in rows {
            bound.push(row?);
        }
    }
    for sim in sims {
        let mut statement = work.db.prepare_cached(
            "SELECT seq
               FROM message
              WHERE (state = 'scheduled' OR state = 'queued' OR state = 'sending')
                AND state = 'queued'
                AND parts > 1
                AND EXISTS (SELECT 1
                              FROM part
                             WHERE message = message.seq AND sim = :sim
                               AND part.state NOT IN ('queued', 'sending'))",
        )?;
        let rows = statement.query_map(named_params! { ":sim": sim.as_str() }, |row| {
            row.get(0).map(MessageSeq)
        })?;
        for row in rows {
            let seq = row?;
            let category = head(work, seq)?.category;
            let waits = lost.policies[category.index()] == Policy::Lose && !bound.contains(&seq);
            if waits && bound.len() < AT_ONCE {
                bound.push(seq);
            }
        }
    }
    Ok(bound)
}
