//! Tries at providers: whatever order answers, callbacks and questions come in, a text has one fate and one price.

use super::clock::{BOOT, HOUR};
use super::*;
use crate::domain::attempt::{AttemptId, Delivery, Fate, MadeOf, Taken};
use crate::domain::{Redacted, Ticket};

const WINDOW: Duration = Duration::from_secs(3600);

fn cloud() -> RouteName {
    RouteName::parse("cloud:a").unwrap()
}

fn attempt(message: &MessageView) -> AttemptId {
    AttemptId {
        message: message.seq,
        ticket: Ticket(TICKET),
    }
}

fn at(seconds: u64) -> UnixMillis {
    NOW.plus(Duration::from_secs(seconds))
}

fn delivery(fate: Fate) -> Delivery {
    Delivery {
        attempt: None,
        id: None,
        recipient: None,
        fate,
        detail: None,
        at: None,
        price: None,
    }
}

fn taken(ids: &[&str]) -> Taken {
    Taken {
        ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        price: None,
    }
}

impl House {
    async fn leaves_by_cloud(&self, message: &MessageView, ticket: i64) -> bool {
        let mut group = self.store.group();
        let receipt = group.intent(Intent {
            route: cloud(),
            sim: None,
            ticket,
            spent_on: Some(20_231_114),
            ..intent(message.seq, 1)
        });
        group.submit().await;
        receipt.committed().await.unwrap()
    }

    async fn provider_takes(&self, message: &MessageView, taken: Taken) -> bool {
        let mut group = self.store.group();
        let receipt = group.accepted(Acceptance {
            route: cloud(),
            reference: None,
            whole: true,
            taken: Some(Box::new(taken)),
            ask_at: Some(at(60)),
            ..acceptance(message.seq, 1, 0)
        });
        group.submit().await;
        receipt.committed().await.unwrap()
    }

    async fn is_doubtful(&self, message: &MessageView, next: NextTry) -> bool {
        let mut group = self.store.group();
        let receipt = group.uncertain(Uncertainty {
            message: message.seq,
            part: PartNumber(1),
            ticket: TICKET,
            setback: setback("timeout_uncertain"),
            closes_at: NOW.plus(WINDOW),
            next,
            ask_at: Some(at(2)),
            at: NOW,
        });
        group.submit().await;
        receipt.committed().await.unwrap()
    }

    async fn provider_says(&self, delivery: Delivery) -> MatchedDelivery {
        let reported = self.store.provider_report(cloud(), delivery, at(5)).await;
        reported.unwrap()
    }

    async fn provider_told(&self, message: &MessageView, told: Told, now: UnixMillis) {
        let next = Some(now.plus(Duration::from_secs(60)));
        let recorded = self
            .store
            .told(attempt(message), cloud(), told, next, now)
            .await;
        recorded.unwrap();
    }

    async fn sent_by_cloud(&self, ids: &[&str], parts: u8) -> MessageView {
        let message = self.accepts(|asked| asked.parts = parts).await;
        assert!(self.leaves_by_cloud(&message, TICKET).await);
        assert!(self.provider_takes(&message, taken(ids)).await);
        message
    }
}

fn again_in(seconds: u64) -> NextTry {
    NextTry::At {
        at: at(seconds),
        why: "the provider is asked".into(),
        counts: true,
    }
}

