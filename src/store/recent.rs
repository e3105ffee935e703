//! What was sent to a number lately, as far as limits count it (semantics §8): read from its own messages, each of which
//! says in which logs it stands. The page of `message_to` that tells it is written with the message anyway, so that a limit
//! costs no page of its own; nothing is kept beside the messages, and nothing is forgotten before they are.
//!
//! An event after the moment that is asked about does not count: neither one that is to be sent later, nor one that was
//! written while the clock stood wrong. So no number is locked longer than the longest window.

use std::cell::Cell;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Rows, named_params};

use super::StoreError;
use super::limit::LimitKey;
use super::writer::Work;
use crate::domain::lookback::DISORDER;
use crate::domain::{
    Addressee, CountedAs, Destination, Limit, Lookback, MessageSeq, NumberLog, Pepper, UnixMillis,
};

/// What a message counts as for its number, and the limits of that.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OfNumber {
    pub(crate) counted_as: CountedAs,
    /// Empty: nothing limits it.
    pub(crate) limits: Vec<(NumberLog, Limit)>,
    /// By what older messages know the number, where these can count: see [`OfNumber::new`].
    forgotten: Option<Addressee>,
    /// By what codes that a provider sent know the number.
    elsewhere: Option<LimitKey>,
}

/// No number is forgotten earlier than so long after its message was accepted (`retention.bodies_days`).
const NEVER_FORGOTTEN_BEFORE: Duration = Duration::from_secs(86_400);

impl OfNumber {
    /// Old messages know their number by another word. They are asked only where one of them can count: in a window that
    /// is longer than any number is known, or because it was sent long after it was accepted.
    pub(crate) fn new(
        counted_as: CountedAs,
        limits: Vec<(NumberLog, Limit)>,
        to: &Destination,
        pepper: &Pepper,
    ) -> Self {
        let reaches_far = limits
            .iter()
            .any(|(log, limit)| log.may_be_later() || limit.window() > NEVER_FORGOTTEN_BEFORE);
        Self {
            counted_as,
            limits,
            forgotten: reaches_far.then(|| Addressee::forgotten(to, pepper)),
            elsewhere: Some(LimitKey::of(pepper, &["codes of providers", to.as_str()])),
        }
    }

    pub(super) fn elsewhere(&self) -> Option<LimitKey> {
        self.elsewhere
    }
}

/// How long the next message to this number would have to wait at `at`. `None`: it need not.
pub(super) fn wait(
    work: &Work<'_>,
    to: &Destination,
    of_number: &OfNumber,
    at: UnixMillis,
) -> Result<Option<Duration>, StoreError> {
    if of_number.limits.is_empty() {
        return Ok(None);
    }
    let mut lookback = Lookback::new(&of_number.limits, at);
    let stretches = stretches(work, lookback.opens_after())?;
    let may_be_later = of_number.limits.iter().any(|(log, _)| log.may_be_later());
    let forgotten = of_number.forgotten.as_ref().map(Addressee::as_str);
    for word in std::iter::once(to.as_str()).chain(forgotten) {
        for stretch in &stretches {
            look_back(work, word, stretch, &mut lookback)?;
        }
        if may_be_later {
            look_at_later(work, word, &mut lookback)?;
        }
    }
    if let Some(key) = of_number.elsewhere {
        look_elsewhere(work, key, &mut lookback)?;
    }
    Ok(lookback.wait())
}

/// From … to (exclusive) in the order of acceptance, in which time goes back by no more than [`DISORDER`].
type Stretch = (i64, i64);

/// The stretches that can hold what counts after `opens_after`, newest first.
fn stretches(work: &Work<'_>, opens_after: UnixMillis) -> Result<Vec<Stretch>, StoreError> {
    let mut statement = work.kept.take(WENT_BACK)?;
    let mut rows = statement.raw_query();
    let mut stretches = Vec::with_capacity(1);
    let (mut end, mut is_asked) = (i64::MAX, true);
    while let Some(row) = rows.next()? {
        let (first, before_at): (i64, i64) = (row.get(0)?, row.get(1)?);
        if is_asked {
            stretches.push((first, end));
        }
        (end, is_asked) = (first, before_at > opens_after.0);
    }
    if is_asked {
        stretches.push((i64::MIN, end));
    }
    Ok(stretches)
}

/// Walks the messages of one number from the newest backwards, no farther than the answer needs.
fn look_back(
    work: &Work<'_>,
    word: &str,
    (first, end): &Stretch,
    lookback: &mut Lookback,
) -> Result<(), StoreError> {
    lookback.begin_stretch();
    let mut statement = work.kept.take(NEWEST_FIRST)?;
    take(
        statement.query(named_params! { ":to": word, ":first": first, ":end": end })?,
        lookback,
    )
}

/// The same of what counts later than it was accepted.
fn look_at_later(work: &Work<'_>, word: &str, lookback: &mut Lookback) -> Result<(), StoreError> {
    lookback.begin_stretch();
    let mut statement = work.kept.take(LATEST_FIRST)?;
    let rows = statement.query(named_params! {
        ":to": word,
        ":opens_after": lookback.opens_after().0,
        ":at": lookback.at().0,
    })?;
    take(rows, lookback)
}

/// The same of codes that providers sent.
fn look_elsewhere(
    work: &Work<'_>,
    LimitKey(key): LimitKey,
    lookback: &mut Lookback,
) -> Result<(), StoreError> {
    lookback.begin_stretch();
    let mut statement = work.kept.take(ELSEWHERE)?;
    let rows = statement.query(named_params! {
        ":key": key,
        ":opens_after": lookback.opens_after().0,
        ":at": lookback.at().0,
    })?;
    take(rows, lookback)
}

