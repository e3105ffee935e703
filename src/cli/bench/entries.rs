//! Fills the logs that limits read with what a day of many sends leaves in them, through the store's door: each is a message
//! that counts for its number, and an event in the log of a caller of its own. Not a measurement.

use std::time::Duration;

use super::process::Recipe;
use super::queue::submission;
use super::{CommandError, runtime};
use crate::app::wall_clock;
use crate::domain::{CountedAs, Destination, Limit, NumberLog, Pepper, UnixMillis};
use crate::store::{Accepted, Counted, Counts, LimitKey, OfNumber, Store, Submission};

/// Of one transaction.
const AT_ONCE: u64 = 5_000;
const A_DAY: u64 = 86_400_000;
/// All of them share this many numbers, with gaps: the next send goes somewhere between them.
const NUMBERS: u64 = 100_000_000;

pub(super) fn fill(recipe: &Recipe, entries: u64) -> Result<(), CommandError> {
    let failed = |error: &dyn std::fmt::Display| CommandError::Failed(error.to_string());
    let pepper = Pepper::new(&[0; Pepper::OCTETS]);
    let (store, threads) =
        Store::open(&recipe.database(), pepper.clone()).map_err(|error| failed(&error))?;
    let now = wall_clock();
    runtime()?.block_on(async {
        for from in (0..entries).step_by(usize::try_from(AT_ONCE).unwrap_or(usize::MAX)) {
            let mut group = store.group();
            let receipts: Vec<_> = (from..entries.min(from + AT_ONCE))
                .map(|number| group.accept(entry(number, entries, now, &pepper), None))
                .collect();
            group.submit().await;
            // What is canceled counts all the same, and does not wait.
            let mut group = store.group();
            let mut canceled = Vec::new();
            for receipt in receipts {
                let accepted = receipt.committed().await.map_err(|error| failed(&error))?;
                let Accepted::New(view) = accepted else {
                    return Err(CommandError::Failed("an entry was no new message".into()));
                };
                canceled.push(group.cancel(view.id.clone(), None, view.created_at));
            }
            group.submit().await;
            for receipt in canceled {
                receipt.committed().await.map_err(|error| failed(&error))?;
            }
        }
        Ok(())
    })?;
    drop(store);
    threads.join();
    Ok(())
}

/// They came evenly over the day, to numbers in no order.
fn entry(number: u64, entries: u64, now: UnixMillis, pepper: &Pepper) -> Submission {
    let ago = A_DAY * (entries - number) / entries;
    let at = UnixMillis(now.0 - i64::try_from(ago).unwrap_or(0));
    let digits = number.wrapping_mul(2_654_435_769) % NUMBERS;
    let to = Destination::stored(&format!("+86138{digits:08}")).expect("13 digits, first 86");
    let limit = Limit::new(u32::MAX, 1).expect("both are at least 1");
    let log = NumberLog::Direct;
    let caller = u128::MAX / u128::from(entries) * u128::from(number);
    Submission {
        counts: Counts {
            of_number: OfNumber::new(
                CountedAs::default().with(log),
                vec![(log, limit)],
                &to,
                pepper,
            ),
            counted: vec![Counted {
                key: LimitKey(caller.to_be_bytes()),
                limit,
            }],
            at,
        },
        to,
        expires_at: now.plus(Duration::from_secs(2 * 86_400)),
        ..submission(usize::try_from(number).unwrap_or(usize::MAX), at, now)
    }
}
