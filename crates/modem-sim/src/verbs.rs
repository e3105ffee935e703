//! **Verbs**: what can be asked of a running simulation, over the control socket or in memory.

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::mobile::{MobileText, Objection};

/// One request, as one line of JSON: `{"do":"unplug","modem":0,"for_ms":3000}`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// The texts a handset has received.
    Handset {
        number: String,
    },
    /// How often a handset has received exactly this text.
    Times {
        number: String,
        text: String,
    },
    /// How many texts all handsets have received, and how many of them for a second time.
    Totals,
    /// How many texts and reports the network keeps for a modem.
    Waiting {
        modem: usize,
    },
    /// What befell the slots of a modem, from this note on, as far as it is still known.
    Slots {
        modem: usize,
        from: u64,
    },
    /// Texts to a SIM, in this order.
    Deliver {
        modem: usize,
        texts: Vec<MobileText>,
    },
    /// A handset writes; to the SIM that wrote to it last, unless a modem is named.
    Reply {
        number: String,
        text: String,
        #[serde(default)]
        modem: Option<usize>,
    },
    Fault {
        modem: usize,
        fault: Fault,
    },
    Unplug {
        modem: usize,
        #[serde(default)]
        for_ms: Option<u64>,
    },
    Plug {
        modem: usize,
    },
    Stats,
    /// Ledger lines from this number on, a page of them.
    Ledger {
        from: u64,
    },
    /// Changes what is given, and tells what then holds.
    Network {
        #[serde(default)]
        latency_ms: Option<u64>,
        #[serde(default)]
        prompt_ms: Option<u64>,
        #[serde(default)]
        report_after_ms: Option<u64>,
        #[serde(default)]
        report_status: Option<u8>,
    },
    /// Answers when so many texts have been accepted since the start, or when the time is over.
    WaitAccepted {
        count: u64,
        timeout_ms: u64,
    },
}

impl Request {
    /// The only way in: each further kind of reader is the code of all requests once more.
    pub(crate) fn read(request: serde_json::Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(request)
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
