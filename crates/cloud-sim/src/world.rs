//! **World**: the providers with their accounts, faults and ledger. A request and the time in, a reaction out; and
//! what is to be called back, when it is due.
//!
//! Never: reads a clock, opens a connection.

use crate::account::Provider;
use crate::call::{Call, Reaction};
use crate::draw::Draw;
use crate::dress::{Dress, Outcome, Sent};
use crate::dypns::Codes;
use crate::fault::{Fault, Order, Stage};
use crate::ledger::{CallMade, Ledger, ReportMade, State, Text};
use crate::nonces::Nonces;
use crate::refusal::{self, Refused};
use crate::report::{Agenda, Errand, Push, errands_of, forged_path};
use crate::settings::Settings;
use crate::{aliyun, generic, magic, tencent, twilio, vonage};

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
            Provider::Tencent => tencent::receive(self, call, now),
            Provider::Vonage => vonage::receive(self, call, now),
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
        let refused = fault
            .as_ref()
            .and_then(|fault| refusal::ordered(provider, fault));
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
            Provider::Tencent => settings.tencent.report_url.clone(),
            Provider::Vonage => settings.vonage.report_url.clone(),
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
                part: None,
                state,
                is_forged,
                tries: 0,
            };
            self.agenda.put(now, errand);
        }
        has_target
    }

    /// One request, or one for each part where each has reports of its own.
    fn pushes(&mut self, errand: Errand, now: u64) -> Vec<Push> {
        let nonce = self.draw.uuid();
        let settings = &self.settings;
        let Some(text) = self.ledger.text(errand.text) else {
            return Vec::new();
        };
        let Some(url) = self.target(text) else {
            return Vec::new();
        };
        // Who does not sign is known by a secret in the path.
        let by_path = || {
            if errand.is_forged {
                forged_path(&url)
            } else {
                url.clone()
            }
        };
        match text.provider {
            Some(Provider::Twilio) => vec![twilio::report(settings, text, errand, url, now)],
            Some(Provider::Aliyun | Provider::Dypns) => {
                vec![aliyun::report(text, errand, by_path(), now)]
            }
            Some(Provider::Tencent) => vec![tencent::report(text, errand, by_path(), now)],
            Some(Provider::Vonage) => {
                let moment = (now, nonce.as_str());
                let of = |(part, id): (usize, &String)| {
                    let errand = Errand {
                        part: Some(part),
                        ..errand
                    };
                    vonage::report(&settings.vonage, text, (errand, id), &url, moment)
                };
                let parts = text.ids.iter().enumerate();
                let wanted = parts.filter(|(at, _)| errand.part.is_none_or(|part| part == *at));
                wanted.map(of).collect()
            }
            Some(Provider::Generic) => vec![generic::report(settings, text, errand, url, now)],
            None => Vec::new(),
        }
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

fn told(fault: &Fault) -> String {
    let fault = serde_json::to_value(fault).unwrap_or_default();
    let kind = fault["kind"].as_str().unwrap_or_default();
    match fault["taken"].as_bool() {
        Some(false) => kind.to_owned(),
        _ => format!("taken, {kind}"),
    }
}

fn usual_error(provider: Provider) -> &'static str {
    match provider {
        Provider::Twilio => "30003",
        Provider::Aliyun | Provider::Dypns | Provider::Tencent => "UNDELIV",
        Provider::Vonage => "1",
        Provider::Generic => "absent",
    }
}
