//! The store on a real file: one story per promise it keeps.

mod adopted;
mod attempts;
mod batches;
mod clock;
mod codes;
mod doubt;
mod forgetting;
mod inbound;
mod life;
mod limits;
mod lists;
mod numbers;
mod people;
mod recent;
mod reports;
mod wal;

use std::time::Duration;

use super::*;
use crate::domain::{
    Body, Category, Crowd, Destination, Encoding, EventKind, MessageReference, MessageSeq,
    MessageState, ModemName, Money, PartNumber, PartState, PendingCode, Policy, Priority, Report,
    RouteName, Setback, Severity, SimId, Status, UnixMillis, Via,
};

const TICKET: i64 = 11;
const POLICIES: [Policy; 5] = [
    Policy::Duplicate,
    Policy::Duplicate,
    Policy::Duplicate,
    Policy::Duplicate,
    Policy::Lose,
];
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

struct House {
    folder: tempfile::TempDir,
    store: Store,
    threads: StoreThreads,
}

impl House {
    fn new() -> Self {
        Self::in_folder(tempfile::tempdir().unwrap())
    }

    fn in_folder(folder: tempfile::TempDir) -> Self {
        let pepper = Pepper::new(&[7; 32]);
        let (store, threads) = Store::open(&folder.path().join("cellpost.db"), pepper).unwrap();
        Self {
            folder,
            store,
            threads,
        }
    }

    /// Closes the store and opens it again, as a restart does.
    fn restarted(self) -> Self {
        let Self {
            folder,
            store,
            threads,
        } = self;
        drop(store);
        threads.join();
        Self::in_folder(folder)
    }

    async fn accepts(&self, change: impl FnOnce(&mut Submission)) -> MessageView {
        match self.store.accept(submission(change), None).await.unwrap() {
            Accepted::New(view) => *view,
            other => panic!("{other:?}"),
        }
    }

    async fn view(&self, message: &MessageView) -> MessageView {
        let found = self.store.message(message.id.clone(), None).await.unwrap();
        found.expect("it was accepted")
    }

    async fn intends(&self, seq: MessageSeq, part: u8) -> bool {
        let mut group = self.store.group();
        let receipt = group.intent(intent(seq, part));
        group.submit().await;
        receipt.committed().await.unwrap()
    }

    async fn is_accepted(&self, seq: MessageSeq, part: u8, mr: u8) -> bool {
        let mut group = self.store.group();
        let receipt = group.accepted(acceptance(seq, part, mr));
        group.submit().await;
        receipt.committed().await.unwrap()
    }

    async fn is_uncertain(&self, seq: MessageSeq, next: NextTry) -> bool {
        let mut group = self.store.group();
        let receipt = group.uncertain(Uncertainty {
            message: seq,
            part: PartNumber(1),
            ticket: TICKET,
            setback: setback("timeout_uncertain"),
            closes_at: NOW.plus(Duration::from_secs(3600)),
            next,
            at: NOW,
            ask_at: None,
        });
        group.submit().await;
        receipt.committed().await.unwrap()
    }

    async fn reports(&self, mr: u8, status: u8) -> Matched {
        self.store
            .report(report(mr, status), &modem(), NOW)
            .await
            .unwrap()
    }

    async fn events(&self, message: &MessageView) -> Vec<&'static str> {
        let events = self.store.events(message.id.clone(), None).await.unwrap();
        let events = events.expect("it was accepted");
        events.iter().map(|event| event.kind.as_str()).collect()
    }
}

/// Messages of a batch with their places in the request.
fn placed(messages: &[Submission]) -> Vec<(usize, Submission)> {
    messages.iter().cloned().enumerate().collect()
}

fn submission(change: impl FnOnce(&mut Submission)) -> Submission {
    let mut submission = Submission {
        app: "default".into(),
        to: Destination::stored("+8613800138000").unwrap(),
        to_raw: "13800138000".into(),
        category: Category::Transactional,
        severity: None,
        body: Body::parse("hello").unwrap(),
        encoding: Encoding::Gsm7,
        parts: 1,
        flash: false,
        ref16: false,
        via: None,
        priority: None,
        crowd: Crowd::ANYBODY,
        client_ref: None,
        template: None,
        scheduled_at: None,
        expires_at: NOW.plus(Duration::from_secs(86_400)),
        at: NOW,
        payer: None,
        counts: Counts::default(),
        made_of: None,
    };
    change(&mut submission);
    submission
}

