//! What is forgotten, and what is not.

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn days(days: u32) -> UnixMillis {
    NOW.plus(DAY * days)
}

/// Everything is kept for a year, but for these.
fn keeping(change: impl FnOnce(&mut Ages)) -> Ages {
    let mut kept = ages();
    change(&mut kept);
    kept
}

impl House {
    /// Forgets until there is nothing more to forget; answers in how many steps.
    async fn forgets(&self, ages: Ages, now: UnixMillis) -> usize {
        let mut steps = 1;
        while self.store.forget(ages, now).await.unwrap() {
            steps += 1;
        }
        steps
    }

    async fn listed(&self) -> Vec<MessageSeq> {
        let page = self.store.list(Filter::default(), 200).await.unwrap();
        page.messages.iter().map(|message| message.seq).collect()
    }
}

#[tokio::test]
async fn a_text_and_its_number_are_gone_after_their_time_and_the_rest_stays() {
    let house = House::new();
    let old = house.message_in("delivered").await;
    let young = house
        .accepts(|asked| {
            asked.at = days(20);
            asked.expires_at = days(21);
        })
        .await;
    let bodies = keeping(|ages| ages.bodies = DAY * 30);
    house.forgets(bodies, days(30)).await;
    assert_eq!(house.view(&old).await.text.expose(), "hello");
    house.forgets(bodies, UnixMillis(days(30).0 + 1)).await;

    let view = house.view(&old).await;
    assert!(view.is_forgotten);
    assert_eq!(view.text.expose(), "");
    assert!(view.to.as_str().starts_with("CN."), "{}", view.to.as_str());
    assert_eq!(view.to_raw, view.to.as_str());
    assert_eq!(view.state, MessageState::Delivered);
    assert_eq!(view.country.as_deref(), Some("CN"));
    assert_eq!(house.view(&young).await.text.expose(), "hello");
    let canceled = house.store.cancel(old.id.clone(), None, NOW).await;
    assert!(matches!(canceled, Ok(Cancel::TooLate)));
    // Whoever knows the number finds both; nobody reads it from the file.
    let of_number = Filter {
        to: Destination::stored("+8613800138000"),
        ..Filter::default()
    };
    let page = house.store.list(of_number, 10).await.unwrap();
    let found: Vec<_> = page.messages.iter().map(|message| message.seq).collect();
    assert_eq!(found, [young.seq, old.seq]);
}

#[tokio::test]
async fn a_forgotten_number_is_in_no_row() {
    let house = House::new();
    let number = "+8613911112222";
    for state in ["delivered", "newest"] {
        let message = house
            .accepts(|asked| {
                asked.to = Destination::stored(match state {
                    "delivered" => number,
                    _ => "+8613800138000",
                })
                .unwrap();
                asked.to_raw = asked.to.as_str().into();
            })
            .await;
        house.intends(message.seq, 1).await;
        house.is_accepted(message.seq, 1, 1).await;
    }
    house
        .forgets(keeping(|ages| ages.bodies = DAY), days(2))
        .await;
    let tails: i64 = house
        .store
        .readers
        .ask(|db| {
            Ok(db.query_row(
                "SELECT (SELECT COUNT(*) FROM message WHERE to_number LIKE '%2222%' OR to_raw LIKE '%2222%')
                      + (SELECT COUNT(*) FROM part WHERE recipient_tail LIKE '%2222%')",
                [],
                |row| row.get(0),
            )?)
        })
        .await
        .unwrap();
    assert_eq!(tails, 0);
}

#[tokio::test]
async fn what_is_not_final_is_not_forgotten_and_neither_is_what_follows_it() {
    let house = House::new();
    let waiting = house.accepts(|asked| asked.expires_at = days(400)).await;
    let over = house.message_in("canceled").await;
    house.accepts(|_| {}).await;
    let all = keeping(|ages| {
        ages.bodies = DAY;
        ages.messages = DAY;
        ages.events = DAY;
    });
    house.forgets(all, days(300)).await;
    assert_eq!(house.view(&waiting).await.text.expose(), "hello");
    assert_eq!(house.view(&over).await.text.expose(), "hello");
    house
        .store
        .cancel(waiting.id.clone(), None, days(300))
        .await
        .unwrap();
    house.forgets(all, days(302)).await;
    assert_eq!(house.listed().await.len(), 1, "the newest is left");
}

#[tokio::test]
async fn what_waits_for_its_last_report_is_not_forgotten() {
    let house = House::new();
    let sent = house.message_in("sent").await;
    house.accepts(|_| {}).await;
    let soon = keeping(|ages| ages.bodies = Duration::from_secs(60));
    house
        .forgets(soon, NOW.plus(Duration::from_secs(3600)))
        .await;
    assert!(!house.view(&sent).await.is_forgotten);
    house
        .forgets(soon, NOW.plus(Duration::from_secs(3601)))
        .await;
    assert!(house.view(&sent).await.is_forgotten);
}

