//! Lists of messages, newest first. A page reads a bounded number of rows, whatever is stored and whatever is asked for:
//! by an index where one fits, else along the order of acceptance. One that ends before it is full says where to go on.

use rusqlite::{Connection, ToSql, named_params};

use super::message::HOUR;
use super::query::{MessageView, view};
use super::{Store, StoreError, batch};
use crate::domain::{
    Addressee, BatchId, Category, Destination, MessageSeq, MessageState, Pepper, UnixMillis,
};

/// Which messages a list shows. Every `Some` must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) app: Option<String>,
    pub(crate) state: Option<MessageState>,
    pub(crate) to: Option<Destination>,
    pub(crate) category: Option<Category>,
    pub(crate) route: Option<String>,
    pub(crate) batch: Option<BatchId>,
    pub(crate) client_ref: Option<String>,
    pub(crate) since: Option<UnixMillis>,
    pub(crate) until: Option<UnixMillis>,
    /// Only messages accepted before this one.
    pub(crate) before: Option<MessageSeq>,
}

/// One page of a list, newest first.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) messages: Vec<MessageView>,
    /// There may be more, before this one. A page can be short of messages and still have it: enough was read for now.
    pub(crate) next: Option<MessageSeq>,
}

/// Rows that one page reads at most: some 20 ms.
const MOST_READ: usize = 20_000;

impl Store {
    /// At most `limit` messages, newest first.
    pub(crate) async fn list(&self, filter: Filter, limit: u32) -> Result<Page, StoreError> {
        let pepper = self.pepper.clone();
        self.readers
            .ask(move |db| list(db, &filter, limit, &pepper, MOST_READ))
            .await
    }
}

/// From … to (exclusive) in the order of acceptance.
type Range = (i64, i64);

pub(super) fn list(
    db: &Connection,
    filter: &Filter,
    limit: u32,
    pepper: &Pepper,
    most_read: usize,
) -> Result<Page, StoreError> {
    let mut page = Page {
        messages: Vec::new(),
        next: None,
    };
    let Some(range) = range(db, filter)? else {
        return Ok(page);
    };
    let Some(to) = &filter.to else {
        read(db, filter, None, range, limit, most_read, &mut page)?;
        return Ok(page);
    };
    // What is forgotten is older than all that is not, and known by another word.
    read(
        db,
        filter,
        Some(to.as_str()),
        range,
        limit,
        most_read,
        &mut page,
    )?;
    if page.next.is_none() {
        let word = Addressee::forgotten(to, pepper);
        read(
            db,
            filter,
            Some(word.as_str()),
            range,
            limit,
            most_read,
            &mut page,
        )?;
    }
    Ok(page)
}

/// `None`: nothing can be in the list.
fn range(db: &Connection, filter: &Filter) -> Result<Option<Range>, StoreError> {
    let (mut first, mut end) = (0, filter.before.map_or(i64::MAX, |seq| seq.0));
    if let Some(id) = &filter.batch {
        let Some(batch) = batch::find(db, id, filter.app.as_deref())? else {
            return Ok(None);
        };
        first = batch.seq.0;
        end = end.min(batch.seq.0 + batch.tally.total());
    }
    if let Some(since) = filter.since {
        first = first.max(first_since(db, since)?);
    }
    if let Some(until) = filter.until {
        end = end.min(end_before(db, until)?);
    }
    Ok((first < end).then_some((first, end)))
}

fn first_since(db: &Connection, since: UnixMillis) -> Result<i64, StoreError> {
    let first: Option<i64> = db
        .prepare_cached("SELECT MIN(first_seq) FROM accepted_hour WHERE hour >= :hour")?
        .query_row(named_params! { ":hour": since.0.div_euclid(HOUR) }, |row| {
            row.get(0)
        })?;
    Ok(first.unwrap_or(i64::MAX))
}

fn end_before(db: &Connection, until: UnixMillis) -> Result<i64, StoreError> {
    let last_hour = until.0.saturating_sub(1).div_euclid(HOUR);
    let last: Option<i64> = db
        .prepare_cached("SELECT MAX(first_seq) FROM accepted_hour WHERE hour <= :hour")?
        .query_row(named_params! { ":hour": last_hour }, |row| row.get(0))?;
    let Some(last) = last else {
        return Ok(0);
    };
    let next: Option<i64> = db
        .prepare_cached("SELECT MIN(first_seq) FROM accepted_hour WHERE first_seq > :last")?
        .query_row(named_params! { ":last": last }, |row| row.get(0))?;
    Ok(next.unwrap_or(i64::MAX))
}

/// By what a list is read. Whatever else is asked for is asked of each row.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    To,
    ClientRef,
    EndedBadly(MessageState),
    Unsent(MessageState),
    Acceptance,
}

