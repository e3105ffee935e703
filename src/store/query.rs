//! Questions: what is stored, read-only.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::origin::StoredOrigin;
use super::row::{InOrder, word};
use super::{Store, StoreError};
use crate::domain::seal::SealBroken;
use crate::domain::{
    Addressee, BatchId, Body, Category, Crowd, Destination, Encoding, Event, MessageId, MessageSeq,
    MessageState, ModemName, Money, PartNumber, PartState, PendingCode, Pepper, Priority,
    RouteName, Sealed, Severity, SimId, UnixMillis, Via,
};

/// A message as callers may see it: the text of category otp has its codes masked.
#[derive(Clone, Debug)]
pub(crate) struct MessageView {
    pub(crate) seq: MessageSeq,
    pub(crate) id: MessageId,
    /// The batch it came with.
    pub(crate) batch: Option<BatchId>,
    pub(crate) to: Addressee,
    pub(crate) to_raw: String,
    pub(crate) country: Option<String>,
    pub(crate) category: Category,
    pub(crate) priority: u8,
    pub(crate) state: MessageState,
    pub(crate) text: Body,
    /// Its text and its number are gone.
    pub(crate) is_forgotten: bool,
    pub(crate) encoding: Encoding,
    pub(crate) parts: u8,
    pub(crate) severity: Option<Severity>,
    pub(crate) via: Option<Via>,
    /// It waits between two parts.
    pub(crate) bond: Option<Bond>,
    pub(crate) strikes: u32,
    pub(crate) setbacks: u32,
    /// What its tries that left have cost.
    pub(crate) price: Option<Money>,
    pub(crate) from_number: Option<String>,
    pub(crate) client_ref: Option<String>,
    /// The template it was made of.
    pub(crate) template: Option<i64>,
    /// The same as routes see it, while it waits.
    pub(crate) origin: Option<StoredOrigin>,
    /// Its last route was told that too many texts went to its number.
    pub(crate) stays: bool,
    pub(crate) route: Option<String>,
    pub(crate) tries: u32,
    pub(crate) error: Option<(String, String)>,
    pub(crate) hold: Option<(PendingCode, String)>,
    pub(crate) next_attempt_at: Option<UnixMillis>,
    pub(crate) may_be_duplicate: bool,
    pub(crate) created_at: UnixMillis,
    pub(crate) scheduled_at: Option<UnixMillis>,
    pub(crate) expires_at: UnixMillis,
    pub(crate) sent_at: Option<UnixMillis>,
    pub(crate) delivered_at: Option<UnixMillis>,
    /// The last moment at which a report may come.
    pub(crate) closes_at: Option<UnixMillis>,
}

/// A text some of whose parts have left, or may have: by which SIM, and when the last of them was tried.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bond {
    pub(crate) sim: Option<SimId>,
    pub(crate) tried_at: UnixMillis,
    /// For certain.
    pub(crate) has_left: bool,
}

impl MessageView {
    /// A modem was told that there is no such number, or that it may not be texted.
    pub(crate) fn is_barred(&self) -> bool {
        self.error
            .as_ref()
            .is_some_and(|(code, _)| is_barring(code))
    }
}

fn is_barring(error: &str) -> bool {
    matches!(error, "invalid_destination" | "barred")
}

/// A message that may go now.
#[derive(Clone, Debug)]
pub(crate) struct InLine {
    pub(crate) seq: MessageSeq,
    pub(crate) id: MessageId,
    pub(crate) to: Destination,
    pub(crate) category: Category,
    pub(crate) priority: Priority,
    pub(crate) text: StoredText,
    pub(crate) encoding: Encoding,
    pub(crate) flash: bool,
    pub(crate) ref16: bool,
    pub(crate) severity: Option<Severity>,
    pub(crate) via: Option<Via>,
    pub(crate) crowd: Crowd,
    /// Since when it may go.
    pub(crate) since: UnixMillis,
    pub(crate) expires_at: UnixMillis,
    /// Part states, first part first.
    pub(crate) parts: Vec<PartState>,
    /// Its last try, once one was begun.
    pub(crate) last: Option<LastTry>,
    /// The SIM that a text was last exchanged with its recipient by, if that was asked for.
    pub(crate) contact: Option<SimId>,
    pub(crate) strikes: u32,
    pub(crate) setbacks: u32,
    /// A modem was told that there is no such number, or that it may not be texted.
    pub(crate) is_barred: bool,
    /// A provider was told that too many texts went to its number: it goes by no other route.
    pub(crate) stays: bool,
    /// The template it was made of, if of one.
    pub(crate) origin: Option<StoredOrigin>,
}

