//! Verifications: each step of one is one moment, whatever comes at the same time, whenever the clock is set, whatever
//! becomes of the text.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;

use super::*;
use crate::domain::{
    Clock, Code, CountedAs, Limit, Locale, NumberLog, Profile, ProfileName, Purpose, Resend,
    VerificationId, VerificationState,
};

const TO: &str = "+8613800138000";
const HOUR: i64 = 3_600_000;

/// A store and the clock that its transactions look at.
struct Desk {
    house: House,
    now: Arc<AtomicI64>,
    failures: Limit,
    limits: Vec<Limit>,
    conversion: Conversion,
}

/// What is asked for; the test draws the code.
#[derive(Clone, Copy, Debug)]
struct Wish {
    resend: Resend,
    attempts: u8,
    seconds: u64,
}

const USUAL: Wish = Wish {
    resend: Resend::Replace,
    attempts: 5,
    seconds: 600,
};

impl Desk {
    fn new() -> Self {
        Self {
            house: House::new(),
            now: Arc::new(AtomicI64::new(NOW.0)),
            failures: Limit::new(1_000, 3600).unwrap(),
            limits: Vec::new(),
            conversion: Conversion {
                block_max: 1_000_000,
                min: 0.2,
                auto_block: false,
            },
        }
    }

    fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Clock::new(move || UnixMillis(now.load(Ordering::Relaxed)))
    }

    fn later(&self, millis: i64) {
        self.now.fetch_add(millis, Ordering::Relaxed);
    }

    fn now(&self) -> UnixMillis {
        UnixMillis(self.now.load(Ordering::Relaxed))
    }

    fn going(&self, code: &str) -> Going {
        let log = NumberLog::Code(ProfileName::V1, Purpose::Login);
        let limits = self.limits.iter().map(|limit| (log, *limit));
        let of_number = OfNumber::new(
            CountedAs::default().with(log),
            limits.collect(),
            &Destination::stored(TO).unwrap(),
            &Pepper::new(&[7; 32]),
        );
        Going {
            code: Code::typed(code),
            is_carried: true,
            text: Arc::new(|code, life| {
                submission(|asked| {
                    asked.category = Category::Otp;
                    asked.body = Body::stored(format!("Your code is {}", code.expose()));
                    asked.at = life.at;
                    asked.expires_at = life.expires_at;
                })
            }),
            counts: Counts {
                of_number,
                ..Counts::default()
            },
            conversion: self.conversion,
            payer: None,
            clock: self.clock(),
        }
    }

    fn asked(&self, wish: Wish) -> NewVerification {
        NewVerification {
            app: "default".into(),
            provider: None,
            to: Destination::stored(TO).unwrap(),
            to_raw: TO.into(),
            purpose: Purpose::Login,
            profile: ProfileName::V1,
            rules: Profile {
                ttl: Duration::from_secs(wish.seconds),
                attempts: wish.attempts,
                resend: wish.resend,
                limits: Vec::new(),
            },
            code_length: 6,
            locale: Locale::parse("en").unwrap(),
            template: None,
            last_line: None,
            client_ref: None,
            rate_keys: "{}".into(),
            tail: rand::random(),
        }
    }

    async fn tries_to_begin(&self, wish: Wish, code: &str) -> CodeSent {
        let (new, going) = (self.asked(wish), self.going(code));
        let store = &self.house.store;
        store.begin_verification(new, going, None).await.unwrap()
    }

    async fn begins(&self, wish: Wish, code: &str) -> SentCode {
        match self.tries_to_begin(wish, code).await {
            CodeSent::Done(sent) => *sent,
            other => panic!("{other:?}"),
        }
    }

    async fn sends_again(&self, id: &VerificationId, code: &str) -> CodeSent {
        let store = &self.house.store;
        let sent = store.resend_verification(id.clone(), None, self.going(code), None);
        sent.await.unwrap()
    }

    async fn checks_as(&self, which: Which, code: &str) -> Checked {
        let limit = self.failures;
        let key = LimitKey([2; 16]);
        let store = &self.house.store;
        store
            .check(
                which,
                Code::typed(code),
                Arc::new(move |_, _| Counted { key, limit }),
                self.clock(),
            )
            .await
            .unwrap()
    }

    async fn checks(&self, id: &VerificationId, code: &str) -> Checked {
        let which = Which::Id {
            id: id.clone(),
            app: None,
        };
        self.checks_as(which, code).await
    }

    async fn view(&self, id: &VerificationId) -> VerificationView {
        let found = self.house.store.verification(id.clone(), None);
        found.await.unwrap().unwrap()
    }

    /// The wall clock is set by so much, and the gateway takes notice.
    async fn is_set(&self, by: i64) {
        let booted_at = UnixMillis(NOW.0 - HOUR + by);
        let up = Duration::from_secs(3_600 + 60);
        let store = &self.house.store;
        store
            .know_clock("boot".into(), booted_at, up)
            .await
            .unwrap();
        self.later(by);
    }

    /// What waits for longer than it lives is over.
    async fn expires_texts(&self) {
        let mut group = self.house.store.group();
        let receipt = group.release_and_expire(POLICIES, self.now());
        group.submit().await;
        receipt.committed().await.unwrap();
    }
}

