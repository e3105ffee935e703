//! **Fault**: everything a modem, its SIM or its network can be told to do wrong, as it is ordered.
//!
//! What each does, and the number under which it is known, says [`Fault::CATALOGUE`]; the order of the variants is
//! the order of those numbers.

mod catalogue;

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use catalogue::Listed;

use crate::personality::{Escape, LineEnds, ReadForm, RegistrationForm, Technology, UssdForm};

/// One fault, as it is ordered through the control socket or a scenario: `{"kind":"silence","for_ms":3000}`.
///
/// `times` counts the sends, texts or reports that it is for; `on` can be taken back; [`Fault::Clear`] ends all.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(
    remote = "Self",
    tag = "kind",
    rename_all = "snake_case",
    deny_unknown_fields
)]
pub enum Fault {
    Echo {
        #[serde(default = "yes")]
        on: bool,
    },
    NumericResults {
        #[serde(default = "yes")]
        on: bool,
    },
    /// Drawn anew for each prompt.
    PromptLatency {
        from_ms: u64,
        to_ms: u64,
    },
    BarePrompt {
        #[serde(default = "yes")]
        on: bool,
    },
    EchoPdu {
        #[serde(default = "yes")]
        on: bool,
    },
    PromptLate {
        ms: u64,
        #[serde(default = "once")]
        times: u32,
    },
    PromptNever {
        #[serde(default = "once")]
        times: u32,
    },
    StuckInPrompt,
    EscapeAnswer {
        answer: Escape,
    },
    AnswerWithoutOk {
        #[serde(default = "once")]
        times: u32,
    },
    AnswerWithoutReference {
        #[serde(default = "once")]
        times: u32,
    },
    /// The text is accepted in time; the modem tells so much later.
    AnswerLate {
        ms: u64,
        #[serde(default = "once")]
        times: u32,
    },
    /// The text is accepted; the modem never tells.
    AnswerLost {
        #[serde(default = "once")]
        times: u32,
    },
    /// The text is accepted, and from then on the modem is silent.
    SilentAfterSend {
        #[serde(default)]
        for_ms: Option<u64>,
    },
    /// Ignores everything that is written and says nothing, until `silence_ends` or for so long.
    Silence {
        #[serde(default)]
        for_ms: Option<u64>,
    },
    SilenceEnds,
    RefuseLate {
        #[serde(default = "network_timeout")]
        code: u16,
        #[serde(default = "radio_timer")]
        ms: u64,
        /// Whether the service centre has the text all the same.
        #[serde(default)]
        accepted: bool,
        #[serde(default = "once")]
        times: u32,
    },
    /// `sends` pairs the k-th send from now (1 is the next) with a code.
    Refuse {
        sends: Vec<(u32, u16)>,
    },
    /// So many of a thousand sends, with a code of the list.
    RefuseAtRandom {
        codes: Vec<u16>,
        per_mille: u16,
    },
    ErrorsInWords {
        #[serde(default = "yes")]
        on: bool,
    },
    UnknownCommand {
        text: String,
    },
    BusyAfterCfun {
        code: u16,
        for_ms: u64,
    },
    CpinWithoutOk {
        #[serde(default = "yes")]
        on: bool,
    },
    SimLock {
        pin: String,
        #[serde(default = "some_puk")]
        puk: String,
        #[serde(default = "three")]
        pin_tries: u8,
        #[serde(default = "ten")]
        puk_tries: u8,
    },
    SimAbsent {
        #[serde(default = "yes")]
        on: bool,
    },
    SimFailure {
        for_ms: u64,
    },
    AtzRefusedBeforePin {
        #[serde(default = "yes")]
        on: bool,
    },
    CsmpClearsServiceCentre {
        #[serde(default = "yes")]
        on: bool,
    },
    NoServiceCentre,
    SmsNotReady {
        for_ms: u64,
    },
    /// Restarts; says these lines instead of the personality's.
    Boot {
        #[serde(default)]
        lines: Option<Vec<String>>,
    },
    UrcBeforeAnswer {
        text: String,
        #[serde(default = "once")]
        times: u32,
    },
    UrcInsideList {
        texts: Vec<String>,
        #[serde(default = "once")]
        times: u32,
    },
    /// The second half of whatever it says comes so much later; 0 ends it.
    SplitLines {
        after_ms: u64,
    },
    /// Writes come in pieces of so many octets, 1 ms apart; 0 ends it.
    Fragments {
        octets: usize,
    },
    RandomFragments {
        from: usize,
        to: usize,
    },
    /// What is said within so long comes in one piece; 0 ends it.
    Coalesce {
        ms: u64,
    },
    /// Octets of its speech, so many of a thousand: 0x00 or 0xFF put in, left out, or one bit turned.
    Noise {
        #[serde(default)]
        insert_per_mille: u16,
        #[serde(default)]
        drop_per_mille: u16,
        #[serde(default)]
        flip_per_mille: u16,
    },
    Garbage {
        hex: String,
    },
    LineEnds {
        style: LineEnds,
    },
    RingDuringSend {
        number: String,
        #[serde(default = "once")]
        times: u32,
    },
    /// Values of `+CNMI` that are refused, advertised or not.
    CnmiRefuses {
        #[serde(default)]
        mode: Vec<u8>,
        #[serde(default)]
        mt: Vec<u8>,
        #[serde(default)]
        bm: Vec<u8>,
        #[serde(default)]
        ds: Vec<u8>,
        #[serde(default)]
        bfr: Vec<u8>,
    },
    CnmaTimeout {
        ms: u64,
    },
    CnmaRefused {
        #[serde(default = "once")]
        times: u32,
    },
    ReportComma {
        #[serde(default = "yes")]
        on: bool,
    },
    /// With ds=2: where reports are said to be, though they are in "SR", and whether they can be read there.
    ReportStore {
        #[serde(default)]
        announced: Option<String>,
        #[serde(default)]
        index: i64,
        #[serde(default)]
        unreadable: bool,
    },
    /// The report is announced before the answer to the send it reports on.
    ReportFirst {
        #[serde(default = "once")]
        times: u32,
    },
    ReportTwice {
        #[serde(default = "once")]
        times: u32,
    },
    /// A report with this status (still trying) comes before the final one.
    ReportPending {
        #[serde(default = "still_trying")]
        status: u8,
        #[serde(default = "once")]
        times: u32,
    },
    /// A report on a text that was never sent.
    ReportStray {
        reference: u8,
    },
    /// The recipient without its country code.
    ReportNational {
        #[serde(default = "once")]
        times: u32,
    },
    /// The reports of the next sends carry this TP-ST.
    ReportStatus {
        status: u8,
        #[serde(default = "once")]
        times: u32,
    },
    NextReference {
        value: u8,
    },
    /// How the next texts are announced: elsewhere, with another index, several times or (`copies` 0) not at all.
    Announcement {
        #[serde(default)]
        store: Option<String>,
        #[serde(default)]
        index: Option<i64>,
        #[serde(default = "once")]
        copies: u32,
        #[serde(default = "once")]
        times: u32,
    },
    StoresTextsIn {
        store: String,
    },
    AnnounceEmpty {
        store: String,
        index: i64,
    },
    /// The SIM's store says it is full.
    StorageFull {
        #[serde(default = "yes")]
        on: bool,
    },
    CpmsForms {
        values: Vec<usize>,
    },
    CpmsEmpty {
        #[serde(default = "yes")]
        on: bool,
    },
    CpmsLies {
        used: usize,
    },
    /// How the parts of the next long texts to this SIM come.
    Parts {
        #[serde(default)]
        order: Order,
        /// Numbers of parts that never come, counted from 1.
        #[serde(default)]
        missing: Vec<u8>,
        /// Numbers of parts that come twice.
        #[serde(default)]
        duplicated: Vec<u8>,
        /// References of 16 bits.
        #[serde(default)]
        wide: bool,
        #[serde(default)]
        reference: Option<u16>,
        #[serde(default = "once")]
        times: u32,
    },
    Class0 {
        #[serde(default = "once")]
        times: u32,
    },
    ReadForm {
        form: ReadForm,
    },
    EmptySlot {
        answer: crate::personality::EmptySlot,
    },
    RegistrationForm {
        form: RegistrationForm,
    },
    /// `<stat>` of `+CREG`: 3 denied, 5 roaming, 6 texts only, … from now, or behind so many more sends.
    Registration {
        state: u8,
        #[serde(default)]
        after_sends: Option<u32>,
    },
    /// The network is lost (`+CREG: 2`), or found again.
    Unregistered {
        #[serde(default = "yes")]
        on: bool,
    },
    /// `+CSQ`; with `fade_to`, it gets there evenly in `over_ms`.
    Signal {
        rssi: u8,
        #[serde(default = "unknown_errors")]
        ber: u8,
        #[serde(default)]
        fade_to: Option<u8>,
        #[serde(default)]
        over_ms: u64,
    },
    LteRefuses {
        #[serde(default = "unknown_error")]
        code: u16,
        #[serde(default = "yes")]
        on: bool,
    },
    Ussd {
        form: UssdForm,
        #[serde(default)]
        text: Option<String>,
    },
    CmmsRefused {
        #[serde(default = "unknown_error")]
        code: u16,
        #[serde(default = "yes")]
        on: bool,
    },
    /// The line comes again and again until the command is given.
    UrcFlood {
        text: String,
        every_ms: u64,
        until: String,
    },
    /// The next send draws the supply down; the modem is off for so long and forgets everything.
    Undervoltage {
        for_ms: u64,
        #[serde(default)]
        accepted: bool,
    },
    /// Its port goes and comes back; now, or while the next send is under way.
    Reenumeration {
        for_ms: u64,
        #[serde(default)]
        in_flight: bool,
    },
    /// A text whose answer was outstanding when the modem is unplugged has not been sent.
    LosesInFlight {
        #[serde(default = "yes")]
        on: bool,
    },
    /// Both ports go, and each comes back under the other's name.
    SwapPorts {
        with: usize,
        #[serde(default = "nine_seconds")]
        for_ms: u64,
    },
    /// All ports go at once.
    BrownOut {
        for_ms: u64,
    },
    SlowCommands {
        names: Vec<String>,
        ms: u64,
    },
    /// After so many sends every one is refused; after `denied_after` of those the SIM is denied the network.
    SimCap {
        after: u32,
        code: u16,
        #[serde(default)]
        denied_after: Option<u32>,
        /// `+CFUN=1,1` begins the count anew.
        #[serde(default)]
        reset_helps: bool,
    },
    NoCredit {
        code: u16,
        #[serde(default = "yes")]
        on: bool,
    },
    /// Texts are accepted and not delivered; so much later the report says 0x46, without it there is none.
    OperatorFilter {
        #[serde(default = "yes")]
        on: bool,
        #[serde(default)]
        expires_ms: Option<u64>,
    },
    /// No reports for the next sends; without `times`, for all until `clear`.
    NoReports {
        #[serde(default)]
        times: Option<u32>,
    },
    PortBusy {
        #[serde(default = "yes")]
        on: bool,
    },
    /// Another program types on the same port.
    ForeignHost {
        text: String,
        every_ms: u64,
        #[serde(default = "once")]
        times: u32,
    },
    /// How long a send takes is drawn as measured on this radio; `tail` adds the rare 15 s.
    Latency {
        radio: Technology,
        #[serde(default)]
        tail: bool,
    },
    /// The network's clock, in quarters of an hour east of Greenwich, and how far it is wrong.
    ClockOffset {
        quarters: i8,
        #[serde(default)]
        seconds: i64,
    },
    ResetDropsPort {
        for_ms: u64,
    },
    RebootsItself {
        every_ms: u64,
        #[serde(default)]
        gone_ms: u64,
    },
    /// The answers to the next commands are held back, and come before the one after.
    AnswersHeldBack {
        #[serde(default = "once")]
        times: u32,
    },
    /// The modem says this line unasked.
    Urc {
        text: String,
    },
    /// The SIM goes into that modem, whose own comes out; the latter is what [`Fault::SimAbsent`] puts in here.
    SimMoves {
        to: usize,
    },
    /// Ends every fault of this modem.
    Clear,
}

