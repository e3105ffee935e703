//! **World**: the providers with their accounts, faults and ledger. A request and the time in, a reaction out; and
//! what is to be called back, when it is due.
//!
//! Never: reads a clock, opens a connection.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crate::account::Provider;
use crate::call::{Answer, Call, Deed, Reaction};
use crate::draw::Draw;
use crate::dypns::Codes;
use crate::fault::{Fault, Order, Stage};
use crate::ledger::{CallMade, Ledger, ReportMade, State, Text};
use crate::refusal::Refused;
use crate::report::{Agenda, Errand, Push};
use crate::settings::Settings;
use crate::{aliyun, generic, magic, twilio};

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) draw: Draw,
    pub(crate) ledger: Ledger,
    pub(crate) codes: Codes,
    pub(crate) nonces: Nonces,
    orders: Vec<Order>,
    agenda: Agenda,
    /// By how much the providers' clocks differ from ours.
    clock_offset_ms: i64,
}

/// What became of a text that was to be sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) outcome: Outcome,
    pub(crate) dress: Dress,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    /// By its number in the ledger.
    Taken(u64),
    Refused(Refused),
    /// It was not taken, and the answer does not tell.
    Lost,
}

/// In what an answer is told, and what happens before it.
#[derive(Debug, Default)]
pub(crate) struct Dress {
    fault: Option<Fault>,
    early: Vec<Push>,
}

impl World {
    pub(crate) fn new(settings: Settings, seed: u64) -> Self {
        Self {
            orders: settings.faults.clone(),
            settings,
            draw: Draw::from(seed),
            ledger: Ledger::default(),
            codes: Codes::default(),
            nonces: Nonces::default(),
            agenda: Agenda::default(),
            clock_offset_ms: 0,
        }
    }

    pub(crate) fn receive(&mut self, provider: Provider, call: &Call, now: u64) -> Reaction {
        match provider {
            Provider::Twilio => twilio::receive(self, call, now),
            Provider::Aliyun | Provider::Dypns => aliyun::receive(self, call, now),
            Provider::Generic => generic::receive(self, call, now),
        }
    }

    pub(crate) fn order(&mut self, order: Order) {
        self.orders.push(order);
    }

    pub(crate) fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// Ends every fault; what is still to be called back is called back.
    pub(crate) fn clear(&mut self) {
        self.orders.clear();
        self.clock_offset_ms = 0;
    }

    /// Forgets what was to be called back.
    pub(crate) fn silence(&mut self) {
        self.agenda.clear();
    }

    pub(crate) fn offset_clock(&mut self, ms: i64) {
        self.clock_offset_ms = ms;
    }

    /// What the providers' clocks show.
    pub(crate) fn clock(&self, now: u64) -> u64 {
        now.saturating_add_signed(self.clock_offset_ms)
    }

    pub(crate) fn refuses_connections(&mut self) -> bool {
        let is_it = |order: &Order| order.fault == Fault::RefuseConnections;
        self.use_up(is_it).is_some()
    }

    pub(crate) fn closes_unread(&mut self, provider: Provider) -> bool {
        let is_it = |order: &Order| {
            order.fault == Fault::CloseUnread && order.provider.is_none_or(|one| one == provider)
        };
        self.use_up(is_it).is_some()
    }

    /// Puts a text into the ledger and its reports on the agenda, unless something stands against it.
    pub(crate) fn send(&mut self, provider: Provider, mut text: Text, now: u64) -> Sent {
        text.provider = Some(provider);
        let fault = self.fault(Stage::Send, provider, &text.to);
        let refused = fault.as_ref().and_then(|fault| refusal(provider, fault));
        if let Some(refused) = refused {
            self.note(
                provider,
                "send",
                &text.to,
                format!("refused {}", refused.code),
                now,
            );
            return Sent {
                outcome: Outcome::Refused(refused),
                dress: Dress::default(),
            };
        }
        let came_to = fault.as_ref().map_or_else(|| "taken".to_owned(), told);
        self.note(provider, "send", &text.to, came_to, now);
        if fault.as_ref().is_some_and(|fault| !fault.takes()) {
            return Sent {
                outcome: Outcome::Lost,
                dress: Dress {
                    fault,
                    early: Vec::new(),
                },
            };
        }
        let (n, early) = self.take(text, now);
        Sent {
            outcome: Outcome::Taken(n),
            dress: Dress { fault, early },
        }
    }

