//! **Ledger**: what each provider took, so that what was sent can be proved; and every request that was made.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::account::Provider;

/// A text that a provider took. The phone it was for has it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Text {
    /// From 1, over all providers.
    pub n: u64,
    pub provider: Option<Provider>,
    /// As the client wrote it.
    pub to: String,
    pub from: Option<String>,
    /// The pool of senders that was asked, where there is one.
    pub service: Option<String>,
    pub text: Option<String>,
    /// The template's code, with which a template provider was asked.
    pub template: Option<String>,
    /// Names and values, or values in their order.
    pub params: Value,
    /// The code that the provider drew itself.
    pub code: Option<String>,
    /// What the client calls it: `OutId`, a field, or the last part of the callback's path.
    pub reference: Option<String>,
    /// The provider's names for it, in the order of its parts where each has one.
    pub ids: Vec<String>,
    pub parts: usize,
    pub callback: Option<String>,
    pub validity_s: Option<u64>,
    /// Unix milliseconds.
    pub taken_at: u64,
    /// Which text this is of those with the same provider, recipient and contents: 1 is the first.
    pub copy: u32,
    /// Its states, each from a time on.
    pub states: Vec<(u64, State)>,
    /// Why it is not delivered, when it is not.
    pub error: Option<String>,
    /// What was called back about it.
    pub reports: Vec<ReportMade>,
}

/// What has become of a text.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    #[default]
    Queued,
    Sent,
    Delivered,
    Undelivered,
}

impl Text {
    /// What has become of it by now.
    pub fn state_at(&self, now: u64) -> State {
        let begun = self.states.iter().rev().find(|(at, _)| *at <= now);
        begun.map_or(State::Queued, |(_, state)| *state)
    }

    /// When it came into this state, if it has.
    pub(crate) fn since(&self, state: State, now: u64) -> Option<u64> {
        let found = self
            .states
            .iter()
            .find(|(at, one)| *one == state && *at <= now);
        found.map(|(at, _)| *at)
    }

    pub(crate) fn id(&self) -> &str {
        self.ids.first().map_or("", String::as_str)
    }
}

/// One try of calling back.
#[derive(Clone, Debug, Serialize)]
pub struct ReportMade {
    pub state: State,
    pub forged: bool,
    /// Unix milliseconds.
    pub at: u64,
    /// What it was answered; none when nobody answered.
    pub status: Option<u16>,
    /// Why nobody answered.
    pub error: Option<String>,
}

/// A request that was made to a provider, whatever came of it.
#[derive(Clone, Debug, Serialize)]
pub struct CallMade {
    /// From 1, over all providers.
    pub n: u64,
    pub provider: Provider,
    /// Unix milliseconds.
    pub at: u64,
    /// `send`, `query`, `check`, or what was asked that is none of these.
    pub what: &'static str,
    pub to: Option<String>,
    /// `taken`, `refused CODE`, the kind of a fault, or what a query found.
    pub came_to: String,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    texts: VecDeque<Text>,
    calls: VecDeque<CallMade>,
    copies: HashMap<u64, u32>,
    taken: u64,
    called: u64,
}

impl Ledger {
    /// Gives it its number and says which copy it is.
    pub(crate) fn take(&mut self, mut text: Text) -> u64 {
        self.taken += 1;
        text.n = self.taken;
        if self.copies.len() >= MOST_COUNTED {
            self.copies.clear();
        }
        let copy = self.copies.entry(kind_of(&text)).or_insert(0);
        *copy += 1;
        text.copy = *copy;
        if self.texts.len() == MOST_KEPT {
            self.texts.pop_front();
        }
        self.texts.push_back(text);
        self.taken
    }

    pub(crate) fn note(&mut self, mut call: CallMade) {
        self.called += 1;
        call.n = self.called;
        if self.calls.len() == MOST_KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    pub(crate) fn text(&self, n: u64) -> Option<&Text> {
        self.place(n).and_then(|place| self.texts.get(place))
    }

    pub(crate) fn text_mut(&mut self, n: u64) -> Option<&mut Text> {
        self.place(n).and_then(|place| self.texts.get_mut(place))
    }

    /// Numbers follow each other without a gap.
    fn place(&self, n: u64) -> Option<usize> {
        let first = self.texts.front()?.n;
        usize::try_from(n.checked_sub(first)?).ok()
    }

    /// Oldest first.
    pub(crate) fn texts(&self) -> impl DoubleEndedIterator<Item = &Text> {
        self.texts.iter()
    }

    pub(crate) fn of(&self, provider: Provider) -> impl DoubleEndedIterator<Item = &Text> {
        self.texts()
            .filter(move |text| text.provider == Some(provider))
    }

    /// Oldest first.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &CallMade> {
        self.calls.iter()
    }

    /// How many texts were taken since the start.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// The newest texts and calls with a number of at least this, and the totals.
    pub(crate) fn page(&self, from: u64) -> Value {
        let texts: Vec<_> = self
            .texts()
            .filter(|text| text.n >= from)
            .take(PAGE)
            .collect();
        let next = texts.last().map_or(from, |text| text.n + 1);
        let calls: Vec<_> = self.calls.iter().rev().take(PAGE).rev().collect();
        serde_json::json!({
            "taken": self.taken,
            "calls_made": self.called,
            "texts": texts,
            "next": next,
            "calls": calls,
        })
    }
}

/// The same for texts that one phone cannot tell apart.
fn kind_of(text: &Text) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.provider.hash(&mut hasher);
    digits(&text.to).hash(&mut hasher);
    text.text.hash(&mut hasher);
    text.template.hash(&mut hasher);
    text.params.to_string().hash(&mut hasher);
    text.code.hash(&mut hasher);
    hasher.finish()
}

/// A number without what may or may not stand before and in it.
pub(crate) fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

/// Texts and calls that are remembered; older ones are only counted.
const MOST_KEPT: usize = 10_000;
/// Kinds of texts of which copies are counted, at 16 octets each; then counting begins anew.
const MOST_COUNTED: usize = 1_000_000;
/// Lines of one answer.
const PAGE: usize = 500;
