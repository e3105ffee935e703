//! What was sent to a number counts for it: exactly, over restarts and clocks that are set, and when the number itself is
//! forgotten.

use proptest::prelude::*;

use super::*;
use crate::domain::limit::retry_after;
use crate::domain::{CountedAs, Limit, Manners, NumberLog};
use crate::store::message;
use crate::store::recent::READING;
use crate::store::writer::{Work, job};

const TO: &str = "+8613800138000";
const DAY: u64 = 86_400;

fn pepper() -> Pepper {
    Pepper::new(&[7; 32])
}

fn limits(log: NumberLog, written: &[&str]) -> Vec<(NumberLog, Limit)> {
    let limit = |text: &&str| (log, Limit::parse(text).unwrap());
    written.iter().map(limit).collect()
}

/// A text to this number that stands in these logs, asked for at `at` and counted `later` milliseconds after that.
fn text(
    to: &str,
    logs: &[NumberLog],
    limits: Vec<(NumberLog, Limit)>,
    at: UnixMillis,
    later: i64,
) -> Submission {
    let counts_at = UnixMillis(at.0 + later);
    submission(|asked| {
        asked.to = Destination::stored(to).unwrap();
        asked.at = at;
        asked.scheduled_at = (later > 0).then_some(counts_at);
        asked.expires_at = counts_at.plus(Duration::from_secs(DAY));
        let counted_as = logs
            .iter()
            .fold(CountedAs::default(), |counted, log| counted.with(*log));
        asked.counts = Counts {
            of_number: OfNumber::new(counted_as, limits, &asked.to, &pepper()),
            counted: Vec::new(),
            at: counts_at,
        };
    })
}

fn seconds_later(seconds: u64) -> UnixMillis {
    NOW.plus(Duration::from_secs(seconds))
}

impl House {
    /// Seconds to wait; `None`: it was accepted.
    async fn takes(&self, asked: Submission) -> Option<u64> {
        match self.store.accept(asked, None).await.unwrap() {
            Accepted::New(_) => None,
            Accepted::Limited(wait) => Some(retry_after(wait)),
            other => panic!("{other:?}"),
        }
    }

    async fn direct(&self, at: UnixMillis, written: &[&str]) -> Option<u64> {
        const LOG: NumberLog = NumberLog::Direct;
        self.takes(text(TO, &[LOG], limits(LOG, written), at, 0))
            .await
    }

    async fn notifies(&self, at: UnixMillis, later: i64, written: &[&str]) -> Option<u64> {
        const LOG: NumberLog = NumberLog::Notify;
        self.takes(text(TO, &[LOG], limits(LOG, written), at, later))
            .await
    }

    async fn cancels_all(&self) {
        let page = self.store.list(Filter::default(), 200).await.unwrap();
        for message in page.messages {
            let canceled = self.store.cancel(message.id, None, NOW).await.unwrap();
            assert!(matches!(canceled, Cancel::Done(_)));
        }
    }

    fn times_it_went_back(&self) -> i64 {
        self.ask("SELECT COUNT(*) FROM counted_back")
    }
}

#[tokio::test]
async fn a_number_is_told_to_the_second_how_long_its_limit_holds() {
    let house = House::new();
    let at = |millis| NOW.plus(Duration::from_millis(millis));
    const LIMITS: [&str; 2] = ["1/60", "3/3600"];
    for (millis, expected) in [
        (0, None),
        (0, Some(60)),
        (59_999, Some(1)),
        (60_000, None),
        (61_000, Some(59)),
        (120_000, None),
        // The strictest speaks: a minute's is over, an hour's is not.
        (180_000, Some(3420)),
        (3_599_999, Some(1)),
        (3_600_000, None),
    ] {
        assert_eq!(
            house.direct(at(millis), &LIMITS).await,
            expected,
            "{millis}"
        );
    }
    // What was refused is not stored, and no limit has a row of its own.
    assert_eq!(house.ask::<i64>("SELECT COUNT(*) FROM message"), 4);
    assert_eq!(house.ask::<i64>("SELECT COUNT(*) FROM limit_tail"), 0);
}

