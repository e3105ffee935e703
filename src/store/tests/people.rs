//! Quiet hours, suppressions, and a time to live that ends on the way.

use tokio::sync::broadcast::{self, error::RecvError};

use super::*;
use crate::domain::{
    Curfew, InboundEncoding, InboundPart, Manners, PduDigest, QuietHours, Reason, Sender, TimeOfDay,
};

/// NOW is 22:13:20.
fn curfew(start: &str, end: &str) -> Manners {
    Manners {
        curfew: Curfew {
            hours: Some(QuietHours {
                start: TimeOfDay::parse(start).unwrap(),
                end: TimeOfDay::parse(end).unwrap(),
                zone: jiff::tz::TimeZone::UTC,
            }),
            categories: Curfew::CATEGORIES.to_vec(),
        },
        ..Manners::default()
    }
}

fn at(text: &str) -> UnixMillis {
    UnixMillis::parse_rfc3339(text).unwrap()
}

impl House {
    fn keeping(mut self, manners: Manners) -> Self {
        self.store = self.store.keeping(manners);
        self
    }

    async fn lets_go(&self, now: UnixMillis) -> bool {
        let mut group = self.store.group();
        let receipt = group.release_and_expire(POLICIES, now);
        group.submit().await;
        receipt.committed().await.unwrap()
    }

    /// Until there is nothing more to do; answers how many steps that took.
    async fn keeps_quiet(&self, now: UnixMillis) -> usize {
        let mut steps = 1;
        while self.store.keep_quiet(now).await.unwrap() {
            steps += 1;
        }
        steps
    }

    async fn is_suppressed(&self) -> Option<String> {
        let known = self.store.suppressions(None, 10).await.unwrap();
        known.first().map(|one| one.reason.as_str().to_owned())
    }

    async fn writes(&self, from: &str, text: &str, at: UnixMillis) {
        let mut group = self.store.group();
        let receipt = group.receive(InboundPart {
            sim: sim(),
            modem: modem(),
            to: None,
            from: Some(Sender::new(from.into())),
            encoding: InboundEncoding::Gsm7,
            text: Body::stored(text.into()),
            smsc_at: Some(at),
            place: None,
            pdu: PduDigest::of(format!("{from}{text}{at}").as_bytes()),
            at,
        });
        group.submit().await;
        receipt.committed().await.unwrap();
    }

    /// What happened, oldest first.
    fn occurrences(&self) -> Vec<(String, String)> {
        let db = rusqlite::Connection::open(self.folder.path().join("cellpost.db")).unwrap();
        let mut all = db
            .prepare("SELECT kind, detail FROM occurrence ORDER BY seq")
            .unwrap();
        let rows = all
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        rows.map(Result::unwrap).collect()
    }
}

fn bulk(submission: &mut Submission) {
    submission.category = Category::Bulk;
}

#[tokio::test]
async fn what_waits_when_quiet_hours_begin_is_scheduled_to_their_end_and_goes_back_in_line_then() {
    let house = House::new().keeping(curfew("22:30", "08:00"));
    let waits = house.accepts(bulk).await;
    let code = house.accepts(|asked| asked.category = Category::Otp).await;
    assert_eq!(waits.state, MessageState::Queued);
    let (begin, end) = (at("2023-11-14T22:30:00Z"), at("2023-11-15T08:00:00Z"));
    house.keeps_quiet(begin).await;
    let view = house.view(&waits).await;
    assert_eq!(view.state, MessageState::Scheduled);
    assert_eq!(view.hold.unwrap().0, PendingCode::QuietHours);
    assert_eq!(view.next_attempt_at, Some(end));
    assert_eq!(house.view(&code).await.state, MessageState::Queued);
    house.lets_go(end).await;
    let view = house.view(&waits).await;
    assert_eq!(
        (view.state, view.hold, view.next_attempt_at),
        (MessageState::Queued, None, None)
    );
    assert_eq!(
        house.events(&waits).await,
        ["queued", "scheduled", "queued"]
    );
}

#[tokio::test]
async fn nothing_that_must_rest_begins_in_quiet_hours_even_when_it_was_claimed_before_them() {
    let house = House::new().keeping(curfew("22:13", "08:00"));
    let mut claimed = submission(bulk);
    claimed.at = at("2023-11-14T22:12:59Z");
    let Accepted::New(claimed) = house.store.accept(claimed, None).await.unwrap() else {
        panic!("it is not quiet yet");
    };
    assert_eq!(claimed.state, MessageState::Queued);
    assert!(!house.intends(claimed.seq, 1).await);
    let view = house.view(&claimed).await;
    assert_eq!(view.state, MessageState::Scheduled);
    assert_eq!(view.next_attempt_at, Some(at("2023-11-15T08:00:00Z")));
    assert_eq!(view.tries, 0);
}