fn is_approved(checked: &Checked) -> bool {
    matches!(checked, Checked::Approved)
}

#[tokio::test]
async fn a_code_is_right_once_and_only_for_its_own_app() {
    let desk = Desk::new();
    let made = desk.begins(USUAL, "123456").await.verification;
    let of_other_app = Which::Id {
        id: made.id.clone(),
        app: Some("other".into()),
    };
    assert!(matches!(
        desk.checks_as(of_other_app, "123456").await,
        Checked::NotFound
    ));
    let newest = |app: &str, purpose| Which::Newest {
        app: app.into(),
        to: Destination::stored(TO).unwrap(),
        purpose,
    };
    for which in [
        newest("other", Purpose::Login),
        newest("default", Purpose::Payment),
    ] {
        assert!(matches!(
            desk.checks_as(which, "123456").await,
            Checked::NotFound
        ));
    }
    let right = newest("default", Purpose::Login);
    assert!(is_approved(&desk.checks_as(right.clone(), "123456").await));
    let Checked::Over(over) = desk.checks_as(right, "123456").await else {
        panic!("it is good twice");
    };
    assert_eq!(over.state, VerificationState::Approved);
    assert_eq!(over.verified_at, Some(NOW));
}

#[tokio::test]
async fn a_clock_that_is_set_back_neither_lengthens_the_life_of_a_code_nor_revives_one() {
    let desk = Desk::new();
    desk.is_set(0).await;
    let dead = desk.begins(USUAL, "111111").await.verification;
    desk.later(600_000);
    // Over, and nobody has looked.
    desk.is_set(-HOUR).await;
    assert!(matches!(
        desk.checks(&dead.id, "111111").await,
        Checked::Over(_)
    ));

    let desk = Desk::new();
    desk.is_set(0).await;
    let alive = desk.begins(USUAL, "222222").await.verification;
    desk.later(60_000);
    desk.is_set(-HOUR).await;
    let seen = desk.view(&alive.id).await;
    assert_eq!(seen.expires_at.0, alive.expires_at.0 - HOUR);
    assert_eq!(seen.created_at.0, alive.created_at.0 - HOUR);
    desk.later(9 * 60_000 - 1);
    assert!(matches!(
        desk.checks(&alive.id, "0").await,
        Checked::Wrong(_)
    ));
    desk.later(1);
    let Checked::Over(over) = desk.checks(&alive.id, "222222").await else {
        panic!("it lives on");
    };
    assert_eq!(over.state, VerificationState::Expired);
}

#[tokio::test]
async fn a_clock_that_is_set_forward_ends_a_code_and_the_text_with_it() {
    let desk = Desk::new();
    desk.is_set(0).await;
    let made = desk.begins(USUAL, "123456").await;
    desk.later(60_000);
    desk.is_set(HOUR).await;
    let Checked::Over(over) = desk.checks(&made.verification.id, "123456").await else {
        panic!("it lives on");
    };
    assert_eq!(over.state, VerificationState::Expired);
    assert_eq!(over.expires_at, made.verification.expires_at);
    desk.expires_texts().await;
    let text = desk.house.view(&made.message).await;
    assert_eq!(text.state, MessageState::Expired);
    assert_eq!(text.expires_at, made.message.expires_at);
}

