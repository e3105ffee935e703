//! Numbers that ask for codes and never use them: somebody is paid for each text (semantics §8). Told from what is stored,
//! in the transaction that would send the next one.

use rusqlite::{OptionalExtension, named_params};

use super::StoreError;
use super::occurrence::{Occurrence, note};
use super::writer::Work;
use crate::domain::{Destination, UnixMillis};

/// From when on enough codes must be used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Conversion {
    /// Verifications of one block of numbers in an hour.
    pub(crate) block_max: u32,
    /// The share of them that is enough, 0 to 1.
    pub(crate) min: f64,
    /// Refuse whole countries too.
    pub(crate) auto_block: bool,
}

/// Why no code goes there, for an hour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Hold {
    Block,
    Country,
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// Verifications of a country in an hour, from which on this share of them must be used.
const COUNTRY_MAX: i64 = 50;
const COUNTRY_SHARE: f64 = 0.10;

/// How many were begun, and how many of them came to something.
#[derive(Clone, Copy, Debug)]
struct Tally {
    begun: i64,
    approved: i64,
}

impl Tally {
    #[allow(clippy::cast_precision_loss)]
    fn is_below(self, share: f64) -> bool {
        (self.approved as f64) < share * self.begun as f64
    }
}

/// Whether a code may go to this number. What is found out here holds for an hour, and is told once.
pub(super) fn hold(
    work: &Work<'_>,
    to: &Destination,
    conversion: Conversion,
    at: UnixMillis,
) -> Result<Option<Hold>, StoreError> {
    let block = block(to);
    let place = format!("block {block}");
    if is_held(work, &place, at)? {
        return Ok(Some(Hold::Block));
    }
    let tally = of_block(work, block, at)?;
    if tally.begun >= i64::from(conversion.block_max) && tally.is_below(conversion.min) {
        begin_hold(work, &place, at)?;
        return Ok(Some(Hold::Block));
    }
    let Some(country) = to.country() else {
        return Ok(None);
    };
    let place = format!("country {country}");
    let mut is_known = is_held(work, &place, at)?;
    if !is_known {
        let tally = of_country(work, country, at)?;
        is_known = tally.begun >= COUNTRY_MAX && tally.is_below(COUNTRY_SHARE);
        if is_known {
            begin_hold(work, &place, at)?;
        }
    }
    Ok((is_known && conversion.auto_block).then_some(Hold::Country))
}

/// The number without its last three digits.
pub(super) fn block(to: &Destination) -> &str {
    let number = to.as_str();
    number
        .get(..number.len().saturating_sub(3))
        .unwrap_or_default()
}

/// A verification was begun.
pub(super) fn begun(
    work: &Work<'_>,
    country: Option<&str>,
    created_at: UnixMillis,
) -> Result<(), StoreError> {
    add(work, country, created_at, 1, 0)
}

/// One that was begun then came to something.
pub(super) fn approved(
    work: &Work<'_>,
    country: Option<&str>,
    created_at: UnixMillis,
) -> Result<(), StoreError> {
    add(work, country, created_at, 0, 1)
}

fn add(
    work: &Work<'_>,
    country: Option<&str>,
    at: UnixMillis,
    begun: i64,
    approved: i64,
) -> Result<(), StoreError> {
    let Some(country) = country else {
        return Ok(());
    };
    work.db
        .prepare_cached(
            "INSERT INTO country_minute (minute, country, begun, approved)
             VALUES (:minute, :country, :begun, :approved)
                 ON CONFLICT DO UPDATE
                SET begun = begun + :begun, approved = approved + :approved",
        )?
        .execute(named_params! {
            ":minute": at.0.div_euclid(MINUTE),
            ":country": country,
            ":begun": begun,
            ":approved": approved,
        })?;
    Ok(())
}

fn of_block(work: &Work<'_>, block: &str, at: UnixMillis) -> Result<Tally, StoreError> {
    Ok(work
        .db
        .prepare_cached(
            "SELECT COUNT(*), COALESCE(SUM(state = 'approved'), 0)
               FROM verification
              WHERE block = :block AND created_at > :since AND created_at <= :at",
        )?
        .query_row(
            named_params! { ":block": block, ":since": at.0 - HOUR, ":at": at.0 },
            |row| {
                Ok(Tally {
                    begun: row.get(0)?,
                    approved: row.get(1)?,
                })
            },
        )?)
}

fn of_country(work: &Work<'_>, country: &str, at: UnixMillis) -> Result<Tally, StoreError> {
    Ok(work
        .db
        .prepare_cached(
            "SELECT COALESCE(SUM(begun), 0), COALESCE(SUM(approved), 0)
               FROM country_minute
              WHERE country = :country AND minute > :since AND minute <= :minute",
        )?
        .query_row(
            named_params! {
                ":country": country,
                ":since": (at.0 - HOUR).div_euclid(MINUTE),
                ":minute": at.0.div_euclid(MINUTE),
            },
            |row| {
                Ok(Tally {
                    begun: row.get(0)?,
                    approved: row.get(1)?,
                })
            },
        )?)
}

/// A hold that seems to last longer than one does was begun while the clock stood wrong.
fn is_held(work: &Work<'_>, place: &str, at: UnixMillis) -> Result<bool, StoreError> {
    let until: Option<i64> = work
        .db
        .prepare_cached("SELECT until FROM guard_hold WHERE place = :place")?
        .query_row(named_params! { ":place": place }, |row| row.get(0))
        .optional()?;
    Ok(until.is_some_and(|until| until > at.0 && until <= at.0 + HOUR))
}

fn begin_hold(work: &Work<'_>, place: &str, at: UnixMillis) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "INSERT INTO guard_hold (place, until)
             VALUES (:place, :until)
                 ON CONFLICT DO UPDATE SET until = :until",
        )?
        .execute(named_params! { ":place": place, ":until": at.0 + HOUR })?;
    let occurrence = Occurrence {
        kind: "guard.blocked",
        app: None,
        number: place.split_once(' ').map_or("", |(_, what)| what),
        detail: place,
        at,
    };
    note(work, &occurrence)
}

/// Deletes what no hour reaches any more.
pub(super) fn forget(work: &Work<'_>, now: UnixMillis) -> Result<(), StoreError> {
    work.db
        .prepare_cached("DELETE FROM country_minute WHERE minute < :minute")?
        .execute(named_params! { ":minute": (now.0 - 2 * HOUR).div_euclid(MINUTE) })?;
    work.db
        .prepare_cached("DELETE FROM guard_hold WHERE until <= :now")?
        .execute(named_params! { ":now": now.0 })?;
    Ok(())
}