#[tokio::test]
async fn a_text_stands_in_every_log_that_it_belongs_to() {
    let house = House::new();
    let both = [NumberLog::Direct, NumberLog::Ceiling];
    let ceiling = || limits(NumberLog::Ceiling, &["1/60"]);
    // No limit holds for it yet: it counts for the one that comes with the next config.
    assert_eq!(house.takes(text(TO, &both, Vec::new(), NOW, 0)).await, None);
    let code = [NumberLog::Ceiling];
    assert_eq!(
        house.takes(text(TO, &code, ceiling(), NOW, 0)).await,
        Some(60)
    );
    let alert = [NumberLog::Alert];
    let of_alerts = limits(NumberLog::Alert, &["1/60"]);
    assert_eq!(house.takes(text(TO, &alert, of_alerts, NOW, 0)).await, None);
    let other = "+8613900139000";
    assert_eq!(
        house.takes(text(other, &code, ceiling(), NOW, 0)).await,
        None
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_texts_at_once_as_many_pass_as_the_limit_of_the_number_says() {
    let house = House::new();
    const LOG: NumberLog = NumberLog::Direct;
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let store = house.store.clone();
        let asked = text(TO, &[LOG], limits(LOG, &["7/60", "9/3600"]), NOW, 0);
        racing.spawn(async move { store.accept(asked, None).await.unwrap() });
    }
    let accepted = racing.join_all().await;
    let passed = accepted
        .iter()
        .filter(|one| matches!(one, Accepted::New(_)));
    assert_eq!(passed.count(), 7);
}

#[tokio::test]
async fn a_text_that_is_canceled_counts_on() {
    let house = House::new();
    assert_eq!(house.direct(NOW, &["1/60"]).await, None);
    house.cancels_all().await;
    assert_eq!(house.direct(NOW, &["1/60"]).await, Some(60));
}

#[tokio::test]
async fn a_restart_forgets_no_text() {
    let house = House::new();
    assert_eq!(house.direct(NOW, &["1/86400"]).await, None);
    let house = house.restarted();
    assert_eq!(
        house.direct(seconds_later(5), &["1/86400"]).await,
        Some(86_395)
    );
    assert_eq!(house.times_it_went_back(), 0);
}

#[tokio::test]
async fn what_is_to_be_sent_later_counts_for_its_number_when_it_is_sent() {
    let house = House::new();
    assert_eq!(house.notifies(NOW, 3_600_000, &["1/60"]).await, None);
    assert_eq!(house.notifies(NOW, 0, &["1/60"]).await, None);
    assert_eq!(house.notifies(NOW, 3_630_000, &["1/60"]).await, Some(30));
    assert_eq!(
        house.notifies(seconds_later(3_600), 0, &["1/60"]).await,
        Some(60)
    );
    let house = house.restarted();
    assert_eq!(
        house.notifies(seconds_later(3_601), 0, &["1/60"]).await,
        Some(59)
    );
}

#[tokio::test]
async fn a_clock_that_stood_wrong_locks_no_number_and_frees_none() {
    let house = House::new();
    let fifty_years = seconds_later(50 * 365 * DAY);
    assert_eq!(house.direct(fifty_years, &["1/60"]).await, None);
    // Set right again: what was counted in fifty years does not count now.
    assert_eq!(house.direct(NOW, &["1/60"]).await, None);
    assert_eq!(house.direct(seconds_later(30), &["1/60"]).await, Some(30));
    // Set back by an hour, over a restart, and forth: what came before that is counted still.
    let house = house.restarted();
    let hour_ago = UnixMillis(NOW.0 - 3_600_000);
    assert_eq!(house.direct(hour_ago, &["1/60"]).await, None);
    assert_eq!(house.direct(hour_ago, &["1/60"]).await, Some(60));
    assert_eq!(house.direct(seconds_later(40), &["1/60"]).await, Some(20));
    assert_eq!(house.times_it_went_back(), 2);
}

#[tokio::test]
async fn where_time_went_back_is_forgotten_when_no_limit_reaches_it() {
    let house = House::new();
    assert_eq!(house.direct(seconds_later(60), &["1/1"]).await, None);
    assert_eq!(house.direct(NOW, &["1/1"]).await, None);
    assert_eq!(house.times_it_went_back(), 1);
    while house.store.forget(ages(), seconds_later(61)).await.unwrap() {}
    assert_eq!(house.times_it_went_back(), 1);
    let kept = Ages {
        limits: Duration::from_secs(DAY),
        ..ages()
    };
    let later = seconds_later(DAY + 61);
    while house.store.forget(kept, later).await.unwrap() {}
    assert_eq!(house.times_it_went_back(), 0);
}

#[tokio::test]
async fn a_write_that_does_not_hold_says_nothing_of_the_order() {
    let house = House::new();
    const LOG: NumberLog = NumberLog::Direct;
    let asked = |at| text(TO, &[LOG], limits(LOG, &["9/60"]), at, 0);
    assert_eq!(house.takes(asked(seconds_later(600))).await, None);
    // Time goes back in a write that fails: for the file it did not.
    let back = asked(NOW);
    let (failing, failed) = job(move |work: &mut Work<'_>| -> Result<(), StoreError> {
        message::accept(work, &back, None, &pepper(), &Manners::default())?;
        Err(StoreError::Closed)
    });
    house.store.door.submit(vec![failing]).await;
    assert!(failed.committed().await.is_err());
    assert_eq!(house.times_it_went_back(), 0);
    assert_eq!(house.takes(asked(seconds_later(300))).await, None);
    assert_eq!(house.times_it_went_back(), 1);
}

