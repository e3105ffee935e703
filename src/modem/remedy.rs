//! What a session says to a modem for a rung of the ladder: lines, and pauses behind them.

use std::collections::VecDeque;
use std::time::Duration;

use super::profile::Profile;
use super::recovery::Rung;
use crate::at::command::Command;

/// The lines of one rung that are still to be said. Whether they are answered does not matter: a modem that is deaf
/// to questions may still obey.
#[derive(Debug)]
pub(super) struct Remedy {
    rung: Rung,
    lines: VecDeque<(Command, Duration)>,
}

/// behaviour §9.3: between off and on.
const RADIO_REST: Duration = Duration::from_secs(3);

impl Remedy {
    pub(super) fn new(rung: Rung, profile: &Profile) -> Self {
        let none = Duration::ZERO;
        let lines = match rung {
            Rung::Reset => vec![(Command::RESET, none), (Command::FACTORY, none)],
            Rung::Radio => vec![(Command::RADIO_OFF, RADIO_REST), (Command::RADIO_ON, none)],
            Rung::Restart => vec![(Command::form(profile.restarts_with().to_owned()), none)],
            // Nothing is said for these.
            Rung::Escape | Rung::Reopen | Rung::Usb | Rung::Quarantine => Vec::new(),
        };
        Self {
            rung,
            lines: lines.into(),
        }
    }

    pub(super) fn next(&mut self) -> Option<(Command, Duration)> {
        self.lines.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The modem goes away and comes back.
    pub(super) fn restarts(&self) -> bool {
        self.rung == Rung::Restart
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modem::profile::Profiles;

    fn said(rung: Rung, profile: &str) -> Vec<(String, u64)> {
        let profile = Profiles::built_in().get(profile).unwrap();
        let mut remedy = Remedy::new(rung, &profile);
        std::iter::from_fn(|| remedy.next())
            .map(|(command, rest)| (command.text.into_owned(), rest.as_secs()))
            .collect()
    }

    #[test]
    fn each_rung_has_its_lines_and_the_profile_has_the_restart() {
        let line = |text: &str, rest| (text.to_owned(), rest);
        assert_eq!(said(Rung::Reset, "generic"), [line("Z", 0), line("&F", 0)]);
        assert_eq!(
            said(Rung::Radio, "generic"),
            [line("+CFUN=4", 3), line("+CFUN=1", 0)]
        );
        assert_eq!(said(Rung::Restart, "generic"), [line("+CFUN=1,1", 0)]);
        assert_eq!(said(Rung::Restart, "huawei-e3372"), [line("^RESET", 0)]);
        assert_eq!(said(Rung::Reopen, "generic"), []);
    }
}