#[tokio::test]
async fn a_text_that_did_not_go_out_in_time_is_not_counted() {
    let mut desk = Desk::new();
    desk.limits = vec![Limit::new(1, 3600).unwrap()];
    // The text waits for a modem until it is over; the verification with it, but the number may ask at once.
    let made = desk.begins(USUAL, "123456").await;
    assert_eq!(
        made.verification.resend_after,
        NOW.plus(Duration::from_secs(3600))
    );
    desk.later(600_000);
    assert!(matches!(
        desk.tries_to_begin(USUAL, "1").await,
        CodeSent::Limited(_)
    ));
    desk.expires_texts().await;
    let text = desk.house.view(&made.message).await;
    assert_eq!(text.state, MessageState::Expired);
    let seen = desk.view(&made.verification.id).await;
    assert_eq!(seen.sends[0].state, MessageState::Expired);
    assert!(seen.resend_after <= desk.now());
    let again = desk.begins(USUAL, "654321").await;
    // It counts once, not never.
    assert!(matches!(
        desk.tries_to_begin(USUAL, "1").await,
        CodeSent::Limited(_)
    ));
    desk.later(599_999);
    assert!(is_approved(
        &desk.checks(&again.verification.id, "654321").await
    ));
}

#[tokio::test]
async fn a_text_that_does_not_go_out_is_not_counted_whatever_the_clock_was_set_to() {
    let mut desk = Desk::new();
    desk.limits = vec![Limit::new(1, 86_400).unwrap()];
    desk.is_set(0).await;
    let made = desk.begins(USUAL, "123456").await;
    desk.is_set(HOUR).await;
    assert!(matches!(
        desk.tries_to_begin(USUAL, "1").await,
        CodeSent::Limited(_)
    ));
    desk.expires_texts().await;
    let seen = desk.view(&made.verification.id).await;
    assert_eq!(seen.resend_after, seen.sends[0].at);
    desk.begins(USUAL, "654321").await;
}

#[tokio::test]
async fn a_text_that_waits_is_withdrawn_when_its_code_is_good_for_nothing_any_more() {
    let desk = Desk::new();
    let first = desk.begins(USUAL, "111111").await;
    let second = desk.begins(USUAL, "222222").await;
    let state = async |sent: &SentCode| desk.house.view(&sent.message).await.state;
    assert_eq!(state(&first).await, MessageState::Canceled);
    assert_eq!(state(&second).await, MessageState::Queued);
    // What a modem has in hand stays there.
    assert!(desk.house.intends(second.message.seq, 1).await);
    let CodeSent::Done(third) = desk.sends_again(&second.verification.id, "333333").await else {
        panic!("it was not sent");
    };
    assert_eq!(state(&second).await, MessageState::Sending);
    let store = &desk.house.store;
    store
        .cancel_verification(second.verification.id.clone(), None, desk.clock())
        .await
        .unwrap();
    assert_eq!(state(&third).await, MessageState::Canceled);
}

#[tokio::test]
async fn verifications_are_closed_by_the_sweep_and_forgotten_long_after() {
    let desk = Desk::new();
    let mut made = Vec::new();
    for _ in 0..3 {
        let wish = Wish {
            resend: Resend::SameCode,
            ..USUAL
        };
        made.push(desk.begins(wish, "123456").await.verification);
    }
    let id = made[0].id.clone();
    assert!(made.iter().all(|view| view.id == id));
    let store = &desk.house.store;
    desk.later(599_999);
    assert!(!store.close_verifications(desk.now()).await.unwrap());
    assert_eq!(desk.view(&id).await.state, VerificationState::Pending);
    let sealed = || -> i64 {
        let db = rusqlite::Connection::open(desk.house.folder.path().join("cellpost.db")).unwrap();
        db.query_row("SELECT COUNT(sealed) FROM verification_code", [], |row| {
            row.get(0)
        })
        .unwrap()
    };
    assert_eq!(sealed(), 3);
    desk.later(1);
    assert!(!store.close_verifications(desk.now()).await.unwrap());
    assert_eq!(desk.view(&id).await.state, VerificationState::Expired);
    assert_eq!(sealed(), 0);
    let week = Ages {
        verifications: Duration::from_secs(7 * 86_400),
        ..ages()
    };
    desk.later(7 * 86_400_000);
    store.forget(week, desk.now()).await.unwrap();
    assert_eq!(desk.view(&id).await.id, id);
    desk.later(1);
    store.forget(week, desk.now()).await.unwrap();
    assert!(store.verification(id, None).await.unwrap().is_none());
    let codes: i64 = {
        let db = rusqlite::Connection::open(desk.house.folder.path().join("cellpost.db")).unwrap();
        db.query_row("SELECT COUNT(*) FROM verification_code", [], |row| {
            row.get(0)
        })
        .unwrap()
    };
    assert_eq!(codes, 0);
}

