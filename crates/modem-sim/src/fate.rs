//! **Fate**: what becomes of one prompt and one send, as the script has drawn it for the modem and the network.

use std::time::Duration;

/// What becomes of the prompt of one `AT+CMGS`.
#[derive(Debug, PartialEq)]
pub(crate) enum PromptFate {
    Comes {
        late: Duration,
        /// In place of the modem's own time.
        drawn: Option<Duration>,
    },
    Never,
}

/// What becomes of one send; drawn when its Ctrl-Z is read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SendFate {
    pub(crate) refused: Option<Refused>,
    pub(crate) answer: AnswerFate,
    pub(crate) wording: Wording,
    pub(crate) report: ReportFate,
    /// In place of the network's own time.
    pub(crate) travel: Option<Duration>,
    /// Accepted, and never brought to its handset.
    pub(crate) filtered: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refused {
    pub(crate) code: u16,
    pub(crate) late: Duration,
    /// The service centre has the text all the same.
    pub(crate) accepted: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AnswerFate {
    InTime,
    Late { ms: u64 },
    Lost,
}

/// How much of the answer is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wording {
    Whole,
    WithoutOk,
    WithoutReference,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ReportFate {
    Comes(ReportManner),
    Never,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ReportManner {
    pub(crate) status: Option<u8>,
    pub(crate) before_answer: bool,
    pub(crate) pending_first: Option<u8>,
    pub(crate) twice: bool,
    pub(crate) national: bool,
    /// In place of the network's own time.
    pub(crate) after: Option<Duration>,
}
