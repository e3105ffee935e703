//! Texts that came in: every part stored at once, joined when all are there or when their time is up.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, ToSql, named_params};

use super::row::word;
use super::suppression::obey;
use super::writer::{Receipt, Work, job};
use super::{Group, Store, StoreError};
use crate::domain::assembly::{Assembly, Held, Joined, home_of, join};
use crate::domain::{
    Body, InboundEncoding, InboundId, InboundPart, Manners, PduDigest, Place, Reference, Sender,
    UnixMillis,
};

/// What became of a part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Received {
    /// Its text can be read, whole or with a gap that is smaller now.
    Shown,
    /// It waits for the other parts of its text.
    Waits,
    /// It had been received before.
    Duplicate,
}

/// A text as callers see it.
#[derive(Clone, Debug)]
pub(crate) struct InboundView {
    pub(crate) seq: i64,
    pub(crate) id: InboundId,
    pub(crate) from: Option<Sender>,
    pub(crate) to: Option<String>,
    pub(crate) modem: String,
    pub(crate) text: Body,
    pub(crate) encoding: InboundEncoding,
    pub(crate) parts: u8,
    pub(crate) complete: bool,
    pub(crate) read: bool,
    pub(crate) smsc_at: Option<UnixMillis>,
    pub(crate) received_at: UnixMillis,
}

/// Which texts a list shows. Every `Some` must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct InboxFilter {
    /// One sender in the forms it may have been written in.
    pub(crate) from: Option<[String; 2]>,
    pub(crate) modem: Option<String>,
    pub(crate) unread: Option<bool>,
    pub(crate) since: Option<UnixMillis>,
    pub(crate) until: Option<UnixMillis>,
    /// Only texts that appeared before this one.
    pub(crate) before: Option<i64>,
}

/// One page of a list, newest first.
#[derive(Debug)]
pub(crate) struct InboxPage {
    pub(crate) texts: Vec<InboundView>,
    pub(crate) has_more: bool,
}

/// The same PDU within this time is the same text, also without a stamp that would tell (behaviour §4.2).
const SAME_PDU: Duration = Duration::from_secs(24 * 3600);

/// Texts given up in one transaction.
const AT_ONCE: i64 = 100;

impl Group<'_> {
    /// Stores a part, and its text when that can be shown.
    pub(crate) fn receive(&mut self, part: InboundPart) -> Receipt<Received> {
        let manners = Arc::clone(&self.store.manners);
        let (job, receipt) = job(move |work| receive(work, &part, &manners));
        self.jobs.push(job);
        receipt
    }
}

impl Store {
    /// Shows the texts that have lacked a part for `timeout`, with their gaps. Answers when the next one's time is up.
    pub(crate) async fn close_incomplete(
        &self,
        now: UnixMillis,
        timeout: Duration,
    ) -> Result<Option<UnixMillis>, StoreError> {
        let (job, receipt) = job(move |work| close_incomplete(work, now, timeout));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// At most `limit` texts, newest first.
    pub(crate) async fn inbox(
        &self,
        filter: InboxFilter,
        limit: u32,
    ) -> Result<InboxPage, StoreError> {
        self.readers.ask(move |db| list(db, &filter, limit)).await
    }

    pub(crate) async fn inbound(&self, id: InboundId) -> Result<Option<InboundView>, StoreError> {
        self.readers
            .ask(move |db| {
                let mut statement = db.prepare_cached(&format!("{VIEW} WHERE id = :id"))?;
                let mut rows = statement.query(named_params! { ":id": id.as_str() })?;
                rows.next()?.map(view).transpose()
            })
            .await
    }
}

/// Deletes a step's worth of texts that appeared before `before`; answers how many.
pub(super) fn forget(work: &Work<'_>, before: i64, step: i64) -> Result<usize, StoreError> {
    Ok(work
        .db
        .prepare_cached(
            "DELETE FROM inbound
              WHERE seq IN (SELECT seq FROM inbound
                             WHERE received_at < :before LIMIT :step)",
        )?
        .execute(named_params! { ":before": before, ":step": step })?)
}

fn receive(
    work: &mut Work<'_>,
    part: &InboundPart,
    manners: &Manners,
) -> Result<Received, StoreError> {
    crash_point!(writes Inbound);
    let identity = part.identity();
    if is_known(work, part, identity.as_ref())? {
        return Ok(Received::Duplicate);
    }
    let home = match part.place {
        Some(place) => home_of(place, part.smsc_at, part.at, &open(work, part, place)?),
        None => None,
    };
    let assembly = insert(work, part, identity.as_ref(), home)?;
    let text = gather(work, assembly)?;
    match text.joined.is_complete || text.inbound.is_some() {
        true => {
            show(work, assembly, &text, part.at)?;
            if text.joined.is_complete {
                obey(
                    work,
                    &manners.stop,
                    part.from.as_ref(),
                    &text.joined.text,
                    part.at,
                )?;
            }
            Ok(Received::Shown)
        }
        false => Ok(Received::Waits),
    }
}

fn is_known(
    work: &Work<'_>,
    part: &InboundPart,
    identity: Option<&[u8; 32]>,
) -> Result<bool, StoreError> {
    let same_pdu_since = part.at.0 - i64::try_from(SAME_PDU.as_millis()).unwrap_or(i64::MAX);
    Ok(work
        .db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM inbound_part
                             WHERE identity = :identity)
                 OR EXISTS (SELECT 1 FROM inbound_part
                             WHERE pdu = :pdu AND sim = :sim AND received_at > :since)",
        )?
        .query_row(
            named_params! {
                ":identity": identity.map(|octets| &octets[..]),
                ":pdu": &part.pdu.octets()[..],
                ":sim": part.sim.as_str(),
                ":since": same_pdu_since,
            },
            |row| row.get(0),
        )?)
}