    /// A provider's refusal of its own accord.
    pub(crate) fn refuse(
        &mut self,
        provider: Provider,
        to: &str,
        refused: Refused,
        now: u64,
    ) -> Sent {
        self.note(
            provider,
            "send",
            to,
            format!("refused {}", refused.code),
            now,
        );
        Sent {
            outcome: Outcome::Refused(refused),
            dress: Dress::default(),
        }
    }

    fn take(&mut self, mut text: Text, now: u64) -> (u64, Vec<Push>) {
        let provider = text.provider.unwrap_or(Provider::Generic);
        let faults = self.faults(Stage::Report, provider, &text.to);
        let has = |fault: &Fault| faults.contains(fault);
        let undelivered = faults.iter().find_map(|fault| match fault {
            Fault::Undelivered { code } => Some(code.clone()),
            _ => None,
        });
        let last = match &undelivered {
            Some(_) => State::Undelivered,
            None => State::Delivered,
        };
        text.taken_at = now;
        text.error = undelivered.map(|code| code.unwrap_or_else(|| usual_error(provider).into()));
        let after = match has(&Fault::ReportEarly) {
            true => 0,
            false => u64::try_from(self.settings.report_after.as_millis()).unwrap_or(u64::MAX / 2),
        };
        text.states = vec![
            (now, State::Queued),
            (now + after / 2, State::Sent),
            (now + after, last),
        ];
        if has(&Fault::SentIsLast) {
            text.states.truncate(2);
        }
        let errands = errands_of(provider, &text.states, &faults);
        let target = self.target(&text);
        let n = self.ledger.take(text);
        let mut early = Vec::new();
        for (at, mut errand) in errands {
            errand.text = n;
            match &target {
                None => {}
                Some(_) if has(&Fault::ReportEarly) => early.extend(self.pushes(errand, now)),
                Some(_) => self.agenda.put(at, errand),
            }
        }
        (n, early)
    }

    /// Where reports of a text go.
    pub(crate) fn target(&self, text: &Text) -> Option<String> {
        let settings = &self.settings;
        let of_account = match text.provider? {
            Provider::Twilio => None,
            Provider::Aliyun | Provider::Dypns => settings.aliyun.report_url.clone(),
            Provider::Generic => settings.generic.report_url.clone(),
        };
        text.callback.clone().or(of_account)
    }

    pub(crate) fn next_due(&self) -> Option<u64> {
        self.agenda.next_at()
    }

    /// What is to be called back by now.
    pub(crate) fn due(&mut self, now: u64) -> Vec<Push> {
        let mut due = Vec::new();
        while let Some(errand) = self.agenda.take_due(now) {
            due.extend(self.pushes(errand, now));
        }
        due
    }

    /// A report of a text as its provider words it, at once. False: there is no such text, or nowhere to go.
    pub(crate) fn report_now(&mut self, n: u64, state: State, is_forged: bool, now: u64) -> bool {
        let Some(text) = self.ledger.text(n) else {
            return false;
        };
        let has_target = self.target(text).is_some();
        if has_target {
            let errand = Errand {
                text: n,
                state,
                is_forged,
                tries: 0,
            };
            self.agenda.put(now, errand);
        }
        has_target
    }

    fn pushes(&self, errand: Errand, now: u64) -> Vec<Push> {
        let Some(text) = self.ledger.text(errand.text) else {
            return Vec::new();
        };
        let Some(mut url) = self.target(text) else {
            return Vec::new();
        };
        let push = match text.provider {
            Some(Provider::Twilio) => twilio::report(&self.settings, text, errand, url, now),
            Some(Provider::Generic) => generic::report(&self.settings, text, errand, url, now),
            _ => {
                if errand.is_forged {
                    url = forged_path(&url);
                }
                aliyun::report(text, errand, url, now)
            }
        };
        vec![push]
    }

