//! A message to be sent, read from any octets: each octet decides something, so that a small change stays a small one.

use pdu_codec::{
    Address, AlphabetChoice, Class, EnhancedValidity, Language, MessageReference, NationalTables,
    Ports, Reference, RelativeValidity, Shift, SubmitOptions, Timestamp, Validity,
};

/// What is asked of the codec.
#[derive(Debug)]
pub struct Request {
    pub number: String,
    pub choice: AlphabetChoice,
    pub options: SubmitOptions,
    pub content: Content,
}

#[derive(Debug)]
pub enum Content {
    Text(String),
    Data(Vec<u8>),
}

/// Octets in front of the number's digits.
pub const FIXED: usize = 22;

/// A text or data is repeated up to this length: 255 parts of GSM 7 bit have 39015 characters.
const LONGEST: usize = 60_000;

impl Request {
    /// `None` when there are too few octets to decide everything.
    pub fn read(octets: &[u8]) -> Option<Self> {
        let (fixed, rest) = octets.split_first_chunk::<FIXED>()?;
        let &[
            flags,
            kinds,
            class,
            mr,
            pid,
            language,
            shift,
            repeat,
            digits,
            vp @ ..,
            a,
            b,
            c,
            d,
            e,
            f,
        ] = fixed;
        let reference = if kinds & 0x01 == 0 {
            Reference::Eight(a)
        } else {
            Reference::Sixteen(u16::from_be_bytes([a, b]))
        };
        let ports = match kinds >> 1 & 0x03 {
            0 | 3 => None,
            1 => Some(Ports::Eight {
                destination: c,
                source: d,
            }),
            _ => Some(Ports::Sixteen {
                destination: u16::from_be_bytes([c, d]),
                source: u16::from_be_bytes([e, f]),
            }),
        };
        let options = SubmitOptions {
            request_report: flags & 0x01 != 0,
            reject_duplicates: flags & 0x02 != 0,
            reply_path: flags & 0x04 != 0,
            class: Class::of(class),
            validity: validity(kinds >> 3 & 0x03, vp),
            message_reference: MessageReference(mr),
            protocol_id: pid,
            ports,
            national: national(language, shift),
            reference,
        };
        let choice = match kinds >> 5 & 0x03 {
            0 | 3 => AlphabetChoice::Auto,
            1 => AlphabetChoice::Gsm7,
            _ => AlphabetChoice::Ucs2,
        };
        let digits = usize::from(digits % 21).min(rest.len());
        let (digits, content) = rest.split_at(digits);
        let sign = if flags & 0x08 == 0 { "" } else { "+" };
        let digits = digits.iter().map(|octet| DIGITS[usize::from(octet % 12)]);
        let number = sign.chars().chain(digits.map(char::from)).collect();
        // Most texts are short, so that most runs are; some go beyond what can be sent.
        let times = match repeat {
            0..0xE0 => 1 + usize::from(repeat % 4),
            repeat => usize::from(repeat)
                .min(LONGEST / content.len().max(1))
                .max(1),
        };
        let content = if flags & 0x80 == 0 {
            Content::Text(String::from_utf8_lossy(content).repeat(times))
        } else {
            Content::Data(content.repeat(times))
        };
        Some(Self {
            number,
            choice,
            options,
            content,
        })
    }

    /// The number, when it is one.
    pub fn to(&self) -> Option<Address> {
        Address::parse(&self.number).ok()
    }
}

/// What the digits of a number are drawn from.
pub const DIGITS: &[u8; 12] = b"0123456789*#";

fn validity(kind: u8, octets: [u8; 7]) -> Option<Validity> {
    Some(match kind {
        0 => return None,
        1 => Validity::Relative(RelativeValidity(octets[0])),
        2 => {
            let [year, month, day, hour, minute, second, quarters] = octets;
            let year = 1990 + u16::from(year);
            let quarters = i8::from_ne_bytes([quarters]);
            let until = Timestamp::new(year, month, day, hour, minute, second, quarters)?;
            Validity::Absolute(Ok(until))
        }
        _ => Validity::Enhanced(EnhancedValidity(octets)),
    })
}

fn national(language: u8, shift: u8) -> Option<NationalTables> {
    let shift = match shift % 3 {
        0 => Shift::Single,
        1 => Shift::Locking,
        _ => Shift::Both,
    };
    NationalTables::new(Language::of(language)?, shift)
}