fn route() -> RouteName {
    RouteName::of_modem(&modem())
}

fn modem() -> ModemName {
    ModemName::parse("m1").unwrap()
}

fn sim() -> SimId {
    SimId::parse("89860000000000000001").unwrap()
}

fn intent(seq: MessageSeq, part: u8) -> Intent {
    Intent {
        message: seq,
        part: PartNumber(part),
        route: route(),
        sim: Some(sim()),
        from_number: None,
        reference: 7,
        ticket: TICKET,
        doubtful: false,
        anew: false,
        cost: Money(500),
        spent_on: None,
        at: NOW,
    }
}

fn acceptance(seq: MessageSeq, part: u8, mr: u8) -> Acceptance {
    Acceptance {
        message: seq,
        part: PartNumber(part),
        ticket: TICKET,
        route: route(),
        reference: Some(MessageReference(mr)),
        mean_send: Duration::from_millis(2_500),
        window_ends_at: Some(NOW.plus(Duration::from_secs(3600))),
        more_follow: false,
        is_unheld: false,
        whole: false,
        policy: Policy::Duplicate,
        at: NOW,
        ask_at: None,
        taken: None,
    }
}

fn setback(code: &'static str) -> Setback {
    Setback {
        blame: crate::domain::Blame::Network,
        code,
        detail: "no answer".into(),
        wait: None,
    }
}

fn report(mr: u8, status: u8) -> Report {
    Report {
        sim: sim(),
        reference: MessageReference(mr),
        recipient: "013800138000".into(),
        accepted_at: Some(NOW),
        discharged_at: Some(NOW.plus(Duration::from_secs(2))),
        status: Status(status),
    }
}

/// Who changes something.
fn somebody(action: &'static str) -> AuditEntry {
    AuditEntry {
        at: NOW,
        key: "admin".into(),
        action,
        object: String::new(),
        address: None,
    }
}

/// A year of everything.
fn ages() -> Ages {
    let year = Duration::from_secs(365 * 86_400);
    Ages {
        idempotency: year,
        inbox: year,
        bodies: year,
        messages: year,
        events: year,
        log: year,
        limits: year,
        verifications: year,
    }
}

fn again() -> NextTry {
    NextTry::At {
        at: NOW.plus(Duration::from_secs(5)),
        why: "it may have left".into(),
        counts: true,
    }
}

#[tokio::test]
async fn what_an_accept_answers_is_what_a_question_would() {
    let house = House::new();
    let accepted = [
        house.accepts(|_| {}).await,
        house.accepts(|asked| asked.category = Category::Otp).await,
        house
            .accepts(|asked| {
                asked.scheduled_at = Some(NOW.plus(Duration::from_secs(60)));
                asked.client_ref = Some("order 7".into());
                asked.parts = 3;
                asked.severity = Some(Severity::High);
                asked.priority = Some(Priority(1));
            })
            .await,
    ];
    for answered in accepted {
        let asked = house.view(&answered).await;
        let texts = (answered.text.expose(), asked.text.expose());
        assert_eq!(texts.0, texts.1);
        assert_eq!(format!("{answered:?}"), format!("{asked:?}"));
    }
}

#[tokio::test]
async fn a_message_goes_from_queued_to_delivered_and_every_step_is_on_record() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    assert!(house.intends(message.seq, 1).await);
    assert!(house.is_accepted(message.seq, 1, 64).await);
    assert_eq!(house.reports(64, 0x00).await, Matched::Part);

    let view = house.view(&message).await;
    assert_eq!(view.state, MessageState::Delivered);
    assert_eq!(view.route.as_deref(), Some("modem:m1"));
    assert_eq!((view.tries, view.sent_at), (1, Some(NOW)));
    assert_eq!(view.delivered_at, Some(NOW.plus(Duration::from_secs(2))));
    assert_eq!(
        house.events(&message).await,
        [
            "queued",
            "sending",
            "part_sent",
            "sent",
            "report",
            "delivered"
        ]
    );
    assert_eq!(house.store.unsent(), 0);
}

#[tokio::test]
async fn a_report_that_overtakes_the_answer_is_matched_when_the_reference_is_stored() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    house.intends(message.seq, 1).await;
    assert_eq!(house.reports(64, 0x00).await, Matched::Orphan);
    house.is_accepted(message.seq, 1, 64).await;
    assert_eq!(house.view(&message).await.state, MessageState::Delivered);
}