/// Texts of this sender with this reference that lack a part.
fn open(work: &Work<'_>, part: &InboundPart, place: Place) -> Result<Vec<Assembly>, StoreError> {
    let mut statement = work.db.prepare_cached(
        "SELECT assembly, number, smsc_at, received_at
           FROM inbound_part
          WHERE from_number = :from AND reference = :reference AND text IS NOT NULL
            AND width = :width AND total = :total AND sim = :sim
          ORDER BY assembly",
    )?;
    let mut rows = statement.query(named_params! {
        ":from": part.from.as_ref().map(Sender::expose),
        ":reference": place.reference.value(),
        ":width": width(place.reference),
        ":total": place.total,
        ":sim": part.sim.as_str(),
    })?;
    let mut assemblies: Vec<Assembly> = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get("assembly")?;
        let held = Held {
            number: row.get("number")?,
            smsc_at: row.get::<_, Option<i64>>("smsc_at")?.map(UnixMillis),
            received_at: UnixMillis(row.get("received_at")?),
        };
        match assemblies.last_mut().filter(|assembly| assembly.id == id) {
            Some(assembly) => assembly.parts.push(held),
            None => assemblies.push(Assembly {
                id,
                parts: vec![held],
            }),
        }
    }
    Ok(assemblies)
}

fn width(reference: Reference) -> u8 {
    match reference {
        Reference::Eight(_) => 8,
        Reference::Sixteen(_) => 16,
    }
}

/// Answers the text it belongs to.
fn insert(
    work: &Work<'_>,
    part: &InboundPart,
    identity: Option<&[u8; 32]>,
    home: Option<i64>,
) -> Result<i64, StoreError> {
    let seq: i64 = work
        .db
        .prepare_cached("SELECT COALESCE(MAX(seq), 0) + 1 FROM inbound_part")?
        .query_row([], |row| row.get(0))?;
    let assembly = home.unwrap_or(seq);
    let reference = part.place.map(|place| place.reference);
    work.db
        .prepare_cached(
            "INSERT INTO inbound_part (seq, assembly, sim, modem, from_number, to_number, width, reference, total,
                                       number, encoding, text, smsc_at, received_at, pdu, identity)
             VALUES (:seq, :assembly, :sim, :modem, :from, :to, :width, :reference, :total,
                     :number, :encoding, :text, :smsc_at, :received_at, :pdu, :identity)",
        )?
        .execute(named_params! {
            ":seq": seq,
            ":assembly": assembly,
            ":sim": part.sim.as_str(),
            ":modem": part.modem.as_str(),
            ":from": part.from.as_ref().map(Sender::expose),
            ":to": part.to,
            ":width": reference.map(width),
            ":reference": reference.map(Reference::value),
            ":total": part.place.map_or(1, |place| place.total),
            ":number": part.place.map_or(1, |place| place.number),
            ":encoding": part.encoding.as_str(),
            ":text": part.text.expose(),
            ":smsc_at": part.smsc_at.map(|at| at.0),
            ":received_at": part.at.0,
            ":pdu": &part.pdu.octets()[..],
            ":identity": identity.map(|octets| &octets[..]),
        })?;
    Ok(assembly)
}

