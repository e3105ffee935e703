//! **Fault**: everything a modem, its SIM or its network can be told to do wrong, as it is ordered.
//!
//! What each does, and the number under which it is known, says [`Fault::CATALOGUE`]; the order of the variants is
//! the order of those numbers.

mod catalogue;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use catalogue::Listed;

use crate::personality::{Escape, LineEnds, ReadForm, RegistrationForm, Technology, UssdForm};
use tagged::tagged;

tagged! {
    /// One fault, as it is ordered through the control socket or a scenario: `{"kind":"silence","for_ms":3000}`.
    ///
    /// `times` counts the sends, texts or reports that it is for; `on` can be taken back; [`Fault::Clear`] ends all.
    #[derive(Clone, Debug, PartialEq)]
    pub enum Fault by "kind" {
        "echo" => Echo { on: bool = true },
        "numeric_results" => NumericResults { on: bool = true },
        /// Drawn anew for each prompt.
        "prompt_latency" => PromptLatency { from_ms: u64, to_ms: u64 },
        "bare_prompt" => BarePrompt { on: bool = true },
        "echo_pdu" => EchoPdu { on: bool = true },
        "prompt_late" => PromptLate { ms: u64, times: u32 = 1 },
        "prompt_never" => PromptNever { times: u32 = 1 },
        "stuck_in_prompt" => StuckInPrompt,
        "escape_answer" => EscapeAnswer { answer: Escape },
        "answer_without_ok" => AnswerWithoutOk { times: u32 = 1 },
        "answer_without_reference" => AnswerWithoutReference { times: u32 = 1 },
        /// The text is accepted in time; the modem tells so much later.
        "answer_late" => AnswerLate { ms: u64, times: u32 = 1 },
        /// The text is accepted; the modem never tells.
        "answer_lost" => AnswerLost { times: u32 = 1 },
        /// The text is accepted, and from then on the modem is silent.
        "silent_after_send" => SilentAfterSend { for_ms: Option<u64> = None },
        /// Ignores everything that is written and says nothing, until `silence_ends` or for so long.
        "silence" => Silence { for_ms: Option<u64> = None },
        "silence_ends" => SilenceEnds,
        "refuse_late" => RefuseLate {
            code: u16 = NETWORK_TIMEOUT,
            ms: u64 = RADIO_TIMER_MS,
            /// Whether the service centre has the text all the same.
            accepted: bool = false,
            times: u32 = 1,
        },
        /// `sends` pairs the k-th send from now (1 is the next) with a code.
        "refuse" => Refuse { sends: Vec<(u32, u16)> },
        /// So many of a thousand sends, with a code of the list.
        "refuse_at_random" => RefuseAtRandom { codes: Vec<u16>, per_mille: u16 },
        "errors_in_words" => ErrorsInWords { on: bool = true },
        "unknown_command" => UnknownCommand { text: String },
        "busy_after_cfun" => BusyAfterCfun { code: u16, for_ms: u64 },
        "cpin_without_ok" => CpinWithoutOk { on: bool = true },
        "sim_lock" => SimLock {
            pin: String,
            puk: String = "12345678".into(),
            pin_tries: u8 = 3,
            puk_tries: u8 = 10,
        },
        "sim_absent" => SimAbsent { on: bool = true },
        "sim_failure" => SimFailure { for_ms: u64 },
        "atz_refused_before_pin" => AtzRefusedBeforePin { on: bool = true },
        "csmp_clears_service_centre" => CsmpClearsServiceCentre { on: bool = true },
        "no_service_centre" => NoServiceCentre,
        "sms_not_ready" => SmsNotReady { for_ms: u64 },
        /// Restarts; says these lines instead of the personality's.
        "boot" => Boot { lines: Option<Vec<String>> = None },
        "urc_before_answer" => UrcBeforeAnswer { text: String, times: u32 = 1 },
        "urc_inside_list" => UrcInsideList { texts: Vec<String>, times: u32 = 1 },
        /// The second half of whatever it says comes so much later; 0 ends it.
        "split_lines" => SplitLines { after_ms: u64 },
        /// Writes come in pieces of so many octets, 1 ms apart; 0 ends it.
        "fragments" => Fragments { octets: usize },
        "random_fragments" => RandomFragments { from: usize, to: usize },
        /// What is said within so long comes in one piece; 0 ends it.
        "coalesce" => Coalesce { ms: u64 },
        /// Octets of its speech, so many of a thousand: 0x00 or 0xFF put in, left out, or one bit turned.
        "noise" => Noise { insert_per_mille: u16 = 0, drop_per_mille: u16 = 0, flip_per_mille: u16 = 0 },
        "garbage" => Garbage { hex: String },
        "line_ends" => LineEnds { style: LineEnds },
        "ring_during_send" => RingDuringSend { number: String, times: u32 = 1 },
        /// Values of `+CNMI` that are refused, advertised or not.
        "cnmi_refuses" => CnmiRefuses {
            mode: Vec<u8> = Vec::new(),
            mt: Vec<u8> = Vec::new(),
            bm: Vec<u8> = Vec::new(),
            ds: Vec<u8> = Vec::new(),
            bfr: Vec<u8> = Vec::new(),
        },
        "cnma_timeout" => CnmaTimeout { ms: u64 },
        "cnma_refused" => CnmaRefused { times: u32 = 1 },
        "report_comma" => ReportComma { on: bool = true },
        /// With ds=2: where reports are said to be, though they are in "SR", and whether they can be read there.
        "report_store" => ReportStore {
            announced: Option<String> = None,
            index: i64 = 0,
            unreadable: bool = false,
        },
        /// The report is announced before the answer to the send it reports on.
        "report_first" => ReportFirst { times: u32 = 1 },
        "report_twice" => ReportTwice { times: u32 = 1 },
        /// A report with this status (still trying) comes before the final one.
        "report_pending" => ReportPending { status: u8 = STILL_TRYING, times: u32 = 1 },
        /// A report on a text that was never sent.
        "report_stray" => ReportStray { reference: u8 },
        /// The recipient without its country code.
        "report_national" => ReportNational { times: u32 = 1 },
        /// The reports of the next sends carry this TP-ST.
        "report_status" => ReportStatus { status: u8, times: u32 = 1 },
        "next_reference" => NextReference { value: u8 },
        /// How the next texts are announced: elsewhere, with another index, several times or (`copies` 0) not at all.
        "announcement" => Announcement {
            store: Option<String> = None,
            index: Option<i64> = None,
            copies: u32 = 1,
            times: u32 = 1,
        },
        "stores_texts_in" => StoresTextsIn { store: String },
        "announce_empty" => AnnounceEmpty { store: String, index: i64 },
        /// The SIM's store says it is full.
        "storage_full" => StorageFull { on: bool = true },
        "cpms_forms" => CpmsForms { values: Vec<usize> },
        "cpms_empty" => CpmsEmpty { on: bool = true },
        "cpms_lies" => CpmsLies { used: usize },
        /// How the parts of the next long texts to this SIM come.
        "parts" => Parts {
            order: Order = Order::Straight,
            /// Numbers of parts that never come, counted from 1.
            missing: Vec<u8> = Vec::new(),
            /// Numbers of parts that come twice.
            duplicated: Vec<u8> = Vec::new(),
            /// References of 16 bits.
            wide: bool = false,
            reference: Option<u16> = None,
            times: u32 = 1,
        },
        "class0" => Class0 { times: u32 = 1 },
        "read_form" => ReadForm { form: ReadForm },
        "empty_slot" => EmptySlot { answer: crate::personality::EmptySlot },
        "registration_form" => RegistrationForm { form: RegistrationForm },
        /// `<stat>` of `+CREG`: 3 denied, 5 roaming, 6 texts only, … from now, or behind so many more sends.
        "registration" => Registration { state: u8, after_sends: Option<u32> = None },
        /// The network is lost (`+CREG: 2`), or found again.
        "unregistered" => Unregistered { on: bool = true },
        /// `+CSQ`; with `fade_to`, it gets there evenly in `over_ms`.
        "signal" => Signal { rssi: u8, ber: u8 = UNKNOWN_BER, fade_to: Option<u8> = None, over_ms: u64 = 0 },
        "lte_refuses" => LteRefuses { code: u16 = UNKNOWN_ERROR, on: bool = true },
        "ussd" => Ussd { form: UssdForm, text: Option<String> = None },
        "cmms_refused" => CmmsRefused { code: u16 = UNKNOWN_ERROR, on: bool = true },
        /// The line comes again and again until the command is given.
        "urc_flood" => UrcFlood { text: String, every_ms: u64, until: String },
        /// The next send draws the supply down; the modem is off for so long and forgets everything.
        "undervoltage" => Undervoltage { for_ms: u64, accepted: bool = false },
        /// Its port goes and comes back; now, or while the next send is under way.
        "reenumeration" => Reenumeration { for_ms: u64, in_flight: bool = false },
        /// A text whose answer was outstanding when the modem is unplugged has not been sent.
        "loses_in_flight" => LosesInFlight { on: bool = true },
        /// Both ports go, and each comes back under the other's name.
        "swap_ports" => SwapPorts { with: usize, for_ms: u64 = 9000 },
        /// All ports go at once.
        "brown_out" => BrownOut { for_ms: u64 },
        "slow_commands" => SlowCommands { names: Vec<String>, ms: u64 },
        /// After so many sends every one is refused; after `denied_after` of those the SIM is denied the network.
        "sim_cap" => SimCap {
            after: u32,
            code: u16,
            denied_after: Option<u32> = None,
            /// `+CFUN=1,1` begins the count anew.
            reset_helps: bool = false,
        },
        "no_credit" => NoCredit { code: u16, on: bool = true },
        /// Texts are accepted and not delivered; so much later the report says 0x46, without it there is none.
        "operator_filter" => OperatorFilter { on: bool = true, expires_ms: Option<u64> = None },
        /// No reports for the next sends; without `times`, for all until `clear`.
        "no_reports" => NoReports { times: Option<u32> = None },
        "port_busy" => PortBusy { on: bool = true },
        /// Another program types on the same port.
        "foreign_host" => ForeignHost { text: String, every_ms: u64, times: u32 = 1 },
        /// How long a send takes is drawn as measured on this radio; `tail` adds the rare 15 s.
        "latency" => Latency { radio: Technology, tail: bool = false },
        /// The network's clock, in quarters of an hour east of Greenwich, and how far it is wrong.
        "clock_offset" => ClockOffset { quarters: i8, seconds: i64 = 0 },
        "reset_drops_port" => ResetDropsPort { for_ms: u64 },
        "reboots_itself" => RebootsItself { every_ms: u64, gone_ms: u64 = 0 },
        /// The answers to the next commands are held back, and come before the one after.
        "answers_held_back" => AnswersHeldBack { times: u32 = 1 },
        /// The modem says this line unasked.
        "urc" => Urc { text: String },
        /// The SIM goes into that modem, whose own comes out; the latter is what [`Fault::SimAbsent`] puts in here.
        "sim_moves" => SimMoves { to: usize },
        /// Ends every fault of this modem.
        "clear" => Clear,
    }
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

impl Fault {
    /// The name it is ordered by.
    pub fn name(&self) -> &'static str {
        self.kind()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

const NETWORK_TIMEOUT: u16 = 332;
/// TR1M of 24.011 §10.1 and what comes on top.
const RADIO_TIMER_MS: u64 = 42_000;
const STILL_TRYING: u8 = 0x30;
const UNKNOWN_BER: u8 = 99;
const UNKNOWN_ERROR: u16 = 500;