#[tokio::test]
async fn a_text_of_two_parts_is_delivered_when_both_are() {
    let house = House::new();
    let message = house.accepts(|asked| asked.parts = 2).await;
    house.intends(message.seq, 1).await;
    house.is_accepted(message.seq, 1, 1).await;
    house.reports(1, 0x00).await;
    assert_eq!(house.view(&message).await.state, MessageState::Sending);
    house.intends(message.seq, 2).await;
    house.is_accepted(message.seq, 2, 2).await;
    assert_eq!(house.view(&message).await.state, MessageState::Sent);
    house.reports(2, 0x30).await;
    assert_eq!(house.view(&message).await.state, MessageState::Sent);
    house.reports(2, 0x00).await;
    assert_eq!(house.view(&message).await.state, MessageState::Delivered);
}

#[tokio::test]
async fn what_a_status_means_for_the_message() {
    for (status, state, last_event) in [
        (0x00, MessageState::Delivered, "delivered"),
        (0x01, MessageState::Sent, "unconfirmed"),
        (0x02, MessageState::Sent, "replaced"),
        (0x20, MessageState::Sent, "report"),
        (0x41, MessageState::Undelivered, "undelivered"),
        (0x46, MessageState::Expired, "expired"),
        (0x65, MessageState::Undelivered, "undelivered"),
    ] {
        let house = House::new();
        let message = house.accepts(|_| {}).await;
        house.intends(message.seq, 1).await;
        house.is_accepted(message.seq, 1, 9).await;
        house.reports(9, status).await;
        assert_eq!(house.view(&message).await.state, state, "{status:#04x}");
        let events = house.events(&message).await;
        assert_eq!(events.last(), Some(&last_event), "{status:#04x}");
    }
}

#[tokio::test]
async fn a_duplicated_report_changes_nothing() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    house.intends(message.seq, 1).await;
    house.is_accepted(message.seq, 1, 9).await;
    house.reports(9, 0x30).await;
    assert_eq!(house.reports(9, 0x30).await, Matched::Duplicate);
    house.reports(9, 0x00).await;
    let events = house.events(&message).await;
    house.reports(9, 0x00).await;
    assert_eq!(house.events(&message).await, events);
}

#[tokio::test]
async fn a_wrapped_reference_hits_the_part_that_was_accepted_near_the_time_stamp() {
    let house = House::new();
    let (old, new) = (house.accepts(|_| {}).await, house.accepts(|_| {}).await);
    let day_ago = UnixMillis(NOW.0 - 86_400_000);
    for (message, at) in [(&old, day_ago), (&new, NOW)] {
        house.intends(message.seq, 1).await;
        let mut group = house.store.group();
        let receipt = group.accepted(Acceptance {
            at,
            ..acceptance(message.seq, 1, 64)
        });
        group.submit().await;
        receipt.committed().await.unwrap();
    }
    let late = Report {
        accepted_at: Some(day_ago),
        ..report(64, 0x00)
    };
    house.store.report(late, &modem(), NOW).await.unwrap();
    assert_eq!(house.view(&old).await.state, MessageState::Delivered);
    assert_eq!(house.view(&new).await.state, MessageState::Sent);
}

#[tokio::test]
async fn a_report_for_another_recipient_or_sim_fits_nothing() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    house.intends(message.seq, 1).await;
    house.is_accepted(message.seq, 1, 64).await;
    let stranger = Report {
        recipient: "+8613800138001".into(),
        ..report(64, 0x00)
    };
    assert_eq!(
        house.store.report(stranger, &modem(), NOW).await.unwrap(),
        Matched::Orphan
    );
    let elsewhere = Report {
        sim: SimId::parse("89860000000000000002").unwrap(),
        ..report(64, 0x00)
    };
    assert_eq!(
        house.store.report(elsewhere, &modem(), NOW).await.unwrap(),
        Matched::Orphan
    );
    assert_eq!(house.view(&message).await.state, MessageState::Sent);
}

#[tokio::test]
async fn a_canceled_message_gets_no_intent() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    let canceled = house
        .store
        .cancel(message.id.clone(), None, NOW)
        .await
        .unwrap();
    assert!(matches!(canceled, Cancel::Done(_)));
    assert!(!house.intends(message.seq, 1).await);
    assert_eq!(house.events(&message).await, ["queued", "canceled"]);
}

#[tokio::test]
async fn a_message_whose_intent_is_durable_is_not_canceled() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    house.intends(message.seq, 1).await;
    let canceled = house
        .store
        .cancel(message.id.clone(), None, NOW)
        .await
        .unwrap();
    assert!(matches!(canceled, Cancel::TooLate));
}