#[tokio::test]
async fn a_report_finds_its_text_by_the_providers_id_and_by_our_own_name_of_the_try() {
    let house = House::new();
    let by_id = house.sent_by_cloud(&["SM1"], 1).await;
    let by_name = house.sent_by_cloud(&[], 1).await;
    let report = Delivery {
        id: Some("SM1".into()),
        ..delivery(Fate::Delivered)
    };
    assert_eq!(
        house.provider_says(report.clone()).await,
        MatchedDelivery::Message
    );
    assert_eq!(
        house.provider_says(report).await,
        MatchedDelivery::Duplicate
    );
    assert_eq!(house.state(&by_id).await, MessageState::Delivered);
    let named = Delivery {
        attempt: Some(attempt(&by_name)),
        id: Some("SM2".into()),
        ..delivery(Fate::Undelivered)
    };
    assert_eq!(house.provider_says(named).await, MatchedDelivery::Message);
    let view = house.view(&by_name).await;
    assert_eq!(view.state, MessageState::Undelivered);
    let (code, text) = view.error.unwrap();
    assert_eq!(
        (code.as_str(), text.contains("provider")),
        ("undelivered", true)
    );
    let later = Delivery {
        id: Some("SM2".into()),
        ..delivery(Fate::Delivered)
    };
    assert_eq!(house.provider_says(later).await, MatchedDelivery::Duplicate);
    assert_eq!(house.state(&by_name).await, MessageState::Undelivered);
}

#[tokio::test]
async fn a_report_that_names_nothing_of_ours_or_another_number_changes_nothing() {
    let house = House::new();
    let message = house.sent_by_cloud(&["biz^0"], 1).await;
    let other = house.sent_by_cloud(&["biz^1"], 1).await;
    let unknown = Delivery {
        id: Some("nobody".into()),
        ..delivery(Fate::Delivered)
    };
    let other_number = Delivery {
        id: Some("biz^0".into()),
        recipient: Some(Redacted::new("13900139000".into())),
        ..delivery(Fate::Delivered)
    };
    let of_two = Delivery {
        id: Some("biz^0".into()),
        attempt: Some(attempt(&other)),
        ..delivery(Fate::Delivered)
    };
    for report in [unknown, other_number, of_two] {
        assert_eq!(house.provider_says(report).await, MatchedDelivery::Unknown);
    }
    let by_another_route = house
        .store
        .provider_report(
            RouteName::parse("cloud:b").unwrap(),
            Delivery {
                attempt: Some(attempt(&message)),
                ..delivery(Fate::Delivered)
            },
            at(5),
        )
        .await;
    assert_eq!(by_another_route.unwrap(), MatchedDelivery::Unknown);
    assert_eq!(house.state(&message).await, MessageState::Sent);
    let right = Delivery {
        id: Some("biz^0".into()),
        recipient: Some(Redacted::new("13800138000".into())),
        ..delivery(Fate::Delivered)
    };
    assert_eq!(house.provider_says(right).await, MatchedDelivery::Message);
    assert_eq!(house.state(&message).await, MessageState::Delivered);
}

#[tokio::test]
async fn a_callback_that_overtakes_our_own_commit_finds_its_message() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    assert!(house.leaves_by_cloud(&message, TICKET).await);
    let early = Delivery {
        attempt: Some(attempt(&message)),
        id: Some("SM1".into()),
        ..delivery(Fate::Delivered)
    };
    assert_eq!(house.provider_says(early).await, MatchedDelivery::Message);
    assert_eq!(house.state(&message).await, MessageState::Delivered);
    // The answer comes after it, or does not.
    assert!(!house.provider_takes(&message, taken(&["SM1"])).await);
    assert!(!house.is_doubtful(&message, again_in(45)).await);
    assert_eq!(house.state(&message).await, MessageState::Delivered);
}

/// It was final in `sent` at once, because nobody had said yet until when reports may come.
#[tokio::test]
async fn a_text_whose_callback_overtook_the_answer_stays_open_for_its_delivery_report() {
    for answers in [true, false] {
        let house = House::new();
        let message = house.accepts(|_| {}).await;
        assert!(house.leaves_by_cloud(&message, TICKET).await);
        let of_it = |fate| Delivery {
            attempt: Some(attempt(&message)),
            ..delivery(fate)
        };
        assert_eq!(
            house.provider_says(of_it(Fate::Sent)).await,
            MatchedDelivery::Message
        );
        if answers {
            assert!(!house.provider_takes(&message, taken(&["SM1"])).await);
        } else {
            assert!(!house.is_doubtful(&message, again_in(45)).await);
        }
        let view = house.view(&message).await;
        assert_eq!(view.state, MessageState::Sent);
        assert_eq!(view.closes_at, Some(NOW.plus(WINDOW)));
        house.provider_says(of_it(Fate::Delivered)).await;
        assert_eq!(house.state(&message).await, MessageState::Delivered);
    }
}

