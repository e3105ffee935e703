//! Getting a modem to listen: ESC, drain, `AT` until `OK`.
//!
//! Used at the start and after every command that was left (architecture §4 rule 6): what arrives before
//! that `OK` belongs to the command that was left. Never Ctrl-Z: it would send a text that is half typed.

use std::time::{Duration, Instant};

use crate::at::chat::Refusal;
use crate::at::command::Command;

/// One attempt to be heard. The caller has written ESC when it makes one.
#[derive(Debug)]
pub(super) struct Wake {
    tries: Tries,
    state: State,
    /// More than one result may be on its way: the next command must not take that of an earlier one.
    disturbed: bool,
    drain: Duration,
    escapes_left: u8,
}

#[derive(Debug)]
struct Tries {
    left: u8,
    made: u8,
    patience: Duration,
}

#[derive(Debug)]
enum State {
    Draining {
        until: Instant,
        ends_with_result: bool,
    },
    Asking,
    Settling {
        until: Instant,
    },
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Step {
    Wait,
    Ask(Command),
    /// ESC once more: a prompt showed itself.
    Escape,
    Awake,
    /// It does not answer.
    Deaf,
}

const DRAIN_AT_START: Duration = Duration::from_millis(100);
const DRAIN: Duration = Duration::from_millis(300);

/// After so many unanswered `AT` another ESC: the first may have been lost while the port settled.
const ESCAPE_AGAIN_AFTER: u8 = 5;

/// A modem that prompts for ever is broken; nobody writes to it for ever.
const MOST_ESCAPES: u8 = 5;

impl Wake {
    fn new(now: Instant, drain: Duration, ends_with_result: bool, tries: Tries) -> Self {
        Self {
            tries,
            state: State::Draining {
                until: now + drain,
                ends_with_result,
            },
            disturbed: false,
            drain,
            escapes_left: MOST_ESCAPES,
        }
    }

    /// After opening the port.
    pub(super) fn at_start(now: Instant) -> Self {
        Self {
            // Whoever used the port before may have left a command unanswered.
            disturbed: true,
            ..Self::new(now, DRAIN_AT_START, false, Tries::of(10, 1))
        }
    }

    /// The modem has started, or was told to start anew: it may take its time.
    pub(super) fn after_boot(now: Instant, patience: Duration) -> Self {
        let tries = u8::try_from(patience.as_secs()).unwrap_or(u8::MAX);
        Self {
            disturbed: true,
            ..Self::new(now, DRAIN_AT_START, false, Tries::of(tries.max(10), 1))
        }
    }

    /// A prompt was left that had been seen: ESC brings a result, or nothing.
    pub(super) fn after_prompt(now: Instant) -> Self {
        Self::new(now, DRAIN, true, Tries::of(3, 2))
    }

    /// A command was given up that had not been answered: its answer may come with that to `AT`, and before it.
    pub(super) fn after_silence(now: Instant) -> Self {
        Self {
            disturbed: true,
            ..Self::new(now, DRAIN, false, Tries::of(3, 2))
        }
    }

    /// A modem at rest missed a check: it gets one more chance.
    pub(super) fn after_missed_check(now: Instant) -> Self {
        Self {
            disturbed: true,
            ..Self::new(now, DRAIN, false, Tries::of(1, 5))
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Draining { until, .. } | State::Settling { until } => Some(until),
            State::Asking => None,
        }
    }

    pub(super) fn on_deadline(&mut self, now: Instant) -> Step {
        match self.state {
            State::Draining {
                until,
                ends_with_result,
            } if until <= now => {
                // That of ESC did not come in time: it may come first now.
                self.disturbed |= ends_with_result;
                self.ask()
            }
            State::Settling { until } if until <= now => Step::Awake,
            _ => Step::Wait,
        }
    }

    /// A line that nobody claimed. `is_result`: a final result or a reference, hence of an earlier command.
    pub(super) fn on_line(&mut self, is_result: bool) -> Step {
        match self.state {
            State::Draining {
                ends_with_result: true,
                ..
            } if is_result => self.ask(),
            State::Asking => {
                self.disturbed |= is_result;
                Step::Wait
            }
            _ => Step::Wait,
        }
    }

    pub(super) fn on_prompt(&mut self, now: Instant) -> Step {
        if self.escapes_left == 0 {
            return Step::Deaf;
        }
        self.escape(now)
    }

    pub(super) fn on_answer(&mut self, now: Instant, answer: Result<(), Refusal>) -> Step {
        match answer {
            Ok(()) if self.disturbed || self.tries.made > 1 => {
                self.state = State::Settling {
                    until: now + self.drain,
                };
                Step::Wait
            }
            Ok(()) => Step::Awake,
            Err(_) if self.tries.left == 0 => Step::Deaf,
            // The result of the command that was left, perhaps; its own comes after it.
            Err(Refusal::Answered(_)) => {
                self.drain(now);
                Step::Wait
            }
            Err(Refusal::Silent) if self.tries.made == ESCAPE_AGAIN_AFTER => self.escape(now),
            Err(Refusal::Silent) => self.ask(),
        }
    }

    fn ask(&mut self) -> Step {
        self.tries.left = self.tries.left.saturating_sub(1);
        self.tries.made += 1;
        self.state = State::Asking;
        Step::Ask(Command::attention(self.tries.patience))
    }

    fn escape(&mut self, now: Instant) -> Step {
        self.escapes_left = self.escapes_left.saturating_sub(1);
        self.drain(now);
        Step::Escape
    }

    fn drain(&mut self, now: Instant) {
        self.state = State::Draining {
            until: now + DRAIN,
            ends_with_result: false,
        };
    }
}

impl Tries {
    fn of(left: u8, seconds: u64) -> Self {
        Self {
            left,
            made: 0,
            patience: Duration::from_secs(seconds),
        }
    }
}