#[tokio::test]
async fn what_never_left_is_queued_again_and_no_try_is_charged() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    house.intends(message.seq, 1).await;
    let mut group = house.store.group();
    let receipt = group.never_left(NeverLeft {
        message: message.seq,
        part: PartNumber(1),
        ticket: TICKET,
        why: "modem unplugged".into(),
        at: NOW,
    });
    group.submit().await;
    assert!(receipt.committed().await.unwrap());
    let view = house.view(&message).await;
    assert_eq!((view.state, view.tries), (MessageState::Queued, 0));
    assert_eq!(
        house
            .store
            .line(9, Contacts::Wanted)
            .await
            .unwrap()
            .front
            .len(),
        1
    );
}

#[tokio::test]
async fn what_may_have_left_is_held_back_and_marked_before_it_goes_again() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    house.intends(message.seq, 1).await;
    assert!(house.is_uncertain(message.seq, again()).await);
    let view = house.view(&message).await;
    assert_eq!(view.state, MessageState::Queued);
    assert!(!view.may_be_duplicate, "nothing was sent again yet");
    assert_eq!(
        view.hold.map(|(code, _)| code),
        Some(PendingCode::RetryBackoff)
    );
    assert!(
        house
            .store
            .line(9, Contacts::Wanted)
            .await
            .unwrap()
            .front
            .is_empty()
    );

    let mut group = house.store.group();
    let receipt = group.release_and_expire(POLICIES, NOW.plus(Duration::from_secs(5)));
    group.submit().await;
    receipt.committed().await.unwrap();
    let front = house.store.line(9, Contacts::Wanted).await.unwrap().front;
    assert_eq!(front[0].parts, [PartState::Uncertain]);
    assert_eq!(front[0].strikes, 1);
    let mut group = house.store.group();
    let receipt = group.intent(Intent {
        doubtful: true,
        ..intent(message.seq, 1)
    });
    group.submit().await;
    assert!(receipt.committed().await.unwrap());
    assert!(house.view(&message).await.may_be_duplicate);
}

#[tokio::test]
async fn under_policy_lose_it_is_unknown_and_a_late_answer_settles_it() {
    let house = House::new();
    let message = house.accepts(|asked| asked.category = Category::Bulk).await;
    house.intends(message.seq, 1).await;
    house.is_uncertain(message.seq, NextTry::Never).await;
    assert_eq!(house.view(&message).await.state, MessageState::Unknown);
    let settlement = Settlement {
        modem: modem(),
        reference: MessageReference(65),
        at: NOW,
    };
    assert!(house.store.settle(settlement.clone()).await.unwrap());
    assert_eq!(house.view(&message).await.state, MessageState::Sent);
    assert!(!house.store.settle(settlement).await.unwrap());
    house.reports(65, 0x00).await;
    assert_eq!(house.view(&message).await.state, MessageState::Delivered);
}

#[tokio::test]
async fn a_restart_names_what_was_under_way_and_follows_the_policy() {
    for (category, state) in [
        (Category::Transactional, MessageState::Queued),
        (Category::Bulk, MessageState::Unknown),
    ] {
        let house = House::new();
        let message = house.accepts(|asked| asked.category = category).await;
        let waiting = house.accepts(|_| {}).await;
        house.intends(message.seq, 1).await;
        let house = house.restarted();
        assert_eq!(house.store.unsent(), 2);
        let decide = |in_doubt: &InDoubt| {
            let next = match in_doubt.category {
                Category::Bulk => NextTry::Never,
                _ => again(),
            };
            (next, NOW.plus(Duration::from_secs(3600)))
        };
        let recovered = house.store.recover(decide, NOW).await.unwrap();
        assert_eq!(recovered.len(), 1);
        assert_eq!(recovered[0].message, message.id);
        assert_eq!(recovered[0].route, "modem:m1");
        assert_eq!(house.view(&message).await.state, state);
        assert_eq!(house.view(&waiting).await.state, MessageState::Queued);
        let unsettled = house.store.unsettled_since("modem:m1".into()).await;
        assert_eq!(unsettled.unwrap(), Some(NOW));
    }
}

