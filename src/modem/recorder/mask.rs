//! Takes out of a line whatever concerns a person, and leaves its form: lengths, separators, what a parser looks at.
//!
//! A masked recording can be played again: digits become `0`, letters of names `x`, the fields of a TPDU that hold
//! a number or a text zeros of the same length.

use std::fmt::Write;

/// One burst of octets, as a transcript writes it.
pub(in crate::modem) fn masked(octets: &[u8]) -> String {
    let text: String = octets.iter().map(|octet| char::from(*octet)).collect();
    let core = text.trim_matches(|c: char| c.is_ascii_control());
    let masked = match core.is_empty() {
        true => text,
        false => text.replacen(core, &masked_line(core), 1),
    };
    escaped(&masked)
}

/// One line of a text: nothing of it but its length.
pub(super) fn veiled(octets: &[u8]) -> String {
    let keeps = |c: &char| c.is_ascii_control() || *c == '"';
    let text: String = octets
        .iter()
        .map(|octet| char::from(*octet))
        .map(|c| if keeps(&c) { c } else { veil(c) })
        .collect();
    escaped(&text)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\r' => escaped.push_str("\\r"),
            '\n' => escaped.push_str("\\n"),
            '\\' => escaped.push_str("\\\\"),
            ' '..='~' => escaped.push(character),
            other => {
                let _ = write!(escaped, "\\x{:02X}", u32::from(other));
            }
        }
    }
    if escaped.ends_with(' ') {
        escaped.pop();
        escaped.push_str("\\x20");
    }
    escaped
}

/// Lines whose quoted words are names, numbers or texts.
const PERSONAL: [&str; 9] = [
    "+CMT:", "+CMGL:", "+CMGR:", "+CNUM:", "+CLIP:", "+CUSD", "+CPIN=", "+CPBR:", "+CCWA:",
];
/// An IMSI has 14 digits at least, a TPDU more octets.
const SHORTEST_HEX: usize = 14;

fn masked_line(line: &str) -> String {
    if line.len() >= SHORTEST_HEX && line.bytes().all(|octet| octet.is_ascii_hexdigit()) {
        return match line.bytes().all(|octet| octet.is_ascii_digit()) && line.len() <= 20 {
            // IMEI, IMSI, ICCID.
            true => masked_digits(line),
            false => masked_pdu(line),
        };
    }
    let upper = line.to_ascii_uppercase();
    if PERSONAL.iter().any(|prefix| upper.contains(prefix)) && !upper.contains("+CPIN:") {
        return masked_fields(line);
    }
    let is_free_text = line.starts_with(|c: char| !"+^*%#$&!".contains(c)) && line.contains(' ');
    match is_free_text && !upper.starts_with("AT") {
        true => masked_runs(line, 4),
        false => masked_runs(line, 7),
    }
}

/// Every digit and letter of every quoted word, and every unquoted word of letters and digits that is no number of
/// few digits.
fn masked_fields(line: &str) -> String {
    let begins = line.find([':', '=']).map_or(0, |at| at + 1);
    let (head, fields) = line.split_at(begins);
    let mut masked = head.to_owned();
    for (at, piece) in fields.split('"').enumerate() {
        if at > 0 {
            masked.push('"');
        }
        match at % 2 {
            1 => masked.extend(piece.chars().map(veil)),
            _ => masked.push_str(&masked_runs(piece, 4)),
        }
    }
    masked
}

fn veil(character: char) -> char {
    match character {
        '+' | ',' | ' ' | '*' | '#' => character,
        digit if digit.is_ascii_digit() => '0',
        _ => 'x',
    }
}

/// Runs of at least `shortest` digits keep the first three.
fn masked_runs(text: &str, shortest: usize) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let length = from
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(from.len());
        let (run, after) = from.split_at(length);
        masked.push_str(before);
        match length >= shortest {
            true => masked.push_str(&zeroed_behind(run, 3)),
            false => masked.push_str(run),
        }
        rest = after;
    }
    masked + rest
}

/// The maker's part of an IMEI, the operator's of an IMSI, the issuer's of an ICCID.
fn masked_digits(digits: &str) -> String {
    zeroed_behind(digits, 6)
}

fn zeroed_behind(digits: &str, shown: usize) -> String {
    let shown = shown.min(digits.len());
    format!("{}{}", &digits[..shown], "0".repeat(digits.len() - shown))
}

/// Address digits and user data become zeros; what cannot be read as a TPDU becomes zeros altogether.
fn masked_pdu(hex: &str) -> String {
    let octets: Option<Vec<u8>> = (0..hex.len() / 2)
        .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok())
        .collect();
    let masked = octets
        .filter(|_| hex.len().is_multiple_of(2))
        .and_then(Tpdu::masked);
    let Some(octets) = masked else {
        return "0".repeat(hex.len());
    };
    octets
        .iter()
        .fold(String::with_capacity(hex.len()), |mut text, octet| {
            let _ = write!(text, "{octet:02X}");
            text
        })
}

/// A walk along the fields of a TPDU.
struct Tpdu {
    octets: Vec<u8>,
    at: usize,
}

