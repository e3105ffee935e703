//! The clock of the machine is set: what was computed by the old one moves with it.

use super::*;
use crate::store::clock::ClockSet;

pub(super) const BOOT: &str = "this run of the machine";
pub(super) const HOUR: i64 = 3_600_000;
/// The machine has been up for an hour at NOW.
const UP: Duration = Duration::from_secs(3_600);

impl House {
    /// The wall clock is `by` milliseconds from where it was at NOW.
    pub(super) async fn knows(&self, boot: &str, by: i64) -> Option<i64> {
        let booted_at = UnixMillis(NOW.0 - HOUR + by);
        let set = self.store.know_clock(boot.to_owned(), booted_at, UP).await;
        set.unwrap().map(|set| set.by)
    }

    pub(super) fn ask<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        let db = rusqlite::Connection::open(self.folder.path().join("cellpost.db")).unwrap();
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

fn moved(at: UnixMillis, by: i64) -> UnixMillis {
    UnixMillis(at.0 + by)
}

#[tokio::test]
async fn what_waits_keeps_the_time_it_has_left_and_what_is_scheduled_its_time_on_the_wall() {
    for by in [HOUR, -HOUR, -1_690_000_000_000] {
        let house = House::new();
        assert_eq!(house.knows(BOOT, 0).await, None);
        let waits = house.accepts(|_| {}).await;
        let refused = house.accepts(|_| {}).await;
        assert!(house.intends(refused.seq, 1).await);
        assert!(house.is_uncertain(refused.seq, again()).await);
        let scheduled = house
            .accepts(|asked| {
                asked.scheduled_at = Some(moved(NOW, 2 * HOUR));
                asked.expires_at = moved(NOW, 3 * HOUR);
            })
            .await;
        assert_eq!(house.knows(BOOT, by).await, Some(by));
        let now = house.view(&waits).await;
        assert_eq!(now.expires_at, moved(waits.expires_at, by));
        assert_eq!(now.created_at, moved(NOW, by));
        let now = house.view(&refused).await;
        assert_eq!(now.next_attempt_at, Some(moved(NOW, 5_000 + by)));
        assert_eq!(now.expires_at, moved(refused.expires_at, by));
        let now = house.view(&scheduled).await;
        assert_eq!(now.scheduled_at, Some(moved(NOW, 2 * HOUR)));
        assert_eq!(now.next_attempt_at, now.scheduled_at);
        assert_eq!(now.expires_at, moved(NOW, 3 * HOUR + by.max(0)));
        // Known by now: once is enough.
        assert_eq!(house.knows(BOOT, by).await, None);
    }
}

#[tokio::test]
async fn a_small_step_and_an_earlier_run_of_the_machine_move_nothing() {
    let house = House::new();
    let earlier = house.accepts(|_| {}).await;
    assert_eq!(house.knows(BOOT, 0).await, None);
    let since = house.accepts(|_| {}).await;
    assert_eq!(house.knows(BOOT, 60_000).await, None);
    assert_eq!(house.view(&since).await.expires_at, since.expires_at);
    assert_eq!(house.knows(BOOT, HOUR).await, Some(HOUR - 60_000));
    assert_eq!(house.view(&earlier).await.expires_at, earlier.expires_at);
    // Another run, another clock: nobody can say how they compare.
    assert_eq!(house.knows("the next run", -HOUR).await, None);
    let now = house.view(&since).await;
    assert_eq!(now.expires_at, moved(since.expires_at, HOUR - 60_000));
}

#[tokio::test]
async fn a_report_finds_its_part_also_after_the_clock_was_set() {
    for by in [HOUR * 24 * 30, -HOUR] {
        let house = House::new();
        house.knows(BOOT, 0).await;
        let message = house.accepts(|_| {}).await;
        assert!(house.intends(message.seq, 1).await);
        assert!(house.is_accepted(message.seq, 1, 64).await);
        house.knows(BOOT, by).await;
        let at = moved(NOW, by);
        let report = Report {
            accepted_at: Some(at),
            discharged_at: Some(at.plus(Duration::from_secs(2))),
            ..report(64, 0x00)
        };
        let matched = house.store.report(report, &modem(), at).await.unwrap();
        assert_eq!(matched, Matched::Part);
        assert_eq!(house.view(&message).await.state, MessageState::Delivered);
    }
}

#[tokio::test]
async fn what_a_sim_has_sent_counts_on_after_the_clock_was_set() {
    for by in [HOUR * 24 * 365, -HOUR, HOUR / 2] {
        let house = House::new();
        house.knows(BOOT, 0).await;
        let message = house.accepts(|_| {}).await;
        assert!(house.intends(message.seq, 1).await);
        house.knows(BOOT, by).await;
        let used = house.store.sim_use(sim()).await.unwrap();
        let this_hour = moved(NOW, by).0.div_euclid(HOUR);
        let (hour, parts) = used[0];
        assert_eq!((used.len(), parts), (1, 1));
        assert!(hour >= this_hour && hour <= this_hour + 1, "{hour}");
    }
}

#[tokio::test]
async fn an_answer_is_remembered_as_long_as_it_was_to_be() {
    let house = House::new();
    house.knows(BOOT, 0).await;
    let once = || Once {
        scope: [1; 32],
        body_mac: [2; 32],
        render: std::sync::Arc::new(|_: &MessageView| Answer {
            status: 202,
            location: None,
            body: String::new(),
        }),
        skipped: |_| panic!("no alert"),
    };
    let accepted = house.store.accept(submission(|_| {}), Some(once()));
    assert!(matches!(accepted.await.unwrap(), Accepted::New(_)));
    // From 1970, as a board without a battery would put it.
    let by = HOUR * 24 * 365 * 50;
    house.knows(BOOT, by).await;
    assert_eq!(
        house.ask::<i64>("SELECT created_at FROM idempotency"),
        NOW.0 + by
    );
    let ages = Ages {
        idempotency: Duration::from_secs(86_400),
        inbox: Duration::from_secs(86_400),
        bodies: Duration::from_secs(86_400),
        messages: Duration::from_secs(86_400),
        events: Duration::from_secs(86_400),
        log: Duration::from_secs(86_400),
        limits: Duration::from_secs(86_400),
        verifications: Duration::from_secs(86_400),
    };
    house.store.forget(ages, moved(NOW, by)).await.unwrap();
    let again = house.store.accept(submission(|_| {}), Some(once())).await;
    assert!(matches!(again.unwrap(), Accepted::Replay(_)));
}

#[tokio::test]
async fn what_was_accepted_by_the_old_clock_a_moment_too_late_is_moved_as_well() {
    let house = House::new();
    house.knows(BOOT, 0).await;
    let booted_at = UnixMillis(NOW.0 - HOUR + HOUR);
    let set = house.store.know_clock(BOOT.to_owned(), booted_at, UP).await;
    let set: ClockSet = set.unwrap().unwrap();
    let by_the_old = house.accepts(|_| {}).await;
    let by_the_new = house
        .accepts(|asked| {
            asked.at = moved(NOW, HOUR);
            asked.expires_at = moved(NOW, 2 * HOUR);
        })
        .await;
    let now = moved(NOW, HOUR + 5_000);
    house.store.move_stragglers(set, now).await.unwrap();
    let old = house.view(&by_the_old).await;
    assert_eq!(old.expires_at, moved(by_the_old.expires_at, HOUR));
    let new = house.view(&by_the_new).await;
    assert_eq!(new.expires_at, by_the_new.expires_at);
}
