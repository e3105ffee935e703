//! What people ask a modem, or the network through it, and what they are told.

use std::fmt;

use super::terminal::TerminalLine;

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

/// A code such as `*100#`, or a reply such as `1`.
///
/// Digits, `*`, `#`, `+` and letters: nothing of it can end the quotes that it is written between.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct UssdCode(String);

/// The network takes 182 septets; codes are short, and a reply is not a letter.
const LONGEST_CODE: usize = 100;

impl UssdCode {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_sign = |octet: u8| octet.is_ascii_alphanumeric() || b"*#+".contains(&octet);
        let fits = (1..=LONGEST_CODE).contains(&text.len()) && text.bytes().all(is_sign);
        fits.then(|| Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A voucher's number may be in it.
impl fmt::Debug for UssdCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UssdCode(…)")
    }
}

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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_digits_signs_and_letters() {
        for code in [
            "*100#",
            "1",
            "#31#+4917",
            "*#06#",
            "ja",
            "*101*1234567890123456#",
        ] {
            assert!(UssdCode::parse(code).is_some(), "{code}");
        }
        let long = "1".repeat(LONGEST_CODE + 1);
        for code in [
            "",
            " ",
            "*100#\r",
            "*100#\",15\rAT+CMGS=1",
            "*1 0#",
            "é",
            "1;2",
            "\u{1a}",
            &long,
        ] {
            assert!(UssdCode::parse(code).is_none(), "{code:?}");
        }
    }

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

    proptest! {
        #[test]
        fn nothing_that_is_a_code_holds_what_ends_a_line_or_its_quotes(text in ".{0,120}") {
            if let Some(code) = UssdCode::parse(&text) {
                prop_assert!(code.as_str().bytes().all(|octet| octet.is_ascii_graphic()));
                prop_assert!(!code.as_str().contains(['"', ',', ';']));
            }
        }
    }
}
