//! **Session**: what to say to one modem next, driven by its octets, by orders and by time.
//!
//! (listen) → wake → (remedy) → set up → ready ⇄ sending, checking; until the port is lost, the modem falls
//! silent or the gateway stops. While a result is pending nothing is written. It never sends a PDU without a go.
//!
//! Contract: **one input, then drain.** After [`Session::handle`], call [`Session::poll`] until it returns
//! `None`; then wait for the next input or for [`Session::deadline`].

mod asking;
mod checking;
mod news;
mod orders;
mod sending;
mod waking;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::calls::Calls;
use super::inquiries::Inquiries;
use super::profile::Profile;
use super::question::{Question, Reply};
use super::receive::{self, Receiving, Urgency};
use super::recovery::Rung;
use super::remedy::Remedy;
use super::setup::{self, Next, Setup, Step};
use super::submit::{End, Flight, Part, never_left};
use super::unlock::Lock;
use super::ussd::Asker;
use super::wake::Wake;
use super::{Control, ModemEvent, ModemSettings, Order, RecoveryOutcome, RecoveryStep};
use crate::at::chat::{self, Chat, Refusal};
use crate::at::command::Command;
use crate::domain::{ModemState, ModemStatus, UnixMillis};
use sending::{Burst, Troubles};

/// Everything that can happen to a session.
#[derive(Debug)]
pub(super) enum Input<'a> {
    Octets(&'a [u8]),
    Order(Order),
    /// Somebody asks something; answered by [`Output::Told`] with the same number, once.
    Asked(Asker, Question),
    /// The answer to [`Output::Claim`].
    Claimed(bool),
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
    /// Whether the PIN may be entered: remembered for ever before it is answered with yes.
    Claim(Lock),
    /// The PIN was right.
    Opened(Lock),
    /// The one answer to [`Input::Asked`].
    Told(Asker, Reply),
    /// The last output: the session is over, and every part of it is answered.
    Depart(Departure),
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Departure {
    PortLost,
    Silent,
    /// It answers, but does not work: less than this rung is of no use.
    Sick(&'static str, Rung),
    /// It was told to start anew.
    Restarting,
    /// It cannot be used as it is: the reason, for a person.
    Unfit(&'static str),
    Stopped,
}

/// How a session begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Entry {
    Usual,
    /// The device has just appeared, or was told to start anew: by this rung, if by any.
    Booting(Option<Rung>),
    /// This rung is tried first.
    Treated(Rung),
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
    inquiries: Inquiries,
    calls: Calls,
    /// The line was used for a part last.
    sent_last: bool,
    /// What was delivered directly before the SIM was known.
    early: Vec<Direct>,
    /// Checks since the announcements were last compared.
    checks: u8,
    /// What is said to the modem once it is awake, before it is set up.
    remedy: Option<Remedy>,
    /// The rung this session began with, until the modem is ready.
    treated: Option<Rung>,
    /// What the status showed before the modem fell silent.
    before_silence: Option<(ModemState, Option<String>)>,
    restart_wanted: bool,
    /// It has just been started: it may take this long to answer.
    boots_within: Option<Duration>,
    /// It said that it had lost the network since it was last asked.
    was_unregistered: bool,
    burst: Option<Burst>,
    troubles: Troubles,
    ready_since: Option<Instant>,
    /// The modem wants a pause between a result and the next line.
    free_at: Instant,
    deferred: Option<Command>,
    writes: VecDeque<Vec<u8>>,
    events: VecDeque<ModemEvent>,
    words: VecDeque<Output>,
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
    /// Whether the PIN may be entered is asked of the house.
    Claiming {
        until: Instant,
    },
    /// A rung of the ladder; `until`: the pause behind its last line.
    Treating {
        remedy: Remedy,
        rest: Duration,
        until: Option<Instant>,
    },
    /// `+CMMS=2` is asked for in the middle of a burst.
    Linking,
    Sending(Flight),
    /// An errand of [`Receiving`].
    Receiving,
    /// A line of [`Inquiries`]; `back`: the pause in the setup that it was said in.
    Inquiring {
        back: Option<(Instant, Step)>,
    },
    /// A line of [`Calls`].
    HangingUp,
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

/// A house that cannot remember within this time does not say yes.
const CLAIM_PATIENCE: Duration = Duration::from_secs(15);

impl Session {
    pub(super) fn new(settings: ModemSettings, entry: Entry, now: Instant) -> Self {
        let mut status = ModemStatus::absent(
            settings.name.clone(),
            settings.device.display().to_string(),
            UnixMillis::default(),
        );
        status.state = ModemState::Starting;
        status.mean_send = settings.mean_send;
        let mut session = Self {
            chat: Chat::new(settings.command_timeout),
            setup: Setup::new(&settings),
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
            inquiries: Inquiries::default(),
            calls: Calls::new(settings.hang_up),
            sent_last: false,
            early: Vec::new(),
            checks: 0,
            remedy: None,
            treated: None,
            before_silence: None,
            restart_wanted: false,
            boots_within: None,
            was_unregistered: false,
            burst: None,
            troubles: Troubles::default(),
            ready_since: None,
            free_at: now,
            deferred: None,
            writes: VecDeque::new(),
            events: VecDeque::new(),
            words: VecDeque::new(),
            departure: None,
            settings,
        };
        session.enter(now, entry);
        session
    }

    fn enter(&mut self, now: Instant, entry: Entry) {
        match entry {
            Entry::Usual => {}
            Entry::Booting(rung) => self.treated = rung,
            Entry::Treated(rung) => {
                self.treated = Some(rung);
                let remedy = Remedy::new(rung, self.setup.profile());
                self.remedy = Some(remedy).filter(|remedy| !remedy.is_empty());
            }
        }
        if self.treated.is_some() {
            self.status.state = ModemState::Recovering;
        }
        if matches!(entry, Entry::Booting(_)) {
            self.boots_within = Some(self.setup.profile().boots_within());
        }
        match self.settings.listen_first {
            Some(listen) => {
                self.activity = Activity::Listening {
                    until: now + listen,
                };
            }
            // A modem that is deaf gets its remedy all the same: it is not asked for long.
            None if self.remedy.is_some() => self.awaken(now, Wake::after_silence(now), None),
            None => self.awaken(now, self.first_wake(now), None),
        }
    }

    fn first_wake(&self, now: Instant) -> Wake {
        match self.boots_within {
            Some(patience) => Wake::after_boot(now, patience),
            None => Wake::at_start(now),
        }
    }

    pub(super) fn handle(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Octets(octets) => self.read(now, octets),
            Input::Order(Order::Prepare(submit)) => self.prepare(now, &submit),
            Input::Order(Order::Go(ticket)) => self.go(now, ticket),
            Input::Order(Order::Withdraw(ticket)) => self.withdraw(now, ticket),
            Input::Order(Order::Kept(pdu)) => self.keep(now, pdu),
            Input::Order(Order::Control(Control::Restart)) => self.restart(now),
            // Of a pause only those who give and publish need to know.
            Input::Order(Order::Control(Control::Pause | Control::Resume)) => {}
            // The actor keeps whom to tell, and hands on the question.
            Input::Order(Order::Inquire(_)) => {}
            Input::Asked(asker, question) => self.asked(now, asker, question),
            Input::Claimed(may) => self.on_claimed(now, may),
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
        if let Some(word) = self.words.pop_front() {
            return Some(word);
        }
        if let Some((asker, reply)) = self.inquiries.poll() {
            return Some(Output::Told(asker, reply));
        }
        self.departure.take().map(Output::Depart)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let own = match &self.activity {
            Activity::Listening { until }
            | Activity::Pausing { until, .. }
            | Activity::Claiming { until } => Some(*until),
            Activity::Treating { until, .. } => *until,
            Activity::Waking { wake, .. } => wake.deadline(),
            Activity::Sending(flight) => flight.deadline(),
            Activity::Idle => self.next_errand_due(),
            Activity::Asking(_)
            | Activity::Linking
            | Activity::Receiving
            | Activity::Inquiring { .. }
            | Activity::HangingUp
            | Activity::Over => None,
        };
        let deferred = self.deferred.as_ref().map(|_| self.free_at);
        let asked = self.inquiries.deadline(!self.waiting.is_empty());
        [own, deferred, asked, self.chat.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// What the modem was last taken for.
    pub(super) fn profile(&self) -> Arc<Profile> {
        Arc::clone(self.setup.profile())
    }

    /// Since when it has been ready, if it ever was.
    pub(super) fn ready_since(&self) -> Option<Instant> {
        self.ready_since
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
        self.inquiries.expire(now, !self.waiting.is_empty());
        self.give_back_behind_line(now);
        self.chat.handle(now, chat::Input::Deadline);
        self.converse(now);
        if self.free_at <= now
            && let Some(command) = self.deferred.take()
        {
            return self.chat.handle(now, chat::Input::Submit(command));
        }
        match &mut self.activity {
            Activity::Listening { until } if *until <= now => {
                self.awaken(now, self.first_wake(now), None);
            }
            Activity::Claiming { until } if *until <= now => self.on_claimed(now, false),
            Activity::Treating {
                until: Some(until), ..
            } if *until <= now => self.treat(now),
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
        self.free_at = now + self.setup.gap();
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
            Activity::Linking => self.on_linked(now, &answer),
            Activity::Inquiring { back } => {
                let back = *back;
                self.on_inquired(now, back, &answer);
            }
            Activity::HangingUp => self.on_hung_up(now, &answer),
            Activity::Treating { rest, until, .. } => {
                *until = Some(now + *rest);
                if rest.is_zero() {
                    self.treat(now);
                }
            }
            _ => {}
        }
    }

    /// One line to the modem; after the pause that it may want.
    fn say(&mut self, now: Instant, command: Command) {
        match now < self.free_at {
            true => self.deferred = Some(command),
            false => self.chat.handle(now, chat::Input::Submit(command)),
        }
    }

    fn on_step_answered(&mut self, now: Instant, step: Step, answer: &setup::Answer) {
        let missed = self.missed.take();
        // A PIN is never written twice.
        let may_ask_again = missed != Some(step) && step != Step::Pin;
        // An OK alone may be that of a line before, or of another program on the port: the answer then comes with the
        // next OK, and so would all that follow.
        let is_out_of_step =
            step.is_about_identity() && matches!(answer, Ok(lines) if lines.is_empty());
        if (*answer == Err(Refusal::Silent) || is_out_of_step) && may_ask_again {
            self.missed = Some(step);
            let wake = match self.setting_up {
                Some(_) => Wake::after_silence(now),
                None => Wake::after_missed_check(now),
            };
            self.fell_silent(step.words());
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

    /// The line is free: what is most urgent goes first.
    fn proceed(&mut self, now: Instant) {
        self.activity = Activity::Idle;
        if self.restart_wanted {
            return self.restart(now);
        }
        if let Some((why, least)) = self.troubles.sick() {
            return self.end(now, Departure::Sick(why, least));
        }
        if let Some(step) = self.begin_again.take() {
            self.start_over(step);
        }
        if let Some(step) = self.setting_up {
            return self.ask(now, step);
        }
        if self.inquiries.goes_first() && self.inquire(now) || self.hang_up(now) {
            return;
        }
        if self.inquiries.holds_line() {
            return self.proceed_behind_dialogue(now);
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
        if self.should_link(now) {
            return self.link(now);
        }
        match self.waiting.pop_front() {
            Some(part) => {
                let omits_reference = self.setup.profile().omits_reference();
                self.launch(now, Flight::new(part, omits_reference));
            }
            None if self.inquire(now) => {}
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
        self.say(now, command);
        true
    }

    fn start_over(&mut self, step: Step) {
        self.setting_up = Some(step);
        self.status.state = match step {
            Step::NETWORK => ModemState::Registering,
            _ => ModemState::Starting,
        };
        self.refuse_waiting();
        self.refuse_questions();
    }

    fn ask(&mut self, now: Instant, step: Step) {
        self.activity = Activity::Asking(step);
        if self.setting_up.is_some() {
            self.setting_up = Some(step);
        }
        let command = self.setup.command(step);
        self.say(now, command);
    }

    fn follow(&mut self, now: Instant, next: Next) {
        if let Some(lock) = self.setup.opened() {
            self.words.push_back(Output::Opened(lock));
        }
        if self.restart_wanted && next != Next::Ready {
            return self.restart_now(now);
        }
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
                self.inquire_from(now, Some((until, step)));
            }
            Next::Claim(lock) => {
                let until = now + CLAIM_PATIENCE;
                self.activity = Activity::Claiming { until };
                self.words.push_back(Output::Claim(lock));
            }
            Next::Ready => {
                self.setting_up = None;
                self.check_due = now + CHECK_EVERY;
                self.ready_since.get_or_insert(now);
                if let Some(rung) = self.treated.take() {
                    self.tell_recovery(rung, RecoveryOutcome::Helped, "");
                }
                self.receiving.begin(now);
                self.calls.begin(now);
                // What it asks is due now, and waits for the next deadline: a part that waits for this modem goes first.
                self.activity = Activity::Idle;
            }
            Next::Stuck(why) => self.end(now, Departure::Sick(why, Rung::Reset)),
            Next::Unfit(why) => self.end(now, Departure::Unfit(why)),
        }
    }

    fn on_claimed(&mut self, now: Instant, may: bool) {
        if matches!(self.activity, Activity::Claiming { .. }) {
            let next = self.setup.on_claim(may);
            self.follow(now, next);
        }
    }

    fn tell_recovery(&mut self, rung: Rung, outcome: RecoveryOutcome, why: &str) {
        let why = why.to_owned();
        self.events
            .push_back(ModemEvent::Recovery(RecoveryStep { rung, outcome, why }));
    }

    fn end(&mut self, now: Instant, departure: Departure) {
        let end = match departure {
            Departure::PortLost => End::PortLost,
            Departure::Silent | Departure::Unfit(_) => End::Silent,
            Departure::Sick(..) | Departure::Restarting => End::Recovering,
            Departure::Stopped => End::Stopped,
        };
        self.deferred = None;
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
        self.end_questions(end.words());
        self.departure = Some(departure);
    }
}

#[cfg(test)]
mod tests;
