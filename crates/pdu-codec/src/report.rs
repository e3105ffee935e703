//! SMS-DELIVER-REPORT and SMS-SUBMIT-REPORT: what answers a deliver or a submit (23.040 §9.2.2.1a, §9.2.2.2a).
//!
//! We write the first, in `AT+CNMA=1,<length>`; we read the second, behind the reference in `+CMGS: <mr>,<ackpdu>`.
//! Each has two forms, for "taken" and for "refused", and which of the two it is stands in the layer below
//! (RP-ACK, RP-ERROR), not in the octets: so the reader has to be told.
//!
//! Not here: what the failure cause means for the message; that is the gateway's table.

use alloc::vec::Vec;

use crate::dcs::DataCoding;
use crate::error::{DecodeError, Malformed};
use crate::reader::Reader;
use crate::timestamp::{self, InvalidTimestamp, Timestamp};
use crate::tpdu::MTI;
use crate::user_data::{HeaderIndicator, UserData};

/// TP-Failure-Cause: why a message was refused (23.040 §9.2.3.22). 80 to FF; below that it is reserved.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FailureCause(pub u8);

impl FailureCause {
    /// The memory for messages is full: the service centre tries again when the SIM says that there is room.
    pub const MEMORY_CAPACITY_EXCEEDED: Self = Self(0xD3);
    /// Nothing more is said.
    pub const UNSPECIFIED: Self = Self(0xFF);
}

/// Which of the two forms a report has.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Verdict {
    /// RP-ACK: the message was taken.
    Taken,
    /// RP-ERROR: it was refused, and the report says why.
    Refused,
}

/// What both reports may carry besides (23.040 §9.2.3.27, TP-Parameter-Indicator).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Parameters {
    /// TP-PID.
    pub protocol_id: Option<u8>,
    /// TP-DCS; where there is user data and no scheme, the data is read as GSM 7 bit.
    pub data_coding: Option<DataCoding>,
    /// TP-UD.
    pub user_data: Option<UserData>,
}

/// Our answer to a deliver or a status report.
///
/// ```
/// use pdu_codec::{DeliverReport, FailureCause, Parameters, Verdict};
///
/// let taken = DeliverReport::default();
/// assert_eq!(taken.encode(), [0x00, 0x00]);
/// let full = DeliverReport {
///     failure_cause: Some(FailureCause::MEMORY_CAPACITY_EXCEEDED),
///     parameters: Parameters::default(),
/// };
/// assert_eq!(full.encode(), [0x00, 0xD3, 0x00]);
/// assert_eq!(DeliverReport::decode(&[0x00, 0xD3, 0x00], Verdict::Refused), Ok(full));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DeliverReport {
    /// TP-FCS: `None` says that the message was taken.
    pub failure_cause: Option<FailureCause>,
    /// What is said besides.
    pub parameters: Parameters,
}

/// The service centre's answer to a submit.
///
/// ```
/// use pdu_codec::{SubmitReport, Verdict, octets_from_hex};
///
/// let octets = octets_from_hex("010011107091739100").unwrap();
/// let report = SubmitReport::decode(&octets, Verdict::Taken).unwrap();
/// assert_eq!(report.service_centre_time.unwrap().to_string(), "2011-01-07T19:37:19+00:00");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SubmitReport {
    /// TP-FCS: `None` says that the message was taken.
    pub failure_cause: Option<FailureCause>,
    /// TP-SCTS: when the service centre took or refused it.
    pub service_centre_time: Result<Timestamp, InvalidTimestamp>,
    /// What is said besides.
    pub parameters: Parameters,
}

impl DeliverReport {
    pub(crate) const MTI: u8 = 0;

    /// Reads a report of the form that `verdict` names.
    ///
    /// # Errors
    /// A field that is not there, by its name and octet; another message type.
    pub fn decode(octets: &[u8], verdict: Verdict) -> Result<Self, DecodeError> {
        let read = |reader: &mut Reader<'_>| {
            let first = first_octet(reader, Self::MTI)?;
            let failure_cause = verdict.failure_cause(reader)?;
            let indicator = parameter_indicator(reader)?;
            let parameters = Parameters::read(reader, indicator, first)?;
            Ok(Self {
                failure_cause,
                parameters,
            })
        };
        read(&mut Reader::new(octets)).map_err(|error: DecodeError| error.within("deliver_report"))
    }

    /// The octets of the TPDU; its form follows from the failure cause.
    pub fn encode(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        self.parameters
            .write_front(Self::MTI, self.failure_cause, &mut octets);
        self.parameters.write(&mut octets);
        octets
    }
}

