//! What is forgotten, and when. In small steps, so that a send never waits long behind them.

use std::time::Duration;

use rusqlite::named_params;

use super::writer::job;
use super::{Store, StoreError, inbound, occurrence};
use crate::domain::UnixMillis;

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ages {
    pub(crate) idempotency: Duration,
    pub(crate) inbox: Duration,
}

/// Reports that fit no part (semantics §2).
const ORPHANS: Duration = Duration::from_secs(3600);
/// What happened that is no step of a message (`retention.events_days`, when it is a key).
const OCCURRENCES: Duration = Duration::from_secs(7 * 86_400);
/// Rows deleted in one transaction.
const STEP: i64 = 500;

impl Store {
    /// Forgets what is older than its age; answers whether there is more to forget.
    pub(crate) async fn forget(&self, ages: Ages, now: UnixMillis) -> Result<bool, StoreError> {
        let (job, receipt) = job(move |work| {
            let age = |kept: Duration| now.0 - i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
            let answers = work
                .db
                .prepare_cached(
                    "DELETE FROM idempotency
                      WHERE scope IN (SELECT scope FROM idempotency
                                       WHERE created_at < :before LIMIT :step)",
                )?
                .execute(named_params! { ":before": age(ages.idempotency), ":step": STEP })?;
            let orphans = work
                .db
                .prepare_cached(
                    "DELETE FROM orphan_report
                      WHERE number IN (SELECT number FROM orphan_report
                                        WHERE received_at < :before LIMIT :step)",
                )?
                .execute(named_params! { ":before": age(ORPHANS), ":step": STEP })?;
            let texts = inbound::forget(work, age(ages.inbox), STEP)?;
            let happened = occurrence::forget(work, age(OCCURRENCES), STEP)?;
            let full_step = usize::try_from(STEP).unwrap_or(usize::MAX);
            Ok([answers, orphans, texts, happened].contains(&full_step))
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }
}
