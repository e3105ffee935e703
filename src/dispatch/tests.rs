//! Dispatch between a real store and routes that a test plays: modems by name only, and a provider.

use std::cell::Cell;
use std::collections::VecDeque;

use jiff::tz::TimeZone;

use super::*;
use crate::domain::route::USUAL_POLICIES;
use crate::domain::{
    Blame, Body, Category, Destination, Encoding, MessageReference, MessageState, Money, Outcome,
    Patience, Pepper, Setback, Stopped, Submit, Ticket, Via,
};
use crate::store::{Accepted, Counts, MessageView, Submission};

const START: i64 = 1_700_000_000_000;
const TO: &str = "+8613800138000";
/// Never waited out when what is waited for comes.
const PATIENCE: Duration = Duration::from_secs(20);

thread_local! {
    static PASSED: Cell<i64> = const { Cell::new(0) };
}

fn clock() -> UnixMillis {
    UnixMillis(START + PASSED.get())
}

/// What dispatch says to one route.
#[derive(Debug)]
struct Wire(mpsc::UnboundedSender<Word>);

impl Carrier for Wire {
    fn say(&self, word: Word) -> Result<(), Stopped> {
        self.0.send(word).map_err(|_| Stopped)
    }
}

/// The other end: the test decides what becomes of each part.
struct Played {
    words: mpsc::UnboundedReceiver<Word>,
    prepared: VecDeque<Submit>,
    answers: mpsc::Sender<Answer>,
}