#[tokio::test]
async fn a_report_proves_that_a_text_in_doubt_was_taken_and_it_is_not_sent_again() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    assert!(house.leaves_by_cloud(&message, TICKET).await);
    assert!(house.is_doubtful(&message, again_in(45)).await);
    assert_eq!(house.state(&message).await, MessageState::Queued);
    let report = Delivery {
        attempt: Some(attempt(&message)),
        ..delivery(Fate::Sent)
    };
    assert_eq!(house.provider_says(report).await, MatchedDelivery::Message);
    let view = house.view(&message).await;
    assert_eq!(view.state, MessageState::Sent);
    assert!(!view.may_be_duplicate && view.next_attempt_at.is_none());
}

#[tokio::test]
async fn a_text_of_three_parts_with_an_id_for_each_is_delivered_when_all_are() {
    let house = House::new();
    let message = house.sent_by_cloud(&["p1", "p2", "p3"], 3).await;
    for (id, state) in [
        ("p3", MessageState::Sent),
        ("p1", MessageState::Sent),
        ("p2", MessageState::Delivered),
    ] {
        let report = Delivery {
            id: Some(id.into()),
            ..delivery(Fate::Delivered)
        };
        assert_eq!(house.provider_says(report).await, MatchedDelivery::Message);
        assert_eq!(house.state(&message).await, state, "{id}");
    }
}

#[tokio::test]
async fn a_provider_that_has_a_text_in_doubt_settles_it_and_one_that_has_not_frees_it() {
    let house = House::new();
    let had = house.accepts(|_| {}).await;
    let had_not = house.accepts(|_| {}).await;
    for message in [&had, &had_not] {
        assert!(house.leaves_by_cloud(message, TICKET).await);
        assert!(house.is_doubtful(message, again_in(45)).await);
    }
    let (due, next) = house.store.to_ask(at(1)).await.unwrap();
    assert_eq!((due.len(), next), (0, Some(at(2))));
    let (due, _) = house.store.to_ask(at(2)).await.unwrap();
    assert_eq!(due.len(), 2);
    assert!(
        due.iter()
            .all(|one| one.is_in_doubt && one.id.is_none() && one.asked == 0)
    );
    house
        .provider_told(&had, Told::Has(taken(&["SM1"]), None), at(3))
        .await;
    assert_eq!(house.state(&had).await, MessageState::Sent);
    house.provider_told(&had_not, Told::HasNot, at(33)).await;
    let view = house.view(&had_not).await;
    assert_eq!(view.state, MessageState::Queued);
    assert_eq!(
        (view.next_attempt_at, view.price),
        (None, None),
        "it may go at once, and cost nothing"
    );
    let (due, next) = house.store.to_ask(at(100_000)).await.unwrap();
    let asked: Vec<_> = due
        .iter()
        .map(|one| (one.id.as_deref(), one.asked))
        .collect();
    assert_eq!((asked, next), (vec![(Some("SM1"), 1)], None));
    assert_eq!(spent(&house).await, Money(500), "only what was taken");
    assert!(house.leaves_by_cloud(&had_not, TICKET + 1).await);
    assert!(!house.view(&had_not).await.may_be_duplicate);
}

async fn spent(house: &House) -> Money {
    let days = house.store.spent(0).await.unwrap();
    days.iter()
        .fold(Money(0), |sum, (_, amount)| sum.plus(*amount))
}

