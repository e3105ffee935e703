//! **Session**: what to say to one modem next, driven by its octets, by orders and by time.
//!
//! (listen) → wake → set up → ready ⇄ sending, checking; until the port is lost, the modem falls silent or
//! the gateway stops. While a result is pending nothing is written. It never sends a PDU without a go.
//!
//! Contract: **one input, then drain.** After [`Session::handle`], call [`Session::poll`] until it returns
//! `None`; then wait for the next input or for [`Session::deadline`].

mod news;
mod orders;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::receive::{self, Receiving, Urgency};
use super::setup::{self, Next, Setup, Step};
use super::submit::{End, Flight, Move, Part, Then, never_left};
use super::wake::{self, Wake};
use super::{ModemEvent, ModemSettings, Order, Outcome};
use crate::at::chat::{self, Chat, Refusal};
use crate::at::information::Domain;
use crate::domain::{Blame, ModemState, ModemStatus, Setback, UnixMillis};

/// Everything that can happen to a session.
#[derive(Debug)]
pub(super) enum Input<'a> {
    Octets(&'a [u8]),
    Order(Order),
    /// The deadline that [`Session::deadline`] announced has come.
    Deadline,
    /// The port is lost.
    Gone,
    /// The gateway stops: nothing new is begun.
    Stop,
}

