//! **Verbs**: what can be asked of a running simulation, over the control socket or in memory.

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::mobile::{MobileText, Objection};
use tagged::tagged;

tagged! {
    /// One request, as one line of JSON: `{"do":"unplug","modem":0,"for_ms":3000}`.
    #[derive(Clone, Debug, PartialEq)]
    pub(crate) enum Request by "do" {
        /// The texts a handset has received.
        "handset" => Handset { number: String },
        /// How often a handset has received exactly this text.
        "times" => Times { number: String, text: String },
        /// How many texts all handsets have received, and how many of them for a second time.
        "totals" => Totals,
        /// How many texts and reports the network keeps for a modem.
        "waiting" => Waiting { modem: usize },
        /// What befell the slots of a modem, from this note on, as far as it is still known.
        "slots" => Slots { modem: usize, from: u64 },
        /// Texts to a SIM, in this order.
        "deliver" => Deliver { modem: usize, texts: Vec<MobileText> },
        /// A handset writes; to the SIM that wrote to it last, unless a modem is named.
        "reply" => Reply { number: String, text: String, modem: Option<usize> = None },
        "fault" => Fault { modem: usize, fault: Fault },
        "unplug" => Unplug { modem: usize, for_ms: Option<u64> = None },
        "plug" => Plug { modem: usize },
        "stats" => Stats,
        /// Ledger lines from this number on, a page of them.
        "ledger" => Ledger { from: u64 },
        /// Changes what is given, and tells what then holds.
        "network" => Network {
            latency_ms: Option<u64> = None,
            prompt_ms: Option<u64> = None,
            report_after_ms: Option<u64> = None,
            report_status: Option<u8> = None,
        },
        /// Answers when so many texts have been accepted since the start, or when the time is over.
        "wait_accepted" => WaitAccepted { count: u64, timeout_ms: u64 },
    }
}

/// What one modem has done since the simulation began.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ModemStats {
    pub modem: usize,
    /// The path of its port; empty in memory.
    pub port: String,
    pub imei: String,
    pub imsi: String,
    pub iccid: String,
    pub number: String,
    /// Command lines received, `AT+CMGS` included.
    pub at_lines: u64,
    pub cmgs: u64,
    /// By the network.
    pub accepted: u64,
    /// After Ctrl-Z, by the modem or the network.
    pub refused: u64,
    /// Prompts left with ESC.
    pub aborted: u64,
    pub plugged: bool,
}

/// Why a request was not followed.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there is no modem {modem}; the last is {last}")]
    NoSuchModem { modem: usize, last: usize },
    #[error("modem {modem} is not plugged in")]
    NotPlugged { modem: usize },
    #[error("modem {modem} is plugged in already")]
    AlreadyPlugged { modem: usize },
    #[error("too many texts wait for modem {modem}; delete some from its store, or plug it in")]
    TooManyWaiting { modem: usize },
    #[error("the text is empty or longer than 255 parts")]
    TextTooLong,
    #[error("{number:?} is no number")]
    NotANumber { number: String },
    #[error("data is written as an even number of hex digits")]
    NoHex,
}

impl From<Objection> for Refusal {
    fn from(objection: Objection) -> Self {
        match objection {
            Objection::NotANumber { number } => Self::NotANumber { number },
            Objection::NoHex => Self::NoHex,
            Objection::Length => Self::TextTooLong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_does_not_fit_is_refused_with_its_name_and_what_is_wrong() {
        for (request, why) in [
            (r#"{"do":"plug"}"#, "missing field `modem` of plug"),
            (
                r#"{"do":"totals","modem":0}"#,
                "unknown field `modem` of totals, which takes nothing",
            ),
            (
                r#"{"do":"fault","modem":0,"fault":{"kind":"silence","for":3}}"#,
                "field `fault` of fault: unknown field `for` of silence, which takes for_ms",
            ),
            (
                r#"{"do":"deliver","modem":0,"texts":[{"form":"Bank"}]}"#,
                "field `texts` of deliver: unknown field `form`, expected one of `from`, `text`",
            ),
        ] {
            let error = serde_json::from_str::<Request>(request).unwrap_err();
            assert!(error.to_string().starts_with(why), "{error}");
        }
    }
}