/// What there is of one text.
struct Gathered {
    joined: Joined,
    total: u8,
    /// Of its part that came first.
    pdu: PduDigest,
    smsc_at: Option<i64>,
    /// It is shown already, with a gap.
    inbound: Option<i64>,
}

fn gather(work: &Work<'_>, assembly: i64) -> Result<Gathered, StoreError> {
    let mut statement = work.db.prepare_cached(
        "SELECT number, total, encoding, text, smsc_at, pdu, inbound
           FROM inbound_part
          WHERE assembly = :assembly
          ORDER BY seq",
    )?;
    let mut rows = statement.query(named_params! { ":assembly": assembly })?;
    let (mut parts, mut smsc_at, mut inbound, mut first) = (Vec::new(), None, None, None);
    while let Some(row) = rows.next()? {
        let text: Option<String> = row.get("text")?;
        parts.push((
            row.get("number")?,
            word(row, "encoding")?,
            text.unwrap_or_default(),
        ));
        let stamp: Option<i64> = row.get("smsc_at")?;
        smsc_at = smsc_at.into_iter().chain(stamp).min();
        inbound = inbound.or(row.get("inbound")?);
        if first.is_none() {
            first = Some((row.get("total")?, row.get::<_, [u8; 32]>("pdu")?));
        }
    }
    let (total, pdu) = first.ok_or_else(|| StoreError::Corrupt("a text of no parts".to_owned()))?;
    Ok(Gathered {
        joined: whole_or_joined(total, parts),
        total,
        pdu: PduDigest::stored(pdu),
        smsc_at,
        inbound,
    })
}

/// A text of one part is in no alphabet but its own.
fn whole_or_joined(total: u8, mut parts: Vec<(u8, InboundEncoding, String)>) -> Joined {
    match (total, parts.pop()) {
        (1, Some((_, encoding, text))) => Joined {
            text,
            encoding,
            is_complete: true,
        },
        (_, last) => {
            parts.extend(last);
            join(total, &parts)
        }
    }
}

/// Makes the text appear, or fills the gap of one that has.
fn show(work: &Work<'_>, assembly: i64, text: &Gathered, at: UnixMillis) -> Result<(), StoreError> {
    let inbound = match text.inbound {
        Some(inbound) => {
            fill(work, inbound, text)?;
            inbound
        }
        None => appear(work, assembly, text, at)?,
    };
    work.db
        .prepare_cached(
            "UPDATE inbound_part
                SET inbound = :inbound, text = CASE WHEN :complete THEN NULL ELSE text END
              WHERE assembly = :assembly",
        )?
        .execute(named_params! {
            ":inbound": inbound,
            ":complete": text.joined.is_complete,
            ":assembly": assembly,
        })?;
    Ok(())
}

fn appear(
    work: &Work<'_>,
    assembly: i64,
    text: &Gathered,
    at: UnixMillis,
) -> Result<i64, StoreError> {
    let seq: i64 = work
        .db
        .prepare_cached("SELECT COALESCE(MAX(seq), 0) + 1 FROM inbound")?
        .query_row([], |row| row.get(0))?;
    work.db
        .prepare_cached(
            "INSERT INTO inbound (seq, id, sim, modem, from_number, to_number, text, encoding, parts, complete,
                                  smsc_at, received_at)
             SELECT :seq, :id, sim, modem, from_number, to_number, :text, :encoding, :parts, :complete,
                    :smsc_at, :received_at
               FROM inbound_part
              WHERE assembly = :assembly
              ORDER BY seq DESC
              LIMIT 1",
        )?
        .execute(named_params! {
            ":seq": seq,
            ":id": InboundId::of(at, &text.pdu, assembly).as_str(),
            ":text": text.joined.text,
            ":encoding": text.joined.encoding.as_str(),
            ":parts": text.total,
            ":complete": text.joined.is_complete,
            ":smsc_at": text.smsc_at,
            ":received_at": at.0,
            ":assembly": assembly,
        })?;
    Ok(seq)
}

