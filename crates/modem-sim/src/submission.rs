//! **Submission**: a text on its way from the prompt to the network, and what its SMS-SUBMIT says.
//!
//! The one place where `pdu-codec` is used: reading, for the ledger and for the handset.

use crate::encode::hex;
use crate::handset::Place;

/// What a host types between the prompt and Ctrl-Z.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Octets of the TPDU as `+CMGS` announced them.
    length: usize,
    hex: String,
    spoiled: bool,
    cmgs_ns: u64,
    pub(crate) prompt_ns: u64,
}

impl Entry {
    pub(crate) fn new(length: usize, cmgs_ns: u64) -> Self {
        Self {
            length,
            hex: String::new(),
            spoiled: false,
            cmgs_ns,
            prompt_ns: cmgs_ns,
        }
    }

    pub(crate) fn type_in(&mut self, octet: u8) {
        match octet {
            b'\r' | b'\n' => {}
            _ if octet.is_ascii_hexdigit() && self.hex.len() < LONGEST_PDU => {
                self.hex.push(char::from(octet.to_ascii_uppercase()));
            }
            _ => self.spoiled = true,
        }
    }

    /// `None` when it is no SMS-SUBMIT of the announced length.
    pub(crate) fn read(&self, reference: u8, pdu_ns: u64) -> Option<Submission> {
        if self.spoiled {
            return None;
        }
        let envelope = pdu_codec::Envelope::from_hex(&self.hex).ok()?;
        if envelope.tpdu.len() != self.length {
            return None;
        }
        let submit = pdu_codec::Submit::decode(&envelope.tpdu).ok()?;
        let user_data = submit.user_data();
        Some(Submission {
            reference,
            pdu: self.hex.clone(),
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

/// A service centre of 12 octets and a TPDU of 164, with room to spare; what exceeds it is no PDU.
const LONGEST_PDU: usize = 512;

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
    /// What was typed, in upper case.
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