    /// Writes down what came of a report, and puts it on the agenda again if that may help.
    pub(crate) fn pushed(&mut self, push: &Push, outcome: Result<u16, String>, now: u64) {
        let may_help = match &outcome {
            Ok(status) => *status >= 500,
            Err(_) => true,
        };
        let mut errand = push.errand;
        if let Some(text) = self.ledger.text_mut(errand.text) {
            text.reports.push(ReportMade {
                state: errand.state,
                forged: errand.is_forged,
                at: now,
                status: outcome.as_ref().ok().copied(),
                error: outcome.err(),
            });
        }
        errand.tries += 1;
        if may_help && errand.tries < self.settings.report_tries {
            let pause = self.settings.report_again_after * (1 << (errand.tries - 1).min(16));
            let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX / 2);
            self.agenda.put(now.saturating_add(pause), errand);
        }
    }

    /// The fault of a query about this recipient, if any.
    pub(crate) fn query_fault(&mut self, provider: Provider, to: &str) -> Option<Fault> {
        self.fault(Stage::Query, provider, to)
    }

    pub(crate) fn note(
        &mut self,
        provider: Provider,
        what: &'static str,
        to: &str,
        came_to: impl Into<String>,
        now: u64,
    ) {
        self.ledger.note(CallMade {
            n: 0,
            provider,
            at: now,
            what,
            to: (!to.is_empty()).then(|| to.to_owned()),
            came_to: came_to.into(),
        });
    }

    /// The oldest order of this stage that fits, used up by one, or what its number does by itself.
    fn fault(&mut self, stage: Stage, provider: Provider, to: &str) -> Option<Fault> {
        let fits = |order: &Order| order.fault.stage() == stage && order.fits(provider, to);
        let by_number = || {
            magic::of(to)
                .into_iter()
                .find(|fault| fault.stage() == stage)
        };
        self.use_up(fits).or_else(by_number)
    }

    /// All orders of this stage that fit, each used up by one, and what its number does by itself.
    fn faults(&mut self, stage: Stage, provider: Provider, to: &str) -> Vec<Fault> {
        let fits = |order: &Order| order.fault.stage() == stage && order.fits(provider, to);
        let mut faults: Vec<_> = magic::of(to);
        faults.retain(|fault| fault.stage() == stage);
        for order in self.orders.iter_mut().filter(|order| fits(order)) {
            faults.push(order.fault.clone());
            order.times = order.times.map(|times| times.saturating_sub(1));
        }
        self.orders.retain(|order| order.times != Some(0));
        faults
    }

    fn use_up(&mut self, fits: impl Fn(&Order) -> bool) -> Option<Fault> {
        let place = self.orders.iter().position(fits)?;
        let order = &mut self.orders[place];
        let fault = order.fault.clone();
        order.times = order.times.map(|times| times.saturating_sub(1));
        if order.times == Some(0) {
            self.orders.remove(place);
        }
        Some(fault)
    }
}

impl Dress {
    /// Of several texts in one request: the first that is dressed counts.
    pub(crate) fn join(&mut self, other: Self) {
        self.early.extend(other.early);
        self.fault = self.fault.take().or(other.fault);
    }

    /// What is told in place of `answer`.
    pub(crate) fn wear(self, answer: Answer) -> Reaction {
        let mut wait = Duration::ZERO;
        let deed = match self.fault {
            Some(Fault::ServerError { status, .. }) => Deed::Answer(server_error(status)),
            Some(Fault::BadGateway { .. }) => Deed::Answer(bad_gateway()),
            Some(Fault::Empty { .. }) => Deed::Answer(Answer {
                body: String::new(),
                ..answer
            }),
            Some(Fault::Garbled { .. }) => Deed::Answer(half(answer)),
            Some(Fault::Close { .. }) => Deed::Close,
            Some(Fault::Hang { .. }) => Deed::Hang,
            Some(Fault::Slow { ms }) => {
                wait = Duration::from_millis(ms);
                Deed::Answer(answer)
            }
            _ => Deed::Answer(answer),
        };
        Reaction {
            early: self.early,
            wait,
            deed,
        }
    }
}

fn told(fault: &Fault) -> String {
    let fault = serde_json::to_value(fault).unwrap_or_default();
    let kind = fault["kind"].as_str().unwrap_or_default();
    match fault["taken"].as_bool() {
        Some(false) => kind.to_owned(),
        _ => format!("taken, {kind}"),
    }
}

fn refusal(provider: Provider, fault: &Fault) -> Option<Refused> {
    match fault {
        Fault::RefuseWith {
            code,
            retry_after_s,
        } => Some(Refused {
            retry_after_s: *retry_after_s,
            ..Refused::with(provider, code)
        }),
        Fault::Refuse { why } => Some(Refused::for_reason(provider, *why)),
        Fault::RateLimited { retry_after_s } => Some(Refused {
            retry_after_s: Some(*retry_after_s),
            ..Refused::with(provider, rate_code(provider))
        }),
        _ => None,
    }
}

