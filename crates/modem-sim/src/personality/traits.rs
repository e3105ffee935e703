//! The traits of a personality, each with the standard's answer as its default.

use serde::{Deserialize, Serialize};

/// Who made it.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Make {
    pub(crate) manufacturer: String,
    pub(crate) model: String,
    /// Empty: `+CGMR` is answered with an error.
    pub(crate) revision: String,
    /// The lines of `ATI`; empty: manufacturer, model, revision and IMEI under their names.
    pub(crate) information: Vec<String>,
}

impl Default for Make {
    fn default() -> Self {
        Self {
            manufacturer: "Cellpost".into(),
            model: "SIM-1".into(),
            revision: "1.0".into(),
            information: Vec::new(),
        }
    }
}

/// How it talks.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SpeechTraits {
    /// At power-up.
    pub(crate) echo: bool,
    /// Result codes in words at power-up (V1).
    pub(crate) verbose: bool,
    /// `+CMEE` at power-up.
    pub(crate) cmee: u8,
    /// Errors come in words whatever `+CMEE` says.
    pub(crate) always_words: bool,
    pub(crate) line_ends: LineEnds,
    pub(crate) prompt: Prompt,
    pub(crate) escape: Escape,
    /// The PDU comes back although echo is off.
    pub(crate) echoes_pdu: bool,
    /// What is said to a command that it does not know.
    pub(crate) unknown: String,
    /// Errors in words begin with a capital letter.
    pub(crate) capitals: bool,
    /// What is said to a `+CNMI` with more values than there are.
    pub(crate) too_many: String,
    /// Standard commands that it does not have.
    pub(crate) refuses: Vec<String>,
    /// Commands that take their time.
    pub(crate) slow: Vec<Slow>,
    /// Behind a final result nothing is heard for so long.
    pub(crate) deaf_ms: u64,
}

impl Default for SpeechTraits {
    fn default() -> Self {
        Self {
            echo: true,
            verbose: true,
            cmee: 0,
            always_words: false,
            line_ends: LineEnds::Standard,
            prompt: Prompt::Standard,
            escape: Escape::Ok,
            echoes_pdu: false,
            unknown: "ERROR".into(),
            capitals: false,
            too_many: "ERROR".into(),
            refuses: Vec::new(),
            slow: Vec::new(),
            deaf_ms: 0,
        }
    }
}

/// What stands around an answer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineEnds {
    /// `\r\n` before and after.
    Standard,
    /// `\r\r\n` before and after.
    Doubled,
    /// An empty line behind each result.
    BlankLines,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Prompt {
    /// `\r\n> `
    Standard,
    /// `\r\n>\r\n`
    Bare,
}

/// What a modem says to ESC in the prompt; 27.005 §3.5.1 leaves it open.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Escape {
    Ok,
    /// `+CMS ERROR: 512`, "user abort".
    Refused,
    Nothing,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Slow {
    pub(crate) names: Vec<String>,
    pub(crate) ms: u64,
}

/// How it comes up.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Boot {
    pub(crate) lines: Vec<BootLine>,
    /// From power-up until texts are known; errors before.
    pub(crate) sms_ready_ms: u64,
    /// Said at that moment.
    pub(crate) sms_ready: Vec<String>,
    /// The `+CME ERROR` after `+CFUN=`, and for how long.
    pub(crate) busy: u16,
    pub(crate) busy_ms: u64,
    /// How long `+CFUN=1,1` takes the port away; 0: it stays.
    pub(crate) reset_gone_ms: u64,
    /// What `+CFUN?` says in place of the level.
    pub(crate) functionality_read: Option<String>,
    pub(crate) flood: Option<Flood>,
}

impl Default for Boot {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            sms_ready_ms: 0,
            sms_ready: Vec::new(),
            busy: 14,
            busy_ms: 0,
            reset_gone_ms: 0,
            functionality_read: None,
            flood: None,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BootLine {
    pub(crate) after_ms: u64,
    pub(crate) text: String,
}

/// A line that is repeated from power-up until a command of this name comes.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flood {
    pub(crate) text: String,
    pub(crate) every_ms: u64,
    pub(crate) until: String,
}

