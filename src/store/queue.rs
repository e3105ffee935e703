//! The whole queue at a glance: what waits, since when, until when, in groups that wait for the same thing.
//!
//! How much waits where is counted as it comes and goes ([`super::waiting`]). Why is read off a bounded number of rows: of
//! what is held back, those that are looked at first; of each line, its front, because all that stand in a line wait for
//! the same.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, named_params};

use super::query::{MessageView, view};
use super::row::word;
use super::{Place, Store, StoreError};
use crate::domain::{
    Category, MessageSeq, MessageState, ModemName, PendingCode, Priority, UnixMillis,
};

/// The queue at one moment.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) groups: Vec<Group>,
    /// More is held back than was read: the groups of what is held back are short of the rest, and those of what stands in
    /// line may count some of it.
    pub(crate) is_sample: bool,
}

/// Messages that wait for the same thing.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) why: Why,
    pub(crate) category: Category,
    /// The only modem that may send them.
    pub(crate) from_modem: Option<ModemName>,
    pub(crate) messages: i64,
    /// When the first of them was accepted. `None`: it stands too far behind others of its class.
    pub(crate) oldest_at: Option<UnixMillis>,
    /// The end of the first time to live, of those that were read.
    pub(crate) first_expires_at: Option<UnixMillis>,
}

#[derive(Debug)]
pub(crate) enum Why {
    /// Held back, the first of them until `until`.
    Held {
        code: PendingCode,
        text: String,
        until: UnixMillis,
    },
    /// In line: what the first of them waits for, all wait for.
    InLine(Box<MessageView>),
}

/// Rows of what is held back that are read at most: some 20 ms.
const MOST_HELD: usize = 10_000;
/// Rows at the front of each line that are read at most.
const FRONT: i64 = 200;

impl Store {
    /// Why what waits waits.
    pub(crate) async fn queue(&self) -> Result<Queue, StoreError> {
        let places = self.places();
        self.readers
            .ask(move |db| queue(db, &places, MOST_HELD))
            .await
    }
}

/// What groups what is held back.
type HeldKey = (PendingCode, Category, Option<ModemName>);

fn queue(db: &Connection, places: &[(Place, i64)], most_held: usize) -> Result<Queue, StoreError> {
    let mut held = held(db, most_held)?;
    let in_line = in_line(db, places, &held.queued)?;
    held.groups.extend(in_line);
    Ok(Queue {
        groups: held.groups,
        is_sample: held.is_sample,
    })
}

struct Held {
    groups: Vec<Group>,
    /// Of each line, how many are held back.
    queued: BTreeMap<(Category, Option<ModemName>), i64>,
    is_sample: bool,
}

const HELD: &str = "SELECT state, category, from_modem, hold_code, hold_text, created_at, expires_at, next_attempt_at
   FROM message INDEXED BY message_held
  WHERE next_attempt_at IS NOT NULL
  ORDER BY next_attempt_at";

fn held(db: &Connection, most: usize) -> Result<Held, StoreError> {
    let mut statement = db.prepare_cached(HELD)?;
    let mut rows = statement.query([])?;
    let mut groups: BTreeMap<HeldKey, Group> = BTreeMap::new();
    let mut queued = BTreeMap::new();
    let mut read = 0;
    while let Some(row) = rows.next()? {
        if read == most {
            return Ok(Held {
                groups: groups.into_values().collect(),
                queued,
                is_sample: true,
            });
        }
        read += 1;
        let one = held_one(row)?;
        if word::<MessageState>(row, "state")? == MessageState::Queued {
            *queued.entry((one.1, one.2.clone())).or_default() += 1;
        }
        let group = group(row, &one)?;
        groups
            .entry(one)
            .and_modify(|all| all.join(&group))
            .or_insert(group);
    }
    Ok(Held {
        groups: groups.into_values().collect(),
        queued,
        is_sample: false,
    })
}

fn held_one(row: &Row<'_>) -> Result<HeldKey, StoreError> {
    let code: Option<String> = row.get("hold_code")?;
    let code = code.as_deref().and_then(PendingCode::parse);
    Ok((
        // What is merely scheduled has no hold of its own.
        code.unwrap_or(PendingCode::Scheduled),
        word(row, "category")?,
        from_modem(row)?,
    ))
}