#[tokio::test]
async fn the_same_request_twice_is_one_message_and_one_answer() {
    let house = House::new();
    let once = |body_mac| Once {
        scope: [1; 32],
        body_mac,
        render: std::sync::Arc::new(|view: &MessageView| Answer {
            status: 202,
            location: None,
            body: view.id.to_string(),
        }),
        skipped: |_| panic!("no alert"),
    };
    let accept = |mac| house.store.accept(submission(|_| {}), Some(once(mac)));
    let Accepted::New(first) = accept([2; 32]).await.unwrap() else {
        panic!("new");
    };
    let Accepted::Replay(answer) = accept([2; 32]).await.unwrap() else {
        panic!("replay");
    };
    assert_eq!(answer.body, first.id.as_str());
    assert!(matches!(
        accept([3; 32]).await.unwrap(),
        Accepted::OtherBody
    ));
    let page = house.store.list(Filter::default(), 10).await.unwrap();
    assert_eq!(page.messages.len(), 1);
}

#[tokio::test]
async fn a_code_is_in_no_file_of_the_data_folder_during_or_after_its_life() {
    let house = House::new();
    let message = house
        .accepts(|asked| {
            asked.category = Category::Otp;
            asked.body = Body::parse("Your code is 918273").unwrap();
        })
        .await;
    assert_eq!(message.text.expose(), "Your code is ••••••");
    let folder = house.folder.path().to_owned();
    let holds_code = || {
        std::fs::read_dir(&folder).unwrap().any(|file| {
            let octets = std::fs::read(file.unwrap().path()).unwrap();
            octets.windows(6).any(|six| six == b"918273")
        })
    };
    assert!(!holds_code());
    house.intends(message.seq, 1).await;
    house.is_accepted(message.seq, 1, 1).await;
    let house = house.restarted();
    assert!(!holds_code());
    drop(house);
}

#[tokio::test]
async fn what_is_scheduled_waits_and_what_is_over_expires() {
    let house = House::new();
    let later = NOW.plus(Duration::from_secs(60));
    let scheduled = house
        .accepts(|asked| asked.scheduled_at = Some(later))
        .await;
    let short = house.accepts(|asked| asked.expires_at = later).await;
    assert_eq!(scheduled.state, MessageState::Scheduled);
    assert_eq!(
        house
            .store
            .line(9, Contacts::Wanted)
            .await
            .unwrap()
            .next_due,
        Some(later)
    );
    let mut group = house.store.group();
    let receipt = group.release_and_expire(POLICIES, later);
    group.submit().await;
    assert!(!receipt.committed().await.unwrap());
    assert_eq!(house.view(&scheduled).await.state, MessageState::Queued);
    let view = house.view(&short).await;
    assert_eq!(view.state, MessageState::Expired);
    assert_eq!(view.error.map(|(code, _)| code).as_deref(), Some("expired"));
}

#[tokio::test]
async fn a_list_is_stable_while_messages_arrive() {
    let house = House::new();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(house.accepts(|_| {}).await.id);
    }
    let first = house.store.list(Filter::default(), 2).await.unwrap();
    house.accepts(|_| {}).await;
    let before = first.messages.last().map(|message| message.seq);
    let filter = Filter {
        before,
        ..Filter::default()
    };
    let second = house.store.list(filter, 2).await.unwrap();
    let seen: Vec<_> = first
        .messages
        .iter()
        .chain(&second.messages)
        .map(|message| message.id.clone())
        .collect();
    ids.reverse();
    assert_eq!(seen, ids[..4]);
    assert!(second.next.is_some());
}

#[tokio::test]
async fn a_filter_finds_what_it_names() {
    let house = House::new();
    house.accepts(|_| {}).await;
    let named = house
        .accepts(|asked| {
            asked.client_ref = Some("order-1' OR 1=1 --".into());
            asked.category = Category::Bulk;
        })
        .await;
    for filter in [
        Filter {
            client_ref: Some("order-1' OR 1=1 --".into()),
            ..Filter::default()
        },
        Filter {
            category: Some(Category::Bulk),
            state: Some(MessageState::Queued),
            ..Filter::default()
        },
    ] {
        let page = house.store.list(filter, 10).await.unwrap();
        let ids: Vec<_> = page.messages.iter().map(|one| &one.id).collect();
        assert_eq!(ids, [&named.id]);
    }
}

