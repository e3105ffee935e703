//! Parts that may have left: what settles them, and what does not (semantics §6).

use super::*;

const WINDOW: Duration = Duration::from_secs(3600);

impl House {
    async fn recovers(&self, next: NextTry) -> usize {
        let decide = move |_: &InDoubt| (next.clone(), NOW.plus(WINDOW));
        self.store.recover(decide, NOW).await.unwrap().len()
    }

    async fn answers_late(&self, mr: u8, at: UnixMillis) -> bool {
        let settlement = Settlement {
            modem: modem(),
            reference: MessageReference(mr),
            at,
        };
        self.store.settle(settlement).await.unwrap()
    }

    async fn is_in_doubt(&self, next: NextTry) -> MessageView {
        let message = self.accepts(|_| {}).await;
        self.intends(message.seq, 1).await;
        assert!(self.is_uncertain(message.seq, next).await);
        message
    }
}

#[tokio::test]
async fn an_answer_that_is_read_after_a_restart_settles_what_was_under_way() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    house.intends(message.seq, 1).await;
    let house = house.restarted();
    assert_eq!(house.recovers(again()).await, 1);
    assert!(house.answers_late(9, NOW).await);
    let view = house.view(&message).await;
    assert_eq!(view.state, MessageState::Sent);
    assert!(!view.may_be_duplicate);
    assert_eq!(view.hold, None, "it does not wait for another try");
    assert_eq!(
        house.recovers(again()).await,
        0,
        "nothing is in doubt twice"
    );
    house.reports(9, 0x00).await;
    assert_eq!(house.view(&message).await.state, MessageState::Delivered);
}

#[tokio::test]
async fn a_late_answer_settles_neither_of_two_parts_in_doubt() {
    let house = House::new();
    let first = house.is_in_doubt(NextTry::Never).await;
    let second = house.is_in_doubt(NextTry::Never).await;
    assert!(!house.answers_late(9, NOW).await);
    for message in [first, second] {
        assert_eq!(house.view(&message).await.state, MessageState::Unknown);
    }
}

#[tokio::test]
async fn an_answer_is_not_taken_for_that_to_a_try_of_five_minutes_ago() {
    let house = House::new();
    let message = house.is_in_doubt(NextTry::Never).await;
    let at = NOW.plus(Duration::from_secs(301));
    assert!(!house.answers_late(9, at).await);
    assert_eq!(house.view(&message).await.state, MessageState::Unknown);
}

#[tokio::test]
async fn what_nothing_settles_stays_unknown_and_is_final_with_its_window() {
    let house = House::new();
    let message = house.is_in_doubt(NextTry::Never).await;
    let view = house.view(&message).await;
    assert_eq!(view.state, MessageState::Unknown);
    assert_eq!(view.closes_at, Some(NOW.plus(WINDOW)));
}

#[tokio::test]
async fn a_report_that_came_after_the_window_changed_an_unknown_message_that_was_final() {
    let house = House::new();
    let message = house.is_in_doubt(NextTry::Never).await;
    let late = NOW.plus(WINDOW + Duration::from_secs(1));
    let matched = house.store.report(report(9, 0x00), &modem(), late).await;
    assert_eq!(matched.unwrap(), Matched::Orphan);
    assert_eq!(house.view(&message).await.state, MessageState::Unknown);
}

#[tokio::test]
async fn a_report_settles_what_is_not_tried_again() {
    let house = House::new();
    let message = house.is_in_doubt(NextTry::Never).await;
    let in_time = NOW.plus(WINDOW - Duration::from_secs(1));
    let matched = house.store.report(report(9, 0x00), &modem(), in_time).await;
    assert_eq!(matched.unwrap(), Matched::Part);
    assert_eq!(house.view(&message).await.state, MessageState::Delivered);
}

#[tokio::test]
async fn a_text_whose_second_part_is_in_doubt_sends_only_that_again() {
    let house = House::new();
    let message = house.accepts(|asked| asked.parts = 2).await;
    house.intends(message.seq, 1).await;
    house.is_accepted(message.seq, 1, 9).await;
    house.intends(message.seq, 2).await;
    let house = house.restarted();
    assert_eq!(house.recovers(again()).await, 1);
    assert_eq!(house.reports(9, 0x00).await, Matched::Part);
    let mut group = house.store.group();
    let receipt = group.release_and_expire(POLICIES, NOW.plus(Duration::from_secs(5)));
    group.submit().await;
    receipt.committed().await.unwrap();
    let front = house.store.line(9, Contacts::Spared).await.unwrap().front;
    assert_eq!(front[0].parts, [PartState::Delivered, PartState::Uncertain]);
    assert_eq!(
        front[0].last.as_ref().and_then(|last| last.reference),
        Some(7),
        "the phone joins it to the first"
    );
    house.intends(message.seq, 2).await;
    assert!(house.is_accepted(message.seq, 2, 10).await);
    assert_eq!(house.view(&message).await.state, MessageState::Sent);
    house.reports(10, 0x00).await;
    assert_eq!(house.view(&message).await.state, MessageState::Delivered);
}

#[tokio::test]
async fn a_part_that_is_settled_leaves_only_the_others_in_line() {
    let house = House::new();
    let message = house.accepts(|asked| asked.parts = 2).await;
    house.intends(message.seq, 1).await;
    assert!(house.is_uncertain(message.seq, again()).await);
    assert!(house.answers_late(9, NOW).await);
    assert_eq!(house.view(&message).await.state, MessageState::Queued);
    let mut group = house.store.group();
    let receipt = group.release_and_expire(POLICIES, NOW.plus(Duration::from_secs(5)));
    group.submit().await;
    receipt.committed().await.unwrap();
    let front = house.store.line(9, Contacts::Spared).await.unwrap().front;
    assert_eq!(front[0].parts, [PartState::Sent, PartState::Queued]);
    house.intends(message.seq, 2).await;
    house.is_accepted(message.seq, 2, 10).await;
    let view = house.view(&message).await;
    assert_eq!(view.state, MessageState::Sent);
    assert!(!view.may_be_duplicate);
}

#[tokio::test]
async fn a_canceled_text_stays_canceled_whatever_is_said_of_it_later() {
    let house = House::new();
    let message = house.is_in_doubt(again()).await;
    let canceled = house.store.cancel(message.id.clone(), None, NOW);
    assert!(matches!(canceled.await.unwrap(), Cancel::Done(_)));
    house.answers_late(9, NOW).await;
    house.reports(9, 0x00).await;
    assert_eq!(house.view(&message).await.state, MessageState::Canceled);
}

#[tokio::test]
async fn a_second_doubt_about_the_same_text_is_settled_like_the_first() {
    let house = House::new();
    let message = house.is_in_doubt(again()).await;
    let mut group = house.store.group();
    let receipt = group.release_and_expire(POLICIES, NOW.plus(Duration::from_secs(5)));
    group.submit().await;
    receipt.committed().await.unwrap();
    let mut group = house.store.group();
    let receipt = group.intent(Intent {
        doubtful: true,
        ..intent(message.seq, 1)
    });
    group.submit().await;
    assert!(receipt.committed().await.unwrap());
    let house = house.restarted();
    assert_eq!(house.recovers(NextTry::Never).await, 1);
    let view = house.view(&message).await;
    assert_eq!(view.state, MessageState::Unknown);
    assert!(view.may_be_duplicate, "two tries may have left");
    assert!(house.answers_late(9, NOW).await);
    assert_eq!(house.view(&message).await.state, MessageState::Sent);
}
