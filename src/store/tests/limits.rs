//! What limits count: exactly, over restarts, and however much of it there is.

use proptest::prelude::*;

use super::*;
use crate::domain::Limit;
use crate::domain::limit::retry_after;
use crate::store::limit::{self, ALL_SQL};
use crate::store::writer::job;

fn key(of: u8) -> LimitKey {
    LimitKey([of; 16])
}

fn counted(of: u8, limits: &[&str]) -> Vec<Counted> {
    let counted = |text: &&str| Counted {
        key: key(of),
        limit: Limit::parse(text).unwrap(),
    };
    limits.iter().map(counted).collect()
}

fn counts(of: u8, limits: &[&str]) -> Counts {
    Counts {
        counted: counted(of, limits),
        at: NOW,
        ..Counts::default()
    }
}

fn seconds_later(seconds: u64) -> UnixMillis {
    NOW.plus(Duration::from_secs(seconds))
}

impl House {
    /// Seconds to wait; `None`: it was accepted.
    async fn counts(&self, counts: Counts) -> Option<u64> {
        let asked = submission(|asked| {
            asked.at = counts.at;
            asked.counts = counts;
        });
        match self.store.accept(asked, None).await.unwrap() {
            Accepted::New(_) => None,
            Accepted::Limited(wait) => Some(retry_after(wait)),
            other => panic!("{other:?}"),
        }
    }

    async fn at(&self, at: UnixMillis, limits: &[&str]) -> Option<u64> {
        self.counts(Counts {
            at,
            ..counts(1, limits)
        })
        .await
    }

    fn entries(&self) -> i64 {
        self.ask("SELECT (SELECT COUNT(*) FROM limit_entry) + (SELECT COUNT(*) FROM limit_tail)")
    }
}

#[tokio::test]
async fn a_limit_says_to_the_second_how_long_it_holds() {
    let house = House::new();
    let at = |millis| NOW.plus(Duration::from_millis(millis));
    const LIMITS: [&str; 2] = ["1/60", "3/3600"];
    for (millis, expected) in [
        (0, None),
        (0, Some(60)),
        (1, Some(60)),
        (59_000, Some(1)),
        (59_999, Some(1)),
        (60_000, None),
        (61_000, Some(59)),
        (120_000, None),
        // The strictest speaks: a minute's is over, an hour's is not.
        (180_000, Some(3420)),
        // Both hold; the longer wait is told.
        (150_000, Some(3450)),
        (3_599_999, Some(1)),
        (3_600_000, None),
    ] {
        assert_eq!(house.at(at(millis), &LIMITS).await, expected, "{millis}");
    }
    // What was refused is not on record.
    assert_eq!(house.entries(), 4);
}

#[tokio::test]
async fn all_limits_must_pass_before_any_counts() {
    let house = House::new();
    let both = || Counts {
        counted: [counted(1, &["5/60"]), counted(2, &["1/60"])].concat(),
        at: NOW,
        ..Counts::default()
    };
    assert_eq!(house.counts(both()).await, None);
    for _ in 0..5 {
        assert_eq!(house.counts(both()).await, Some(60));
    }
    // The first key counted once; four are left of it.
    for _ in 0..4 {
        assert_eq!(house.counts(counts(1, &["5/60"])).await, None);
    }
    assert_eq!(house.counts(counts(1, &["5/60"])).await, Some(60));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_at_once_as_many_pass_as_the_limit_says() {
    let house = House::new();
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let store = house.store.clone();
        let asked = submission(|asked| asked.counts = counts(1, &["7/60", "9/3600"]));
        racing.spawn(async move { store.accept(asked, None).await.unwrap() });
    }
    let accepted = racing.join_all().await;
    let passed = accepted
        .iter()
        .filter(|one| matches!(one, Accepted::New(_)));
    assert_eq!(passed.count(), 7);
    assert_eq!(house.entries(), 7);
}

#[tokio::test]
async fn a_restart_forgets_no_count() {
    let house = House::new();
    assert_eq!(house.at(NOW, &["1/86400"]).await, None);
    let house = house.restarted();
    assert_eq!(house.at(seconds_later(5), &["1/86400"]).await, Some(86_395));
}

#[tokio::test]
async fn a_window_over_midnight_counts_both_days() {
    let house = House::new();
    // NOW is 22:13:20 UTC.
    assert_eq!(house.at(NOW, &["2/86400"]).await, None);
    assert_eq!(house.at(seconds_later(7_200), &["2/86400"]).await, None);
    let third = house.at(seconds_later(86_399), &["2/86400"]).await;
    assert_eq!(third, Some(1));
    assert_eq!(house.at(seconds_later(86_400), &["2/86400"]).await, None);
}

#[tokio::test]
async fn what_is_to_be_sent_later_counts_when_it_is_sent() {
    let house = House::new();
    assert_eq!(house.at(seconds_later(3_600), &["1/60"]).await, None);
    assert_eq!(house.at(NOW, &["1/60"]).await, None);
    assert_eq!(house.at(seconds_later(3_630), &["1/60"]).await, Some(30));
}

#[tokio::test]
async fn a_clock_that_stood_wrong_locks_no_number() {
    let house = House::new();
    let fifty_years = seconds_later(50 * 365 * 86_400);
    assert_eq!(house.at(fifty_years, &["1/60"]).await, None);
    // Set right again: what was counted in fifty years does not count now.
    assert_eq!(house.at(NOW, &["1/60"]).await, None);
    assert_eq!(house.at(seconds_later(30), &["1/60"]).await, Some(30));
    // Set back: neither does what lies ahead.
    let hour_ago = UnixMillis(NOW.0 - 3_600_000);
    assert_eq!(house.at(hour_ago, &["1/60"]).await, None);
    assert_eq!(house.at(hour_ago, &["1/60"]).await, Some(60));
}