#[tokio::test]
async fn a_job_that_fails_does_not_undo_its_neighbours() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    house.intends(message.seq, 1).await;
    let mut group = house.store.group();
    let accepted = group.accepted(acceptance(message.seq, 1, 5));
    // Already sending: this intent is refused as corrupt and rolled back alone.
    let broken = group.intent(intent(message.seq, 1));
    let nonsense = group.intent(intent(MessageSeq(999), 1));
    group.submit().await;
    assert!(accepted.committed().await.unwrap());
    assert!(!broken.committed().await.unwrap_or(false));
    assert!(nonsense.committed().await.is_err());
    assert_eq!(house.view(&message).await.state, MessageState::Sent);
}

#[tokio::test]
async fn steps_are_announced_after_their_commit() {
    let house = House::new();
    let mut steps = house.store.steps();
    let message = house.accepts(|_| {}).await;
    let step = steps.recv().await.unwrap();
    assert_eq!(step.message, message.id);
    assert_eq!(step.event.kind, EventKind::Queued);
}

#[test]
fn a_file_that_is_no_database_is_named_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cellpost.db");
    let content =
        "this is a letter, not a database, and long enough to be taken for one".repeat(20);
    std::fs::write(&path, &content).unwrap();
    let refused = Store::open(&path, Pepper::new(&[7; 32]));
    assert!(matches!(refused, Err(StoreError::NotADatabase)));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
}

#[tokio::test]
async fn what_was_handed_over_is_committed_when_the_store_has_caught_up() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    assert!(house.intends(message.seq, 1).await);
    let route = || modem().route();
    let since = house.store.unsettled_since(route()).await.unwrap();
    assert_eq!(since, Some(NOW));
    let mut group = house.store.group();
    let _receipt = group.accepted(acceptance(message.seq, 1, 1));
    group.submit().await;
    house.store.caught_up().await;
    let since = house.store.unsettled_since(route()).await.unwrap();
    assert_eq!(since, None, "nobody waited for that receipt");
}

#[tokio::test]
async fn a_crowd_that_waits_for_one_stick_does_not_hide_the_line() {
    let house = House::new();
    let via = Via::Route(route());
    for _ in 0..5 {
        house
            .accepts(|asked| {
                asked.crowd = Crowd::of_via(&via);
                asked.via = Some(via.clone());
            })
            .await;
    }
    let anybodys = house.accepts(|_| {}).await;
    let line = house.store.line(3, Contacts::Spared).await.unwrap();
    assert_eq!(
        line.front.len(),
        4,
        "three of the crowd, and the one behind it"
    );
    assert_eq!(line.front[3].seq, anybodys.seq);
    assert_eq!(line.front[0].via, Some(via.clone()));
    assert_eq!(line.more, [(Priority(2), Crowd::of_via(&via))]);
}

#[tokio::test]
async fn a_message_says_which_sim_its_recipient_was_last_reached_by() {
    let house = House::new();
    let first = house.accepts(|_| {}).await;
    let other = house
        .accepts(|asked| asked.to = Destination::stored("+8613800138001").unwrap())
        .await;
    house.intends(first.seq, 1).await;
    house.is_accepted(first.seq, 1, 5).await;
    let second = house.accepts(|_| {}).await;
    let front = house.store.line(9, Contacts::Wanted).await.unwrap().front;
    let contacts: Vec<_> = front
        .iter()
        .map(|one| (one.seq, one.contact.clone()))
        .collect();
    assert_eq!(contacts, [(other.seq, None), (second.seq, Some(sim()))]);
    let front = house.store.line(9, Contacts::Spared).await.unwrap().front;
    assert!(front.iter().all(|one| one.contact.is_none()));
}

#[tokio::test]
async fn a_price_is_what_left_and_what_did_not_is_given_back() {
    let house = House::new();
    let message = house.accepts(|asked| asked.parts = 2).await;
    house.intends(message.seq, 1).await;
    house.is_accepted(message.seq, 1, 1).await;
    house.intends(message.seq, 2).await;
    assert_eq!(house.view(&message).await.price, Some(Money(1000)));
    let mut group = house.store.group();
    let receipt = group.refused(Refusal {
        message: message.seq,
        part: PartNumber(2),
        ticket: TICKET,
        setback: setback("network_rejected"),
        next: again(),
        at: NOW,
    });
    group.submit().await;
    receipt.committed().await.unwrap();
    assert_eq!(house.view(&message).await.price, Some(Money(500)));
}

