//! What people ask a modem, or the network through it, and what they are told.

use std::fmt;

use super::terminal::TerminalLine;
use crate::domain::UssdCode;

/// One question to one modem.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Question {
    /// A code, or the reply that the network asked for (27.007 §7.15).
    Ussd(UssdCode),
    /// Ends what the network still waits for.
    EndUssd,
    /// One line, as it would be typed on a terminal.
    Line(TerminalLine),
}

/// What was found out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Ussd(UssdAnswer),
    Ended,
    Line(LineAnswer),
}

/// Why nothing was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Unanswered {
    /// The modem cannot be asked as it is: why, for a person.
    NotReady(String),
    /// Texts went first, or others asked before.
    Busy(&'static str),
    /// The modem or the network does not do it: what it said.
    Refused(String),
    TimedOut(&'static str),
}

pub(crate) type Reply = Result<Told, Unanswered>;

/// What the network said.
#[derive(Clone, PartialEq)]
pub(crate) struct UssdAnswer {
    pub(crate) status: UssdStatus,
    pub(crate) text: Option<String>,
}

impl fmt::Debug for UssdAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let characters = self.text.as_ref().map(|text| text.chars().count());
        f.debug_struct("UssdAnswer")
            .field("status", &self.status)
            .field("characters", &characters)
            .finish()
    }
}

/// `<m>` of `+CUSD` (27.007 §7.15).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum UssdStatus {
    Done,
    /// Another code goes into the same dialogue.
    ReplyExpected,
    Terminated,
    /// Another program of the phone, or of the SIM, was asked.
    OtherClient,
    NotSupported,
    NetworkTimeout,
}

impl UssdStatus {
    pub(super) fn of(m: u8) -> Option<Self> {
        Some(match m {
            0 => Self::Done,
            1 => Self::ReplyExpected,
            2 => Self::Terminated,
            3 => Self::OtherClient,
            4 => Self::NotSupported,
            5 => Self::NetworkTimeout,
            _ => return None,
        })
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::ReplyExpected => "reply_expected",
            Self::Terminated => "terminated",
            Self::OtherClient => "other_client",
            Self::NotSupported => "not_supported",
            Self::NetworkTimeout => "network_timeout",
        }
    }
}

/// What a modem said to a line.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LineAnswer {
    pub(crate) lines: Vec<String>,
    /// `OK`, or the error as it was said.
    pub(crate) result: String,
    /// What it said unasked since the line before, or while this one was answered.
    pub(crate) meanwhile: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_code_nor_an_answer_is_shown_in_a_log() {
        let code = UssdCode::parse("*101*98765432#").unwrap();
        let answer = UssdAnswer {
            status: UssdStatus::Done,
            text: Some("98765432".into()),
        };
        let shown = format!("{:?} {answer:?}", Question::Ussd(code));
        assert!(!shown.contains("98765432"), "{shown}");
    }
}