/// The order in which parts come.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    #[default]
    Straight,
    Reversed,
    /// Drawn from the seed.
    Shuffled,
    /// Part numbers from 1; those not named follow.
    Given(Vec<u8>),
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

/// By way of a value, whatever is read: each further kind of reader would be the code of all faults once more.
impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(serde_json::Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Fault {
    fn read(value: serde_json::Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(value)
    }
}

impl Fault {
    /// The name it is ordered by.
    pub fn name(&self) -> &'static str {
        let written = serde_json::to_value(self).unwrap_or_default();
        let kind = written["kind"].as_str().unwrap_or_default();
        let listed = Self::CATALOGUE.iter().find(|listed| listed.name == kind);
        listed
            .expect("every fault is in the catalogue; a test orders each")
            .name
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn once() -> u32 {
    1
}

fn yes() -> bool {
    true
}

fn three() -> u8 {
    3
}

fn ten() -> u8 {
    10
}

fn some_puk() -> String {
    "12345678".into()
}

fn network_timeout() -> u16 {
    332
}

/// TR1M of 24.011 §10.1 and what comes on top.
fn radio_timer() -> u64 {
    42_000
}

fn still_trying() -> u8 {
    0x30
}

fn unknown_errors() -> u8 {
    99
}

fn unknown_error() -> u16 {
    500
}

fn nine_seconds() -> u64 {
    9000
}
