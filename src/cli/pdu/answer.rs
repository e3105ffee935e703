//! What `pdu` answers: the codec's types as JSON objects.

use std::fmt;
use std::io::{self, Write};

use pdu_codec::{
    Address, Alphabet, Class, Concatenation, DataCoding, DecodeError, Deliver, EncodeError,
    Envelope, InvalidTimestamp, MessageWaiting, NotEncodable, Ports, Reference, Split, StatusClass,
    StatusReport, Submit, Timestamp, Tpdu, UserData, UserDataHeader, Validity, WaitingKind,
    hex_from_octets,
};
use serde::Serialize;
use serde_json::value::RawValue;

/// One answer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Sentence {
    Decoded(Box<Decoded>),
    Encoded(Encoded),
    Segmented(Segmented),
    Failure(Failure),
}

impl Sentence {
    /// Writes the object; `id` comes last, letter for letter as it was asked.
    pub(super) fn write(&self, id: Option<&RawValue>, answer: &mut Vec<u8>) -> io::Result<()> {
        serde_json::to_writer(&mut *answer, self)?;
        if let Some(id) = id {
            answer.pop();
            write!(answer, ",\"id\":{id}}}")?;
        }
        Ok(())
    }
}

/// Why there is no other answer.
#[derive(Debug, Serialize)]
pub(super) struct Failure {
    ok: bool,
    error: String,
}

impl Failure {
    pub(super) fn new(error: impl Into<String>) -> Self {
        Self {
            ok: false,
            error: error.into(),
        }
    }