#[tokio::test]
async fn a_pause_that_ends_in_quiet_hours_ends_with_them() {
    let house = House::new().keeping(curfew("23:00", "08:00"));
    let message = house.accepts(bulk).await;
    assert!(house.intends(message.seq, 1).await);
    let mut group = house.store.group();
    let receipt = group.refused(Refusal {
        message: message.seq,
        part: PartNumber(1),
        ticket: TICKET,
        setback: setback("no_network"),
        next: NextTry::At {
            at: at("2023-11-14T23:10:00Z"),
            why: "no network".into(),
            counts: false,
        },
        at: NOW,
    });
    group.submit().await;
    receipt.committed().await.unwrap();
    house.lets_go(at("2023-11-14T23:10:00Z")).await;
    let view = house.view(&message).await;
    assert_eq!(view.state, MessageState::Scheduled);
    assert_eq!(view.next_attempt_at, Some(at("2023-11-15T08:00:00Z")));
}

#[tokio::test]
async fn other_quiet_hours_in_the_config_are_kept_by_what_rests_already() {
    let house = House::new().keeping(curfew("22:00", "08:00"));
    let resting = house.accepts(bulk).await;
    let scheduled = house
        .accepts(|asked| {
            bulk(asked);
            asked.scheduled_at = Some(at("2023-11-15T23:00:00Z"));
            asked.expires_at = at("2023-11-17T00:00:00Z");
        })
        .await;
    assert_eq!(scheduled.next_attempt_at, Some(at("2023-11-16T08:00:00Z")));
    let house = house.keeping(curfew("22:00", "06:00"));
    house.keeps_quiet(NOW).await;
    assert_eq!(
        house.view(&resting).await.next_attempt_at,
        Some(at("2023-11-15T06:00:00Z"))
    );
    assert_eq!(
        house.view(&scheduled).await.next_attempt_at,
        Some(at("2023-11-16T06:00:00Z"))
    );
    let house = house.keeping(Manners::default());
    house.keeps_quiet(NOW).await;
    assert_eq!(house.view(&resting).await.state, MessageState::Queued);
    let view = house.view(&scheduled).await;
    assert_eq!((view.state, view.hold), (MessageState::Scheduled, None));
    assert_eq!(view.next_attempt_at, Some(at("2023-11-15T23:00:00Z")));
}

/// Steps of that kind, so many of them: a busy machine was told of what it missed, too.
async fn hears(steps: &mut broadcast::Receiver<Step>, kind: EventKind, expected: u64) {
    let mut heard = 0;
    while heard < expected {
        heard += match steps.recv().await {
            Ok(step) => {
                assert_eq!(step.event.kind, kind);
                1
            }
            Err(RecvError::Lagged(missed)) => missed,
            Err(RecvError::Closed) => panic!("{heard} of {expected}"),
        };
    }
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn a_crowd_is_put_to_rest_in_small_transactions() {
    let house = House::new().keeping(curfew("22:30", "08:00"));
    let mut steps = house.store.steps();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..1_050 {
        let store = house.store.clone();
        waiting.spawn(async move { store.accept(submission(bulk), None).await.unwrap() });
    }
    waiting.join_all().await;
    // Announced after its COMMIT, and so perhaps after its answer.
    hears(&mut steps, EventKind::Queued, 1_050).await;
    assert_eq!(house.keeps_quiet(at("2023-11-14T22:30:00Z")).await, 1);
    hears(&mut steps, EventKind::Scheduled, 1_050).await;
    let line = house.store.line(10, Contacts::Spared).await.unwrap();
    assert!(line.front.is_empty());
}

#[tokio::test]
async fn a_message_accepted_before_its_number_was_suppressed_fails_at_the_hand_over() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    let code = house.accepts(|asked| asked.category = Category::Otp).await;
    let to = Destination::stored("+8613800138000").unwrap();
    house
        .store
        .suppress(to, Reason::stop(), somebody("suppression.create"))
        .await
        .unwrap();
    assert!(!house.intends(message.seq, 1).await);
    let view = house.view(&message).await;
    assert_eq!(view.state, MessageState::Failed);
    let why = "its number was suppressed (reason stop)".to_owned();
    assert_eq!(view.error, Some(("suppressed".into(), why)));
    assert_eq!(house.events(&message).await, ["queued", "failed"]);
    assert!(house.intends(code.seq, 1).await);
}

