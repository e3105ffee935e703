//! **Encode**: SMS-DELIVER and SMS-STATUS-REPORT as a service centre writes them.
//!
//! The simulator's own small encoder, apart from `pdu-codec`, so that a mistake of one shows against the other.
//! Everything comes out as upper-case hex with the service centre in front, and the length without it.

use crate::alphabet::{TURKISH, pack, septets, turkish_septets};

/// A PDU as `+CMGR`, `+CMT` and `+CDS` show it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pdu {
    pub(crate) hex: String,
    /// Octets of the TPDU, without the service centre.
    pub(crate) length: usize,
    /// To be shown at once and not to be stored.
    pub(crate) class0: bool,
}

/// What the network has for a modem.
#[derive(Debug)]
pub(crate) enum Parcel {
    Text(Pdu),
    Report(Pdu),
}

/// A text on its way from a handset to a SIM.
#[derive(Debug)]
pub(crate) struct Inbound<'a> {
    pub(crate) service_centre: &'a str,
    pub(crate) from: &'a str,
    pub(crate) content: Content<'a>,
    pub(crate) class: Option<u8>,
    pub(crate) time: Stamp,
    /// The concatenation reference, used when the text needs more than one part.
    pub(crate) reference: u16,
    /// Whether it is written with 16 bits.
    pub(crate) wide: bool,
}

#[derive(Debug)]
pub(crate) enum Content<'a> {
    Text(&'a str),
    /// With the Turkish single shift table, where it holds every character.
    Turkish(&'a str),
    /// 8-bit data.
    Octets(&'a [u8]),
}

/// A moment on a service centre's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) unix_ms: i64,
    /// Quarters of an hour east of Greenwich.
    pub(crate) quarters: i8,
}

/// As many SMS-DELIVER as the text needs; at least one, at most 255.
pub(crate) fn deliver(inbound: &Inbound<'_>) -> Vec<Pdu> {
    let parts = Parts::of(&inbound.content, inbound.wide);
    let total = parts.chunks.len() as u8; // bounded by Parts::of
    let mut pdus = Vec::new();
    for (n, chunk) in (1..=total).zip(&parts.chunks) {
        let mut header = Vec::new();
        if total > 1 {
            let [high, low] = inbound.reference.to_be_bytes();
            match inbound.wide {
                true => header.extend([0x08, 4, high, low, total, n]),
                false => header.extend([0x00, 3, low, total, n]),
            }
        }
        if let Some(language) = parts.language {
            header.extend([0x24, 1, language]); // 23.040 §9.2.3.24.15: single shift table
        }
        if !header.is_empty() {
            header.insert(0, header.len() as u8);
        }
        // MTI 00; bit 2 set: no more messages to send; bit 6: user data header.
        let mut tpdu = vec![if header.is_empty() { 0x04 } else { 0x44 }];
        tpdu.extend(address(inbound.from));
        tpdu.extend([
            0x00,
            parts.dcs | inbound.class.map_or(0, |class| 0x10 | (class & 3)),
        ]);
        tpdu.extend(timestamp(inbound.time));
        tpdu.extend(user_data(parts.dcs, chunk, &header));
        let mut pdu = with_service_centre(inbound.service_centre, &tpdu);
        pdu.class0 = inbound.class == Some(0);
        pdus.push(pdu);
    }
    pdus
}

/// What the network says about one part.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) service_centre: &'a str,
    pub(crate) reference: u8,
    /// The destination exactly as the SUBMIT had it: length, type of address, semi-octets.
    pub(crate) recipient: &'a [u8],
    pub(crate) accepted: Stamp,
    pub(crate) discharged: Stamp,
    pub(crate) status: u8,
}

pub(crate) fn status_report(report: &Report<'_>) -> Pdu {
    // MTI 10; bit 2 set: no more messages to send.
    let mut tpdu = vec![0x06, report.reference];
    tpdu.extend(report.recipient);
    tpdu.extend(timestamp(report.accepted));
    tpdu.extend(timestamp(report.discharged));
    tpdu.push(report.status);
    with_service_centre(report.service_centre, &tpdu)
}

/// A text as a modem in text mode hands it to the network.
#[derive(Debug)]
pub(crate) struct Submit<'a> {
    /// TP-MTI, TP-VPF and the flags.
    pub(crate) first: u8,
    /// Length, type, digits.
    pub(crate) recipient: &'a [u8],
    pub(crate) pid: u8,
    pub(crate) dcs: u8,
    /// There when TP-VPF says "relative".
    pub(crate) validity: u8,
    /// Septets or octets.
    pub(crate) length: u8,
    pub(crate) user_data: &'a [u8],
}

