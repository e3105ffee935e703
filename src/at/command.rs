//! The commands we speak: their text, how their answer looks, how long they may take.

use std::borrow::Cow;
use std::time::Duration;

use super::storage::{Memory, Slot};

/// One command, ready to be written.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    /// What follows `AT`.
    pub(crate) text: Cow<'static, str>,
    pub(crate) answer: Answer,
    /// From the line to its final result, or to its prompt; `None`: as long as the modem is given generally.
    pub(crate) patience: Option<Duration>,
    /// Ends with a prompt instead of a result; a text follows.
    pub(crate) prompts: bool,
    /// Answers that may lack their `OK` are complete this long after their information.
    pub(crate) settles: Option<Duration>,
}

/// How the information lines of an answer are recognised; position proves nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// There is none.
    Nothing,
    Prefixed(Cow<'static, str>),
    /// `+CREG: <n>,<stat>`: the announcement has the same prefix and lacks `<n>`.
    Registration(&'static str),
    /// Free words, with the prefix on some modems.
    Words(Cow<'static, str>),
    /// A number without a prefix, or with one of the kind `+CCID:`.
    Digits(Cow<'static, str>),
    /// Lines with this prefix, each followed by its PDU.
    Pdus(&'static str),
}

const SHORT: Option<Duration> = Some(Duration::from_secs(2));
const ORDINARY: Option<Duration> = Some(Duration::from_secs(3));
const LONG: Option<Duration> = Some(Duration::from_secs(15));
/// For networks, of all bands.
const SEARCH: Option<Duration> = Some(Duration::from_secs(180));
/// How long an answer without `OK` is waited on: seen with `+CMGS:` and with Wavecom's `+CPIN:`.
const NO_OK: Duration = Duration::from_secs(1);

/// Measured prompts come within a second; what takes longer does not come.
const PROMPT: Option<Duration> = Some(Duration::from_secs(5));

impl Command {
    const fn new(text: &'static str, answer: Answer, patience: Option<Duration>) -> Self {
        Self {
            text: Cow::Borrowed(text),
            answer,
            patience,
            prompts: false,
            settles: None,
        }
    }

    const fn plain(text: &'static str, patience: Option<Duration>) -> Self {
        Self::new(text, Answer::Nothing, patience)
    }

    /// A command from a ladder of forms, with no information in its answer that is of use.
    pub(crate) fn form(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            text: text.into(),
            ..Self::plain("", ORDINARY)
        }
    }

    /// A question that a profile knows: its answer begins with the command's name.
    pub(crate) fn question(text: &str) -> Self {
        Self {
            text: Cow::Owned(text.to_owned()),
            answer: Answer::Prefixed(Cow::Owned(prefix_of(text))),
            ..Self::plain("", None)
        }
    }

    /// A question for digits that a profile knows.
    pub(crate) fn question_for_digits(text: &str) -> Self {
        Self {
            text: Cow::Owned(text.to_owned()),
            answer: Answer::Digits(Cow::Owned(prefix_of(text))),
            ..Self::plain("", None)
        }
    }

    /// What a person typed: its answer begins with the command's name, or is free words.
    pub(crate) fn typed(text: &str) -> Self {
        let is_named = !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '&');
        let prefix = match is_named && !text.is_empty() {
            true => prefix_of(&text.to_ascii_uppercase()),
            // No line begins so.
            false => "\0".to_owned(),
        };
        let searches = text.to_ascii_uppercase().starts_with("+COPS=");
        Self {
            text: Cow::Owned(text.to_owned()),
            answer: Answer::Words(Cow::Owned(prefix)),
            patience: if searches { SEARCH } else { LONG },
            ..Self::plain("", None)
        }
    }

    /// Asks the network, and has its answer announced; the coding of `written` is the caller's (27.007 §7.15).
    pub(crate) fn ask_network(written: &str) -> Self {
        Self {
            text: Cow::Owned(format!("+CUSD=1,\"{written}\",15")),
            ..Self::plain("", LONG)
        }
    }

    /// Ends what the network waits for.
    pub(crate) const END_DIALOGUE: Self = Self::plain("+CUSD=2", LONG);
    pub(crate) const CHARACTERS_UCS2: Self = Self::plain("+CSCS=\"UCS2\"", ORDINARY);
    pub(crate) const CHARACTERS_GSM: Self = Self::plain("+CSCS=\"GSM\"", ORDINARY);

    /// Whoever calls is told, where the network tells it.
    pub(crate) const ANNOUNCE_CALLER: Self = Self::plain("+CLIP=1", SHORT);
    // 27.007 §6.5: ends voice calls too where ATH is for data only.
    pub(crate) const HANG_UP: Self = Self::plain("+CHUP", ORDINARY);
    pub(crate) const HANG_UP_ALL: Self = Self::plain("H", ORDINARY);

    /// `AT`, while it is not known whether anybody listens.
    pub(crate) const fn attention(patience: Duration) -> Self {
        Self::plain("", Some(patience))
    }

    pub(crate) const ECHO_OFF: Self = Self::plain("E0", SHORT);
    pub(crate) const RESULTS_IN_WORDS: Self = Self::plain("V1", SHORT);
    pub(crate) const RESULTS_ON: Self = Self::plain("Q0", SHORT);
    pub(crate) const ERRORS_AS_CODES: Self = Self::plain("+CMEE=1", SHORT);
    pub(crate) const ERRORS_AS_WORDS: Self = Self::plain("+CMEE=2", SHORT);

    pub(crate) const MAKER: Self = Self::new("+CGMI", Answer::Words(Cow::Borrowed("+CGMI:")), None);
    pub(crate) const MODEL: Self = Self::new("+CGMM", Answer::Words(Cow::Borrowed("+CGMM:")), None);
    pub(crate) const REVISION: Self =
        Self::new("+CGMR", Answer::Words(Cow::Borrowed("+CGMR:")), None);
    pub(crate) const IMEI: Self = Self::new("+CGSN", Answer::Digits(Cow::Borrowed("+CGSN:")), None);
    // Telit takes up to 20 s while it reads the SIM.
    pub(crate) const IMSI: Self = Self::new(
        "+CIMI",
        Answer::Digits(Cow::Borrowed("+CIMI:")),
        Some(Duration::from_secs(20)),
    );
    /// The ways to ask for the ICCID; a modem knows one or two of them. The last reads the file on the SIM itself.
    pub(crate) const ICCID: [Self; 7] = [
        Self::new("+CCID", Answer::Digits(Cow::Borrowed("+CCID:")), None),
        Self::new("+ICCID", Answer::Digits(Cow::Borrowed("+ICCID:")), None),
        Self::new("+QCCID", Answer::Digits(Cow::Borrowed("+QCCID:")), None),
        Self::new("+CICCID", Answer::Digits(Cow::Borrowed("+ICCID:")), None),
        Self::new("^ICCID?", Answer::Digits(Cow::Borrowed("^ICCID:")), None),
        Self::new(
            "+ZGETICCID",
            Answer::Digits(Cow::Borrowed("+ZGETICCID:")),
            None,
        ),
        Self::new(
            "+CRSM=176,12258,0,0,10",
            Answer::Prefixed(Cow::Borrowed("+CRSM:")),
            None,
        ),
    ];
    pub(crate) const OWN_NUMBER: Self =
        Self::new("+CNUM", Answer::Prefixed(Cow::Borrowed("+CNUM:")), None);

    pub(crate) const SIM_STATE: Self = Self {
        text: Cow::Borrowed("+CPIN?"),
        answer: Answer::Prefixed(Cow::Borrowed("+CPIN:")),
        patience: None,
        prompts: false,
        settles: Some(NO_OK),
    };

    /// `number`: digits only.
    pub(crate) fn enter_pin(pin: &str) -> Self {
        Self {
            text: Cow::Owned(format!("+CPIN=\"{pin}\"")),
            ..Self::plain("", LONG)
        }
    }

    pub(crate) const FUNCTION: Self =
        Self::new("+CFUN?", Answer::Prefixed(Cow::Borrowed("+CFUN:")), None);
    /// Full functionality: the radio is on.
    pub(crate) const RADIO_ON: Self = Self::plain("+CFUN=1", LONG);
    pub(crate) const RADIO_OFF: Self = Self::plain("+CFUN=4", LONG);
    /// Stored settings, then the factory's.
    pub(crate) const RESET: Self = Self::plain("Z", ORDINARY);
    pub(crate) const FACTORY: Self = Self::plain("&F", ORDINARY);
    pub(crate) const REGISTRATION: Self = Self::new("+CREG?", Answer::Registration("+CREG:"), None);
    pub(crate) const LTE_REGISTRATION: Self =
        Self::new("+CEREG?", Answer::Registration("+CEREG:"), None);
    pub(crate) const OPERATOR_AS_NUMBER: Self = Self::plain("+COPS=3,2", None);
    // Never AT+COPS=0: it starts a search of up to 180 s.
    pub(crate) const OPERATOR: Self = Self::new(
        "+COPS?",
        Answer::Prefixed(Cow::Borrowed("+COPS:")),
        Some(Duration::from_secs(10)),
    );
    /// Only when there has been no network for minutes: it may search for 180 s.
    pub(crate) const SELECT_OPERATOR: Self = Self::plain("+COPS=0", SEARCH);
    pub(crate) const SIGNAL: Self =
        Self::new("+CSQ", Answer::Prefixed(Cow::Borrowed("+CSQ:")), None);

    pub(crate) const PDU_MODE: Self = Self::plain("+CMGF=0", ORDINARY);
    /// Texts are stored and announced, not handed over: nothing is to be acknowledged (27.005 §3.2.1).
    pub(crate) const STORED_DELIVERY: Self = Self::plain("+CSMS=0", ORDINARY);
    /// Phase 2+: what comes directly is acknowledged by +CNMA.
    pub(crate) const DIRECT_DELIVERY: Self = Self::plain("+CSMS=1", ORDINARY);
    pub(crate) const STORAGES: Self =
        Self::new("+CPMS=?", Answer::Prefixed(Cow::Borrowed("+CPMS:")), None);
    pub(crate) const STORAGE: Self =
        Self::new("+CPMS?", Answer::Prefixed(Cow::Borrowed("+CPMS:")), None);
    pub(crate) const ANNOUNCEMENTS_OFFERED: Self =
        Self::new("+CNMI=?", Answer::Prefixed(Cow::Borrowed("+CNMI:")), None);
    pub(crate) const ANNOUNCEMENTS: Self =
        Self::new("+CNMI?", Answer::Prefixed(Cow::Borrowed("+CNMI:")), None);
    pub(crate) const LINK_OFFERED: Self =
        Self::new("+CMMS=?", Answer::Prefixed(Cow::Borrowed("+CMMS:")), SHORT);
    /// The link to the service centre is kept for some seconds after each part, until further notice (27.005 §3.5.6).
    pub(crate) const KEEP_LINK: Self = Self::plain("+CMMS=2", SHORT);

    /// Selects where texts are stored; the answer says how much fits there.
    pub(crate) fn store_in(storages: &str) -> Self {
        Self {
            text: Cow::Owned(format!("+CPMS={storages}")),
            answer: Answer::Prefixed(Cow::Borrowed("+CPMS:")),
            ..Self::plain("", None)
        }
    }

    pub(crate) const SERVICE_CENTRE: Self =
        Self::new("+CSCA?", Answer::Prefixed(Cow::Borrowed("+CSCA:")), None);

    /// `number`: digits, with or without `+`.
    pub(crate) fn set_service_centre(number: &str) -> Self {
        let type_of_address = if number.starts_with('+') { 145 } else { 129 };
        Self {
            text: Cow::Owned(format!("+CSCA=\"{number}\",{type_of_address}")),
            ..Self::plain("", None)
        }
    }

    /// `octets`: of the TPDU, without the service centre prefix (27.005 §3.5.1).
    pub(crate) fn submit(octets: usize) -> Self {
        Self {
            text: Cow::Owned(format!("+CMGS={octets}")),
            answer: Answer::Prefixed(Cow::Borrowed("+CMGS:")),
            patience: PROMPT,
            prompts: true,
            settles: Some(NO_OK),
        }
    }

    pub(crate) const MESSAGE_SERVICE: Self = Self::new(
        "+CSMS?",
        Answer::Prefixed(Cow::Borrowed("+CSMS:")),
        ORDINARY,
    );
    pub(crate) const ANNOUNCED: Self = Self::new(
        "+CNMI?",
        Answer::Prefixed(Cow::Borrowed("+CNMI:")),
        ORDINARY,
    );
    pub(crate) const MEMORIES_IN_USE: Self = Self::new(
        "+CPMS?",
        Answer::Prefixed(Cow::Borrowed("+CPMS:")),
        ORDINARY,
    );
    pub(crate) const MEMORIES_THERE_ARE: Self = Self::new(
        "+CPMS=?",
        Answer::Prefixed(Cow::Borrowed("+CPMS:")),
        ORDINARY,
    );
    /// Everything in the selected memory. A stick with 25 texts was seen to take eight minutes.
    pub(crate) const LIST: Self = Self::new(
        "+CMGL=4",
        Answer::Pdus("+CMGL:"),
        Some(Duration::from_secs(60)),
    );
    pub(crate) const ACKNOWLEDGE: Self = Self::plain("+CNMA", ORDINARY);

    /// Reads and deletes happen in `memory` from now on.
    pub(crate) fn read_from(memory: Memory) -> Self {
        Self::select(format!("+CPMS=\"{}\"", memory.name()))
    }

    /// The same for modems that want all three named (Brovi E3372-325).
    pub(crate) fn read_from_beside(memory: Memory, write: Memory, receive: Memory) -> Self {
        Self::select(format!(
            "+CPMS=\"{}\",\"{}\",\"{}\"",
            memory.name(),
            write.name(),
            receive.name()
        ))
    }

    fn select(text: String) -> Self {
        Self {
            text: Cow::Owned(text),
            ..Self::new("", Answer::Prefixed(Cow::Borrowed("+CPMS:")), STORED)
        }
    }

    pub(crate) fn read(slot: Slot) -> Self {
        Self {
            text: Cow::Owned(format!("+CMGR={}", slot.index)),
            ..Self::new("", Answer::Pdus("+CMGR:"), STORED)
        }
    }

    pub(crate) fn delete(slot: Slot) -> Self {
        Self {
            text: Cow::Owned(format!("+CMGD={}", slot.index)),
            ..Self::plain("", STORED)
        }
    }
}

/// A SIM takes 0.1 to 0.2 s; long texts were seen to take more than 3 s to be deleted, some peers wait 7.
const STORED: Option<Duration> = Some(Duration::from_secs(10));
/// `+SPIC`, `^CPIN?` and `+ZPINPUK=?` are answered by `+SPIC:`, `^CPIN:` and `+ZPINPUK:`.
fn prefix_of(command: &str) -> String {
    // SIM7600 answers with the name of another command.
    if command == "+CICCID" {
        return "+ICCID:".to_owned();
    }
    let name = command.split(['=', '?']).next().unwrap_or(command);
    format!("{name}:")
}