#[tokio::test]
async fn a_stop_word_suppresses_its_sender_and_a_start_word_lifts_that() {
    let house = House::new();
    let later = |seconds| NOW.plus(Duration::from_secs(seconds));
    house
        .writes("+8613800138000", "please stop", later(0))
        .await;
    assert_eq!(house.is_suppressed().await, None);
    // As a Chinese network writes a number of its own.
    house.writes("13800138000", " Stop ", later(1)).await;
    assert_eq!(house.is_suppressed().await.as_deref(), Some("stop"));
    let refused = house.store.accept(submission(|_| {}), None).await.unwrap();
    assert!(matches!(refused, Accepted::Suppressed(_)), "{refused:?}");
    house.writes("+8613800138000", "TD", later(2)).await;
    house.writes("+8613800138000", "订阅", later(3)).await;
    assert_eq!(house.is_suppressed().await, None);
    house.accepts(|_| {}).await;
    // A sender that is a name cannot be written to.
    house.writes("Bank", "STOP", later(4)).await;
    assert_eq!(house.is_suppressed().await, None);
    let happened = house.occurrences();
    let expected = [
        ("suppression.added", "stop"),
        ("suppression.removed", "stop"),
    ];
    assert_eq!(
        happened,
        expected.map(|(kind, why)| (kind.to_owned(), why.to_owned()))
    );
}

#[tokio::test]
async fn a_start_word_does_not_lift_what_somebody_else_blocked() {
    let house = House::new();
    let to = Destination::stored("+8613800138000").unwrap();
    let block = Reason::parse("block").unwrap();
    house
        .store
        .suppress(to, block, somebody("suppression.create"))
        .await
        .unwrap();
    house.writes("+8613800138000", "STOP", NOW).await;
    house.writes("+8613800138000", "START", NOW).await;
    assert_eq!(house.is_suppressed().await.as_deref(), Some("block"));
}

#[tokio::test]
async fn a_skipped_alert_leaves_a_record_and_no_message() {
    let house = House::new();
    let alert = submission(|asked| {
        asked.category = Category::Alert;
        asked.severity = Some(crate::domain::Severity::High);
    });
    let skipped = house.store.accept(alert, None).await.unwrap();
    assert!(matches!(skipped, Accepted::Skipped(_)), "{skipped:?}");
    assert_eq!(
        house.occurrences(),
        [("alert.skipped".to_owned(), "quiet_hours".to_owned())]
    );
    assert_eq!(house.store.unsent(), 0);
}

#[tokio::test]
async fn a_time_to_live_that_ends_on_the_way_ends_the_message_with_the_refusal() {
    let house = House::new();
    let message = house
        .accepts(|asked| asked.expires_at = NOW.plus(Duration::from_secs(10)))
        .await;
    assert!(house.intends(message.seq, 1).await);
    let late = NOW.plus(Duration::from_secs(11));
    let mut group = house.store.group();
    let receipt = group.refused(Refusal {
        message: message.seq,
        part: PartNumber(1),
        ticket: TICKET,
        setback: setback("no_network"),
        next: NextTry::At {
            at: NOW.plus(Duration::from_secs(10)),
            why: "no network".into(),
            counts: false,
        },
        at: late,
    });
    group.submit().await;
    receipt.committed().await.unwrap();
    let view = house.view(&message).await;
    assert_eq!(view.state, MessageState::Expired);
    assert_eq!(view.next_attempt_at, None);
    assert_eq!(
        house.events(&message).await,
        ["queued", "sending", "refused", "expired"]
    );
    assert_eq!(house.store.unsent(), 0);
}

#[tokio::test]
async fn what_rests_can_be_canceled_and_expires_in_its_time() {
    let house = House::new().keeping(curfew("22:00", "08:00"));
    let canceled = house.accepts(bulk).await;
    let short = house
        .accepts(|asked| {
            bulk(asked);
            asked.expires_at = NOW.plus(Duration::from_secs(600));
        })
        .await;
    let done = house
        .store
        .cancel(canceled.id.clone(), None, NOW)
        .await
        .unwrap();
    assert!(matches!(done, Cancel::Done(_)), "{done:?}");
    house.lets_go(NOW.plus(Duration::from_secs(600))).await;
    assert_eq!(house.view(&short).await.state, MessageState::Expired);
    assert_eq!(house.view(&canceled).await.state, MessageState::Canceled);
    house.lets_go(at("2023-11-15T08:00:00Z")).await;
    assert_eq!(house.view(&canceled).await.state, MessageState::Canceled);
}