fn from_modem(row: &Row<'_>) -> Result<Option<ModemName>, StoreError> {
    let name: Option<String> = row.get("from_modem")?;
    Ok(name.as_deref().and_then(ModemName::parse))
}

fn group(row: &Row<'_>, (code, category, from_modem): &HeldKey) -> Result<Group, StoreError> {
    let until = UnixMillis(row.get("next_attempt_at")?);
    let text: Option<String> = row.get("hold_text")?;
    Ok(Group {
        why: Why::Held {
            code: *code,
            text: text.unwrap_or_else(|| format!("scheduled for {until}")),
            until,
        },
        category: *category,
        from_modem: from_modem.clone(),
        messages: 1,
        oldest_at: Some(UnixMillis(row.get("created_at")?)),
        first_expires_at: Some(UnixMillis(row.get("expires_at")?)),
    })
}

impl Group {
    /// Another that waits for the same. They come in the order of their next look, so the first one's reason stays.
    fn join(&mut self, other: &Self) {
        self.messages += other.messages;
        self.oldest_at = earlier(self.oldest_at, other.oldest_at);
        self.first_expires_at = earlier(self.first_expires_at, other.first_expires_at);
    }
}

fn earlier(one: Option<UnixMillis>, other: Option<UnixMillis>) -> Option<UnixMillis> {
    one.into_iter().chain(other).min()
}

const FRONT_OF_LINE: &str = "SELECT seq, category, created_at, expires_at
   FROM message INDEXED BY message_in_line
  WHERE state = 'queued' AND next_attempt_at IS NULL AND priority = :priority AND from_modem IS :from_modem
  ORDER BY seq
  LIMIT :front";

fn in_line(
    db: &Connection,
    places: &[(Place, i64)],
    held: &BTreeMap<(Category, Option<ModemName>), i64>,
) -> Result<Vec<Group>, StoreError> {
    let mut groups = Vec::new();
    let lines = places
        .iter()
        .filter(|(place, _)| place.state == MessageState::Queued);
    for (place, messages) in lines {
        let line = (place.category, place.from_modem.clone());
        let standing = messages - held.get(&line).copied().unwrap_or(0);
        if standing <= 0 {
            continue;
        }
        if let Some(group) = front_of(db, place, standing)? {
            groups.push(group);
        }
    }
    Ok(groups)
}

/// `None`: nothing stands in this line any more.
fn front_of(db: &Connection, place: &Place, messages: i64) -> Result<Option<Group>, StoreError> {
    let mut line = Front::default();
    let mut statement = db.prepare_cached(FRONT_OF_LINE)?;
    for priority in 0..Priority::CLASSES {
        let mut rows = statement.query(named_params! {
            ":priority": i64::try_from(priority).unwrap_or(i64::MAX),
            ":from_modem": place.from_modem.as_ref().map(ModemName::as_str),
            ":front": FRONT,
        })?;
        while let Some(row) = rows.next()? {
            line.see(row, place.category)?;
        }
    }
    let Some(first) = line.first.or(line.first_of_all) else {
        return Ok(None);
    };
    Ok(Some(Group {
        why: Why::InLine(Box::new(view(db, first)?)),
        category: place.category,
        from_modem: place.from_modem.clone(),
        messages,
        oldest_at: line.oldest_at,
        first_expires_at: line.first_expires_at,
    }))
}

/// What was seen of a line.
#[derive(Default)]
struct Front {
    /// Of the category that is asked for.
    first: Option<MessageSeq>,
    /// Of any: what it waits for, those behind it wait for.
    first_of_all: Option<MessageSeq>,
    oldest_at: Option<UnixMillis>,
    first_expires_at: Option<UnixMillis>,
}

impl Front {
    fn see(&mut self, row: &Row<'_>, category: Category) -> Result<(), StoreError> {
        let seq = MessageSeq(row.get("seq")?);
        self.first_of_all = self.first_of_all.into_iter().chain([seq]).min();
        if word::<Category>(row, "category")? != category {
            return Ok(());
        }
        self.first = self.first.into_iter().chain([seq]).min();
        let created_at = UnixMillis(row.get("created_at")?);
        self.oldest_at = earlier(self.oldest_at, Some(created_at));
        let expires_at = UnixMillis(row.get("expires_at")?);
        self.first_expires_at = earlier(self.first_expires_at, Some(expires_at));
        Ok(())
    }
}