impl SubmitReport {
    pub(crate) const MTI: u8 = 1;

    /// Reads a report of the form that `verdict` names.
    ///
    /// # Errors
    /// A field that is not there, by its name and octet; another message type.
    pub fn decode(octets: &[u8], verdict: Verdict) -> Result<Self, DecodeError> {
        let read = |reader: &mut Reader<'_>| {
            let first = first_octet(reader, Self::MTI)?;
            let failure_cause = verdict.failure_cause(reader)?;
            let indicator = parameter_indicator(reader)?;
            let service_centre_time = Timestamp::decode(reader.array("scts")?);
            let parameters = Parameters::read(reader, indicator, first)?;
            Ok(Self {
                failure_cause,
                service_centre_time,
                parameters,
            })
        };
        read(&mut Reader::new(octets)).map_err(|error: DecodeError| error.within("submit_report"))
    }

    /// The octets of the TPDU; its form follows from the failure cause.
    pub fn encode(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        self.parameters
            .write_front(Self::MTI, self.failure_cause, &mut octets);
        timestamp::write(self.service_centre_time, &mut octets);
        self.parameters.write(&mut octets);
        octets
    }
}

impl Verdict {
    fn failure_cause(self, reader: &mut Reader<'_>) -> Result<Option<FailureCause>, DecodeError> {
        match self {
            Self::Taken => Ok(None),
            Self::Refused => Ok(Some(FailureCause(reader.octet("fcs")?))),
        }
    }
}

// 23.040 §9.2.3.27.
const PROTOCOL_ID: u8 = 0x01;
const DATA_CODING: u8 = 0x02;
const USER_DATA: u8 = 0x04;
const MORE: u8 = 0x80;

impl Parameters {
    fn read(reader: &mut Reader<'_>, indicator: u8, first: u8) -> Result<Self, DecodeError> {
        let there = |bit: u8| indicator & bit != 0;
        let protocol_id = there(PROTOCOL_ID)
            .then(|| reader.octet("pid"))
            .transpose()?;
        let data_coding = there(DATA_CODING)
            .then(|| reader.octet("dcs").map(DataCoding))
            .transpose()?;
        let coding = data_coding.unwrap_or_default();
        let user_data = there(USER_DATA)
            .then(|| UserData::read(reader, coding, HeaderIndicator::of(first)))
            .transpose()?;
        Ok(Self {
            protocol_id,
            data_coding,
            user_data,
        })
    }

    /// First octet, failure cause, parameter indicator.
    fn write_front(&self, mti: u8, failure_cause: Option<FailureCause>, octets: &mut Vec<u8>) {
        let header = self.user_data.as_ref().and_then(UserData::header);
        octets.push(mti | header.map_or(0, |_| HeaderIndicator::BIT));
        octets.extend(failure_cause.map(|cause| cause.0));
        let bit = |there: bool, bit: u8| if there { bit } else { 0 };
        octets.push(
            bit(self.protocol_id.is_some(), PROTOCOL_ID)
                | bit(self.data_coding.is_some(), DATA_CODING)
                | bit(self.user_data.is_some(), USER_DATA),
        );
    }

    fn write(&self, octets: &mut Vec<u8>) {
        octets.extend(self.protocol_id);
        octets.extend(self.data_coding.map(|coding| coding.0));
        if let Some(user_data) = &self.user_data {
            user_data.write(octets);
        }
    }
}

fn first_octet(reader: &mut Reader<'_>, wanted: u8) -> Result<u8, DecodeError> {
    let first = reader.octet("first")?;
    let mti = first & MTI;
    if mti == wanted {
        return Ok(first);
    }
    Err(DecodeError::new(
        "mti",
        0,
        Malformed::OtherMessageType { mti },
    ))
}