fn fill(work: &Work<'_>, inbound: i64, text: &Gathered) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE inbound
                SET text = :text, encoding = :encoding, complete = :complete, smsc_at = :smsc_at
              WHERE seq = :seq AND complete = 0",
        )?
        .execute(named_params! {
            ":text": text.joined.text,
            ":encoding": text.joined.encoding.as_str(),
            ":complete": text.joined.is_complete,
            ":smsc_at": text.smsc_at,
            ":seq": inbound,
        })?;
    Ok(())
}

fn close_incomplete(
    work: &mut Work<'_>,
    now: UnixMillis,
    timeout: Duration,
) -> Result<Option<UnixMillis>, StoreError> {
    let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
    let late: Vec<i64> = {
        let mut statement = work.db.prepare_cached(
            "SELECT assembly
               FROM inbound_part
              WHERE inbound IS NULL
              GROUP BY assembly
             HAVING MAX(received_at) <= :received_by
              ORDER BY assembly
              LIMIT :at_once",
        )?;
        let wanted = named_params! {
            ":received_by": now.0.saturating_sub(timeout_ms),
            ":at_once": AT_ONCE,
        };
        let rows = statement.query_map(wanted, |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    for assembly in late {
        let text = gather(work, assembly)?;
        show(work, assembly, &text, now)?;
    }
    let oldest: Option<i64> = work
        .db
        .prepare_cached(
            "SELECT MIN(last)
               FROM (SELECT MAX(received_at) AS last
                       FROM inbound_part
                      WHERE inbound IS NULL
                      GROUP BY assembly)",
        )?
        .query_row([], |row| row.get(0))
        .optional()?
        .flatten();
    Ok(oldest.map(|at| UnixMillis(at).plus(timeout)))
}

const VIEW: &str =
    "SELECT seq, id, from_number, to_number, modem, text, encoding, parts, complete, read, smsc_at, received_at
       FROM inbound";

fn view(row: &Row<'_>) -> Result<InboundView, StoreError> {
    Ok(InboundView {
        seq: row.get("seq")?,
        id: word(row, "id")?,
        from: row
            .get::<_, Option<String>>("from_number")?
            .map(Sender::new),
        to: row.get("to_number")?,
        modem: row.get("modem")?,
        text: Body::stored(row.get("text")?),
        encoding: word(row, "encoding")?,
        parts: row.get("parts")?,
        complete: row.get("complete")?,
        read: row.get("read")?,
        smsc_at: row.get::<_, Option<i64>>("smsc_at")?.map(UnixMillis),
        received_at: UnixMillis(row.get("received_at")?),
    })
}

fn list(db: &Connection, filter: &InboxFilter, limit: u32) -> Result<InboxPage, StoreError> {
    let mut conditions: Vec<&str> = Vec::new();
    let mut values: Vec<&dyn ToSql> = Vec::new();
    let (since, until) = (filter.since.map(|at| at.0), filter.until.map(|at| at.0));
    if let Some(from) = &filter.from {
        conditions.push("from_number IN (?, ?)");
        values.extend(from.iter().map(|form| form as &dyn ToSql));
    }
    for (condition, value) in [
        ("modem = ?", filter.modem.as_ref().map(|v| v as &dyn ToSql)),
        ("received_at >= ?", since.as_ref().map(|v| v as _)),
        ("received_at < ?", until.as_ref().map(|v| v as _)),
        ("seq < ?", filter.before.as_ref().map(|v| v as _)),
    ] {
        if let Some(value) = value {
            conditions.push(condition);
            values.push(value);
        }
    }
    match filter.unread {
        Some(true) => conditions.push("read = 0"),
        Some(false) => conditions.push("read = 1"),
        None => {}
    }
    let filtered = match conditions.is_empty() {
        true => String::new(),
        false => format!("WHERE {}", conditions.join(" AND ")),
    };
    let sql = format!("{VIEW} {filtered} ORDER BY seq DESC LIMIT {}", limit + 1);
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(values.as_slice())?;
    let mut texts = Vec::new();
    while let Some(row) = rows.next()? {
        texts.push(view(row)?);
    }
    let has_more = texts.len() > limit as usize;
    texts.truncate(limit as usize);
    Ok(InboxPage { texts, has_more })
}
