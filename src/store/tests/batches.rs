//! Batches: counted step by step, over once.

use super::*;
use crate::domain::BatchId;
use crate::domain::batch::{BatchState, Tally};

const LATER: UnixMillis = UnixMillis(NOW.0 + 60_000);

fn to(last_digit: u8) -> Destination {
    Destination::stored(&format!("+861380013800{last_digit}")).unwrap()
}

fn batch_of(recipients: u8, change: impl Fn(&mut Submission)) -> BatchSubmission {
    let messages = (0..recipients).map(|digit| {
        submission(|asked| {
            asked.to = to(digit);
            change(asked);
        })
    });
    BatchSubmission::new(messages.collect(), Vec::new(), NOW).unwrap()
}

impl House {
    async fn batch(&self, asked: BatchSubmission) -> (BatchView, Vec<MessageView>) {
        let accepted = self.store.accept_batch(asked, None).await.unwrap();
        let Accepted::New(batch) = accepted else {
            panic!("{accepted:?}");
        };
        let mut messages = self.messages_of(&batch.id).await;
        messages.reverse();
        (*batch, messages)
    }

    async fn messages_of(&self, id: &BatchId) -> Vec<MessageView> {
        let filter = Filter {
            batch: Some(id.clone()),
            ..Filter::default()
        };
        self.store.list(filter, 200).await.unwrap().messages
    }

    /// State, and how many wait, are under way, sent, and not sent.
    async fn stands(&self, batch: &BatchView) -> (BatchState, [i64; 4]) {
        let found = self.store.batch(batch.id.clone(), None).await.unwrap();
        let found = found.expect("it was accepted");
        assert_eq!(found.completed_at.is_some(), found.state.is_over());
        let Tally {
            waiting,
            sending,
            success,
            failed,
        } = found.tally;
        (found.state, [waiting, sending, success, failed])
    }
}

#[tokio::test]
async fn a_batch_is_pending_then_processing_then_completed() {
    let house = House::new();
    let (batch, messages) = house.batch(batch_of(2, |_| {})).await;
    assert_eq!(
        house.stands(&batch).await,
        (BatchState::Pending, [2, 0, 0, 0])
    );
    house.intends(messages[0].seq, 1).await;
    assert_eq!(
        house.stands(&batch).await,
        (BatchState::Processing, [1, 1, 0, 0])
    );
    house.is_accepted(messages[0].seq, 1, 1).await;
    assert_eq!(
        house.stands(&batch).await,
        (BatchState::Processing, [1, 0, 1, 0])
    );
    house.intends(messages[1].seq, 1).await;
    let mut steps = house.store.batch_steps();
    house.is_accepted(messages[1].seq, 1, 2).await;
    assert_eq!(
        house.stands(&batch).await,
        (BatchState::Completed, [0, 0, 2, 0])
    );
    let step = steps.recv().await.unwrap();
    assert_eq!(
        (step.batch, step.state, step.at),
        (batch.id, BatchState::Completed, NOW)
    );
}

#[tokio::test]
async fn a_late_report_moves_a_message_and_not_its_batch() {
    let house = House::new();
    let (batch, messages) = house.batch(batch_of(1, |_| {})).await;
    house.intends(messages[0].seq, 1).await;
    house.is_accepted(messages[0].seq, 1, 64).await;
    let mut steps = house.store.batch_steps();
    house.reports(64, 0x41).await;
    assert_eq!(
        house.stands(&batch).await,
        (BatchState::Completed, [0, 0, 0, 1])
    );
    assert!(steps.try_recv().is_err(), "it was over already");
}

#[tokio::test]
async fn a_batch_of_which_nothing_was_sent_has_failed() {
    let house = House::new();
    let (batch, messages) = house
        .batch(batch_of(2, |asked| asked.expires_at = LATER))
        .await;
    let canceled = house.store.cancel(messages[0].id.clone(), None, NOW).await;
    assert!(matches!(canceled, Ok(Cancel::Done(_))));
    assert_eq!(
        house.stands(&batch).await,
        (BatchState::Processing, [1, 0, 0, 1])
    );
    let mut group = house.store.group();
    let receipt = group.release_and_expire(LATER);
    group.submit().await;
    receipt.committed().await.unwrap();
    assert_eq!(
        house.stands(&batch).await,
        (BatchState::Failed, [0, 0, 0, 2])
    );
}