/// Where the last try of a message went.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LastTry {
    pub(crate) route: RouteName,
    pub(crate) sim: Option<SimId>,
    /// What names its parts on the handset there.
    pub(crate) reference: Option<u16>,
    pub(crate) at: UnixMillis,
}

impl InLine {
    /// A try of it came to nothing, and it was not the caller's doing.
    pub(crate) fn has_failed(&self) -> bool {
        self.strikes + self.setbacks > 0
    }
}

/// Whether the line says which SIM a text was last exchanged with each recipient by: with one SIM nobody needs to know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Contacts {
    Wanted,
    Spared,
}

/// A text as it rests.
#[derive(Clone, Debug)]
pub(crate) enum StoredText {
    Plain(Body),
    Sealed(Sealed),
}

impl StoredText {
    /// # Errors
    /// When it cannot be opened: another pepper sealed it.
    pub(crate) fn open(&self, id: &MessageId, pepper: &Pepper) -> Result<Body, SealBroken> {
        match self {
            Self::Plain(body) => Ok(body.clone()),
            Self::Sealed(sealed) => pepper.open(sealed, id.as_str()).map(Body::stored),
        }
    }
}

/// The front of the line, and when something that is not in it must be looked at.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) front: Vec<InLine>,
    /// Crowds of which more stand in line.
    pub(crate) more: Vec<(Priority, Crowd)>,
    /// End of the nearest hold or time to live.
    pub(crate) next_due: Option<UnixMillis>,
}

impl Store {
    /// The message with this id. `app`: `None` sees all.
    pub(crate) async fn message(
        &self,
        id: MessageId,
        app: Option<String>,
    ) -> Result<Option<MessageView>, StoreError> {
        self.readers
            .ask(move |db| match seq_of(db, &id, app.as_deref())? {
                Some(seq) => view(db, seq).map(Some),
                None => Ok(None),
            })
            .await
    }

    /// Its events, oldest first; `None` when there is no such message.
    pub(crate) async fn events(
        &self,
        id: MessageId,
        app: Option<String>,
    ) -> Result<Option<Vec<Event>>, StoreError> {
        self.readers
            .ask(move |db| match seq_of(db, &id, app.as_deref())? {
                Some(seq) => events(db, seq).map(Some),
                None => Ok(None),
            })
            .await
    }

    /// The first `per_crowd` messages of each class and crowd that may go now, best class first, then the oldest.
    pub(crate) async fn line(
        &self,
        per_crowd: u32,
        contacts: Contacts,
    ) -> Result<Line, StoreError> {
        self.readers
            .ask(move |db| {
                let (front, more) = front(db, per_crowd, contacts)?;
                Ok(Line {
                    front,
                    more,
                    next_due: next_due(db)?,
                })
            })
            .await
    }

    /// The SIM by which a text was last exchanged with this number.
    pub(crate) async fn contact(&self, to: Destination) -> Result<Option<SimId>, StoreError> {
        self.readers
            .ask(move |db| contact(db, &to, MessageSeq(i64::MAX)))
            .await
    }

    /// When the youngest try of this route whose outcome is not known began.
    pub(crate) async fn unsettled_since(
        &self,
        route: String,
    ) -> Result<Option<UnixMillis>, StoreError> {
        self.readers
            .ask(move |db| {
                let youngest: Option<i64> = db
                    .prepare_cached(
                        "SELECT MAX(tried_at)
                           FROM part
                          WHERE route = :route AND state IN ('sending', 'uncertain')",
                    )?
                    .query_row(named_params! { ":route": route }, |row| row.get(0))?;
                Ok(youngest.map(UnixMillis))
            })
            .await
    }

    /// Mean send time of the SIM that was last seen in this modem.
    pub(crate) async fn mean_send(&self, modem: ModemName) -> Result<Option<Duration>, StoreError> {
        self.readers
            .ask(move |db| {
                let millis: Option<i64> = db
                    .prepare_cached(
                        "SELECT mean_send_ms
                           FROM sim
                          WHERE modem = :modem
                          ORDER BY seen_at DESC
                          LIMIT 1",
                    )?
                    .query_row(named_params! { ":modem": modem.as_str() }, |row| row.get(0))
                    .optional()?;
                Ok(millis.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0))))
            })
            .await
    }
}

