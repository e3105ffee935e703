//! The whole queue at a glance: what waits, since when, until when, in groups that wait for the same thing.
//!
//! How much waits where is counted as it comes and goes ([`super::waiting`]). Why is read off a bounded number of rows: of
//! what is held back, those that are looked at first; of each line, its front, because all that stand in a line wait for
//! the same.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, named_params};

use super::query::{MessageView, crowds, view};
use super::row::word;
use super::{Place, Store, StoreError};
use crate::domain::{
    Category, Crowd, MessageSeq, MessageState, PendingCode, Priority, UnixMillis, Via,
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
    /// The only way by which they may leave.
    pub(crate) via: Option<Via>,
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
type HeldKey = (PendingCode, Category, Option<Via>);

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
    queued: BTreeMap<(Category, Option<Via>), i64>,
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
        via(row)?,
    ))
}

fn via(row: &Row<'_>) -> Result<Option<Via>, StoreError> {
    let stored: Option<String> = row.get("from_modem")?;
    Ok(stored.as_deref().and_then(Via::parse))
}

fn group(row: &Row<'_>, (code, category, via): &HeldKey) -> Result<Group, StoreError> {
    let until = UnixMillis(row.get("next_attempt_at")?);
    let text: Option<String> = row.get("hold_text")?;
    Ok(Group {
        why: Why::Held {
            code: *code,
            text: text.unwrap_or_else(|| format!("scheduled for {until}")),
            until,
        },
        category: *category,
        via: via.clone(),
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

const FRONT_OF_LINE: &str = "SELECT seq, category, from_modem, created_at, expires_at
   FROM message INDEXED BY message_in_line
  WHERE state = 'queued' AND next_attempt_at IS NULL AND priority = :priority AND crowd = :crowd
  ORDER BY seq
  LIMIT :front";

/// What stands in line together: the same routes may carry it, and it waits for the same.
type Line = (Category, Option<Via>, Crowd);

fn in_line(
    db: &Connection,
    places: &[(Place, i64)],
    held: &BTreeMap<(Category, Option<Via>), i64>,
) -> Result<Vec<Group>, StoreError> {
    let lines = fronts(db)?;
    let mut groups = Vec::new();
    let queued = places
        .iter()
        .filter(|(place, _)| place.state == MessageState::Queued);
    for (place, messages) in queued {
        let standing = messages
            - held
                .get(&(place.category, place.via.clone()))
                .copied()
                .unwrap_or(0);
        let of_place: Vec<_> = lines
            .iter()
            .filter(|((category, via, _), _)| *category == place.category && *via == place.via)
            .collect();
        let seen: i64 = of_place.iter().map(|(_, front)| front.messages).sum();
        // What was not read stands behind a front that was read to its bound.
        let mut unseen = (standing - seen).max(0);
        for (_, front) in of_place {
            let behind = match front.is_whole {
                true => 0,
                false => std::mem::take(&mut unseen),
            };
            groups.push(Group {
                why: Why::InLine(Box::new(view(db, front.first)?)),
                category: place.category,
                via: place.via.clone(),
                messages: front.messages + behind,
                oldest_at: front.oldest_at,
                first_expires_at: front.first_expires_at,
            });
        }
        // Of a line in which others stand before all of these: what the first of any waits for, they wait for.
        if unseen > 0
            && let Some(first) = first_of_all(&lines, place)
        {
            groups.push(Group {
                why: Why::InLine(Box::new(view(db, first)?)),
                category: place.category,
                via: place.via.clone(),
                messages: unseen,
                oldest_at: None,
                first_expires_at: None,
            });
        }
    }
    Ok(groups)
}

fn first_of_all(lines: &BTreeMap<Line, Front>, place: &Place) -> Option<MessageSeq> {
    let same_way = lines.iter().filter(|((_, via, _), _)| *via == place.via);
    same_way.map(|(_, front)| front.first).min()
}

/// What was seen of a line.
struct Front {
    first: MessageSeq,
    messages: i64,
    /// All that stand in it were read.
    is_whole: bool,
    oldest_at: Option<UnixMillis>,
    first_expires_at: Option<UnixMillis>,
}

fn fronts(db: &Connection) -> Result<BTreeMap<Line, Front>, StoreError> {
    let mut lines: BTreeMap<Line, Front> = BTreeMap::new();
    let mut statement = db.prepare_cached(FRONT_OF_LINE)?;
    for class in 0..Priority::CLASSES {
        let priority = Priority(u8::try_from(class).unwrap_or(u8::MAX));
        for crowd in crowds(db, priority)? {
            let mut rows = statement.query(named_params! {
                ":priority": priority.0,
                ":crowd": crowd.0,
                ":front": FRONT,
            })?;
            let (mut read, mut seen) = (0, Vec::new());
            while let Some(row) = rows.next()? {
                read += 1;
                let line = (word(row, "category")?, via(row)?, crowd);
                let front = Front {
                    first: MessageSeq(row.get("seq")?),
                    messages: 1,
                    is_whole: true,
                    oldest_at: Some(UnixMillis(row.get("created_at")?)),
                    first_expires_at: Some(UnixMillis(row.get("expires_at")?)),
                };
                seen.push(line.clone());
                lines
                    .entry(line)
                    .and_modify(|known| known.join(&front))
                    .or_insert(front);
            }
            if read == FRONT {
                for line in seen {
                    if let Some(front) = lines.get_mut(&line) {
                        front.is_whole = false;
                    }
                }
            }
        }
    }
    Ok(lines)
}

impl Front {
    fn join(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.messages += other.messages;
        self.oldest_at = earlier(self.oldest_at, other.oldest_at);
        self.first_expires_at = earlier(self.first_expires_at, other.first_expires_at);
    }
}
