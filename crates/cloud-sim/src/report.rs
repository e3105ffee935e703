//! **Report**: what is called back about a text, when, and how often it is tried.

use std::collections::BTreeMap;

use crate::account::Provider;
use crate::fault::Fault;
use crate::ledger::State;

/// A report that is due some time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Errand {
    /// The number of the text in the ledger.
    pub(crate) text: u64,
    /// Of a text that has a report for each part; none: all of them.
    pub(crate) part: Option<usize>,
    pub(crate) state: State,
    /// With a wrong signature, or at a wrong secret path.
    pub(crate) is_forged: bool,
    /// How often it was told in vain.
    pub(crate) tries: u32,
}

/// A report on its way: one request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Push {
    pub(crate) errand: Errand,
    pub(crate) method: &'static str,
    /// As it was given to us.
    pub(crate) url: String,
    /// Empty when there is no body.
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// What is due when, in unix milliseconds; at the same time in the order in which it was put in.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    errands: BTreeMap<(u64, u64), Errand>,
    put: u64,
}

impl Agenda {
    pub(crate) fn put(&mut self, at: u64, errand: Errand) {
        self.put += 1;
        self.errands.insert((at, self.put), errand);
    }

    pub(crate) fn next_at(&self) -> Option<u64> {
        self.errands.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next that is due, taken out.
    pub(crate) fn take_due(&mut self, now: u64) -> Option<Errand> {
        let first = self.errands.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    pub(crate) fn clear(&mut self) {
        self.errands.clear();
    }
}

/// What is to be told when; the numbers of the texts are still missing.
pub(crate) fn errands_of(
    provider: Provider,
    states: &[(u64, State)],
    faults: &[Fault],
) -> Vec<(u64, Errand)> {
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
            part: None,
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
        Provider::Twilio | Provider::Vonage | Provider::Generic => true,
        Provider::Aliyun | Provider::Dypns | Provider::Tencent => false,
    }
}

/// The same URL with another last part: what a stranger who does not know the secret would call.
pub(crate) fn forged_path(url: &str) -> String {
    let (before, _) = url.rsplit_once('/').unwrap_or((url, ""));
    format!("{before}/forged")
}