pub(super) fn seq_of(
    db: &Connection,
    id: &MessageId,
    app: Option<&str>,
) -> Result<Option<MessageSeq>, StoreError> {
    Ok(db
        .prepare_cached(
            "SELECT seq
               FROM message
              WHERE id = :id AND (:app IS NULL OR app = :app)",
        )?
        .query_row(named_params! { ":id": id.as_str(), ":app": app }, |row| {
            row.get(0).map(MessageSeq)
        })
        .optional()?)
}

pub(super) const VIEW: &str = "SELECT hold_code, hold_text, error_code, error_text, id, batch, severity, from_modem,
       CASE WHEN state = 'queued' AND parts > 1 AND route IS NOT NULL
            THEN (SELECT COALESCE(sim, '') || ' ' || tried_at || ' '
                         || MAX(state <> 'uncertain')
                    FROM part
                   WHERE message = seq AND state NOT IN ('queued', 'sending')) END AS bond,
       seq, to_number, to_raw, country, category, priority, state, text, forgotten, encoding, parts,
       strikes, setbacks, price, from_number, client_ref, template, made_of, stays, route, tries, next_attempt_at, may_be_duplicate,
       created_at, scheduled_at, expires_at, sent_at, delivered_at, closes_at
  FROM message";

pub(super) fn view(db: &Connection, seq: MessageSeq) -> Result<MessageView, StoreError> {
    let mut statement = db.prepare_cached(&format!("{VIEW} WHERE seq = :seq"))?;
    let mut rows = statement.query(named_params! { ":seq": seq.0 })?;
    view_of(rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?)
}

pub(super) fn view_of(row: &Row<'_>) -> Result<MessageView, StoreError> {
    let row = &InOrder::new(row);
    let moment = |column: &str| -> Result<Option<UnixMillis>, StoreError> {
        Ok(row.get::<_, Option<i64>>(column)?.map(UnixMillis))
    };
    let hold_code: Option<String> = row.get("hold_code")?;
    let hold_text: Option<String> = row.get("hold_text")?;
    let error_code: Option<String> = row.get("error_code")?;
    let error_text: Option<String> = row.get("error_text")?;
    let id: MessageId = word(row, "id")?;
    let batch: Option<i64> = row.get("batch")?;
    let severity: Option<String> = row.get("severity")?;
    let via: Option<String> = row.get("from_modem")?;
    let bond: Option<String> = row.get("bond")?;
    Ok(MessageView {
        bond: bond.as_deref().and_then(bond_of),
        seq: MessageSeq(row.get("seq")?),
        batch: batch.map(|_| BatchId::of_message(&id)),
        id,
        to: word(row, "to_number")?,
        to_raw: row.get("to_raw")?,
        country: row.get("country")?,
        category: word(row, "category")?,
        priority: row.get("priority")?,
        state: word(row, "state")?,
        text: Body::stored(row.get("text")?),
        is_forgotten: row.get("forgotten")?,
        encoding: word(row, "encoding")?,
        parts: row.get("parts")?,
        severity: severity.as_deref().and_then(Severity::parse),
        via: via.as_deref().and_then(Via::parse),
        strikes: row.get("strikes")?,
        setbacks: row.get("setbacks")?,
        price: row.get::<_, Option<i64>>("price")?.map(Money),
        from_number: row.get("from_number")?,
        client_ref: row.get("client_ref")?,
        template: row.get("template")?,
        origin: match row.get::<_, Option<String>>("made_of")? {
            Some(plain) => Some(StoredOrigin::of(&plain, None)?),
            None => None,
        },
        stays: row.get("stays")?,
        route: row.get("route")?,
        tries: row.get("tries")?,
        error: error_code.map(|code| (code, error_text.unwrap_or_default())),
        hold: hold_code
            .as_deref()
            .and_then(PendingCode::parse)
            .map(|code| (code, hold_text.unwrap_or_default())),
        next_attempt_at: moment("next_attempt_at")?,
        may_be_duplicate: row.get("may_be_duplicate")?,
        created_at: UnixMillis(row.get("created_at")?),
        scheduled_at: moment("scheduled_at")?,
        expires_at: UnixMillis(row.get("expires_at")?),
        sent_at: moment("sent_at")?,
        delivered_at: moment("delivered_at")?,
        closes_at: moment("closes_at")?,
    })
}