#[tokio::test]
async fn a_number_that_is_forgotten_is_counted_still() {
    let house = House::new();
    // Asked for ten days ago, to be sent now; and out of the queue before it was.
    let ten_days_ago = UnixMillis(NOW.0 - 10 * 86_400_000);
    assert_eq!(
        house
            .notifies(ten_days_ago, 10 * 86_400_000, &["1/60"])
            .await,
        None
    );
    const LOG: NumberLog = NumberLog::Direct;
    assert_eq!(house.direct(ten_days_ago, &["1/1000000"]).await, None);
    let other = "+8613900139000";
    assert_eq!(
        house.takes(text(other, &[LOG], Vec::new(), NOW, 0)).await,
        None
    );
    house.cancels_all().await;
    let kept = Ages {
        bodies: Duration::from_secs(DAY),
        messages: Duration::from_secs(DAY),
        limits: Duration::from_secs(31 * DAY),
        ..ages()
    };
    while house.store.forget(kept, NOW).await.unwrap() {}
    // The rows stay as long as a limit asks for them; of whom they are they do not tell.
    assert_eq!(house.ask::<i64>("SELECT SUM(forgotten) FROM message"), 2);
    assert_eq!(
        house.notifies(seconds_later(20), 0, &["1/60"]).await,
        Some(40)
    );
    assert_eq!(house.direct(NOW, &["1/1000000"]).await, Some(136_000));
}

#[tokio::test]
async fn limits_of_a_number_are_read_from_an_index_alone() {
    let house = House::new();
    let db = rusqlite::Connection::open(house.folder.path().join("cellpost.db")).unwrap();
    for sql in READING {
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut steps = statement.raw_query();
        while let Some(step) = steps.next().unwrap() {
            let step: String = step.get("detail").unwrap();
            assert!(
                step.starts_with("SEARCH message USING COVERING INDEX"),
                "{step}"
            );
        }
    }
}

/// One step of a story: to which number, what, how far the clock goes (back too), how much later it is to be sent.
type Step = (u8, u8, i64, i64);

const NUMBERS: [&str; 2] = ["+8613800138000", "+8613900139000"];
const KINDS: [&[NumberLog]; 3] = [
    &[NumberLog::Direct],
    &[NumberLog::Notify, NumberLog::Ceiling],
    &[NumberLog::Direct, NumberLog::Ceiling],
];

fn limits_of(log: NumberLog) -> Vec<(NumberLog, Limit)> {
    let written: &[&str] = match log {
        NumberLog::Direct => &["2/5", "4/20", "9/86400"],
        NumberLog::Notify => &["1/3", "3/60"],
        _ => &["3/10", "5/3600"],
    };
    limits(log, written)
}

/// The same by reading everything. `log`: the number, the kind and when it counts.
fn naive_wait(log: &[(u8, u8, i64)], to: u8, kind: u8, at: i64) -> Option<u64> {
    let of_kind = KINDS[usize::from(kind)]
        .iter()
        .flat_map(|of| limits_of(*of));
    let waits = of_kind.filter_map(|(of, limit)| {
        let window = i64::try_from(limit.window().as_millis()).unwrap();
        let mut inside: Vec<i64> = log
            .iter()
            .filter(|(one, kind, _)| *one == to && KINDS[usize::from(*kind)].contains(&of))
            .map(|(_, _, event)| *event)
            .filter(|event| at - window < *event && *event <= at)
            .collect();
        inside.sort_unstable();
        let oldest = *inside.get(inside.len().checked_sub(limit.count() as usize)?)?;
        let wait = u64::try_from(oldest + window - at).unwrap();
        Some(wait.div_ceil(1000).max(1))
    });
    waits.max()
}

fn told(work: &mut Work<'_>, steps: &[Step]) -> Result<(), StoreError> {
    let mut log: Vec<(u8, u8, i64)> = Vec::new();
    let mut at = NOW.0;
    for &(to, kind, step, later) in steps {
        at += step;
        let logs = KINDS[usize::from(kind)];
        let later = if logs[0] == NumberLog::Notify {
            later
        } else {
            0
        };
        let of_kind = logs.iter().flat_map(|of| limits_of(*of)).collect();
        let number = NUMBERS[usize::from(to)];
        let asked = text(number, logs, of_kind, UnixMillis(at), later);
        let expected = naive_wait(&log, to, kind, at + later);
        match message::accept(work, &asked, None, &pepper(), &Manners::default())? {
            Accepted::New(_) => {
                assert_eq!(None, expected, "{steps:?}");
                log.push((to, kind, at + later));
            }
            Accepted::Limited(wait) => assert_eq!(Some(retry_after(wait)), expected, "{steps:?}"),
            other => panic!("{other:?}"),
        }
    }
    work.db.execute_batch(
        "DELETE FROM message; DELETE FROM accepted_hour; DELETE FROM counted_back",
    )?;
    Ok(())
}

#[test]
fn a_number_is_told_the_same_as_if_every_message_were_read() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let house = runtime.block_on(async { House::new() });
    let step = prop_oneof![
        16 => 0i64..4_000,
        4 => -9_000i64..0,
        1 => -20_000i64..0,
        1 => 3_600_000i64..86_400_000,
        1 => -86_400_000i64..-3_600_000,
    ];
    let later = prop_oneof![3 => Just(0i64), 1 => 1i64..20_000, 1 => 1i64..90_000_000];
    let steps = prop::collection::vec((0u8..2, 0u8..3, step, later), 1..100);
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