#[tokio::test]
async fn what_a_provider_took_is_counted_by_day_and_what_it_did_not_is_not() {
    let house = House::new();
    let provider = || RouteName::parse("cloud:x").unwrap();
    let asks = async |message: &MessageView, day| {
        let mut group = house.store.group();
        let receipt = group.intent(Intent {
            route: provider(),
            sim: None,
            spent_on: Some(day),
            ..intent(message.seq, 1)
        });
        group.submit().await;
        assert!(receipt.committed().await.unwrap());
    };
    let (taken, not_taken) = (
        house.accepts(|asked| asked.parts = 2).await,
        house.accepts(|_| {}).await,
    );
    asks(&taken, 20_231_114).await;
    asks(&not_taken, 20_231_115).await;
    let mut group = house.store.group();
    let accepted = group.accepted(Acceptance {
        route: provider(),
        reference: None,
        whole: true,
        ..acceptance(taken.seq, 1, 0)
    });
    let never = group.never_left(NeverLeft {
        message: not_taken.seq,
        part: PartNumber(1),
        ticket: TICKET,
        why: "no answer".into(),
        at: NOW,
    });
    group.submit().await;
    assert!(accepted.committed().await.unwrap() && never.committed().await.unwrap());
    let spent = house.store.spent(20_231_101).await.unwrap();
    assert_eq!(spent, [(20_231_114, Money(500)), (20_231_115, Money(0))]);
    assert_eq!(house.view(&taken).await.state, MessageState::Sent);
    let view = house.view(&not_taken).await;
    assert_eq!((view.state, view.price), (MessageState::Queued, None));
}

/// A text of three parts of which the first left; the second may have.
async fn half_sent(house: &House, category: Category, next: NextTry) -> MessageView {
    let message = house
        .accepts(|asked| {
            asked.category = category;
            asked.parts = 3;
        })
        .await;
    house.intends(message.seq, 1).await;
    house.is_accepted(message.seq, 1, 1).await;
    house.intends(message.seq, 2).await;
    let mut group = house.store.group();
    let receipt = group.uncertain(Uncertainty {
        message: message.seq,
        part: PartNumber(2),
        ticket: TICKET,
        setback: setback("timeout_uncertain"),
        closes_at: NOW.plus(Duration::from_secs(3600)),
        next,
        at: NOW,
        ask_at: None,
    });
    group.submit().await;
    receipt.committed().await.unwrap();
    message
}

#[tokio::test]
async fn under_policy_lose_what_did_not_leave_waits_for_its_sim_and_then_the_message_is_unknown() {
    let house = House::new();
    let message = half_sent(&house, Category::Bulk, NextTry::TheRest).await;
    let view = house.view(&message).await;
    assert_eq!(view.state, MessageState::Queued);
    let bond = view.bond.unwrap();
    assert_eq!((bond.sim, bond.has_left), (Some(sim()), true));
    let front = house.store.line(9, Contacts::Wanted).await.unwrap().front;
    let states = [PartState::Sent, PartState::Uncertain, PartState::Queued];
    assert_eq!(
        (&front[0].parts[..], front[0].crowd),
        (&states[..], Crowd::of_sim(&sim()))
    );
    house.intends(message.seq, 3).await;
    let mut group = house.store.group();
    let receipt = group.accepted(Acceptance {
        policy: Policy::Lose,
        ..acceptance(message.seq, 3, 3)
    });
    group.submit().await;
    receipt.committed().await.unwrap();
    let view = house.view(&message).await;
    assert_eq!(view.state, MessageState::Unknown);
    assert_eq!(view.closes_at, Some(NOW.plus(Duration::from_secs(3600))));
    // A late word about the second part.
    let settled = house
        .store
        .settle(Settlement {
            modem: modem(),
            reference: MessageReference(2),
            at: NOW,
        })
        .await;
    assert!(settled.unwrap());
    assert_eq!(house.view(&message).await.state, MessageState::Sent);
}

#[tokio::test]
async fn what_is_half_sent_when_its_time_is_over_says_how_much_left() {
    for (category, next, state, code, text) in [
        (
            Category::Bulk,
            NextTry::TheRest,
            MessageState::Failed,
            "incomplete",
            "1 of 3 parts left, 1 may have",
        ),
        (
            Category::Alert,
            again(),
            MessageState::Expired,
            "expired",
            "its time to live was over; 1 of 3 parts left, 1 may have",
        ),
    ] {
        let house = House::new();
        let message = half_sent(&house, category, next).await;
        let mut group = house.store.group();
        let receipt = group.release_and_expire(POLICIES, NOW.plus(Duration::from_secs(86_400)));
        group.submit().await;
        receipt.committed().await.unwrap();
        let view = house.view(&message).await;
        assert_eq!(view.state, state);
        assert_eq!(view.error, Some((code.to_owned(), text.to_owned())));
    }
}