/// The `index`-th number of China, three to a block.
fn somebody(index: usize) -> Destination {
    let (block, last) = (index / 3, index % 3);
    Destination::stored(&format!("+86138{block:05}00{last}")).unwrap()
}

impl Desk {
    async fn tries_for(&self, to: Destination) -> CodeSent {
        let new = NewVerification {
            to,
            ..self.asked(USUAL)
        };
        let store = &self.house.store;
        store
            .begin_verification(new, self.going("123456"), None)
            .await
            .unwrap()
    }

    fn told(&self, kind: &str) -> i64 {
        let db = rusqlite::Connection::open(self.house.folder.path().join("cellpost.db")).unwrap();
        let sql = "SELECT COUNT(*) FROM occurrence WHERE kind = ?1";
        db.query_row(sql, [kind], |row| row.get(0)).unwrap()
    }
}

#[tokio::test]
async fn a_block_of_numbers_that_uses_too_few_codes_gets_none_for_an_hour() {
    let mut desk = Desk::new();
    desk.conversion.block_max = 10;
    let number = |last: usize| Destination::stored(&format!("+8613800138{last:03}")).unwrap();
    for last in 0..10 {
        let sent = desk.tries_for(number(last)).await;
        assert!(matches!(sent, CodeSent::Done(_)), "{sent:?}");
        if last == 0 {
            // One of ten: too few.
            let CodeSent::Done(sent) = sent else {
                unreachable!()
            };
            assert!(is_approved(
                &desk.checks(&sent.verification.id, "123456").await
            ));
        }
    }
    for _ in 0..2 {
        let sent = desk.tries_for(number(11)).await;
        assert!(matches!(sent, CodeSent::Held(Hold::Block)), "{sent:?}");
    }
    assert_eq!(desk.told("guard.blocked"), 1);
    // The numbers beside it are another block.
    let neighbour = Destination::stored("+8613800139000").unwrap();
    assert!(matches!(desk.tries_for(neighbour).await, CodeSent::Done(_)));
    desk.later(HOUR - 1);
    assert!(matches!(
        desk.tries_for(number(11)).await,
        CodeSent::Held(_)
    ));
    desk.later(1);
    assert!(matches!(
        desk.tries_for(number(11)).await,
        CodeSent::Done(_)
    ));
}

#[tokio::test]
async fn a_block_that_uses_its_codes_gets_as_many_as_it_wants() {
    let mut desk = Desk::new();
    desk.conversion.block_max = 10;
    for last in 0..30 {
        let to = Destination::stored(&format!("+8613800138{last:03}")).unwrap();
        let CodeSent::Done(sent) = desk.tries_for(to).await else {
            panic!("the {last}-th was refused");
        };
        if last % 4 == 0 {
            assert!(is_approved(
                &desk.checks(&sent.verification.id, "123456").await
            ));
        }
    }
    assert_eq!(desk.told("guard.blocked"), 0);
}

#[tokio::test]
async fn a_country_that_uses_too_few_codes_is_told_and_refused_only_if_the_config_says_so() {
    for auto_block in [false, true] {
        let mut desk = Desk::new();
        desk.conversion.auto_block = auto_block;
        for index in 0..50 {
            assert!(matches!(
                desk.tries_for(somebody(index)).await,
                CodeSent::Done(_)
            ));
        }
        assert_eq!(desk.told("guard.blocked"), 0);
        for index in 50..53 {
            let sent = desk.tries_for(somebody(index)).await;
            let is_held = matches!(sent, CodeSent::Held(Hold::Country));
            assert_eq!(is_held, auto_block, "{sent:?}");
        }
        assert_eq!(desk.told("guard.blocked"), 1);
        let elsewhere = Destination::stored("+12025550123").unwrap();
        assert!(matches!(desk.tries_for(elsewhere).await, CodeSent::Done(_)));
        desk.later(2 * HOUR);
        desk.house
            .store
            .close_verifications(desk.now())
            .await
            .unwrap();
        assert!(matches!(
            desk.tries_for(somebody(60)).await,
            CodeSent::Done(_)
        ));
    }
}

