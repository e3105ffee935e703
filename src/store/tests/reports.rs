//! Which part a status report is about (semantics §2), one case each.

use super::*;

const MINUTE: i64 = 60_000;

impl House {
    /// A text to `to`, accepted by the network at `at` with this reference.
    async fn sent_to(&self, to: &str, mr: u8, at: i64) -> MessageView {
        let to = Destination::stored(to).unwrap();
        let message = self.accepts(|asked| asked.to = to.clone()).await;
        self.tries(message.seq, at).await;
        let mut group = self.store.group();
        let receipt = group.accepted(Acceptance {
            at: UnixMillis(at),
            window_ends_at: Some(UnixMillis(at + 72 * 60 * MINUTE)),
            ..acceptance(message.seq, 1, mr)
        });
        group.submit().await;
        receipt.committed().await.unwrap();
        message
    }

    async fn sent(&self, mr: u8, at: i64) -> MessageView {
        self.sent_to("+8613800138000", mr, at).await
    }

    async fn tries(&self, seq: MessageSeq, at: i64) {
        let mut group = self.store.group();
        let receipt = group.intent(Intent {
            at: UnixMillis(at),
            ..intent(seq, 1)
        });
        group.submit().await;
        assert!(receipt.committed().await.unwrap());
    }

    /// A text that may have left at `at`, and is not sent again.
    async fn in_doubt(&self, at: i64) -> MessageView {
        let message = self.accepts(|_| {}).await;
        self.tries(message.seq, at).await;
        self.is_uncertain(message.seq, NextTry::Never).await;
        message
    }

    /// A report of success, stamped `stamp`, that comes at `at`.
    async fn told(&self, mr: u8, recipient: &str, stamp: Option<i64>, at: i64) -> Matched {
        let report = Report {
            recipient: recipient.into(),
            accepted_at: stamp.map(UnixMillis),
            ..report(mr, 0x00)
        };
        let matched = self.store.report(report, &modem(), UnixMillis(at)).await;
        matched.unwrap()
    }

    pub(super) async fn state(&self, message: &MessageView) -> MessageState {
        self.view(message).await.state
    }
}

#[tokio::test]
async fn the_national_form_of_a_number_is_the_same_recipient() {
    let house = House::new();
    let message = house.sent(64, NOW.0).await;
    let matched = house.told(64, "013800138000", Some(NOW.0), NOW.0).await;
    assert_eq!(matched, Matched::Part);
    assert_eq!(house.state(&message).await, MessageState::Delivered);
}

#[tokio::test]
async fn of_a_short_number_all_digits_count() {
    let house = House::new();
    let message = house.sent_to("10086", 64, NOW.0).await;
    for stranger in ["+8610086", "110086", "0086", ""] {
        let matched = house.told(64, stranger, Some(NOW.0), NOW.0).await;
        assert_eq!(matched, Matched::Orphan, "{stranger}");
    }
    house.told(64, "10086", Some(NOW.0), NOW.0).await;
    assert_eq!(house.state(&message).await, MessageState::Delivered);
}

#[tokio::test]
async fn a_report_after_the_window_fits_nothing() {
    let house = House::new();
    let message = house.sent(64, NOW.0).await;
    let last = NOW.0 + 72 * 60 * MINUTE;
    let recipient = "+8613800138000";
    let matched = house.told(64, recipient, Some(NOW.0), last + 1).await;
    assert_eq!(matched, Matched::Orphan);
    assert_eq!(house.state(&message).await, MessageState::Sent);
    assert_eq!(
        house.told(64, recipient, Some(NOW.0), last).await,
        Matched::Part
    );
}

#[tokio::test]
async fn without_a_stamp_that_is_near_the_newest_part_is_meant() {
    let recipient = "+8613800138000";
    // No stamp; one that is of a clock set wrong.
    for stamp in [None, Some(NOW.0 - 11 * MINUTE - 3_600_000)] {
        let house = House::new();
        let old = house.sent(64, NOW.0 - 3_600_000).await;
        let new = house.sent(64, NOW.0).await;
        house.told(64, recipient, stamp, NOW.0).await;
        assert_eq!(house.state(&old).await, MessageState::Sent, "{stamp:?}");
        assert_eq!(house.state(&new).await, MessageState::Delivered);
    }
}

#[tokio::test]
async fn after_256_texts_to_one_number_each_report_still_finds_its_own() {
    let house = House::new();
    // One text a minute: the reference of the first comes back with the 257th.
    let first = house.sent(7, NOW.0).await;
    let second = house.sent(7, NOW.0 + 256 * MINUTE).await;
    let recipient = "+8613800138000";
    let at = NOW.0 + 257 * MINUTE;
    house
        .told(7, recipient, Some(NOW.0 + 256 * MINUTE), at)
        .await;
    assert_eq!(house.state(&first).await, MessageState::Sent);
    assert_eq!(house.state(&second).await, MessageState::Delivered);
    house.told(7, recipient, Some(NOW.0 + 1_000), at).await;
    assert_eq!(house.state(&first).await, MessageState::Delivered);
}

#[tokio::test]
async fn a_report_is_matched_after_a_restart() {
    let house = House::new();
    let message = house.sent(64, NOW.0).await;
    let house = house.restarted();
    house
        .told(64, "+8613800138000", Some(NOW.0), NOW.0 + MINUTE)
        .await;
    assert_eq!(house.state(&message).await, MessageState::Delivered);
}