#[tokio::test]
async fn a_batch_takes_those_that_pass_and_names_those_that_do_not() {
    let house = House::new();
    assert_eq!(house.counts(counts(2, &["1/60"])).await, None);
    let messages: Vec<(usize, Submission)> = (1..=3)
        .map(|of: u8| {
            let asked = submission(|asked| {
                asked.to = Destination::stored(&format!("+861380013800{of}")).unwrap();
                asked.counts = counts(of, &["1/60"]);
            });
            (usize::from(of), asked)
        })
        .collect();
    let asked = || BatchSubmission::new(messages.clone(), Vec::new(), NOW).unwrap();
    let first = house.store.accept_batch(asked(), None).await.unwrap();
    let Accepted::New(batch) = first else {
        panic!("{first:?}");
    };
    let rejected: Vec<(usize, &str)> = batch
        .rejected
        .iter()
        .map(|one| (one.index, one.code.as_str()))
        .collect();
    assert_eq!(rejected, [(2, "rate_limited")]);
    assert_eq!(batch.tally.total(), 2);
    let again = house.store.accept_batch(asked(), None).await.unwrap();
    assert!(matches!(again, Accepted::Limited(wait) if wait == Duration::from_secs(60)));
    assert_eq!(house.entries(), 3);
}

#[tokio::test]
async fn counts_are_forgotten_when_no_limit_reaches_them_any_more() {
    let house = House::new();
    for minutes in 0..10 {
        assert_eq!(house.at(seconds_later(60 * minutes), &["1/60"]).await, None);
    }
    let kept = Ages {
        limits: Duration::from_secs(86_400),
        ..ages()
    };
    while house
        .store
        .forget(kept, seconds_later(86_400))
        .await
        .unwrap()
    {}
    assert_eq!(house.entries(), 10);
    // Days go as a whole, when the youngest moment of one is out of reach.
    let later = seconds_later(2 * 86_400);
    while house.store.forget(kept, later).await.unwrap() {}
    assert_eq!(house.entries(), 0);
}

#[tokio::test]
async fn no_statement_reads_more_of_the_log_than_its_part() {
    let house = House::new();
    let db = rusqlite::Connection::open(house.folder.path().join("cellpost.db")).unwrap();
    limit::prepare(&db).unwrap();
    for sql in ALL_SQL {
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut steps = statement.raw_query();
        while let Some(step) = steps.next().unwrap() {
            let step: String = step.get("detail").unwrap();
            let is_read = step.contains("limit_");
            let by_key = step.contains("PRIMARY KEY") || step.contains("COVERING INDEX");
            let is_search = step.starts_with("SEARCH") && by_key;
            assert!(!is_read || is_search, "{sql}\n{step}");
            assert!(!step.contains("TEMP B-TREE FOR ORDER BY"), "{sql}\n{step}");
        }
    }
}

/// One step of a story: whom it is about, and how far the clock goes (back too).
type Step = (u8, i64);

const OF_KEY: [&[&str]; 3] = [&["1/3"], &["2/5", "4/20"], &["3/10", "3/86400"]];

/// The same by reading everything.
fn naive_wait(log: &[(u8, i64)], of: u8, at: i64) -> Option<u64> {
    let waits = OF_KEY[usize::from(of)].iter().filter_map(|text| {
        let limit = Limit::parse(text).unwrap();
        let window = i64::try_from(limit.window().as_millis()).unwrap();
        let mut inside: Vec<i64> = log
            .iter()
            .filter(|(one, event)| *one == of && at - window < *event && *event <= at)
            .map(|(_, event)| *event)
            .collect();
        inside.sort_unstable();
        let count = limit.count() as usize;
        let oldest = *inside.get(inside.len().checked_sub(count)?)?;
        let wait = u64::try_from(oldest + window - at).unwrap();
        Some(wait.div_ceil(1000).max(1))
    });
    waits.max()
}

fn told(work: &crate::store::writer::Work<'_>, steps: &[Step]) -> Result<(), StoreError> {
    let mut log: Vec<(u8, i64)> = Vec::new();
    let mut at = NOW.0;
    for &(of, step) in steps {
        at += step;
        let now = UnixMillis(at);
        let asked = counted(of, OF_KEY[usize::from(of)]);
        let wait = limit::wait(work, &asked, now)?.map(retry_after);
        assert_eq!(wait, naive_wait(&log, of, at), "{steps:?}");
        if wait.is_none() {
            limit::count(work, &asked, now)?;
            log.push((of, at));
        }
    }
    work.db.execute_batch(
        "DELETE FROM limit_entry; DELETE FROM limit_tail; DELETE FROM temp.limit_sorted;",
    )?;
    Ok(())
}

#[test]
fn the_log_answers_as_if_everything_were_read() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let house = runtime.block_on(async { House::new() });
    let step = prop_oneof![
        8 => 0i64..4_000,
        1 => -20_000i64..0,
        1 => 3_600_000i64..86_400_000,
    ];
    let steps = prop::collection::vec((0u8..3, step), 1..120);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(100));
    let ran = runner.run(&steps, |steps| {
        let (job, receipt) = job(move |work| told(work, &steps));
        let done = runtime.block_on(async {
            house.store.door.submit(vec![job]).await;
            receipt.committed().await
        });
        prop_assert!(done.is_ok(), "{:?}", done);
        Ok(())
    });
    ran.unwrap();
}