fn rate_code(provider: Provider) -> &'static str {
    match provider {
        Provider::Twilio => "20429",
        Provider::Aliyun | Provider::Dypns => "Throttling.User",
        Provider::Generic => "too_many",
    }
}

fn usual_error(provider: Provider) -> &'static str {
    match provider {
        Provider::Twilio => "30003",
        Provider::Aliyun | Provider::Dypns => "UNDELIV",
        Provider::Generic => "absent",
    }
}

/// What is to be told when; the numbers of the texts are still missing.
fn errands_of(provider: Provider, states: &[(u64, State)], faults: &[Fault]) -> Vec<(u64, Errand)> {
    let has = |fault: &Fault| faults.contains(fault);
    if has(&Fault::ReportWithheld) {
        return Vec::new();
    }
    let late = faults.iter().find_map(|fault| match fault {
        Fault::ReportLate { ms } => Some(*ms),
        _ => None,
    });
    let is_told = |state: State| match state {
        State::Queued => false,
        State::Sent => tells_sent(provider),
        State::Delivered | State::Undelivered => true,
    };
    let mut told: Vec<_> = states
        .iter()
        .copied()
        .filter(|(_, state)| is_told(*state))
        .collect();
    if has(&Fault::ReportBackwards) {
        let backwards: Vec<_> = told.iter().rev().map(|(_, state)| *state).collect();
        for (step, state) in told.iter_mut().zip(backwards) {
            step.1 = state;
        }
    }
    let errand = |(at, state): (u64, State), is_forged: bool| {
        let errand = Errand {
            text: 0,
            state,
            is_forged,
            tries: 0,
        };
        (at.saturating_add(late.unwrap_or(0)), errand)
    };
    let mut errands = Vec::new();
    if has(&Fault::ReportForged)
        && let Some((at, _)) = told.first()
    {
        let contrary = match states.last() {
            Some((_, State::Delivered)) => State::Undelivered,
            _ => State::Delivered,
        };
        errands.push(errand((*at, contrary), true));
    }
    let copies = if has(&Fault::ReportTwice) { 2 } else { 1 };
    for step in told {
        errands.extend(std::iter::repeat_n(errand(step, false), copies));
    }
    errands
}

/// Whether there is a report of a text that is on its way.
fn tells_sent(provider: Provider) -> bool {
    match provider {
        Provider::Twilio | Provider::Generic => true,
        Provider::Aliyun | Provider::Dypns => false,
    }
}

/// The same URL with another last part: what a stranger who does not know the secret would call.
pub(crate) fn forged_path(url: &str) -> String {
    let (before, _) = url.rsplit_once('/').unwrap_or((url, ""));
    format!("{before}/forged")
}

pub(crate) fn server_error(status: u16) -> Answer {
    let body =
        serde_json::json!({ "code": 20500, "message": "Internal Server Error", "status": status });
    Answer::json(status, &body)
}

fn bad_gateway() -> Answer {
    Answer {
        status: 502,
        content_type: "text/html",
        headers: Vec::new(),
        body: "<html><body>502 Bad Gateway</body></html>".into(),
    }
}

fn half(answer: Answer) -> Answer {
    let middle = answer.body.len() / 2;
    let end = (0..=middle)
        .rev()
        .find(|at| answer.body.is_char_boundary(*at));
    Answer {
        body: answer.body[..end.unwrap_or(0)].to_owned(),
        ..answer
    }
}

/// Nonces that were seen, for as long as a request with one could still be in time.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    seen: HashSet<String>,
    by_time: VecDeque<(u64, String)>,
}

impl Nonces {
    /// False: it was there already.
    pub(crate) fn note(&mut self, nonce: &str, now: u64) -> bool {
        while let Some((at, _)) = self.by_time.front()
            && (at + Self::KEPT_MS < now || self.by_time.len() >= Self::MOST)
        {
            if let Some((_, old)) = self.by_time.pop_front() {
                self.seen.remove(&old);
            }
        }
        let is_new = self.seen.insert(nonce.to_owned());
        if is_new {
            self.by_time.push_back((now, nonce.to_owned()));
        }
        is_new
    }

    const KEPT_MS: u64 = 30 * 60 * 1000;
    const MOST: usize = 100_000;
}