fn way(filter: &Filter) -> Way {
    use MessageState::*;
    if filter.to.is_some() {
        return Way::To;
    }
    if filter.client_ref.is_some() {
        return Way::ClientRef;
    }
    match filter.state {
        // A batch is fewer rows than a state has.
        _ if filter.batch.is_some() => Way::Acceptance,
        Some(state @ (Undelivered | Failed | Expired | Canceled | Unknown)) => {
            Way::EndedBadly(state)
        }
        Some(state @ (Scheduled | Queued | Sending)) => Way::Unsent(state),
        Some(Sent | Delivered) | None => Way::Acceptance,
    }
}

impl Way {
    /// Table and conditions. Words of ours stand in the text, so that the planner can tell that a partial index fits.
    fn sql(self) -> String {
        match self {
            Self::To => "message INDEXED BY message_to WHERE to_number = :to".into(),
            Self::ClientRef => {
                "message INDEXED BY message_client_ref WHERE client_ref = :client_ref".into()
            }
            Self::EndedBadly(state) => format!(
                "message INDEXED BY message_ended_badly
                  WHERE (state = 'undelivered' OR state = 'failed' OR state = 'expired' OR state = 'canceled'
                         OR state = 'unknown')
                    AND state = '{}'",
                state.as_str()
            ),
            // As many rows as wait: message.max_backlog bounds them.
            Self::Unsent(state) => format!(
                "message INDEXED BY message_unsent
                  WHERE (state = 'scheduled' OR state = 'queued' OR state = 'sending') AND state = '{}'",
                state.as_str()
            ),
            Self::Acceptance => "message NOT INDEXED WHERE true".into(),
        }
    }
}

/// The rest of what is asked for, of one row.
const FITS: &str = "(:app IS NULL OR app = :app) AND (:state IS NULL OR state = :state)
       AND (:category IS NULL OR category = :category) AND (:route IS NULL OR route = :route)
       AND (:client_ref IS NULL OR client_ref = :client_ref) AND (:to IS NULL OR to_number = :to)
       AND (:since IS NULL OR created_at >= :since) AND (:until IS NULL OR created_at < :until)";

fn sql(way: Way) -> String {
    format!(
        "SELECT seq, {FITS} FROM {} AND seq >= :first AND seq < :end ORDER BY seq DESC",
        way.sql()
    )
}

fn read(
    db: &Connection,
    filter: &Filter,
    to: Option<&str>,
    (first, end): Range,
    limit: u32,
    most_read: usize,
    page: &mut Page,
) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached(&sql(way(filter)))?;
    let values: [(&str, &dyn ToSql); 10] = [
        (":app", &filter.app),
        (":state", &filter.state.map(MessageState::as_str)),
        (":category", &filter.category.map(Category::as_str)),
        (":route", &filter.route),
        (":client_ref", &filter.client_ref),
        (":to", &to),
        (":since", &filter.since.map(|at| at.0)),
        (":until", &filter.until.map(|at| at.0)),
        (":first", &first),
        (":end", &end),
    ];
    let mut rows = statement.query(values.as_slice())?;
    let mut read = 0;
    while let Some(row) = rows.next()? {
        let seq = MessageSeq(row.get(0)?);
        if page.messages.len() == limit as usize {
            page.next = page.messages.last().map(|last| last.seq);
            break;
        }
        if row.get::<_, Option<bool>>(1)? == Some(true) {
            page.messages.push(view(db, seq)?);
        }
        read += 1;
        if read == most_read {
            page.next = Some(seq);
            break;
        }
    }
    Ok(())
}

/// Cuts one row too many off a page that was asked for it; answers whether there was one.
pub(super) fn cut<T>(rows: &mut Vec<T>, limit: u32) -> bool {
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    has_more
}

/// How each list is read, in SQLite's words.
#[cfg(test)]
pub(super) fn plans(db: &Connection) -> Result<Vec<(String, Vec<String>)>, rusqlite::Error> {
    let states = MessageState::ALL.map(|state| Filter {
        state: Some(state),
        ..Filter::default()
    });
    let number = Filter {
        to: Destination::stored("+8613800138000"),
        ..Filter::default()
    };
    let client_ref = Filter {
        client_ref: Some("order-1".into()),
        ..Filter::default()
    };
    let filters = [Filter::default(), number, client_ref].into_iter();
    let mut plans = Vec::new();
    for filter in filters.chain(states) {
        let way = way(&filter);
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {}", sql(way)))?;
        // Nothing is bound: nothing is read.
        let mut rows = statement.raw_query();
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            lines.push(row.get("detail")?);
        }
        plans.push((format!("{way:?}"), lines));
    }
    Ok(plans)
}
