//! What is remembered of each SIM over restarts.

use rusqlite::named_params;

use super::StoreError;
use super::part::Acceptance;
use super::writer::Work;
use crate::domain::SimId;

/// Stores the last reference and the mean send time with the acceptance they come from.
pub(super) fn remember(
    work: &Work<'_>,
    sim: &SimId,
    acceptance: &Acceptance,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "INSERT INTO sim (id, modem, last_mr, mean_send_ms, seen_at)
             VALUES (:id, :modem, :last_mr, :mean_send_ms, :seen_at)
             ON CONFLICT (id) DO UPDATE
                SET modem = excluded.modem, last_mr = COALESCE(excluded.last_mr, last_mr),
                    mean_send_ms = excluded.mean_send_ms, seen_at = excluded.seen_at",
        )?
        .execute(named_params! {
            ":id": sim.as_str(),
            ":modem": acceptance.route.name(),
            ":last_mr": acceptance.reference.map(|mr| mr.0),
            ":mean_send_ms": i64::try_from(acceptance.mean_send.as_millis()).unwrap_or(i64::MAX),
            ":seen_at": acceptance.at.0,
        })?;
    Ok(())
}