#[tokio::test]
async fn under_policy_lose_a_text_that_the_provider_does_not_have_has_failed() {
    let house = House::new();
    for (now, state, code) in [
        (at(33), MessageState::Failed, "provider_unreachable"),
        (at(90_000), MessageState::Expired, "expired"),
    ] {
        let message = house.accepts(|asked| asked.category = Category::Bulk).await;
        assert!(house.leaves_by_cloud(&message, TICKET).await);
        assert!(house.is_doubtful(&message, NextTry::TheRest).await);
        assert_eq!(house.state(&message).await, MessageState::Unknown);
        house.provider_told(&message, Told::HasNot, now).await;
        let view = house.view(&message).await;
        assert_eq!(view.state, state);
        assert_eq!(view.error.unwrap().0, code);
    }
}

#[tokio::test]
async fn what_was_under_way_at_a_provider_when_the_process_ended_is_asked_about_at_once() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    assert!(house.leaves_by_cloud(&message, TICKET).await);
    let house = house.restarted();
    let decide = |in_doubt: &InDoubt| {
        assert_eq!(in_doubt.route, Some(cloud()));
        (again_in(45), NOW.plus(WINDOW))
    };
    assert_eq!(house.store.recover(decide, NOW).await.unwrap().len(), 1);
    let (due, _) = house.store.to_ask(NOW).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(
        (due[0].attempt, due[0].is_in_doubt),
        (attempt(&message), true)
    );
}

#[tokio::test]
async fn the_providers_figure_takes_the_place_of_what_was_reckoned() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    assert!(house.leaves_by_cloud(&message, TICKET).await);
    assert_eq!(spent(&house).await, Money(500));
    let priced = Taken {
        price: Some(Money(333)),
        ..taken(&["SM1"])
    };
    assert!(house.provider_takes(&message, priced).await);
    assert_eq!(house.view(&message).await.price, Some(Money(333)));
    assert_eq!(spent(&house).await, Money(333));
    let corrected = Delivery {
        id: Some("SM1".into()),
        price: Some(Money(400)),
        ..delivery(Fate::Delivered)
    };
    house.provider_says(corrected).await;
    assert_eq!(house.view(&message).await.price, Some(Money(400)));
    assert_eq!(spent(&house).await, Money(400));
    assert_eq!(costs(&house).await, [("delivered".to_owned(), 400)]);
}

/// What statistics say that messages out of the queue have cost, by their state; nothing where nothing did.
async fn costs(house: &House) -> Vec<(String, i64)> {
    let read = house.store.readers.ask(|db| {
        let mut statement = db.prepare(
            "SELECT status, SUM(cost) FROM statistic GROUP BY status HAVING SUM(cost) <> 0 ORDER BY status",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    });
    read.await.unwrap()
}

/// The sum of a state drifted by what had been paid in between.
#[tokio::test]
async fn what_is_paid_after_all_or_not_is_counted_where_the_message_is_counted() {
    let house = House::new();
    let lost = house.accepts(|asked| asked.category = Category::Bulk).await;
    assert!(house.leaves_by_cloud(&lost, TICKET).await);
    assert!(house.is_doubtful(&lost, NextTry::TheRest).await);
    assert_eq!(costs(&house).await, [("unknown".to_owned(), 500)]);
    house.provider_told(&lost, Told::HasNot, at(33)).await;
    assert_eq!(costs(&house).await, []);
}

#[tokio::test]
async fn a_provider_is_asked_as_late_as_it_would_have_been_when_the_clock_was_set() {
    for by in [HOUR, -HOUR] {
        let house = House::new();
        house.knows(BOOT, 0).await;
        let message = house.accepts(|_| {}).await;
        assert!(house.leaves_by_cloud(&message, TICKET).await);
        assert!(house.is_doubtful(&message, again_in(45)).await);
        assert_eq!(house.knows(BOOT, by).await, Some(by));
        let moved = |at: UnixMillis| UnixMillis(at.0 + by);
        let (due, next) = house.store.to_ask(moved(at(1))).await.unwrap();
        assert_eq!((due.len(), next), (0, Some(moved(at(2)))));
        let (due, _) = house.store.to_ask(moved(at(2))).await.unwrap();
        assert_eq!(due[0].sent_at, moved(NOW));
    }
}

#[tokio::test]
async fn a_report_about_a_try_before_the_last_says_no_more_than_that_it_was_delivered() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    assert!(house.leaves_by_cloud(&message, TICKET).await);
    assert!(house.is_doubtful(&message, again_in(0)).await);
    house
        .store
        .told(attempt(&message), cloud(), Told::Nothing, None, NOW)
        .await
        .unwrap();
    let mut group = house.store.group();
    let released = group.release_and_expire(POLICIES, at(1));
    group.submit().await;
    released.committed().await.unwrap();
    assert!(house.leaves_by_cloud(&message, TICKET + 1).await);
    let mut group = house.store.group();
    let receipt = group.accepted(Acceptance {
        route: cloud(),
        reference: None,
        whole: true,
        ticket: TICKET + 1,
        ..acceptance(message.seq, 1, 0)
    });
    group.submit().await;
    assert!(receipt.committed().await.unwrap());
    let of_the_first = |fate| Delivery {
        attempt: Some(attempt(&message)),
        ..delivery(fate)
    };
    assert_eq!(
        house.provider_says(of_the_first(Fate::Undelivered)).await,
        MatchedDelivery::Duplicate
    );
    assert_eq!(house.state(&message).await, MessageState::Sent);
    assert_eq!(
        house.provider_says(of_the_first(Fate::Delivered)).await,
        MatchedDelivery::Message
    );
    assert_eq!(house.state(&message).await, MessageState::Delivered);
}