/// As hex, without a service centre: the SIM's own is meant.
pub(crate) fn submit(submit: &Submit<'_>) -> String {
    let mut octets = vec![0x00, submit.first, 0x00];
    octets.extend(submit.recipient);
    octets.extend([submit.pid, submit.dcs]);
    if submit.first & VALIDITY == RELATIVE {
        octets.push(submit.validity);
    }
    octets.push(submit.length);
    octets.extend(submit.user_data);
    hex(&octets)
}

/// TP-VPF (23.040 §9.2.3.3).
pub(crate) const VALIDITY: u8 = 0x18;
pub(crate) const RELATIVE: u8 = 0x10;

/// A text cut to what fits into one user data field each.
struct Parts {
    dcs: u8,
    /// Of the single shift table, when the default alphabet is not enough.
    language: Option<u8>,
    chunks: Vec<Vec<u8>>,
}

const GSM7: u8 = 0x00;
const OCTETS: u8 = 0x04;
const UCS2: u8 = 0x08;

impl Parts {
    fn of(content: &Content<'_>, wide: bool) -> Self {
        let (dcs, language, characters) = match content {
            Content::Octets(octets) => {
                let single = octets.iter().map(|octet| vec![*octet]);
                (OCTETS, None, single.collect())
            }
            Content::Text(text) => in_letters(text, septets(text), None),
            Content::Turkish(text) => in_letters(text, turkish_septets(text), Some(TURKISH)),
        };
        let table = if language.is_some() { 3 } else { 0 };
        let whole = room(dcs, table);
        let each = room(dcs, table + if wide { 6 } else { 5 });
        let length: usize = characters.iter().map(Vec::len).sum();
        let limit = if length <= whole { whole } else { each };
        let mut chunks = vec![Vec::new()];
        for character in characters {
            if chunks[chunks.len() - 1].len() + character.len() > limit {
                if chunks.len() == 255 {
                    break; // no room for more in the header's total
                }
                chunks.push(Vec::new());
            }
            let last = chunks.len() - 1;
            chunks[last].extend(character);
        }
        Self {
            dcs,
            language,
            chunks,
        }
    }
}

/// In septets, if there are septets for it, else as UCS-2.
fn in_letters(
    text: &str,
    septets: Option<Vec<Vec<u8>>>,
    language: Option<u8>,
) -> (u8, Option<u8>, Vec<Vec<u8>>) {
    match septets {
        Some(characters) => (GSM7, language, characters),
        None => (UCS2, None, text.chars().map(utf_16).collect()),
    }
}

/// Septets or octets that fit beside so many octets of header elements.
fn room(dcs: u8, elements: usize) -> usize {
    let header = if elements > 0 { elements + 1 } else { 0 };
    match dcs {
        GSM7 => 160 - (header * 8).div_ceil(7),
        UCS2 => (140 - header) / 2 * 2,
        _ => 140 - header,
    }
}

fn utf_16(character: char) -> Vec<u8> {
    let mut units = [0; 2];
    let units = character.encode_utf16(&mut units);
    units.iter().flat_map(|unit| unit.to_be_bytes()).collect()
}

fn user_data(dcs: u8, chunk: &[u8], header: &[u8]) -> Vec<u8> {
    let (length, text) = match dcs {
        GSM7 => {
            let header_septets = (header.len() * 8).div_ceil(7);
            let fill = header_septets * 7 - header.len() * 8;
            (header_septets + chunk.len(), pack(chunk, fill))
        }
        _ => (header.len() + chunk.len(), chunk.to_vec()),
    };
    let mut octets = vec![length as u8]; // at most 160
    octets.extend(header);
    octets.extend(text);
    octets
}

/// An address field: semi-octets, type, digits; letters as the default alphabet (23.040 §9.1.2.5).
pub(crate) fn address(number: &str) -> Vec<u8> {
    let (kind, digits) = match number.strip_prefix('+') {
        Some(digits) => (0x91, digits),
        None => (0x81, number),
    };
    if !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit()) {
        let digits = &digits[..digits.len().min(LONGEST_ADDRESS)];
        let mut octets = vec![digits.len() as u8, kind];
        octets.extend(semi_octets(digits));
        return octets;
    }
    let mut name = septets(number).unwrap_or_default().concat();
    name.truncate(LONGEST_NAME);
    let packed = pack(&name, 0);
    let mut octets = vec![(name.len() * 7).div_ceil(4) as u8, 0xD0];
    octets.extend(packed);
    octets
}

