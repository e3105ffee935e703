//! Questions: what is stored, read-only.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::row::word;
use super::{Store, StoreError};
use crate::domain::{
    Addressee, BatchId, Body, Category, Destination, Encoding, Event, MessageId, MessageSeq,
    MessageState, ModemName, PartNumber, PartState, PendingCode, Priority, Sealed, UnixMillis,
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
    pub(crate) from_modem: Option<String>,
    pub(crate) from_number: Option<String>,
    pub(crate) client_ref: Option<String>,
    /// The template it was made of.
    pub(crate) template: Option<i64>,
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
    pub(crate) from_modem: Option<ModemName>,
    pub(crate) expires_at: UnixMillis,
    /// Part states, first part first.
    pub(crate) parts: Vec<PartState>,
    /// What names its parts on the handset, and the route it is known on, once one was tried.
    pub(crate) reference: Option<u16>,
    pub(crate) route: Option<String>,
    pub(crate) strikes: u32,
    pub(crate) setbacks: u32,
}

impl InLine {
    /// A try of it came to nothing, and it was not the caller's doing.
    pub(crate) fn has_failed(&self) -> bool {
        self.strikes + self.setbacks > 0
    }
}

/// A text as it rests.
#[derive(Clone, Debug)]
pub(crate) enum StoredText {
    Plain(Body),
    Sealed(Sealed),
}

/// The front of the line, and when something that is not in it must be looked at.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) front: Vec<InLine>,
    /// Classes of which more stand in line.
    pub(crate) more: [bool; Priority::CLASSES],
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

    /// The first `per_class` messages of each class that may go now, best class first, then the oldest; of those that
    /// name a modem only what names one of `ready`.
    pub(crate) async fn line(
        &self,
        per_class: u32,
        ready: Vec<ModemName>,
    ) -> Result<Line, StoreError> {
        self.readers
            .ask(move |db| {
                let (front, more) = front(db, per_class, &ready)?;
                Ok(Line {
                    front,
                    more,
                    next_due: next_due(db)?,
                })
            })
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

pub(super) const VIEW: &str = "SELECT seq, id, to_number, to_raw, country, category, priority, state, text, encoding,
       parts, from_modem, from_number, client_ref, template, route, tries, error_code, error_text,
       hold_code, hold_text, next_attempt_at, may_be_duplicate, created_at, scheduled_at, expires_at,
       sent_at, delivered_at, closes_at, batch, forgotten
  FROM message";

pub(super) fn view(db: &Connection, seq: MessageSeq) -> Result<MessageView, StoreError> {
    let mut statement = db.prepare_cached(&format!("{VIEW} WHERE seq = :seq"))?;
    let mut rows = statement.query(named_params! { ":seq": seq.0 })?;
    view_of(rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?)
}

pub(super) fn view_of(row: &Row<'_>) -> Result<MessageView, StoreError> {
    let moment = |column: &str| -> Result<Option<UnixMillis>, StoreError> {
        Ok(row.get::<_, Option<i64>>(column)?.map(UnixMillis))
    };
    let hold_code: Option<String> = row.get("hold_code")?;
    let hold_text: Option<String> = row.get("hold_text")?;
    let error_code: Option<String> = row.get("error_code")?;
    let error_text: Option<String> = row.get("error_text")?;
    let id: MessageId = word(row, "id")?;
    let batch: Option<i64> = row.get("batch")?;
    Ok(MessageView {
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
        from_modem: row.get("from_modem")?,
        from_number: row.get("from_number")?,
        client_ref: row.get("client_ref")?,
        template: row.get("template")?,
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

macro_rules! line_query {
    ($which:literal) => {
        concat!(
            "SELECT seq, id, to_number, category, priority, text, sealed, encoding, parts, flash, ref16,
                    from_modem, expires_at, reference, route, strikes, setbacks
               FROM message
              WHERE state = 'queued' AND next_attempt_at IS NULL AND priority = :priority AND ",
            $which,
            " ORDER BY seq LIMIT :limit"
        )
    };
}

fn front(
    db: &Connection,
    per_class: u32,
    ready: &[ModemName],
) -> Result<(Vec<InLine>, [bool; Priority::CLASSES]), StoreError> {
    let mut anybodys = db.prepare_cached(line_query!("from_modem IS NULL"))?;
    let mut named = db.prepare_cached(line_query!("from_modem = :modem"))?;
    let mut front = Vec::new();
    let mut more = [false; Priority::CLASSES];
    for (class_of, is_more) in more.iter_mut().enumerate() {
        let priority = u8::try_from(class_of).unwrap_or(u8::MAX);
        let mut class = Vec::new();
        let values = named_params! { ":priority": priority, ":limit": per_class };
        let mut rows = anybodys.query(values)?;
        while let Some(row) = rows.next()? {
            class.push(in_line(db, row)?);
        }
        *is_more = class.len() >= per_class as usize;
        for modem in ready {
            let values = named_params! {
                ":priority": priority,
                ":modem": modem.as_str(),
                ":limit": per_class,
            };
            let before = class.len();
            let mut rows = named.query(values)?;
            while let Some(row) = rows.next()? {
                class.push(in_line(db, row)?);
            }
            *is_more |= class.len() - before >= per_class as usize;
        }
        class.sort_unstable_by_key(|message| message.seq);
        front.append(&mut class);
    }
    Ok((front, more))
}

fn in_line(db: &Connection, row: &Row<'_>) -> Result<InLine, StoreError> {
    let seq = MessageSeq(row.get("seq")?);
    let sealed: Option<Vec<u8>> = row.get("sealed")?;
    let from_modem: Option<String> = row.get("from_modem")?;
    let route: Option<String> = row.get("route")?;
    let count: u8 = row.get("parts")?;
    Ok(InLine {
        seq,
        id: word(row, "id")?,
        to: word(row, "to_number")?,
        category: word(row, "category")?,
        priority: Priority(row.get("priority")?),
        text: match sealed {
            Some(sealed) => StoredText::Sealed(Sealed::from_octets(sealed)),
            None => StoredText::Plain(Body::stored(row.get("text")?)),
        },
        encoding: word(row, "encoding")?,
        flash: row.get("flash")?,
        ref16: row.get("ref16")?,
        from_modem: from_modem.as_deref().and_then(ModemName::parse),
        expires_at: UnixMillis(row.get("expires_at")?),
        parts: match route {
            None => vec![PartState::Queued; count.into()],
            Some(_) => part_states(db, seq)?,
        },
        reference: row.get("reference")?,
        route,
        strikes: row.get("strikes")?,
        setbacks: row.get("setbacks")?,
    })
}

fn part_states(db: &Connection, seq: MessageSeq) -> Result<Vec<PartState>, StoreError> {
    let mut statement =
        db.prepare_cached("SELECT state FROM part WHERE message = :seq ORDER BY number")?;
    let mut rows = statement.query(named_params! { ":seq": seq.0 })?;
    let mut states = Vec::new();
    while let Some(row) = rows.next()? {
        states.push(word(row, "state")?);
    }
    Ok(states)
}

fn next_due(db: &Connection) -> Result<Option<UnixMillis>, StoreError> {
    let (held, unsent): (Option<i64>, Option<i64>) = db
        .prepare_cached(
            "SELECT (SELECT MIN(next_attempt_at) FROM message WHERE next_attempt_at IS NOT NULL),
                    (SELECT MIN(expires_at)
                       FROM message
                      WHERE state IN ('scheduled', 'queued', 'sending') AND state <> 'sending')",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(held.into_iter().chain(unsent).min().map(UnixMillis))
}
