//! Calls that come in: an SMS gateway answers none, and one that rings keeps some modems from sending.
//!
//! `sim_care.hang_up`: each is ended between two sends, and told with the masked number of its caller. Pure.

use std::time::{Duration, Instant};

use crate::at::chat::Refusal;
use crate::at::command::Command;
use crate::at::information;
use crate::domain::redact::masked_number;

#[derive(Debug)]
pub(super) struct Calls {
    hangs_up: bool,
    /// It was set up then, and was not yet asked to tell who calls.
    announce_at: Option<Instant>,
    ringing: Option<Ringing>,
    said: Option<Said>,
}

#[derive(Debug)]
struct Ringing {
    since: Instant,
    from: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Announce,
    HangUp,
    /// For modems that refuse the first form.
    HangUpAll,
}

/// A call that was hung up.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    /// Masked; `None`: withheld, or not told.
    pub(crate) from: Option<String>,
}

/// `+CLIP` comes behind the first `RING`, if the network tells who calls.
const NAMED_WITHIN: Duration = Duration::from_millis(700);

impl Calls {
    pub(super) fn new(hangs_up: bool) -> Self {
        Self {
            hangs_up,
            announce_at: None,
            ringing: None,
            said: None,
        }
    }

    /// The modem was set up: what it was told before is forgotten.
    pub(super) fn begin(&mut self, now: Instant) {
        *self = Self {
            announce_at: self.hangs_up.then_some(now),
            ..Self::new(self.hangs_up)
        };
    }

    pub(super) fn on_line(&mut self, now: Instant, line: &str) {
        if !self.hangs_up {
            return;
        }
        let rings = line == "RING" || line.starts_with("+CRING:");
        let from = information::caller(line);
        if rings || from.is_some() {
            let ringing = self.ringing.get_or_insert(Ringing {
                since: now,
                from: None,
            });
            ringing.from = from.flatten().map(masked_number).or(ringing.from.take());
        } else if line == "NO CARRIER" {
            self.ringing = None;
        }
    }

    /// When it has something to say to a modem at rest.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.ringing {
            Some(ringing) if ringing.from.is_some() => Some(ringing.since),
            Some(ringing) => Some(ringing.since + NAMED_WITHIN),
            None => self.announce_at,
        }
    }

    pub(super) fn next(&mut self, now: Instant) -> Option<Command> {
        if self.due()? > now {
            return None;
        }
        let (said, command) = match self.ringing {
            Some(_) if self.said == Some(Said::HangUp) => (Said::HangUpAll, Command::HANG_UP_ALL),
            Some(_) => (Said::HangUp, Command::HANG_UP),
            None => (Said::Announce, Command::ANNOUNCE_CALLER),
        };
        if said == Said::Announce {
            self.announce_at = None;
        }
        self.said = Some(said);
        Some(command)
    }

    /// The call that is over now.
    pub(super) fn on_answer(&mut self, answer: &Result<Vec<String>, Refusal>) -> Option<Call> {
        match (self.said, answer) {
            // The other form is next.
            (Some(Said::HangUp), Err(Refusal::Answered(_))) => None,
            (Some(Said::HangUp | Said::HangUpAll), _) => {
                self.said = None;
                let from = self.ringing.take()?.from;
                Some(Call { from })
            }
            (Some(Said::Announce) | None, _) => {
                self.said = None;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(command: Option<Command>) -> Option<String> {
        command.map(|command| command.text.into_owned())
    }

    #[test]
    fn a_call_is_hung_up_when_its_number_is_known_or_does_not_come() {
        let now = Instant::now();
        let mut calls = Calls::new(true);
        calls.begin(now);
        assert_eq!(text(calls.next(now)).as_deref(), Some("+CLIP=1"));
        assert_eq!(calls.on_answer(&Ok(vec![])), None);
        assert_eq!(text(calls.next(now)), None);
        calls.on_line(now, "RING");
        assert_eq!(text(calls.next(now)), None, "its number may come");
        calls.on_line(now, "+CLIP: \"+447700900123\",145,,,,0");
        assert_eq!(text(calls.next(now)).as_deref(), Some("+CHUP"));
        let call = calls.on_answer(&Ok(vec![])).unwrap();
        assert_eq!(call.from.as_deref(), Some("+44770***0123"));
        calls.on_line(now, "RING");
        assert_eq!(
            text(calls.next(now + NAMED_WITHIN)).as_deref(),
            Some("+CHUP")
        );
        let refused = Err(Refusal::Answered(crate::at::answer::Fault::Plain));
        assert_eq!(calls.on_answer(&refused), None);
        assert_eq!(text(calls.next(now + NAMED_WITHIN)).as_deref(), Some("H"));
        assert_eq!(calls.on_answer(&refused), Some(Call { from: None }));
        assert_eq!(calls.due(), None);
    }

    #[test]
    fn a_caller_who_gives_up_is_not_hung_up_on() {
        let now = Instant::now();
        let mut calls = Calls::new(true);
        calls.on_line(now, "+CRING: VOICE");
        calls.on_line(now, "NO CARRIER");
        assert_eq!(text(calls.next(now + NAMED_WITHIN)), None);
    }

    #[test]
    fn without_the_wish_nothing_is_said() {
        let now = Instant::now();
        let mut calls = Calls::new(false);
        calls.begin(now);
        calls.on_line(now, "RING");
        assert_eq!((calls.due(), text(calls.next(now))), (None, None));
    }
}