#[tokio::test]
async fn messages_go_with_their_parts_and_events_and_stay_counted() {
    let house = House::new();
    let gone = house.message_in("delivered").await;
    let newest = house.accepts(|asked| asked.at = days(1)).await;
    house
        .forgets(keeping(|ages| ages.messages = DAY), days(2))
        .await;
    assert_eq!(house.listed().await, [newest.seq]);
    let found = house.store.message(gone.id.clone(), None).await.unwrap();
    assert!(found.is_none());
    let left: (i64, i64) = house
        .store
        .readers
        .ask(|db| {
            Ok(db.query_row(
                "SELECT (SELECT COUNT(*) FROM part), (SELECT COUNT(*) FROM event)",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?)
        })
        .await
        .unwrap();
    assert_eq!(left, (1, 1), "those of the newest");
    let counted = house.store.statistic_of_day(NOW).await.unwrap();
    assert_eq!(counted, [(MessageState::Delivered, 1)]);
    let next = house.accepts(|_| {}).await;
    assert!(next.seq > newest.seq, "no number is given twice");
}

#[tokio::test]
async fn events_go_a_while_after_the_last_of_them() {
    let house = House::new();
    let message = house.message_in("canceled").await;
    house.accepts(|_| {}).await;
    let events = keeping(|ages| ages.events = DAY * 7);
    house.forgets(events, days(7)).await;
    assert_eq!(house.events(&message).await, ["queued", "canceled"]);
    house.forgets(events, UnixMillis(days(7).0 + 1)).await;
    assert_eq!(house.events(&message).await, [] as [&str; 0]);
    assert_eq!(house.view(&message).await.state, MessageState::Canceled);
}

#[tokio::test]
async fn forgetting_goes_in_small_steps() {
    let house = House::new();
    for _ in 0..250 {
        let message = house.accepts(|_| {}).await;
        house.store.cancel(message.id, None, NOW).await.unwrap();
    }
    house.accepts(|_| {}).await;
    let steps = house
        .forgets(keeping(|ages| ages.bodies = DAY), days(2))
        .await;
    assert_eq!(steps, 3);
    assert_eq!(house.listed().await.len(), 200);
    let page = house.store.list(Filter::default(), 200).await.unwrap();
    let whole = page.messages.iter().filter(|one| !one.is_forgotten);
    assert_eq!(whole.count(), 1);
}

#[tokio::test]
async fn a_message_from_a_future_that_never_was_holds_nothing_up() {
    let house = House::new();
    let of_2040 = house.accepts(|asked| asked.at = days(5000)).await;
    let after = house.accepts(|_| {}).await;
    for message in [&of_2040, &after] {
        house
            .store
            .cancel(message.id.clone(), None, NOW)
            .await
            .unwrap();
    }
    house.accepts(|_| {}).await;
    house
        .forgets(keeping(|ages| ages.bodies = DAY), days(2))
        .await;
    for message in [&of_2040, &after] {
        assert!(house.view(message).await.is_forgotten);
    }
}

#[tokio::test]
async fn a_batch_goes_with_the_last_of_its_messages() {
    let house = House::new();
    let messages = ["+8613800138000", "+8613800138001"]
        .map(|to| submission(|asked| asked.to = Destination::stored(to).unwrap()));
    let rejected = vec![Rejected {
        index: 2,
        to: "1380013800".into(),
        code: "invalid_phone".into(),
    }];
    let asked = BatchSubmission::new(placed(&messages), rejected, NOW).unwrap();
    let Accepted::New(batch) = house.store.accept_batch(asked, None).await.unwrap() else {
        panic!("new");
    };
    house
        .store
        .cancel_batch(batch.id.clone(), None, NOW)
        .await
        .unwrap();
    house.accepts(|_| {}).await;
    let found = || house.store.batch(batch.id.clone(), None);
    house
        .forgets(keeping(|ages| ages.bodies = DAY), days(2))
        .await;
    let view = found().await.unwrap().unwrap();
    assert_eq!((view.rejected, view.tally.failed), (Vec::new(), 2));
    house
        .forgets(keeping(|ages| ages.messages = DAY), days(2))
        .await;
    assert!(found().await.unwrap().is_none());
}

#[tokio::test]
async fn forgetting_reads_no_more_of_the_messages_than_a_step() {
    let house = House::new();
    for sql in crate::store::retention::step_sqls() {
        let plan: Vec<String> = house
            .store
            .readers
            .ask(move |db| {
                let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let mut rows = statement.raw_query();
                let mut lines = Vec::new();
                while let Some(row) = rows.next()? {
                    lines.push(row.get("detail")?);
                }
                Ok(lines)
            })
            .await
            .unwrap();
        let walk = "SEARCH message USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";
        assert_eq!(plan[0], walk, "{plan:?}");
        assert!(
            plan.iter().all(|line| !line.contains("TEMP B-TREE")),
            "{plan:?}"
        );
    }
}

#[tokio::test]
async fn the_record_of_who_did_what_is_kept_for_its_time() {
    let house = House::new();
    for second in 0..3 {
        let entry = AuditEntry {
            at: NOW.plus(Duration::from_secs(second)),
            ..somebody("modem.pause")
        };
        house.store.audit(entry).await.unwrap();
    }
    let ages = keeping(|ages| ages.log = Duration::from_secs(10));
    let now = NOW.plus(Duration::from_secs(12));
    assert!(!house.store.forget(ages, now).await.unwrap());
    let left = house.store.audited(None, 10).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].at, NOW.plus(Duration::from_secs(2)));
}