impl Played {
    /// The next part that has its go. What is withdrawn before has not left.
    async fn gone(&mut self) -> Submit {
        let gone = async {
            loop {
                match self.words.recv().await.unwrap() {
                    Word::Prepare(submit) => self.prepared.push_back(*submit),
                    Word::Go(ticket) => return self.take(ticket),
                    Word::Withdraw(ticket) => {
                        self.take(ticket);
                        self.answer(ticket, Outcome::NeverLeft(setback(Blame::Modem)))
                            .await;
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, gone)
            .await
            .expect("a part has its go")
    }

    fn take(&mut self, ticket: Ticket) -> Submit {
        let at = self.prepared.iter().position(|one| one.ticket == ticket);
        self.prepared.remove(at.unwrap()).unwrap()
    }

    async fn answer(&self, ticket: Ticket, outcome: Outcome) {
        self.answers.send(Answer { ticket, outcome }).await.unwrap();
    }

    /// The next part is taken.
    async fn accepts(&mut self) -> Submit {
        let submit = self.gone().await;
        let outcome = Outcome::Accepted {
            reference: Some(MessageReference(7)),
            took: Duration::from_millis(100),
            taken: None,
        };
        self.answer(submit.ticket, outcome).await;
        submit
    }

    async fn refuses(&mut self, blame: Blame) -> Submit {
        let submit = self.gone().await;
        self.answer(submit.ticket, Outcome::Refused(setback(blame)))
            .await;
        submit
    }

    /// The next part that is called back. It is not answered yet.
    async fn withdrawn(&mut self) -> Ticket {
        let withdrawn = async {
            loop {
                match self.words.recv().await.unwrap() {
                    Word::Prepare(submit) => self.prepared.push_back(*submit),
                    Word::Withdraw(ticket) => return ticket,
                    Word::Go(_) => panic!("it must not leave any more"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, withdrawn)
            .await
            .expect("a part is called back")
    }

    /// Nothing has its go by it: whatever was said is in the channel when something else has happened.
    fn is_idle(&mut self) -> bool {
        let mut is_idle = true;
        while let Ok(word) = self.words.try_recv() {
            match word {
                Word::Prepare(submit) => self.prepared.push_back(*submit),
                Word::Go(_) => is_idle = false,
                Word::Withdraw(_) => {}
            }
        }
        is_idle
    }
}

fn setback(blame: Blame) -> Setback {
    Setback {
        blame,
        code: match blame {
            Blame::Recipient => "invalid_destination",
            _ => "network_rejected",
        },
        detail: "as played".into(),
        wait: None,
    }
}

struct House {
    store: Store,
    bell: Bell,
    fleet: watch::Sender<FleetView>,
    wishes: mpsc::Sender<Wish>,
    loads: watch::Receiver<Vec<Load>>,
    routes: Vec<Played>,
    arrivals: mpsc::Sender<Arrival>,
    _events: mpsc::Sender<FleetEvent>,
    _folder: tempfile::TempDir,
}

/// A modem with the SIM of the same letter, and this mean send time.
fn modem(name: &str, state: ModemState, mean: u64) -> ModemStatus {
    ModemStatus {
        state,
        iccid: Some(sim_of(name)),
        mean_send: Duration::from_secs(mean),
        since: clock(),
        ..ModemStatus::absent(ModemName::parse(name).unwrap(), "/dev/null".into(), clock())
    }
}

fn sim_of(name: &str) -> String {
    format!("8986000000000000{:04}", name.as_bytes()[0])
}

use ModemState::{Absent, Ready};

/// A route, and who plays what stands behind it.
fn route(
    name: RouteName,
    answers: &mpsc::Sender<Answer>,
    patience: &Arc<Patience>,
) -> (Played, Route) {
    let is_cloud = name.as_str() == "cloud:x";
    let (sender, words) = mpsc::unbounded_channel();
    let played = Played {
        words,
        prepared: VecDeque::new(),
        answers: answers.clone(),
    };
    let route = Route {
        terms: Terms {
            ranks: [Some(u8::from(is_cloud)); 5],
            patience: Arc::clone(patience),
            ..Terms::default()
        },
        name,
        way: Way::Carrier(Box::new(Wire(sender))),
        width: WIDTH_OF_A_MODEM,
        request_report: false,
        quota: Quota {
            hour: None,
            day: None,
            month: None,
            reset_day: 1,
            zone: TimeZone::UTC,
        },
        min_interval: Duration::ZERO,
        asking: Asking {
            whether_taken: is_cloud,
            fate_after: None,
        },
    };
    (played, route)
}

impl House {
    /// Modems as they stand, and the provider `cloud:x` behind them.
    fn with(modems: Vec<ModemStatus>, budget: Option<Money>) -> Self {
        let (house, dispatch) = Self::made(modems, budget);
        tokio::spawn(dispatch.run(CancellationToken::new()));
        house
    }

    /// The same, and nobody has looked at anything yet.
    fn made(modems: Vec<ModemStatus>, budget: Option<Money>) -> (Self, Dispatch) {
        PASSED.set(0);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cellpost.db");
        let (store, _) = Store::open(&path, Pepper::new(&[7; 32])).unwrap();
        let names = modems
            .iter()
            .map(|modem| RouteName::of_modem(&modem.name))
            .chain([RouteName::parse("cloud:x").unwrap()]);
        let (answers_in, answers) = mpsc::channel(64);
        let (mut played, mut routes) = (Vec::new(), Vec::new());
        let patience = Arc::new(Patience::default());
        for name in names {
            let (one, route) = route(name, &answers_in, &patience);
            played.push(one);
            routes.push(route);
        }
        let (fleet, view) = watch::channel(FleetView::from(modems));
        let (events, event_receiver) = mpsc::channel(8);
        let (wishes, wish_receiver) = mpsc::channel(8);
        let (arrivals, arrival_receiver) = mpsc::channel(8);
        let (news, _) = mpsc::channel(8);
        let bell = Bell::default();
        let settings = Settings {
            policies: USUAL_POLICIES,
            max_attempts: 3,
            report_timeout: Duration::from_secs(3600),
            clock: Clock::new(clock),
            curfew: Curfew::default(),
            askable: vec![RouteName::parse("cloud:x").unwrap()],
        };
        let budget = Budget {
            daily: budget,
            monthly: None,
            zone: TimeZone::UTC,
        };
        let wires = Wires {
            bell: bell.clone(),
            fleet: view,
            events: event_receiver,
            answers,
            wishes: wish_receiver,
            arrivals: arrival_receiver,
            news,
            questions: Arc::default(),
        };
        let (dispatch, loads) =
            Dispatch::new(store.clone(), settings, routes, (budget, Vec::new()), wires);
        let house = Self {
            store,
            bell,
            fleet,
            wishes,
            loads,
            routes: played,
            arrivals,
            _events: events,
            _folder: folder,
        };
        (house, dispatch)
    }

    async fn send(&self, change: impl FnOnce(&mut Submission)) -> MessageView {
        let mut submission = Submission {
            app: "default".into(),
            to: Destination::stored(TO).unwrap(),
            to_raw: TO.into(),
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
            expires_at: clock().plus(Duration::from_secs(86_400)),
            at: clock(),
            payer: None,
            counts: Counts::default(),
            made_of: None,
        };
        change(&mut submission);
        let accepted = self.store.accept(submission, None).await.unwrap();
        self.bell.ring();
        match accepted {
            Accepted::New(view) => *view,
            other => panic!("{other:?}"),
        }
    }

    async fn code(&self) -> MessageView {
        self.send(|asked| asked.category = Category::Otp).await
    }

    async fn view(&self, message: &MessageView) -> MessageView {
        let found = self.store.message(message.id.clone(), None).await.unwrap();
        found.unwrap()
    }

    async fn until(
        &self,
        message: &MessageView,
        is_so: impl Fn(&MessageView) -> bool,
    ) -> MessageView {
        let started = std::time::Instant::now();
        loop {
            let view = self.view(message).await;
            if is_so(&view) {
                return view;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "it did not come to pass: {view:?}"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn becomes(&self, message: &MessageView, state: MessageState) -> MessageView {
        self.until(message, |view| view.state == state).await
    }

    /// Both clocks move, and dispatch looks.
    async fn passes(&self, seconds: u64) {
        PASSED.set(PASSED.get() + i64::try_from(seconds * 1000).unwrap());
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        tokio::time::resume();
    }

    fn pending(&self, view: &MessageView) -> &'static str {
        let (fleet, loads) = (self.fleet.borrow().clone(), self.loads.borrow().clone());
        pending(view, &fleet, &loads, clock())
            .unwrap()
            .code
            .as_str()
    }
}

#[tokio::test]
async fn a_code_goes_by_the_provider_when_no_modem_is_ready_and_a_text_when_its_time_is_up() {
    let mut house = House::with(vec![modem("a", Absent, 1)], None);
    let text = house.send(|_| {}).await;
    let code = house.code().await;
    let submit = house.routes[1].accepts().await;
    assert!(submit.body.expose().contains("hello"));
    let sent = house.becomes(&code, MessageState::Sent).await;
    assert_eq!(sent.route.as_deref(), Some("cloud:x"));
    assert!(house.routes[1].is_idle());
    let waiting = house.view(&text).await;
    assert_eq!(waiting.state, MessageState::Queued);
    assert_eq!(house.pending(&waiting), "no_modem");
    house.passes(600).await;
    house.routes[1].accepts().await;
    house.becomes(&text, MessageState::Sent).await;
}

#[tokio::test]
async fn a_code_goes_by_the_provider_when_it_would_wait_too_long_for_the_modem() {
    let mut house = House::with(vec![modem("a", Ready, 16)], None);
    let code = house.code().await;
    house.routes[1].accepts().await;
    house.becomes(&code, MessageState::Sent).await;
    assert!(house.routes[0].is_idle());
}

#[tokio::test]
async fn what_a_modem_refuses_is_given_to_the_next_candidate() {
    let mut house = House::with(vec![modem("a", Ready, 1)], None);
    let text = house.send(|_| {}).await;
    house.routes[0].refuses(Blame::Network).await;
    let held = house.until(&text, |view| view.hold.is_some()).await;
    assert_eq!(house.pending(&held), "retry_backoff");
    assert_eq!(held.price, None, "what was refused has cost nothing");
    house.passes(6).await;
    house.routes[1].accepts().await;
    let sent = house.becomes(&text, MessageState::Sent).await;
    assert_eq!(sent.route.as_deref(), Some("cloud:x"));
    assert_eq!(sent.price, Some(Money(500)));
}

#[tokio::test]
async fn a_number_that_a_modem_cannot_reach_ends_a_text_and_sends_a_code_to_the_provider() {
    let mut house = House::with(vec![modem("a", Ready, 1), modem("b", Ready, 1)], None);
    let text = house.send(|_| {}).await;
    house.routes[0].refuses(Blame::Recipient).await;
    house.becomes(&text, MessageState::Failed).await;
    let code = house.code().await;
    house.routes[0].refuses(Blame::Recipient).await;
    house.routes[2].accepts().await;
    house.becomes(&code, MessageState::Sent).await;
    assert!(house.routes[1].is_idle());
}

#[tokio::test]
async fn the_queue_of_a_modem_that_dies_is_taken_over_and_what_was_in_flight_goes_again() {
    let mut house = House::with(vec![modem("a", Ready, 1)], None);
    let first = house.code().await;
    let in_flight = house.routes[0].gone().await;
    let second = house.code().await;
    house
        .loads
        .wait_for(|loads| (loads[0].sending, loads[0].queue) == (1, 1))
        .await
        .unwrap();
    house.fleet.send_replace([modem("a", Absent, 1)].into());
    let behind = house.routes[0].withdrawn().await;
    let never = Outcome::NeverLeft(setback(Blame::Modem));
    house.routes[0].answer(behind, never).await;
    let lost = Outcome::Uncertain(setback(Blame::Modem));
    house.routes[0].answer(in_flight.ticket, lost).await;
    house.routes[1].accepts().await;
    house.becomes(&second, MessageState::Sent).await;
    house.until(&first, |view| view.hold.is_some()).await;
    house.passes(6).await;
    house.routes[1].accepts().await;
    let sent = house.becomes(&first, MessageState::Sent).await;
    assert!(sent.may_be_duplicate);
    assert_eq!(sent.price, Some(Money(1000)), "both tries may have left");
}

#[tokio::test]
async fn a_conversation_stays_with_the_sim_that_the_recipient_knows() {
    let mut house = House::with(vec![modem("a", Ready, 1), modem("b", Ready, 1)], None);
    let first = house.send(|asked| asked.via = Via::parse("b")).await;
    house.routes[1].accepts().await;
    house.becomes(&first, MessageState::Sent).await;
    let second = house.send(|_| {}).await;
    house.routes[1].accepts().await;
    house.becomes(&second, MessageState::Sent).await;
    let stranger = house
        .send(|asked| asked.to = Destination::stored("+8613800138001").unwrap())
        .await;
    house.routes[0].accepts().await;
    house.becomes(&stranger, MessageState::Sent).await;
}

#[tokio::test]
async fn a_route_that_fails_three_times_is_left_alone_and_one_message_probes_it() {
    let mut house = House::with(vec![modem("a", Ready, 1)], None);
    let bulk = |asked: &mut Submission| asked.category = Category::Bulk;
    let mut messages = Vec::new();
    for _ in 0..5 {
        messages.push(house.send(bulk).await);
    }
    for message in &messages[..3] {
        house.routes[0].refuses(Blame::Network).await;
        house.until(message, |view| view.hold.is_some()).await;
    }
    let waits = |view: &MessageView| house.pending(view) == "route_cooldown";
    let waiting = house.until(&messages[3], waits).await;
    assert_eq!(waiting.strikes + waiting.setbacks, 0);
    house.passes(31).await;
    // The oldest is let go again by then; one of the five is the probe, and it is alone.
    let probe = house.routes[0].gone().await;
    assert!(house.routes[0].is_idle() && house.routes[0].prepared.is_empty());
    let taken = Outcome::Accepted {
        reference: Some(MessageReference(1)),
        took: Duration::from_millis(100),
        taken: None,
    };
    house.routes[0].answer(probe.ticket, taken).await;
    for _ in 0..4 {
        house.routes[0].accepts().await;
    }
    for message in &messages {
        house.becomes(message, MessageState::Sent).await;
    }
}

/// A text that came before the first look at the routes was refused as one that no route can ever send.
#[tokio::test]
async fn a_route_is_not_left_alone_because_our_own_word_came_too_late() {
    let mut house = House::with(vec![modem("a", Ready, 1)], None);
    let message = house.send(|_| {}).await;
    for _ in 0..4 {
        let submit = house.routes[0].gone().await;
        let late = Outcome::NeverLeft(setback(Blame::House));
        house.routes[0].answer(submit.ticket, late).await;
    }
    house.routes[0].accepts().await;
    house.becomes(&message, MessageState::Sent).await;
}

#[tokio::test]
async fn what_becomes_due_between_the_look_and_the_sleep_is_not_slept_over() {
    let (house, mut dispatch) = House::made(vec![modem("a", Ready, 1)], None);
    dispatch.fill().await;
    assert_eq!(dispatch.sleeps_until(), None);
    dispatch.look_again_at = Some(clock().plus(Duration::from_secs(1)));
    house.passes(2).await;
    let sleeps_until = dispatch.sleeps_until();
    assert!(sleeps_until.is_some_and(|until| until <= Instant::now()));
}

#[tokio::test]
async fn every_route_is_known_before_dispatch_has_looked_at_anything() {
    let house = House::with(Vec::new(), Some(Money(500)));
    let loads = house.loads.borrow().clone();
    assert_eq!(loads.len(), 1);
    assert_eq!(loads[0].route.as_str(), "cloud:x");
    assert_eq!(loads[0].allowance.unwrap().left, Money(500));
}

#[tokio::test]
async fn the_missing_part_of_a_text_follows_its_sim_into_another_modem() {
    let mut house = House::with(vec![modem("a", Ready, 1), modem("b", Ready, 1)], None);
    let long = Body::parse(&"x".repeat(300)).unwrap();
    let text = house
        .send(|asked| {
            asked.body = long;
            asked.parts = 2;
        })
        .await;
    let first = house.routes[0].gone().await;
    // The sticks change their SIMs while the first part is in the air.
    let swapped = [
        ModemStatus {
            iccid: Some(sim_of("b")),
            ..modem("a", Ready, 1)
        },
        ModemStatus {
            iccid: Some(sim_of("a")),
            ..modem("b", Ready, 1)
        },
    ];
    house.fleet.send_replace(swapped.into());
    let second = house.routes[0].withdrawn().await;
    let never = Outcome::NeverLeft(setback(Blame::Modem));
    house.routes[0].answer(second, never).await;
    let taken = Outcome::Accepted {
        reference: Some(MessageReference(1)),
        took: Duration::from_millis(100),
        taken: None,
    };
    house.routes[0].answer(first.ticket, taken).await;
    let second = house.routes[1].accepts().await;
    assert_eq!((second.part.0, second.reference), (2, first.reference));
    let sent = house.becomes(&text, MessageState::Sent).await;
    assert_eq!(sent.route.as_deref(), Some("modem:b"));
    assert!(!sent.may_be_duplicate);
}

#[tokio::test]
async fn under_policy_lose_the_parts_that_did_not_leave_still_do_and_then_nobody_knows() {
    let mut house = House::with(vec![modem("a", Ready, 1), modem("b", Ready, 1)], None);
    let long = Body::parse(&"x".repeat(450)).unwrap();
    let text = house
        .send(|asked| {
            asked.category = Category::Bulk;
            asked.body = long;
            asked.parts = 3;
        })
        .await;
    house.routes[0].accepts().await;
    let second = house.routes[0].gone().await;
    assert_eq!(second.part.0, 2);
    let lost = Outcome::Uncertain(setback(Blame::Modem));
    house.routes[0].answer(second.ticket, lost).await;
    // It rests a moment after a fault.
    let third = house.routes[0].accepts().await;
    assert_eq!((third.part.0, third.reference), (3, second.reference));
    let unknown = house.becomes(&text, MessageState::Unknown).await;
    assert_eq!(unknown.price, Some(Money(1500)));
    assert!(house.routes[1].is_idle());
}

#[tokio::test]
async fn a_provider_takes_a_text_whole_and_is_asked_no_more_when_the_budget_is_used_up() {
    let mut house = House::with(vec![modem("a", Absent, 1)], Some(Money(1400)));
    let long = Body::parse(&"x".repeat(300)).unwrap();
    let text = house
        .send(|asked| {
            asked.category = Category::Otp;
            asked.body = long.clone();
            asked.parts = 2;
        })
        .await;
    let submit = house.routes[1].accepts().await;
    assert_eq!((submit.part.0, submit.body.expose().len()), (1, 300));
    let sent = house.becomes(&text, MessageState::Sent).await;
    assert_eq!((sent.price, sent.tries), (Some(Money(1000)), 1));
    let waits = house
        .send(|asked| {
            asked.category = Category::Otp;
            asked.body = long;
            asked.parts = 2;
        })
        .await;
    house
        .until(&waits, |view| house.pending(view) == "no_modem")
        .await;
    assert!(house.routes[1].is_idle());
    assert_eq!(
        house.store.spent(20_231_114).await.unwrap(),
        [(20_231_114, Money(1000))]
    );
    // The next day begins.
    house.passes(86_300).await;
    house.routes[1].accepts().await;
    house.becomes(&waits, MessageState::Sent).await;
}

#[tokio::test]
async fn a_crowd_that_waits_for_one_modem_does_not_hide_the_rest_of_the_line() {
    let mut house = House::with(vec![modem("a", Absent, 1), modem("b", Ready, 1)], None);
    let via = Via::parse("a").unwrap();
    for _ in 0..100 {
        house
            .send(|asked| {
                asked.crowd = Crowd::of_via(&via);
                asked.via = Some(via.clone());
            })
            .await;
    }
    let text = house.send(|_| {}).await;
    house.routes[1].accepts().await;
    house.becomes(&text, MessageState::Sent).await;
}

#[tokio::test]
async fn a_modem_that_is_taken_on_while_it_runs_is_sent_by_until_it_is_let_go() {
    let mut house = House::with(vec![modem("a", Absent, 1)], None);
    let name = RouteName::parse("modem:b").unwrap();
    let answers = house.routes[0].answers.clone();
    for _ in 0..2 {
        let both = vec![modem("a", Absent, 1), modem("b", Ready, 1)];
        house.fleet.send(FleetView::from(both)).unwrap();
        let (mut played, route) = route(name.clone(), &answers, &Arc::default());
        let comes = Arrival::Comes(Box::new(route));
        house.arrivals.send(comes).await.unwrap();
        let message = house.send(|_| {}).await;
        played.accepts().await;
        house.becomes(&message, MessageState::Sent).await;
        assert_eq!(house.loads.borrow().len(), 3);

        let (rests, rested) = oneshot::channel();
        let goes = Arrival::Goes(ModemName::parse("b").unwrap(), Parting::ForGood, rests);
        house.arrivals.send(goes).await.unwrap();
        assert!(rested.await.is_err(), "nothing of it is in flight");
        let alone = vec![modem("a", Absent, 1)];
        house.fleet.send(FleetView::from(alone)).unwrap();
        let loads = house.loads.wait_for(|loads| loads.len() == 2);
        assert!(loads.await.is_ok());
        assert!(played.is_idle());
    }
}

#[tokio::test]
async fn a_modem_that_begins_anew_is_absent_meanwhile_and_then_as_people_want_it() {
    let both = || vec![modem("a", Absent, 1), modem("b", Ready, 1)];
    let mut house = House::with(both(), None);
    let name = RouteName::parse("modem:b").unwrap();
    let answers = house.routes[0].answers.clone();
    let weighs = |weight| Wish::Route {
        route: RouteName::parse("modem:b").unwrap(),
        change: Change {
            enabled: None,
            weight: Some(weight),
        },
    };
    let weight_of_b = |loads: &Vec<Load>| {
        let b = loads.iter().find(|load| load.route.name() == "b");
        b.map(|load| load.terms.weight)
    };
    house.wishes.send(weighs(7)).await.unwrap();
    for weight in [8, 9] {
        let (rests, rested) = oneshot::channel();
        let modem = ModemName::parse("b").unwrap();
        let goes = Arrival::Goes(modem.clone(), Parting::ToBeginAnew, rests);
        house.arrivals.send(goes).await.unwrap();
        assert!(rested.await.is_err(), "nothing of it is in flight");
        let is_known = |loads: &Vec<Load>| weight_of_b(loads) == Some(weight - 1);
        house.loads.wait_for(is_known).await.unwrap();
        let text = house
            .send(|asked| asked.via = Some(Via::Route(RouteName::of_modem(&modem))))
            .await;
        assert!(house.routes[1].is_idle());
        // What is wanted while it is away is wanted, too.
        house.wishes.send(weighs(weight)).await.unwrap();
        let is_wanted = |loads: &Vec<Load>| weight_of_b(loads) == Some(weight);
        house.loads.wait_for(is_wanted).await.unwrap();
        let (mut played, route) = route(name.clone(), &answers, &Arc::default());
        let comes = Arrival::Comes(Box::new(route));
        house.arrivals.send(comes).await.unwrap();
        played.accepts().await;
        house.becomes(&text, MessageState::Sent).await;
        let loads = house.loads.borrow().clone();
        assert_eq!(weight_of_b(&loads), Some(weight));
        house.routes[1] = played;
    }
}

#[tokio::test]
async fn a_route_that_is_switched_off_is_given_nothing_until_it_is_switched_on() {
    let mut house = House::with(vec![modem("a", Ready, 1)], None);
    let switch = |enabled| Wish::Route {
        route: RouteName::parse("modem:a").unwrap(),
        change: Change {
            enabled: Some(enabled),
            weight: None,
        },
    };
    house.wishes.send(switch(false)).await.unwrap();
    let is_off = |loads: &Vec<Load>| loads.first().is_some_and(|load| !load.terms.enabled);
    house.loads.wait_for(is_off).await.unwrap();
    let text = house.send(|asked| asked.category = Category::Bulk).await;
    house
        .until(&text, |view| house.pending(view) == "route_paused")
        .await;
    assert!(house.routes[0].is_idle());
    house.wishes.send(switch(true)).await.unwrap();
    house.routes[0].accepts().await;
    house.becomes(&text, MessageState::Sent).await;
}
