//! **Submission**: a text on its way from the prompt to the network, and what its SMS-SUBMIT says.
//!
//! The one place where `pdu-codec` is used: reading, for the ledger and for the handset.

use crate::encode::hex;
use crate::handset::Place;
use crate::modem::Addressed;

/// What a host types between the prompt and Ctrl-Z.
#[derive(Debug)]
pub(crate) struct Entry {
    expected: Expected,
    typed: Vec<u8>,
    spoiled: bool,
    cmgs_ns: u64,
    pub(crate) prompt_ns: u64,
}

#[derive(Debug)]
enum Expected {
    /// So many octets of TPDU, as `+CMGS` announced them.
    Pdu {
        length: usize,
    },
    Text(Addressed),
}

impl Entry {
    pub(crate) fn new(length: usize, cmgs_ns: u64) -> Self {
        Self::of(Expected::Pdu { length }, cmgs_ns)
    }

    pub(crate) fn of_text(addressed: Addressed, cmgs_ns: u64) -> Self {
        Self::of(Expected::Text(addressed), cmgs_ns)
    }

    fn of(expected: Expected, cmgs_ns: u64) -> Self {
        Self {
            expected,
            typed: Vec::new(),
            spoiled: false,
            cmgs_ns,
            prompt_ns: cmgs_ns,
        }
    }

    /// Whether a line has ended behind which a prompt comes again.
    pub(crate) fn type_in(&mut self, octet: u8) -> bool {
        match (&self.expected, octet) {
            (Expected::Pdu { .. }, b'\r' | b'\n') => {}
            (Expected::Pdu { .. }, _) => match octet.is_ascii_hexdigit() {
                true => self.keep(octet.to_ascii_uppercase()),
                false => self.spoiled = true,
            },
            (Expected::Text(_), b'\r') => {
                self.keep(b'\n');
                return true;
            }
            // A line end of two characters is one.
            (Expected::Text(_), b'\n') if self.typed.last() == Some(&b'\n') => {}
            (Expected::Text(_), BACKSPACE) => drop(self.typed.pop()),
            (Expected::Text(_), _) => self.keep(octet),
        }
        false
    }

    fn keep(&mut self, octet: u8) {
        match self.typed.len() < LONGEST_ENTRY {
            true => self.typed.push(octet),
            false => self.spoiled = true,
        }
    }

    /// As hex, without a line end; `None` when it cannot be one PDU.
    fn pdu(&self) -> Option<String> {
        match &self.expected {
            _ if self.spoiled => None,
            Expected::Pdu { .. } => String::from_utf8(self.typed.clone()).ok(),
            Expected::Text(addressed) => addressed.pdu(&self.typed),
        }
    }

    /// The code with which it is refused when it cannot be read (27.005 §3.2.5).
    pub(crate) fn objection(&self) -> u16 {
        match self.expected {
            Expected::Pdu { .. } => 304,
            Expected::Text(_) => 305,
        }
    }

    /// `None` when it is no SMS-SUBMIT of the announced length.
    pub(crate) fn read(&self, reference: u8, pdu_ns: u64) -> Option<Submission> {
        let pdu = self.pdu()?;
        let envelope = pdu_codec::Envelope::from_hex(&pdu).ok()?;
        if let Expected::Pdu { length } = self.expected
            && envelope.tpdu.len() != length
        {
            return None;
        }
        let submit = pdu_codec::Submit::decode(&envelope.tpdu).ok()?;
        let user_data = submit.user_data();
        Some(Submission {
            reference,
            pdu,
            names_service_centre: envelope.smsc.is_some(),
            to: submit.destination.number(),
            recipient: recipient(&envelope.tpdu)?,
            text: user_data.text().map(str::to_owned),
            data: user_data.data().map(hex),
            place: user_data.concatenation().map(place),
            wants_report: submit.request_report,
            cmgs_ns: self.cmgs_ns,
            prompt_ns: self.prompt_ns,
            pdu_ns,
        })
    }
}

/// A service centre of 12 octets and a TPDU of 164, or 160 characters of four digits, with room to spare; what exceeds
/// it is neither.
const LONGEST_ENTRY: usize = 700;

const BACKSPACE: u8 = 0x08;

/// TP-DA as it stands behind the first octet and TP-MR: semi-octets, type, digits.
fn recipient(tpdu: &[u8]) -> Option<Vec<u8>> {
    let address = tpdu.get(2..)?;
    let octets = 2 + usize::from(*address.first()?).div_ceil(2);
    address.get(..octets).map(<[u8]>::to_vec)
}

fn place(concatenation: pdu_codec::Concatenation) -> Place {
    let (reference, bits) = match concatenation.reference() {
        pdu_codec::Reference::Eight(reference) => (u16::from(reference), 8),
        pdu_codec::Reference::Sixteen(reference) => (reference, 16),
    };
    Place {
        reference,
        bits,
        total: concatenation.total(),
        part: concatenation.part(),
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Submission {
    /// TP-MR as the modem chose it.
    pub(crate) reference: u8,
    /// In upper case: what was typed, or what the modem made of it in text mode.
    pub(crate) pdu: String,
    pub(crate) names_service_centre: bool,
    pub(crate) to: String,
    /// The destination address as it stands in the TPDU, for TP-RA of the report.
    pub(crate) recipient: Vec<u8>,
    pub(crate) text: Option<String>,
    /// User data that is not text, as hex.
    pub(crate) data: Option<String>,
    pub(crate) place: Option<Place>,
    pub(crate) wants_report: bool,
    pub(crate) cmgs_ns: u64,
    pub(crate) prompt_ns: u64,
    pub(crate) pdu_ns: u64,
}