/// How it treats its SIM.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CardTraits {
    /// Where the service centre is before anybody writes `+CSCA`.
    pub(crate) service_centre: String,
    /// No OK follows the answer to `+CPIN?`.
    pub(crate) cpin_without_ok: bool,
    pub(crate) refuses_atz_locked: bool,
    /// Writing `+CSMP` wipes the service centre.
    pub(crate) csmp_clears_centre: bool,
    /// Said when the SIM is taken out, and when one is put in.
    pub(crate) removed: Vec<String>,
    pub(crate) inserted: Vec<String>,
}

impl Default for CardTraits {
    fn default() -> Self {
        Self {
            service_centre: "+8613800100500".into(),
            cpin_without_ok: false,
            refuses_atz_locked: false,
            csmp_clears_centre: false,
            removed: Vec::new(),
            inserted: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RadioTraits {
    pub(crate) technology: Technology,
    pub(crate) form: RegistrationForm,
    /// Behind the OK of `+CREG=1` comes the state as a report.
    pub(crate) urc_after_ok: bool,
    /// Texts are refused with this code as long as the radio is LTE.
    pub(crate) lte_refuses: Option<u16>,
    pub(crate) operator: Operator,
}

impl Default for RadioTraits {
    fn default() -> Self {
        Self {
            technology: Technology::Lte,
            form: RegistrationForm::Standard,
            urc_after_ok: false,
            lte_refuses: None,
            operator: Operator::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Technology {
    Gsm,
    Umts,
    Lte,
}

impl Technology {
    /// `<AcT>` of 27.007 §7.3.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Gsm => 0,
            Self::Umts => 2,
            Self::Lte => 7,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gsm => "GSM",
            Self::Umts => "WCDMA",
            Self::Lte => "LTE",
        }
    }
}

/// How the registration is written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationForm {
    Standard,
    /// Area and cell without quotes, and no technology.
    Unquoted,
    /// `+CREG:002,001,"18d8","ffff"`
    ZeroPadded,
    EmptyState,
    EmptyArea,
    UnbalancedQuotes,
    /// Nothing but OK.
    BareOk,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Operator {
    pub(crate) long_name: String,
    pub(crate) short_name: String,
    pub(crate) code: String,
}

impl Default for Operator {
    fn default() -> Self {
        Self {
            long_name: "CHINA MOBILE".into(),
            short_name: "CMCC".into(),
            code: "46000".into(),
        }
    }
}

/// Where texts are kept, and how they are shown.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StoreTraits {
    /// A real SIM has 10 to 50.
    pub(crate) sim_slots: usize,
    pub(crate) device_slots: usize,
    pub(crate) report_slots: usize,
    /// The index of the first slot: Huawei counts from 0, most others from 1.
    pub(crate) first: usize,
    /// The names that `+CPMS` takes for each of its three memories.
    pub(crate) memories: [Vec<String>; 3],
    /// The test answer, where it does not follow from these.
    pub(crate) listing: Option<String>,
    /// With how many values `+CPMS` may be written.
    pub(crate) values: Vec<usize>,
    pub(crate) start: [String; 3],
    pub(crate) empty_slot: EmptySlot,
    pub(crate) read_form: ReadForm,
    /// What is announced of a stored report, when not where it is.
    pub(crate) reports_announced: Option<Announced>,
    /// The store of reports has no slots for reading.
    pub(crate) reports_unreadable: bool,
    /// Where received texts go, whatever mem3 says.
    pub(crate) texts_in: Option<String>,
    /// Said when a text finds no room; `{store}` is its name.
    pub(crate) full: Option<String>,
    /// What `+CPMS` says in place of the number of taken slots.
    pub(crate) used: Option<usize>,
}

impl Default for StoreTraits {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            sim_slots: 50,
            device_slots: 0,
            report_slots: 10,
            first: 1,
            memories: [
                names(&["SM", "ME", "SR"]),
                names(&["SM", "ME"]),
                names(&["SM", "ME"]),
            ],
            listing: None,
            values: vec![1, 2, 3],
            start: ["SM".into(), "SM".into(), "SM".into()],
            empty_slot: EmptySlot::Refused,
            read_form: ReadForm::Standard,
            reports_announced: None,
            reports_unreadable: false,
            texts_in: None,
            full: None,
            used: None,
        }
    }
}

/// What `+CMGR` says of a slot that holds nothing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptySlot {
    /// `+CMS ERROR: 321`
    Refused,
    /// OK and no more.
    Nothing,
    /// `+CMGR: 0,,0`
    Zeros,
}