#[tokio::test]
async fn a_state_between_two_steps_of_one_transaction_is_not_seen_by_the_batch() {
    let house = House::new();
    let (batch, messages) = house
        .batch(batch_of(1, |asked| asked.category = Category::Bulk))
        .await;
    house.intends(messages[0].seq, 1).await;
    let mut steps = house.store.batch_steps();
    // Back into the line, where its time is over.
    let mut group = house.store.group();
    let receipt = group.never_left(NeverLeft {
        message: messages[0].seq,
        part: PartNumber(1),
        ticket: TICKET,
        why: "modem unplugged".into(),
        at: messages[0].expires_at,
    });
    group.submit().await;
    receipt.committed().await.unwrap();
    assert_eq!(
        house.stands(&batch).await,
        (BatchState::Failed, [0, 0, 0, 1])
    );
    let step = steps.recv().await.unwrap();
    assert_eq!(step.at, messages[0].expires_at);
    assert!(steps.try_recv().is_err());
}

#[tokio::test]
async fn a_number_that_is_named_twice_gets_one_text_and_ids_share_their_digits() {
    let house = House::new();
    let messages = [0, 1, 0].map(|digit| submission(|asked| asked.to = to(digit)));
    let rejected = vec![Rejected {
        index: 3,
        to: "nobody".into(),
        code: "invalid_phone".into(),
    }];
    let asked = BatchSubmission::new(messages.to_vec(), rejected.clone(), NOW).unwrap();
    let (batch, messages) = house.batch(asked).await;
    assert_eq!(batch.tally.total(), 2);
    assert_eq!(batch.rejected, rejected);
    assert_eq!(batch.id.as_str(), "SMS_BATCH_20231114221320000001");
    let ids: Vec<&str> = messages.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "MSG_20231114221320000001_001",
            "MSG_20231114221320000001_002"
        ]
    );
    assert!(
        messages
            .iter()
            .all(|one| one.batch == Some(batch.id.clone()))
    );
    let alone = house.accepts(|_| {}).await;
    assert_eq!(alone.id.as_str(), "MSG_20231114221320000003_001");
    assert_eq!(alone.batch, None);
    assert!(BatchSubmission::new(Vec::new(), Vec::new(), NOW).is_none());
}

#[tokio::test]
async fn canceling_a_batch_cancels_what_of_it_still_waits() {
    let house = House::new();
    let (batch, messages) = house.batch(batch_of(3, |_| {})).await;
    house.intends(messages[0].seq, 1).await;
    let cancel = || house.store.cancel_batch(batch.id.clone(), None, NOW);
    let CancelBatch::Done(view) = cancel().await.unwrap() else {
        panic!("two wait");
    };
    assert_eq!(view.state, BatchState::Processing);
    assert_eq!((view.tally.sending, view.tally.failed), (1, 2));
    assert!(matches!(cancel().await.unwrap(), CancelBatch::TooLate));
    let of_another_app = house
        .store
        .cancel_batch(batch.id.clone(), Some("other".into()), NOW)
        .await;
    assert!(matches!(of_another_app, Ok(CancelBatch::NotFound)));
    house.is_accepted(messages[0].seq, 1, 1).await;
    assert_eq!(
        house.stands(&batch).await,
        (BatchState::Completed, [0, 0, 1, 2])
    );
}

#[tokio::test]
async fn the_same_batch_twice_is_one_batch_and_one_answer() {
    let house = House::new();
    let once = || Once {
        scope: [1; 32],
        body_mac: [2; 32],
        render: std::sync::Arc::new(|view: &BatchView| Answer {
            status: 202,
            location: None,
            body: view.id.to_string(),
        }),
    };
    let accept = || house.store.accept_batch(batch_of(2, |_| {}), Some(once()));
    let Accepted::New(first) = accept().await.unwrap() else {
        panic!("new");
    };
    let Accepted::Replay(answer) = accept().await.unwrap() else {
        panic!("replay");
    };
    assert_eq!(answer.body, first.id.as_str());
    assert_eq!(house.store.unsent(), 2);
}

#[tokio::test]
async fn batches_are_listed_newest_first_and_each_app_sees_its_own() {
    let house = House::new();
    let (first, _) = house.batch(batch_of(1, |_| {})).await;
    let (second, _) = house
        .batch(batch_of(1, |asked| asked.app = "shop".into()))
        .await;
    let list = |app: Option<&str>, before| house.store.batches(app.map(Into::into), before, 1);
    let newest = list(None, None).await.unwrap();
    assert!(newest.has_more && newest.batches[0].id == second.id);
    let older = list(None, Some(newest.batches[0].seq)).await.unwrap();
    assert!(!older.has_more && older.batches[0].id == first.id);
    let shops = list(Some("shop"), None).await.unwrap();
    assert!(!shops.has_more && shops.batches[0].id == second.id);
    let hidden = house.store.batch(first.id, Some("shop".into())).await;
    assert!(hidden.unwrap().is_none());
}