/// SIM, moment and whether it is certain, as [`VIEW`] puts them together.
fn bond_of(text: &str) -> Option<Bond> {
    let mut words = text.split(' ');
    Some(Bond {
        sim: words.next().and_then(SimId::parse),
        tried_at: UnixMillis(words.next()?.parse().ok()?),
        has_left: words.next()? == "1",
    })
}

fn events(db: &Connection, seq: MessageSeq) -> Result<Vec<Event>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT at, kind, part, route, detail
           FROM event
          WHERE message = :seq
          ORDER BY number",
    )?;
    let mut rows = statement.query(named_params! { ":seq": seq.0 })?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(Event {
            at: UnixMillis(row.get("at")?),
            kind: word(row, "kind")?,
            part: row.get::<_, Option<u8>>("part")?.map(PartNumber),
            route: row.get("route")?,
            detail: row.get("detail")?,
        });
    }
    Ok(events)
}

/// What stands at the front, and the crowds of which there is more.
type Front = (Vec<InLine>, Vec<(Priority, Crowd)>);

/// Crowds of one class that are looked at: a SIM for each, and the few sets of routes that prefixes and categories make.
const MOST_CROWDS: usize = 64;

fn front(db: &Connection, per_crowd: u32, contacts: Contacts) -> Result<Front, StoreError> {
    let mut of_crowd = db.prepare_cached(
        "SELECT seq, sealed, from_modem, route, error_code, severity, made_of, sealed_values, parts, to_number, id, category, priority,
                text, encoding, flash, ref16, crowd, COALESCE(scheduled_at, created_at) AS since, expires_at,
                strikes, setbacks, stays, reference
           FROM message
          WHERE state = 'queued' AND next_attempt_at IS NULL AND priority = :priority AND crowd = :crowd
          ORDER BY seq
          LIMIT :limit",
    )?;
    let (mut front, mut more) = (Vec::new(), Vec::new());
    for class in 0..Priority::CLASSES {
        let priority = Priority(u8::try_from(class).unwrap_or(u8::MAX));
        let mut of_class = Vec::new();
        for crowd in crowds(db, priority)? {
            let before = of_class.len();
            let mut rows = of_crowd.query(named_params! {
                ":priority": priority.0,
                ":crowd": crowd.0,
                ":limit": per_crowd,
            })?;
            while let Some(row) = rows.next()? {
                of_class.push(in_line(db, row, contacts)?);
            }
            if of_class.len() - before >= per_crowd as usize {
                more.push((priority, crowd));
            }
        }
        of_class.sort_unstable_by_key(|message| message.seq);
        front.append(&mut of_class);
    }
    Ok((front, more))
}

/// A seek in the index for each, however many wait.
pub(super) fn crowds(db: &Connection, priority: Priority) -> Result<Vec<Crowd>, StoreError> {
    let mut next = db.prepare_cached(
        "SELECT MIN(crowd)
           FROM message
          WHERE state = 'queued' AND next_attempt_at IS NULL AND priority = :priority AND crowd > :after",
    )?;
    let mut crowds = Vec::new();
    let mut after = -1;
    while crowds.len() < MOST_CROWDS {
        let values = named_params! { ":priority": priority.0, ":after": after };
        let Some(crowd) = next.query_row(values, |row| row.get::<_, Option<i64>>(0))? else {
            break;
        };
        crowds.push(Crowd(crowd));
        after = crowd;
    }
    Ok(crowds)
}

