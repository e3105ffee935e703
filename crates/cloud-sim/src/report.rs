//! **Report**: what is called back about a text, when, and how often it is tried.

use std::collections::BTreeMap;

use crate::ledger::State;

/// A report that is due some time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Errand {
    /// The number of the text in the ledger.
    pub(crate) text: u64,
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