/// What each row counts as and when, no farther than the answer needs.
fn take(mut rows: Rows<'_>, lookback: &mut Lookback) -> Result<(), StoreError> {
    while let Some(row) = rows.next()? {
        let counted = CountedAs::from_stored(row.get(0)?);
        if !lookback.takes(counted, UnixMillis(row.get(1)?)) {
            break;
        }
    }
    Ok(())
}

/// What of a message tells whether it counts: `counted` and `counted_at`. Notes where the time by which messages count goes
/// back.
pub(super) fn place(
    work: &Work<'_>,
    seq: MessageSeq,
    counted_as: CountedAs,
    accepted_at: UnixMillis,
    counted_at: UnixMillis,
) -> Result<(i64, i64), StoreError> {
    let stored = counted_as.stored();
    if !counted_as.is_nothing() && counted_at > accepted_at {
        return Ok((-stored, counted_at.0));
    }
    if let Some(before_at) = work.newest.advance(accepted_at) {
        work.db
            .prepare_cached(NOTE_BACK)?
            .execute(named_params! { ":first_seq": seq.0, ":before_at": before_at.0 })?;
    }
    Ok((stored, accepted_at.0))
}

/// Takes a message that did not go out from among the codes of its number. `false`: it is not among them.
pub(super) fn uncount_code(work: &Work<'_>, message: MessageSeq) -> Result<bool, StoreError> {
    let changed = work
        .db
        .prepare_cached(UNCOUNT_CODE)?
        .execute(named_params! { ":but_codes": CountedAs::BUT_CODES, ":message": message.0 })?;
    Ok(changed == 1)
}

/// Takes a code that its provider did not send from among the codes of its number.
pub(super) fn uncount_elsewhere(
    work: &Work<'_>,
    verification: i64,
    number: i64,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE provider_count
                SET counted = counted & :but_codes
              WHERE verification = :verification AND number = :number",
        )?
        .execute(named_params! {
            ":but_codes": CountedAs::BUT_CODES,
            ":verification": verification,
            ":number": number,
        })?;
    Ok(())
}

/// Forgets where time went back, and codes that providers sent, when no limit reaches them any more. `before`: in
/// milliseconds.
pub(super) fn forget(work: &Work<'_>, before: i64) -> Result<(), StoreError> {
    work.db
        .prepare_cached("DELETE FROM provider_count WHERE at < :before")?
        .execute(named_params! { ":before": before })?;
    work.db
        .prepare_cached("DELETE FROM counted_back WHERE before_at < :before")?
        .execute(named_params! { ":before": before })?;
    Ok(())
}

/// The newest time by which a message of the present stretch counts, or a later one: what the writer knows of the order.
#[derive(Debug)]
pub(super) struct Newest(Cell<UnixMillis>);

impl Newest {
    /// As the file tells it: no message of the stretch counts later than [`DISORDER`] after its last.
    pub(super) fn read(db: &Connection) -> Result<Self, rusqlite::Error> {
        let last: Option<Option<i64>> = db.query_row(LAST, [], |row| row.get(0)).optional()?;
        let newest = last.flatten().map(|at| UnixMillis(at).plus(DISORDER));
        Ok(Self(Cell::new(newest.unwrap_or(UnixMillis(i64::MIN)))))
    }

    pub(super) fn get(&self) -> UnixMillis {
        self.0.get()
    }

    /// After a write that does not hold: what was known before it, or what it brought, whichever is later. Too late a time
    /// does no harm; the next stretch may only begin earlier than it must.
    pub(super) fn fall_back(&self, before: UnixMillis) {
        self.0.set(self.get().max(before));
    }

    /// A message is accepted at `at`. `Some`: a stretch begins with it, for time went back; all before is no younger than
    /// this.
    fn advance(&self, at: UnixMillis) -> Option<UnixMillis> {
        let newest = self.get();
        let went_back = at.plus(DISORDER) < newest;
        self.0.set(if went_back { at } else { newest.max(at) });
        went_back.then_some(newest)
    }
}

const NEWEST_FIRST: &str = "SELECT counted, counted_at
  FROM message INDEXED BY message_to
 WHERE to_number = :to AND seq >= :first AND seq < :end AND counted > 0
 ORDER BY seq DESC";

const LATEST_FIRST: &str = "SELECT -counted, counted_at
  FROM message INDEXED BY message_counted_later
 WHERE to_number = :to AND counted_at > :opens_after AND counted_at <= :at AND counted < 0
 ORDER BY counted_at DESC";

const ELSEWHERE: &str = "SELECT counted, at
  FROM provider_count
 WHERE key = :key AND at > :opens_after AND at <= :at
 ORDER BY at DESC";

const WENT_BACK: &str = "SELECT first_seq, before_at FROM counted_back ORDER BY first_seq DESC";

const NOTE_BACK: &str =
    "INSERT INTO counted_back (first_seq, before_at) VALUES (:first_seq, :before_at)";

const UNCOUNT_CODE: &str = "UPDATE message
   SET counted = counted & :but_codes
 WHERE seq = :message AND counted > :but_codes";

const LAST: &str = "SELECT counted_at FROM message WHERE counted >= 0 ORDER BY seq DESC LIMIT 1";

/// Every statement that reads messages for each send.
#[cfg(test)]
pub(super) const READING: [&str; 2] = [NEWEST_FIRST, LATEST_FIRST];
