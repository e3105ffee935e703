//! The end of a message that comes back from a try when its time to live is over.

use rusqlite::named_params;

use super::StoreError;
use super::message::{Head, append, end, error, step};
use super::writer::Work;
use crate::domain::message::Change;
use crate::domain::{Event, EventKind, UnixMillis};

/// Expires it in the transaction that brings it back, so that nobody sees it wait. One of which a part has left, or may have,
/// is ended by [`super::Group::release_and_expire`], which follows at once and knows what that means.
pub(super) fn expire_if_over(
    work: &mut Work<'_>,
    head: &mut Head,
    now: UnixMillis,
) -> Result<(), StoreError> {
    if head.expires_at > now || has_begun(work, head)? || !step(work, head, Change::TimeOver)? {
        return Ok(());
    }
    end(work, head.seq)?;
    let text = "its time to live was over before it was sent";
    error(work, head.seq, "expired", text)?;
    append(work, head, Event::new(now, EventKind::Expired))
}

fn has_begun(work: &Work<'_>, head: &Head) -> Result<bool, StoreError> {
    Ok(work
        .db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1
                              FROM part
                             WHERE message = :seq AND state <> 'queued')",
        )?
        .query_row(named_params! { ":seq": head.seq.0 }, |row| row.get(0))?)
}