/// How `+CMGR` and `+CMGL` write a text.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadForm {
    Standard,
    /// The name is left out, and its comma.
    NoName,
    /// `"` behind the PDU.
    TrailingQuote,
    /// The length is one too many.
    WrongLength,
    /// 0xFF up to the 176 octets of a SIM's record.
    Padded,
    /// The last octets are missing.
    Truncated,
    LowerCase,
    /// No service centre, although the length is as if there were one.
    NoServiceCentre,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Announced {
    pub(crate) store: String,
    pub(crate) index: i64,
}

/// How it tells of texts and reports.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NoticeTraits {
    /// What `+CNMI=?` says.
    pub(crate) advertised: String,
    /// What of it holds: mode, mt, bm, ds, bfr.
    pub(crate) allowed: [Vec<u8>; 5],
    /// `+CDS: ,25` in place of `+CDS: 25`.
    pub(crate) report_comma: bool,
    /// How long a text waits for its `+CNMA`; then direct delivery is over.
    pub(crate) cnma_timeout_ms: u64,
}

impl Default for NoticeTraits {
    fn default() -> Self {
        Self {
            advertised: "(0-2),(0-2),(0,2),(0-2),(0,1)".into(),
            allowed: [
                vec![0, 1, 2],
                vec![0, 1, 2],
                vec![0, 2],
                vec![0, 1, 2],
                vec![0, 1],
            ],
            report_comma: false,
            cnma_timeout_ms: 17_000, // Telit LE910
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SendingTraits {
    /// The code with which `+CMMS=` is refused.
    pub(crate) cmms_refused: Option<u16>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UssdTraits {
    pub(crate) form: UssdForm,
    /// Until a command of the maker's turns it on.
    pub(crate) refused: bool,
    pub(crate) after_ms: u64,
    /// What the network says in place of the balance.
    pub(crate) text: Option<String>,
}

impl Default for UssdTraits {
    fn default() -> Self {
        Self {
            form: UssdForm::Text,
            refused: false,
            after_ms: 3000,
            text: None,
        }
    }
}

/// How the answer to a `+CUSD=1` comes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UssdForm {
    Text,
    /// Without a data coding scheme.
    Bare,
    /// Septets packed, as hex; the request has to come so, too.
    Packed,
    Ucs2,
    /// UCS-2 with what was left in the modem's buffer behind it.
    GarbageTail,
    /// A question: one more answer is awaited.
    Session,
    /// `+CUSD: 2`
    Ended,
    /// `+CUSD: 5`, after a minute.
    TimedOut,
    /// OK, and later `+CME ERROR: 132`.
    LateError,
    /// `+CME ERROR: 30` at once.
    Refused,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chatter {
    pub(crate) text: String,
    pub(crate) every_ms: u64,
}

/// Unsolicited lines in the middle of the answer to a command, each `every` so many of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Interjection {
    pub(crate) command: String,
    pub(crate) texts: Vec<String>,
    pub(crate) every: u32,
}

/// A command of the maker's own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VendorCommand {
    /// As it is written behind `AT`; `*` at the end stands for anything.
    pub(crate) is: String,
    /// The line before OK. `{imei}`, `{iccid}`, `{lock}`, `{tries}`, `{pin_tries}`, `{puk_tries}`, `{radio}`.
    pub(crate) says: Option<String>,
    /// Said behind the OK.
    pub(crate) unasked: Option<String>,
    pub(crate) does: Effect,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Effect {
    #[default]
    None,
    Quiet,
    Chatty,
    Gsm,
    Umts,
    /// Back to what the personality has.
    AnyRadio,
    UssdOn,
    UssdOff,
    Reset,
    PowerOff,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct VendorCommands(pub(crate) Vec<VendorCommand>);

impl Default for VendorCommands {
    /// SIMCom, u-blox and Wavecom share this one; 27.007 has none for the ICCID.
    fn default() -> Self {
        let iccid = |is: &str| VendorCommand {
            is: is.into(),
            says: Some("+CCID: {iccid}".into()),
            ..VendorCommand::default()
        };
        Self(vec![iccid("+CCID"), iccid("+CCID?")])
    }
}
