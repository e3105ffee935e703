//! A part as the octets that go into the prompt.

use std::fmt;

use pdu_codec::{
    Address, Class, EncodeError, Envelope, RelativeValidity, Submit as Tpdu, SubmitOptions,
    Validity,
};

use super::Submit;
use crate::domain::{Blame, Setback};

/// SMS-SUBMIT in hexadecimal, with the empty service centre prefix: the modem uses its own (`+CSCA`).
#[derive(Clone, PartialEq)]
pub(super) struct Encoded {
    pub(super) hex: String,
    /// What `AT+CMGS=` wants: the octets without the prefix.
    pub(super) octets: usize,
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹PDU of {} octets›", self.octets)
    }
}

/// Encodes one part of a message.
///
/// # Errors
/// A text or number that dispatch should not have let through; it is refused like by a network.
pub(super) fn encode(submit: &Submit) -> Result<Encoded, Setback> {
    let refused = |code, detail: &str| Setback {
        blame: Blame::Message,
        code,
        detail: detail.to_owned(),
        wait: None,
    };
    let to = Address::parse(submit.to.as_str())
        .map_err(|_| refused("invalid_destination", "the number has no form for a PDU"))?;
    let parts = Tpdu::texts(
        &to,
        &submit.body.on_air(),
        submit.encoding.choice(),
        &options(submit),
    )
    .map_err(|error| match error {
        EncodeError::TooManyParts { .. } => refused("too_long", "the text has too many parts"),
        _ => refused("not_encodable", "the text does not fit its alphabet"),
    })?;
    let tpdu = usize::from(submit.part.0)
        .checked_sub(1)
        .and_then(|index| parts.get(index))
        .ok_or_else(|| refused("incomplete", "the text has no part of this number"))?;
    let envelope = Envelope::new(None, tpdu.encode());
    Ok(Encoded {
        hex: envelope.to_hex(),
        octets: envelope.cmgs_length(),
    })
}

fn options(submit: &Submit) -> SubmitOptions {
    let minutes = submit.validity.as_secs().div_ceil(60);
    let validity = RelativeValidity::at_least(u32::try_from(minutes).unwrap_or(u32::MAX));
    SubmitOptions {
        request_report: submit.request_report,
        class: submit.flash.then_some(Class::Zero),
        validity: Some(Validity::Relative(validity)),
        reference: submit.reference,
        ..SubmitOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pdu_codec::Reference;

    use super::*;
    use crate::domain::{Body, Destination, Encoding, PartNumber};
    use crate::modem::Ticket;

    fn submit(text: &str) -> Submit {
        Submit {
            ticket: Ticket(1),
            to: Destination::stored("+447700900123").unwrap(),
            body: Body::parse(text).unwrap(),
            encoding: Encoding::Auto,
            part: PartNumber(1),
            reference: Reference::Eight(0x2A),
            request_report: true,
            validity: Duration::from_secs(24 * 3600),
            flash: false,
            made_of: None,
            message: crate::domain::MessageSeq(1),
        }
    }

    #[test]
    fn a_part_is_a_submit_with_an_empty_service_centre() {
        // 21: SUBMIT, relative validity, report asked; A7: 24 hours; E8329BFD06: "hello".
        let encoded = encode(&submit("hello")).unwrap();
        assert_eq!(encoded.hex, "0031000C914477000910320000A705E8329BFD06");
        assert_eq!(encoded.octets, 19);
    }

    #[test]
    fn each_part_of_a_long_text_has_its_own_octets() {
        let mut long = submit(&"x".repeat(200));
        let first = encode(&long).unwrap();
        long.part = PartNumber(2);
        let second = encode(&long).unwrap();
        assert!(first.hex.contains("0500032A0201"), "{}", first.hex);
        assert!(second.hex.contains("0500032A0202"), "{}", second.hex);
    }

    #[test]
    fn a_part_that_does_not_exist_is_refused() {
        for part in [0, 2] {
            let mut submit = submit("hello");
            submit.part = PartNumber(part);
            assert_eq!(encode(&submit).unwrap_err().code, "incomplete");
        }
    }

    #[test]
    fn a_pdu_does_not_show_itself_in_a_log() {
        let encoded = encode(&submit("hello")).unwrap();
        assert_eq!(format!("{encoded:?}"), "‹PDU of 19 octets›");
    }
}