impl Tpdu {
    /// 23.040 §9.2.2; the service centre stands before it and is shown.
    fn masked(octets: Vec<u8>) -> Option<Vec<u8>> {
        let centre = usize::from(*octets.first()?);
        let mut walk = Self {
            octets,
            at: 1 + centre,
        };
        let first = walk.take(1)?;
        let has_header = first & 0x40 != 0;
        match first & 0x03 {
            // SMS-DELIVER: address, PID, DCS, time stamp.
            0 => {
                walk.address()?;
                walk.take(9)?;
                walk.text(has_header)?;
            }
            // SMS-SUBMIT: reference, address, PID, DCS, validity.
            1 => {
                walk.take(1)?;
                walk.address()?;
                walk.take(2)?;
                let validity = match first >> 3 & 0x03 {
                    0 => 0,
                    2 => 1,
                    _ => 7,
                };
                walk.skip(validity)?;
                walk.text(has_header)?;
            }
            // SMS-STATUS-REPORT: reference, address, two time stamps, status.
            2 => {
                walk.take(1)?;
                walk.address()?;
            }
            _ => return None,
        }
        Some(walk.octets)
    }

    /// Steps over `count` octets and returns the first of them.
    fn take(&mut self, count: usize) -> Option<u8> {
        let first = *self.octets.get(self.at)?;
        self.skip(count)?;
        Some(first)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at += count;
        (self.at <= self.octets.len()).then_some(())
    }

    fn address(&mut self) -> Option<()> {
        let digits = usize::from(self.take(2)?);
        let end = self.at + digits.div_ceil(2);
        let fields = self.octets.get_mut(self.at..end)?;
        let filler = fields.last().is_some_and(|last| last >> 4 == 0x0F);
        fields.fill(0);
        if let Some(last) = fields.last_mut().filter(|_| filler) {
            *last = 0xF0;
        }
        self.at = end;
        Some(())
    }

    fn text(&mut self, has_header: bool) -> Option<()> {
        self.take(1)?;
        let header = match has_header {
            true => 1 + usize::from(*self.octets.get(self.at)?),
            false => 0,
        };
        self.octets.get_mut(self.at + header..)?.fill(0);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_a_person_is_gone_and_the_form_is_left() {
        for (said, shown) in [
            ("AT+CPIN=\"1234\"\r", "AT+CPIN=\"0000\"\\r"),
            ("\r\n+CPIN: SIM PIN\r\n", "\\r\\n+CPIN: SIM PIN\\r\\n"),
            ("\r\n490154203237518\r\n", "\\r\\n490154000000000\\r\\n"),
            (
                "\r\n+ICCID: 8944110068256270054F\r\n",
                "\\r\\n+ICCID: 8940000000000000000F\\r\\n",
            ),
            (
                "+CNUM: \"Bob Smith\",\"+447700900123\",145",
                "+CNUM: \"xxx xxxxx\",\"+000000000000\",145",
            ),
            (
                "+CSCA: \"+447700900000\",145",
                "+CSCA: \"+447000000000\",145",
            ),
            (
                "+CUSD: 0,\"Balance 12.34, code 4711\",15",
                "+CUSD: 0,\"xxxxxxx 00x00, xxxx 0000\",15",
            ),
            ("+CMGL: 1,0,\"Alice\",22", "+CMGL: 1,0,\"xxxxx\",22"),
            ("+CMT: ,24", "+CMT: ,24"),
            (
                "+CLIP: \"+447700900123\",145",
                "+CLIP: \"+000000000000\",145",
            ),
            ("Your code is 471123", "Your code is 471000"),
            (
                "+CREG: 2,1,\"8BE3\",\"2BAF\"",
                "+CREG: 2,1,\"8BE3\",\"2BAF\"",
            ),
            ("AT+CMGS=153\r", "AT+CMGS=153\\r"),
            (
                "\r\n+CPMS: 0,50,0,50,0,50\r\n",
                "\\r\\n+CPMS: 0,50,0,50,0,50\\r\\n",
            ),
            ("SIMCOM_SIM800L", "SIMCOM_SIM800L"),
        ] {
            assert_eq!(masked(said.as_bytes()), shown, "{said}");
        }
    }

    #[test]
    fn a_tpdu_keeps_its_fields_and_loses_number_and_text() {
        for (said, shown) in [
            // SUBMIT
            (
                "0001000C91447700091032000005E8329BFD06\x1a",
                "0001000C910000000000000000050000000000\\x1A".to_owned(),
            ),
            // DELIVER
            (
                "0791447700090000040C9144770009103200006211029003000002E834",
                "0791447700090000040C91000000000000000062110290030000020000".to_owned(),
            ),
            // STATUS-REPORT
            (
                "079144770009000006400C91447700091032621102900300006211029003600000",
                "079144770009000006400C91000000000000621102900300006211029003600000".to_owned(),
            ),
            // With a header: reference and numbers of the parts are shown.
            (
                "0041000C9144770009103200000A0500032A0202CA6E32",
                "0041000C9100000000000000000A0500032A0202000000".to_owned(),
            ),
        ] {
            assert_eq!(masked(said.as_bytes()), shown, "{said}");
        }
        assert_eq!(masked(b"FFFFFFFFFFFFFFFFFFFF"), "00000000000000000000");
        assert_eq!(masked(b"0F91447700090000040C91"), "0000000000000000000000");
    }
}