#[tokio::test]
async fn verifications_are_found_by_their_indexes() {
    let desk = Desk::new();
    let db = rusqlite::Connection::open(desk.house.folder.path().join("cellpost.db")).unwrap();
    for (sql, index) in [
        (
            "SELECT seq FROM verification WHERE app = 'a' AND to_number = '1' AND purpose = 'p' ORDER BY seq DESC LIMIT 1",
            "verification_of",
        ),
        (
            "SELECT seq FROM verification WHERE state = 'pending' AND expires_at <= 1 ORDER BY expires_at LIMIT 100",
            "verification_pending",
        ),
        (
            "SELECT seq FROM verification WHERE ended_at < 1 LIMIT 5",
            "verification_ended",
        ),
        (
            "SELECT COUNT(*) FROM verification WHERE block = 'b' AND created_at > 1 AND created_at <= 2",
            "verification_block",
        ),
        (
            "SELECT verification FROM verification_code WHERE message = 1",
            "verification_code_message",
        ),
    ] {
        let plan: String = db
            .query_row(&format!("EXPLAIN QUERY PLAN {sql}"), [], |row| {
                row.get("detail")
            })
            .unwrap();
        assert!(plan.contains(index), "{sql}: {plan}");
        assert!(!plan.contains("SCAN"), "{sql}: {plan}");
    }
}

/// What can happen to the codes of one number.
#[derive(Clone, Debug)]
enum Happening {
    Begin {
        resend: usize,
        attempts: u8,
        seconds: u64,
        code: u8,
    },
    /// The verification that was begun as the `of`-th, counted round.
    Again {
        of: usize,
        code: u8,
    },
    Check {
        of: usize,
        code: u8,
    },
    CheckNewest {
        code: u8,
    },
    Cancel {
        of: usize,
    },
    Pass {
        seconds: i64,
    },
    Sweep,
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let code = 0..4_u8;
    let of = 0..4_usize;
    let one = prop_oneof![
        3 => (0..3_usize, 1..4_u8, 1..60_u64, code.clone()).prop_map(
            |(resend, attempts, seconds, code)| Happening::Begin { resend, attempts, seconds, code }
        ),
        2 => (of.clone(), code.clone()).prop_map(|(of, code)| Happening::Again { of, code }),
        5 => (of.clone(), code.clone()).prop_map(|(of, code)| Happening::Check { of, code }),
        3 => code.prop_map(|code| Happening::CheckNewest { code }),
        1 => of.prop_map(|of| Happening::Cancel { of }),
        2 => (1..40_i64).prop_map(|seconds| Happening::Pass { seconds }),
        1 => Just(Happening::Sweep),
    ];
    proptest::collection::vec(one, 1..40)
}

/// The rules as one would tell them, without a database.
#[derive(Default)]
struct Naive {
    now: i64,
    made: Vec<NaiveOne>,
    failures: Vec<i64>,
}

struct NaiveOne {
    state: VerificationState,
    resend: Resend,
    attempts: u8,
    most: u8,
    life: i64,
    ends: i64,
    /// Each with its end.
    codes: Vec<(u8, i64)>,
}

const MOST_FAILURES: usize = 6;
const FAILURES_WINDOW: i64 = 100_000;

impl Naive {
    fn time_passes(&mut self) {
        for one in &mut self.made {
            if one.state == VerificationState::Pending && self.now >= one.ends {
                one.state = VerificationState::Expired;
            }
        }
    }

    fn begin(&mut self, resend: Resend, most: u8, life: i64, code: u8) -> usize {
        self.time_passes();
        let mut going_on = None;
        for (place, one) in self.made.iter_mut().enumerate().rev() {
            if one.state != VerificationState::Pending {
                continue;
            }
            if going_on.is_none() && resend != Resend::Replace && one.resend == resend {
                going_on = Some(place);
            } else {
                one.state = VerificationState::Canceled;
            }
        }
        let place = going_on.unwrap_or_else(|| {
            self.made.push(NaiveOne {
                state: VerificationState::Pending,
                resend,
                attempts: 0,
                most,
                life,
                ends: self.now + life,
                codes: Vec::new(),
            });
            self.made.len() - 1
        });
        self.send(place, code);
        place
    }

    fn send(&mut self, place: usize, code: u8) {
        let now = self.now;
        let one = &mut self.made[place];
        let living = one.codes.iter().copied().rfind(|(_, ends)| *ends > now);
        let new = match (one.resend, living) {
            (Resend::SameCode, Some(living)) => living,
            _ => (code, now + one.life),
        };
        if one.resend == Resend::Replace {
            one.codes.clear();
            one.attempts = 0;
        }
        one.codes.push(new);
        one.ends = new.1;
    }

    fn again(&mut self, place: usize, code: u8) -> bool {
        self.time_passes();
        let is_pending = self.made[place].state == VerificationState::Pending;
        if is_pending {
            self.send(place, code);
        }
        is_pending
    }