fn in_line(db: &Connection, row: &Row<'_>, contacts: Contacts) -> Result<InLine, StoreError> {
    let row = &InOrder::new(row);
    let seq = MessageSeq(row.get("seq")?);
    let sealed: Option<Vec<u8>> = row.get("sealed")?;
    let via: Option<String> = row.get("from_modem")?;
    let route: Option<String> = row.get("route")?;
    let error: Option<String> = row.get("error_code")?;
    let severity: Option<String> = row.get("severity")?;
    let made_of: Option<String> = row.get("made_of")?;
    let values: Option<Vec<u8>> = row.get("sealed_values")?;
    let count: u8 = row.get("parts")?;
    let to: Destination = word(row, "to_number")?;
    let (parts, last) = match route.as_deref().and_then(RouteName::parse) {
        None => (vec![PartState::Queued; count.into()], None),
        Some(route) => parts_tried(db, seq, route, row.get("reference")?)?,
    };
    Ok(InLine {
        seq,
        id: word(row, "id")?,
        contact: match contacts {
            Contacts::Wanted => contact(db, &to, seq)?,
            Contacts::Spared => None,
        },
        to,
        category: word(row, "category")?,
        severity: severity.as_deref().and_then(Severity::parse),
        priority: Priority(row.get("priority")?),
        text: match sealed {
            Some(sealed) => StoredText::Sealed(Sealed::from_octets(sealed)),
            None => StoredText::Plain(Body::stored(row.get("text")?)),
        },
        encoding: word(row, "encoding")?,
        flash: row.get("flash")?,
        ref16: row.get("ref16")?,
        via: via.as_deref().and_then(Via::parse),
        crowd: Crowd(row.get("crowd")?),
        since: UnixMillis(row.get("since")?),
        expires_at: UnixMillis(row.get("expires_at")?),
        parts,
        last,
        strikes: row.get("strikes")?,
        setbacks: row.get("setbacks")?,
        is_barred: error.as_deref().is_some_and(is_barring),
        stays: row.get("stays")?,
        origin: match made_of {
            Some(plain) => Some(StoredOrigin::of(&plain, values)?),
            None => None,
        },
    })
}

fn parts_tried(
    db: &Connection,
    seq: MessageSeq,
    route: RouteName,
    reference: Option<u16>,
) -> Result<(Vec<PartState>, Option<LastTry>), StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT state, sim, tried_at FROM part WHERE message = :seq ORDER BY number",
    )?;
    let mut rows = statement.query(named_params! { ":seq": seq.0 })?;
    let (mut states, mut newest) = (Vec::new(), (None, None));
    while let Some(row) = rows.next()? {
        states.push(word(row, "state")?);
        let tried_at: Option<i64> = row.get("tried_at")?;
        if tried_at > newest.0 {
            newest = (tried_at, row.get::<_, Option<String>>("sim")?);
        }
    }
    let (at, sim) = newest;
    let last = at.map(|at| LastTry {
        route,
        sim: sim.as_deref().and_then(SimId::parse),
        reference,
        at: UnixMillis(at),
    });
    Ok((states, last))
}

/// The SIM by which a text was last exchanged with this number, whichever way it went.
///
/// Of what went out only messages accepted before this one are looked at, and not many: those behind it wait as it does,
/// and nobody's line may be read to its end for it.
fn contact(
    db: &Connection,
    to: &Destination,
    seq: MessageSeq,
) -> Result<Option<SimId>, StoreError> {
    let reached: Option<(i64, String)> = db
        .prepare_cached(
            "SELECT sent_at, sim
               FROM (SELECT message.sent_at AS sent_at, part.sim AS sim, message.seq AS seq
                       FROM (SELECT seq, sent_at
                               FROM message
                              WHERE to_number = :to AND seq < :seq
                              ORDER BY seq DESC
                              LIMIT 16) AS message
                       JOIN part ON part.message = message.seq AND part.number = 1)
              WHERE sent_at IS NOT NULL AND sim IS NOT NULL
              ORDER BY seq DESC
              LIMIT 1",
        )?
        .query_row(named_params! { ":to": to.as_str(), ":seq": seq.0 }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let wrote: Option<(i64, String)> = db
        .prepare_cached(
            "SELECT received_at, sim
               FROM inbound
              WHERE from_number = :to
              ORDER BY seq DESC
              LIMIT 1",
        )?
        .query_row(named_params! { ":to": to.as_str() }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let last = reached.into_iter().chain(wrote).max_by_key(|(at, _)| *at);
    Ok(last.and_then(|(_, sim)| SimId::parse(&sim)))
}

fn next_due(db: &Connection) -> Result<Option<UnixMillis>, StoreError> {
    let (held, unsent): (Option<i64>, Option<i64>) = db
        .prepare_cached(
            "SELECT (SELECT MIN(next_attempt_at) FROM message WHERE next_attempt_at IS NOT NULL),
                    (SELECT MIN(expires_at)
                       FROM message
                      WHERE (state = 'scheduled' OR state = 'queued' OR state = 'sending') AND state <> 'sending')",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(held.into_iter().chain(unsent).min().map(UnixMillis))
}