    /// The word for a feature of the protocol that is not there: Spanish has no locking table.
    pub(super) fn unsupported() -> Self {
        Self::new("unsupported")
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<EncodeError> for Failure {
    fn from(error: EncodeError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<NotEncodable> for Failure {
    fn from(error: NotEncodable) -> Self {
        Self::new(error.to_string())
    }
}

/// A TPDU, field by field. A field that its type does not have is left out, one that does not apply is `null`.
#[derive(Debug, Serialize)]
pub(super) struct Decoded {
    ok: bool,
    #[serde(rename = "type")]
    kind: &'static str,
    smsc: Option<AddressJson>,
    address: AddressJson,
    #[serde(flatten)]
    fields: Fields,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Fields {
    Deliver(DeliverJson),
    Submit(SubmitJson),
    StatusReport(StatusReportJson),
}

#[derive(Debug, Serialize)]
struct AddressJson {
    number: String,
    ton: u8,
    npi: u8,
}

#[derive(Debug, Serialize)]
struct DeliverJson {
    more_messages: bool,
    reply_path: bool,
    sr_flag: bool,
    pid: u8,
    timestamp: Option<Shown<Timestamp>>,
    #[serde(flatten)]
    content: Content,
}

#[derive(Debug, Serialize)]
struct SubmitJson {
    reply_path: bool,
    reject_duplicates: bool,
    sr_flag: bool,
    mr: u8,
    pid: u8,
    validity: Option<ValidityJson>,
    #[serde(flatten)]
    content: Content,
}

#[derive(Debug, Serialize)]
struct StatusReportJson {
    more_messages: bool,
    sr_flag: bool,
    mr: u8,
    timestamp: Option<Shown<Timestamp>>,
    discharge: Option<Shown<Timestamp>>,
    status: u8,
    status_class: &'static str,
}

/// What a deliver and a submit say.
#[derive(Debug, Serialize)]
struct Content {
    dcs: u8,
    alphabet: &'static str,
    class: Option<u8>,
    compressed: bool,
    mwi: Option<WaitingJson>,
    udh: Option<Vec<ElementJson>>,
    concat: Option<ConcatenationJson>,
    ports: Option<PortsJson>,
    lang: Option<LanguagesJson>,
    text: Option<String>,
    data: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[derive(Debug, Serialize)]
struct WaitingJson {
    #[serde(rename = "type")]
    kind: &'static str,
    active: bool,
    store: bool,
}

#[derive(Debug, Serialize)]
struct ElementJson {
    iei: u8,
    data: String,
}

#[derive(Debug, Serialize)]
struct ConcatenationJson {
    #[serde(rename = "ref")]
    reference: u16,
    total: u8,
    seq: u8,
    bits: u8,
}

#[derive(Debug, Serialize)]
struct PortsJson {
    dst: u16,
    src: u16,
    bits: u8,
}

#[derive(Debug, Serialize)]
struct LanguagesJson {
    single: Option<u8>,
    locking: Option<u8>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "format", rename_all = "lowercase")]
enum ValidityJson {
    Relative { minutes: u32 },
    Absolute { time: Shown<Timestamp> },
    Enhanced { raw: String },
}

/// Serialised as it is displayed.
#[derive(Debug)]
struct Shown<T>(T);

impl<T: fmt::Display> Serialize for Shown<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Decoded {
    pub(super) fn new(smsc: Option<&Address>, tpdu: &Tpdu) -> Self {
        let (kind, address, fields) = match tpdu {
            Tpdu::Deliver(deliver) => (
                "deliver",
                &deliver.originator,
                Fields::Deliver(DeliverJson::from(deliver)),
            ),
            Tpdu::Submit(submit) => (
                "submit",
                &submit.destination,
                Fields::Submit(SubmitJson::from(submit)),
            ),
            Tpdu::StatusReport(report) => (
                "status_report",
                &report.recipient,
                Fields::StatusReport(StatusReportJson::from(report)),
            ),
        };
        Self {
            ok: true,
            kind,
            smsc: smsc.map(AddressJson::from),
            address: AddressJson::from(address),
            fields,
        }
    }
}

impl From<&Address> for AddressJson {
    fn from(address: &Address) -> Self {
        Self {
            number: address.number(),
            ton: address.type_of_number().bits(),
            npi: address.numbering_plan().bits(),
        }
    }
}

impl From<&Deliver> for DeliverJson {
    fn from(deliver: &Deliver) -> Self {
        Self {
            more_messages: deliver.more_messages,
            reply_path: deliver.reply_path,
            sr_flag: deliver.status_report_indication,
            pid: deliver.protocol_id,
            timestamp: shown(deliver.service_centre_time),
            content: Content::new(deliver.data_coding, &deliver.user_data),
        }
    }
}

impl From<&Submit> for SubmitJson {
    fn from(submit: &Submit) -> Self {
        Self {
            reply_path: submit.reply_path,
            reject_duplicates: submit.reject_duplicates,
            sr_flag: submit.request_report,
            mr: submit.message_reference.0,
            pid: submit.protocol_id,
            validity: submit.validity.and_then(validity),
            content: Content::new(submit.data_coding(), submit.user_data()),
        }
    }
}

impl From<&StatusReport> for StatusReportJson {
    fn from(report: &StatusReport) -> Self {
        Self {
            more_messages: report.more_messages,
            sr_flag: report.status_report_qualifier,
            mr: report.message_reference.0,
            timestamp: shown(report.service_centre_time),
            discharge: shown(report.discharge_time),
            status: report.status.0,
            status_class: match report.status.class() {
                StatusClass::Completed => "completed",
                StatusClass::Temporary => "temporary",
                StatusClass::Permanent => "permanent",
                StatusClass::TemporaryFinal => "temporary_final",
                StatusClass::Reserved => "reserved",
            },
        }
    }
}

fn shown(stamp: Result<Timestamp, InvalidTimestamp>) -> Option<Shown<Timestamp>> {
    stamp.ok().map(Shown)
}

fn validity(validity: Validity) -> Option<ValidityJson> {
    match validity {
        Validity::Relative(period) => Some(ValidityJson::Relative {
            minutes: period.minutes(),
        }),
        Validity::Absolute(until) => shown(until).map(|time| ValidityJson::Absolute { time }),
        Validity::Enhanced(enhanced) => Some(ValidityJson::Enhanced {
            raw: hex_from_octets(&enhanced.0),
        }),
    }
}

impl Content {
    fn new(coding: DataCoding, user_data: &UserData) -> Self {
        let header = user_data.header();
        Self {
            dcs: coding.0,
            alphabet: alphabet(coding.alphabet()),
            class: coding.class().map(Class::number),
            compressed: coding.is_compressed(),
            mwi: coding.waiting().map(waiting),
            udh: header.map(elements),
            concat: user_data.concatenation().map(concatenation),
            ports: user_data.ports().map(ports),
            lang: header.and_then(languages),
            text: user_data.text().map(str::to_owned),
            data: user_data.data().map(hex_from_octets),
            truncated: user_data.truncated(),
        }
    }
}

fn alphabet(alphabet: Alphabet) -> &'static str {
    match alphabet {
        Alphabet::Gsm7 => "gsm7",
        Alphabet::EightBit => "8bit",
        Alphabet::Ucs2 => "ucs2",
    }
}

fn waiting(waiting: MessageWaiting) -> WaitingJson {
    WaitingJson {
        kind: match waiting.kind {
            WaitingKind::Voicemail => "voicemail",
            WaitingKind::Fax => "fax",
            WaitingKind::Email => "email",
            WaitingKind::Other => "other",
        },
        active: waiting.active,
        store: waiting.store,
    }
}

fn elements(header: &UserDataHeader) -> Vec<ElementJson> {
    let elements = header.elements().iter();
    elements
        .map(|element| ElementJson {
            iei: element.iei,
            data: hex_from_octets(&element.data),
        })
        .collect()
}

fn concatenation(concatenation: Concatenation) -> ConcatenationJson {
    let reference = concatenation.reference();
    ConcatenationJson {
        reference: reference.value(),
        total: concatenation.total(),
        seq: concatenation.part(),
        bits: match reference {
            Reference::Eight(_) => 8,
            Reference::Sixteen(_) => 16,
        },
    }
}

fn ports(ports: Ports) -> PortsJson {
    PortsJson {
        dst: ports.destination(),
        src: ports.source(),
        bits: match ports {
            Ports::Eight { .. } => 8,
            Ports::Sixteen { .. } => 16,
        },
    }
}

fn languages(header: &UserDataHeader) -> Option<LanguagesJson> {
    let (single, locking) = (header.single_shift(), header.locking_shift());
    (single.is_some() || locking.is_some()).then_some(LanguagesJson { single, locking })
}

/// The parts of a message, as they go to a modem.
#[derive(Debug, Serialize)]
pub(super) struct Encoded {
    ok: bool,
    alphabet: &'static str,
    parts: Vec<PartJson>,
}

#[derive(Debug, Serialize)]
struct PartJson {
    pdu: String,
    tpdu_len: usize,
}

impl Encoded {
    /// `submits` are those of one message: at least one, all in the same alphabet.
    pub(super) fn new(submits: &[Submit], smsc: Option<&Address>) -> Self {
        let coding = submits.first().map(Submit::data_coding);
        Self {
            ok: true,
            alphabet: alphabet(coding.unwrap_or_default().alphabet()),
            parts: submits
                .iter()
                .map(|submit| {
                    let envelope = Envelope::new(smsc.cloned(), submit.encode());
                    PartJson {
                        pdu: envelope.to_hex(),
                        tpdu_len: envelope.cmgs_length(),
                    }
                })
                .collect(),
        }
    }
}

/// How a text is cut.
#[derive(Debug, Serialize)]
pub(super) struct Segmented {
    ok: bool,
    alphabet: &'static str,
    parts: usize,
    units: Vec<usize>,
    chars: Vec<usize>,
}

impl Segmented {
    pub(super) fn new(split: &Split<'_>) -> Result<Self, Failure> {
        let parts = split.parts();
        if parts > MOST_PARTS {
            return Err(EncodeError::TooManyParts { parts }.into());
        }
        let pieces = split.pieces();
        Ok(Self {
            ok: true,
            alphabet: alphabet(split.alphabet()),
            parts,
            units: pieces.iter().map(|piece| piece.units).collect(),
            chars: pieces.iter().map(|piece| piece.characters).collect(),
        })
    }
}

/// 23.040 §9.2.3.24.1: the total is one octet.
const MOST_PARTS: usize = 255;
