//! The options of `encode` and `segment`, from JSON to the codec's own.

use pdu_codec::{
    Address, AlphabetChoice, Class, Language, MessageReference, NationalTables, Ports, Reference,
    RelativeValidity, Shift, SubmitOptions, Timestamp, Validity,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::Failure;

/// What a request may say; `null` is as good as nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Options {
    smsc: Option<String>,
    alphabet: Option<String>,
    class: Option<u64>,
    request_report: Option<bool>,
    reject_duplicates: Option<bool>,
    reply_path: Option<bool>,
    validity_minutes: Option<u64>,
    validity_until: Option<String>,
    mr: Option<u64>,
    pid: Option<u64>,
    #[serde(rename = "ref")]
    reference: Option<u64>,
    ref_bits: Option<u64>,
    ports: Option<GivenPorts>,
    lang: Option<String>,
    shift: Option<String>,
}

#[derive(Debug, Deserialize)]
struct GivenPorts {
    dst: u16,
    src: u16,
}

impl Options {
    pub(super) fn read(given: Option<&RawValue>) -> Result<Self, Failure> {
        let Some(given) = given else {
            return Ok(Self::default());
        };
        serde_json::from_str::<Option<Self>>(given.get())
            .map(Option::unwrap_or_default)
            .map_err(|error| Failure::new(format!("options: {error}")))
    }

    pub(super) fn alphabet(&self) -> Result<AlphabetChoice, Failure> {
        match self.alphabet.as_deref() {
            None | Some("auto") => Ok(AlphabetChoice::Auto),
            Some("gsm7") => Ok(AlphabetChoice::Gsm7),
            Some("ucs2") => Ok(AlphabetChoice::Ucs2),
            Some(_) => Err(Failure::new("options.alphabet must be auto, gsm7 or ucs2")),
        }
    }

    pub(super) fn service_centre(&self) -> Result<Option<Address>, Failure> {
        let smsc = self.smsc.as_deref().map(Address::parse).transpose();
        smsc.map_err(|error| Failure::new(format!("options.smsc: {error}")))
    }

    pub(super) fn submit(&self) -> Result<SubmitOptions, Failure> {
        Ok(SubmitOptions {
            request_report: self.request_report.unwrap_or_default(),
            reject_duplicates: self.reject_duplicates.unwrap_or_default(),
            reply_path: self.reply_path.unwrap_or_default(),
            class: self.class()?,
            validity: self.validity()?,
            message_reference: MessageReference(octet("mr", self.mr)?),
            protocol_id: octet("pid", self.pid)?,
            ports: self.ports.as_ref().map(|ports| Ports::Sixteen {
                destination: ports.dst,
                source: ports.src,
            }),
            reference: self.reference()?,
            ..self.segmenting()?
        })
    }

    /// What decides where a text is cut, ports aside.
    pub(super) fn segmenting(&self) -> Result<SubmitOptions, Failure> {
        let reference = match self.ref_bits {
            None | Some(8) => Reference::Eight(0),
            Some(16) => Reference::Sixteen(0),
            Some(_) => return Err(Failure::new("options.ref_bits must be 8 or 16")),
        };
        Ok(SubmitOptions {
            reference,
            national: self.national()?,
            ..SubmitOptions::default()
        })
    }

    fn class(&self) -> Result<Option<Class>, Failure> {
        let Some(class) = self.class else {
            return Ok(None);
        };
        let class = u8::try_from(class).ok().and_then(Class::of);
        class
            .map(Some)
            .ok_or_else(|| Failure::new("options.class must be 0 to 3"))
    }

    fn reference(&self) -> Result<Reference, Failure> {
        let value = self.reference.unwrap_or_default();
        match self.ref_bits {
            Some(16) => u16::try_from(value)
                .map(Reference::Sixteen)
                .map_err(|_| Failure::new("options.ref must be 0 to 65535")),
            // Another width is refused where the room of a part is taken from it.
            _ => octet("ref", Some(value)).map(Reference::Eight),
        }
    }

    fn validity(&self) -> Result<Option<Validity>, Failure> {
        let until = |until: &str| {
            Timestamp::parse(until).ok_or_else(|| {
                Failure::new(
                    "options.validity_until must be a time such as 2030-01-31T12:00:00+01:00",
                )
            })
        };
        match (self.validity_minutes, self.validity_until.as_deref()) {
            (None, None) => Ok(None),
            (None, Some(given)) => Ok(Some(Validity::Absolute(Ok(until(given)?)))),
            (Some(minutes @ 1..=LONGEST_VALIDITY), None) => {
                let minutes = u32::try_from(minutes).unwrap_or(u32::MAX);
                Ok(Some(Validity::Relative(RelativeValidity::at_least(
                    minutes,
                ))))
            }
            (Some(_), None) => Err(Failure::new(
                "options.validity_minutes must be 1 to 635040, which are 63 weeks",
            )),
            (Some(_), Some(_)) => Err(Failure::new(
                "options.validity_minutes or options.validity_until, not both",
            )),
        }
    }

    fn national(&self) -> Result<Option<NationalTables>, Failure> {
        let shift = match self.shift.as_deref() {
            None | Some("single") => Shift::Single,
            Some("locking") => Shift::Locking,
            Some("both") => Shift::Both,
            Some(_) => {
                return Err(Failure::new(
                    "options.shift must be single, locking or both",
                ));
            }
        };
        let language = match self.lang.as_deref() {
            None => return Ok(None),
            Some("tr") => Language::Turkish,
            Some("es") => Language::Spanish,
            Some("pt") => Language::Portuguese,
            Some(_) => return Err(Failure::new("options.lang must be tr, es or pt")),
        };
        NationalTables::new(language, shift)
            .map(Some)
            .ok_or_else(Failure::unsupported)
    }
}

/// 63 weeks, the longest that TP-VP can hold.
const LONGEST_VALIDITY: u64 = 63 * 7 * 24 * 60;

fn octet(name: &str, given: Option<u64>) -> Result<u8, Failure> {
    u8::try_from(given.unwrap_or_default())
        .map_err(|_| Failure::new(format!("options.{name} must be 0 to 255")))
}