/// Everything a session can ask for or announce.
#[derive(Debug)]
pub(super) enum Output {
    Write(Vec<u8>),
    /// What is known of the modem has changed. `since` is for the publisher to fill in.
    Status(Box<ModemStatus>),
    Event(ModemEvent),
    /// The last output: the session is over, and every part of it is answered.
    Depart(Departure),
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Departure {
    PortLost,
    Silent,
    /// It cannot be used as it is: the reason, for a person.
    Unfit(&'static str),
    Stopped,
}

#[derive(Debug)]
pub(super) struct Session {
    settings: ModemSettings,
    chat: Chat,
    setup: Setup,
    status: ModemStatus,
    told: Option<ModemStatus>,
    activity: Activity,
    /// Where the setup stands; `None`: the modem is ready.
    setting_up: Option<Step>,
    /// The step that was not answered; asked once more, then it counts as refused.
    missed: Option<Step>,
    /// Where to begin again as soon as nothing is in flight.
    begin_again: Option<Step>,
    /// Prepared, not begun.
    waiting: VecDeque<Part>,
    /// A try may still be answered: a `+CMGS` that nobody claims is its reference.
    ghost: bool,
    unsettled: Option<Instant>,
    /// Whether an unsettled try of the session before is none any more.
    settled: bool,
    check_due: Instant,
    receiving: Receiving,
    /// The line was used for a part last.
    sent_last: bool,
    /// What was delivered directly before the SIM was known.
    early: Vec<Direct>,
    writes: VecDeque<Vec<u8>>,
    events: VecDeque<ModemEvent>,
    departure: Option<Departure>,
}

/// What the line is used for at this moment.
#[derive(Debug)]
enum Activity {
    /// Nothing is written: the result of a try from before may still come.
    Listening {
        until: Instant,
    },
    /// `again` has its CMGS line written once more when the modem is awake.
    Waking {
        wake: Wake,
        again: Option<Flight>,
    },
    Asking(Step),
    Pausing {
        until: Instant,
        step: Step,
    },
    Sending(Flight),
    /// An errand of [`Receiving`].
    Receiving,
    Idle,
    Over,
}

/// Delivered directly: not stored by the modem.
#[derive(Debug)]
enum Direct {
    Report(Vec<u8>),
    Text(Vec<u8>),
}

/// One part in flight and one prepared behind it.
const PARTS_UNDER_WAY: usize = 2;

/// behaviour §9.2.
const CHECK_EVERY: Duration = Duration::from_secs(60);
const CHECK_PUT_OFF_AT_MOST: Duration = Duration::from_secs(300);

/// More than a SIM stores can not have waited for us.
const MOST_EARLY: usize = 50;

impl Session {
    pub(super) fn new(settings: ModemSettings, now: Instant) -> Self {
        let mut status = ModemStatus::absent(
            settings.name.clone(),
            settings.device.display().to_string(),
            UnixMillis::default(),
        );
        status.state = ModemState::Starting;
        status.mean_send = settings.mean_send;
        let mut session = Self {
            chat: Chat::new(settings.command_timeout),
            setup: Setup::new(settings.smsc.clone()),
            status,
            told: None,
            activity: Activity::Idle,
            setting_up: Some(Step::FIRST),
            missed: None,
            begin_again: None,
            waiting: VecDeque::new(),
            ghost: settings.listen_first.is_some(),
            unsettled: None,
            settled: false,
            check_due: now + CHECK_EVERY,
            receiving: Receiving::new(settings.delete_from_sim, now),
            sent_last: false,
            early: Vec::new(),
            writes: VecDeque::new(),
            events: VecDeque::new(),
            departure: None,
            settings,
        };
        match session.settings.listen_first {
            Some(listen) => {
                session.activity = Activity::Listening {
                    until: now + listen,
                };
            }
            None => session.awaken(now, Wake::at_start(now), None),
        }
        session
    }

    pub(super) fn handle(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Octets(octets) => self.read(now, octets),
            Input::Order(Order::Prepare(submit)) => self.prepare(now, &submit),
            Input::Order(Order::Go(ticket)) => self.go(now, ticket),
            Input::Order(Order::Withdraw(ticket)) => self.withdraw(now, ticket),
            Input::Order(Order::Kept(pdu)) => self.keep(now, pdu),
            Input::Deadline => self.expire(now),
            Input::Gone => self.end(now, Departure::PortLost),
            Input::Stop => self.end(now, Departure::Stopped),
        }
        self.converse(now);
    }

    /// What is written comes first: the next part's line must not wait for anybody.
    pub(super) fn poll(&mut self) -> Option<Output> {
        if let Some(octets) = self.writes.pop_front() {
            return Some(Output::Write(octets));
        }
        if self.told.as_ref() != Some(&self.status) {
            self.told = Some(self.status.clone());
            return Some(Output::Status(Box::new(self.status.clone())));
        }
        if let Some(event) = self.events.pop_front() {
            return Some(Output::Event(event));
        }
        self.departure.take().map(Output::Depart)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let own = match &self.activity {
            Activity::Listening { until } | Activity::Pausing { until, .. } => Some(*until),
            Activity::Waking { wake, .. } => wake.deadline(),
            Activity::Sending(flight) => flight.deadline(),
            Activity::Idle => [Some(self.check_due), self.receiving.due()]
                .into_iter()
                .flatten()
                .min(),
            Activity::Asking(_) | Activity::Receiving | Activity::Over => None,
        };
        [own, self.chat.deadline()].into_iter().flatten().min()
    }

    /// When Ctrl-Z was written of the one try whose result may still come. `before`: that of the session before.
    pub(super) fn unsettled(&self, before: Option<Instant>) -> Option<Instant> {
        self.unsettled.or(before.filter(|_| !self.settled))
    }

    pub(super) fn mean_send(&self) -> Duration {
        self.status.mean_send
    }

    /// Octet by octet, because what is written in between decides whose the next line is.
    fn read(&mut self, now: Instant, octets: &[u8]) {
        for octet in octets {
            self.chat
                .handle(now, chat::Input::Octets(std::slice::from_ref(octet)));
            self.converse(now);
        }
    }

    fn converse(&mut self, now: Instant) {
        while let Some(output) = self.chat.poll() {
            match output {
                chat::Output::Write(octets) => self.writes.push_back(octets),
                chat::Output::Prompt => self.on_prompt(now),
                chat::Output::Finished(answer) => self.on_answer(now, answer),
                chat::Output::Unsolicited(urc) => self.on_urc(now, urc),
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        self.chat.handle(now, chat::Input::Deadline);
        self.converse(now);
        match &mut self.activity {
            Activity::Listening { until } if *until <= now => {
                self.awaken(now, Wake::at_start(now), None);
            }
            Activity::Pausing { until, step } if *until <= now => {
                let step = *step;
                self.ask(now, step);
            }
            Activity::Waking { wake, .. } => {
                let step = wake.on_deadline(now);
                self.take_wake(now, step);
            }
            Activity::Sending(flight) => {
                let step = flight.on_deadline(now);
                self.take(now, step);
            }
            Activity::Idle => self.proceed(now),
            _ => {}
        }
    }

    fn on_prompt(&mut self, now: Instant) {
        match &mut self.activity {
            Activity::Sending(flight) => {
                let step = flight.on_prompt(now);
                self.take(now, step);
            }
            Activity::Waking { wake, .. } => {
                let step = wake.on_prompt(now);
                self.take_wake(now, step);
            }
            _ => {}
        }
    }

    fn on_answer(&mut self, now: Instant, answer: setup::Answer) {
        match &mut self.activity {
            Activity::Sending(flight) => {
                let step = flight.on_answer(now, answer);
                self.take(now, step);
            }
            Activity::Waking { wake, .. } => {
                let step = wake.on_answer(now, answer.map(|_| ()));
                self.take_wake(now, step);
            }
            Activity::Asking(step) => {
                let step = *step;
                self.on_step_answered(now, step, &answer);
            }
            Activity::Receiving => {
                let after = self.receiving.on_answer(now, answer);
                self.tell_received();
                match after {
                    receive::After::Proceed => self.proceed(now),
                    receive::After::Awaken => self.awaken(now, Wake::after_silence(now), None),
                }
            }
            _ => {}
        }
    }

    fn on_step_answered(&mut self, now: Instant, step: Step, answer: &setup::Answer) {
        let missed = self.missed.take();
        if *answer == Err(Refusal::Silent) && missed != Some(step) {
            self.missed = Some(step);
            let wake = match self.setting_up {
                Some(_) => Wake::after_silence(now),
                None => Wake::after_missed_check(now),
            };
            return self.awaken(now, wake, None);
        }
        if step == Step::ResultsInWords && answer.is_ok() {
            self.chat.results_are_words();
        }
        match self.setting_up {
            Some(_) => {
                let next = self.setup.after(now, step, answer, &mut self.status);
                self.follow(now, next);
            }
            None => self.on_checked(now, step, answer),
        }
    }

    fn take(&mut self, now: Instant, step: Move) {
        match step {
            Move::Stay => {}
            Move::Fly { hex } => {
                let patience = self.settings.send_timeout;
                self.chat.handle(now, chat::Input::Text { hex, patience });
            }
            Move::Answer(outcome) => {
                if let Activity::Sending(flight) = &self.activity {
                    let ticket = flight.ticket();
                    self.answer(ticket, outcome);
                }
            }
            Move::OpenAgain => {
                if let Activity::Sending(flight) =
                    std::mem::replace(&mut self.activity, Activity::Idle)
                {
                    self.awaken(now, Wake::after_silence(now), Some(flight));
                }
            }
            Move::Over(outcome, then) => {
                if let Activity::Sending(flight) =
                    std::mem::replace(&mut self.activity, Activity::Idle)
                {
                    self.land(&flight, outcome, then);
                    self.after_flight(now, then);
                }
            }
        }
    }

    fn land(&mut self, flight: &Flight, outcome: Option<Outcome>, then: Then) {
        let Some(outcome) = outcome else {
            return;
        };
        match &outcome {
            Outcome::Accepted { took, .. } => {
                // EWMA with weight 1/8.
                self.status.mean_send = self.status.mean_send * 7 / 8 + *took / 8;
            }
            // Without a result one may still come.
            Outcome::Uncertain(_) if then != Then::Next => {
                self.unsettled = flight.flown_at();
                self.ghost = true;
            }
            Outcome::Refused(setback) | Outcome::NeverLeft(setback) if then == Then::Next => {
                self.begin_again = remedy(setback).or(self.begin_again);
            }
            Outcome::Refused(_) | Outcome::NeverLeft(_) | Outcome::Uncertain(_) => {}
        }
        self.answer(flight.ticket(), outcome);
    }

    fn after_flight(&mut self, now: Instant, then: Then) {
        match then {
            Then::Next => self.proceed(now),
            Then::LeavePrompt => self.awaken(now, Wake::after_prompt(now), None),
            Then::Awaken => self.awaken(now, Wake::after_silence(now), None),
            Then::Depart => self.end(now, Departure::Silent),
        }
    }

    fn awaken(&mut self, now: Instant, wake: Wake, again: Option<Flight>) {
        self.chat.handle(now, chat::Input::Escape);
        self.activity = Activity::Waking { wake, again };
        self.converse(now);
    }

    fn take_wake(&mut self, now: Instant, step: wake::Step) {
        match step {
            wake::Step::Wait => {}
            wake::Step::Ask(command) => self.chat.handle(now, chat::Input::Submit(command)),
            wake::Step::Escape => self.chat.handle(now, chat::Input::Escape),
            wake::Step::Deaf => self.end(now, Departure::Silent),
            wake::Step::Awake => {
                // What comes from now on belongs to what is asked from now on.
                self.settle();
                let Activity::Waking { again, .. } =
                    std::mem::replace(&mut self.activity, Activity::Idle)
                else {
                    return;
                };
                match again {
                    Some(flight) => self.launch(now, flight),
                    None => self.proceed(now),
                }
            }
        }
    }

    /// The line is free: what is most urgent goes first.
    fn proceed(&mut self, now: Instant) {
        self.activity = Activity::Idle;
        if let Some(step) = self.begin_again.take() {
            self.start_over(step);
        }
        if let Some(step) = self.setting_up {
            return self.ask(now, step);
        }
        if now >= self.check_due + CHECK_PUT_OFF_AT_MOST {
            return self.ask(now, Step::Signal);
        }
        let receives_first = match self.receiving.urgency(now) {
            Urgency::GoesFirst => true,
            Urgency::TakesTurns => self.sent_last,
            Urgency::CanWait => false,
        };
        if receives_first && self.receive(now) {
            return;
        }
        match self.waiting.pop_front() {
            Some(part) => self.launch(now, Flight::new(part)),
            None if now >= self.check_due => self.ask(now, Step::Signal),
            None => {
                self.receive(now);
            }
        }
    }

    /// Does the next errand of receiving; `false` when there is none.
    fn receive(&mut self, now: Instant) -> bool {
        self.sent_last = false;
        let Some(command) = self.receiving.next(now) else {
            return false;
        };
        self.activity = Activity::Receiving;
        self.chat.handle(now, chat::Input::Submit(command));
        true
    }

    fn start_over(&mut self, step: Step) {
        self.setting_up = Some(step);
        self.status.state = match step {
            Step::NETWORK => ModemState::Registering,
            _ => ModemState::Starting,
        };
        self.refuse_waiting();
    }

    fn launch(&mut self, now: Instant, flight: Flight) {
        let command = flight.command();
        self.sent_last = true;
        self.activity = Activity::Sending(flight);
        self.chat.handle(now, chat::Input::Submit(command));
    }

    fn ask(&mut self, now: Instant, step: Step) {
        self.activity = Activity::Asking(step);
        if self.setting_up.is_some() {
            self.setting_up = Some(step);
        }
        let command = self.setup.command(step);
        self.chat.handle(now, chat::Input::Submit(command));
    }

    fn follow(&mut self, now: Instant, next: Next) {
        match next {
            Next::Ask(step) => {
                self.setting_up = Some(step);
                self.tell_early();
                self.ask(now, step);
            }
            Next::AskAfter(pause, step) => {
                self.setting_up = Some(step);
                let until = now + pause;
                self.activity = Activity::Pausing { until, step };
            }
            Next::Ready => {
                self.setting_up = None;
                self.check_due = now + CHECK_EVERY;
                self.receiving.begin(now);
                // What it asks is due now, and waits for the next deadline: a part that waits for this modem goes first.
                self.activity = Activity::Idle;
            }
            Next::Unfit(why) => self.end(now, Departure::Unfit(why)),
        }
    }

    /// The check of a modem at rest: signal, then registration.
    fn on_checked(&mut self, now: Instant, step: Step, answer: &setup::Answer) {
        self.check_due = now + CHECK_EVERY;
        match step {
            Step::Signal => {
                setup::note_signal(answer, &mut self.status);
                self.ask(now, Step::Registration);
            }
            Step::Registration => match setup::usable_registration(answer, Domain::Circuit) {
                Some(registration) => {
                    setup::note_registration(registration, &mut self.status);
                    self.proceed(now);
                }
                None => self.ask(now, Step::LteRegistration),
            },
            _ => {
                match setup::usable_registration(answer, Domain::Lte) {
                    Some(registration) => {
                        setup::note_registration(registration, &mut self.status);
                    }
                    None => self.begin_again = Some(Step::NETWORK),
                }
                self.proceed(now);
            }
        }
    }

    fn end(&mut self, now: Instant, departure: Departure) {
        let end = match departure {
            Departure::PortLost => End::PortLost,
            Departure::Silent | Departure::Unfit(_) => End::Silent,
            Departure::Stopped => End::Stopped,
        };
        match std::mem::replace(&mut self.activity, Activity::Over) {
            Activity::Over => return,
            Activity::Sending(flight) => self.end_flight(now, &flight, end),
            Activity::Waking {
                again: Some(flight),
                ..
            } => self.answer(flight.ticket(), never_left(end.words())),
            _ => {}
        }
        while let Some(part) = self.waiting.pop_front() {
            self.answer(part.ticket, never_left(end.words()));
        }
        self.departure = Some(departure);
    }

    fn end_flight(&mut self, now: Instant, flight: &Flight, end: End) {
        if end == End::Stopped && flight.flown_at().is_none() {
            self.chat.handle(now, chat::Input::Escape);
        }
        if let Some(outcome) = flight.on_end(now, self.chat.information(), end) {
            self.land(flight, Some(outcome), Then::Depart);
        }
    }
}

/// Where to begin again after an answer that says something of the modem.
fn remedy(setback: &Setback) -> Option<Step> {
    match setback.code {
        "sim_missing" | "sim_locked" => Some(Step::SIM),
        "no_network" => Some(Step::NETWORK),
        _ if setback.blame == Blame::Modem => Some(Step::MESSAGES),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