/// 23.040 §9.1.2.5: ten octets of address.
const LONGEST_ADDRESS: usize = 20;
const LONGEST_NAME: usize = 11;

fn with_service_centre(service_centre: &str, tpdu: &[u8]) -> Pdu {
    let digits = service_centre.trim_start_matches('+');
    let mut octets = Vec::new();
    if digits.is_empty() {
        octets.push(0);
    } else {
        let digits = semi_octets(digits);
        octets.push(digits.len() as u8 + 1);
        octets.push(if service_centre.starts_with('+') {
            0x91
        } else {
            0x81
        });
        octets.extend(digits);
    }
    octets.extend(tpdu);
    Pdu {
        hex: hex(&octets),
        length: tpdu.len(),
        class0: false,
    }
}

fn semi_octets(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let high = pair.get(1).map_or(0xF, |octet| octet - b'0');
            (pair[0] - b'0') | (high << 4)
        })
        .collect()
}

pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect()
}

/// The octets of an even number of hex digits.
pub(crate) fn octets(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    let octets = pairs.map(|pair| match pair {
        [high, low] if pair.iter().all(u8::is_ascii_hexdigit) => {
            let digit = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
            Some(digit(*high) << 4 | digit(*low))
        }
        _ => None,
    });
    octets.collect()
}

/// A service centre time stamp in the network's local time (23.040 §9.2.3.11).
fn timestamp(stamp: Stamp) -> [u8; 7] {
    let local = stamp.unix_ms.div_euclid(1000) + i64::from(stamp.quarters) * 15 * 60;
    let (year, month, day) = civil(local.div_euclid(86_400));
    let second = local.rem_euclid(86_400);
    let fields = [
        year.rem_euclid(100),
        month,
        day,
        second / 3600,
        second / 60 % 60,
        second % 60,
        i64::from(stamp.quarters.unsigned_abs()),
    ];
    let mut octets = fields.map(|field| (field % 10 * 16 + field / 10) as u8);
    if stamp.quarters < 0 {
        octets[6] |= 0x08; // the sign stands before the tens
    }
    octets
}

