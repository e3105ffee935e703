//! What was spent with providers, by day: kept as a sum, never counted over rows.

use rusqlite::named_params;

use super::writer::Work;
use super::{Store, StoreError};
use crate::domain::Money;

impl Store {
    /// Amounts by day (20261231) from `since` on.
    pub(crate) async fn spent(&self, since: i32) -> Result<Vec<(i32, Money)>, StoreError> {
        self.readers
            .ask(move |db| {
                let mut statement =
                    db.prepare_cached("SELECT day, amount FROM spend WHERE day >= :since")?;
                let rows = statement.query_map(named_params! { ":since": since }, |row| {
                    Ok((row.get(0)?, Money(row.get(1)?)))
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}

pub(super) fn spend(work: &Work<'_>, day: i32, amount: Money) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "INSERT INTO spend (day, amount)
             VALUES (:day, :amount)
             ON CONFLICT (day) DO UPDATE SET amount = amount + excluded.amount",
        )?
        .execute(named_params! { ":day": day, ":amount": amount.0 })?;
    Ok(())
}