/// Bit 7 promises another octet; what those say is not known, and their parameters would follow the known ones.
fn parameter_indicator(reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
    let first = reader.octet("pi")?;
    let mut last = first;
    while last & MORE != 0 {
        last = reader.octet("pi")?;
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_report_says_taken_or_refused_and_why() {
        let table: [(&[u8], Verdict, Option<u8>); 3] = [
            (&[0x00, 0x00], Verdict::Taken, None),
            (&[0x00, 0xD3, 0x00], Verdict::Refused, Some(0xD3)),
            (&[0x00, 0xFF, 0x00], Verdict::Refused, Some(0xFF)),
        ];
        for (octets, verdict, cause) in table {
            let report = DeliverReport::decode(octets, verdict).unwrap();
            assert_eq!(report.failure_cause, cause.map(FailureCause));
            assert_eq!(report.parameters, Parameters::default());
            assert_eq!(report.encode(), octets);
        }
    }

    #[test]
    fn a_report_may_carry_a_text_with_a_header() {
        // PID 7F, DCS 04 and three octets behind a header of one element.
        let octets = [
            0x41, 0xC0, 0x07, 0x11, 0x10, 0x70, 0x91, 0x73, 0x91, 0x00, 0x7F, 0x04, 0x06, 0x02,
            0x70, 0x00, 0xCA, 0xFE, 0x01,
        ];
        let report = SubmitReport::decode(&octets, Verdict::Refused).unwrap();
        assert_eq!(report.failure_cause, Some(FailureCause(0xC0)));
        let time = report.service_centre_time.unwrap();
        assert_eq!(time.to_string(), "2011-01-07T19:37:19+00:00");
        assert_eq!(report.parameters.protocol_id, Some(0x7F));
        let user_data = report.parameters.user_data.as_ref().unwrap();
        assert_eq!(user_data.data(), Some(&[0xCA, 0xFE, 0x01][..]));
        assert_eq!(user_data.header().unwrap().elements()[0].iei, 0x70);
        assert_eq!(report.encode(), octets);
    }

    #[test]
    fn a_text_without_a_scheme_is_gsm_7_bit() {
        let octets = [0x00, 0x04, 0x02, 0xF4, 0x32];
        let report = DeliverReport::decode(&octets, Verdict::Taken).unwrap();
        assert_eq!(report.parameters.data_coding, None);
        assert_eq!(
            report.parameters.user_data.as_ref().unwrap().text(),
            Some("te")
        );
        assert_eq!(report.encode(), octets);
    }

    #[test]
    fn parameters_that_are_not_known_are_promised_by_further_octets() {
        let octets = [0x00, 0x81, 0x80, 0x10, 0x41, 0xEE];
        let report = DeliverReport::decode(&octets, Verdict::Taken).unwrap();
        assert_eq!(report.parameters.protocol_id, Some(0x41));
    }

    #[test]
    fn a_stamp_that_is_none_does_not_lose_the_report() {
        let octets = [0x01, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        let report = SubmitReport::decode(&octets, Verdict::Taken).unwrap();
        assert_eq!(report.service_centre_time, Err(InvalidTimestamp([0xFF; 7])));
        assert_eq!(report.encode(), octets);
    }

    #[test]
    fn a_shortage_is_named_by_field_and_octet() {
        let refused = |octets: &[u8]| {
            let error = DeliverReport::decode(octets, Verdict::Refused).unwrap_err();
            error.to_string()
        };
        let table: [(&[u8], &str); 7] = [
            (
                &[],
                "deliver_report.first at octet 0: 1 octet wanted, 0 octets left",
            ),
            (
                &[0x00],
                "deliver_report.fcs at octet 1: 1 octet wanted, 0 octets left",
            ),
            (
                &[0x00, 0xD3],
                "deliver_report.pi at octet 2: 1 octet wanted, 0 octets left",
            ),
            (
                &[0x00, 0xD3, 0x80],
                "deliver_report.pi at octet 3: 1 octet wanted, 0 octets left",
            ),
            (
                &[0x00, 0xD3, 0x01],
                "deliver_report.pid at octet 3: 1 octet wanted, 0 octets left",
            ),
            (
                &[0x00, 0xD3, 0x02],
                "deliver_report.dcs at octet 3: 1 octet wanted, 0 octets left",
            ),
            (
                &[0x01],
                "deliver_report.mti at octet 0: message type 1 is another one",
            ),
        ];
        for (octets, message) in table {
            assert_eq!(refused(octets), message);
        }
        let error = SubmitReport::decode(&[0x01, 0x00, 0x11], Verdict::Taken).unwrap_err();
        assert_eq!(
            error.to_string(),
            "submit_report.scts at octet 2: 7 octets wanted, 1 octet left"
        );
        let error = SubmitReport::decode(&[0x00], Verdict::Taken).unwrap_err();
        assert_eq!(
            error.to_string(),
            "submit_report.mti at octet 0: message type 0 is another one"
        );
    }
}