#[tokio::test]
async fn a_report_that_overtakes_the_answer_over_a_restart_is_matched_with_it() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    house.tries(message.seq, NOW.0).await;
    let matched = house.told(64, "+8613800138000", Some(NOW.0), NOW.0).await;
    assert_eq!(matched, Matched::Orphan);
    house.is_accepted(message.seq, 1, 64).await;
    assert_eq!(house.state(&message).await, MessageState::Delivered);
}

#[tokio::test]
async fn a_report_settles_a_part_in_doubt_only_near_its_try() {
    // TP-SCTS within −2 … +10 minutes of the try.
    for (offset, settles) in [
        (-2 * MINUTE, true),
        (-2 * MINUTE - 1, false),
        (10 * MINUTE, true),
        (10 * MINUTE + 1, false),
    ] {
        let house = House::new();
        let message = house.in_doubt(NOW.0).await;
        let stamp = Some(NOW.0 + offset);
        house.told(64, "+8613800138000", stamp, NOW.0).await;
        let settled = house.state(&message).await == MessageState::Delivered;
        assert_eq!(settled, settles, "{offset}");
    }
}

#[tokio::test]
async fn a_report_for_one_of_two_parts_in_doubt_settles_neither() {
    let house = House::new();
    let one = house.in_doubt(NOW.0).await;
    let two = house.in_doubt(NOW.0).await;
    let matched = house.told(64, "+8613800138000", Some(NOW.0), NOW.0).await;
    assert_eq!(matched, Matched::Orphan);
    for message in [one, two] {
        assert_eq!(house.state(&message).await, MessageState::Unknown);
    }
}

#[tokio::test]
async fn a_part_in_doubt_has_the_reference_behind_the_last_one_told() {
    let recipient = "+8613800138000";
    let house = House::new();
    house.sent_to("+8613800138099", 255, NOW.0).await;
    let message = house.in_doubt(NOW.0).await;
    // A report of another text to the same phone, which has had its last word.
    let matched = house.told(255, recipient, Some(NOW.0), NOW.0).await;
    assert_eq!(matched, Matched::Orphan);
    assert_eq!(house.state(&message).await, MessageState::Unknown);
    // Later texts do not change which one it has.
    house.sent_to("+8613800138099", 1, NOW.0).await;
    let matched = house.told(0, recipient, Some(NOW.0), NOW.0).await;
    assert_eq!(matched, Matched::Part);
    assert_eq!(house.state(&message).await, MessageState::Delivered);
}

#[tokio::test]
async fn a_repeated_last_report_does_not_settle_the_next_text_to_that_number() {
    let recipient = "+8613800138000";
    let house = House::new();
    let delivered = house.sent(64, NOW.0).await;
    house.told(64, recipient, Some(NOW.0), NOW.0).await;
    let next = house.in_doubt(NOW.0 + MINUTE).await;
    house.told(64, recipient, Some(NOW.0), NOW.0 + MINUTE).await;
    assert_eq!(house.state(&delivered).await, MessageState::Delivered);
    assert_eq!(house.state(&next).await, MessageState::Unknown);
}

#[tokio::test]
async fn a_report_kept_for_an_hour_is_forgotten() {
    let house = House::new();
    let message = house.accepts(|_| {}).await;
    house.tries(message.seq, NOW.0).await;
    house.told(64, "+8613800138000", Some(NOW.0), NOW.0).await;
    let hour_later = UnixMillis(NOW.0 + 60 * MINUTE + 1);
    house.store.forget(ages(), hour_later).await.unwrap();
    house.is_accepted(message.seq, 1, 64).await;
    assert_eq!(house.state(&message).await, MessageState::Sent);
}

#[tokio::test]
async fn one_part_that_failed_is_enough_and_what_comes_after_changes_nothing() {
    let house = House::new();
    let message = house.accepts(|asked| asked.parts = 2).await;
    for part in [1, 2] {
        house.intends(message.seq, part).await;
        house.is_accepted(message.seq, part, part).await;
    }
    house.reports(1, 0x41).await;
    assert_eq!(house.state(&message).await, MessageState::Undelivered);
    house.reports(2, 0x00).await;
    assert_eq!(house.state(&message).await, MessageState::Undelivered);
}

#[tokio::test]
async fn a_text_of_which_one_part_is_unconfirmed_is_final_when_the_other_is_delivered() {
    let house = House::new();
    let message = house.accepts(|asked| asked.parts = 2).await;
    for part in [1, 2] {
        house.intends(message.seq, part).await;
        house.is_accepted(message.seq, part, part).await;
    }
    house.reports(1, 0x01).await;
    assert!(!house.events(&message).await.contains(&"unconfirmed"));
    house.reports(2, 0x00).await;
    let events = house.events(&message).await;
    assert_eq!(events.last(), Some(&"unconfirmed"));
    assert_eq!(house.state(&message).await, MessageState::Sent);
}

#[tokio::test]
async fn a_service_centre_that_still_tries_says_nothing_final() {
    for status in [0x20, 0x30, 0x3F, 0x80, 0xFF] {
        let house = House::new();
        let message = house.sent(9, NOW.0).await;
        house.reports(9, status).await;
        assert_eq!(house.state(&message).await, MessageState::Sent);
        house.reports(9, 0x00).await;
        let state = house.state(&message).await;
        assert_eq!(state, MessageState::Delivered, "{status:#04x}");
    }
}