    fn check(&mut self, place: usize, code: u8) -> &'static str {
        self.time_passes();
        let now = self.now;
        let lately = self
            .failures
            .iter()
            .filter(|at| **at > now - FAILURES_WINDOW);
        if lately.count() >= MOST_FAILURES {
            return "limited";
        }
        let one = &mut self.made[place];
        if one.state != VerificationState::Pending {
            return "over";
        }
        one.attempts += 1;
        let living = one.codes.iter().filter(|(_, ends)| *ends > now);
        if living.rev().take(3).any(|(known, _)| *known == code) {
            one.state = VerificationState::Approved;
            return "approved";
        }
        self.failures.push(now);
        if one.attempts >= one.most {
            one.state = VerificationState::MaxAttemptsReached;
        }
        "wrong"
    }
}

fn digits(code: u8) -> String {
    format!("11111{code}")
}

fn word(checked: &Checked) -> &'static str {
    match checked {
        Checked::Approved => "approved",
        Checked::Wrong(_) => "wrong",
        Checked::Over(_) => "over",
        Checked::NotFound => "not found",
        Checked::Limited(_) => "limited",
        Checked::ToAsk(_) | Checked::Unavailable => "elsewhere",
    }
}

async fn lives_as_told(life: Vec<Happening>) {
    let mut desk = Desk::new();
    let window = u32::try_from(FAILURES_WINDOW / 1000).unwrap();
    desk.failures = Limit::new(u32::try_from(MOST_FAILURES).unwrap(), window).unwrap();
    let mut naive = Naive {
        now: NOW.0,
        ..Naive::default()
    };
    let mut ids: Vec<VerificationId> = Vec::new();
    for happening in life {
        let of = |of: usize| of % ids.len().max(1);
        match happening {
            Happening::Begin {
                resend,
                attempts,
                seconds,
                code,
            } => {
                let resend = Resend::ALL[resend];
                let wish = Wish {
                    resend,
                    attempts,
                    seconds,
                };
                let made = desk.begins(wish, &digits(code)).await.verification;
                let millis = i64::try_from(seconds * 1000).unwrap();
                let place = naive.begin(resend, attempts, millis, code);
                if place == ids.len() {
                    ids.push(made.id);
                } else {
                    assert_eq!(ids[place], made.id);
                }
            }
            Happening::Pass { seconds } => {
                desk.later(seconds * 1000);
                naive.now += seconds * 1000;
            }
            Happening::Sweep => {
                desk.house
                    .store
                    .close_verifications(desk.now())
                    .await
                    .unwrap();
                naive.time_passes();
            }
            _ if ids.is_empty() => {}
            Happening::Again { of: which, code } => {
                let sent = desk.sends_again(&ids[of(which)], &digits(code)).await;
                let is_sent = matches!(sent, CodeSent::Done(_));
                assert_eq!(is_sent, naive.again(of(which), code), "{sent:?}");
            }
            Happening::Check { of: which, code } => {
                let checked = desk.checks(&ids[of(which)], &digits(code)).await;
                assert_eq!(word(&checked), naive.check(of(which), code));
            }
            Happening::CheckNewest { code } => {
                let newest = Which::Newest {
                    app: "default".into(),
                    to: Destination::stored(TO).unwrap(),
                    purpose: Purpose::Login,
                };
                let checked = desk.checks_as(newest, &digits(code)).await;
                assert_eq!(word(&checked), naive.check(ids.len() - 1, code));
            }
            Happening::Cancel { of: which } => {
                let (id, clock) = (ids[of(which)].clone(), desk.clock());
                let ended = desk.house.store.cancel_verification(id, None, clock).await;
                naive.time_passes();
                let one = &mut naive.made[of(which)];
                let is_pending = one.state == VerificationState::Pending;
                assert_eq!(matches!(ended.unwrap(), Ended::Done(_)), is_pending);
                if is_pending {
                    one.state = VerificationState::Canceled;
                }
            }
        }
        naive.time_passes();
        for (id, one) in ids.iter().zip(&naive.made) {
            let view = desk.view(id).await;
            let stands = view.state.at(view.expires_at, desk.now());
            assert_eq!((stands, view.attempts), (one.state, one.attempts));
            assert!(view.attempts <= view.max_attempts);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_happens_a_verification_stands_as_the_rules_say(life in happenings()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(lives_as_told(life));
    }
}