/// Year, month and day of a number of days since 1 January 1970, in a calendar whose years begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20 01:30:00 UTC, which is 09:30:00 in China.
    const MORNING: i64 = 1_795_138_200_000;

    fn china(unix_ms: i64) -> Stamp {
        let quarters = 32;
        Stamp { unix_ms, quarters }
    }

    fn texts(from: &str, text: &str) -> Vec<Pdu> {
        deliver(&Inbound {
            service_centre: "+447700900000",
            from,
            content: Content::Text(text),
            class: None,
            time: china(MORNING),
            reference: 0x42,
            wide: false,
        })
    }

    #[test]
    fn a_short_text_is_the_pdu_of_the_transcripts() {
        // transcripts/28, with this moment's time stamp.
        assert_eq!(
            texts("+447700900123", "hi"),
            [Pdu {
                hex: "0791447700090000040C9144770009103200006211029003002302E834".into(),
                length: 21,
                class0: false,
            }]
        );
    }

    #[test]
    fn a_report_is_the_pdu_of_transcript_03() {
        let report = status_report(&Report {
            service_centre: "+447700900000",
            reference: 0x40,
            recipient: &[0x0C, 0x91, 0x44, 0x77, 0x00, 0x09, 0x10, 0x32],
            accepted: china(MORNING),
            discharged: china(MORNING + 6000),
            status: 0,
        });
        let expected = concat!(
            "0791447700090000",
            "0640",
            "0C91447700091032",
            "62110290030023",
            "62110290036023",
            "00"
        );
        assert_eq!(report.hex, expected);
        assert_eq!(report.length, 25);
    }

    #[test]
    fn chinese_goes_out_as_ucs2() {
        let pdus = texts("10086", "您好");
        assert_eq!(
            pdus[0].hex,
            concat!(
                "0791447700090000",
                "0405810180F6",
                "0008",
                "62110290030023",
                "04",
                "60A8597D"
            )
        );
    }

    #[test]
    fn a_name_is_an_alphanumeric_address() {
        assert_eq!(address("Bank"), [7, 0xD0, 0xC2, 0xB0, 0x7B, 0x0D]);
    }

    #[test]
    fn a_long_text_is_cut_at_153_septets() {
        let pdus = texts("+1", &"a".repeat(161));
        assert_eq!(pdus.len(), 2);
        assert!(
            pdus[0].hex.contains("A0050003420201"),
            "160 septets, header"
        );
        assert!(
            pdus[1].hex.contains("0F050003420202"),
            "7 + 8 septets, header"
        );
    }

    #[test]
    fn neither_an_escape_nor_a_surrogate_pair_is_torn() {
        let of = |text: String| Parts::of(&Content::Text(&text), false);
        let euros = of(format!("{}€€", "a".repeat(159)));
        assert_eq!(
            euros.chunks.iter().map(Vec::len).collect::<Vec<_>>(),
            [153, 10]
        );
        let escape_at_the_edge = of(format!("{}€{}", "a".repeat(152), "b".repeat(20)));
        assert_eq!(escape_at_the_edge.chunks[0].len(), 152);
        let pair_at_the_edge = of(format!("{}😀{}", "好".repeat(66), "好".repeat(20)));
        assert_eq!(pair_at_the_edge.chunks[0].len(), 132);
    }

    #[test]
    fn the_codec_reads_what_was_written() {
        let long = "Grüße an alle, {€} ".repeat(20);
        let emoji = "验证码😀".repeat(40);
        for text in ["hi", "@", "1234567", "12345678", &long, &emoji] {
            let mut joined = String::new();
            for pdu in texts("+447700900123", text) {
                let envelope = pdu_codec::Envelope::from_hex(&pdu.hex).unwrap();
                assert_eq!(envelope.tpdu.len(), pdu.length);
                assert_eq!(envelope.smsc.unwrap().number(), "+447700900000");
                let deliver = pdu_codec::Deliver::decode(&envelope.tpdu).unwrap();
                assert_eq!(deliver.originator.number(), "+447700900123");
                let time = deliver.service_centre_time.unwrap();
                assert_eq!(time.unix_seconds() * 1000, MORNING);
                assert_eq!(time.quarter_hours(), 32);
                joined.push_str(deliver.user_data.text().unwrap());
            }
            assert_eq!(joined, text);
        }
        let named = &texts("Bank", "x")[0];
        let envelope = pdu_codec::Envelope::from_hex(&named.hex).unwrap();
        let deliver = pdu_codec::Deliver::decode(&envelope.tpdu).unwrap();
        assert_eq!(deliver.originator.number(), "Bank");
    }

    fn decoded(pdu: &Pdu) -> pdu_codec::Deliver {
        let envelope = pdu_codec::Envelope::from_hex(&pdu.hex).unwrap();
        assert_eq!(envelope.tpdu.len(), pdu.length);
        pdu_codec::Deliver::decode(&envelope.tpdu).unwrap()
    }

    #[test]
    fn the_codec_reads_wide_references_data_classes_and_turkish() {
        let whole = Inbound {
            service_centre: "+447700900000",
            from: "+447700900123",
            content: Content::Turkish("ş"),
            class: Some(0),
            time: china(MORNING),
            reference: 0x0201,
            wide: true,
        };
        let pdu = &deliver(&whole)[0];
        assert!(pdu.class0);
        // PID 0, DCS class 0; then 7 septets: the header's, an escape and 0x73.
        assert_eq!(&pdu.hex[34..38], "0010");
        assert!(pdu.hex.ends_with("0703240101D8CC01"), "{}", pdu.hex);

        let long = "ğ".repeat(100);
        let content = Content::Turkish(&long);
        let parts = deliver(&Inbound { content, ..whole });
        let places: Vec<_> = parts
            .iter()
            .map(|pdu| {
                let place = decoded(pdu).user_data.concatenation().unwrap();
                assert_eq!(place.reference(), pdu_codec::Reference::Sixteen(0x0201));
                (place.part(), place.total())
            })
            .collect();
        // Two septets each: 74 in the 148 beside both elements.
        assert_eq!(places, [(1, 2), (2, 2)]);

        let data = Inbound {
            content: Content::Octets(&[0xDE, 0xAD, 0x00]),
            class: None,
            ..whole
        };
        let data = decoded(&deliver(&data)[0]);
        assert_eq!(data.user_data.data(), Some(&[0xDE, 0xAD, 0x00][..]));
    }

    #[test]
    fn a_clock_west_of_greenwich_has_a_sign() {
        let west = Stamp {
            unix_ms: MORNING,
            quarters: -20,
        };
        // 2026-11-19 20:30:00, five hours behind.
        assert_eq!(timestamp(west), [0x62, 0x11, 0x91, 0x02, 0x03, 0x00, 0x0A]);
    }

    #[test]
    fn leap_days_exist() {
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(0), (1970, 1, 1));
    }
}