#[tokio::test]
async fn a_part_that_was_handed_to_another_sim_than_those_before_it_does_not_leave() {
    let house = House::new();
    let message = house.accepts(|asked| asked.parts = 2).await;
    house.intends(message.seq, 1).await;
    house.is_accepted(message.seq, 1, 1).await;
    let mut group = house.store.group();
    let receipt = group.intent(Intent {
        sim: SimId::parse("89860000000000000002"),
        ..intent(message.seq, 2)
    });
    group.submit().await;
    assert!(receipt.committed().await.is_err());
    let view = house.view(&message).await;
    assert_eq!((view.tries, view.price), (1, Some(Money(500))));
}

#[tokio::test]
async fn a_late_record_of_an_earlier_try_does_not_touch_a_later_one() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    house.intends(message.seq, 1).await;
    let mut group = house.store.group();
    let stale = group.never_left(NeverLeft {
        message: message.seq,
        part: PartNumber(1),
        ticket: TICKET - 1,
        why: "of an earlier try".into(),
        at: NOW,
    });
    group.submit().await;
    assert!(!stale.committed().await.unwrap());
    assert_eq!(house.view(&message).await.state, MessageState::Sending);
    assert!(house.is_accepted(message.seq, 1, 5).await);
}

#[tokio::test]
async fn a_message_between_two_parts_that_nobody_holds_stands_in_line_again() {
    let house = House::new();
    let message = house.accepts(|asked| asked.parts = 2).await;
    house.intends(message.seq, 1).await;
    let mut group = house.store.group();
    let receipt = group.accepted(Acceptance {
        is_unheld: true,
        ..acceptance(message.seq, 1, 5)
    });
    group.submit().await;
    receipt.committed().await.unwrap();
    assert_eq!(house.view(&message).await.state, MessageState::Queued);
    let front = house.store.line(9, Contacts::Wanted).await.unwrap().front;
    assert_eq!(front[0].parts, [PartState::Sent, PartState::Queued]);
}

#[tokio::test]
async fn a_report_settles_the_part_in_doubt_that_it_can_only_be_about() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    house.intends(message.seq, 1).await;
    house.is_uncertain(message.seq, again()).await;
    assert_eq!(house.reports(77, 0x00).await, Matched::Part);
    assert_eq!(house.view(&message).await.state, MessageState::Delivered);
    assert!(!house.view(&message).await.may_be_duplicate);
}

#[tokio::test]
async fn a_kept_report_does_not_hit_a_later_part_with_the_same_reference() {
    let house = House::new();
    let day_ago = UnixMillis(NOW.0 - 86_400_000);
    let old = Report {
        accepted_at: Some(day_ago),
        ..report(64, 0x00)
    };
    let matched = house.store.report(old, &modem(), NOW).await.unwrap();
    assert_eq!(matched, Matched::Orphan);
    let message = house.accepts(|_| {}).await;
    house.intends(message.seq, 1).await;
    house.is_accepted(message.seq, 1, 64).await;
    assert_eq!(house.view(&message).await.state, MessageState::Sent);
}

#[tokio::test]
async fn a_settled_part_waits_for_its_last_report_as_long_as_any_other() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    house.intends(message.seq, 1).await;
    house.is_uncertain(message.seq, again()).await;
    assert_eq!(house.reports(77, 0x30).await, Matched::Part);
    let half_an_hour_later = NOW.plus(Duration::from_secs(1800));
    let last = house
        .store
        .report(report(77, 0x00), &modem(), half_an_hour_later)
        .await
        .unwrap();
    assert_eq!(last, Matched::Part);
    assert_eq!(house.view(&message).await.state, MessageState::Delivered);
}

#[tokio::test]
async fn questions_that_were_begun_and_not_polled_on_kept_their_seats_from_all_others() {
    use futures_util::FutureExt;
    let house = House::new();
    let ask = |_| Box::pin(house.store.mean_send(modem()));
    let mut begun: Vec<_> = (0..9).map(ask).collect();
    for question in &mut begun {
        let _ = question.as_mut().now_or_never();
    }
    let line = house.store.line(9, Contacts::Spared);
    let line = tokio::time::timeout(Duration::from_secs(10), line).await;
    assert!(
        line.is_ok(),
        "a question waits for seats that nobody sits on"
    );
}