#[tokio::test]
async fn a_number_that_opted_out_at_a_provider_is_suppressed_here_too() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    assert!(house.leaves_by_cloud(&message, TICKET).await);
    let mut group = house.store.group();
    let receipt = group.refused(Refusal {
        message: message.seq,
        part: PartNumber(1),
        ticket: TICKET,
        setback: Setback {
            blame: crate::domain::Blame::Recipient,
            ..setback("suppressed")
        },
        next: NextTry::Never,
        at: NOW,
    });
    group.submit().await;
    assert!(receipt.committed().await.unwrap());
    assert_eq!(house.state(&message).await, MessageState::Failed);
    let suppressed = house.store.suppressions(None, 10).await.unwrap();
    assert_eq!(suppressed.len(), 1);
    assert_eq!(suppressed[0].reason.as_str(), "stop");
}

#[tokio::test]
async fn what_a_code_was_made_of_is_sealed_until_it_leaves_and_gone_then() {
    let house = House::new();
    let made_of = MadeOf {
        template: "v1".into(),
        provider_template: Some("SMS_1".into()),
        values: Redacted::new(vec![("code".into(), "482913".into())]),
    };
    let asked = made_of.clone();
    let message = house
        .accepts(move |submission| {
            submission.category = Category::Otp;
            submission.body = Body::parse("482913 is your code").unwrap();
            submission.made_of = Some(asked);
        })
        .await;
    let line = house.store.line(10, Contacts::Spared).await.unwrap();
    let origin = line.front[0].origin.as_ref().unwrap();
    assert!(origin.origin().names_the_providers);
    assert_eq!(
        origin.open(&message.id, house.store.pepper()).unwrap(),
        made_of
    );
    assert!(origin.open(&message.id, &Pepper::new(&[8; 32])).is_err());
    let digits = |folder: &Path| {
        let files = std::fs::read_dir(folder).unwrap();
        files
            .filter(|file| {
                let octets = std::fs::read(file.as_ref().unwrap().path()).unwrap();
                octets.windows(6).any(|window| window == b"482913")
            })
            .count()
    };
    assert_eq!(digits(house.folder.path()), 0);
    assert!(house.leaves_by_cloud(&message, TICKET).await);
    assert!(house.provider_takes(&message, taken(&["SM1"])).await);
    let kept: (Option<String>, Option<Vec<u8>>) = house
        .store
        .readers
        .ask(|db| {
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            Ok(db.query_row("SELECT made_of, sealed_values FROM message", [], read)?)
        })
        .await
        .unwrap();
    assert_eq!(kept, (None, None));
}
